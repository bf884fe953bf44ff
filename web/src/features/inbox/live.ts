// Joins what the stream says with what the cache holds. Applied at most once per frame; requests are gathered.
import type { QueryClient } from '@tanstack/react-query';
import type { Change, Message, Note, Room } from '../../api/types';
import { mergeMessages, mergeNotes, mergeRooms } from '../../live/merge';
import { Refusal, session } from '../../api/client';
import { chime, show } from '../../live/notify';
import { taken } from '../../live/post';
import { follow, type Presence } from '../../live/stream';
import { store } from '../../store';
import { getCounts, getRoom, listMessages, listNotes } from './api';

/** Every room that has been seen, newest version. */
export const rooms = store<ReadonlyMap<string, Room>>(new Map());
/** Rooms that have left what this person may see. */
export const gone = store<ReadonlySet<string>>(new Set());
/** Rooms that may have moved while nobody heard of it: they stand in no list until the server has named them again. */
export const doubtful = store<ReadonlySet<string>>(new Set());
/** Who else is where. */
export const others = store<ReadonlyMap<string, Presence>>(new Map());

/** A room's thread as far as it is loaded. */
export interface Thread {
  messages: readonly Message[];
  notes: readonly Note[];
  hasBefore: boolean;
  hasAfter: boolean;
}
export const threadKey = (room: string) => ['thread', room] as const;

/** Adds rooms that an answer brought. */
export function learn(fresh: readonly Room[]): void {
  rooms.set((now) => mergeRooms(now, fresh));
  doubtful.set((now) => {
    if (!fresh.some((room) => now.has(room.id))) return now;
    const next = new Set(now);
    for (const room of fresh) next.delete(room.id);
    return next;
  });
}

/** Takes away a room that this person may not see any more. */
export function unlearn(id: string): void {
  rooms.set((now) => {
    if (!now.has(id)) return now;
    const next = new Map(now);
    next.delete(id);
    return next;
  });
  gone.set((now) => new Set(now).add(id));
}

/** Changes a room here before the server has answered; the answer's version wins. */
export function guess(id: string, change: Partial<Room>): void {
  rooms.set((now) => {
    const room = now.get(id);
    return room ? new Map(now).set(id, { ...room, ...change }) : now;
  });
}

/** Puts a room back as it was before a guess that came to nothing. */
export function restore(room: Room): void {
  rooms.set((now) => ((now.get(room.id)?.version ?? 0) > room.version ? now : new Map(now).set(room.id, room)));
}

/** Changes a thread that is in the cache. */
export function onThread(cache: QueryClient, room: string, change: (thread: Thread) => Thread): void {
  cache.setQueryData<Thread>(threadKey(room), (thread) => (thread ? change(thread) : thread));
}

/** Loads the newest part of a thread. */
export async function loadThread(room: string, around?: string): Promise<Thread> {
  const [page, notes] = await Promise.all([listMessages(room, around ? { around } : {}), listNotes(room)]);
  return { messages: page.value, notes: mergeNotes([], notes.value), hasBefore: page.hasBefore, hasAfter: page.hasAfter };
}

/** Fetches what a thread lacks behind its last message. */
export async function catchUp(cache: QueryClient, room: string): Promise<void> {
  for (;;) {
    const thread = cache.getQueryData<Thread>(threadKey(room));
    if (!thread || thread.hasAfter) return;
    const page = await listMessages(room, { after: thread.messages.at(-1)?.id ?? 0, take: 100 });
    onThread(cache, room, (now) => ({ ...now, messages: mergeMessages(now.messages, page.value) }));
    if (!page.hasAfter || page.value.length === 0) return;
  }
}

/** Tells a person who looks elsewhere of a customer's message that is theirs or nobody's. */
function announce(room: Room): void {
  const me = session.get();
  if (!me || room.last?.from !== 'customer' || (room.assignee && room.assignee.id !== me.user.id)) return;
  if (document.visibilityState === 'visible' && document.hasFocus()) return;
  if (me.preferences.notify !== false) show(room.name, room.last.type === 'message' ? room.last.content : `[${room.last.type}]`, null);
  if (me.preferences.sound !== false) chime();
}

/** Fetches again what was on its way in a thread that is here. */
async function followDelivery(cache: QueryClient, room: string): Promise<void> {
  const thread = cache.getQueryData<Thread>(threadKey(room));
  if (!thread) return;
  const first = thread.messages.findIndex((message) => message.user.type !== 'customer' && (message.deliveryStatus === 'pending' || message.deliveryStatus === 'sent'));
  const from = Math.max(0, first < 0 ? thread.messages.length - 20 : Math.max(first, thread.messages.length - 100));
  const before = thread.messages[from - 1];
  const page = await listMessages(room, before ? { after: before.id, take: 200 } : { take: 100 });
  onThread(cache, room, (now) => ({ ...now, messages: mergeMessages(now.messages, page.value) }));
}

