//! Every setting of a server: flags, environment variables, help and documentation from one struct.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::http::listen::Patience;
use crate::http::peer::Network;
use crate::search::Effort;
use crate::telemetry::LogFormat;

/// Settings that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Where the data is: sqlite:PATH or postgres://user:password@host/name?sslmode=…
    #[arg(
        long,
        env = "SALA_DATABASE",
        global = true,
        help_heading = "Everywhere",
        default_value = "sqlite:data/sala.db",
        hide_env_values = true
    )]
    pub database: String,

    /// The company that the command works on.
    #[arg(long, env = "SALA_COMPANY", global = true, help_heading = "Everywhere")]
    pub company: Option<i64>,

    /// Key that encrypts stored credentials: 32 bytes in hex or Base64; `new,old` while a key is being rotated. Without
    /// it, a key file is created beside an SQLite database.
    #[arg(
        long,
        env = "SALA_SECRET_KEY",
        global = true,
        help_heading = "Everywhere",
        hide_env_values = true,
        hide = true
    )]
    pub secret_key: Option<String>,

    /// Print records as JSON.
    #[arg(long, env = "SALA_JSON", global = true, help_heading = "Everywhere", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    pub json: bool,

    /// What to log, as `level` or `module=level,…`.
    #[arg(long, env = "SALA_LOG", global = true, help_heading = "Everywhere", default_value = "info")]
    pub log: String,

    /// How log lines are written.
    #[arg(long, env = "SALA_LOG_FORMAT", global = true, help_heading = "Everywhere", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
}

/// An address to listen on: `127.0.0.1:8080`, `localhost:8080`, and, for this machine alone, `:8080` or `8080`.
fn read_listen(text: &str) -> Result<std::net::SocketAddr, String> {
    use std::net::ToSocketAddrs;
    let port = text.strip_prefix(':').unwrap_or(text);
    if let Ok(port) = port.parse::<u16>() {
        return Ok(std::net::SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let found = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| "an address and a port, such as 127.0.0.1:8080".to_owned())
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Answers requests and channel callbacks only.
    Api,
    /// Runs background jobs only (and answers /healthz, /readyz and /metrics).
    Worker,
    /// Both.
    All,
}

/// Settings of `sala serve`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// How far lists are followed; only tests make it less.
    #[arg(skip)]
    pub effort: Effort,

    /// How long connections may stand still; only tests make it less.
    #[arg(skip)]
    pub patience: Patience,

    /// The file of an SQLite database: beside it lies what is known of backups. Set by `serve`.
    #[arg(skip)]
    pub database_file: Option<std::path::PathBuf>,

    /// Address and port to listen on.
    #[arg(long, env = "SALA_LISTEN", default_value = "127.0.0.1:8080", value_parser = read_listen)]
    pub listen: std::net::SocketAddr,

    /// The public address of this server, with which media links begin. Default: the
    /// listening address.
    #[arg(long, env = "SALA_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Reverse proxies before this server, as addresses or networks (`10.0.0.0/8,::1`). The caller's address that they send
    /// in X-Forwarded-For or Forwarded is used in the log and for the rate limit of wrong credentials.
    #[arg(long, env = "SALA_TRUSTED_PROXIES", value_delimiter = ',', value_name = "ADDRESSES")]
    pub trusted_proxies: Vec<Network>,

    /// What this node does.
    #[arg(long, env = "SALA_ROLE", value_enum, default_value_t = Role::All)]
    pub role: Role,

    /// Create a demo company on first start and print a first call to try.
    #[arg(long, env = "SALA_DEMO", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    pub demo: bool,

    /// Requests per second of one API client, with bursts of twice as many; 0 = no limit.
    #[arg(long, env = "SALA_RATE_LIMIT", default_value_t = 100)]
    pub rate_limit: u32,

    /// Demand Ocp-Apim-Subscription-Key on every operation but send-message.
    #[arg(long, env = "SALA_REQUIRE_SUBSCRIPTION_KEY", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    pub require_subscription_key: bool,

    /// Allow webhooks to private, loopback and link-local addresses.
    #[arg(long, env = "SALA_ALLOW_PRIVATE_WEBHOOKS", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    pub allow_private_webhooks: bool,

    /// Let identity providers of single sign-on be at private addresses, and at ones without https.
    #[arg(long, env = "SALA_ALLOW_PRIVATE_SSO", action = clap::ArgAction::SetTrue, value_parser = clap::builder::FalseyValueParser::new())]
    pub allow_private_sso: bool,

    /// Where media are kept: a folder, or s3://bucket/prefix (credentials from AWS_… variables). Default: `media`
    /// beside an SQLite database, ./media otherwise.
    #[arg(long, env = "SALA_MEDIA")]
    pub media: Option<String>,

    /// The largest file that is attached to a record, in bytes.
    #[arg(long, env = "SALA_MAX_FILE_SIZE", default_value_t = 25 * 1024 * 1024)]
    pub max_file_size: u64,

    /// Seconds that an upload, or fetching a file from its address, may take as a whole.
    #[arg(long, env = "SALA_UPLOAD_TIMEOUT", default_value_t = 600)]
    pub upload_timeout: u64,

    /// The largest request body, in bytes; files of a form are not counted.
    #[arg(long, env = "SALA_BODY_LIMIT", default_value_t = 1024 * 1024)]
    pub body_limit: usize,

    /// The largest file to import, in bytes.
    #[arg(long, env = "SALA_IMPORT_LIMIT", default_value_t = 256 * 1024 * 1024)]
    pub import_limit: usize,

    /// The largest request body of an operation that takes many records at once, in bytes.
    #[arg(long, env = "SALA_BULK_BODY_LIMIT", default_value_t = 32 * 1024 * 1024)]
    pub bulk_body_limit: usize,

    /// Requests in progress at once; more are answered 503.
    #[arg(long, env = "SALA_MAX_REQUESTS", default_value_t = 4096)]
    pub max_requests: usize,

    /// Connections at once, at most three quarters of the open files that the system allows.
    #[arg(long, env = "SALA_MAX_CONNECTIONS", default_value_t = 10_000)]
    pub max_connections: usize,

    /// Time limit of a request in seconds; then it is answered 503.
    #[arg(long, env = "SALA_REQUEST_TIMEOUT", default_value_t = 30)]
    pub request_timeout: u64,

    /// Connections to PostgreSQL.
    #[arg(long, env = "SALA_POOL_SIZE", default_value_t = 16)]
    pub pool_size: usize,

    /// Calls to a provider at once, for one channel account.
    #[arg(long, env = "SALA_ACCOUNT_PARALLEL", default_value_t = 16)]
    pub account_parallel: usize,

    /// Seconds that a provider may take to answer a call.
    #[arg(long, env = "SALA_PROVIDER_TIMEOUT", default_value_t = 20)]
    pub provider_timeout: u64,

    /// Seconds that a webhook's receiver may take to answer.
    #[arg(long, env = "SALA_WEBHOOK_TIMEOUT", default_value_t = 15)]
    pub webhook_timeout: u64,

    /// Webhook calls at once, for one subscription.
    #[arg(long, env = "SALA_WEBHOOK_PARALLEL", default_value_t = 64)]
    pub webhook_parallel: usize,

    /// Sending e-mail.
    #[command(flatten)]
    pub smtp: Smtp,

    /// The program that reads workbooks. Default: this one.
    #[arg(long, env = "SALA_READER", hide = true)]
    pub reader: Option<PathBuf>,

    /// The program that makes documents (PDF). Default: `sala-render` beside this one. Without it, documents are refused.
    #[arg(long, env = "SALA_RENDER")]
    pub render: Option<PathBuf>,

    /// Files or folders with more fonts for documents, such as Chinese ones (TTF, OTF), separated by commas.
    #[arg(long, env = "SALA_FONTS", value_delimiter = ',', value_name = "PATHS")]
    pub fonts: Vec<PathBuf>,
}

