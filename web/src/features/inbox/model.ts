// What a view shows and in which order, as pure functions. No React here.
import type { Message, Note, Room, RoomOrder, RoomStatus } from '../../api/types';
import type { Parcel } from '../../live/outbox';

/** What the list of rooms is asked for. The same object is the body of the enquiry. */
export interface View {
  id: string;
  status: readonly RoomStatus[];
  assignee?: string;
  unanswered?: boolean;
  mentioned?: boolean;
  order: RoomOrder;
  keyword?: string;
  platform?: string;
  priority?: string;
  label?: string;
  account?: string;
  team?: string;
}

/** The views that everybody has. */
export const VIEWS: readonly View[] = [
  { id: 'queue', status: ['open'], order: 'waiting' },
  { id: 'mine', status: ['open'], assignee: 'me', order: 'recent' },
  { id: 'unassigned', status: ['open'], assignee: 'none', order: 'recent' },
  { id: 'mentioned', status: ['open', 'waiting', 'closed'], mentioned: true, order: 'recent' },
  { id: 'open', status: ['open'], order: 'recent' },
  { id: 'waiting', status: ['waiting'], order: 'recent' },
  { id: 'closed', status: ['closed'], order: 'recent' },
];

const STATUSES: readonly string[] = ['open', 'waiting', 'closed'];

/** Reads a typed filter line: `status:closed assignee:me is:unanswered ร้าน`. What is no filter is the keyword. */
export function withLine(view: View, line: string): View {
  const next: View = { ...view };
  const rest: string[] = [];
  for (const part of line.split(/\s+/).filter(Boolean)) {
    const [, name, value] = /^([a-z]+):(\S+)$/i.exec(part) ?? [];
    if (name === 'status' && value) {
      const some = value.split(',').filter((one) => STATUSES.includes(one)) as RoomStatus[];
      if (some.length) next.status = some;
    } else if (name === 'assignee' && value) next.assignee = value;
    else if (name === 'platform' && value) next.platform = value;
    else if (name === 'priority' && value) next.priority = value;
    else if (name === 'label' && value) next.label = value;
    else if (name === 'is' && value === 'unanswered') next.unanswered = true;
    else if (name === 'is' && value === 'mentioned') next.mentioned = true;
    else rest.push(part);
  }
  if (rest.length) {
    next.keyword = rest.join(' ');
    // A keyword is looked for among all rooms of the view, not only among those that wait for an answer.
    if (next.order === 'waiting') next.order = 'recent';
  }
  return next;
}

/** Whether a room that has just changed belongs into a view. Keywords are the server's to judge. */
export function fits(room: Room, view: View, me: string): boolean {
  if (view.keyword || view.label || view.team) return false;
  if (!view.status.includes(room.status)) return false;
  if (view.order === 'waiting' && !room.unanswered) return false;
  if (view.unanswered && !room.unanswered) return false;
  if (view.mentioned && !room.mentioned) return false;
  if (view.platform && view.platform !== room.platform) return false;
  if (view.priority && view.priority !== room.priority) return false;
  if (view.account && view.account !== room.account.id) return false;
  if (view.assignee === 'me') return room.assignee?.id === me;
  if (view.assignee === 'none') return room.assignee === null;
  if (view.assignee === 'any') return room.assignee !== null;
  if (view.assignee) return room.assignee?.id === view.assignee;
  return true;
}

/** The time by which a view is ordered, which is also the one that the row shows. */
export function shownTime(room: Room, order: RoomOrder): number {
  return (order === 'waiting' ? room.waitingSince : null) ?? room.lastAt ?? room.createdAt;
}

/** Compares two rooms in a view's order. */
export function compare(order: RoomOrder): (a: Room, b: Room) => number {
  const way = order === 'recent' ? -1 : 1;
  return (a, b) => way * (shownTime(a, order) - shownTime(b, order)) || (a.id < b.id ? -1 : 1);
}

/** The rooms of which the server has spoken since the last gap in what it told. */
export function certain(known: ReadonlyMap<string, Room>, doubtful: ReadonlySet<string>): ReadonlyMap<string, Room> {
  return doubtful.size === 0 ? known : new Map([...known].filter(([id]) => !doubtful.has(id)));
}

