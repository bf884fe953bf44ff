-- The bundle that a product was sold or came back in: what an order gives back is what it took, whatever the bundle's parts
-- are by then.
alter table stock_movement add column bundle bigint;
create index stock_movement_document on stock_movement (company, document) where document is not null;
