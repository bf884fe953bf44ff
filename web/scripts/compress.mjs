// Writes a .br and a .gz beside each text file of dist, so that the server never compresses while it serves.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const files = readdirSync(dist, { recursive: true })
  .map((name) => join(dist, name))
  .filter((path) => statSync(path).isFile() && /\.(html|js|css|svg|json|txt)$/.test(path));

for (const path of files) {
  const text = readFileSync(path);
  const forms = {
    br: brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }),
    gz: gzipSync(text, { level: 9 }),
  };
  for (const [form, bytes] of Object.entries(forms)) {
    rmSync(`${path}.${form}`, { force: true });
    if (bytes.length < text.length) writeFileSync(`${path}.${form}`, bytes);
  }
}
console.log(`compressed ${files.length} files`);
