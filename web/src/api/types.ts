// What the console's own operations answer, in the words of the API.

export interface Named {
  id: string;
  name: string;
}
/** An entry of a look-up list by name. */
export interface Entry {
  id: number;
  name: string;
  nameEn?: string | null;
}
export interface Person extends Named {
  nickname?: string | null;
}

export interface Me {
  user: {
    id: string;
    email: string;
    name: string;
    nickname: string | null;
    staffCode: string | null;
    role: Entry;
    team: Entry | null;
    hasTotp: boolean;
    language: 'th' | 'en' | null;
  };
  company: { id: number; name: string; timeZone: string };
  companies: { id: number; name: string }[];
  scopes: string[];
  range: 'own' | 'team' | 'all';
  accounts: string[] | null;
  preferences: Preferences;
  session: { id: string; expiresAt: number };
  version: string;
  /** What this server is set up for. */
  features: { documents: boolean; mail: boolean };
}

/** What a person likes. Kept on the server, so that it is the same on each of their machines. */
export interface Preferences {
  /** True: Enter sends. False: Ctrl Enter sends. Absent: not asked yet. */
  enterSends?: boolean;
  keysOff?: boolean;
  keys?: Record<string, string>;
  theme?: 'light' | 'dark';
  view?: string;
  order?: RoomOrder;
  pane?: boolean;
  notify?: boolean;
  sound?: boolean;
}

export type RoomOrder = 'waiting' | 'recent' | 'oldest';
export type RoomStatus = 'open' | 'waiting' | 'closed';
export type Priority = 'low' | 'normal' | 'high' | 'urgent';

export interface Room {
  id: string;
  version: number;
  name: string;
  picture: string | null;
  platform: string;
  account: Named;
  contactId: string;
  customerId: number | null;
  customerCode: string | null;
  status: RoomStatus;
  waitingUntil: number | null;
  assignee: Person | null;
  assignedBy: 'rule' | 'person' | null;
  team: Entry | null;
  priority: Priority;
  labels: Entry[];
  messages: number;
  last: { type: string; content: string; at: number; from: 'customer' | 'staff' | 'client' } | null;
  lastAt: number | null;
  lastCustomerAt: number | null;
  lastReplyAt: number | null;
  unanswered: boolean;
  waitingSince: number | null;
  /** Until when the customer is to be answered, in working hours. */
  respondBy: number | null;
  unread: number;
  readTo: number | null;
  hasDraft: boolean;
  mentioned: boolean;
  failed: boolean;
  freeReplyUntil: number | null;
  botPaused: boolean;
  createdAt: number;
}

export interface Message {
  id: string;
  roomId: string;
  number: number;
  platform: string;
  user: { id: string; type: 'customer' | 'staff' | 'client'; displayName: string; avatar: string };
  content: string;
  timestamp: number;
  type: string;
  deliveryStatus: 'pending' | 'sent' | 'delivered' | 'read' | 'failed';
  cost?: 'reply' | 'push' | null;
  failure?: string | null;
  /** What it says besides. */
  details?: { fileName?: string };
  clientId?: string | null;
}

export interface Note {
  id: string;
  roomId: string;
  author: Person | null;
  own: boolean;
  content: string;
  mentions: Named[];
  createdAt: number;
  changedAt: number | null;
  version: number;
}

export interface Draft {
  content: string;
  mode: 'reply' | 'note';
  attachment?: string | null;
  version: number;
  changedAt: number;
}

export interface Colleague extends Person {
  staffCode: string | null;
  teamId: number | null;
  teamName: string | null;
  isActive?: boolean;
}

export interface Reply {
  id: string;
  name: string;
  titleTh: string;
  titleEn: string;
  textTh: string;
  textEn: string;
  version: number;
}

export interface Counts {
  mine: number;
  unassigned: number;
  team: number;
  open: number;
  waiting: number;
  unanswered: number;
  mentioned: number;
  drafts: number;
}

/** Kinds of records, as the audit log calls them; the look-up lists (`teams`) beside these. */
export type RecordKind =
  | 'account' | 'activity' | 'assignment' | 'case' | 'client' | 'contract' | 'customer' | 'deal' | 'documentLogo' | 'documentTemplate' | 'employee' | 'expense'
  | 'mail' | 'mail_template' | 'privacy' | 'product' | 'quotation' | 'sales_order' | 'serial' | 'setting' | 'sso' | 'system' | 'task' | 'tax_document' | 'user' | 'webhook';

/** A change that the stream tells. */
export type Change =
  | { kind: 'messages'; roomId: string; from: number; to: number; version: number }
  | { kind: 'room'; roomId: string; version: number; action?: string }
  | { kind: 'delivery'; roomId: string; messages: number; version: number }
  | { kind: 'note'; roomId: string; noteId: string; action: 'note_created' | 'note_updated' | 'note_deleted'; version: number }
  | { kind: 'draft'; roomId: string; version: number | null; changedBy?: string }
  | { kind: 'read'; roomId: string; readTo: number }
  | { kind: 'reply' | 'view'; ref: string; action?: string }
  /** Records of this kind were changed, as the audit log calls it. */
  | { kind: RecordKind; at: number };
