//! Making an order of a quotation: once, with lines and amounts as they are stored.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::QuotationPath;
use super::row::Row;
use super::status::{Status, Who};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply};
use crate::record::{self, Actor};
use crate::sales::{need_lines, number_key, order};
use crate::setting::profile;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(convert_quotation_to_sales_order))
}

/// The number again.
#[derive(Debug, Deserialize, ToSchema)]
struct QuotationConvertWrite {
    /// The quotation's number, as in the path.
    #[serde(rename = "QuotationNo")]
    #[schema(example = "QT2511-0001")]
    quotation_no: Option<String>,
}

/// The order that was made of a quotation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConvertedQuotation {
    /// Number of the order.
    #[schema(example = "SO2511-0001")]
    sales_order_no: String,
    /// Its internal number.
    #[schema(example = 1)]
    sales_order_id: i64,
    /// Number of the quotation.
    #[schema(example = "QT2511-0001")]
    quotation_no: String,
}

/// Make a sales order of a quotation.
///
/// Lines and amounts are copied as they are stored, the order is open, and stock is reserved for it. Whoever repeats it
/// gets the same order. 409 while the quotation waits for approval, when its validity is over and the customer has not accepted it, or
/// when stock is short.
#[utoipa::path(
    post,
    path = "/v1/quotation/{quotationNo}/convert-to-salesorder",
    operation_id = "convertQuotationToSalesOrder",
    tag = "Quotation",
    params(QuotationPath, Conditions),
    request_body = QuotationConvertWrite,
    responses((status = 200, description = "The order.", body = Envelope<ConvertedQuotation>)),
    security(("bearerAuth" = ["quotation:write"], "subscriptionKey" = []))
)]
async fn convert_quotation_to_sales_order(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<QuotationPath>,
    Checked { value: input, faults }: Checked<QuotationConvertWrite>,
) -> Result<Reply<ConvertedQuotation>, Error> {
    Faults::new(faults).end()?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let key = number_key(&path.quotation_no);
            let old: Row = record::held(&mut tx, &by.caller, "number_key", key, &conditions).await?;
            let given = input.quotation_no.as_deref().map(str::trim).filter(|number| !number.is_empty());
            if given.is_some_and(|given| number_key(given) != old.number_key) {
                let message = "QuotationNo must be the number in the path";
                return Err(Error::invalid(Code::InvalidValue, "QuotationNo", message));
            }
            let made = convert(&mut tx, &by, old).await?;
            tx.reply(Reply::ok(made)).await
        })
        .await
}

/// The order of a quotation, made when there is none.
async fn convert(tx: &mut Conn, by: &Actor, old: Row) -> Result<ConvertedQuotation, Error> {
    if let Some(known) = order::of_quotation(tx, old.company, old.id).await? {
        return Ok(ConvertedQuotation {
            sales_order_no: known.number,
            sales_order_id: known.id,
            quotation_no: old.number,
        });
    }
    let (number, id, row) = make(tx, by, old).await?;
    Ok(ConvertedQuotation { sales_order_no: number, sales_order_id: id, quotation_no: row.number })
}

/// Makes the order of a quotation that has none: its number, its id, and the quotation as it is then.
pub(crate) async fn make(tx: &mut Conn, by: &Actor, old: Row) -> Result<(String, i64, Row), Error> {
    let zone = time::zone(tx, old.company).await?;
    // What the customer accepted in time stays accepted; a quotation that somebody completed by hand is no longer offered.
    if old.is_over(time::day_of(by.now, &zone)) && !(old.status() == Status::Completed && old.is_accepted()) {
        let message = format!("Quotation {} was valid until {}", old.number, old.valid_until);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "quotationNo", message)));
    }
    let mut faults = Faults::default();
    need_lines(&old.lines, super::write::NAMES.lines, &mut faults);
    faults.end()?;
    let mut row = old.clone();
    row.approval = super::approved(&old, &profile::of(tx, old.company).await?.sales)?;
    let order = order::of_content(tx, by, &row).await?;
    row.sales_order = Some(order.row.number.clone());
    // One that the customer has accepted is completed already.
    if old.status() != Status::Completed {
        super::status::must(&old.number, old.status(), Status::Completed, Who::Conversion)?;
        row.status = Status::Completed.number();
    }
    let saved = record::save_as(tx, by, Some(old), row, "Converted").await?;
    Ok((order.row.number, order.row.id, saved.row))
}
