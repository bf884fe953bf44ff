-- People and rules: company settings, look-up lists, employees, and the audit trail of every record.

alter table company add column settings jsonb;
alter table company add column version bigint not null default 1;

-- Every look-up list of the API in one table: teams, roles, customer groups, deal stages, …
create table choice (
  company bigint not null references company (company),
  list text not null,
  id bigint not null,
  name text not null,
  -- The name as it is compared: trimmed, in lower case.
  name_key text not null,
  name_en text,
  -- What this list's entries have beyond a name: a parent, a rate, a role's scopes.
  detail jsonb,
  position bigint not null,
  active boolean not null,
  version bigint not null,
  primary key (company, list, id)
);
create unique index choice_name on choice (company, list, name_key);
create index choice_order on choice (company, list, position, id);

create table employee (
  company bigint not null references company (company),
  id uuid not null,
  staff_code text not null,
  -- The code as it is compared.
  staff_key text not null,
  email text not null,
  firstname text not null,
  lastname text not null,
  nickname text,
  phone text,
  -- Full name, nickname, e-mail and code in lower case: what a keyword is looked for in.
  search_key text not null,
  role bigint not null,
  team bigint not null,
  head uuid,
  active boolean not null,
  time_zone text,
  created_by text,
  created_at bigint not null,
  modified_at bigint not null,
  version bigint not null,
  primary key (company, id),
  foreign key (company, head) references employee (company, id)
);
create unique index employee_code on employee (company, staff_key);
create index employee_name on employee (company, firstname, lastname, id);
create index employee_team on employee (company, team, firstname, lastname, id);
create index employee_role on employee (company, role);
create index employee_head on employee (company, head) where head is not null;

-- Who changed what, when, from what to what.
create table audit (
  company bigint not null,
  id uuid not null,
  -- What was changed: `employee/EMP001`.
  ref text not null,
  at bigint not null,
  -- Who: an API client, or `system`.
  actor text not null,
  action text not null,
  -- Each field that changed: {"field": [from, to]}.
  changes jsonb not null,
  trace text not null,
  primary key (company, id)
);
create index audit_ref on audit (company, ref, id);
