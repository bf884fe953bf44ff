import { assert, inPage, until } from '../harness.mjs';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** Two employees of the demo company. */
async function staff(one) {
  const { body } = await inPage(one, 'POST', '/v1/Employees/Enquiry', { pageLength: 200, orderBy: 1 });
  const all = body.data.value.filter((person) => person.isActive);
  return all.filter((person, place) => all.findIndex((other) => other.fullname === person.fullname) === place);
}

async function made(one, path, body) {
  const answer = await inPage(one, 'POST', path, body);
  assert(answer.status < 300, `${path}: ${JSON.stringify(answer.body)}`);
  return answer.body.data;
}

/** A task of a customer, in somebody's charge. */
async function task(one, code, subject, who) {
  return (await made(one, '/v1/task', { subject, customerCode: code, assignedToUserId: who.staffCode, dateDue: '2026-12-24' })).taskNo;
}

const read = async (one, path) => (await inPage(one, 'GET', path)).body.data;

export default [
  {
    name: 'names stand where codes and ids were: in lists, on pages, and in what is opened to be changed',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      await one.go('/tasks');
      await page.waitForSelector('main h1');
      const [first, second, third] = await staff(one);
      const code = `N-${tag}`;
      const name = `ร้านที่ปั้นน้ำ ${tag}`;
      await made(one, '/v3/customers', { customerCode: code, customerName: name, customerState: 1, owners: [first.staffCode] });
      const no = await task(one, code, `โทรกลับ ${tag}`, first);
      for (const [more, who] of [second, second, third].entries()) await task(one, code, `อีกงาน ${tag} ${more}`, who);
      one.requests.length = 0;
      await one.go(`/tasks?q=${encodeURIComponent(tag)}`);
      const row = page.locator('tbody tr', { hasText: `โทรกลับ ${tag}` });
      await until('the customer and the employee are named', async () => {
        const text = await row.innerText().catch(() => '');
        return text.includes(name) && text.includes(code) && text.includes(first.fullname);
      });
      const asked = (part) => one.requests.filter((url) => url.includes(part)).length;
      // What is on screen before the stream opens may be older than it, and is asked for once more: the list and its names alike.
      // For each of the three people by themselves it would be three.
      const [people, lists] = [asked('/v1/Employees/Enquiry'), asked('/v1/task/enquiry')];
      assert(people >= 1 && people <= Math.min(lists, 2), `the employees are asked for once for each list: ${people} for ${lists}`);
      assert(asked('/v3/customers/') === 0, 'no customer is asked for by itself');
      await one.axe('tasks with names');
      await row.locator('a').first().click();
      await page.waitForSelector('.pairs');
      await until('names on the page', async () => {
        const text = await page.innerText('.pairs');
        return text.includes(name) && text.includes(first.fullname) && !UUID.test(text);
      });
      assert((await page.getAttribute(`.pairs a:has-text("${name}")`, 'href')).endsWith(`/customers/${code}`), 'the customer is a link');
      await one.axe('a task with names');
      await page.keyboard.press('i');
      await page.waitForSelector('.pick');
      const picks = await page.$$eval('.pick', (all) => all.map((button) => button.innerText));
      assert(picks.some((text) => text.includes(first.fullname)) && picks.some((text) => text.includes(name)) && !picks.some((text) => UUID.test(text)), picks.join(' | '));
      await one.axe('a task being changed');
      // Another employee is chosen: the name stays after it is saved.
      await page.locator('.pick', { hasText: first.fullname }).click();
      await page.waitForSelector('dialog[open] [role=option]');
      await page.keyboard.type(second.staffCode);
      await page.locator('dialog[open] [role=option]', { hasText: second.fullname }).first().click();
      await page.waitForSelector(`.pick:has-text("${second.fullname}")`);
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector(`.pairs:has-text("${second.fullname}")`);
      assert((await read(one, `/v1/task/${no}`)).assignedToStaffCode === second.staffCode, 'it is saved');
      // A case: its category, who looks after it, who wrote about it.
      const [category] = (await read(one, '/v1/setting/case-categories')).value;
      const { caseNo } = await made(one, '/v1/case', { caseType: 1, subject: `เปลี่ยนไส้กรอง ${tag}`, customerCode: code, categoryId: category.id, dateCase: '2026-11-01', dateDue: '2027-01-01', assignedToUserId: first.staffCode });
      await made(one, `/v1/case/${caseNo}/comments`, { comment: 'โทรแล้ว', isInternal: true });
      await one.go(`/cases/${caseNo}`);
      await until('a case has names only', async () => {
        const text = await page.innerText('main');
        return text.includes(first.fullname) && text.includes(name) && (text.includes(category.name) || text.includes(category.nameEn)) && !UUID.test(text);
      });
      await one.axe('a case with names');
      await one.go(`/customers/${code}`);
      await until('who looks after a customer is named', async () => (await page.innerText('main').catch(() => '')).includes(first.fullname));
      await page.keyboard.press('i');
      await page.waitForSelector(`.list-field .chip:has-text("${first.fullname}")`);
      await one.axe('a customer being changed');
      const phone = await person({ width: 360, height: 740 });
      await phone.go(`/cases?q=${encodeURIComponent(tag)}`);
      await phone.page.waitForSelector('tbody tr');
      await phone.axe('cases on a phone');
      assert(await phone.page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing is wider than the phone');
    },
  },
  {
    name: 'what happened is told in words: on a record, and in the audit log by kind, person and days, with the way to the record',
    async run({ person, tag, lang }) {
      const one = await person();
      const { page } = one;
      await one.go('/tasks');
      await page.waitForSelector('main h1');
      const [first, second] = await staff(one);
      const code = `H-${tag}`;
      await made(one, '/v3/customers', { customerCode: code, customerName: `ลูกค้าเก่า ${tag}`, customerState: 1 });
      const no = await task(one, code, `เสนอราคา ${tag}`, first);
      await made(one, '/v1/task', { taskNo: no, assignedToUserId: second.staffCode, priority: 'urgent', dateDue: '2026-12-31T10:30', checklist: [{ text: 'พิมพ์' }] });
      await made(one, '/v1/task', { taskNo: no, checklist: [{ text: 'พิมพ์', isDone: true }, { text: 'ส่ง' }] });
      await inPage(one, 'PUT', `/v1/task/${no}/status`, { status: 'done' });
      await one.go(`/tasks/${no}`);
      await page.waitForSelector('.record .timeline li:nth-child(4)');
      await until('people by name', async () => (await page.innerText('.record .timeline')).includes(second.fullname));
      const history = await page.innerText('.record .timeline');
      for (const raw of ['assignedTo', 'dateDue', '2026-12-31', 'true', 'false', ...(lang === 'th' ? ['updated', 'created', 'checklist', 'urgent'] : [])]) assert(!history.includes(raw), `“${raw}” is not for people: ${history}`);
      for (const word of [first.fullname, second.fullname, `ลูกค้าเก่า ${tag}`, 'พิมพ์', lang === 'th' ? '31 ธ.ค. 2569' : '31 Dec 2026', lang === 'th' ? 'ด่วน' : 'Urgent']) assert(history.includes(word), `“${word}” is told: ${history}`);
      assert(!UUID.test(history), 'no ids of people');
      await one.axe('the history of a task');
      await one.go('/audit');
      await page.waitForSelector('tbody tr');
      const isSifted = () => page.locator('tbody tr').count();
      await one.axe('the audit log');
      await page.locator('.filter-choice').first().selectOption('task');
      await page.waitForURL(/kind=task/);
      await page.waitForSelector(`tbody tr a:has-text("เสนอราคา ${tag}")`);
      const me = (await read(one, '/v1/auth/me')).user;
      await page.click('.audit-filter .pick');
      await page.waitForSelector('dialog[open] [role=option]');
      await page.keyboard.type(me.staffCode);
      await page.locator('dialog[open] [role=option]', { hasText: me.staffCode }).first().click();
      await page.waitForURL(new RegExp(`who=${me.staffCode}`));
      await page.waitForSelector(`tbody tr a:has-text("เสนอราคา ${tag}")`);
      assert((await page.innerText('.audit-filter .pick')).includes(me.name), 'the person is named');
      // What was chosen is in the address: it is there after the page is loaded anew.
      const all = await isSifted();
      await page.reload();
      await page.waitForSelector(`tbody tr a:has-text("เสนอราคา ${tag}")`);
      assert((await isSifted()) === all && all >= 4, 'the filters stay');
      await one.go('/audit?kind=task&to=2001-01-01');
      await page.waitForSelector('main .state');
      await one.axe('nothing in the audit log');
      await one.go('/audit?kind=customer');
      await page.click(`tbody tr a:has-text("ลูกค้าเก่า ${tag}")`);
      await page.waitForURL(new RegExp(`/customers/${code}$`));
      await page.waitForSelector(`h1:has-text("ลูกค้าเก่า ${tag}")`);
      const phone = await person({ width: 360, height: 740 });
      await phone.go('/audit?kind=task');
      await phone.page.waitForSelector('tbody tr .change');
      await phone.axe('the audit log on a phone');
      assert(await phone.page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing is wider than the phone');
    },
  },
  {
    name: 'several tasks, cases and customers are changed at once, by keyboard and by mouse, with what failed and the way back',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      await one.go('/tasks');
      await page.waitForSelector('main h1');
      const [first, second] = await staff(one);
      const code = `B-${tag}`;
      for (const more of ['', '2']) await made(one, '/v3/customers', { customerCode: `${code}${more}`, customerName: `ลูกค้า ${tag} ${more}`, customerState: 1, customerTags: ['เดิม'] });
      const nos = [];
      for (let each = 0; each < 4; each++) nos.push(await task(one, code, `งาน ${tag} ${each}`, first));
      const owners = async () => (await Promise.all(nos.map((no) => read(one, `/v1/task/${no}`)))).map((found) => found.assignedToStaffCode).sort().join();
      const statuses = async () => (await Promise.all(nos.map((no) => read(one, `/v1/task/${no}`)))).map((found) => found.status);
      await one.go(`/tasks?q=${encodeURIComponent(tag)}`);
      await page.waitForSelector('tbody tr:nth-child(4)');
      // Keyboard only: three rows in a range.
      await page.keyboard.press('x');
      await page.waitForSelector('.bulk-bar');
      await page.keyboard.press('Shift+J');
      await page.keyboard.press('Shift+J');
      await until('three are chosen', async () => (await page.locator('tbody tr[data-chosen]').count()) === 3);
      await one.axe('rows that are chosen');
      await page.keyboard.press('a');
      await page.waitForSelector('dialog[open] [role=option]');
      await page.keyboard.type(second.staffCode);
      await page.waitForSelector(`dialog[open] [role=option][aria-selected=true]:has-text("${second.fullname}")`);
      await page.keyboard.press('Enter');
      await page.waitForSelector('dialog[open] .dialog-foot .main');
      const question = await page.innerText('dialog[open] h2');
      assert(question.includes('3') && question.includes(second.fullname), question);
      await one.axe('the question before several are changed');
      await page.keyboard.press('Enter');
      await until('three are assigned', async () => (await owners()) === [first, second, second, second].map((who) => who.staffCode).sort().join());
      await page.waitForSelector('dialog', { state: 'detached' });
      await page.keyboard.press('z');
      await until('taken back', async () => (await owners()) === Array(4).fill(first.staffCode).join());
      // All of them, by mouse; one is refused.
      await page.route(`**/v1/task/${nos[1]}/status`, (route) => route.fulfill({ status: 409, contentType: 'application/json', body: JSON.stringify({ errors: [{ code: 'conflict', field: 'status', message: 'no' }] }) }));
      await page.click('th.choose input');
      await until('all are chosen', async () => (await page.locator('tbody tr[data-chosen]').count()) === 4);
      await page.click('.bulk-bar .button:not(.quiet) >> nth=0');
      await page.click('dialog[open] .dialog-foot .main');
      await page.waitForSelector('dialog[open] .bulk-faults li');
      const told = await page.$$eval('dialog[open] .bulk-faults li', (all) => all.map((item) => item.innerText));
      assert(told.length === 1 && told[0].includes(`งาน ${tag} 1`), told.join());
      await one.axe('what failed');
      assert((await statuses()).filter((status) => status === 'done').length === 3, 'the others are done');
      await page.keyboard.press('Escape');
      await page.waitForSelector('dialog', { state: 'detached' });
      await until('what failed is still chosen', async () => (await page.locator('tbody tr[data-chosen]').count()) === 1);
      await page.keyboard.press('Escape');
      await page.waitForSelector('.bulk-bar', { state: 'detached' });
      await page.click('.toast .button.quiet:not(.only)');
      await until('open again', async () => (await statuses()).every((status) => status === 'open'));
      // Cases: a range by Shift and the mouse.
      const [category] = (await read(one, '/v1/setting/case-categories')).value;
      const cases = [];
      for (let each = 0; each < 3; each++) cases.push((await made(one, '/v1/case', { caseType: 1, subject: `เคส ${tag} ${each}`, customerCode: code, categoryId: category.id, dateCase: '2026-11-01', dateDue: '2027-01-01', assignedToUserId: first.staffCode })).caseNo);
      const closed = async () => (await Promise.all(cases.map((no) => read(one, `/v1/case/${no}`)))).filter((found) => found.statusId === 5).length;
      await one.go(`/cases?q=${encodeURIComponent(tag)}`);
      await page.waitForSelector('tbody tr:nth-child(3)');
      await page.locator('td.choose input').first().click();
      await page.locator('td.choose input').nth(2).click({ modifiers: ['Shift'] });
      await until('a range', async () => (await page.locator('tbody tr[data-chosen]').count()) === 3);
      await one.axe('cases that are chosen');
      await page.keyboard.press('e');
      await page.click('dialog[open] .dialog-foot .main');
      await until('three cases are closed', async () => (await closed()) === 3);
      await page.waitForSelector('.toast .button.quiet:not(.only)');
      await page.keyboard.press('z');
      await until('open again', async () => (await closed()) === 0);
      // Customers, on a phone: a tag beside those that they have.
      const phone = await person({ width: 360, height: 740 });
      await phone.go(`/customers?q=${encodeURIComponent(tag)}`);
      await phone.page.waitForSelector('tbody tr:nth-child(2)');
      await phone.page.click('th.choose input');
      await phone.page.waitForSelector('.bulk-bar');
      await phone.axe('customers that are chosen, on a phone');
      assert(await phone.page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing is wider than the phone');
      await phone.page.click('.bulk-bar .button:not(.quiet) >> nth=0');
      await phone.page.waitForSelector('dialog[open] input');
      await phone.page.keyboard.type(`ใหม่ ${tag}`);
      await phone.page.waitForSelector(`dialog[open] [role=option]:has-text("ใหม่ ${tag}")`);
      await phone.page.keyboard.press('Enter');
      await phone.page.click('dialog[open] .dialog-foot .main');
      const tags = async () => (await Promise.all([code, `${code}2`].map((each) => read(one, `/v3/customers/${each}`)))).map((found) => [...found.customerTags].sort().join()).join(' | ');
      await until('the tag is added to both', async () => (await tags()) === Array(2).fill(['เดิม', `ใหม่ ${tag}`].sort().join()).join(' | '));
      await phone.page.click('.toast .button.quiet:not(.only)');
      await until('and taken back', async () => (await tags()) === 'เดิม | เดิม');
    },
  },
];
