//! A customer verifies the piece that was bought: from then on it is the customer's, and its warranty runs.

use axum::extract::State;
use db::Conn;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{BLOCKED, ProductSerial, Row, Today, VERIFIED, find, warranty};
use crate::app::App;
use crate::audit::{self, Change};
use crate::customer::{self, Introduction};
use crate::event::{self, Event};
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Faults, Reply};
use crate::job::Kind;
use crate::product::store;
use crate::search;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(verify_serial_number))
}

/// A serial number to verify, and for whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SerialVerificationWrite {
    /// The serial number, in any letter case.
    #[schema(example = "SN-0001")]
    serial_number: String,
    /// The customer's name; needed without a code. One that is new is made with a token that may.
    #[schema(example = "John Doe")]
    customer_name: Option<String>,
    /// The customer's code; needed without a name.
    #[schema(example = "C000349")]
    customer_code: Option<String>,
    /// What a new customer is: 1 business, 2 individual; or 11100 lead, 11200 prospect, 11300 customer.
    #[schema(example = 1)]
    customer_type: Option<i64>,
    /// Number of the sales order.
    #[schema(example = "SO23080001")]
    sale_order_no: Option<String>,
    /// Note.
    #[schema(example = "This is a test note.")]
    note: Option<String>,
    /// Latitude of the place.
    #[schema(example = 13.7563)]
    latitude: Option<f64>,
    /// Longitude of the place, as the original spells it.
    #[schema(example = 100.5018)]
    longtitude: Option<f64>,
    /// The same, spelled rightly.
    #[schema(example = json!(null))]
    longitude: Option<f64>,
    /// The day of the purchase, `YYYY-MM-DD`.
    #[schema(example = "2023-08-04")]
    purchase_date: String,
}

/// A verified serial number.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SerialVerification {
    #[serde(flatten)]
    serial: ProductSerial,
    /// False when the same customer had verified it before: that verification stands.
    #[schema(example = true)]
    is_first_verification: bool,
    /// Note.
    #[schema(example = "This is a test note.")]
    note: Option<String>,
    /// Latitude of the place.
    #[schema(example = 13.7563)]
    latitude: Option<f64>,
    /// Longitude of the place.
    #[schema(example = 100.5018)]
    longitude: Option<f64>,
}