/** Rooms whose thread is on screen. */
const activeThreads = (cache: QueryClient) => cache.getQueryCache().findAll({ queryKey: ['thread'], type: 'active' }).map((query) => String(query.queryKey[1]));

/** Follows the stream for the inbox. */
export function followInbox(cache: QueryClient): () => void {
  // Rooms to fetch, with the version that was told of where one was.
  const wanted = new Map<string, number>();
  const want = (room: string, version = 0) => wanted.set(room, Math.max(version, wanted.get(room) ?? 0));
  const behind = new Set<string>();
  const moved = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let counted = 0;
  let counting: ReturnType<typeof setTimeout> | undefined;

  const recount = () => {
    clearTimeout(counting);
    counting = setTimeout(() => {
      counted = Date.now();
      getCounts().then((counts) => cache.setQueryData(['counts'], counts), () => null);
    }, Math.max(300, counted + 8000 - Date.now()));
  };
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      const late = [...behind];
      const ids = [...wanted];
      const open = activeThreads(cache);
      const steps = [...moved];
      behind.clear();
      wanted.clear();
      moved.clear();
      for (const room of late) void catchUp(cache, room).catch(() => null);
      for (const room of steps) void followDelivery(cache, room).catch(() => null);
      const isMany = ids.length > 4;
      if (isMany) {
        void cache.invalidateQueries({ queryKey: ['rooms'] }).then(() => {
          // What no list has named since has left them, or stands further down: as it is known here, it is over.
          const lost = ids.filter(([id, version]) => (rooms.get().get(id)?.version ?? version) < version).map(([id]) => id);
          if (lost.length > 0) doubtful.set((now) => new Set([...now, ...lost]));
        });
      }
      for (const [id] of ids.filter(([id]) => !isMany || open.includes(id)))
        getRoom(id).then((room) => {
          learn([room]);
          announce(room);
        }, (error) => {
          // It has left what this person may see.
          if (error instanceof Refusal && error.status === 404) unlearn(id);
        });
    }, 60);
  };

  const apply = (change: Change) => {
    switch (change.kind) {
      case 'messages': {
        const thread = cache.getQueryData<Thread>(threadKey(change.roomId));
        if (thread && (thread.messages.at(-1)?.number ?? 0) < change.to) behind.add(change.roomId);
        if ((rooms.get().get(change.roomId)?.version ?? 0) < change.version) want(change.roomId, change.version);
        recount();
        return soon();
      }
      case 'room':
        if ((rooms.get().get(change.roomId)?.version ?? 0) < change.version) want(change.roomId, change.version);
        recount();
        return soon();
      case 'delivery':
        moved.add(change.roomId);
        if (rooms.get().has(change.roomId)) want(change.roomId);
        return soon();
      case 'note':
        if (change.action === 'note_deleted') onThread(cache, change.roomId, (thread) => ({ ...thread, notes: thread.notes.filter((note) => note.id !== change.noteId) }));
        else if (cache.getQueryData(threadKey(change.roomId))) {
          listNotes(change.roomId).then((page) => onThread(cache, change.roomId, (thread) => ({ ...thread, notes: mergeNotes(thread.notes, page.value) })), () => null);
        }
        return;
      case 'read':
        return guess(change.roomId, { readTo: change.readTo, unread: Math.max(0, (rooms.get().get(change.roomId)?.messages ?? 0) - change.readTo) });
      case 'draft':
        return guess(change.roomId, { hasDraft: change.version !== null });
      case 'reply':
        return void cache.invalidateQueries({ queryKey: ['replies'] });
      default:
    }
  };

  const off = follow((tiding) => {
    if (tiding.is === 'change') apply(tiding.change);
    else if (tiding.is === 'presence') {
      others.set((now) => new Map(now).set(tiding.presence.userId, tiding.presence));
    } else if (tiding.is === 'reset') {
      // What happened meanwhile is not told any more. Lists are loaded anew; of the other rooms nothing is known.
      doubtful.set(() => new Set(rooms.get().keys()));
      gone.set(() => new Set());
      for (const room of activeThreads(cache)) want(room);
      recount();
      soon();
    }
  });
  const stored = (parcel: { roomId: string; kind: string }, result: Message | Note) => {
    if (parcel.kind === 'note') onThread(cache, parcel.roomId, (thread) => ({ ...thread, notes: mergeNotes(thread.notes, [result as Note]) }));
    else {
      onThread(cache, parcel.roomId, (thread) => ({ ...thread, messages: mergeMessages(thread.messages, [result as Message]) }));
      want(parcel.roomId);
      soon();
    }
  };
  taken.add(stored);
  return () => {
    off();
    taken.delete(stored);
    clearTimeout(timer);
    clearTimeout(counting);
  };
}
