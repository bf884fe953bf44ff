-- The documents that people hand over: what a company has in the place of the standard templates, and its logo.

create table document_template (
  company bigint not null references company (company),
  -- quotation, salesOrder, taxInvoice, receipt, creditNote, contract.
  kind text not null,
  -- The typst text.
  source text not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  primary key (company, kind)
);

create table document_logo (
  company bigint not null references company (company),
  -- PNG or JPEG.
  image bytea not null,
  modified_by text not null,
  modified_at bigint not null,
  primary key (company)
);
