//! What is asked of an identity provider: who it is (discovery), its keys, and the token for a code. Each answer has a bound on its
//! size and its time. What a provider says of itself is kept for an hour; a key that is not known is asked for at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{RequestBuilder, Url};
use serde_json::{Map, Value};

use super::token::{ALGORITHMS, Claims, Key};
use crate::app::App;
use crate::http::limit::{Buckets, household};
use crate::webhook::client::{self, leads_to_private_address, names_private_address};

/// How long discovery and keys are kept, in milliseconds.
const FRESH: i64 = 60 * 60 * 1000;

/// New keys are asked for no sooner than this after the last ones, in milliseconds.
const BETWEEN: i64 = 5 * 1000;

/// Providers that are kept; the oldest goes first.
const MOST_KEPT: usize = 200;

/// The largest answer of a provider, in bytes.
const LARGEST: usize = 256 * 1024;

/// The longest that one call may take, in seconds.
const LONGEST: u64 = 10;

/// Sign-ins of one company that wait for its provider at once: one that does not answer keeps no other company's people out.
const AT_ONCE: usize = 16;

/// What is wrong with a provider: a stable code, and a sentence for administrators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Trouble {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Trouble {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Trouble {
        Trouble { code, message: message.into() }
    }
}

/// What a provider says of itself.
#[derive(Debug)]
pub(super) struct Discovery {
    /// Its name, exactly as its tokens have it.
    pub(super) issuer: String,
    pub(super) authorization: Url,
    pub(super) token: Url,
    keys: Url,
    pub(super) user_info: Option<Url>,
    /// Whether it wants the client's secret in the form, because it does not take it in a header.
    in_form: bool,
    /// Whether it signs by an algorithm that is believed, as far as it says.
    pub(super) signs_well: bool,
    /// Whether it offers the code flow, as far as it says.
    pub(super) has_codes: bool,
}

#[derive(Debug)]
struct Kept {
    discovery: Arc<Discovery>,
    at: i64,
    keys: Option<(i64, Arc<Vec<Key>>)>,
}

/// What identity providers said a while ago, and who waits for one now.
#[derive(Debug)]
pub struct Providers {
    /// Calls providers: refuses private addresses unless allowed.
    http: reqwest::Client,
    kept: Mutex<HashMap<String, Kept>>,
    waiting: Mutex<HashMap<i64, usize>>,
    /// Sign-ins of a company from one place: each may cost the provider a call.
    begun: Buckets<(i64, IpAddr)>,
}

impl Providers {
    /// Knows nothing yet.
    pub fn new(allow_private: bool) -> Result<Providers, reqwest::Error> {
        Ok(Providers {
            http: client::build(allow_private, Duration::from_secs(LONGEST))?,
            kept: Mutex::default(),
            waiting: Mutex::default(),
            begun: Buckets::new(2.0, 200),
        })
    }

    /// Forgets the places that have waited long enough.
    pub fn prune(&self, now: i64) {
        self.begun.prune(now);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<i64, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a provider: its settings were changed, or somebody wants to see it as it is now.
    pub(super) fn forget(&self, issuer: &str) {
        self.kept().remove(key(issuer));
    }
}

/// A place among those of a company who wait for its provider.
pub(super) struct Turn<'a> {
    app: &'a App,
    company: i64,
}

impl Turn<'_> {
    /// None where as many wait as may, or where this place has asked too often.
    pub(super) fn take(app: &App, company: i64, address: IpAddr) -> Option<Turn<'_>> {
        if !app.sso.begun.take((company, household(address)), app.steady()).allowed {
            return None;
        }
        let mut waiting = app.sso.waiting();
        let count = waiting.entry(company).or_default();
        if *count >= AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Turn { app, company })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.app.sso.waiting();
        if let Some(count) = waiting.get_mut(&self.company) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.company);
            }
        }
    }
}

/// The name under which a provider is kept: some write their own with a slash at the end, some people without.
fn key(issuer: &str) -> &str {
    issuer.trim_end_matches('/')
}

/// An address that may be called: https to a public host; or any where the operator lets providers be private.
pub(super) fn address(text: &str, allow_private: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_clean = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let may = match url.scheme() {
        "https" => allow_private || !names_private_address(&url),
        "http" => allow_private,
        _ => false,
    };
    (is_clean && may && url.host_str().is_some_and(|host| !host.is_empty())).then_some(url)
}

