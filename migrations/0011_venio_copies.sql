-- Companies that are brought over from another server: how far each kind of record has come, and what could not be taken.

create table venio_copy (
  company bigint not null references company (company),
  -- The other server's address and the client that reads there.
  source text not null,
  -- employees, superiors, customers, products, bundles
  step text not null,
  started_at bigint not null,
  ended_at bigint,
  -- Only what was changed since.
  since bigint,
  -- How many the other server says it has.
  total bigint,
  -- The page that comes next: records before it, or the other server's own word for it; and how many of it are done.
  skip bigint not null,
  cursor text,
  done bigint not null,
  -- The code with which the first page began.
  first text,
  created bigint not null,
  updated bigint not null,
  unchanged bigint not null,
  older bigint not null,
  failed bigint not null,
  primary key (company, source, step)
);

create table venio_copy_fault (
  company bigint not null,
  source text not null,
  step text not null,
  code text not null,
  -- What is wrong with it: a list of code, field, message.
  faults jsonb not null,
  primary key (company, source, step, code),
  foreign key (company, source, step) references venio_copy (company, source, step)
);
