//! The kinds of record that are copied: where each is listed, where one is read whole, and how one is written.

use clap::ValueEnum;
use db::Conn;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::source::Source;
use super::{Order, lists, sales};
use crate::customer::{self, CustomerWrite};
use crate::http::{Caller, Conditions, Error, Faults, lenient};
use crate::product::{self, ProductWrite};
use crate::record::{self, Actor};
use crate::staff::employee::{self, EmployeeUpsert};
use crate::time::{self, Zone};

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Employees, with their superiors.
    Employees,
    /// Customers.
    Customers,
    /// Products, with variants, prices, quantities and parts.
    Products,
    /// Deals, with the boards, stages and other lists that they choose from.
    Deals,
    /// Quotations.
    Quotations,
    /// Sales orders, with their payments.
    Orders,
    /// Contracts, with their service agreements.
    Contracts,
    /// Expenses, with their steps of approval.
    Expenses,
}

/// One way through the other server's list. What refers to records of its own kind comes in a step of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Employees,
    Superiors,
    Customers,
    Products,
    Bundles,
    /// Look-up lists: what deals and documents choose from.
    Lists,
    Deals,
    Quotations,
    Orders,
    Contracts,
    Expenses,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Created,
    Updated,
    Unchanged,
    /// Not what this step is about.
    Left,
}

impl From<record::Outcome> for Outcome {
    fn from(outcome: record::Outcome) -> Outcome {
        match outcome {
            record::Outcome::Created => Outcome::Created,
            record::Outcome::Updated(_) => Outcome::Updated,
            record::Outcome::Unchanged => Outcome::Unchanged,
        }
    }
}

impl Kind {
    /// Every kind, in the order in which they refer to one another.
    pub(crate) const ALL: [Kind; 8] = [
        Kind::Employees,
        Kind::Customers,
        Kind::Products,
        Kind::Deals,
        Kind::Quotations,
        Kind::Orders,
        Kind::Contracts,
        Kind::Expenses,
    ];

    pub(super) fn steps(self) -> &'static [Step] {
        match self {
            Kind::Employees => &[Step::Employees, Step::Superiors],
            Kind::Customers => &[Step::Customers],
            Kind::Products => &[Step::Products, Step::Bundles],
            Kind::Deals => &[Step::Lists, Step::Deals],
            Kind::Quotations => &[Step::Lists, Step::Quotations],
            Kind::Orders => &[Step::Lists, Step::Orders],
            Kind::Contracts => &[Step::Contracts],
            Kind::Expenses => &[Step::Expenses],
        }
    }

    /// How many there are here.
    pub(super) async fn count(self, conn: &mut Conn, company: i64) -> Result<i64, db::Error> {
        conn.sql(match self {
            Kind::Employees => "select count(*) from employee where company = $1",
            Kind::Customers => "select count(*) from customer where company = $1 and deleted_at is null",
            Kind::Products => {
                "select count(*) from product where company = $1 and deleted_at is null and parent is null"
            }
            Kind::Deals => "select count(*) from deal where company = $1 and deleted_at is null",
            Kind::Quotations => "select count(*) from quotation where company = $1 and deleted_at is null",
            Kind::Orders => "select count(*) from sales_order where company = $1 and deleted_at is null",
            Kind::Contracts => "select count(*) from contract where company = $1 and deleted_at is null",
            Kind::Expenses => "select count(*) from expense where company = $1 and deleted_at is null",
        })
        .bind(company)
        .one()
        .await
    }
}

/// Records of one page. Clients of the original never ask for more than 50 employees.
const EMPLOYEES: i64 = 50;
const CUSTOMERS: i64 = 100;
const PRODUCTS: i64 = 100;
const DOCUMENTS: i64 = 100;

