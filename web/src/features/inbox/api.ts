import { call, exchange, Refusal, upload, type Fault } from '../../api/client';
import type { Colleague, Counts, Draft, Message, Note, Reply, Room } from '../../api/types';
import type { View } from './model';

export interface RoomPage {
  value: Room[];
  next: string | null;
  streamCursor?: string;
}
export interface MessagePage {
  value: Message[];
  hasBefore: boolean;
  hasAfter: boolean;
}

const path = (room: string, rest = '') => `/v1/console/rooms/${room}${rest}`;

export const listRooms = (view: View, cursor: string | null, signal?: AbortSignal) => {
  const { id: _, ...filter } = view;
  return call<RoomPage>('POST', '/v1/console/rooms/enquiry', { body: { ...filter, take: 40, ...(cursor ? { cursor } : {}) }, signal });
};
export const getRoom = (room: string) => call<Room>('GET', path(room));
export const getCounts = () => call<Counts>('GET', '/v1/console/counts');
export const listMessages = (room: string, query: { before?: string; after?: string | number; around?: string; take?: number }) => call<MessagePage>('GET', path(room, '/messages'), { query: { take: 50, ...query } });
export const listNotes = (room: string) => call<{ value: Note[]; next: string | null }>('GET', path(room, '/notes'), { query: { take: 100 } });
export const patchRoom = (room: string, change: Record<string, unknown>) => call<Room>('PATCH', path(room), { body: change });
export const claimRoom = (room: string) => call<Room>('POST', path(room, '/claim'), { body: {} });
export interface RoomEvent {
  id: string;
  at: number;
  actor: { name: string; nickname?: string | null } | null;
  action: string;
  changes: Record<string, unknown>;
}
export const listHistory = (room: string) => call<{ value: RoomEvent[] }>('GET', path(room, '/history'), { query: { take: 30 } }).then((page) => page.value);
export interface SavedView {
  id: string | number;
  name: string;
  filter: Record<string, unknown>;
  shared: boolean;
  version: number;
}
export const listViews = () => call<{ value: SavedView[] }>('GET', '/v1/console/views').then((page) => page.value);
export const addView = (name: string, filter: object) => call<SavedView>('POST', '/v1/console/views', { body: { name, filter } });
export const dropView = (id: string | number) => call('DELETE', `/v1/console/views/${id}`);
export const markRead = (room: string, to: number, force = false) => call<{ readTo: number }>('PUT', path(room, '/read'), { body: force ? { to, force } : { to } });
export const retryMessage = (id: string) => call<Message>('POST', `/v1/chat/message/${id}/retry`, { body: {} });
export const getDraft = (room: string) => call<Draft | null>('GET', path(room, '/draft'));
export const putDraft = (room: string, draft: { content: string; mode: string }, version: number, keepalive: boolean) =>
  exchange<Draft>('PUT', path(room, '/draft'), { body: draft, match: version, keepalive }).then((answer) => answer.data);
export const deleteDraft = (room: string) => call('DELETE', path(room, '/draft'));
export const deleteNote = (room: string, note: string) => call('DELETE', path(room, `/notes/${note}`));
export const listColleagues = () => call<{ value: Colleague[] }>('GET', '/v1/console/colleagues').then((page) => page.value);
/** How a message would go out: what it costs, and what its channel would not take. */
export interface Preview {
  route: 'reply' | 'push' | 'ask' | 'stopped';
  quotaLimit: number | null;
  quotaUsed: number | null;
  faults: Fault[];
}
export const previewMessage = (roomId: string, what: { content?: string; attachment?: string }) => call<Preview>('POST', '/v1/console/preview', { body: { roomId, ...what } });
export const listReplies = () => call<{ value: Reply[] }>('GET', '/v1/console/replies').then((page) => page.value);
export const presence = (body: { roomId: string | null; typing?: boolean; state?: string }) => call('POST', '/v1/console/presence', { body }).catch(() => null);
/** What a file is to a messenger. */
const kindOf = (type: string) => ['image', 'video', 'audio'].find((kind) => type.startsWith(`${kind}/`)) ?? 'file';

/** A file that the server has. */
export interface Uploaded {
  id: string;
  name: string;
  contentType: string;
  size: number;
  url: string;
  kind: string;
}

/** Uploads a file that is to be sent, and tells how much of it has left (0 to 1). */
export async function uploadFile(file: File, signal: AbortSignal, progress: (done: number) => void): Promise<Uploaded> {
  const form = new FormData();
  form.append('file', file);
  const [stored] = await upload<Omit<Uploaded, 'kind'>[]>('/v1/console/files', form, signal, progress);
  if (!stored) throw new Error('no file was stored');
  return { ...stored, kind: kindOf(stored.contentType) };
}

/** True when somebody else was quicker. */
export const lostRace = (error: unknown) => error instanceof Refusal && (error.status === 409 || error.status === 412);
