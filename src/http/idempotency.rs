//! `Idempotency-Key`: a POST that is repeated acts once, on one node or on many.
//!
//! The key is claimed with a lease in a transaction of its own, so that a twin that comes meanwhile is told so (409).
//! The handler's unit of work then stores its answer beside its change, in one transaction that commits only while the
//! claim is still held: a crash leaves either both or neither, and a claim whose holder died can be taken over safely.
//! A node extends the leases of the requests that it works on, so a short lease is enough even for a long upload.
//!
//! An answer may hold what is shown once, a link that lets somebody in or a secret: it is kept encrypted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use db::{Conn, Kind, Rows, Type};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::caller::Caller;
use super::error::{Code, Error};
use super::input;
use super::openapi::Rule;
use super::reply::{Reply, json};
use crate::app::App;
use crate::record::Actor;
use crate::vault::{Vault, VaultError};

/// How long an answer is kept and replayed, in milliseconds.
pub(crate) const KEPT: i64 = 24 * 60 * 60 * 1000;

/// After this time without word from the node that works on a request, another with its key may take its place.
const LEASE: i64 = 10 * 1000;

/// How often a node gives word, see [`extend`].
pub const WORD: Duration = Duration::from_secs(3);

/// A lease that ends later than this was written by a clock that was wrong.
const FAR: i64 = 60 * 1000;

/// The longest key, in bytes.
const LONGEST: usize = 255;

/// A key that this request holds.
#[derive(Debug, Clone)]
pub struct Claim {
    key: String,
    holder: Uuid,
    /// Whether a unit of work has stored its answer; it may still have failed to commit.
    answered: Arc<AtomicBool>,
}

/// The request's key, if it has one and is a POST.
pub fn key(method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
    (method == Method::POST).then(|| headers.get("idempotency-key").cloned()).flatten()
}

/// Runs the request under its key, or replays the answer of the first one.
pub async fn once(
    app: &App,
    mut caller: Caller,
    key: HeaderValue,
    operation: &Rule,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let key = key.to_str().unwrap_or_default().to_owned();
    if key.is_empty() || key.len() > LONGEST {
        let message = format!("Idempotency-Key must be 1 to {LONGEST} visible ASCII characters");
        return Err(Error::invalid(Code::InvalidValue, "Idempotency-Key", message));
    }
    let (mut parts, body) = request.into_parts();
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let streamed = operation.upload && !input::is_json(text(CONTENT_TYPE));
    let mut fingerprint = Sha256::new();
    fingerprint.update(parts.uri.path_and_query().map_or("", |path| path.as_str()));
    fingerprint.update([0]);
    let body = if streamed {
        // Files are too large to be read before it is known whether they are wanted: they are told by their length.
        fingerprint.update(text(CONTENT_LENGTH));
        body
    } else {
        let bytes = input::body(Request::new(body), operation.body_limit(&app.config)).await?;
        fingerprint.update(&bytes);
        Body::from(bytes)
    };
    let fingerprint = fingerprint.finalize().to_vec();
    let claim = Claim { key, holder: Uuid::new_v4(), answered: Arc::default() };
    let dead = match app.db.kind() {
        // One server at a time has the file: what was claimed before this one began is nobody's any more.
        Kind::Sqlite => app.now().max(app.running.since + LEASE - 1),
        Kind::Postgres => app.now(),
    };
    // Known to the node before the claim is: a claim is extended from its first moment on.
    let _in_progress = app.running.begin(&caller, &claim, app.steady());
    match app.db.write(async |mut tx| take(&mut tx, &caller, &claim, &fingerprint, app.now(), dead).await).await? {
        Taken::Mine => {}
        Taken::Running { until } => return Err(Error::StillRunning { retry_after: wait(until - app.now()) }),
        Taken::Another => return Err(Error::KeyReused),
        Taken::Done { status, answer } => {
            let answer = answer.open(&app.vault, &purpose(caller.company, &caller.id, &claim.key))?;
            let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
            let mut response = json(status.unwrap_or_default(), answer);
            response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
            return Ok(response);
        }
    }
    caller.claim = Some(claim.clone());
    let company = caller.company;
    let client = caller.id.clone();
    parts.extensions.insert(caller);
    let response = next.run(Request::from_parts(parts, body)).await;
    if !response.status().is_success() || !claim.answered.load(Ordering::Acquire) {
        // A refusal is not stored: the corrected call may use the key again. Nor is the answer of a POST that only
        // reads: a repetition reads again.
        let released = app.db.write(async |mut tx| release(&mut tx, company, &client, &claim).await).await;
        if let Err(error) = released {
            // The answer is the caller's all the same; the claim's lease ends by itself.
            tracing::warn!(%error, "an idempotency key could not be released");
        }
    }
    Ok(response)
}

