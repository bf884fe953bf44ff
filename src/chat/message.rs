//! Messages: sending one, looking at one, trying a failed one again.

use std::sync::Arc;

use axum::extract::State;
use channel::{Content, Platform};
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::passport::{self, MessageDetail};
use super::queue::{self, Refused, Stored};
use super::room;
use crate::app::App;
use crate::http::caller::Client;
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Path, Reply};
use crate::inbox::{self, rights};
use crate::job::{self, Kind};
use crate::telemetry::{self, TraceId};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(send_chat_message))
        .routes(routes!(get_chat_message))
        .routes(routes!(retry_chat_message))
}

/// A message to send. All five properties are required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendMessage {
    /// Room to post into.
    #[schema(example = "26259b2c-509c-4ff5-a82a-d1b5505b014d")]
    room_id: String,
    /// Text of the message; for `image`, `video`, `audio` and `file` an https URL; for `sticker`
    /// `packageId:stickerId`; for `location` a JSON text with `title`, `address`, `latitude`, `longitude`.
    #[schema(example = "Hello, world")]
    content: String,
    /// Kind of message: `message` (or `text`), `image`, `video`, `audio`, `file`, `sticker`, `location`.
    #[schema(example = "message")]
    r#type: String,
    /// Channel of the room: a name (`line`, `messenger`), its number (1 LINE, 2 Messenger), or the number's digits.
    #[schema(example = "line")]
    platform: String,
    /// Company (tenant) number, which must be that of the token; digits as text are taken too.
    #[schema(example = 507)]
    company_id: i64,
}

/// A message of a room.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    /// The message's running number in its room.
    #[schema(example = "12")]
    pub vw_id: String,
    /// Message id (UUID v7).
    #[schema(example = "019ab0a2-5f6b-7d31-a1d5-1f2c8f0a9b6e")]
    pub id: String,
    /// The room.
    #[schema(example = "26259b2c-509c-4ff5-a82a-d1b5505b014d")]
    pub room_id: String,
    /// Name of the room's channel.
    #[schema(example = "line")]
    pub platform: String,
    /// Who wrote it.
    pub user: ChatUser,
    /// What it says, in the form of its type.
    #[schema(example = "Hello, world")]
    pub content: String,
    /// When it was said: Unix time in milliseconds.
    #[schema(example = 1_763_884_800_000_i64)]
    pub timestamp: i64,
    /// Kind of message.
    #[schema(example = "message")]
    pub r#type: String,
    /// `pending`, then `sent` (the provider took it), `delivered`, `read`, or `failed`.
    #[schema(example = "pending")]
    pub delivery_status: String,
    /// Trace id of the request that made it.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: String,
    /// True only on the first message that a customer ever wrote in this room.
    #[schema(example = false)]
    pub is_first_customer_message: bool,
    /// What it says besides, where there is anything: `fileName`, `keywords` of a sticker, `params` that were chosen with a
    /// button, `mentions`, `quote`, `imageSet`, `preview`, `durationMs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
}

/// Who wrote a message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatUser {
    /// Id of the customer or API client.
    pub id: String,
    /// The company, as text here.
    #[schema(example = "507")]
    pub company_id: String,
    /// `customer` or `client`.
    #[schema(example = "client")]
    pub r#type: String,
    /// Name as the channel gives it.
    pub original_name: String,
    /// The same in English, where there is one.
    #[serde(rename = "originalName_EN")]
    pub original_name_en: String,
    /// Address of the picture; empty when there is none.
    pub avatar: String,
    /// `customer` or `integration`.
    #[schema(example = "integration")]
    pub role: String,
    /// Name to show.
    pub display_name: String,
}

/// How far a message has come. It only moves up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// Stored, on its way.
    Pending = 1,
    /// The provider took it.
    Sent = 2,
    /// It reached the customer.
    Delivered = 3,
    /// The customer saw it.
    Read = 4,
    /// It will not arrive.
    Failed = 9,
}

impl Delivery {
    /// The API's word for a stored state.
    pub fn word(stored: i64) -> &'static str {
        match stored {
            1 => "pending",
            2 => "sent",
            3 => "delivered",
            4 => "read",
            _ => "failed",
        }
    }
}

/// A message that is ready to be stored.
#[derive(Debug)]
pub struct Draft {
    /// Its id, made before it is stored.
    pub id: Uuid,
    /// The tenant.
    pub company: i64,
    /// The room.
    pub room: Uuid,
    /// The platform that the caller named; the room's must be the same.
    pub platform: Platform,
    /// What it says.
    pub content: Content,
    /// The API client that sends it.
    pub client: Arc<Client>,
    /// Now, in Unix milliseconds.
    pub at: i64,
    /// The request's trace id.
    pub trace: TraceId,
}

