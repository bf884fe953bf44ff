//! An activity as it is stored, and as callers get it.

use std::collections::{BTreeSet, HashMap};

use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::Error;
use crate::record::{Head, Record, Stamp};
use crate::service::link;
use crate::service::names::Names;
use crate::setting::list::List;
use crate::time::{self, Zone};

/// How far an activity has come: each status of the list `activity-statuses` stands for one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is to be done.
    Planned,
    /// Somebody is at it.
    Started,
    /// It was done.
    Done,
    /// It will not be done.
    Cancelled,
}

impl State {
    /// Every state with its word.
    pub(super) const WORDS: [(&'static str, State); 4] = [
        ("planned", State::Planned),
        ("started", State::Started),
        ("done", State::Done),
        ("cancelled", State::Cancelled),
    ];

    /// Whether nothing is left to do.
    pub(super) fn has_ended(self) -> bool {
        matches!(self, State::Done | State::Cancelled)
    }
}

/// Where and when somebody arrived or left, as it is stored: places in millionths of a degree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    pub(super) at: i64,
    pub(super) latitude: Option<i64>,
    pub(super) longitude: Option<i64>,
    pub(super) location: Option<String>,
    pub(super) name: Option<String>,
    pub(super) distance: Option<i64>,
}

/// An activity as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns of its table, described in its migration")]
pub struct Row {
    pub company: i64,
    pub id: i64,
    pub no: String,
    pub no_key: String,
    pub subject: String,
    pub team: Option<i64>,
    pub group_id: Option<i64>,
    pub kind: Option<i64>,
    pub active: bool,
    pub status: i64,
    pub state: State,
    pub is_ad_hoc: bool,
    pub assignee: Option<Uuid>,
    pub starts_at: i64,
    pub ends_at: i64,
    pub start_location: Option<String>,
    pub start_location_name: Option<String>,
    pub visit_latitude: Option<i64>,
    pub visit_longitude: Option<i64>,
    pub visit_location: Option<String>,
    pub visit_location_name: Option<String>,
    pub visit_place_id: Option<String>,
    pub customer: Option<i64>,
    pub contact: Option<String>,
    pub room: Option<Uuid>,
    pub deals: Vec<String>,
    pub key_activities: Vec<i64>,
    pub participants: Vec<Uuid>,
    pub note: Option<String>,
    pub check_in: Option<Stay>,
    pub check_out: Option<Stay>,
    pub report: Option<String>,
    pub outcome: Option<String>,
    pub next_step: Option<String>,
    pub next_step_at: Option<i64>,
    pub recurrence: Option<String>,
    pub series_start: Option<i64>,
    pub search_key: String,
    pub created_by: String,
    pub created_at: i64,
    pub modified_by: String,
    pub modified_at: i64,
    pub version: i64,
    pub deleted_at: Option<i64>,
}

