//! What was done: checking in at the customer's, planned or not, and out again, with a report.

use axum::extract::State as Shared;
use db::Conn;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::put::{self, AdHoc};
use super::row::{ActivityView, Row, State, Stay, degrees};
use super::{NoPath, held};
use crate::app::App;
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Faults, Json, Patch, Path, Reply};
use crate::record::Actor;
use crate::search;
use crate::time::{self, Zone};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(check_in_ad_hoc)).routes(routes!(check_in)).routes(routes!(check_out))
}

/// Where and when somebody arrived. Everything may be absent.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CheckInRequest {
    /// Latitude.
    #[schema(value_type = Option<f64>, example = 13.746_5)]
    latitude: Patch<f64>,
    /// Longitude.
    #[schema(value_type = Option<f64>, example = 100.534_8)]
    longitude: Patch<f64>,
    /// Address.
    location: Option<String>,
    /// Name of the place.
    location_name: Option<String>,
    /// When; now when absent.
    date_check_in: Option<String>,
}

/// A visit that nobody planned.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AdHocRequest {
    /// What it is about.
    #[schema(example = "แวะเยี่ยมลูกค้า")]
    subject: Option<String>,
    /// The customer's code.
    customer_code: Option<String>,
    /// Number of its type.
    activity_type_id: Option<i64>,
    /// User id or staff code of whoever is there; the caller himself, if he is an employee, when absent.
    assign_to_user_id: Option<String>,
    /// Who is met there.
    contact_name: Option<String>,
    /// Latitude.
    #[schema(value_type = Option<f64>, example = 13.746_5)]
    latitude: Patch<f64>,
    /// Longitude.
    #[schema(value_type = Option<f64>, example = 100.534_8)]
    longitude: Patch<f64>,
    /// Address.
    location: Option<String>,
    /// Name of the place.
    location_name: Option<String>,
    /// When; now when absent.
    date_check_in: Option<String>,
}

/// Where and when somebody left, and how it went. Everything may be absent.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CheckOutRequest {
    /// Latitude.
    #[schema(value_type = Option<f64>, example = 13.746_5)]
    latitude: Patch<f64>,
    /// Longitude.
    #[schema(value_type = Option<f64>, example = 100.534_8)]
    longitude: Patch<f64>,
    /// Address.
    location: Option<String>,
    /// Name of the place.
    location_name: Option<String>,
    /// When; now when absent.
    date_check_out: Option<String>,
    /// How it went.
    #[schema(value_type = Option<String>, example = "ลูกค้าสนใจรุ่นใหม่")]
    report: Patch<String>,
    /// What came of it, in a word.
    #[schema(value_type = Option<String>, example = "สนใจ")]
    outcome: Patch<String>,
    /// What is to be done next.
    #[schema(value_type = Option<String>, example = "ส่งใบเสนอราคา")]
    next_step: Patch<String>,
    /// By when.
    #[schema(value_type = Option<String>)]
    date_next_step: Patch<String>,
}

/// Where somebody is, as a request says it.
struct Location<'a> {
    latitude: &'a Patch<f64>,
    longitude: &'a Patch<f64>,
    location: Option<&'a str>,
    name: Option<&'a str>,
    date: (&'static str, Option<&'a str>),
}

/// Check in without having planned it: the activity is made with it.
#[utoipa::path(
    post,
    path = "/v1/activity/check-in",
    operation_id = "checkInAdHoc",
    tag = "Activity",
    request_body = AdHocRequest,
    responses((status = 200, description = "The activity.", body = Envelope<ActivityView>)),
    security(("bearerAuth" = ["activity:write"]))
)]
async fn check_in_ad_hoc(
    Shared(app): Shared<App>,
    caller: Caller,
    Json(input): Json<AdHocRequest>,
) -> Result<Reply<ActivityView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let zone = time::zone(&mut tx, caller.company).await?;
            let location = Location {
                latitude: &input.latitude,
                longitude: &input.longitude,
                location: input.location.as_deref(),
                name: input.location_name.as_deref(),
                date: ("dateCheckIn", input.date_check_in.as_deref()),
            };
            let mut faults = Faults::default();
            let stay = location.read(&mut faults, by.now, &zone);
            let visit = AdHoc {
                subject: input.subject.clone(),
                customer_code: input.customer_code.clone(),
                activity_type_id: input.activity_type_id,
                assign_to_user_id: input.assign_to_user_id.clone(),
                contact_name: input.contact_name.clone(),
                at: time::text(stay.at, &zone),
            };
            let made = put::put(&mut tx, &by, &visit.into(), faults.list(), &Conditions::default()).await?;
            let saved = arrive(&mut tx, &by, made.row, stay).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Check in at a planned activity.
