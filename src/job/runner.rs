//! The loop that looks for jobs, claims them company by company, and runs them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use db::Conn;
use futures_util::{FutureExt, StreamExt, stream};
use metrics::{counter, histogram};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::ask::keys_of;
use super::due::{Due, Search, page};
use super::share::Permit;
use super::{Job, Kind, Next, backoff, enqueue, finish, put_back, run};
use crate::app::App;
use crate::http::Error;
use crate::import;
use crate::telemetry::{TraceId, Work, asked, traced};

/// A claim is good for this long; a live node extends it long before. A node that was killed loses its jobs after it.
const LEASE: i64 = 15_000;

/// How often leases are extended.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// Without being woken, a node looks this often: for work that another node asked for, and for leases that ended.
const LOOK: Duration = Duration::from_millis(200);

/// While what was found has no permit, it looks at most this often for something behind it.
const SOON: Duration = Duration::from_millis(20);

/// While nothing is due, it looks less and less often, down to this.
const IDLE: Duration = Duration::from_secs(1);

/// Most jobs claimed at once.
const MOST: usize = 64;

/// Companies for which claims are made side by side.
const CLAIMS: usize = 4;

/// Jobs that a test's run looks at together.
const TOGETHER: i64 = 256;

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
                // One server at a time has the file: whoever held these is gone. That it did not give them back stays
                // known.
                tx.sql("update job set run_at = $1 where worker is not null and not dead").bind(now).exec().await?;
            }
            enqueue(&mut tx, 0, Kind::Tally, "", now).await?;
            enqueue(&mut tx, 0, Kind::Texts, "", now).await?;
            enqueue(&mut tx, 0, Kind::Due, "", now).await?;
            enqueue(&mut tx, 0, Kind::Purge, "", now).await
        })
        .await?;
    let (stop, stopped) = watch::channel(false);
    let running_jobs = Running::default();
    let mut loops = JoinSet::new();
    loops.spawn(app.loops.keep(work(app.clone(), worker, running_jobs.clone(), stopped.clone())));
    loops.spawn(app.loops.keep(heartbeat(app.clone(), worker, running_jobs, stopped)));
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
struct Running(Arc<Mutex<BTreeSet<Name>>>);

/// A job's company, kind and key.
type Name = (i64, &'static str, String);

impl Running {
    fn begin(&self, job: &Job) -> RunningJob {
        let name = (job.company, job.kind.name(), job.key.clone());
        self.lock().insert(name.clone());
        RunningJob { running_jobs: self.clone(), name }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys of each company and kind.
    fn groups(&self) -> BTreeMap<(i64, &'static str), Vec<String>> {
        let mut groups = BTreeMap::<_, Vec<String>>::new();
        for (company, kind, key) in self.lock().iter() {
            groups.entry((*company, *kind)).or_default().push(key.clone());
        }
        groups
    }
}

/// A job that runs, until this is dropped.
struct RunningJob {
    running_jobs: Running,
    name: Name,
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        self.running_jobs.lock().remove(&self.name);
    }
}

async fn heartbeat(app: App, worker: Uuid, running_jobs: Running, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(HEARTBEAT) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        let until = app.now() + LEASE;
        for ((company, kind), keys) in running_jobs.groups() {
            let beaten = app.db.write(async |mut tx| extend(&mut tx, worker, company, kind, &keys, until).await).await;
            if let Err(error) = beaten {
                tracing::warn!(%error, "leases could not be extended");
            }
        }
    }
}

async fn extend(
    tx: &mut Conn,
    worker: Uuid,
    company: i64,
    kind: &'static str,
    keys: &[String],
    until: i64,
) -> Result<(), db::Error> {
    tx.sql("update job set run_at = $1 where company = $2 and kind = $3 and worker = $4 and key in (select key from ")
        .bind(until)
        .bind(company)
        .bind(kind)
        .bind(worker)
        .push_rows(&keys_of(keys.iter().cloned()))
        .push(" as input)")
        .exec()
        .await
        .map(drop)
}

async fn work(app: App, worker: Uuid, running_jobs: Running, mut stopped: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    let mut search = Search::new();
    // What was found and has no permit yet.
    let mut waiting: Vec<Due> = Vec::new();
    // Whether there was more than was found.
    let mut is_more = false;
    let (mut look, mut looked, mut took, mut pause) = (true, Instant::now(), Duration::ZERO, LOOK);
    while !*stopped.borrow() {
        while running.try_join_next().is_some() {}
        let has_looked = look;
        if look {
            looked = Instant::now();
            let found = search.look(&app, app.now(), |lane| app.shares.is_open(&app, lane)).await;
            (waiting, is_more) = found.unwrap_or_else(|error| {
                tracing::warn!(%error, "the node could not look for jobs");
                (Vec::new(), false)
            });
            took = looked.elapsed();
            pause = if waiting.is_empty() { (pause * 2).min(IDLE) } else { LOOK };
        }
        let picked = app.shares.pick(&app, &mut waiting, MOST);
        let is_some = !picked.is_empty();
        let (claimed, is_failed) = claim(&app, worker, picked).await;
        for (job, permit) in claimed {
            let (app, running_job) = (app.clone(), running_jobs.begin(&job));
            running.spawn(async move {
                one(&app, job).await;
                drop((running_job, permit));
            });
        }
        if is_some && !is_failed && (is_more || !waiting.is_empty()) {
            look = waiting.is_empty() || looked.elapsed() > LOOK;
            continue;
        }
        look = true;
        // What waits has no permit; behind it there may be jobs that have one. Looking takes a twentieth of the time at most.
        if !is_some && is_more && !has_looked && looked.elapsed() > SOON.max(took * 20) {
            continue;
        }
        tokio::select! {
            () = app.wakes.woken() => pause = LOOK,
            () = app.shares.freed(), if !waiting.is_empty() => look = looked.elapsed() > LOOK,
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stop| *stop) => break,
        }
    }
    while running.join_next().await.is_some() {}
}

