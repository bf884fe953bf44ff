//! What customers send: stored once, in its room, with its event and the work that follows.

use std::collections::BTreeMap;

use channel::line::Media;
use channel::{Content, Platform};
use db::{Conn, Rows, Type};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::account::{Account, State};
use super::message::{self, ChatMessage, Delivery};
use super::room::{self, NewRoom, Room};
use super::{texts, told};
use crate::app::App;
use crate::event::{self, Event};
use crate::http::Error;
use crate::inbox;
use crate::job::{self, Kind};
use crate::{media, telemetry};

/// A customer's message on its way in.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The customer or group that the room is with, as the provider calls it.
    pub chat: String,
    /// Who wrote, when that is not the chat itself (in a group).
    pub sender: Option<String>,
    /// The customer's name, when the provider says it.
    pub name: Option<String>,
    /// The provider's id of the message.
    pub provider_id: Option<String>,
    /// What it says.
    pub content: Said,
    /// Where its file is, when it has one that must be fetched.
    pub media: Option<Media>,
    /// The provider's time, in Unix milliseconds.
    pub at: i64,
    /// Answers it without cost, once and within a minute.
    pub reply_token: Option<String>,
    /// The provider's id of the message that it quotes.
    pub quotes: Option<String>,
    /// What it says besides: whom it mentions, with which pictures it came.
    pub details: Map<String, Value>,
}

/// What a customer did.
#[derive(Debug, Clone)]
pub enum Said {
    /// Wrote something.
    Content(Content),
    /// Pressed a button with this data, and chose these with it.
    Postback(String, BTreeMap<String, String>),
    /// Took a message back before it came.
    Unsent,
}

impl Said {
    fn kind(&self) -> &'static str {
        match self {
            Said::Content(content) => content.kind(),
            Said::Postback(..) => "postback",
            Said::Unsent => "unsent",
        }
    }

    fn text(&self) -> String {
        match self {
            Said::Content(content) => content.text(),
            Said::Postback(data, _) => data.clone(),
            Said::Unsent => String::new(),
        }
    }
}

/// Notes that an event is taken; false when it was taken before, here or on another node.
pub async fn take(tx: &mut Conn, account: &Account, event: &str, now: i64) -> Result<bool, db::Error> {
    let taken = tx
        .sql(
            "insert into inbound (company, account, event, at) values ($1, $2, $3, $4)
             on conflict (company, account, event) do nothing",
        )
        .bind(account.company)
        .bind(&account.id)
        .bind(event)
        .bind(now)
        .exec()
        .await?;
    Ok(taken == 1)
}

/// The room of a chat, made on first contact; the customer's profile is fetched when it is not known or old.
pub async fn open_room(tx: &mut Conn, account: &Account, chat: &str, name: &str, now: i64) -> Result<Room, db::Error> {
    let new = NewRoom {
        company: account.company,
        account: &account.id,
        platform: account.platform,
        external_id: chat,
        name,
        id: None,
    };
    let room = room::ensure(tx, &new, now).await?;
    refresh_profile(tx, account, room.contact, None, now).await?;
    Ok(room)
}

/// A profile older than this is fetched again with the customer's next message.
const PROFILE_AGE: i64 = 24 * 60 * 60 * 1000;

/// Asks for a profile that is not known or old; whether nothing at all is known yet. `chat` is the group in which somebody
/// wrote, where alone LINE may tell who that is.
async fn refresh_profile(
    tx: &mut Conn,
    account: &Account,
    contact: Uuid,
    chat: Option<&str>,
    now: i64,
) -> Result<bool, db::Error> {
    if account.is_sandbox() || account.platform != Platform::Line {
        return Ok(false);
    }
    let known: Option<i64> = tx
        .sql("select profile_at from contact where company = $1 and id = $2")
        .bind(account.company)
        .bind(contact)
        .one::<(Option<i64>,)>()
        .await?
        .0;
    if known.is_none_or(|at| at < now - PROFILE_AGE) {
        if let Some(chat) = chat {
            tx.sql("update contact set met_in = $1 where company = $2 and id = $3")
                .bind(chat)
                .bind(account.company)
                .bind(contact)
                .later()
                .await?;
        }
        job::enqueue_in(tx, account.company, Kind::Profile, &account.id, &contact.to_string(), now).await?;
    }
    Ok(known.is_none())
}

