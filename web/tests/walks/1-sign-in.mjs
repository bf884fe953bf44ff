import { assert, until } from '../harness.mjs';

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
];
