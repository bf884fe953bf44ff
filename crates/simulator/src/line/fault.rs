//! Failures on command, so that a client meets LINE's worst days on purpose and repeatably.

use serde::{Deserialize, Serialize};

/// A failure that the simulator shows to the requests it matches.
///
/// Faults are tried in the order in which they were added, and the first that matches is the one shown: two faults of
/// one time each make a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// What happens to a matching request.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Matches only paths that begin with this text; any path of LINE's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Shown to so many requests and then removed; until cleared when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Lets so many matching requests pass first.
    #[serde(default)]
    pub skip: u64,
    /// The chance, from 0 to 1, that a matching request sees the fault; always when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

/// The kinds of failure. `accepted` tells whether LINE had taken the message before it failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum FaultKind {
    /// A server error. With `accepted`, the customer has the message although the caller sees an error: only a retry
    /// with the same retry key is safe then.
    #[serde(rename_all = "camelCase")]
    Error {
        /// The status, 500 when not given.
        #[serde(default = "internal_server_error")]
        status: u16,
        /// Whether the request is carried out first.
        #[serde(default)]
        accepted: bool,
    },
    /// 429 because of too many requests.
    RateLimited,
    /// 429 because the month's messages are used up.
    OverQuota,
    /// The answer comes after `ms`, or never. Without `accepted` nothing is carried out and the late answer is a 500.
    #[serde(rename_all = "camelCase")]
    Timeout {
        /// How long the request is held; for ever when absent.
        #[serde(default)]
        ms: Option<u64>,
        /// Whether the request is carried out before it is held.
        #[serde(default)]
        accepted: bool,
    },
    /// The connection is closed without an answer.
    #[serde(rename_all = "camelCase")]
    Cut {
        /// Whether the request is carried out first.
        #[serde(default)]
        accepted: bool,
    },
    /// An ordinary answer after a delay; the request is carried out when the delay is over.
    #[serde(rename_all = "camelCase")]
    Slow {
        /// The delay.
        ms: u64,
    },
    /// 401, as after an access token was revoked.
    Unauthorized,
    /// 400 `Invalid reply token` on the reply endpoint, whatever the token.
    ReplyTokenDead,
    /// Media are still being prepared: the content answers 202 and its transcoding status is `processing`.
    ContentProcessing,
}

fn internal_server_error() -> u16 {
    500
}

impl Fault {
    /// A fault for every request until it is cleared.
    pub fn new(kind: FaultKind) -> Fault {
        Fault { kind, path: None, times: None, skip: 0, probability: None }
    }

    /// Shows the fault to so many requests only.
    pub fn times(mut self, times: u64) -> Fault {
        self.times = Some(times);
        self
    }

    /// Shows the fault once.
    pub fn once(self) -> Fault {
        self.times(1)
    }

    /// Shows the fault only to paths that begin with `prefix`.
    pub fn path(mut self, prefix: impl Into<String>) -> Fault {
        self.path = Some(prefix.into());
        self
    }

    /// Lets so many matching requests pass first.
    pub fn skip(mut self, skip: u64) -> Fault {
        self.skip = skip;
        self
    }

    /// Shows the fault by chance.
    pub fn probability(mut self, probability: f64) -> Fault {
        self.probability = Some(probability);
        self
    }

    fn matches(&self, path: &str) -> bool {
        let kind = match self.kind {
            FaultKind::ReplyTokenDead => path == "/v2/bot/message/reply",
            FaultKind::ContentProcessing => path.ends_with("/content") || path.ends_with("/content/transcoding"),
            _ => true,
        };
        kind && self.path.as_deref().is_none_or(|prefix| path.starts_with(prefix))
    }
}

/// The faults in force and the dice for the ones that come by chance.
pub(crate) struct Faults {
    faults: Vec<Fault>,
    dice: u64,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Faults {
        Faults { faults: Vec::new(), dice: seed }
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        if fault.times != Some(0) {
            self.faults.push(fault);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.faults.clone()
    }

    /// Takes the fault that this request shall see, and uses up one of its times.
    pub(crate) fn pick(&mut self, path: &str) -> Option<FaultKind> {
        for at in 0..self.faults.len() {
            if !self.faults[at].matches(path) {
                continue;
            }
            if self.faults[at].skip > 0 {
                self.faults[at].skip -= 1;
                continue;
            }
            if self.faults[at].probability.is_some_and(|chance| self.roll() >= chance) {
                continue;
            }
            let kind = self.faults[at].kind.clone();
            if let Some(times) = &mut self.faults[at].times {
                *times -= 1;
                if *times == 0 {
                    self.faults.remove(at);
                }
            }
            return Some(kind);
        }
        None
    }

    /// A number from 0 to 1. SplitMix64 from a fixed seed, so that a failing run can be run again as it was.
    fn roll(&mut self) -> f64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64) / ((1_u64 << 53) as f64)
    }
}
