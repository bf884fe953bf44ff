//! What customers send: stored once, in its room, with its event and the work that follows.

use channel::line::Media;
use channel::{Content, Platform};
use db::Conn;
use serde::Deserialize;
use uuid::Uuid;

use super::account::{Account, State};
use super::message::{self, ChatMessage, Delivery};
use super::room::{self, NewRoom, Room};
use crate::app::App;
use crate::event::{self, Event};
use crate::http::Error;
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
}

/// What a customer did.
#[derive(Debug, Clone)]
pub enum Said {
    /// Wrote something.
    Content(Content),
    /// Pressed a button with this data.
    Postback(String),
    /// Took a message back before it came.
    Unsent,
}

impl Said {
    fn kind(&self) -> &'static str {
        match self {
            Said::Content(content) => content.kind(),
            Said::Postback(_) => "postback",
            Said::Unsent => "unsent",
        }
    }

    fn text(&self) -> String {
        match self {
            Said::Content(content) => content.text(),
            Said::Postback(data) => data.clone(),
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
    refresh_profile(tx, account, room.contact, now).await?;
    Ok(room)
}

/// A profile older than this is fetched again with the customer's next message.
const PROFILE_AGE: i64 = 24 * 60 * 60 * 1000;

async fn refresh_profile(tx: &mut Conn, account: &Account, contact: Uuid, now: i64) -> Result<(), db::Error> {
    if account.is_sandbox() || account.platform != Platform::Line {
        return Ok(());
    }
    let known: Option<i64> = tx
        .sql("select profile_at from contact where company = $1 and id = $2")
        .bind(account.company)
        .bind(contact)
        .one::<(Option<i64>,)>()
        .await?
        .0;
    if known.is_none_or(|at| at < now - PROFILE_AGE) {
        job::enqueue_in(tx, account.company, Kind::Profile, &account.id, &contact.to_string(), now).await?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Counts {
    messages: i64,
    customer_messages: i64,
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
            let contact = room::ensure_contact(tx, account.company, &account.id, sender, "", now).await?;
            refresh_profile(tx, account, contact, now).await?;
            contact
        }
        _ => room.contact,
    };
    let id = Uuid::now_v7();
    let mut said = incoming.content.clone();
    if was_unsent(tx, account, incoming.provider_id.as_deref()).await? {
        said = Said::Unsent;
    }
    if let (Said::Content(content), Some(source)) = (&said, &incoming.media) {
        let address = media::expect(tx, app, account, id, source, incoming.provider_id.as_deref()).await?;
        said = Said::Content(content.clone().moved_to(address, None));
    }
    let counts = move_room(tx, account.company, &room, id, &said, incoming, now).await?;
    // The room was erased since it was looked up. When the provider repeats the message, who wrote it is a new person.
    let counts = counts.ok_or(Error::Busy("The room was erased a moment ago"))?;
    let body = match &said {
        Said::Content(Content::Text { .. }) | Said::Postback(_) | Said::Unsent => None,
        Said::Content(content) => serde_json::to_value(content).ok(),
    };
    tx.sql(
        "insert into message (company, id, room, number, contact, kind, content, body, sent_at, stored_at, delivery,
                              first_of_customer, trace, provider_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
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
    let message = message::find(tx, account.company, id).await?.ok_or(db::Error::NoRow)?;
    if matches!(said, Said::Unsent) {
        return Ok(message);
    }
    let subject = message.room_id.clone();
    let body = webhook_body(account, &message)?;
    let place = counts.messages;
    let event =
        Event { company: account.company, topic: "Chat", name: "Message", subject: &subject, place, body, at: now };
    event::emit(tx, &event).await?;
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
         set messages = messages + 1, customer_messages = customer_messages + 1, unread = unread + 1, unanswered = true,
             last_customer_at = case when last_customer_at > $1 then last_customer_at else $1 end,
             last_message = case when messages = 0 or last_at <= $1 then $2 else last_message end,
             last_kind = case when messages = 0 or last_at <= $1 then $3 else last_kind end,
             last_content = case when messages = 0 or last_at <= $1 then $4 else last_content end,
             last_at = case when messages = 0 or last_at <= $1 then $1 else last_at end,
             reply_token = coalesce($5, reply_token),
             reply_token_at = case when $5 is null then reply_token_at else $6 end
         where company = $7 and id = $8 and erased_at is null
         returning messages, customer_messages",
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
    let hidden: Option<Uuid> = tx
        .sql(
            "update message set kind = 'unsent', content = '', body = null
             where company = $1 and room = $2 and provider_id = $3 returning id",
        )
        .bind(account.company)
        .bind(room.id)
        .bind(provider_id)
        .optional()
        .await?;
    if let Some(message) = hidden {
        tx.sql(
            "update room set last_kind = 'unsent', last_content = ''
             where company = $1 and id = $2 and last_message = $3",
        )
        .bind(account.company)
        .bind(room.id)
        .bind(message)
        .exec()
        .await?;
        media::forget(tx, account.company, message).await?;
    }
    Ok(())
}

/// The customer follows the account, or blocked it.
pub async fn follow(
    tx: &mut Conn,
    account: &Account,
    chat: &str,
    follows: bool,
    reply_token: Option<&str>,
    now: i64,
) -> Result<(), db::Error> {
    let room = open_room(tx, account, chat, "", now).await?;
    tx.sql("update contact set follows = $1 where company = $2 and id = $3")
        .bind(follows)
        .bind(account.company)
        .bind(room.contact)
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

/// The event's body: the message as the API answers it, but for `Platform`, which receivers in the field read as a number.
fn webhook_body(account: &Account, message: &ChatMessage) -> Result<String, Error> {
    let mut record = serde_json::to_value(message).map_err(|error| Error::Internal(error.to_string()))?;
    record["platform"] = account.platform.number().into();
    event::body("Chat", "Message", "ChatMessage", &record)
}
