-- The inbox's own state: who answers a room and until when it rests, notes that no customer sees, drafts, read marks, and
-- the log of changes that open consoles follow.

-- 1 open, 2 waiting until a time, 3 closed: a customer's message opens it again.
alter table room add column status bigint not null default 1;
alter table room add column waiting_until bigint;
-- Since when a customer waits for an answer; null when nobody does.
alter table room add column waiting_since bigint;
alter table room add column assignee uuid;
-- person, or rule
alter table room add column assigned_by text;
alter table room add column team bigint;
-- 1 low, 2 normal, 3 high, 4 urgent
alter table room add column priority bigint not null default 2;
-- A bot that answers in this room is to be silent.
alter table room add column bot_paused boolean not null default false;
alter table room add column version bigint not null default 1;
-- Twice the status, and one more when it is assigned: what most lists ask for, as one number.
alter table room add column shape bigint not null default 2;
update room set waiting_since = last_customer_at where unanswered and erased_at is null;
-- One index for each order: the longest unanswered, the last message.
create index room_waiting on room (company, waiting_since, id) where waiting_since is not null;
create index room_inbox on room (company, shape, last_at, id);
create index room_assignee on room (company, assignee, status, last_at, id) where assignee is not null;
create index room_team on room (company, team, status, last_at, id) where team is not null;

create table room_label (
  company bigint not null,
  label bigint not null,
  room uuid not null,
  primary key (company, label, room),
  foreign key (company, room) references room (company, id)
);
create index room_label_room on room_label (company, room);

-- What colleagues say to each other about a room. Delivery reads messages only.
create table room_note (
  company bigint not null,
  id uuid not null,
  room uuid not null,
  author text not null,
  content text not null,
  created_at bigint not null,
  changed_at bigint,
  version bigint not null,
  primary key (company, id),
  foreign key (company, room) references room (company, id)
);
create index room_note_room on room_note (company, room, created_at, id);

create table room_mention (
  company bigint not null,
  person uuid not null,
  room uuid not null,
  note uuid not null,
  seen boolean not null,
  at bigint not null,
  primary key (company, person, note),
  foreign key (company, note) references room_note (company, id),
  foreign key (company, person) references person (company, id)
);
create index room_mention_note on room_mention (company, note);
create index room_mention_open on room_mention (company, person, room) where not seen;

create table room_draft (
  company bigint not null,
  -- A user id, or the id of an API client.
  who text not null,
  room uuid not null,
  content text not null,
  -- reply or note
  mode text not null,
  attachment text,
  changed_at bigint not null,
  version bigint not null,
  primary key (company, who, room),
  foreign key (company, room) references room (company, id)
);
create index room_draft_room on room_draft (company, room);

create table room_read (
  company bigint not null,
  who text not null,
  room uuid not null,
  -- The last message that was read.
  number bigint not null,
  at bigint not null,
  primary key (company, who, room),
  foreign key (company, room) references room (company, id)
);
create index room_read_room on room_read (company, room);

-- Written by a person: the employee.
alter table message add column staff uuid;
create index message_failed on message (company, room) where delivery = 9;

-- What happened, for those who look at it now: one row for each unit of work and kind, kept for two days.
create table change (
  company bigint not null,
  id uuid not null,
  at bigint not null,
  kind text not null,
  -- What each reader is told, and who may be told it.
  body text not null,
  primary key (company, id)
);

create table canned_reply (
  company bigint not null references company (company),
  id bigint not null,
  name text not null,
  -- The name as it is compared.
  name_key text not null,
  title_th text,
  title_en text,
  text_th text,
  text_en text,
  team bigint,
  version bigint not null,
  primary key (company, id)
);
create unique index canned_reply_name on canned_reply (company, name_key);

create table inbox_view (
  company bigint not null references company (company),
  id bigint not null,
  -- Whose it is: a user id, or the id of an API client.
  who text not null,
  shared boolean not null,
  name text not null,
  filter jsonb not null,
  position bigint not null,
  version bigint not null,
  primary key (company, id)
);
create index inbox_view_who on inbox_view (company, who);

-- Who gets a room that a customer opens: one rule for each channel account, and one for the others (an empty account).
create table inbox_rule (
  company bigint not null references company (company),
  account text not null,
  -- nobody, round_robin, or least_busy
  mode text not null,
  team bigint,
  -- Open rooms that one person has at most; null is any number.
  capacity bigint,
  only_present boolean not null,
  only_in_hours boolean not null,
  -- Who got the last one.
  last uuid,
  version bigint not null,
  primary key (company, account)
);
