//! Lists of rooms: the queue of those that wait longest, and the rooms by their last message.
//!
//! Each order has its index, which begins with what most lists ask for. What else is filtered by is looked at row by row, over a
//! bounded number of rows: a page may hold fewer rooms than it could, and says where to go on.

use axum::extract::State;
use channel::Platform;
use db::{Conn, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::rights;
use super::room::{ConsoleRoom, PRIORITIES, Row, rows, views};
use crate::app::App;
use crate::chat::lookup;
use crate::chat::message::unknown_platform;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Reply};
use crate::{live, search};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enquire_rooms))
}

/// Which rooms to list. Every property may be absent or null: no filter.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomEnquiry {
    /// Any of `open`, `waiting`, `closed`; `open` when absent.
    #[schema(example = json!(["open"]))]
    status: Option<Vec<String>>,
    /// `me`, `none`, `any`, or a user id.
    #[schema(example = "me")]
    assignee: Option<String>,
    /// The team's number.
    team: Option<i64>,
    /// A channel account.
    account: Option<String>,
    /// A channel: its name or number.
    #[schema(example = "line")]
    platform: Option<String>,
    /// Number of a label.
    label: Option<i64>,
    /// Only rooms whose customer waits for an answer, or only the others.
    unanswered: Option<bool>,
    /// `low`, `normal`, `high` or `urgent`.
    #[schema(example = "high")]
    priority: Option<String>,
    /// Only rooms with a note that mentions the caller and was not seen yet.
    mentioned: Option<bool>,
    /// Part of the customer's or group's name.
    keyword: Option<String>,
    /// `waiting` (the longest unanswered first; only unanswered rooms), `recent` (the last message first) or `oldest`.
    #[schema(example = "recent")]
    order: Option<String>,
    /// The `next` of the page before.
    #[schema(example = "")]
    cursor: Option<String>,
    /// Rooms a page: 1 to 100, default 30.
    #[schema(example = 30)]
    take: Option<i64>,
}

/// A page of rooms.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RoomPage {
    /// The rooms; perhaps fewer than asked for although more follow.
    value: Vec<ConsoleRoom>,
    /// Where the next page begins; null on the last one.
    next: Option<String>,
    /// Where to follow the changes from: what happens after this page was read comes after it.
    stream_cursor: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Waiting,
    Recent,
    Oldest,
}

/// What a list is narrowed by.
struct Filter {
    statuses: Vec<i64>,
    assignee: Assignee,
    team: Option<i64>,
    account: Option<String>,
    platform: Option<i64>,
    label: Option<i64>,
    unanswered: Option<bool>,
    priority: Option<i64>,
    mentioned: bool,
    keyword: Option<String>,
    order: Order,
    /// The cursor behind which the page begins.
    after: Option<(i64, Uuid)>,
    take: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assignee {
    Anybody,
    Somebody,
    Nobody,
    One(Uuid),
}

/// Rows of an index that one page looks at.
const MOST_SCANNED: usize = 5000;

impl Filter {
    fn read(caller: &Caller, input: RoomEnquiry, mut faults: Faults) -> Result<Filter, Error> {
        let mut statuses = Vec::new();
        for word in input.status.unwrap_or_else(|| vec!["open".to_owned()]) {
            match word.trim().to_lowercase().as_str() {
                "open" => statuses.push(1),
                "waiting" => statuses.push(2),
                "closed" => statuses.push(3),
                _ => faults.add(Code::InvalidValue, "status", "status must be open, waiting or closed"),
            }
        }
        statuses.sort_unstable();
        statuses.dedup();
        let assignee = match input.assignee.as_deref().map(str::trim) {
            None | Some("") => Assignee::Anybody,
            Some("any") => Assignee::Somebody,
            Some("none") => Assignee::Nobody,
            Some("me") => Assignee::One(caller.person.as_ref().map_or(Uuid::nil(), |person| person.id)),
            Some(id) => Uuid::parse_str(id).map_or_else(
                |_| {
                    faults.add(Code::InvalidValue, "assignee", "assignee must be me, none, any or a user id");
                    Assignee::Anybody
                },
                Assignee::One,
            ),
        };
        let order = match input.order.as_deref().map(str::trim) {
            None | Some("" | "waiting") => Order::Waiting,
            Some("recent") => Order::Recent,
            Some("oldest") => Order::Oldest,
            Some(_) => {
                faults.add(Code::InvalidValue, "order", "order must be waiting, recent or oldest");
                Order::Recent
            }
        };
        let named = input.platform.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let platform = named.and_then(Platform::read);
        if let (Some(named), None) = (named, platform) {
            faults.list().push(unknown_platform(named));
        }
        let priority = input.priority.as_deref().map(|word| word.trim().to_lowercase());
        let priority = priority.and_then(|word| {
            let found = PRIORITIES.iter().position(|known| *known == word);
            if found.is_none() {
                faults.add(
                    Code::InvalidValue,
                    "priority",
                    format!("priority must be one of {}", PRIORITIES.join(", ")),
                );
            }
            found.and_then(|index| i64::try_from(index + 1).ok())
        });
        faults.longest("keyword", input.keyword.as_deref().unwrap_or_default(), 200);
        let cursor = input.cursor.as_deref().map(str::trim).filter(|cursor| !cursor.is_empty());
        let after = cursor.and_then(read_cursor);
        if cursor.is_some() && after.is_none() {
            faults.add(Code::InvalidValue, "cursor", "cursor must be the next of an earlier page");
        }
        if input.take.is_some_and(|take| take < 1) {
            faults.add(Code::InvalidValue, "take", "take must be 1 or more");
        }
        faults.end()?;
        Ok(Filter {
            statuses,
            assignee,
            team: input.team,
            account: input.account.filter(|account| !account.trim().is_empty()),
            platform: platform.map(Platform::number),
            label: input.label,
            unanswered: input.unanswered,
            priority,
            mentioned: input.mentioned == Some(true),
            keyword: search::keyword(input.keyword.as_deref()),
            order,
            after,
            take: usize::try_from(input.take.unwrap_or(30).clamp(1, 100)).unwrap_or(30),
        })
    }

