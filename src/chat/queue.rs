//! The one hot write: sends wait in a queue that is drained when the writer is free, and are written together.
//!
//! A drain is one unit of work like any other; it only holds more than one request's messages, all of one company: the
//! companies that wait take turns. On PostgreSQL there are several queues, split by company and room, so that two drains
//! never wait for each other's rooms. A message that finds its queue empty is written by its own request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use channel::Platform;
use db::{Conn, Rows, Type, Value};
use metrics::{Histogram, histogram};
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::message::{Delivery, Draft, accepted};
use super::{room, told};
use crate::app::App;
use crate::http::Error;
use crate::job::{self, Kind, Wanted};
use crate::live::{self, Audience, Item};

/// Messages that one drain writes at most.
const MOST: usize = 128;

/// Queues on PostgreSQL.
const SHARDS: usize = 4;

/// A message that was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its running number in the room.
    pub number: i64,
}

/// Why a message was not stored: its room said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The company has no such room.
    Room,
    /// The room is on this platform, not on the one that the caller named.
    Platform(Platform),
}

/// The queues.
#[derive(Debug)]
pub struct SendQueue {
    shards: Vec<Arc<Mutex<Shard>>>,
}

#[derive(Debug, Default)]
struct Shard {
    /// Who waits, company by company; the first of them is next.
    waiting: VecDeque<(i64, VecDeque<Waiting>)>,
    draining: bool,
}

#[derive(Debug)]
struct Waiting {
    draft: Arc<Draft>,
    answer: oneshot::Sender<Result<Option<Stored>, Error>>,
}

impl SendQueue {
    /// One queue on SQLite, which has one writer; several on PostgreSQL.
    pub fn new(kind: db::Kind) -> SendQueue {
        let count = if kind == db::Kind::Postgres { SHARDS } else { 1 };
        SendQueue { shards: (0..count).map(|_| Arc::default()).collect() }
    }

    /// Stores a message; returns when it is on disk.
    pub async fn send(&self, app: &App, draft: Arc<Draft>) -> Result<Result<Stored, Refused>, Error> {
        let index = draft.room.as_u128() as usize ^ draft.company.unsigned_abs() as usize;
        let shard = &self.shards[index % self.shards.len()];
        let stored = {
            let mut shard = lock(shard);
            if std::mem::replace(&mut shard.draining, true) {
                let (answer, stored) = oneshot::channel();
                shard.push(Waiting { draft: Arc::clone(&draft), answer });
                Some(stored)
            } else {
                None
            }
        };
        let stored = match stored {
            Some(stored) => stored.await.map_err(|_| Error::Busy("The server is stopping"))??,
            None => {
                // Nobody writes, so the request does it itself; whoever comes meanwhile is drained after it.
                let _next = Next { app, shard };
                record_batch(1);
                write(app, || vec![Arc::clone(&draft)]).await?.pop().flatten()
            }
        };
        match stored {
            Some(stored) => Ok(Ok(stored)),
            None => Ok(Err(refusal(&mut app.db.read().await?, &draft).await?)),
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drains those who came while a request wrote its own message, also when the request was cancelled.
struct Next<'a> {
    app: &'a App,
    shard: &'a Arc<Mutex<Shard>>,
}

impl Drop for Next<'_> {
    fn drop(&mut self) {
        // A task of its own: the request may have been cancelled, the others still want their answers.
        if !lock(self.shard).end()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(drain(self.app.clone(), Arc::clone(self.shard)));
        }
    }
}

/// Writes messages in a unit of work of their own; `drafts` may be asked twice.
async fn write(app: &App, drafts: impl Fn() -> Vec<Arc<Draft>> + Sync) -> Result<Vec<Option<Stored>>, db::Error> {
    app.db.write(async |mut tx| store(&mut tx, &drafts()).await).await
}

/// Writes what waits until nothing does.
async fn drain(app: App, shard: Arc<Mutex<Shard>>) {
    loop {
        // Filled by the unit itself, once the writer is free: what came meanwhile goes along. A unit that runs again
        // finds its messages here.
        let taken: Mutex<Vec<Waiting>> = Mutex::default();
        let written = write(&app, || {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            if taken.is_empty() {
                lock(&shard).take(&mut taken);
            }
            taken.iter().map(|waiting| Arc::clone(&waiting.draft)).collect()
        })
        .await;
        let mut taken = taken.into_inner().unwrap_or_else(PoisonError::into_inner);
        if taken.is_empty() {
            // The unit never ran (the writer was not to be had): those who wait hear of it.
            lock(&shard).take(&mut taken);
        }
        answer(&app, taken, written).await;
        if lock(&shard).end() {
            return;
        }
    }
}

impl Shard {
    fn push(&mut self, waiting: Waiting) {
        let company = waiting.draft.company;
        match self.waiting.iter_mut().find(|(other, _)| *other == company) {
            Some((_, others)) => others.push_back(waiting),
            None => self.waiting.push_back((company, VecDeque::from([waiting]))),
        }
    }

