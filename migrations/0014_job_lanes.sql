-- Fair work: what a job shares its places with (a subscription, a channel account), and how often its worker ended first.
alter table job add column lane text not null default '';
alter table job add column lost bigint not null default 0;

drop index job_due;
create index job_due on job (run_at, kind, company, lane) where not dead;
create index job_lane on job (company, kind, lane, run_at) where not dead;

-- Tries in a row that failed, and until when nothing but one probe goes to the subscription.
alter table webhook add column strikes bigint not null default 0;
alter table webhook add column held_until bigint not null default 0;
