// Walks through the console in a real browser against the real program, each in Thai and in English.
//
//   node tests/run.mjs BINARY [PART OF A NAME…]
//
// The last line counts them.
import { readdirSync } from 'node:fs';
import { launch, Person } from './harness.mjs';
import { startServer } from './server.mjs';

const [binary, ...only] = process.argv.slice(2);
if (!binary) {
  console.error('usage: node tests/run.mjs BINARY [PART OF A NAME…]');
  process.exit(2);
}

const walks = [];
for (const file of readdirSync(new URL('./walks/', import.meta.url)).sort()) {
  if (file.endsWith('.mjs')) walks.push(...(await import(`./walks/${file}`)).default);
}

// Names of this run, so that it can be repeated against a server that goes on.
const run = Date.now().toString(36).slice(-5);

const server = await startServer(binary);
const browser = await launch();
let passed = 0;
let failed = 0;
try {
  for (const lang of ['th', 'en']) {
    const first = await new Person(server, browser, lang).begin();
    await first.signIn();
    const state = await first.context.storageState();
    await first.end();
    for (const walk of walks) {
      const name = `${lang} ${walk.name}`;
      if (only.length && !only.some((part) => name.includes(part))) continue;
      const people = [];
      const person = async (options = {}) => {
        const one = await new Person(server, browser, lang, { state, ...options }).begin();
        people.push(one);
        return one;
      };
      const begun = Date.now();
      try {
        await walk.run({ server, browser, lang, person, tag: `${run}${lang}${walks.indexOf(walk)}` });
        for (const one of people) await one.end();
        passed += 1;
        console.log(`ok    ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL  ${name}\n    ${error.stack ?? error}`);
        for (const [index, one] of people.entries()) {
          if (process.env.SALA_WALK_PICTURES) await one.page.screenshot({ path: `${process.env.SALA_WALK_PICTURES}/${name.replaceAll(/[^\w]+/g, '-')}-${index}.png` }).catch(() => {});
          await one.context.close().catch(() => {});
        }
      }
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
