//! The text index of messages: a job follows the messages in the order of their ids and writes them into the index, a lot in
//! one unit that also moves its place. So sending does not wait for it, and whoever is killed goes on there.
//!
//! It stays a minute behind, because a unit that began earlier may commit later; what it has not reached is looked through as
//! it is. While a company's messages come in it takes a small part of the time, so that on SQLite, which has one writer, sending
//! hardly feels it.

use std::time::{Duration, Instant};

use db::{Conn, Rows, Type};
use serde::Deserialize;
use uuid::Uuid;

use crate::app::App;
use crate::event::first_id;
use crate::http::Error;
use crate::job::{Next, each_company};
use crate::search;

/// The text index.
pub const TEXTS: &str = "message_text";

/// So far behind the present messages are put into the index, in milliseconds.
const BEHIND: i64 = 60 * 1000;

/// How often it is looked for more.
const PAUSE: i64 = 30 * 1000;

/// Messages of one unit of work.
const LOT: i64 = 200;

/// How long one company has its turn: others come next.
const TURN: Duration = Duration::from_secs(10);

/// While messages come in, it rests so many times as long as it has worked.
const REST: u32 = 19;

/// Messages that came in so recently say that more do, in milliseconds.
const BUSY: i64 = 2_000;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Cursor {
    /// The last message that is in the index.
    pub(crate) message: Uuid,
    /// The last number that was given.
    pub(crate) number: i64,
    /// The number of the last stray that is in the index.
    pub(crate) stray: i64,
    /// Whether it is being made anew: what was in it is not there any more.
    pub(crate) anew: bool,
}

#[derive(Debug, Deserialize)]
struct Said {
    id: Uuid,
    content: String,
    /// Its number among strays.
    stray: i64,
}

/// Job: puts what is new into the index of every company.
pub async fn run(app: &App) -> Result<Next, Error> {
    let is_more = each_company(app, "putting messages into their index", |company| catch_up(app, company)).await?;
    Ok(if is_more { Next::Again } else { Next::At(app.now() + PAUSE) })
}

/// Puts what is new in one company into the index; whether there may be more.
async fn catch_up(app: &App, company: i64) -> Result<bool, Error> {
    let turn = Instant::now();
    while turn.elapsed() < TURN {
        let began = Instant::now();
        if !step(app, company).await? {
            return Ok(false);
        }
        let worked = began.elapsed();
        if is_busy(app, company).await? {
            tokio::time::sleep(worked.saturating_mul(REST).min(Duration::from_secs(2))).await;
        }
    }
    Ok(true)
}

/// Makes the index of a company anew, out of all its messages.
pub async fn rebuild(app: &App, company: i64) -> Result<(), Error> {
    app.db
        .write(async |mut tx| {
            tx.sql("update message_text_cursor set anew = true where company = $1").bind(company).exec().await
        })
        .await
        .map(drop)
        .map_err(Error::Db)?;
    while catch_up(app, company).await? {}
    Ok(())
}

async fn is_busy(app: &App, company: i64) -> Result<bool, db::Error> {
    let found: Option<i64> = app
        .db
        .read()
        .await?
        .sql("select 1 from message where company = $1 and id >= $2 and id < $3 limit 1")
        .bind(company)
        .bind(first_id(app.now() - BUSY))
        .bind(first_id(app.now() + BUSY))
        .optional()
        .await?;
    Ok(found.is_some())
}

/// How far the index of a company is; none when it is not begun.
pub(crate) async fn cursor(conn: &mut Conn, company: i64) -> Result<Option<Cursor>, db::Error> {
    let query = conn.sql("select message, number, stray, anew from message_text_cursor where company = $1");
    query.bind(company).optional().await
}

/// Keeps the index from being written until the unit ends: what an erasure empties is in no lot that is being written.
pub(crate) async fn lock(tx: &mut Conn, company: i64) -> Result<(), db::Error> {
    tx.lock(&format!("message_text/{company}")).await
}

/// One lot; whether there may be more.
async fn step(app: &App, company: i64) -> Result<bool, Error> {
    let until = first_id(app.now() - BEHIND);
    app.db
        .write(async |mut tx| {
            lock(&mut tx, company).await?;
            let cursor = cursor(&mut tx, company).await?;
            if cursor.as_ref().is_some_and(|cursor| cursor.anew) {
                clear(&mut tx, company).await?;
                return Ok(true);
            }
            let is_new = cursor.is_none();
            let Cursor { mut message, number, mut stray, .. } =
                cursor.unwrap_or(Cursor { message: Uuid::nil(), number: 0, stray: 0, anew: false });
            let mut said: Vec<Said> = tx
                .sql(
                    "select id, content, 0 as stray from message
                     where company = $1 and id > $2 and id < $3 order by id limit $4",
                )
                .bind(company)
                .bind(message)
                .bind(until)
                .bind(LOT)
                .all()
                .await?;
            let strays = strays(&mut tx, company, stray).await?;
            let is_more = search::number(said.len().max(strays.len())) >= LOT;
            if let Some(last) = said.last() {
                message = last.id;
            }
            if let Some(last) = strays.last() {
                stray = last.stray;
            }
            said.extend(strays);
            if said.is_empty() {
                return Ok(false);
            }
            let number = put(&mut tx, company, number, said).await?;
            if is_new {
                tx.sql(
                    "insert into message_text_cursor (company, message, number, stray, anew)
                     values ($1, $2, $3, $4, false)",
                )
                .bind(company)
                .bind(message)
                .bind(number)
                .bind(stray)
                .exec()
                .await?;
            } else {
                tx.sql("update message_text_cursor set message = $2, number = $3, stray = $4 where company = $1")
                    .bind(company)
                    .bind(message)
                    .bind(number)
                    .bind(stray)
                    .exec()
                    .await?;
            }
            Ok(is_more)
        })
        .await
}

