-- Activities: visits, calls and meetings, as they are planned and as they went; and calendars that are shared.

create table activity (
  company bigint not null references company (company),
  id bigint not null,
  no text not null,
  -- The number as it is compared.
  no_key text not null,
  subject text not null,
  team bigint,
  group_id bigint,
  -- An entry of the list activity-types.
  kind bigint,
  active boolean not null,
  -- An entry of the list activity-statuses, and what it stands for: planned, started, done, cancelled.
  status bigint not null,
  state text not null,
  is_ad_hoc boolean not null,
  assignee uuid,
  starts_at bigint not null,
  ends_at bigint not null,
  start_location text,
  start_location_name text,
  -- In millionths of a degree.
  visit_latitude bigint,
  visit_longitude bigint,
  visit_location text,
  visit_location_name text,
  visit_place_id text,
  customer bigint,
  contact text,
  room uuid,
  -- Numbers of deals, entries of the list key-activities, employees who come along.
  deals jsonb not null,
  key_activities jsonb not null,
  participants jsonb not null,
  note text,
  -- Where and when somebody arrived, and left.
  check_in jsonb,
  check_out jsonb,
  report text,
  outcome text,
  next_step text,
  next_step_at bigint,
  -- RRULE, and when the series began.
  recurrence text,
  series_start bigint,
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id),
  foreign key (company, customer) references customer (company, id)
);
create unique index activity_no on activity (company, no_key);
create index activity_start on activity (company, starts_at, id) where deleted_at is null;
create index activity_modified on activity (company, modified_at, id) where deleted_at is null;
create index activity_customer on activity (company, customer, starts_at, id) where customer is not null;
create index activity_assignee on activity (company, assignee, starts_at, id) where assignee is not null;
create index activity_status on activity (company, status, id);
create index activity_kind on activity (company, kind, id) where kind is not null;

create table activity_calendar (
  company bigint not null references company (company),
  id bigint not null,
  employee uuid not null,
  -- SHA-256 of the secret address, in hexadecimal.
  token_hash text not null,
  created_by text not null,
  created_at bigint not null,
  primary key (company, id),
  foreign key (company, employee) references employee (company, id)
);
create unique index activity_calendar_token on activity_calendar (company, token_hash);
create index activity_calendar_employee on activity_calendar (company, employee);

-- A customer's timeline reads the newest tasks first.
create index task_timeline on task (company, customer, created_at, id) where customer is not null;
