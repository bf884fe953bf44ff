-- An event's place among those of its subject, so that it can be handed on again to a subscription that has missed it.
alter table event add column place bigint not null default 0;
