// What a person has sent stays here until the server has it: through reloads, without a network, and never twice.
import { store, type Store } from '../store';

/** A message or a note on its way to the server. Its id is the message's id and the idempotency key. */
export interface Parcel {
  id: string;
  user: string;
  roomId: string;
  kind: 'reply' | 'note';
  type: string;
  content: string;
  attachment?: string;
  /** What the attachment is called. */
  name?: string;
  mentions?: string[];
  at: number;
  state: 'waiting' | 'refused';
  /** Why the server refused it, in its words. */
  reason?: string;
}

/** Where parcels outlive a reload. */
export interface Shelf {
  all(): Promise<Parcel[]>;
  put(parcel: Parcel): Promise<void>;
  remove(id: string): Promise<void>;
}

/** What came of a try. `again` waits and repeats with the same key; `refused` stops with the reason. */
export type Outcome = { is: 'taken' } | { is: 'again' } | { is: 'refused'; reason: string };

export interface Outbox {
  parcels: Store<readonly Parcel[]>;
  add(parcel: Parcel): Promise<void>;
  drop(id: string): Promise<void>;
  retry(id: string): Promise<void>;
  /** Reads the shelf again and sends what waits. */
  wake(): Promise<void>;
}

interface Parts {
  shelf: Shelf;
  send(parcel: Parcel): Promise<Outcome>;
  /** Runs the work in one tab at a time. */
  alone(work: () => Promise<void>): Promise<void>;
  /** Waits, longer with each try. */
  pause(tries: number): Promise<void>;
}

/** An outbox over a shelf. Parcels of one room go out in their order; one that was refused does not hold up the others. */
export function outbox({ shelf, send, alone, pause }: Parts): Outbox {
  const parcels = store<readonly Parcel[]>([]);
  let running: Promise<void> | null = null;
  let asked = false;

  const reload = async () => parcels.set((await shelf.all()).sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)));

  const run = async () => {
    let tries = 0;
    do {
      asked = false;
      await alone(async () => {
        await reload();
        for (;;) {
          const next = parcels.get().find((parcel) => parcel.state === 'waiting');
          if (!next) return;
          const outcome = await send(next).catch((): Outcome => ({ is: 'again' }));
          if (outcome.is === 'again') {
            await pause(tries++);
            await reload();
            continue;
          }
          tries = 0;
          if (outcome.is === 'taken') await shelf.remove(next.id);
          else await shelf.put({ ...next, state: 'refused', reason: outcome.reason });
          await reload();
        }
      });
    } while (asked);
  };
  const wake = () => {
    asked = true;
    running ??= run().finally(() => {
      running = null;
      if (asked) void wake();
    });
    return running;
  };
  return {
    parcels,
    async add(parcel) {
      // On screen at once, on the shelf before anything is sent.
      parcels.set((now) => (now.some((one) => one.id === parcel.id) ? now : [...now, parcel]));
      await shelf.put(parcel);
      await reload();
      void wake();
    },
    async drop(id) {
      await shelf.remove(id);
      await reload();
    },
    async retry(id) {
      const parcel = parcels.get().find((one) => one.id === id);
      if (!parcel) return;
      await shelf.put({ ...parcel, state: 'waiting', reason: undefined });
      await reload();
      void wake();
    },
    wake,
  };
}
