//! Merging two customers that are one: the caller says which survives, what belongs to the other follows, its code leads
//! to the survivor, and for 30 days all of it can be undone. Nothing is ever merged because it looks alike.

mod fill;
mod join;
mod undo;

use std::collections::BTreeMap;

use axum::extract::State;
use db::{Conn, Json as Stored, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::fill::Taken;
use super::linked_tables::{self, Key, LINKED_TABLES};
use super::store::{self, Row};
use super::{CodePath, erased, identity};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Faults, Json, Page, Paging, Path, Query, Reply};
use crate::job::Kind;
use crate::setting::{number, profile};
use crate::time::{self, Zone};

pub(crate) use self::undo::purge;

/// How long a merge can be undone.
const UNDO: i64 = 30 * 24 * 60 * 60 * 1000;

/// Records moved by one statement.
const LOT: usize = 1_000;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(merge_customers))
        .routes(routes!(list_customer_merges))
        .routes(routes!(undo_customer_merge))
}

/// The customer that is merged into the one of the path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerMergeWrite {
    /// Code of the customer that ends: what belongs to it becomes the survivor's.
    #[schema(example = "C000350")]
    merged_customer_code: String,
}

/// A merge of two customers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerMerge {
    /// Its number.
    #[schema(example = 7)]
    merge_id: i64,
    /// Number of the customer that stayed.
    survivor_customer_id: i64,
    /// Its code.
    #[schema(example = "C000349")]
    survivor_customer_code: String,
    /// Number of the customer that was merged into it.
    merged_customer_id: i64,
    /// Its code, which leads to the survivor while the merge lasts.
    #[schema(example = "C000350")]
    merged_customer_code: String,
    /// How many records went over, by kind: `rooms`, `events`, `satisfactions`, `attachments`, `identities`, `owners`, …
    #[schema(value_type = Object, example = json!({"rooms": 2, "identities": 3}))]
    moved: BTreeMap<String, i64>,
    /// Who did it: the id of an API client.
    merged_by_user_id: String,
    /// When.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_merged: String,
    /// Until when it can be undone.
    #[schema(example = "2025-02-28T15:38:43+0700")]
    date_undo_until: String,
    /// When it was undone; null when it was not.
    date_undone: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct MergePath {
    /// The merge's number.
    merge_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct MergeQuery {
    /// Number of a merge: only older ones are given. The `next` of a page is the `before` of the following one.
    before: Option<i64>,
    /// Merges a page: at most 200, default 20.
    take: Option<i64>,
}

/// Merge another customer into this one.
///
/// Rooms, identities, events, satisfaction and attachments become the survivor's; owners, tags, interests, contacts,
/// addresses and custom fields are united; what the survivor does not say is taken over. The other's code leads to the
/// survivor from now on, and its name becomes an alias. It can be undone for 30 days.
#[utoipa::path(
    post,
    path = "/v3/customers/{customerCode}/merge",
    operation_id = "mergeCustomers",
    tag = "Customer",
    params(
        CodePath,
        ("If-Match" = Option<String>, Header, description = "The version of the survivor that was read: 412 when it is another by now"),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client"),
    ),
    request_body = CustomerMergeWrite,
    responses((status = 200, description = "The merge.", body = Envelope<CustomerMerge>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn merge_customers(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CodePath>,
    Json(input): Json<CustomerMergeWrite>,
) -> Result<Reply<CustomerMerge>, Error> {
    let merged = caller
        .write(&app, async |mut tx| {
            let pair = pair(&mut tx, &caller, &path.customer_code, &input.merged_customer_code).await?;
            conditions.allow_change(Some(pair.survivor.version))?;
            let (id, version) = merge(&mut tx, &caller, &pair, app.now()).await?;
            let view = view(&mut tx, caller.company, id).await?;
            tx.reply(Reply::ok(view).version(version, &Conditions::default())).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(merged)
}

/// List the merges of a customer, the latest first.
#[utoipa::path(
    get,
    path = "/v3/customers/{customerCode}/merges",
    operation_id = "listCustomerMerges",
    tag = "Customer",
    params(CodePath, MergeQuery),
    responses((status = 200, description = "One page of merges.", body = Envelope<Page<CustomerMerge>>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn list_customer_merges(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
    Query(query): Query<MergeQuery>,
) -> Result<Reply<Page<CustomerMerge>>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(None, query.take, None, faults.list());
    faults.end()?;
    let mut conn = app.db.read().await?;
    let found = store::by_code(&mut conn, caller.company, &path.customer_code).await?;
    let customer = found.ok_or(Error::NotFound("customer"))?.shown()?;
    store::must_see(&mut conn, &caller, customer.id).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let mut select = conn
        .sql(SELECT)
        .push(" and (customer_merge.survivor = $2 or customer_merge.merged = $2)")
        .bind(caller.company)
        .bind(customer.id);
    if let Some(before) = query.before {
        select = select.push(" and customer_merge.id < ").push_bind(before);
    }
    let rows: Vec<Merge> =
        select.push(" order by customer_merge.id desc limit ").push_bind(paging.take + 1).all().await?;
    let value = rows.into_iter().map(|row| row.view(&zone)).collect();
    Ok(Reply::ok(Page::cut(value, paging.take, |merge: &CustomerMerge| merge.merge_id.to_string())))
}

/// Undo a merge: exactly what it moved goes back, what came to the survivor since then stays there.
///
/// 409 when it is too late, when a later merge or a deletion must be undone first, or when the name of the other
/// customer was taken meanwhile.
#[utoipa::path(
    post,
    path = "/v3/customers/merges/{mergeId}/undo",
    operation_id = "undoCustomerMerge",
    tag = "Customer",
    params(
        MergePath,
        ("If-Match" = Option<String>, Header, description = "The version of the survivor that was read: 412 when it is another by now"),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client"),
    ),
    responses((status = 200, description = "The merge, undone.", body = Envelope<CustomerMerge>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn undo_customer_merge(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<MergePath>,
) -> Result<Reply<CustomerMerge>, Error> {
    let undone = caller
        .write(&app, async |mut tx| {
            let version = undo::undo(&mut tx, &caller, path.merge_id, &conditions, app.now()).await?;
            let view = view(&mut tx, caller.company, path.merge_id).await?;
            tx.reply(Reply::ok(view).version(version, &Conditions::default())).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(undone)
}

/// A merge as it is stored, with the codes of both.
#[derive(Debug, Deserialize)]
struct Merge {
    id: i64,
    survivor: i64,
    survivor_code: String,
    merged: i64,
    merged_code: String,
    actor: String,
    at: i64,
    undone_at: Option<i64>,
    moved: Option<BTreeMap<String, i64>>,
    detail: Option<Taken>,
}

const SELECT: &str = "
    select customer_merge.id, customer_merge.survivor, survivor.code as survivor_code, customer_merge.merged,
           merged.code as merged_code, customer_merge.actor, customer_merge.at, customer_merge.undone_at,
           customer_merge.moved, customer_merge.detail
    from customer_merge
    join customer as survivor on survivor.company = customer_merge.company and survivor.id = customer_merge.survivor
    join customer as merged on merged.company = customer_merge.company and merged.id = customer_merge.merged
    where customer_merge.company = $1";

impl Merge {
    fn view(self, zone: &Zone) -> CustomerMerge {
        CustomerMerge {
            merge_id: self.id,
            survivor_customer_id: self.survivor,
            survivor_customer_code: self.survivor_code,
            merged_customer_id: self.merged,
            merged_customer_code: self.merged_code,
            moved: self.moved.unwrap_or_default(),
            merged_by_user_id: self.actor,
            date_merged: time::text(self.at, zone),
            date_undo_until: time::text(self.at + UNDO, zone),
            date_undone: self.undone_at.map(|at| time::text(at, zone)),
        }
    }
}

async fn find(conn: &mut Conn, company: i64, id: i64) -> Result<Option<Merge>, db::Error> {
    conn.sql(SELECT).push(" and customer_merge.id = $2").bind(company).bind(id).optional().await
}

async fn view(tx: &mut Conn, company: i64, id: i64) -> Result<CustomerMerge, Error> {
    let zone = time::zone(tx, company).await?;
    Ok(find(tx, company, id).await?.ok_or(Error::NotFound("merge"))?.view(&zone))
}

/// Two living customers, held until the unit ends.
struct Pair {
    survivor: Row,
    merged: Row,
}

/// Finds and holds the two; whatever keeps them from being merged is told.
async fn pair(tx: &mut Conn, caller: &Caller, code: &str, merged: &str) -> Result<Pair, Error> {
    const FIELD: &str = "mergedCustomerCode";
    let company = caller.company;
    let survivor = store::by_code(tx, company, code).await?.ok_or(Error::NotFound("customer"))?;
    store::must_see(tx, caller, survivor.id).await?;
    if survivor.erased_at.is_some() {
        return Err(erased::refusal(&survivor.code));
    }
    let survivor = survivor.living()?;
    if merged.trim().is_empty() {
        return Err(Error::invalid(Code::Required, FIELD, "mergedCustomerCode is required"));
    }
    let other = store::by_code(tx, company, merged).await?;
    // One that the caller may not see is not there, whatever became of it.
    let is_seen = match &other {
        Some(other) => store::is_seen(tx, caller, other.id).await?,
        None => false,
    };
    if is_seen && other.is_some_and(|other| other.erased_at.is_some()) {
        return Err(erased::refusal(merged.trim()));
    }
    let other = store::named(tx, caller, FIELD, merged).await?;
    if other.id == survivor.id && store::key(code) == store::key(merged) {
        return Err(Error::invalid(Code::InvalidValue, FIELD, "A customer cannot be merged into itself"));
    }
    // A code that leads to a survivor already: that one is not what the caller means. Where both are one customer, it is
    // the code of the path that leads to it.
    let is_alias = store::key(&other.code) != store::key(merged);
    if is_alias || other.id == survivor.id {
        let alias = if is_alias { merged } else { code };
        let message = format!("Customer {} was already merged into {}", alias.trim(), other.code);
        return Err(Error::Conflict(Fault::new(Code::Conflict, FIELD, message)));
    }
    let (survivor, merged) = hold(tx, company, survivor.id, other.id).await?;
    for row in [&survivor, &merged] {
        if row.deleted_at.is_some() {
            let message = format!("Customer {} was merged, deleted or erased a moment ago", row.code);
            return Err(Error::Conflict(Fault::new(Code::Conflict, FIELD, message)));
        }
    }
    Ok(Pair { survivor, merged })
}

/// Holds two customers in the order of their numbers, so that two merges of the same pair cannot wait for each other, and
/// reads them as they are then.
async fn hold(tx: &mut Conn, company: i64, survivor: i64, merged: i64) -> Result<(Row, Row), Error> {
    for id in [survivor.min(merged), survivor.max(merged)] {
        store::hold(tx, company, id).await?;
    }
    let missing = || Error::NotFound("customer");
    let survivor = store::exactly(tx, company, survivor).await?.ok_or_else(missing)?;
    let merged = store::exactly(tx, company, merged).await?.ok_or_else(missing)?;
    Ok((survivor, merged))
}

/// Merges; answers the merge's number and the survivor's new version.
async fn merge(tx: &mut Conn, caller: &Caller, pair: &Pair, now: i64) -> Result<(i64, i64), Error> {
    let (company, survivor, merged) = (caller.company, &pair.survivor, &pair.merged);
    let setting = profile::of(tx, company).await?;
    let was = store::links_of(tx, survivor).await?;
    let id = number::next(tx, company, "merge").await?;
    let (mut row, taken) = fill::fill(survivor, merged, id);
    row.version += 1;
    row.modified_at = now;
    row.modified_by.clone_from(&caller.id);
    tx.sql(
        "insert into customer_merge (company, id, survivor, merged, actor, at, detail)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(company)
    .bind(id)
    .bind(survivor.id)
    .bind(merged.id)
    .bind(&caller.id)
    .bind(now)
    .bind(Stored(&taken))
    .later()
    .await?;
    let mut moved = move_linked(tx, company, id, (merged.id, survivor.id)).await?;
    join::unite(tx, company, id, (merged.id, survivor.id), now, &mut moved).await?;
    tx.sql("update customer_merge set moved = $3 where company = $1 and id = $2")
        .bind(company)
        .bind(id)
        .bind(Stored(&moved))
        .later()
        .await?;
    store::release_name(tx, company, merged.id).await?;
    end(tx, caller, merged, Some(survivor.id), now).await?;
    store::update(tx, &row, &setting).await?;
    identity::derive(tx, &row, &setting.country, now).await?;
    let links = store::links_of(tx, &row).await?;
    record(tx, caller, (survivor, &was), (&row, &links), ("merged", &merged.code), now).await?;
    let change = Change {
        company,
        reference: format!("customer/{}", merged.id),
        actor: &caller.id,
        action: "merged into another",
        at: now,
    };
    audit::record(tx, &change, &json!({"mergedInto": null}), &json!({"mergedInto": survivor.code})).await?;
    let version = row.version;
    let other = json!({"mergedCustomerId": merged.id, "mergedCustomerCode": merged.code});
    store::announce_with(tx, row, links, "Merged", other, now).await?;
    Ok((id, version))
}

/// Moves every record of the list over and writes each down.
async fn move_linked(
    tx: &mut Conn,
    company: i64,
    merge: i64,
    (from, to): (i64, i64),
) -> Result<BTreeMap<&'static str, i64>, Error> {
    let mut moved = BTreeMap::new();
    for linked in LINKED_TABLES {
        let linked_tables::Merge::Moves(key) = linked.merge else { continue };
        for ids in linked.all(tx, company, from, key).await?.lots(LOT) {
            note(tx, company, merge, linked.table, &ids.texts()).await?;
            let count = linked.give(tx, company, (from, to), &ids).await?;
            *moved.entry(linked.word).or_default() += i64::try_from(count).unwrap_or_default();
        }
    }
    Ok(moved)
}

/// Writes down what a merge moved.
async fn note(tx: &mut Conn, company: i64, merge: i64, kind: &str, refs: &[String]) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[("ref", Type::Text)]);
    for text in refs {
        rows.push([text.as_str().into()]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.sql("insert into customer_merge_item (company, merge, kind, ref) select ")
        .push_bind(company)
        .push(", ")
        .push_bind(merge)
        .push(", ")
        .push_bind(kind)
        .push(", ref from ")
        .push_rows(&rows)
        .push(" as input where true on conflict (company, merge, kind, ref) do nothing")
        .later()
        .await
}

/// The next records of a kind that a merge moved, in the order of their text.
async fn noted(
    tx: &mut Conn,
    company: i64,
    merge: i64,
    kind: &str,
    after: &str,
    key: Key,
) -> Result<(linked_tables::Ids, Option<String>), db::Error> {
    let texts: Vec<String> = tx
        .sql(
            "select ref from customer_merge_item
             where company = $1 and merge = $2 and kind = $3 and ref > $4 order by ref limit $5",
        )
        .bind(company)
        .bind(merge)
        .bind(kind)
        .bind(after)
        .bind(i64::try_from(LOT).unwrap_or(i64::MAX))
        .all()
        .await?;
    Ok((linked_tables::Ids::read(&texts, key), texts.last().cloned()))
}

/// Ends the merged record, or brings it back.
async fn end(tx: &mut Conn, caller: &Caller, row: &Row, into: Option<i64>, now: i64) -> Result<(), db::Error> {
    tx.sql(
        "update customer set deleted_at = $3, merged_into = $4, version = $5, modified_at = $6, modified_by = $7
         where company = $1 and id = $2",
    )
    .bind(row.company)
    .bind(row.id)
    .bind(into.map(|_| now))
    .bind(into)
    .bind(row.version + 1)
    .bind(now)
    .bind(&caller.id)
    .later()
    .await
}

/// The survivor's history: what changed in its record, and because of whom.
async fn record(
    tx: &mut Conn,
    caller: &Caller,
    (from, was): (&Row, &store::Links),
    (to, links): (&Row, &store::Links),
    (action, other): (&'static str, &str),
    now: i64,
) -> Result<(), Error> {
    let change = Change {
        company: caller.company,
        reference: format!("customer/{}", to.id),
        actor: &caller.id,
        action,
        at: now,
    };
    let (mut before, mut after) = (store::entered(from, was), store::entered(to, links));
    if action == "merged" {
        after["mergedCustomer"] = json!(other);
    } else {
        before["mergedCustomer"] = json!(other);
    }
    audit::record(tx, &change, &before, &after).await?;
    Ok(())
}