    /// Takes those of the company whose turn it is; what is left of them comes after the other companies.
    fn take(&mut self, taken: &mut Vec<Waiting>) {
        let Some((company, mut waiting)) = self.waiting.pop_front() else { return };
        let count = waiting.len().min(MOST);
        taken.extend(waiting.drain(..count));
        if !waiting.is_empty() {
            self.waiting.push_back((company, waiting));
        }
    }

    /// Ends the draining, if nobody waits.
    fn end(&mut self) -> bool {
        self.draining = !self.waiting.is_empty();
        !self.draining
    }
}

async fn answer(app: &App, taken: Vec<Waiting>, written: Result<Vec<Option<Stored>>, db::Error>) {
    // A receiver that is gone was cancelled; its message is stored all the same, as idempotency keys allow for.
    match written {
        Ok(stored) => {
            record_batch(taken.len());
            for (waiting, stored) in taken.into_iter().zip(stored) {
                let _ = waiting.answer.send(Ok(stored));
            }
        }
        Err(error) if error.is_transient() || taken.len() == 1 => {
            for waiting in taken {
                let _ = waiting.answer.send(Err(error.clone().into()));
            }
        }
        Err(_) => {
            // One of them is at fault; each is written alone, so that it fails alone.
            for waiting in taken {
                let stored = write(app, || vec![Arc::clone(&waiting.draft)]).await;
                let _ = waiting.answer.send(stored.map(|mut stored| stored.pop().flatten()).map_err(Error::from));
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of at most 128")]
fn record_batch(size: usize) {
    static SIZE: OnceLock<Histogram> = OnceLock::new();
    SIZE.get_or_init(|| histogram!("sala_send_batch_size")).record(size as f64);
}

/// Stores one message in the caller's own unit of work.
pub async fn store_one(tx: &mut Conn, draft: &Arc<Draft>) -> Result<Result<Stored, Refused>, db::Error> {
    match store(tx, std::slice::from_ref(draft)).await?.pop().flatten() {
        Some(stored) => Ok(Ok(stored)),
        None => Ok(Err(refusal(tx, draft).await?)),
    }
}

/// Why a message found no room.
async fn refusal(conn: &mut Conn, draft: &Draft) -> Result<Refused, db::Error> {
    let known = room::platform(conn, draft.company, draft.room).await?;
    Ok(known.map_or(Refused::Room, Refused::Platform))
}

/// Stores messages of one company: moves their rooms on, which numbers them, inserts them, and asks for their delivery.
/// Three statements, however many messages, and the question whether a subscription hears of them. A message whose room
/// is not there, or is on another platform, is nothing in the answer.
async fn store(tx: &mut Conn, drafts: &[Arc<Draft>]) -> Result<Vec<Option<Stored>>, db::Error> {
    let Some(company) = drafts.first().map(|draft| draft.company) else { return Ok(Vec::new()) };
    let (rooms, positions) = rooms(drafts);
    let last = move_rooms(tx, company, &rooms).await?;
    note(tx, company, &rooms, &last).await?;
    let mut results = Vec::with_capacity(drafts.len());
    let mut messages = Rows::new(&MESSAGE);
    for (draft, (room, position)) in drafts.iter().zip(positions) {
        let stored = last[room].as_ref().map(|last| Stored { number: last.number - (rooms[room].count - position) });
        results.push(stored);
        let Some(Stored { number }) = stored else { continue };
        messages.push([
            draft.id.into(),
            draft.room.into(),
            number.into(),
            draft.client.person.is_none().then(|| draft.client.id.clone()).into(),
            draft.client.person.as_ref().map(|person| person.id).into(),
            draft.content.kind().into(),
            draft.content.text().into(),
            body(draft),
            draft.at.into(),
            (Delivery::Pending as i64).into(),
            draft.trace.to_string().into(),
        ]);
    }
    if messages.is_empty() {
        return Ok(results);
    }
    tx.sql(
        "insert into message (company, id, room, number, client, staff, kind, content, body, sent_at, stored_at, delivery,
                              first_of_customer, trace) ",
    )
    .bind(company)
    .push_values(
        "$1, input.id, input.room, input.number, input.client, input.staff, input.kind, input.content, input.body, input.at,
         input.at, input.delivery, false, input.trace",
        messages,
    )
    .later()
    .await?;
    let moved = rooms.iter().zip(last).filter_map(|(room, moved)| moved.map(|moved| (room.last, moved.account)));
    let jobs = moved.map(|(draft, account)| Wanted { key: draft.room.to_string(), lane: account, at: draft.at });
    job::enqueue_all(tx, company, Kind::Deliver, jobs.collect()).await?;
    let at = drafts.iter().map(|draft| draft.at).max().unwrap_or_default();
    let sent = drafts.iter().zip(&results).filter_map(|(draft, stored)| Some(accepted(draft, (*stored)?)));
    told::sent(tx, company, sent, at).await?;
    Ok(results)
}

const MESSAGE: [(&str, Type); 11] = [
    ("id", Type::Uuid),
    ("room", Type::Uuid),
    ("number", Type::BigInt),
    ("client", Type::Text),
    ("staff", Type::Uuid),
    ("kind", Type::Text),
    ("content", Type::Text),
    ("body", Type::Json),
    ("at", Type::BigInt),
    ("delivery", Type::BigInt),
    ("trace", Type::Text),
];

/// The whole content of a message that is more than its text.
fn body(draft: &Draft) -> Value {
    match &draft.content {
        channel::Content::Text { .. } => Value::from(None::<serde_json::Value>),
        content => serde_json::to_value(content).ok().into(),
    }
}

/// The room that a message names, and on which platform.
fn room_key(draft: &Draft) -> (Uuid, i64) {
    (draft.room, draft.platform.number())
}

/// A room as the drafts name it.
struct Named<'d> {
    last: &'d Draft,
    count: i64,
}

/// The rooms of these messages in the order in which they are locked everywhere, and for each message which of them is
/// its own and its position among that room's.
fn rooms(drafts: &[Arc<Draft>]) -> (Vec<Named<'_>>, Vec<(usize, i64)>) {
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    let room = |index: usize| room_key(&drafts[index]);
    order.sort_by_key(|index| room(*index));
    let mut rooms: Vec<Named<'_>> = Vec::with_capacity(drafts.len());
    let mut positions = vec![(0, 0); drafts.len()];
    let mut before = None;
    for index in order {
        if before.replace(room(index)) != Some(room(index)) {
            rooms.push(Named { last: &drafts[index], count: 0 });
        }
        if let Some(named) = rooms.last_mut() {
            named.last = &drafts[index];
            named.count += 1;
            positions[index].1 = named.count;
        }
        positions[index].0 = rooms.len() - 1;
    }
    (rooms, positions)
}

/// Finds the room that a row of the input names.
const ITS_ROOM: &str = " where room.company = $1 and room.id = input.room and room.platform = input.platform
    and room.erased_at is null";

/// Gives each room its messages' running numbers and its new last message. Answers each room as it is then; nothing for
/// one that is not there, or is on another platform.
async fn move_rooms(tx: &mut Conn, company: i64, rooms: &[Named<'_>]) -> Result<Vec<Option<Moved>>, db::Error> {
    let mut rows = Rows::new(&[
        ("room", Type::Uuid),
        ("platform", Type::BigInt),
        ("count", Type::BigInt),
        ("message", Type::Uuid),
        ("kind", Type::Text),
        ("content", Type::Text),
        ("at", Type::BigInt),
    ]);
    for Named { last, count } in rooms {
        rows.push([
            last.room.into(),
            last.platform.number().into(),
            (*count).into(),
            last.id.into(),
            last.content.kind().into(),
            room::preview(&last.content.text()).into(),
            last.at.into(),
        ]);
    }
    let mut moved: Vec<Moved> = tx
        .sql(
            "update room
             set messages = room.messages + input.count, last_message = input.message, last_kind = input.kind,
                 last_content = input.content, last_at = input.at, last_reply_at = input.at, unread = 0,
                 unanswered = false, waiting_since = null, version = room.version + 1",
        )
        .bind(company)
        .push_each(rows)
        .push(ITS_ROOM)
        .all_changed(
            "room.id, room.platform, room.messages as number, room.version, room.account, room.assignee, room.team",
        )
        .await?;
    moved.sort_unstable_by_key(Moved::room_key);
    let number = |named: &Named<'_>| {
        let found = moved.binary_search_by_key(&room_key(named.last), Moved::room_key).ok()?;
        Some(moved[found].clone())
    };
    Ok(rooms.iter().map(number).collect())
}

/// A room that was moved on.
#[derive(Debug, Clone, Deserialize)]
struct Moved {
    id: Uuid,
    platform: i64,
    /// The running number of its last message.
    number: i64,
    version: i64,
    account: String,
    assignee: Option<Uuid>,
    team: Option<i64>,
}

impl Moved {
    fn room_key(&self) -> (Uuid, i64) {
        (self.id, self.platform)
    }
}

/// Writes down for readers which rooms have which new messages: one row, however many messages.
async fn note(tx: &mut Conn, company: i64, rooms: &[Named<'_>], moved: &[Option<Moved>]) -> Result<(), db::Error> {
    let items = noted(rooms, moved);
    let at = rooms.iter().map(|named| named.last.at).max().unwrap_or_default();
    live::note(tx, company, "messages", &items, at).await
}

/// What readers of each room are told.
fn noted(rooms: &[Named<'_>], moved: &[Option<Moved>]) -> Vec<Item> {
    let mut items = Vec::with_capacity(rooms.len());
    for (named, room) in rooms.iter().zip(moved) {
        let Some(room) = room else { continue };
        let data = json!({
            "kind": "messages", "roomId": room.id, "from": room.number - named.count + 1, "to": room.number,
            "version": room.version, "at": named.last.at,
        });
        let to =
            Audience::Room { account: room.account.clone(), assignees: vec![room.assignee], teams: vec![room.team] };
        items.push(Item::new(to, &data));
    }
    items
}