/** The rows of a view: what the server listed, and what has come live and stands before the end of that. */
export function rows(listed: readonly Room[], more: boolean, known: ReadonlyMap<string, Room>, view: View, me: string, held: string | null): Room[] {
  const found = new Map<string, Room>();
  for (const room of listed) {
    const now = known.get(room.id) ?? room;
    if (view.keyword || view.label || view.team || now.id === held || now.version === room.version || fits(now, view, me)) found.set(now.id, now);
  }
  const order = compare(view.order);
  const last = listed.at(-1);
  for (const room of known.values()) {
    if (found.has(room.id) || !fits(room, view, me)) continue;
    if (more && last && order(room, last) > 0) continue;
    found.set(room.id, room);
  }
  const all = [...found.values()];
  // What the server listed is in order already; looking is cheaper than sorting ten thousand.
  return all.every((room, at) => at === 0 || order(all[at - 1] as Room, room) <= 0) ? all : all.sort(order);
}

/** Something in the thread. */
export type Entry =
  | { is: 'day'; key: string; at: number }
  | { is: 'unread'; key: string }
  | { is: 'message'; key: string; at: number; message: Message; head: boolean }
  | { is: 'note'; key: string; at: number; note: Note }
  | { is: 'parcel'; key: string; at: number; parcel: Parcel };

/** The day on the wall of an instant; the offset is the first message's, which is right but for the hour of a change of time. */
const day = (at: number, offset: number) => Math.floor((at - offset * 60_000) / 86_400_000);

/** The thread as it is shown: messages by number, notes and own parcels by time, a heading for each day, a mark before what is unread. */
export function entries(messages: readonly Message[], notes: readonly Note[], parcels: readonly Parcel[], readTo: number | null): Entry[] {
  const ids = new Set([...messages.map((message) => message.id), ...notes.map((note) => note.id)]);
  const aside: Entry[] = [
    ...notes.map((note): Entry => ({ is: 'note', key: note.id, at: note.createdAt, note })),
    ...parcels.filter((parcel) => !ids.has(parcel.id)).map((parcel): Entry => ({ is: 'parcel', key: parcel.id, at: parcel.at, parcel })),
  ].sort((a, b) => ('at' in a && 'at' in b ? a.at - b.at : 0));
  const first = messages[0]?.timestamp;
  const out: Entry[] = [];
  const offset = new Date(first ?? parcels[0]?.at ?? notes[0]?.createdAt ?? 0).getTimezoneOffset();
  let today = NaN;
  let marked = readTo === null;
  let before: Message | null = null;
  const push = (entry: Entry & { at: number }) => {
    const its = day(entry.at, offset);
    if (its !== today) {
      today = its;
      out.push({ is: 'day', key: `day ${today}`, at: entry.at });
      before = null;
    }
    out.push(entry);
  };
  let next = 0;
  const until = (at: number) => {
    for (; next < aside.length; next++) {
      const entry = aside[next];
      if (!entry || !('at' in entry) || entry.at > at) return;
      // What is older than the oldest message that is here belongs to a page that is not loaded.
      if (first !== undefined && entry.at < first && entry.is === 'note' && messages[0] && messages[0].number > 1) continue;
      push(entry);
      before = null;
    }
  };
  for (const message of messages) {
    until(message.timestamp - 1);
    if (!marked && readTo !== null && message.number > readTo) {
      marked = true;
      if (message.user.type === 'customer' && readTo > 0) out.push({ is: 'unread', key: 'unread' });
      before = null;
    }
    const previous = before as Message | null;
    const head = !previous || previous.user.id !== message.user.id || message.timestamp - previous.timestamp > 60 * 60_000;
    push({ is: 'message', key: message.id, at: message.timestamp, message, head: head || day(message.timestamp, offset) !== day(previous?.timestamp ?? 0, offset) });
    before = message;
  }
  until(Infinity);
  return out;
}

/** A location as the platforms send it. */
export interface Spot {
  title: string;
  address: string;
  latitude: number;
  longitude: number;
}

/** Reads a location; null when it is none. */
export function spot(content: string): Spot | null {
  try {
    const read = JSON.parse(content) as Partial<Spot>;
    return typeof read.latitude === 'number' && typeof read.longitude === 'number' ? { title: '', address: '', ...read } as Spot : null;
  } catch {
    return null;
  }
}

/** Addresses in a text, so that they can be links: parts that are, and parts that are not. */
export function parts(text: string): { text: string; href?: string }[] {
  const out: { text: string; href?: string }[] = [];
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'“”]+[^\s<>"'“”.,;:!?)\]}]/g)) {
    if (match.index > from) out.push({ text: text.slice(from, match.index) });
    out.push({ text: match[0], href: match[0] });
    from = match.index + match[0].length;
  }
  if (from < text.length) out.push({ text: text.slice(from) });
  return out;
}
