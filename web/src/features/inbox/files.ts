// Files that wait in a room's composer until they are sent. They live outside the component tree, as drafts do: going to another room
// and coming back loses nothing, and what the server has already is there after a reload, too.
import { Refusal, session } from '../../api/client';
import { say } from '../../api/words';
import { words } from '../../i18n';
import { post } from '../../live/post';
import { uuid7 } from '../../live/uuid';
import { store } from '../../store';
import { previewMessage, uploadFile, type Uploaded } from './api';
import { sent, written } from './drafts';

/** A file in a composer. */
export interface Staged {
  id: string;
  name: string;
  size: number;
  /** What the browser or the server says it is: `image/png`. */
  type: string;
  /** `queued` and `uploading` are on their way, `failed` can be tried again, `refused` is one that this channel does not take. */
  state: 'queued' | 'uploading' | 'failed' | 'refused' | 'ready';
  /** How much of it has left: 0 to 1. */
  done: number;
  /** Why it failed or is refused, in words. */
  reason?: string;
  /** Where a picture of it is. */
  picture?: string;
  stored?: Uploaded;
}

/** Files at most in one composer: as many as the server takes at once. */
export const MOST = 20;

/** What is staged, by room. */
export const staged = store<ReadonlyMap<string, readonly Staged[]>>(new Map());
/** Rooms in which "send" was pressed while a file was still on its way: all goes out when the last one is there. */
export const sending = store<ReadonlySet<string>>(new Set());

const sources = new Map<string, File>();
const stops = new Map<string, AbortController>();
const shelf = (room: string) => `sala.files.${session.get()?.user.id}.${room}`;
const NONE: readonly Staged[] = [];

/** A room's files. */
export const stagedIn = (room: string): readonly Staged[] => staged.get().get(room) ?? NONE;

function set(room: string, files: readonly Staged[]): void {
  staged.set((now) => {
    const next = new Map(now);
    if (files.length) next.set(room, files);
    else next.delete(room);
    return next;
  });
  try {
    const kept = files.filter((file) => file.stored).map((file) => ({ ...file, picture: undefined }));
    if (kept.length) localStorage.setItem(shelf(room), JSON.stringify(kept));
    else localStorage.removeItem(shelf(room));
  } catch {
    // A full store is no reason to lose them on screen.
  }
}
const change = (room: string, id: string, by: Partial<Staged>) => set(room, stagedIn(room).map((file) => (file.id === id ? { ...file, ...by } : file)));

/** Takes up what a reload left: files that the server has. */
export function reopen(room: string): void {
  if (staged.get().has(room)) return;
  try {
    const kept = localStorage.getItem(shelf(room));
    if (!kept) return;
    const files = (JSON.parse(kept) as Staged[]).map((file) => ({ ...file, picture: file.type.startsWith('image/') ? file.stored?.url : undefined }));
    set(room, files);
    for (const file of files) if (file.state !== 'refused') void judge(room, file.id);
  } catch {
    // An unreadable copy counts as none.
  }
}

/** Stages files; how many were too many. */
export function stage(room: string, files: readonly File[]): number {
  const space = MOST - stagedIn(room).length;
  const taken = files.slice(0, Math.max(0, space));
  const fresh = taken.map((file): Staged => {
    const id = uuid7();
    sources.set(id, file);
    return { id, name: file.name, size: file.size, type: file.type, state: 'queued', done: 0, picture: /^image\/(?!svg)/.test(file.type) ? URL.createObjectURL(file) : undefined };
  });
  if (fresh.length) set(room, [...stagedIn(room), ...fresh]);
  for (const file of fresh) queue(room, file.id);
  return files.length - taken.length;
}

/** Takes a file out again. */
export function unstage(room: string, id: string): void {
  stops.get(id)?.abort();
  forget(stagedIn(room).find((file) => file.id === id));
  set(room, stagedIn(room).filter((file) => file.id !== id));
  settle(room);
}

