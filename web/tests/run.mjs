// Walks through the console in a real browser against the real program, each in Thai and in English.
//
//   node tests/run.mjs BINARY [PART OF A NAME…]
//
// SALA_WALK_LANGUAGES: "th en", the default; or "turns", where the walks are in Thai and in English in turn, which takes half
// the time; or "other turns", where each is in the other language.
//
// The last line counts them.
import { readdirSync } from 'node:fs';
import { launch, Person } from './harness.mjs';
import { engine, startServer } from './server.mjs';

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

const wish = process.env.SALA_WALK_LANGUAGES ?? 'th en';
const isInTurn = wish.endsWith('turns');
const languages = isInTurn ? ['th', 'en'] : wish.split(/[\s,]+/);
const turn = wish === 'turns' ? 0 : 1;
const isWanted = (index, lang) => !isInTurn || languages[(index + turn) % 2] === lang;

console.log(`the walks on ${engine}, ${isInTurn ? 'in Thai and in English in turn' : `in ${languages.join(' and ')}`}`);
const server = await startServer(binary);
// Servers of walks that need one of their own: each is started once, and stopped at the end.
const others = new Map();
const serverWith = (fill) => {
  if (!others.has(fill)) others.set(fill, startServer(binary, { fill }));
  return others.get(fill);
};
const browser = await launch();
let passed = 0;
let failed = 0;
try {
  for (const lang of languages) {
    const first = await new Person(server, browser, lang).begin();
    await first.signIn();
    const state = await first.context.storageState();
    await first.end();
    for (const [index, walk] of walks.entries()) {
      const name = `${lang} ${walk.name}`;
      if (!isWanted(index, lang)) continue;
      if (only.length && !only.some((part) => name.includes(part))) continue;
      const people = [];
      const person = async (options = {}) => {
        const { at = server, ...rest } = options;
        const one = await new Person(at, browser, lang, { state, ...rest }).begin();
        people.push(one);
        return one;
      };
      const begun = Date.now();
      try {
        await walk.run({ server, serverWith, browser, lang, person, tag: `${run}${lang}${index}` });
        for (const one of people) await one.end();
        passed += 1;
        console.log(`ok    ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL  ${name}\n    ${error.stack ?? error}`);
        for (const [place, one] of people.entries()) {
          if (process.env.SALA_WALK_PICTURES) await one.page.screenshot({ path: `${process.env.SALA_WALK_PICTURES}/${name.replaceAll(/[^\w]+/g, '-')}-${place}.png` }).catch(() => {});
          await one.context.close().catch(() => {});
        }
      }
    }
  }
} finally {
  await browser.close();
  await server.stop();
  for (const other of others.values()) await other.then((one) => one.stop(), () => {});
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
