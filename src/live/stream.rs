//! The log of changes as a stream of server-sent events, and as JSON.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Interval;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::hub::{self, Frame, Seat, Told};
use super::{Rights, first_id};
use crate::app::App;
use crate::http::{Caller, Envelope, Error, Query, Reply};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(stream_changes)).routes(routes!(list_changes))
}

/// A comment that keeps proxies from taking the stream for dead.
const HEARTBEAT: Duration = Duration::from_secs(20);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StreamQuery {
    /// Id of a change: what came after it is given first. The header `Last-Event-ID` wins.
    after: Option<String>,
    /// Kinds of changes, separated by commas; all when absent.
    topic: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ChangesQuery {
    /// Id of a change: what came after it is given, and some of what came before.
    after: Option<String>,
    /// Changes at most: 1 to 5000, default 500.
    #[param(example = 500)]
    take: Option<i64>,
    /// Kinds of changes, separated by commas; all when absent.
    topic: Option<String>,
}

/// Some of the log.
#[derive(Debug, Serialize, ToSchema)]
struct Changes {
    /// The changes in the order of their ids. Those of the seconds before `after` come again, as transactions commit in another
    /// order than they began: take them by their version.
    #[schema(value_type = Vec<Object>)]
    value: Vec<Box<RawValue>>,
    /// Where to go on.
    #[schema(example = "019ab0a2-5f6b-7d31-a1d5-1f2c8f0a9b6e")]
    cursor: String,
    /// True when `after` is too old: read anew what you look at, and go on from the cursor.
    reset: bool,
}

/// Which kinds of changes a reader wants.
struct Topics(Option<Vec<String>>);

impl Topics {
    fn read(text: Option<&str>) -> Topics {
        let words = text
            .map(|text| text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect());
        Topics(words.filter(|words: &Vec<String>| !words.is_empty()))
    }

    fn wants(&self, kind: &str) -> bool {
        self.0.as_ref().is_none_or(|wanted| wanted.iter().any(|word| word == kind))
    }
}

/// What happened since a change, as JSON: the same as the stream gives, for tests and programs.
#[utoipa::path(
    get,
    path = "/v1/console/changes",
    operation_id = "listChanges",
    tag = "Live",
    params(ChangesQuery),
    responses((status = 200, description = "The changes.", body = Envelope<Changes>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_changes(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ChangesQuery>,
) -> Result<Reply<Changes>, Error> {
    let now = first_id(app.now());
    let Some(after) = query.after.as_deref() else {
        return Ok(Reply::ok(Changes { value: Vec::new(), cursor: now.to_string(), reset: false }));
    };
    let most = query.take.unwrap_or(500).clamp(1, hub::MOST_BEHIND);
    let found = match Uuid::parse_str(after.trim()) {
        Ok(after) => hub::since(&app, caller.company, after, most).await?,
        Err(_) => None,
    };
    let Some(told) = found else {
        return Ok(Reply::ok(Changes { value: Vec::new(), cursor: now.to_string(), reset: true }));
    };
    let (rights, topics) = (Rights::of(&caller), Topics::read(query.topic.as_deref()));
    let cursor = told.iter().map(|told| told.id).max().map_or(now, |last| last.max(now));
    let mut value = Vec::new();
    for change in told.iter().filter(|change| topics.wants(&change.kind)) {
        for (_, data, _) in change.items.iter().filter(|(to, _, _)| rights.hears(to)) {
            let data = RawValue::from_string(data.clone()).map_err(|error| Error::Internal(error.to_string()))?;
            value.push(data);
        }
    }
    Ok(Reply::ok(Changes { value, cursor: cursor.to_string(), reset: false }))
}

/// Follow what happens, as server-sent events.
///
/// The first event is `hello` with a cursor. Each `change` has the id of its change: a browser that comes back names the last
/// one by itself, and gets what came after it, and some of what came before (take it by its version). `reset` says that the log
/// does not reach so far back, or that the reader was too slow: read anew what you look at, and go on from its cursor.
/// `presence` has no id and is never repeated. When records such as tasks or orders are changed, by whomever, a `change` without an
/// id says of which `kind` they are, as in the `ref` of the audit trail. `bye` comes before the server ends the stream.
#[utoipa::path(
    get,
    path = "/v1/console/stream",
    operation_id = "streamChanges",
    tag = "Live",
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "Id of the last change that was seen")),
    responses((status = 200, description = "The stream.", body = String, content_type = "text/event-stream")),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn stream_changes(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Result<Response, Error> {
    let seat = app.live.join(&app, &caller)?;
    let cursor = first_id(app.now());
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned).or(query.after);
    let mut reader = Reader {
        rights: Rights::of(&caller),
        topics: Topics::read(query.topic.as_deref()),
        waiting: VecDeque::new(),
        given: HashSet::new(),
        heartbeat: tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT),
        over: false,
        caller,
        seat,
        app: app.clone(),
    };
    let mut random = [0; 2];
    let _ = getrandom::fill(&mut random);
    let retry = 1000 + u32::from(u16::from_le_bytes(random)) * 2000 / 65_535;
    reader.waiting.push_back(Bytes::from(format!("retry: {retry}\n\n")));
    let hello = serde_json::json!({"cursor": cursor, "version": env!("CARGO_PKG_VERSION")});
    match last.filter(|last| !last.trim().is_empty()) {
        None => reader.waiting.push_back(event("hello", Some(cursor), &hello)),
        Some(last) => {
            reader.waiting.push_back(event("hello", None, &hello));
            let found = match Uuid::parse_str(last.trim()) {
                Ok(after) => hub::since(&app, reader.caller.company, after, hub::MOST_BEHIND).await?,
                Err(_) => None,
            };
            match found {
                Some(told) => {
                    for told in told {
                        reader.take(&told);
                        reader.given.insert(told.id);
                    }
                }
                None => reader.waiting.push_back(event("reset", Some(cursor), &serde_json::json!({"cursor": cursor}))),
            }
        }
    }
    let body = stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// An event that is no change of the log.
pub(super) fn event(name: &str, id: Option<Uuid>, data: &Value) -> Bytes {
    match id {
        Some(id) => Bytes::from(format!("id: {id}\nevent: {name}\ndata: {data}\n\n")),
        None => Bytes::from(format!("event: {name}\ndata: {data}\n\n")),
    }
}

/// One open stream.
struct Reader {
    app: App,
    caller: Caller,
    rights: Rights,
    topics: Topics,
    seat: Seat,
    waiting: VecDeque<Bytes>,
    /// Changes that the stream began with: they may be handed on once more.
    given: HashSet<Uuid>,
    heartbeat: Interval,
    over: bool,
}

impl Reader {
    fn take(&mut self, told: &Told) {
        if !self.topics.wants(&told.kind) {
            return;
        }
        let heard = told.items.iter().filter(|(to, _, _)| self.rights.hears(to));
        self.waiting.extend(heard.map(|(_, _, event)| event.clone()));
    }

    fn say_bye(&mut self, reason: &str) {
        self.over = true;
        self.waiting.push_back(event("bye", None, &serde_json::json!({ "reason": reason })));
    }

    /// The next bytes of the stream; none when it is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.waiting.pop_front() {
                return Some(bytes);
            }
            if self.over {
                return None;
            }
            let Seat { frames, stopping, .. } = &mut self.seat;
            tokio::select! {
                frame = frames.recv() => self.hear(frame),
                () = hub::stopped(stopping) => self.say_bye("stopping"),
                _ = self.heartbeat.tick() => {
                    if !self.is_good().await {
                        self.say_bye("signed_out");
                    }
                    self.waiting.push_back(Bytes::from_static(b": still here\n\n"));
                }
            }
        }
    }

    fn hear(&mut self, frame: Result<Frame, RecvError>) {
        match frame {
            Ok(Frame::Change(told)) => {
                // Only what the stream began with could come twice; the hub hands each change on once.
                if !self.given.remove(&told.id) {
                    self.take(&told);
                }
            }
            Ok(Frame::Presence(told)) if self.rights.hears(&told.0) => self.waiting.push_back(told.1.clone()),
            Ok(Frame::Presence(_)) => {}
            Ok(Frame::Ended(session)) => {
                if self.caller.person.as_ref().is_some_and(|person| person.session == session) {
                    self.say_bye("signed_out");
                }
            }
            Err(RecvError::Lagged(_)) => {
                let cursor = first_id(self.app.now());
                self.waiting.push_back(event("reset", Some(cursor), &serde_json::json!({"cursor": cursor})));
            }
            Err(RecvError::Closed) => self.say_bye("stopping"),
        }
    }

    /// Whether a client's token is still good; of people the hub knows sooner.
    async fn is_good(&self) -> bool {
        if self.caller.person.is_some() {
            return true;
        }
        let revoked = async {
            let found: Option<i64> = self
                .app
                .db
                .read()
                .await?
                .sql("select 1 from client where company = $1 and id = $2 and revoked_at is null")
                .bind(self.caller.company)
                .bind(&self.caller.id)
                .optional()
                .await?;
            Ok::<_, db::Error>(found.is_none())
        };
        // A database that is away for a moment signs nobody out.
        self.caller.expires_at > self.app.now() && !revoked.await.unwrap_or(false)
    }
}
