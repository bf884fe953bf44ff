-- The deal that a quotation or an order is for: its id, and its number, which never changes.

alter table quotation add column deal bigint;
alter table quotation add column deal_no text;
create index quotation_deal on quotation (company, deal, id) where deal is not null;

alter table sales_order add column deal bigint;
alter table sales_order add column deal_no text;
create index sales_order_deal on sales_order (company, deal, id) where deal is not null;
