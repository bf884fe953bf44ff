//! Whose rooms a caller may see: one rule for every statement, the same as `live::Rights` has for changes.
//!
//! A room that is assigned has a team, that of its assignee unless another was given: so a room says by itself whose it is. What
//! is nobody's and no team's is everybody's to take.

use std::collections::HashSet;

use db::{Conn, Query, Rows, Type};
use serde::Deserialize;
use uuid::Uuid;

use crate::http::caller::Range;
use crate::http::{Caller, Error};
use crate::live::Audience;

/// Narrows a statement about `room` to what the caller may see.
pub(crate) fn within<'c>(mut query: Query<'c>, caller: &Caller) -> Query<'c> {
    query = match caller.range() {
        Range::All => query,
        Range::Team { user, team } => query
            .push(" and (room.assignee = ")
            .push_bind(user)
            .push(" or room.team = ")
            .push_bind(team)
            .push(" or (room.assignee is null and room.team is null))"),
        Range::Own { user } => query
            .push(" and (room.assignee = ")
            .push_bind(user)
            .push(" or (room.assignee is null and (room.team is null or room.team = ")
            .push_bind(caller.person.as_ref().map_or(0, |person| person.team))
            .push(")))"),
    };
    let Some(accounts) = caller.person.as_ref().and_then(|person| person.accounts.as_ref()) else { return query };
    let mut rows = Rows::new(&[("account", Type::Text)]);
    for account in accounts {
        rows.push([account.as_str().into()]);
    }
    query.push(" and room.account in (select account from ").push_rows(&rows).push(" as allowed)")
}

/// What a room is, for whoever acts on it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RoomAccess {
    pub(crate) id: Uuid,
    pub(crate) account: String,
    pub(crate) platform: i64,
    pub(crate) messages: i64,
    pub(crate) assignee: Option<Uuid>,
    pub(crate) team: Option<i64>,
    pub(crate) version: i64,
}

/// A room that the caller may see.
pub(crate) async fn find(conn: &mut Conn, caller: &Caller, room: Uuid) -> Result<Option<RoomAccess>, db::Error> {
    let query = conn.sql(
        "select room.id, room.account, room.platform, room.messages, room.assignee, room.team, room.version
         from room where room.company = $1 and room.id = $2 and room.erased_at is null",
    );
    within(query.bind(caller.company).bind(room), caller).optional().await
}

/// The same, which must be there.
pub(crate) async fn must(conn: &mut Conn, caller: &Caller, room: Uuid) -> Result<RoomAccess, Error> {
    find(conn, caller, room).await?.ok_or(Error::NotFound("room"))
}

/// Which of these rooms the caller may see.
pub(crate) async fn seen(
    conn: &mut Conn,
    caller: &Caller,
    rooms: impl Iterator<Item = Uuid>,
) -> Result<HashSet<Uuid>, db::Error> {
    let rooms: HashSet<Uuid> = rooms.collect();
    if rooms.is_empty() {
        return Ok(rooms);
    }
    let mut rows = Rows::new(&[("id", Type::Uuid)]);
    for room in rooms {
        rows.push([room.into()]);
    }
    let query = conn
        .sql("select room.id from ")
        .push_rows(&rows)
        .push(" as input cross join room where room.id = input.id and room.erased_at is null and room.company = ")
        .push_bind(caller.company);
    let found: Vec<Uuid> = within(query, caller).all().await?;
    Ok(found.into_iter().collect())
}

/// Refuses a message whose room the caller may not see, as if it were not there.
pub(crate) async fn must_of_message(conn: &mut Conn, caller: &Caller, message: Uuid) -> Result<(), Error> {
    if caller.person.is_none() {
        return Ok(());
    }
    let query = conn.sql(
        "select 1 from message join room on room.company = message.company and room.id = message.room
         where message.company = $1 and message.id = $2",
    );
    let found: Option<i64> = within(query.bind(caller.company).bind(message), caller).optional().await?;
    found.map(drop).ok_or(Error::NotFound("message"))
}

impl RoomAccess {
    /// Who may hear of this room.
    pub(crate) fn audience(&self) -> Audience {
        Audience::Room { account: self.account.clone(), assignees: vec![self.assignee], teams: vec![self.team] }
    }
}

/// Who may hear of a room that the caller may see.
pub(crate) async fn audience(conn: &mut Conn, caller: &Caller, room: Uuid) -> Result<Audience, Error> {
    Ok(must(conn, caller, room).await?.audience())
}