#[utoipa::path(
    post,
    path = "/v1/activity/{no}/check-in",
    operation_id = "checkIn",
    tag = "Activity",
    params(NoPath),
    request_body = CheckInRequest,
    responses((status = 200, description = "The activity, which has begun.", body = Envelope<ActivityView>)),
    security(("bearerAuth" = ["activity:write"]))
)]
async fn check_in(
    Shared(app): Shared<App>,
    caller: Caller,
    Path(path): Path<NoPath>,
    Json(input): Json<CheckInRequest>,
) -> Result<Reply<ActivityView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let old = held(&mut tx, &caller, &path.no, &Conditions::default()).await?;
            let zone = time::zone(&mut tx, caller.company).await?;
            let mut faults = Faults::default();
            let location = Location {
                latitude: &input.latitude,
                longitude: &input.longitude,
                location: input.location.as_deref(),
                name: input.location_name.as_deref(),
                date: ("dateCheckIn", input.date_check_in.as_deref()),
            };
            let stay = location.read(&mut faults, by.now, &zone);
            faults.end()?;
            let saved = arrive(&mut tx, &by, old, stay).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Check out: the activity is done.
#[utoipa::path(
    post,
    path = "/v1/activity/{no}/check-out",
    operation_id = "checkOut",
    tag = "Activity",
    params(NoPath),
    request_body = CheckOutRequest,
    responses((status = 200, description = "The activity, which is done.", body = Envelope<ActivityView>)),
    security(("bearerAuth" = ["activity:write"]))
)]
async fn check_out(
    Shared(app): Shared<App>,
    caller: Caller,
    Path(path): Path<NoPath>,
    Json(input): Json<CheckOutRequest>,
) -> Result<Reply<ActivityView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let old = held(&mut tx, &caller, &path.no, &Conditions::default()).await?;
            let zone = time::zone(&mut tx, caller.company).await?;
            let mut faults = Faults::default();
            let location = Location {
                latitude: &input.latitude,
                longitude: &input.longitude,
                location: input.location.as_deref(),
                name: input.location_name.as_deref(),
                date: ("dateCheckOut", input.date_check_out.as_deref()),
            };
            let mut stay = location.read(&mut faults, by.now, &zone);
            let mut row = old.clone();
            row.report = faults.text("report", &input.report, row.report, 20_000);
            row.outcome = faults.text("outcome", &input.outcome, row.outcome, 300);
            row.next_step = faults.text("nextStep", &input.next_step, row.next_step, 1_000);
            row.next_step_at = faults.patched_time("dateNextStep", &input.date_next_step, row.next_step_at, &zone);
            match old.check_in.as_ref().filter(|_| old.check_out.is_none()) {
                None => {
                    let why =
                        if old.check_in.is_none() { "nobody has checked in" } else { "it was checked out already" };
                    return Err(Error::Conflict(Fault::new(
                        Code::Conflict,
                        "dateCheckOut",
                        format!("{}: {why}", old.no),
                    )));
                }
                Some(arrival) if stay.at < arrival.at => {
                    faults.add(Code::InvalidValue, "dateCheckOut", "dateCheckOut must not be before the check-in");
                }
                Some(_) => {}
            }
            faults.end()?;
            stay.distance = distance(&mut tx, &old, &stay).await?;
            row.check_out = Some(stay);
            (row.status, row.state) = put::status_of(&mut tx, row.company, State::Done).await?;
            let saved = put::save(&mut tx, &by, Some(old), row, Some("CheckedOut")).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Writes an arrival down.
