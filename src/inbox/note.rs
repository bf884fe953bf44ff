//! Notes: what colleagues say to each other about a room. They have a table of their own, which delivery never reads.

use std::collections::HashMap;

use axum::extract::State;
use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::draft;
use super::rights::{self, RoomAccess};
use super::room::{PersonName, RoomPath, people};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::caller::Range;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Page, Paging, Path, Query, Reply};
use crate::live::{self, Item};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_notes, write_note)).routes(routes!(update_note, delete_note))
}

/// The longest note, in characters.
const LONGEST: usize = 10_000;

/// Colleagues that one note may mention.
const MOST_MENTIONS: usize = 20;

/// A note to be written.
#[derive(Debug, Deserialize, ToSchema)]
struct NoteInput {
    /// The text.
    #[schema(example = "ลูกค้ารอใบเสนอราคา")]
    content: String,
    /// User ids of colleagues who are to see it.
    mentions: Option<Vec<Uuid>>,
}

/// A note.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RoomNote {
    /// Its id.
    id: Uuid,
    /// The room.
    room_id: Uuid,
    /// Who wrote it; null for an API client.
    author: Option<PersonName>,
    /// Whether the caller wrote it.
    own: bool,
    /// The text.
    content: String,
    /// Whom it mentions.
    mentions: Vec<PersonName>,
    /// When it was written: Unix time in milliseconds.
    created_at: i64,
    /// When it was last changed.
    changed_at: Option<i64>,
    /// Its version.
    version: i64,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: Uuid,
    room: Uuid,
    author: String,
    content: String,
    created_at: i64,
    changed_at: Option<i64>,
    version: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct NotePath {
    /// The room.
    id: Uuid,
    /// The note.
    note_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct NotesQuery {
    /// Id of a note: only older ones are given.
    before: Option<Uuid>,
    /// Notes a page: 1 to 200, default 20.
    take: Option<i64>,
}

const NOTE: &str =
    "select id, room, author, content, created_at, changed_at, version from room_note where company = $1 and room = $2";

async fn find(conn: &mut Conn, company: i64, room: Uuid, id: Uuid) -> Result<Row, Error> {
    let found = conn.sql(NOTE).push(" and id = $3").bind(company).bind(room).bind(id).optional().await?;
    found.ok_or(Error::NotFound("note"))
}

async fn views(conn: &mut Conn, caller: &Caller, rows: Vec<Row>) -> Result<Vec<RoomNote>, db::Error> {
    let mut ids = Rows::new(&[("note", Type::Uuid)]);
    for row in &rows {
        ids.push([row.id.into()]);
    }
    let mut mentions: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    if !rows.is_empty() {
        let found: Vec<(Uuid, Uuid)> = conn
            .sql("select room_mention.note, room_mention.person from ")
            .push_rows(&ids)
            .push(" as input cross join room_mention where room_mention.note = input.note and room_mention.company = ")
            .push_bind(caller.company)
            .push(" order by room_mention.person")
            .all()
            .await?;
        for (note, person) in found {
            mentions.entry(note).or_default().push(person);
        }
    }
    let authors = rows.iter().filter_map(|row| row.author.parse().ok());
    let named: Vec<Uuid> = authors.chain(mentions.values().flatten().copied()).collect();
    let names = people(conn, caller.company, named.into_iter()).await?;
    let view = |row: Row| RoomNote {
        author: row.author.parse().ok().and_then(|id: Uuid| names.get(&id).cloned()),
        own: row.author == caller.id,
        mentions: mentions.get(&row.id).into_iter().flatten().filter_map(|id| names.get(id).cloned()).collect(),
        id: row.id,
        room_id: row.room,
        content: row.content,
        created_at: row.created_at,
        changed_at: row.changed_at,
        version: row.version,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// List the notes of a room, newest first.
#[utoipa::path(
    get,
    path = "/v1/console/rooms/{id}/notes",
    operation_id = "listNotes",
    tag = "Inbox",
    params(RoomPath, NotesQuery),
    responses((status = 200, description = "One page.", body = Envelope<Page<RoomNote>>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_notes(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
    Query(query): Query<NotesQuery>,
) -> Result<Reply<Page<RoomNote>>, Error> {
    let mut faults = Vec::new();
    let paging = Paging::read(None, query.take, None, &mut faults);
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let mut conn = app.db.read().await?;
    rights::must(&mut conn, &caller, path.id).await?;
    let before = match query.before {
        Some(id) => Some(find(&mut conn, caller.company, path.id, id).await?),
        None => None,
    };
    let mut select = conn.sql(NOTE).bind(caller.company).bind(path.id);
    if let Some(before) = before {
        select = select.push(" and (created_at, id) < (").push_bind(before.created_at).push(", ");
        select = select.push_bind(before.id).push(")");
    }
    let rows = select.push(" order by created_at desc, id desc limit ").push_bind(paging.take + 1).all().await?;
    let notes = views(&mut conn, &caller, rows).await?;
    Ok(Reply::ok(Page::cut(notes, paging.take, |note| note.id.to_string())))
}

fn check(input: &NoteInput, faults: Vec<crate::http::Fault>) -> Result<Vec<Uuid>, Error> {
    let mut faults = Faults::new(faults);
    faults.required("content", &input.content, LONGEST);
    let mut mentions = input.mentions.clone().unwrap_or_default();
    mentions.sort_unstable();
    mentions.dedup();
    if mentions.len() > MOST_MENTIONS {
        faults.add(Code::TooLong, "mentions", format!("A note may mention {MOST_MENTIONS} colleagues"));
    }
    faults.end()?;
    Ok(mentions)
}

async fn set_mentions(tx: &mut Conn, company: i64, row: &Row, mentions: &[Uuid], now: i64) -> Result<(), Error> {
    let mut rows = Rows::new(&[("person", Type::Uuid)]);
    for person in mentions {
        rows.push([(*person).into()]);
    }
    if mentions.is_empty() {
        tx.sql("delete from room_mention where company = $1 and note = $2").bind(company).bind(row.id).exec().await?;
        return Ok(());
    }
    let known: Vec<Uuid> = tx
        .sql("select person.id from ")
        .push_rows(&rows)
        .push(" as input cross join person where person.id = input.person and person.company = ")
        .push_bind(company)
        .all()
        .await?;
    if let Some(unknown) = mentions.iter().find(|person| !known.contains(person)) {
        return Err(Error::invalid(Code::InvalidValue, "mentions", format!("{unknown} is not a user who can sign in")));
    }
    tx.sql("delete from room_mention where company = $1 and note = $2 and person not in (select person from ")
        .bind(company)
        .bind(row.id)
        .push_rows(&rows)
        .push(" as input)")
        .exec()
        .await?;
    tx.sql(
        "insert into room_mention (company, person, room, note, seen, at) select $1, person, $2, $3, false, $4 from ",
    )
    .bind(company)
    .bind(row.room)
    .bind(row.id)
    .bind(now)
    .push_rows(&rows)
    .push(" as input where true on conflict (company, person, note) do nothing")
    .exec()
    .await?;
    Ok(())
}

async fn tell(
    tx: &mut Conn,
    caller: &Caller,
    access: &RoomAccess,
    row: &Row,
    action: &'static str,
    mentions: &[Uuid],
    now: i64,
) -> Result<(), Error> {
    let data = json!({
        "kind": "note", "roomId": row.room, "noteId": row.id, "action": action, "version": row.version,
        "author": row.author, "mentions": mentions, "at": now,
    });
    live::note(tx, caller.company, "note", &[Item::new(access.audience(), &data)], now).await?;
    let reference = format!("room/{}", row.room);
    let change = Change { company: caller.company, reference, actor: &caller.id, action, at: now };
    // The text stays out of the trail: a note that was deleted is gone.
    audit::record(tx, &change, &json!({}), &json!({"note": row.id, "version": row.version})).await?;
    Ok(())
}

/// Write a note about a room. No customer ever sees it.
#[utoipa::path(
    post,
    path = "/v1/console/rooms/{id}/notes",
    operation_id = "writeNote",
    tag = "Inbox",
    params(RoomPath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = NoteInput,
    responses((status = 201, description = "The note.", body = Envelope<RoomNote>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn write_note(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
    Checked { value: input, faults }: Checked<NoteInput>,
) -> Result<Reply<RoomNote>, Error> {
    let mentions = check(&input, faults)?;
    let id = Uuid::now_v7();
    let reply = caller
        .write(&app, async |mut tx| {
            let access = rights::must(&mut tx, &caller, path.id).await?;
            let now = app.now();
            tx.sql(
                "insert into room_note (company, id, room, author, content, created_at, version)
                 values ($1, $2, $3, $4, $5, $6, 1)",
            )
            .bind(caller.company)
            .bind(id)
            .bind(path.id)
            .bind(&caller.id)
            .bind(input.content.trim())
            .bind(now)
            .exec()
            .await?;
            let row = find(&mut tx, caller.company, path.id, id).await?;
            set_mentions(&mut tx, caller.company, &row, &mentions, now).await?;
            draft::discard(&mut tx, &caller, path.id, now).await?;
            tell(&mut tx, &caller, &access, &row, "note_created", &mentions, now).await?;
            let note = views(&mut tx, &caller, vec![row]).await?.pop().ok_or(Error::NotFound("note"))?;
            tx.reply(Reply::created(note)).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

/// A note that the caller may change: one's own, or any for whoever sees more than one's own rooms.
async fn own(tx: &mut Conn, caller: &Caller, path: &NotePath) -> Result<(RoomAccess, Row), Error> {
    let access = rights::must(tx, caller, path.id).await?;
    let id = Uuid::parse_str(path.note_id.trim()).map_err(|_| Error::NotFound("note"))?;
    let row = find(tx, caller.company, path.id, id).await?;
    let may = row.author == caller.id || !matches!(caller.range(), Range::Own { .. });
    if may { Ok((access, row)) } else { Err(Error::NotFound("note")) }
}

/// Change a note.
#[utoipa::path(
    put,
    path = "/v1/console/rooms/{id}/notes/{noteId}",
    operation_id = "updateNote",
    tag = "Inbox",
    params(NotePath),
    request_body = NoteInput,
    responses((status = 200, description = "The note.", body = Envelope<RoomNote>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn update_note(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<NotePath>,
    Checked { value: input, faults }: Checked<NoteInput>,
) -> Result<Reply<RoomNote>, Error> {
    let mentions = check(&input, faults)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let (access, old) = own(&mut tx, &caller, &path).await?;
            let now = app.now();
            tx.sql(
                "update room_note set content = $3, changed_at = $4, version = version + 1 where company = $1 and id = $2",
            )
            .bind(caller.company)
            .bind(old.id)
            .bind(input.content.trim())
            .bind(now)
            .exec()
            .await?;
            let row = find(&mut tx, caller.company, path.id, old.id).await?;
            set_mentions(&mut tx, caller.company, &row, &mentions, now).await?;
            tell(&mut tx, &caller, &access, &row, "note_updated", &mentions, now).await?;
            let note = views(&mut tx, &caller, vec![row]).await?.pop().ok_or(Error::NotFound("note"))?;
            tx.reply(Reply::ok(note)).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

/// Delete a note.
#[utoipa::path(
    delete,
    path = "/v1/console/rooms/{id}/notes/{noteId}",
    operation_id = "deleteNote",
    tag = "Inbox",
    params(NotePath),
    responses((status = 200, description = "It is gone.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn delete_note(State(app): State<App>, caller: Caller, Path(path): Path<NotePath>) -> Result<Reply<()>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            let (access, row) = own(&mut tx, &caller, &path).await?;
            let gone = "delete from room_mention where company = $1 and note = $2";
            tx.sql(gone).bind(caller.company).bind(row.id).exec().await?;
            let gone = "delete from room_note where company = $1 and id = $2";
            tx.sql(gone).bind(caller.company).bind(row.id).exec().await?;
            tell(&mut tx, &caller, &access, &row, "note_deleted", &[], app.now()).await?;
            tx.reply(Reply::ok(())).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}
