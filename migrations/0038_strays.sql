-- Messages whose id is not of the time at which they were stored, because their sender made it: on another clock, long before, or
-- without a time. Whoever follows messages by their ids passes over these there and finds them here, in the order in which they
-- were stored.
create table message_stray (
  company bigint not null references company (company),
  number bigint not null,
  message uuid not null,
  primary key (company, number)
);
create unique index message_stray_message on message_stray (company, message);

insert into message_stray (company, number, message)
select company, row_number() over (partition by company order by message), message from message_late;
insert into counter (company, name, value)
select company, 'message_stray', count(*) from message_late group by company;
drop table message_late;

-- The last of them that is in the text index.
alter table message_text_cursor add column stray bigint not null default 0;
