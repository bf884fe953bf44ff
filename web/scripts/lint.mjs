// Rules that the linter does not know: which folder may import which, no words outside the dictionaries, no unused word, no
// address of a registry in a lock file.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = new URL('../', import.meta.url).pathname;
const src = join(root, 'src');
const faults = [];
const files = readdirSync(src, { recursive: true })
  .map((name) => join(src, name))
  .filter((path) => statSync(path).isFile() && /\.tsx?$/.test(path) && !path.endsWith('schema.d.ts'));
const text = new Map(files.map((path) => [relative(src, path), readFileSync(path, 'utf8')]));

const part = (path) => path.split('/')[0];
const feature = (path) => (part(path) === 'features' ? path.split('/')[1] : null);

for (const [path, code] of text) {
  for (const [, from] of code.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    const target = from.startsWith('.') ? relative(src, join(src, path, '..', from)) : null;
    if (!target) {
      if (/^@?react-aria/.test(from) && part(path) !== 'ui') faults.push(`${path}: only ui imports React Aria`);
      if (/^react(-dom)?$|^@tanstack\/react-virtual/.test(from) && (part(path) === 'live' || path.endsWith('model.ts'))) faults.push(`${path}: no React in live and in models`);
      continue;
    }
    const mine = feature(path);
    const theirs = feature(target);
    if (mine && theirs && mine !== theirs) faults.push(`${path}: a feature does not import another one (${from})`);
    if (theirs && ['ui', 'api', 'live', 'keys', 'i18n'].includes(part(path))) faults.push(`${path}: does not import features (${from})`);
  }
  if (path.endsWith('.tsx')) {
    for (const [, name, words] of code.matchAll(/\s(aria-label|title|placeholder|alt|label|hint)="([^"]*\p{L}{2,}[^"]*)"/gu)) faults.push(`${path}: words outside the dictionaries: ${name}="${words}"`);
  }
  if (/[\u0e00-\u0e7f]{3,}/u.test(code.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '')) && !/^i18n\/|\.test\.ts$|^features\/inbox\/model\.ts$|^ui\/text\.ts$/.test(path) && !path.startsWith('i18n/')) faults.push(`${path}: Thai words outside the dictionaries`);
}

const everything = [...text].filter(([path]) => !path.startsWith('i18n/en/') && !path.startsWith('i18n/th/')).map(([, code]) => code).join('\n');
for (const [path, code] of text) {
  if (!path.startsWith('i18n/en/')) continue;
  // Groups that are read by a computed key are used as a whole.
  for (const [, key] of code.replace(/\{[^{}]*\} as Record/g, '').matchAll(/^\s*([a-zA-Z_]+): (?:'|`|"|\()/gm)) {
    const used = new RegExp(`(\\.|'|"|\\b)${key}\\b`).test(everything);
    if (!used) faults.push(`${path}: nobody uses “${key}”`);
  }
}

for (const lock of ['package-lock.json', 'schema/package-lock.json']) {
  if (/"resolved"|https?:\/\/(?!.*(opencollective|github\.com\/sponsors|tidelift|patreon|paulmillr))[^"]*registry/.test(readFileSync(join(root, lock), 'utf8'))) faults.push(`${lock}: holds addresses of a registry`);
}

for (const fault of faults) console.error(fault);
if (faults.length) process.exit(1);
console.log(`${files.length} files hold to the rules`);
