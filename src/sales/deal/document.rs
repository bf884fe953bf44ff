//! What was offered and sold for a deal.

use axum::extract::State;
use db::{Amount, Query as Select};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{DealPath, Row};
use crate::app::App;
use crate::http::{Caller, Envelope, Error, Path, Reply};
use crate::record;
use crate::sales::content::Terms;
use crate::sales::{order, quotation};
use crate::time::{self, Zone};

/// The most documents of a kind that one look answers.
const MOST: i64 = 200;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_deal_documents))
}

/// The quotations and orders of a deal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealDocuments {
    /// Quotations, the newest first, at most 200; none without the scope `quotation:read`.
    quotations: Vec<DealDocument>,
    /// Sales orders, the newest first, at most 200; none without the scope `salesorder:read`.
    sales_orders: Vec<DealDocument>,
}

/// A quotation or an order of a deal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealDocument {
    /// Its internal number.
    #[schema(example = 1)]
    id: i64,
    /// Its number.
    #[schema(example = "SO2511-0001")]
    number: String,
    /// Title.
    #[schema(example = "Order - ABC Co., Ltd.")]
    subject: String,
    /// Its status, as its own operations have it.
    #[schema(example = 2)]
    status: i64,
    /// Its date.
    #[schema(example = "2026-04-21T00:00:00+0700")]
    date: String,
    /// With VAT.
    #[schema(value_type = f64, example = 4467.25)]
    grand_total: Amount,
    /// Currency (ISO 4217).
    #[schema(example = "THB")]
    currency_code: String,
}

#[derive(Debug, Deserialize)]
struct Found {
    id: i64,
    number: String,
    subject: String,
    status: i64,
    dated: String,
    grand_total: Amount,
    terms: Terms,
}

impl Found {
    fn view(self, zone: &Zone) -> DealDocument {
        DealDocument {
            id: self.id,
            number: self.number,
            subject: self.subject,
            status: self.status,
            date: time::day_text(&self.dated, zone),
            grand_total: self.grand_total,
            currency_code: self.terms.currency,
        }
    }
}

/// List the quotations and sales orders of a deal that the caller may see.
#[utoipa::path(
    get,
    path = "/v1/deals/{id}/documents",
    operation_id = "getDealDocuments",
    tag = "Deal",
    params(DealPath),
    responses((status = 200, description = "The documents.", body = Envelope<DealDocuments>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn get_deal_documents(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<DealPath>,
) -> Result<Reply<DealDocuments>, Error> {
    let mut conn = app.db.read().await?;
    let deal: Row = record::find(&mut conn, &caller, "id", path.id).await?;
    let may = |wanted: &str| caller.scopes.iter().any(|scope| scope == wanted);
    let (mut quotations, mut orders) = (Vec::new(), Vec::new());
    if may("quotation:read") {
        let query = conn.sql(
            "select id, number, subject, status, dated, grand_total, terms from quotation
             where company = $1 and deal = $2 and deleted_at is null",
        );
        let query = query.bind(deal.company).bind(deal.id);
        quotations = newest(record::within::<quotation::Row>(query, &caller)).await?;
    }
    if may("salesorder:read") {
        let query = conn.sql(
            "select id, number, subject, status, dated, grand_total, terms from sales_order
             where company = $1 and deal = $2 and deleted_at is null",
        );
        let query = query.bind(deal.company).bind(deal.id);
        orders = newest(record::within::<order::Row>(query, &caller)).await?;
    }
    let zone = time::zone(&mut conn, caller.company).await?;
    let views = |found: Vec<Found>| found.into_iter().map(|one| one.view(&zone)).collect();
    Ok(Reply::ok(DealDocuments { quotations: views(quotations), sales_orders: views(orders) }))
}

async fn newest(query: Select<'_>) -> Result<Vec<Found>, db::Error> {
    query.push(" order by id desc limit ").push_bind(MOST).all().await
}
