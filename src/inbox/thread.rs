//! A room's messages as its reader scrolls through them, and sending one as oneself.

use std::sync::Arc;

use axum::extract::State;
use channel::plan::{self, Lane, LatePush, Token};
use channel::{Content, Platform};
use db::Conn;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::rights::{self, RoomAccess};
use super::room::RoomPath;
use super::{draft, state};
use crate::app::App;
use crate::attachment::{self, Record, Upload};
use crate::chat::message::{self, ChatMessage, Draft, accepted, refused};
use crate::chat::{queue, stray};
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Faults, Path, Query, Reply};
use crate::job::Kind;
use crate::telemetry;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_messages, send_message))
        .routes(routes!(preview_message))
        .routes(routes!(upload_file))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ThreadQuery {
    /// Id of a message: those before it.
    before: Option<Uuid>,
    /// Id of a message: those after it. Or a running number: those with a larger one among the newest 200.
    after: Option<String>,
    /// Id of a message: it, and what stands around it.
    around: Option<Uuid>,
    /// Messages at most: 1 to 200, default 50.
    take: Option<i64>,
}

/// A message as the console shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadMessage {
    #[serde(flatten)]
    message: ChatMessage,
    /// The running number in its room.
    number: i64,
    /// What the delivery cost: `reply` (free) or `push` (counted by the provider); null before it was sent.
    cost: Option<String>,
    /// Why it failed or waits, in the provider's words.
    failure: Option<String>,
}

/// Some of a room's messages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Thread {
    /// The messages, oldest first.
    value: Vec<ThreadMessage>,
    /// Whether older ones stand before them.
    has_before: bool,
    /// Whether newer ones stand after them.
    has_after: bool,
}

#[derive(Deserialize)]
struct Costs {
    id: Uuid,
    cost: Option<String>,
    failure: Option<String>,
    number: i64,
}

/// How a stretch of messages is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Older,
    Newer,
}

/// Messages of a room from a place on, nearest first, and one more than asked for.
async fn stretch(
    conn: &mut Conn,
    (company, room): (i64, Uuid),
    from: Option<(i64, i64)>,
    way: Way,
    take: i64,
) -> Result<Vec<message::Row>, db::Error> {
    let mut query =
        conn.sql(message::ROW).push(" where message.company = $1 and message.room = $2").bind(company).bind(room);
    if let Some((sent_at, number)) = from {
        query = query.push(" and (message.sent_at, message.number) ");
        query = query.push(if way == Way::Older { "< (" } else { "> (" });
        query = query.push_bind(sent_at).push(", ").push_bind(number).push(")");
    }
    let query = match way {
        Way::Older => query.push(" order by message.sent_at desc, message.number desc limit "),
        Way::Newer => query.push(" order by message.sent_at, message.number limit "),
    };
    query.push_bind(take + 1).all().await
}

async fn position_of(conn: &mut Conn, company: i64, room: Uuid, id: Uuid, field: &str) -> Result<(i64, i64), Error> {
    let position = conn.sql("select sent_at, number from message where company = $1 and id = $2 and room = $3");
    let position: Option<(i64, i64)> = position.bind(company).bind(id).bind(room).optional().await?;
    position.ok_or_else(|| Error::invalid(Code::InvalidValue, field, format!("{field} is not a message of this room")))
}

