import { expect, test } from 'vitest';
import { between, each } from './bulk';

test('a few at a time, in order, and each failure by itself', async () => {
  let now = 0;
  let most = 0;
  const told: number[] = [];
  const rows = Array.from({ length: 11 }, (_, at) => at);
  const outcome = await each(rows, async (row) => {
    most = Math.max(most, ++now);
    await Promise.resolve();
    now--;
    if (row === 3) throw new Error('no');
    return row * 2;
  }, (through) => told.push(through));
  expect(most).toBe(4);
  expect(outcome.done.map(([row]) => row)).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9, 10]);
  expect(outcome.failed.map(([row]) => row)).toEqual([3]);
  expect(told.at(-1)).toBe(11);
});

test('a busy server is asked again after its time, a refusal is not', async () => {
  const waited: number[] = [];
  let tries = 0;
  const busy = await each(['a'], () => (++tries < 3 ? Promise.reject({ status: 429, retryAfter: 7 }) : Promise.resolve('ok')), undefined, undefined, async (time) => waited.push(time));
  expect([busy.done, waited]).toEqual([[['a', 'ok']], [7000, 7000]]);
  tries = 0;
  const refused = await each(['a'], () => (tries++, Promise.reject({ status: 409 })), undefined, undefined, async () => undefined);
  expect([refused.failed.length, tries]).toEqual([1, 1]);
});

test('what is stopped leaves the rest alone', async () => {
  let stopped = false;
  const outcome = await each([1, 2, 3, 4, 5, 6, 7, 8, 9], async (row) => { if (row === 2) stopped = true; }, undefined, () => stopped);
  expect(outcome.done.length + outcome.left.length).toBe(9);
  expect(outcome.left.length).toBeGreaterThan(0);
});

test('a range goes either way', () => {
  const ids = ['a', 'b', 'c', 'd'];
  expect(between(ids, 'b', 'd')).toEqual(['b', 'c', 'd']);
  expect(between(ids, 'd', 'b')).toEqual(['b', 'c', 'd']);
  expect(between(ids, 'gone', 'b')).toEqual(['b']);
});
