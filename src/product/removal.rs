//! Deleting a product, which can be taken back: the record stays, out of every list, and its code stays taken.

use axum::extract::State;
use db::Conn;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Row};
use super::{CodePath, Product, links, part, put};
use crate::app::App;
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Path, Reply};
use crate::job::Kind;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(delete_product)).routes(routes!(restore_product))
}

/// Delete a product, with its variants.
///
/// It is in no list any more; what belongs to it is kept, and it can be restored. A part of a bundle is kept: 409.
#[utoipa::path(
    delete,
    path = "/v3/products/{productCode}",
    operation_id = "deleteProduct",
    tag = "Product",
    params(CodePath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    responses((status = 200, description = "It is deleted.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn delete_product(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CodePath>,
) -> Result<Reply<Option<String>>, Error> {
    let deleted = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, caller.company, &path.product_code).await?.living()?;
            conditions.allow_change(Some(old.version))?;
            delete(&mut tx, &caller, old, app.now()).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(deleted)
}

/// Restore a product that was deleted, with the variants that were deleted with it.
#[utoipa::path(
    post,
    path = "/v3/products/{productCode}/restore",
    operation_id = "restoreProduct",
    tag = "Product",
    params(CodePath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    responses((status = 200, description = "The product.", body = Envelope<Product>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn restore_product(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
) -> Result<Reply<Product>, Error> {
    let restored = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, caller.company, &path.product_code).await?;
            let row = restore(&mut tx, &caller, old, app.now()).await?;
            let (version, view) = (row.version, links::view(&mut tx, row).await?);
            tx.reply(Reply::ok(view).version(version, &Conditions::default())).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(restored)
}

/// Deletes a product that is [`held`], with its variants; 409 for one that is a part of a bundle.
pub(crate) async fn delete(tx: &mut Conn, caller: &Caller, old: Row, now: i64) -> Result<Row, Error> {
    let variants = store::variants(tx, caller.company, &[old.id], false).await?;
    for row in variants.iter().chain([&old]) {
        refuse_part(tx, row).await?;
    }
    for row in variants {
        change(tx, caller, row, Some(now), now).await?;
    }
    change(tx, caller, old, Some(now), now).await
}

/// Restores a product that is [`held`], with the variants that were deleted with it.
pub(crate) async fn restore(tx: &mut Conn, caller: &Caller, old: Row, now: i64) -> Result<Row, Error> {
    let Some(deleted_at) = old.deleted_at else {
        return Err(refusal(format!("Product {} is not deleted", old.code)));
    };
    refuse_orphan(tx, &old).await?;
    let variants = store::variants(tx, caller.company, &[old.id], true).await?;
    for row in variants.into_iter().filter(|row| row.deleted_at == Some(deleted_at)) {
        change(tx, caller, row, None, now).await?;
    }
    change(tx, caller, old, None, now).await
}

fn refusal(message: String) -> Error {
    Error::Conflict(Fault::new(Code::Conflict, "productCode", message))
}

/// The product of this code, deleted or not, kept from others until the unit ends.
pub(crate) async fn held(tx: &mut Conn, company: i64, code: &str) -> Result<Row, Error> {
    store::hold(tx, company, &[code]).await?;
    let row = store::by_code(tx, company, code).await?.ok_or(Error::NotFound("product"))?;
    if row.is_parent {
        store::hold_variants(tx, company, row.id).await?;
    }
    Ok(row)
}

async fn refuse_part(tx: &mut Conn, row: &Row) -> Result<(), Error> {
    match part::is_part(tx, row.company, row.id).await? {
        None => Ok(()),
        Some(bundle) => {
            let message = format!("Product {} is a part of the bundle {bundle}", row.code);
            Err(Error::Conflict(Fault::new(Code::InUse, "productCode", message)))
        }
    }
}

/// A variant comes back only to a product that is there, a bundle only with parts that are there.
async fn refuse_orphan(tx: &mut Conn, row: &Row) -> Result<(), Error> {
    let lacking: Option<String> = tx
        .sql(
            "select code from product where company = $1 and deleted_at is not null
               and (id = $2 or id in (select product from product_part where company = $1 and bundle = $3))
             order by id limit 1",
        )
        .bind(row.company)
        .bind(row.parent)
        .bind(row.id)
        .optional()
        .await?;
    match lacking {
        None => Ok(()),
        Some(code) => Err(refusal(format!("Product {code}, which it needs, is deleted; restore that first"))),
    }
}

/// Deletes or restores, in the record, in its history, and for those who listen.
async fn change(tx: &mut Conn, caller: &Caller, old: Row, deleted_at: Option<i64>, now: i64) -> Result<Row, Error> {
    let what = if deleted_at.is_some() { ("deleted", "Deleted") } else { ("restored", "Restored") };
    let state = |deleted: bool| json!({"isDeleted": deleted});
    let states = (state(deleted_at.is_none()), state(deleted_at.is_some()));
    put::revise(tx, caller, Row { deleted_at, ..old }, what, states, now).await
}
