import { createHmac } from 'node:crypto';
import { assert, Customer, inPage, until } from '../harness.mjs';

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const row = (name) => `#rooms [role=option]:has-text("${name}")`;
const openRoom = async (one, name) => {
  await one.page.waitForSelector(row(name));
  await one.page.click(row(name));
  await one.page.waitForSelector('.thread .bubble');
};
async function stored(one) {
  const room = new URL(one.page.url()).searchParams.get('room');
  const answer = await inPage(one, 'GET', `/v1/console/rooms/${room}/messages?take=100`);
  return answer.body.data.value;
}
const staged = (one, state = '') => one.page.locator(`.staged > li${state}`);
/** Gives the page a file as the clipboard or the mouse does. */
const give = (one, how, name, type, content) =>
  one.page.evaluate(
    ([how, name, type, content]) => {
      const carried = new DataTransfer();
      carried.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name, { type }));
      if (how === 'paste') document.querySelector('#composer').dispatchEvent(new ClipboardEvent('paste', { clipboardData: carried, bubbles: true, cancelable: true }));
      else for (const step of ['dragenter', 'dragover', 'drop']) document.querySelector('.thread').dispatchEvent(new DragEvent(step, { dataTransfer: carried, bubbles: true, cancelable: true }));
    },
    [how, name, type, content],
  );

