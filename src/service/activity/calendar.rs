//! An employee's activities as a calendar that other programs subscribe to (iCalendar, RFC 5545): by a secret address, which can
//! be taken back.

use axum::extract::State as Shared;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::{Duration, Instant};

use db::Conn;
use icalendar::{Calendar, Component, Event, EventLike};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::row::{Row, State};
use crate::app::App;
use crate::attachment::hex;
use crate::audit::{self, Change};
use crate::http::caller::Range;
use crate::http::openapi::NotFound;
use crate::http::{Caller, Code, Envelope, Error, Faults, Json, Path, Reply, absolute};
use crate::recurrence;
use crate::service::names::{self, Person};
use crate::setting::number;
use crate::time::{self, Zone};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A calendar shows what began in this time before now, and what begins in this time from now on.
const SHOWN: (i64, i64) = (60 * DAY, 400 * DAY);

/// The most activities of a calendar.
const MOST: i64 = 2_000;

/// The most future occurrences that are shown of a series: those that are not entered yet.
const MOST_RECURRING: usize = 60;

/// So long series are followed for one feed.
const PATIENCE: Duration = Duration::from_millis(300);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_activity_calendar, list_activity_calendars))
        .routes(routes!(delete_activity_calendar))
        .routes(routes!(get_calendar))
}

/// Whose calendar is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivityCalendarRequest {
    /// User id or staff code of the employee; the caller himself, if he is one, when absent.
    #[schema(example = "EMP000")]
    user_id: Option<String>,
}

/// A calendar's address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivityCalendar {
    /// The calendar's number.
    #[schema(example = 1)]
    calendar_id: i64,
    /// User id of the employee.
    user_id: Uuid,
    /// Staff code of the employee.
    #[schema(example = "EMP000")]
    staff_code: String,
    /// The address to subscribe to. Whoever has it sees the calendar; it is told once, when it is made, and null later.
    url: Option<String>,
    /// When it was made.
    date_created: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct CalendarPath {
    /// The calendar's number.
    calendar_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct TokenPath {
    /// The secret part of the address.
    token: String,
}

/// A calendar as it is stored: of its secret no more than a hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Feed {
    company: i64,
    id: i64,
    employee: Uuid,
    token_hash: String,
    created_by: String,
    created_at: i64,
}