/// An activity: a visit, a call or a meeting, as it was planned and as it went.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityView {
    /// Its id.
    #[schema(example = 1)]
    pub activity_id: i64,
    /// Number of the team that it belongs to.
    #[schema(example = 1)]
    pub team_id: Option<i64>,
    /// Its number.
    #[schema(example = "A20250200028")]
    pub activity_no: String,
    /// What it is about.
    #[schema(example = "เข้าพบลูกค้า")]
    pub subject: String,
    /// Number of a group, as it was given.
    pub group_id: Option<i64>,
    /// Number of its type: an entry of the list `activity-types`.
    #[schema(example = 1)]
    pub activity_type_id: Option<i64>,
    /// Whether it is in use.
    #[schema(example = true)]
    pub is_active: bool,
    /// Number of its status: an entry of the list `activity-statuses`.
    #[schema(example = 1)]
    pub status_id: i64,
    /// Whether somebody checked in without having planned it.
    #[schema(example = false)]
    pub is_ad_hoc: bool,
    /// User id of whoever is to do it.
    pub assign_to_user_id: Option<Uuid>,
    /// When it is planned to begin.
    #[schema(example = "2025-02-05T10:00:00+0700")]
    pub date_appointment_start: String,
    /// When it is planned to end.
    #[schema(example = "2025-02-05T11:00:00+0700")]
    pub date_appointment_end: String,
    /// Where the way there begins.
    pub start_location: Option<String>,
    /// Name of that place.
    pub start_location_name: Option<String>,
    /// Latitude of the place of work.
    #[schema(example = 13.746_5)]
    pub visit_latitude: Option<f64>,
    /// Longitude of the place of work.
    #[schema(example = 100.534_8)]
    pub visit_longitude: Option<f64>,
    /// Address of the place of work.
    pub visit_location: Option<String>,
    /// Name of the place of work.
    pub visit_location_name: Option<String>,
    /// What a map calls it.
    pub visit_place_id: Option<String>,
    /// When whoever did it arrived.
    pub date_check_in: Option<String>,
    /// When he left.
    pub date_check_out: Option<String>,
    /// Where he arrived.
    pub check_in: Option<StayView>,
    /// Where he left from.
    pub check_out: Option<StayView>,
    /// Whole minutes between the two.
    pub minutes_spent: Option<i64>,
    /// Name of the type.
    pub activity_type_name: Option<String>,
    /// Name of the status.
    pub status_name: Option<String>,
    /// What the status stands for.
    pub state: State,
    /// Staff code of whoever is to do it.
    pub assign_to_staff_code: Option<String>,
    /// His name.
    pub assign_to_name: Option<String>,
    /// The customer's code.
    #[schema(example = "C000154")]
    pub customer_code: Option<String>,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// Who is met there.
    pub contact_name: Option<String>,
    /// Id of the chat room that it is about.
    pub room_id: Option<Uuid>,
    /// Numbers of the deals that it is about.
    pub deal_nos: Vec<String>,
    /// Numbers of the cases that it belongs to.
    pub case_nos: Vec<String>,
    /// Numbers of key activities: what it is for.
    pub key_activity_ids: Vec<i64>,
    /// User ids of those who come along.
    pub participant_user_ids: Vec<Uuid>,
    /// More about it.
    pub note: Option<String>,
    /// How it went.
    pub report: Option<String>,
    /// What came of it, in a word.
    pub outcome: Option<String>,
    /// What is to be done next.
    pub next_step: Option<String>,
    /// By when.
    pub date_next_step: Option<String>,
    /// How it recurs: an `RRULE` of RFC 5545.
    pub recurrence: Option<String>,
    /// Who entered it: the id of an API client or of a user.
    pub created_by_user_id: String,
    /// When.
    pub date_created: String,
    /// Who changed it last.
    pub modified_by_user_id: String,
    /// When.
    pub date_modified: String,
}

/// Where and when somebody arrived or left.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StayView {
    /// When.
    #[schema(example = "2025-02-05T10:03:00+0700")]
    pub date: String,
    /// Latitude.
    pub latitude: Option<f64>,
    /// Longitude.
    pub longitude: Option<f64>,
    /// Address.
    pub location: Option<String>,
    /// Name of the place.
    pub location_name: Option<String>,
    /// Metres from the customer's address, or else from the place of work, as the crow flies; null where one of the two is
    /// not known.
    #[schema(example = 120)]
    pub distance_meters: Option<i64>,
}

#[expect(clippy::cast_precision_loss, reason = "degrees have nine digits")]
pub(super) fn degrees(millionths: i64) -> f64 {
    millionths as f64 / 1e6
}

/// Places are stored in millionths of a degree: a hand's breadth.
#[expect(clippy::cast_possible_truncation, reason = "degrees are at most 180")]
pub(super) fn millionths(degrees: f64) -> i64 {
    (degrees * 1e6).round() as i64
}

impl Stay {
    fn view(self, zone: &Zone) -> StayView {
        StayView {
            date: time::text(self.at, zone),
            latitude: self.latitude.map(degrees),
            longitude: self.longitude.map(degrees),
            location: self.location,
            location_name: self.name,
            distance_meters: self.distance,
        }
    }
}

impl Record for Row {
    const TABLE: &'static str = "activity";
    const TOPIC: &'static str = "Activity";
    const OWNER: Option<&'static str> = Some("assignee");
    type View = ActivityView;

