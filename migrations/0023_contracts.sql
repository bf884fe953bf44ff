-- Contracts: what was agreed with a customer for how long, and the visits that its service agreements promise.

create table contract (
  company bigint not null references company (company),
  id bigint not null,
  number text not null,
  -- The number as it is compared.
  number_key text not null,
  name text not null,
  -- The name as it is ordered.
  name_key text not null,
  -- An entry of the list `contract-types`.
  kind bigint not null,
  customer bigint not null,
  -- The employee whose contract it is.
  owner uuid not null,
  -- Its first and its last moment, as they were given.
  starts_at bigint not null,
  ends_at bigint not null,
  -- Ten-thousandths.
  value bigint,
  description text,
  -- Its service agreements.
  services jsonb,
  -- 1601 open, 1602 active, 1603 completed, 1604 cancelled. All but the last follow from the dates.
  status bigint not null,
  cancelled_at bigint,
  cancel_reason text,
  -- So many days before its end its owner is reminded; and the end of which he was reminded.
  remind_days bigint not null,
  reminded_of bigint,
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id),
  foreign key (company, customer) references customer (company, id),
  foreign key (company, owner) references employee (company, id)
);
create unique index contract_number on contract (company, number_key);
create index contract_customer on contract (company, customer, id);
create index contract_owner on contract (company, owner, id);
create index contract_kind on contract (company, kind, id);
create index contract_status on contract (company, status, id) where deleted_at is null;
create index contract_by_end on contract (company, ends_at, id) where deleted_at is null;
create index contract_by_name on contract (company, name_key, id) where deleted_at is null;
create index contract_by_change on contract (company, modified_at, id) where deleted_at is null;

-- The visits of a service agreement. A task is made for each when its day comes near.
create table contract_visit (
  company bigint not null,
  contract bigint not null,
  service bigint not null,
  due_at bigint not null,
  -- The number of its task.
  task text,
  primary key (company, contract, service, due_at),
  foreign key (company, contract) references contract (company, id)
);
