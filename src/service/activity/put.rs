//! Writing an activity: what callers send, what is wrong with it, and the row that comes of it.

use db::Conn;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::row::{Row, State, key, millionths};
use crate::customer::store as customers;
use crate::http::caller::Range;
use crate::http::{Caller, Code, Conditions, Error, Fault, Faults, Patch};
use crate::inbox::rights;
use crate::record::{self, Actor, Saved};
use crate::recurrence;
use crate::search;
use crate::service::link::{self, Target};
use crate::service::names;
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;
use crate::setting::number;
use crate::time::{self, Zone};

/// Links of one kind that an activity may have.
const MOST_LINKS: usize = 100;

/// An activity that says no end lasts for an hour.
const HOUR: i64 = 3_600_000;

/// An activity to enter, or to change when its number is known: what is absent stays, null clears what can be empty.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityUpsertRequest {
    /// The number of the activity to change. Absent or null makes a new one; so does a number that is not known, which it then
    /// has.
    #[schema(example = "A20250200028")]
    pub(crate) activity_no: Option<String>,
    /// What it is about. Required of a new one.
    #[schema(example = "เข้าพบลูกค้า")]
    subject: Option<String>,
    /// Number of its type: an entry of the list `activity-types`.
    #[schema(value_type = Option<i64>, example = 1)]
    activity_type_id: Patch<i64>,
    /// Numbers of key activities: what it is for.
    #[schema(value_type = Option<Vec<i64>>, example = json!([1]))]
    key_activity_ids: Patch<Vec<i64>>,
    /// The customer's code.
    #[schema(value_type = Option<String>, example = "C000154")]
    customer_code: Patch<String>,
    /// Numbers of the deals that it is about.
    #[schema(value_type = Option<Vec<String>>)]
    deal_nos: Patch<Vec<String>>,
    /// When it is planned to begin. Required of a new one.
    #[schema(example = "2025-02-05T10:00:00")]
    date_appointment_start: Option<String>,
    /// When it is planned to end; an hour later when absent.
    #[schema(example = "2025-02-05T11:00:00")]
    date_appointment_end: Option<String>,
    /// User id or staff code of whoever is to do it; the caller himself, if he is an employee, when absent.
    #[schema(value_type = Option<String>, example = "6d473b8f-a6b3-4536-b1e6-f4b7688414e2")]
    assign_to_user_id: Patch<String>,
    /// The same, as cases spell it.
    #[schema(value_type = Option<String>)]
    assigned_to_user_id: Patch<String>,
    /// Latitude of the place of work.
    #[schema(value_type = Option<f64>, example = 13.746_5)]
    visit_latitude: Patch<f64>,
    /// Longitude of the place of work.
    #[schema(value_type = Option<f64>, example = 100.534_8)]
    visit_longitude: Patch<f64>,
    /// Address of the place of work.
    #[schema(value_type = Option<String>)]
    visit_location: Patch<String>,
    /// Name of the place of work.
    #[schema(value_type = Option<String>)]
    visit_location_name: Patch<String>,
    /// More about it.
    #[schema(value_type = Option<String>)]
    note: Patch<String>,
    /// What a map calls the place of work.
    #[schema(value_type = Option<String>)]
    visit_place_id: Patch<String>,
    /// Where the way there begins.
    #[schema(value_type = Option<String>)]
    start_location: Patch<String>,
    /// Name of that place.
    #[schema(value_type = Option<String>)]
    start_location_name: Patch<String>,
    /// Number of its status: an entry of the list `activity-statuses`.
    #[schema(example = 1)]
    status_id: Option<i64>,
    /// Whether it is in use.
    is_active: Option<bool>,
    /// Whether it was not planned.
    is_ad_hoc: Option<bool>,
    /// Number of the team that it belongs to; that of whoever is to do it when absent.
    #[schema(value_type = Option<i64>)]
    team_id: Patch<i64>,
    /// Number of a group; kept as it is given.
    #[schema(value_type = Option<i64>)]
    group_id: Patch<i64>,
    /// Who is met there.
    #[schema(value_type = Option<String>)]
    contact_name: Patch<String>,
    /// Id of the chat room that it is about.
    #[schema(value_type = Option<Uuid>)]
    room_id: Patch<Uuid>,
    /// User ids or staff codes of those who come along.
    #[schema(value_type = Option<Vec<String>>)]
    participant_user_ids: Patch<Vec<String>>,
    /// How it went.
    #[schema(value_type = Option<String>)]
    report: Patch<String>,
    /// What came of it, in a word.
    #[schema(value_type = Option<String>)]
    outcome: Patch<String>,
    /// What is to be done next.
    #[schema(value_type = Option<String>)]
    next_step: Patch<String>,
    /// By when.
    #[schema(value_type = Option<String>)]
    date_next_step: Patch<String>,
    /// How it recurs: an `RRULE` of RFC 5545. The next one is made when this one is done or cancelled.
    #[schema(value_type = Option<String>, example = "FREQ=WEEKLY;BYDAY=MO")]
    recurrence: Patch<String>,
}