/// The first event of a customer waits so long for the customer's name, in milliseconds.
const NAME_WAIT: i64 = 3_000;

#[derive(Deserialize)]
struct Counts {
    messages: i64,
    customer_messages: i64,
    version: i64,
}

/// Stores a customer's message, raises its event, and asks for its media. Wake the jobs after the commit.
pub async fn store(tx: &mut Conn, app: &App, account: &Account, incoming: &Incoming) -> Result<ChatMessage, Error> {
    let now = app.now();
    let room = open_room(tx, account, &incoming.chat, incoming.name.as_deref().unwrap_or_default(), now).await?;
    if let Some(name) = incoming.name.as_deref().filter(|name| !name.is_empty() && *name != room.name) {
        set_name(tx, account.company, &room, name).await?;
    }
    let contact = match &incoming.sender {
        Some(sender) if *sender != incoming.chat => {
            room::ensure_contact(tx, account.company, &account.id, sender, "", now).await?
        }
        _ => room.contact,
    };
    let met_in = Some(incoming.chat.as_str()).filter(|_| contact != room.contact);
    let is_nameless = refresh_profile(tx, account, contact, met_in, now).await?;
    let id = Uuid::now_v7();
    let mut said = incoming.content.clone();
    if was_unsent(tx, account, incoming.provider_id.as_deref()).await? {
        said = Said::Unsent;
    }
    if let (Said::Content(content), Some(source)) = (&said, &incoming.media) {
        let address = media::expect(tx, app, account, id, source, incoming.provider_id.as_deref()).await?;
        said = Said::Content(content.clone().moved_to(address, None));
    }
    let before = inbox::before(tx, account.company, room.id).await?;
    let counts = move_room(tx, account.company, &room, id, &said, incoming, now).await?;
    // The room was erased since it was looked up. When the provider repeats the message, who wrote it is a new person.
    let counts = counts.ok_or(Error::Busy("The room was erased a moment ago"))?;
    let body = match &said {
        Said::Content(Content::Text { .. }) | Said::Postback(..) | Said::Unsent => None,
        Said::Content(content) => serde_json::to_value(content).ok(),
    };
    let mut details = incoming.details.clone();
    match &said {
        Said::Postback(_, params) if !params.is_empty() => drop(details.insert("params".to_owned(), json!(params))),
        Said::Unsent => details.clear(),
        _ => {}
    }
    if let Some(quoted) = incoming.quotes.as_deref().filter(|_| !matches!(said, Said::Unsent)) {
        let ours: Option<Uuid> = tx
            .sql("select id from message where company = $1 and room = $2 and provider_id = $3 limit 1")
            .bind(account.company)
            .bind(room.id)
            .bind(quoted)
            .optional()
            .await?;
        details.insert("quote".to_owned(), json!({"messageId": ours, "providerId": quoted}));
    }
    tx.sql(
        "insert into message (company, id, room, number, contact, kind, content, body, sent_at, stored_at, delivery,
                              first_of_customer, trace, provider_id, details)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(account.company)
    .bind(id)
    .bind(room.id)
    .bind(counts.messages)
    .bind(contact)
    .bind(said.kind())
    .bind(said.text())
    .bind(body)
    .bind(incoming.at)
    .bind(now)
    .bind(Delivery::Delivered as i64)
    .bind(counts.customer_messages == 1)
    .bind(telemetry::trace_id())
    .bind(incoming.provider_id.clone())
    .bind((!details.is_empty()).then_some(Value::Object(details)))
    .later()
    .await?;
    if account.state == State::Stopped && incoming.reply_token.is_some() {
        // Answers that waited for quota can go out with this free token.
        tx.sql("update job set run_at = $1 where company = $2 and kind = 'deliver' and key = $3 and worker is null")
            .bind(now)
            .bind(account.company)
            .bind(room.id.to_string())
            .later()
            .await?;
    }
    let moved = (counts.messages, counts.version);
    let from = if is_nameless { now + NAME_WAIT } else { now };
    inbox::written(tx, app, (account.company, &account.id, room.id), &before, moved, (now, from)).await?;
    let message = message::find(tx, account.company, id).await?.ok_or(db::Error::NoRow)?;
    if matches!(said, Said::Unsent) {
        return Ok(message);
    }
    let subject = message.room_id.clone();
    let body = told::body("Message", &message)?;
    let place = counts.messages;
    let event =
        Event { company: account.company, topic: "Chat", name: "Message", subject: &subject, place, body, at: now };
    event::emit_from(tx, &event, from).await?;
    Ok(message)
}

