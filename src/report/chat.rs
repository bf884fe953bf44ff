//! What messages come to: how many there are, and how long customers wait for an answer.

use std::collections::{BTreeMap, BTreeSet};

use channel::Platform;
use db::{Conn, Rows, Type};
use serde::Deserialize;
use uuid::Uuid;

use super::figures::{Figure, Kind};
use super::tally::{Lot, Sums};
use crate::event::first_id;
use crate::http::Error;
use crate::{live, search};

const FROM: &str = "chat.from";
const TO: &str = "chat.to";
const RESPONSE: &str = "chat.response";
const QUICK: &str = "chat.response.5m";
const HOUR: &str = "chat.response.1h";
const DAY: &str = "chat.response.24h";
const BEGAN: &str = "chat.wait.began";
const ENDED: &str = "chat.wait.ended";

/// What is added up here.
pub(super) const MEASURES: &[&str] = &[FROM, TO, RESPONSE, QUICK, HOUR, DAY, BEGAN, ENDED];

const fn count(name: &'static str, measure: &'static str) -> Figure {
    Figure { name, measure, whole: None, kind: Kind::Count }
}

pub(super) const MESSAGES: &[Figure] = &[count("fromCustomers", FROM), count("toCustomers", TO)];

pub(super) const RESPONSES: &[Figure] = &[
    Figure { name: "responses", measure: RESPONSE, whole: None, kind: Kind::Average },
    count("within5Minutes", QUICK),
    count("withinHour", HOUR),
    count("withinDay", DAY),
];

pub(super) const OPEN: &[Figure] = &[Figure { name: "open", measure: BEGAN, whole: None, kind: Kind::Left(ENDED) }];

/// Messages added up in one unit of work.
const MOST: i64 = 1_000;

#[derive(Debug, Deserialize)]
struct Said {
    id: Uuid,
    room: Uuid,
    platform: i64,
    sent_at: i64,
    stored_at: i64,
    is_customer: bool,
    /// Its number among those whose ids are out of order; 0 of any other.
    stray: i64,
}

/// Adds up the messages behind this progress that were stored before this time.
pub(super) async fn add_up(
    tx: &mut Conn,
    company: i64,
    progress: &str,
    until: i64,
    sums: &mut Sums<'_>,
) -> Result<Lot, Error> {
    let Progress { mut message, mut stray } = Progress::read(progress);
    let mut said: Vec<Said> = tx
        .sql(
            "select message.id, message.room, room.platform, message.sent_at, message.stored_at,
                    message.contact is not null as is_customer, coalesce(stray.number, 0) as stray
             from message join room on room.company = message.company and room.id = message.room
             left join message_stray as stray on stray.company = message.company and stray.message = message.id
             where message.company = $1 and message.id > $2 and message.id < $3 order by message.id limit $4",
        )
        .bind(company)
        .bind(message)
        .bind(first_id(until))
        .bind(MOST)
        .all()
        .await?;
    let is_more = search::number(said.len()) >= MOST;
    // Strays are added up at their turn, which is that of the messages that were stored beside them.
    let until = said.last().filter(|_| is_more).and_then(|last| live::time_of(last.id)).unwrap_or(until);
    if let Some(last) = said.last() {
        message = last.id;
    }
    said.retain(|said| said.stray == 0);
    let strays = strays(tx, company, stray, until).await?;
    let are_more = search::number(strays.len()) >= MOST;
    if let Some(last) = strays.last() {
        stray = last.stray;
    }
    said.extend(strays);
    said.sort_by_key(|said| said.stored_at);
    let progress_now = Progress { message, stray }.text();
    if progress_now == progress || (message.is_nil() && stray == 0) {
        return Ok(Lot { progress: None, is_more: false });
    }
    let lot = Lot { progress: Some(progress_now), is_more: is_more || are_more };
    let rooms: BTreeSet<Uuid> = said.iter().map(|said| said.room).collect();
    let before = waiting(tx, company, &rooms).await?;
    let mut after = before.clone();
    for said in &said {
        let channel = Platform::from_number(said.platform).map_or("other", Platform::name);
        sums.add(if said.is_customer { FROM } else { TO }, said.sent_at, channel, 0);
        if said.is_customer {
            if let std::collections::btree_map::Entry::Vacant(progress) = after.entry(said.room) {
                progress.insert(said.sent_at);
                sums.add(BEGAN, said.sent_at, channel, 0);
            }
        } else if let Some(since) = after.remove(&said.room) {
            let seconds = (said.sent_at - since).max(0) / 1000;
            sums.add(ENDED, said.sent_at, channel, 0);
            sums.add(RESPONSE, said.sent_at, channel, seconds);
            for (measure, most) in [(QUICK, 300), (HOUR, 3_600), (DAY, 86_400)] {
                if seconds <= most {
                    sums.add(measure, said.sent_at, channel, 0);
                }
            }
        }
    }
    save(tx, company, &before, &after).await?;
    Ok(lot)
}

