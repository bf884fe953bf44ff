-- Single sign-on by OpenID Connect: a company's identity providers, whom they know people as, and sign-ins that are used up.

create table identity_provider (
  company bigint not null,
  -- Begins with the company, because the address that begins a sign-in names nothing else.
  id text not null,
  -- What the button says, in Thai and in English.
  name text not null,
  name_en text,
  issuer text not null,
  client_id text not null,
  -- The client's secret, sealed; null where the provider asks for none.
  secret bytea,
  -- A list of the domains whose e-mails may sign in; an empty one is any.
  domains jsonb not null,
  -- Whether an e-mail counts as verified where the provider does not say.
  trust_email boolean not null,
  -- The role of a person who is made at the first sign-in; null where unknown people are refused.
  join_role bigint,
  enabled boolean not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  primary key (company, id)
);

create table person_identity (
  company bigint not null,
  issuer text not null,
  -- What the provider calls the person; it never changes, as an e-mail may.
  subject text not null,
  person uuid not null,
  created_at bigint not null,
  used_at bigint not null,
  primary key (company, issuer, subject),
  foreign key (company, person) references person (company, id)
);
create index person_identity_person on person_identity (company, person);

-- Sign-ins that came to an end: each state is good once.
create table sign_on (
  company bigint not null,
  -- SHA-256 of the state that went to the provider and came back.
  hash bytea not null,
  expires_at bigint not null,
  primary key (company, hash)
);
create index sign_on_expiry on sign_on (expires_at);