impl Step {
    /// The word in the database.
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::Employees => "employees",
            Step::Superiors => "superiors",
            Step::Customers => "customers",
            Step::Products => "products",
            Step::Bundles => "bundles",
            Step::Lists => "lists",
            Step::Deals => "deals",
            Step::Quotations => "quotations",
            Step::Orders => "orders",
            Step::Contracts => "contracts",
            Step::Expenses => "expenses",
        }
    }

    /// Whether the report tells of it: the others go through a list that was counted already.
    pub(super) fn is_counted(self) -> bool {
        !matches!(self, Step::Superiors | Step::Bundles | Step::Lists)
    }

    /// Whether a server may have no such list, or not for every client: then these records are left out, and the rest is
    /// copied.
    pub(super) fn may_lack(self) -> bool {
        matches!(self, Step::Deals | Step::Quotations | Step::Orders | Step::Contracts | Step::Expenses)
    }

    /// The operation that lists them.
    pub(super) fn path(self) -> &'static str {
        match self {
            Step::Employees | Step::Superiors => "/v1/Employees/Enquiry",
            Step::Customers => "/v3/customers/enquiry",
            Step::Products | Step::Bundles => "/v2/Products/GetProduct",
            Step::Lists => "/v1/setting",
            Step::Deals => "/v1/deals/enquiry",
            Step::Quotations => "/v1/quotation/enquiry",
            Step::Orders => "/v2/salesorder/enquiry",
            Step::Contracts => "/v1/contract/enquiry",
            Step::Expenses => "/v1/Expenses/Enquiry",
        }
    }

    /// The body that asks for a page.
    pub(super) fn query(self, skip: i64, cursor: Option<&str>, since: Option<i64>) -> Value {
        match self {
            Step::Employees | Step::Superiors => json!({
                "employeeType": null, "teamId": null, "status": null, "keyWord": "", "orderBy": 0, "skip": skip,
                "pageLength": EMPLOYEES, "type": null
            }),
            Step::Customers => json!({
                "skip": skip, "take": CUSTOMERS, "pageLength": CUSTOMERS, "cursor": cursor,
                "orderBy": "dateCreated asc", "modifiedFrom": since.map(|at| time::text(at, &Zone::UTC))
            }),
            Step::Products | Step::Bundles => {
                json!({"take": PRODUCTS, "status": [0, 1], "skip": skip, "cursor": cursor})
            }
            Step::Lists => json!({}),
            // The oldest first: what is added meanwhile comes behind them.
            Step::Deals => json!({
                "dealStageIds": [], "skip": skip, "take": DOCUMENTS, "pageLength": DOCUMENTS, "keyword": "",
                "orderBy": "-dateCreated"
            }),
            Step::Quotations | Step::Orders | Step::Contracts => json!({
                "skip": cursor.is_none().then_some(skip), "take": DOCUMENTS, "cursor": cursor, "orderBy": "-dateCreated"
            }),
            // These have no pages; what does not fit is asked for by its time.
            Step::Expenses => json!({
                "expenseTypeId": 0, "statusIds": [], "staffCodes": [], "searchText": null, "dateStart": null,
                "dateEnd": cursor
            }),
        }
    }

    /// The code of a row.
    pub(super) fn code_of(self, row: &Value) -> Option<String> {
        let code = match self {
            Step::Employees | Step::Superiors => &row["staffCode"],
            Step::Customers => &row["customerCode"],
            Step::Products | Step::Bundles => &row["productCode"],
            Step::Lists => &row["code"],
            Step::Deals => &row["dealNo"],
            Step::Quotations => &row["quotationNo"],
            Step::Orders => &row["salesOrderNo"],
            Step::Contracts => &row["contractNo"],
            Step::Expenses => &row["expenseNo"],
        };
        code.as_str().map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned)
    }

    /// Whether a row says that it was not changed since.
    pub(super) fn is_older(self, row: &Value, since: Option<i64>) -> bool {
        let changed = row["dateModified"].as_str().and_then(|text| time::read(text, &Zone::UTC));
        since.zip(changed).is_some_and(|(since, changed)| changed < since)
    }

    /// The whole record; a list may show less than it.
    pub(super) async fn whole(self, source: &mut Source, code: &str, row: Value) -> Result<Option<Value>, Error> {
        let (path, whole) = match self {
            Step::Employees | Step::Superiors => {
                ("/v1/Employees", row.get("isActive").is_some() && row.get("role").is_some())
            }
            Step::Customers => ("/v3/customers", row.get("contacts").is_some() && row.get("customFields").is_some()),
            Step::Products | Step::Bundles => ("/v2/products", row.get("productUnitName").is_some()),
            Step::Lists => return Ok(Some(row)),
            Step::Deals | Step::Quotations | Step::Orders | Step::Contracts | Step::Expenses => {
                return sales::whole(self, source, code, row).await;
            }
        };
        if whole || code.is_empty() {
            return Ok(Some(row));
        }
        Ok(source.get(path, code).await?.map(data_of))
    }

    /// Writes a record as a client of the API would; documents and deals as they are stored there. What of it was left out
    /// is told in `left`.
    pub(super) async fn put(
        self,
        tx: &mut Conn,
        caller: &Caller,
        record: &Value,
        order: &Order,
        now: i64,
        left: &mut Faults,
    ) -> Result<Outcome, Error> {
        match self {
            Step::Employees => put_employee(tx, caller, employee_of(record, false), order, now).await,
            Step::Superiors if record["headCode"].as_str().is_none_or(str::is_empty) => Ok(Outcome::Left),
            Step::Superiors => put_employee(tx, caller, employee_of(record, true), order, now).await,
            Step::Customers => {
                let input: CustomerWrite = lenient::decode_value(record).map_err(Error::Invalid)?;
                input.check(Vec::new())?;
                let written = customer::put(tx, caller, &input, &Conditions::default(), now).await?;
                Ok(written.outcome.into())
            }
            Step::Products => put_product(tx, caller, record, now).await,
            Step::Bundles => put_parts(tx, caller, record, now).await,
            Step::Lists => lists::put(tx, caller.company, record).await,
            Step::Deals | Step::Quotations | Step::Orders | Step::Contracts | Step::Expenses => {
                let by = Actor { caller: caller.clone(), now };
                Ok(sales::put(self, tx, &by, record, left).await?.into())
            }
        }
    }
}

