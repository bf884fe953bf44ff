-- What a message says besides its words, and what LINE tells of groups.

-- What was chosen with a button, whom a text mentions, what it quotes.
alter table message add column details jsonb;
-- The group in which somebody who is nobody's friend was met: there the name is asked for.
alter table contact add column met_in text;
-- When the customer followed or blocked the account last.
alter table contact add column follows_at bigint;
