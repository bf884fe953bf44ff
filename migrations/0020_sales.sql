-- Quotations, sales orders and what is paid for them. Lines and amounts are JSON beside the row: a document is one row.

create table quotation (
  company bigint not null references company (company),
  id bigint not null,
  number text not null,
  number_key text not null,
  -- One more with each change after others may have seen it.
  revision bigint not null,
  -- 1 draft, 2 waiting for approval, 3 waiting to be sent, 4 sent, 5 completed, 6 rejected, 7 cancelled
  status bigint not null,
  -- Days as YYYY-MM-DD.
  dated text not null,
  valid_until text not null,
  is_expired boolean not null,
  customer bigint not null,
  -- The salesperson: user id, and the code in its own spelling.
  owner uuid,
  staff_code text not null,
  -- What may name a person.
  subject text not null,
  contact_name text,
  recipient_name text,
  recipient_address text,
  note text,
  remark text,
  private_note text,
  terms jsonb not null,
  lines jsonb not null,
  money jsonb not null,
  -- Amounts are ten-thousandths.
  grand_total bigint not null,
  approval jsonb,
  -- What the customer declared on the quotation's page.
  acceptance jsonb,
  sales_order text,
  reason text,
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id),
  foreign key (company, customer) references customer (company, id)
);
create unique index quotation_number on quotation (company, number_key);
create index quotation_dated on quotation (company, dated, id);
create index quotation_total on quotation (company, grand_total, id);
create index quotation_status on quotation (company, status, id);
create index quotation_customer on quotation (company, customer, id);
create index quotation_owner on quotation (company, owner, id);
create index quotation_valid on quotation (valid_until) where not is_expired and status <= 4;

-- A quotation as it was before it was changed.
create table quotation_revision (
  company bigint not null,
  quotation bigint not null,
  revision bigint not null,
  customer bigint not null,
  body jsonb not null,
  replaced_by text not null,
  replaced_at bigint not null,
  primary key (company, quotation, revision),
  foreign key (company, quotation) references quotation (company, id)
);
create index quotation_revision_customer on quotation_revision (company, customer);

create table sales_order (
  company bigint not null references company (company),
  id bigint not null,
  number text not null,
  number_key text not null,
  -- 1 draft, 2 open, 3 completed, 4 rejected, 5 cancelled
  status bigint not null,
  dated text not null,
  customer bigint not null,
  owner uuid,
  staff_code text,
  -- The quotation that it was made of: one order for each.
  quotation bigint,
  quotation_no text,
  subject text not null,
  contact_name text,
  recipient_name text,
  recipient_address text,
  note text,
  remark text,
  private_note text,
  terms jsonb not null,
  lines jsonb not null,
  money jsonb not null,
  grand_total bigint not null,
  currency text not null,
  schedule jsonb,
  paid bigint not null,
  -- unpaid, partly, paid, over
  payment_state text not null,
  due_on text,
  is_overdue boolean not null,
  reservation bigint,
  tracking_no text,
  shipping_url text,
  approval jsonb,
  reason text,
  tax_invoice text,
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id),
  foreign key (company, customer) references customer (company, id)
);
create unique index sales_order_number on sales_order (company, number_key);
create unique index sales_order_quotation on sales_order (company, quotation) where quotation is not null;
create index sales_order_dated on sales_order (company, dated, id);
create index sales_order_total on sales_order (company, grand_total, id);
create index sales_order_status on sales_order (company, status, id);
create index sales_order_customer on sales_order (company, customer, id);
create index sales_order_owner on sales_order (company, owner, id);
create index sales_order_payment_state on sales_order (company, payment_state, id);
create index sales_order_due on sales_order (due_on) where due_on is not null and not is_overdue;

-- What each line of an order earns, for reports: before VAT and after all discounts, in the company's currency.
create table sales_line (
  company bigint not null,
  sales_order bigint not null,
  position bigint not null,
  product bigint not null,
  -- The order's day, and whether the order is open or completed.
  dated text not null,
  is_sold boolean not null,
  net bigint not null,
  primary key (company, sales_order, position),
  foreign key (company, sales_order) references sales_order (company, id),
  foreign key (company, product) references product (company, id)
);
create index sales_line_dated on sales_line (company, dated, product, sales_order, net) where is_sold;
create index sales_line_product on sales_line (company, product, dated);

-- Money that came in for an order.
create table sales_payment (
  company bigint not null,
  id bigint not null,
  sales_order bigint not null,
  customer bigint not null,
  amount bigint not null,
  paid_on text not null,
  instalment bigint,
  method text,
  reference text,
  note text,
  -- Number of the receipt that was issued for it.
  receipt text,
  created_by text not null,
  created_at bigint not null,
  cancelled_at bigint,
  primary key (company, id),
  foreign key (company, sales_order) references sales_order (company, id)
);
create index sales_payment_order on sales_payment (company, sales_order, id);
create index sales_payment_customer on sales_payment (company, customer, id);

-- Tax invoices, receipts and credit notes: what stands on them is written with them and never changes.
create table tax_document (
  company bigint not null references company (company),
  id bigint not null,
  -- taxInvoice, receipt, creditNote
  kind text not null,
  number text not null,
  number_key text not null,
  -- The branch that issued it, which counts for itself.
  branch text not null,
  issued_on text not null,
  sales_order bigint not null,
  sales_order_no text not null,
  customer bigint not null,
  grand_total bigint not null,
  body jsonb not null,
  -- Of a credit note: what it cancels. Of the others: the credit note that cancels them.
  cancels text,
  cancelled_by text,
  reason text,
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id),
  foreign key (company, sales_order) references sales_order (company, id)
);
create unique index tax_document_number on tax_document (company, number_key);
create index tax_document_issued on tax_document (company, issued_on, id);
create index tax_document_order on tax_document (company, sales_order, id);
create index tax_document_customer on tax_document (company, customer, id);
