-- Lists of orders and quotations are narrowed by status and days and stand in the order of their days: both are read, and counted,
-- from an index alone.
drop index sales_order_status;
create index sales_order_status on sales_order (company, status, dated, id) where deleted_at is null;
drop index sales_order_dated;
create index sales_order_dated on sales_order (company, dated, id, status) where deleted_at is null;
drop index quotation_status;
create index quotation_status on quotation (company, status, dated, id) where deleted_at is null;
drop index quotation_dated;
create index quotation_dated on quotation (company, dated, id, status) where deleted_at is null;
