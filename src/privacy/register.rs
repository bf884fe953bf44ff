//! The register in the database: entering a request, and the ways from one of its states to another.

use db::{Conn, Json as Stored, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PrivacyRefusalWrite, PrivacyRequestWrite};
use crate::app::App;
use crate::audit::{self, Change};
use crate::customer::store::Reach;
use crate::customer::{erased, store};
use crate::http::{Caller, Code, Conditions, Error, Fault};
use crate::job::{self, Kind};
use crate::random;
use crate::setting::number;

/// What can be asked for.
pub(super) const KINDS: [&str; 2] = ["export", "erasure"];

/// What can have become of it.
pub(super) const STATES: [&str; 5] = ["received", "running", "done", "refused", "failed"];

/// The law's time to answer.
const DUE: i64 = 30 * 24 * 60 * 60 * 1000;

/// A request as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) kind: String,
    pub(super) customer: i64,
    pub(super) customer_code: String,
    pub(super) state: String,
    pub(super) requested_by: String,
    pub(super) reason: Option<String>,
    pub(super) refusal: Option<String>,
    pub(super) section: Option<String>,
    pub(super) received_at: i64,
    pub(super) due_at: i64,
    pub(super) done_at: Option<i64>,
    pub(super) actor: String,
    pub(super) result: Option<Value>,
    pub(super) archive: Option<String>,
    pub(super) archive_size: Option<i64>,
    pub(super) expires_at: Option<i64>,
    pub(super) version: i64,
}

const SELECT: &str = "
    select id, kind, customer, customer_code, state, requested_by, reason, refusal, section, received_at, due_at, done_at,
           actor, result, archive, archive_size, expires_at, version
    from privacy_request where company = $1";

impl Row {
    /// The archive, when it is complete and its time is not over.
    pub(super) fn archive_at(&self, now: i64) -> Option<&str> {
        let is_there = self.state == "done" && self.expires_at.is_some_and(|expires_at| now < expires_at);
        self.archive.as_deref().filter(|_| is_there)
    }
}

/// Which requests to list.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) state: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) overdue: Option<bool>,
    pub(super) before: Option<i64>,
}

/// The request of this number; 404 when there is none.
pub(super) async fn get(conn: &mut Conn, company: i64, id: i64) -> Result<Row, Error> {
    let found = conn.sql(SELECT).push(" and id = $2").bind(company).bind(id).optional().await?;
    found.ok_or(Error::NotFound("privacy request"))
}

/// The same, when it is about a customer that the caller may see; 404 otherwise.
pub(super) async fn seen(conn: &mut Conn, caller: &Caller, id: i64) -> Result<Row, Error> {
    let query = conn.sql(SELECT).push(" and id = $2").bind(caller.company).bind(id);
    within(query, caller).optional().await?.ok_or(Error::NotFound("privacy request"))
}

/// Narrows a statement to requests about customers that the caller may see; those of a merged one are the survivor's.
fn within<'c>(query: Query<'c>, caller: &Caller) -> Query<'c> {
    let Some(reach) = Reach::of(caller) else { return query };
    let query = query.push(
        " and exists (select 1 from customer as entered
            join customer on customer.company = entered.company and customer.id = coalesce(entered.merged_into, entered.id)
            where entered.company = $1 and entered.id = privacy_request.customer",
    );
    reach.push(query).push(")")
}

/// The latest requests that the filter lets through.
pub(super) async fn list(
    conn: &mut Conn,
    caller: &Caller,
    filter: &Filter,
    take: i64,
    now: i64,
) -> Result<Vec<Row>, Error> {
    let company = caller.company;
    let customer = match filter.customer.as_deref().map(str::trim).filter(|code| !code.is_empty()) {
        // A code that nobody has finds nothing.
        Some(code) => Some(store::by_code(conn, company, code).await?.map_or(0, |row| row.id)),
        None => None,
    };
    let mut query = within(conn.sql(SELECT).bind(company), caller);
    if let Some(state) = filter.state.as_deref() {
        query = query.push(" and state = ").push_bind(state);
    }
    if let Some(kind) = filter.kind.as_deref() {
        query = query.push(" and kind = ").push_bind(kind);
    }
    if let Some(customer) = customer {
        // What was entered for a record that was merged since is about the survivor, too.
        query = query
            .push(" and customer in (select id from customer where company = $1 and id = ")
            .push_bind(customer)
            .push(" union all select id from customer where company = $1 and merged_into = ")
            .push_bind(customer)
            .push(")");
    }
    if filter.overdue == Some(true) {
        query = query.push(" and state in ('received', 'running', 'failed') and due_at < ").push_bind(now);
    }
    if let Some(before) = filter.before {
        query = query.push(" and id < ").push_bind(before);
    }
    Ok(query.push(" order by id desc limit ").push_bind(take).all().await?)
}

