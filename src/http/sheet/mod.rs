//! Lists as files: whoever asks a list operation for `text/csv` or for a workbook of Excel gets the whole list, not a page
//! of it.
//!
//! The handler is asked for one page after another, each as large as pages are, and its JSON is written as rows. So every
//! operation whose answer is a list has this without a line of its own, and no list is ever held as a whole. The rows of
//! a CSV file leave as they are read; a workbook is complete only at its end, so it is written to a file first, outside
//! the request's time limit.
//!
//! A page is a request like any other, and made as one: it takes a token of the client's rate, and waits until there is
//! one. It is made on a thread beside the runtime's, which all others share, and so many exports run at once that the
//! others keep most of the processors.

mod layout;
mod room;
mod table;
mod write;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{TryStreamExt, stream};
use serde_json::{Map, Value};
use tokio::runtime::Handle;

pub use self::layout::ListLayout;
pub use self::room::Exports;
pub use self::write::neutral;

use self::room::Export;
use self::table::{Node, Table};
use self::write::{Csv, Workbook};
use super::caller::Client;
use super::error::Error;
use super::input::{self, Paging};
use super::openapi::Rule;
use crate::app::App;
use crate::telemetry::{self, Work};

/// When a caller may ask again who must wait for an export, in seconds.
const COME_BACK: u64 = 5;

/// The longest wait for a token of the client's rate, after which it is asked for again.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The media type of CSV.
pub const CSV: &str = "text/csv";

/// The media type of Excel's workbooks.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The kind of file that a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Xlsx,
}

impl Format {
    /// The first of the two that the caller names; a wildcard is content with JSON.
    fn wanted(headers: &HeaderMap) -> Option<Format> {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut kinds = accepted.flat_map(|value| value.split(',')).filter(|kind| !is_refused(kind));
        kinds.find_map(|kind| match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            CSV => Some(Format::Csv),
            XLSX => Some(Format::Xlsx),
            _ => None,
        })
    }
}

/// Whether a member of `Accept` has the weight 0, which says that it is not wanted.
fn is_refused(kind: &str) -> bool {
    let weight = kind.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q="));
    weight.is_some_and(|weight| weight.trim().parse::<f32>() == Ok(0.0))
}

/// The file that is asked for in the place of an operation's answer, where that is a list.
pub(crate) fn wanted(rule: &Rule, headers: &HeaderMap) -> Option<Format> {
    rule.list.as_ref().and_then(|_| Format::wanted(headers))
}

