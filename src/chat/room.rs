//! Rooms: one conversation with one customer (or group) on one channel account.

use axum::extract::State;
use channel::Platform;
use db::{Conn, Db, Rows, Type};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::message::{self, ChatMessage};
use crate::app::App;
use crate::http::{Caller, Code, Envelope, Error, Fault, Page, Paging, Path, Query, Reply};
use crate::inbox::rights;
use crate::search;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_room_messages))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct RoomPath {
    /// Room id.
    room_id: Uuid,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// Id of a message: only older ones are given. The `next` of a page is the `before` of the following one.
    before: Option<Uuid>,
    /// Messages a page: 1 to 200, default 20. Also spelled `pageLength`.
    take: Option<i64>,
    #[param(ignore)]
    page_length: Option<i64>,
}

/// List the messages of a room, newest first.
///
/// The order is the time at which messages were said, which for a customer's message is the provider's time.
#[utoipa::path(
    get,
    path = "/v1/chat/rooms/{roomId}/messages",
    operation_id = "listRoomMessages",
    tag = "Chat",
    params(RoomPath, HistoryQuery),
    responses((status = 200, description = "One page of messages.", body = Envelope<Page<ChatMessage>>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_room_messages(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
    Query(query): Query<HistoryQuery>,
) -> Result<Reply<Page<ChatMessage>>, Error> {
    let mut faults = Vec::new();
    let paging = Paging::read(None, query.take, query.page_length, &mut faults);
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let mut conn = app.db.read().await?;
    rights::must(&mut conn, &caller, path.room_id).await?;
    let page = history(&mut conn, caller.company, path.room_id, query.before, paging.take).await?;
    Ok(Reply::ok(page))
}

async fn history(
    conn: &mut Conn,
    company: i64,
    room: Uuid,
    before: Option<Uuid>,
    take: i64,
) -> Result<Page<ChatMessage>, Error> {
    let place: Option<(i64, i64)> = match before {
        Some(before) => {
            let place = conn
                .sql("select sent_at, number from message where company = $1 and id = $2 and room = $3")
                .bind(company)
                .bind(before)
                .bind(room)
                .optional()
                .await?;
            let unknown = || Error::invalid(Code::InvalidValue, "before", "before is not a message of this room");
            Some(place.ok_or_else(unknown)?)
        }
        None => None,
    };
    let mut query =
        conn.sql(message::ROW).push(" where message.company = $1 and message.room = $2").bind(company).bind(room);
    if let Some((sent_at, number)) = place {
        query = query
            .push(" and (message.sent_at, message.number) < (")
            .push_bind(sent_at)
            .push(", ")
            .push_bind(number)
            .push(")");
    }
    let mut rows: Vec<message::Row> =
        query.push(" order by message.sent_at desc, message.number desc limit ").push_bind(take + 1).all().await?;
    let more = rows.len() > usize::try_from(take).unwrap_or_default();
    if more {
        rows.pop();
    }
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Ok(Page { value: rows.into_iter().map(ChatMessage::from).collect(), next })
}

/// The room that a request names; a fault of that field when it is not one that the caller may see.
pub(crate) async fn named(conn: &mut Conn, caller: &Caller, field: &str, room: Uuid) -> Result<Uuid, Error> {
    let found = rights::find(conn, caller, room).await?.map(|found| found.id);
    let message = || format!("{field} {room} does not exist in this company");
    found.ok_or_else(|| Error::invalid(Code::UnknownRoom, field, message()))
}

/// The platform of a room, or nothing when the company has no such room, or the person behind it was erased.
pub async fn platform(conn: &mut Conn, company: i64, room: Uuid) -> Result<Option<Platform>, db::Error> {
    let number: Option<i64> = conn
        .sql("select platform from room where company = $1 and id = $2 and erased_at is null")
        .bind(company)
        .bind(room)
        .optional()
        .await?;
    Ok(number.and_then(Platform::from_number))
}

/// The longest name, and the longest id that a provider gives, in characters. Ids are parts of index entries, which
/// PostgreSQL limits to 2,704 bytes.
const LONGEST_NAME: usize = 200;

/// Refuses a name or a provider's id that is too long.
pub fn check_name(field: &str, name: &str, faults: &mut Vec<Fault>) {
    if name.chars().count() > LONGEST_NAME {
        faults.push(Fault::new(Code::TooLong, field, format!("{field} has more than {LONGEST_NAME} characters")));
    }
}

/// The start of a text, as a list of rooms shows it.
pub fn preview(text: &str) -> &str {
    text.char_indices().nth(200).map_or(text, |(end, _)| &text[..end])
}

/// A room to be made: by the administrator, or on a customer's first contact.
#[derive(Debug, Clone)]
pub struct NewRoom<'a> {
    /// The tenant.
    pub company: i64,
    /// The channel account.
    pub account: &'a str,
    /// Its platform.
    pub platform: Platform,
    /// What the provider calls the customer or group.
    pub external_id: &'a str,
    /// Its name, when known.
    pub name: &'a str,
    /// A given id; else a new one.
    pub id: Option<Uuid>,
}

/// A room and its customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Room {
    /// The room's id.
    pub id: Uuid,
    /// The channel account.
    pub account: String,
    /// What the provider calls the customer or group.
    pub external_id: String,
    /// The customer, or the group as one.
    pub contact: Uuid,
    /// Its name.
    pub name: String,
}

