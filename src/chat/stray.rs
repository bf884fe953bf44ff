//! Messages whose id is not of the time at which they were stored: their sender made it, on another clock or long before.
//!
//! Ids of messages are times, and whoever follows messages (the text index, the figures, the search over what is newest) follows
//! their ids. A message out of that order would be met never or always. So it gets a number of its own here; followers pass over
//! it where its id stands, and meet it in the order of these numbers.

use db::Conn;
use uuid::Uuid;

use crate::live;
use crate::setting::number;

/// An id that is so near to the time of storing is in order, in milliseconds. Followers stay further behind the present.
const NEAR: i64 = 30 * 1000;

/// Gives a message that is being stored its number, unless its id is of the present. Numbers are given one after another, each when
/// the unit before it has ended, so nobody who follows them misses one.
pub(crate) async fn note(tx: &mut Conn, company: i64, id: Uuid, now: i64) -> Result<(), db::Error> {
    if live::time_of(id).is_some_and(|at| (now - NEAR..=now + NEAR).contains(&at)) {
        return Ok(());
    }
    let number = number::next(tx, company, "message_stray").await?;
    tx.sql("insert into message_stray (company, number, message) values ($1, $2, $3)")
        .bind(company)
        .bind(number)
        .bind(id)
        .later()
        .await
}