    fn head(&self) -> Head<'_> {
        Head { company: self.company, name: &self.no, version: self.version, deleted_at: self.deleted_at }
    }

    fn stamp(&mut self) -> Stamp<'_> {
        let Row { version, modified_by, modified_at, deleted_at, search_key, .. } = self;
        Stamp { version, modified_by, modified_at, deleted_at, search_key }
    }

    fn words(&self) -> Vec<&str> {
        let texts = [&self.contact, &self.visit_location_name, &self.note, &self.report, &self.outcome];
        let texts = texts.into_iter().filter_map(|text| text.as_deref());
        [self.no.as_str(), self.subject.as_str()].into_iter().chain(texts).collect()
    }

    async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<ActivityView>, Error> {
        let mut names = Names::default();
        names.customers(conn, company, rows.iter().filter_map(|row| row.customer)).await?;
        names.people(conn, company, rows.iter().filter_map(|row| row.assignee)).await?;
        names.list(conn, company, List::ActivityTypes).await?;
        names.list(conn, company, List::ActivityStatuses).await?;
        let cases = cases(conn, company, &rows).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                // An activity stands here twice when it is compared with what it was.
                let cases = cases.get(&row.no_key).cloned().unwrap_or_default();
                row.view(&names, cases, zone)
            })
            .collect())
    }
}

impl Row {
    fn view(self, names: &Names, case_nos: Vec<String>, zone: &Zone) -> ActivityView {
        let text = |at: i64| time::text(at, zone);
        let (customer_code, customer_name) = names.customer(self.customer);
        let person = names.find(self.assignee);
        let stays = self.check_in.as_ref().zip(self.check_out.as_ref());
        ActivityView {
            activity_id: self.id,
            team_id: self.team,
            activity_no: self.no,
            subject: self.subject,
            group_id: self.group_id,
            activity_type_id: self.kind,
            is_active: self.active,
            status_id: self.status,
            is_ad_hoc: self.is_ad_hoc,
            assign_to_user_id: self.assignee,
            date_appointment_start: text(self.starts_at),
            date_appointment_end: text(self.ends_at),
            start_location: self.start_location,
            start_location_name: self.start_location_name,
            visit_latitude: self.visit_latitude.map(degrees),
            visit_longitude: self.visit_longitude.map(degrees),
            visit_location: self.visit_location,
            visit_location_name: self.visit_location_name,
            visit_place_id: self.visit_place_id,
            date_check_in: self.check_in.as_ref().map(|stay| text(stay.at)),
            date_check_out: self.check_out.as_ref().map(|stay| text(stay.at)),
            minutes_spent: stays.map(|(from, to)| (to.at - from.at) / 60_000),
            check_in: self.check_in.map(|stay| stay.view(zone)),
            check_out: self.check_out.map(|stay| stay.view(zone)),
            activity_type_name: names.entry(List::ActivityTypes, self.kind),
            status_name: names.entry(List::ActivityStatuses, Some(self.status)),
            state: self.state,
            assign_to_staff_code: person.map(|person| person.staff_code.clone()),
            assign_to_name: person.map(|person| person.name.clone()),
            customer_code,
            customer_name,
            contact_name: self.contact,
            room_id: self.room,
            deal_nos: self.deals,
            case_nos,
            key_activity_ids: self.key_activities,
            participant_user_ids: self.participants,
            note: self.note,
            report: self.report,
            outcome: self.outcome,
            next_step: self.next_step,
            date_next_step: self.next_step_at.map(text),
            recurrence: self.recurrence,
            created_by_user_id: self.created_by,
            date_created: text(self.created_at),
            modified_by_user_id: self.modified_by,
            date_modified: text(self.modified_at),
        }
    }
}

/// The numbers of the cases that point at these activities.
async fn cases(conn: &mut Conn, company: i64, rows: &[Row]) -> Result<HashMap<String, Vec<String>>, db::Error> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    if rows.is_empty() {
        return Ok(found);
    }
    let mut wanted = Rows::new(&[("reference", Type::Text)]);
    let keys: BTreeSet<&str> = rows.iter().map(|row| row.no_key.as_str()).collect();
    for key in keys {
        wanted.push([key.into()]);
    }
    let cases: Vec<(String, String)> = conn
        .sql("select record_link.reference, service_case.no from ")
        .push_rows(&wanted)
        .push(
            " as input cross join record_link cross join service_case
             where record_link.target = 'activity' and record_link.reference = input.reference
               and record_link.source = 'case' and service_case.id = record_link.source_id
               and service_case.deleted_at is null and service_case.company = record_link.company
               and record_link.company = ",
        )
        .push_bind(company)
        .push(" order by service_case.id")
        .all()
        .await?;
    for (activity, case) in cases {
        found.entry(activity).or_default().push(case);
    }
    Ok(found)
}

/// A number as activities are found by it.
pub(super) fn key(no: &str) -> String {
    link::key(no)
}