/// What is known of a visit that nobody planned.
pub(super) struct AdHoc {
    pub(super) subject: Option<String>,
    pub(super) customer_code: Option<String>,
    pub(super) activity_type_id: Option<i64>,
    pub(super) assign_to_user_id: Option<String>,
    pub(super) contact_name: Option<String>,
    pub(super) at: String,
}

impl From<AdHoc> for ActivityUpsertRequest {
    fn from(visit: AdHoc) -> ActivityUpsertRequest {
        fn set<T>(value: Option<T>) -> Patch<T> {
            value.map_or(Patch::Keep, Patch::Set)
        }
        let subject = visit.subject.filter(|text| !search::trimmed(text).is_empty());
        ActivityUpsertRequest {
            subject: Some(subject.unwrap_or_else(|| "เช็คอิน".to_owned())),
            customer_code: set(visit.customer_code),
            activity_type_id: set(visit.activity_type_id),
            assign_to_user_id: set(visit.assign_to_user_id),
            contact_name: set(visit.contact_name),
            date_appointment_start: Some(visit.at),
            is_ad_hoc: Some(true),
            ..ActivityUpsertRequest::default()
        }
    }
}

/// Enters an activity, or changes the one of the number. `found` is what the decoder has found to be wrong.
pub(crate) async fn put(
    tx: &mut Conn,
    by: &Actor,
    input: &ActivityUpsertRequest,
    found: &[Fault],
    conditions: &Conditions,
) -> Result<Saved<Row>, Error> {
    let given = input.activity_no.as_deref().map(search::trimmed).filter(|no| !no.is_empty());
    if given.is_some_and(|no| no.contains('\0')) {
        // A number that cannot be read names nothing.
        return Err(Error::Invalid(found.to_vec()));
    }
    let old: Option<Row> = match given {
        Some(no) => match record::held(tx, &by.caller, "no_key", key(no), conditions).await {
            Err(Error::NotFound(_)) => None,
            held => Some(held?),
        },
        None => None,
    };
    if old.is_none() {
        conditions.allow_change(None)?;
    }
    let zone = time::zone(tx, by.caller.company).await?;
    let mut faults = Faults::new(found.to_vec());
    if let Some(no) = given.filter(|_| old.is_none()) {
        faults.longest("activityNo", no, 50);
        faults.path_part("activityNo", no, &super::PATH_WORDS);
        if no.chars().all(|letter| letter.is_ascii_digit()) {
            // By digits alone an activity is found by its id.
            faults.add(Code::InvalidFormat, "activityNo", "activityNo of a new activity must have a letter");
        }
    }
    let mut row = changed(tx, by, old.as_ref(), input, faults, &zone).await?;
    if old.is_none() {
        row.id = number::next(tx, row.company, "activity").await?;
        row.no = match given {
            Some(no) => no.to_owned(),
            None => number::of_record(tx, row.company, "activity", ("activity", "no_key"), row.created_at).await?,
        };
        row.no_key = key(&row.no);
    }
    save(tx, by, old, row, None).await
}

