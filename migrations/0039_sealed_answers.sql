-- Whether an answer that is kept for a repeated request is encrypted: those of the day before this are not.
alter table idempotency add column sealed boolean not null default false;