/// The room of this customer, or nothing before the first contact.
pub async fn by_external(
    conn: &mut Conn,
    company: i64,
    account: &str,
    external: &str,
) -> Result<Option<Room>, db::Error> {
    conn.sql("select id, account, external_id, contact, name from room where company = $1 and account = $2 and external_id = $3")
        .bind(company)
        .bind(account)
        .bind(external)
        .optional()
        .await
}

/// Makes a room and its contact unless they are there; two callers at once get the same room.
pub async fn ensure(tx: &mut Conn, new: &NewRoom<'_>, now: i64) -> Result<Room, db::Error> {
    if let Some(room) = by_external(tx, new.company, new.account, new.external_id).await? {
        return Ok(room);
    }
    let contact = ensure_contact(tx, new.company, new.account, new.external_id, new.name, now).await?;
    let id = new.id.unwrap_or_else(Uuid::new_v4);
    tx.sql(
        "insert into room (company, id, account, platform, external_id, contact, name, name_key, picture, messages,
                           customer_messages, unread, unanswered, last_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $9, '', 0, 0, 0, false, $8, $8)
         on conflict (company, account, external_id) do nothing",
    )
    .bind(new.company)
    .bind(id)
    .bind(new.account)
    .bind(new.platform.number())
    .bind(new.external_id)
    .bind(contact)
    .bind(new.name)
    .bind(now)
    .bind(search::fold(new.name))
    .exec()
    .await?;
    let room = by_external(tx, new.company, new.account, new.external_id).await?.ok_or(db::Error::NoRow)?;
    index_name(tx, new.company, room.id, &room.name).await?;
    Ok(room)
}

/// The contact behind a provider's user id; made on first contact.
pub async fn ensure_contact(
    tx: &mut Conn,
    company: i64,
    account: &str,
    external_id: &str,
    name: &str,
    now: i64,
) -> Result<Uuid, db::Error> {
    tx.sql(
        "insert into contact (company, id, account, external_id, name, picture, created_at)
         values ($1, $2, $3, $4, $5, '', $6) on conflict (company, account, external_id) do nothing",
    )
    .bind(company)
    .bind(Uuid::new_v4())
    .bind(account)
    .bind(external_id)
    .bind(name)
    .bind(now)
    .exec()
    .await?;
    tx.sql("select id from contact where company = $1 and account = $2 and external_id = $3")
        .bind(company)
        .bind(account)
        .bind(external_id)
        .one()
        .await
}

