//! One search over rooms and what was said in them, and beside them customers and products.
//!
//! Messages are found by their text index, the newest first. What is not in it yet, that of the last minutes, and the messages of
//! one room are looked through from the newest back, a bounded number at a time. A search that has not come to the end says how
//! far it has, and goes on.

use std::collections::HashMap;

use axum::extract::State;
use db::{Conn, Ids};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::rights;
use super::room::{ConsoleRoom, Row as RoomRow, rows, views};
use crate::app::App;
use crate::chat::conversation::ranges;
use crate::chat::texts;
use crate::customer::store as customers;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Reply};
use crate::search::{self, Effort};

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
    /// Customers that the keyword fits, the newest first, at most ten; only with the first page, and with `customer:read`.
    customers: Vec<FoundRecord>,
    /// Products that it fits, likewise; only with `product:read`.
    products: Vec<FoundRecord>,
}

/// A customer or a product that was found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct FoundRecord {
    /// Its code.
    #[schema(example = "C000349")]
    code: String,
    /// Its name.
    #[schema(example = "Daaisyy")]
    name: String,
}

#[derive(Deserialize)]
struct Said {
    id: Uuid,
    room: Uuid,
    content: String,
    sent_at: i64,
    contact: Option<Uuid>,
    staff: Option<Uuid>,
    /// Its number in the index.
    #[serde(default)]
    place: i64,
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
    let after = cursor.and_then(After::read);
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
    let (customers, products) = match (input.room_id, after) {
        (None, None) => {
            (customers_of(&mut conn, &caller, &keyword).await?, products_of(&mut conn, &caller, &keyword).await?)
        }
        _ => (Vec::new(), Vec::new()),
    };
    let mut seeker = Seeker {
        caller: &caller,
        keyword: &keyword,
        take,
        names: HashMap::new(),
        found: Vec::new(),
        scanned: 0,
        searched_to: None,
    };
    let next = match input.room_id {
        Some(room) => seeker.look_through(&mut conn, Some(room), after, None).await?,
        None => seeker.everywhere(&mut conn, after, app.config.effort).await?,
    };
    let Seeker { found: messages, searched_to, .. } = seeker;
    Ok(Reply::ok(InboxFound { rooms, messages, next: next.map(After::text), searched_to, customers, products }))
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

/// Customers and products that one answer names.
const MOST_RECORDS: usize = 10;

/// Customers that the keyword fits, of those whom the caller may see; of a common word, among the newest.
async fn customers_of(conn: &mut Conn, caller: &Caller, keyword: &str) -> Result<Vec<FoundRecord>, db::Error> {
    if !caller.scopes.iter().any(|scope| scope == "customer:read") {
        return Ok(Vec::new());
    }
    let company = caller.company;
    let ids = conn.text_candidates(customers::TEXTS, company, keyword, i64::MAX >> 31, MOST_CANDIDATES).await?;
    let query = conn.sql(
        "select customer.code, customer.name from customer where customer.company = $1 and customer.deleted_at is null",
    );
    let mut query = query.bind(company);
    if ids.floor == 0 || !ids.ids.is_empty() {
        query = query.push(" and customer.id in ").push_ids(&ids.ids);
    } else {
        // The word is common: the newest are looked at, whoever's they are.
        query = query
            .push(" and customer.id in (select newest.id from customer as newest where newest.company = $1 order by newest.id desc limit ")
            .push_bind(search::number(MOST_CANDIDATES))
            .push(")");
    }
    query = query.push(" and customer.search_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
    let query = customers::within(query, caller).push(" order by customer.id desc limit ");
    query.push_bind(search::number(MOST_RECORDS)).all().await
}

/// Products that the keyword fits.
async fn products_of(conn: &mut Conn, caller: &Caller, keyword: &str) -> Result<Vec<FoundRecord>, db::Error> {
    if !caller.scopes.iter().any(|scope| scope == "product:read") {
        return Ok(Vec::new());
    }
    let company = caller.company;
    let ids = conn.text_candidates("product_text", company, keyword, i64::MAX >> 31, MOST_CANDIDATES).await?;
    let query = conn.sql(
        "select product.code, product.name from product where product.company = $1 and product.deleted_at is null",
    );
    let mut query = query.bind(company);
    if ids.floor == 0 {
        query = query.push(" and product.id in ").push_ids(&ids.ids);
    }
    query = query.push(" and product.search_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
    query.push(" order by product.id desc limit ").push_bind(search::number(MOST_RECORDS)).all().await
}

/// Rows of an index that are followed for customers and products.
const MOST_CANDIDATES: usize = 2_000;

/// Where a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Behind this message: by its time in a room, by its id otherwise.
    Message(i64, Uuid),
    /// Below this number of the text index.
    Number(i64),
}

impl After {
    fn read(text: &str) -> Option<After> {
        if let Some(number) = text.strip_prefix('n') {
            return number.parse().ok().map(After::Number);
        }
        let (at, id) = text.split_once('_')?;
        Some(After::Message(at.parse().ok()?, Uuid::parse_str(id).ok()?))
    }

    fn text(self) -> String {
        match self {
            After::Message(at, id) => format!("{at}_{id}"),
            After::Number(number) => format!("n{number}"),
        }
    }
}

/// A search on its way.
struct Seeker<'a> {
    caller: &'a Caller,
    keyword: &'a str,
    take: usize,
    /// The rooms that were met: their names, none of those that the caller may not see.
    names: HashMap<Uuid, Option<String>>,
    found: Vec<FoundMessage>,
    scanned: usize,
    searched_to: Option<i64>,
}

impl Seeker<'_> {
    /// All messages: those that are not in the index yet, then those that it names; answers where to go on.
    async fn everywhere(
        &mut self,
        conn: &mut Conn,
        mut after: Option<After>,
        effort: Effort,
    ) -> Result<Option<After>, db::Error> {
        let cursor = texts::cursor(conn, self.caller.company).await?;
        if !matches!(after, Some(After::Number(_))) {
            let known = cursor.as_ref().filter(|cursor| !cursor.anew).map(|cursor| cursor.message);
            let next = self.look_through(conn, None, after, known).await?;
            if next.is_some() || known.is_none() {
                return Ok(next);
            }
            // The page before may have ended at a message that is in the index by now.
            if let Some(After::Message(_, id)) = after {
                let query = conn.sql("select number from message_place where company = $1 and message = $2");
                let place: Option<i64> = query.bind(self.caller.company).bind(id).optional().await?;
                after = place.map(After::Number);
            }
        }
        let top = match after {
            Some(After::Number(number)) => number,
            _ => cursor.map_or(0, |cursor| cursor.number) + 1,
        };
        self.indexed(conn, top, effort).await
    }

