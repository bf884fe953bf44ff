// A company that has been at it for years: a million messages in a hundred thousand rooms, written straight into the tables.
import { execFileSync } from 'node:child_process';
import { psql } from './server.mjs';

export const ROOMS = 100_000;
/** Messages of each room; with those of the long one they are a million. */
const EACH = 9;
/** How many messages one room has besides. */
const LONG = 100_000;
/** The number of that room. */
export const LONG_ROOM = 7;
/** What only the newest message of the last room says. */
export const RARE = 'กล่องสีม่วงใบใหญ่';
/** The demo company. */
const COMPANY = 507;

/** The id of a room: rooms that are made one after another lie far apart, as random ids do. */
export const roomId = (number) => `${((BigInt(number) * 2654435761n) % 4294967296n).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
/** What a room is called. */
export const nameOf = (number) => `ร้าน ${String(number).padStart(6, '0')}`;

/** Fills the database of a server that is stopped. */
export function fill({ database, sandbox }) {
  const plan = { company: COMPANY, account: sandbox, rooms: ROOMS, each: EACH, long: LONG, longRoom: LONG_ROOM, rare: RARE, now: Date.now() };
  if (database.startsWith('postgres')) psql(database, statements(plan));
  else execFileSync('python3', [new URL('./crowd.py', import.meta.url).pathname, database.replace(/^sqlite:/, ''), JSON.stringify(plan)], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The same as crowd.py, as one text for psql. */
function statements({ company, account, rooms, each, long, longRoom, rare, now }) {
  const id = (number, kind) => `(lpad(to_hex((${number} * 2654435761) % 4294967296), 8, '0') || '-0000-4000-${kind}-000000000000')::uuid`;
  const start = now - 120_000 - rooms * each * 100 - long * 100;
  const at = `${start + long * 100}::bigint + (round * ${rooms} + n) * 100`;
  const hex = (time) => `lpad(to_hex(${time}), 12, '0')`;
  const message = (time, number) => `(substr(${hex(time)}, 1, 8) || '-' || substr(${hex(time)}, 9, 4) || '-7000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;
  const waits = `(n % 10 = 0 or n = ${longRoom})`;
  const byCustomer = `((${each} - 1 - round) % 2 = case when ${waits} then 0 else 1 end)`;
  const content = `case when round = ${each - 1} and n = ${rooms - 1} then '${rare}' else 'ส่งของวันไหนคะ น้ำหนักเท่าไหร่ ' || n end`;
  const name = `'ร้าน ' || lpad(n::text, 6, '0')`;
  const last = at.replace('round', String(each - 1));
  const more = `case when n = ${longRoom} then ${long} else 0 end`;
  const columns = 'company, id, room, number, client, contact, kind, content, sent_at, stored_at, delivery, first_of_customer, trace, cost';
  const rest = `3, false, '4bf92f3577b34da6a3ce929d0e0e4736', 'reply'`;
  return `
    set session_replication_role = replica;
    set synchronous_commit = off;
    insert into contact (company, id, account, external_id, name, picture, follows, profile_at, created_at)
    select ${company}, ${id('n', '9000')}, '${account}', 'U' || lpad(to_hex(n), 32, '0'), ${name}, '', true, ${now}, ${now}
    from generate_series(0::bigint, ${rooms - 1}) as n;
    insert into room (company, id, account, platform, external_id, contact, name, name_key, picture, messages, customer_messages, unread, unanswered,
                      last_message, last_kind, last_content, last_at, last_customer_at, last_reply_at, waiting_since, created_at)
    select ${company}, ${id('n', '8000')}, '${account}', 1, 'U' || lpad(to_hex(n), 32, '0'), ${id('n', '9000')}, ${name}, ${name}, '', ${each} + ${more},
           ${Math.ceil(each / 2)} + (${more}) / 2, 0, ${waits}, ${message(last, 'n')}, 'message',
           ${content.replaceAll('round', String(each - 1))}, ${last}, case when ${waits} then ${last} else ${last} - ${rooms * 100} end,
           case when ${waits} then ${last} - ${rooms * 100} else ${last} end, case when ${waits} then ${last} end, ${start}
    from generate_series(0::bigint, ${rooms - 1}) as n;
    insert into room_gram (company, gram, room)
    select distinct ${company}, convert_to(substr(${name}, place, 3), 'UTF8'), ${id('n', '8000')}
    from generate_series(0::bigint, ${rooms - 1}) as n, generate_series(1, ${nameOf(0).length}) as place;
    insert into message (${columns})
    select ${company}, ${message(`${start}::bigint + place * 100`, 'place')}, ${id(longRoom, '8000')}, place + 1,
           case when place % 2 = 1 then 'crowd' end, case when place % 2 = 0 then ${id(longRoom, '9000')} end, 'message', 'ข้อความที่ ' || place,
           ${start}::bigint + place * 100, ${start}::bigint + place * 100, ${rest}
    from generate_series(0::bigint, ${long - 1}) as place;
    insert into message (${columns})
    select ${company}, ${message(at, 'n')}, ${id('n', '8000')}, round + 1 + ${more}, case when not ${byCustomer} then 'crowd' end,
           case when ${byCustomer} then ${id('n', '9000')} end, 'message', ${content}, ${at}, ${at}, ${rest}
    from generate_series(0::bigint, ${each - 1}) as round, generate_series(0::bigint, ${rooms - 1}) as n;
    analyze;`;
}