fn conflict(field: &str, message: String) -> Error {
    Error::Conflict(Fault::new(Code::Conflict, field, message))
}

/// Enters a request; a second one of the same kind is refused while the first is open.
pub(super) async fn create(
    tx: &mut Conn,
    caller: &Caller,
    input: &PrivacyRequestWrite,
    received_at: i64,
    now: i64,
) -> Result<Row, Error> {
    let company = caller.company;
    let found = store::by_code(tx, company, &input.customer_code).await?;
    let unknown = || {
        let message = format!("customerCode “{}” is not a known customer", input.customer_code);
        Error::invalid(Code::NotFound, "customerCode", message)
    };
    let customer = found.ok_or_else(unknown)?;
    if !store::is_seen(tx, caller, customer.id).await? {
        return Err(unknown());
    }
    store::hold(tx, company, customer.id).await?;
    let customer = store::exactly(tx, company, customer.id).await?.ok_or_else(unknown)?;
    if customer.erased_at.is_some() {
        return Err(erased::refusal(&customer.code));
    }
    let open: Option<i64> = tx
        .sql(
            "select id from privacy_request
             where company = $1 and customer = $2 and kind = $3 and state in ('received', 'running') order by id limit 1",
        )
        .bind(company)
        .bind(customer.id)
        .bind(&input.kind)
        .optional()
        .await?;
    if let Some(open) = open {
        return Err(conflict("customerCode", format!("Request {open} of the same kind is open")));
    }
    let id = number::next(tx, company, "privacy-request").await?;
    let reason = input.reason.as_deref().map(str::trim).filter(|text| !text.is_empty());
    tx.sql(
        "insert into privacy_request (company, id, kind, customer, customer_code, state, requested_by, reason, received_at,
                                      due_at, actor)
         values ($1, $2, $3, $4, $5, 'received', $6, $7, $8, $9, $10)",
    )
    .bind(company)
    .bind(id)
    .bind(&input.kind)
    .bind(customer.id)
    .bind(&customer.code)
    .bind(input.requested_by.trim())
    .bind(reason)
    .bind(received_at)
    .bind(received_at + DUE)
    .bind(&caller.id)
    .later()
    .await?;
    note(tx, company, id, &caller.id, ("received", None, "received"), now).await?;
    get(tx, company, id).await
}

/// Hands a request to its job.
pub(super) async fn start(
    tx: &mut Conn,
    caller: &Caller,
    id: i64,
    conditions: &Conditions,
    now: i64,
) -> Result<Row, Error> {
    let row = held(tx, caller, id, conditions).await?;
    if !matches!(row.state.as_str(), "received" | "failed") {
        return Err(conflict("requestId", format!("Request {id} is {}", row.state)));
    }
    let customer = store::by_id(tx, caller.company, row.customer).await?.ok_or(Error::NotFound("customer"))?;
    let is_export = row.kind == "export";
    if is_export && customer.erased_at.is_some() {
        return Err(erased::refusal(&customer.code));
    }
    // The archive has its name before it has its bytes, so that none is ever left behind unknown.
    let archive = match (is_export, &row.archive) {
        (true, None) => Some(format!("{}-{}", caller.company, random::text(16)?)),
        (_, known) => known.clone(),
    };
    tx.sql(
        "update privacy_request set state = 'running', archive = $3, refusal = null, version = version + 1
         where company = $1 and id = $2",
    )
    .bind(caller.company)
    .bind(id)
    .bind(archive)
    .later()
    .await?;
    let kind = if is_export { Kind::Export } else { Kind::Erase };
    job::enqueue(tx, caller.company, kind, &id.to_string(), now).await?;
    note(tx, caller.company, id, &caller.id, ("started", Some(&row.state), "running"), now).await?;
    get(tx, caller.company, id).await
}

