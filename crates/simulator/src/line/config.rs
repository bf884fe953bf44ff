//! What a test or an integrator may choose about the fake LINE.

use std::time::Duration;

/// The settings of one fake LINE. The defaults are as strict as LINE itself.
#[derive(Clone, Debug)]
pub struct Config {
    /// The secret that signs callbacks.
    pub channel_secret: String,
    /// The only access token accepted; any non-empty token when absent.
    pub access_token: Option<String>,
    /// The bot's user id, which is the `destination` of every callback.
    pub bot_user_id: String,
    /// The bot's name in `GET /v2/bot/info`.
    pub bot_name: String,
    /// How long a reply token may be used. LINE promises one minute and no more.
    pub reply_token_life: Duration,
    /// Whether a redelivered event gives its unused reply token a new life. LINE does not promise it.
    pub redelivery_renews_reply_token: bool,
    /// How long a retry key is remembered. LINE keeps it for 24 hours.
    pub retry_key_life: Duration,
    /// The month's messages; unlimited when absent.
    pub monthly_quota: Option<u64>,
    /// The requests that each endpoint takes in a second; unlimited when absent, while LINE takes 2,000 of most.
    pub rate_per_second: Option<u32>,
    /// Whether links in messages and the webhook URL may be `http`, which LINE refuses.
    pub allow_http: bool,
    /// Whether ids of users, groups and rooms must look like LINE's: a letter and 32 hexadecimal digits.
    pub strict_ids: bool,
    /// How many requests are remembered; the oldest are forgotten first.
    pub requests_kept: usize,
    /// How long a webhook receiver may take. LINE gives it two seconds.
    pub webhook_timeout: Duration,
    /// Where the dice of faults that come by chance begin.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            channel_secret: "simulator-channel-secret".to_owned(),
            access_token: None,
            bot_user_id: "Ub0700000000000000000000000000b07".to_owned(),
            bot_name: "Simulated account".to_owned(),
            reply_token_life: Duration::from_secs(60),
            redelivery_renews_reply_token: false,
            retry_key_life: Duration::from_secs(24 * 60 * 60),
            monthly_quota: None,
            rate_per_second: None,
            allow_http: false,
            strict_ids: true,
            requests_kept: 100_000,
            webhook_timeout: Duration::from_secs(2),
            seed: 1,
        }
    }
}
