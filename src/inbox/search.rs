//! One search over rooms and what was said in them.
//!
//! Messages are looked through from the newest back, a bounded number at a time: an index of every word would be written with
//! every message, and sending may not wait for searching. A search that has not come to the end says how far it has, and goes on.

use std::collections::HashMap;

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::rights;
use super::room::{ConsoleRoom, Row as RoomRow, rows, views};
use crate::app::App;
use crate::chat::conversation::ranges;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Reply};
use crate::search;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search_inbox))
}

/// Messages that one request looks through.
const MOST_SCANNED: usize = 20_000;

/// Messages that are read at a time.
const LOT: i64 = 2_000;

/// What is looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InboxSearch {
    /// Part of a room's name or of a message, in any letter case and any script.
    #[schema(example = "ใบเสนอราคา")]
    keyword: String,
    /// Only messages of this room.
    room_id: Option<Uuid>,
    /// The `next` of the answer before: goes on with older messages.
    #[schema(example = "")]
    cursor: Option<String>,
    /// Rooms, and messages, at most: 1 to 50, default 20.
    #[schema(example = 20)]
    take: Option<i64>,
}

/// A message that was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FoundMessage {
    /// Its id, as `around` takes it.
    id: Uuid,
    /// The room.
    room_id: Uuid,
    /// The room's name.
    room_name: String,
    /// The text around the place where the keyword stands.
    content: String,
    /// When it was said: Unix time in milliseconds.
    timestamp: i64,
    /// `customer`, `staff` or `client`.
    #[schema(example = "customer")]
    from: &'static str,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InboxFound {
    /// Rooms whose name holds the keyword, the last message first; only with the first page.
    rooms: Vec<ConsoleRoom>,
    /// Messages that hold it, newest first.
    messages: Vec<FoundMessage>,
    /// Where older messages are looked through from; null when all were.
    next: Option<String>,
    /// The time of the oldest message that was looked at.
    searched_to: Option<i64>,
}

#[derive(Deserialize)]
struct Said {
    id: Uuid,
    room: Uuid,
    content: String,
    sent_at: i64,
    number: i64,
    contact: Option<Uuid>,
    staff: Option<Uuid>,
}

