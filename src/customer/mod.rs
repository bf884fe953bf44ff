//! Customers: create or update, read by code, number, name and tax number, and whether one is there already.

mod enquiry;
pub(crate) mod erased;
pub(crate) mod event;
mod file;
mod filter;
mod identity;
mod input;
mod legacy;
mod linked_tables;
mod list_plan;
mod lists;
pub(crate) mod merge;
mod page;
mod removal;
mod room;
mod satisfaction;
pub(crate) mod store;

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::input::{
    CustomerAddress, CustomerContact, CustomerCustomField, CustomerSocialAccount, CustomerSocialAccountWrite,
    CustomerWrite,
};
pub(crate) use self::linked_tables::Erase;
pub use self::linked_tables::{LINKED_TABLES, LinkedTable};
pub(crate) use self::removal::{delete, restore};
pub(crate) use self::store::{
    Introduction, Row, by_code, by_name, exactly, find, hold, hold_all, hold_code, introduce, key, put, tax_key,
};
use crate::app::App;
use crate::http::{Caller, Checked, Conditions, Envelope, Error, Faults, Json, Path, Query, Reply, language};
use crate::job::Kind;
use crate::setting::{block, phone, profile};
use crate::{telemetry, time};

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_or_update_customer))
        .routes(routes!(get_customer_by_code))
        .routes(routes!(get_customer_by_id))
        .routes(routes!(get_customer_by_name))
        .routes(routes!(get_customers_by_tax))
        .routes(routes!(check_customer_existence))
        .merge(enquiry::routes())
        .merge(event::routes())
        .merge(file::routes())
        .merge(satisfaction::routes())
        .merge(legacy::routes())
        .merge(merge::routes())
        .merge(removal::routes())
        .merge(room::routes())
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// The customer's number.
    #[schema(example = 480_258)]
    pub customer_id: i64,
    /// The customer's code.
    #[schema(example = "C000349")]
    pub customer_code: String,
    /// Name.
    #[schema(example = "Daaisyy")]
    pub customer_name: String,
    /// 1 lead, 2 prospect, 3 customer.
    #[schema(example = 3)]
    pub customer_state: i64,
    /// 0 active, 1 ended, 2 closed.
    #[schema(example = 0)]
    pub customer_status: i64,
    /// 1 business, 2 individual.
    #[schema(example = 2)]
    pub customer_type: Option<i64>,
    /// Address of a picture.
    pub customer_picture: Option<String>,
    /// Second name.
    #[serde(rename = "customer2ndName")]
    pub customer_second_name: Option<String>,
    /// Other names.
    pub customer_aliases: Vec<String>,
    /// Tax number.
    #[schema(example = "0000000000111")]
    pub customer_tax_no: Option<String>,
    /// Branch of the tax registration.
    #[schema(example = "00000")]
    pub branch_code: Option<String>,
    /// Telephone, as it was typed.
    #[schema(example = "+66660018286")]
    pub customer_phone: Option<String>,
    /// Mobile telephone, as it was typed.
    pub customer_mobile: Option<String>,
    /// E-mail.
    pub customer_email: Option<String>,
    /// Position at work.
    pub customer_position: Option<String>,
    /// 1 male, 2 female.
    pub customer_gender: Option<i64>,
    /// 1 single, 2 engaged, 3 married, 4 separated, 5 divorced, 6 widowed.
    pub customer_marital_status: Option<i64>,
    /// Date of birth, `YYYY-MM-DD`.
    #[schema(example = "2000-06-04")]
    pub customer_birthdate: Option<String>,
    /// Income, as text.
    pub customer_income: Option<String>,
    /// Credit limit, as text.
    pub credit_limit: Option<String>,
    /// Places.
    pub addresses: Vec<CustomerAddress>,
    /// Where the customer comes from.
    pub source_name: Option<String>,
    /// Customer group.
    pub customer_group_name: Option<String>,
    /// 1 new, 2 follow-up, 3 unqualified, 4 interested.
    #[schema(example = 4)]
    pub lead_status: i64,
    /// Title of the reason of an unqualified lead.
    pub unqulified_reason_name: Option<String>,
    /// Explanation of it.
    pub unqulified_reason_note: Option<String>,
    /// Interests.
    pub interests_name: Vec<String>,
    /// Tags.
    pub customer_tags: Vec<String>,
    /// Class.
    pub classification_name: Option<String>,
    /// Contact persons.
    pub contacts: Vec<CustomerContact>,
    /// Accounts in social networks.
    pub customer_social_account: CustomerSocialAccount,
    /// Custom fields by display name.
    pub custom_fields: Vec<CustomerCustomField>,
    /// Note.
    pub customer_note: Option<String>,
    /// Staff codes of those who look after the customer.
    #[schema(example = json!(["Admin01"]))]
    pub owners: Vec<String>,
    /// Who created the record: the id of an API client.
    pub created_by_user_id: String,
    /// When it was created.
    #[schema(example = "2023-01-20T11:38:34+0700")]
    pub date_created: String,
    /// Who changed it last.
    pub modified_by_user_id: String,
    /// When it was changed last.
    #[schema(example = "2023-01-20T11:38:34+0700")]
    pub date_modified: String,
    /// When the person was removed from the record at the person's own wish; null otherwise.
    pub date_erased: Option<String>,
}