async fn move_room(
    tx: &mut Conn,
    company: i64,
    room: &Room,
    message: Uuid,
    said: &Said,
    incoming: &Incoming,
    now: i64,
) -> Result<Option<Counts>, db::Error> {
    // A message that was said before the room's last one does not become the last one by arriving late.
    tx.sql(
        "update room
         set messages = messages + 1, customer_messages = customer_messages + 1,
             unread = case when $3 = 'unsent' then unread else unread + 1 end,
             unanswered = case when $3 = 'unsent' then unanswered else true end,
             last_customer_at = case when last_customer_at > $1 then last_customer_at else $1 end,
             last_message = case when messages = 0 or last_at <= $1 then $2 else last_message end,
             last_kind = case when messages = 0 or last_at <= $1 then $3 else last_kind end,
             last_content = case when messages = 0 or last_at <= $1 then $4 else last_content end,
             last_at = case when messages = 0 or last_at <= $1 then $1 else last_at end,
             status = 1, waiting_until = null, waiting_since = coalesce(waiting_since, $1),
             shape = case when assignee is null then 2 else 3 end, version = version + 1,
             reply_token = coalesce($5, reply_token),
             reply_token_at = case when $5 is null then reply_token_at else $6 end
         where company = $7 and id = $8 and erased_at is null
         returning messages, customer_messages, version",
    )
    .bind(incoming.at)
    .bind(message)
    .bind(said.kind())
    .bind(room::preview(&said.text()))
    .bind(incoming.reply_token.clone())
    .bind(now)
    .bind(company)
    .bind(room.id)
    .optional()
    .await
}

/// Gives a customer a name that the provider sent along.
async fn set_name(tx: &mut Conn, company: i64, room: &Room, name: &str) -> Result<(), db::Error> {
    tx.sql("update contact set name = $1 where company = $2 and id = $3")
        .bind(name)
        .bind(company)
        .bind(room.contact)
        .exec()
        .await?;
    room::rename(tx, company, room.id, name, "").await
}

/// A customer took a message back: its words go, its trace stays.
pub async fn unsend(
    tx: &mut Conn,
    account: &Account,
    chat: &str,
    provider_id: &str,
    now: i64,
) -> Result<(), db::Error> {
    // Callbacks may come in another order than they were made: a message that is still to come is hidden when it does.
    take(tx, account, &unsent_key(provider_id), now).await?;
    let Some(room) = room::by_external(tx, account.company, &account.id, chat).await? else { return Ok(()) };
    // Before the message, as whoever writes the index takes it.
    texts::lock(tx, account.company).await?;
    let hidden: Option<Uuid> = tx
        .sql(
            "update message set kind = 'unsent', content = '', body = null, details = null
             where company = $1 and room = $2 and provider_id = $3 returning id",
        )
        .bind(account.company)
        .bind(room.id)
        .bind(provider_id)
        .optional()
        .await?;
    if let Some(message) = hidden {
        let mut rows = Rows::new(&[("id", Type::Uuid)]);
        rows.push([message.into()]);
        texts::forget(tx, account.company, &rows).await?;
        tx.sql(
            "update room set last_kind = 'unsent', last_content = ''
             where company = $1 and id = $2 and last_message = $3",
        )
        .bind(account.company)
        .bind(room.id)
        .bind(message)
        .exec()
        .await?;
        forget_unsent(tx, account.company, room.id, message).await?;
        media::forget(tx, account.company, message).await?;
    }
    Ok(())
}

