//! One way to keep a record that people edit: it is held, changed by its resource's own rules, and saved with its audit
//! entry and its event. A resource names its table, its view and the columns that every record has; `task/` is the one to copy.

use db::{Conn, Query, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::audit::{self, Change};
use crate::event::{self, Event};
use crate::http::caller::Range;
use crate::http::{Caller, Code, Conditions, Error, Fault, Reply};
use crate::search;
use crate::time::{self, Zone};

/// A record, by the struct of its row: its fields are the columns of its table.
pub trait Record: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// The table.
    const TABLE: &'static str;

    /// What the audit trail, events and a 404 call the record.
    const NAME: &'static str = Self::TABLE;

    /// What a 404 calls it when it was asked for by its internal number: `sales_order_id`.
    const NAME_BY_ID: &'static str = Self::NAME;

    /// The topic of its events.
    const TOPIC: &'static str;

    /// The column with the user id of the employee whose record it is: a caller who sees only his own or his team's records
    /// is bound by it. A record without one is everybody's.
    const OWNER: Option<&'static str> = None;

    /// What receivers of the original call the record's number in `Data` of its events, beside the record itself.
    const NUMBER: Option<&'static str> = None;

    /// Properties of the view that are no change of the record: they follow from the save itself, or are another record's. A
    /// customer's name would stay in the trail of a record that is another customer's when this one is erased.
    const STAMPED: &'static [&'static str] = &["dateModified", "modifiedByUserId", "customerName"];

    /// The record as callers and subscribers get it.
    type View: Serialize + Send;

    /// What every record has.
    fn head(&self) -> Head<'_>;

    /// The columns that a save sets.
    fn stamp(&mut self) -> Stamp<'_>;

    /// What a keyword is looked for in; kept folded in the column `search_key`.
    fn words(&self) -> Vec<&str>;

    /// The views of rows, in their order. What stands in other tables is read for all of them together.
    fn views(
        conn: &mut Conn,
        company: i64,
        rows: Vec<Self>,
        zone: &Zone,
    ) -> impl Future<Output = Result<Vec<Self::View>, Error>> + Send;
}

/// What every record has.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The tenant.
    pub company: i64,
    /// The number or code by which callers know it.
    pub name: &'a str,
    /// How many times it was saved.
    pub version: i64,
    /// When it was deleted, in Unix milliseconds.
    pub deleted_at: Option<i64>,
}

/// The columns that a save sets.
#[derive(Debug)]
pub struct Stamp<'a> {
    /// How many times it was saved.
    pub version: &'a mut i64,
    /// Who saved it last: the id of an API client or of a user.
    pub modified_by: &'a mut String,
    /// When, in Unix milliseconds.
    pub modified_at: &'a mut i64,
    /// When it was deleted.
    pub deleted_at: &'a mut Option<i64>,
    /// What a keyword is looked for in, folded.
    pub search_key: &'a mut String,
}

/// Who changes a record, and when.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Who.
    pub caller: Caller,
    /// When, in Unix milliseconds.
    pub now: i64,
}

/// What a save did.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The record is new.
    Created,
    /// It differs from what it was: its view before.
    Updated(serde_json::Value),
    /// Nothing differs: it keeps its version, and nobody is told.
    Unchanged,
}

impl Outcome {
    /// The word in answers.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Updated(_) => "updated",
            Outcome::Unchanged => "unchanged",
        }
    }
}

/// What became of a record whose resource has a way of its own to save it.
#[derive(Debug)]
pub struct Written<R> {
    /// The row as it is stored now.
    pub row: R,
    /// What the save did: with what people had entered before, in the words of the request.
    pub outcome: Outcome,
}

/// A record after its save.
#[derive(Debug)]
pub struct Saved<R: Record> {
    /// The row as it is stored now.
    pub row: R,
    /// The record as callers get it.
    pub view: R::View,
    /// What the save did.
    pub outcome: Outcome,
    /// The view as JSON, where it was written for the audit trail or the event; the answer is the same.
    pub(crate) told: Option<Box<RawValue>>,
}