/// After the commit of [`start`]: lets its job begin without delay.
pub(super) fn wake(app: &App) {
    app.wakes.wake(Kind::Export);
    app.wakes.wake(Kind::Erase);
}

/// Refuses a request that has not begun.
pub(super) async fn refuse(
    tx: &mut Conn,
    caller: &Caller,
    id: i64,
    input: &PrivacyRefusalWrite,
    conditions: &Conditions,
    now: i64,
) -> Result<Row, Error> {
    let row = held(tx, caller, id, conditions).await?;
    // An erasure that failed half-way cannot be refused any more.
    if row.state != "received" {
        return Err(conflict("requestId", format!("Request {id} is {}", row.state)));
    }
    tx.sql(
        "update privacy_request set state = 'refused', refusal = $3, section = $4, done_at = $5, version = version + 1
         where company = $1 and id = $2",
    )
    .bind(caller.company)
    .bind(id)
    .bind(input.reason.trim())
    .bind(input.section.as_deref().map(str::trim).filter(|text| !text.is_empty()))
    .bind(now)
    .later()
    .await?;
    note(tx, caller.company, id, &caller.id, ("refused", Some(&row.state), "refused"), now).await?;
    get(tx, caller.company, id).await
}

async fn held(tx: &mut Conn, caller: &Caller, id: i64, conditions: &Conditions) -> Result<Row, Error> {
    tx.sql("update privacy_request set version = version where company = $1 and id = $2")
        .bind(caller.company)
        .bind(id)
        .exec()
        .await?;
    let row = seen(tx, caller, id).await?;
    conditions.allow_change(Some(row.version))?;
    Ok(row)
}

/// What a job says when it has done its work.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) result: Value,
    pub(super) archive_size: Option<i64>,
    pub(super) expires_at: Option<i64>,
}

/// A request's job has ended well; false when the request does not run any more.
pub(super) async fn done(tx: &mut Conn, company: i64, id: i64, done: &Done, now: i64) -> Result<bool, Error> {
    let changed = tx
        .sql(
            "update privacy_request
             set state = 'done', done_at = $3, result = $4, archive_size = $5, expires_at = $6, version = version + 1
             where company = $1 and id = $2 and state = 'running'",
        )
        .bind(company)
        .bind(id)
        .bind(now)
        .bind(Stored(&done.result))
        .bind(done.archive_size)
        .bind(done.expires_at)
        .exec()
        .await?;
    if changed == 1 {
        note(tx, company, id, "system", ("done", Some("running"), "done"), now).await?;
    }
    Ok(changed == 1)
}

/// A request's job is given up; people can start it again.
pub(super) async fn fail(tx: &mut Conn, company: i64, id: i64, why: &'static str, now: i64) -> Result<(), Error> {
    tx.sql(
        "update privacy_request set state = 'failed', refusal = $3, version = version + 1
         where company = $1 and id = $2 and state = 'running'",
    )
    .bind(company)
    .bind(id)
    .bind(why)
    .later()
    .await?;
    note(tx, company, id, "system", ("failed", Some("running"), "failed"), now).await
}

async fn note(
    tx: &mut Conn,
    company: i64,
    id: i64,
    actor: &str,
    (action, from, to): (&'static str, Option<&str>, &str),
    now: i64,
) -> Result<(), Error> {
    let change = Change { company, reference: format!("privacy/{id}"), actor, action, at: now };
    audit::record(tx, &change, &json!({"state": from}), &json!({"state": to})).await?;
    Ok(())
}

/// The records that a request is about: the customer, and those that were merged into it.
pub(super) async fn about(conn: &mut Conn, company: i64, customer: i64) -> Result<Vec<i64>, Error> {
    let survivor = store::by_id(conn, company, customer).await?.ok_or(Error::NotFound("customer"))?;
    let mut ids = vec![survivor.id];
    let merged: Vec<i64> = conn
        .sql("select id from customer where company = $1 and merged_into = $2 order by id")
        .bind(company)
        .bind(survivor.id)
        .all()
        .await?;
    ids.extend(merged);
    Ok(ids)
}