function forget(file: Staged | undefined): void {
  if (!file) return;
  sources.delete(file.id);
  stops.delete(file.id);
  // The thread may still be showing it for a moment.
  if (file.picture?.startsWith('blob:')) setTimeout(() => URL.revokeObjectURL(file.picture as string), 60_000);
}

/** Tries a failed one again. */
export function retry(room: string, id: string): void {
  change(room, id, { state: 'queued', done: 0, reason: undefined });
  queue(room, id);
}

// One at a time: two at once would each take twice as long.
let line = Promise.resolve();
const queue = (room: string, id: string) => {
  line = line.then(() => upload(room, id));
};

async function upload(room: string, id: string): Promise<void> {
  const source = sources.get(id);
  if (!source || !stagedIn(room).some((file) => file.id === id)) return;
  const stop = new AbortController();
  stops.set(id, stop);
  change(room, id, { state: 'uploading', done: 0 });
  try {
    let told = 0;
    const stored = await uploadFile(source, stop.signal, (done) => {
      // In steps that can be read; each byte would be a rendering.
      if (done - told < 0.05 && done < 1) return;
      told = done;
      change(room, id, { done });
    });
    sources.delete(id);
    change(room, id, { stored, name: stored.name, type: stored.contentType, size: stored.size, done: 1 });
    await judge(room, id);
  } catch (error) {
    if (stop.signal.aborted) return;
    change(room, id, { state: 'failed', reason: error instanceof Refusal && error.status === 0 ? words('inbox').files.offline : say(error) });
  } finally {
    stops.delete(id);
    settle(room);
  }
}

/** Asks whether the room's channel takes a file. When nobody can tell, sending it will. */
async function judge(room: string, id: string): Promise<void> {
  const file = stagedIn(room).find((one) => one.id === id);
  if (!file?.stored) return;
  try {
    const told = await previewMessage(room, { attachment: file.stored.id });
    const fault = told.faults[0];
    change(room, id, fault ? { state: 'refused', reason: fault.message } : { state: 'ready', reason: undefined });
  } catch {
    change(room, id, { state: 'ready' });
  }
}

/** After an upload: what waits for it goes out, or comes to rest because of one that did not arrive. */
function settle(room: string): void {
  if (!sending.get().has(room)) return;
  const files = stagedIn(room);
  if (files.some((file) => file.state === 'queued' || file.state === 'uploading')) return;
  rest(room);
  if (!files.some((file) => file.state !== 'ready')) dispatch(room);
}

/** Takes back a "send" that still waits for uploads. */
export function rest(room: string): void {
  sending.set((now) => {
    const next = new Set(now);
    next.delete(room);
    return next;
  });
}

/** Sends the room's answer: its words, then its files in their order. `waits` when a file is still on its way; `stuck` when one cannot go. */
export function sendAll(room: string): 'sent' | 'waits' | 'stuck' | 'nothing' {
  const files = stagedIn(room);
  if (!written(room).content.trim() && files.length === 0) return 'nothing';
  if (files.some((file) => file.state === 'failed' || file.state === 'refused')) return 'stuck';
  if (files.some((file) => file.state !== 'ready')) {
    sending.set((now) => new Set(now).add(room));
    return 'waits';
  }
  dispatch(room);
  return 'sent';
}

function dispatch(room: string): void {
  const content = written(room).content.trim();
  const files = stagedIn(room);
  const now = Date.now();
  sent(room);
  set(room, []);
  if (content) void post({ id: uuid7(), roomId: room, kind: 'reply', type: 'message', content, at: now });
  files.forEach((file, index) => {
    if (!file.stored) return;
    void post({ id: uuid7(), roomId: room, kind: 'reply', type: file.stored.kind, content: file.stored.url, attachment: file.stored.id, name: file.name, at: now + 1 + index });
    forget(file);
  });
}

addEventListener('beforeunload', (event) => {
  if ([...staged.get().values()].some((files) => files.some((file) => !file.stored))) event.preventDefault();
});
