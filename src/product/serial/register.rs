//! Registering the serial numbers of a product, and changing their status: flat rows, as a CSV file has them.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{BLOCKED, REGISTERED, SOLD};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Faults, Path, Reply};
use crate::product::CodePath;
use crate::product::store::{self, Row as Product, key};
use crate::record::Actor;
use crate::search;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(register_serials))
}

/// A serial number to register, or to change when it is known.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SerialWrite {
    /// The serial number: it belongs to one product of the company, in any letter case.
    #[schema(example = "SN-0001")]
    pub(crate) serial_number: String,
    /// 1 registered, which a new one is when it is absent, 2 sold, 4 blocked. With 1 or 2 a verification is taken away:
    /// the piece came back.
    #[schema(example = 1)]
    pub(crate) status: Option<i64>,
    /// Number of the sales order.
    #[schema(example = json!(null))]
    pub(crate) sale_order_no: Option<String>,
}

/// The serial numbers of a product, in either form or both.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Serials {
    /// Only the numbers.
    #[schema(example = json!(["SN-0001", "SN-0002"]))]
    pub(crate) serial_numbers: Option<Vec<String>>,
    /// The numbers with status and sales order.
    #[schema(example = json!([]))]
    pub(crate) serials: Option<Vec<SerialWrite>>,
}

/// What became of serial numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Registered {
    /// How many are new.
    #[schema(example = 2)]
    registered: i64,
    /// How many were changed.
    #[schema(example = 0)]
    updated: i64,
    /// How many were so already.
    #[schema(example = 0)]
    unchanged: i64,
}

