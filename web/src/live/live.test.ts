import { expect, test } from 'vitest';
import type { Message, Room } from '../api/types';
import { holes, mergeDeliveries, mergeMessages, mergeRooms } from './merge';
import { outbox, type Outcome, type Parcel } from './outbox';
import { uuid7 } from './uuid';

const message = (number: number, more: Partial<Message> = {}): Message => ({
  id: `m${number}`, roomId: 'r', number, platform: 'line', user: { id: 'c', type: 'customer', displayName: '', avatar: '' }, content: `${number}`, timestamp: number, type: 'message', deliveryStatus: 'pending', ...more,
});
const room = (id: string, version: number) => ({ id, version }) as Room;

/** A small generator, so that a failure can be repeated. */
function chance(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}
function shuffled<T>(list: readonly T[], next: () => number): T[] {
  const out = [...list];
  for (let at = out.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1));
    [out[at], out[other]] = [out[other] as T, out[at] as T];
  }
  return out;
}

test('events in any order, doubled and late, end where a fresh load ends', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const next = chance(seed);
    const states = ['pending', 'sent', 'delivered', 'read'] as const;
    const final = Array.from({ length: 40 }, (_, index) => message(index + 1, { deliveryStatus: states[index % 4] ?? 'read' }));
    const events: ((now: readonly Message[]) => readonly Message[])[] = [];
    for (const one of final) {
      const upTo = states.indexOf(one.deliveryStatus as 'read');
      for (let state = 0; state <= upTo; state++) {
        events.push((now) => mergeMessages(now, [{ ...one, deliveryStatus: states[state] ?? 'read' }]));
        events.push((now) => mergeDeliveries(now, [{ id: one.id, deliveryStatus: states[state] ?? 'read' }]));
      }
    }
    let now: readonly Message[] = [];
    for (const event of shuffled([...events, ...events], next)) now = event(now);
    expect(now).toEqual(final);
  }
});

test('the larger version of a room wins, and nothing new is no change', () => {
  let known = mergeRooms(new Map(), [room('a', 3), room('b', 1)]);
  const before = known;
  known = mergeRooms(known, [room('a', 2), room('b', 1)]);
  expect(known).toBe(before);
  known = mergeRooms(known, [room('a', 4)]);
  expect(known.get('a')?.version).toBe(4);
});

test('holes are found by their numbers', () => {
  expect(holes([message(3), message(4), message(7)])).toEqual([4]);
});

test('ids made here are version 7 and sort by time', () => {
  const ids = [1, 2, 3].map((step) => uuid7(1_764_000_000_000 + step));
  expect(ids).toEqual([...ids].sort());
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

const parcel = (id: string, roomId = 'r', at = 0): Parcel => ({ id, user: 'u', roomId, kind: 'reply', type: 'message', content: id, at, state: 'waiting' });

/** An outbox whose server is a function, whose shelf outlives it. */
function box(server: (parcel: Parcel) => Promise<Outcome>, kept = new Map<string, Parcel>()) {
  const made = outbox({
    shelf: {
      all: async () => [...kept.values()],
      put: async (one) => void kept.set(one.id, one),
      remove: async (id) => void kept.delete(id),
    },
    send: server,
    alone: (work) => work(),
    pause: async () => {},
  });
  return { made, kept };
}

test('each parcel is stored once, in order, through lost answers', async () => {
  const stored: string[] = [];
  let calls = 0;
  const { made, kept } = box(async (one) => {
    calls++;
    // The server stores by the key; every second answer is lost.
    if (!stored.includes(one.id)) stored.push(one.id);
    return calls % 2 ? { is: 'again' } : { is: 'taken' };
  });
  await Promise.all(['a', 'b', 'c'].map((id, at) => made.add(parcel(id, 'r', at))));
  await made.wake();
  expect(stored).toEqual(['a', 'b', 'c']);
  expect(kept.size).toBe(0);
  expect(made.parcels.get()).toEqual([]);
});

test('the same parcel handed over twice is one', async () => {
  const sent: string[] = [];
  const { made } = box(async (one) => {
    sent.push(one.id);
    return { is: 'taken' };
  });
  await Promise.all([made.add(parcel('a')), made.add(parcel('a'))]);
  await made.wake();
  expect(new Set(sent).size).toBe(1);
});

test('what a reload left is sent afterwards, under its own key', async () => {
  const kept = new Map([['a', parcel('a')]]);
  const sent: string[] = [];
  const { made } = box(async (one) => {
    sent.push(one.id);
    return { is: 'taken' };
  }, kept);
  await made.wake();
  expect(sent).toEqual(['a']);
  expect(kept.size).toBe(0);
});

test('a refused parcel stays with its reason and does not hold up the next; trying again sends it', async () => {
  const sent: string[] = [];
  let refuse = true;
  const { made } = box(async (one) => {
    if (one.id === 'a' && refuse) return { is: 'refused', reason: 'too long' };
    sent.push(one.id);
    return { is: 'taken' };
  });
  await made.add(parcel('a', 'r', 0));
  await made.add(parcel('b', 'r', 1));
  await made.wake();
  expect(sent).toEqual(['b']);
  expect(made.parcels.get()).toMatchObject([{ id: 'a', state: 'refused', reason: 'too long' }]);
  refuse = false;
  await made.retry('a');
  await made.wake();
  expect(sent).toEqual(['b', 'a']);
});
