//! What happens with a customer on a day: meetings, birthdays, appointments.

use axum::extract::State;
use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store;
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Faults, Json, Path, Query, Reply};
use crate::search;
use crate::setting::list::List;
use crate::setting::{choice, number};
use crate::time::{self, Zone};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(add_customer_event))
        .routes(routes!(get_customer_events))
        .routes(routes!(get_customer_event_types))
        .routes(routes!(edit_customer_event, delete_customer_event))
}

/// The most events that one look answers: the list has no pages.
const MOST: i64 = 1_000;

/// An event to add, or as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerEventWrite {
    /// What happens.
    #[schema(example = "Meeting with Client")]
    event_name: String,
    /// Number of an event type.
    #[schema(example = 1)]
    event_type: i64,
    /// When; without an offset it is the company's time.
    #[schema(example = "2024-02-01T10:00:00")]
    event_date: String,
    /// More about it.
    #[schema(example = "Discuss project requirements")]
    description: Option<String>,
    /// The customer's code.
    #[schema(example = "C000349")]
    customer_code: String,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerEvent {
    /// Its number.
    #[schema(example = 13)]
    event_id: i64,
    /// What happens.
    #[schema(example = "Meeting with Client")]
    event_name: String,
    /// When.
    #[schema(example = "2024-02-01T10:00:00+0700")]
    event_date: String,
    /// Number of its type.
    #[schema(example = 1)]
    event_type: i64,
    /// More about it.
    description: Option<String>,
}

/// An event in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerEventListItem {
    /// Its number.
    #[schema(example = 2)]
    event_id: i64,
    /// What happens.
    #[schema(example = "Example 1")]
    event_name: String,
    /// When.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    event_date: String,
    /// Number of its type.
    #[schema(example = 1)]
    event_type: i64,
    /// More about it.
    description: Option<String>,
    /// The customer's number.
    #[schema(example = 480_258)]
    customer_id: i64,
}

/// A type of events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerEventType {
    /// Its number.
    #[schema(example = 1)]
    event_type_id: i64,
    /// Its name.
    #[schema(example = "Event type 1")]
    event_type_name: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct EventPath {
    /// The event's number.
    event_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// The customer's code.
    customer_code: String,
    /// Only events of this type; several separated by commas, or repeated.
    #[param(value_type = Option<i64>, example = 1)]
    event_type_ids: Option<String>,
    /// The same as in the body, for clients whose GET has none.
    date_from: Option<String>,
    /// The same as in the body.
    date_to: Option<String>,
}

/// The period of the events to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerEventFilterBody {
    /// Begin of the period.
    #[schema(example = "2025-01-01T00:00:00")]
    date_from: Option<String>,
    /// End of the period; it belongs to it.
    #[schema(example = "2025-01-31T23:59:59")]
    date_to: Option<String>,
}