    /// The column of the list's order.
    fn column(&self) -> &'static str {
        match self.order {
            Order::Waiting => "waiting_since",
            Order::Recent | Order::Oldest => "last_at",
        }
    }

    /// Continues behind the cursor in the list's order.
    fn behind<'c>(&self, mut query: Query<'c>, bound: bool) -> Query<'c> {
        if let Some((at, id)) = self.after.filter(|_| bound) {
            let sign = if self.order == Order::Recent { " < (" } else { " > (" };
            query = query.push(" and (room.").push(self.column()).push(", room.id)").push(sign);
            query = query.push_bind(at).push(", ").push_bind(id).push(")");
        }
        query
    }

    fn ordered<'c>(&self, query: Query<'c>, table: &'static str) -> Query<'c> {
        let way = if self.order == Order::Recent { " desc" } else { "" };
        query.push(" order by ").push(table).push(self.column()).push(way).push(", ").push(table).push("id").push(way)
    }

    /// Arms of the statement, each of which reads one stretch of an index in the list's order.
    fn arms(&self) -> Vec<Arm> {
        match (self.order, self.assignee, self.team) {
            (Order::Waiting, _, _) => vec![Arm::Waiting],
            (_, Assignee::One(person), _) => {
                self.statuses.iter().map(|status| Arm::Assignee(person, *status)).collect()
            }
            (_, _, Some(team)) => self.statuses.iter().map(|status| Arm::Team(team, *status)).collect(),
            (_, assignee, None) => {
                let free = assignee != Assignee::Somebody;
                let taken = assignee != Assignee::Nobody;
                let shapes = |status: &i64| [(free, status * 2), (taken, status * 2 + 1)];
                let wanted = self.statuses.iter().flat_map(shapes).filter(|(wanted, _)| *wanted);
                wanted.map(|(_, shape)| Arm::Shape(shape)).collect()
            }
        }
    }

    /// The rooms that an index names next, in the list's order: at most [`MOST_SCANNED`] and one more.
    fn scanned<'c>(&self, mut query: Query<'c>, limit: usize) -> Query<'c> {
        query = query.push("(");
        for (index, arm) in self.arms().into_iter().enumerate() {
            query = query.push(if index == 0 { "select * from (" } else { " union all select * from (" });
            query = query.push("select room.id, room.last_at, room.waiting_since from room where room.company = $1");
            query = match arm {
                Arm::Waiting => query.push(" and room.waiting_since is not null"),
                Arm::Shape(shape) => query.push(" and room.shape = ").push_bind(shape),
                Arm::Assignee(person, status) => {
                    query.push(" and room.assignee = ").push_bind(person).push(" and room.status = ").push_bind(status)
                }
                Arm::Team(team, status) => {
                    query.push(" and room.team = ").push_bind(team).push(" and room.status = ").push_bind(status)
                }
            };
            query = self.ordered(self.behind(query, true), "room.");
            query = query.push(" limit ").push_bind(search::number(limit)).push(") as arm");
        }
        self.ordered(query, "").push(" limit ").push_bind(search::number(limit)).push(")")
    }

    /// What is looked at row by row.
    fn narrowed<'c>(&self, mut query: Query<'c>, caller: &Caller) -> Query<'c> {
        if self.order == Order::Waiting && self.statuses.len() < 3 {
            query = query.push(" and room.status in ").push_ids(&self.statuses);
        }
        query = match self.assignee {
            Assignee::Anybody => query,
            Assignee::Somebody => query.push(" and room.assignee is not null"),
            Assignee::Nobody => query.push(" and room.assignee is null"),
            Assignee::One(person) => query.push(" and room.assignee = ").push_bind(person),
        };
        if let Some(team) = self.team {
            query = query.push(" and room.team = ").push_bind(team);
        }
        if let Some(account) = &self.account {
            query = query.push(" and room.account = ").push_bind(account.as_str());
        }
        if let Some(platform) = self.platform {
            query = query.push(" and room.platform = ").push_bind(platform);
        }
        if let Some(label) = self.label {
            query = query.push(" and exists (select 1 from room_label as l where l.company = room.company and l.room = room.id and l.label = ");
            query = query.push_bind(label).push(")");
        }
        query = match self.unanswered {
            Some(true) => query.push(" and room.unanswered"),
            Some(false) => query.push(" and not room.unanswered"),
            None => query,
        };
        if let Some(priority) = self.priority {
            query = query.push(" and room.priority = ").push_bind(priority);
        }
        if self.mentioned {
            query = query.push(" and exists (select 1 from room_mention as m where m.company = room.company and m.room = room.id and not m.seen and m.person = $3)");
        }
        if let Some(keyword) = &self.keyword {
            query = query.push(" and room.name_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
        }
        rights::within(query, caller)
    }
}

