//! The server that is read from: tokens, pace, patience, and the shapes in which lists come.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::Method;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::Instant;

use super::kind::Step;
use crate::chat::line::describe;
use crate::http::Error;

/// Where the records are, and who may read them.
#[derive(Debug)]
pub(crate) struct Account {
    /// The server's address, without a version.
    pub(crate) base_url: String,
    /// The API client's id.
    pub(crate) client_id: String,
    /// Its secret.
    pub(crate) client_secret: String,
    /// The subscription key, where the server asks for one.
    pub(crate) subscription_key: Option<String>,
    /// Calls a second at most.
    pub(crate) rate: u32,
}

/// Tries of one call before it is given up: with the waits between them about four minutes.
const TRIES: u32 = 8;

/// The longest wait between two tries, also when the server asks for a longer one.
const LONGEST: Duration = Duration::from_secs(120);

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer larger than this is none that this API gives (bytes).
const MOST: usize = 64 * 1024 * 1024;

/// The server, as one client of it.
pub(super) struct Source {
    http: reqwest::Client,
    account: Account,
    token: Option<String>,
    /// Whether a call has ever been answered: until then the address is likelier to be wrong than the server to be away.
    reached: bool,
    /// When the next call may be made.
    next: Instant,
    /// Staff codes of employees by their user ids there, once they were needed.
    people: Option<HashMap<String, String>>,
    /// Names of header templates by their numbers there, once they were needed.
    templates: Option<HashMap<i64, String>>,
}

/// What a call came to.
enum Outcome {
    Answer(Value),
    Missing,
    /// The token is no longer good.
    Unauthorized,
    /// To be tried again, after this time if the server says so.
    Later(Option<Duration>, String),
    /// No connection: refused, or no such host.
    Unreachable(String),
    Refused(String),
}

impl Source {
    pub(super) fn new(http: reqwest::Client, account: Account) -> Source {
        let next = Instant::now();
        Source { http, account, token: None, reached: false, next, people: None, templates: None }
    }

