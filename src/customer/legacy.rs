//! The operations of the legacy portal: bare records without an envelope, and codes of their own.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use db::Conn;

use super::filter::{Filter, Near};
use super::input::{CustomerAddress, CustomerContact, CustomerSocialAccountWrite, CustomerWrite};
use super::page::find_page;
use super::store::{self, Links, Reach, Row};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Conditions, Error, Fault, Faults, Json, Patch, Path, Reply};
use crate::job::Kind;
use crate::search;
use crate::setting::list::List;
use crate::setting::{block, choice};
use crate::time::{self, Zone};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(legacy_create_customer))
        .routes(routes!(legacy_get_customer))
        .routes(routes!(legacy_enquire_customers))
}

/// A customer as the legacy portal creates one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LegacyCustomerWrite {
    /// Staff codes of those who look after the customer.
    #[schema(example = json!(["Admin01"]))]
    owners: Option<Vec<String>>,
    /// Name of the contact person.
    #[schema(example = "Contact002")]
    contact_name: String,
    /// The customer's code. One that is known is updated.
    #[schema(example = "C000349")]
    customer_code: String,
    /// Name.
    #[schema(example = "Daaisyy")]
    customer_name: String,
    /// 11100 lead, 11200 prospect, 11300 customer.
    #[schema(example = 11_300)]
    customer_type: i64,
    /// Telephone.
    phone: Option<String>,
    /// Mobile telephone.
    mobile: Option<String>,
    /// Note.
    notes: Option<String>,
    /// E-mail.
    #[schema(example = json!(null))]
    email: Option<String>,
    /// Account in a social network: an address of one, or an id at LINE.
    social_account: Option<String>,
    /// Where the customer comes from; made when it is new.
    source_of_lead: Option<String>,
    /// Places.
    locations: Option<Vec<CustomerAddress>>,
    /// Other names.
    aliases: Option<Vec<String>>,
    /// Numbers of interests.
    #[schema(example = json!([]))]
    interest_ids: Option<Vec<i64>>,
    /// Number of a class.
    #[schema(example = json!(null))]
    classification_id: Option<i64>,
    /// Number of a customer group.
    #[schema(example = json!(null))]
    group_id: Option<i64>,
    /// Credit limit, as text.
    credit_limit: Option<String>,
    /// 1 new, 2 follow-up, 3 unqualified, 4 interested.
    #[schema(example = json!(null))]
    lead_status: Option<i64>,
    /// Taken and not used: its values are not known.
    #[expect(dead_code, reason = "clients send it")]
    customer_state_id: Option<i64>,
}

/// A customer as the legacy portal answers it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LegacyCustomer {
    /// The customer's number.
    #[schema(example = 480_258)]
    customer_id: i64,
    /// The company's number.
    #[schema(example = 507)]
    company_id: i64,
    /// The customer's code.
    #[schema(example = "C000349")]
    customer_code: String,
    /// Name.
    #[schema(example = "Daaisyy")]
    customer_name: String,
    /// 11100 lead, 11200 prospect, 11300 customer.
    #[schema(example = 11_300)]
    customer_type: i64,
    /// Whether the customer's status is active.
    #[schema(example = true)]
    is_active: bool,
    /// Who created the record.
    created_by_user_id: String,
    /// When it was created.
    #[schema(example = "2023-01-20T11:38:34+0700")]
    date_created: String,
    /// Who changed it last.
    modified_by_user_id: String,
    /// When it was changed last.
    #[schema(example = "2023-01-20T11:38:34+0700")]
    date_modified: String,
    /// 1 new, 2 follow-up, 3 unqualified, 4 interested.
    #[schema(example = 4)]
    lead_status: i64,
    /// 1 lead, 2 prospect, 3 customer.
    #[schema(example = 3)]
    customer_state_id: i64,
    /// Whether somebody looks after the customer.
    has_owner: bool,
    /// When the customer was won; not kept here.
    date_acquired: Option<String>,
    /// The name, which is unique.
    unique_name: String,
    /// E-mail.
    email: Option<String>,
    /// Staff codes of those who look after the customer.
    customer_owners_str: Vec<String>,
    /// Address of a picture.
    #[serde(rename = "PictureUrl")]
    picture_url: Option<String>,
    /// Places.
    addresses: Vec<CustomerAddress>,
    /// The same as `leadStatus`.
    lead_states: i64,
    /// Interests.
    customer_interests: Vec<LegacyInterest>,
}

