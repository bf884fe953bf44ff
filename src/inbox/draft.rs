//! What somebody has begun to write in a room: kept for each person and room, gone with the message that it becomes.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::rights;
use super::room::RoomPath;
use crate::app::App;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Faults, Path, Reply};
use crate::live::{self, Audience, Item};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_draft, put_draft, delete_draft)).routes(routes!(list_drafts))
}

/// The longest draft, in characters: longer than any channel takes.
const LONGEST: usize = 20_000;

/// What is being written.
#[derive(Debug, Deserialize, ToSchema)]
struct DraftInput {
    /// The text as far as it goes.
    #[schema(example = "สวัสดีค่ะ")]
    content: String,
    /// `reply` or `note`; `reply` when absent.
    #[schema(example = "reply")]
    mode: Option<String>,
    /// Id of an uploaded file that is to go along.
    attachment: Option<String>,
}

/// A draft of the caller's.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RoomDraft {
    /// The room.
    #[serde(alias = "room")]
    room_id: Uuid,
    /// The text as far as it goes.
    content: String,
    /// `reply` or `note`.
    mode: String,
    /// Id of an uploaded file that is to go along.
    attachment: Option<String>,
    /// When it was last changed: Unix time in milliseconds.
    #[serde(alias = "changed_at")]
    changed_at: i64,
    /// The version, as `If-Match` names it.
    version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct Drafts {
    /// The drafts, the last changed first.
    value: Vec<RoomDraft>,
}

const DRAFT: &str =
    "select room, content, mode, attachment, changed_at, version from room_draft where company = $1 and who = $2";

async fn find(conn: &mut Conn, caller: &Caller, room: Uuid) -> Result<Option<RoomDraft>, db::Error> {
    conn.sql(DRAFT).push(" and room = $3").bind(caller.company).bind(&caller.id).bind(room).optional().await
}

/// Read one's own draft of a room; null when there is none.
#[utoipa::path(
    get,
    path = "/v1/console/rooms/{id}/draft",
    operation_id = "getDraft",
    tag = "Inbox",
    params(RoomPath),
    responses((status = 200, description = "The draft.", body = Envelope<Option<RoomDraft>>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn get_draft(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
) -> Result<Reply<Option<RoomDraft>>, Error> {
    let mut conn = app.db.read().await?;
    rights::must(&mut conn, &caller, path.id).await?;
    Ok(Reply::ok(find(&mut conn, &caller, path.id).await?))
}

/// Keep one's own draft of a room.
///
/// With `If-Match` it is kept only over that version (`"0"`: only when there is none): 412 when another screen was quicker.
#[utoipa::path(
    put,
    path = "/v1/console/rooms/{id}/draft",
    operation_id = "putDraft",
    tag = "Inbox",
    params(RoomPath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = DraftInput,
    responses((status = 200, description = "The draft.", body = Envelope<RoomDraft>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn put_draft(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<RoomPath>,
    Checked { value: input, faults }: Checked<DraftInput>,
) -> Result<Reply<RoomDraft>, Error> {
    let mut faults = Faults::new(faults);
    faults.longest("content", &input.content, LONGEST);
    let mode = input.mode.as_deref().unwrap_or("reply").trim().to_lowercase();
    if !matches!(mode.as_str(), "reply" | "note") {
        faults.add(Code::InvalidValue, "mode", "mode must be reply or note");
    }
    faults.end()?;
    let reply = caller
        .write(&app, async |mut tx| {
            rights::must(&mut tx, &caller, path.id).await?;
            // Two screens may begin one draft at the same moment: there is no row yet that could be held.
            tx.lock(&format!("draft/{}/{}/{}", caller.company, caller.id, path.id)).await?;
            let old = find(&mut tx, &caller, path.id).await?;
            conditions.allow_change(Some(old.as_ref().map_or(0, |old| old.version)))?;
            // A draft that was deleted and begun anew does not count from one again: another screen may know a later version.
            tx.sql(
                "insert into room_draft (company, who, room, content, mode, attachment, changed_at, version)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)
                 on conflict (company, who, room) do update
                 set content = excluded.content, mode = excluded.mode, attachment = excluded.attachment,
                     changed_at = excluded.changed_at, version = excluded.version",
            )
            .bind(caller.company)
            .bind(&caller.id)
            .bind(path.id)
            .bind(input.content.as_str())
            .bind(mode.as_str())
            .bind(input.attachment.clone())
            .bind(app.now())
            .bind(old.map_or(app.now(), |old| (old.version + 1).max(app.now())))
            .exec()
            .await?;
            let draft = find(&mut tx, &caller, path.id).await?.ok_or(Error::NotFound("draft"))?;
            tell(&mut tx, &caller, path.id, Some(draft.version), app.now()).await?;
            let version = draft.version;
            tx.reply(Reply::ok(draft).version(version, &Conditions::default())).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

/// Throw one's own draft of a room away.
#[utoipa::path(
    delete,
    path = "/v1/console/rooms/{id}/draft",
    operation_id = "deleteDraft",
    tag = "Inbox",
    params(RoomPath),
    responses((status = 200, description = "There is none.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn delete_draft(State(app): State<App>, caller: Caller, Path(path): Path<RoomPath>) -> Result<Reply<()>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            rights::must(&mut tx, &caller, path.id).await?;
            discard(&mut tx, &caller, path.id, app.now()).await?;
            tx.reply(Reply::ok(())).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

/// Deletes the caller's draft of a room: it was sent, or is not wanted.
pub(super) async fn discard(tx: &mut Conn, caller: &Caller, room: Uuid, now: i64) -> Result<(), db::Error> {
    let gone = tx
        .sql("delete from room_draft where company = $1 and who = $2 and room = $3")
        .bind(caller.company)
        .bind(&caller.id)
        .bind(room)
        .exec()
        .await?;
    if gone > 0 {
        tell(tx, caller, room, None, now).await?;
    }
    Ok(())
}

/// Tells the caller's other screens.
async fn tell(tx: &mut Conn, caller: &Caller, room: Uuid, version: Option<i64>, now: i64) -> Result<(), db::Error> {
    let data = json!({"kind": "draft", "roomId": room, "version": version, "at": now});
    live::note(tx, caller.company, "draft", &[Item::new(Audience::Who(caller.id.clone()), &data)], now).await
}

/// List one's own drafts.
#[utoipa::path(
    get,
    path = "/v1/console/drafts",
    operation_id = "listDrafts",
    tag = "Inbox",
    responses((status = 200, description = "The drafts.", body = Envelope<Drafts>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_drafts(State(app): State<App>, caller: Caller) -> Result<Reply<Drafts>, Error> {
    let mut conn = app.db.read().await?;
    let query = conn.sql(DRAFT).push(" order by changed_at desc, room limit 500");
    let mut value: Vec<RoomDraft> = query.bind(caller.company).bind(&caller.id).all().await?;
    let seen = rights::seen(&mut conn, &caller, value.iter().map(|draft| draft.room_id)).await?;
    value.retain(|draft| seen.contains(&draft.room_id));
    Ok(Reply::ok(Drafts { value }))
}