/// The record in an answer: in `data`, or in `data.value`.
pub(super) fn data_of(mut answer: Value) -> Value {
    match answer.get_mut("data").map(Value::take).unwrap_or_default() {
        Value::Object(mut data) if data.get("value").is_some_and(Value::is_object) => {
            data.remove("value").unwrap_or_default()
        }
        data => data,
    }
}

/// An employee's answer as the request that makes it.
fn employee_of(record: &Value, with_head: bool) -> Value {
    let given = |names: &[&str]| {
        let text = names.iter().find_map(|name| record[*name].as_str().filter(|text| !text.trim().is_empty()));
        text.map_or(Value::Null, |text| text.into())
    };
    let full = record["fullname"].as_str().unwrap_or_default().trim();
    let (first, last) = full.split_once(' ').unwrap_or((full, full));
    let or = |value: Value, other: &str| if value.is_null() { other.trim().into() } else { value };
    let mut body = json!({
        "staffCode": record["staffCode"], "email": given(&["email", "username"]),
        "firstname": or(given(&["firstname"]), first), "lastname": or(given(&["lastname"]), last),
        "nickname": record["nickname"], "phoneNumber": record["phoneNumber"], "roleName": given(&["role", "roleName"]),
        "teamName": given(&["teamName"]), "isActive": record["isActive"], "timeZone": record["timeZone"]
    });
    if with_head {
        body["headCode"] = record["headCode"].clone();
    }
    body
}

async fn put_employee(
    tx: &mut Conn,
    caller: &Caller,
    mut body: Value,
    order: &Order,
    now: i64,
) -> Result<Outcome, Error> {
    if let Some(default) = &order.default_role {
        let name = body["roleName"].as_str().unwrap_or_default();
        if !employee::is_role(tx, caller.company, name).await? {
            body["roleName"] = default.as_str().into();
        }
    }
    let input: EmployeeUpsert = lenient::decode_value(&body).map_err(Error::Invalid)?;
    employee::check(&input)?;
    let written = employee::put(tx, caller, &input, &Conditions::default(), now).await?;
    Ok(written.outcome.into())
}

/// A product's answer as the request that makes it. Units and attributes must be in their lists, so they are put there.
async fn put_product(tx: &mut Conn, caller: &Caller, record: &Value, now: i64) -> Result<Outcome, Error> {
    let mut body: Map<String, Value> = record.as_object().cloned().unwrap_or_default();
    let variants = body.get("productVariant").and_then(Value::as_array).cloned().unwrap_or_default();
    if variants.is_empty() {
        body.remove("productVariant");
    } else {
        // These are the variants' own; of the product they are sums.
        for field in ["cost", "prices", "qty"] {
            body.remove(field);
        }
    }
    if let Some(unit) = body.get("productUnitName").and_then(Value::as_str) {
        product::ensure_unit(tx, caller.company, unit).await?;
    }
    for (name, value) in attributes(&variants) {
        product::ensure_attribute(tx, caller.company, &name, &value).await?;
    }
    let input: ProductWrite = lenient::decode_value(&Value::Object(body)).map_err(Error::Invalid)?;
    Ok(product::put(tx, caller, &input, now).await?.outcome.into())
}

/// The attributes of variants, each with its value.
fn attributes(variants: &[Value]) -> Vec<(String, String)> {
    let all = variants.iter().filter_map(|variant| variant["attribute"].as_array()).flatten();
    all.filter_map(|attribute| {
        let text = |name: &str| attribute[name].as_str().map(str::to_owned);
        text("attributeName").zip(text("attributeValueName"))
    })
    .collect()
}

/// What a bundle consists of, once all products are there.
async fn put_parts(tx: &mut Conn, caller: &Caller, record: &Value, now: i64) -> Result<Outcome, Error> {
    let parts = record["parts"].as_array().filter(|parts| !parts.is_empty());
    let (Some(parts), Some(code)) = (parts, record["productCode"].as_str()) else { return Ok(Outcome::Left) };
    let parts: Vec<product::Part> = lenient::decode_value(&json!(parts)).map_err(Error::Invalid)?;
    product::set_parts(tx, caller, code, &parts, &Conditions::default(), now).await?;
    Ok(Outcome::Unchanged)
}
