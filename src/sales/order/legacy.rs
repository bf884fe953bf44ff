//! Orders in the shapes of the original API's first generation.

use std::collections::HashSet;

use axum::extract::State;
use db::{Amount, Conn};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::row::{Row, SalesOrder};
use super::status::Status;
use super::write::{SalesOrderWrite, put};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Patch, Path, Reply};
use crate::record::{self, Record};
use crate::sales::decimal::Decimal;
use crate::sales::entry::SalesLineWrite;
use crate::sales::find_customers;
use crate::search;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_sales_order_legacy)).routes(routes!(get_sales_order_by_id_legacy))
}

/// An order in its first form.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderLegacyWrite {
    /// What is ordered.
    products: Vec<SalesOrderLegacyProduct>,
    /// Codes of the customers: one order is made for each, however often and by whichever code it is named.
    #[schema(example = json!(["C000001"]))]
    customer_codes: Option<Vec<String>>,
    /// When it was ordered; today when it is absent.
    #[schema(example = "2021-09-18T06:18:08.058Z")]
    date_order: Option<String>,
    /// Remark.
    remark: Option<String>,
}

/// A product of such an order.
#[derive(Debug, Deserialize, ToSchema)]
struct SalesOrderLegacyProduct {
    /// Product code.
    #[schema(example = "AB00025dddd")]
    code: String,
    /// How many.
    #[schema(value_type = Option<f64>, example = 1)]
    qty: Option<Decimal>,
    /// Off the line.
    #[schema(value_type = Option<f64>, example = 0)]
    discount: Option<Decimal>,
}

/// The orders that were made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrdersMade {
    /// Their numbers, in the order of the customers.
    #[schema(example = json!(["SO2511-0001"]))]
    sales_order_nos: Vec<String>,
    /// Their internal numbers.
    #[schema(example = json!([1]))]
    sales_order_ids: Vec<i64>,
}

/// Create a simple sales order for each of some customers: open, without VAT.
#[utoipa::path(
    post,
    path = "/v1/salesorders",
    operation_id = "createSalesOrderLegacy",
    tag = "SalesOrder",
    request_body = SalesOrderLegacyWrite,
    responses((status = 200, description = "The orders.", body = Envelope<SalesOrdersMade>)),
    security(("bearerAuth" = ["salesorder:write"], "subscriptionKey" = []))
)]
async fn create_sales_order_legacy(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<SalesOrderLegacyWrite>,
) -> Result<Reply<SalesOrdersMade>, Error> {
    let mut faults = Faults::new(faults);
    let codes: Vec<&str> = input.customer_codes.iter().flatten().map(|code| search::trimmed(code)).collect();
    if codes.is_empty() {
        faults.add(Code::Required, "customerCodes", "customerCodes is required");
    }
    if input.products.is_empty() {
        faults.add(Code::Required, "products", "products is required");
    }
    let zone = time::zone(&mut app.db.read().await?, caller.company).await?;
    let at = faults.time("dateOrder", input.date_order.as_deref(), &zone).unwrap_or_else(|| app.now());
    let lines: Vec<SalesLineWrite> = input
        .products
        .iter()
        .map(|product| SalesLineWrite::simple(product.code.clone(), product.qty, product.discount))
        .collect();
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let mut faults = faults.clone();
            let found = find_customers(&mut tx, &by.caller, &codes, &mut faults).await?;
            let mut customers: Vec<(String, &str)> =
                found.into_iter().map(|(customer, code)| (customer.code, code)).collect();
            // Where none is known, what else is wrong is found by the first.
            if customers.is_empty() {
                customers.extend(codes.first().map(|code| ((*code).to_owned(), *code)));
            }
            let mut made = SalesOrdersMade { sales_order_nos: Vec::new(), sales_order_ids: Vec::new() };
            for (customer, code) in &customers {
                let write = SalesOrderWrite {
                    sales_order_subject: Patch::Set(format!("Order {code}")),
                    customer_code: Some(customer.clone()),
                    sales_order_date: Some(time::day_of(at, &zone).to_string()),
                    sales_order_status: Some(Status::Open.number()),
                    vat_calculation: Some(true),
                    sales_order_details: Some(lines.clone()),
                    remark: input.remark.clone().map_or(Patch::Keep, Patch::Set),
                    ..SalesOrderWrite::default()
                };
                let none = Conditions::default();
                let saved = put(&mut tx, &by, &write, &none, faults.clone(), None).await.map_err(in_old_words)?;
                made.sales_order_nos.push(saved.row.number);
                made.sales_order_ids.push(saved.row.id);
            }
            // Of none there is no order that would tell of the faults.
            faults.end()?;
            tx.reply(Reply::ok(made)).await
        })
        .await
}

