-- What was offered and agreed with a customer, in the order of its timeline.
create index deal_timeline on deal (company, customer, deal_at, id) where deleted_at is null;
create index quotation_timeline on quotation (company, customer, created_at, id) where deleted_at is null;
create index sales_order_timeline on sales_order (company, customer, created_at, id) where deleted_at is null;
create index contract_timeline on contract (company, customer, starts_at, id) where deleted_at is null;
