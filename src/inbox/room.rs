//! One room as the console shows it, and what people do with it: assign, claim, close, put off, label.

use std::collections::HashMap;

use axum::extract::State;
use channel::Platform;
use channel::plan::REPLY_TOKEN_LIFETIME_MS;
use db::{Conn, Query, Rows, Type};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::rights;
use super::state::{self, RoomUpdate};
use crate::app::App;
use crate::http::{Caller, Conditions, Envelope, Error, Json, Page, Paging, Path, Query as Parameters, Reply};
use crate::setting::inbox::Clock;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_room, update_room))
        .routes(routes!(claim_room))
        .routes(routes!(read_room))
        .routes(routes!(list_room_history))
}

/// A person by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PersonName {
    /// The user id.
    pub(super) id: Uuid,
    /// First and last name.
    #[schema(example = "Patty Saruta")]
    pub(super) name: String,
    /// Nickname.
    pub(super) nickname: Option<String>,
}

/// An entry of a list by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct EntryName {
    /// Its number.
    #[schema(example = 1)]
    pub(super) id: i64,
    /// Its name.
    pub(super) name: String,
}

/// A channel account by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AccountName {
    /// Its id.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
}

/// The last message of a room.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct LastMessage {
    /// Its kind.
    #[schema(example = "message")]
    r#type: String,
    /// How it begins.
    content: String,
    /// When it was said: Unix time in milliseconds.
    at: i64,
    /// `customer`, `staff` or `client`.
    #[schema(example = "customer")]
    from: &'static str,
}

/// A room as the console shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConsoleRoom {
    /// Its id.
    pub(super) id: Uuid,
    /// Its version: the larger one is the newer.
    pub(super) version: i64,
    /// The customer's name, or the group's.
    name: String,
    /// Address of the picture; empty when there is none.
    picture: String,
    /// Name of the channel.
    #[schema(example = "line")]
    platform: &'static str,
    /// The channel account.
    account: AccountName,
    /// Whom the room is with, as the channel knows them.
    contact_id: Uuid,
    /// The customer record that it belongs to.
    customer_id: Option<i64>,
    /// Its code.
    customer_code: Option<String>,
    /// `open`, `waiting` (put off) or `closed`.
    #[schema(example = "open")]
    pub(super) status: &'static str,
    /// Until when it is put off.
    waiting_until: Option<i64>,
    /// Who answers it.
    pub(super) assignee: Option<PersonName>,
    /// `person` or `rule`.
    assigned_by: Option<String>,
    /// Whose it is.
    team: Option<EntryName>,
    /// `low`, `normal`, `high` or `urgent`.
    #[schema(example = "normal")]
    priority: &'static str,
    /// Its labels.
    pub(super) labels: Vec<EntryName>,
    /// The running number of the last message.
    messages: i64,
    /// The last message.
    last: Option<LastMessage>,
    /// When it was said.
    pub(super) last_at: i64,
    /// When the customer last wrote.
    last_customer_at: Option<i64>,
    /// When somebody last answered.
    last_reply_at: Option<i64>,
    /// Whether the customer waits for an answer.
    unanswered: bool,
    /// Since when.
    pub(super) waiting_since: Option<i64>,
    /// Until when the customer is to be answered, in the company's working hours; null when nobody waits, or no target is set.
    respond_by: Option<i64>,
    /// Messages that the caller has not read.
    unread: i64,
    /// The last message that the caller has read.
    read_to: Option<i64>,
    /// Whether the caller has a draft here.
    has_draft: bool,
    /// Whether the caller is mentioned in a note not seen yet.
    mentioned: bool,
    /// Whether a message could not be delivered.
    failed: bool,
    /// Until when an answer is free on this channel.
    free_reply_until: Option<i64>,
    /// Whether a bot that answers here is to be silent.
    bot_paused: bool,
    /// When the room was made.
    created_at: i64,
}

/// A room as the database gives it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    pub(super) id: Uuid,
    version: i64,
    name: String,
    picture: String,
    platform: i64,
    account: String,
    account_name: String,
    contact: Uuid,
    customer: Option<i64>,
    customer_code: Option<String>,
    status: i64,
    waiting_until: Option<i64>,
    assignee: Option<Uuid>,
    assignee_name: Option<String>,
    assignee_nickname: Option<String>,
    assigned_by: Option<String>,
    team: Option<i64>,
    team_name: Option<String>,
    priority: i64,
    messages: i64,
    last_kind: Option<String>,
    last_content: Option<String>,
    pub(super) last_at: i64,
    last_contact: Option<Uuid>,
    last_staff: Option<Uuid>,
    last_customer_at: Option<i64>,
    last_reply_at: Option<i64>,
    unanswered: bool,
    pub(super) waiting_since: Option<i64>,
    unread: i64,
    read_to: Option<i64>,
    has_draft: bool,
    mentioned: bool,
    failed: bool,
    reply_token_at: Option<i64>,
    bot_paused: bool,
    created_at: i64,
}