    /// What a copy is remembered by: the same client of the same server.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.account.base_url.trim_end_matches('/'), self.account.client_id)
    }

    /// Reads one record; none when the server has no such.
    pub(super) async fn get(&mut self, path: &str, code: &str) -> Result<Option<Value>, Error> {
        let path = format!("{path}/{}", utf8_percent_encode(code, NON_ALPHANUMERIC));
        self.call(Method::GET, &path, None, false).await
    }

    /// Reads a list that has no pages; none when the server has no such, or does not show it to this client.
    pub(super) async fn look(&mut self, path: &str) -> Result<Option<Vec<Value>>, Error> {
        let answer = self.call(Method::GET, path, None, true).await?;
        Ok(answer.and_then(Page::read).map(|page| page.rows))
    }

    /// Reads a page of a list.
    pub(super) async fn list(&mut self, path: &str, body: &Value) -> Result<Page, Error> {
        let answer = self.call(Method::POST, path, Some(body), false).await?;
        let answer = answer.ok_or_else(|| failed(format!("POST {path}: no such operation")))?;
        Page::read(answer).ok_or_else(|| failed(format!("POST {path}: the answer has no list")))
    }

    /// The same of a list that not every server has; none when it has not, or does not show it to this client.
    pub(super) async fn list_if_any(&mut self, path: &str, body: &Value) -> Result<Option<Page>, Error> {
        Ok(self.call(Method::POST, path, Some(body), true).await?.and_then(Page::read))
    }

    /// Staff codes of employees by their user ids there: records name who did something by these.
    pub(super) async fn people(&mut self) -> Result<&HashMap<String, String>, Error> {
        if self.people.is_none() {
            let mut people = HashMap::new();
            loop {
                let body = Step::Employees.query(i64::try_from(people.len()).unwrap_or(i64::MAX), None, None);
                let page = self.list_if_any(Step::Employees.path(), &body).await?;
                let known = people.len();
                for row in page.into_iter().flat_map(|page| page.rows) {
                    let (id, code) = (row["userId"].as_str(), row["staffCode"].as_str());
                    if let (Some(id), Some(code)) = (id, code) {
                        people.insert(id.to_owned(), code.to_owned());
                    }
                }
                // A server that knows no skip gives its first page again.
                if people.len() == known {
                    break;
                }
            }
            self.people = Some(people);
        }
        Ok(self.people.get_or_insert_default())
    }

    /// The name of a header template there.
    pub(super) async fn template(&mut self, id: i64) -> Result<Option<String>, Error> {
        if self.templates.is_none() {
            let rows = self.look("/v2/salesorder/headerTemplate").await?.unwrap_or_default();
            let read = |row: &Value| {
                let name = row["headerTemplateName"].as_str()?;
                Some((row["headerTemplateId"].as_i64()?, name.to_owned()))
            };
            self.templates = Some(rows.iter().filter_map(read).collect());
        }
        Ok(self.templates.as_ref().and_then(|templates| templates.get(&id).cloned()))
    }

    /// One call, until it is answered. `may_lack`: an operation that is refused is as good as none.
    async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        may_lack: bool,
    ) -> Result<Option<Value>, Error> {
        let (mut tries, mut renewed) = (0, false);
        loop {
            let token = match &self.token {
                Some(token) => token.clone(),
                None => self.authenticate().await?,
            };
            tries += 1;
            let came = match self.once(&method, path, body, &token).await {
                Outcome::Unreachable(why) => Outcome::Later(None, why),
                came => came,
            };
            match came {
                Outcome::Answer(answer) => return Ok(Some(answer)),
                Outcome::Missing => return Ok(None),
                Outcome::Unauthorized if !renewed => {
                    (self.token, renewed) = (None, true);
                }
                Outcome::Unauthorized => return Err(failed(format!("{method} {path}: the token is refused"))),
                Outcome::Refused(why) if may_lack => {
                    tracing::warn!(path, why, "the server does not show this");
                    return Ok(None);
                }
                Outcome::Refused(why) | Outcome::Unreachable(why) => {
                    return Err(failed(format!("{method} {path}: {why}")));
                }
                Outcome::Later(_, why) if tries == TRIES => {
                    return Err(failed(format!("{method} {path}: {why}, {tries} times")));
                }
                Outcome::Later(wait, why) => {
                    let wait = wait.unwrap_or_else(|| Duration::from_secs(1 << tries)).min(LONGEST);
                    tracing::warn!(path, why, seconds = wait.as_secs(), "the server is asked again");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn once(&mut self, method: &Method, path: &str, body: Option<&Value>, token: &str) -> Outcome {
        self.pace().await;
        let url = format!("{}{path}", self.account.base_url.trim_end_matches('/'));
        let mut request = self.http.request(method.clone(), url).timeout(PATIENCE);
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        if let Some(key) = &self.account.subscription_key {
            request = request.header("ocp-apim-subscription-key", key);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        outcome(request).await
    }

    /// A new token.
    async fn authenticate(&mut self) -> Result<String, Error> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.account.client_id)
            .append_pair("client_secret", &self.account.client_secret)
            .finish();
        let url = format!("{}/authorization/connect/token", self.account.base_url.trim_end_matches('/'));
        for tries in 1..=TRIES {
            self.pace().await;
            let request = self.http.post(&url).timeout(PATIENCE);
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone());
            let came = outcome(request).await;
            let why = match came {
                Outcome::Unreachable(why) if !self.reached => return Err(failed(format!("{url}: {why}"))),
                Outcome::Answer(answer) => {
                    self.reached = true;
                    let token =
                        answer["access_token"].as_str().ok_or_else(|| failed("the answer has no token".to_owned()))?;
                    self.token = Some(token.to_owned());
                    return Ok(token.to_owned());
                }
                Outcome::Missing => return Err(failed(format!("{url}: no such address"))),
                Outcome::Unauthorized => return Err(failed(format!("{url}: the client id or secret is refused"))),
                Outcome::Refused(why) => return Err(failed(format!("{url}: {why}"))),
                Outcome::Unreachable(why) => {
                    tokio::time::sleep(Duration::from_secs(1 << tries).min(LONGEST)).await;
                    why
                }
                Outcome::Later(wait, why) => {
                    self.reached = true;
                    let wait = wait.unwrap_or_else(|| Duration::from_secs(1 << tries)).min(LONGEST);
                    tracing::warn!(url, why, seconds = wait.as_secs(), "the server is asked again");
                    tokio::time::sleep(if tries == TRIES { Duration::ZERO } else { wait }).await;
                    why
                }
            };
            if tries == TRIES {
                return Err(failed(format!("{url}: {why}, {tries} times")));
            }
        }
        Err(failed(format!("{url} was not asked")))
    }

    /// Waits until the next call may be made.
    async fn pace(&mut self) {
        tokio::time::sleep_until(self.next).await;
        self.next = Instant::now() + Duration::from_secs(1) / self.account.rate.max(1);
    }
}

/// A failure in words for whoever runs the copy; nothing in it is secret.
fn failed(why: String) -> Error {
    Error::Internal(why)
}

async fn outcome(request: reqwest::RequestBuilder) -> Outcome {
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_connect() => return Outcome::Unreachable(describe(&error)),
        Err(error) => return Outcome::Later(None, describe(&error)),
    };
    let status = answer.status().as_u16();
    let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let after = after.map(Duration::from_secs);
    let body = match read(answer).await {
        Ok(body) => body,
        Err(why) => return Outcome::Later(None, why),
    };
    match status {
        200..=299 => match serde_json::from_slice(&body) {
            Ok(answer) => Outcome::Answer(answer),
            Err(error) => Outcome::Refused(format!("the answer is not JSON: {error}")),
        },
        401 => Outcome::Unauthorized,
        404 => Outcome::Missing,
        429 => Outcome::Later(after, "too many requests".to_owned()),
        408 | 500..=599 => Outcome::Later(after, format!("the server answers {status}")),
        _ => Outcome::Refused(format!("the server answers {status}{}", said(&body))),
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| describe(&error))? {
        if body.len() + piece.len() > MOST {
            return Err("the answer is too large".to_owned());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// What a refusal says of itself, in any of the shapes that servers of this API answer with.
fn said(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let texts = [
        &body["errors"][0]["message"],
        &body["status"]["description"],
        &body["message"],
        &body["title"],
        &body["error_description"],
        &body["error"],
    ];
    let text = texts.into_iter().find_map(Value::as_str);
    text.map(|text| format!(": {}", text.chars().take(200).collect::<String>())).unwrap_or_default()
}

/// A page of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub(super) rows: Vec<Value>,
    /// How many there are in all, where the server says so.
    pub(super) total: Option<i64>,
    /// Where the next page begins, where the server says so.
    pub(super) next: Option<String>,
}

impl Page {
    /// Lists lie in `data`, or in `data.value`, and what belongs to the list beside them.
    fn read(mut answer: Value) -> Option<Page> {
        let mut data = answer.get_mut("data")?.take();
        let (rows, beside) = match &mut data {
            Value::Array(rows) => (std::mem::take(rows), &answer),
            Value::Object(object) => {
                let rows = object.get_mut("value")?.as_array_mut().map(std::mem::take)?;
                (rows, &data)
            }
            _ => return None,
        };
        let is_estimate = beside["totalIsEstimate"].as_bool().unwrap_or_default();
        let total = beside["total"].as_i64().filter(|_| !is_estimate);
        let next = beside["next"].as_str().map(str::to_owned);
        Some(Page { rows, total, next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_found_where_servers_put_them() {
        let rows = vec![json!({"a": 1})];
        let plain = Page::read(json!({"data": [{"a": 1}], "total": 7, "next": "x"}));
        assert_eq!(plain, Some(Page { rows: rows.clone(), total: Some(7), next: Some("x".to_owned()) }));
        let wrapped = Page::read(json!({"data": {"value": [{"a": 1}], "total": 9, "totalIsEstimate": true}}));
        assert_eq!(wrapped, Some(Page { rows, total: None, next: None }));
        for none in [json!({}), json!({"data": null}), json!({"data": {"value": 3}}), json!([])] {
            assert_eq!(Page::read(none), None);
        }
    }
}
