// What the walks share: browsers, signing in, axe, keys as a Thai keyboard gives them, and a customer who writes.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Debian's Chromium. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });

export function assert(condition, what) {
  if (!condition) throw new Error(what);
}

/** Waits until something holds; says what was wanted when it never does. */
export async function until(what, holds, limit = 10_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** One person in one browser. */
export class Person {
  constructor(server, browser, lang, { width = 1440, height = 900, scheme = 'light', state } = {}) {
    Object.assign(this, { server, browser, lang, width, height, scheme, state });
    this.foreign = [];
    this.faults = [];
    this.requests = [];
  }

  async begin() {
    this.context = await this.browser.newContext({
      viewport: { width: this.width, height: this.height },
      locale: this.lang === 'th' ? 'th-TH' : 'en-GB',
      timezoneId: 'Asia/Bangkok',
      colorScheme: this.scheme,
      storageState: this.state,
      hasTouch: this.width < 500,
    });
    this.page = await this.newPage();
    return this;
  }

  async newPage() {
    const page = await this.context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('request', (request) => {
      this.requests.push(request.url());
      const url = new URL(request.url());
      if (/^https?:$/.test(url.protocol) && url.origin !== new URL(this.server.url).origin) this.foreign.push(request.url());
    });
    page.on('pageerror', (error) => this.faults.push(String(error.stack ?? error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Refused to/.test(message.text())) this.faults.push(message.text());
    });
    return page;
  }

  go(path) {
    return this.page.goto(`${this.server.url}/console${path}`);
  }

  async signIn(path = '/') {
    await this.go(path);
    await this.page.fill('#email', this.server.email);
    await this.page.fill('#password', this.server.password);
    await this.page.press('#password', 'Enter');
    await this.page.waitForSelector('.house');
    return this;
  }

  /** No violation of WCAG 2.2 AA or of best practice on what is shown now. */
  async axe(where) {
    await this.page.evaluate(axeSource);
    const found = await this.page.evaluate(async (tags) => {
      const result = await window.axe.run(document, { runOnly: { type: 'tag', values: tags } });
      return result.violations.map((one) => `${one.id}: ${one.help}\n      ${one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} — ${node.failureSummary?.split('\n')[1] ?? ''}`).join('\n      ')}`);
    }, TAGS);
    assert(found.length === 0, `axe, ${where}:\n    ${found.join('\n    ')}`);
  }

  /** Presses a key where it lies, as a keyboard with the Thai layout reports it. */
  async thaiKey(code, key, { shift = false, ctrl = false } = {}) {
    const client = (this.client ??= await this.context.newCDPSession(this.page));
    const modifiers = (shift ? 8 : 0) | (ctrl ? 2 : 0);
    const common = { code, key, modifiers, windowsVirtualKeyCode: code.startsWith('Key') ? code.charCodeAt(3) : 191 };
    await client.send('Input.dispatchKeyEvent', { type: 'keyDown', ...common, ...(ctrl ? {} : { text: key }) });
    await client.send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  }

  /** What must hold at the end of every walk. */
  async end() {
    await this.context.close();
    assert(this.foreign.length === 0, `requests left the server's own origin: ${this.foreign.slice(0, 3).join(' ')}`);
    assert(this.faults.length === 0, `faults in the page: ${this.faults.slice(0, 3).join('\n')}`);
  }
}

/** A customer of the sandbox. */
export class Customer {
  constructor(server, id, name) {
    Object.assign(this, { server, id, name });
  }
  async says(content, more = {}) {
    const answer = await fetch(`${this.server.url}/channels/sandbox/${this.server.sandbox}/${this.id}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ content, name: this.name, ...more }),
    });
    if (!answer.ok) throw new Error(`the sandbox refused a message: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}

/** The same request as the page would make it, from inside the page. */
export const inPage = (person, method, path, body) =>
  person.page.evaluate(
    async ([method, path, body]) => {
      const answer = await fetch(path, { method, headers: { 'X-Sala-Console': '1', 'Content-Type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) });
      return { status: answer.status, body: await answer.json().catch(() => null) };
    },
    [method, path, body],
  );

/** CPU time of the page's main thread, in milliseconds, that something takes. */
async function cpu(one, act) {
  const client = await one.context.newCDPSession(one.page);
  await client.send('Performance.enable', { timeDomain: 'threadTicks' });
  const read = async () => (await client.send('Performance.getMetrics')).metrics.find((metric) => metric.name === 'TaskDuration').value * 1000;
  const before = await read();
  await act();
  const after = await read();
  await client.detach();
  return after - before;
}

/** CPU time that `work` below takes on the machine from which the limits come, in milliseconds. */
const USUAL = 125;

/** How much slower than that this machine is now: from 1, so that a limit is never less than what it says, to 2, so that it stays one. */
async function slowness(one) {
  const page = await one.context.newPage();
  const work = () =>
    page.evaluate(() => {
      for (let n = 0; n < 20; n++) {
        const list = document.createElement('div');
        for (let row = 0; row < 300; row++) {
          const line = document.createElement('div');
          line.textContent = `ส่งของวันไหนคะ ${row}`;
          line.style.padding = `${row % 7}px`;
          list.append(line);
        }
        document.body.append(list);
        list.getBoundingClientRect();
        list.remove();
        JSON.parse(JSON.stringify(Array.from({ length: 2_000 }, (_, id) => ({ id, name: `ชื่อ ${id}` }))));
      }
    });
  const measured = [];
  for (let n = 0; n < 3; n++) measured.push(await cpu({ context: one.context, page }, work));
  await page.close();
  const took = Math.min(...measured);
  console.log(`        ${took.toFixed(0)} ms for the work that usually takes ${USUAL} ms`);
  return Math.min(2, Math.max(1, took / USUAL));
}

/** A key that opens the next room costs at most 60 ms of the main thread, a letter 8 ms; so much more where the machine is slower. */
export async function keysWithinBudget(one, press) {
  // Down the list the rooms are loaded; up again it is only the page that works.
  for (let n = 0; n < 31; n++) await press('j');
  const keys = (await cpu(one, async () => {
    for (let n = 0; n < 30; n++) await press('k');
  })) / 30;
  await one.page.keyboard.press('r');
  const letters = (await cpu(one, () => one.page.keyboard.type('abcdefghijklmnopqrstuvwxyzabcd'))) / 30;
  console.log(`        ${keys.toFixed(1)} ms a key, ${letters.toFixed(1)} ms a letter`);
  const slower = await slowness(one);
  assert(keys <= 60 * slower, `${keys.toFixed(1)} ms a key`);
  assert(letters <= 8 * slower, `${letters.toFixed(1)} ms a letter`);
}
