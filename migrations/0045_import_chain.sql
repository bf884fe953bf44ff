-- The version of a record that an import found: when that import is taken back, an earlier one can be, too.
alter table import_row add column was bigint;
create index import_row_record on import_row (company, record, version) where undo is null;