/// List the messages of a room: the newest, or those before, after, or around one.
#[utoipa::path(
    get,
    path = "/v1/console/rooms/{id}/messages",
    operation_id = "listThread",
    tag = "Inbox",
    params(RoomPath, ThreadQuery),
    responses((status = 200, description = "The messages, oldest first.", body = Envelope<Thread>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_messages(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
    Query(query): Query<ThreadQuery>,
) -> Result<Reply<Thread>, Error> {
    let take = query.take.unwrap_or(50);
    if take < 1 {
        return Err(Error::invalid(Code::InvalidValue, "take", "take must be 1 or more"));
    }
    let take = take.min(200);
    let mut conn = app.db.read().await?;
    rights::must(&mut conn, &caller, path.id).await?;
    let at = (caller.company, path.id);
    let cut = |rows: &mut Vec<message::Row>, take: i64| {
        let most = usize::try_from(take).unwrap_or_default();
        let more = rows.len() > most;
        rows.truncate(most);
        more
    };
    let after = query.after.as_deref().map(str::trim).filter(|after| !after.is_empty());
    let (rows, has_before, has_after) = if let Some(number) = after.and_then(|after| after.parse::<i64>().ok()) {
        let mut rows = stretch(&mut conn, at, None, Way::Older, 200).await?;
        let more = cut(&mut rows, 200);
        rows.retain(|row| row.number() > number);
        rows.reverse();
        let left = cut(&mut rows, take);
        (rows, more || number > 0, left)
    } else if let Some(after) = after {
        let wrong = || Error::invalid(Code::InvalidValue, "after", "after must be a message's id or a running number");
        let id = Uuid::parse_str(after).map_err(|_| wrong())?;
        let position = position_of(&mut conn, at.0, at.1, id, "after").await?;
        let mut rows = stretch(&mut conn, at, Some(position), Way::Newer, take).await?;
        let more = cut(&mut rows, take);
        (rows, true, more)
    } else if let Some(around) = query.around {
        let (sent_at, number) = position_of(&mut conn, at.0, at.1, around, "around").await?;
        let half = (take / 2).max(1);
        // The message itself belongs to the older half.
        let mut older = stretch(&mut conn, at, Some((sent_at, number + 1)), Way::Older, half).await?;
        let has_before = cut(&mut older, half);
        let mut newer = stretch(&mut conn, at, Some((sent_at, number)), Way::Newer, half).await?;
        let has_after = cut(&mut newer, half);
        older.reverse();
        older.extend(newer);
        (older, has_before, has_after)
    } else {
        let position = match query.before {
            Some(before) => Some(position_of(&mut conn, at.0, at.1, before, "before").await?),
            None => None,
        };
        let mut rows = stretch(&mut conn, at, position, Way::Older, take).await?;
        let more = cut(&mut rows, take);
        rows.reverse();
        (rows, more, query.before.is_some())
    };
    let value = views(&mut conn, at, rows).await?;
    Ok(Reply::ok(Thread { value, has_before, has_after }))
}

async fn views(conn: &mut Conn, at: (i64, Uuid), rows: Vec<message::Row>) -> Result<Vec<ThreadMessage>, db::Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids = db::Rows::new(&[("id", db::Type::Uuid)]);
    for row in &rows {
        ids.push([row.id.into()]);
    }
    let costs: Vec<Costs> = conn
        .sql("select message.id, message.cost, message.failure, message.number from ")
        .push_rows(&ids)
        .push(" as input cross join message where message.id = input.id and message.company = ")
        .push_bind(at.0)
        .all()
        .await?;
    let mut known: std::collections::HashMap<Uuid, Costs> = costs.into_iter().map(|cost| (cost.id, cost)).collect();
    let view = |row: message::Row| {
        let costs = known.remove(&row.id);
        let number = costs.as_ref().map_or(0, |costs| costs.number);
        let (cost, failure) = costs.map_or((None, None), |costs| (costs.cost, costs.failure));
        ThreadMessage { message: row.into(), number, cost, failure }
    };
    let mut views: Vec<ThreadMessage> = rows.into_iter().map(view).collect();
    name_files(conn, at.0, &mut views).await?;
    Ok(views)
}

/// Says what uploaded pictures, films and sounds are called: of those a channel is told the address only.
async fn name_files(conn: &mut Conn, company: i64, views: &mut [ThreadMessage]) -> Result<(), db::Error> {
    let is_media = |view: &ThreadMessage| matches!(view.message.r#type.as_str(), "image" | "video" | "audio");
    let addresses: Vec<String> =
        views.iter().filter(|view| is_media(view)).map(|view| view.message.content.clone()).collect();
    let names = attachment::chat_names(conn, company, &addresses).await?;
    for message in views.iter_mut().map(|view| &mut view.message) {
        let Some(name) = names.get(&message.content) else { continue };
        let mut details = match message.details.take() {
            Some(Value::Object(details)) => details,
            _ => Map::new(),
        };
        details.entry("fileName").or_insert_with(|| Value::from(name.as_str()));
        message.details = Some(Value::Object(details));
    }
    Ok(())
}

/// A message to be sent as oneself.
#[derive(Debug, Deserialize, ToSchema)]
struct StaffMessage {
    /// Its id, made by the sender (UUID), so that a repetition is known; a new one when absent.
    id: Option<Uuid>,
    /// Kind of message, as in send-message; `message` when absent, or what the attachment is.
    #[schema(example = "message")]
    r#type: Option<String>,
    /// What it says, in the form of its type; may be absent with an attachment.
    #[schema(example = "สวัสดีค่ะ")]
    content: Option<String>,
    /// Id of an uploaded file.
    attachment: Option<String>,
}

/// A message to be looked at before it is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PreviewInput {
    /// The room.
    room_id: Uuid,
    /// Kind of message.
    #[schema(example = "message")]
    r#type: Option<String>,
    /// What it says.
    #[schema(example = "สวัสดีค่ะ")]
    content: Option<String>,
    /// Id of an uploaded file.
    attachment: Option<String>,
}

/// How a message would go out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Preview {
    /// Its kind on the channel.
    #[schema(example = "message")]
    r#type: Option<String>,
    /// What it would say.
    content: Option<String>,
    /// `reply` (free), `push` (counted by the provider), `ask` (too late to be free; a retry pays) or `stopped` (the month's paid
    /// messages are used up).
    #[schema(example = "reply")]
    route: &'static str,
    /// Whether it costs nothing.
    is_free: bool,
    /// Until when an answer is free: Unix time in milliseconds.
    free_until: Option<i64>,
    /// Paid messages a month, as the provider said.
    quota_limit: Option<i64>,
    /// How many of them are used.
    quota_used: Option<i64>,
    /// Why the channel would not take it.
    faults: Vec<Fault>,
}