/// An interest of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LegacyInterest {
    /// Its name.
    interest_name: String,
}

fn view(row: Row, links: Links, zone: &Zone) -> LegacyCustomer {
    LegacyCustomer {
        customer_id: row.id,
        company_id: row.company,
        customer_code: row.code,
        unique_name: row.name.clone(),
        customer_name: row.name,
        customer_type: 11_000 + row.state * 100,
        is_active: row.status == 0,
        created_by_user_id: row.created_by,
        date_created: time::text(row.created_at, zone),
        modified_by_user_id: row.modified_by,
        date_modified: time::text(row.modified_at, zone),
        lead_status: row.lead_status,
        customer_state_id: row.state,
        has_owner: !links.owners.is_empty(),
        date_acquired: None,
        email: row.email,
        customer_owners_str: links.owners,
        picture_url: row.profile.picture,
        addresses: row.profile.addresses,
        lead_states: row.lead_status,
        customer_interests: links.interests.into_iter().map(|interest_name| LegacyInterest { interest_name }).collect(),
    }
}

async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>) -> Result<Vec<LegacyCustomer>, Error> {
    let zone = time::zone(conn, company).await?;
    let links = store::links(conn, company, &rows).await?;
    Ok(rows.into_iter().zip(links).map(|(row, links)| view(row, links, &zone)).collect())
}

