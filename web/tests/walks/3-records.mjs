import { assert, inPage, until } from '../harness.mjs';

export default [
  {
    name: 'a customer is made, found, changed under its version, and deleted with its undo',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      await one.go('/customers');
      await page.waitForSelector('.table');
      await one.axe('customers');
      await page.keyboard.press('c');
      await page.waitForSelector('form.form');
      await one.axe('a new customer');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('.field.wrong');
      await one.axe('a fault at its field');
      await page.fill('[name=customerName]', `ร้านน้ำปั่น ${tag}`);
      await page.fill('[name=customerMobile]', '081-234-5678');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector(`h1:has-text("ร้านน้ำปั่น ${tag}")`);
      await page.waitForSelector('.pairs');
      await one.axe('a customer');
      const code = decodeURIComponent(page.url().split('/').at(-1));
      // Somebody else changes it while this person edits.
      await page.keyboard.press('i');
      await page.waitForSelector('[name=customerNote]');
      await inPage(one, 'POST', '/v3/customers', { customerCode: code, customerName: `ร้านน้ำปั่น ${tag}`, customerState: 2 });
      await page.fill('[name=customerNote]', 'ลูกค้าประจำ');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('.notice.warn[role=alert]');
      assert((await page.inputValue('[name=customerNote]')) === 'ลูกค้าประจำ', 'what was typed is kept');
      await page.keyboard.press('Control+Enter');
      await until('saved', async () => (await inPage(one, 'GET', `/v3/customers/${code}`)).body.data.customerNote === 'ลูกค้าประจำ');
      assert((await inPage(one, 'GET', `/v3/customers/${code}`)).body.data.customerState === 2, 'the other change is kept');
      await one.go(`/customers?q=${encodeURIComponent(`น้ำปั่น ${tag}`)}`);
      await page.waitForSelector(`td:has-text("ร้านน้ำปั่น ${tag}")`);
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.waitForSelector(`h1:has-text("ร้านน้ำปั่น ${tag}")`);
      await page.click('.page-head .button.danger');
      await page.waitForSelector('dialog[open]');
      await one.axe('asking before deleting');
      await page.click('dialog[open] .button.danger');
      await until('gone', async () => (await inPage(one, 'GET', `/v3/customers/${code}`)).status === 404);
      await page.click('.toast .button');
      await until('back again', async () => (await inPage(one, 'GET', `/v3/customers/${code}`)).status === 200);
    },
  },
  {
    name: 'every screen of the navigation opens without a fault, wide and narrow',
    async run({ person }) {
      for (const width of [1440, 360]) {
        const one = await person({ width, height: 800 });
        await one.go('/customers');
        await one.page.waitForSelector('.fill');
        const links = await one.page.$$eval('.sidebar a.nav-link', (all) => all.map((link) => link.getAttribute('href')));
        assert(links.length >= 5, `links: ${links.join(' ')}`);
        for (const link of [...new Set(links), '/console/search?q=a', '/console/account']) {
          await one.page.goto(`${one.server.url}${link}`);
          await one.page.waitForSelector('main h1');
          await until(`${link} is loaded`, async () => (await one.page.$('main .spinner')) === null);
          assert((await one.page.$('main .state[role=alert]')) === null, `${link} (${width}): ${await one.page.innerText('main')}`);
          await one.axe(`${link} at ${width}`);
          const wide = await one.page.evaluate(() => document.documentElement.scrollWidth);
          assert(wide <= width, `${link} is ${wide} pixels wide on ${width}`);
        }
      }
    },
  },
  {
    name: 'the page of each kind of record opens without a fault on a phone',
    async run({ person }) {
      const one = await person({ width: 360, height: 800 });
      const pages = ['/customers/C000154', '/products/10001', '/orders/SO23010005', '/quotations/Q01230000002', '/quotations/new', '/contracts/CONT250600006', '/contracts/new', '/expenses/1', '/expenses/new', '/deals/1', '/cases/T250200010', '/activities/A20250200028', '/channels/new', '/clients/new', '/webhooks/new'];
      for (const path of pages) {
        await one.go(path);
        await one.page.waitForSelector('main h1');
        await until(`${path} is loaded`, async () => (await one.page.$('main .spinner')) === null);
        assert((await one.page.$('main .state[role=alert]')) === null, `${path}: ${await one.page.innerText('main')}`);
        await one.axe(path);
        const wide = await one.page.evaluate(() => document.documentElement.scrollWidth);
        assert(wide <= 360, `${path} is ${wide} pixels wide`);
      }
    },
  },
];
