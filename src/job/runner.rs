//! The loops that claim and run jobs, one a kind.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use db::{Conn, Rows, Type};
use futures_util::FutureExt;
use metrics::{counter, histogram};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Job, Kind, Next, backoff, enqueue, finish, put_back, run};
use crate::app::App;
use crate::http::Error;
use crate::telemetry::{TraceId, Work, asked, traced};

/// A claim is good for this long; a live node extends it long before. A node that was killed loses its jobs after it.
const LEASE: i64 = 15_000;

/// How often leases are extended.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// Without being woken, a loop looks this often: for work that another node asked for, and for leases that ended.
const LOOK: Duration = Duration::from_millis(200);

/// Most jobs claimed at once.
const MOST: usize = 64;

/// The running loops of a node.
pub struct Runner {
    app: App,
    worker: Uuid,
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
}

/// Starts the loops.
pub async fn start(app: &App) -> Result<Runner, db::Error> {
    let worker = Uuid::new_v4();
    let now = app.now();
    app.db
        .write(async |mut tx| {
            if app.db.kind() == db::Kind::Sqlite {
                // One server at a time has the file: whoever held these is gone.
                tx.sql("update job set worker = null, run_at = $1 where worker is not null").bind(now).exec().await?;
            }
            enqueue(&mut tx, 0, Kind::Purge, "", now).await
        })
        .await?;
    let (stop, stopped) = watch::channel(false);
    let held = Held::default();
    let mut loops = JoinSet::new();
    for kind in Kind::ALL {
        loops.spawn(work(app.clone(), kind, worker, held.clone(), stopped.clone()));
    }
    loops.spawn(heartbeat(app.clone(), worker, held, stopped));
    Ok(Runner { app: app.clone(), worker, stop, loops })
}

impl Runner {
    /// Stops claiming, lets running jobs end for at most `grace`, and hands back the rest.
    pub async fn stop(mut self, grace: Duration) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(grace, async { while self.loops.join_next().await.is_some() {} }).await;
        self.loops.shutdown().await;
        let now = self.app.now();
        let handed_back = self
            .app
            .db
            .write(async |mut tx| {
                tx.sql("update job set worker = null, run_at = $1 where worker = $2")
                    .bind(now)
                    .bind(self.worker)
                    .exec()
                    .await
            })
            .await;
        if let Err(error) = handed_back {
            let error: db::Error = error;
            tracing::warn!(%error, "jobs could not be handed back; their leases end by themselves");
        }
    }
}

/// The jobs that run on this node. Only their leases are extended: what was claimed without this node hearing of it, and
/// what ended without being written down, because the database was away, must become free by itself.
#[derive(Debug, Clone, Default)]
struct Held(Arc<Mutex<BTreeSet<Name>>>);

/// A job's company, kind and key.
type Name = (i64, &'static str, String);

impl Held {
    fn hold(&self, job: &Job) -> Holding {
        let name = (job.company, job.kind.name(), job.key.clone());
        self.lock().insert(name.clone());
        Holding { held: self.clone(), name }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::new(&[("company", Type::BigInt), ("kind", Type::Text), ("key", Type::Text)]);
        for (company, kind, key) in self.lock().iter() {
            rows.push(vec![(*company).into(), (*kind).into(), key.as_str().into()]);
        }
        rows
    }
}

/// A job that runs, until this is dropped.
struct Holding {
    held: Held,
    name: Name,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.held.lock().remove(&self.name);
    }
}

async fn heartbeat(app: App, worker: Uuid, held: Held, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(HEARTBEAT) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        let rows = held.rows();
        if rows.is_empty() {
            continue;
        }
        let until = app.now() + LEASE;
        let beaten = app.db.write(async |mut tx| extend(&mut tx, worker, &rows, until).await).await;
        if let Err(error) = beaten {
            tracing::warn!(%error, "leases could not be extended");
        }
    }
}

async fn extend(tx: &mut Conn, worker: Uuid, rows: &Rows, until: i64) -> Result<(), db::Error> {
    tx.sql("update job set run_at = $1 from ")
        .bind(until)
        .push_rows(rows)
        .push(" as input where job.company = input.company and job.kind = input.kind and job.key = input.key and job.worker = ")
        .push_bind(worker)
        .exec()
        .await
        .map(drop)
}

async fn work(app: App, kind: Kind, worker: Uuid, held: Held, mut stopped: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(kind.parallel(&app)));
    let mut running = JoinSet::new();
    loop {
        while running.try_join_next().is_some() {}
        let free = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot.map_or(0, |slot| { drop(slot); slots.available_permits() }),
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        let claimed = claim(&app, kind, worker, free.clamp(1, MOST)).await.unwrap_or_else(|error| {
            tracing::warn!(%error, kind = kind.name(), "jobs could not be claimed");
            Vec::new()
        });
        if claimed.is_empty() {
            tokio::select! {
                () = app.wakes.woken(kind) => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = stopped.wait_for(|stop| *stop) => break,
            }
        }
        for job in claimed {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let (app, holding) = (app.clone(), held.hold(&job));
            running.spawn(async move {
                one(&app, job).await;
                drop((holding, slot));
            });
        }
    }
    while running.join_next().await.is_some() {}
}