/// The keys of a customer that was written.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerKeys {
    /// The customer's number.
    #[schema(example = 480_258)]
    customer_id: i64,
    /// The customer's code.
    #[schema(example = "C000349")]
    customer_code: String,
    /// What looks wrong and was taken all the same.
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct CodePath {
    /// The customer's code, in any letter case.
    customer_code: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct IdPath {
    /// The customer's number.
    customer_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct NamePath {
    /// The whole name, in any letter case.
    customer_name: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct TaxPath {
    /// The tax number; spaces and hyphens do not matter.
    tax_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct TaxQuery {
    /// Only the customer of this branch.
    branch_code: Option<String>,
}

/// Create a customer, or update the one whose code is given.
///
/// What is absent stays as it is, null clears it. Look-up entries that are new are made. A name belongs to one customer
/// of a company: 409 names the other.
#[utoipa::path(
    post,
    path = "/v3/customers",
    operation_id = "createOrUpdateCustomer",
    tag = "Customer",
    params(
        ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now"),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client"),
    ),
    request_body = CustomerWrite,
    responses((status = 200, description = "The customer's keys.", body = Envelope<CustomerKeys>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn create_or_update_customer(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Checked { value: input, faults }: Checked<CustomerWrite>,
) -> Result<Reply<CustomerKeys>, Error> {
    input.check(faults)?;
    let ignored: Vec<String> = telemetry::ignored().iter().map(ToString::to_string).collect();
    let going = block::begin(&app, caller.company, "customer").await?;
    let reply = caller
        .write(&app, async |mut tx| {
            let mut written = store::put_as(&mut tx, &caller, &input, &conditions, going.id(), app.now()).await?;
            going.wrote(written.row.id);
            written.warnings.extend(ignored.iter().cloned());
            let version = written.row.version;
            let keys = CustomerKeys {
                customer_id: written.row.id,
                customer_code: written.row.code,
                warnings: written.warnings.iter().map(|warning| language::told_warning(warning)).collect(),
            };
            tx.reply(Reply::ok(keys).version(version, &Conditions::default())).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

/// Get a customer by its code.
///
/// The code of a customer that was merged into another leads to that one.
#[utoipa::path(
    get,
    path = "/v3/customers/{customerCode}",
    operation_id = "getCustomerByCustomerCode",
    tag = "Customer",
    params(CodePath, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The customer.", body = Envelope<Customer>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn get_customer_by_code(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CodePath>,
) -> Result<Reply<Customer>, Error> {
    let mut conn = app.db.read().await?;
    let found = store::by_code(&mut conn, caller.company, &path.customer_code).await?;
    let row = found.ok_or(Error::NotFound("customer"))?.shown()?;
    store::must_see(&mut conn, &caller, row.id).await?;
    reply(&mut conn, row, &conditions).await
}

/// Get a customer by its number.
#[utoipa::path(
    get,
    path = "/v3/customers/id/{customerId}",
    operation_id = "getCustomerByCustomerId",
    tag = "Customer",
    params(IdPath, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The customer.", body = Envelope<Customer>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn get_customer_by_id(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<IdPath>,
) -> Result<Reply<Customer>, Error> {
    let mut conn = app.db.read().await?;
    let found = store::by_id(&mut conn, caller.company, path.customer_id).await?;
    let row = found.ok_or(Error::NotFound("customer"))?.shown()?;
    store::must_see(&mut conn, &caller, row.id).await?;
    reply(&mut conn, row, &conditions).await
}

/// Get a customer by its whole name.
#[utoipa::path(
    get,
    path = "/v3/customers/name/{customerName}",
    operation_id = "getCustomerByCustomerName",
    tag = "Customer",
    params(NamePath, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The customer.", body = Envelope<Customer>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn get_customer_by_name(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<NamePath>,
) -> Result<Reply<Customer>, Error> {
    let mut conn = app.db.read().await?;
    let found = store::by_name(&mut conn, caller.company, &path.customer_name).await?;
    let row = found.ok_or(Error::NotFound("customer"))?;
    store::must_see(&mut conn, &caller, row.id).await?;
    reply(&mut conn, row, &conditions).await
}

/// Get the customers that carry a tax number, one for each branch.
#[utoipa::path(
    get,
    path = "/v3/customers/tax/{taxId}",
    operation_id = "getCustomerByTaxId",
    tag = "Customer",
    params(TaxPath, TaxQuery),
    responses((status = 200, description = "The customers, by branch: at most 200.", body = Envelope<Vec<Customer>>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn get_customers_by_tax(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TaxPath>,
    Query(query): Query<TaxQuery>,
) -> Result<Reply<Vec<Customer>>, Error> {
    let mut conn = app.db.read().await?;
    let rows = store::by_tax(&mut conn, &caller, &path.tax_id, query.branch_code.as_deref()).await?;
    if rows.is_empty() {
        return Err(Error::NotFound("customer"));
    }
    Ok(Reply::ok(views(&mut conn, caller.company, rows).await?))
}

/// What a customer might be known by; at least one is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerExistence {
    /// Whole name, in any letter case.
    #[schema(example = "Daaisyy")]
    customer_name: Option<String>,
    /// Tax number.
    customer_tax_no: Option<String>,
    /// Telephone, in any form.
    #[schema(example = "066-001-8286")]
    customer_phone: Option<String>,
    /// E-mail.
    customer_email: Option<String>,
}

/// Whether a customer is there.
#[derive(Debug, Serialize, ToSchema)]
struct Existence {
    /// Whether any customer matches.
    exists: bool,
    /// Those that do, the oldest first: at most 200.
    customers: Vec<Match>,
}

/// A customer that matches.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Match {
    /// The customer's number.
    customer_id: i64,
    /// The customer's code.
    customer_code: String,
    /// Name.
    customer_name: String,
    /// The fields of the request that are this customer's.
    matched: Vec<&'static str>,
}

/// Say whether a customer with this name, tax number, telephone or e-mail is there, and which.
#[utoipa::path(
    post,
    path = "/v3/customers/existence",
    operation_id = "checkCustomerExistence",
    tag = "Customer",
    request_body = CustomerExistence,
    responses((status = 200, description = "Whether one is there.", body = Envelope<Existence>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn check_customer_existence(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<CustomerExistence>,
) -> Result<Reply<Existence>, Error> {
    let given =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let mut conn = app.db.read().await?;
    let country = profile::of(&mut conn, caller.company).await?.country.clone();
    let phone = given(&input.customer_phone);
    let known = store::Known {
        name: given(&input.customer_name),
        tax_no: given(&input.customer_tax_no),
        phone: phone.as_deref().and_then(|phone| phone::e164(phone, &country)),
        email: given(&input.customer_email),
    };
    let nothing = known.name.is_none() && known.tax_no.is_none() && phone.is_none() && known.email.is_none();
    if nothing {
        let mut faults = Faults::default();
        for field in ["customerName", "customerTaxNo", "customerPhone", "customerEmail"] {
            faults.add(crate::http::Code::Required, field, "At least one of the four fields is required");
        }
        faults.end()?;
    }
    let customers: Vec<Match> = store::matching(&mut conn, &caller, &known).await?;
    Ok(Reply::ok(Existence { exists: !customers.is_empty(), customers }))
}

/// One customer, with its version.
async fn reply(conn: &mut Conn, row: Row, conditions: &Conditions) -> Result<Reply<Customer>, Error> {
    let zone = time::zone(conn, row.company).await?;
    let version = row.version;
    let links = store::links_of(conn, &row).await?;
    Ok(Reply::ok(row.view(links, &zone)).version(version, conditions))
}

/// Customers as the API shows them, in their order.
async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>) -> Result<Vec<Customer>, Error> {
    let zone = time::zone(conn, company).await?;
    let links = store::links(conn, company, &rows).await?;
    Ok(rows.into_iter().zip(links).map(|(row, links)| row.view(links, &zone)).collect())
}