/// A room's channel, as sending needs it.
#[derive(Debug, Deserialize)]
struct Channel {
    sandbox: bool,
    state: String,
    late_push: String,
    quota_limit: Option<i64>,
    quota_used: Option<i64>,
    reply_token: Option<String>,
    reply_token_at: Option<i64>,
}

async fn channel_of(conn: &mut Conn, company: i64, room: Uuid) -> Result<Channel, db::Error> {
    conn.sql(
        "select account.sandbox, account.state, account.late_push, account.quota_limit, account.quota_used,
                room.reply_token, room.reply_token_at
         from room join account on account.company = room.company and account.id = room.account
         where room.company = $1 and room.id = $2",
    )
    .bind(company)
    .bind(room)
    .one()
    .await
}

/// What is to be said: the words, or an uploaded file.
async fn content(
    app: &App,
    conn: &mut Conn,
    (company, access, sandbox): (i64, &RoomAccess, bool),
    (kind, text, attachment): (Option<&str>, Option<&str>, Option<&str>),
) -> Result<Result<Content, Vec<Fault>>, Error> {
    let platform = Platform::from_number(access.platform).unwrap_or(Platform::Web);
    let faults = |found: Vec<channel::Fault>| found.into_iter().map(message::fault).collect::<Vec<_>>();
    let Some(attachment) = attachment.map(str::trim).filter(|id| !id.is_empty()) else {
        let text = text.unwrap_or_default();
        return Ok(Content::read(platform, kind.unwrap_or("message").trim(), text).map_err(faults));
    };
    let Some(file) = attachment::chat_file(app, conn, company, attachment).await? else {
        return Ok(Err(vec![Fault::new(Code::NotFound, "attachment", "attachment is not a known uploaded file")]));
    };
    let kind = match file.content_type.split('/').next().unwrap_or_default() {
        known @ ("image" | "video" | "audio") => known,
        _ => "file",
    };
    let is_open = file.address.starts_with("https://");
    if !is_open && !sandbox {
        let message =
            "The provider fetches files by https: the server needs its public address (--public-url https://…)";
        return Ok(Err(vec![Fault::new(Code::InvalidUrl, "attachment", message)]));
    }
    // Read as any other, so that what the channel does not take is said here; only a sandbox takes what is not https.
    let stand_in = file.address.replacen("http://", "https://", 1);
    let form = serde_json::json!({"url": stand_in, "name": file.name}).to_string();
    let read = Content::read(platform, kind, &form).map_err(|found| {
        let mut found = faults(found);
        found.iter_mut().for_each(|fault| fault.field = "attachment".to_owned());
        found
    });
    Ok(read.map(|content| content.moved_to(file.address, None)))
}