/// Reads [`Row`]s of the rooms that stand in `found (id)`; `$1` is the company, `$2` the caller's id, `$3` its user id. What one
/// value is wanted of is no join: PostgreSQL orders eight tables freely, and lists bring one more.
pub(super) const ROW: &str = "
    select room.id, room.version, room.name, room.picture, room.platform, room.account, account.name as account_name,
           room.contact, room.customer, customer.code as customer_code, room.status, room.waiting_until, room.assignee,
           employee.firstname || ' ' || employee.lastname as assignee_name, employee.nickname as assignee_nickname,
           room.assigned_by, room.team,
           (select team.name from choice as team
            where team.company = room.company and team.list = 'teams' and team.id = room.team) as team_name, room.priority, room.messages, room.last_kind,
           room.last_content, room.last_at, last.contact as last_contact, last.staff as last_staff,
           room.last_customer_at, room.last_reply_at, room.unanswered, room.waiting_since, room.unread,
           (select mark.number from room_read as mark
            where mark.company = room.company and mark.who = $2 and mark.room = room.id) as read_to,
           exists (select 1 from room_draft as draft
                   where draft.company = room.company and draft.who = $2 and draft.room = room.id) as has_draft,
           exists (select 1 from room_mention as m
                   where m.company = room.company and m.person = $3 and m.room = room.id and not m.seen) as mentioned,
           exists (select 1 from message as m
                   where m.company = room.company and m.room = room.id and m.delivery = 9 and m.kind <> 'erased') as failed,
           case when room.reply_token is null then null else room.reply_token_at end as reply_token_at,
           room.bot_paused, room.created_at
    from room
    join account on account.company = room.company and account.id = room.account
    left join customer on customer.company = room.company and customer.id = room.customer
    left join employee on employee.company = room.company and employee.id = room.assignee
    left join message as last on last.company = room.company and last.id = room.last_message
    where room.company = $1 and room.erased_at is null";

/// Begins a statement that reads [`Row`]s for a caller.
pub(super) fn rows<'c>(conn: &'c mut Conn, caller: &Caller) -> Query<'c> {
    let user = caller.person.as_ref().map_or(Uuid::nil(), |person| person.id);
    conn.sql(ROW).bind(caller.company).bind(&caller.id).bind(user)
}

/// The API's word for a stored status.
pub(super) fn status_word(stored: i64) -> &'static str {
    match stored {
        1 => "open",
        2 => "waiting",
        _ => "closed",
    }
}

/// Priorities from 1 on.
pub(super) const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];

impl Row {
    fn view(self, labels: Vec<EntryName>, clock: Option<&Clock>) -> ConsoleRoom {
        let name = |name: Option<String>| name.unwrap_or_default().trim().to_owned();
        let from = match (self.last_contact, self.last_staff) {
            (Some(_), _) => "customer",
            (None, Some(_)) => "staff",
            (None, None) => "client",
        };
        let last_at = self.last_at;
        ConsoleRoom {
            id: self.id,
            version: self.version,
            name: self.name,
            picture: self.picture,
            platform: Platform::from_number(self.platform).map(Platform::name).unwrap_or_default(),
            account: AccountName { id: self.account, name: self.account_name },
            contact_id: self.contact,
            customer_id: self.customer,
            customer_code: self.customer_code,
            status: status_word(self.status),
            waiting_until: self.waiting_until,
            assignee: self.assignee.map(|id| PersonName {
                id,
                name: name(self.assignee_name.clone()),
                nickname: self.assignee_nickname.clone(),
            }),
            assigned_by: self.assigned_by,
            team: self.team.map(|id| EntryName { id, name: name(self.team_name.clone()) }),
            priority: PRIORITIES.get(usize::try_from(self.priority - 1).unwrap_or(1)).copied().unwrap_or("normal"),
            labels,
            messages: self.messages,
            last: self.last_kind.map(|kind| LastMessage {
                r#type: kind,
                content: self.last_content.unwrap_or_default(),
                at: last_at,
                from,
            }),
            last_at,
            last_customer_at: self.last_customer_at,
            last_reply_at: self.last_reply_at,
            unanswered: self.unanswered,
            waiting_since: self.waiting_since,
            respond_by: self.waiting_since.and_then(|since| Some(clock?.respond_by(since))),
            unread: self.read_to.map_or(self.unread, |read| (self.messages - read).max(0)),
            read_to: self.read_to,
            has_draft: self.has_draft,
            mentioned: self.mentioned,
            failed: self.failed,
            free_reply_until: self.reply_token_at.map(|at| at + REPLY_TOKEN_LIFETIME_MS),
            bot_paused: self.bot_paused,
            created_at: self.created_at,
        }
    }
}