impl<R: Record> Saved<R> {
    /// The answer to whoever asked for the save, with its version.
    pub fn reply(self) -> Reply<R::View> {
        let version = self.row.head().version;
        Reply::ok(self.view).written(self.told).version(version, &Conditions::default())
    }
}

/// The living record with this value in a column that is unique in its company, within the caller's range; 404 without.
pub async fn find<R: Record>(
    conn: &mut Conn,
    caller: &Caller,
    column: &'static str,
    value: impl Into<Value>,
) -> Result<R, Error> {
    let query = by::<R>(conn, caller, column, value).push(" and deleted_at is null");
    query.optional().await?.ok_or(missing::<R>(column))
}

/// [`find`], held until the unit ends so that no other change comes between: 412 when the caller knows another version.
pub async fn held<R: Record>(
    tx: &mut Conn,
    caller: &Caller,
    column: &'static str,
    value: impl Into<Value>,
    conditions: &Conditions,
) -> Result<R, Error> {
    let query = by::<R>(tx, caller, column, value).push(" and deleted_at is null");
    let row: R = query.held().optional().await?.ok_or(missing::<R>(column))?;
    conditions.allow_change(Some(row.head().version))?;
    Ok(row)
}

/// [`held`] for an operation that creates a record unless one is named. What the decoder has found comes before a record that
/// is not there: a body that cannot be read names nothing.
pub async fn held_if_named<R: Record>(
    tx: &mut Conn,
    caller: &Caller,
    column: &'static str,
    name: Option<impl Into<Value>>,
    conditions: &Conditions,
    found: &[Fault],
) -> Result<Option<R>, Error> {
    let Some(name) = name else {
        // Whoever names a version wants to change a record that is there.
        conditions.allow_change(None)?;
        return Ok(None);
    };
    match held(tx, caller, column, name, conditions).await {
        Err(Error::NotFound(_) | Error::Db(db::Error::Invalid(_))) if !found.is_empty() => {
            Err(Error::Invalid(found.to_vec()))
        }
        held => held.map(Some),
    }
}

/// The same of a record that was deleted; 409 when it was not.
pub async fn held_deleted<R: Record>(
    tx: &mut Conn,
    caller: &Caller,
    column: &'static str,
    value: impl Into<Value>,
) -> Result<R, Error> {
    let row: R = by::<R>(tx, caller, column, value).held().optional().await?.ok_or(missing::<R>(column))?;
    match row.head() {
        Head { deleted_at: None, name, .. } => {
            let message = format!("{name} is not deleted");
            Err(Error::Conflict(Fault::new(Code::Conflict, R::NAME, message)))
        }
        _ => Ok(row),
    }
}

/// 404 that says what was asked for.
fn missing<R: Record>(column: &'static str) -> Error {
    Error::NotFound(if column == "id" { R::NAME_BY_ID } else { R::NAME })
}

fn by<'c, R: Record>(conn: &'c mut Conn, caller: &Caller, column: &'static str, value: impl Into<Value>) -> Query<'c> {
    let query = conn.rows::<R>(R::TABLE).push(" where company = $1 and ").bind(caller.company);
    within::<R>(query.push(column).push(" = ").push_bind(value), caller)
}

/// Narrows a statement about a record to what the caller may see.
pub(crate) fn within<'c, R: Record>(query: Query<'c>, caller: &Caller) -> Query<'c> {
    let (Some(owner), range) = (R::OWNER, caller.range()) else { return query };
    let mine = |query: Query<'c>, user: uuid::Uuid| {
        let query = query.push(" and (").push(R::TABLE).push(".").push(owner).push(" = ").push_bind(user);
        query.push(" or ").push(R::TABLE).push(".created_by = ").push_bind(user.to_string())
    };
    match range {
        Range::All => query,
        Range::Own { user } => mine(query, user).push(")"),
        Range::Team { user, team } => {
            let query = mine(query, user).push(" or ").push(R::TABLE).push(".").push(owner);
            let query = query.push(" in (select id from employee where company = ").push_bind(caller.company);
            query.push(" and team = ").push_bind(team).push("))")
        }
    }
}