/// Faults of the newer request, by the names of the old one; what is wrong with its customers is told already.
fn in_old_words(error: Error) -> Error {
    let rename = |text: &str| {
        text.replace("salesOrderDetails", "products")
            .replace("].productCode", "].code")
            .replace("].discountValue", "].discount")
    };
    let renamed = |Fault { code, field, message }: Fault| Fault::new(code, rename(&field), rename(&message));
    let mut named = HashSet::new();
    let mut all = |faults: Vec<Fault>| -> Vec<Fault> {
        let told = faults.into_iter().filter(|fault| fault.field != "customerCode");
        told.map(renamed).filter(|fault| named.insert(fault.field.clone())).collect()
    };
    match error {
        Error::Invalid(faults) => Error::Invalid(all(faults)),
        Error::Conflicts(faults) => Error::Conflicts(all(faults)),
        Error::Conflict(fault) => Error::Conflict(renamed(fault)),
        other => other,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct IdPath {
    /// The order's internal number.
    id: i64,
}

/// An order in its first form, wrapped as the original wraps it.
#[derive(Debug, Serialize, ToSchema)]
struct SalesOrderLegacyValue {
    value: SalesOrderLegacy,
}

/// An order in its first form.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderLegacy {
    /// Files; none are kept with orders.
    attachments: Vec<SalesOrderLegacyFile>,
    /// The customer.
    customer: SalesOrderLegacyCustomer,
    /// The salesperson.
    user_info: SalesOrderLegacyUser,
    /// The status in words.
    #[schema(example = "open")]
    status_name: &'static str,
    /// Whether it can be changed.
    is_edit: bool,
    /// Whether it can be cancelled.
    is_delete: bool,
    /// Whether it waits for approval.
    is_approve: bool,
    /// With VAT.
    #[schema(value_type = f64)]
    total: Amount,
    /// Who buys.
    buyer: SalesOrderLegacyParty,
    /// Who sells.
    seller: SalesOrderLegacyParty,
    /// The customer's number, in a list.
    customer_ids: Vec<i64>,
    /// The currency.
    currency: SalesOrderLegacyCurrency,
    /// Sum of the lines.
    #[schema(value_type = f64)]
    sub_total: Amount,
    /// Internal number.
    sale_order_id: i64,
    /// 1 sale order.
    #[schema(example = 1)]
    order_type: i64,
    /// Number.
    sale_order_no: String,
    /// 1 draft, 2 open, 3 completed, 4 rejected, 5 cancelled.
    status: i64,
    /// When it was ordered.
    date_order: String,
    /// The customer's number.
    customer_id: i64,
    /// Whether it is neither rejected nor cancelled.
    is_active: bool,
    /// Remark.
    remark: Option<String>,
    /// Who made it.
    created_by_user_id: String,
    /// When.
    #[schema(example = "2023-01-16T15:12:52+0700")]
    date_created: String,
    /// Who is to approve it; whoever may.
    waiting_approve_by_user_id: Option<String>,
    /// Who approved it.
    approved_by_user_id: Option<String>,
}

/// A file of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderLegacyFile {
    /// Its name.
    file_name: String,
}