#[derive(Debug, Clone, Copy)]
enum Arm {
    Waiting,
    Shape(i64),
    Assignee(Uuid, i64),
    Team(i64, i64),
}

fn read_cursor(cursor: &str) -> Option<(i64, Uuid)> {
    let (at, id) = cursor.split_once('_')?;
    Some((at.parse().ok()?, Uuid::parse_str(id).ok()?))
}

fn cursor(at: i64, id: Uuid) -> String {
    format!("{at}_{id}")
}

/// List rooms.
///
/// A page may hold fewer rooms than asked for although more follow: go on with `next`. `streamCursor` is where the stream is to
/// be followed from, so that nothing is missed between the two.
#[utoipa::path(
    post,
    path = "/v1/console/rooms/enquiry",
    operation_id = "enquireConsoleRooms",
    tag = "Inbox",
    request_body = RoomEnquiry,
    responses((status = 200, description = "One page of rooms.", body = Envelope<RoomPage>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn enquire_rooms(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<RoomEnquiry>,
) -> Result<Reply<RoomPage>, Error> {
    let filter = Filter::read(&caller, input, Faults::new(faults))?;
    let stream_cursor = live::first_id(app.now()).to_string();
    let mut conn = app.db.read().await?;
    let (found, next) = find(&mut conn, &caller, &filter).await?;
    let value = views(&mut conn, caller.company, found).await?;
    Ok(Reply::ok(RoomPage { value, next, stream_cursor }))
}

async fn find(conn: &mut Conn, caller: &Caller, filter: &Filter) -> Result<(Vec<Row>, Option<String>), db::Error> {
    if filter.statuses.is_empty() {
        return Ok((Vec::new(), None));
    }
    let take = filter.take;
    // A rare piece of a name names the rooms that may have it: they are few, and looked at whole, in the list's order. A keyword
    // of common pieces is soon met in that order.
    let piece = match &filter.keyword {
        Some(keyword) => lookup::rarest(conn, caller.company, keyword).await?,
        None => None,
    };
    let by_name = piece.is_some();
    let mut query = rows(conn, caller);
    query = match piece {
        Some(piece) => {
            let query = filter.behind(lookup::narrowed(query, Some(piece)), true);
            match filter.order {
                Order::Waiting => query.push(" and room.waiting_since is not null"),
                _ => query.push(" and room.status in ").push_ids(&filter.statuses),
            }
        }
        None => filter.scanned(query.push(" and room.id in (select id from "), MOST_SCANNED).push(" as scanned)"),
    };
    let query = filter.ordered(filter.narrowed(query, caller), "room.");
    let mut found: Vec<Row> = query.push(" limit ").push_bind(search::number(take + 1)).all().await?;
    let at = |row: &Row| match filter.order {
        Order::Waiting => row.waiting_since.unwrap_or_default(),
        Order::Recent | Order::Oldest => row.last_at,
    };
    if found.len() > take {
        found.truncate(take);
        let next = found.last().map(|row| cursor(at(row), row.id));
        return Ok((found, next));
    }
    if by_name {
        return Ok((found, None));
    }
    // Everything that was looked at is used up: the page goes on behind the last row that was, if that was not the end.
    let query = conn.sql("select id, last_at, waiting_since from ").bind(caller.company);
    let query = filter.scanned(query, MOST_SCANNED).push(" as scanned");
    let query = filter.ordered(query, "").push(" limit 1 offset ").push_bind(search::number(MOST_SCANNED - 1));
    let last: Option<(Uuid, i64, Option<i64>)> = query.optional().await?;
    let next = last.map(|(id, last_at, waiting_since)| match filter.order {
        Order::Waiting => cursor(waiting_since.unwrap_or_default(), id),
        Order::Recent | Order::Oldest => cursor(last_at, id),
    });
    Ok((found, next))
}