/// Saves an activity with its links; when one that recurs has ended, the next of its series is made.
pub(super) async fn save(
    tx: &mut Conn,
    by: &Actor,
    old: Option<Row>,
    mut new: Row,
    name: Option<&'static str>,
) -> Result<Saved<Row>, Error> {
    let had_ended = old.as_ref().is_some_and(|old| old.state.has_ended());
    let points = |row: &Row| (row.deals.clone(), row.room);
    let pointed = old.as_ref().map(points);
    let usual = if old.is_some() { "Updated" } else { "Created" };
    // Whoever hands a series on has no part in it any more: one that ends a second time makes no second next one.
    let series = match new.state.has_ended() && !had_ended {
        true => new.series_start.take(),
        false => None,
    };
    let saved = record::save_as(tx, by, old, new, name.unwrap_or(usual)).await?;
    if pointed != Some(points(&saved.row)) {
        link_all(tx, &saved.row).await?;
    }
    if let Some(start) = series {
        recur(tx, by, &saved.row, start).await?;
    }
    Ok(saved)
}

async fn link_all(tx: &mut Conn, row: &Row) -> Result<(), db::Error> {
    let deals = row.deals.iter().map(|no| (Target::Deal, link::key(no)));
    let rooms = row.room.iter().map(|room| (Target::Room, room.to_string()));
    link::write(tx, row.company, ("activity", row.id), deals.chain(rooms)).await
}

/// Makes the next activity of a series that began at `start`.
async fn recur(tx: &mut Conn, by: &Actor, ended: &Row, start: i64) -> Result<(), Error> {
    let Some(rule) = &ended.recurrence else { return Ok(()) };
    let zone = time::zone(tx, ended.company).await?;
    let Some(next) = recurrence::next(rule, start, ended.starts_at, &zone) else { return Ok(()) };
    let (status, state) = status_of(tx, ended.company, State::Planned).await?;
    let mut row = Row {
        id: number::next(tx, ended.company, "activity").await?,
        status,
        state,
        is_ad_hoc: false,
        starts_at: next,
        ends_at: next + (ended.ends_at - ended.starts_at),
        check_in: None,
        check_out: None,
        report: None,
        outcome: None,
        next_step: None,
        next_step_at: None,
        series_start: Some(start),
        created_by: by.caller.id.clone(),
        created_at: by.now,
        version: 0,
        ..ended.clone()
    };
    row.no = number::of_record(tx, row.company, "activity", ("activity", "no_key"), row.created_at).await?;
    row.no_key = key(&row.no);
    let saved = record::save(tx, by, None, row).await?;
    link_all(tx, &saved.row).await?;
    Ok(())
}

/// The state that an entry of the list `activity-statuses` stands for.
pub(super) fn state_of(status: &Choice) -> State {
    let word = status.detail.as_ref().and_then(|detail| detail.get("state")?.as_str());
    let found = State::WORDS.iter().find(|(known, _)| Some(*known) == word);
    found.map_or(State::Planned, |(_, state)| *state)
}

/// The first status that stands for this state.
pub(super) async fn status_of(tx: &mut Conn, company: i64, wanted: State) -> Result<(i64, State), Error> {
    let all = choice::all(tx, company, List::ActivityStatuses).await?;
    let found = all.iter().find(|status| status.is_active && state_of(status) == wanted);
    // A company without the lists that it began with has none: 0 is no entry.
    Ok((found.map_or(0, |status| status.id), wanted))
}

