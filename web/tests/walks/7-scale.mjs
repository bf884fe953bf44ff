import { assert, inPage, keysWithinBudget, until } from '../harness.mjs';
import { fill, LONG_ROOM, nameOf, RARE, roomId } from '../crowd.mjs';

const rooms = '#rooms [role=option]';

export default [
  {
    name: 'with 1,000,000 messages in 100,000 rooms the inbox opens, scrolls, finds and answers within its budgets',
    async run({ person, serverWith, tag }) {
      const at = await serverWith(fill);
      const one = await person({ at, state: undefined });
      const { page } = one;
      page.setDefaultTimeout(30_000);
      await one.signIn('/inbox?view=queue');
      await page.waitForSelector(rooms);
      await one.axe('the queue of a large company');

      // Down the list page after page; only what is on screen is in the document.
      await until('300 rooms are loaded', async () => {
        const last = await page.$$eval(rooms, (all) => Math.max(...all.map((row) => Number(row.getAttribute('aria-posinset')))));
        await page.evaluate(() => { const list = document.querySelector('#rooms'); list.scrollTop = list.scrollHeight; });
        return last > 300;
      }, 60_000);
      const drawn = await page.locator(rooms).count();
      assert(drawn < 100, `${drawn} rows are in the document`);

      await one.go('/inbox?view=open');
      await page.waitForSelector(rooms);
      await page.evaluate(() => document.querySelector('main').focus());
      const room = () => new URL(page.url()).searchParams.get('room');
      const press = async (key) => {
        const before = room();
        await page.keyboard.press(key);
        await until('the next room', () => room() !== before);
        // One room of the demo has no message yet.
        await page.waitForSelector('.thread .bubble, .thread .state');
      };
      await keysWithinBudget(one, press);

      // A customer by name, and the answer.
      await one.go('/inbox?view=open');
      await page.waitForSelector(rooms);
      await page.fill('#filter', nameOf(54_321));
      await page.press('#filter', 'Enter');
      await until('the one room of that name', async () => (await page.locator(rooms).count()) === 1 && (await page.locator(rooms).innerText()).includes(nameOf(54_321)), 30_000);
      await page.click(rooms);
      await page.waitForSelector('.thread .bubble');
      await page.click('#composer');
      await page.keyboard.type(`พรุ่งนี้ค่ะ ${tag}`);
      await page.keyboard.press('Control+Enter');
      const said = async () => (await inPage(one, 'GET', `/v1/console/rooms/${roomId(54_321)}/messages?take=100`)).body.data.value;
      await until('the answer is stored once', async () => (await said()).filter((message) => message.content === `พรุ่งนี้ค่ะ ${tag}`).length === 1, 30_000);
      await until('and stands there once', async () => (await page.locator('.bubble.ours', { hasText: `พรุ่งนี้ค่ะ ${tag}` }).count()) === 1 && (await page.$('.bubble.parcel')) === null, 30_000);

      // What was said, by a word that one message of a million has.
      await one.go(`/search?q=${encodeURIComponent(RARE)}`);
      await page.waitForSelector(`.result:has-text("${RARE}")`);

      // A room with a hundred thousand messages, twenty pages back.
      await one.go(`/inbox?view=open&room=${roomId(LONG_ROOM)}`);
      await page.waitForSelector('.thread .bubble');
      const pages = () => new Set(one.requests.filter((url) => url.includes(`/rooms/${roomId(LONG_ROOM)}/messages`) && url.includes('before='))).size;
      await until('twenty pages', async () => {
        await page.evaluate(() => { const thread = document.querySelector('.thread'); thread.scrollTop = thread.scrollTop === 0 ? 60 : 0; });
        return pages() >= 20;
      }, 90_000);
      const bubbles = await page.locator('.thread .bubble').count();
      assert(bubbles < 150, `${bubbles} messages are in the document`);
    },
  },
];