/// Claims these jobs, company by company, and says whether a claim failed; what another node has taken meanwhile gives its
/// permit back.
async fn claim(app: &App, worker: Uuid, picked: Vec<(Due, Permit)>) -> (Vec<(Job, Permit)>, bool) {
    let is_failed = AtomicBool::new(false);
    let mut groups: HashMap<(i64, Kind), BTreeMap<String, Permit>> = HashMap::new();
    for (Due { lane, key }, permit) in picked {
        groups.entry((lane.company, lane.kind)).or_default().insert(key, permit);
    }
    let claims = groups.into_iter().map(async |((company, kind), mut permits)| {
        let keys: Vec<String> = permits.keys().cloned().collect();
        let jobs = take(app, worker, company, kind, &keys).await.unwrap_or_else(|error| {
            tracing::warn!(%error, kind = kind.name(), "jobs could not be claimed");
            is_failed.store(true, Ordering::Relaxed);
            Vec::new()
        });
        let placed = jobs.into_iter().filter_map(|job| permits.remove(&job.key).map(|permit| (job, permit)));
        placed.collect::<Vec<_>>()
    });
    let claimed = stream::iter(claims).buffer_unordered(CLAIMS).concat().await;
    (claimed, is_failed.into_inner())
}

/// Claims what is still due of these jobs of a company. One whose workers ended again and again before it did is set
/// aside instead: whatever it does to them, it shall not do once more.
async fn take(app: &App, worker: Uuid, company: i64, kind: Kind, keys: &[String]) -> Result<Vec<Job>, db::Error> {
    let now = app.now();
    let jobs: Vec<Job> = app
        .db
        .write(async |mut tx| {
            tx.sql(
                "update job set worker = $1, run_at = $2, tries = tries + 1,
                        lost = lost + case when worker is null then 0 else 1 end
                 where company = $3 and kind = $4 and not dead and run_at <= $5 and key in (select key from ",
            )
            .bind(worker)
            .bind(now + LEASE)
            .bind(company)
            .bind(kind.name())
            .bind(now)
            .push_rows(&keys_of(keys.iter().cloned()))
            .push(" as input) returning company, kind, key, version, lost, tries, worker")
            .all()
            .await
        })
        .await?;
    let (lost, good): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.lost >= kind.most_lost());
    for job in lost {
        tracing::error!(
            company,
            kind = kind.name(),
            key = job.key,
            "a job ended its worker again and again; set aside"
        );
        app.db.write(async |mut tx| set_aside(&mut tx, &job, app.now()).await).await?;
    }
    Ok(good)
}

async fn set_aside(tx: &mut Conn, job: &Job, now: i64) -> Result<(), db::Error> {
    if job.kind == Kind::Import {
        import::give_up(tx, job, now).await?;
    }
    tx.sql(
        "update job set dead = true, worker = null, error = 'its worker ended before it did, again and again'
         where company = $1 and kind = $2 and key = $3 and worker = $4",
    )
    .bind(job.company)
    .bind(job.kind.name())
    .bind(&job.key)
    .bind(job.worker)
    .exec()
    .await
    .map(drop)
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
        Ok(Next::Later(at)) => (at, 0, None),
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
    let Some(job) = take(app, worker, company, kind, &[key.to_owned()]).await?.pop() else { return Ok(false) };
    let running_jobs = Running::default();
    let running_job = running_jobs.begin(&job);
    let (stop, stopped) = watch::channel(false);
    let beating = tokio::spawn(heartbeat(app.clone(), worker, running_jobs, stopped));
    one(app, job).await;
    drop(running_job);
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
        let due = page(&mut app.db.read().await?, app.now(), TOGETHER).await?;
        let mut groups: BTreeMap<(usize, i64), Vec<String>> = BTreeMap::new();
        for Due { lane, key } in
            due.into_iter().filter(|due| !matches!(due.lane.kind, Kind::Purge | Kind::Tally | Kind::Texts))
        {
            groups.entry((lane.kind as usize, lane.company)).or_default().push(key);
        }
        let mut claimed = Vec::new();
        for ((kind, company), keys) in groups {
            let mut jobs = take(app, worker, company, Kind::ALL[kind], &keys).await?;
            jobs.sort_by_key(|job| keys.iter().position(|key| *key == job.key));
            claimed.extend(jobs);
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