/// The row after a change; 400 with everything that is wrong with it.
async fn changed(
    tx: &mut Conn,
    by: &Actor,
    old: Option<&Row>,
    input: &ActivityUpsertRequest,
    mut faults: Faults,
    zone: &Zone,
) -> Result<Row, Error> {
    let mut row = match old {
        Some(old) => old.clone(),
        None => fresh(tx, by).await?,
    };
    match &input.subject {
        Some(subject) => {
            faults.required("subject", subject, 500);
            row.subject = search::trimmed(subject).to_owned();
        }
        None if old.is_none() => faults.add(Code::Required, "subject", "subject is required"),
        None => {}
    }
    times(&mut faults, old, input, &mut row, zone);
    place(&mut faults, input, &mut row);
    row.contact = faults.text("contactName", &input.contact_name, row.contact, 300);
    row.note = faults.text("note", &input.note, row.note, 10_000);
    row.report = faults.text("report", &input.report, row.report, 20_000);
    row.outcome = faults.text("outcome", &input.outcome, row.outcome, 300);
    row.next_step = faults.text("nextStep", &input.next_step, row.next_step, 1_000);
    row.next_step_at = faults.patched_time("dateNextStep", &input.date_next_step, row.next_step_at, zone);
    row.deals = faults.names("dealNos", &input.deal_nos, row.deals, (MOST_LINKS, 50));
    row.recurrence = faults.text("recurrence", &input.recurrence, row.recurrence, 500);
    if let (Some(rule), Patch::Set(_)) = (&row.recurrence, &input.recurrence)
        && let Some(fault) = recurrence::fault(rule, zone)
    {
        faults.add(Code::InvalidFormat, "recurrence", format!("recurrence is not an RRULE: {fault}"));
    }
    // A series that was handed on stays so until the activity gets another rule.
    let moved = |old: &Row| old.series_start.is_some() && old.starts_at != row.starts_at;
    if old.is_none_or(|old| old.recurrence != row.recurrence || moved(old)) {
        row.series_start = row.recurrence.as_ref().map(|_| row.starts_at);
    }
    row.active = input.is_active.unwrap_or(row.active);
    row.is_ad_hoc = input.is_ad_hoc.unwrap_or(row.is_ad_hoc);
    row.group_id = input.group_id.clone().over(row.group_id);
    entries(tx, &mut faults, input, &mut row).await?;
    people(tx, &mut faults, &by.caller, old, input, &mut row).await?;
    match &input.room_id {
        Patch::Keep => {}
        Patch::Clear => row.room = None,
        Patch::Set(room) => {
            let is_new = row.room != Some(*room);
            row.room = Some(*room);
            if is_new && rights::find(tx, &by.caller, *room).await?.is_none() {
                faults.add(Code::UnknownRoom, "roomId", "roomId is not a known room");
            }
        }
    }
    // The customer is held last of all look-ups: nothing else is waited for while it is.
    match &input.customer_code {
        Patch::Keep => {}
        Patch::Set(code) if !code.trim().is_empty() => {
            let found = customers::named_to_add(tx, &by.caller, "customerCode", code, row.customer).await;
            row.customer = faults.take(found)?.map(|customer| customer.id);
        }
        Patch::Clear | Patch::Set(_) => row.customer = None,
    }
    faults.end()?;
    Ok(row)
}

/// A new activity of which nothing is known yet.
async fn fresh(tx: &mut Conn, by: &Actor) -> Result<Row, Error> {
    let (status, state) = status_of(tx, by.caller.company, State::Planned).await?;
    Ok(Row {
        company: by.caller.company,
        id: 0,
        no: String::new(),
        no_key: String::new(),
        subject: String::new(),
        team: None,
        group_id: None,
        kind: None,
        active: true,
        status,
        state,
        is_ad_hoc: false,
        assignee: None,
        starts_at: by.now,
        ends_at: by.now,
        start_location: None,
        start_location_name: None,
        visit_latitude: None,
        visit_longitude: None,
        visit_location: None,
        visit_location_name: None,
        visit_place_id: None,
        customer: None,
        contact: None,
        room: None,
        deals: Vec::new(),
        key_activities: Vec::new(),
        participants: Vec::new(),
        note: None,
        check_in: None,
        check_out: None,
        report: None,
        outcome: None,
        next_step: None,
        next_step_at: None,
        recurrence: None,
        series_start: None,
        search_key: String::new(),
        created_by: by.caller.id.clone(),
        created_at: by.now,
        modified_by: String::new(),
        modified_at: by.now,
        version: 0,
        deleted_at: None,
    })
}

