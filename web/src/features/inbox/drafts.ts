// Half-written texts live outside the component tree: in memory, in this browser, and on the server, by person and room.
import { Refusal, session } from '../../api/client';
import { store } from '../../store';
import { deleteDraft, getDraft, putDraft } from './api';

/** What stands in a room's composer. */
export interface Written {
  content: string;
  mode: 'reply' | 'note';
  /** The server's version that this one follows; 0 when there is none. */
  version: number;
  dirty: boolean;
  /** Another text of the same person, written elsewhere meanwhile. */
  other?: string;
}

export const drafts = store<ReadonlyMap<string, Written>>(new Map());
const timers = new Map<string, ReturnType<typeof setTimeout>>();
const saving = new Map<string, Promise<void>>();
const NONE: Written = { content: '', mode: 'reply', version: 0, dirty: false };

const shelf = (room: string) => `sala.draft.${session.get()?.user.id}.${room}`;
const keep = (room: string, written: Written) => {
  try {
    if (written.content) localStorage.setItem(shelf(room), JSON.stringify({ content: written.content, mode: written.mode, version: written.version, dirty: written.dirty }));
    else localStorage.removeItem(shelf(room));
  } catch {
    // A full store is no reason to lose the text on screen.
  }
};
const set = (room: string, written: Written) => drafts.set((now) => new Map(now).set(room, written));

/** The text of a room's composer. */
export const written = (room: string): Written => drafts.get().get(room) ?? NONE;

/** Takes up a room's draft: what is in memory, else in this browser, else on the server. */
export async function open(room: string): Promise<void> {
  if (drafts.get().has(room)) return;
  try {
    const kept = localStorage.getItem(shelf(room));
    if (kept) set(room, { ...NONE, ...(JSON.parse(kept) as Written) });
  } catch {
    // An unreadable copy counts as none.
  }
  const here = drafts.get().get(room);
  if (here?.dirty) return void save(room);
  const there = await getDraft(room).catch(() => undefined);
  if (there === undefined || written(room).dirty) return;
  if (there) set(room, { content: there.content, mode: there.mode, version: there.version, dirty: false });
  else if (here) drafts.set((now) => { const next = new Map(now); next.delete(room); return next; });
}

/** Changes the text or the mode; kept here at once, on the server after a pause of 600 ms. */
export function write(room: string, change: Partial<Pick<Written, 'content' | 'mode' | 'other'>>): void {
  const next = { ...written(room), ...change, dirty: true };
  set(room, next);
  keep(room, next);
  clearTimeout(timers.get(room));
  timers.set(room, setTimeout(() => void save(room), 600));
}

/** Saves at once what is not on the server yet. */
export function flush(keepalive = false): void {
  for (const [room, text] of drafts.get()) if (text.dirty) void save(room, keepalive);
}

async function save(room: string, keepalive = false): Promise<void> {
  clearTimeout(timers.get(room));
  await saving.get(room);
  const now = written(room);
  if (!now.dirty) return;
  const run = (async () => {
    try {
      if (now.content === '') {
        if (now.version > 0) await deleteDraft(room);
        settle(room, now, 0);
      } else {
        const stored = await putDraft(room, { content: now.content, mode: now.mode }, now.version, keepalive);
        settle(room, now, stored.version);
      }
    } catch (error) {
      if (error instanceof Refusal && error.status === 412) {
        const there = await getDraft(room).catch(() => null);
        const mine = written(room);
        // Both are shown: nothing is written over unseen.
        set(room, { ...mine, version: there?.version ?? 0, other: there && there.content !== mine.content ? there.content : undefined });
        if (!there || there.content !== mine.content) timers.set(room, setTimeout(() => void save(room), 600));
      }
    } finally {
      saving.delete(room);
    }
  })();
  saving.set(room, run);
  return run;
}

function settle(room: string, saved: Written, version: number): void {
  const now = written(room);
  const same = now.content === saved.content && now.mode === saved.mode;
  const next = { ...now, version, dirty: !same };
  set(room, next);
  keep(room, next);
  if (!same) timers.set(room, setTimeout(() => void save(room), 600));
}

/** Empties the composer because its text was sent. The server deletes its copy with the message. */
export function sent(room: string): void {
  clearTimeout(timers.get(room));
  const mode = written(room).mode;
  const next: Written = { ...NONE, mode: mode === 'note' ? 'reply' : mode };
  set(room, next);
  keep(room, next);
}

/** After a note, whose sending the server does not connect with the draft. */
export const discard = (room: string) => void deleteDraft(room).catch(() => null);

addEventListener('pagehide', () => flush(true));
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') flush(true);
});
