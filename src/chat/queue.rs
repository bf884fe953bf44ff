//! The one hot write: sends wait in a queue that is drained when the writer is free, and are written together.
//!
//! A drain is one unit of work like any other; it only holds more than one request's messages. On PostgreSQL there are
//! several queues, split by room, so that two drains never wait for each other's rooms.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use channel::Platform;
use db::{Conn, Rows, Type, Value};
use metrics::histogram;
use serde::Deserialize;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::message::{Delivery, Draft};
use super::room;
use crate::app::App;
use crate::http::Error;
use crate::job::Kind;

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
    waiting: VecDeque<Waiting>,
    draining: bool,
}

#[derive(Debug)]
struct Waiting {
    draft: Arc<Draft>,
    answer: oneshot::Sender<Result<Result<Stored, Refused>, Error>>,
}

impl SendQueue {
    /// One queue on SQLite, which has one writer; several on PostgreSQL.
    pub fn new(kind: db::Kind) -> SendQueue {
        let count = if kind == db::Kind::Postgres { SHARDS } else { 1 };
        SendQueue { shards: (0..count).map(|_| Arc::default()).collect() }
    }

    /// Stores a message; returns when it is on disk.
    pub async fn send(&self, app: &App, draft: Arc<Draft>) -> Result<Result<Stored, Refused>, Error> {
        let (answer, stored) = oneshot::channel();
        let shard = &self.shards[draft.room.as_u128() as usize % self.shards.len()];
        let first = {
            let mut shard = lock(shard);
            shard.waiting.push_back(Waiting { draft, answer });
            !std::mem::replace(&mut shard.draining, true)
        };
        if first {
            // A task of its own: the request that came first may be cancelled, the others still want their answers.
            tokio::spawn(drain(app.clone(), Arc::clone(shard)));
        }
        stored.await.map_err(|_| Error::Busy("The server is stopping"))?
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what waits until nothing does.
async fn drain(app: App, shard: Arc<Mutex<Shard>>) {
    loop {
        // Filled by the unit itself, once the writer is free: what came meanwhile goes along. A unit that runs again
        // finds its messages here.
        let taken: Mutex<Vec<Waiting>> = Mutex::default();
        let written = app
            .db
            .write(async |mut tx| {
                let drafts: Vec<Arc<Draft>> = {
                    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                    if taken.is_empty() {
                        let mut shard = lock(&shard);
                        let count = shard.waiting.len().min(MOST);
                        taken.extend(shard.waiting.drain(..count));
                    }
                    taken.iter().map(|waiting| Arc::clone(&waiting.draft)).collect()
                };
                store(&mut tx, &drafts).await
            })
            .await;
        let mut taken = taken.into_inner().unwrap_or_else(PoisonError::into_inner);
        if taken.is_empty() {
            // The unit never ran (the writer was not to be had): those who wait hear of it.
            let mut shard = lock(&shard);
            let count = shard.waiting.len().min(MOST);
            taken.extend(shard.waiting.drain(..count));
        }
        answer(&app, taken, written).await;
        let mut shard = lock(&shard);
        if shard.waiting.is_empty() {
            shard.draining = false;
            return;
        }
    }
}

async fn answer(app: &App, taken: Vec<Waiting>, written: Result<Vec<Result<Stored, Refused>>, db::Error>) {
    // A receiver that is gone was cancelled; its message is stored all the same, as idempotency keys allow for.
    match written {
        Ok(stored) => {
            #[expect(clippy::cast_precision_loss, reason = "a count of at most 128")]
            histogram!("sala_send_batch_size").record(taken.len() as f64);
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
                let stored = app.db.write(async |mut tx| store_one(&mut tx, &waiting.draft).await).await;
                let _ = waiting.answer.send(stored.map_err(Error::from));
            }
        }
    }
}

/// Stores one message in the caller's own unit of work.
pub async fn store_one(tx: &mut Conn, draft: &Arc<Draft>) -> Result<Result<Stored, Refused>, db::Error> {
    let mut stored = store(tx, std::slice::from_ref(draft)).await?;
    Ok(stored.pop().unwrap_or(Err(Refused::Room)))
}

#[derive(Deserialize)]
struct Moved {
    company: i64,
    id: Uuid,
    messages: i64,
}

/// Stores messages: moves their rooms on, inserts them, and asks for their delivery. Three statements, however many.
async fn store(tx: &mut Conn, drafts: &[Arc<Draft>]) -> Result<Vec<Result<Stored, Refused>>, db::Error> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let moved = move_rooms(tx, drafts).await?;
    let mut left: HashMap<(i64, Uuid, i64), i64> = HashMap::new();
    for draft in drafts {
        *left.entry(place(draft)).or_default() += 1;
    }
    let mut results = Vec::with_capacity(drafts.len());
    let mut messages = Rows::new(&MESSAGE);
    let mut jobs: Vec<(i64, Uuid, i64)> = Vec::with_capacity(moved.len());
    for draft in drafts {
        let Some(last) = moved.get(&place(draft)) else {
            let known = room::platform(tx, draft.company, draft.room).await?;
            results.push(Err(known.map_or(Refused::Room, Refused::Platform)));
            continue;
        };
        let behind = left.entry(place(draft)).or_default();
        *behind -= 1;
        if *behind == 0 {
            jobs.push((draft.company, draft.room, draft.at));
        }
        let number = last - *behind;
        messages.push(vec![
            draft.company.into(),
            draft.id.into(),
            draft.room.into(),
            number.into(),
            draft.client.as_str().into(),
            draft.content.kind().into(),
            draft.content.text().into(),
            body(draft),
            draft.at.into(),
            (Delivery::Pending as i64).into(),
            draft.trace.as_str().into(),
        ]);
        results.push(Ok(Stored { number }));
    }
    if jobs.is_empty() {
        return Ok(results);
    }
    tx.sql(
        "insert into message (company, id, room, number, client, kind, content, body, sent_at, stored_at, delivery,
                              first_of_customer, trace)
         select company, id, room, number, client, kind, content, body, at, at, delivery, false, trace from ",
    )
    .push_rows(&messages)
    .push(" as input")
    .later()
    .await?;
    let mut rows = Rows::new(&[("company", Type::BigInt), ("key", Type::Text), ("at", Type::BigInt)]);
    jobs.sort_unstable();
    for (company, room, at) in jobs {
        rows.push(vec![company.into(), room.to_string().into(), at.into()]);
    }
    crate::job::enqueue_all(tx, Kind::Deliver, &rows).await?;
    Ok(results)
}