/// Send a message into an existing chat room.
///
/// The message is on disk when the answer leaves, and is delivered in the background: on LINE with the free reply token
/// while one is fresh, else as a push. Messages of one room go out in the order in which they were accepted. It raises no
/// `Chat`/`Message` webhook. Send an `Idempotency-Key` header to be able to repeat the call safely.
#[utoipa::path(
    post,
    path = "/v1/chat/message",
    operation_id = "sendChatMessage",
    tag = "Chat",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = SendMessage,
    responses((status = 201, description = "Created.", body = Envelope<ChatMessage>)),
    extensions(("x-no-subscription-key" = json!(true))),
    security(("bearerAuth" = ["chat:write"]))
)]
async fn send_chat_message(
    State(app): State<App>,
    caller: Caller,
    input: Checked<SendMessage>,
) -> Result<Reply<ChatMessage>, Error> {
    let draft = Arc::new(check(&app, &caller, input).await?);
    let reply = if caller.is_keyed() {
        caller
            .write(&app, async |mut tx| {
                let stored = queue::store_one(&mut tx, &draft).await?.map_err(refused)?;
                tx.reply(Reply::created(accepted(&draft, stored))).await
            })
            .await?
    } else {
        let stored = app.sends.send(&app, Arc::clone(&draft)).await?.map_err(refused)?;
        Reply::created(accepted(&draft, stored))
    };
    app.wakes.wake(Kind::Deliver);
    app.live.wake(caller.company);
    Ok(reply)
}