    /// The messages that the index names below a number.
    async fn indexed(&mut self, conn: &mut Conn, mut below: i64, effort: Effort) -> Result<Option<After>, db::Error> {
        while below > 1 {
            if self.scanned >= MOST_SCANNED {
                return Ok(Some(After::Number(below)));
            }
            let company = self.caller.company;
            let most = effort.entries.min(MOST_NAMED);
            let named = conn.text_candidates(texts::TEXTS, company, self.keyword, below, most).await?;
            let Ids { ids, floor } = named;
            if ids.is_empty() && floor >= below {
                // The word is common: it is soon met in the messages themselves.
                let said: Vec<Said> = conn
                    .sql(PLACED)
                    .bind(company)
                    .push(" and message_place.number < ")
                    .push_bind(below)
                    .push(" order by message_place.number desc limit ")
                    .push_bind(LOT)
                    .all()
                    .await?;
                let Some(last) = said.last().map(|said| said.place) else { return Ok(None) };
                if let Some(last) = self.take(conn, said).await? {
                    return Ok(Some(After::Number(last.place)));
                }
                below = last;
                continue;
            }
            for some in ids.chunks(AT_ONCE) {
                let query = conn.sql(PLACED).bind(company).push(" and message_place.number in ").push_ids(some);
                let said: Vec<Said> = query.push(" order by message_place.number desc").all().await?;
                if let Some(last) = self.take(conn, said).await? {
                    return Ok(Some(After::Number(last.place)));
                }
            }
            below = floor;
        }
        Ok(None)
    }

