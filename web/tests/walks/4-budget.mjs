import { assert } from '../harness.mjs';

/** Bytes over the wire of everything that a page loads until it is at rest. */
async function weigh(one, path, ready) {
  const client = await one.context.newCDPSession(one.page);
  await client.send('Network.enable');
  await client.send('Network.setCacheDisabled', { cacheDisabled: true });
  const sizes = new Map();
  const names = new Map();
  client.on('Network.responseReceived', (event) => names.set(event.requestId, event.response.url));
  client.on('Network.loadingFinished', (event) => sizes.set(event.requestId, event.encodedDataLength));
  await one.go(path);
  await one.page.waitForSelector(ready);
  const at = [...sizes].map(([id, size]) => [names.get(id) ?? '', size]).filter(([url]) => url && new URL(url).pathname.startsWith('/console'));
  return { total: at.reduce((sum, [, size]) => sum + size, 0), list: at.sort((a, b) => b[1] - a[1]) };
}

export default [
  {
    name: 'the first load of the inbox is at most 200 KB, fonts included',
    async run({ person }) {
      const one = await person();
      const { total, list } = await weigh(one, '/inbox?view=open', '#rooms [role=option], .rooms-column .state');
      for (const [url, size] of list) console.log(`        ${String(size).padStart(7)}  ${url.split('/').at(-1)}`);
      console.log(`        ${String(total).padStart(7)}  in all`);
      assert(total <= 200_000, `${total} bytes`);
    },
  },
];