/// Verify a serial number for a customer.
///
/// The warranty of the product begins with the day of the purchase. The same customer may verify it again, which changes
/// nothing; for another it is 409, as it is when the number is blocked. 404 when the number is not registered.
#[utoipa::path(
    post,
    path = "/v3/products/serials/verification",
    operation_id = "verifySerialNumber",
    tag = "Product",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = SerialVerificationWrite,
    responses(
        (status = 200, description = "The serial number.", body = Envelope<SerialVerification>),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
    ),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn verify_serial_number(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<SerialVerificationWrite>,
) -> Result<Reply<SerialVerification>, Error> {
    let today = Today::of(&mut app.db.read().await?, caller.company, app.now()).await?;
    let day = input.check(Faults::new(faults), today.date)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let (row, is_first) = verify(&mut tx, &caller, &input, day, app.now()).await?;
            tx.reply(Reply::ok(view(row, is_first, &today))).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

impl SerialVerificationWrite {
    /// Judges every field; answers the day of the purchase.
    fn check(&self, mut faults: Faults, today: Date) -> Result<Date, Error> {
        faults.required("SerialNumber", &self.serial_number, 100);
        if self.name().is_none() && self.code().is_none() {
            faults.add(Code::Required, "CustomerCode", "CustomerCode or CustomerName is required");
        }
        faults.longest("CustomerCode", self.code().unwrap_or_default(), 50);
        faults.longest("CustomerName", self.name().unwrap_or_default(), 300);
        faults.longest("SaleOrderNo", self.sale_order_no.as_deref().unwrap_or_default(), 100);
        faults.longest("Note", self.note.as_deref().unwrap_or_default(), 10_000);
        if let Some(kind) = self.customer_type.filter(|kind| *kind != 0) {
            faults.one_of("CustomerType", kind, &[1, 2, 11_100, 11_200, 11_300]);
        }
        for (field, degrees, most) in [
            ("Latitude", self.latitude, 90.0),
            ("Longtitude", self.longtitude, 180.0),
            ("Longitude", self.longitude, 180.0),
        ] {
            if degrees.is_some_and(|degrees| degrees.abs() > most) {
                faults.add(Code::OutOfRange, field, format!("{field} must be from -{most} to {most}"));
            }
        }
        faults.required("PurchaseDate", &self.purchase_date, 50);
        let day = time::read_day(&self.purchase_date);
        match day {
            None => faults.add(Code::InvalidFormat, "PurchaseDate", "PurchaseDate must be a day such as 2023-08-04"),
            Some(day) if day > today => {
                faults.add(Code::OutOfRange, "PurchaseDate", "PurchaseDate must not be in the future");
            }
            Some(_) => {}
        }
        faults.end()?;
        Ok(day.unwrap_or_default())
    }

    fn code(&self) -> Option<&str> {
        given(self.customer_code.as_deref())
    }

    fn name(&self) -> Option<&str> {
        given(self.customer_name.as_deref())
    }

    /// State and kind of a new customer.
    fn kind(&self) -> (i64, Option<i64>) {
        match self.customer_type {
            Some(state @ 11_100..=11_300) => ((state - 11_000) / 100, None),
            Some(kind @ 1..=2) => (3, Some(kind)),
            _ => (3, None),
        }
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(search::trimmed).filter(|text| !text.is_empty())
}

async fn verify(
    tx: &mut Conn,
    caller: &Caller,
    input: &SerialVerificationWrite,
    day: Date,
    now: i64,
) -> Result<(Row, bool), Error> {
    let company = caller.company;
    hold(tx, company, &input.serial_number).await?;
    let old = find(tx, company, &input.serial_number).await?.ok_or(Error::NotFound("SerialNumber"))?;
    if old.state == BLOCKED {
        let message = format!("{} is blocked", old.serial);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "SerialNumber", message)));
    }
    let customer = customer(tx, caller, input, now).await?;
    if old.state == VERIFIED {
        // Whose it is, is not told to others.
        return if old.customer == Some(customer.id) {
            Ok((old, false))
        } else {
            let message = format!("{} is verified by another customer", old.serial);
            Err(Error::Conflict(Fault::new(Code::Taken, "SerialNumber", message)))
        };
    }
    let product = store::by_id(tx, company, old.product).await?.ok_or(Error::NotFound("product"))?;
    let last = product.warranty_value.zip(product.warranty_unit.as_deref());
    let last = last.map(|(length, unit)| warranty::last_day(day, length, unit).to_string());
    let new = Row {
        state: VERIFIED,
        customer: Some(customer.id),
        customer_code: Some(customer.code),
        customer_name: Some(customer.name),
        sales_order: given(input.sale_order_no.as_deref()).map(str::to_owned).or_else(|| old.sales_order.clone()),
        purchased_on: Some(day.to_string()),
        warranty_from: product.use_warranty.then(|| day.to_string()),
        warranty_to: last.filter(|_| product.use_warranty),
        latitude: input.latitude.map(millionths),
        longitude: input.longtitude.or(input.longitude).map(millionths),
        note: given(input.note.as_deref()).map(str::to_owned),
        verified_at: Some(now),
        modified_at: now,
        version: old.version + 1,
        ..old.clone()
    };
    update(tx, caller, &new).await?;
    record(tx, caller, &old, &new, now).await?;
    announce(tx, company, &new, now).await?;
    Ok((new, true))
}

/// Keeps others from verifying a number until the unit of work ends.
async fn hold(tx: &mut Conn, company: i64, serial: &str) -> Result<(), db::Error> {
    tx.sql("update product_serial set version = version where company = $1 and serial_key = $2")
        .bind(company)
        .bind(store::key(serial))
        .later()
        .await
}

