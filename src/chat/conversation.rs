//! Conversation enquiry: the rooms of a company, the newest message first, from columns kept on the room.

use axum::extract::State;
use channel::Platform;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::message::unknown_platform;
use super::{lookup, room};
use crate::app::App;
use crate::http::{Caller, Envelope, Error, Json, Paging, Reply};
use crate::inbox::rights;
use crate::{search, time};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enquire_conversations))
}

/// Which rooms to list. Every property is optional; null is the same as absent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConversationEnquiry {
    /// Rooms to leave out.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Rooms a page: at most 200, default 20.
    #[schema(example = 20)]
    page_length: Option<i64>,
    /// The same as `pageLength`.
    take: Option<i64>,
    /// Part of the customer's name, in any script and letter case.
    #[schema(example = "som")]
    keyword: Option<String>,
    /// Only rooms of this channel: a name or a number.
    #[schema(example = "line")]
    platform: Option<String>,
    /// True: only rooms whose customer waits for an answer. False: only the others.
    unanswered: Option<bool>,
}

/// A page of rooms.
#[derive(Debug, Serialize, ToSchema)]
struct Conversations {
    /// The rooms, the one with the newest message first.
    value: Vec<Conversation>,
}

/// One room.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Conversation {
    /// The room; pass it to send-message.
    #[schema(example = "26259b2c-509c-4ff5-a82a-d1b5505b014d")]
    room_id: String,
    /// Name of the channel.
    #[schema(example = "line")]
    platform: String,
    /// The channel account.
    account_id: String,
    /// The customer.
    customer_id: String,
    /// The customer's name.
    customer_name: String,
    /// Address of the customer's picture; empty when there is none.
    avatar: String,
    /// Start of the last message; null in a room without messages.
    last_message: Option<String>,
    /// Kind of the last message.
    last_message_type: Option<String>,
    /// Time of the last message.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    last_message_time: Option<String>,
    /// Time of the last answer of the company.
    last_reply_time: Option<String>,
    /// Messages of the customer since the last answer.
    unread_count: i64,
    /// Whether the customer waits for an answer.
    unanswered: bool,
}

/// List chat conversations.
///
/// Rooms of the company, the newest message first.
#[utoipa::path(
    post,
    path = "/v1/conversation/enquiry",
    operation_id = "enquireConversations",
    tag = "Conversation",
    request_body = ConversationEnquiry,
    responses((status = 200, description = "One page of conversations.", body = Envelope<Conversations>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn enquire_conversations(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<ConversationEnquiry>,
) -> Result<Reply<Conversations>, Error> {
    let filter = Filter::read(input)?;
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let rows = find(&mut conn, &caller, &filter).await?;
    Ok(Reply::ok(Conversations { value: rows.into_iter().map(|row| row.view(&zone)).collect() }))
}

struct Filter {
    paging: Paging,
    keyword: Option<String>,
    platform: Option<Platform>,
    unanswered: Option<bool>,
}

impl Filter {
    fn read(input: ConversationEnquiry) -> Result<Filter, Error> {
        let mut faults = Vec::new();
        let paging = Paging::read(input.skip, input.take, input.page_length, &mut faults);
        let named = input.platform.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let platform = named.and_then(Platform::read);
        if let (Some(named), None) = (named, platform) {
            faults.push(unknown_platform(named));
        }
        room::check_name("keyword", input.keyword.as_deref().unwrap_or_default(), &mut faults);
        let keyword = search::keyword(input.keyword.as_deref());
        match faults.is_empty() {
            true => Ok(Filter { paging, keyword, platform, unanswered: input.unanswered }),
            false => Err(Error::Invalid(faults)),
        }
    }
}

#[derive(Deserialize)]
struct Row {
    id: Uuid,
    platform: i64,
    account: String,
    contact: Uuid,
    name: String,
    picture: String,
    last_content: Option<String>,
    last_kind: Option<String>,
    last_at: i64,
    last_reply_at: Option<i64>,
    unread: i64,
    unanswered: bool,
    messages: i64,
}

impl Row {
    fn view(self, zone: &time::Zone) -> Conversation {
        Conversation {
            room_id: self.id.to_string(),
            platform: Platform::from_number(self.platform).map(Platform::name).unwrap_or_default().to_owned(),
            account_id: self.account,
            customer_id: self.contact.to_string(),
            customer_name: self.name,
            avatar: self.picture,
            last_message: self.last_content,
            last_message_type: self.last_kind,
            last_message_time: (self.messages > 0).then(|| time::text(self.last_at, zone)),
            last_reply_time: self.last_reply_at.map(|at| time::text(at, zone)),
            unread_count: self.unread,
            unanswered: self.unanswered,
        }
    }
}

async fn find(conn: &mut Conn, caller: &Caller, filter: &Filter) -> Result<Vec<Row>, db::Error> {
    let piece = match &filter.keyword {
        Some(keyword) => lookup::rarest(conn, caller.company, keyword).await?,
        None => None,
    };
    let mut query = conn.sql(
        "select id, platform, account, contact, name, picture, last_content, last_kind, last_at, last_reply_at, unread,
                unanswered, messages
         from room where company = $1 and erased_at is null",
    );
    query = query.bind(caller.company);
    if let Some(platform) = filter.platform {
        query = query.push(" and platform = ").push_bind(platform.number());
    }
    match filter.unanswered {
        Some(true) => query = query.push(" and unanswered"),
        Some(false) => query = query.push(" and not unanswered"),
        None => {}
    }
    if let Some(keyword) = &filter.keyword {
        query = lookup::narrowed(query, piece)
            .push(" and name_key like ")
            .push_bind(search::pattern(keyword))
            .push(" escape '!'");
    }
    rights::within(query, caller)
        .push(" order by last_at desc, id desc limit ")
        .push_bind(filter.paging.take)
        .push(" offset ")
        .push_bind(filter.paging.skip)
        .all()
        .await
}