/// Claims due jobs. The condition is repeated in the outer `where`: on PostgreSQL two nodes may find the same rows, and
/// the one that comes second must see that they are gone.
async fn claim(app: &App, kind: Kind, worker: Uuid, most: usize) -> Result<Vec<Job>, db::Error> {
    let now = app.now();
    let due: Option<i64> = app
        .db
        .read()
        .await?
        .sql("select 1 from job where kind = $1 and not dead and run_at <= $2 limit 1")
        .bind(kind.name())
        .bind(now)
        .optional()
        .await?;
    if due.is_none() {
        return Ok(Vec::new());
    }
    app.db.write(async |mut tx| take(&mut tx, kind, worker, now, most).await).await
}

async fn take(tx: &mut Conn, kind: Kind, worker: Uuid, now: i64, most: usize) -> Result<Vec<Job>, db::Error> {
    tx.sql(
        "update job set worker = $1, run_at = $2, tries = tries + 1
         where (company, kind, key) in
             (select company, kind, key from job
              where kind = $3 and not dead and run_at <= $4 order by run_at limit $5)
           and not dead and run_at <= $4
         returning company, kind, key, version, tries, worker",
    )
    .bind(worker)
    .bind(now + LEASE)
    .bind(kind.name())
    .bind(now)
    .bind(i64::try_from(most).unwrap_or(1))
    .all()
    .await
}

/// Runs one job and writes down how it ended.
async fn one(app: &App, job: Job) {
    let mut work = Work::new(TraceId::random());
    work.job = Some((job.kind.name(), job.company));
    traced(work, async {
        let started = std::time::Instant::now();
        let ended = std::panic::AssertUnwindSafe(run(app, &job)).catch_unwind().await;
        let ended = ended.unwrap_or_else(|_| Err(Error::Internal("the job panicked".to_owned())));
        histogram!("sala_job_seconds", "kind" => job.kind.name()).record(started.elapsed());
        let outcome = if ended.is_ok() { "ok" } else { "error" };
        counter!("sala_jobs_total", "kind" => job.kind.name(), "outcome" => outcome).increment(1);
        if let Err(error) = record(app, &job, ended).await {
            tracing::warn!(%error, "the end of a job could not be written; its lease ends by itself");
        }
        app.wakes.wake_all(asked());
    })
    .await;
}

async fn record(app: &App, job: &Job, ended: Result<Next, Error>) -> Result<(), db::Error> {
    let now = app.now();
    let (at, tries, error) = match ended {
        Ok(Next::Finished) => return Ok(()),
        Ok(Next::Done) => return app.db.write(async |mut tx| finish(&mut tx, job, now).await).await,
        Ok(Next::Again) => (now, 0, None),
        Ok(Next::At(at)) => (at, job.tries, None),
        Err(error) => {
            tracing::error!(%error, tries = job.tries, "job failed");
            (now + backoff(job.tries, 15 * 60_000), job.tries, Some(error.to_string()))
        }
    };
    app.db.write(async |mut tx| put_back(&mut tx, job, at, tries, error.as_deref()).await).await?;
    if at <= now {
        app.wakes.wake(job.kind);
    }
    Ok(())
}

/// Runs this one job in the caller's task, with its lease, if it is due and nobody else holds it; whether it ran.
pub async fn attend(app: &App, kind: Kind, company: i64, key: &str) -> Result<bool, db::Error> {
    let worker = Uuid::new_v4();
    let now = app.now();
    let claimed: Option<Job> = app
        .db
        .write(async |mut tx| {
            tx.sql(
                "update job set worker = $1, run_at = $2, tries = tries + 1
                 where company = $3 and kind = $4 and key = $5 and not dead and run_at <= $6
                 returning company, kind, key, version, tries, worker",
            )
            .bind(worker)
            .bind(now + LEASE)
            .bind(company)
            .bind(kind.name())
            .bind(key)
            .bind(now)
            .optional()
            .await
        })
        .await?;
    let Some(job) = claimed else { return Ok(false) };
    let held = Held::default();
    let holding = held.hold(&job);
    let (stop, stopped) = watch::channel(false);
    let beating = tokio::spawn(heartbeat(app.clone(), worker, held, stopped));
    one(app, job).await;
    drop(holding);
    let _ = stop.send(true);
    let _ = beating.await;
    Ok(true)
}

/// Runs everything that is due, in the caller's task, until nothing is: for tests. Jobs that were put back to a later
/// time stay there. Answers how many runs there were.
pub async fn run_due(app: &App) -> Result<usize, db::Error> {
    let worker = Uuid::new_v4();
    let mut count = 0;
    loop {
        let mut claimed = Vec::new();
        for kind in Kind::ALL {
            if kind != Kind::Purge {
                claimed.extend(claim(app, kind, worker, MOST).await?);
            }
        }
        if claimed.is_empty() {
            return Ok(count);
        }
        for job in claimed {
            count += 1;
            one(app, job).await;
        }
    }
}