/// When it is planned: an end that is not given moves with the begin.
fn times(faults: &mut Faults, old: Option<&Row>, input: &ActivityUpsertRequest, row: &mut Row, zone: &Zone) {
    let length = old.map_or(HOUR, |old| old.ends_at - old.starts_at);
    let (begin, end) = ("dateAppointmentStart", "dateAppointmentEnd");
    match faults.time(begin, input.date_appointment_start.as_deref(), zone) {
        Some(at) => row.starts_at = at,
        None if old.is_none() => faults.add(Code::Required, begin, format!("{begin} is required")),
        None => {}
    }
    row.ends_at = row.starts_at + length;
    if let Some(at) = faults.time(end, input.date_appointment_end.as_deref(), zone) {
        row.ends_at = at;
        if at < row.starts_at {
            faults.add(Code::InvalidValue, end, format!("{end} must not be before {begin}"));
        }
    }
    if row.ends_at - row.starts_at > LONGEST {
        faults.add(Code::OutOfRange, end, format!("{end} must be within 31 days of {begin}"));
    }
}

/// Where it is planned.
fn place(faults: &mut Faults, input: &ActivityUpsertRequest, row: &mut Row) {
    row.visit_latitude = coordinate(faults, "visitLatitude", &input.visit_latitude, row.visit_latitude, 90.0);
    row.visit_longitude = coordinate(faults, "visitLongitude", &input.visit_longitude, row.visit_longitude, 180.0);
    let texts = [
        ("visitLocation", &input.visit_location, &mut row.visit_location),
        ("visitLocationName", &input.visit_location_name, &mut row.visit_location_name),
        ("visitPlaceId", &input.visit_place_id, &mut row.visit_place_id),
        ("startLocation", &input.start_location, &mut row.start_location),
        ("startLocationName", &input.start_location_name, &mut row.start_location_name),
    ];
    for (field, patch, place) in texts {
        *place = faults.text(field, patch, place.take(), 1_000);
    }
}

/// A coordinate after an update, in millionths of a degree.
pub(super) fn coordinate(
    faults: &mut Faults,
    field: &str,
    patch: &Patch<f64>,
    stored: Option<i64>,
    most: f64,
) -> Option<i64> {
    match patch {
        Patch::Keep => stored,
        Patch::Clear => None,
        Patch::Set(degrees) if degrees.abs() <= most => Some(millionths(*degrees)),
        Patch::Set(_) => {
            faults.add(Code::OutOfRange, field, format!("{field} must be from -{most} to {most}"));
            stored
        }
    }
}

/// Type, status and key activities, which must be in their lists.
async fn entries(
    tx: &mut Conn,
    faults: &mut Faults,
    input: &ActivityUpsertRequest,
    row: &mut Row,
) -> Result<(), Error> {
    let company = row.company;
    row.kind = input.activity_type_id.clone().over(row.kind);
    if let Patch::Set(kind) = input.activity_type_id
        && choice::find(tx, company, List::ActivityTypes, kind).await?.is_none()
    {
        faults.add(Code::NotFound, "activityTypeId", format!("activityTypeId {kind} is not a known activity type"));
    }
    if let Some(status) = input.status_id {
        match choice::find(tx, company, List::ActivityStatuses, status).await? {
            Some(status) => (row.status, row.state) = (status.id, state_of(&status)),
            None => faults.add(Code::NotFound, "statusId", format!("statusId {status} is not a known activity status")),
        }
    }
    match &input.key_activity_ids {
        Patch::Keep => {}
        Patch::Clear => row.key_activities = Vec::new(),
        Patch::Set(ids) => {
            faults.most("keyActivityIds", ids.len(), MOST_LINKS);
            let known = choice::all(tx, company, List::KeyActivities).await?;
            for (index, id) in ids.iter().enumerate() {
                if !known.iter().any(|entry| entry.id == *id) {
                    let field = format!("keyActivityIds[{index}]");
                    faults.add(Code::NotFound, field.as_str(), format!("{field} {id} is not a known key activity"));
                }
            }
            let mut ids = ids.clone();
            ids.sort_unstable();
            ids.dedup();
            row.key_activities = ids;
        }
    }
    Ok(())
}