/// How far messages have been added up.
#[derive(Debug, PartialEq, Eq)]
struct Progress {
    /// By their ids.
    message: Uuid,
    /// By their numbers, of those whose ids are out of order.
    stray: i64,
}

impl Progress {
    fn read(text: &str) -> Progress {
        let (message, stray) = text.split_once(' ').unwrap_or((text, "0"));
        Progress { message: Uuid::parse_str(message).unwrap_or(Uuid::nil()), stray: stray.parse().unwrap_or(0) }
    }

    fn text(&self) -> String {
        match self.stray {
            0 => self.message.to_string(),
            stray => format!("{} {stray}", self.message),
        }
    }
}

/// Messages that the ids do not lead to, in the order in which they were stored, until this time.
async fn strays(tx: &mut Conn, company: i64, after: i64, until: i64) -> Result<Vec<Said>, db::Error> {
    let mut said: Vec<Said> = tx
        .sql(
            "select message.id, message.room, room.platform, message.sent_at, message.stored_at,
                    message.contact is not null as is_customer, stray.number as stray
             from message_stray as stray
             join message on message.company = stray.company and message.id = stray.message
             join room on room.company = message.company and room.id = message.room
             where stray.company = $1 and stray.number > $2 order by stray.number limit $3",
        )
        .bind(company)
        .bind(after)
        .bind(MOST)
        .all()
        .await?;
    let ripe = said.iter().take_while(|said| said.stored_at < until).count();
    said.truncate(ripe);
    Ok(said)
}

/// Which of these rooms have a customer who waits, and since when.
async fn waiting(tx: &mut Conn, company: i64, rooms: &BTreeSet<Uuid>) -> Result<BTreeMap<Uuid, i64>, db::Error> {
    let mut rows = Rows::new(&[("room", Type::Uuid)]);
    for room in rooms {
        rows.push([(*room).into()]);
    }
    let found: Vec<(Uuid, i64)> = tx
        .sql("select room, since from tally_room where company = $1 and room in (select room from ")
        .bind(company)
        .push_rows(&rows)
        .push(" as input)")
        .all()
        .await?;
    Ok(found.into_iter().collect())
}

async fn save(
    tx: &mut Conn,
    company: i64,
    before: &BTreeMap<Uuid, i64>,
    after: &BTreeMap<Uuid, i64>,
) -> Result<(), db::Error> {
    let mut gone = Rows::new(&[("room", Type::Uuid)]);
    for room in before.keys().filter(|room| before.get(room) != after.get(room)) {
        gone.push([(*room).into()]);
    }
    if !gone.is_empty() {
        tx.sql("delete from tally_room where company = $1 and room in (select room from ")
            .bind(company)
            .push_rows(&gone)
            .push(" as input)")
            .exec()
            .await?;
    }
    let mut new = Rows::new(&[("room", Type::Uuid), ("since", Type::BigInt)]);
    for (room, since) in after.iter().filter(|(room, since)| before.get(room) != Some(since)) {
        new.push([(*room).into(), (*since).into()]);
    }
    if new.is_empty() {
        return Ok(());
    }
    tx.sql("insert into tally_room (company, room, since) ")
        .bind(company)
        .push_values("$1, input.room, input.since", new)
        .exec()
        .await
        .map(drop)
}
