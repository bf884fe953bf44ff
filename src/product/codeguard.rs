//! Codeguard products: products whose pieces carry a number each, written together with those numbers. Of the original
//! only the operation's name is known; this is built in the style of its neighbours.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::ProductWrite;
use super::plan::Demand;
use super::put::Batch;
use super::serial::{self, Registered, Serials};
use super::stock::ProductItemError;
use super::{store, ticket};
use crate::app::App;
use crate::http::{Bulk, Caller, Code, Envelope, Error, Fault, Reply, lenient};
use crate::job::Kind;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_or_update_codeguard_products))
}

/// Products with the numbers of their pieces.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the document's picture of the body, which is taken apart product by product")]
struct CodeguardRequest {
    /// The products: at most 200.
    products: Vec<CodeguardProduct>,
}

/// A product, as it is created or updated elsewhere, with the numbers of its pieces.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "the document's picture of a product")]
struct CodeguardProduct {
    #[serde(flatten)]
    product: ProductWrite,
    #[serde(flatten)]
    serials: Serials,
}

/// What became of a product.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CodeguardResult {
    /// The product's code.
    #[schema(example = "Li00001")]
    product_code: String,
    /// Whether the product was carried out.
    #[schema(example = true)]
    is_success: bool,
    /// `created`, `updated`, `unchanged`; null of one that failed.
    #[schema(example = "created")]
    product: Option<&'static str>,
    /// What became of the numbers; null of a product that failed.
    serials: Option<Registered>,
    /// Why not; absent of one that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ProductItemError>,
}

/// The most products of one request: they are written in one unit of work.
const MOST: usize = 200;

/// The most numbers of one request.
const MOST_SERIALS: usize = 20_000;

/// Create or update products together with the serial numbers of their pieces.
///
/// Each product is written as by `POST /v3/products`, but at once; one that is new needs no more than code and name. One
/// that is at fault spoils no other. Numbers that are known already stay as they are.
#[utoipa::path(
    post,
    path = "/v3/products/codeguard",
    operation_id = "createOrUpdateCodeguardProducts",
    tag = "Product",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = CodeguardRequest,
    responses((status = 200, description = "What became of each product.", body = Envelope<Vec<CodeguardResult>>)),
    extensions(("x-bulk" = json!(true))),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn create_or_update_codeguard_products(
    State(app): State<App>,
    caller: Caller,
    Bulk(body): Bulk,
) -> Result<Reply<Vec<CodeguardResult>>, Error> {
    let products = read(&body)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let mut batch = Batch::open(&mut tx, &caller, app.now()).await?;
            let mut results = Vec::with_capacity(products.len());
            for product in &products {
                results.push(write(&mut tx, &mut batch, &caller, product, app.now()).await?);
            }
            tx.reply(Reply::ok(results)).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

/// A product of the request, read as far as that is possible.
struct Read {
    product: ProductWrite,
    serials: Serials,
    faults: Vec<Fault>,
}

fn read(body: &[u8]) -> Result<Vec<Read>, Error> {
    let items = ticket::split(body)?;
    if items.len() > MOST {
        return Err(Error::invalid(Code::TooLong, "products", format!("products may have {MOST} entries")));
    }
    let mut products = Vec::with_capacity(items.len());
    let mut count = 0;
    for item in items {
        let value: Value = serde_json::from_str(item)
            .map_err(|error| Error::invalid(Code::InvalidBody, "", format!("The body is not valid JSON: {error}")))?;
        let mut found = Vec::new();
        let product = decode(&value, &mut found);
        let serials: Serials = decode(&value, &mut found);
        count += serials.len();
        products.push(Read { product, serials, faults: found });
    }
    if count > MOST_SERIALS {
        let message = format!("One request may have {MOST_SERIALS} serial numbers");
        return Err(Error::invalid(Code::TooLong, "products", message));
    }
    Ok(products)
}

fn decode<T: serde::de::DeserializeOwned + Default>(value: &Value, found: &mut Vec<Fault>) -> T {
    match lenient::decode_value_all(value) {
        Ok((decoded, faults)) => {
            found.extend(faults);
            decoded
        }
        Err(faults) => {
            found.extend(faults);
            T::default()
        }
    }
}

/// Writes one product and its numbers. Faults are found before anything is written, so they are its own; any other error
/// is the unit's.
async fn write(
    tx: &mut Conn,
    batch: &mut Batch<'_>,
    caller: &Caller,
    read: &Read,
    now: i64,
) -> Result<CodeguardResult, Error> {
    let code = read.product.code().filter(|code| !code.contains('\0')).unwrap_or_default();
    let failed = |errors: Vec<Fault>| CodeguardResult {
        product_code: code.to_owned(),
        error: Some(ProductItemError::from(errors)),
        ..CodeguardResult::default()
    };
    let is_read = read.faults.is_empty();
    let mut faults = read.product.check(read.faults.clone());
    let entries = read.serials.entries(&mut faults);
    if !entries.is_empty() && !read.product.variants().is_empty() {
        faults.add(Code::Conflict, "productVariant", "The product has variants: send an entry for each variant");
    }
    if !is_read || !faults.list().is_empty() {
        return Ok(failed(std::mem::take(faults.list())));
    }
    let known = store::by_code(tx, caller.company, code).await?.filter(|row| row.deleted_at.is_none());
    let planned = async {
        let product = batch.plan(tx, &read.product, faults, Demand::Usual).await?;
        let serials = serial::Plan::new(tx, caller.company, known.as_ref(), &entries).await?;
        Ok((product, serials))
    };
    let (product, serials) = match planned.await {
        Ok(planned) => planned,
        Err(error @ (Error::Invalid(_) | Error::Conflict(_) | Error::Conflicts(_))) => {
            return Ok(failed(error.faults()));
        }
        Err(error) => return Err(error),
    };
    let written = batch.carry_out(tx, product).await?;
    let serials = serials.carry_out(tx, caller, &written.row, now).await?;
    Ok(CodeguardResult {
        product_code: written.row.code,
        is_success: true,
        product: Some(written.outcome.word()),
        serials: Some(serials),
        error: None,
    })
}