/// Messages that the ids do not lead to, behind this number of theirs.
async fn strays(tx: &mut Conn, company: i64, after: i64) -> Result<Vec<Said>, db::Error> {
    tx.sql(
        "select message.id, message.content, message_stray.number as stray from message_stray
         join message on message.company = message_stray.company and message.id = message_stray.message
         where message_stray.company = $1 and message_stray.number > $2 order by message_stray.number limit $3",
    )
    .bind(company)
    .bind(after)
    .bind(LOT)
    .all()
    .await
}

/// Writes messages behind this number; answers the last number that was given.
async fn put(tx: &mut Conn, company: i64, mut number: i64, said: Vec<Said>) -> Result<i64, db::Error> {
    let mut rows = Rows::new(&[("number", Type::BigInt), ("message", Type::Uuid)]);
    let mut texts: Vec<(i64, String)> = Vec::with_capacity(said.len());
    for Said { id, content, .. } in said {
        let text = search::fold(&content);
        if text.is_empty() {
            continue;
        }
        number += 1;
        rows.push([number.into(), id.into()]);
        texts.push((number, text));
    }
    if texts.is_empty() {
        return Ok(number);
    }
    // A stray may be met twice: by its number, and by its id.
    let new: Vec<i64> = tx
        .sql("insert into message_place (company, number, message) select ")
        .push_bind(company)
        .push(", number, message from ")
        .push_rows(&rows)
        .push(" as input where true on conflict (company, message) do nothing returning number")
        .all()
        .await?;
    let new: std::collections::HashSet<i64> = new.into_iter().collect();
    let texts: Vec<(i64, &str)> = texts
        .iter()
        .filter(|(number, _)| new.contains(number))
        .map(|(number, text)| (*number, text.as_str()))
        .collect();
    tx.index_texts(TEXTS, company, &texts).await?;
    Ok(number)
}

/// Writes a lot of the messages behind this number into the index anew, as far as the fold has changed for them: spaces in a row
/// were several. Answers the last number; nothing behind the last message.
pub(crate) async fn fold_anew(tx: &mut Conn, company: i64, after: i64) -> Result<Option<i64>, db::Error> {
    lock(tx, company).await?;
    let said: Vec<(i64, String)> = tx
        .sql(
            "select message_place.number, message.content from message_place
             join message on message.company = message_place.company and message.id = message_place.message
             where message_place.company = $1 and message_place.number > $2 order by message_place.number limit $3",
        )
        .bind(company)
        .bind(after)
        .bind(LOT)
        .all()
        .await?;
    let Some(last) = said.last().map(|(number, _)| *number) else { return Ok(None) };
    let changed = said.iter().filter(|(_, content)| search::has_spaces_to_fold(content));
    let texts: Vec<(i64, String)> = changed.map(|(number, content)| (*number, search::fold(content))).collect();
    let texts: Vec<(i64, &str)> = texts.iter().map(|(number, text)| (*number, text.as_str())).collect();
    tx.index_texts(TEXTS, company, &texts).await?;
    Ok(Some(last))
}

/// Takes a lot out of the index; when none is left, its place, so that it begins anew.
async fn clear(tx: &mut Conn, company: i64) -> Result<(), db::Error> {
    let numbers: Vec<i64> = tx
        .sql("select number from message_place where company = $1 order by number limit $2")
        .bind(company)
        .bind(LOT)
        .all()
        .await?;
    let Some(last) = numbers.last().copied() else {
        return tx.sql("delete from message_text_cursor where company = $1").bind(company).exec().await.map(drop);
    };
    for number in numbers {
        tx.forget_text(TEXTS, company, number).await?;
    }
    tx.sql("delete from message_place where company = $1 and number <= $2")
        .bind(company)
        .bind(last)
        .exec()
        .await
        .map(drop)
}

/// Takes these messages (rows with an `id`) out of the index. The caller has taken [`lock`].
pub(crate) async fn forget(tx: &mut Conn, company: i64, rows: &Rows) -> Result<(), db::Error> {
    let numbers: Vec<i64> = tx
        .sql("select number from message_place where company = $1 and message in (select id from ")
        .bind(company)
        .push_rows(rows)
        .push(" as input)")
        .all()
        .await?;
    for number in &numbers {
        tx.forget_text(TEXTS, company, *number).await?;
    }
    tx.sql("delete from message_place where company = $1 and message in (select id from ")
        .bind(company)
        .push_rows(rows)
        .push(" as input)")
        .later()
        .await
}
