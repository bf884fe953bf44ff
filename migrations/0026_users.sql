-- People who sign in: an employee with a password, their sessions, and links that are good once.

create table person (
  company bigint not null,
  -- The employee's.
  id uuid not null,
  email text not null,
  -- The e-mail as it is compared.
  email_key text not null,
  -- An argon2id hash as text; null until the invitation is taken up.
  password text,
  -- The second factor's secret, sealed; and one that is not confirmed yet.
  totp bytea,
  totp_pending bytea,
  -- The last step whose code was taken: no code is good twice.
  totp_step bigint not null,
  -- SHA-256 of the recovery codes that are left, in hexadecimal, separated by spaces.
  recovery text,
  -- The channel accounts whose rooms the person may see; null is every one.
  accounts jsonb,
  language text,
  preferences jsonb,
  disabled boolean not null,
  last_sign_in_at bigint,
  created_by text not null,
  created_at bigint not null,
  modified_at bigint not null,
  version bigint not null,
  primary key (company, id),
  foreign key (company, id) references employee (company, id)
);
create unique index person_email on person (company, email_key);
-- Who signs in names no company.
create index person_sign_in on person (email_key, company);

create table session (
  company bigint not null,
  id uuid not null,
  person uuid not null,
  -- SHA-256 of the token in the cookie.
  hash bytea not null,
  address text not null,
  agent text not null,
  created_at bigint not null,
  seen_at bigint not null,
  -- The end whatever happens; without a request it ends sooner.
  expires_at bigint not null,
  primary key (company, id),
  foreign key (company, person) references person (company, id)
);
create unique index session_hash on session (company, hash);
create index session_person on session (company, person, seen_at);
create index session_expiry on session (expires_at);

create table person_link (
  company bigint not null,
  -- SHA-256 of the token in the link.
  hash bytea not null,
  person uuid not null,
  -- invite, reset, or totp: a sign-in that waits for its second factor
  purpose text not null,
  tries bigint not null,
  created_by text not null,
  created_at bigint not null,
  expires_at bigint not null,
  primary key (company, hash),
  foreign key (company, person) references person (company, id)
);
create index person_link_person on person_link (company, person);
create index person_link_expiry on person_link (expires_at);