/// How a connection to the SMTP server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SmtpSecurity {
    /// TLS from the first byte (port 465).
    Tls,
    /// TLS after STARTTLS, which the server must offer (port 587).
    Starttls,
    /// Not at all: only for a server on this machine (port 25).
    None,
}

/// Settings for sending e-mail. Without a host there is none.
#[derive(Debug, Clone, Args)]
pub struct Smtp {
    /// The SMTP server; without one no e-mail is sent.
    #[arg(long = "smtp-host", env = "SALA_SMTP_HOST", value_name = "HOST")]
    pub host: Option<String>,

    /// Its port. Default: 465, 587 or 25, depending on --smtp-security.
    #[arg(long = "smtp-port", env = "SALA_SMTP_PORT", value_name = "PORT")]
    pub port: Option<u16>,

    /// How the connection is secured; `none` only for a server on this machine.
    #[arg(long = "smtp-security", env = "SALA_SMTP_SECURITY", value_enum, default_value_t = SmtpSecurity::Starttls)]
    pub security: SmtpSecurity,

    /// Certificates (PEM) that are trusted besides the system's, for a server with its own.
    #[arg(long = "smtp-ca", env = "SALA_SMTP_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// The name to log in with; without one nobody logs in.
    #[arg(long = "smtp-user", env = "SALA_SMTP_USER", value_name = "NAME")]
    pub user: Option<String>,

    /// The password to log in with: better in the environment or in a file than on the command line.
    #[arg(long = "smtp-password", env = "SALA_SMTP_PASSWORD", hide_env_values = true, hide = true)]
    pub password: Option<Secret>,

    /// A file with the password.
    #[arg(long = "smtp-password-file", env = "SALA_SMTP_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// The address that e-mail comes from; companies choose the name before it.
    #[arg(long = "smtp-from", env = "SALA_SMTP_FROM", value_name = "ADDRESS")]
    pub from: Option<String>,

    /// Seconds that each step of handing an e-mail over may take.
    #[arg(long = "smtp-timeout", env = "SALA_SMTP_TIMEOUT", default_value_t = 15, value_name = "SECONDS")]
    pub timeout: u64,

    /// E-mails that one company sends in an hour; more wait for the next.
    #[arg(long = "smtp-hourly", env = "SALA_SMTP_HOURLY", default_value_t = 500, value_name = "COUNT")]
    pub hourly: u32,
}

/// A text that no log shows.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
