-- What messages are searched by: a text index over all of them, made by a job behind the sending. A message has a number of its
-- own there, in the order in which messages were stored.
create text index message_text;

create table message_place (
  company bigint not null references company (company),
  number bigint not null,
  message uuid not null,
  primary key (company, number)
);
create unique index message_place_message on message_place (company, message);

-- How far a company's messages are in the index.
create table message_text_cursor (
  company bigint primary key references company (company),
  -- The last message, and the last number that was given.
  message uuid not null,
  number bigint not null,
  -- Whether all of it is to be made anew.
  anew boolean not null
);

-- Messages whose id is not of the time at which they were stored, which whoever follows the ids would miss.
create table message_late (
  company bigint not null references company (company),
  message uuid not null,
  primary key (company, message)
);
