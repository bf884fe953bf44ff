//! LINE: its callbacks in, and what is fetched from it in the background.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use bytes::BytesMut;
use channel::Platform;
use channel::line::{self, EventKind, Fetched};
use channel::plan::REPLY_TOKEN_LIFETIME_MS;
use db::Conn;
use metrics::{counter, gauge};
use serde::Deserialize;
use serde_json::{Map, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::account::{self, Account, State as AccountState};
use super::inbound::{self, Incoming, Said};
use super::{refused, room};
use crate::app::App;
use crate::http::{Envelope, Error, Path, Reply, input};
use crate::job::{Job, Kind, Next, backoff};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(receive_line_callback))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct CallbackPath {
    /// The channel account.
    account_id: String,
}

/// Receive a callback of LINE.
///
/// This address is the webhook URL in LINE's developer console. The signature is checked over the raw body; events are
/// stored, once each, before the answer leaves; profiles and media are fetched in the background.
#[utoipa::path(
    post,
    path = "/channels/line/{accountId}",
    operation_id = "receiveLineCallback",
    tag = "Channels",
    params(CallbackPath, ("x-line-signature" = String, Header, description = "Base64 of HMAC-SHA256 of the body")),
    request_body(content = Object, description = "LINE's webhook request body", content_type = "application/json"),
    responses(
        (status = 200, description = "Every event is stored.", body = Envelope<Option<String>>),
        (status = 400, response = inline(crate::http::openapi::BadRequest)),
        (status = 401, description = "The signature does not match the body; check the channel secret.", body = crate::http::error::ErrorEnvelope),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
    ),
    security(())
)]
async fn receive_line_callback(
    State(app): State<App>,
    Path(path): Path<CallbackPath>,
    headers: HeaderMap,
    request: Request,
) -> Result<Reply<Option<String>>, Error> {
    let account = app.accounts.get(&app, &path.account_id).await?;
    let usable = |account: &Account| account.platform == Platform::Line && account.state != AccountState::Removed;
    let Some(account) = account.filter(|account| usable(account)) else {
        refused::unknown(&path.account_id);
        return Err(Error::NotFound("account"));
    };
    let body = input::body(request, app.config.body_limit).await?;
    let signature = headers.get(line::SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    let secret = account.credentials.as_ref().map(|credentials| credentials.channel_secret.as_str());
    if !secret.is_some_and(|secret| line::verify(secret, &body, signature)) {
        refused::unsigned(&app, &account).await;
        return Err(Error::SignatureRefused);
    }
    let callback =
        line::receive(&body).map_err(|error| Error::invalid(crate::http::Code::InvalidBody, "", error.to_string()))?;
    let stored = app.db.write(async |mut tx| store(&mut tx, &app, &account, &callback.events).await).await?;
    counter!("sala_inbound_events_total", "platform" => "line").increment(stored);
    for kind in [Kind::Webhook, Kind::Profile, Kind::Media] {
        app.wakes.wake(kind);
    }
    app.live.wake(account.company);
    Ok(Reply::ok(None))
}

/// Stores what is new of a callback; answers how many events that was.
async fn store(tx: &mut Conn, app: &App, account: &Account, events: &[line::Event]) -> Result<u64, Error> {
    let now = app.now();
    if events.is_empty() {
        // LINE's "Verify": nobody has written, but the secret fits.
        tx.sql("update account set refused_at = null where company = $1 and id = $2 and refused_at is not null")
            .bind(account.company)
            .bind(&account.id)
            .exec()
            .await?;
        return Ok(0);
    }
    tx.sql(
        "update account set last_callback_at = $1
         where company = $2 and id = $3 and (last_callback_at is null or last_callback_at < $4)",
    )
    .bind(now)
    .bind(account.company)
    .bind(&account.id)
    .bind(now - 60_000)
    .exec()
    .await?;
    let mut stored = 0;
    for event in events {
        if inbound::take(tx, account, &event.id, now).await? {
            store_event(tx, app, account, event, now).await?;
            stored += 1;
        }
    }
    Ok(stored)
}

async fn store_event(tx: &mut Conn, app: &App, account: &Account, event: &line::Event, now: i64) -> Result<(), Error> {
    let Some(chat) = event.source.chat() else {
        dropped(account, &event.kind);
        return Ok(());
    };
    // A redelivered event's token is from long ago, and an event in standby is not ours to answer.
    let reply_token = event.reply_token.clone().filter(|_| !event.redelivery && event.active);
    let reply_token = reply_token.filter(|_| event.at == 0 || now - event.at < REPLY_TOKEN_LIFETIME_MS);
    let incoming = |content, provider_id, media| Incoming {
        chat: chat.to_owned(),
        sender: event.source.user().map(str::to_owned),
        name: None,
        provider_id,
        content,
        media,
        at: if event.at > 0 { event.at } else { now },
        reply_token: reply_token.clone(),
        quotes: None,
        details: Map::new(),
    };
    match &event.kind {
        EventKind::Message { id, content, media, quoted_message_id, image_set, mentions, .. } => {
            let mut incoming = incoming(Said::Content(content.clone()), Some(id.clone()), media.clone());
            incoming.quotes.clone_from(quoted_message_id);
            if !mentions.is_empty() {
                let mentions = mentions.iter().map(|mention| {
                    json!({"index": mention.index, "length": mention.length, "userId": mention.user, "isAll": mention.all})
                });
                incoming.details.insert("mentions".to_owned(), mentions.collect());
            }
            if let Some(set) = image_set {
                let set = json!({"id": set.id, "index": set.index, "total": set.total});
                incoming.details.insert("imageSet".to_owned(), set);
            }
            inbound::store(tx, app, account, &incoming).await?;
        }
        EventKind::Postback { data, params } => {
            let said = Said::Postback(data.clone(), params.clone());
            inbound::store(tx, app, account, &incoming(said, None, None)).await?;
        }
        // A message that is not understood was written all the same; an event of another kind is nobody's message.
        EventKind::Unknown { kind, .. } if kind == "message" => {
            let content = channel::Content::Unsupported { kind: kind.clone() };
            inbound::store(tx, app, account, &incoming(Said::Content(content), None, None)).await?;
        }
        EventKind::Unsend { message_id } => inbound::unsend(tx, account, chat, message_id, now).await?,
        EventKind::Follow { .. } => {
            inbound::follow(tx, account, chat, (true, event.at), reply_token.as_deref(), now).await?;
        }
        EventKind::Unfollow => inbound::follow(tx, account, chat, (false, event.at), None, now).await?,
        // The account came into a group: the room is there before the first message.
        EventKind::Join => drop(inbound::open_room(tx, account, chat, "", now).await?),
        EventKind::Leave
        | EventKind::MemberJoined { .. }
        | EventKind::MemberLeft { .. }
        | EventKind::VideoPlayComplete { .. }
        | EventKind::Beacon { .. }
        | EventKind::AccountLink { .. }
        | EventKind::Membership { .. }
        | EventKind::Module { .. }
        | EventKind::Activated { .. }
        | EventKind::Deactivated
        | EventKind::BotSuspended
        | EventKind::BotResumed
        | EventKind::Delivery { .. }
        | EventKind::Unknown { .. } => dropped(account, &event.kind),
    }
    Ok(())
}

/// Says that an event goes no further: counted, and logged as far as it may be something that a person wrote.
fn dropped(account: &Account, event: &EventKind) {
    let kind = match event {
        EventKind::Unknown { kind, fault } => {
            let fault = fault.as_deref().unwrap_or("the kind is not known");
            tracing::warn!(account = account.id, kind, fault, "an event of LINE was left out");
            "unknown"
        }
        EventKind::Message { .. } | EventKind::Postback { .. } | EventKind::Unsend { .. } => {
            tracing::warn!(account = account.id, "an event of LINE without a chat was left out");
            "without_chat"
        }
        _ => {
            tracing::debug!(account = account.id, "an event of LINE that says nothing to a room");
            "silent"
        }
    };
    counter!("sala_inbound_dropped_total", "platform" => "line", "kind" => kind).increment(1);
}

/// Why a call brought no answer.
#[derive(Debug)]
pub struct CallFailed {
    /// The request never reached the provider, so it did nothing.
    pub never_sent: bool,
    /// What happened, without address or credentials.
    pub reason: String,
}

/// The largest answer of a provider that is read, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// A provider's answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most a megabyte of it.
    pub body: Bytes,
}

