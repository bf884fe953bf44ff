//! Writing a case: what callers send, what is wrong with it, and the row that comes of it.

use db::{Conn, Rows, Type};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::row::{Row, Status};
use super::target::{self, Deadline, Targets};
use crate::customer::store as customers;
use crate::http::{Caller, Code, Error, Fault, Faults, Patch};
use crate::inbox::rights;
use crate::record::{self, Actor, Saved};
use crate::search;
use crate::service::activity::Row as Activity;
use crate::service::link::{self, Target};
use crate::service::names;
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;
use crate::setting::number;
use crate::time::{self, Zone};

/// Links of one kind that a case may have.
const MOST_LINKS: usize = 100;

/// A case to open.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CaseCreateRequest {
    /// 1 request for action, 2 for your information.
    #[schema(example = 1)]
    pub(super) case_type: i64,
    /// What it is about.
    #[schema(example = "Create new case")]
    pub(super) subject: String,
    /// The customer's code.
    #[schema(example = "C000154")]
    pub(super) customer_code: Option<String>,
    /// Number of a category: an entry of the list `case-categories`.
    #[schema(example = 2_140_016_585_i64)]
    pub(super) category_id: i64,
    /// When it was raised; without an offset it is the company's time.
    #[schema(example = "2025-02-05T17:35:53.693+0700")]
    pub(super) date_case: String,
    /// When it is to be done; a bare day is its end.
    #[schema(example = "2025-02-05T17:35:53.693+0700")]
    pub(super) date_due: String,
    /// Numbers of activities that belong to it.
    #[schema(example = json!(["A20250200028", "A20250200029"]))]
    pub(super) activity_nos: Option<Vec<String>>,
    /// Numbers of deals that it is about.
    #[schema(example = json!(["D241200044", "D241200047"]))]
    pub(super) deal_nos: Option<Vec<String>>,
    /// More about it.
    #[schema(example = "description")]
    pub(super) note: Option<String>,
    /// User id or staff code of whoever is to see to it.
    #[schema(example = "6d473b8f-a6b3-4536-b1e6-f4b7688414e2")]
    pub(super) assigned_to_user_id: String,
    /// Ids of chat rooms in which it is talked about.
    pub(super) room_ids: Option<Vec<Uuid>>,
    /// A number from elsewhere; the next of the company's pattern `case` when absent.
    pub(super) case_no: Option<String>,
}

/// A change of a case: what is absent stays, null clears what can be empty. The type never changes.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CaseUpdateRequest {
    /// What it is about.
    #[schema(example = "Update Case")]
    subject: Option<String>,
    /// The customer's code, under another name; `customerCode` goes before.
    #[schema(value_type = Option<String>)]
    customer_no: Patch<String>,
    /// The customer's code.
    #[schema(value_type = Option<String>, example = "C000154")]
    customer_code: Patch<String>,
    /// Number of a category.
    #[schema(example = 2_140_016_585_i64)]
    category_id: Option<i64>,
    /// When it was raised.
    #[schema(example = "2025-02-05T17:35:53.693+0700")]
    date_case: Option<String>,
    /// When it is to be done; a bare day is its end.
    #[schema(example = "2025-02-05T17:35:53.693+0700")]
    date_due: Option<String>,
    /// All numbers of activities that belong to it.
    #[schema(value_type = Option<Vec<String>>, example = json!(["A20250200028", "A20250200029"]))]
    activity_nos: Patch<Vec<String>>,
    /// All numbers of deals that it is about.
    #[schema(value_type = Option<Vec<String>>, example = json!(["D241200044", "D241200047"]))]
    deal_nos: Patch<Vec<String>>,
    /// More about it.
    #[schema(value_type = Option<String>, example = "description")]
    note: Patch<String>,
    /// User id or staff code of whoever is to see to it; null takes it away from everybody.
    #[schema(value_type = Option<String>, example = "6d473b8f-a6b3-4536-b1e6-f4b7688414e2")]
    assigned_to_user_id: Patch<String>,
    /// All ids of chat rooms in which it is talked about.
    #[schema(value_type = Option<Vec<Uuid>>)]
    room_ids: Patch<Vec<Uuid>>,
}