/// Send a message into a room as oneself.
///
/// It goes out as any other: by the free reply while one is fresh, else as a push. It raises no `Chat`/`Message` webhook. The
/// sender's draft of the room is deleted with it. A repetition with the same `id` is answered with the message that is there.
#[utoipa::path(
    post,
    path = "/v1/console/rooms/{id}/messages",
    operation_id = "sendStaffMessage",
    tag = "Inbox",
    params(RoomPath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = StaffMessage,
    responses((status = 201, description = "Created.", body = Envelope<ThreadMessage>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn send_message(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
    Checked { value: input, faults }: Checked<StaffMessage>,
) -> Result<Reply<ThreadMessage>, Error> {
    Faults::new(faults).end()?;
    let mut conn = app.db.read().await?;
    let access = rights::must(&mut conn, &caller, path.id).await?;
    let channel = channel_of(&mut conn, caller.company, path.id).await?;
    let wanted = (input.r#type.as_deref(), input.content.as_deref(), input.attachment.as_deref());
    let content = content(&app, &mut conn, (caller.company, &access, channel.sandbox), wanted).await?;
    drop(conn);
    let draft = Arc::new(Draft {
        id: input.id.unwrap_or_else(Uuid::now_v7),
        company: caller.company,
        room: path.id,
        platform: Platform::from_number(access.platform).unwrap_or(Platform::Web),
        content: content.map_err(Error::Invalid)?,
        client: Arc::clone(&caller.client),
        at: app.now(),
        trace: telemetry::trace(),
    });
    let reply = caller
        .write(&app, async |mut tx| {
            if let Some(known) = known(&mut tx, &caller, &draft).await? {
                return tx.reply(Reply::created(known)).await;
            }
            // Held, so that whoever loses the room at this moment is told so.
            rights::must(&mut tx, &caller, path.id).await?;
            let stored = queue::store_one(&mut tx, &draft).await?.map_err(refused)?;
            stray::note(&mut tx, caller.company, draft.id, draft.at).await?;
            draft::discard(&mut tx, &caller, path.id, draft.at).await?;
            state::mark_read(&mut tx, &caller, path.id, stored.number, false, draft.at).await?;
            state::answered(&mut tx, &caller, path.id, draft.at).await?;
            let message = accepted(&draft, stored);
            let mut sent = [ThreadMessage { message, number: stored.number, cost: None, failure: None }];
            name_files(&mut tx, caller.company, &mut sent).await?;
            let [sent] = sent;
            tx.reply(Reply::created(sent)).await
        })
        .await?;
    app.wakes.wake(Kind::Deliver);
    app.live.wake(caller.company);
    Ok(reply)
}

/// The message that was sent under this id before; 409 when the id is another's.
async fn known(tx: &mut Conn, caller: &Caller, draft: &Draft) -> Result<Option<ThreadMessage>, Error> {
    let query = tx.sql(message::ROW).push(" where message.company = $1 and message.id = $2");
    let row: Option<message::Row> = query.bind(caller.company).bind(draft.id).optional().await?;
    let Some(row) = row else { return Ok(None) };
    if row.room != draft.room {
        return Err(Error::Conflict(Fault::new(Code::Taken, "id", "This id belongs to another message")));
    }
    let room = row.room;
    Ok(views(tx, (caller.company, room), vec![row]).await?.pop())
}

/// Look at a message before it is sent: what the channel would take, and what it costs.
#[utoipa::path(
    post,
    path = "/v1/console/preview",
    operation_id = "previewMessage",
    tag = "Inbox",
    request_body = PreviewInput,
    responses((status = 200, description = "How it would go out.", body = Envelope<Preview>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn preview_message(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<PreviewInput>,
) -> Result<Reply<Preview>, Error> {
    Faults::new(faults).end()?;
    let mut conn = app.db.read().await?;
    let access = rights::must(&mut conn, &caller, input.room_id).await?;
    let channel = channel_of(&mut conn, caller.company, input.room_id).await?;
    let wanted = (input.r#type.as_deref(), input.content.as_deref(), input.attachment.as_deref());
    let read = content(&app, &mut conn, (caller.company, &access, channel.sandbox), wanted).await?;
    let (content, faults) = match read {
        Ok(content) => (Some(content), Vec::new()),
        Err(faults) => (None, faults),
    };
    let token = channel.reply_token.as_deref().zip(channel.reply_token_at);
    let token = token.map(|(token, received_at)| Token { token, received_at });
    let late_push = match channel.late_push.as_str() {
        "ask" => LatePush::Ask,
        "no" => LatePush::No,
        _ => LatePush::Yes,
    };
    let stopped = channel.state == "stopped";
    let plan = plan::plan(app.now(), token.as_ref(), late_push, stopped, 1, 1);
    let route = match plan.lane {
        _ if channel.sandbox => "reply",
        Lane::Reply => "reply",
        Lane::Push => "push",
        Lane::Stopped => "stopped",
        Lane::Ask => "ask",
    };
    Ok(Reply::ok(Preview {
        r#type: content.as_ref().map(|content| content.kind().to_owned()),
        content: content.as_ref().map(Content::text),
        route,
        is_free: route == "reply",
        free_until: channel.reply_token.and(channel.reply_token_at).map(|at| at + plan::REPLY_TOKEN_LIFETIME_MS),
        quota_limit: channel.quota_limit,
        quota_used: channel.quota_used,
        faults,
    }))
}

/// Files to be sent.
#[derive(Debug, Deserialize, ToSchema)]
struct ChatFiles {
    /// At most 20. In a form: file parts. In JSON: `data:` URLs, or objects `{"content", "fileName"}` with the content in Base64.
    #[schema(value_type = Option<Vec<String>>, example = json!(["data:image/gif;base64,R0lGODlhAQABAAAAACw="]))]
    #[expect(dead_code, reason = "the intake reads the files; this is their place in the document")]
    files: Option<IgnoredAny>,
}

/// An uploaded file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UploadedFile {
    /// Its id, for `attachment`.
    id: String,
    /// What it is called.
    #[schema(example = "ใบเสนอราคา.pdf")]
    name: String,
    /// What it is by its first bytes.
    #[schema(example = "image/png")]
    content_type: String,
    /// How many bytes it has.
    size: i64,
    /// Where it is: anyone who has this address can open it.
    url: String,
}

/// Upload files that are to be sent.
///
/// They are on disk when the answer leaves. A message then names one as its `attachment`; a program may give its `url` to
/// send-message. JSON with `files: [{"content": "<Base64>", "fileName": "…"}]` is taken, too.
#[utoipa::path(
    post,
    path = "/v1/console/files",
    operation_id = "uploadChatFiles",
    tag = "Inbox",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body(content((ChatFiles = "application/json"), (ChatFilesForm = "multipart/form-data"))),
    responses((status = 201, description = "The files.", body = Envelope<Vec<UploadedFile>>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn upload_file(
    State(app): State<App>,
    caller: Caller,
    upload: Upload<ChatFiles>,
) -> Result<Reply<Vec<UploadedFile>>, Error> {
    let attached = keep(&app, &caller, &upload).await;
    upload.settled(&app, &caller, attached).await
}

async fn keep(app: &App, caller: &Caller, upload: &Upload<ChatFiles>) -> Result<Reply<Vec<UploadedFile>>, Error> {
    let mut faults = upload.faults.clone();
    if upload.files.is_empty() && faults.list().is_empty() {
        faults.add(Code::Required, "files", "files is required: at least one file");
    }
    for (index, file) in upload.files.iter().enumerate() {
        if file.content_type().is_none() {
            let field = format!("files[{index}]");
            faults.add(Code::InvalidValue, field.as_str(), format!("{field} is an address; send the file itself"));
        }
    }
    faults.end()?;
    caller
        .write(app, async |mut tx| {
            let files = attachment::attach(app, &mut tx, caller, Record::chat(), None, &upload.files).await?;
            let view = |file: attachment::AttachedFile| UploadedFile {
                id: file.file_id,
                name: file.file_name,
                content_type: file.content_type.unwrap_or_default(),
                size: file.size.unwrap_or_default(),
                url: file.file_url.unwrap_or_default(),
            };
            tx.reply(Reply::created(files.into_iter().map(view).collect::<Vec<_>>())).await
        })
        .await
}

/// Files of a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's picture of the form")]
struct ChatFilesForm {
    /// The files: every part that has a file name is one, whatever its field is called. At most 20.
    files: Option<Vec<ChatFilePart>>,
}

/// A file of a form.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the document's picture of a file")]
struct ChatFilePart(String);