/// Register serial numbers of a product, or change them.
///
/// All of them or none: 409 names those that belong to another product. What is known already and not given otherwise
/// stays as it is, so the same request can be repeated.
#[utoipa::path(
    post,
    path = "/v3/products/{productCode}/serials",
    operation_id = "registerProductSerials",
    tag = "Product",
    params(CodePath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = Serials,
    responses((status = 200, description = "What became of them.", body = Envelope<Registered>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn register_serials(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
    Checked { value: input, faults }: Checked<Serials>,
) -> Result<Reply<Registered>, Error> {
    let mut faults = Faults::new(faults);
    let entries = input.entries(&mut faults);
    if entries.is_empty() {
        faults.add(Code::Required, "serialNumbers", "serialNumbers or serials is required");
    }
    faults.end()?;
    caller
        .write(&app, async |mut tx| {
            let product = store::find(&mut tx, caller.company, &path.product_code).await?;
            let plan = Plan::new(&mut tx, caller.company, Some(&product), &entries).await?;
            let done = plan.carry_out(&mut tx, &caller, &product, app.now()).await?;
            tx.reply(Reply::ok(done)).await
        })
        .await
}

/// The most serial numbers of one request.
const MOST: usize = 5000;

/// A serial number of a request, and the property that it came in.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    field: String,
    write: SerialWrite,
}

impl Serials {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.serial_numbers.as_ref().map_or(0, Vec::len) + self.serials.as_ref().map_or(0, Vec::len)
    }

    /// All that is there, judged as far as that is possible without the database.
    pub(crate) fn entries(&self, faults: &mut Faults) -> Vec<Entry> {
        let plain = self.serial_numbers.iter().flatten().enumerate().map(|(index, number)| Entry {
            field: format!("serialNumbers[{index}]"),
            write: SerialWrite { serial_number: number.clone(), ..SerialWrite::default() },
        });
        let full = self
            .serials
            .iter()
            .flatten()
            .enumerate()
            .map(|(index, write)| Entry { field: format!("serials[{index}].serialNumber"), write: write.clone() });
        let entries: Vec<Entry> = plain.chain(full).collect();
        check(&entries, "serialNumbers", faults);
        entries
    }
}

/// What can be judged of serial numbers without the database.
fn check(entries: &[Entry], list: &str, faults: &mut Faults) {
    if entries.len() > MOST {
        faults.add(Code::TooLong, list, format!("One request may have {MOST} serial numbers"));
        return;
    }
    let mut seen: HashMap<String, &str> = HashMap::with_capacity(entries.len());
    for Entry { field, write } in entries {
        faults.required(field, &write.serial_number, 100);
        if let Some(status) = write.status {
            faults.one_of(&field.replace("serialNumber", "status"), status, &[REGISTERED, SOLD, BLOCKED]);
        }
        let order = write.sale_order_no.as_deref().unwrap_or_default();
        faults.longest(&field.replace("serialNumber", "saleOrderNo"), order, 100);
        if let Some(first) = seen.insert(key(&write.serial_number), field) {
            let message = format!("“{}” already exists, in {first}", write.serial_number);
            faults.add(Code::InvalidValue, field.as_str(), message);
        }
    }
}

/// A number that is there.
#[derive(Debug, Clone, Deserialize)]
struct Known {
    id: Uuid,
    product: i64,
    product_code: String,
    serial: String,
    serial_key: String,
    state: i64,
    sales_order: Option<String>,
}

/// A number that is there, and what will become of it.
#[derive(Debug)]
struct Changed {
    known: Known,
    state: i64,
    sales_order: Option<String>,
}

/// What will become of serial numbers: judged, with nothing written yet.
#[derive(Debug)]
pub(crate) struct Plan {
    new: BTreeMap<String, SerialWrite>,
    changed: Vec<Changed>,
    unchanged: i64,
}

impl Plan {
    /// Looks for the numbers; `product` is none when it is about to be made. 409 with those that belong to another.
    pub(crate) async fn new(
        tx: &mut Conn,
        company: i64,
        product: Option<&Product>,
        entries: &[Entry],
    ) -> Result<Plan, Error> {
        let known = known(tx, company, entries).await?;
        let mut plan = Plan { new: BTreeMap::new(), changed: Vec::new(), unchanged: 0 };
        let mut faults: Vec<Fault> = Vec::new();
        if let Some(product) = product.filter(|product| product.is_parent && !entries.is_empty()) {
            let message = format!("Product {} has variants: name one of them", product.code);
            faults.push(Fault::new(Code::Conflict, "productCode", message));
        }
        for Entry { field, write } in entries {
            let serial_key = key(&write.serial_number);
            let Some(there) = known.get(&serial_key) else {
                plan.new.insert(serial_key, write.clone());
                continue;
            };
            if product.is_none_or(|product| product.id != there.product) {
                let message = format!("{} is a serial number of product {}", there.serial, there.product_code);
                faults.push(Fault::new(Code::Taken, field.as_str(), message));
                continue;
            }
            let state = write.status.unwrap_or(there.state);
            let sales_order = trimmed(write.sale_order_no.as_deref()).or_else(|| there.sales_order.clone());
            if state == there.state && sales_order == there.sales_order {
                plan.unchanged += 1;
            } else {
                plan.changed.push(Changed { known: there.clone(), state, sales_order });
            }
        }
        if faults.is_empty() { Ok(plan) } else { Err(Error::Conflicts(faults)) }
    }

    /// 409 that names each piece that is not registered, sold already, or blocked.
    fn can_be_sold(&self, product: &Product, entries: &[Entry]) -> Result<(), Error> {
        let changed: HashMap<&str, &Known> =
            self.changed.iter().map(|changed| (changed.known.serial_key.as_str(), &changed.known)).collect();
        let faults = entries.iter().filter_map(|Entry { field, write }| {
            let (serial_key, number) = (key(&write.serial_number), search::trimmed(&write.serial_number));
            let (code, message) = match changed.get(serial_key.as_str()) {
                Some(known) if known.state == REGISTERED => return None,
                Some(_) => (Code::Taken, format!("Piece {number} is already sold or blocked")),
                None if self.new.contains_key(&serial_key) => {
                    (Code::NotFound, format!("“{number}” is not a serial number of product {}", product.code))
                }
                None => (Code::Taken, format!("Piece {number} was already sold with this order")),
            };
            Some(Fault::new(code, field.as_str(), message))
        });
        let faults: Vec<Fault> = faults.collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::Conflicts(faults)) }
    }

    /// Writes what was planned, and the history of the product.
    pub(crate) async fn carry_out(
        self,
        tx: &mut Conn,
        caller: &Caller,
        product: &Product,
        now: i64,
    ) -> Result<Registered, Error> {
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let done = Registered {
            registered: count(self.new.len()),
            updated: count(self.changed.len()),
            unchanged: self.unchanged,
        };
        self.insert(tx, caller, product, now).await?;
        self.update(tx, caller.company, now).await?;
        let change = Change {
            company: caller.company,
            reference: format!("product/{}", product.id),
            actor: &caller.id,
            action: "serials registered",
            at: now,
        };
        let (mut before, mut after) = (Map::new(), Map::new());
        before.insert("registered".to_owned(), json!(0));
        after.insert("registered".to_owned(), json!(done.registered));
        for Changed { known, state, sales_order } in &self.changed {
            before.insert(known.serial.clone(), json!([known.state, known.sales_order]));
            after.insert(known.serial.clone(), json!([state, sales_order]));
        }
        audit::record(tx, &change, &Value::Object(before), &Value::Object(after)).await?;
        Ok(done)
    }

    async fn insert(&self, tx: &mut Conn, caller: &Caller, product: &Product, now: i64) -> Result<(), Error> {
        if self.new.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(&[
            ("id", Type::Uuid),
            ("serial", Type::Text),
            ("serial_key", Type::Text),
            ("state", Type::BigInt),
            ("sales_order", Type::Text),
        ]);
        for (serial_key, write) in &self.new {
            rows.push([
                Uuid::now_v7().into(),
                search::trimmed(&write.serial_number).into(),
                serial_key.as_str().into(),
                write.status.unwrap_or(REGISTERED).into(),
                trimmed(write.sale_order_no.as_deref()).into(),
            ]);
        }
        let made = tx
            .sql(
                "insert into product_serial (company, id, product, serial, serial_key, state, sales_order, created_by, created_at,
                                             modified_at, version)
                 select ",
            )
            .push_bind(caller.company)
            .push(", id, ")
            .push_bind(product.id)
            .push(", serial, serial_key, state, sales_order, ")
            .push_bind(&caller.id)
            .push(", ")
            .push_bind(now)
            .push(", ")
            .push_bind(now)
            .push(", 1 from ")
            .push_rows(&rows)
            .push(" as input where true on conflict (company, serial_key) do nothing")
            .exec()
            .await?;
        if usize::try_from(made).is_ok_and(|made| made < self.new.len()) {
            let message = "Another request has registered some of these numbers meanwhile; repeat this one";
            return Err(Error::Conflict(Fault::new(Code::Taken, "serialNumbers", message)));
        }
        Ok(())
    }

    async fn update(&self, tx: &mut Conn, company: i64, now: i64) -> Result<(), Error> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(&[("id", Type::Uuid), ("state", Type::BigInt), ("sales_order", Type::Text)]);
        // Pieces that came back, and have no owner any more.
        let mut back = Rows::new(&[("id", Type::Uuid)]);
        for Changed { known, state, sales_order } in &self.changed {
            rows.push([known.id.into(), (*state).into(), sales_order.as_deref().into()]);
            if *state != known.state && matches!(*state, REGISTERED | SOLD) {
                back.push([known.id.into()]);
            }
        }
        tx.sql(
            "update product_serial
             set state = input.state, sales_order = input.sales_order, version = version + 1, modified_at = ",
        )
        .push_bind(now)
        .push(" from ")
        .push_rows(&rows)
        .push(" as input where product_serial.id = input.id and product_serial.company = ")
        .push_bind(company)
        .later()
        .await?;
        tx.sql(
            "update product_serial
             set customer = null, purchased_on = null, warranty_from = null, warranty_to = null, latitude = null,
                 longitude = null, note = null, verified_by = null, verified_at = null
             where company = $1 and id in (select id from ",
        )
        .bind(company)
        .push_rows(&back)
        .push(" as wanted)")
        .later()
        .await?;
        Ok(())
    }
}

