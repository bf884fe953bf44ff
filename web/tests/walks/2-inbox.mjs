import { assert, Customer, inPage, until } from '../harness.mjs';

const rooms = '#rooms [role=option]';
const row = (name) => `${rooms}:has-text("${name}")`;
const open = async (one, name, search = '?view=open') => {
  await one.go(`/inbox${search}`);
  await one.page.waitForSelector(row(name));
  await one.page.click(row(name));
  await one.page.waitForSelector('.thread .bubble');
};
const bubbles = (one, text) => one.page.locator('.bubble-body', { hasText: text });
/** Messages of the open room as the server has them. */
async function stored(one) {
  const room = new URL(one.page.url()).searchParams.get('room');
  const answer = await inPage(one, 'GET', `/v1/console/rooms/${room}/messages?take=100`);
  return answer.body.data.value;
}
const count = async (one, text) => (await stored(one)).filter((message) => message.content === text).length;
const open0 = async (person) => {
  const one = await person();
  await one.go('/account');
  await one.page.waitForSelector('.account');
  return one;
};
const preferEnter = (one) => inPage(one, 'PATCH', '/v1/auth/me', { preferences: { enterSends: true } });

export default [
  {
    name: 'a message arrives by itself, is answered once, and goes out',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Ua${tag}`, `สมหญิง ${tag}`);
      await customer.says('สวัสดีค่ะ มีของไหมคะ');
      const one = await person();
      await one.go('/inbox?view=open');
      await preferEnter(one);
      await one.page.reload();
      await one.page.waitForSelector(row(tag));
      await one.axe('inbox without a room');
      await one.page.click(row(tag));
      await one.page.waitForSelector('.thread .bubble');
      await one.axe('inbox with a room');
      await until('the stream is live', () => one.page.$('.connection.live'));
      const sent = Date.now();
      await customer.says(`น้ำหนักเท่าไหร่ ${tag}`);
      await one.page.waitForSelector(`.bubble-body:has-text("น้ำหนักเท่าไหร่ ${tag}")`);
      assert(Date.now() - sent < 5000, 'a message is on screen without a reload');
      await one.page.click('#composer');
      await one.page.keyboard.type(`ประมาณ 2 กิโลค่ะ ${tag}`);
      await one.page.keyboard.press('Enter');
      await one.page.waitForSelector(`.bubble.ours:has-text("ประมาณ 2 กิโลค่ะ ${tag}")`);
      await until('it is stored', async () => (await count(one, `ประมาณ 2 กิโลค่ะ ${tag}`)) === 1);
      await until('one bubble, not a parcel', async () => (await bubbles(one, `ประมาณ 2 กิโลค่ะ ${tag}`).count()) === 1 && (await one.page.$('.bubble.parcel')) === null);
      await until('it went out', async () => (await stored(one)).some((message) => message.content === `ประมาณ 2 กิโลค่ะ ${tag}` && message.deliveryStatus !== 'pending'), 20_000);
      await one.axe('after the answer');
    },
  },
  {
    name: 'Enter twice sends once; Enter within a composition sends nothing, afterwards the whole text',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Ub${tag}`, `ปั้น ${tag}`);
      await customer.says('ครับ');
      const one = await person();
      await one.go('/inbox');
      await preferEnter(one);
      await open(one, tag);
      await one.page.click('#composer');
      await one.page.keyboard.type('twice');
      await Promise.all([one.page.keyboard.press('Enter'), one.page.keyboard.press('Enter')]);
      await until('stored', async () => (await count(one, 'twice')) > 0);
      const client = await one.context.newCDPSession(one.page);
      await client.send('Input.imeSetComposition', { text: 'ที่ปั้น', selectionStart: 7, selectionEnd: 7 });
      await client.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Process', code: 'Enter', windowsVirtualKeyCode: 229 });
      assert((await one.page.inputValue('#composer')).includes('ที่ปั้น'), 'the composition stays in the field');
      await client.send('Input.insertText', { text: 'ที่ปั้นน้ำ' });
      await one.page.keyboard.press('Enter');
      await until('the whole text is stored', async () => (await count(one, 'ที่ปั้นน้ำ')) === 1);
      assert((await count(one, 'twice')) === 1, 'Enter twice is one message');
    },
  },
  {
    name: 'a note never reaches the customer',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Uc${tag}`, `ดาว ${tag}`);
      await customer.says('ขอส่วนลดได้ไหม');
      const one = await person();
      await open(one, tag);
      await one.page.focus('#rooms');
      await one.page.keyboard.press('n');
      await one.page.waitForSelector('.composer.is-note');
      await one.axe('writing a note');
      await one.page.keyboard.type(`อย่าเกิน 5% ${tag}`);
      await one.page.keyboard.press('Control+Enter');
      await one.page.waitForSelector(`.bubble.note:not(.parcel):has-text("อย่าเกิน 5% ${tag}")`);
      await one.axe('a note in the thread');
      assert((await stored(one)).every((message) => !message.content.includes('อย่าเกิน')), 'a note is no message');
      assert((await one.page.$('.composer.is-note')) === null, 'the composer is back to answers');
    },
  },
  {
    name: 'with the keyboard only: go through the list, take, assign, snooze, close, undo',
    async run({ person, server, tag }) {
      for (const n of [1, 2, 3]) await new Customer(server, `Ud${tag}${n}`, `คีย์ ${tag} ${n}`).says(`ข้อความ ${n}`);
      const one = await person();
      const { page } = one;
      await one.go(`/inbox?view=open&q=${encodeURIComponent(`คีย์ ${tag}`)}`);
      await until('three rooms', async () => (await page.locator(rooms).count()) === 3);
      await page.evaluate(() => document.querySelector('main').focus());
      await page.keyboard.press('j');
      await page.waitForSelector('.thread .bubble');
      const first = new URL(page.url()).searchParams.get('room');
      // The Thai layout gives ่ where J lies and า where K lies.
      await one.thaiKey('KeyJ', '่');
      await until('the next room', () => new URL(page.url()).searchParams.get('room') !== first);
      await one.thaiKey('KeyK', 'า');
      await until('back', () => new URL(page.url()).searchParams.get('room') === first);
      const room = async () => (await inPage(one, 'GET', `/v1/console/rooms/${first}`)).body.data;
      await page.keyboard.press('m');
      await until('taken', async () => (await room()).assignee !== null);
      await page.keyboard.press('a');
      await page.waitForSelector('.chooser');
      await one.axe('assigning');
      await page.keyboard.press('End');
      await page.keyboard.press('Escape');
      await until('the list is gone', async () => (await page.$('.chooser')) === null);
      await page.keyboard.press('s');
      await page.waitForSelector('.chooser');
      await page.keyboard.press('Enter');
      await until('snoozed', async () => (await room()).status === 'waiting');
      await page.keyboard.press('z');
      await until('not snoozed any more', async () => (await room()).status === 'open');
      await page.keyboard.press('e');
      await until('closed', async () => (await room()).status === 'closed');
      await one.axe('closed, with its undo');
      await page.keyboard.press('z');
      await until('open again', async () => (await room()).status === 'open');
      await page.keyboard.press('r');
      assert((await page.evaluate(() => document.activeElement?.id)) === 'composer', 'r is in the composer');
      const before = page.url();
      await page.keyboard.type('abcdefghijklmnopqrstuvwxyz?/[]');
      assert(page.url() === before && (await page.$('dialog[open]')) === null, 'letters in a field are letters');
      assert((await page.inputValue('#composer')) === 'abcdefghijklmnopqrstuvwxyz?/[]', 'all of them');
      await page.keyboard.press('Escape');
      assert((await page.evaluate(() => document.activeElement?.id)) === 'rooms', 'Escape is back in the list');
      await one.thaiKey('Slash', 'ฦ', { shift: true });
      await page.waitForSelector('dialog[open] .help');
      await one.axe('the help sheet');
      await page.keyboard.press('Escape');
      await until('the sheet is gone', async () => (await page.$('dialog[open]')) === null);
      assert((await page.evaluate(() => document.activeElement !== document.body)), 'the focus is never lost');
      // Keys that are typed right after the palette's belong to the palette.
      await one.thaiKey('KeyK', 'า', { ctrl: true });
      await page.keyboard.type('ลูก');
      assert((await page.inputValue('.chooser-input')) === 'ลูก', 'the palette has every key');
      await page.keyboard.press('Escape');
    },
  },
  {
    name: 'a draft survives a reload and another browser, and is gone after sending',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Ue${tag}`, `ร่าง ${tag}`);
      await customer.says('ถามหน่อยครับ');
      const one = await person();
      await open(one, tag);
      await one.page.click('#composer');
      await one.page.keyboard.type('ยังเขียนไม่เสร็จ');
      const room = new URL(one.page.url()).searchParams.get('room');
      await until('it is on the server', async () => (await inPage(one, 'GET', `/v1/console/rooms/${room}/draft`)).body.data?.content === 'ยังเขียนไม่เสร็จ');
      await one.page.reload();
      await until('after a reload', async () => (await one.page.inputValue('#composer').catch(() => '')) === 'ยังเขียนไม่เสร็จ');
      const two = await person();
      await open(two, tag);
      await until('in another browser', async () => (await two.page.inputValue('#composer')) === 'ยังเขียนไม่เสร็จ');
      await one.page.focus('#composer');
      await one.page.keyboard.press('Control+Enter');
      await until('sent', async () => (await count(one, 'ยังเขียนไม่เสร็จ')) === 1);
      await until('no draft is left', async () => !(await inPage(one, 'GET', `/v1/console/rooms/${room}/draft`)).body.data?.content);
    },
  },
  {
    name: 'without a network nothing is lost, and everything goes out once',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Uf${tag}`, `เน็ต ${tag}`);
      await customer.says('ฮัลโหล');
      const one = await person();
      await open(one, tag);
      await until('live', () => one.page.$('.connection.live'));
      await one.context.setOffline(true);
      await one.page.waitForSelector('.connection.offline');
      await one.axe('offline');
      await one.page.click('#composer');
      await one.page.keyboard.type(`ออฟไลน์ ${tag}`);
      await one.page.keyboard.press('Control+Enter');
      await one.page.waitForSelector('.bubble.parcel');
      await customer.says(`ระหว่างนั้น ${tag}`);
      await one.context.setOffline(false);
      await one.page.waitForSelector('.connection.live', { timeout: 20_000 });
      await one.page.waitForSelector(`.bubble-body:has-text("ระหว่างนั้น ${tag}")`);
      await until('sent once', async () => (await count(one, `ออฟไลน์ ${tag}`)) === 1, 20_000);
      await until('no parcel is left', async () => (await one.page.$('.bubble.parcel')) === null);
      assert((await bubbles(one, `ออฟไลน์ ${tag}`).count()) === 1, 'one bubble');
    },
  },
  ...[
    { name: '3 seconds', seconds: 3 },
    { name: '3 minutes', seconds: 180 },
    // Three days: the server's log of changes is kept for two.
    { name: 'longer than the log of changes', seconds: 3 * 86_400, isBeyond: true },
  ].map(({ name, seconds, isBeyond }) => ({
    name: `after a cut of ${name} everything that happened is there, once, and what was written goes out once`,
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Un${tag}`, `สาย ${tag}`);
      const other = new Customer(server, `Uo${tag}`, `สายสอง ${tag}`);
      await customer.says('ถามหน่อยค่ะ');
      await new Customer(server, `Up${tag}`, `สายสาม ${tag}`).says('ซื้อแล้วค่ะ');
      const colleague = await open0(person);
      const one = await person();
      const { page } = one;
      // The page's clock is moved, so that nobody waits for days.
      await page.clock.install();
      await open(one, `สาย ${tag}`);
      await until('live', () => page.$('.connection.live'));
      await one.context.setOffline(true);
      await page.waitForSelector('.connection.offline');
      await page.click('#composer');
      await page.keyboard.type(`ระหว่างตัด ${tag}`);
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('.bubble.parcel');
      for (let n = 1; n <= (isBeyond ? 120 : 3); n++) await customer.says(`ที่พลาดไป ${n} ${tag}`);
      await other.says(`ห้องใหม่ ${tag}`);
      const found = await inPage(colleague, 'POST', '/v1/console/rooms/enquiry', { keyword: `สายสาม ${tag}`, order: 'recent' });
      const closed = await inPage(colleague, 'PATCH', `/v1/console/rooms/${found.body.data.value[0].id}`, { status: 'closed' });
      assert(closed.status === 200, `a colleague closes a room: ${JSON.stringify(closed.body)}`);
      await page.clock.fastForward(seconds * 1000);
      if (isBeyond) {
        // The server is asked from a change that its log has no more: the id of one of three days ago.
        const old = (Date.now() - seconds * 1000).toString(16).padStart(12, '0');
        await page.route('**/v1/console/stream**', (route) => {
          const url = new URL(route.request().url());
          if (url.searchParams.has('after')) url.searchParams.set('after', `${old.slice(0, 8)}-${old.slice(8)}-7000-8000-000000000001`);
          return route.continue({ url: url.href });
        });
      }
      one.requests.length = 0;
      await one.context.setOffline(false);
      await page.clock.runFor(12_000);
      await page.waitForSelector('.connection.live', { timeout: 20_000 });
      const last = `ที่พลาดไป ${isBeyond ? 120 : 3} ${tag}`;
      // Who was away may stand where the new messages begin, and goes to the last by a press.
      await until('the last of what was missed', async () => {
        if (await page.locator(`.bubble-body:has-text("${last}")`).first().isVisible()) return true;
        await page.locator('.to-end').click({ timeout: 500 }).catch(() => {});
        return false;
      }, 20_000);
      await page.waitForSelector(row(`สายสอง ${tag}`), { timeout: 20_000 });
      await until('what was closed is gone', async () => (await page.$(row(`สายสาม ${tag}`))) === null, 20_000);
      if (isBeyond) assert(one.requests.some((url) => url.endsWith('/rooms/enquiry')), 'the list is loaded anew');
      await until('sent once', async () => (await count(one, `ระหว่างตัด ${tag}`)) === 1, 20_000);
      await until('no parcel is left', async () => (await page.$('.bubble.parcel')) === null, 20_000);
      assert((await bubbles(one, last).count()) === 1, 'what was missed stands there once');
      assert((await bubbles(one, `ระหว่างตัด ${tag}`).count()) === 1, 'one bubble');
      assert((await page.locator(row(`สาย ${tag}`)).count()) === 1, 'one row');
    },
  })),
  {
    name: 'an answer that is lost after the server stored it is not sent twice',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Ug${tag}`, `หาย ${tag}`);
      await customer.says('ส่งรึยัง');
      const one = await person();
      await open(one, tag);
      let lost = 0;
      await one.page.route('**/v1/console/rooms/*/messages', async (route) => {
        if (route.request().method() !== 'POST' || lost) return route.continue();
        lost += 1;
        await route.fetch();
        await route.abort('connectionreset');
      });
      await one.page.click('#composer');
      await one.page.keyboard.type(`ครั้งเดียว ${tag}`);
      await one.page.keyboard.press('Control+Enter');
      await until('no parcel is left', async () => lost === 1 && (await one.page.$('.bubble.parcel')) === null, 20_000);
      assert((await count(one, `ครั้งเดียว ${tag}`)) === 1, 'stored once');
      assert((await bubbles(one, `ครั้งเดียว ${tag}`).count()) === 1, 'shown once');
    },
  },
  {
    name: 'a template is taken by its name, a picture is sent, a colleague is mentioned',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Uk${tag}`, `แนบ ${tag}`);
      await customer.says('ขอดูรูปหน่อย');
      const one = await person();
      await one.go('/account');
      await one.page.waitForSelector('.account');
      const made = await inPage(one, 'POST', '/v1/console/replies', { name: `hi${tag}`, titleTh: 'ทักทาย', titleEn: 'Greeting', textTh: 'สวัสดีค่ะ {name}', textEn: 'Hello {name}' });
      assert(made.status === 201, `a template is made: ${JSON.stringify(made.body)}`);
      await open(one, tag);
      await one.page.click('#composer');
      await one.page.keyboard.type(`/hi${tag}`);
      await one.page.waitForSelector('.templates [role=option]');
      await one.axe('templates');
      await one.page.keyboard.press('Tab');
      await until('the template stands in the composer', async () => (await one.page.inputValue('#composer')).endsWith(`แนบ ${tag}`));
      await one.page.keyboard.press('Control+Enter');
      await until('it is sent', async () => (await stored(one)).some((message) => message.content.endsWith(`แนบ ${tag}`)));
      const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
      await one.page.setInputFiles('.composer input[type=file]', { name: 'รูป.png', mimeType: 'image/png', buffer: png });
      await one.page.waitForSelector('.staged > li.ready');
      await one.page.click('#send');
      await until('the picture is stored', async () => (await stored(one)).some((message) => message.type === 'image'));
      await one.page.waitForSelector('.bubble.ours img.media');
      await one.axe('a picture in the thread');
      await one.page.focus('#rooms');
      await one.page.keyboard.press('n');
      await one.page.keyboard.type('ดู @');
      await one.page.waitForSelector('.templates [role=option]');
      await one.page.keyboard.press('Enter');
      assert(/@\S/.test(await one.page.inputValue('#composer')), 'the name stands in the note');
      await one.page.keyboard.press('Control+Enter');
      await one.page.waitForSelector('.bubble.note:not(.parcel)');
      const room = new URL(one.page.url()).searchParams.get('room');
      await until('the colleague is mentioned', async () => (await inPage(one, 'GET', `/v1/console/rooms/${room}/notes`)).body.data.value[0]?.mentions.length === 1);
    },
  },
  {
    name: 'two people want one room: one has it, the other hears who',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Uj${tag}`, `สองคน ${tag}`);
      await customer.says('มีใครอยู่ไหม');
      const first = await open0(person);
      const roles = (await inPage(first, 'GET', '/v1/setting/roles')).body.data.value;
      const role = roles.find((one) => one.nameEn === 'Agent') ?? roles[0];
      const made = await inPage(first, 'POST', '/v1/console/users', { email: `nok.${tag}@example.com`, firstname: 'นก', lastname: tag, nickname: `นก ${tag}`, roleId: role.id });
      assert(made.status === 201, `a colleague is invited: ${JSON.stringify(made.body)}`);
      const other = made.body.data.user;
      const one = await person();
      // This person's page does not hear that somebody else was quicker.
      await one.page.route('**/v1/console/stream**', (route) => route.abort());
      await open(one, tag);
      const room = new URL(one.page.url()).searchParams.get('room');
      const given = await inPage(first, 'PATCH', `/v1/console/rooms/${room}`, { assignee: other.id });
      assert(given.status === 200, `the colleague has it: ${JSON.stringify(given.body)}`);
      await one.page.focus('#rooms');
      await one.page.keyboard.press('m');
      await one.page.waitForSelector('.toast.bad');
      await until('the winner stands there', async () => (await one.page.innerText('.thread-head')).includes(other.nickname));
      await one.axe('the room is taken');
    },
  },
  {
    name: 'on a phone: list, room, back; everything within 360 pixels',
    async run({ person, server, tag }) {
      const customer = new Customer(server, `Uh${tag}`, `มือถือ ${tag}`);
      await customer.says('ข้อความยาวมากๆ'.repeat(12));
      const one = await person({ width: 360, height: 740 });
      await one.go('/inbox?view=open');
      await one.page.waitForSelector(row(tag));
      await one.axe('phone, list');
      await one.page.click(row(tag));
      await one.page.waitForSelector('.thread .bubble');
      await one.axe('phone, room');
      const wide = await one.page.evaluate(() => document.documentElement.scrollWidth);
      assert(wide <= 360, `nothing is wider than the screen: ${wide}`);
      await one.page.click('.thread-head .phone');
      await one.page.waitForSelector(row(tag));
    },
  },
  {
    name: 'dark colours hold the contrast',
    async run({ person, server, tag }) {
      await new Customer(server, `Ui${tag}`, `มืด ${tag}`).says('ค่ำแล้ว');
      const one = await person({ scheme: 'dark' });
      await open(one, tag);
      await one.axe('dark inbox');
    },
  },
];
