//! How many rooms wait where: one call for the whole column of views.

use axum::extract::State;
use db::{Conn, Query};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::rights;
use crate::app::App;
use crate::http::{Caller, Envelope, Error, Reply};
use crate::live;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(count_rooms))
}

/// More than this are not counted.
const MOST: i64 = 1000;

/// Rows that a count looks at where a range leaves some out.
const MOST_SCANNED: i64 = 10_000;

/// How many rooms there are in each view; 1000 means that many or more.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RoomCounts {
    /// Open, and the caller's.
    mine: i64,
    /// Open, and nobody's.
    unassigned: i64,
    /// Open, and of the caller's team.
    team: i64,
    /// Open.
    open: i64,
    /// Put off.
    waiting: i64,
    /// Open, with a customer who waits for an answer.
    unanswered: i64,
    /// With a note that mentions the caller and was not seen yet.
    mentioned: i64,
    /// With a draft of the caller's.
    drafts: i64,
    /// Where to follow the changes from.
    stream_cursor: String,
}

/// Count the rooms of each view.
#[utoipa::path(
    get,
    path = "/v1/console/counts",
    operation_id = "countRooms",
    tag = "Inbox",
    responses((status = 200, description = "The counts.", body = Envelope<RoomCounts>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn count_rooms(State(app): State<App>, caller: Caller) -> Result<Reply<RoomCounts>, Error> {
    let stream_cursor = live::first_id(app.now()).to_string();
    let mut conn = app.db.read().await?;
    let (person, team) = caller.person.as_ref().map_or((Uuid::nil(), 0), |person| (person.id, person.team));
    let by = |what: &'static str| (what, caller.company);
    let mine = begin(&mut conn, by("room.assignee = $2 and room.status = 1"), person);
    let mine = count(mine, &caller).await?;
    let team = begin(&mut conn, by("room.team = $2 and room.status = 1"), team);
    let team = count(team, &caller).await?;
    let mut shapes = [0; 4];
    for (place, shape) in [2_i64, 3, 4, 5].into_iter().enumerate() {
        let query = begin(&mut conn, by("room.shape = $2"), shape);
        shapes[place] = count(query, &caller).await?;
    }
    let unanswered = begin(&mut conn, by("room.waiting_since is not null and room.status = $2"), 1_i64);
    let unanswered = count(unanswered, &caller).await?;
    let mentioned = begin(
        &mut conn,
        by("room.id in (select m.room from room_mention as m where m.company = $1 and m.person = $2 and not m.seen)"),
        person,
    );
    let mentioned = count(mentioned, &caller).await?;
    let drafts = begin(
        &mut conn,
        by("room.id in (select d.room from room_draft as d where d.company = $1 and d.who = $2)"),
        caller.id.as_str(),
    );
    let drafts = count(drafts, &caller).await?;
    let [unassigned, assigned, off, off_assigned] = shapes;
    Ok(Reply::ok(RoomCounts {
        mine,
        unassigned,
        team,
        open: (unassigned + assigned).min(MOST),
        waiting: (off + off_assigned).min(MOST),
        unanswered,
        mentioned,
        drafts,
        stream_cursor,
    }))
}

/// The rooms of one view, of which a bounded number is looked at.
fn begin<'c>(conn: &'c mut Conn, (what, company): (&'static str, i64), value: impl Into<db::Value>) -> Query<'c> {
    conn.sql(
        "select count(*) from (select room.id from
           (select * from room where room.company = $1 and room.erased_at is null and ",
    )
    .push(what)
    .push(" limit ")
    .bind(company)
    .bind(value)
    .push_bind(MOST_SCANNED)
    .push(") as room where true")
}

async fn count(query: Query<'_>, caller: &Caller) -> Result<i64, db::Error> {
    rights::within(query, caller).push(" limit ").push_bind(MOST).push(") as counted").one().await
}
