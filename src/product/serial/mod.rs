//! Serial numbers: single pieces of a product, who has each, and how long its warranty lasts.

pub(crate) mod register;
mod verification;
mod warranty;

use axum::extract::State;
use db::Conn;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) use self::register::mark;
pub(super) use self::register::{Plan, Registered, Serials};
use super::store::{self, key};
use crate::app::App;
use crate::customer;
use crate::http::{Caller, Code, Conditions, Envelope, Error, Faults, Page, Paging, Query, Reply};
use crate::time::{self, Zone};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_serials))
        .routes(routes!(get_serial_status))
        .merge(register::routes())
        .merge(verification::routes())
}

/// Known, and not yet sold.
const REGISTERED: i64 = 1;
/// Sold, and not yet verified by whoever has it.
const SOLD: i64 = 2;
/// Verified by the customer who has it.
const VERIFIED: i64 = 3;
/// Not to be verified: lost, stolen, copied.
const BLOCKED: i64 = 4;

/// The status codes, with their names in English and Thai.
const STATUSES: [(i64, &str, &str); 4] = [
    (REGISTERED, "Registered", "ลงทะเบียนแล้ว"),
    (SOLD, "Sold", "ขายแล้ว"),
    (VERIFIED, "Verified", "ยืนยันแล้ว"),
    (BLOCKED, "Blocked", "ระงับ"),
];

/// A status that a serial number can have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SerialStatus {
    /// Its code.
    #[schema(example = 3)]
    status_id: i64,
    /// Its name.
    #[schema(example = "Verified")]
    status_name: &'static str,
    /// Its name in Thai.
    #[schema(example = "ยืนยันแล้ว")]
    status_name_th: &'static str,
}

/// One serial number, or the status codes when none is asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum SerialAnswer {
    /// The serial number.
    One(Box<ProductSerial>),
    /// The status codes.
    Statuses(Vec<SerialStatus>),
}

