-- Lists of products that are counted and paged in an index alone: what else is filtered by stands behind its key.

drop index product_kind;
drop index product_category;
drop index product_sub_category;
drop index product_sub_sub_category;

create index product_kind on product (company, kind, active, id, visibility, track_inventory)
  where deleted_at is null and not is_parent;
create index product_category on product (company, category, id, kind, active, visibility, track_inventory)
  where deleted_at is null and not is_parent;
create index product_sub_category on product (company, sub_category, id, kind, active, visibility, track_inventory)
  where deleted_at is null and not is_parent;
create index product_sub_sub_category on product (company, sub_sub_category, id, kind, active, visibility, track_inventory)
  where deleted_at is null and not is_parent;
