-- Customers: the record, who owns it, how the person can be reached, what happened, files, merges, and privacy requests.

create table customer (
  company bigint not null references company (company),
  id bigint not null,
  code text not null,
  -- The code as it is compared.
  code_key text not null,
  name text not null,
  -- The name as it is compared and ordered.
  name_key text not null,
  -- 1 lead, 2 prospect, 3 customer
  state bigint not null,
  -- 0 active, 1 ended, 2 closed
  status bigint not null,
  -- 1 business, 2 individual
  kind bigint,
  lead_status bigint not null,
  -- Entries of the look-up lists.
  customer_group bigint,
  source bigint,
  classification bigint,
  reason bigint,
  tax_no text,
  -- The tax number without spaces and hyphens.
  tax_key text,
  branch text,
  phone text,
  mobile text,
  email text,
  -- The first address that has a place on the map, in millionths of a degree.
  latitude bigint,
  longitude bigint,
  -- Everything else that was entered: addresses, contacts, social accounts, custom fields, …
  profile jsonb not null,
  -- What a keyword is looked for in, folded; `customer_text` says which customers are worth looking at.
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  -- Deleted, or merged into another: out of every list, found again by its code.
  deleted_at bigint,
  merged_into bigint,
  -- The person was removed at the person's own wish.
  erased_at bigint,
  primary key (company, id),
  foreign key (company, merged_into) references customer (company, id)
);
create unique index customer_code on customer (company, code_key);
create index customer_by_name on customer (company, name_key, id) where deleted_at is null;
create index customer_modified on customer (company, modified_at, id) where deleted_at is null;
create index customer_state on customer (company, state, id) where deleted_at is null;
create index customer_status on customer (company, status, id) where deleted_at is null;
create index customer_kind on customer (company, kind, id) where deleted_at is null;
create index customer_lead_status on customer (company, lead_status, id) where deleted_at is null;
create index customer_in_group on customer (company, customer_group, id) where deleted_at is null;
create index customer_source on customer (company, source, id) where deleted_at is null;
create index customer_classification on customer (company, classification, id) where deleted_at is null;
create index customer_reason on customer (company, reason) where reason is not null;
create index customer_tax on customer (company, tax_key) where tax_key is not null;
create index customer_place on customer (company, latitude, longitude) where latitude is not null;
create index customer_merged on customer (company, merged_into) where merged_into is not null;

-- Which pieces of text a customer has: substring search in any script.
create text index customer_text;

-- The names of living customers, each once: two requests at the same moment cannot both take one.
create table customer_name (
  company bigint not null,
  name_key text not null,
  customer bigint not null,
  primary key (company, name_key),
  foreign key (company, customer) references customer (company, id)
);
create index customer_name_of on customer_name (company, customer);

-- Who looks after a customer: staff codes, of employees who may be entered later.
create table customer_owner (
  company bigint not null,
  customer bigint not null,
  staff_key text not null,
  staff_code text not null,
  position bigint not null,
  primary key (company, customer, staff_key),
  foreign key (company, customer) references customer (company, id)
);
create index customer_owner_staff on customer_owner (company, staff_key, customer);

-- Interests and tags of a customer.
create table customer_choice (
  company bigint not null,
  customer bigint not null,
  list text not null,
  choice bigint not null,
  position bigint not null,
  primary key (company, customer, list, choice),
  foreign key (company, customer) references customer (company, id)
);
create index customer_choice_used on customer_choice (company, list, choice, customer);

-- How a customer is known elsewhere: `phone` in E.164, `email` in lower case, `line`, `facebook`, …
create table customer_identity (
  company bigint not null,
  customer bigint not null,
  kind text not null,
  value text not null,
  -- `record`: follows from the customer's own fields. Otherwise the room by which it is known.
  source text not null,
  created_at bigint not null,
  primary key (company, customer, kind, value, source),
  foreign key (company, customer) references customer (company, id)
);
create index customer_identity_value on customer_identity (company, kind, value, customer);

alter table room add column customer bigint;
create index room_customer on room (company, customer, last_at, id) where customer is not null;

create table customer_event (
  company bigint not null,
  id bigint not null,
  customer bigint not null,
  name text not null,
  -- An entry of the list `event-types`.
  kind bigint not null,
  happens_at bigint not null,
  description text,
  created_by text not null,
  created_at bigint not null,
  modified_at bigint not null,
  version bigint not null,
  primary key (company, id),
  foreign key (company, customer) references customer (company, id)
);
create index customer_event_when on customer_event (company, customer, happens_at, id);
create index customer_event_kind on customer_event (company, kind);

-- Answers to surveys.
create table satisfaction (
  company bigint not null,
  id bigint not null,
  customer bigint not null,
  -- An entry of the list `satisfaction-sources`.
  source bigint not null,
  -- 1 CSAT (1 to 5 points), 2 NPS (1 to 10 points)
  kind bigint not null,
  point bigint not null,
  answer_by text,
  comment text,
  answered_at bigint not null,
  created_by text not null,
  created_at bigint not null,
  primary key (company, id),
  foreign key (company, customer) references customer (company, id)
);
create index satisfaction_of on satisfaction (company, customer, id);
create index satisfaction_source on satisfaction (company, source, answered_at);

-- Files that people attach to records. The bytes lie in the media store under the id.
create table attachment (
  company bigint not null references company (company),
  id text not null,
  -- What it is attached to: `customer` and its number.
  record_kind text not null,
  record bigint not null,
  -- An entry of the list `file-categories`.
  category bigint,
  name text not null,
  content_type text,
  size bigint,
  sha256 bytea,
  -- The address it is fetched from, as long as it is not here.
  source text,
  -- waiting, stored, failed, gone
  state text not null,
  reason text,
  -- Signs its links; another one makes every link that was given out useless.
  link_key bytea not null,
  created_by text not null,
  created_at bigint not null,
  primary key (company, id)
);
create index attachment_record on attachment (company, record_kind, record, id);
create index attachment_category on attachment (company, category);

-- Two customers that were one: what moved, so that it can go back for 30 days.
create table customer_merge (
  company bigint not null,
  id bigint not null,
  survivor bigint not null,
  merged bigint not null,
  actor text not null,
  at bigint not null,
  undone_at bigint,
  primary key (company, id),
  foreign key (company, survivor) references customer (company, id),
  foreign key (company, merged) references customer (company, id)
);
create index customer_merge_survivor on customer_merge (company, survivor);
create index customer_merge_merged on customer_merge (company, merged);

create table customer_merge_item (
  company bigint not null,
  merge bigint not null,
  -- room, event, satisfaction, attachment, …
  kind text not null,
  ref text not null,
  primary key (company, merge, kind, ref),
  foreign key (company, merge) references customer_merge (company, id)
);

-- The register of what persons asked for under a privacy law: export of their data, or erasure.
create table privacy_request (
  company bigint not null references company (company),
  id bigint not null,
  -- export, erasure
  kind text not null,
  customer bigint not null,
  -- The code as it was: it stays when the person is gone.
  customer_code text not null,
  -- received, done, refused, failed
  state text not null,
  -- Who asked, in whose name, and why; no more of the person than that.
  requested_by text not null,
  reason text,
  refusal text,
  received_at bigint not null,
  -- The law gives 30 days.
  due_at bigint not null,
  done_at bigint,
  actor text not null,
  -- What the job did, as counts.
  result jsonb,
  primary key (company, id),
  foreign key (company, customer) references customer (company, id)
);
create index privacy_request_customer on privacy_request (company, customer, id);
create index privacy_request_open on privacy_request (company, state, due_at);