/// A serial number.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductSerial {
    /// The serial number.
    #[schema(example = "SN-0001")]
    serial_number: String,
    /// The code of its product.
    #[schema(example = "Li00001")]
    product_code: String,
    /// The product's name.
    #[schema(example = "Tissue Daisy")]
    product_name: String,
    /// 1 registered, 2 sold, 3 verified, 4 blocked.
    #[schema(example = 3)]
    status: i64,
    /// The same in a word.
    #[schema(example = "Verified")]
    status_name: &'static str,
    /// Code of the customer who has it.
    #[schema(example = "C000349")]
    customer_code: Option<String>,
    /// The customer's name.
    #[schema(example = "John Doe")]
    customer_name: Option<String>,
    /// Number of the sales order.
    #[schema(example = "SO23080001")]
    sale_order_no: Option<String>,
    /// The day of the purchase.
    #[schema(example = "2023-08-04")]
    purchase_date: Option<String>,
    /// The first day of the warranty; null without one.
    #[schema(example = "2023-08-04")]
    warranty_start: Option<String>,
    /// Its last day; null when it has no end.
    #[schema(example = "2025-08-04")]
    warranty_end: Option<String>,
    /// Whether the warranty holds today.
    #[schema(example = false)]
    is_in_warranty: bool,
    /// When it was verified.
    #[schema(example = "2023-08-05T11:38:34+0700")]
    verified_date: Option<String>,
    /// When it was registered.
    #[schema(example = "2023-01-20T11:38:34+0700")]
    date_created: String,
    /// When it was changed last.
    #[schema(example = "2023-08-05T11:38:34+0700")]
    date_modified: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct StatusQuery {
    /// The serial number, in any letter case; the status codes are listed when it is absent.
    serial_number: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct SerialQuery {
    /// Only those of this product.
    #[param(example = "Li00001")]
    product_code: Option<String>,
    /// Only those with this status: 1 registered, 2 sold, 3 verified, 4 blocked.
    #[param(example = 3)]
    status: Option<i64>,
    /// Only those that this customer has.
    #[param(example = "C000349")]
    customer_code: Option<String>,
    /// The `next` of the page before.
    before: Option<Uuid>,
    /// Serial numbers a page: at most 200, default 20.
    take: Option<i64>,
}

/// Get the status of a serial number, or the list of status codes.
#[utoipa::path(
    get,
    path = "/v3/products/serials/status",
    operation_id = "getProductSerialStatus",
    tag = "Product",
    params(StatusQuery, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses(
        (status = 200, description = "The serial number, or without one the status codes.", body = Envelope<SerialAnswer>),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
    ),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_serial_status(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Query(query): Query<StatusQuery>,
) -> Result<Reply<SerialAnswer>, Error> {
    let Some(serial) = query.serial_number else {
        let statuses = STATUSES.map(|(status_id, status_name, status_name_th)| SerialStatus {
            status_id,
            status_name,
            status_name_th,
        });
        return Ok(Reply::ok(SerialAnswer::Statuses(statuses.into())));
    };
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, caller.company, &serial).await?.ok_or(Error::NotFound("serialNumber"))?;
    let today = Today::of(&mut conn, caller.company, app.now()).await?;
    let version = row.version;
    Ok(Reply::ok(SerialAnswer::One(Box::new(row.view(&today)))).version(version, &conditions))
}

/// List serial numbers, the latest registered first.
#[utoipa::path(
    get,
    path = "/v3/products/serials",
    operation_id = "listProductSerials",
    tag = "Product",
    params(SerialQuery),
    responses((status = 200, description = "One page of serial numbers.", body = Envelope<Page<ProductSerial>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn list_serials(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SerialQuery>,
) -> Result<Reply<Page<ProductSerial>>, Error> {
    let company = caller.company;
    let mut faults = Faults::default();
    let paging = Paging::read(None, query.take, None, faults.list());
    if let Some(status) = query.status {
        faults.one_of("status", status, &STATUSES.map(|(status, _, _)| status));
    }
    let mut conn = app.db.read().await?;
    let (mut product, mut customer) = (None, None);
    if let Some(code) = &query.product_code {
        product = store::by_code(&mut conn, company, code).await?.map(|row| row.id);
        if product.is_none() {
            faults.add(Code::NotFound, "productCode", format!("productCode “{code}” is not a known product"));
        }
    }
    if let Some(code) = &query.customer_code {
        customer = customer::by_code(&mut conn, company, code).await?.map(|row| row.id);
        if customer.is_none() {
            faults.add(Code::NotFound, "customerCode", format!("customerCode “{code}” is not a known customer"));
        }
    }
    faults.end()?;
    let today = Today::of(&mut conn, company, app.now()).await?;
    let mut select = conn.sql(SELECT).bind(company);
    if let Some(product) = product {
        select = select.push(" and serial.product = ").push_bind(product);
    }
    if let Some(customer) = customer {
        select = select.push(" and serial.customer = ").push_bind(customer);
    }
    if let Some(status) = query.status {
        select = select.push(" and serial.state = ").push_bind(status);
    }
    if let Some(before) = query.before {
        select = select.push(" and serial.id < ").push_bind(before);
    }
    let rows: Vec<Row> = select.push(" order by serial.id desc limit ").push_bind(paging.take + 1).all().await?;
    let page = Page::cut(rows, paging.take, |row| row.id.to_string());
    let value = page.value.into_iter().map(|row| row.view(&today)).collect();
    Ok(Reply::ok(Page { value, next: page.next }))
}

/// A serial number as it is stored, with what its product and its customer are called.
#[derive(Debug, Clone, Deserialize)]
struct Row {
    id: Uuid,
    product: i64,
    product_code: String,
    product_name: String,
    serial: String,
    state: i64,
    customer: Option<i64>,
    customer_code: Option<String>,
    customer_name: Option<String>,
    sales_order: Option<String>,
    purchased_on: Option<String>,
    warranty_from: Option<String>,
    warranty_to: Option<String>,
    latitude: Option<i64>,
    longitude: Option<i64>,
    note: Option<String>,
    verified_at: Option<i64>,
    created_at: i64,
    modified_at: i64,
    version: i64,
}

const SELECT: &str = "select serial.id, serial.product, product.code as product_code, product.name as product_name, \
    serial.serial, serial.state, serial.customer, customer.code as customer_code, customer.name as customer_name, \
    serial.sales_order, serial.purchased_on, serial.warranty_from, serial.warranty_to, serial.latitude, \
    serial.longitude, serial.note, serial.verified_at, serial.created_at, serial.modified_at, serial.version \
    from product_serial as serial \
    join product on product.company = serial.company and product.id = serial.product \
    left join customer on customer.company = serial.company and customer.id = serial.customer \
    where serial.company = $1";

/// The serial number of this text, in any letter case.
async fn find(conn: &mut Conn, company: i64, serial: &str) -> Result<Option<Row>, db::Error> {
    conn.sql(SELECT).push(" and serial.serial_key = $2").bind(company).bind(key(serial)).optional().await
}

/// The day on which something is looked at, and the zone in which it is that day.
struct Today {
    date: Date,
    zone: Zone,
}

impl Today {
    async fn of(conn: &mut Conn, company: i64, now: i64) -> Result<Today, db::Error> {
        let zone = time::zone(conn, company).await?;
        let date = Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(zone.clone()).date();
        Ok(Today { date, zone })
    }
}

impl Row {
    fn view(self, today: &Today) -> ProductSerial {
        let is_in_warranty = self.is_in_warranty(today.date);
        ProductSerial {
            serial_number: self.serial,
            product_code: self.product_code,
            product_name: self.product_name,
            status: self.state,
            status_name: STATUSES.iter().find(|(code, _, _)| *code == self.state).map_or("", |(_, name, _)| *name),
            customer_code: self.customer_code,
            customer_name: self.customer_name,
            sale_order_no: self.sales_order,
            purchase_date: self.purchased_on,
            warranty_start: self.warranty_from,
            warranty_end: self.warranty_to,
            is_in_warranty,
            verified_date: self.verified_at.map(|at| time::text(at, &today.zone)),
            date_created: time::text(self.created_at, &today.zone),
            date_modified: time::text(self.modified_at, &today.zone),
        }
    }

    /// Days are stored so that their texts are ordered as they are.
    fn is_in_warranty(&self, today: Date) -> bool {
        let today = today.to_string();
        let has_begun = self.warranty_from.as_deref().is_some_and(|from| from <= today.as_str());
        has_begun && self.warranty_to.as_deref().is_none_or(|to| today.as_str() <= to)
    }
}