/// Search rooms and messages.
#[utoipa::path(
    post,
    path = "/v1/console/search",
    operation_id = "searchInbox",
    tag = "Inbox",
    request_body = InboxSearch,
    responses((status = 200, description = "What was found.", body = Envelope<InboxFound>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn search_inbox(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<InboxSearch>,
) -> Result<Reply<InboxFound>, Error> {
    let mut faults = Faults::new(faults);
    faults.required("keyword", &input.keyword, 200);
    if input.take.is_some_and(|take| take < 1) {
        faults.add(Code::InvalidValue, "take", "take must be 1 or more");
    }
    let cursor = input.cursor.as_deref().map(str::trim).filter(|cursor| !cursor.is_empty());
    let after = cursor.and_then(|cursor| cursor.split_once('_'));
    let after = after.and_then(|(at, key)| Some((at.parse::<i64>().ok()?, Uuid::parse_str(key).ok()?)));
    if cursor.is_some() && after.is_none() {
        faults.add(Code::InvalidValue, "cursor", "cursor is not the next of an answer");
    }
    faults.end()?;
    let take = usize::try_from(input.take.unwrap_or(20).clamp(1, 50)).unwrap_or(20);
    let keyword = search::keyword(Some(&input.keyword)).unwrap_or_default();
    let mut conn = app.db.read().await?;
    if let Some(room) = input.room_id {
        rights::must(&mut conn, &caller, room).await?;
    }
    let rooms = match (input.room_id, after) {
        (None, None) => named(&mut conn, &caller, &keyword, take).await?,
        _ => Vec::new(),
    };
    let (messages, next, searched_to) = said(&mut conn, &caller, &keyword, input.room_id, after, take).await?;
    Ok(Reply::ok(InboxFound { rooms, messages, next, searched_to }))
}

async fn named(conn: &mut Conn, caller: &Caller, keyword: &str, take: usize) -> Result<Vec<ConsoleRoom>, db::Error> {
    let mut query = rows(conn, caller);
    for (from, to) in ranges(keyword) {
        query = query.push(" and room.id in (select room from room_gram where company = $1 and gram >= ");
        query = query.push_bind(from).push(" and gram < ").push_bind(to).push(")");
    }
    query = query.push(" and room.name_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
    let query = rights::within(query, caller).push(" order by room.last_at desc, room.id desc limit ");
    let found: Vec<RoomRow> = query.push_bind(search::number(take)).all().await?;
    views(conn, caller.company, found).await
}

type Found = (Vec<FoundMessage>, Option<String>, Option<i64>);

/// Looks through messages from the newest back: of one room in the order in which they were said, of all by their ids, which
/// are times but for those that a sender made.
async fn said(
    conn: &mut Conn,
    caller: &Caller,
    keyword: &str,
    room: Option<Uuid>,
    mut after: Option<(i64, Uuid)>,
    take: usize,
) -> Result<Found, db::Error> {
    let (mut found, mut scanned, mut searched_to) = (Vec::new(), 0, None);
    let mut names: HashMap<Uuid, Option<String>> = HashMap::new();
    loop {
        let lot = lot(conn, caller.company, room, after).await?;
        let is_last = i64::try_from(lot.len()).unwrap_or(LOT) < LOT;
        for message in lot {
            scanned += 1;
            after = Some((if room.is_some() { message.sent_at } else { message.number }, message.id));
            searched_to = Some(message.sent_at);
            let folded = search::fold(&message.content);
            let Some(place) = folded.find(keyword) else { continue };
            let name = match names.get(&message.room) {
                Some(name) => name.clone(),
                None => {
                    let query = conn.sql("select room.name from room where room.company = $1 and room.id = $2 and room.erased_at is null");
                    let query = rights::within(query.bind(caller.company).bind(message.room), caller);
                    let name: Option<String> = query.optional().await?;
                    names.insert(message.room, name.clone());
                    name
                }
            };
            let Some(room_name) = name else { continue };
            found.push(FoundMessage {
                id: message.id,
                room_id: message.room,
                room_name,
                content: around(&message.content, &folded, place),
                timestamp: message.sent_at,
                from: match (message.contact, message.staff) {
                    (Some(_), _) => "customer",
                    (None, Some(_)) => "staff",
                    (None, None) => "client",
                },
            });
            if found.len() == take {
                return Ok((found, after.map(cursor), searched_to));
            }
        }
        if is_last {
            return Ok((found, None, searched_to));
        }
        if scanned >= MOST_SCANNED {
            return Ok((found, after.map(cursor), searched_to));
        }
    }
}

fn cursor((at, id): (i64, Uuid)) -> String {
    format!("{at}_{id}")
}

async fn lot(
    conn: &mut Conn,
    company: i64,
    room: Option<Uuid>,
    after: Option<(i64, Uuid)>,
) -> Result<Vec<Said>, db::Error> {
    let mut query = conn
        .sql("select id, room, content, sent_at, number, contact, staff from message where company = $1")
        .bind(company);
    let Some(room) = room else {
        if let Some((_, id)) = after {
            query = query.push(" and id < ").push_bind(id);
        }
        return query.push(" order by id desc limit ").push_bind(LOT).all().await;
    };
    query = query.push(" and room = ").push_bind(room);
    if let Some((at, id)) = after {
        query = query.push(" and (sent_at, number) < (").push_bind(at);
        query = query
            .push(", (select m.number from message as m where m.company = $1 and m.id = ")
            .push_bind(id)
            .push("))");
    }
    query.push(" order by sent_at desc, number desc limit ").push_bind(LOT).all().await
}

/// Characters that are shown before and behind the place.
const AROUND: usize = 60;

/// The part of a text around the place where a keyword stands in its folded form. Folding may make more or fewer characters of one,
/// so that the place is about right; whole characters are cut.
fn around(text: &str, folded: &str, place: usize) -> String {
    let before = folded[..place].chars().count();
    let start = before.saturating_sub(AROUND);
    let part: String = text.chars().skip(start).take(3 * AROUND).collect();
    let dots = |cut: bool| if cut { "…" } else { "" };
    format!("{}{part}{}", dots(start > 0), dots(text.chars().count() > start + 3 * AROUND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_around_the_place() {
        let text = format!("{}ใบเสนอราคา{}", "ก".repeat(200), "ข".repeat(200));
        let folded = search::fold(&text);
        let shown = around(&text, &folded, folded.find("ใบเสนอราคา").expect("place"));
        assert!(shown.starts_with("…ก") && shown.contains("ใบเสนอราคา") && shown.ends_with("ข…"), "{shown}");
        assert_eq!(around("Hello", "hello", 0), "Hello");
    }
}