/// Why a call failed, in a few words that hold no address.
fn why(error: &reqwest::Error) -> &'static str {
    if leads_to_private_address(error) {
        "its name leads to a private address, which this server does not call"
    } else if error.is_timeout() {
        "it does not answer in time"
    } else if error.is_connect() {
        "no connection, or no certificate that this server trusts"
    } else {
        "the connection broke"
    }
}

/// Makes a call, and reads its answer within the bounds: its status and its JSON.
async fn call(app: &App, request: RequestBuilder, what: &str) -> Result<(u16, Value), Trouble> {
    let patience = Duration::from_secs(app.config.provider_timeout.clamp(1, LONGEST));
    let unreached =
        |error: reqwest::Error| Trouble::new("unreachable", format!("{what} is not reached: {}", why(&error)));
    let mut answer = request.header(ACCEPT, "application/json").timeout(patience).send().await.map_err(unreached)?;
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(unreached)? {
        if body.len() + part.len() > LARGEST {
            return Err(Trouble::new("too_large", format!("{what} answers more than {LARGEST} bytes")));
        }
        body.extend_from_slice(&part);
    }
    match serde_json::from_slice(&body) {
        Ok(value) => Ok((status, value)),
        Err(_) if status != 200 => Err(Trouble::new("status", format!("{what} answers {status}"))),
        Err(_) => Err(Trouble::new("no_json", format!("{what} answers no JSON"))),
    }
}

/// The same of an answer that must be an object with status 200.
async fn object(app: &App, request: RequestBuilder, what: &str) -> Result<Map<String, Value>, Trouble> {
    match call(app, request, what).await? {
        (200, Value::Object(object)) => Ok(object),
        (200, _) => Err(Trouble::new("no_json", format!("{what} answers no JSON"))),
        (status, _) => Err(Trouble::new("status", format!("{what} answers {status}"))),
    }
}

/// What a provider says of itself: as it was said within the hour, or now.
pub(super) async fn discovery(app: &App, issuer: &str) -> Result<Arc<Discovery>, Trouble> {
    let now = app.steady();
    if let Some(kept) = app.sso.kept().get(key(issuer)).filter(|kept| kept.at + FRESH > now) {
        return Ok(Arc::clone(&kept.discovery));
    }
    let private = app.config.allow_private_sso;
    let refused = || Trouble::new("address", "issuer is not a public https address");
    let url = address(&format!("{}/.well-known/openid-configuration", key(issuer)), private).ok_or_else(refused)?;
    let said = object(app, app.sso.http.get(url), "The discovery document").await?;
    let discovery = Arc::new(read(&said, issuer, private)?);
    let mut all = app.sso.kept();
    if all.len() >= MOST_KEPT {
        let oldest = all.iter().min_by_key(|(_, kept)| kept.at).map(|(name, _)| name.clone());
        if let Some(oldest) = oldest {
            all.remove(&oldest);
        }
    }
    all.insert(key(issuer).to_owned(), Kept { discovery: Arc::clone(&discovery), at: now, keys: None });
    Ok(discovery)
}

fn read(said: &Map<String, Value>, issuer: &str, private: bool) -> Result<Discovery, Trouble> {
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    // What it does not say is as the standard has it.
    let offers = |name: &str, wanted: &[&str]| {
        let offered = said.get(name).and_then(Value::as_array);
        offered.is_none_or(|all| all.iter().filter_map(Value::as_str).any(|one| wanted.contains(&one)))
    };
    let own = text("issuer").unwrap_or_default();
    if own.is_empty() || key(own) != key(issuer) {
        let shown: String = own.chars().take(200).collect();
        let message = format!("The provider calls itself “{shown}”; write that as the issuer");
        return Err(Trouble::new("issuer", message));
    }
    let must = |name: &str| {
        let found = text(name).ok_or_else(|| missing(name))?;
        address(found, private).ok_or_else(|| Trouble::new("address", format!("{name} is not a public https address")))
    };
    let methods = "token_endpoint_auth_methods_supported";
    Ok(Discovery {
        issuer: own.to_owned(),
        authorization: must("authorization_endpoint")?,
        token: must("token_endpoint")?,
        keys: must("jwks_uri")?,
        user_info: text("userinfo_endpoint").and_then(|found| address(found, private)),
        in_form: !offers(methods, &["client_secret_basic"]) && offers(methods, &["client_secret_post"]),
        signs_well: offers("id_token_signing_alg_values_supported", &ALGORITHMS),
        has_codes: offers("response_types_supported", &["code"]),
    })
}

