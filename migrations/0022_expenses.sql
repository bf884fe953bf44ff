-- Expenses: claims of employees, line by line, and how far their approval has come.

create table expense (
  company bigint not null references company (company),
  id bigint not null,
  number text not null,
  -- The number as it is compared.
  number_key text not null,
  subject text not null,
  remark text,
  -- The employee who claims, and the employee's team then.
  owner uuid,
  team bigint,
  activity bigint,
  spent_at bigint not null,
  -- 302 waits for approval, 303 approved, 304 rejected, 305 cancelled.
  status bigint not null,
  -- The level of approval that it waits for, and how many there are.
  level bigint not null,
  levels bigint not null,
  -- The employee who is expected to approve it.
  waits_for uuid,
  approved_by text,
  approved_at bigint,
  -- Why it was rejected or cancelled.
  reason text,
  -- Ten-thousandths: all lines, and those that were not paid with a card of the company.
  total bigint not null,
  to_pay bigint not null,
  lines jsonb not null,
  -- Its steps of approval, and what happened to it.
  states jsonb not null,
  log jsonb not null,
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id),
  foreign key (company, owner) references employee (company, id)
);
create unique index expense_number on expense (company, number_key);
create index expense_owner on expense (company, owner, spent_at) where owner is not null;
create index expense_by_date on expense (company, spent_at, id) where deleted_at is null;
create index expense_status on expense (company, status, spent_at, id) where deleted_at is null;

-- Which types of line an expense has, by which it is found, and what they come to.
create table expense_kind (
  company bigint not null,
  expense bigint not null,
  kind bigint not null,
  total bigint not null,
  primary key (company, expense, kind),
  foreign key (company, expense) references expense (company, id)
);
create index expense_kind_used on expense_kind (company, kind, expense);
