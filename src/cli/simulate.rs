//! `sala simulate`.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use simulator::line::{Config, Line};
use tokio::net::TcpListener;

use super::{Failure, print_text};

#[derive(Debug, Args)]
pub(super) struct Simulate {
    #[command(subcommand)]
    provider: Provider,
}

#[derive(Debug, Subcommand)]
enum Provider {
    /// Play LINE: takes the calls, keeps retry keys and reply tokens, and fails on command (see /_control).
    Line {
        /// Address and port to listen on.
        #[arg(long, env = "SALA_SIMULATE_LISTEN", default_value = "127.0.0.1:9100")]
        listen: SocketAddr,
        /// The channel secret that signs its callbacks.
        #[arg(long, env = "SALA_CHANNEL_SECRET", default_value = "secret", hide_env_values = true)]
        channel_secret: String,
        /// The access token that calls must carry; any when not given.
        #[arg(long, env = "SALA_ACCESS_TOKEN", hide_env_values = true)]
        access_token: Option<String>,
    },
}

impl Simulate {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Provider::Line { listen, channel_secret, access_token } = self.provider;
        let listener = TcpListener::bind(listen).await.map_err(|error| Failure::new(format!("{listen}: {error}")))?;
        print_text(&format!("LINE is played on http://{}; its controls are under /_control", listener.local_addr()?))?;
        let config = Config { channel_secret, access_token, ..Config::default() };
        let stop = async {
            let _ = tokio::signal::ctrl_c().await;
        };
        Ok(Line::serve(listener, config, stop).await?)
    }
}
