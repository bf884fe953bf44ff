//! The node's hub: follows the log of each company that somebody looks at, and hands each change to its readers, encoded once.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use db::{Rows, Type};
use serde::Deserialize;
use tokio::sync::{Notify, broadcast, watch};
use uuid::Uuid;

use super::presence::Presences;
use super::{Audience, Item, OVERLAP, first_id, records, time_of};
use crate::app::App;
use crate::http::{Caller, Error};
use crate::person::store::IDLE;

/// Changes that a reader may be behind before it is told to read anew: a slow one never slows the others.
const QUEUE: usize = 256;

/// How often the log is looked at although nobody woke the hub: other nodes and commands write to it, too.
const LOOK: Duration = Duration::from_millis(500);

/// Streams that one person or client may have open on a node.
const MOST_STREAMS: usize = 20;

/// Ids of the log that one look goes through.
const MOST_ROWS: i64 = 50_000;

/// The streams of a node and what they follow.
#[derive(Debug)]
pub struct Hub {
    companies: Mutex<HashMap<i64, Arc<Feed>>>,
    stopping: watch::Sender<bool>,
    pub(super) presences: Presences,
}

impl Default for Hub {
    fn default() -> Hub {
        Hub { companies: Mutex::default(), stopping: watch::Sender::new(false), presences: Presences::default() }
    }
}

/// What the readers of one company follow.
#[derive(Debug)]
struct Feed {
    sender: broadcast::Sender<Frame>,
    woken: Notify,
    readers: Mutex<Vec<Reader>>,
}

#[derive(Debug)]
struct Reader {
    who: String,
    session: Option<Uuid>,
    /// The versions of what gives the person rights, as the caller's were read: with others, the rights may be others.
    version: i64,
    number: u64,
}

/// What is handed to readers.
#[derive(Debug, Clone)]
pub(super) enum Frame {
    /// A row of the log.
    Change(Arc<Told>),
    /// Something that is never stored.
    Presence(Arc<(Audience, Bytes)>),
    /// A session that is over, or whose rights are others now.
    Ended(Uuid),
}

/// A row of the log, read and encoded once for all readers.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) id: Uuid,
    pub(super) kind: String,
    /// To whom, the data, and the same as an event of a stream.
    pub(super) items: Vec<(Audience, String, Bytes)>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Row {
    id: Uuid,
    kind: String,
    body: String,
}

impl Row {
    pub(super) fn read(self) -> Told {
        let items: Vec<Item> = serde_json::from_str(&self.body).unwrap_or_default();
        let encode = |item: Item| {
            let data = item.data.get().to_owned();
            let event = Bytes::from(format!("id: {}\nevent: change\ndata: {data}\n\n", self.id));
            (item.to, data, event)
        };
        Told { id: self.id, items: items.into_iter().map(encode).collect(), kind: self.kind }
    }
}

