//! Who looks at what, and who is writing: told to others at once, and never stored.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Audience;
use super::stream::event;
use crate::app::App;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Reply};
use crate::inbox::rights;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(tell_presence, list_presence))
}

/// How long somebody is taken to be there after saying so, in milliseconds.
const THERE: i64 = 45 * 1000;

/// How long somebody is taken to be writing.
const WRITING: i64 = 6 * 1000;

/// Of a company, this many are remembered.
const MOST: usize = 5000;

/// What a person's screen shows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PresenceInput {
    /// The room on the screen.
    #[schema(example = "26259b2c-509c-4ff5-a82a-d1b5505b014d")]
    room_id: Option<Uuid>,
    /// Whether something is being written there.
    typing: Option<bool>,
    /// `online`, `away` or `offline`; `online` when absent.
    #[schema(example = "online")]
    state: Option<String>,
}

/// Where somebody is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Presence {
    /// A user id, or the id of an API client.
    user_id: String,
    /// The name.
    name: String,
    /// The room on the screen.
    room_id: Option<Uuid>,
    /// Whether something is being written there.
    typing: bool,
    /// `online`, `away` or `offline`.
    #[schema(example = "online")]
    state: String,
    /// Until when this is to be believed: Unix time in milliseconds.
    until: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct PresenceList {
    /// Who is there.
    value: Vec<Presence>,
}

/// Who is there, by company and id.
#[derive(Debug, Default)]
pub(super) struct Presences(Mutex<HashMap<i64, HashMap<String, Presence>>>);

impl Presences {
    fn put(&self, company: i64, presence: &Presence, now: i64) {
        let mut companies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = companies.entry(company).or_default();
        if known.len() >= MOST {
            known.retain(|_, presence| presence.until > now);
        }
        match presence.state.as_str() {
            "offline" => drop(known.remove(&presence.user_id)),
            _ => drop(known.insert(presence.user_id.clone(), presence.clone())),
        }
    }

    fn list(&self, company: i64, now: i64) -> Vec<Presence> {
        let companies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = companies.get(&company).into_iter().flat_map(HashMap::values);
        known.filter(|presence| presence.until > now).cloned().collect()
    }
}

/// Whether a person is there and not away, as far as this node knows.
pub(crate) fn is_present(app: &App, company: i64, person: Uuid) -> bool {
    let id = person.to_string();
    app.live.presences.list(company, app.now()).iter().any(|one| one.user_id == id && one.state == "online")
}

/// Say where one is: which room is on the screen, and whether something is being written there.
#[utoipa::path(
    post,
    path = "/v1/console/presence",
    operation_id = "tellPresence",
    tag = "Live",
    request_body = PresenceInput,
    responses((status = 200, description = "Told to whoever may see the room.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn tell_presence(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<PresenceInput>,
) -> Result<Reply<()>, Error> {
    let mut faults = Faults::new(faults);
    let state = input.state.as_deref().unwrap_or("online").trim().to_lowercase();
    if !matches!(state.as_str(), "online" | "away" | "offline") {
        faults.add(Code::InvalidValue, "state", "state must be online, away or offline");
    }
    faults.end()?;
    let audience = match input.room_id {
        Some(room) => rights::audience(&mut app.db.read().await?, &caller, room).await?,
        None => Audience::Scope("chat:read".to_owned()),
    };
    let (now, typing) = (app.now(), input.typing == Some(true) && input.room_id.is_some());
    let presence = Presence {
        user_id: caller.id.clone(),
        name: caller.name.clone(),
        room_id: input.room_id,
        typing,
        state,
        until: now + if typing { WRITING } else { THERE },
    };
    let told = event("presence", None, &json!(presence));
    app.live.presences.put(caller.company, &Presence { until: now + THERE, ..presence }, now);
    app.live.tell(caller.company, audience, told);
    Ok(Reply::ok(()))
}

/// List who is there.
#[utoipa::path(
    get,
    path = "/v1/console/presence",
    operation_id = "listPresence",
    tag = "Live",
    responses((status = 200, description = "Who is there.", body = Envelope<PresenceList>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_presence(State(app): State<App>, caller: Caller) -> Result<Reply<PresenceList>, Error> {
    let mut value = app.live.presences.list(caller.company, app.now());
    let mut conn = app.db.read().await?;
    // A room out of the reader's range is nobody's business.
    let seen = rights::seen(&mut conn, &caller, value.iter().filter_map(|presence| presence.room_id)).await?;
    for presence in &mut value {
        if presence.room_id.is_some_and(|room| !seen.contains(&room)) {
            (presence.room_id, presence.typing) = (None, false);
        }
    }
    value.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Reply::ok(PresenceList { value }))
}
