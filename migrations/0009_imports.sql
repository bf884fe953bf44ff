-- Imports: files of records that people hand in, what became of each row, and what is needed to take it all back.

create table import (
  company bigint not null references company (company),
  id uuid not null,
  -- `customers`, `employees`
  kind text not null,
  -- waiting, running, done, failed, undoing, undone
  state text not null,
  dry_run boolean not null,
  file_name text not null,
  -- Where the file lies in the media store; none once it is not needed any more.
  file text,
  file_size bigint not null,
  -- Header in the file -> field, as the caller gave it.
  mapping jsonb not null,
  -- The columns of the file and what each is taken for; none before it was read.
  layout jsonb,
  -- Why the import failed as a whole: {"code", "message"}.
  problem jsonb,
  actor text not null,
  created_at bigint not null,
  ended_at bigint,
  -- Rows with something in them; none before the file was read.
  rows_total bigint,
  -- The run through the file, and how many of its rows are dealt with: moved in the transaction that writes them.
  pass bigint not null,
  rows_done bigint not null,
  created bigint not null,
  updated bigint not null,
  unchanged bigint not null,
  failed bigint not null,
  warned bigint not null,
  -- How far taking it back has come: the last record, and how many were restored or left as they are.
  undo_after text not null,
  -- Who asked for that.
  undo_actor text,
  undone bigint not null,
  kept bigint not null,
  primary key (company, id)
);
create index import_state on import (company, state, id);
create index import_ended on import (ended_at) where ended_at is not null;

-- What is wrong, or was put right, in a row.
create table import_fault (
  company bigint not null,
  import uuid not null,
  line bigint not null,
  position bigint not null,
  warning boolean not null,
  header text not null,
  code text not null,
  message text not null,
  -- The row's own values, with its first fault.
  cells jsonb,
  primary key (company, import, line, position),
  foreign key (company, import) references import (company, id)
);

-- The records that an import has written: what they were before, and the version that it left.
create table import_row (
  company bigint not null,
  import uuid not null,
  record text not null,
  line bigint not null,
  created boolean not null,
  version bigint not null,
  before jsonb,
  -- What became of it when the import was taken back: `undone`, or why it was left.
  undo text,
  primary key (company, import, record),
  foreign key (company, import) references import (company, id)
);
