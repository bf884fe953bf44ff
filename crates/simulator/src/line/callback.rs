//! Posts events to a webhook, signed as LINE signs them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::event;
use super::state::State;

/// What to post, where and how.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Callback {
    /// The webhook; the one set by `PUT /v2/bot/channel/webhook/endpoint` when absent.
    #[serde(default)]
    pub url: Option<String>,
    /// The events in their full or short form, see the crate's page.
    #[serde(default)]
    pub events: Vec<Value>,
    /// Makes every event so many times, each with ids of its own; 0 means once.
    #[serde(default)]
    pub count: usize,
    /// Posts every event in a request of its own.
    #[serde(default)]
    pub split: bool,
    /// Posts the events in the opposite order; their times stay as they are.
    #[serde(default)]
    pub reorder: bool,
    /// Posts everything so many times more, with the same ids and `isRedelivery` true.
    #[serde(default)]
    pub redeliver: usize,
    /// Signs with another secret.
    #[serde(default)]
    pub bad_signature: bool,
    /// How many requests may be under way at once; 0 and 1 mean one after the other.
    #[serde(default)]
    pub concurrency: usize,
}

/// What became of a callback.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The requests in the order in which they were begun.
    pub posts: Vec<Post>,
    /// The events as they were first delivered.
    pub events: Vec<Value>,
}

/// What the receiver answered to one request.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// The answer's status, when there was an answer.
    pub status: Option<u16>,
    /// How long the answer took.
    pub ms: u64,
    /// The answer's body as text.
    pub body: String,
    /// Why LINE would count this as a failure, in the words of its error statistics.
    pub error: Option<String>,
    /// Whether the events came again.
    pub is_redelivery: bool,
    /// The events in it, by `webhookEventId`.
    pub events: Vec<String>,
}

impl Callback {
    /// A callback to this webhook without any events yet.
    pub fn to(url: impl Into<String>) -> Callback {
        Callback { url: Some(url.into()), ..Callback::default() }
    }

    /// Adds an event in its full or short form.
    pub fn event(mut self, event: Value) -> Callback {
        self.events.push(event);
        self
    }

    /// Adds a text that a customer wrote.
    pub fn text(self, user_id: &str, text: &str) -> Callback {
        self.event(json!({ "type": "message", "userId": user_id, "text": text }))
    }

    /// Delivers everything so many times more.
    pub fn redeliver(mut self, times: usize) -> Callback {
        self.redeliver = times;
        self
    }
}

impl Report {
    /// The status of the first request's answer.
    pub fn status(&self) -> Option<u16> {
        self.posts.first().and_then(|post| post.status)
    }

    /// The reply token of an event, by its place.
    pub fn reply_token(&self, event: usize) -> Option<&str> {
        self.events.get(event).and_then(|event| event["replyToken"].as_str())
    }

    /// The id of the message in an event, by its place.
    pub fn message_id(&self, event: usize) -> Option<&str> {
        self.events.get(event).and_then(|event| event["message"]["id"].as_str())
    }
}

/// Which secret signs a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    Right,
    Wrong,
}

pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Makes the events, posts them and tells what happened. `Err` says what is wrong with the order itself.
pub(crate) async fn run(state: &Arc<State>, order: Callback) -> Result<Report, String> {
    let set = state.account().webhook.clone();
    let url = order.url.or(set).ok_or("no url is given and no webhook endpoint is set")?;
    let mut events = Vec::new();
    for form in &order.events {
        for _ in 0..order.count.max(1) {
            events.push(event::make(state, form)?);
        }
    }
    let mut ordered = events.clone();
    if order.reorder {
        ordered.reverse();
    }
    let mut batches: Vec<Vec<Value>> = match order.split {
        true => ordered.into_iter().map(|event| vec![event]).collect(),
        false => vec![ordered],
    };
    let signature = if order.bad_signature { Signature::Wrong } else { Signature::Right };
    let mut posts = Vec::new();
    for round in 0..=order.redeliver {
        if round == 1 {
            for event in batches.iter_mut().flatten() {
                event["deliveryContext"] = json!({ "isRedelivery": true });
            }
        }
        if round > 0 && state.config.redelivery_renews_reply_token {
            renew(state, &batches);
        }
        posts.extend(deliver(state, &url, &batches, signature, order.concurrency.max(1)).await);
    }
    Ok(Report { posts, events })
}