/// Make a secret address of an employee's calendar.
#[utoipa::path(
    post,
    path = "/v1/activity/calendars",
    operation_id = "createActivityCalendar",
    tag = "Activity",
    request_body = ActivityCalendarRequest,
    responses((status = 201, description = "The calendar, with its address.", body = Envelope<ActivityCalendar>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn create_activity_calendar(
    Shared(app): Shared<App>,
    caller: Caller,
    Json(input): Json<ActivityCalendarRequest>,
) -> Result<Reply<ActivityCalendar>, Error> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    let token = format!("{}-{}", caller.company, URL_SAFE_NO_PAD.encode(secret));
    caller
        .write(&app, async |mut tx| {
            let now = app.now();
            let mut faults = Faults::default();
            let himself = match caller.range() {
                Range::Own { user } | Range::Team { user, .. } => Some(user.to_string()),
                Range::All => None,
            };
            let who = input.user_id.clone().filter(|text| !text.trim().is_empty()).or(himself);
            let found = match who {
                Some(who) => {
                    let found = names::person(&mut tx, caller.company, "userId", &who).await;
                    faults.take(found)?.filter(|person| sees(&caller, person))
                }
                None => {
                    faults.add(Code::Required, "userId", "userId is required");
                    None
                }
            };
            let Some(person) = found else {
                faults.add(Code::NotFound, "userId", "userId is not an employee whose activities you may see");
                return Err(faults.end().err().unwrap_or(Error::NotFound("employee")));
            };
            faults.end()?;
            let feed = Feed {
                company: caller.company,
                id: number::next(&mut tx, caller.company, "activity-calendar").await?,
                employee: person.id,
                token_hash: hash(&token),
                created_by: caller.id.clone(),
                created_at: now,
            };
            tx.insert("activity_calendar", &feed).await?;
            record(&mut tx, &caller, &feed, &person.staff_code, true, now).await?;
            let zone = time::zone(&mut tx, caller.company).await?;
            let url = absolute(&app, &format!("/calendars/{token}"));
            tx.reply(Reply::created(view(&feed, person.staff_code, Some(url), &zone))).await
        })
        .await
}

/// List the calendars that have an address, the newest first: at most 1,000.
#[utoipa::path(
    get,
    path = "/v1/activity/calendars",
    operation_id = "listActivityCalendars",
    tag = "Activity",
    responses((status = 200, description = "The calendars.", body = Envelope<Vec<ActivityCalendar>>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn list_activity_calendars(
    Shared(app): Shared<App>,
    caller: Caller,
) -> Result<Reply<Vec<ActivityCalendar>>, Error> {
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let query = conn.rows::<Feed>("activity_calendar").push(" where company = $1 order by id desc limit 1000");
    let feeds: Vec<Feed> = query.bind(caller.company).all().await?;
    let mut people = names::Names::default();
    people.people(&mut conn, caller.company, feeds.iter().map(|feed| feed.employee)).await?;
    let seen = feeds.iter().filter_map(|feed| {
        let person = people.find(Some(feed.employee)).filter(|person| sees(&caller, person))?;
        Some(view(feed, person.staff_code.clone(), None, &zone))
    });
    Ok(Reply::ok(seen.collect()))
}

/// Take the address of a calendar back: it is worthless at once.
#[utoipa::path(
    delete,
    path = "/v1/activity/calendars/{calendarId}",
    operation_id = "deleteActivityCalendar",
    tag = "Activity",
    params(CalendarPath),
    responses((status = 200, description = "It is gone.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn delete_activity_calendar(
    Shared(app): Shared<App>,
    caller: Caller,
    Path(path): Path<CalendarPath>,
) -> Result<Reply<Option<String>>, Error> {
    caller
        .write(&app, async |mut tx| {
            let query = tx.rows::<Feed>("activity_calendar").push(" where company = $1 and id = $2");
            let feed: Option<Feed> = query.bind(caller.company).bind(path.calendar_id).optional().await?;
            let feed = feed.ok_or(Error::NotFound("calendar"))?;
            let person = names::person(&mut tx, caller.company, "userId", &feed.employee.to_string()).await?;
            if !sees(&caller, &person) {
                return Err(Error::NotFound("calendar"));
            }
            tx.sql("delete from activity_calendar where company = $1 and id = $2")
                .bind(caller.company)
                .bind(feed.id)
                .exec()
                .await?;
            record(&mut tx, &caller, &feed, &person.staff_code, false, app.now()).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await
}

/// Whether the caller sees the activities of an employee.
fn sees(caller: &Caller, person: &Person) -> bool {
    match caller.range() {
        Range::All => true,
        Range::Own { user } => person.id == user,
        Range::Team { user, team } => person.id == user || person.team == team,
    }
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn view(feed: &Feed, staff_code: String, url: Option<String>, zone: &Zone) -> ActivityCalendar {
    ActivityCalendar {
        calendar_id: feed.id,
        user_id: feed.employee,
        staff_code,
        url,
        date_created: time::text(feed.created_at, zone),
    }
}

/// Writes into the employee's history that a calendar has an address, or has none any more.
async fn record(
    tx: &mut Conn,
    caller: &Caller,
    feed: &Feed,
    staff_code: &str,
    is_made: bool,
    at: i64,
) -> Result<(), Error> {
    let action = if is_made { "calendar shared" } else { "calendar closed" };
    let reference = format!("employee/{staff_code}");
    let change = Change { company: caller.company, reference, actor: &caller.id, action, at };
    let (none, told) = (json!({}), json!({"calendar": feed.id}));
    let (from, to) = if is_made { (&none, &told) } else { (&told, &none) };
    audit::record(tx, &change, from, to).await?;
    Ok(())
}

/// Get an employee's activities as a calendar (iCalendar): for programs that subscribe to its secret address.
#[utoipa::path(
    get,
    path = "/calendars/{token}",
    operation_id = "getCalendar",
    tag = "Activity",
    params(TokenPath),
    responses(
        (status = 200, description = "The calendar.", body = String, content_type = "text/calendar"),
        (status = 404, response = inline(NotFound)),
    ),
    security(())
)]
async fn get_calendar(Shared(app): Shared<App>, Path(path): Path<TokenPath>) -> Result<Response, Error> {
    let missing = || Error::NotFound("calendar");
    let token = path.token.strip_suffix(".ics").unwrap_or(&path.token);
    let company: i64 = token.split_once('-').and_then(|(company, _)| company.parse().ok()).ok_or_else(missing)?;
    let mut conn = app.db.read().await?;
    let query = conn.rows::<Feed>("activity_calendar").push(
        " where company = $1 and token_hash = $2 and exists (select 1 from employee
           where employee.company = activity_calendar.company and employee.id = activity_calendar.employee
             and employee.active)
           and not exists (select 1 from person
           where person.company = activity_calendar.company and person.id = activity_calendar.employee and person.disabled)",
    );
    let feed: Option<Feed> = query.bind(company).bind(hash(token)).optional().await?;
    let feed = feed.ok_or_else(missing)?;
    let now = app.now();
    // The activities of today come before those of next year when there are too many.
    let rows: Vec<Row> = conn
        .rows::<Row>("activity")
        .push(" where company = $1 and assignee = $2 and starts_at >= $3 and starts_at <= $4 and deleted_at is null and active order by starts_at, id limit $5")
        .bind(company)
        .bind(feed.employee)
        .bind(now - SHOWN.0)
        .bind(now + SHOWN.1)
        .bind(MOST)
        .all()
        .await?;
    let mut people = names::Names::default();
    people.people(&mut conn, company, std::iter::once(feed.employee)).await?;
    people.customers(&mut conn, company, rows.iter().filter_map(|row| row.customer)).await?;
    let zone = time::zone(&mut conn, company).await?;
    let mut calendar = Calendar::new();
    if let Some(person) = people.find(Some(feed.employee)) {
        calendar.name(&person.name);
    }
    let patience = Instant::now() + PATIENCE;
    for row in &rows {
        let customer = people.customer(row.customer).1;
        calendar.push(event(company, row, (row.starts_at, 0), customer.as_deref()));
        // An activity that handed its series on and was opened again is one of its own: the next one has the series.
        let Some((rule, start)) = row.recurrence.as_deref().zip(row.series_start) else { continue };
        // A series costs what its rule says: the nearest are shown, and whoever asks for thousands gets no more than that.
        if row.state.has_ended() || Instant::now() > patience {
            continue;
        }
        let times = recurrence::following(rule, start, row.starts_at, &zone, MOST_RECURRING);
        for (index, next) in (1..).zip(times.into_iter().take_while(|next| *next <= now + SHOWN.1)) {
            calendar.push(event(company, row, (next, index), customer.as_deref()));
        }
        tokio::task::yield_now().await;
    }
    let mut response = calendar.to_string().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// An activity, or a later occurrence of its series, in the words of iCalendar.
fn event(company: i64, row: &Row, (begin, index): (i64, usize), customer: Option<&str>) -> Event {
    let utc = |at: i64| {
        let time = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
        time.strftime("%Y%m%dT%H%M%SZ").to_string()
    };
    let mut event = Event::new();
    let summary = match customer {
        Some(customer) => format!("{} ({customer})", row.subject),
        None => row.subject.clone(),
    };
    let status = match row.state {
        State::Planned | State::Started | State::Done => "CONFIRMED",
        State::Cancelled => "CANCELLED",
    };
    event
        .uid(&format!("{company}-{}-{index}@sala", row.no))
        .add_property("DTSTAMP", utc(row.modified_at))
        .add_property("DTSTART", utc(begin))
        .add_property("DTEND", utc(begin + (row.ends_at - row.starts_at)))
        .add_property("STATUS", status)
        .add_property("SEQUENCE", row.version.to_string())
        .summary(&summary);
    if let Some(place) = row.visit_location_name.as_deref().or(row.visit_location.as_deref()) {
        event.location(place);
    }
    if let Some(note) = &row.note {
        event.description(note);
    }
    event.done()
}