/// Who does it, and who comes along.
async fn people(
    tx: &mut Conn,
    faults: &mut Faults,
    caller: &Caller,
    old: Option<&Row>,
    input: &ActivityUpsertRequest,
    row: &mut Row,
) -> Result<(), Error> {
    let company = row.company;
    let (field, who) = match &input.assign_to_user_id {
        Patch::Keep => ("assignedToUserId", &input.assigned_to_user_id),
        who => ("assignToUserId", who),
    };
    let himself = match caller.range() {
        Range::Own { user } | Range::Team { user, .. } if old.is_none() => Some(user.to_string()),
        _ => None,
    };
    let named = match who {
        Patch::Set(who) if !who.trim().is_empty() => Some(who.clone()),
        Patch::Keep => himself,
        Patch::Clear | Patch::Set(_) => {
            row.assignee = None;
            None
        }
    };
    if let Some(who) = named {
        let found = names::person(tx, company, field, &who).await;
        if let Some(person) = faults.take(found)? {
            if row.assignee != Some(person.id) {
                row.team = Some(person.team);
            }
            row.assignee = Some(person.id);
        }
    }
    match &input.team_id {
        Patch::Keep => {}
        Patch::Clear => row.team = None,
        Patch::Set(team) => {
            row.team = Some(*team);
            if choice::find(tx, company, List::Teams, *team).await?.is_none() {
                faults.add(Code::NotFound, "teamId", format!("teamId {team} is not a known team"));
            }
        }
    }
    match &input.participant_user_ids {
        Patch::Keep => {}
        Patch::Clear => row.participants = Vec::new(),
        Patch::Set(given) => {
            faults.most("participantUserIds", given.len(), MOST_LINKS);
            let mut people: Vec<Uuid> = Vec::new();
            for (index, who) in given.iter().take(MOST_LINKS).enumerate() {
                let found = names::person(tx, company, &format!("participantUserIds[{index}]"), who).await;
                let found = faults.take(found)?.map(|person| person.id);
                people.extend(found.filter(|id| !people.contains(id)));
            }
            row.participants = people;
        }
    }
    Ok(())
}

/// Nothing lasts longer, for whoever looks for what overlaps.
const LONGEST: i64 = 31 * 24 * HOUR;

/// What else whoever is to do this has planned at the same time, in words; at most five. Of what the caller may not see only
/// the time is told.
pub(super) async fn overlaps(
    conn: &mut Conn,
    caller: &Caller,
    row: &Row,
    zone: &Zone,
) -> Result<Vec<String>, db::Error> {
    let Some(assignee) = row.assignee.filter(|_| !row.state.has_ended() && row.active) else { return Ok(Vec::new()) };
    let query = conn
        .sql(
            "select other.no, other.subject, other.starts_at, other.ends_at,
               (select count(*) from activity where activity.company = $1 and activity.id = other.id",
        )
        .bind(row.company)
        .bind(assignee)
        .bind(row.ends_at)
        .bind(row.starts_at - LONGEST)
        .bind(row.starts_at)
        .bind(row.id);
    let query = record::within::<Row>(query, caller).push(
        ") from activity other
         where other.company = $1 and other.assignee = $2 and other.starts_at < $3 and other.starts_at > $4
           and other.ends_at > $5 and other.id <> $6
           and other.state in ('planned', 'started') and other.active and other.deleted_at is null
         order by other.starts_at, other.id limit 5",
    );
    let others: Vec<(String, String, i64, i64, i64)> = query.all().await?;
    let told = |(no, subject, from, to, seen): (String, String, i64, i64, i64)| {
        let (from, to) = (time::text(from, zone), time::text(to, zone));
        match seen {
            0 => format!("Whoever is to do this is busy from {from} to {to}"),
            _ => format!("Overlaps {no} ({subject}), {from} to {to}"),
        }
    };
    Ok(others.into_iter().map(told).collect())
}