/// Answers a list as a file.
pub(crate) async fn instead(
    app: &App,
    client: Arc<Client>,
    rule: &Rule,
    format: Format,
    request: Request,
    next: Next,
) -> Response {
    let Some(layout) = rule.list.clone() else { return next.run(request).await };
    let Some(export) = app.exports.begin(client.company) else {
        return Error::TooManyExports { retry_after: COME_BACK }.into_response();
    };
    let name = rule.id.clone();
    let (mut parts, body) = request.into_parts();
    let body = match input::body(Request::new(body), app.config.body_limit).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    for name in [CONTENT_LENGTH, IF_NONE_MATCH] {
        parts.headers.remove(name);
    }
    let work = telemetry::work();
    let pages = Pages {
        parts,
        body,
        next,
        layout,
        next_page: NextPage::Start,
        app: app.clone(),
        client,
        work,
        _export: export,
    };
    // The first page says whether the request is good: a refusal is answered as it always is.
    let (pages, first) = match pages.aside(async |pages: &mut Pages| pages.fetch().await).await {
        Ok((pages, Ok(rows))) => (pages, rows),
        Ok((_, Err(answer))) => return *answer,
        Err(error) => return Error::Internal(format!("a page of a list: {error}")).into_response(),
    };
    let table = Table::of(&first, &pages.layout);
    let body = match format {
        Format::Csv => csv(pages, table, first),
        Format::Xlsx => xlsx(pages, table, first),
    };
    let (kind, ending) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Xlsx => (XLSX, "xlsx"),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.{ending}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NextPage {
    Start,
    Cursor(String),
    Skip(i64),
    End,
}

/// The pages of a list, asked for one after another.
struct Pages {
    parts: Parts,
    body: Bytes,
    next: Next,
    layout: ListLayout,
    next_page: NextPage,
    app: App,
    client: Arc<Client>,
    work: Work,
    _export: Export,
}

impl Pages {
    /// Works with the pages on a thread of its own kind: reading a page and writing its rows takes the processor for
    /// milliseconds without a pause, and the runtime's few threads have others to answer.
    async fn aside<T: Send + 'static>(
        mut self,
        work: impl AsyncFnOnce(&mut Pages) -> T + Send + 'static,
    ) -> Result<(Pages, T), io::Error> {
        let runtime = Handle::current();
        let made = tokio::task::spawn_blocking(move || {
            let told = self.work.clone();
            let made = runtime.block_on(telemetry::traced(told, work(&mut self)));
            (self, made)
        });
        made.await.map_err(io::Error::other)
    }

    /// Waits for a token of the client's rate. Half of what it may have at once is left to its other requests.
    async fn wait_turn(&self) {
        let Some(limits) = &self.app.limits else { return };
        loop {
            let key = (self.client.company, self.client.id.clone());
            let verdict = limits.take_above(key, self.app.steady(), u64::from(self.app.config.rate_limit));
            if verdict.allowed {
                return;
            }
            tokio::time::sleep(Duration::from_millis(verdict.wait.max(1)).min(LONGEST_WAIT)).await;
        }
    }

    /// The records of the next page; the handler's own answer when it is none.
    async fn fetch(&mut self) -> Result<Vec<Node>, Box<Response>> {
        let answer = self.next.clone().run(self.request()).await;
        if answer.status() != StatusCode::OK {
            return Err(Box::new(answer));
        }
        let internal = |why: String| Box::new(Error::Internal(format!("a page of a list: {why}")).into_response());
        let body = to_bytes(answer.into_body(), usize::MAX).await.map_err(|error| internal(error.to_string()))?;
        let answer: Node = serde_json::from_slice(&body).map_err(|error| internal(error.to_string()))?;
        let (rows, cursor) = self.layout.read(answer).ok_or_else(|| internal("it has no records".to_owned()))?;
        let rows = self.layout.records(rows);
        let full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= Paging::MOST;
        self.next_page = match (&self.next_page, cursor) {
            (_, Some(cursor)) if self.layout.cursor.is_some() => NextPage::Cursor(cursor),
            (_, None) if self.layout.cursor.is_some() => NextPage::End,
            (NextPage::Skip(before), _) if full => NextPage::Skip(before + Paging::MOST),
            (NextPage::Start, _) if full && self.layout.skips => NextPage::Skip(Paging::MOST),
            _ => NextPage::End,
        };
        Ok(rows)
    }

    /// The caller's request with the next page in place of the one that it names.
    fn request(&self) -> Request {
        let mut paging = Map::new();
        for size in &self.layout.sizes {
            paging.insert((*size).to_owned(), Value::from(Paging::MOST));
        }
        if self.layout.skips {
            let skip = if let NextPage::Skip(skip) = self.next_page { skip } else { 0 };
            paging.insert("skip".to_owned(), Value::from(skip));
        }
        if let Some(details) = self.layout.details {
            paging.insert(details.to_owned(), Value::from(true));
        }
        if let Some(cursor) = self.layout.cursor {
            let from =
                if let NextPage::Cursor(cursor) = &self.next_page { Value::from(cursor.as_str()) } else { Value::Null };
            paging.insert(cursor.to_owned(), from);
        }
        let mut parts = self.parts.clone();
        let body = match self.layout.in_body {
            true => Body::from(with_members(&self.body, paging).unwrap_or_else(|| self.body.to_vec())),
            false => {
                parts.uri = with_parameters(&parts.uri, &paging).unwrap_or(parts.uri);
                Body::from(self.body.clone())
            }
        };
        Request::from_parts(parts, body)
    }

    /// The page after those that were read. The answer has begun, so a failure can only break it off.
    async fn more(&mut self) -> Result<Vec<Node>, io::Error> {
        self.fetch().await.map_err(|answer| {
            let status = answer.status();
            tracing::error!(%status, "a list could not be read to its end");
            io::Error::other("the list could not be read to its end")
        })
    }
}

