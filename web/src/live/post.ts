// The outbox of the person who is signed in, put together from its parts.
import { call, Refusal } from '../api/client';
import type { Message, Note } from '../api/types';
import { outbox, type Outbox, type Outcome, type Parcel } from './outbox';
import { shelfOf } from './shelf';
import { store } from '../store';

/** What is on its way. */
export const parcels = store<readonly Parcel[]>([]);
/** Told each message or note that the server took. */
export const taken = new Set<(parcel: Parcel, stored: Message | Note) => void>();

let box: Outbox | null = null;
let person = '';

async function send(parcel: Parcel): Promise<Outcome> {
  try {
    const path = `/v1/console/rooms/${parcel.roomId}/${parcel.kind === 'note' ? 'notes' : 'messages'}`;
    const body =
      parcel.kind === 'note'
        ? { content: parcel.content, mentions: parcel.mentions ?? [] }
        : { id: parcel.id, type: parcel.type, content: parcel.content, attachment: parcel.attachment };
    const stored = await call<Message | Note>('POST', path, { body, key: parcel.id });
    for (const listener of taken) listener(parcel, stored);
    return { is: 'taken' };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // Without an answer, or while the first try still runs, the same key is sent again: the server stores it once.
    if (error.status === 0 || error.status >= 500 || error.status === 429 || error.status === 401 || error.code === 'still_running') return { is: 'again' };
    return { is: 'refused', reason: error.message };
  }
}

/** Begins for a person; what they had not sent yet goes out. */
export function beginPost(user: string): void {
  if (person === user && box) return;
  person = user;
  const next = outbox({
    shelf: shelfOf(user),
    send,
    alone: (work) => navigator.locks.request('sala.outbox', work).then(() => undefined),
    pause: (tries) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          removeEventListener('online', done);
          resolve();
        };
        const timer = setTimeout(done, Math.min(10_000, 400 * 2 ** Math.min(tries, 5)));
        addEventListener('online', done);
      }),
  });
  box = next;
  next.parcels.subscribe(() => {
    if (box === next) parcels.set(next.parcels.get());
  });
  void next.wake();
}

/** Hands something over. It is on screen and on disk before it is sent. */
export const post = (parcel: Omit<Parcel, 'user' | 'state'>) => box?.add({ ...parcel, user: person, state: 'waiting' });
/** Tries a refused one again, under its own key. */
export const postAgain = (id: string) => box?.retry(id);
/** Throws one away that was not sent. */
export const unpost = (id: string) => box?.drop(id);
