-- Products: each item that can be sold is a row, variants of one product are rows under a parent's row. With prices by
-- tier, parts of bundles, and the tickets under which many are written at once.

create table product (
  company bigint not null references company (company),
  id bigint not null,
  code text not null,
  -- The code as it is compared.
  code_key text not null,
  name text not null,
  -- The name as it is compared and ordered.
  name_key text not null,
  -- 1 product, 2 bundle
  kind bigint not null,
  -- The product that this row is a variant of, and its place among the variants.
  parent bigint,
  position bigint not null,
  -- Whether it has variants: those are sold and counted, this row is what they have in common.
  is_parent boolean not null,
  barcode text,
  -- The barcode as it is compared.
  barcode_key text,
  -- Entries of the list `product-groups`, from the widest to the narrowest.
  category bigint,
  sub_category bigint,
  sub_sub_category bigint,
  -- Entries of the lists `units` and `brands`.
  unit bigint,
  brand bigint,
  -- Money and quantities are ten-thousandths.
  cost bigint,
  track_inventory boolean not null,
  low_stock_alert bigint,
  use_warranty boolean not null,
  warranty_value bigint,
  -- y, m, d
  warranty_unit text,
  -- Whether it can be put on sales documents.
  visibility boolean not null,
  active boolean not null,
  -- Everything else that was entered: description, weight, addresses of pictures, notes.
  details jsonb not null,
  -- What a keyword is looked for in, folded; `product_text` says which products are worth looking at.
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id),
  foreign key (company, parent) references product (company, id)
);
create unique index product_code on product (company, code_key);
create index product_barcode on product (company, barcode_key, id) where barcode_key is not null;
create index product_variants on product (company, parent, position) where parent is not null;
-- What is sold: every row but the parents.
create index product_by_name on product (company, name_key, id) where deleted_at is null and not is_parent;
create index product_modified on product (company, modified_at, id) where deleted_at is null and not is_parent;
create index product_kind on product (company, kind, active, id) where deleted_at is null and not is_parent;
create index product_category on product (company, category, id) where deleted_at is null and not is_parent;
create index product_sub_category on product (company, sub_category, id) where deleted_at is null and not is_parent;
create index product_sub_sub_category on product (company, sub_sub_category, id)
  where deleted_at is null and not is_parent;
create index product_sold on product (company, visibility, id) where deleted_at is null and not is_parent;
create index product_stocked on product (company, track_inventory, id) where deleted_at is null and not is_parent;
-- What people call one product: every row but the variants.
create index product_top on product (company, id) where deleted_at is null and parent is null;
create index product_top_active on product (company, active, id) where deleted_at is null and parent is null;
create index product_unit on product (company, unit) where unit is not null;
create index product_brand on product (company, brand) where brand is not null;

-- Which pieces of text a product has: substring search in any script.
create text index product_text;

create table product_price (
  company bigint not null,
  product bigint not null,
  -- Its place among the product's prices; the first is the one that lists show.
  position bigint not null,
  -- An entry of the list `price-tiers`.
  tier bigint not null,
  regular_price bigint not null,
  sale_price bigint,
  -- Percent in ten-thousandths; null: not said.
  vat bigint,
  use_default_vat boolean not null,
  -- From and to when it holds; null is without a limit.
  starts_at bigint,
  ends_at bigint,
  primary key (company, product, position),
  foreign key (company, product) references product (company, id)
);
create index product_price_tier on product_price (company, tier, product);

-- What a variant is told apart by: an entry of the list `attributes`, and one of its values.
create table product_attribute (
  company bigint not null,
  product bigint not null,
  attribute bigint not null,
  value text not null,
  position bigint not null,
  primary key (company, product, attribute),
  foreign key (company, product) references product (company, id)
);
create index product_attribute_used on product_attribute (company, attribute, product);

-- Entries of the list `product-tags`.
create table product_tag (
  company bigint not null,
  product bigint not null,
  tag bigint not null,
  position bigint not null,
  primary key (company, product, tag),
  foreign key (company, product) references product (company, id)
);
create index product_tag_used on product_tag (company, tag, product);

-- What a bundle consists of: selling it sells its parts.
create table product_part (
  company bigint not null,
  bundle bigint not null,
  product bigint not null,
  quantity bigint not null,
  position bigint not null,
  primary key (company, bundle, product),
  foreign key (company, bundle) references product (company, id),
  foreign key (company, product) references product (company, id)
);
create index product_part_of on product_part (company, product, bundle);

-- How much is there; warehouse 0 is the company's own.
create table product_stock (
  company bigint not null,
  product bigint not null,
  warehouse bigint not null,
  quantity bigint not null,
  primary key (company, product, warehouse),
  foreign key (company, product) references product (company, id)
);

-- Many products written at once: the request is kept here before it is acknowledged, and worked off in the background.
create table product_ticket (
  company bigint not null references company (company),
  id bigint not null,
  -- waiting, running, done
  state text not null,
  total bigint not null,
  created bigint not null,
  updated bigint not null,
  unchanged bigint not null,
  failed bigint not null,
  -- Who asked for it.
  client text not null,
  created_at bigint not null,
  started_at bigint,
  finished_at bigint,
  primary key (company, id)
);
create index product_ticket_open on product_ticket (company, id) where state <> 'done';
create index product_ticket_age on product_ticket (created_at);

create table product_ticket_item (
  company bigint not null,
  ticket bigint not null,
  -- Its place in the request, from 0.
  position bigint not null,
  -- The product as it was sent, in JSON text; null once it is written.
  input text,
  -- waiting, created, updated, unchanged, failed
  state text not null,
  code text,
  product bigint,
  -- What is wrong with it: a list of code, field, message.
  errors jsonb,
  primary key (company, ticket, position),
  foreign key (company, ticket) references product_ticket (company, id)
);
create index product_ticket_waiting on product_ticket_item (company, ticket, position) where state = 'waiting';
create index product_ticket_failed on product_ticket_item (company, ticket, position) where state = 'failed';