/// Makes a call that the channel crate rendered.
pub async fn call(app: &App, request: http::Request<Vec<u8>>) -> Result<Answer, CallFailed> {
    let failed = |error: reqwest::Error| CallFailed {
        never_sent: error.is_connect() || error.is_builder(),
        reason: describe(&error),
    };
    let request = reqwest::Request::try_from(request).map_err(failed)?;
    let mut response = app.http.execute(request).await.map_err(failed)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = BytesMut::new();
    let broken = |error: reqwest::Error| CallFailed { never_sent: false, reason: describe(&error) };
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        let room = LARGEST_ANSWER - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            break;
        }
    }
    Ok(Answer { status, headers, body: body.freeze() })
}

/// What went wrong with a call, in words that hold no address.
pub fn describe(error: &reqwest::Error) -> String {
    let kind = match error {
        error if error.is_timeout() => "time-out",
        error if error.is_connect() => "could not connect",
        error if error.is_body() || error.is_decode() => "the answer broke off",
        _ => "the connection broke",
    };
    let mut source = std::error::Error::source(error);
    let mut deepest = None;
    while let Some(inner) = source {
        deepest = Some(inner.to_string());
        source = inner.source();
    }
    match deepest {
        Some(deepest) => format!("{kind}: {deepest}"),
        None => kind.to_owned(),
    }
}

