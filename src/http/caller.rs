//! Who calls: token -> [`Caller`], the scope that the operation declares, the subscription key, and the client's rate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::Error;
use super::idempotency::{self, Claim};
use super::limit::Verdict;
use super::openapi::Access;
use super::origin;
use super::sheet;
use crate::app::App;
use crate::{oauth, person, telemetry};

/// The header of the original API's gateway.
pub const SUBSCRIPTION_KEY: &str = "ocp-apim-subscription-key";

/// A token check is repeated against the database after this time, so that a revocation elsewhere is honoured within a
/// second.
const CACHED: Duration = Duration::from_millis(900);

/// Most tokens that are remembered in each of the two halves.
const MOST_CACHED: usize = 25_000;

/// An API client with a good token, or a person with a session, calling an operation that its scopes allow.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who is behind the token or the session.
    pub client: Arc<Client>,
    /// The idempotency key of this request, taken for it; see [`Caller::write`].
    pub(super) claim: Option<Claim>,
}

/// What a token says of its client, or a session of its person.
#[derive(Debug, PartialEq, Eq)]
pub struct Client {
    /// The tenant; every query of the request is keyed by it.
    pub company: i64,
    /// The client's id; of a person, the user id.
    pub id: String,
    /// The client's name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// SHA-256 of its subscription key.
    pub key_hash: Vec<u8>,
    /// When the token ends, in Unix milliseconds.
    pub expires_at: i64,
    /// Whether it wants `status.code` as a number.
    pub number_codes: bool,
    /// Whose records it may see and change.
    pub range: Range,
    /// The person, where a session vouches for one.
    pub person: Option<Person>,
}

impl Client {
    /// Whether the caller has to do with a channel account: a person may be kept to some.
    pub fn sees_account(&self, id: &str) -> bool {
        let allowed = self.person.as_ref().and_then(|person| person.accounts.as_ref());
        allowed.is_none_or(|allowed| allowed.iter().any(|one| one == id))
    }

    /// Whether the caller sees everybody's records, on every channel account, as far as the scopes go.
    pub fn sees_all(&self) -> bool {
        self.range == Range::All && self.person.as_ref().is_none_or(|person| person.accounts.is_none())
    }

    /// Refuses whoever does not, for want of the whole of this scope.
    pub fn must_see_all(&self, scope: &str) -> Result<(), Error> {
        if self.sees_all() { Ok(()) } else { Err(Error::Forbidden(scope.to_owned())) }
    }
}

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user id: the employee's.
    pub id: Uuid,
    /// The session.
    pub session: Uuid,
    /// When the session was last written down as used, in Unix milliseconds.
    pub seen_at: i64,
    /// The versions of the person's records and of the role, in sum: with others, the rights may be others.
    pub version: i64,
    /// The team's number.
    pub team: i64,
    /// The role's name.
    pub role: String,
    /// The channel accounts whose rooms the person may see; none is every one.
    pub accounts: Option<Vec<String>>,
}

/// A person's own request: an operation that no token reaches.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The caller.
    pub caller: Caller,
    /// The person.
    pub person: Person,
}

impl<S: Send + Sync> FromRequestParts<S> for Signed {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Signed, Error> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let person = caller.person.clone().ok_or(Error::PeopleOnly)?;
        Ok(Signed { caller, person })
    }
}

/// Whose records a caller may see and change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Everybody's: that of API clients.
    All,
    /// Those of the employees of a team, and the caller's own.
    Team {
        /// The caller's user id.
        user: Uuid,
        /// The team's number.
        team: i64,
    },
    /// The caller's own: assigned to him, or created by him.
    Own {
        /// The caller's user id.
        user: Uuid,
    },
}

impl Caller {
    /// Whose records this caller may see and change.
    pub fn range(&self) -> Range {
        self.client.range
    }

    /// Who asked for work that is done later: an API client by its id, or `system`. Its scopes were checked then.
    pub fn acting(company: i64, id: &str) -> Caller {
        Caller::acting_within(company, id, Range::All)
    }

    /// The same of a person who sees only some records.
    pub fn acting_within(company: i64, id: &str, range: Range) -> Caller {
        let client = Client {
            company,
            id: id.to_owned(),
            name: String::new(),
            scopes: Vec::new(),
            key_hash: Vec::new(),
            expires_at: i64::MAX,
            number_codes: false,
            range,
            person: None,
        };
        Caller { client: Arc::new(client), claim: None }
    }
}

impl std::ops::Deref for Caller {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Error> {
        // Put there by `authenticate`; an operation without it declares no security and must not ask for a caller.
        parts.extensions.get::<Caller>().cloned().ok_or(Error::TokenMissing)
    }
}