/// The view of one row.
pub async fn view<R: Record>(conn: &mut Conn, row: R) -> Result<R::View, Error> {
    let company = row.head().company;
    let zone = time::zone(conn, company).await?;
    let views = R::views(conn, company, vec![row], &zone).await?;
    views.into_iter().next().ok_or(Error::NotFound(R::NAME))
}

/// The answer to a read of one row: its view and version, or 304 when the caller has it.
pub async fn reply<R: Record>(conn: &mut Conn, row: R, conditions: &Conditions) -> Result<Reply<R::View>, Error> {
    let version = row.head().version;
    Ok(Reply::ok(view(conn, row).await?).version(version, conditions))
}

/// Saves a record: the new row in the place of the old one, or as the first of its number.
pub async fn save<R: Record>(tx: &mut Conn, by: &Actor, old: Option<R>, new: R) -> Result<Saved<R>, Error> {
    let name = if old.is_some() { "Updated" } else { "Created" };
    save_as(tx, by, old, new, name).await
}

/// [`save`] whose event has a name of its own, in the past tense (`Approved`); the audit trail's action is the same in lower
/// case.
pub async fn save_as<R: Record>(
    tx: &mut Conn,
    by: &Actor,
    old: Option<R>,
    new: R,
    name: &'static str,
) -> Result<Saved<R>, Error> {
    let saved = keep(tx, by, old, new, name).await?;
    if let Some(told) = &saved.told {
        announce::<R>(tx, by, &saved.row, told, name).await?;
    }
    Ok(saved)
}

/// [`save`] of a record that was made on another server: nobody is told, because it is no news. One that somebody has
/// changed here since stays as it is: 409.
pub async fn take_over<R: Record>(tx: &mut Conn, by: &Actor, old: Option<R>, mut new: R) -> Result<Saved<R>, Error> {
    let was_changed = old.is_some() && *new.stamp().modified_by != by.caller.id;
    let name = if old.is_some() { "Updated" } else { "Created" };
    let saved = keep(tx, by, old, new, name).await?;
    if was_changed && saved.outcome != Outcome::Unchanged {
        let message = format!("{} was changed here, and is left as it is", saved.row.head().name);
        return Err(Error::Conflict(Fault::new(Code::Conflict, R::NAME, message)));
    }
    Ok(saved)
}

/// The record of this number, held, to be written as another server has it: 409 of one that was deleted here.
pub async fn held_to_take<R: Record>(
    tx: &mut Conn,
    caller: &Caller,
    number_key: impl Into<Value>,
) -> Result<Option<R>, Error> {
    let found: Option<R> = by::<R>(tx, caller, "number_key", number_key).held().optional().await?;
    match found {
        Some(row) if row.head().deleted_at.is_some() => {
            let message = format!("{} was deleted here, and is left out", row.head().name);
            Err(Error::Conflict(Fault::new(Code::Conflict, R::NAME, message)))
        }
        found => Ok(found),
    }
}

/// Writes a record and what differs in it into the audit trail.
async fn keep<R: Record>(
    tx: &mut Conn,
    by: &Actor,
    old: Option<R>,
    mut new: R,
    name: &'static str,
) -> Result<Saved<R>, Error> {
    let words = search::fold(&new.words().join(" "));
    let stamp = new.stamp();
    *stamp.search_key = words;
    *stamp.version = old.as_ref().map_or(1, |old| old.head().version + 1);
    stamp.modified_by.clone_from(&by.caller.id);
    *stamp.modified_at = by.now;
    let company = new.head().company;
    let zone = time::zone(tx, company).await?;
    let rows = old.iter().chain([&new]).cloned().collect();
    let mut views = R::views(tx, company, rows, &zone).await?;
    let view = views.pop().ok_or(Error::NotFound(R::NAME))?;
    let (outcome, told) = match old.zip(views.pop()) {
        None => {
            tx.insert(R::TABLE, &new).await?;
            let told = written::<R>(&view)?;
            let action = name.to_lowercase();
            audit::record_new(tx, &change(by, &new, &action), &told, R::STAMPED).await?;
            (Outcome::Created, told)
        }
        Some((old, old_view)) => {
            let before = audited::<R>(&old_view)?;
            if !log::<R>(tx, by, &new, name, &before, audited::<R>(&view)?).await? {
                return Ok(Saved { row: old, view: old_view, outcome: Outcome::Unchanged, told: None });
            }
            if !tx.replace(R::TABLE, &new).await? {
                return Err(Error::Changed);
            }
            (Outcome::Updated(before), written::<R>(&view)?)
        }
    };
    Ok(Saved { row: new, view, outcome, told: Some(told) })
}

