-- The ground floor: companies, API clients, channel accounts, rooms, messages, events, webhooks and jobs.
-- One text for SQLite and PostgreSQL. Times are Unix milliseconds in UTC. Every key begins with the company.

create table company (
  company bigint not null primary key,
  name text not null,
  time_zone text not null,
  created_at bigint not null
);

-- Running numbers: integer ids and, later, document numbers.
create table counter (
  company bigint not null references company (company),
  name text not null,
  value bigint not null,
  primary key (company, name)
);

create table client (
  company bigint not null references company (company),
  id text not null,
  name text not null,
  secret_hash bytea not null,
  key_hash bytea not null,
  scopes text not null,
  created_at bigint not null,
  revoked_at bigint,
  primary key (company, id)
);

create table token (
  company bigint not null,
  hash bytea not null,
  client text not null,
  scopes text not null,
  expires_at bigint not null,
  primary key (company, hash),
  foreign key (company, client) references client (company, id)
);
create index token_client on token (company, client);
create index token_expiry on token (expires_at);

create table idempotency (
  company bigint not null,
  client text not null,
  key text not null,
  request bytea not null,
  holder uuid not null,
  held_until bigint not null,
  status bigint,
  answer bytea,
  expires_at bigint not null,
  primary key (company, client, key)
);
create index idempotency_expiry on idempotency (expires_at);

create table account (
  company bigint not null references company (company),
  id text not null,
  platform bigint not null,
  name text not null,
  sandbox boolean not null,
  -- The channel's credentials, encrypted; null for a sandbox.
  secrets bytea,
  api_base text,
  -- What happens to an answer that comes too late for its free reply token: yes (paid push), ask, no.
  late_push text not null,
  -- active, stopped (monthly quota), broken (the provider refused the credentials), removed
  state text not null,
  state_reason text,
  paused_until bigint not null,
  quota_limit bigint,
  quota_used bigint,
  quota_checked_at bigint,
  last_callback_at bigint,
  created_at bigint not null,
  primary key (company, id)
);

create table contact (
  company bigint not null,
  id uuid not null,
  account text not null,
  external_id text not null,
  name text not null,
  picture text not null,
  language text,
  follows boolean,
  profile_at bigint,
  created_at bigint not null,
  primary key (company, id),
  foreign key (company, account) references account (company, id)
);
create unique index contact_external on contact (company, account, external_id);

create table room (
  company bigint not null,
  id uuid not null,
  account text not null,
  platform bigint not null,
  -- Where messages of this room go: a user id, or the id of a group.
  external_id text not null,
  contact uuid not null,
  name text not null,
  -- The name in lower case, as keywords are compared with it.
  name_key text not null,
  picture text not null,
  -- How many messages the room has: the last running number.
  messages bigint not null,
  customer_messages bigint not null,
  unread bigint not null,
  unanswered boolean not null,
  last_message uuid,
  last_kind text,
  last_content text,
  last_at bigint not null,
  last_customer_at bigint,
  last_reply_at bigint,
  -- The newest unused reply token, encrypted by nobody because it dies within a minute.
  reply_token text,
  reply_token_at bigint,
  created_at bigint not null,
  primary key (company, id),
  foreign key (company, account) references account (company, id),
  foreign key (company, contact) references contact (company, id)
);
create unique index room_external on room (company, account, external_id);
create index room_recent on room (company, last_at, id);
create index room_platform on room (company, platform, last_at, id);
create index room_unanswered on room (company, last_at, id) where unanswered;

-- Three-letter pieces of names: substring search in any script, on both databases.
create table room_gram (
  company bigint not null,
  gram bytea not null,
  room uuid not null,
  primary key (company, gram, room)
);
create index room_gram_room on room_gram (company, room);

