//! Deleting a customer, which can be taken back: the record stays, out of every list, and its name is free.

use axum::extract::State;
use db::Conn;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Row};
use super::{CodePath, Customer, erased, reply};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Path, Reply};
use crate::job::Kind;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(delete_customer)).routes(routes!(restore_customer))
}

/// Delete a customer.
///
/// It is in no list any more and its name is free; what belongs to it is kept, and it can be restored.
#[utoipa::path(
    delete,
    path = "/v3/customers/{customerCode}",
    operation_id = "deleteCustomer",
    tag = "Customer",
    params(CodePath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    responses((status = 200, description = "It is deleted.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn delete_customer(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CodePath>,
) -> Result<Reply<Option<String>>, Error> {
    let deleted = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &caller, &path.customer_code).await?.living()?;
            conditions.allow_change(Some(old.version))?;
            delete(&mut tx, &caller, old, app.now()).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(deleted)
}

/// Restore a customer that was deleted; 409 when another has taken its name meanwhile.
#[utoipa::path(
    post,
    path = "/v3/customers/{customerCode}/restore",
    operation_id = "restoreCustomer",
    tag = "Customer",
    params(CodePath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    responses((status = 200, description = "The customer.", body = Envelope<Customer>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn restore_customer(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
) -> Result<Reply<Customer>, Error> {
    let restored = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &caller, &path.customer_code).await?;
            if old.deleted_at.is_none() {
                let message = format!("Customer {} is not deleted", old.code);
                return Err(Error::Conflict(Fault::new(Code::Conflict, "customerCode", message)));
            }
            let row = restore(&mut tx, &caller, old, app.now()).await?;
            let answer = reply(&mut tx, row, &Conditions::default()).await?;
            tx.reply(answer).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(restored)
}

/// The customer of this code, deleted or not, kept from others until the unit ends.
async fn held(tx: &mut Conn, caller: &Caller, code: &str) -> Result<Row, Error> {
    let company = caller.company;
    let found = store::by_code(tx, company, code).await?.ok_or(Error::NotFound("customer"))?;
    store::hold(tx, company, found.id).await?;
    let held = store::exactly(tx, company, found.id).await?.ok_or(Error::NotFound("customer"))?;
    store::must_see(tx, caller, held.id).await?;
    match (held.erased_at, held.merged_into) {
        (Some(_), _) => Err(erased::refusal(&held.code)),
        (_, Some(_)) => Err(Error::Changed),
        _ => Ok(held),
    }
}

/// Deletes a living customer that is held.
pub(crate) async fn delete(tx: &mut Conn, caller: &Caller, row: Row, now: i64) -> Result<Row, Error> {
    store::release_name(tx, caller.company, row.id).await?;
    change(tx, caller, row, Some(now), now).await
}

/// Restores a deleted customer; 409 when another has taken its name meanwhile.
pub(crate) async fn restore(tx: &mut Conn, caller: &Caller, row: Row, now: i64) -> Result<Row, Error> {
    store::claim_name(tx, caller, row.id, &row.name).await?;
    change(tx, caller, row, None, now).await
}

/// Deletes or restores, in the record, in its history, and for those who listen.
async fn change(tx: &mut Conn, caller: &Caller, old: Row, deleted_at: Option<i64>, now: i64) -> Result<Row, Error> {
    let row = Row { deleted_at, version: old.version + 1, modified_at: now, modified_by: caller.id.clone(), ..old };
    // What it is found by stays as it is.
    if !tx.replace(store::TABLE, &row).await? {
        return Err(Error::Changed);
    }
    let (action, name) = if deleted_at.is_some() { ("deleted", "Deleted") } else { ("restored", "Restored") };
    let reference = format!("customer/{}", row.id);
    let record = Change { company: caller.company, reference, actor: &caller.id, action, at: now };
    let state = |deleted: bool| json!({"isDeleted": deleted});
    audit::record(tx, &record, &state(deleted_at.is_none()), &state(deleted_at.is_some())).await?;
    let links = store::links_of(tx, &row).await?;
    store::announce(tx, row.clone(), links, name, now).await?;
    Ok(row)
}
