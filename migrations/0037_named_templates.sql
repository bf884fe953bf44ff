-- What a company has for one entry of its lists of templates: of contracts `contract-templates`, of all other kinds `header-templates`.
create table document_template_named (
  company bigint not null references company (company),
  -- As in document_template.
  kind text not null,
  entry bigint not null,
  source text not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  primary key (company, kind, entry)
);