create table message (
  company bigint not null,
  id uuid not null,
  room uuid not null,
  number bigint not null,
  -- Who wrote it: one of the two.
  client text,
  contact uuid,
  kind text not null,
  content text not null,
  -- What the platform needs beyond the text: the whole content of a message that is not text.
  body jsonb,
  -- When it was said (the provider's time for a customer's message), and when it was stored here.
  sent_at bigint not null,
  stored_at bigint not null,
  -- 1 pending, 2 sent, 3 delivered, 4 read, 9 failed: it only moves up.
  delivery bigint not null,
  first_of_customer boolean not null,
  trace text not null,
  provider_id text,
  -- The call in which it went out: also the provider's retry key.
  batch uuid,
  cost text,
  failure text,
  -- Refused together with others: goes out alone now.
  alone boolean not null default false,
  -- A person asked for it to go out although it costs.
  paid_ok boolean not null default false,
  primary key (company, id),
  foreign key (company, room) references room (company, id)
);
create index message_history on message (company, room, sent_at, number);
create index message_pending on message (company, room, number) where delivery = 1;
create index message_provider on message (company, room, provider_id) where provider_id is not null;

-- Messages that leave in one call. Written before the call is made, so that whoever repeats it after a crash repeats
-- the same messages under the same key.
create table batch (
  company bigint not null,
  id uuid not null,
  room uuid not null,
  -- reply (free) or push (paid)
  route text not null,
  token text,
  token_at bigint,
  tries bigint not null,
  -- Tries that are known to have done nothing: when there are more others, one of those may have arrived.
  refused bigint not null default 0,
  created_at bigint not null,
  primary key (company, id)
);
create index batch_age on batch (created_at);

-- Each try to hand a message over, for the one who asks why it is late.
create table attempt (
  company bigint not null,
  message uuid not null,
  batch uuid not null,
  number bigint not null,
  at bigint not null,
  outcome text not null,
  reason text,
  primary key (company, message, batch, number)
);
create index attempt_age on attempt (at);

-- Which of the provider's events have been taken, so that none is taken twice.
create table inbound (
  company bigint not null,
  account text not null,
  event text not null,
  at bigint not null,
  primary key (company, account, event)
);
create index inbound_age on inbound (at);

create table media (
  company bigint not null,
  id text not null,
  account text not null,
  message uuid not null,
  -- What the provider calls it, or the address it can be had from.
  source text not null,
  -- waiting, stored, gone
  state text not null,
  content_type text,
  size bigint,
  created_at bigint not null,
  primary key (company, id),
  foreign key (company, account) references account (company, id)
);

create table event (
  company bigint not null,
  id uuid not null,
  topic text not null,
  name text not null,
  -- What it is about; deliveries of one subject keep their order.
  subject text not null,
  at bigint not null,
  body text not null,
  primary key (company, id)
);
create index event_age on event (at);

create table webhook (
  company bigint not null references company (company),
  id bigint not null,
  url text not null,
  -- Topics separated by spaces; empty means all.
  topics text not null,
  secret bytea not null,
  -- active, paused, removed
  state text not null,
  state_reason text,
  failing_since bigint,
  created_at bigint not null,
  primary key (company, id)
);

create table webhook_delivery (
  company bigint not null,
  webhook bigint not null,
  event uuid not null,
  subject text not null,
  -- The event's place among those of its subject.
  place bigint not null,
  -- pending, delivered, failed
  state text not null,
  tries bigint not null,
  last_status bigint,
  last_error text,
  created_at bigint not null,
  done_at bigint,
  primary key (company, webhook, event),
  foreign key (company, webhook) references webhook (company, id)
);
create index webhook_delivery_pending on webhook_delivery (company, webhook, subject, place) where state = 'pending';
create index webhook_delivery_event on webhook_delivery (company, event);
create index webhook_delivery_done on webhook_delivery (done_at) where state <> 'pending';

-- Work to be done in the background: at most one row for a kind and key, claimed with a lease.
create table job (
  company bigint not null,
  kind text not null,
  key text not null,
  -- Due at this time; a claimed job's lease ends at it.
  run_at bigint not null,
  -- Grows with each request for work, so that what was asked for during a run is not lost.
  version bigint not null,
  tries bigint not null,
  worker uuid,
  -- Runs in a row that failed; after too many the job is set aside as dead.
  failures bigint not null default 0,
  dead boolean not null,
  error text,
  created_at bigint not null,
  primary key (company, kind, key)
);
create index job_due on job (kind, run_at) where not dead;
create index job_worker on job (worker) where worker is not null;
create index job_dead on job (company, kind) where dead;