/// Job: a customer's name and picture, fetched and kept.
pub async fn fetch_profile(app: &App, job: &Job) -> Result<Next, Error> {
    #[derive(Deserialize)]
    struct Contact {
        account: String,
        external_id: String,
        met_in: Option<String>,
    }
    let Ok(id) = Uuid::parse_str(&job.key) else { return Ok(Next::Done) };
    let contact: Option<Contact> = app
        .db
        .read()
        .await?
        .sql("select account, external_id, met_in from contact where company = $1 and id = $2")
        .bind(job.company)
        .bind(id)
        .optional()
        .await?;
    let Some(contact) = contact else { return Ok(Next::Done) };
    let Some(account) = app.accounts.get(app, &contact.account).await? else { return Ok(Next::Done) };
    let Some(credentials) = account.line() else { return Ok(Next::Done) };
    // A group (C…) has a name, a chat of several persons (R…) has none; who wrote in one may be nobody's friend.
    let user = || Some(contact.external_id.clone());
    let is_group = contact.external_id.starts_with('C');
    let request = match (contact.external_id.chars().next(), contact.met_in.clone()) {
        (Some('C'), _) => line::group(&credentials, &contact.external_id),
        (Some('U'), Some(group)) if group.starts_with('C') => {
            line::member(&credentials, &line::Source::Group { group, user: user() })
        }
        (Some('U'), Some(room)) if room.starts_with('R') => {
            line::member(&credentials, &line::Source::Room { room, user: user() })
        }
        (Some('U'), _) => line::profile(&credentials, &contact.external_id),
        _ => return Ok(Next::Done),
    };
    let Ok(request) = request else { return Ok(Next::Done) };
    let later = Next::At(app.now() + backoff(job.tries, 60 * 60 * 1000));
    let Ok(answer) = call(app, request).await else { return Ok(give_up_after(job, 12, later)) };
    let profile = match line::fetched(answer.status, &answer.body) {
        Fetched::Ready if is_group => line::read_group(&answer.body).ok().map(|group| line::Profile {
            name: group.group_name,
            picture: group.picture_url,
            language: None,
            status: None,
        }),
        Fetched::Ready => line::read_profile(&answer.body).ok(),
        Fetched::NotYet | Fetched::Retry { .. } | Fetched::Unauthorized { .. } => {
            return Ok(give_up_after(job, 12, later));
        }
        Fetched::Gone { .. } | Fetched::Dead { .. } => None,
    };
    let now = app.now();
    app.db
        .write(async |mut tx| {
            match &profile {
                Some(profile) => {
                    save_profile(&mut tx, job.company, id, &contact.account, &contact.external_id, profile, now)
                        .await?;
                }
                None => {
                    tx.sql("update contact set profile_at = $1 where company = $2 and id = $3")
                        .bind(now)
                        .bind(job.company)
                        .bind(id)
                        .exec()
                        .await?;
                }
            }
            let chats = [Some(contact.external_id.as_str()), contact.met_in.as_deref()];
            let chats: Vec<&str> = chats.into_iter().flatten().collect();
            inbound::named(&mut tx, &account, &chats, now).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(Next::Done)
}

fn give_up_after(job: &Job, tries: i64, later: Next) -> Next {
    if job.tries >= tries { Next::Done } else { later }
}

async fn save_profile(
    tx: &mut Conn,
    company: i64,
    contact: Uuid,
    account: &str,
    external_id: &str,
    profile: &line::Profile,
    now: i64,
) -> Result<(), db::Error> {
    let picture = profile.picture.clone().unwrap_or_default();
    // A contact that was erased while LINE answered has another id by now, and stays without a name.
    tx.sql(
        "update contact set name = $1, picture = $2, language = $3, profile_at = $4
         where company = $5 and id = $6 and external_id = $7",
    )
    .bind(&profile.name)
    .bind(&picture)
    .bind(profile.language.clone())
    .bind(now)
    .bind(company)
    .bind(contact)
    .bind(external_id)
    .exec()
    .await?;
    match room::by_external(tx, company, account, external_id).await? {
        Some(room) => room::rename(tx, company, room.id, &profile.name, &picture).await,
        None => Ok(()),
    }
}

/// While an account is stopped at its quota, it is asked again this often.
const QUOTA_LOOK: i64 = 60 * 60 * 1000;

/// Job: how much of the month's quota is used; starts a stopped account again when there is some left.
pub async fn check_quota(app: &App, job: &Job) -> Result<Next, Error> {
    let Some(account) = app.accounts.get(app, &job.key).await? else { return Ok(Next::Done) };
    let Some(quota) = ask_quota(app, &account).await else {
        return Ok(Next::At(app.now() + backoff(job.tries, QUOTA_LOOK)));
    };
    let now = app.now();
    let used_up = quota.limit.is_some_and(|limit| quota.used >= limit);
    let restarted = account.state == AccountState::Stopped && !used_up;
    app.db
        .write(async |mut tx| {
            account::set_quota(&mut tx, &account, quota.limit, quota.used, now).await?;
            if restarted {
                account::set_state(&mut tx, &account, AccountState::Active, None, 0).await?;
                account::hasten(&mut tx, account.company, &account.id, now).await?;
            }
            Ok::<_, db::Error>(())
        })
        .await?;
    app.accounts.forget(&account.id);
    if let Some(limit) = quota.limit {
        #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
        gauge!("sala_quota_left", "account" => account.id.clone()).set((limit - quota.used) as f64);
    }
    if restarted {
        app.wakes.wake(Kind::Deliver);
        tracing::info!(account = account.id, "the account has quota again and sends on");
    }
    Ok(if used_up { Next::At(now + QUOTA_LOOK) } else { Next::Done })
}

/// What LINE says of the month: the limit, if there is one, and what is used.
#[derive(Debug, Clone, Copy)]
pub struct Month {
    /// Paid messages a month; none when there is no limit.
    pub limit: Option<i64>,
    /// How many are used.
    pub used: i64,
}

/// Asks LINE's two quota endpoints; nothing when they do not answer.
pub async fn ask_quota(app: &App, account: &Account) -> Option<Month> {
    let credentials = account.line()?;
    let quota = call(app, line::quota(&credentials).ok()?).await.ok()?;
    let used = call(app, line::consumption(&credentials).ok()?).await.ok()?;
    let limit = match line::read_quota(&quota.body).ok()? {
        line::Quota::None => None,
        line::Quota::Limited(limit) => Some(limit),
    };
    Some(Month { limit, used: line::read_consumption(&used.body).ok()? })
}
