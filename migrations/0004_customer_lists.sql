-- Lists of customers in bounded time, whatever is asked for (ARCHITECTURE.md, "Lists").

-- State, kind (0 none), status and lead status as the four digits of one number: any wish about them is a short list of
-- numbers, and an index that begins with it has the customers of each number in the order of its next column.
alter table customer add column shape bigint not null default 0;
update customer set shape = state * 1000 + coalesce(kind, 0) * 100 + status * 10 + lead_status;

drop index customer_by_name;
drop index customer_modified;
drop index customer_state;
drop index customer_status;
drop index customer_kind;
drop index customer_lead_status;
drop index customer_in_group;
drop index customer_source;
drop index customer_classification;

-- One for each order. What is filtered by besides stands behind, so that a customer who does not fit costs no look at
-- the table.
create index customer_by_id on customer
  (company, shape, id, customer_group, source, classification, created_at) where deleted_at is null;
create index customer_by_name on customer
  (company, shape, name_key, id, customer_group, source, classification, created_at) where deleted_at is null;
create index customer_by_code on customer
  (company, shape, code_key, id, customer_group, source, classification, created_at) where deleted_at is null;
create index customer_modified on customer
  (company, shape, modified_at, id, customer_group, source, classification, created_at) where deleted_at is null;

-- Whichever of the three are asked for, one of these begins with them: what matches lies together, and is counted.
create index customer_in_group on customer
  (company, shape, customer_group, source, classification, id) where deleted_at is null;
create index customer_source on customer
  (company, shape, source, classification, customer_group, id) where deleted_at is null;
create index customer_classification on customer
  (company, shape, classification, customer_group, source, id) where deleted_at is null;

-- Which numbers belong to a period.
create index customer_created on customer (company, created_at, id);