impl Caller {
    /// One unit of work of this request: all or nothing, and once for its idempotency key. The unit ends with
    /// [`Unit::reply`]; it may run again before it commits, so it has no effect outside the database.
    pub async fn write<T, F>(&self, app: &App, unit: impl Fn(Unit) -> F) -> Result<Reply<T>, Error>
    where
        F: Future<Output = Result<Answered<T>, Error>> + Send,
    {
        let now = app.now();
        // A unit of work is large: in a box it is not moved with all that goes around it.
        let unit = |tx| Box::pin(unit(Unit { tx, app: app.clone(), caller: self.clone(), now }));
        let answered = app.db.write(unit).await?;
        Ok(answered.0)
    }

    /// Whether this request carries an idempotency key.
    pub fn is_keyed(&self) -> bool {
        self.claim.is_some()
    }
}

/// A transaction that knows for whom it runs.
pub struct Unit {
    tx: Conn,
    app: App,
    caller: Caller,
    now: i64,
}

/// Proof that an answer was stored beside the change that it reports.
#[derive(Debug)]
pub struct Answered<T>(Reply<T>);

impl Unit {
    /// Who changes records in it, and when.
    pub fn actor(&self) -> Actor {
        Actor { caller: self.caller.clone(), now: self.now }
    }

    /// Ends the unit: with an idempotency key the answer is stored in the same transaction.
    pub async fn reply<T: Serialize>(mut self, reply: Reply<T>) -> Result<Answered<T>, Error> {
        if let Some(claim) = self.caller.claim.clone() {
            let purpose = purpose(self.caller.company, &self.caller.id, &claim.key);
            let sealed = self.app.vault.seal(&purpose, &reply.body()?).map_err(unsealed)?;
            store(&mut self.tx, &self.caller, &claim, reply.status.as_u16(), sealed, self.now).await?;
            claim.answered.store(true, Ordering::Release);
        }
        Ok(Answered(reply))
    }
}

impl std::ops::Deref for Unit {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.tx
    }
}

impl std::ops::DerefMut for Unit {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.tx
    }
}

enum Taken {
    Mine,
    Running { until: i64 },
    Another,
    Done { status: i64, answer: Kept },
}

/// An answer as it is stored.
struct Kept {
    bytes: Vec<u8>,
    /// Those of a time before answers were encrypted are not.
    sealed: bool,
}

impl Kept {
    fn open(self, vault: &Vault, purpose: &str) -> Result<Vec<u8>, Error> {
        if self.sealed { vault.open(purpose, &self.bytes).map_err(unsealed) } else { Ok(self.bytes) }
    }
}

/// What an answer is encrypted for: nobody else is given it.
fn purpose(company: i64, client: &str, key: &str) -> String {
    format!("{company}/answer/{client}/{key}")
}

fn unsealed(error: VaultError) -> Error {
    Error::Internal(error.to_string())
}

#[derive(Deserialize)]
struct Known {
    request: Vec<u8>,
    held_until: i64,
    status: Option<i64>,
    answer: Option<Vec<u8>>,
    sealed: bool,
}