    /// Looks through messages from the newest back, down to one that is known to the index: of one room in the order in which
    /// they were said, of all by their ids, which are times but for those that a sender made. Answers where to go on.
    async fn look_through(
        &mut self,
        conn: &mut Conn,
        room: Option<Uuid>,
        after: Option<After>,
        down_to: Option<Uuid>,
    ) -> Result<Option<After>, db::Error> {
        let mut after = match after {
            Some(After::Message(at, id)) => Some((at, id)),
            _ => None,
        };
        loop {
            let lot = lot(conn, self.caller.company, room, after, down_to).await?;
            let is_last = search::number(lot.len()) < LOT;
            if let Some(last) = lot.last() {
                after = Some((if room.is_some() { last.sent_at } else { 0 }, last.id));
            }
            if let Some(last) = self.take(conn, lot).await? {
                return Ok(Some(After::Message(last.sent_at, last.id)));
            }
            if is_last {
                return Ok(None);
            }
            if self.scanned >= MOST_SCANNED {
                return Ok(after.map(|(at, id)| After::Message(at, id)));
            }
        }
    }

    /// Takes the messages that hold the keyword, in rooms that the caller may see; answers the one with which the page is full.
    async fn take(&mut self, conn: &mut Conn, lot: Vec<Said>) -> Result<Option<Said>, db::Error> {
        for message in lot {
            self.scanned += 1;
            self.searched_to = Some(message.sent_at);
            let folded = search::fold(&message.content);
            let Some(place) = folded.find(self.keyword) else { continue };
            let Some(room_name) = self.name(conn, message.room).await? else { continue };
            self.found.push(FoundMessage {
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
            if self.found.len() == self.take {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    async fn name(&mut self, conn: &mut Conn, room: Uuid) -> Result<Option<String>, db::Error> {
        if let Some(name) = self.names.get(&room) {
            return Ok(name.clone());
        }
        let query =
            conn.sql("select room.name from room where room.company = $1 and room.id = $2 and room.erased_at is null");
        let query = rights::within(query.bind(self.caller.company).bind(room), self.caller);
        let name: Option<String> = query.optional().await?;
        self.names.insert(room, name.clone());
        Ok(name)
    }
}

/// Numbers that the index is asked for at a time, and messages that are read of them.
const MOST_NAMED: usize = 2_000;
const AT_ONCE: usize = 200;

const PLACED: &str =
    "select message.id, message.room, message.content, message.sent_at, message.contact, message.staff,
        message_place.number as place
 from message_place join message on message.company = message_place.company and message.id = message_place.message
 where message_place.company = $1";

async fn lot(
    conn: &mut Conn,
    company: i64,
    room: Option<Uuid>,
    after: Option<(i64, Uuid)>,
    down_to: Option<Uuid>,
) -> Result<Vec<Said>, db::Error> {
    let mut query = conn
        .sql("select id, room, content, sent_at, contact, staff, 0 as place from message where company = $1")
        .bind(company);
    let Some(room) = room else {
        if let Some((_, id)) = after {
            query = query.push(" and id < ").push_bind(id);
        }
        if let Some(id) = down_to {
            query = query.push(" and id > ").push_bind(id);
            // One with an id of the future is in the index long before that has come.
            query = query.push(
                " and not exists (select 1 from message_place as placed
                                  where placed.company = message.company and placed.message = message.id)",
            );
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
