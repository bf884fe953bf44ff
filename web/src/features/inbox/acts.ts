// What can be done with a room. Shown at once, sent, and taken back by its undo or by a refusal.
import { session } from '../../api/client';
import { say } from '../../api/words';
import type { Person, Priority, Room } from '../../api/types';
import { words } from '../../i18n';
import { formatBrief, formatClock, formatTime } from '../../i18n/format';
import { toast } from '../../ui/Toast';
import { claimRoom, getRoom, lostRace, markRead, patchRoom } from './api';
import { guess, learn, restore, rooms } from './live';

async function change(room: Room, guessed: Partial<Room>, sent: Record<string, unknown>, done: string | null, undo?: Record<string, unknown>): Promise<boolean> {
  guess(room.id, guessed);
  try {
    learn([await patchRoom(room.id, sent)]);
  } catch (error) {
    restore(room);
    if (lostRace(error)) {
      const now = await getRoom(room.id).catch(() => null);
      if (now) learn([now]);
      toast(now?.assignee ? words('inbox').act.done.lost(now.assignee.nickname ?? now.assignee.name) : say(error), { bad: true });
    } else toast(say(error), { bad: true });
    return false;
  }
  if (done) {
    toast(done, undo ? { undo: () => void change(rooms.get().get(room.id) ?? room, {}, undo, null) } : {});
  }
  return true;
}

const done = () => words('inbox').act.done;

/** Takes the room: the first one wins, the other hears who it was. */
export async function claim(room: Room): Promise<void> {
  const me = session.get();
  if (!me || room.assignee?.id === me.user.id) return;
  guess(room.id, { assignee: { id: me.user.id, name: me.user.name, nickname: me.user.nickname } });
  try {
    learn([await claimRoom(room.id)]);
    toast(done().assigned(me.user.nickname ?? me.user.name), { undo: () => void change(rooms.get().get(room.id) ?? room, { assignee: room.assignee }, { assignee: room.assignee?.id ?? null }, null) });
  } catch (error) {
    restore(room);
    const now = await getRoom(room.id).catch(() => null);
    if (now) learn([now]);
    toast(lostRace(error) && now?.assignee ? done().lost(now.assignee.nickname ?? now.assignee.name) : say(error), { bad: true });
  }
}

/** Gives the room to somebody, or to nobody. */
export const assign = (room: Room, to: Person | null) =>
  change(room, { assignee: to }, { assignee: to?.id ?? null, ifAssignee: room.assignee?.id ?? null }, to ? done().assigned(to.nickname ?? to.name) : done().unassigned, { assignee: room.assignee?.id ?? null });

/** Closes the room. */
export const close = (room: Room) => change(room, { status: 'closed' }, { status: 'closed' }, done().closed, { status: room.status, ...(room.waitingUntil ? { waitingUntil: room.waitingUntil } : {}) });

/** Opens it again. */
export const reopen = (room: Room) => change(room, { status: 'open', waitingUntil: null }, { status: 'open' }, done().opened, room.waitingUntil ? { status: room.status, waitingUntil: room.waitingUntil } : { status: room.status });

/** Puts it away until a time. */
export const snooze = (room: Room, until: number) => change(room, { status: 'waiting', waitingUntil: until }, { status: 'waiting', waitingUntil: until }, done().snoozed(formatTime(until)), { status: room.status });

/** Changes its labels. */
export const label = (room: Room, labels: Room['labels']) => change(room, { labels }, { labels: labels.map((one) => one.id) }, done().labelled, { labels: room.labels.map((one) => one.id) });

/** Changes its priority. */
export const prioritise = (room: Room, priority: Priority) => change(room, { priority }, { priority }, done().priority, { priority: room.priority });

/** Moves the read mark back before the last message of the customer. */
export async function unread(room: Room): Promise<void> {
  const to = Math.max(0, room.messages - 1);
  guess(room.id, { readTo: to, unread: room.messages - to });
  await markRead(room.id, to, true).then(() => toast(done().unread), (error) => toast(say(error), { bad: true }));
}

/** When a snoozed room may come back: only what lies ahead. */
export function snoozes(now: Date): { id: 'hour' | 'afternoon' | 'tomorrow' | 'monday' | 'week'; at: number; hint: string }[] {
  const day = (days: number, hour: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour).getTime();
  const monday = ((8 - now.getDay()) % 7) || 7;
  const list = [
    { id: 'hour' as const, at: now.getTime() + 3_600_000 },
    { id: 'afternoon' as const, at: day(0, 14) },
    { id: 'tomorrow' as const, at: day(1, 9) },
    { id: 'monday' as const, at: day(monday, 9) },
    { id: 'week' as const, at: day(7, 9) },
  ];
  return list.filter((one) => one.at > now.getTime() + 60_000).map((one) => ({ ...one, hint: one.id === 'hour' ? formatClock(one.at) : `${formatBrief(one.at)} ${formatClock(one.at)}` }));
}