async fn arrive(tx: &mut Conn, by: &Actor, old: Row, mut stay: Stay) -> Result<crate::record::Saved<Row>, Error> {
    if old.check_in.is_some() || old.state.has_ended() {
        let why = if old.check_in.is_some() { "somebody has already checked in" } else { "it has ended" };
        return Err(Error::Conflict(Fault::new(Code::Conflict, "dateCheckIn", format!("{}: {why}", old.no))));
    }
    stay.distance = distance(tx, &old, &stay).await?;
    let mut row = Row { check_in: Some(stay), ..old.clone() };
    (row.status, row.state) = put::status_of(tx, row.company, State::Started).await?;
    put::save(tx, by, Some(old), row, Some("CheckedIn")).await
}

impl Location<'_> {
    fn read(&self, faults: &mut Faults, now: i64, zone: &Zone) -> Stay {
        let latitude = put::coordinate(faults, "latitude", self.latitude, None, 90.0);
        let longitude = put::coordinate(faults, "longitude", self.longitude, None, 180.0);
        for (field, one, other) in [("longitude", latitude, longitude), ("latitude", longitude, latitude)] {
            if one.is_some() && other.is_none() {
                faults.add(Code::Required, field, "latitude and longitude must be sent together");
            }
        }
        let (field, date) = self.date;
        let at = faults.time(field, date, zone).unwrap_or(now);
        for (field, text) in [("location", self.location), ("locationName", self.name)] {
            faults.longest(field, text.unwrap_or_default(), 1_000);
        }
        let text = |text: Option<&str>| text.map(search::trimmed).filter(|text| !text.is_empty()).map(str::to_owned);
        Stay { at, latitude, longitude, location: text(self.location), name: text(self.name), distance: None }
    }
}

/// Metres from the customer's address, or else from the place of work that was planned.
async fn distance(conn: &mut Conn, row: &Row, stay: &Stay) -> Result<Option<i64>, db::Error> {
    let Some(here) = stay.latitude.zip(stay.longitude) else { return Ok(None) };
    let customer: Option<(Option<i64>, Option<i64>)> = match row.customer {
        Some(customer) => {
            let query = conn.sql("select latitude, longitude from customer where company = $1 and id = $2");
            query.bind(row.company).bind(customer).optional().await?
        }
        None => None,
    };
    let address = customer.and_then(|(latitude, longitude)| latitude.zip(longitude));
    let there = address.or(row.visit_latitude.zip(row.visit_longitude));
    Ok(there.map(|there| metres(here, there)))
}

/// The mean radius of the earth in metres (IUGG).
const RADIUS: f64 = 6_371_008.8;

/// The way between two places as the crow flies, by the haversine formula.
#[expect(clippy::cast_possible_truncation, reason = "half the earth's circumference is 20 million metres")]
fn metres(from: (i64, i64), to: (i64, i64)) -> i64 {
    let radians = |millionths: i64| degrees(millionths).to_radians();
    let (north, east) = (radians(to.0) - radians(from.0), radians(to.1) - radians(from.1));
    let half = (north / 2.0).sin().powi(2) + radians(from.0).cos() * radians(to.0).cos() * (east / 2.0).sin().powi(2);
    (2.0 * RADIUS * half.sqrt().min(1.0).asin()).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_as_long_as_on_the_map() {
        // A degree of latitude, and Bangkok to Chiang Mai.
        assert_eq!(metres((0, 0), (1_000_000, 0)), 111_195);
        assert_eq!(metres((13_756_300, 100_501_800), (13_756_300, 100_501_800)), 0);
        let far = metres((13_756_300, 100_501_800), (18_788_300, 98_985_300));
        assert!((581_000..584_000).contains(&far), "{far}");
    }
}
