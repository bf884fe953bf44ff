import { assert, keysWithinBudget, until } from '../harness.mjs';

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

/** A company with so many rooms, played by the page's network: no server has to be filled for it. */
async function crowd(one, count, messages) {
  const id = (n) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
  const now = Date.now();
  const room = (n) => ({
    id: id(n), version: 1, name: `ลูกค้า ${n} ที่ปั้นน้ำ`, picture: '', platform: 'line', account: { id: 'a', name: 'LINE' }, contactId: id(n), customerId: null, customerCode: null, status: 'open',
    waitingUntil: null, assignee: null, assignedBy: null, team: null, priority: 'normal', labels: [], messages, last: { type: 'message', content: 'ผู้ใหญ่บอกว่าน้ำหนักเกิน', at: now - n * 1000, from: 'customer' },
    lastAt: now - n * 1000, lastCustomerAt: now, lastReplyAt: null, unanswered: true, waitingSince: now - (count - n) * 1000, unread: 0, readTo: messages, hasDraft: false, mentioned: false, failed: false,
    freeReplyUntil: null, botPaused: false, createdAt: now,
  });
  const rooms = Array.from({ length: count }, (_, n) => room(n));
  const said = (roomId) => Array.from({ length: messages }, (_, n) => ({
    id: id(900000 + n), roomId, number: n + 1, vwId: `${n + 1}`, platform: 'line', user: { id: n % 3 ? 'c' : 's', type: n % 3 ? 'customer' : 'staff', displayName: 'นก', avatar: '' },
    content: 'ส่งของวันไหนคะ น้ำหนักประมาณเท่าไหร่ '.repeat(1 + (n % 4)), timestamp: now - (messages - n) * 60_000, type: 'message', deliveryStatus: 'sent', cost: null, failure: null,
  }));
  const answer = (data) => ({ status: 200, contentType: 'application/json', body: JSON.stringify({ status: { code: '1000', description: 'Success' }, data }) });
  await one.page.route('**/v1/console/rooms/**', (route) => {
    const path = new URL(route.request().url()).pathname;
    if (path.endsWith('/enquiry')) return route.fulfill(answer({ value: rooms, next: null, streamCursor: '' }));
    const [, roomId, rest] = /rooms\/([^/]+)(.*)$/.exec(path) ?? [];
    if (rest === '/messages') return route.fulfill(answer({ value: said(roomId), hasBefore: false, hasAfter: false }));
    if (rest === '/notes') return route.fulfill(answer({ value: [], next: null }));
    if (rest === '/draft') return route.fulfill(answer(null));
    if (rest === '/read') return route.fulfill(answer({ readTo: messages }));
    const found = rooms.find((one) => one.id === roomId);
    return found ? route.fulfill(answer(found)) : route.continue();
  });
  await one.page.route('**/v1/chat/rooms/*/customer', (route) => route.fulfill(answer({ customer: null, suggestions: [] })));
}

export default [
  {
    name: 'with 10,000 rooms and 2,000 messages a key costs at most 60 ms, a letter at most 8 ms of the main thread',
    async run({ person }) {
      const one = await person();
      await crowd(one, 10_000, 2_000);
      await one.go('/inbox?view=open');
      await one.page.waitForSelector('#rooms [role=option]');
      await one.page.evaluate(() => document.querySelector('main').focus());
      const at = () => new URL(one.page.url()).searchParams.get('room');
      const press = async (key) => {
        const before = at();
        await one.page.keyboard.press(key);
        await until('the next room', () => at() !== before);
        await one.page.waitForSelector('.thread .bubble');
      };
      await keysWithinBudget(one, press);
    },
  },
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