async fn take(
    tx: &mut Conn,
    caller: &Caller,
    claim: &Claim,
    request: &[u8],
    now: i64,
    dead: i64,
) -> Result<Taken, Error> {
    let taken = tx
        .sql(
            "insert into idempotency (company, client, key, request, holder, held_until, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (company, client, key) do update
             set request = excluded.request, holder = excluded.holder, held_until = excluded.held_until,
                 status = null, answer = null, expires_at = excluded.expires_at
             where idempotency.expires_at <= $8
                or (idempotency.status is null and (idempotency.held_until <= $9 or idempotency.held_until > $10)
                    and idempotency.request = excluded.request)",
        )
        .bind(caller.company)
        .bind(&caller.id)
        .bind(&claim.key)
        .bind(request)
        .bind(claim.holder)
        .bind(now + LEASE)
        .bind(now + KEPT)
        .bind(now)
        .bind(dead)
        .bind(now + FAR)
        .exec()
        .await?;
    if taken == 1 {
        return Ok(Taken::Mine);
    }
    let known: Known = tx
        .sql("select request, held_until, status, answer, sealed from idempotency where company = $1 and client = $2 and key = $3")
        .bind(caller.company)
        .bind(&caller.id)
        .bind(&claim.key)
        .one()
        .await?;
    Ok(match known {
        Known { request: first, .. } if first != request => Taken::Another,
        Known { status: Some(status), answer: Some(bytes), sealed, .. } => {
            Taken::Done { status, answer: Kept { bytes, sealed } }
        }
        Known { held_until, .. } => Taken::Running { until: held_until },
    })
}

/// Whole seconds until a request with the same key is worth trying: soon while the first has only begun, otherwise when
/// its node must have given word again.
fn wait(left: i64) -> u64 {
    let young = left > LEASE - 1000;
    if young { 1 } else { u64::try_from(left).unwrap_or_default().div_ceil(1000).max(1) }
}

/// The requests with a key that a node works on.
#[derive(Debug)]
pub struct Running {
    /// When the node began, in Unix milliseconds.
    since: i64,
    claims: Mutex<HashMap<Uuid, Started>>,
}

#[derive(Debug)]
struct Started {
    company: i64,
    client: String,
    key: String,
    at: i64,
}

/// A request that is worked on, until this is dropped.
struct InProgress<'r> {
    running: &'r Running,
    holder: Uuid,
}

impl Running {
    /// None yet, on a node that begins at this time (Unix milliseconds).
    pub fn since(now: i64) -> Running {
        Running { since: now, claims: Mutex::default() }
    }

    fn begin(&self, caller: &Caller, claim: &Claim, at: i64) -> InProgress<'_> {
        let held = Started { company: caller.company, client: caller.id.clone(), key: claim.key.clone(), at };
        self.lock().insert(claim.holder, held);
        InProgress { running: self, holder: claim.holder }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Started>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that have run for a while: most end sooner than anybody could ask about them.
    fn long(&self, now: i64) -> Rows {
        let mut rows = Rows::new(&[
            ("company", Type::BigInt),
            ("client", Type::Text),
            ("key", Type::Text),
            ("holder", Type::Uuid),
        ]);
        let least = i64::try_from(WORD.as_millis()).unwrap_or_default() / 2;
        for (holder, held) in self.lock().iter().filter(|(_, held)| now - held.at >= least) {
            rows.push([held.company.into(), held.client.as_str().into(), held.key.as_str().into(), (*holder).into()]);
        }
        rows
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.running.lock().remove(&self.holder);
    }
}

/// Says for every request that this node works on for a while that it still does.
pub async fn extend(app: &App) -> Result<(), db::Error> {
    let rows = app.running.long(app.steady());
    if rows.is_empty() {
        return Ok(());
    }
    let until = app.now() + LEASE;
    app.db
        .write(async |mut tx| {
            tx.sql("update idempotency set held_until = $1 from ")
                .bind(until)
                .push_rows(&rows)
                .push(
                    " as input
                     where idempotency.company = input.company and idempotency.client = input.client
                       and idempotency.key = input.key and idempotency.holder = input.holder
                       and idempotency.status is null",
                )
                .exec()
                .await
        })
        .await
        .map(drop)
}