fn missing(name: &str) -> Trouble {
    Trouble::new("missing", format!("The discovery document has no {name}"))
}

/// The keys of a provider: as they were within the hour; or, when one is not among them, as they are now.
pub(super) async fn keys(app: &App, discovery: &Discovery, anew: bool) -> Result<Arc<Vec<Key>>, Trouble> {
    let now = app.steady();
    let least = if anew { BETWEEN } else { FRESH };
    let known = app.sso.kept().get(key(&discovery.issuer)).and_then(|kept| kept.keys.clone());
    if let Some((_, keys)) = known.filter(|(at, _)| at + least > now) {
        return Ok(keys);
    }
    let set = object(app, app.sso.http.get(discovery.keys.clone()), "The key set").await?;
    let keys = Arc::new(Key::all(&Value::Object(set)));
    if keys.is_empty() {
        return Err(Trouble::new("keys", "The provider has no key of RS256, PS256 or ES256"));
    }
    if let Some(kept) = app.sso.kept().get_mut(key(&discovery.issuer)) {
        kept.keys = Some((now, Arc::clone(&keys)));
    }
    Ok(keys)
}

/// A client as its provider knows it.
pub(super) struct Client<'a> {
    pub(super) id: &'a str,
    pub(super) secret: Option<&'a str>,
}

/// What comes of a code.
pub(super) enum Exchanged {
    Tokens {
        id: String,
        access: Option<String>,
    },
    /// The provider's word for why not, when it is one of RFC 6749; else empty.
    Refused(&'static str),
}

const REFUSALS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// The request that exchanges a code for tokens.
fn exchanging(
    app: &App,
    discovery: &Discovery,
    client: &Client<'_>,
    (code, verifier, redirect): (&str, &str, &str),
) -> RequestBuilder {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code").append_pair("code", code);
    form.append_pair("redirect_uri", redirect).append_pair("code_verifier", verifier);
    let request = app.sso.http.post(discovery.token.clone());
    let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let request = match client.secret {
        // RFC 6749, section 2.3.1: both are encoded as in a form before they go into the header.
        Some(secret) if !discovery.in_form => request.basic_auth(escaped(client.id), Some(escaped(secret))),
        secret => {
            form.append_pair("client_id", client.id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret);
            }
            request
        }
    };
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
}

/// Exchanges a code, with the verifier and the address that it was asked for with, for tokens.
pub(super) async fn exchange(
    app: &App,
    discovery: &Discovery,
    client: &Client<'_>,
    code: (&str, &str, &str),
) -> Result<Exchanged, Trouble> {
    let request = exchanging(app, discovery, client, code);
    let (status, said) = call(app, request, "The token endpoint").await?;
    let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
    match (status, text("id_token")) {
        (200, Some(id)) => Ok(Exchanged::Tokens { id, access: text("access_token") }),
        (200, None) => {
            Err(Trouble::new("no_token", "The token endpoint gives no id token: the scope openid is missing"))
        }
        (500.., _) => Err(Trouble::new("status", format!("The token endpoint answers {status}"))),
        _ => {
            let word = text("error").unwrap_or_default();
            Ok(Exchanged::Refused(REFUSALS.into_iter().find(|known| *known == word).unwrap_or_default()))
        }
    }
}

/// What a provider says of a person beside the id token: some put no e-mail into it.
pub(super) async fn user_info(app: &App, url: &Url, access: &str) -> Result<Claims, Trouble> {
    let said = object(app, app.sso.http.get(url.clone()).bearer_auth(access), "The userinfo endpoint").await?;
    Ok(Claims::new(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_https_is_called_unless_the_operator_allows_more() {
        for good in ["https://id.example.com", "https://id.example.com/realms/x/"] {
            assert!(address(good, false).is_some(), "{good}");
        }
        let private =
            ["http://id.example.com", "https://10.0.0.7/realms/x", "https://[::1]/", "http://127.0.0.1:8080/"];
        for bad in private {
            assert!(address(bad, false).is_none(), "{bad}");
            assert!(address(bad, true).is_some(), "{bad}");
        }
        for bad in ["ftp://id.example.com", "https://me:pw@id.example.com", "https://id.example.com/#part", "x"] {
            assert!(address(bad, true).is_none(), "{bad}");
        }
    }
}
