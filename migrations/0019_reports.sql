-- Figures of each hour, added up while things happen. They follow from the records, and can be made anew from them.
create table tally (
  company bigint not null references company (company),
  measure text not null,
  -- The day and the hour of it in the company's zone: 20250129, 15.
  day bigint not null,
  hour bigint not null,
  -- What it is told apart by, such as the channel.
  key text not null,
  count bigint not null,
  total bigint not null,
  primary key (company, measure, day, hour, key)
);

-- How far the records of a source have been added up.
create table tally_cursor (
  company bigint not null references company (company),
  source text not null,
  place text not null,
  primary key (company, source)
);

-- Rooms in which a customer waits for an answer, as far as messages have been added up, and since when.
create table tally_room (
  company bigint not null references company (company),
  room uuid not null,
  since bigint not null,
  primary key (company, room)
);