/// A seat among the readers of a company, given up when it is dropped.
pub(super) struct Seat {
    feed: Arc<Feed>,
    number: u64,
    pub(super) frames: broadcast::Receiver<Frame>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.feed.readers).retain(|reader| reader.number != self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// Says that something was committed. To be called after the commit: readers see nothing before it.
    pub fn wake(&self, company: i64) {
        if let Some(feed) = lock(&self.companies).get(&company) {
            feed.woken.notify_one();
        }
    }

    /// Ends every stream: their readers go to another node, or come back.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        lock(&self.companies).values().map(|feed| lock(&feed.readers).len()).sum()
    }

    /// Hands something to the readers of this node that is never stored.
    pub(super) fn tell(&self, company: i64, audience: Audience, event: Bytes) {
        if let Some(feed) = lock(&self.companies).get(&company) {
            // Nobody may be listening.
            let _ = feed.sender.send(Frame::Presence(Arc::new((audience, event))));
        }
    }

    /// A seat among the readers: whatever commits after this is handed on.
    pub(super) fn join(&self, app: &App, caller: &Caller) -> Result<Seat, Error> {
        let number = app.live.next();
        let session = caller.person.as_ref().map(|person| person.session);
        // As the caller's rights were read: what was changed since then ends the stream at the next look.
        let version = caller.person.as_ref().map_or(0, |person| person.version);
        let feed = {
            let mut companies = lock(&self.companies);
            let feed = companies.entry(caller.company).or_insert_with(|| {
                let feed = Arc::new(Feed {
                    sender: broadcast::channel(QUEUE).0,
                    woken: Notify::new(),
                    readers: Mutex::default(),
                });
                tokio::spawn(follow(app.clone(), caller.company, Arc::clone(&feed), records::back(0)));
                feed
            });
            let mut readers = lock(&feed.readers);
            if readers.iter().filter(|reader| reader.who == caller.id).count() >= MOST_STREAMS {
                return Err(Error::TooMany { retry_after: 10 });
            }
            readers.push(Reader { who: caller.id.clone(), session, version, number });
            drop(readers);
            Arc::clone(feed)
        };
        Ok(Seat { frames: feed.sender.subscribe(), stopping: self.stopping.subscribe(), number, feed })
    }

    fn next(&self) -> u64 {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// Waits until the server stops.
pub(super) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender lives as long as the server: an error would say that it stopped, too.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

/// Follows the log of a company as long as somebody reads it; `begun` is where the audit trail ended when the first of them
/// came.
async fn follow(app: App, company: i64, feed: Arc<Feed>, begun: Uuid) {
    let mut seen: BTreeSet<Uuid> = BTreeSet::new();
    let mut entries: Option<BTreeSet<Uuid>> = None;
    let mut first = true;
    let mut stopping = app.live.stopping.subscribe();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let is_tick = tokio::select! {
            () = feed.woken.notified() => false,
            _ = ticks.tick() => true,
            () = stopped(&mut stopping) => return,
        };
        {
            let mut companies = lock(&app.live.companies);
            if lock(&feed.readers).is_empty() && !first {
                companies.remove(&company);
                return;
            }
        }
        match look(&app, company, &mut seen).await {
            Ok(fresh) => {
                for told in fresh {
                    let _ = feed.sender.send(Frame::Change(Arc::new(told)));
                }
            }
            Err(error) => tracing::warn!(%error, "the log of changes could not be read; streams wait"),
        }
        // At its own pace, however much is written.
        if is_tick {
            match look_at_records(&app, company, begun, &mut entries).await {
                Ok(fresh) => {
                    for told in fresh {
                        let _ = feed.sender.send(Frame::Change(Arc::new(told)));
                    }
                }
                Err(error) => tracing::warn!(%error, "the audit trail could not be read; streams wait"),
            }
            if let Err(error) = end_sessions(&app, company, &feed).await {
                tracing::warn!(%error, "the sessions of streams could not be checked");
            }
        }
        first = false;
    }
}

/// What has come to the log since the last look. The look goes back by the overlap, as what began sooner may commit later.
async fn look(app: &App, company: i64, seen: &mut BTreeSet<Uuid>) -> Result<Vec<Told>, db::Error> {
    let from = first_id(app.now() - OVERLAP);
    let mut conn = app.db.read().await?;
    let ids: Vec<Uuid> = conn
        .sql("select id from change where company = $1 and id >= $2 order by id desc limit $3")
        .bind(company)
        .bind(from)
        .bind(MOST_ROWS)
        .all()
        .await?;
    let mut wanted = Rows::new(&[("id", Type::Uuid)]);
    let fresh: Vec<Uuid> = ids.into_iter().rev().filter(|id| !seen.contains(id)).collect();
    for id in &fresh {
        wanted.push([(*id).into()]);
    }
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = conn
        .sql("select change.id, change.kind, change.body from ")
        .push_rows(&wanted)
        .push(" as input cross join change where change.id = input.id and change.company = ")
        .push_bind(company)
        .push(" order by change.id")
        .all()
        .await?;
    seen.extend(fresh);
    // What lies before the overlap is not looked at again.
    *seen = seen.split_off(&first_id(app.now() - 2 * OVERLAP));
    Ok(rows.into_iter().map(Row::read).collect())
}

