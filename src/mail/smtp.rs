//! The SMTP server that takes e-mail on: one connection at a time, each step within its time, and what its answers mean.

use std::net::{IpAddr, ToSocketAddrs};
use std::str::FromStr;
use std::sync::Mutex as Plain;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use lettre::{Address, Message};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::{Smtp, SmtpSecurity};

/// So much of an answer is kept, in characters.
const MOST_ANSWER: usize = 500;

/// So many bytes may take a second more than a step does: a large e-mail goes over a slow line.
const SLOWEST: usize = 64 * 1024;

/// Waits after the server could not be reached so many times in a row, in seconds; the last one repeats.
const RESTS: [i64; 4] = [5, 15, 30, 60];

/// What hands e-mail over.
pub struct Mailer {
    host: String,
    port: u16,
    security: SmtpSecurity,
    tls: Option<TlsParameters>,
    login: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
    timeout: Duration,
    hourly: u32,
    /// One connection at a time; who waits longest is next.
    line: Mutex<()>,
    down: Plain<Down>,
}

/// Since when the server cannot be reached.
#[derive(Debug, Default, Clone, Copy)]
struct Down {
    times: usize,
    until: i64,
}

/// What came of handing an e-mail over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server has it.
    Sent(String),
    /// The server will not have it, whenever it is tried.
    Refused(String),
    /// The server will not have it now.
    Deferred(String),
    /// There was no server to hand it to, or none that lets this one in.
    Unreachable(String),
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Mailer {
    /// What the settings say: nothing without a host.
    ///
    /// # Errors
    ///
    /// One sentence that names the setting which is wrong or missing.
    pub fn open(smtp: &Smtp) -> Result<Option<Mailer>, String> {
        let Some(host) = smtp.host.as_deref().map(str::trim).filter(|host| !host.is_empty()) else { return Ok(None) };
        if host.contains(|letter: char| letter.is_whitespace() || letter.is_control() || "/@".contains(letter)) {
            return Err("SALA_SMTP_HOST is a name or an address, without anything before or behind it".to_owned());
        }
        let from = smtp.from.as_deref().map(str::trim).filter(|from| !from.is_empty());
        let from = from.ok_or("SALA_SMTP_FROM is needed: the address that e-mail comes from")?;
        let from = Mailbox::from_str(from).map_err(|_| format!("SALA_SMTP_FROM {from:?} is not an e-mail address"))?;
        let usual = match smtp.security {
            SmtpSecurity::Tls => 465,
            SmtpSecurity::Starttls => 587,
            SmtpSecurity::None => 25,
        };
        let port = smtp.port.unwrap_or(usual);
        let tls = match smtp.security {
            SmtpSecurity::None if is_here(host, port) => None,
            SmtpSecurity::None => {
                return Err("SALA_SMTP_SECURITY none is only for a server on this machine".to_owned());
            }
            SmtpSecurity::Tls | SmtpSecurity::Starttls => Some(trust(host, smtp)?),
        };
        let password = match (&smtp.password, &smtp.password_file) {
            (Some(_), Some(_)) => {
                return Err("SALA_SMTP_PASSWORD and SALA_SMTP_PASSWORD_FILE are both set; one is enough".to_owned());
            }
            (Some(password), None) => Some(password.reveal().to_owned()),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| format!("SALA_SMTP_PASSWORD_FILE {}: {error}", file.display()))?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            (None, None) => None,
        };
        let user = smtp.user.clone().filter(|user| !user.is_empty());
        let login = match (user, password) {
            (Some(user), Some(password)) => Some(Credentials::new(user, password)),
            (None, None) => None,
            (Some(_), None) => return Err("SALA_SMTP_USER has no SALA_SMTP_PASSWORD".to_owned()),
            (None, Some(_)) => return Err("SALA_SMTP_PASSWORD has no SALA_SMTP_USER".to_owned()),
        };
        Ok(Some(Mailer {
            host: host.to_owned(),
            port,
            security: smtp.security,
            tls,
            login,
            hello: ClientId::Domain(from.email.domain().to_owned()),
            from,
            timeout: Duration::from_secs(smtp.timeout.max(1)),
            hourly: smtp.hourly.max(1),
            line: Mutex::default(),
            down: Plain::default(),
        }))
    }

    /// The address that e-mail comes from.
    pub(crate) fn from(&self) -> &Mailbox {
        &self.from
    }

    /// E-mails that one company sends in an hour.
    pub(crate) fn hourly(&self) -> u32 {
        self.hourly
    }

    /// Where it is: host and port.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// For how many milliseconds nobody tries, because the server could not be reached a moment ago.
    pub(crate) fn rests(&self, steady: i64) -> Option<i64> {
        Some(self.down().until - steady).filter(|rest| *rest > 0)
    }

    fn down(&self) -> std::sync::MutexGuard<'_, Down> {
        self.down.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Hands an e-mail over, when it is its turn. Nothing when the server turned out to be unreachable while it waited.
    pub(crate) async fn send(&self, envelope: &Envelope, message: &[u8], steady: impl Fn() -> i64) -> Option<Outcome> {
        let _turn = self.line.lock().await;
        if self.rests(steady()).is_some() {
            return None;
        }
        let outcome = match self.hand_over(envelope, message).await {
            Ok(outcome) => outcome,
            Err(why) => Outcome::Unreachable(why),
        };
        let mut down = self.down();
        if matches!(outcome, Outcome::Unreachable(_)) {
            let rest = RESTS[down.times.min(RESTS.len() - 1)];
            *down = Down { times: down.times + 1, until: steady() + rest * 1000 };
        } else {
            *down = Down::default();
        }
        Some(outcome)
    }

    /// Connects and logs in, and sends nothing.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub(crate) async fn test(&self) -> Result<String, String> {
        let _turn = self.line.lock().await;
        match self.connect().await {
            Ok(mut connection) => {
                let _ = timeout(self.timeout, connection.quit()).await;
                let who = if self.login.is_some() { "lets this server in" } else { "answers; nobody logs in" };
                Ok(format!("{} {who}", self.address()))
            }
            Err(why) => Err(why),
        }
    }

    /// Sends one line to an address at once, and says what the server answered.
    ///
    /// # Errors
    ///
    /// Why it was not taken, in words.
    pub(crate) async fn trial(&self, to: &str) -> Result<String, String> {
        let address = super::address(to).ok_or_else(|| format!("{to:?} is not an e-mail address"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address))
            .subject("Sala: ทดสอบอีเมล / a trial")
            .message_id(Some(format!("<{}@{}>", uuid::Uuid::new_v4().simple(), self.from.email.domain())))
            .singlepart(SinglePart::plain(
                "อีเมลนี้แสดงว่าส่งอีเมลได้ / This e-mail shows that e-mail can be sent.\n".to_owned(),
            ))
            .map_err(|error| error.to_string())?;
        match self.send(message.envelope(), &message.formatted(), || 0).await {
            Some(Outcome::Sent(answer)) => Ok(answer),
            Some(Outcome::Refused(why) | Outcome::Deferred(why) | Outcome::Unreachable(why)) => Err(why),
            None => Err("the server cannot be reached".to_owned()),
        }
    }

    async fn hand_over(&self, envelope: &Envelope, message: &[u8]) -> Result<Outcome, String> {
        let mut connection = self.connect().await?;
        let patience = self.timeout + Duration::from_secs((message.len() / SLOWEST) as u64);
        let outcome = match timeout(patience, speak(&mut connection, envelope, message)).await {
            Err(_) => Outcome::Deferred(format!("{} did not answer within {} seconds", self.host, patience.as_secs())),
            Ok(Ok(response)) => {
                Outcome::Sent(cut(&format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" "))))
            }
            Ok(Err(refused)) => {
                connection.abort().await;
                refused
            }
        };
        if matches!(outcome, Outcome::Sent(_)) {
            // It is the server's by now, whatever becomes of the farewell.
            let _ = timeout(self.timeout, connection.quit()).await;
        }
        Ok(outcome)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, String> {
        let at_once = self.tls.clone().filter(|_| self.security == SmtpSecurity::Tls);
        let server = (self.host.as_str(), self.port);
        let opened = AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &self.hello, at_once, None);
        let mut connection = self.step("connecting", opened).await?;
        if self.security == SmtpSecurity::Starttls
            && let Some(tls) = self.tls.clone()
        {
            self.step("STARTTLS", connection.starttls(tls, &self.hello)).await?;
        }
        if let Some(login) = &self.login {
            self.step("the login", connection.auth(DEFAULT_MECHANISMS, login)).await?;
        }
        Ok(connection)
    }

    /// A step before there is an e-mail to speak of: whatever goes wrong is not the e-mail's fault.
    async fn step<T>(&self, name: &str, step: impl Future<Output = Result<T, SmtpError>>) -> Result<T, String> {
        match timeout(self.timeout, step).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(cut(&format!("{}: {name}: {}", self.address(), told(&error)))),
            Err(_) => {
                let seconds = self.timeout.as_secs();
                Err(format!("{}: {name}: no answer within {seconds} seconds", self.address()))
            }
        }
    }
}

