-- Companies that are being read in from an export: how far it has come, so that a run that was killed can be resumed.
create table company_import (
  company bigint not null primary key,
  -- SHA-256 of the export's manifest: only the same export is resumed.
  manifest text not null,
  -- The table that is being read, by its place in the order of tables.
  place bigint not null,
  -- False while its rows are stored; true while they are connected with one another.
  connecting boolean not null,
  -- How many of its rows are done.
  done bigint not null,
  started_at bigint not null
);
