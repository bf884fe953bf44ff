//! The sandbox: an account on any platform that delivers to Sala itself. This is the customer's side of it.

use axum::extract::State;
use channel::Content;
use serde::Deserialize;
use serde_json::Map;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account::{Account, State as AccountState};
use super::inbound::{self, Incoming, Said};
use super::message::{self, ChatMessage};
use super::room;
use crate::app::App;
use crate::http::{Code, Envelope, Error, Fault, Json, Path, Reply};
use crate::job::Kind;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(play_customer))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct SandboxPath {
    /// The sandbox account.
    account_id: String,
    /// The customer: any text.
    external_id: String,
}

/// What the customer writes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerMessage {
    /// As in send-message.
    #[schema(example = "Do you have this in blue?")]
    content: String,
    /// As in send-message; `message` when absent.
    r#type: Option<String>,
    /// The customer's name.
    #[schema(example = "Somchai")]
    name: Option<String>,
    /// An id of yours: the same id is taken once.
    id: Option<String>,
    /// When it was said, in Unix milliseconds; now when absent.
    timestamp: Option<i64>,
}

/// Play the customer of a sandbox account.
///
/// The message is stored as a customer's, in the room of `externalId` (made on first contact), and raises the
/// `Chat`/`Message` webhook. The account's id, which cannot be guessed, is the permission.
#[utoipa::path(
    post,
    path = "/channels/sandbox/{accountId}/{externalId}",
    operation_id = "playSandboxCustomer",
    tag = "Channels",
    params(SandboxPath),
    request_body = CustomerMessage,
    responses(
        (status = 201, description = "The customer's message.", body = Envelope<ChatMessage>),
        (status = 400, response = inline(crate::http::openapi::BadRequest)),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
        (status = 415, response = inline(crate::http::openapi::MediaType)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn play_customer(
    State(app): State<App>,
    Path(path): Path<SandboxPath>,
    Json(input): Json<CustomerMessage>,
) -> Result<Reply<ChatMessage>, Error> {
    let account = app.accounts.get(&app, &path.account_id).await?;
    let account = account.filter(|account| account.is_sandbox() && account.state != AccountState::Removed);
    let account = account.ok_or(Error::NotFound("sandbox account"))?;
    let content = check(&account, &path.external_id, &input)?;
    let incoming = Incoming {
        chat: path.external_id,
        sender: None,
        name: input.name,
        provider_id: input.id.clone(),
        content: Said::Content(content),
        media: None,
        at: input.timestamp.unwrap_or_else(|| app.now()),
        reply_token: None,
        quotes: None,
        details: Map::new(),
    };
    let stored = app
        .db
        .write(async |mut tx| {
            if let Some(id) = &input.id
                && !inbound::take(&mut tx, &account, id, app.now()).await?
            {
                return message::by_provider(&mut tx, account.company, &account.id, &incoming.chat, id)
                    .await?
                    .ok_or(Error::NotFound("message"));
            }
            inbound::store(&mut tx, &app, &account, &incoming).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    app.live.wake(account.company);
    Ok(Reply::created(stored))
}

/// The last moment of the year 9999: later times cannot be written in the API's form.
const LAST_TIME: i64 = 253_402_300_799_999;

/// What the customer says, or everything that is wrong with it.
fn check(account: &Account, external_id: &str, input: &CustomerMessage) -> Result<Content, Error> {
    let mut faults = Vec::new();
    room::check_name("externalId", external_id, &mut faults);
    room::check_name("name", input.name.as_deref().unwrap_or_default(), &mut faults);
    room::check_name("id", input.id.as_deref().unwrap_or_default(), &mut faults);
    if input.timestamp.is_some_and(|at| !(0..=LAST_TIME).contains(&at)) {
        let message = "timestamp must be Unix milliseconds from 1970 to 9999";
        faults.push(Fault::new(Code::OutOfRange, "timestamp", message));
    }
    let kind = input.r#type.as_deref().unwrap_or("message");
    match Content::read(account.platform, kind, &input.content) {
        Ok(content) if faults.is_empty() => Ok(content),
        Ok(_) => Err(Error::Invalid(faults)),
        Err(found) => {
            faults.extend(found.into_iter().map(message::fault));
            Err(Error::Invalid(faults))
        }
    }
}
