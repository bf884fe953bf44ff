-- E-mails: each as it is sent, and what became of it. And a company's own words for them.

create table mail (
  company bigint not null references company (company),
  id bigint not null,
  -- What it says, by the template: invite, reset, quotation, contract, test.
  kind text not null,
  -- What it is about, as the audit trail calls it: `contract/CONT250600006`.
  record text not null,
  -- The customer and the employee whose record that is.
  customer bigint,
  owner uuid,
  language text not null,
  -- Addresses.
  recipients jsonb not null,
  copies jsonb not null,
  subject text not null,
  -- What people may read of it: links are left out, because whoever has one is let in by it.
  body text not null,
  -- Names, types and sizes.
  attachments jsonb not null,
  -- The same at every try, so that a mail that arrives twice is known.
  message_id text not null,
  size bigint not null,
  -- The whole of it, sealed; null when it is not needed any more.
  message bytea,
  -- queued, sent, refused (the server will not have it), failed (its time was over).
  state text not null,
  -- Tries in all, and since somebody last asked for it; and when that was.
  attempts bigint not null,
  tries bigint not null,
  since bigint not null,
  -- What the server said last.
  answer text,
  next_at bigint not null,
  last_at bigint,
  sent_at bigint,
  done_at bigint,
  search_key text not null,
  created_by text not null,
  created_at bigint not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  deleted_at bigint,
  primary key (company, id)
);
create index mail_record on mail (company, record, id);
create index mail_state on mail (company, state, id);
create index mail_owner on mail (company, owner, id) where owner is not null;
create index mail_customer on mail (company, customer) where customer is not null;
create index mail_sent on mail (company, sent_at) where sent_at is not null;
create index mail_done on mail (company, done_at) where done_at is not null;

create table mail_template (
  company bigint not null references company (company),
  kind text not null,
  language text not null,
  subject text not null,
  body text not null,
  modified_by text not null,
  modified_at bigint not null,
  version bigint not null,
  primary key (company, kind, language)
);
