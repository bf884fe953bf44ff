//! The fake LINE's memory and the one place where a message is accepted.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::answer::Answer;
use super::callback::{self, HttpClient};
use super::clock::Clock;
use super::config::Config;
use super::fault::Faults;
use super::record::{Delivered, Requests, Route, StoredMessage};

/// Everything the fake LINE knows. Each lock is held for a few lines and never across a wait.
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) client: HttpClient,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) requests: Mutex<Requests>,
    pub(crate) account: Mutex<Account>,
    /// How many requests have arrived and how many messages were delivered, for tests that wait for one.
    pub(crate) arrivals: watch::Sender<u64>,
    pub(crate) deliveries: watch::Sender<u64>,
}

/// What belongs to the official account: tokens, keys, quota, people, media and what was sent.
pub(crate) struct Account {
    sent: Vec<StoredMessage>,
    /// How many messages were cleared from `sent`.
    forgotten: u64,
    pub(crate) quota: Option<u64>,
    pub(crate) usage: u64,
    pub(crate) profiles: HashMap<String, Value>,
    /// What groups show of themselves.
    pub(crate) groups: HashMap<String, Value>,
    /// Profiles of those who are in a group or room, by both.
    pub(crate) members: HashMap<(String, String), Value>,
    /// Those who unfollowed: LINE answers 200 to a push to them and shows them nothing.
    pub(crate) blocked: HashSet<String>,
    pub(crate) contents: HashMap<String, Content>,
    pub(crate) webhook: Option<String>,
    /// The message that each `markAsReadToken` stands for, and the messages marked as read.
    pub(crate) read_tokens: HashMap<String, String>,
    pub(crate) read: Vec<String>,
    /// Rich menus by their id, and which customer is shown which.
    pub(crate) menus: HashMap<String, Value>,
    pub(crate) linked: HashMap<String, String>,
    reply_tokens: HashMap<String, ReplyToken>,
    retry_keys: HashMap<Uuid, AcceptedKey>,
    rates: HashMap<&'static str, (u64, u32)>,
    next_message_id: u64,
}

