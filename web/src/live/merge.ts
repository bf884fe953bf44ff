// How what comes live is joined with what is here. Pure: the same end whatever the order, doubled or late.
import type { Message, Note, Room } from '../api/types';

/** Rooms by id: the larger version wins. Answers the same map when nothing is newer. */
export function mergeRooms(known: ReadonlyMap<string, Room>, fresh: readonly Room[]): ReadonlyMap<string, Room> {
  let next: Map<string, Room> | null = null;
  for (const room of fresh) {
    const old = (next ?? known).get(room.id);
    if (old && old.version >= room.version) continue;
    next ??= new Map(known);
    next.set(room.id, room);
  }
  return next ?? known;
}

const RANK = { pending: 1, sent: 2, delivered: 3, read: 4, failed: 9 } as const;

/** The further of two states of delivery. `failed` may go back to `pending`, when a person tries again: only a whole message says that. */
export function further(a: Message['deliveryStatus'], b: Message['deliveryStatus']): Message['deliveryStatus'] {
  return RANK[b] > RANK[a] ? b : a;
}

/** Messages of one room by number, oldest first, each once. */
export function mergeMessages(known: readonly Message[], fresh: readonly Message[]): readonly Message[] {
  if (fresh.length === 0) return known;
  const byId = new Map(known.map((message) => [message.id, message]));
  let changed = false;
  for (const message of fresh) {
    const old = byId.get(message.id);
    if (old && same(old, message)) continue;
    changed = true;
    byId.set(message.id, old ? { ...message, deliveryStatus: further(old.deliveryStatus, message.deliveryStatus) } : message);
  }
  if (!changed) return known;
  return [...byId.values()].sort((a, b) => a.number - b.number);
}

function same(a: Message, b: Message): boolean {
  return a.content === b.content && a.failure === b.failure && a.cost === b.cost && further(a.deliveryStatus, b.deliveryStatus) === a.deliveryStatus;
}

/** Moves deliveries on, never back. */
export function mergeDeliveries(known: readonly Message[], steps: readonly { id: string; deliveryStatus: Message['deliveryStatus'] }[]): readonly Message[] {
  const byId = new Map(steps.map((step) => [step.id, step.deliveryStatus]));
  let changed = false;
  const next = known.map((message) => {
    const step = byId.get(message.id);
    if (!step || further(message.deliveryStatus, step) === message.deliveryStatus) return message;
    changed = true;
    return { ...message, deliveryStatus: step };
  });
  return changed ? next : known;
}

/** Numbers that are missing between the messages that are here: each hole as the number before it. */
export function holes(known: readonly Message[]): number[] {
  const found: number[] = [];
  for (let index = 1; index < known.length; index++) {
    const before = known[index - 1]?.number ?? 0;
    if ((known[index]?.number ?? 0) > before + 1) found.push(before);
  }
  return found;
}

/** Notes by id, the larger version wins, oldest first. */
export function mergeNotes(known: readonly Note[], fresh: readonly Note[]): readonly Note[] {
  const byId = new Map(known.map((note) => [note.id, note]));
  for (const note of fresh) {
    const old = byId.get(note.id);
    if (!old || old.version < note.version) byId.set(note.id, note);
  }
  return [...byId.values()].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}
