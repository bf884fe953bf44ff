//! `sala simulate`.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use simulator::line::{Config, Line};
use tokio::net::TcpListener;

use super::{Failure, announce};

#[derive(Debug, Args)]
pub(super) struct Simulate {
    #[command(subcommand)]
    provider: Provider,
}

#[derive(Debug, Subcommand)]
enum Provider {
    /// Simulate LINE: takes the calls, keeps retry keys and reply tokens, and fails on demand (see /_control).
    Line {
        /// Address and port to listen on.
        #[arg(long, env = "SALA_SIMULATE_LISTEN", default_value = "127.0.0.1:9100")]
        listen: SocketAddr,
        /// The channel secret that signs its callbacks.
        #[arg(long, env = "SALA_CHANNEL_SECRET", default_value = "secret", hide_env_values = true)]
        channel_secret: String,
        /// The access token that calls must have. Default: any.
        #[arg(long, env = "SALA_ACCESS_TOKEN", hide_env_values = true)]
        access_token: Option<String>,
    },
}

impl Simulate {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Provider::Line { listen, channel_secret, access_token } = self.provider;
        let listener = TcpListener::bind(listen).await.map_err(|error| Failure::new(format!("{listen}: {error}")))?;
        announce(&welcome(listener.local_addr()?));
        let config = Config { channel_secret, access_token, ..Config::default() };
        let stop = async {
            let _ = tokio::signal::ctrl_c().await;
        };
        Ok(Line::serve(listener, config, stop).await?)
    }
}

/// What whoever starts it needs next. The secret is not repeated: it may be one's own.
fn welcome(address: SocketAddr) -> String {
    format!(
        r#"LINE is played on http://{address}; its controls: curl http://{address}/_control

Connect an account, with the channel secret of --channel-secret (secret, unless told) and any access token:
sala account create --company NUMBER --platform line --name Shop --api-base http://{address} --channel-secret secret --access-token any

Let a customer write to it (ACCOUNT is the id that was printed), and look at what is sent:
curl http://{address}/_control/callback -d '{{"url": "http://127.0.0.1:8080/channels/line/ACCOUNT", "events": [{{"type": "message", "userId": "U4af4980629f54d6a8f6d4d1a3c3a4b5c", "text": "hello"}}]}}'
curl http://{address}/_control/sent"#
    )
}