/// Sells pieces with an order, or takes back those that were sold with it. 409 that names each piece to be sold that is
/// not one of the product, is sold already, or is blocked: `list` is the property that they came in.
pub(crate) async fn mark(
    tx: &mut Conn,
    by: &Actor,
    code: &str,
    (list, numbers): (&str, &[String]),
    order: &str,
    is_sold: bool,
) -> Result<(), Error> {
    let product = store::find(tx, by.caller.company, code).await?;
    let entry = |(index, number): (usize, &String)| Entry {
        field: format!("{list}[{index}]"),
        write: SerialWrite {
            serial_number: number.clone(),
            status: Some(if is_sold { SOLD } else { REGISTERED }),
            sale_order_no: is_sold.then(|| order.to_owned()),
        },
    };
    let entries: Vec<Entry> = numbers.iter().enumerate().map(entry).collect();
    let mut faults = Faults::default();
    check(&entries, list, &mut faults);
    faults.end()?;
    let mut plan = Plan::new(tx, by.caller.company, Some(&product), &entries).await?;
    if is_sold {
        plan.can_be_sold(&product, &entries)?;
    } else {
        // One that was sold with another order meanwhile is that one's.
        plan.changed.retain(|Changed { known, .. }| {
            known.state != SOLD || known.sales_order.as_deref().is_none_or(|other| key(other) == key(order))
        });
        for changed in &mut plan.changed {
            changed.sales_order = None;
        }
    }
    plan.carry_out(tx, &by.caller, &product, by.now).await?;
    Ok(())
}

fn trimmed(text: Option<&str>) -> Option<String> {
    text.map(search::trimmed).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The numbers that are there, held until the unit ends.
async fn known(tx: &mut Conn, company: i64, entries: &[Entry]) -> Result<HashMap<String, Known>, db::Error> {
    if entries.is_empty() {
        return Ok(HashMap::new());
    }
    let mut rows = Rows::new(&[("serial_key", Type::Text)]);
    for entry in entries {
        rows.push([key(&entry.write.serial_number).into()]);
    }
    tx.sql("update product_serial set version = version where company = $1 and serial_key in (select serial_key from ")
        .bind(company)
        .push_rows(&rows)
        .push(" as wanted)")
        .later()
        .await?;
    let found: Vec<Known> = tx
        .sql(
            "select serial.id, serial.product, product.code as product_code, serial.serial, serial.serial_key, serial.state,
                    serial.sales_order from ",
        )
        .push_rows(&rows)
        .push(" as input cross join product_serial as serial cross join product where serial.serial_key = input.serial_key and serial.company = ")
        .push_bind(company)
        .push(" and product.company = serial.company and product.id = serial.product")
        .all()
        .await?;
    Ok(found.into_iter().map(|known| (known.serial_key.clone(), known)).collect())
}