/// Rows with their labels.
pub(super) async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>) -> Result<Vec<ConsoleRoom>, Error> {
    let mut ids = Rows::new(&[("room", Type::Uuid)]);
    for row in &rows {
        ids.push([row.id.into()]);
    }
    let mut labels: HashMap<Uuid, Vec<EntryName>> = HashMap::new();
    if !rows.is_empty() {
        let found: Vec<(Uuid, i64, String)> = conn
            .sql("select room_label.room, choice.id, choice.name from ")
            .push_rows(&ids)
            .push(
                " as input cross join room_label
                  join choice on choice.company = room_label.company and choice.list = 'labels' and choice.id = room_label.label
                  where room_label.room = input.room and room_label.company = ",
            )
            .push_bind(company)
            .push(" order by choice.position, choice.id")
            .all()
            .await?;
        for (room, id, name) in found {
            labels.entry(room).or_default().push(EntryName { id, name });
        }
    }
    let is_waiting = rows.iter().any(|row| row.waiting_since.is_some());
    let clock = if is_waiting { Clock::of(conn, company).await? } else { None };
    let view = |row: Row| {
        let labels = labels.remove(&row.id).unwrap_or_default();
        row.view(labels, clock.as_ref())
    };
    Ok(rows.into_iter().map(view).collect())
}

