// One event stream for the whole browser: the tab that holds a lock reads it, the others listen to that tab.
import type { Change } from '../api/types';
import { store } from '../store';

/** How current the screen is. */
export interface Connection {
  state: 'live' | 'catching' | 'offline';
  /** Since when there is no connection, in Unix milliseconds. */
  since: number;
}

export const connection = store<Connection>({ state: 'catching', since: Date.now() });

/** What the stream says to the screen. */
export type Tiding = { is: 'change'; change: Change } | { is: 'reset' } | { is: 'presence'; presence: Presence } | { is: 'version'; version: string } | { is: 'signed_out' } | { is: 'unsure' };
/** Where somebody is, and whether they type. */
export interface Presence {
  userId: string;
  name?: string;
  roomId: string | null;
  typing: boolean;
  state: 'online' | 'away' | 'offline';
  until: number;
}

type Listener = (tiding: Tiding) => void;
const listeners = new Set<Listener>();

/** Follows what the stream says. */
export function follow(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

type Wire = { tiding?: Tiding; connection?: Connection; ask?: true; cursor?: string | null };

/** The last change that this tab has seen, from whichever tab read it: a new reader goes on from there. */
let cursor: string | null = null;

let stop: (() => void) | null = null;

/** Begins to read or to listen. Called once somebody is signed in; the answer ends it. */
export function begin(): () => void {
  stop?.();
  const channel = new BroadcastChannel('sala.live');
  const abort = new AbortController();
  const tell = (tiding: Tiding) => {
    for (const listener of listeners) listener(tiding);
  };
  let close = () => {};
  channel.onmessage = (event: MessageEvent<Wire>) => {
    if (event.data.cursor) cursor = event.data.cursor;
    if (event.data.tiding) tell(event.data.tiding);
    if (event.data.connection) connection.set(event.data.connection);
    if (event.data.ask && leading) channel.postMessage({ connection: connection.get() } satisfies Wire);
  };
  let leading = false;
  channel.postMessage({ ask: true } satisfies Wire);
  navigator.locks
    .request('sala.stream', { signal: abort.signal }, () => {
      leading = true;
      return new Promise<void>((done) => {
        const end = read(
          (tiding) => {
            tell(tiding);
            channel.postMessage({ tiding, cursor } satisfies Wire);
          },
          (next) => {
            connection.set(next);
            channel.postMessage({ connection: next } satisfies Wire);
          },
        );
        close = () => {
          end();
          done();
        };
        if (abort.signal.aborted) close();
      });
    })
    .catch(() => {
      // The wait for the lock was given up because the person signed out.
    });
  stop = () => {
    abort.abort();
    close();
    channel.close();
    stop = null;
  };
  return () => stop?.();
}

function read(tell: Listener, state: (next: Connection) => void): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heard = Date.now();
  let tries = 0;
  let over = false;

  const lost = () => {
    const now = connection.get();
    state({ state: 'offline', since: now.state === 'offline' ? now.since : Date.now() });
  };
  const keep = (id: string) => {
    if (id) cursor = id;
  };
  const open = () => {
    clearTimeout(timer);
    source?.close();
    if (over) return;
    const url = new URL('/v1/console/stream', location.origin);
    if (cursor) url.searchParams.set('after', cursor);
    const events = new EventSource(url);
    source = events;
    const listen = (name: string, act: (data: never, id: string) => void) =>
      events.addEventListener(name, (event) => {
        heard = Date.now();
        const message = event as MessageEvent<string>;
        act(JSON.parse(message.data) as never, message.lastEventId);
      });
    listen('hello', (data: { cursor: string; version: string }) => {
      tries = 0;
      // Without a cursor of our own there is nothing to catch up from: what is on screen may be older than the stream.
      if (!cursor) {
        tell({ is: 'reset' });
        keep(data.cursor);
      }
      // With one, what was missed comes next: the cursor moves on with it, not before.
      state({ state: 'live', since: Date.now() });
      tell({ is: 'version', version: data.version });
    });
    listen('change', (data: Change, id) => {
      keep(id);
      tell({ is: 'change', change: data });
    });
    listen('reset', (data: { cursor: string }) => {
      keep(data.cursor);
      tell({ is: 'reset' });
    });
    listen('presence', (data: Presence) => tell({ is: 'presence', presence: data }));
    listen('bye', (data: { reason: string }) => {
      if (data.reason === 'signed_out') {
        over = true;
        tell({ is: 'signed_out' });
      }
      events.close();
      again();
    });
    events.onerror = () => {
      events.close();
      again();
    };
  };
  const again = () => {
    lost();
    if (over) return;
    clearTimeout(timer);
    // A stream does not say why it was refused; asking who is signed in does.
    if (tries === 2) tell({ is: 'unsure' });
    timer = setTimeout(open, Math.min(10_000, 500 * 2 ** Math.min(tries++, 5)) * (0.5 + Math.random() / 2));
  };
  // After a sleep the connection may look open and be dead: whoever comes back asks again.
  const wake = () => {
    if (document.visibilityState === 'hidden') return;
    if (source?.readyState !== EventSource.OPEN || Date.now() - heard > 45_000) {
      tries = 0;
      state({ state: 'catching', since: connection.get().since });
      open();
    }
  };
  const gone = () => {
    source?.close();
    lost();
  };
  const watch = setInterval(() => {
    if (source?.readyState === EventSource.OPEN && Date.now() - heard > 180_000) wake();
  }, 15_000);
  document.addEventListener('visibilitychange', wake);
  addEventListener('online', wake);
  addEventListener('pageshow', wake);
  addEventListener('offline', gone);
  open();
  return () => {
    over = true;
    clearTimeout(timer);
    clearInterval(watch);
    source?.close();
    document.removeEventListener('visibilitychange', wake);
    removeEventListener('online', wake);
    removeEventListener('pageshow', wake);
    removeEventListener('offline', gone);
  };
}
