//! Bundles: products that consist of others, which are sold and taken from stock in their place.

use axum::extract::State;
use db::{Amount, Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, BUNDLE, PRODUCT, Row};
use super::{CodePath, Product, links};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply};
use crate::job::Kind;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(set_product_parts))
}

/// A part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// The part's code.
    #[schema(example = "LI00002")]
    pub product_code: String,
    /// How many of it are in one bundle.
    #[schema(value_type = f64, example = 2)]
    pub quantity: Amount,
}

/// What a bundle consists of.
#[derive(Debug, Deserialize, ToSchema)]
struct ProductParts {
    /// All of its parts; an empty list makes it an item of its own again.
    parts: Vec<Part>,
}

/// The most parts of a bundle.
const MOST: usize = 200;

/// Say what a bundle consists of.
///
/// The product becomes a bundle: selling it sells its parts, each of which is an item that is no bundle itself. Without
/// parts it is an item again.
#[utoipa::path(
    put,
    path = "/v1/products/{productCode}/parts",
    operation_id = "setProductParts",
    tag = "Product",
    params(CodePath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = ProductParts,
    responses((status = 200, description = "The product.", body = Envelope<Product>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn set_product_parts(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CodePath>,
    Checked { value: input, faults }: Checked<ProductParts>,
) -> Result<Reply<Product>, Error> {
    check(&input.parts, faults)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let product = set(&mut tx, &caller, &path.product_code, &input.parts, &conditions, app.now()).await?;
            let (version, view) = (product.version, links::view(&mut tx, product).await?);
            tx.reply(Reply::ok(view).version(version, &Conditions::default())).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

fn check(parts: &[Part], found: Vec<Fault>) -> Result<(), Error> {
    let mut faults = Faults::new(found);
    if parts.len() > MOST {
        faults.add(Code::TooLong, "parts", format!("parts may have {MOST} entries"));
    }
    let mut seen = Vec::new();
    for (index, part) in parts.iter().enumerate().take(MOST) {
        let path = format!("parts[{index}]");
        faults.required(&format!("{path}.productCode"), &part.product_code, 50);
        if part.quantity <= Amount::ZERO {
            let field = format!("{path}.quantity");
            faults.add(Code::OutOfRange, field.as_str(), format!("{field} must be more than 0"));
        }
        let code = store::key(&part.product_code);
        if seen.contains(&code) {
            let field = format!("{path}.productCode");
            faults.add(Code::InvalidValue, field.as_str(), format!("{field} appears twice"));
        }
        seen.push(code);
    }
    faults.end()
}

/// Says what a bundle consists of; the faults of the parts themselves were looked for.
pub(crate) async fn set(
    tx: &mut Conn,
    caller: &Caller,
    code: &str,
    parts: &[Part],
    conditions: &Conditions,
    now: i64,
) -> Result<Row, Error> {
    let company = caller.company;
    store::hold(tx, company, &[code]).await?;
    let old = store::find(tx, company, code).await?;
    conditions.allow_change(Some(old.version))?;
    let ids = known(tx, &old, parts).await?;
    let was = of(tx, company, &[old.id]).await?.into_iter().map(|(_, part)| part);
    let kind = if parts.is_empty() { PRODUCT } else { BUNDLE };
    let before = json!({"parts": was.collect::<Vec<Part>>(), "kind": old.kind});
    let after = json!({"parts": ids.iter().map(|(_, part)| part).collect::<Vec<&Part>>(), "kind": kind});
    let reference = format!("product/{}", old.id);
    let change = Change { company, reference, actor: &caller.id, action: "updated", at: now };
    if !audit::record(tx, &change, &before, &after).await? {
        return Ok(old);
    }
    let row = Row { kind, version: old.version + 1, modified_at: now, modified_by: caller.id.clone(), ..old };
    tx.replace_held(store::TABLE, &row).await?;
    write(tx, company, row.id, &ids).await?;
    let view = links::view(tx, row.clone()).await?;
    store::announce(tx, company, &view, row.version, "Updated", now).await?;
    Ok(row)
}

/// The numbers of the parts, each under its own spelling; what cannot be a part is a fault.
async fn known(tx: &mut Conn, bundle: &Row, parts: &[Part]) -> Result<Vec<(i64, Part)>, Error> {
    let mut faults = Faults::default();
    if bundle.is_parent && !parts.is_empty() {
        faults.add(Code::Conflict, "parts", format!("Product {} has variants, so it cannot be a bundle", bundle.code));
    }
    if !parts.is_empty() && is_part(tx, bundle.company, bundle.id).await?.is_some() {
        faults.add(Code::Conflict, "parts", format!("Product {} is itself a part of a bundle", bundle.code));
    }
    let codes: Vec<&str> = parts.iter().map(|part| part.product_code.as_str()).collect();
    let rows = store::by_codes(tx, bundle.company, &codes).await?;
    let mut ids = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let field = format!("parts[{index}].productCode");
        let key = store::key(&part.product_code);
        let found = rows.iter().find(|row| store::key(&row.code) == key && row.deleted_at.is_none());
        match found {
            None => faults.add(Code::NotFound, field, format!("“{}” is not a known product", part.product_code)),
            Some(row) if row.id == bundle.id || row.kind == BUNDLE || row.is_parent => {
                let message = format!("{} cannot be a part: it has parts or variants itself", row.code);
                faults.add(Code::InvalidValue, field, message);
            }
            Some(row) => ids.push((row.id, Part { product_code: row.code.clone(), quantity: part.quantity })),
        }
    }
    faults.end()?;
    Ok(ids)
}

/// The code of a living bundle that this product is a part of.
pub(super) async fn is_part(conn: &mut Conn, company: i64, product: i64) -> Result<Option<String>, db::Error> {
    conn.sql(
        "select bundle.code from product_part as part
         join product as bundle on bundle.company = part.company and bundle.id = part.bundle and bundle.deleted_at is null
         where part.company = $1 and part.product = $2 order by bundle.id limit 1",
    )
    .bind(company)
    .bind(product)
    .optional()
    .await
}

async fn write(tx: &mut Conn, company: i64, bundle: i64, parts: &[(i64, Part)]) -> Result<(), db::Error> {
    tx.sql("delete from product_part where company = $1 and bundle = $2").bind(company).bind(bundle).later().await?;
    if parts.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::new(&[("product", Type::BigInt), ("quantity", Type::BigInt), ("position", Type::BigInt)]);
    for (position, (id, part)) in (0_i64..).zip(parts) {
        rows.push([(*id).into(), part.quantity.into(), position.into()]);
    }
    tx.sql("insert into product_part (company, bundle, product, quantity, position) select ")
        .push_bind(company)
        .push(", ")
        .push_bind(bundle)
        .push(", product, quantity, position from ")
        .push_rows(&rows)
        .push(" as input")
        .later()
        .await
}

/// The parts of these bundles, each with its bundle, in their order.
pub(super) async fn of(conn: &mut Conn, company: i64, bundles: &[i64]) -> Result<Vec<(i64, Part)>, db::Error> {
    if bundles.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<(i64, String, Amount)> = conn
        .sql("select part.bundle, product.code, part.quantity from ")
        .push_ids(bundles)
        .push(" as input cross join product_part as part cross join product where part.bundle = input.id and part.company = ")
        .push_bind(company)
        .push(
            " and product.company = part.company and product.id = part.product
             order by part.bundle, part.position",
        )
        .all()
        .await?;
    Ok(found.into_iter().map(|(bundle, product_code, quantity)| (bundle, Part { product_code, quantity })).collect())
}
