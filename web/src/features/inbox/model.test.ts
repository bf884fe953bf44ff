import { expect, test } from 'vitest';
import type { Message, Note, Room } from '../../api/types';
import { certain, compare, entries, fits, parts, rows, shownTime, spot, VIEWS, withLine, type View } from './model';

const queue = VIEWS[0] as View;
const room = (id: string, more: Partial<Room> = {}): Room =>
  ({ id, version: 1, name: id, status: 'open', assignee: null, unanswered: true, waitingSince: 10, lastAt: 20, createdAt: 1, priority: 'normal', platform: 'line', account: { id: 'a', name: '' }, mentioned: false, unread: 0, ...more }) as Room;
const message = (number: number, timestamp: number, type: 'customer' | 'staff' = 'customer') => ({ id: `m${number}`, number, timestamp, content: '', user: { id: type, type, displayName: '', avatar: '' } }) as Message;

test('the filter line', () => {
  expect(withLine(queue, 'status:closed,waiting assignee:me น้ำ ปั่น')).toMatchObject({ status: ['closed', 'waiting'], assignee: 'me', keyword: 'น้ำ ปั่น', order: 'recent' });
  expect(withLine(queue, 'is:unanswered priority:high')).toMatchObject({ unanswered: true, priority: 'high', order: 'waiting' });
  expect(withLine(queue, 'https://example.com')).toMatchObject({ keyword: 'https://example.com' });
  expect(withLine(queue, 'status:unknown').status).toEqual(['open']);
});

test('a room belongs into a view or does not', () => {
  expect(fits(room('a'), queue, 'me')).toBe(true);
  expect(fits(room('a', { unanswered: false }), queue, 'me')).toBe(false);
  expect(fits(room('a', { status: 'closed' }), queue, 'me')).toBe(false);
  const mine = VIEWS[1] as View;
  expect(fits(room('a'), mine, 'me')).toBe(false);
  expect(fits(room('a', { assignee: { id: 'me', name: '' } }), mine, 'me')).toBe(true);
});

test('the longest waiting is first, and the row shows the time it is sorted by', () => {
  const sorted = [room('new', { waitingSince: 30 }), room('old', { waitingSince: 5 })].sort(compare('waiting'));
  expect(sorted.map((one) => one.id)).toEqual(['old', 'new']);
  expect(shownTime(room('a', { waitingSince: 5, lastAt: 99 }), 'waiting')).toBe(5);
  expect(shownTime(room('a', { waitingSince: 5, lastAt: 99 }), 'recent')).toBe(99);
});

test('what comes live stands where its order puts it, but not behind the end of what was listed', () => {
  const listed = [room('a', { waitingSince: 1 }), room('b', { waitingSince: 5 })];
  const known = new Map([
    ['c', room('c', { waitingSince: 3 })],
    ['d', room('d', { waitingSince: 9 })],
    ['a', room('a', { waitingSince: 1, version: 2, unanswered: false })],
  ]);
  expect(rows(listed, true, known, queue, 'me', null).map((one) => one.id)).toEqual(['c', 'b']);
  expect(rows(listed, false, known, queue, 'me', null).map((one) => one.id)).toEqual(['c', 'b', 'd']);
  // The open room stays in the list although it was answered.
  expect(rows(listed, true, known, queue, 'me', 'a').map((one) => one.id)).toContain('a');
});

test('after a gap a room that the server has not named again stands in no list', () => {
  const known = new Map([['a', room('a')], ['b', room('b')]]);
  expect(certain(known, new Set())).toBe(known);
  expect(rows([room('b')], false, certain(known, new Set(['a', 'b'])), queue, 'me', null).map((one) => one.id)).toEqual(['b']);
});

test('a thread has days, one mark of what is new, notes at their time, and own parcels at the end', () => {
  const base = new Date(2026, 10, 1, 12).getTime();
  const list = entries(
    [message(1, base), message(2, base + 1000, 'staff'), message(3, base + 90_000_000)],
    [{ id: 'n', createdAt: base + 500, content: '', version: 1 } as Note],
    [{ id: 'p', user: 'u', roomId: 'r', kind: 'reply', type: 'message', content: '', at: base + 90_001_000, state: 'waiting' }],
    2,
  );
  expect(list.map((entry) => entry.is)).toEqual(['day', 'message', 'note', 'message', 'unread', 'day', 'message', 'parcel']);
});

test('a parcel that the server has is shown once', () => {
  const list = entries([message(1, 5, 'staff')], [], [{ id: 'm1', user: 'u', roomId: 'r', kind: 'reply', type: 'message', content: '', at: 6, state: 'waiting' }], null);
  expect(list.filter((entry) => entry.is !== 'day')).toHaveLength(1);
});

test('addresses become links, nothing else does', () => {
  expect(parts('ดู https://example.com/a?b=1. ครับ')).toEqual([{ text: 'ดู ' }, { text: 'https://example.com/a?b=1', href: 'https://example.com/a?b=1' }, { text: '. ครับ' }]);
  expect(parts('javascript:alert(1) <b>x</b>')).toEqual([{ text: 'javascript:alert(1) <b>x</b>' }]);
  expect(spot('{"latitude":1,"longitude":2,"title":"ร้าน"}')).toMatchObject({ title: 'ร้าน', latitude: 1 });
  expect(spot('x')).toBeNull();
});
