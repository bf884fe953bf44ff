-- What each record that changes comes to in the figures of reports, so that a change takes back what it came to before.
create table tally_record (
  company bigint not null references company (company),
  source text not null,
  record bigint not null,
  facts jsonb not null,
  primary key (company, source, record)
);

-- Records in the order in which they changed, those that were deleted among them.
create index service_case_changed on service_case (company, modified_at, id);
create index activity_changed on activity (company, modified_at, id);
create index deal_changed on deal (company, modified_at, id);
create index expense_changed on expense (company, modified_at, id);
