//! The one planner of an outgoing batch: how many of the waiting messages leave now, and by which way.
//!
//! On LINE an answer within a minute is free and a later one is paid, and a month's paid messages can run out. Senders
//! that decided this in several places lost half of an answer in silence, or paid for every reply; here it is decided
//! once, and every decision has a name that can be shown in the room.

use std::fmt;

/// How long a reply token is used: 50 seconds, in milliseconds.
///
/// LINE asks for use within one minute of the webhook and guarantees nothing later
/// (<https://developers.line.biz/en/reference/messaging-api/#send-reply-message>); ten seconds are kept for the way.
pub const REPLY_TOKEN_LIFETIME_MS: i64 = 50_000;

/// A customer's reply token: good once, and for a short time.
#[derive(Clone, Copy)]
pub struct Token<'a> {
    /// The token.
    pub token: &'a str,
    /// When its webhook arrived here, in milliseconds of Unix time.
    pub received_at: i64,
}

impl Token<'_> {
    /// Whether the token may still be used. A token from the future is as good as one of this moment: the clocks of two
    /// nodes differ a little.
    pub fn is_alive(&self, now: i64) -> bool {
        !self.token.is_empty() && now.saturating_sub(self.received_at) < REPLY_TOKEN_LIFETIME_MS
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever has the token can answer the customer, so it stays out of logs.
        f.debug_struct("Token").field("received_at", &self.received_at).finish_non_exhaustive()
    }
}

/// What an account does with an answer that is too late to be free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatePush {
    /// Pay for it.
    Yes,
    /// Ask a person in the room.
    Ask,
    /// Never pay.
    No,
}

/// The way a batch leaves, or why it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// With the customer's reply token; free. The token is spent, whatever becomes of the request.
    Reply,
    /// As a push; counted by the platform for every recipient.
    Push,
    /// Too late to be free, and the account does not pay unasked. With [`LatePush::Ask`] a person decides, and saying
    /// yes means planning again with [`LatePush::Yes`]; with [`LatePush::No`] the message stays unsent until the
    /// customer writes again.
    Ask,
    /// The month's paid messages are used up. The message waits for a reply token or for the next month.
    Stopped,
}

/// What to do with a room's waiting messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The way.
    pub lane: Lane,
    /// How many of the waiting messages this decision is about, oldest first: one request's worth when they leave, all
    /// of them when they do not.
    pub count: usize,
}

/// Plans the next request of a room with `pending` waiting messages.
///
/// A reply token is used first, always, because it is free and outlives the quota. What does not fit into its one
/// request is planned again, without a token. A missing quota is named before a question is asked, since a person who
/// says yes should not be told afterwards that it cannot be done.
pub fn plan(
    now: i64,
    token: Option<&Token<'_>>,
    policy: LatePush,
    quota_stopped: bool,
    pending: usize,
    max_batch: usize,
) -> Plan {
    let batch = pending.min(max_batch.max(1));
    if token.is_some_and(|token| token.is_alive(now)) {
        return Plan { lane: Lane::Reply, count: batch };
    }
    match (policy, quota_stopped) {
        (LatePush::No, _) | (LatePush::Ask, false) => Plan { lane: Lane::Ask, count: pending },
        (LatePush::Ask | LatePush::Yes, true) => Plan { lane: Lane::Stopped, count: pending },
        (LatePush::Yes, false) => Plan { lane: Lane::Push, count: batch },
    }
}
