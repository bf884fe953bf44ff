-- Clients that compare status.code with a number; clients whose id was brought along from elsewhere are found by it alone.
alter table client add column number_codes boolean not null default false;
create index client_id on client (id);

-- The last callback of a channel account that was refused, and why: somebody has set it up wrongly.
alter table account add column refused_at bigint;
alter table account add column refused_reason text;
