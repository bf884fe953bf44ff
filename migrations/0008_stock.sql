-- Stock as a ledger: every change of a quantity is a movement. With reservations, and serial numbers.

-- One row for each product whose stock was ever written: whoever changes stock holds it until the unit of work ends.
create table stock_level (
  company bigint not null,
  product bigint not null,
  -- How many movements there are; the last one has this number.
  moves bigint not null,
  -- Whether the quantity is at or below the level at which to warn.
  is_low boolean not null,
  primary key (company, product),
  foreign key (company, product) references product (company, id)
);

create table stock_movement (
  company bigint not null,
  product bigint not null,
  -- Its place among the product's movements, from 1.
  number bigint not null,
  -- 0, or an entry of the list `warehouses`.
  warehouse bigint not null,
  -- Quantities are ten-thousandths.
  delta bigint not null,
  -- What is in the warehouse after it.
  balance bigint not null,
  -- initial, set, sale, return, receipt, transfer, count, damage, loss, adjustment
  reason text not null,
  -- The document that caused it.
  document text,
  note text,
  -- The id of an API client.
  actor text not null,
  at bigint not null,
  primary key (company, product, number),
  foreign key (company, product) references product (company, id)
);
create index stock_movement_at on stock_movement (company, product, at, number);
create index stock_movement_reason on stock_movement (company, product, reason, number);
create index stock_movement_warehouse on stock_movement (company, product, warehouse, number);

create index product_stock_in on product_stock (company, warehouse, product) where quantity <> 0;

-- What is kept for a document that is not yet delivered.
create table stock_reservation (
  company bigint not null references company (company),
  id bigint not null,
  document text not null,
  -- The document's number as it is compared.
  document_key text not null,
  -- open, released, consumed, expired
  state text not null,
  -- From then on it holds nothing, also while it is still called open.
  expires_at bigint,
  created_by text not null,
  created_at bigint not null,
  ended_by text,
  ended_at bigint,
  version bigint not null,
  primary key (company, id)
);
-- A document has one reservation at a time.
create unique index stock_reservation_open on stock_reservation (company, document_key) where state = 'open';
create index stock_reservation_document on stock_reservation (company, document_key, id);
create index stock_reservation_state on stock_reservation (company, state, id);
create index stock_reservation_due on stock_reservation (expires_at) where state = 'open';

-- The items of a reservation; a bundle stands here as its parts.
create table stock_reservation_line (
  company bigint not null,
  reservation bigint not null,
  position bigint not null,
  product bigint not null,
  warehouse bigint not null,
  quantity bigint not null,
  -- Both as the reservation's: what is reserved of a product is summed without looking there.
  is_open boolean not null,
  expires_at bigint,
  primary key (company, reservation, position),
  foreign key (company, reservation) references stock_reservation (company, id),
  foreign key (company, product) references product (company, id)
);
create index stock_reserved on stock_reservation_line (company, product, warehouse, expires_at, quantity) where is_open;
create index stock_reserved_in on stock_reservation_line (company, warehouse) where is_open;

-- Single pieces of a product, each with its serial number.
create table product_serial (
  company bigint not null,
  id uuid not null,
  product bigint not null,
  serial text not null,
  -- The number as it is compared; it belongs to one product of the company.
  serial_key text not null,
  -- 1 registered, 2 sold, 3 verified, 4 blocked
  state bigint not null,
  -- Who has it, once it is verified.
  customer bigint,
  sales_order text,
  -- Days, as YYYY-MM-DD.
  purchased_on text,
  warranty_from text,
  -- The last day of the warranty.
  warranty_to text,
  -- What came with the verification: where and what was noted. Erased with the person.
  latitude bigint,
  longitude bigint,
  note text,
  verified_by text,
  verified_at bigint,
  created_by text not null,
  created_at bigint not null,
  modified_at bigint not null,
  version bigint not null,
  primary key (company, id),
  foreign key (company, product) references product (company, id),
  foreign key (company, customer) references customer (company, id)
);
create unique index product_serial_number on product_serial (company, serial_key);
create index product_serial_product on product_serial (company, product, id);
create index product_serial_state on product_serial (company, state, id);
create index product_serial_customer on product_serial (company, customer, id) where customer is not null;