/// What is written, whoever asks for it: a new case lacks nothing, an update what stays.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) no: Option<String>,
    pub(super) kind: Option<i64>,
    pub(super) change: CaseUpdateRequest,
}

impl From<CaseCreateRequest> for Input {
    fn from(new: CaseCreateRequest) -> Input {
        fn set<T>(value: Option<T>) -> Patch<T> {
            value.map_or(Patch::Keep, Patch::Set)
        }
        let change = CaseUpdateRequest {
            subject: Some(new.subject),
            customer_no: Patch::Keep,
            customer_code: set(new.customer_code),
            category_id: Some(new.category_id),
            date_case: Some(new.date_case),
            date_due: Some(new.date_due),
            activity_nos: set(new.activity_nos),
            deal_nos: set(new.deal_nos),
            note: set(new.note),
            assigned_to_user_id: Patch::Set(new.assigned_to_user_id),
            room_ids: set(new.room_ids),
        };
        Input { no: new.case_no, kind: Some(new.case_type), change }
    }
}

impl Input {
    /// A case out of what a chat room knows.
    pub(super) fn of_room(
        kind: i64,
        subject: String,
        (category, assignee): (i64, Option<String>),
        note: Option<String>,
        (raised, due): (String, String),
        room: Uuid,
    ) -> Input {
        let change = CaseUpdateRequest {
            subject: Some(subject),
            category_id: Some(category),
            date_case: Some(raised),
            date_due: Some(due),
            note: note.map_or(Patch::Keep, Patch::Set),
            assigned_to_user_id: assignee.map_or(Patch::Keep, Patch::Set),
            room_ids: Patch::Set(vec![room]),
            ..CaseUpdateRequest::default()
        };
        Input { no: None, kind: Some(kind), change }
    }

    /// Whose it is.
    pub(super) fn of_customer(&mut self, code: Option<String>) {
        self.change.customer_code = code.map_or(Patch::Keep, Patch::Set);
    }
}

/// Opens a case; what is wrong with it is added to what the decoder found.
pub(super) async fn create(tx: &mut Conn, by: &Actor, input: &Input, found: Vec<Fault>) -> Result<Saved<Row>, Error> {
    let company = by.caller.company;
    let mut faults = Faults::new(found);
    let kind = input.kind.unwrap_or(1);
    faults.one_of("caseType", kind, &[1, 2]);
    if let Some(no) = &input.no {
        faults.longest("caseNo", search::trimmed(no), 50);
        faults.path_part("caseNo", no, &super::PATH_WORDS);
    }
    let blank = Row {
        company,
        id: 0,
        no: String::new(),
        no_key: String::new(),
        kind,
        subject: String::new(),
        customer: None,
        category: 0,
        status: Status::New,
        raised_at: by.now,
        due_at: by.now,
        assignee: None,
        note: None,
        activities: Vec::new(),
        deals: Vec::new(),
        rooms: Vec::new(),
        response: Deadline::default(),
        resolution: Deadline::default(),
        due: Deadline::default(),
        is_breached: false,
        alarm_at: None,
        comments: 0,
        merged_into: None,
        closed_at: None,
        search_key: String::new(),
        created_by: by.caller.id.clone(),
        created_at: by.now,
        modified_by: String::new(),
        modified_at: by.now,
        version: 0,
        deleted_at: None,
    };
    let (mut row, category) = changed(tx, &by.caller, &blank, &input.change, faults).await?;
    let targets = Targets::of(&category);
    let calendar = target::calendar(tx, company, targets).await?;
    target::set(&mut row, None, targets, &calendar);
    row.id = number::next(tx, company, Row::COUNTER).await?;
    row.no = match input.no.as_deref().map(search::trimmed).filter(|no| !no.is_empty()) {
        Some(no) => no.to_owned(),
        None => number::of_record(tx, row.company, "case", ("service_case", "no_key"), row.created_at).await?,
    };
    row.no_key = link::key(&row.no);
    save(tx, by, None, row, "Created").await
}

impl Row {
    /// The counter of the cases' own numbers.
    const COUNTER: &'static str = "case";
}