/// Create a customer, or update the one of this code (legacy portal).
#[utoipa::path(
    post,
    path = "/v1/Customers",
    operation_id = "legacyCreateCustomer",
    tag = "Customer",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = LegacyCustomerWrite,
    responses((status = 200, description = "The customer, without an envelope.", body = LegacyCustomer)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn legacy_create_customer(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<LegacyCustomerWrite>,
) -> Result<Reply<LegacyCustomer>, Error> {
    let known = app.db.read().await?;
    let input = input.read(known, caller.company, faults).await?;
    let going = block::begin(&app, caller.company, "customer").await?;
    let reply = caller
        .write(&app, async |mut tx| {
            let conditions = Conditions::default();
            let written = store::put_as(&mut tx, &caller, &input, &conditions, going.id(), app.now()).await?;
            going.wrote(written.row.id);
            let mut views = views(&mut tx, caller.company, vec![written.row]).await?;
            tx.reply(Reply::bare(views.pop().ok_or(Error::NotFound("customer"))?)).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(reply)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct LegacyPath {
    /// The customer's code; a number that is no code is the customer's number.
    code: String,
}

/// Get a customer by its code (legacy portal).
#[utoipa::path(
    get,
    path = "/v1/Customers/{code}",
    operation_id = "legacyGetCustomer",
    tag = "Customer",
    params(LegacyPath),
    responses((status = 200, description = "The customer, without an envelope.", body = LegacyCustomer)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn legacy_get_customer(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<LegacyPath>,
) -> Result<Reply<LegacyCustomer>, Error> {
    let mut conn = app.db.read().await?;
    let mut found = store::by_code(&mut conn, caller.company, &path.code).await?;
    if let (None, Ok(id)) = (&found, path.code.trim().parse()) {
        found = store::by_id(&mut conn, caller.company, id).await?;
    }
    let row = found.ok_or(Error::NotFound("customer"))?.living()?;
    store::must_see(&mut conn, &caller, row.id).await?;
    let mut views = views(&mut conn, caller.company, vec![row]).await?;
    Ok(Reply::bare(views.pop().ok_or(Error::NotFound("customer"))?))
}

/// Which customers to list (legacy portal).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LegacyEnquiry {
    /// 11100 lead, 11200 prospect, 11300 customer; required, here or as `ccustomerType`.
    #[schema(example = 11_100)]
    customer_type: Option<i64>,
    /// The same, as the original's table spells it.
    ccustomer_type: Option<i64>,
    /// Latitude of a place, in degrees.
    #[schema(example = 0.0)]
    latitude: Option<f64>,
    /// Longitude of a place, in degrees.
    #[schema(example = 0.0)]
    longitude: Option<f64>,
    /// Kilometres around the place; 0 is no limit.
    #[schema(example = 0.0)]
    distance_limit: Option<f64>,
    /// 1 lead, 2 prospect, 3 customer; 0 all.
    #[schema(example = 0)]
    states: Option<i64>,
    /// Taken and not used: its meaning in the original API is not known.
    #[expect(dead_code, reason = "clients send it")]
    action_states: Option<i64>,
    /// 1 all, 2 those that somebody looks after, else the number of a team.
    owner_teams: Option<i64>,
    /// Names of the properties to answer; all when absent or empty.
    display_columns: Option<Vec<String>>,
    /// Interests: has any of them.
    topic_interests: Option<Vec<String>>,
    /// Staff codes: looked after by any of them.
    owners: Option<Vec<String>>,
    /// Numbers of classes.
    classifications: Option<Vec<i64>>,
    /// Numbers of customer groups.
    groups: Option<Vec<i64>>,
    /// True: active; false: ended or closed.
    statuses: Option<Vec<bool>>,
    /// Taken and not used: customers have none here.
    #[expect(dead_code, reason = "clients send it")]
    probabilities: Option<Vec<i64>>,
    /// Customers a page: at most 200.
    #[schema(example = 20)]
    page_length: i64,
    /// Customers to leave out.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// As in the enquiry of version 3; what is not known there is the default, the newest first.
    order_by: Option<String>,
    /// Part of a name, alias, code, telephone, e-mail or tax number.
    keyword: Option<String>,
}

/// List customers of one kind by filters (legacy portal).
#[utoipa::path(
    post,
    path = "/v1/Customers/Enquiry",
    operation_id = "legacyEnquireCustomers",
    tag = "Customer",
    request_body = LegacyEnquiry,
    responses((status = 200, description = "One page of customers, without an envelope.", body = Vec<LegacyCustomer>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn legacy_enquire_customers(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<LegacyEnquiry>,
) -> Result<Reply<serde_json::Value>, Error> {
    let columns: Vec<String> = input.display_columns.iter().flatten().map(|name| name.to_lowercase()).collect();
    let mut filter = input.filter()?;
    filter.reach = Reach::of(&caller);
    let mut conn = app.db.read().await?;
    let rows = find_page(&mut conn, caller.company, &filter, app.config.effort).await?.rows;
    let views = views(&mut conn, caller.company, rows).await?;
    let mut value = serde_json::to_value(views).map_err(|error| Error::Internal(error.to_string()))?;
    if !columns.is_empty() {
        for row in value.as_array_mut().into_iter().flatten().filter_map(|row| row.as_object_mut()) {
            row.retain(|name, _| columns.contains(&name.to_lowercase()));
        }
    }
    Ok(Reply::bare(value))
}

impl LegacyEnquiry {
    fn filter(self) -> Result<Filter, Error> {
        let mut faults = Faults::default();
        let mut filter = Filter::page(self.skip, None, Some(self.page_length), &mut faults);
        match self.customer_type.or(self.ccustomer_type) {
            None => faults.add(Code::Required, "customerType", "customerType is required"),
            Some(kind) => {
                faults.one_of("customerType", kind, &[11_100, 11_200, 11_300]);
                filter.state = Some((kind - 11_000) / 100);
            }
        }
        if let Some(state @ 1..) = self.states {
            faults.one_of("states", state, &[0, 1, 2, 3]);
            filter.state = Some(state);
        }
        let distance = self.distance_limit.unwrap_or(0.0);
        if distance < 0.0 {
            faults.add(Code::OutOfRange, "distanceLimit", "distanceLimit must be 0 or more");
        }
        faults.end()?;
        if let (Some(latitude), Some(longitude), true) = (self.latitude, self.longitude, distance > 0.0) {
            filter.near = Some(Near::new(latitude, longitude, distance));
        }
        filter.order(self.order_by.as_deref().unwrap_or_default());
        match self.owner_teams {
            None | Some(0 | 1) => {}
            Some(2) => filter.has_owner = true,
            team => filter.team = team,
        }
        let statuses = self.statuses.unwrap_or_default();
        let active = statuses.contains(&true);
        // Both is no filter.
        filter.active = (!statuses.is_empty() && active != statuses.contains(&false)).then_some(active);
        Ok(Filter {
            keyword: search::keyword_or_phone(self.keyword.as_deref()),
            owners: self.owners.unwrap_or_default(),
            interests: self.topic_interests.unwrap_or_default(),
            groups: self.groups.unwrap_or_default(),
            classifications: self.classifications.unwrap_or_default(),
            ..filter
        })
    }
}

/// A property that a legacy client leaves out or sends as null stays as it is.
fn kept<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

impl LegacyCustomerWrite {
    /// The same customer in the words of version 3; numbers of look-up entries become their names.
    async fn read(self, mut conn: Conn, company: i64, found: Vec<Fault>) -> Result<CustomerWrite, Error> {
        let mut faults = Faults::new(found);
        faults.required("contactName", &self.contact_name, 300);
        faults.required("customerCode", &self.customer_code, 50);
        faults.one_of("customerType", self.customer_type, &[11_100, 11_200, 11_300]);
        let mut name = async |list: List, field: String, id: i64| -> Result<Option<String>, Error> {
            let found = choice::find(&mut conn, company, list, id).await?;
            if found.is_none() {
                faults.add(Code::NotFound, field.as_str(), format!("{field} {id} is not an entry of {}", list.path()));
            }
            Ok(found.map(|choice| choice.name))
        };
        let group = match self.group_id {
            Some(id) => name(List::CustomerGroups, "groupId".to_owned(), id).await?,
            None => None,
        };
        let classification = match self.classification_id {
            Some(id) => name(List::Classifications, "classificationId".to_owned(), id).await?,
            None => None,
        };
        let mut interests = Vec::new();
        for (index, id) in self.interest_ids.iter().flatten().enumerate() {
            interests.extend(name(List::Interests, format!("interestIds[{index}]"), *id).await?);
        }
        let customer = CustomerWrite {
            customer_code: Some(self.customer_code),
            customer_name: self.customer_name,
            customer_state: (self.customer_type - 11_000) / 100,
            owners: kept(self.owners),
            contacts: Patch::Set(vec![CustomerContact {
                contact_name: self.contact_name,
                contact_status: Some(true),
                contact_phone: self.phone.clone(),
                contact_mobile: self.mobile.clone(),
                contact_email: self.email.clone(),
                contact_position: None,
                contact_birthdate: None,
                contact_note: None,
                contact_picture: None,
                contact_social_account: None,
            }]),
            customer_phone: kept(self.phone),
            customer_mobile: kept(self.mobile),
            customer_note: kept(self.notes),
            customer_email: kept(self.email),
            customer_social_account: kept(self.social_account.map(social)),
            source_name: kept(self.source_of_lead),
            addresses: kept(self.locations),
            customer_aliases: kept(self.aliases),
            interests_name: kept(self.interest_ids.map(|_| interests)),
            classification_name: kept(classification),
            customer_group_name: kept(group),
            credit_limit: kept(self.credit_limit),
            lead_status: kept(self.lead_status),
            ..CustomerWrite::default()
        };
        // The rest is judged as in version 3; `customerState` is not what this client sent.
        if let Err(Error::Invalid(more)) = customer.check(Vec::new()) {
            for fault in more.into_iter().filter(|fault| fault.field != "customerState") {
                faults.add(fault.code, fault.field, fault.message);
            }
        }
        faults.end()?;
        Ok(customer)
    }
}

/// One text for any network: an address tells which, anything else is an id at LINE.
fn social(text: String) -> CustomerSocialAccountWrite {
    let mut social = CustomerSocialAccountWrite::default();
    let networks = [
        ("facebook.com", &mut social.facebook),
        ("instagram.com", &mut social.instagram),
        ("linkedin.com", &mut social.linkedin),
        ("t.me", &mut social.telegram),
        ("wa.me", &mut social.whatsapp),
    ];
    let lower = text.to_lowercase();
    match networks.into_iter().find(|(host, _)| lower.contains(host)) {
        Some((_, account)) => *account = Patch::Set(text),
        None => social.line = Patch::Set(text),
    }
    social
}
