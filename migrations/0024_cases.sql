-- Cases that customers bring, what is said about them, and what records point at.

create table service_case (
  company bigint not null references company (company),
  id bigint not null,
  no text not null,
  -- The number as it is compared.
  no_key text not null,
  -- 1 request for action, 2 for your information
  kind bigint not null,
  subject text not null,
  customer bigint,
  -- An entry of the list case-categories.
  category bigint not null,
  -- new, open, waiting, resolved, closed, cancelled
  status text not null,
  raised_at bigint not null,
  due_at bigint not null,
  -- The employee who sees to it.
  assignee uuid,
  note text,
  -- Numbers of activities and deals, ids of rooms; record_link has them the other way round.
  activities jsonb not null,
  deals jsonb not null,
  rooms jsonb not null,
  -- Times to be kept: the first answer, the resolution, and due_at.
  response jsonb not null,
  resolution jsonb not null,
  due jsonb not null,
  is_breached boolean not null,
  -- When the job has to look at those times again.
  alarm_at bigint,
  comments bigint not null,
  merged_into bigint,
  closed_at bigint,
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id),
  foreign key (company, customer) references customer (company, id),
  foreign key (company, merged_into) references service_case (company, id)
);
create unique index service_case_no on service_case (company, no_key);
create index service_case_raised on service_case (company, raised_at, id) where deleted_at is null;
create index service_case_due on service_case (company, due_at, id) where deleted_at is null;
create index service_case_modified on service_case (company, modified_at, id) where deleted_at is null;
create index service_case_customer on service_case (company, customer, raised_at, id) where customer is not null;
create index service_case_assignee on service_case (company, assignee, status, id) where assignee is not null;
create index service_case_status on service_case (company, status, id) where deleted_at is null;
create index service_case_category on service_case (company, category, id);
create index service_case_merged on service_case (company, merged_into) where merged_into is not null;

create table case_comment (
  company bigint not null references company (company),
  id bigint not null,
  case_id bigint not null,
  -- The customer of the case, with whom the comment goes.
  customer bigint,
  body text not null,
  -- For the staff only.
  is_internal boolean not null,
  created_by text not null,
  created_at bigint not null,
  primary key (company, id),
  foreign key (company, case_id) references service_case (company, id),
  foreign key (company, customer) references customer (company, id)
);
create index case_comment_case on case_comment (company, case_id, id);
create index case_comment_customer on case_comment (company, customer, id) where customer is not null;

-- What records point at: a case at its activities, deals and rooms.
create table record_link (
  company bigint not null references company (company),
  source text not null,
  source_id bigint not null,
  -- activity, deal, room
  target text not null,
  -- Its number as it is compared, or its id.
  reference text not null,
  primary key (company, source, source_id, target, reference)
);
create index record_link_target on record_link (company, target, reference, source, source_id);
