import { assert, Customer, inPage, until } from '../harness.mjs';

const answer = (data) => ({ status: 200, contentType: 'application/json', body: JSON.stringify({ status: { code: '1000', description: 'Success' }, data }) });

export default [
  {
    name: 'LINE is connected in four steps, with the keyboard, each step checked live',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      // LINE itself is played here: this browser reaches nobody but the server.
      const said = { token: false, providerName: null, providerId: null, endpoint: null, isOurs: false, isUsed: false, lastCallbackAt: null, problem: 'LINE answers 401', webhookTest: null, account: null };
      await page.route('**/v1/accounts/*/check', (route) => route.fulfill(answer(said)));
      await one.go('/channels');
      await page.waitForSelector('.table');
      await one.axe('channel accounts');
      await page.keyboard.press('c');
      await page.waitForSelector('.steps form');
      await one.axe('connecting LINE');
      await page.focus('[name=name]');
      await page.fill('[name=name]', '');
      await page.keyboard.press('Control+Enter');
      await until('faults at the fields', async () => (await page.$$('.field.wrong')).length >= 3);
      await one.axe('faults while connecting');
      await page.fill('[name=name]', `ร้านน้ำปั่น ${tag}`);
      await page.fill('[name=channelSecret]', 'secret');
      await page.fill('[name=accessToken]', 'token');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector(`h1:has-text("ร้านน้ำปั่น ${tag}")`);
      await page.waitForSelector('.step.now .notice.bad');
      await one.axe('a token that LINE refuses');
      const id = decodeURIComponent(page.url().split('/').at(-1));
      assert((await page.innerText('.steps')).includes(`/channels/line/${id}`), 'the address to enter is shown');
      const step = async (number) => until(`step ${number}`, async () => (await page.$$('.step.done')).length === number - 1 && (number > 4 || (await page.$(`.step.now:nth-child(${number})`)) !== null), 15_000);
      Object.assign(said, { token: true, providerName: 'Nam Pan', providerId: '@nampan', problem: null });
      await step(3);
      Object.assign(said, { endpoint: 'https://example.com/other' });
      await page.waitForSelector('.step.now .notice.warn:has-text("example.com/other")', { timeout: 15_000 });
      // The server enters its own address; what stands there is replaced only after a question.
      let entered = 0;
      await page.route('**/v1/accounts/*/webhook', (route) => {
        entered += 1;
        Object.assign(said, { endpoint: `https://sala.example.com/channels/line/${id}`, isOurs: true, isUsed: false });
        return route.fulfill(answer({ ...said, webhookTest: { success: true, status: 200, reason: 'OK', detail: '200' } }));
      });
      await page.click('#enter-webhook');
      await page.waitForSelector('dialog[open] .button.danger');
      assert(entered === 0, 'nothing is replaced before the answer');
      await one.axe('asking before the address is replaced');
      await page.click('dialog[open] .button.danger');
      await until('the address is entered', async () => entered === 1 && (await page.$('#enter-webhook')) === null);
      await page.waitForSelector('.step.now .notice.warn');
      Object.assign(said, { isUsed: true });
      await step(4);
      await one.axe('three steps are done');
      Object.assign(said, { lastCallbackAt: Date.now() });
      await step(5);
      await one.axe('all four steps are done');
      // Its name is changed, and it is taken out of use.
      await page.keyboard.press('i');
      await page.waitForSelector('[name=latePush]');
      await page.selectOption('[name=latePush]', 'no');
      await page.keyboard.press('Control+Enter');
      await until('saved', async () => (await inPage(one, 'GET', `/v1/accounts/${id}`)).body.data.latePush === 'no');
      await page.click('.page-head .button.danger');
      await page.waitForSelector('dialog[open]');
      await one.axe('asking before taking it out of use');
      await page.click('dialog[open] .button.danger');
      await until('out of use', async () => (await inPage(one, 'GET', `/v1/accounts/${id}`)).status === 404);
    },
  },
  {
    name: 'an API client is made, its secret shown once, renewed, taken out of use and put back',
    async run({ person, server, tag }) {
      const one = await person();
      const { page } = one;
      await one.go('/clients');
      await page.waitForSelector('.table');
      await page.keyboard.press('c');
      await page.waitForSelector('.scopes');
      await one.axe('a new client');
      await page.fill('[name=name]', `Shop ${tag}`);
      await page.check('[name="setting:read"]');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('dialog[open] code');
      await one.axe('the secrets of a client');
      const [id, secret] = await page.$$eval('dialog[open] code', (all) => all.map((code) => code.textContent));
      const token = async (text) => {
        const got = await fetch(`${server.url}/authorization/connect/token`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: text }) });
        return got.status;
      };
      assert((await token(secret)) === 200, 'the secret that was shown is good');
      await page.keyboard.press('Escape');
      await page.waitForSelector(`h1:has-text("Shop ${tag}")`);
      await one.axe('a client');
      await page.click('.page-head .button:not(.danger):not(.only)');
      await page.click('dialog[open] .button.danger');
      await page.waitForSelector('dialog[open] code');
      const [, renewed] = await page.$$eval('dialog[open] code', (all) => all.map((code) => code.textContent));
      assert(renewed !== secret && (await token(renewed)) === 200 && (await token(secret)) !== 200, 'only the new secret is good');
      await page.keyboard.press('Escape');
      await page.click('.page-head .button.danger');
      await until('out of use', async () => (await token(renewed)) !== 200);
      await page.click('.toast .button');
      await until('back in use', async () => (await token(renewed)) === 200);
    },
  },
  {
    name: 'jobs that failed are listed with their reason and run again; the system says what needs an eye',
    async run({ person }) {
      const one = await person();
      const { page } = one;
      let failed = [{ kind: 'media', key: '0190', tries: 60, error: 'the disk is full' }];
      const asked = [];
      await page.route('**/v1/jobs/failed*', (route) => route.fulfill(answer({ value: failed, total: failed.length })));
      await page.route('**/v1/jobs/failed/retry', (route) => {
        asked.push(route.request().postDataJSON());
        failed = [];
        return route.fulfill(answer({ retried: 1 }));
      });
      await one.go('/jobs');
      await page.waitForSelector('td:has-text("the disk is full")');
      await one.axe('failed jobs');
      await page.keyboard.press('j');
      await page.keyboard.press('r');
      await page.waitForSelector('.state');
      assert(JSON.stringify(asked) === '[{"kind":"media","key":"0190"}]', JSON.stringify(asked));
      await one.axe('no failed job');
      await one.go('/system');
      await page.waitForSelector('.timeline .chip');
      await one.axe('the system');
      const text = await page.innerText('main');
      assert(/\d+\.\d+\.\d+/.test(text) && (text.includes("SQLite") || text.includes("PostgreSQL")), text);
    },
  },
  {
    name: 'working hours and the time to an answer are set, and the inbox shows how much of it is left',
    async run({ person, server, tag, lang }) {
      const one = await person();
      const { page } = one;
      const card = (th, en) => page.getByRole('region', { name: lang === 'th' ? th : en, exact: true });
      const setting = async () => { const { data } = (await inPage(one, 'GET', '/v1/setting')).body; return data.setting ?? data; };
      try {
        await one.go('/settings');
        const hours = card('เวลาทำการ', 'Working hours');
        await hours.locator('.button').first().click();
        await hours.locator('button[type=submit]').waitFor();
        await one.axe('working hours');
        await hours.locator('button[type=submit]').click();
        await until('five days are kept', async () => (await setting()).businessHours.length === 5);
        const answers = card('การตอบลูกค้า', 'Answers to customers');
        await answers.locator('.button').first().click();
        await page.fill('[name="inbox.responseMinutes"]', '0');
        await page.keyboard.press('Control+Enter');
        await answers.locator('.field.wrong').waitFor();
        await one.axe('a time that cannot be');
        await page.fill('[name="inbox.responseMinutes"]', '45');
        await page.keyboard.press('Control+Enter');
        await until('the time is kept', async () => (await setting()).inbox.responseMinutes === 45);
        const rules = card('ใครได้รับการสนทนาใหม่', 'Who gets new conversations');
        await rules.locator('.button').first().click();
        await rules.locator('button[type=submit]').waitFor();
        await one.axe('who gets new conversations');
        await new Customer(server, `Uq${tag}`, `นาฬิกา ${tag}`).says('รออยู่ค่ะ');
        await one.go('/inbox?view=open');
        const row = page.locator('#rooms [role=option]', { hasText: `นาฬิกา ${tag}` });
        await row.locator('.room-marks .chip').first().waitFor();
        const found = await inPage(one, 'POST', '/v1/console/rooms/enquiry', { keyword: `นาฬิกา ${tag}`, order: 'recent' });
        assert(found.body.data.value[0].respondBy > Date.now(), JSON.stringify(found.body.data.value[0]));
        await one.axe('a clock in the list');
      } finally {
        await inPage(one, 'PUT', '/v1/setting', { businessHours: [], inbox: { responseMinutes: null } });
      }
    },
  },
  {
    name: 'an entry of a look-up list is added, changed, taken out of use and back; a rate keeps its figure',
    async run({ person, tag, lang }) {
      const one = await person();
      const { page } = one;
      await one.go('/settings');
      const list = page.getByRole('region', { name: lang === 'th' ? 'รายการตัวเลือก' : 'Look-up lists', exact: true });
      await list.locator('select').selectOption('vat-rates');
      await list.getByRole('list').filter({ hasText: 'VAT' }).waitFor();
      await list.locator('.button:has(svg)').last().click();
      await page.waitForSelector('dialog[open] [name=name]');
      await one.axe('a new entry');
      await page.fill('dialog[open] [name=name]', `VAT ${tag}`);
      await page.fill('dialog[open] [name="detail.rate"]', '700');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('dialog[open] .field.wrong');
      await page.fill('dialog[open] [name="detail.rate"]', '7.5');
      await page.keyboard.press('Control+Enter');
      const entry = async () => (await inPage(one, 'GET', '/v1/setting/vat-rates')).body.data.value.find((each) => each.name.includes(tag));
      await until('it is there', async () => (await entry())?.detail?.rate === 7.5);
      const row = page.locator('.entries li', { hasText: tag });
      await row.locator('.button').first().click();
      await page.fill('dialog[open] [name=nameEn]', `Vat ${tag}`);
      await page.keyboard.press('Control+Enter');
      await until('it has an English name and its rate', async () => { const now = await entry(); return now.nameEn === `Vat ${tag}` && now.detail.rate === 7.5; });
      await page.waitForSelector('dialog', { state: 'detached' });
      await row.locator('input[type=checkbox]').click();
      await until('out of use', async () => (await entry()).isActive === false);
      await page.locator('.toast .button', { hasText: /z|./ }).last().waitFor();
      await page.keyboard.press('Escape');
      await page.evaluate(() => document.querySelector('main').focus());
      await page.keyboard.press('z');
      await until('in use again', async () => (await entry()).isActive === true);
      await one.axe('look-up lists');
    },
  },
];