/// Changes a case that is held.
pub(super) async fn update(
    tx: &mut Conn,
    by: &Actor,
    old: Row,
    change: &CaseUpdateRequest,
    found: Vec<Fault>,
) -> Result<Saved<Row>, Error> {
    let (mut row, category) = changed(tx, &by.caller, &old, change, Faults::new(found)).await?;
    let targets = Targets::of(&category);
    let calendar = target::calendar(tx, row.company, targets).await?;
    row.modified_at = by.now;
    target::set(&mut row, Some(&old), targets, &calendar);
    save(tx, by, Some(old), row, "Updated").await
}

/// The row after a change, and its category; 400 with everything that is wrong with it.
async fn changed(
    tx: &mut Conn,
    caller: &Caller,
    old: &Row,
    change: &CaseUpdateRequest,
    mut faults: Faults,
) -> Result<(Row, Choice), Error> {
    let company = old.company;
    let zone = time::zone(tx, company).await?;
    let mut row = old.clone();
    if let Some(subject) = &change.subject {
        faults.required("subject", subject, 500);
        row.subject = search::trimmed(subject).to_owned();
    }
    row.note = faults.text("note", &change.note, row.note, 10_000);
    moment(&mut faults, "dateCase", change.date_case.as_deref(), &zone, &mut row.raised_at);
    moment(&mut faults, "dateDue", change.date_due.as_deref(), &zone, &mut row.due_at);
    row.activities = faults.names("activityNos", &change.activity_nos, row.activities, (MOST_LINKS, 50));
    activities(tx, &mut faults, caller, (&change.activity_nos, &old.activities), &mut row).await?;
    row.deals = faults.names("dealNos", &change.deal_nos, row.deals, (MOST_LINKS, 50));
    let (field, code) = match &change.customer_code {
        Patch::Keep => ("customerNo", &change.customer_no),
        code => ("customerCode", code),
    };
    match code {
        Patch::Keep => {}
        Patch::Set(code) if !code.trim().is_empty() => {
            let found = customers::named_to_add(tx, caller, field, code, row.customer).await;
            if let Some(customer) = faults.take(found)? {
                row.customer = Some(customer.id);
            }
        }
        Patch::Clear | Patch::Set(_) => row.customer = None,
    }
    match &change.assigned_to_user_id {
        Patch::Keep => {}
        Patch::Set(who) if !who.trim().is_empty() => {
            let found = names::person(tx, company, "assignedToUserId", who).await;
            if let Some(person) = faults.take(found)? {
                row.assignee = Some(person.id);
            }
        }
        Patch::Set(_) if old.id == 0 => {
            faults.add(Code::Required, "assignedToUserId", "assignedToUserId is required");
        }
        Patch::Clear | Patch::Set(_) => row.assignee = None,
    }
    rooms(tx, &mut faults, caller, &change.room_ids, &mut row).await?;
    row.category = change.category_id.unwrap_or(row.category);
    let category = choice::find(tx, company, List::CaseCategories, row.category).await?;
    // A category that is out of use stays where it was chosen before.
    let category = category.filter(|category| category.is_active || old.category == category.id);
    if category.is_none() {
        let message = format!("categoryId {} is not a known category", row.category);
        faults.add(Code::NotFound, "categoryId", message);
    }
    faults.end()?;
    let category = category.ok_or(Error::NotFound("category"))?;
    Ok((row, category))
}

/// A time that a case cannot be without.
fn moment(faults: &mut Faults, field: &str, text: Option<&str>, zone: &Zone, place: &mut i64) {
    let Some(text) = text else { return };
    if text.trim().is_empty() || time::is_unset(text) {
        return faults.add(Code::Required, field, format!("{field} is required"));
    }
    let at = match field {
        "dateDue" => faults.due(field, text, zone).0.map(|at| at - at.rem_euclid(1000)),
        _ => faults.time(field, Some(text), zone),
    };
    // Times are answered to the second: whoever sends one back changes nothing.
    let is_same = |at: &i64| at.div_euclid(1000) == place.div_euclid(1000);
    *place = at.filter(|at| !is_same(at)).unwrap_or(*place);
}