/// Makes a room for a customer who is known already; there must not be one.
pub async fn create(
    db: &Db,
    company: i64,
    account: &str,
    external: &str,
    id: Option<Uuid>,
    name: &str,
    now: i64,
) -> Result<Room, Error> {
    db.write(async |mut tx| {
        let number: Option<i64> = tx
            .sql("select platform from account where company = $1 and id = $2 and state <> 'removed'")
            .bind(company)
            .bind(account)
            .optional()
            .await?;
        let unknown =
            || Error::invalid(Code::NotFound, "account", format!("Company {company} has no account {account}"));
        let platform = number.and_then(Platform::from_number).ok_or_else(unknown)?;
        if external.trim().is_empty() {
            return Err(Error::invalid(Code::Required, "externalId", "A room needs the provider's id of its customer"));
        }
        let mut faults = Vec::new();
        check_name("externalId", external, &mut faults);
        check_name("name", name, &mut faults);
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let conflict = |why: String| Error::Conflict(Fault::new(Code::Conflict, "externalId", why));
        if let Some(known) = by_external(&mut tx, company, account, external).await? {
            return Err(conflict(format!("That customer already has room {}", known.id)));
        }
        if let Some(id) = id
            && self::platform(&mut tx, company, id).await?.is_some()
        {
            return Err(Error::Conflict(Fault::new(Code::Conflict, "id", format!("Room {id} already exists"))));
        }
        Ok(ensure(&mut tx, &NewRoom { company, account, platform, external_id: external, name, id }, now).await?)
    })
    .await
}

/// A room as the command line lists it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listed {
    /// The room's id.
    pub id: Uuid,
    /// Its channel account.
    pub account: String,
    /// What the provider calls the customer.
    pub external_id: String,
    /// The customer's name.
    pub name: String,
    /// How many messages it has.
    pub messages: i64,
}

/// The rooms of a company, or of one of its accounts, the newest first.
pub async fn list(conn: &mut Conn, company: i64, account: Option<&str>, most: i64) -> Result<Vec<Listed>, db::Error> {
    let mut query =
        conn.sql("select id, account, external_id, name, messages from room where company = $1").bind(company);
    if let Some(account) = account {
        query = query.push(" and account = ").push_bind(account);
    }
    query.push(" order by id desc limit ").push_bind(most).all().await
}

/// Gives a room its customer's name and picture.
pub async fn rename(tx: &mut Conn, company: i64, room: Uuid, name: &str, picture: &str) -> Result<(), db::Error> {
    tx.sql("update room set name = $1, picture = $2, name_key = $5 where company = $3 and id = $4")
        .bind(name)
        .bind(picture)
        .bind(company)
        .bind(room)
        .bind(search::fold(name))
        .exec()
        .await?;
    index_name(tx, company, room, name).await
}

/// More pieces than a name of [`LONGEST_NAME`] characters has, also when folding makes two of each character.
const MOST_GRAMS: usize = 1_000;

/// The pieces of a folded text by which it is found: every three characters in a row, and the shorter ends.
pub fn grams(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut grams: Vec<String> =
        (0..letters.len()).map(|start| letters[start..letters.len().min(start + 3)].iter().collect()).collect();
    grams.sort_unstable();
    grams.dedup();
    grams.truncate(MOST_GRAMS);
    grams
}

/// Makes a room found by its name.
pub(crate) async fn index_name(tx: &mut Conn, company: i64, room: Uuid, name: &str) -> Result<(), db::Error> {
    tx.sql("delete from room_gram where company = $1 and room = $2").bind(company).bind(room).exec().await?;
    let grams = grams(&search::fold(name));
    if grams.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::new(&[("company", Type::BigInt), ("gram", Type::Bytes), ("room", Type::Uuid)]);
    for gram in grams {
        rows.push(vec![company.into(), gram.as_bytes().into(), room.into()]);
    }
    tx.sql("insert into room_gram (company, gram, room) select company, gram, room from ")
        .push_rows(&rows)
        .push(" as input where true on conflict (company, gram, room) do nothing")
        .exec()
        .await?;
    Ok(())
}