/// A message that was taken back is neither to be read nor to be answered.
async fn forget_unsent(tx: &mut Conn, company: i64, room: Uuid, message: Uuid) -> Result<(), db::Error> {
    tx.sql(
        "update room
         set unread = case when unread > (select count(*) from message as later
                                          where later.company = $1 and later.room = $2 and later.contact is not null
                                            and later.kind <> 'unsent'
                                            and later.number > (select number from message where company = $1 and id = $3))
                           then unread - 1 else unread end,
             unanswered = unanswered and exists
                 (select 1 from message as said
                  where said.company = $1 and said.room = $2 and said.contact is not null and said.kind <> 'unsent'
                    and said.number > coalesce((select max(number) from message as answer
                                                where answer.company = $1 and answer.room = $2
                                                  and answer.contact is null), 0))
         where company = $1 and id = $2",
    )
    .bind(company)
    .bind(room)
    .bind(message)
    .exec()
    .await
    .map(drop)
}

/// A customer's name came: events that wait for it say it, and wait no longer. Also when there is none.
pub async fn named(tx: &mut Conn, account: &Account, chats: &[&str], now: i64) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Waiting {
        webhook: i64,
        event: Uuid,
        body: String,
    }
    for chat in chats {
        let Some(room) = room::by_external(tx, account.company, &account.id, chat).await? else { continue };
        let subject = room.id.to_string();
        let waiting: Vec<Waiting> = tx
            .sql(
                "select delivery.webhook, event.id as event, event.body from webhook
                 join webhook_delivery as delivery on delivery.company = webhook.company and delivery.webhook = webhook.id
                 join event on event.company = delivery.company and event.id = delivery.event
                 where webhook.company = $1 and webhook.state = 'active' and delivery.subject = $2
                   and delivery.state = 'pending' and delivery.tries = 0 and event.topic = 'Chat'
                   and event.name = 'Message' limit 100",
            )
            .bind(account.company)
            .bind(&subject)
            .all()
            .await?;
        for Waiting { webhook, event, body } in waiting {
            let said: Value = serde_json::from_str(&body).unwrap_or_default();
            let id = said["Data"]["ChatMessage"]["Id"].as_str().and_then(|id| id.parse().ok());
            if let Some(id) = id
                && let Some(message) = message::find(tx, account.company, id).await?
                && message.r#type != "unsent"
            {
                tx.sql("update event set body = $3 where company = $1 and id = $2")
                    .bind(account.company)
                    .bind(event)
                    .bind(told::body("Message", &message)?)
                    .later()
                    .await?;
            }
            tx.sql(
                "update job set run_at = $1
                 where company = $2 and kind = 'webhook' and key = $3 and worker is null and tries = 0 and run_at > $1",
            )
            .bind(now)
            .bind(account.company)
            .bind(format!("{webhook}:{subject}"))
            .later()
            .await?;
        }
    }
    Ok(())
}

/// The customer follows the account, or blocked it.
pub async fn follow(
    tx: &mut Conn,
    account: &Account,
    chat: &str,
    (follows, at): (bool, i64),
    reply_token: Option<&str>,
    now: i64,
) -> Result<(), db::Error> {
    let room = open_room(tx, account, chat, "", now).await?;
    // Callbacks may come in another order than they were made.
    tx.sql(
        "update contact set follows = $1, follows_at = $4
         where company = $2 and id = $3 and (follows_at is null or follows_at <= $4)",
    )
    .bind(follows)
    .bind(account.company)
    .bind(room.contact)
    .bind(at)
    .exec()
    .await?;
    if let Some(token) = reply_token {
        tx.sql("update room set reply_token = $1, reply_token_at = $2 where company = $3 and id = $4")
            .bind(token)
            .bind(now)
            .bind(account.company)
            .bind(room.id)
            .exec()
            .await?;
    }
    Ok(())
}

/// Under what a message that was taken back is kept among the events taken.
fn unsent_key(provider_id: &str) -> String {
    format!("unsent:{provider_id}")
}

/// Whether a customer took this message back before it came.
async fn was_unsent(tx: &mut Conn, account: &Account, provider_id: Option<&str>) -> Result<bool, db::Error> {
    let Some(provider_id) = provider_id else { return Ok(false) };
    let known: Option<i64> = tx
        .sql("select at from inbound where company = $1 and account = $2 and event = $3")
        .bind(account.company)
        .bind(&account.id)
        .bind(unsent_key(provider_id))
        .optional()
        .await?;
    Ok(known.is_some())
}
