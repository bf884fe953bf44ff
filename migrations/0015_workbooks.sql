-- What a file to import was taken for.

-- The encoding of a text, where it was named.
alter table import add column encoding text;
-- What was read: {"sheet", "other_sheets", "encoding", "separator", "from_1904"}.
alter table import add column source jsonb;
