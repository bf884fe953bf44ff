-- Merges that can be undone exactly, and requests under a privacy law that are carried out by jobs.

-- How many records of each kind went over to the survivor.
alter table customer_merge add column moved jsonb;
-- What the survivor's own fields took over; null once the merge cannot be undone any more.
alter table customer_merge add column detail jsonb;
create index customer_merge_age on customer_merge (at) where detail is not null;

-- The section of the law that a refusal rests on.
alter table privacy_request add column section text;
-- The archive of an export: its id in the media store, which is taken before the first byte is written.
alter table privacy_request add column archive text;
alter table privacy_request add column archive_size bigint;
-- When the archive is deleted.
alter table privacy_request add column expires_at bigint;
alter table privacy_request add column version bigint not null default 1;
create index privacy_request_kind on privacy_request (company, kind, id);

-- The person behind the room was erased: it takes no messages any more, and whoever writes from there is new.
alter table room add column erased_at bigint;

-- The stored bodies of what happened to one subject, and the files of one message: erasure looks for them.
create index event_subject on event (company, subject, id);
create index media_message on media (company, message);