/** Ends the session of a page on the server, as time or an administrator does; the page has not been told. */
const endSession = async (one, server) => {
  const cookie = (await one.context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const gone = await fetch(`${server.url}/v1/auth/sessions/current`, { method: 'DELETE', headers: { Cookie: cookie, 'X-Sala-Console': '1', Origin: server.url, 'Sec-Fetch-Site': 'same-origin' } });
  assert(gone.ok, `the session is ended: ${gone.status}`);
};
const again = '#again-password';
/** The code that an app shows for a secret now (RFC 6238). */
function totp(secret) {
  const bits = [...secret.replace(/[\s=]/g, '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter.toUpperCase()).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac('sha1', key).update(time).digest();
  return String((hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

export default [
  {
    name: 'files wait in the composer: chosen, pasted, dropped, taken out, kept, and sent after the words in their order',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Uf${tag}`, `แนบไฟล์ ${tag}`);
      const other = new Customer(server, `Ug${tag}`, `อีกห้อง ${tag}`);
      await customer.says('ขอดูรูปหน่อยค่ะ');
      await other.says('สวัสดี');
      const one = await person();
      await one.go('/inbox?view=open');
      await inPage(one, 'PATCH', '/v1/auth/me', { preferences: { enterSends: true } });
      await one.page.reload();
      await openRoom(one, `แนบไฟล์ ${tag}`);
      const picture = (name) => ({ name, mimeType: 'image/png', buffer: Buffer.from(png, 'base64') });
      await one.page.setInputFiles('.composer input[type=file]', [picture('ที่ปั้นน้ำ.png'), picture('สอง.png')]);
      await until('both are ready', async () => (await staged(one, '.ready').count()) === 2);
      assert((await staged(one).first().innerText()).includes('ที่ปั้นน้ำ.png'), 'a file has its name');
      assert((await stored(one)).length === 1, 'nothing is sent before somebody sends it');
      await one.axe('files in the composer');

      await openRoom(one, `อีกห้อง ${tag}`);
      assert((await staged(one).count()) === 0, 'the other room has none of them');
      await openRoom(one, `แนบไฟล์ ${tag}`);
      assert((await staged(one).count()) === 2, 'they are still there after another room');
      await one.page.reload();
      await until('and after a reload', async () => (await staged(one, '.ready').count()) === 2);

      await give(one, 'paste', 'image.png', 'image/png', png);
      await give(one, 'drop', 'วาง.png', 'image/png', png);
      await until('pasted and dropped ones stand beside them', async () => (await staged(one, '.ready').count()) === 4);
      await one.page.focus('.staged > li:nth-child(2) .staged-remove');
      await one.page.keyboard.press('Enter');
      await until('the second is out', async () => (await staged(one).count()) === 3);
      await until('the focus is on the next one', () => one.page.evaluate(() => document.activeElement?.matches('.staged > li:nth-child(2) .staged-remove')));

      await one.page.focus('#composer');
      await one.page.keyboard.type(`ตามรูปค่ะ ${tag}`);
      await one.page.keyboard.press('Enter');
      await until('the words and the pictures are stored', async () => (await stored(one)).length === 5);
      const kinds = (await stored(one)).map((message) => message.type);
      assert(kinds.join() === 'message,message,image,image,image', `the words come first: ${kinds}`);
      await one.page.waitForSelector('.bubble.ours img.media');
      assert((await staged(one).count()) === 0 && (await one.page.inputValue('#composer')) === '', 'the composer is empty');
      await one.axe('after files were sent');
    },
  },
  {
    name: 'a file that does not arrive can be tried again, one that the channel does not take is named, and sending waits for uploads',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Uh${tag}`, `ไฟล์ช้า ${tag}`);
      await customer.says('ส่งเอกสารให้หน่อยค่ะ');
      const one = await person({ width: 360, height: 740 });
      await one.go('/inbox?view=open');
      await openRoom(one, `ไฟล์ช้า ${tag}`);
      const picture = { name: 'รูป.png', mimeType: 'image/png', buffer: Buffer.from(png, 'base64') };
      await one.page.route('**/v1/console/files', (route) => route.abort());
      await one.page.setInputFiles('.composer input[type=file]', picture);
      await staged(one, '.failed').waitFor();
      await one.axe('a file that was not uploaded, on a phone');
      await one.page.fill('#composer', `ดูรูป ${tag}`);
      await one.page.click('#send');
      await one.page.waitForSelector('.composer > p.fault');
      assert((await one.page.inputValue('#composer')) === `ดูรูป ${tag}`, 'nothing is sent, and nothing is lost');

      await one.page.unroute('**/v1/console/files');
      let release;
      const held = new Promise((resolve) => (release = resolve));
      await one.page.route('**/v1/console/files', async (route) => {
        await held;
        await route.continue();
      });
      await staged(one, '.failed').locator('button').first().click();
      await staged(one, '.uploading').waitFor();
      await one.page.click('#send');
      await one.page.waitForSelector('.composer .notice');
      await one.axe('sending waits for an upload');
      release();
      await until('all of it went out', async () => {
        const kinds = (await stored(one)).map((message) => message.type);
        return kinds.join() === 'message,message,image';
      });

      const paper = { name: 'สัญญา ก.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4\n%%EOF\n') };
      await one.page.setInputFiles('.composer input[type=file]', paper);
      await staged(one, '.ready').waitFor();
      await one.page.click('#send');
      await one.page.waitForSelector('.bubble.ours:not(.parcel) a:has-text("สัญญา ก.pdf")');
      // What a channel does not take is the server's to say: here it says so of any file.
      await one.page.route('**/v1/console/preview', (route) => route.fulfill({ json: { status: { code: '1000', description: 'Success' }, data: { route: 'push', isFree: false, faults: [{ code: 'invalid_value', field: 'attachment', message: 'ใหญ่เกินไป' }] } } }));
      await one.page.setInputFiles('.composer input[type=file]', paper);
      await staged(one, '.refused').waitFor();
      assert((await staged(one).innerText()).includes('ใหญ่เกินไป'), 'why it is refused is said');
      await one.page.click('#send');
      await one.page.waitForSelector('.composer > p.fault');
      await one.axe('a file that the channel does not take');
      await one.page.click('.staged-remove');
      await until('it is out', async () => (await staged(one).count()) === 0);
      await until('the focus is back in the text', () => one.page.evaluate(() => document.activeElement?.id === 'composer'));
    },
  },
  {
    name: 'a sales order is made without a quotation, with a discount on the whole, changed as a draft, and opened',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      await one.go('/orders');
      await page.waitForSelector('.table');
      await page.focus('main');
      await page.keyboard.press('c');
      await page.waitForURL(/\/orders\/new$/);
      await page.waitForSelector('[name=salesOrderSubject]');
      await page.fill('[name=salesOrderSubject]', `สั่งเอง ${tag}`);
      await page.locator('.pick').first().click();
      await page.waitForSelector('.chooser [role=option]');
      await page.keyboard.type('daisy');
      await page.waitForSelector('.chooser [role=option]:has-text("daisy")');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.chooser', { state: 'detached' });
      await page.locator('button.button:has(.icon):not(.main)', { hasText: /./ }).last().click();
      await page.waitForSelector('.chooser [role=option]');
      await page.keyboard.type('AB00025dddd');
      await page.waitForSelector('.chooser [role=option]:has-text("AB00025dddd")');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.lines tbody tr');
      await one.axe('a new order');
      const cell = (at) => page.locator('.lines tbody input').nth(at);
      await cell(1).fill('2');
      await cell(3).fill('500');
      await cell(5).fill('7');
      await page.fill('[name=discountValue]', 'สิบ');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('[name=discountValue][aria-invalid=true]');
      await one.axe('a discount that is no number');
      await page.fill('[name=discountValue]', '10');
      await page.fill('[name=discountName]', 'ลูกค้าประจำ');
      await page.keyboard.press('Control+Enter');
      await page.waitForURL(/\/orders\/(?!new)/);
      await page.waitForSelector('[data-sum=discountAmount]');
      const no = decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1));
      const order = async () => (await inPage(one, 'GET', `/v2/salesorder/${encodeURIComponent(no)}`)).body.data;
      const made = await order();
      assert(made.discountType === true && made.discountValue === 10 && made.discountAmount === 100 && made.grandTotal === 963, `ten percent off: ${JSON.stringify(made)}`);
      assert((await page.innerText('[data-sum=grandTotal]')).includes('963'), 'the total is the server’s');
      await one.axe('a draft with its discount');

      await page.locator('.whole-discount .modes button').last().click();
      await page.fill('[name=discountValue]', '150');
      assert((await page.innerText('[data-sum=grandTotal]')) === '…', 'a total that does not hold any more is not shown');
      await page.selectOption('[name=salesOrderStatus]', '2');
      await page.click('form .button.main[type=submit]');
      await page.waitForSelector('main .table:not(.lines)');
      const opened = await order();
      assert(opened.salesOrderStatus === 2 && opened.discountType === false && opened.discountAmount === 150 && opened.subTotalWithDiscount === 850, `an amount off, and open: ${JSON.stringify(opened)}`);
      await page.waitForSelector('[data-sum=discountAmount]');
      await one.axe('an open order');
    },
  },
  {
    name: 'a quotation takes a discount on the whole, also on a phone',
    async run({ person, tag }) {
      const one = await person({ width: 360, height: 740 });
      const { page } = one;
      await one.go('/quotations');
      await page.waitForSelector('.table');
      const made = await inPage(one, 'POST', '/v2/quotation', { quotationSubject: `ลดทั้งใบ ${tag}`, quotationDate: '2026-01-04', quotationValidUntil: '2099-12-31', quotationStatus: 1, customerCode: 'daisy', staffCode: 'Admin01', vatCalculation: true, quotationDetails: [{ productCode: 'AB00025dddd', qty: 1, price: 200, vatTaxValue: 7, whtTaxValue: 3, productDescription: `พิเศษ ${tag}` }] });
      assert(made.status < 300, JSON.stringify(made.body));
      const no = typeof made.body.data === 'string' ? made.body.data : made.body.data.quotationNo;
      const path = `/v1/quotation/${encodeURIComponent(no)}`;
      await one.go(`/quotations/${encodeURIComponent(no)}`);
      await page.waitForSelector('[name=discountValue]');
      await page.locator('.whole-discount .modes button').first().click();
      await page.fill('[name=discountValue]', '๒๕');
      await page.click('form .button.main[type=submit]');
      await page.waitForSelector('[data-sum=discountAmount]');
      await one.axe('a discount on a phone');
      const read = (await inPage(one, 'GET', path)).body.data;
      assert(read.discountAmount === 50 && read.subTotalWithDiscount === 150, `a quarter off: ${JSON.stringify(read)}`);
      const [line] = read.quotationDetails;
      assert(line.productDescription === `พิเศษ ${tag}` && (line.whtTaxValue ?? line.whTaxValue) === 3, 'what is not edited of a line is kept');
      assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the phone');
    },
  },
  {
    name: 'the steps of a task are added, ticked, renamed, moved and removed, with the keyboard only',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      await one.go('/tasks');
      await page.waitForSelector('.table, .state');
      const made = await inPage(one, 'POST', '/v1/task', { subject: `เตรียมงาน ${tag}` });
      assert(made.status < 300, JSON.stringify(made.body));
      const no = made.body.data.taskNo;
      const list = async () => (await inPage(one, 'GET', `/v1/task/${encodeURIComponent(no)}`)).body.data.checklist;
      const texts = async () => (await list()).map((step) => step.text).join();
      await one.go(`/tasks/${encodeURIComponent(no)}`);
      const fresh = 'form .input.grow[maxlength]';
      await page.waitForSelector(fresh);
      await one.axe('a task without steps');
      await page.focus(fresh);
      for (const text of ['พิมพ์สัญญา', 'โทรหาลูกค้า', 'ส่งของ']) {
        await page.keyboard.type(text);
        await page.keyboard.press('Enter');
      }
      await until('three steps are stored', async () => (await texts()) === 'พิมพ์สัญญา,โทรหาลูกค้า,ส่งของ');
      assert(await page.evaluate((at) => document.activeElement === document.querySelector(at), fresh), 'the focus stays where steps are added');
      await one.axe('a task with steps');
      await page.focus('.steps > li:nth-child(2) input[type=checkbox]');
      await page.keyboard.press('Space');
      await until('the second is done', async () => (await list())[1].isDone);
      await page.keyboard.press('Tab');
      await page.keyboard.press('End');
      await page.keyboard.type('ก่อนเที่ยง');
      await page.keyboard.press('Control+ArrowUp');
      await until('renamed and moved', async () => (await texts()) === 'โทรหาลูกค้าก่อนเที่ยง,พิมพ์สัญญา,ส่งของ');
      await until('the focus goes with it', () => page.evaluate(() => document.activeElement?.matches('.steps > li:first-child [data-step]')));
      assert((await list())[0].isDone, 'it is still done');
      await page.focus('.steps > li:nth-child(3) .step-gone');
      await page.keyboard.press('Enter');
      await until('the third is out', async () => (await list()).length === 2);
      await until('the focus is on the one before', () => page.evaluate(() => document.activeElement?.matches('.steps > li:nth-child(2) [data-step]')));
      await page.keyboard.press('Escape');
      await page.focus('main');
      await page.keyboard.press('z');
      await until('and back', async () => (await list()).length === 3);
      // Two people at once: the second is told, and sees what the first did.
      const other = await inPage(one, 'POST', '/v1/task', { taskNo: no, checklist: [{ text: 'อย่างอื่น' }] });
      assert(other.status < 300, JSON.stringify(other.body));
      await page.reload();
      await until('the other list is there', async () => (await page.inputValue('.steps [data-step]')) === 'อย่างอื่น');
      await one.axe('steps at the end');
    },
  },
  {
    name: 'a card keeps the focus while it moves along the board, and closed deals are seen and opened',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      await one.go('/deals');
      await page.waitForSelector('.board-column');
      const made = await inPage(one, 'POST', '/v1/deals', { dealName: `ย้าย ${tag}`, dealValue: 900, probability: 50, customerCodes: ['daisy'], assignTo: 'Admin01', expectedCloseDate: '2099-12-31' });
      assert(made.status < 300, JSON.stringify(made.body));
      const id = made.body.data.value.dealsId;
      await page.reload();
      await page.waitForSelector(`#deal-${id}`);
      const columns = await page.locator('.board-column').count();
      const at = () => page.evaluate((id) => [...document.querySelectorAll('.board-column')].findIndex((column) => column.querySelector(`#deal-${id}`)), id);
      const isHeld = () => page.evaluate((id) => document.activeElement?.id === `deal-${id}`, id);
      const from = await at();
      await page.focus(`#deal-${id}`);
      // Quicker than the server answers.
      await page.keyboard.press('Shift+ArrowRight');
      await page.keyboard.press('Shift+ArrowRight');
      await until('two stages on', async () => (await at()) === from + 2);
      await page.waitForLoadState('networkidle');
      assert((await at()) === from + 2 && (await isHeld()), 'it is still there, and has the focus');
      await page.keyboard.press('Shift+ArrowLeft');
      await until('one back', async () => (await at()) === from + 1 && (await isHeld()));
      await page.waitForLoadState('networkidle');
      assert(await isHeld(), 'it still has the focus');
      await one.axe('the board');
      // On to where deals are closed.
      for (let step = from + 1; step < columns - 1; step++) {
        await page.keyboard.press('Shift+ArrowRight');
        await until('a stage on, or a reason is asked for', async () => (await at()) === step + 1 || (await page.$('dialog[open]')));
        if (await page.$('dialog[open]')) break;
        const { data } = (await inPage(one, 'GET', `/v1/deals/${id}`)).body;
        if ((data.value ?? data).statusId === 2) break;
      }
      if (await page.$('dialog[open]')) {
        await page.waitForSelector('dialog[open] [role=option]');
        await page.keyboard.press('Enter');
        await page.waitForSelector('dialog[open]', { state: 'detached' });
      }
      const status = async () => {
        const { data } = (await inPage(one, 'GET', `/v1/deals/${id}`)).body;
        return (data.value ?? data).statusId;
      };
      await until('it is closed', async () => (await status()) !== 1);
      await until('it stands among the closed ones, with the focus', async () => (await page.$(`.board-column #deal-${id}`)) && (await isHeld()));
      await one.axe('a board with a closed deal');
      await page.keyboard.press('Enter');
      await page.waitForURL(new RegExp(`/deals/${id}$`));
      await page.goBack();
      await page.waitForSelector('.board-column a.small');
      await page.locator('.board-column:has(a.small)').first().locator('a.small').first().click();
      await page.waitForURL(/as=list/);
      await page.waitForSelector('.table');
      await one.axe('the list of won deals');
    },
  },
  {
    name: 'a session that ends leaves the form, the composer and its draft where they are, and goes on after signing in again',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Us${tag}`, `ต่อเซสชัน ${tag}`);
      await customer.says('ยังอยู่ไหมคะ');
      const one = await person({ state: undefined });
      const { page } = one;
      await one.signIn('/customers/new');
      await page.waitForSelector('[name=customerName]');
      await page.fill('[name=customerName]', `บริษัท ต่อเซสชัน ${tag}`);
      await endSession(one, server);
      // The stream may say that it has ended before the person does anything.
      await page.evaluate(() => document.querySelector('form.form').requestSubmit());
      await page.waitForSelector(again);
      await until('the password has the focus', () => page.evaluate((at) => document.activeElement === document.querySelector(at), again));
      assert((await page.inputValue('[name=customerName]')) === `บริษัท ต่อเซสชัน ${tag}`, 'the form is still there');
      await one.axe('sign in again over a form');
      await page.keyboard.press('Escape');
      assert(await page.isVisible(again), 'there is no way around it');
      await page.fill(again, 'not the password');
      await page.keyboard.press('Enter');
      await page.waitForSelector('dialog[open] .notice.bad[role=alert]');
      await one.axe('a wrong password again');
      await page.fill(again, server.password);
      await page.keyboard.press('Enter');
      await page.waitForSelector(again, { state: 'detached' });
      await page.waitForURL(/\/customers\/(?!new)/);
      const found = await inPage(one, 'POST', '/v3/customers/enquiry', { keyword: `ต่อเซสชัน ${tag}`, take: 5 });
      assert(found.body.data.length === 1, 'what was being saved is saved once');

      await one.go('/inbox?view=open');
      await openRoom(one, `ต่อเซสชัน ${tag}`);
      await inPage(one, 'PATCH', '/v1/auth/me', { preferences: { enterSends: true } });
      await page.fill('#composer', `อยู่ค่ะ ${tag}`);
      await page.setInputFiles('.composer input[type=file]', { name: 'ค้าง.png', mimeType: 'image/png', buffer: Buffer.from(png, 'base64') });
      await staged(one, '.ready').waitFor();
      await endSession(one, server);
      await page.evaluate(() => document.querySelector('#send').click());
      await page.waitForSelector(again);
      await one.axe('sign in again over the inbox');
      await page.fill(again, server.password);
      await page.keyboard.press('Enter');
      await page.waitForSelector(again, { state: 'detached' });
      await until('words and picture went out once', async () => (await stored(one)).map((message) => message.type).join() === 'message,message,image');
      await page.fill('#composer', `ร่าง ${tag}`);
      await page.route('**/v1/auth/oidc*', (route) => route.fulfill({ json: { data: { companyId: 1, ssoOnly: false, value: [{ id: 'x', name: 'บัญชีบริษัท', nameEn: 'Company account' }] } } }));
      await endSession(one, server);
      await page.waitForSelector(again);
      await page.waitForSelector('dialog[open] .sso a[target=_blank]');
      await one.axe('sign in again, with single sign-on in a window of its own');
      assert((await page.inputValue('#composer')) === `ร่าง ${tag}`, 'the draft is still there');
      // Signing in in another window of the same browser is enough.
      const other = await one.newPage();
      await other.goto(`${server.url}/console/`);
      await other.fill('#email', server.email);
      await other.fill('#password', server.password);
      await other.press('#password', 'Enter');
      await other.waitForSelector('.house');
      await page.waitForSelector(again, { state: 'detached' });
      assert((await page.inputValue('#composer')) === `ร่าง ${tag}`, 'and afterwards');
      await until('the stream goes on', () => page.$('.connection.live'));
    },
  },
  {
    name: 'when somebody else signs in where a session has ended, the page starts anew',
    async run({ person, server, tag }) {
      const one = await person({ state: undefined, width: 360, height: 740 });
      const { page } = one;
      await one.signIn('/customers/new');
      await page.waitForSelector('[name=customerName]');
      const roles = await inPage(one, 'GET', '/v1/setting/roles');
      const role = roles.body.data.value.at(-1);
      const email = `else.${tag}@example.com`;
      const made = await inPage(one, 'POST', '/v1/console/users', { email, firstname: 'คนอื่น', lastname: tag, nickname: `อื่น ${tag}`, roleId: role.id });
      assert(made.status < 300, `a second person: ${JSON.stringify(made.body)}`);
      const link = JSON.stringify(made.body).match(/link\/([\w.~-]+)/)?.[1] ?? JSON.stringify((await inPage(one, 'POST', `/v1/console/users/${made.body.data.id ?? made.body.data.user?.id}/link`, {})).body).match(/link\/([\w.~-]+)/)?.[1];
      const secret = `ช้างม้าวัวควาย ${tag}`;
      let cookie = '';
      const asked = async (path, body) => {
        const answer = await fetch(`${server.url}/v1/auth/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Sala-Console': '1', Origin: server.url, 'Sec-Fetch-Site': 'same-origin', Cookie: cookie }, body: JSON.stringify(body) });
        cookie ||= answer.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');
        const read = await answer.json();
        assert(answer.ok, `${path}: ${answer.status} ${JSON.stringify(read)}`);
        return read.data;
      };
      await asked(`links/${link}`, { password: secret });
      const { secret: shared } = await asked('totp', { password: secret });
      const { recoveryCodes } = await asked('totp/confirm', { code: totp(shared) });
      await page.fill('[name=customerName]', `ของคนแรก ${tag}`);
      await endSession(one, server);
      await page.waitForSelector(again);
      await page.locator('dialog[open] .bar .button').first().click();
      await page.waitForSelector('#again-email');
      await one.axe('somebody else, on a phone');
      assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the phone');
      await page.fill('#again-email', email);
      await page.evaluate(() => (window.isOfTheFirst = true));
      await page.fill(again, secret);
      await page.keyboard.press('Enter');
      await page.waitForSelector('dialog[open] #code');
      await until('the code has the focus', () => page.evaluate(() => document.activeElement?.id === 'code'));
      await one.axe('the second factor');
      await page.keyboard.type(recoveryCodes[0]);
      await page.keyboard.press('Enter');
      await until('the page starts anew', () => page.evaluate(() => window.isOfTheFirst === undefined && document.querySelector('.house') !== null).catch(() => false));
      const me = await inPage(one, 'GET', '/v1/auth/me');
      assert(me.body.data.user.email === email, 'somebody else is here');
      assert((await page.content()).includes(`ของคนแรก ${tag}`) === false && !(await page.$$eval('input', (inputs, text) => inputs.some((input) => input.value === text), `ของคนแรก ${tag}`)), 'nothing of the first one is left');
    },
  },
  {
    name: 'a phone shows no keys, cuts no word of its bar, and leaves a name its room',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Up${tag}`, `ผู้ใหญ่ปั้น น้ำที่นี่ ${tag}`);
      await customer.says('ขอที่อยู่ร้านหน่อยค่ะ');
      const one = await person({ width: 360, height: 740 });
      const { page } = one;
      const isWhole = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
      for (const path of ['/inbox?view=open', '/customers', '/deals', '/orders/SO23010005', '/quotations/new', '/reports', '/tasks']) {
        await one.go(path);
        await page.waitForSelector('.tabbar');
        await until(`${path} is loaded`, async () => (await page.$('main .spinner')) === null);
        assert((await page.$$eval('kbd', (all) => all.filter((one) => one.checkVisibility()).length)) === 0, `${path} shows keys`);
        assert(await isWhole(), `${path} is wider than the phone`);
        const cut = await page.$$eval('.tabbar span', (all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflow !== 'visible').map((one) => one.textContent));
        assert(cut.length === 0, `cut: ${cut}`);
      }
      await one.go('/inbox?view=open');
      await openRoom(one, tag);
      const name = await page.$eval('.thread-head h2', (head) => head.clientWidth);
      assert(name >= 180, `the name has ${name} px`);
      await one.axe('a conversation on a phone');
      await page.click('.thread-head .phone-only');
      await page.waitForSelector('.chooser [role=option]');
      await one.axe('what can be done with it');
      await page.locator('.chooser [role=option]').first().click();
      await until('it is taken', async () => {
        const room = new URL(page.url()).searchParams.get('room');
        return (await inPage(one, 'GET', `/v1/console/rooms/${room}`)).body.data.assignee;
      });
    },
  },
  {
    name: 'reports show months, times, shares and money as people write them',
    async run({ person, lang }) {
      const one = await person();
      const { page } = one;
      const year = new Date().getFullYear();
      const asked = `from=${year - 3}-01-01&to=${year}-12-31`;
      // Figures are added up a minute or two after things happened: what is looked at here is how they are shown.
      const told = (rows) => (route) => route.fulfill({ json: { status: { code: '1000', description: 'Success' }, data: { value: rows, total: rows.length, totalIsEstimate: false } } });
      const row = (group, figure, count, average = null, total = null) => ({ group, groupName: null, figure, count, average, total });
      await page.route('**/v1/reports/deals?**', told([row(`${year}-03`, 'created', 2, 450, 900), row(`${year}-03`, 'won', 1, 900, 900), row(`${year}-03`, 'missed', 0, null, 0), row(`${year}-03`, 'conversion', 1, 50)]));
      await page.route('**/v1/reports/first-response?**', told([row('1', 'responses', 3, 7384.5), row('1', 'within5Minutes', 3), row('1', 'withinHour', 3), row('1', 'withinDay', 3)]));
      await page.route('**/v1/sales/report?**', told([{ code: `${year}-03`, name: `${year}-03`, orders: 2, netTotal: 1120 }]));
      await one.go(`/reports?report=deals&by=month&${asked}`);
      await page.waitForSelector('.chart');
      await page.waitForSelector('.table tbody th');
      const all = await page.innerText('main');
      assert(!/\d{4}-\d\d/.test(all), `a month as the API writes it: ${all}`);
      assert(all.includes(String(lang === 'th' ? year + 543 : year)), 'the year is that of the language');
      assert(/฿[\d,]+\.\d\d/.test(await page.innerText('.table')), 'money is money');
      await one.axe('a report by month');
      await one.go(`/reports?report=first-response&by=weekday&${asked}`);
      await page.waitForSelector('.table tbody th');
      const times = await page.locator('.table tbody tr').first().innerText();
      assert(lang === 'th' ? times.includes('2 ชั่วโมง 3 นาที') : /2 hrs? 3 min/.test(times), `a time has its units: ${times}`);
      assert(/[^\d\s]/.test(await page.locator('.table tbody th').first().innerText()), 'a day of the week has a name');
      await one.go(`/reports?report=sales&by=month&${asked}`);
      await page.waitForSelector('.table tbody th');
      assert(!/\d{4}-\d\d/.test(await page.innerText('main')), 'months of sales have names');
      await one.axe('sales by month');
    },
  },
];
