-- Subscriptions that are managed: what they are for, how much they get of a record, how much at once, and a secret that is
-- replaced. And what came of each try.
alter table webhook add column description text;
alter table webhook add column payload text not null default 'full';
alter table webhook add column parallel bigint;
alter table webhook add column rate bigint;
alter table webhook add column old_secret bytea;
alter table webhook add column old_until bigint not null default 0;
alter table webhook add column modified_at bigint not null default 0;
alter table webhook add column version bigint not null default 1;

-- The last try: when, how long it took (milliseconds), and the beginning of the answer.
alter table webhook_delivery add column last_at bigint;
alter table webhook_delivery add column last_millis bigint;
alter table webhook_delivery add column last_answer text;
create index webhook_delivery_failed on webhook_delivery (company, webhook, event) where state = 'failed';

-- Tries that failed.
create table webhook_try (
  company bigint not null,
  webhook bigint not null,
  event uuid not null,
  id uuid not null,
  at bigint not null,
  millis bigint not null,
  status bigint,
  error text not null,
  answer text,
  primary key (company, webhook, event, id)
);
create index webhook_try_age on webhook_try (company, at);
create index webhook_try_event on webhook_try (company, event);

-- What is deleted by age is found for one company at a time, because each says how long it keeps it.
drop index event_age;
drop index attempt_age;
drop index batch_age;
drop index webhook_delivery_done;
create index attempt_age on attempt (company, at);
create index batch_age on batch (company, created_at);
create index webhook_delivery_done on webhook_delivery (company, done_at) where state <> 'pending';
