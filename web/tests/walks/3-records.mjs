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
      await until('the history tells of the other change', async () => (await page.locator('.record > div:last-child .timeline > li').count()) === 2);
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
    name: 'what somebody else changes is seen without a reload, on a record and in a list',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      const code = `LIVE-${tag}`;
      const rename = async (name) => {
        const saved = await inPage(one, 'POST', '/v3/customers', { customerCode: code, customerName: `${name} ${tag}`, customerState: 1 });
        assert(saved.status < 300, `saved: ${saved.status}`);
      };
      await one.go('/customers');
      await rename('ก่อนแก้');
      await one.go(`/customers/${code}`);
      await page.waitForSelector(`h1:has-text("ก่อนแก้ ${tag}")`);
      await until('the stream is open', async () => (await page.locator('.connection.live').count()) > 0);
      await rename('หลังแก้');
      await page.waitForSelector(`h1:has-text("หลังแก้ ${tag}")`);
      await one.go(`/customers?q=${encodeURIComponent(tag)}`);
      await page.waitForSelector(`td:has-text("หลังแก้ ${tag}")`);
      await rename('แก้อีก');
      await page.waitForSelector(`td:has-text("แก้อีก ${tag}")`);
    },
  },
  {
    name: 'what is typed into a form is kept: a day, a number that is none, a search that is left, a question before it is lost',
    async run({ person, tag, lang }) {
      const one = await person();
      const { page } = one;
      await one.go('/deals/new');
      await until('the first field has the focus', () => page.evaluate(() => document.activeElement?.getAttribute('name') === 'dealName'));
      await page.keyboard.type(`ดีล ${tag}`);
      const isKept = async (after) => assert((await page.inputValue('[name=dealName]')) === `ดีล ${tag}`, `what was typed is kept after ${after}`);
      await page.locator('.pick').first().click();
      await page.waitForSelector('dialog[open] [role=option]');
      await page.keyboard.press('Escape');
      await page.waitForSelector('dialog', { state: 'detached' });
      await isKept('a search');
      const ways = {
        Escape: async () => { await page.focus('[name=dealName]'); await page.keyboard.press('Escape'); },
        'another screen': () => page.click('.sidebar a[href$="/customers"]'),
      };
      for (const [way, go] of Object.entries(ways)) {
        await go();
        await page.waitForSelector('dialog[open] .button.danger');
        assert(await page.evaluate(() => document.activeElement?.matches('dialog .button.main')), 'the question is answered by Enter');
        if (way === 'Escape') await one.axe('the question before something is lost');
        await page.keyboard.press('Enter');
        await page.waitForSelector('dialog', { state: 'detached' });
        await isKept(way);
      }
      // The year is Buddhist in Thai: the first digits alone are a year before the year 1.
      const year = lang === 'th' ? '2569' : '2026';
      const day = page.locator('.date-picker').nth(1);
      await day.locator('[role=spinbutton]').first().click();
      await page.keyboard.type(`3112${year}`, { delay: 30 });
      assert((await day.locator('[role=spinbutton]').last().innerText()) === year, `the year is typed: ${await day.innerText()}`);
      for (const place of [0, 1]) {
        await page.locator('.pick').nth(place).click();
        await page.waitForSelector('dialog[open] [role=option]');
        await page.keyboard.press('Enter');
        await page.waitForSelector('dialog', { state: 'detached' });
      }
      await page.fill('[name=dealValue]', '1,5oo');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('.field.wrong [name=dealValue]');
      assert(page.url().endsWith('/deals/new') && (await page.inputValue('[name=dealValue]')) === '1,5oo', 'nothing was sent');
      await page.fill('[name=dealValue]', '๑,๕๐๐.๕๐');
      await page.keyboard.press('Control+Enter');
      await page.waitForURL(/\/deals\/\d+$/);
      const { data } = (await inPage(one, 'GET', `/v1/deals/${page.url().split('/').at(-1)}`)).body;
      const deal = data.value ?? data;
      assert(deal.dealsValue === 1500.5 && deal.expectedCloseDate.startsWith('2026-12-31'), JSON.stringify(deal));
      // A form that nobody typed into is left without a question.
      await one.go('/deals/new');
      await page.waitForSelector('[name=dealName]');
      await page.keyboard.press('Escape');
      await page.waitForSelector('[name=dealName]', { state: 'detached' });
    },
  },
  {
    name: 'a product is made with its price, faults stand at their fields, and a code that is there is not overwritten',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      const price = '[name^="price "]';
      const product = async () => (await inPage(one, 'GET', `/v2/products/P-${tag}`)).body.data;
      const fill = async (name) => {
        await one.go('/products/new');
        await page.waitForSelector('[name=productCode]');
        await page.fill('[name=productCode]', `P-${tag}`);
        await page.fill('[name=productName]', name);
        await page.fill('[name=category]', `น้ำปั่น ${tag}`);
        await page.fill('[name=cost]', '10');
        await page.locator(price).first().fill('1,250.50');
      };
      await fill('มะม่วงปั่น');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('.field.wrong [name=productUnitName]');
      await one.axe('a product without a unit');
      assert((await page.inputValue('[name=productName]')) === 'มะม่วงปั่น' && !(await product()), 'what was typed is kept, nothing is made');
      await page.waitForSelector('[name=productUnitName] option:nth-child(2)', { state: 'attached' });
      await page.selectOption('[name=productUnitName]', { index: 1 });
      await page.keyboard.press('Control+Enter');
      await page.waitForURL(new RegExp(`/products/P-${tag}$`));
      await page.waitForSelector('h1:has-text("มะม่วงปั่น")');
      assert((await product()).prices[0].regularPrice === 1250.5, JSON.stringify(await product()));
      await page.keyboard.press('i');
      await page.locator(price).first().fill('1300');
      await page.keyboard.press('Control+Enter');
      await until('the price is changed', async () => (await product()).prices[0].regularPrice === 1300);
      await until('the focus is back', () => page.evaluate(() => document.activeElement?.matches('.page-head .button')));
      await fill('another');
      await page.waitForSelector('[name=productUnitName] option:nth-child(2)', { state: 'attached' });
      await page.selectOption('[name=productUnitName]', { index: 1 });
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('.field.wrong [name=productCode]');
      assert((await product()).productName === 'มะม่วงปั่น', 'what is there stays as it is');
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