/// Add a dated event to a customer.
#[utoipa::path(
    post,
    path = "/v1/customerEvent",
    operation_id = "addCustomerEvent",
    tag = "Customer",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = CustomerEventWrite,
    responses((status = 200, description = "The event.", body = Envelope<CustomerEvent>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn add_customer_event(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<CustomerEventWrite>,
) -> Result<Reply<CustomerEvent>, Error> {
    let zone = time::zone(&mut app.db.read().await?, caller.company).await?;
    let at = check(&input, Faults::new(faults), &zone)?;
    caller
        .write(&app, async |mut tx| {
            let row = add(&mut tx, &caller, &input, at, app.now()).await?;
            tx.reply(Reply::ok(row.view(&zone))).await
        })
        .await
}

/// List the events of a customer in the order of their dates, of some types and within a period: at most 1,000.
#[utoipa::path(
    get,
    path = "/v1/customerEvent/filter",
    operation_id = "getCustomerEventsByCustomerCode",
    tag = "Customer",
    params(EventQuery),
    request_body(content = CustomerEventFilterBody, description = "The period, where the client can send a body with GET."),
    responses((status = 200, description = "The events.", body = Envelope<Vec<CustomerEventListItem>>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn get_customer_events(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EventQuery>,
    Json(body): Json<CustomerEventFilterBody>,
) -> Result<Reply<Vec<CustomerEventListItem>>, Error> {
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let mut faults = Faults::default();
    let from = body.date_from.as_ref().or(query.date_from.as_ref());
    let from = moment("dateFrom", from, &mut faults, |text| time::read(text, &zone));
    let to = body.date_to.as_ref().or(query.date_to.as_ref());
    let to = moment("dateTo", to, &mut faults, |text| time::read_end(text, &zone));
    let kinds = kinds(query.event_type_ids.as_deref().unwrap_or_default(), &mut faults);
    faults.end()?;
    let customer = store::named(&mut conn, &caller, "customerCode", &query.customer_code).await?;
    let rows = list(&mut conn, caller.company, customer.id, &kinds, from, to).await?;
    Ok(Reply::ok(rows.into_iter().map(|row| row.item(&zone)).collect()))
}

/// List the event types of the company.
#[utoipa::path(
    get,
    path = "/v1/customerEvent/event-types",
    operation_id = "getCustomerEventTypes",
    tag = "Customer",
    responses((status = 200, description = "The types that can be chosen.", body = Envelope<Vec<CustomerEventType>>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn get_customer_event_types(
    State(app): State<App>,
    caller: Caller,
) -> Result<Reply<Vec<CustomerEventType>>, Error> {
    let all = choice::all(&mut app.db.read().await?, caller.company, List::EventTypes).await?;
    let active = all.into_iter().filter(|choice| choice.is_active);
    let types = active.map(|choice| CustomerEventType { event_type_id: choice.id, event_type_name: choice.name });
    Ok(Reply::ok(types.collect()))
}

/// Change an event of a customer.
#[utoipa::path(
    put,
    path = "/v1/customerEvent/{eventId}",
    operation_id = "editCustomerEvent",
    tag = "Customer",
    params(EventPath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = CustomerEventWrite,
    responses((status = 200, description = "The event after the change.", body = Envelope<CustomerEvent>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn edit_customer_event(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<EventPath>,
    Checked { value: input, faults }: Checked<CustomerEventWrite>,
) -> Result<Reply<CustomerEvent>, Error> {
    let zone = time::zone(&mut app.db.read().await?, caller.company).await?;
    let at = check(&input, Faults::new(faults), &zone)?;
    caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &caller, path.event_id, &conditions).await?;
            let customer = known(&mut tx, &caller, &input).await?;
            let mut new = old.clone().after(&input, customer, at);
            (new.modified_at, new.version) = (app.now(), old.version + 1);
            if !tx.replace(TABLE, &new).await? {
                return Err(Error::Changed);
            }
            record(&mut tx, &caller, Some(&old), Some(&new), app.now()).await?;
            let version = new.version;
            tx.reply(Reply::ok(new.view(&zone)).version(version, &Conditions::default())).await
        })
        .await
}

/// Remove an event of a customer.
#[utoipa::path(
    delete,
    path = "/v1/customerEvent/{eventId}",
    operation_id = "deleteCustomerEvent",
    tag = "Customer",
    params(EventPath, Conditions),
    responses((status = 200, description = "It is gone.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn delete_customer_event(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<EventPath>,
) -> Result<Reply<Option<String>>, Error> {
    caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &caller, path.event_id, &conditions).await?;
            tx.sql("delete from customer_event where company = $1 and id = $2")
                .bind(caller.company)
                .bind(old.id)
                .exec()
                .await?;
            record(&mut tx, &caller, Some(&old), None, app.now()).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await
}

const TABLE: &str = "customer_event";

/// An event as it is stored: the fields are the columns of its table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    company: i64,
    id: i64,
    customer: i64,
    name: String,
    kind: i64,
    happens_at: i64,
    description: Option<String>,
    created_by: String,
    created_at: i64,
    modified_at: i64,
    version: i64,
}

impl Row {
    /// The event as a request has it.
    fn after(self, input: &CustomerEventWrite, customer: i64, happens_at: i64) -> Row {
        let description = input.description.as_deref().map(search::trimmed).filter(|text| !text.is_empty());
        let (name, description) = (search::trimmed(&input.event_name).to_owned(), description.map(str::to_owned));
        Row { customer, name, kind: input.event_type, happens_at, description, ..self }
    }

    fn view(self, zone: &Zone) -> CustomerEvent {
        CustomerEvent {
            event_id: self.id,
            event_name: self.name,
            event_date: time::text(self.happens_at, zone),
            event_type: self.kind,
            description: self.description,
        }
    }

    fn item(self, zone: &Zone) -> CustomerEventListItem {
        CustomerEventListItem {
            event_id: self.id,
            event_name: self.name,
            event_date: time::text(self.happens_at, zone),
            event_type: self.kind,
            description: self.description,
            customer_id: self.customer,
        }
    }
}

/// What is wrong with an event by itself; answers when it happens.
pub(crate) fn check(input: &CustomerEventWrite, mut faults: Faults, zone: &Zone) -> Result<i64, Error> {
    faults.required("eventName", &input.event_name, 300);
    faults.required("customerCode", &input.customer_code, 50);
    faults.longest("description", input.description.as_deref().unwrap_or_default(), 10_000);
    let at = moment("eventDate", Some(&input.event_date), &mut faults, |text| time::read(text, zone));
    if at.is_none() {
        faults.add(Code::Required, "eventDate", "eventDate is required");
    }
    faults.end()?;
    Ok(at.unwrap_or_default())
}

/// Adds an event, which happens at `at`.
pub(crate) async fn add(
    tx: &mut Conn,
    caller: &Caller,
    input: &CustomerEventWrite,
    at: i64,
    now: i64,
) -> Result<Row, Error> {
    let customer = known(tx, caller, input).await?;
    let id = number::next(tx, caller.company, "customer-event").await?;
    let new = Row {
        company: caller.company,
        id,
        customer,
        name: String::new(),
        kind: input.event_type,
        happens_at: at,
        description: None,
        created_by: caller.id.clone(),
        created_at: now,
        modified_at: now,
        version: 1,
    };
    let row = new.after(input, customer, at);
    tx.insert(TABLE, &row).await?;
    record(tx, caller, None, Some(&row), now).await?;
    Ok(row)
}

/// A time of the request, or nothing when there is none; what cannot be read is a fault.
fn moment(field: &str, text: Option<&String>, faults: &mut Faults, read: impl Fn(&str) -> Option<i64>) -> Option<i64> {
    let text = text.map(|text| text.trim()).filter(|text| !text.is_empty())?;
    let at = read(text);
    if at.is_none() {
        faults.add(Code::InvalidFormat, field, format!("{field} must be a time such as 2024-02-01T10:00:00"));
    }
    at
}

fn kinds(text: &str, faults: &mut Faults) -> Vec<i64> {
    let mut kinds = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word.parse() {
            Ok(kind) => kinds.push(kind),
            Err(_) => faults.add(Code::InvalidType, "eventTypeIds", "eventTypeIds must be whole numbers"),
        }
    }
    kinds
}

/// The customer's number; what the request names and is not there is a fault.
async fn known(tx: &mut Conn, caller: &Caller, input: &CustomerEventWrite) -> Result<i64, Error> {
    let mut faults = Faults::default();
    let customer = match store::named_to_add(tx, caller, "customerCode", &input.customer_code, None).await {
        Ok(customer) => Some(customer),
        Err(Error::Invalid(found)) => {
            faults.list().extend(found);
            None
        }
        Err(error) => return Err(error),
    };
    if choice::find(tx, caller.company, List::EventTypes, input.event_type).await?.is_none() {
        let message = format!("eventType {} is not a known event type", input.event_type);
        faults.add(Code::NotFound, "eventType", message);
    }
    faults.end()?;
    Ok(customer.map(|customer| customer.id).unwrap_or_default())
}

/// The event that a request changes, held until the unit ends.
async fn held(tx: &mut Conn, caller: &Caller, id: i64, conditions: &Conditions) -> Result<Row, Error> {
    let query = tx.rows::<Row>(TABLE).push(" where company = $1 and id = $2").bind(caller.company).bind(id).held();
    let row: Row = query.optional().await?.ok_or(Error::NotFound("event"))?;
    if !store::is_seen(tx, caller, row.customer).await? {
        return Err(Error::NotFound("event"));
    }
    conditions.allow_change(Some(row.version))?;
    Ok(row)
}

async fn list(
    conn: &mut Conn,
    company: i64,
    customer: i64,
    kinds: &[i64],
    from: Option<i64>,
    to: Option<i64>,
) -> Result<Vec<Row>, db::Error> {
    let mut query = conn.rows::<Row>(TABLE).push(" where company = $1 and customer = $2").bind(company).bind(customer);
    if let Some(from) = from {
        query = query.push(" and happens_at >= ").push_bind(from);
    }
    if let Some(to) = to {
        query = query.push(" and happens_at <= ").push_bind(to);
    }
    if !kinds.is_empty() {
        let mut rows = Rows::new(&[("kind", Type::BigInt)]);
        for kind in kinds {
            rows.push([(*kind).into()]);
        }
        query = query.push(" and kind in (select kind from ").push_rows(&rows).push(" as wanted)");
    }
    query.push(" order by happens_at, id limit ").push_bind(MOST).all().await
}

/// Writes the change into the history of its customer.
async fn record(tx: &mut Conn, caller: &Caller, from: Option<&Row>, to: Option<&Row>, now: i64) -> Result<(), Error> {
    let entered = |row: Option<&Row>| {
        row.map_or_else(
            || json!({}),
            |row| json!({"event": {"eventId": row.id, "eventName": row.name, "eventType": row.kind, "eventDate": row.happens_at,
                                   "description": row.description}}),
        )
    };
    let action = match (from, to) {
        (None, _) => "event added",
        (_, None) => "event removed",
        _ => "event changed",
    };
    let customer = to.or(from).map(|row| row.customer).unwrap_or_default();
    let change = Change {
        company: caller.company,
        reference: format!("customer/{customer}"),
        actor: &caller.id,
        action,
        at: now,
    };
    audit::record(tx, &change, &entered(from), &entered(to)).await?;
    Ok(())
}