/// Middleware of every operation: checks what the operation's own attribute declares before its handler runs.
pub async fn authenticate(State(app): State<App>, path: MatchedPath, mut request: Request, next: Next) -> Response {
    let Some(operation) = app.operations.find(request.method(), path.as_str()) else {
        return next.run(request).await;
    };
    telemetry::tell(|work| work.operation = Some(Arc::clone(operation)));
    let scope = match &operation.access {
        Access::Open => return next.run(request).await,
        Access::Scope(scope) => Some(scope),
        Access::Session => None,
    };
    // Only the headers are borrowed while waiting: a request as a whole cannot be shared between threads.
    let (headers, changes) = (request.headers(), !origin::is_safe(request.method()));
    let checked = async {
        let client = match person::token_of(&app, headers) {
            // A token wins: a page cannot lend its cookie to a program's request.
            Some(token) if !headers.contains_key(AUTHORIZATION) => {
                let client = person_of(&app, token).await?;
                if changes && !origin::is_own(&app, headers) {
                    return Err(Error::ForeignOrigin);
                }
                client
            }
            _ => {
                let client = client_of(&app, headers).await?;
                let demanded = app.config.require_subscription_key && operation.subscription_key;
                check_subscription_key(&app, &client, headers, demanded).await?;
                client
            }
        };
        match scope {
            Some(scope) if !client.scopes.contains(scope) => Err(Error::Forbidden(scope.clone())),
            None if client.person.is_none() => Err(Error::PeopleOnly),
            _ => Ok(client),
        }
    };
    let client = match checked.await {
        Ok(client) => client,
        Err(error) => return error.into_response(),
    };
    let verdict = app.limits.as_ref().map(|limits| limits.take((client.company, client.id.clone()), app.steady()));
    if let Some(verdict) = verdict.filter(|verdict| !verdict.allowed) {
        let refused = Error::TooMany { retry_after: verdict.wait.div_ceil(1000).max(1) };
        return rate_headers(&app, verdict, refused.into_response());
    }
    telemetry::tell(|work| work.client = Some(Arc::clone(&client)));
    let caller = Caller { client, claim: None };
    let format = sheet::wanted(operation, request.headers());
    // A list is read: whoever repeats it reads it again, with a key or without.
    let key = idempotency::key(request.method(), request.headers()).filter(|_| format.is_none());
    let response = match (key, format) {
        (Some(key), _) => {
            let once = idempotency::once(&app, caller, key, operation, request, next);
            once.await.unwrap_or_else(Error::into_response)
        }
        (None, format) => {
            let client = Arc::clone(&caller.client);
            request.extensions_mut().insert(caller);
            match format {
                Some(format) => sheet::instead(&app, client, operation, format, request, next).await,
                None => next.run(request).await,
            }
        }
    };
    match verdict {
        Some(verdict) => rate_headers(&app, verdict, response),
        None => response,
    }
}

/// The client of the bearer token; the scheme's name in any letter case.
async fn client_of(app: &App, headers: &HeaderMap) -> Result<Arc<Client>, Error> {
    let header = headers.get(AUTHORIZATION).ok_or(Error::TokenMissing)?;
    let (scheme, token) =
        header.to_str().ok().and_then(|text| text.trim().split_once(' ')).ok_or(Error::TokenRefused)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::TokenMissing);
    }
    let token = token.trim();
    let company = oauth::company_of(token).ok_or(Error::TokenRefused)?;
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let client = match app.tokens.get(&hash) {
        Some(client) => client,
        None => {
            let client = Arc::new(oauth::find_token(app, company, &hash).await?.ok_or(Error::TokenRefused)?);
            app.tokens.put(hash, Arc::clone(&client));
            client
        }
    };
    if client.expires_at <= app.now() {
        return Err(Error::TokenRefused);
    }
    Ok(client)
}

/// The person of a session's token.
async fn person_of(app: &App, token: &str) -> Result<Arc<Client>, Error> {
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let known = app.tokens.get(&hash).filter(|client| !person::is_unwritten(client, app.now()));
    let client = match known {
        Some(client) => client,
        None => {
            let company = token.split_once('_').and_then(|(company, _)| company.parse().ok());
            let found = person::find_session(app, company.ok_or(Error::TokenRefused)?, &hash).await?;
            let client = found.filter(|client| client.expires_at > app.now()).ok_or(Error::TokenRefused)?;
            let client = Arc::new(person::seen(app, client).await?);
            app.tokens.put(hash, Arc::clone(&client));
            client
        }
    };
    if client.expires_at <= app.now() {
        return Err(Error::TokenRefused);
    }
    Ok(client)
}