/// Whether a host is this machine.
fn is_here(host: &str, port: u16) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let found = (host, port).to_socket_addrs();
    found.is_ok_and(|mut addresses| {
        let first = addresses.next();
        first.is_some_and(|address| address.ip().is_loopback()) && addresses.all(|address| address.ip().is_loopback())
    })
}

fn trust(host: &str, smtp: &Smtp) -> Result<TlsParameters, String> {
    let mut tls = TlsParameters::builder(host.to_owned());
    if let Some(file) = &smtp.ca {
        let named = |error: String| format!("SALA_SMTP_CA {}: {error}", file.display());
        let pem = std::fs::read(file).map_err(|error| named(error.to_string()))?;
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| named(error.to_string()))?);
    }
    tls.build_rustls().map_err(|error| format!("SALA_SMTP_HOST: {error}"))
}

/// Says whom an e-mail is for, and hands it over.
///
/// # Errors
///
/// Why it was not taken; of several recipients, with the address of the one whom the server refused.
async fn speak(connection: &mut AsyncSmtpConnection, envelope: &Envelope, message: &[u8]) -> Result<Response, Outcome> {
    let mut needed = Vec::new();
    if envelope.to().iter().chain(envelope.from()).any(|address| !address.to_string().is_ascii()) {
        needed.push((Extension::SmtpUtfEight, "SMTPUTF8", MailParameter::SmtpUtfEight));
    }
    if !message.is_ascii() {
        needed.push((Extension::EightBitMime, "8BITMIME", MailParameter::Body(MailBodyParameter::EightBitMime)));
    }
    for (extension, name, _) in &needed {
        if !connection.server_info().supports_feature(*extension) {
            return Err(Outcome::Refused(format!("the server does not support {name}, which this e-mail needs")));
        }
    }
    let parameters = needed.into_iter().map(|(_, _, parameter)| parameter).collect();
    let failed = |error: SmtpError| verdict(&error, None);
    connection.command(Mail::new(envelope.from().cloned(), parameters)).await.map_err(failed)?;
    for to in envelope.to() {
        let of = Some(to).filter(|_| envelope.to().len() > 1);
        connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(|error| verdict(&error, of))?;
    }
    connection.command(Data).await.map_err(failed)?;
    connection.message(message).await.map_err(failed)
}

/// What an answer to the e-mail itself means, or to this recipient of it.
fn verdict(error: &SmtpError, to: Option<&Address>) -> Outcome {
    let text = to.map_or_else(|| told(error), |to| format!("{to}: {}", told(error)));
    let text = cut(&text);
    match error.is_permanent() || error.is_client() {
        true => Outcome::Refused(text),
        // Also where the connection broke: another e-mail may fare better, and need not wait for this one.
        false => Outcome::Deferred(text),
    }
}

/// An error with its reasons, on one line.
fn told(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(reason) = source {
        let reason_text = reason.to_string();
        if !text.contains(&reason_text) {
            text = format!("{text}: {reason_text}");
        }
        source = reason.source();
    }
    text
}

/// The beginning of what a server said, without what would break a line.
fn cut(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MOST_ANSWER).collect()
}