/// One room for a caller who may see it.
pub(super) async fn one(conn: &mut Conn, caller: &Caller, id: Uuid) -> Result<ConsoleRoom, Error> {
    let query = rows(conn, caller).push(" and room.id = ").push_bind(id);
    let row: Row = rights::within(query, caller).optional().await?.ok_or(Error::NotFound("room"))?;
    views(conn, caller.company, vec![row]).await?.pop().ok_or(Error::NotFound("room"))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RoomPath {
    /// The room.
    pub(super) id: Uuid,
}

/// Read one room.
#[utoipa::path(
    get,
    path = "/v1/console/rooms/{id}",
    operation_id = "getConsoleRoom",
    tag = "Inbox",
    params(RoomPath, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The room.", body = Envelope<ConsoleRoom>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn get_room(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<RoomPath>,
) -> Result<Reply<ConsoleRoom>, Error> {
    let room = one(&mut app.db.read().await?, &caller, path.id).await?;
    let version = room.version;
    Ok(Reply::ok(room).version(version, &conditions))
}

/// Change who answers a room, its status, priority, labels, or whether a bot is silent there.
///
/// With `ifAssignee` an assignment is made only while the room is still assigned to that person (null: to nobody); otherwise it
/// is 409 `taken`, and the message names who has it.
#[utoipa::path(
    patch,
    path = "/v1/console/rooms/{id}",
    operation_id = "updateConsoleRoom",
    tag = "Inbox",
    params(RoomPath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = RoomUpdate,
    responses(
        (status = 200, description = "The room.", body = Envelope<ConsoleRoom>),
        (status = 409, description = "Somebody else has it.", body = crate::http::error::ErrorEnvelope),
    ),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn update_room(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<RoomPath>,
    Json(input): Json<RoomUpdate>,
) -> Result<Reply<ConsoleRoom>, Error> {
    let change = state::Wish::read(&app, &input)?;
    act(&app, &caller, path.id, &conditions, &change).await
}

/// Take a room that nobody has.
///
/// Of several at once one gets it; the others are told who (409 `taken`).
#[utoipa::path(
    post,
    path = "/v1/console/rooms/{id}/claim",
    operation_id = "claimRoom",
    tag = "Inbox",
    params(RoomPath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    responses((status = 200, description = "The room is the caller's.", body = Envelope<ConsoleRoom>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn claim_room(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
) -> Result<Reply<ConsoleRoom>, Error> {
    // A room that is not there is so for everybody; only people have rooms.
    if caller.person.is_none() {
        rights::must(&mut app.db.read().await?, &caller, path.id).await?;
    }
    let person = caller.person.as_ref().ok_or(Error::PeopleOnly)?;
    act(&app, &caller, path.id, &Conditions::default(), &state::Wish::claim(person.id)).await
}

async fn act(
    app: &App,
    caller: &Caller,
    room: Uuid,
    conditions: &Conditions,
    wish: &state::Wish,
) -> Result<Reply<ConsoleRoom>, Error> {
    let reply = caller
        .write(app, async |mut tx| {
            state::change(&mut tx, caller, room, conditions, wish, app.now()).await?;
            let room = one_after(&mut tx, caller, room).await?;
            let version = room.version;
            tx.reply(Reply::ok(room).version(version, &Conditions::default())).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

/// A room after a change by which it may have left the caller's range.
async fn one_after(tx: &mut Conn, caller: &Caller, id: Uuid) -> Result<ConsoleRoom, Error> {
    let row: Row = rows(tx, caller).push(" and room.id = ").push_bind(id).one().await?;
    views(tx, caller.company, vec![row]).await?.pop().ok_or(Error::NotFound("room"))
}

/// How far a room was read.
#[derive(Debug, Deserialize, ToSchema)]
struct ReadMark {
    /// The running number of the last message that was read.
    #[schema(example = 12)]
    to: i64,
    /// Lets the mark go back: the room is to be read again.
    force: Option<bool>,
}

/// The mark as it is now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Marked {
    /// The last message that is read.
    read_to: i64,
}

/// Say how far one has read. The mark only moves on, unless told otherwise.
#[utoipa::path(
    put,
    path = "/v1/console/rooms/{id}/read",
    operation_id = "readRoom",
    tag = "Inbox",
    params(RoomPath),
    request_body = ReadMark,
    responses((status = 200, description = "The mark.", body = Envelope<Marked>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn read_room(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
    Json(input): Json<ReadMark>,
) -> Result<Reply<Marked>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            let place = rights::must(&mut tx, &caller, path.id).await?;
            let to = input.to.clamp(0, place.messages);
            let read_to = state::mark_read(&mut tx, &caller, path.id, to, input.force == Some(true), app.now()).await?;
            tx.reply(Reply::ok(Marked { read_to })).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// Id of an entry: only older ones are given.
    before: Option<Uuid>,
    /// Entries a page: 1 to 200, default 20.
    take: Option<i64>,
}

/// Something that was done with a room.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RoomEvent {
    /// The entry.
    id: Uuid,
    /// When: Unix time in milliseconds.
    at: i64,
    /// Who did it; null for a rule, a timer, or an API client.
    actor: Option<PersonName>,
    /// `updated`, `reopened`, `assigned`, …
    action: String,
    /// Each thing that changed, with its value before and after.
    #[schema(value_type = Object)]
    changes: serde_json::Value,
}

#[derive(Deserialize)]
struct EventRow {
    id: Uuid,
    at: i64,
    action: String,
    actor: String,
    changes: serde_json::Value,
}

/// List what was done with a room, newest first: who assigned, closed, labelled it, or by which rule.
#[utoipa::path(
    get,
    path = "/v1/console/rooms/{id}/history",
    operation_id = "listRoomHistory",
    tag = "Inbox",
    params(RoomPath, HistoryQuery),
    responses((status = 200, description = "One page.", body = Envelope<Page<RoomEvent>>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_room_history(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
    Parameters(query): Parameters<HistoryQuery>,
) -> Result<Reply<Page<RoomEvent>>, Error> {
    let mut faults = Vec::new();
    let paging = Paging::read(None, query.take, None, &mut faults);
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let mut conn = app.db.read().await?;
    rights::must(&mut conn, &caller, path.id).await?;
    let mut select = conn
        .sql(
            "select audit.id, audit.at, audit.action, audit.actor, audit.changes from audit
             where audit.company = $1 and audit.ref = $2",
        )
        .bind(caller.company)
        .bind(format!("room/{}", path.id));
    if let Some(before) = query.before {
        select = select.push(" and audit.id < ").push_bind(before);
    }
    let rows: Vec<EventRow> = select.push(" order by audit.id desc limit ").push_bind(paging.take + 1).all().await?;
    let people = people(&mut conn, caller.company, rows.iter().filter_map(|row| row.actor.parse().ok())).await?;
    let events = rows.into_iter().map(|row| RoomEvent {
        actor: row.actor.parse().ok().and_then(|id: Uuid| people.get(&id).cloned()),
        id: row.id,
        at: row.at,
        action: row.action,
        changes: row.changes,
    });
    Ok(Reply::ok(Page::cut(events.collect(), paging.take, |event| event.id.to_string())))
}

/// The names of these people.
pub(super) async fn people(
    conn: &mut Conn,
    company: i64,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, PersonName>, db::Error> {
    let mut rows = Rows::new(&[("id", Type::Uuid)]);
    for id in ids {
        rows.push([id.into()]);
    }
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(Uuid, String, String, Option<String>)> = conn
        .sql("select employee.id, employee.firstname, employee.lastname, employee.nickname from ")
        .push_rows(&rows)
        .push(" as input cross join employee where employee.id = input.id and employee.company = ")
        .push_bind(company)
        .all()
        .await?;
    let name = |(id, first, last, nickname): (Uuid, String, String, Option<String>)| {
        (id, PersonName { id, name: format!("{first} {last}").trim().to_owned(), nickname })
    };
    Ok(found.into_iter().map(name).collect())
}
