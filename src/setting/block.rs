//! Ids of records taken in blocks, beside the units that use them.
//!
//! The counter of a company is one row. Who moves it in the unit of the new record holds it to COMMIT, so on PostgreSQL all who
//! create records of a kind wait for one another. While several do so, ids are taken from it in blocks, in a unit of their own. An id
//! needs not follow the one before it: a block that is not used up leaves a gap. Numbers of documents are never taken so.
//!
//! Who is alone takes the next number in his own unit, as ever. What is left of a block is dropped after some seconds: lists
//! in the order of ids are those of creation, but for records that are made at the same moment.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use db::Conn;

use crate::app::App;
use crate::http::Error;

/// Ids of a block.
const BLOCK: i64 = 64;

/// How long the ids of a block are given, in milliseconds.
const LIFE: i64 = 10_000;

/// A company, and the name of its counter.
type Key = (i64, &'static str);

/// The blocks of this node.
#[derive(Debug, Default)]
pub struct Blocks {
    known: Mutex<HashMap<Key, Block>>,
    /// One block is taken at a time: who waits for it finds ids in it.
    taking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Block {
    /// How many creations are under way.
    going: usize,
    ids: VecDeque<i64>,
    /// Until when the ids are given, on the steady clock.
    until: i64,
}

/// A creation under way, with its id where one was taken beforehand.
#[derive(Debug)]
pub struct Going<'a> {
    blocks: Option<&'a Blocks>,
    key: Key,
    id: Option<i64>,
    is_used: AtomicBool,
}

impl Going<'_> {
    /// The id for the new record; none when its unit takes the next one itself.
    pub fn id(&self) -> Option<i64> {
        self.id
    }

    /// Says which record was written: of one that was there already, the id is somebody else's to use.
    pub fn wrote(&self, record: i64) {
        self.is_used.store(self.id == Some(record), Ordering::Relaxed);
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        let Some(blocks) = self.blocks else { return };
        let mut known = blocks.known();
        let Some(block) = known.get_mut(&self.key) else { return };
        block.going = block.going.saturating_sub(1);
        if let Some(id) = self.id.filter(|_| !self.is_used.load(Ordering::Relaxed)) {
            block.ids.push_front(id);
        }
        if block.going == 0 && block.ids.is_empty() {
            known.remove(&self.key);
        }
    }
}

impl Blocks {
    fn known(&self) -> MutexGuard<'_, HashMap<Key, Block>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id that is at hand.
    fn at_hand(&self, key: Key, now: i64) -> Option<i64> {
        let mut known = self.known();
        let block = known.get_mut(&key)?;
        if block.until <= now {
            block.ids.clear();
        }
        block.ids.pop_front()
    }
}

/// Begins to create a record. Nothing is taken on SQLite, which has one writer, nor for whoever is alone.
pub async fn begin<'a>(app: &'a App, company: i64, name: &'static str) -> Result<Going<'a>, Error> {
    let key = (company, name);
    let mut going = Going { blocks: None, key, id: None, is_used: AtomicBool::new(false) };
    if app.db.kind() == db::Kind::Sqlite {
        return Ok(going);
    }
    let blocks = &app.ids;
    going.blocks = Some(blocks);
    let others = {
        let mut known = blocks.known();
        let block = known.entry(key).or_default();
        block.going += 1;
        block.going > 1
    };
    if !others {
        return Ok(going);
    }
    going.id = blocks.at_hand(key, app.clock.steady());
    if going.id.is_none() {
        let _taking = blocks.taking.lock().await;
        going.id = blocks.at_hand(key, app.clock.steady());
        if going.id.is_none() {
            let last: Result<i64, db::Error> = app.db.write(async |mut tx| skip(&mut tx, company, name).await).await;
            let last = last?;
            let mut known = blocks.known();
            let block = known.entry(key).or_default();
            block.ids = (last - BLOCK + 2..=last).collect();
            block.until = app.clock.steady().saturating_add(LIFE);
            going.id = Some(last - BLOCK + 1);
        }
    }
    Ok(going)
}

/// Takes a block; answers its last id.
async fn skip(tx: &mut Conn, company: i64, name: &str) -> Result<i64, db::Error> {
    tx.sql(
        "insert into counter (company, name, value) values ($1, $2, $3)
         on conflict (company, name) do update set value = counter.value + $3
         returning value",
    )
    .bind(company)
    .bind(name)
    .bind(BLOCK)
    .one()
    .await
}
