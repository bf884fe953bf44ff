-- Orders in the order in which they changed, for what is added up of them.
create index sales_order_changed on sales_order (company, modified_at, id);

-- E-mails about a customer, in the order of its timeline.
create index mail_timeline on mail (company, customer, created_at, id) where customer is not null and deleted_at is null;