/// A customer's medium.
pub(crate) struct Content {
    pub(crate) kind: ContentKind,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
    pub(crate) status: ContentStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentKind {
    Image,
    Video,
    Audio,
    File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentStatus {
    Processing,
    Succeeded,
    Failed,
    /// The customer took the message back.
    Unsent,
}

struct ReplyToken {
    to: String,
    issued: Duration,
    used: bool,
}

struct AcceptedKey {
    request_id: Uuid,
    sent: Option<Value>,
    accepted: Duration,
}

/// A request to send, after its body was found right.
pub(crate) struct Send {
    pub(crate) route: Route,
    pub(crate) to: To,
    pub(crate) messages: Vec<Outgoing>,
    pub(crate) retry_key: Option<Uuid>,
    pub(crate) request_id: Uuid,
}

pub(crate) enum To {
    ReplyToken(String),
    Recipients(Vec<String>),
}

/// A message object as text, made outside the lock.
pub(crate) struct Outgoing {
    pub(crate) json: Box<str>,
    /// Whether the answer carries a `quoteToken` for it.
    pub(crate) quotable: bool,
}

impl State {
    pub(crate) fn new(config: Config) -> State {
        let clock = Clock::new();
        // LINE's message ids are decimal numbers of 18 digits. They begin with the time, so that a simulator that was
        // restarted does not give out an id that its user has already stored.
        let next_message_id = clock.millis().unsigned_abs() * 100_000;
        State {
            faults: Mutex::new(Faults::new(config.seed)),
            requests: Mutex::new(Requests::new(config.requests_kept)),
            account: Mutex::new(Account {
                sent: Vec::new(),
                forgotten: 0,
                quota: config.monthly_quota,
                usage: 0,
                profiles: HashMap::new(),
                groups: HashMap::new(),
                members: HashMap::new(),
                blocked: HashSet::new(),
                contents: HashMap::new(),
                webhook: None,
                read_tokens: HashMap::new(),
                read: Vec::new(),
                menus: HashMap::new(),
                linked: HashMap::new(),
                reply_tokens: HashMap::new(),
                retry_keys: HashMap::new(),
                rates: HashMap::new(),
                next_message_id,
            }),
            arrivals: watch::Sender::new(0),
            deliveries: watch::Sender::new(0),
            client: callback::client(config.webhook_timeout),
            config,
            clock,
        }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.account)
    }

    /// Accepts a send or refuses it, in one step: key, token and quota are judged together with the recording, so that
    /// two equal requests at the same moment cannot both be accepted.
    pub(crate) fn accept(&self, send: Send) -> Answer {
        let now = self.clock.elapsed();
        let mut account = self.account();
        if let Some(key) = send.retry_key
            && let Some(accepted) = account.retry_keys.get(&key)
            && now.saturating_sub(accepted.accepted) < self.config.retry_key_life
        {
            return Answer::already_accepted(accepted.request_id.to_string(), accepted.sent.as_ref());
        }
        let mut recipients = match send.to {
            To::Recipients(recipients) => recipients,
            To::ReplyToken(token) => match account.use_reply_token(&token, now, self.config.reply_token_life) {
                Some(to) => vec![to],
                None => return Answer::invalid_reply_token(),
            },
        };
        recipients.retain(|to| !account.blocked.contains(to));
        // Reference, "Get number of messages sent this month": a push counts once for each person who gets it, however
        // many message objects it has; a reply does not count.
        if send.route != Route::Reply {
            let usage = account.usage + recipients.len() as u64;
            if account.quota.is_some_and(|quota| usage > quota) {
                return Answer::over_quota();
            }
            account.usage = usage;
        }
        let at = self.clock.millis();
        let mut answered = Vec::with_capacity(send.messages.len());
        for message in send.messages {
            let id = account.message_id();
            for to in &recipients {
                account.sent.push(StoredMessage {
                    to: to.as_str().into(),
                    message: message.json.clone(),
                    message_id: id,
                    route: send.route,
                    retry_key: send.retry_key,
                    request_id: send.request_id,
                    at,
                });
            }
            answered.push(sent_message(id, message.quotable));
        }
        // What goes to several answers an empty object, and its 409 has no `sentMessages` either.
        let sent = matches!(send.route, Route::Push | Route::Reply).then_some(Value::Array(answered));
        if let Some(key) = send.retry_key {
            let accepted = AcceptedKey { request_id: send.request_id, sent: sent.clone(), accepted: now };
            account.retry_keys.insert(key, accepted);
        }
        let delivered = account.forgotten + account.sent.len() as u64;
        drop(account);
        self.deliveries.send_if_modified(|count| {
            let more = delivered > *count;
            *count = (*count).max(delivered);
            more
        });
        match sent {
            Some(sent) => Answer::json(200, &json!({ "sentMessages": sent })),
            None => Answer::empty(200),
        }
    }

    /// The messages after `after` in the order of acceptance, at most `limit` of them.
    pub(crate) fn sent_after(&self, after: u64, limit: usize) -> Vec<Delivered> {
        let account = self.account();
        let first = account.forgotten;
        let skip = usize::try_from(after.saturating_sub(first)).unwrap_or(usize::MAX);
        let numbered = account.sent.iter().zip(first + 1..).skip(skip).take(limit);
        numbered.map(|(message, order)| message.delivered(order)).collect()
    }

    /// Forgets what was sent; the order goes on counting, so that a reader who follows it misses nothing.
    pub(crate) fn clear_sent(&self) {
        let mut account = self.account();
        account.forgotten += account.sent.len() as u64;
        account.sent = Vec::new();
    }

    /// Counts a request against its endpoint's limit in the present second; true when it is one too many.
    pub(crate) fn over_rate(&self, endpoint: &'static str) -> bool {
        let Some(limit) = self.config.rate_per_second else { return false };
        let second = self.clock.elapsed().as_secs();
        let mut account = self.account();
        let window = account.rates.entry(endpoint).or_insert((second, 0));
        if window.0 != second {
            *window = (second, 0);
        }
        window.1 += 1;
        window.1 > limit
    }
}

impl Account {
    pub(crate) fn message_id(&mut self) -> u64 {
        self.next_message_id += 1;
        self.next_message_id
    }

    /// Someone who wrote to the account has a profile.
    pub(crate) fn meet(&mut self, user: &str) {
        if !self.profiles.contains_key(user) {
            let name = format!("Customer {}", user.chars().skip(1).take(6).collect::<String>());
            let profile = json!({ "displayName": name, "userId": user, "language": "en" });
            self.profiles.insert(user.to_owned(), profile);
        }
    }

    /// Someone who wrote in a group or room is one of its members.
    pub(crate) fn join(&mut self, chat: &str, user: &str) {
        let place = (chat.to_owned(), user.to_owned());
        if !self.members.contains_key(&place) && !self.profiles.contains_key(user) {
            let name = format!("Member {}", user.chars().skip(1).take(6).collect::<String>());
            self.members.insert(place, json!({ "displayName": name, "userId": user }));
        }
    }

    /// Remembers a reply token given out with an event. A token known already keeps its life unless `renew` is set.
    pub(crate) fn issue_reply_token(&mut self, token: &str, to: &str, now: Duration, renew: bool) {
        let known = self.reply_tokens.entry(token.to_owned()).or_insert_with(|| ReplyToken {
            to: to.to_owned(),
            issued: now,
            used: false,
        });
        if renew {
            known.issued = now;
        }
    }

    /// Reference, "Send reply message": a token serves once and only for a while.
    fn use_reply_token(&mut self, token: &str, now: Duration, life: Duration) -> Option<String> {
        let token = self.reply_tokens.get_mut(token)?;
        if token.used || now.saturating_sub(token.issued) >= life {
            return None;
        }
        token.used = true;
        Some(token.to.clone())
    }
}

fn sent_message(id: u64, quotable: bool) -> Value {
    match quotable {
        true => json!({ "id": id.to_string(), "quoteToken": format!("quote-{id}") }),
        false => json!({ "id": id.to_string() }),
    }
}

/// A poisoned lock only means that a test's thread failed while it held it; what it guards is still whole enough to read.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