/// Deletes a record: it stays, out of every list, and can be restored.
pub async fn remove<R: Record>(tx: &mut Conn, by: &Actor, old: R) -> Result<Saved<R>, Error> {
    turn(tx, by, old, Some(by.now), "Deleted").await
}

/// Restores a record that was deleted.
pub async fn restore<R: Record>(tx: &mut Conn, by: &Actor, old: R) -> Result<Saved<R>, Error> {
    turn(tx, by, old, None, "Restored").await
}

async fn turn<R: Record>(
    tx: &mut Conn,
    by: &Actor,
    old: R,
    deleted_at: Option<i64>,
    name: &'static str,
) -> Result<Saved<R>, Error> {
    let mut row = old.clone();
    let stamp = row.stamp();
    *stamp.deleted_at = deleted_at;
    *stamp.version += 1;
    stamp.modified_by.clone_from(&by.caller.id);
    *stamp.modified_at = by.now;
    let view = view(tx, row.clone()).await?;
    let before = audited::<R>(&view)?;
    match deleted_at {
        Some(_) => log::<R>(tx, by, &row, name, &before, json!({})).await?,
        None => log::<R>(tx, by, &row, name, &json!({}), before.clone()).await?,
    };
    if !tx.replace(R::TABLE, &row).await? {
        return Err(Error::Changed);
    }
    let told = written::<R>(&view)?;
    announce::<R>(tx, by, &row, &told, name).await?;
    Ok(Saved { row, view, outcome: Outcome::Updated(before), told: Some(told) })
}

/// Writes the difference into the audit trail; false when there is none.
async fn log<R: Record>(
    tx: &mut Conn,
    by: &Actor,
    row: &R,
    name: &str,
    from: &serde_json::Value,
    to: serde_json::Value,
) -> Result<bool, Error> {
    audit::record_read(tx, &change(by, row, &name.to_lowercase()), from, to).await
}

/// What is done to a record, and by whom.
fn change<'a, R: Record>(by: &'a Actor, row: &R, action: &'a str) -> Change<'a> {
    Change { company: row.head().company, reference: reference(row), actor: &by.caller.id, action, at: by.now }
}

/// What the audit trail and events call a record: `task/TK000001`.
pub fn reference<R: Record>(row: &R) -> String {
    format!("{}/{}", R::NAME, row.head().name)
}

/// A view as JSON.
fn written<R: Record>(view: &R::View) -> Result<Box<RawValue>, Error> {
    to_raw_value(view).map_err(|error| Error::Internal(error.to_string()))
}

/// What the audit trail compares: the view without what follows from the save.
fn audited<R: Record>(view: &R::View) -> Result<serde_json::Value, Error> {
    let mut told = audit::told(view)?;
    if let Some(fields) = told.as_object_mut() {
        for field in R::STAMPED {
            fields.remove(*field);
        }
    }
    Ok(told)
}

/// Tells subscriptions, in the PascalCase of the original API's events: of one record in the order of its versions.
async fn announce<R: Record>(
    tx: &mut Conn,
    by: &Actor,
    row: &R,
    told: &RawValue,
    name: &'static str,
) -> Result<(), Error> {
    let Head { company, version, name: number, .. } = row.head();
    let beside = R::NUMBER.map(|name| (name, number));
    let body = event::body_beside(R::TOPIC, name, R::TOPIC, told, beside);
    let subject = reference(row);
    event::emit(tx, &Event { company, topic: R::TOPIC, name, subject: &subject, place: version, body, at: by.now })
        .await?;
    Ok(())
}