/// A JSON body with these members in place of its own, whatever their letter case; none when it is no object.
fn with_members(body: &[u8], members: Map<String, Value>) -> Option<Vec<u8>> {
    let mut object: Map<String, Value> = match body.iter().all(u8::is_ascii_whitespace) {
        true => Map::new(),
        false => serde_json::from_slice(body).ok()?,
    };
    object.retain(|name, _| !members.keys().any(|member| member.eq_ignore_ascii_case(name)));
    object.extend(members);
    serde_json::to_vec(&object).ok()
}

/// An address with these parameters in place of its own.
fn with_parameters(uri: &Uri, parameters: &Map<String, Value>) -> Option<Uri> {
    let own = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let kept = own.filter(|(name, _)| !parameters.keys().any(|parameter| parameter.eq_ignore_ascii_case(name)));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept);
    for (name, value) in parameters {
        match value {
            Value::Null => {}
            Value::String(text) => drop(query.append_pair(name, text)),
            other => drop(query.append_pair(name, &other.to_string())),
        }
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{}?{}", uri.path(), query.finish())).ok()?);
    Uri::from_parts(parts).ok()
}

/// Row by row as they are read.
fn csv(pages: Pages, table: Table, first: Vec<Node>) -> Body {
    let begun = Csv::head(&table).and_then(|mut bytes| {
        bytes.extend(Csv::rows(&table, &first)?);
        Ok(Bytes::from(bytes))
    });
    let rest = stream::try_unfold((pages, table), async |(pages, table)| {
        if pages.next_page == NextPage::End {
            return Ok(None);
        }
        pages.wait_turn().await;
        let made = async move |pages: &mut Pages| {
            let rows = pages.more().await?;
            Ok::<_, io::Error>((Bytes::from(Csv::rows(&table, &rows)?), table))
        };
        let (pages, made) = pages.aside(made).await?;
        let (bytes, table) = made?;
        Ok(Some((bytes, (pages, table))))
    });
    Body::from_stream(futures_util::StreamExt::chain(stream::iter([begun]), rest))
}

/// A workbook, written to a file that has no name, and then handed on piece by piece.
fn xlsx(pages: Pages, table: Table, first: Vec<Node>) -> Body {
    let written = async move {
        let begin = async move |_: &mut Pages| {
            let mut workbook = Workbook::new(table)?;
            workbook.rows(&first)?;
            Ok::<_, io::Error>(workbook)
        };
        let (mut pages, begun) = pages.aside(begin).await?;
        let mut workbook = begun?;
        while pages.next_page != NextPage::End {
            pages.wait_turn().await;
            let add = async move |pages: &mut Pages| {
                workbook.rows(&pages.more().await?)?;
                Ok::<_, io::Error>(workbook)
            };
            let (more, added) = pages.aside(add).await?;
            (pages, workbook) = (more, added?);
        }
        let (pages, file) = pages.aside(async move |_: &mut Pages| workbook.finish()).await?;
        Ok::<_, io::Error>(write::pieces(tokio::fs::File::from_std(file?), pages))
    };
    Body::from_stream(stream::once(written).try_flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_names_a_file_gets_one() {
        let wanted = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).expect("a header"));
            Format::wanted(&headers)
        };
        assert_eq!(wanted("text/csv"), Some(Format::Csv));
        assert_eq!(wanted(&format!("application/json, {XLSX};q=0.9")), Some(Format::Xlsx));
        assert_eq!(wanted("Text/CSV; q=0, */*"), None);
        assert_eq!(wanted("text/html, application/xml;q=0.9, */*;q=0.8"), None);
    }

    #[test]
    fn a_page_takes_the_place_of_the_callers() {
        let members = Map::from_iter([("take".to_owned(), Value::from(200)), ("cursor".to_owned(), Value::Null)]);
        let body = with_members(br#"{"Take": 5, "keyword": "x"}"#, members.clone()).expect("an object");
        assert_eq!(String::from_utf8(body).expect("text"), r#"{"cursor":null,"keyword":"x","take":200}"#);
        assert!(with_members(b"[1]", members.clone()).is_none());
        let uri = with_parameters(&Uri::from_static("/v1/audit?ref=a%2Fb&TAKE=5&cursor=x"), &members).expect("a uri");
        assert_eq!(uri, "/v1/audit?ref=a%2Fb&take=200");
    }
}
