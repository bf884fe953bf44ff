-- Tasks: what somebody is to do, by when, and for which customer, room, deal or case.

create table task (
  company bigint not null references company (company),
  id bigint not null,
  number text not null,
  -- The number as it is compared.
  number_key text not null,
  subject text not null,
  note text,
  -- open, doing, done, cancelled
  status text not null,
  -- low, normal, high, urgent
  priority text not null,
  due_at bigint,
  -- Whether the due date has a time of day; otherwise it is the end of its day.
  due_has_time boolean not null,
  -- The due date as it is ordered by: tasks without one come last.
  due_order bigint not null,
  remind_at bigint,
  assignee uuid,
  customer bigint,
  room uuid,
  deal_nos jsonb,
  case_no text,
  checklist jsonb,
  labels jsonb,
  -- An RRULE of RFC 5545, and the due date of the series' first task.
  recurrence text,
  series_start bigint,
  done_at bigint,
  -- What a keyword is looked for in, folded.
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id),
  foreign key (company, customer) references customer (company, id),
  foreign key (company, assignee) references employee (company, id)
);
create unique index task_number on task (company, number_key);
create index task_due on task (company, due_order, id) where deleted_at is null;
create index task_modified on task (company, modified_at, id) where deleted_at is null;
create index task_assignee on task (company, assignee, due_order, id) where assignee is not null and deleted_at is null;
create index task_customer on task (company, customer, id) where customer is not null;
create index task_room on task (company, room, id) where room is not null;
create index task_case on task (company, case_no, id) where case_no is not null;

-- The deals that a task hangs on.
create table task_deal (
  company bigint not null,
  task bigint not null,
  deal_no text not null,
  primary key (company, deal_no, task),
  foreign key (company, task) references task (company, id)
);
create index task_deal_of on task_deal (company, task);
