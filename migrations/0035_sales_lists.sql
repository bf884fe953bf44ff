-- Lists of orders and quotations are narrowed by status and days, and stand in the order of their ids or of their days: both are
-- looked at, and counted, within an index.
drop index sales_order_status;
create index sales_order_status on sales_order (company, status, id, dated) where deleted_at is null;
drop index sales_order_dated;
create index sales_order_dated on sales_order (company, dated, id, status) where deleted_at is null;
drop index quotation_status;
create index quotation_status on quotation (company, status, id, dated) where deleted_at is null;
drop index quotation_dated;
create index quotation_dated on quotation (company, dated, id, status) where deleted_at is null;
