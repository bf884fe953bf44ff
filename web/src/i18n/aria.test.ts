import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import thai from './th/aria';

const modules = new URL('../../node_modules/', import.meta.url).pathname;

/** Keys of React Aria's own English words, by the name that its dictionaries have at run time. */
function english(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const read = (path: string) => [...readFileSync(path, 'utf8').matchAll(/^\s{4}"([^"]+)":/gm)].map((match) => match[1] ?? '');
  for (const kind of ['react-aria', 'react-stately']) {
    const folder = `${modules}${kind}/dist/private/intl`;
    for (const name of readdirSync(folder)) found.set(`@${kind}/${name}`, read(`${folder}/${name}/en-US.mjs`));
  }
  found.set('react-aria-components', read(`${modules}react-aria-components/dist/private/intl/en-US.mjs`));
  return found;
}

test('every word of React Aria is there in Thai', () => {
  const wanted = english();
  expect(wanted.size).toBeGreaterThan(15);
  for (const [name, keys] of wanted) expect([name, Object.keys(thai[name] ?? {}).sort()]).toEqual([name, keys.sort()]);
  expect(Object.keys(thai).sort()).toEqual([...wanted.keys()].sort());
});

test('no word is left in English, and functions take their arguments', () => {
  const format = { number: String };
  const args = new Proxy({}, { get: () => 3 });
  for (const [name, table] of Object.entries(thai)) {
    for (const [key, text] of Object.entries(table)) {
      const said = typeof text === 'string' ? text : text(args, format);
      expect(said, `${name} ${key}`).toMatch(/[\u0e00-\u0e7f]|^3: 3$|^3, 3$|^3 3 3$/);
    }
  }
});