async fn check_subscription_key(app: &App, client: &Client, headers: &HeaderMap, demanded: bool) -> Result<(), Error> {
    let Some(key) = headers.get(SUBSCRIPTION_KEY).filter(|key| !key.is_empty()) else {
        return if demanded { Err(Error::KeyMissing) } else { Ok(()) };
    };
    let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    if bool::from(hash.as_slice().ct_eq(&client.key_hash)) {
        return Ok(());
    }
    // The key is the company's, as the gateway's is: that of another of its clients is as good.
    match oauth::is_company_key(app, client.company, &hash).await? {
        true => Ok(()),
        false => Err(Error::KeyRefused),
    }
}

/// `RateLimit-*` of the IETF draft in both spellings that clients read.
fn rate_headers(app: &App, verdict: Verdict, mut response: Response) -> Response {
    let rate = u64::from(app.config.rate_limit);
    let headers = response.headers_mut();
    let reset = verdict.wait.div_ceil(1000);
    headers.insert("ratelimit-limit", HeaderValue::from(rate * 2));
    headers.insert("ratelimit-remaining", HeaderValue::from(verdict.remaining));
    headers.insert("ratelimit-reset", HeaderValue::from(reset));
    let structured = |text: String| HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    headers.insert("ratelimit-policy", structured(format!("\"client\";q={};w=2", rate * 2)));
    headers.insert("ratelimit", structured(format!("\"client\";r={};t={reset}", verdict.remaining)));
    response
}

/// Tokens that were checked a moment ago. When the young half is full it becomes the old one, and the old one is
/// forgotten: nobody ever looks through them.
#[derive(Debug, Default)]
pub struct TokenCache(Mutex<Halves>);

#[derive(Debug, Default)]
struct Halves {
    young: HashMap<[u8; 32], Checked>,
    old: HashMap<[u8; 32], Checked>,
}

/// A token's client, and when it was looked up.
type Checked = (Instant, Arc<Client>);

impl TokenCache {
    fn get(&self, hash: &[u8; 32]) -> Option<Arc<Client>> {
        let halves = self.lock();
        let found = halves.young.get(hash).or_else(|| halves.old.get(hash));
        found.filter(|(at, _)| at.elapsed() < CACHED).map(|(_, client)| Arc::clone(client))
    }

    fn put(&self, hash: [u8; 32], client: Arc<Client>) {
        let mut halves = self.lock();
        let forgotten = match halves.young.len() < MOST_CACHED {
            true => HashMap::new(),
            false => {
                let young = std::mem::take(&mut halves.young);
                std::mem::replace(&mut halves.old, young)
            }
        };
        halves.young.insert(hash, (Instant::now(), client));
        // Freeing them takes a while, in which nobody waits.
        drop(halves);
        drop(forgotten);
    }

    /// Forgets every token: something was revoked.
    pub fn clear(&self) {
        let forgotten = std::mem::take(&mut *self.lock());
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, Halves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Arc<Client> {
        Arc::new(Client {
            company: 507,
            id: "507-a".to_owned(),
            name: String::new(),
            scopes: Vec::new(),
            range: Range::All,
            key_hash: Vec::new(),
            expires_at: 0,
            number_codes: false,
            person: None,
        })
    }

    #[test]
    fn a_token_is_looked_up_again_within_a_second() {
        let cache = TokenCache::default();
        cache.put([1; 32], client());
        assert!(cache.get(&[1; 32]).is_some());
        assert!(cache.get(&[2; 32]).is_none());
        let a_second_ago = Instant::now().checked_sub(Duration::from_secs(1)).expect("the machine runs for a second");
        cache.lock().young.get_mut(&[1; 32]).expect("entry").0 = a_second_ago;
        assert!(cache.get(&[1; 32]).is_none());
    }

    #[test]
    fn so_many_tokens_are_remembered_and_no_more() {
        let cache = TokenCache::default();
        let client = client();
        let hash = |number: usize| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_le_bytes());
            hash
        };
        for number in 0..3 * MOST_CACHED {
            cache.put(hash(number), Arc::clone(&client));
        }
        let halves = cache.lock();
        assert_eq!((halves.young.len(), halves.old.len()), (MOST_CACHED, MOST_CACHED));
        assert!(halves.young.contains_key(&hash(3 * MOST_CACHED - 1)) && halves.old.contains_key(&hash(MOST_CACHED)));
    }
}