fn renew(state: &State, batches: &[Vec<Value>]) {
    let now = state.clock.elapsed();
    let mut account = state.account();
    for event in batches.iter().flatten() {
        if let Some(token) = event["replyToken"].as_str() {
            account.issue_reply_token(token, "", now, true);
        }
    }
}

async fn deliver(
    state: &Arc<State>,
    url: &str,
    batches: &[Vec<Value>],
    signature: Signature,
    concurrency: usize,
) -> Vec<Post> {
    if concurrency == 1 {
        let mut posts = Vec::with_capacity(batches.len());
        for batch in batches {
            posts.push(post(state, url, batch, signature).await);
        }
        return posts;
    }
    let mut posts = vec![Post::default(); batches.len()];
    let mut under_way = JoinSet::new();
    let mut waiting = batches.iter().cloned().enumerate();
    loop {
        while under_way.len() < concurrency
            && let Some((place, batch)) = waiting.next()
        {
            let (state, url) = (Arc::clone(state), url.to_owned());
            under_way.spawn(async move { (place, post(&state, &url, &batch, signature).await) });
        }
        match under_way.join_next().await {
            Some(Ok((place, post))) => posts[place] = post,
            // A task that panicked leaves its post without a status, which is what the report should show.
            Some(Err(_)) => {}
            None => return posts,
        }
    }
}

/// Posts one request and waits for its answer no longer than LINE would.
pub(crate) async fn post(state: &State, url: &str, events: &[Value], signature: Signature) -> Post {
    let body = json!({ "destination": state.config.bot_user_id, "events": events });
    let body = Bytes::from(body.to_string());
    let secret = match signature {
        Signature::Right => state.config.channel_secret.clone(),
        Signature::Wrong => format!("not {}", state.config.channel_secret),
    };
    let ids = events.iter().filter_map(|event| event["webhookEventId"].as_str());
    let mut post = Post {
        is_redelivery: events.first().is_some_and(|event| event["deliveryContext"]["isRedelivery"] == true),
        events: ids.map(str::to_owned).collect(),
        ..Post::default()
    };
    let request = http::Request::post(url)
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "LineBotWebhook/2.0")
        .header("x-line-signature", sign(&secret, &body))
        .body(Full::new(body));
    let started = Instant::now();
    let outcome = match request {
        Ok(request) if request.uri().scheme_str() == Some("http") => {
            timeout(state.config.webhook_timeout, exchange(&state.client, request)).await
        }
        // Tests and trials are at home on plain http; TLS would only be weight here.
        _ => Ok(Err("unclassified: the simulator posts to http addresses only".to_owned())),
    };
    post.ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Err(_) => post.error = Some("request_timeout".to_owned()),
        Ok(Err(error)) => post.error = Some(error),
        Ok(Ok((status, body))) => {
            post.status = Some(status);
            post.body = body;
            if !(200..300).contains(&status) {
                post.error = Some("error_status_code".to_owned());
            }
        }
    }
    post
}

async fn exchange(client: &HttpClient, request: http::Request<Full<Bytes>>) -> Result<(u16, String), String> {
    let response = client.request(request).await.map_err(|error| match error.is_connect() {
        true => "could_not_connect".to_owned(),
        false => format!("unclassified: {error}"),
    })?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), 1 << 20).collect().await;
    let body = body.map_err(|error| format!("unclassified: {error}"))?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Reference, "Signature validation": Base64 of HMAC-SHA256 of the raw body with the channel secret.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length, so the error does not occur.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A client that waits for a connection no longer than the whole request may take.
pub(crate) fn client(connect_timeout: Duration) -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(connect_timeout));
    Client::builder(hyper_util::rt::TokioExecutor::new()).build(connector)
}
