//! One search over rooms and what was said in them, and beside them customers and products.
//!
//! How messages are found is in `seek.rs`.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::rights;
use super::room::{ConsoleRoom, Row as RoomRow, rows, views};
use super::seek::{After, FoundMessage, Seeker};
use crate::app::App;
use crate::chat::lookup;
use crate::customer::store as customers;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Reply};
use crate::search;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search_inbox))
}

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
        faults.add(Code::InvalidValue, "cursor", "cursor must be the next of an earlier answer");
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
    let mut seeker = Seeker::new(&caller, &keyword, take, app.now());
    let next = match input.room_id {
        Some(room) => seeker.room(&mut conn, room, after).await?,
        None => seeker.everywhere(&mut conn, after, app.config.effort).await?,
    };
    let (messages, searched_to) = seeker.end();
    Ok(Reply::ok(InboxFound { rooms, messages, next: next.map(After::text), searched_to, customers, products }))
}

async fn named(conn: &mut Conn, caller: &Caller, keyword: &str, take: usize) -> Result<Vec<ConsoleRoom>, Error> {
    let piece = lookup::rarest(conn, caller.company, keyword).await?;
    let query = rows(conn, caller);
    let query = match piece {
        Some(piece) => lookup::narrowed(query, Some(piece)),
        // The keyword is common: it is looked for in the rooms of the last messages.
        None => query
            .push(" and room.id in (select newest.id from room as newest where newest.company = $1 order by newest.last_at desc, newest.id desc limit ")
            .push_bind(search::number(MOST_CANDIDATES))
            .push(")"),
    };
    let query = query.push(" and room.name_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
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
    if ids.floor == 0 || !ids.ids.is_empty() {
        query = query.push(" and product.id in ").push_ids(&ids.ids);
    } else {
        query = query
            .push(" and product.id in (select newest.id from product as newest where newest.company = $1 order by newest.id desc limit ")
            .push_bind(search::number(MOST_CANDIDATES))
            .push(")");
    }
    query = query.push(" and product.search_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
    query.push(" order by product.id desc limit ").push_bind(search::number(MOST_RECORDS)).all().await
}

/// Rows of an index that are followed for rooms, customers and products.
const MOST_CANDIDATES: usize = 2_000;
