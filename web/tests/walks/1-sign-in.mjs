import { assert, inPage, until } from '../harness.mjs';

export default [
  {
    name: 'sign in, with a wrong password first, and out again',
    async run({ person, server }) {
      const one = await person({ state: undefined });
      const { page } = one;
      await one.go('/');
      await page.waitForSelector('#email');
      await one.axe('sign in');
      assert((await page.evaluate(() => document.activeElement?.id)) === 'email', 'the e-mail has the focus');
      await page.keyboard.type(server.email);
      await page.keyboard.press('Tab');
      await page.keyboard.type('not the password');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.notice.bad[role=alert]');
      await one.axe('wrong password');
      await page.fill('#password', server.password);
      await page.press('#password', 'Enter');
      await page.waitForSelector('.house');
      const cookies = await one.context.cookies();
      assert(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === 'Lax'), 'the cookie is HttpOnly and SameSite=Lax');
      assert((await page.evaluate(() => JSON.stringify(localStorage) + JSON.stringify(sessionStorage))).includes(server.password) === false, 'no secret in storage');
      await page.keyboard.press('Control+k');
      await page.waitForSelector('.chooser');
      await one.axe('palette');
      await page.keyboard.press('Escape');
      await one.go('/account');
      await page.waitForSelector('.account');
      await one.axe('account');
      await page.click('.page-head .button');
      await page.waitForSelector('#email');
    },
  },
  {
    name: 'the page speaks the language, React Aria too',
    async run({ person, lang }) {
      const one = await person();
      await one.go('/customers/new');
      await one.page.waitForSelector('.date-picker');
      assert((await one.page.getAttribute('html', 'lang')) === lang, 'the page names its language');
      await one.page.click('.date-picker button');
      await one.page.waitForSelector('.calendar');
      const labels = await one.page.$$eval('.calendar button', (buttons) => buttons.map((button) => button.getAttribute('aria-label') ?? ''));
      const thai = labels.some((label) => label.includes('ถัดไป')) && labels.some((label) => label.includes('ก่อนหน้า'));
      assert(thai === (lang === 'th'), `React Aria's own words: ${labels.join(', ')}`);
      if (lang === 'th') assert((await one.page.textContent('.calendar-title')).includes(String(new Date().getFullYear() + 543)), 'the calendar has Buddhist years');
      await one.axe('calendar');
      await one.page.keyboard.press('Escape');
      await until('the calendar is gone', async () => (await one.page.$('.calendar')) === null);
      const body = await one.page.innerText('main');
      assert(/[\u0e00-\u0e7f]/.test(body) === (lang === 'th'), 'the words of the form are in the language');
    },
  },
  {
    name: 'single sign-on is set up, stands on the sign-in page, and says why it let nobody in',
    async run({ person, lang, tag }) {
      const owner = await person();
      const { page } = owner;
      await owner.go('/settings');
      const card = page.locator('section.card', { has: page.locator('h2', { hasText: 'SSO' }).or(page.locator('h2', { hasText: 'Single sign-on' })) });
      await card.locator('.bar .button').first().click();
      await page.waitForSelector('dialog[open] [name=issuer]');
      await owner.axe('a new identity provider');
      await page.fill('[name=name]', `บัญชีบริษัท ${tag}`);
      await page.fill('[name=nameEn]', `Company account ${tag}`);
      await page.fill('[name=issuer]', 'http://id.example.com');
      await page.fill('[name=clientId]', 'sala');
      await page.fill('[name=secret]', 'secret');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('dialog[open] .field.wrong [name=issuer]');
      await page.fill('[name=issuer]', 'https://id.example.com');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('dialog[open] code');
      await owner.axe('the address that leads back');
      const id = /oidc\/(.+)\/callback/.exec(await page.textContent('dialog[open] code'))[1];

      const one = await person({ state: undefined });
      await one.go('/?sso=unknown');
      await one.page.waitForSelector('.sso .button');
      await one.axe('sign in, with single sign-on');
      const thai = (text) => /[\u0e00-\u0e7f]/.test(text) === (lang === 'th');
      assert(thai(await one.page.innerText('.notice.bad[role=alert]')), 'the reason is in the language');
      const button = one.page.locator('.sso .button', { hasText: tag });
      assert((await button.getAttribute('href')).startsWith(`/v1/auth/oidc/${id}/start?path=`), 'the button leads to the provider');
      assert((await button.innerText()) === (lang === 'th' ? `บัญชีบริษัท ${tag}` : `Company account ${tag}`), 'the button is in the language');
      await one.page.route('**/v1/auth/oidc*', (route) => route.fulfill({ status: 200, contentType: 'application/json', body: JSON.stringify({ data: { companyId: 1, ssoOnly: true, value: [{ id, name: 'SSO', nameEn: null }] } }) }));
      await one.go('/');
      await until('no password is asked for', async () => (await one.page.$('.sso .button')) !== null && (await one.page.$('#password')) === null);
      await one.axe('sign in by single sign-on only');
      await one.page.click('.gate-card > .button.quiet');
      await one.page.waitForSelector('#password');

      const gone = await inPage(owner, 'DELETE', `/v1/console/sso/${encodeURIComponent(id)}`);
      assert(gone.status === 200, 'it is taken away again');
    },
  },
];
