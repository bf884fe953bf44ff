// Pictures of the main screens for the documentation, from the demo company, in both languages.
//
//   node web/tests/pictures.mjs BINARY [FOLDER]
import { mkdirSync } from 'node:fs';
import { launch, Person } from './harness.mjs';
import { startServer } from './server.mjs';

const [binary, folder = new URL('../../docs/pictures/', import.meta.url).pathname] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const server = await startServer(binary);
const browser = await launch();
try {
  for (const lang of ['th', 'en']) {
    const shot = async (name, one) => {
      await one.page.waitForTimeout(600);
      await one.page.screenshot({ path: `${folder}/${name}-${lang}.png` });
    };
    const one = await new Person(server, browser, lang, { width: 1280, height: 760 }).begin();
    await one.signIn('/inbox?view=queue');
    await one.page.waitForSelector('#rooms [role=option]');
    await one.page.evaluate(() => document.querySelector('main').focus());
    await one.page.keyboard.press('j');
    await one.page.waitForSelector('.thread .bubble');
    await shot('inbox', one);
    await one.go('/customers');
    await one.page.waitForSelector('.table');
    await shot('customers', one);
    const state = await one.context.storageState();
    await one.end();
    const phone = await new Person(server, browser, lang, { width: 360, height: 700, state }).begin();
    await phone.go('/inbox?view=queue');
    await phone.page.waitForSelector('#rooms [role=option]');
    await phone.page.click('#rooms [role=option] >> nth=0');
    await phone.page.waitForSelector('.thread .bubble');
    await shot('phone', phone);
    await phone.end();
  }
} finally {
  await browser.close();
  await server.stop();
}