/// A customer in the first form.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderLegacyCustomer {
    /// Number.
    customer_id: i64,
    /// The company's number.
    company_id: i64,
    /// Code.
    customer_code: String,
    /// Name.
    customer_name: String,
    /// Whether it is in use.
    is_active: bool,
}

/// A salesperson in the first form.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderLegacyUser {
    /// User id.
    user_id: Option<Uuid>,
    /// Code.
    staff_code: Option<String>,
}

/// A buyer or a seller.
#[derive(Debug, Serialize, ToSchema)]
struct SalesOrderLegacyParty {
    /// Name.
    name: String,
    /// Address.
    address: Option<String>,
}

/// A currency.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SalesOrderLegacyCurrency {
    /// ISO 4217.
    #[schema(example = "THB")]
    currency_code: String,
}

/// Get a sales order by its internal number, in its first form.
#[utoipa::path(
    get,
    path = "/v1/salesorders/{id}",
    operation_id = "getSalesOrderByIdLegacy",
    tag = "SalesOrder",
    params(IdPath, Conditions),
    responses((status = 200, description = "The order.", body = Envelope<SalesOrderLegacyValue>)),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn get_sales_order_by_id_legacy(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<IdPath>,
) -> Result<Reply<SalesOrderLegacyValue>, Error> {
    let mut conn = app.db.read().await?;
    let row: Row = record::find(&mut conn, &caller, "id", path.id).await?;
    let version = row.version;
    let value = old_form(&mut conn, row).await?;
    Ok(Reply::ok(SalesOrderLegacyValue { value }).version(version, &conditions))
}

async fn old_form(conn: &mut Conn, row: Row) -> Result<SalesOrderLegacy, Error> {
    let company = row.company;
    let seller: String = conn.sql("select name from company where company = $1").bind(company).one().await?;
    let zone = time::zone(conn, company).await?;
    let status = row.status();
    let approval = row.approval.clone();
    let (owner, staff_code, address) = (row.owner, row.staff_code.clone(), row.recipient_address.clone());
    let (dated, customer_id, remark) = (row.dated.clone(), row.customer, row.remark.clone());
    let view: SalesOrder =
        Row::views(conn, company, vec![row.clone()], &zone).await?.pop().ok_or(Error::NotFound("sales order"))?;
    Ok(SalesOrderLegacy {
        attachments: Vec::new(),
        customer: SalesOrderLegacyCustomer {
            customer_id,
            company_id: company,
            customer_code: view.customer_code,
            customer_name: view.customer_name.clone(),
            is_active: true,
        },
        user_info: SalesOrderLegacyUser { user_id: owner, staff_code },
        status_name: status.word().trim_start_matches("a "),
        is_edit: matches!(status, Status::Draft | Status::Open | Status::Rejected),
        is_delete: matches!(status, Status::Draft | Status::Open | Status::Rejected),
        is_approve: approval.as_ref().is_some_and(|approval| approval.state == "waiting"),
        total: view.grand_total,
        buyer: SalesOrderLegacyParty { name: view.customer_name, address },
        seller: SalesOrderLegacyParty { name: seller, address: None },
        customer_ids: vec![customer_id],
        currency: SalesOrderLegacyCurrency { currency_code: view.currency_code },
        sub_total: view.sub_total,
        sale_order_id: view.sales_order_id,
        order_type: 1,
        sale_order_no: row.number,
        status: status.number(),
        date_order: time::day_text(&dated, &zone),
        customer_id,
        is_active: !matches!(status, Status::Rejected | Status::Cancelled),
        remark,
        created_by_user_id: view.created_by_user_id,
        date_created: view.date_created,
        waiting_approve_by_user_id: None,
        approved_by_user_id: approval.and_then(|approval| approval.by),
    })
}