/// Stores the answer in the unit's own transaction; a claim that was lost to another request undoes the unit.
async fn store(
    tx: &mut Conn,
    caller: &Caller,
    claim: &Claim,
    status: u16,
    answer: Vec<u8>,
    now: i64,
) -> Result<(), Error> {
    let stored = tx
        .sql(
            "update idempotency set status = $1, answer = $2, sealed = true, expires_at = $3
             where company = $4 and client = $5 and key = $6 and holder = $7 and status is null",
        )
        .bind(i64::from(status))
        .bind(answer)
        .bind(now + KEPT)
        .bind(caller.company)
        .bind(&caller.id)
        .bind(&claim.key)
        .bind(claim.holder)
        .exec()
        .await?;
    match stored {
        1 => Ok(()),
        _ => Err(Error::Busy("The request took too long and its idempotency key was taken over")),
    }
}

async fn release(tx: &mut Conn, company: i64, client: &str, claim: &Claim) -> Result<(), Error> {
    tx.sql(
        "delete from idempotency where company = $1 and client = $2 and key = $3 and holder = $4 and status is null",
    )
    .bind(company)
    .bind(client)
    .bind(&claim.key)
    .bind(claim.holder)
    .exec()
    .await?;
    Ok(())
}

/// Encrypts kept answers with the vault's first key, a lot at a time; answers how many were not.
pub(crate) async fn reseal(tx: &mut Conn, vault: &Vault) -> Result<usize, Error> {
    #[derive(Deserialize)]
    struct Row {
        company: i64,
        client: String,
        key: String,
        answer: Vec<u8>,
        sealed: bool,
    }
    let (mut after, mut count) = ((i64::MIN, String::new(), String::new()), 0);
    loop {
        let rows: Vec<Row> = tx
            .sql(
                "select company, client, key, answer, sealed from idempotency
                 where (company, client, key) > ($1, $2, $3) and answer is not null
                 order by company, client, key limit 500",
            )
            .bind(after.0)
            .bind(&after.1)
            .bind(&after.2)
            .all()
            .await?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = (last.company, last.client.clone(), last.key.clone());
        for row in rows.into_iter().filter(|row| !row.sealed || !vault.is_current(&row.answer)) {
            let purpose = purpose(row.company, &row.client, &row.key);
            let plain = Kept { bytes: row.answer, sealed: row.sealed }.open(vault, &purpose)?;
            tx.sql("update idempotency set answer = $1, sealed = true where company = $2 and client = $3 and key = $4")
                .bind(vault.seal(&purpose, &plain).map_err(unsealed)?)
                .bind(row.company)
                .bind(&row.client)
                .bind(&row.key)
                .exec()
                .await?;
            count += 1;
        }
    }
}

/// Forgets keys whose time is over; at most `most` at once.
pub async fn purge(tx: &mut Conn, now: i64, most: i64) -> Result<u64, db::Error> {
    tx.sql(
        "delete from idempotency where (company, client, key) in
           (select company, client, key from idempotency where expires_at <= $1 order by expires_at limit $2)",
    )
    .bind(now)
    .bind(most)
    .exec()
    .await
}

/// The same for one company, so that whoever must know that an answer is gone need not wait for the others' turn.
pub(crate) async fn forget(tx: &mut Conn, company: i64, now: i64, most: i64) -> Result<u64, db::Error> {
    tx.sql(
        "delete from idempotency where company = $1 and (client, key) in
           (select client, key from idempotency where company = $1 and expires_at <= $2 order by expires_at limit $3)",
    )
    .bind(company)
    .bind(now)
    .bind(most)
    .exec()
    .await
}