/// The customer who verifies: by code, or else by the whole name. One that is not there is made, where the token may make
/// customers and a name is given.
async fn customer(
    tx: &mut Conn,
    caller: &Caller,
    input: &SerialVerificationWrite,
    now: i64,
) -> Result<customer::Row, Error> {
    let company = caller.company;
    let known = match (input.code(), input.name()) {
        (Some(code), _) => customer::by_code(tx, company, code).await?.filter(|row| row.deleted_at.is_none()),
        (None, Some(name)) => customer::by_name(tx, company, name).await?,
        (None, None) => None,
    };
    if let Some(known) = known {
        return Ok(known);
    }
    let may_make = caller.scopes.iter().any(|scope| scope == "customer:write");
    match input.name().filter(|_| may_make) {
        Some(name) => {
            let (state, kind) = input.kind();
            let new = Introduction { code: input.code(), name, state, kind };
            customer::introduce(tx, caller, &new, now).await
        }
        None => {
            let (field, text) =
                input.code().map_or(("CustomerName", input.name()), |code| ("CustomerCode", Some(code)));
            let message = format!("{field} “{}” is not a known customer", text.unwrap_or_default());
            Err(Error::invalid(Code::NotFound, field, message))
        }
    }
}

async fn update(tx: &mut Conn, caller: &Caller, row: &Row) -> Result<(), db::Error> {
    tx.sql(
        "update product_serial
         set state = $3, customer = $4, sales_order = $5, purchased_on = $6, warranty_from = $7, warranty_to = $8,
             latitude = $9, longitude = $10, note = $11, verified_by = $12, verified_at = $13, modified_at = $13,
             version = $14
         where company = $1 and id = $2",
    )
    .bind(caller.company)
    .bind(row.id)
    .bind(row.state)
    .bind(row.customer)
    .bind(row.sales_order.as_deref())
    .bind(row.purchased_on.as_deref())
    .bind(row.warranty_from.as_deref())
    .bind(row.warranty_to.as_deref())
    .bind(row.latitude)
    .bind(row.longitude)
    .bind(row.note.as_deref())
    .bind(&caller.id)
    .bind(row.modified_at)
    .bind(row.version)
    .later()
    .await
}

/// Writes the history of the serial number. Note and place are not repeated there: they are the person's, and are to be
/// erased in one place.
async fn record(tx: &mut Conn, caller: &Caller, old: &Row, new: &Row, now: i64) -> Result<(), Error> {
    let entered = |row: &Row| {
        json!({"status": row.state, "customerId": row.customer, "saleOrderNo": row.sales_order,
               "purchaseDate": row.purchased_on, "warrantyStart": row.warranty_from, "warrantyEnd": row.warranty_to})
    };
    let reference = format!("serial/{}", new.serial);
    let change = Change { company: caller.company, reference, actor: &caller.id, action: "verified", at: now };
    audit::record(tx, &change, &entered(old), &entered(new)).await?;
    Ok(())
}

/// Tells subscriptions; who the customer is they can ask by its code.
async fn announce(tx: &mut Conn, company: i64, row: &Row, now: i64) -> Result<(), Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Verified<'a> {
        serial_number: &'a str,
        product_code: &'a str,
        customer_code: Option<&'a str>,
        sale_order_no: Option<&'a str>,
        purchase_date: Option<&'a str>,
        warranty_start: Option<&'a str>,
        warranty_end: Option<&'a str>,
    }
    let verified = Verified {
        serial_number: &row.serial,
        product_code: &row.product_code,
        customer_code: row.customer_code.as_deref(),
        sale_order_no: row.sales_order.as_deref(),
        purchase_date: row.purchased_on.as_deref(),
        warranty_start: row.warranty_from.as_deref(),
        warranty_end: row.warranty_to.as_deref(),
    };
    let name = "SerialVerified";
    let body = event::body("Product", name, "Serial", &verified)?;
    let subject = format!("serial/{}", row.id);
    let event = Event { company, topic: "Product", name, subject: &subject, place: row.version, body, at: now };
    event::emit(tx, &event).await?;
    Ok(())
}

fn view(row: Row, is_first_verification: bool, today: &Today) -> SerialVerification {
    SerialVerification {
        is_first_verification,
        note: row.note.clone(),
        latitude: row.latitude.map(degrees),
        longitude: row.longitude.map(degrees),
        serial: row.view(today),
    }
}

/// Places are stored in millionths of a degree: a hand's breadth.
#[expect(clippy::cast_possible_truncation, reason = "a degree is at most 180")]
fn millionths(degrees: f64) -> i64 {
    (degrees * 1e6).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "nine digits are exact in a float")]
fn degrees(millionths: i64) -> f64 {
    millionths as f64 / 1e6
}