/// The kinds of records that have changed since the last look. What the trail held before anybody read the stream is not told: the
/// records were read just now.
async fn look_at_records(
    app: &App,
    company: i64,
    begun: Uuid,
    seen: &mut Option<BTreeSet<Uuid>>,
) -> Result<Vec<Told>, db::Error> {
    let mut conn = app.db.read().await?;
    let from = records::back(OVERLAP);
    let entries = match seen {
        Some(entries) => entries,
        none => {
            let mut before = BTreeSet::new();
            records::changed(&mut conn, company, (from, &mut before), app.now()).await?;
            before.split_off(&begun);
            none.insert(before)
        }
    };
    let told = records::changed(&mut conn, company, (from, entries), app.now()).await?;
    *entries = entries.split_off(&records::back(2 * OVERLAP));
    Ok(told)
}

/// Tells readers whose sessions are over, or whose people have other rights than when they began.
async fn end_sessions(app: &App, company: i64, feed: &Feed) -> Result<(), db::Error> {
    let begun: Vec<(Uuid, i64)> =
        lock(&feed.readers).iter().filter_map(|reader| Some((reader.session?, reader.version))).collect();
    if begun.is_empty() {
        return Ok(());
    }
    let good = versions(app, company, &begun.iter().map(|(session, _)| *session).collect()).await?;
    for (session, version) in begun {
        if good.get(&session) != Some(&version) {
            let _ = feed.sender.send(Frame::Ended(session));
        }
    }
    Ok(())
}

/// The versions of the people behind those of these sessions that are good.
async fn versions(app: &App, company: i64, sessions: &BTreeSet<Uuid>) -> Result<HashMap<Uuid, i64>, db::Error> {
    let mut rows = Rows::new(&[("id", Type::Uuid)]);
    for session in sessions {
        rows.push([(*session).into()]);
    }
    let known: Vec<(Uuid, i64)> = app
        .db
        .read()
        .await?
        .sql("select session.id, person.version + employee.version + coalesce(role.version, 0) as version from ")
        .push_rows(&rows)
        .push(
            " as input cross join session
              join person on person.company = session.company and person.id = session.person
              join employee on employee.company = person.company and employee.id = person.id
              left join choice as role on role.company = employee.company and role.list = 'roles' and role.id = employee.role
              where session.id = input.id and not person.disabled and employee.active and session.company = ",
        )
        .push_bind(company)
        .push(" and session.expires_at > ")
        .push_bind(app.now())
        .push(" and session.seen_at > ")
        .push_bind(app.now() - IDLE)
        .all()
        .await?;
    Ok(known.into_iter().collect())
}

/// What the log holds behind an id, with the overlap, and the kinds of records that have changed since; none when it is too
/// long, or begins before what is kept.
pub(super) async fn since(app: &App, company: i64, after: Uuid, most: i64) -> Result<Option<Vec<Told>>, db::Error> {
    let Some(at) = time_of(after).filter(|at| *at >= app.now() - super::KEPT) else { return Ok(None) };
    let mut conn = app.db.read().await?;
    let rows: Vec<Row> = conn
        .sql("select id, kind, body from change where company = $1 and id >= $2 order by id limit $3")
        .bind(company)
        .bind(first_id(at - OVERLAP))
        .bind(most + 1)
        .all()
        .await?;
    if rows.len() > usize::try_from(most).unwrap_or_default() {
        return Ok(None);
    }
    let from = records::back(app.now() - at + OVERLAP);
    let records = records::changed(&mut conn, company, (from, &mut BTreeSet::new()), app.now()).await?;
    Ok(Some(rows.into_iter().map(Row::read).chain(records).collect()))
}

/// The most of the log that a stream begins with; who is further behind reads anew.
pub(super) const MOST_BEHIND: i64 = 5000;
