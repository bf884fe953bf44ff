//! Rooms and messages, written straight into the tables: through the API it would take longer than all measurements.

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::Result;
use crate::server::{COMPANY, Sala};

/// Rooms of a small company.
pub(crate) const ROOMS: u32 = 1_000;

/// A room's id: rooms that are made one after another lie far apart, as random ids do.
pub(crate) fn room(number: u32) -> Uuid {
    Uuid::from_u128(scattered(number) | 0x4000_8000_0000_0000_0000)
}

/// The id of the customer of a room.
pub(crate) fn contact(number: u32) -> Uuid {
    Uuid::from_u128(scattered(number) | 0x4000_9000_0000_0000_0000)
}

fn scattered(number: u32) -> u128 {
    u128::from(number.wrapping_mul(2_654_435_761)) << 96
}

/// A customer as LINE names them.
pub(crate) fn customer(number: u32) -> String {
    format!("U{number:032x}")
}

/// A time at which everything was made: Unix milliseconds.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A company with a client and a LINE account; answers the client's record and the account's id. Without an address of
/// LINE the account is a sandbox.
pub(crate) fn company(sala: &Sala, line: Option<&str>) -> Result<(serde_json::Value, String)> {
    sala.create(&["company", "create", "--name", "Bench", "--id", &COMPANY.to_string()])?;
    let client = sala.create(&["client", "create", "--name", "bench"])?;
    let mut words = vec!["account", "create", "--platform", "line", "--name", "bench"];
    match line {
        Some(base) => {
            words.extend(["--channel-secret", "secret", "--access-token", "token", "--api-base", base]);
        }
        None => words.push("--sandbox"),
    }
    let account = sala.create(&words)?;
    Ok((client, account["id"].as_str().ok_or("an account without an id")?.to_owned()))
}

/// Opens a database file for seeding: quick, and safe only because nothing else uses it yet.
fn open(sala: &Sala) -> Result<Connection> {
    let connection = Connection::open(sala.file())?;
    connection.execute_batch("pragma synchronous = off; pragma cache_size = -1000000; pragma temp_store = memory")?;
    Ok(connection)
}

/// Rooms with their customers, without messages.
pub(crate) fn rooms(sala: &Sala, account: &str, count: u32) -> Result<()> {
    let mut connection = open(sala)?;
    let tx = connection.transaction()?;
    {
        let now = now();
        let mut contacts = tx.prepare(
            "insert into contact (company, id, account, external_id, name, picture, follows, profile_at, created_at)
             values (?1, ?2, ?3, ?4, ?5, '', true, ?6, ?6)",
        )?;
        let mut rooms = tx.prepare(
            "insert into room (company, id, account, platform, external_id, contact, name, name_key, picture, messages,
                               customer_messages, unread, unanswered, last_at, created_at)
             values (?1, ?2, ?3, 1, ?4, ?5, ?6, lower(?6), '', 0, 0, 0, false, ?7, ?7)",
        )?;
        for number in 0..count {
            let (name, external) = (format!("Customer {number}"), customer(number));
            let contact = contact(number);
            contacts.execute(params![COMPANY, contact.as_bytes(), account, external, name, now])?;
            let room = room(number);
            rooms.execute(params![COMPANY, room.as_bytes(), account, external, contact.as_bytes(), name, now])?;
        }
    }
    tx.commit()?;
    Ok(())
}

/// The same on PostgreSQL, as one text for psql.
pub(crate) fn rooms_text(account: &str, count: u32) -> String {
    let now = now();
    let id = |kind: &str| {
        format!("(lpad(to_hex((n * 2654435761) % 4294967296), 8, '0') || '-0000-4000-{kind}-000000000000')::uuid")
    };
    let (room, contact) = (id("8000"), id("9000"));
    let last = count - 1;
    format!(
        "insert into contact (company, id, account, external_id, name, picture, follows, profile_at, created_at)
         select {COMPANY}, {contact}, '{account}', 'U' || lpad(to_hex(n), 32, '0'), 'Customer ' || n, '', true, {now}, {now}
         from generate_series(0::bigint, {last}) as n;
         insert into room (company, id, account, platform, external_id, contact, name, name_key, picture, messages,
                           customer_messages, unread, unanswered, last_at, created_at)
         select {COMPANY}, {room}, '{account}', 1, 'U' || lpad(to_hex(n), 32, '0'), {contact}, 'Customer ' || n,
                'customer ' || n, '', 0, 0, 0, false, {now}, {now}
         from generate_series(0::bigint, {last}) as n;
         analyze;"
    )
}

/// Messages, spread over the rooms in the order of time as a busy company's are; the rooms follow.
pub(crate) fn messages(sala: &Sala, client: &str, rooms: u32, each: u32) -> Result<()> {
    let mut connection = open(sala)?;
    let (text, start) = ("m".repeat(300), now() - i64::from(rooms) * i64::from(each) * 10);
    let tx = connection.transaction()?;
    {
        let mut message = tx.prepare(
            "insert into message (company, id, room, number, client, contact, kind, content, sent_at, stored_at, delivery,
                                  first_of_customer, trace, cost)
             values (?1, ?2, ?3, ?4, ?5, ?6, 'message', ?7, ?8, ?8, 3, ?9, '4bf92f3577b34da6a3ce929d0e0e4736', 'reply')",
        )?;
        let mut at = start;
        for round in 0..each {
            for number in 0..rooms {
                at += 10;
                let by_customer = round % 2 == 0;
                let contact = contact(number);
                message.execute(params![
                    COMPANY,
                    message_id(at, number).as_bytes(),
                    room(number).as_bytes(),
                    round + 1,
                    (!by_customer).then_some(client),
                    by_customer.then_some(contact.as_bytes()),
                    text,
                    at,
                    round == 0,
                ])?;
            }
        }
        let mut moved = tx.prepare(
            "update room set messages = ?3, customer_messages = ?3 / 2, last_message = ?4, last_kind = 'message',
                             last_content = ?5, last_at = ?6, last_reply_at = ?6, last_customer_at = ?6,
                             unanswered = ?7
             where company = ?1 and id = ?2",
        )?;
        for number in 0..rooms {
            let at = start + (i64::from(each - 1) * i64::from(rooms) + i64::from(number) + 1) * 10;
            let last = message_id(at, number);
            let preview = &text[..100];
            let unanswered = number % 10 == 0;
            let room = room(number);
            moved.execute(params![COMPANY, room.as_bytes(), each, last.as_bytes(), preview, at, unanswered])?;
        }
    }
    tx.commit()?;
    Ok(())
}

/// A UUID v7 of this time.
pub(crate) fn message_id(at: i64, number: u32) -> Uuid {
    Uuid::from_u128((u128::from(at.unsigned_abs()) << 80) | 0x7000_8000_0000_0000_0000 | u128::from(number))
}