/// Every fault of a message, or the message ready to be stored.
async fn check(app: &App, caller: &Caller, input: Checked<SendMessage>) -> Result<Draft, Error> {
    let Checked { value: input, mut faults } = input;
    let [has_company, has_platform, has_type, has_content, has_room] =
        ["companyId", "platform", "type", "content", "roomId"].map(|field| faults.iter().all(|f| f.field != field));
    if has_company && input.company_id != caller.company {
        let message = format!("companyId {} is not the company of this token", input.company_id);
        faults.push(Fault::new(Code::WrongCompany, "companyId", message));
    }
    let platform = Platform::read(input.platform.trim());
    if has_platform && platform.is_none() {
        faults.push(unknown_platform(&input.platform));
    }
    // Without a platform the other faults are looked for with the most generous one.
    let content = Content::read(platform.unwrap_or(Platform::Web), input.r#type.trim(), &input.content);
    let content = content.map_err(|found| {
        // A stand-in for what could not be read is no fault of its own.
        let own = |fault: &channel::Fault| if fault.field == "type" { has_type } else { has_type && has_content };
        faults.extend(found.into_iter().filter(own).map(fault));
    });
    let room = Uuid::parse_str(input.room_id.trim()).ok();
    // A room out of a person's range is not there.
    if let Some(room) = room.filter(|_| caller.person.is_some())
        && rights::find(&mut app.db.read().await?, caller, room).await?.is_none()
    {
        faults.push(unknown_room());
    }
    if let (Ok(content), Some(platform), Some(room), true) = (content, platform, room, faults.is_empty()) {
        return Ok(Draft {
            id: Uuid::now_v7(),
            company: caller.company,
            room,
            platform,
            content,
            client: Arc::clone(&caller.client),
            at: app.now(),
            trace: telemetry::trace(),
        });
    }
    // Something is wrong already, so the room is looked at too: the caller hears of everything at once.
    let known = match room {
        Some(room) => room::platform(&mut app.db.read().await?, caller.company, room).await?,
        None => None,
    };
    match (known, platform) {
        (None, _) if has_room && faults.iter().all(|fault| fault.field != "roomId") => faults.push(unknown_room()),
        (Some(known), Some(given)) if known != given => faults.push(wrong_platform(known)),
        _ => {}
    }
    Err(Error::Invalid(faults))
}

/// A fault of the channel crate in the API's words.
pub fn fault(fault: channel::Fault) -> Fault {
    let code = match fault.code {
        channel::FaultCode::Required => Code::Required,
        channel::FaultCode::TooLong => Code::TooLong,
        channel::FaultCode::InvalidUrl => Code::InvalidUrl,
        channel::FaultCode::InvalidFormat => Code::InvalidFormat,
        channel::FaultCode::OutOfRange => Code::OutOfRange,
        channel::FaultCode::UnsupportedType => Code::UnsupportedType,
    };
    Fault::new(code, fault.field, fault.message)
}

/// The fault of a platform that is not in the table.
pub fn unknown_platform(given: &str) -> Fault {
    let known: Vec<String> =
        Platform::ALL.iter().map(|known| format!("{} ({})", known.name(), known.number())).collect();
    let given: String = given.chars().take(40).collect();
    Fault::new(Code::UnknownPlatform, "platform", format!("platform “{given}” is not one of {}", known.join(", ")))
}

fn unknown_room() -> Fault {
    Fault::new(Code::UnknownRoom, "roomId", "roomId does not exist in your company")
}

fn wrong_platform(known: Platform) -> Fault {
    Fault::new(Code::WrongPlatform, "platform", format!("The room is on {}", known.name()))
}

/// Why a message was not stored, as the caller is told.
pub(crate) fn refused(why: Refused) -> Error {
    Error::Invalid(vec![match why {
        Refused::Room => unknown_room(),
        Refused::Platform(known) => wrong_platform(known),
    }])
}

/// The answer to a message that was just stored.
pub(crate) fn accepted(draft: &Draft, stored: Stored) -> ChatMessage {
    ChatMessage {
        vw_id: stored.number.to_string(),
        id: draft.id.to_string(),
        room_id: draft.room.to_string(),
        platform: draft.platform.name().to_owned(),
        user: match &draft.client.person {
            Some(person) => staff_user(draft.company, &draft.client.id, &draft.client.name, &person.role),
            None => client_user(draft.company, &draft.client.id, &draft.client.name),
        },
        content: draft.content.text(),
        timestamp: draft.at,
        r#type: draft.content.kind().to_owned(),
        delivery_status: Delivery::word(Delivery::Pending as i64).to_owned(),
        trace_id: draft.trace.to_string(),
        is_first_customer_message: false,
        details: details(serde_json::to_value(&draft.content).ok(), None),
    }
}

fn client_user(company: i64, id: &str, name: &str) -> ChatUser {
    ChatUser {
        id: id.to_owned(),
        company_id: company.to_string(),
        r#type: "client".to_owned(),
        original_name: name.to_owned(),
        original_name_en: String::new(),
        avatar: String::new(),
        role: "integration".to_owned(),
        display_name: name.to_owned(),
    }
}

fn staff_user(company: i64, id: &str, name: &str, role: &str) -> ChatUser {
    ChatUser { r#type: "staff".to_owned(), role: role.to_owned(), ..client_user(company, id, name) }
}

/// A message as the database gives it, with the names of whoever wrote it.
#[derive(Debug, Deserialize)]
pub struct Row {
    /// The tenant.
    pub company: i64,
    /// The message.
    pub id: Uuid,
    /// The room.
    pub room: Uuid,
    number: i64,
    platform: i64,
    kind: String,
    content: String,
    sent_at: i64,
    delivery: i64,
    trace: String,
    first_of_customer: bool,
    client: Option<String>,
    client_name: Option<String>,
    contact: Option<Uuid>,
    contact_name: Option<String>,
    contact_picture: Option<String>,
    body: Option<Value>,
    details: Option<Value>,
    staff: Option<Uuid>,
    staff_name: Option<String>,
    staff_role: Option<String>,
}

impl Row {
    /// The running number in its room.
    pub(crate) fn number(&self) -> i64 {
        self.number
    }
}

/// Reads [`Row`]s; add a condition that begins with ` where message.company = $1`.
pub const ROW: &str = "
    select message.company, message.id, message.room, message.number, room.platform, message.kind, message.content,
           message.sent_at, message.delivery, message.trace, message.first_of_customer, message.client,
           client.name as client_name, message.contact, contact.name as contact_name, contact.picture as contact_picture,
           message.body, message.details, message.staff,
           employee.firstname || ' ' || employee.lastname as staff_name, role.name as staff_role
    from message
    join room on room.company = message.company and room.id = message.room
    left join client on client.company = message.company and client.id = message.client
    left join contact on contact.company = message.company and contact.id = message.contact
    left join employee on employee.company = message.company and employee.id = message.staff
    left join choice as role on role.company = employee.company and role.list = 'roles' and role.id = employee.role";

impl From<Row> for ChatMessage {
    fn from(row: Row) -> ChatMessage {
        let user = match (row.contact, row.staff, row.client) {
            (Some(contact), _, _) => {
                let name = row.contact_name.unwrap_or_default();
                ChatUser {
                    id: contact.to_string(),
                    company_id: row.company.to_string(),
                    r#type: "customer".to_owned(),
                    original_name: name.clone(),
                    original_name_en: String::new(),
                    avatar: row.contact_picture.unwrap_or_default(),
                    role: "customer".to_owned(),
                    display_name: name,
                }
            }
            (None, Some(staff), _) => {
                let (name, role) = (row.staff_name.unwrap_or_default(), row.staff_role.unwrap_or_default());
                staff_user(row.company, &staff.to_string(), name.trim(), &role)
            }
            (None, None, client) => {
                client_user(row.company, &client.unwrap_or_default(), &row.client_name.unwrap_or_default())
            }
        };
        ChatMessage {
            vw_id: row.number.to_string(),
            id: row.id.to_string(),
            room_id: row.room.to_string(),
            platform: Platform::from_number(row.platform).map(Platform::name).unwrap_or_default().to_owned(),
            user,
            content: row.content,
            timestamp: row.sent_at,
            r#type: row.kind,
            delivery_status: Delivery::word(row.delivery).to_owned(),
            trace_id: row.trace,
            is_first_customer_message: row.first_of_customer,
            details: details(row.body, row.details),
        }
    }
}

/// What a message says besides its content, out of what is stored of it.
fn details(body: Option<Value>, details: Option<Value>) -> Option<Value> {
    let mut all = match details {
        Some(Value::Object(details)) => details,
        _ => Map::new(),
    };
    let known = [("name", "fileName"), ("keywords", "keywords"), ("preview", "preview"), ("duration_ms", "durationMs")];
    for (stored, told) in known {
        let value = body.as_ref().and_then(|body| body.get(stored)).filter(|value| !value.is_null());
        all.extend(value.map(|value| (told.to_owned(), value.clone())));
    }
    (!all.is_empty()).then_some(Value::Object(all))
}

/// One message of a company.
pub async fn find(conn: &mut Conn, company: i64, id: Uuid) -> Result<Option<ChatMessage>, db::Error> {
    let row: Option<Row> =
        conn.sql(ROW).push(" where message.company = $1 and message.id = $2").bind(company).bind(id).optional().await?;
    Ok(row.map(ChatMessage::from))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct MessagePath {
    /// Message id.
    id: Uuid,
}

/// Get one message with its delivery status and attempts.
#[utoipa::path(
    get,
    path = "/v1/chat/message/{id}",
    operation_id = "getChatMessage",
    tag = "Chat",
    params(MessagePath),
    responses((status = 200, description = "The message.", body = Envelope<MessageDetail>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn get_chat_message(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<MessagePath>,
) -> Result<Reply<MessageDetail>, Error> {
    let mut conn = app.db.read().await?;
    rights::must_of_message(&mut conn, &caller, path.id).await?;
    let detail = passport::detail(&mut conn, &caller, path.id).await?;
    Ok(Reply::ok(detail.ok_or(Error::NotFound("message"))?))
}

/// Try a failed message again.
///
/// It goes to the end of its room's queue of waiting messages in its old place of order. Only a failed message can be
/// tried again; anything else is a 409.
#[utoipa::path(
    post,
    path = "/v1/chat/message/{id}/retry",
    operation_id = "retryChatMessage",
    tag = "Chat",
    params(
        MessagePath,
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")
    ),
    responses((status = 200, description = "The message, pending again.", body = Envelope<ChatMessage>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn retry_chat_message(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<MessagePath>,
) -> Result<Reply<ChatMessage>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            rights::must_of_message(&mut tx, &caller, path.id).await?;
            let message = retry(&mut tx, caller.company, path.id, app.now()).await?;
            tx.reply(Reply::ok(message)).await
        })
        .await?;
    app.wakes.wake(Kind::Deliver);
    app.live.wake(caller.company);
    Ok(reply)
}

async fn retry(tx: &mut Conn, company: i64, id: Uuid, now: i64) -> Result<ChatMessage, Error> {
    let changed = tx
        .sql(
            "update message set delivery = 1, batch = null, failure = null, cost = null, paid_ok = true
             where company = $1 and id = $2 and delivery = 9",
        )
        .bind(company)
        .bind(id)
        .exec()
        .await?;
    let message = find(tx, company, id).await?.ok_or(Error::NotFound("message"))?;
    if changed == 0 {
        let why = format!("The message is {}; only a failed message can be tried again", message.delivery_status);
        return Err(Error::Conflict(Fault::new(Code::Conflict, "id", why)));
    }
    let account: String = tx
        .sql(
            "select room.account from message join room on room.company = message.company and room.id = message.room
              where message.company = $1 and message.id = $2",
        )
        .bind(company)
        .bind(id)
        .one()
        .await?;
    job::enqueue_in(tx, company, Kind::Deliver, &account, &message.room_id, now).await?;
    if let Ok(room) = Uuid::parse_str(&message.room_id) {
        inbox::delivered(tx, company, room, now).await?;
    }
    Ok(message)
}

/// The message that a provider knows under this id.
pub async fn by_provider(
    conn: &mut Conn,
    company: i64,
    account: &str,
    chat: &str,
    provider_id: &str,
) -> Result<Option<ChatMessage>, db::Error> {
    let Some(room) = room::by_external(conn, company, account, chat).await? else { return Ok(None) };
    let row: Option<Row> = conn
        .sql(ROW)
        .push(" where message.company = $1 and message.room = $2 and message.provider_id = $3 limit 1")
        .bind(company)
        .bind(room.id)
        .bind(provider_id)
        .optional()
        .await?;
    Ok(row.map(ChatMessage::from))
}