const MESSAGE: [(&str, Type); 11] = [
    ("company", Type::BigInt),
    ("id", Type::Uuid),
    ("room", Type::Uuid),
    ("number", Type::BigInt),
    ("client", Type::Text),
    ("kind", Type::Text),
    ("content", Type::Text),
    ("body", Type::Json),
    ("at", Type::BigInt),
    ("delivery", Type::BigInt),
    ("trace", Type::Text),
];

fn place(draft: &Draft) -> (i64, Uuid, i64) {
    (draft.company, draft.room, draft.platform.number())
}

/// The whole content of a message that is more than its text.
fn body(draft: &Draft) -> Value {
    match &draft.content {
        channel::Content::Text { .. } => Value::from(None::<serde_json::Value>),
        content => serde_json::to_value(content).ok().into(),
    }
}

/// Gives each room its messages' running numbers and its new last message; a room that is not there, or is on another
/// platform, is missing from the answer. Rooms are locked in one order.
async fn move_rooms(tx: &mut Conn, drafts: &[Arc<Draft>]) -> Result<HashMap<(i64, Uuid, i64), i64>, db::Error> {
    let mut last: Vec<(&Draft, i64)> = Vec::with_capacity(drafts.len());
    let mut seen: HashMap<(i64, Uuid, i64), usize> = HashMap::with_capacity(drafts.len());
    for draft in drafts {
        match seen.get(&place(draft)) {
            Some(index) => last[*index] = (draft, last[*index].1 + 1),
            None => {
                seen.insert(place(draft), last.len());
                last.push((draft, 1));
            }
        }
    }
    last.sort_unstable_by_key(|(draft, _)| (draft.company, draft.room));
    let mut rows = Rows::new(&[
        ("company", Type::BigInt),
        ("room", Type::Uuid),
        ("platform", Type::BigInt),
        ("count", Type::BigInt),
        ("message", Type::Uuid),
        ("kind", Type::Text),
        ("content", Type::Text),
        ("at", Type::BigInt),
    ]);
    for (draft, count) in &last {
        rows.push(vec![
            draft.company.into(),
            draft.room.into(),
            draft.platform.number().into(),
            (*count).into(),
            draft.id.into(),
            draft.content.kind().into(),
            room::preview(&draft.content.text()).into(),
            draft.at.into(),
        ]);
    }
    let moved: Vec<Moved> = tx
        .sql(
            "update room
             set messages = room.messages + input.count, last_message = input.message, last_kind = input.kind,
                 last_content = input.content, last_at = input.at, last_reply_at = input.at, unread = 0,
                 unanswered = false
             from ",
        )
        .push_rows(&rows)
        .push(
            " as input
             where room.company = input.company and room.id = input.room and room.platform = input.platform
               and room.erased_at is null
             returning room.company, room.id, room.messages",
        )
        .all()
        .await?;
    let platforms: HashMap<(i64, Uuid), Vec<i64>> = last.iter().fold(HashMap::new(), |mut known, (draft, _)| {
        known.entry((draft.company, draft.room)).or_default().push(draft.platform.number());
        known
    });
    let mut numbers = HashMap::with_capacity(moved.len());
    for room in moved {
        // One platform of a room is the right one; where a batch names two, the room itself says which.
        let named = platforms.get(&(room.company, room.id)).map(Vec::as_slice).unwrap_or_default();
        let platform = match named {
            [only] => *only,
            _ => match room::platform(tx, room.company, room.id).await? {
                Some(platform) => platform.number(),
                None => continue,
            },
        };
        numbers.insert((room.company, room.id, platform), room.messages);
    }
    Ok(numbers)
}
