-- Deals: what may be sold to a customer, for how much, and how far it has come on its board.

create table deal (
  company bigint not null references company (company),
  id bigint not null,
  number text not null,
  -- The number as it is compared.
  number_key text not null,
  name text not null,
  -- The name as it is ordered.
  name_key text not null,
  customer bigint not null,
  -- Entries of the look-up lists `boards` and `stages`.
  board bigint not null,
  stage bigint not null,
  -- 1 open, 2 won, 3 missed: what its stage is for.
  status bigint not null,
  -- Its place among the deals of its stage. There are gaps between them, for deals that are moved there.
  place bigint not null,
  -- Ten-thousandths.
  value bigint not null,
  -- Percent.
  probability bigint not null,
  quantity bigint,
  unit text,
  -- Entries of the lists `interests` and `labels`: ` 3 7 `. `deal_choice` finds deals by them.
  interests text not null,
  labels text not null,
  deal_at bigint not null,
  close_at bigint not null,
  note text,
  -- The employee in charge, and those who take part.
  owner uuid not null,
  participants jsonb not null,
  follow_up_at bigint,
  follow_up_note text,
  remark text,
  -- An entry of the list `missed-reasons`.
  reason bigint,
  -- Since when it is in its stage, and when it was won or missed.
  stage_at bigint not null,
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
  foreign key (company, owner) references employee (company, id)
);
create unique index deal_number on deal (company, number_key);
create index deal_customer on deal (company, customer, id);
create index deal_owner on deal (company, owner, id);
create index deal_board on deal (company, board, status, stage, place, id) where deleted_at is null;
create index deal_stage_place on deal (company, stage, place, id) where deleted_at is null;
create index deal_closed on deal (company, board, closed_at) where closed_at is not null and deleted_at is null;
create index deal_by_name on deal (company, name_key, id) where deleted_at is null;
create index deal_by_value on deal (company, value, id) where deleted_at is null;
create index deal_by_date on deal (company, deal_at, id) where deleted_at is null;
create index deal_by_close on deal (company, close_at, id) where deleted_at is null;
create index deal_by_change on deal (company, modified_at, id) where deleted_at is null;

-- Interests and labels of deals, by which they are found.
create table deal_choice (
  company bigint not null,
  deal bigint not null,
  list text not null,
  choice bigint not null,
  primary key (company, deal, list, choice),
  foreign key (company, deal) references deal (company, id)
);
create index deal_choice_used on deal_choice (company, list, choice, deal);

-- Which stages a deal has been in, and for how long.
create table deal_stage (
  company bigint not null,
  deal bigint not null,
  -- 1 for its first stage.
  place bigint not null,
  stage bigint not null,
  entered_at bigint not null,
  -- Null of the stage that it is in.
  left_at bigint,
  entered_by text not null,
  primary key (company, deal, place),
  foreign key (company, deal) references deal (company, id)
);
create index deal_stage_used on deal_stage (company, stage, entered_at);