/// Activities that are named must be some that the caller may see, or belong to the case already; the case has their numbers as
/// they are written there.
async fn activities(
    tx: &mut Conn,
    faults: &mut Faults,
    caller: &Caller,
    (patch, had): (&Patch<Vec<String>>, &[String]),
    row: &mut Row,
) -> Result<(), Error> {
    // What cannot be read has a stand-in, by which nothing is looked up.
    let is_odd = row.activities.iter().any(|no| no.contains('\0'));
    if !matches!(patch, Patch::Set(_)) || row.activities.is_empty() || is_odd {
        return Ok(());
    }
    let mut wanted = Rows::new(&[("no_key", Type::Text)]);
    for no in &row.activities {
        wanted.push([link::key(no).into()]);
    }
    let query = tx.sql("select no_key, no from activity where company = $1 and no_key in (select no_key from ");
    let query = query.bind(row.company).push_rows(&wanted).push(" as wanted)");
    let mut known: Vec<(String, String)> = record::within::<Activity>(query, caller).all().await?;
    known.extend(had.iter().map(|no| (link::key(no), no.clone())));
    let mut nos: Vec<String> = Vec::new();
    for no in &row.activities {
        match known.iter().find(|(known, _)| *known == link::key(no)) {
            Some((_, no)) if !nos.contains(no) => nos.push(no.clone()),
            Some(_) => {}
            None => faults.add(Code::NotFound, "activityNos", format!("activityNos: “{no}” is not a known activity")),
        }
    }
    row.activities = nos;
    Ok(())
}

/// The chat rooms after a change: some that the caller may see, or that the case has already.
async fn rooms(
    tx: &mut Conn,
    faults: &mut Faults,
    caller: &Caller,
    patch: &Patch<Vec<Uuid>>,
    row: &mut Row,
) -> Result<(), Error> {
    let given = match patch {
        Patch::Keep => return Ok(()),
        Patch::Clear => &Vec::new(),
        Patch::Set(given) => given,
    };
    faults.most("roomIds", given.len(), MOST_LINKS);
    let seen = rights::seen(tx, caller, given.iter().take(MOST_LINKS).copied()).await?;
    let mut rooms: Vec<Uuid> = Vec::new();
    for (index, room) in given.iter().take(MOST_LINKS).enumerate() {
        if rooms.contains(room) {
            continue;
        }
        if !seen.contains(room) && !row.rooms.contains(room) {
            let field = format!("roomIds[{index}]");
            faults.add(Code::UnknownRoom, field.as_str(), format!("{field} is not a known room"));
        }
        rooms.push(*room);
    }
    row.rooms = rooms;
    Ok(())
}

/// Saves a case with its links, and asks for the job of its next alarm.
pub(super) async fn save(
    tx: &mut Conn,
    by: &Actor,
    old: Option<Row>,
    new: Row,
    name: &'static str,
) -> Result<Saved<Row>, Error> {
    let points = |row: &Row| (row.activities.clone(), row.deals.clone(), row.rooms.clone());
    let (pointed, belonged) = (old.as_ref().map(points), old.as_ref().map(|old| old.customer));
    let saved = record::save_as(tx, by, old, new, name).await?;
    let row = &saved.row;
    if pointed != Some(points(row)) {
        let activities = row.activities.iter().map(|no| (Target::Activity, link::key(no)));
        let deals = row.deals.iter().map(|no| (Target::Deal, link::key(no)));
        let rooms = row.rooms.iter().map(|room| (Target::Room, room.to_string()));
        link::write(tx, row.company, ("case", row.id), activities.chain(deals).chain(rooms)).await?;
    }
    if belonged.is_some_and(|belonged| belonged != row.customer) {
        tx.sql("update case_comment set customer = $3 where company = $1 and case_id = $2")
            .bind(row.company)
            .bind(row.id)
            .bind(row.customer)
            .later()
            .await?;
    }
    target::ask(tx, row).await?;
    Ok(saved)
}

/// A number as cases are found by it.
pub(super) fn key(no: &str) -> String {
    search::fold(search::trimmed(no))
}
