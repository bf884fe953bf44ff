//! Files on their way in, in every form in which clients send them: as parts of a form, as addresses, or as Base64 in JSON.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use bytes::Bytes;
use multer::{Field, Multipart};
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::name;
use super::sink::{self, Refusal, Sink, Stored};
use crate::app::App;
use crate::http::{Caller, Code, Error, Fault, Faults, input, lenient};
use crate::job::{self, Kind};
use crate::webhook::client;

/// The most files of one request.
pub const MOST_FILES: usize = 20;

/// A form may have so many parts that are no files, each of so many bytes.
const MOST_FIELDS: usize = 100;
const LARGEST_FIELD: usize = 64 * 1024;

/// The longest address, in characters.
const LONGEST_URL: usize = 4000;

/// A request with files: what else it says, what is wrong with it so far, and the files, whose bytes are in the store.
#[derive(Debug)]
pub struct Upload<T> {
    /// The properties beside the files.
    pub value: T,
    /// What is wrong so far.
    pub faults: Faults,
    /// The files, in their order.
    pub files: Vec<New>,
}

/// A file that belongs to no record yet.
#[derive(Debug, Clone)]
pub struct New {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) source: Source,
}

impl New {
    /// A file that is to be fetched from this address; the inner error says why it is none.
    pub fn at(app: &App, company: i64, text: &str, name: Option<&str>) -> Result<Result<New, &'static str>, Error> {
        let url = match address(app, text) {
            Ok(url) => url,
            Err(why) => return Ok(Err(why)),
        };
        let name = name.map_or_else(|| name::of_url(&url), name::clean);
        Ok(Ok(New { id: sink::new_id(company)?, name, source: Source::At(url.into()) }))
    }

    /// What it is by its first bytes; none of a file that is still to be fetched.
    pub fn content_type(&self) -> Option<&str> {
        match &self.source {
            Source::Here(stored) => Some(&stored.content_type),
            Source::At(_) => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Source {
    /// Its bytes are in the store.
    Here(Stored),
    /// It is to be fetched.
    At(String),
}

impl<T: DeserializeOwned + Send> FromRequest<App> for Upload<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Upload<T>, Error> {
        let caller = request.extensions().get::<Caller>().ok_or(Error::TokenMissing)?;
        let mut intake = Intake { app, company: caller.company, files: Vec::new(), faults: Faults::default() };
        match intake.read(request).await {
            Ok(value) => Ok(Upload { value, faults: intake.faults, files: intake.files }),
            Err(error) => {
                discard(app, intake.company, &intake.files).await;
                Err(error)
            }
        }
    }
}

impl<T> Upload<T> {
    /// What follows the answer: whoever looks after files and hears of them is woken; the files of a refused request are
    /// let go of.
    pub async fn settled<R>(&self, app: &App, caller: &Caller, answer: Result<R, Error>) -> Result<R, Error> {
        match &answer {
            Ok(_) => [Kind::File, Kind::Webhook].into_iter().for_each(|kind| app.wakes.wake(kind)),
            Err(_) => discard(app, caller.company, &self.files).await,
        }
        answer
    }
}

/// Lets go of files that no record came of: the job that looks after them deletes their bytes now rather than tomorrow.
/// Whether there is a record after all is asked there, because a COMMIT may have succeeded whose answer was lost.
async fn discard(app: &App, company: i64, files: &[New]) {
    let here = || files.iter().filter(|file| matches!(file.source, Source::Here(_))).map(|file| file.id.clone());
    let now = app.now();
    let hastened = app.db.write(async |mut tx| job::hasten(&mut tx, company, Kind::Discard, here(), now).await).await;
    match hastened {
        Ok(()) => app.wakes.wake(Kind::Discard),
        Err(error) => tracing::warn!(%error, "files of a refused request are deleted tomorrow"),
    }
}

struct Intake<'a> {
    app: &'a App,
    company: i64,
    files: Vec<New>,
    faults: Faults,
}

impl Intake<'_> {
    async fn read<T: DeserializeOwned>(&mut self, request: Request) -> Result<T, Error> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !input::is_multipart(kind) {
            let body = input::json_body(request, self.app).await?;
            let (value, found) = lenient::decode_all(&body).map_err(Error::Invalid)?;
            self.faults = Faults::new(found);
            self.json(serde_json::from_slice(&body).unwrap_or_default()).await?;
            return Ok(value);
        }
        let boundary = multer::parse_boundary(kind).map_err(|error| unreadable(&error))?;
        let form = Multipart::new(request.into_body().into_data_stream(), boundary);
        let fields = self.form(form).await?;
        let (value, found) =
            lenient::decode_all(Value::Object(fields).to_string().as_bytes()).map_err(Error::Invalid)?;
        for fault in found {
            self.faults.add(fault.code, fault.field, fault.message);
        }
        Ok(value)
    }

    /// Reads a form: parts with a file name go to the store as they come, the others are the request's properties.
    async fn form(&mut self, mut form: Multipart<'_>) -> Result<Map<String, Value>, Error> {
        let mut fields = Map::new();
        let mut count = 0;
        while let Some(part) = self.patiently(form.next_field()).await? {
            let field = part.name().unwrap_or_default().to_owned();
            if let Some(name) = part.file_name().map(str::to_owned) {
                self.part(part, &name).await?;
                continue;
            }
            count += 1;
            if count > MOST_FIELDS {
                let message = format!("A form may have {MOST_FIELDS} fields beside its files");
                return Err(Error::invalid(Code::InvalidBody, "", message));
            }
            let text = self.text(part, &field).await?;
            match field.split('[').next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "files" | "file" | "fileurl" => self.given(&self.field_name(), &Value::String(text)).await?,
                _ => drop(fields.insert(field, Value::String(text))),
            }
        }
        Ok(fields)
    }

    async fn text(&self, mut part: Field<'_>, field: &str) -> Result<String, Error> {
        let mut text = Vec::new();
        while let Some(bytes) = self.patiently(part.chunk()).await? {
            text.extend_from_slice(&bytes);
            if text.len() > LARGEST_FIELD {
                return Err(Error::invalid(
                    Code::TooLong,
                    field,
                    format!("{field} is longer than {LARGEST_FIELD} bytes"),
                ));
            }
        }
        String::from_utf8(text)
            .map_err(|_| Error::invalid(Code::InvalidFormat, field, format!("{field} is not UTF-8 text")))
    }

    /// Streams a part into the store.
    async fn part(&mut self, mut part: Field<'_>, name: &str) -> Result<(), Error> {
        let first = self.patiently(part.chunk()).await?;
        if first.is_none() && name.is_empty() {
            // A browser's form whose file was not chosen.
            return Ok(());
        }
        let (field, id) = (self.field_name(), self.begin().await?);
        let name = name::clean(name);
        let mut sink = Sink::begin(self.app, &id);
        let mut next = first;
        while let Some(bytes) = next {
            sink.write(bytes).await.map_err(|refusal| self.refused(refusal, &field, &name))?;
            next = match self.patiently(part.chunk()).await {
                Ok(next) => next,
                Err(error) => {
                    sink.abort().await;
                    return Err(error);
                }
            };
        }
        let stored = sink.finish(&name).await?;
        self.keep(New { id, name, source: Source::Here(stored) });
        Ok(())
    }

    /// The files of a JSON body: a list, or a single one.
    async fn json(&mut self, body: Value) -> Result<(), Error> {
        let fields = body.as_object().into_iter().flatten();
        let mut given = fields
            .filter(|(name, _)| ["files", "file", "fileurl"].iter().any(|known| name.eq_ignore_ascii_case(known)));
        match given.next().map(|(_, files)| files) {
            Some(Value::Array(files)) => {
                for (at, file) in files.iter().enumerate() {
                    self.given(&format!("files[{at}]"), file).await?;
                }
                Ok(())
            }
            Some(file) => self.given("files", file).await,
            None => Ok(()),
        }
    }

    /// One file of a body: an address, a `data:` URL, or an object with one of them or with Base64.
    async fn given(&mut self, field: &str, file: &Value) -> Result<(), Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Object {
            url: Option<String>,
            file_url: Option<String>,
            name: Option<String>,
            file_name: Option<String>,
            content: Option<String>,
            base64: Option<String>,
            data: Option<String>,
        }
        let (text, name) = match file {
            Value::Null => return Ok(()),
            Value::String(text) if text.trim().is_empty() => return Ok(()),
            Value::String(text) => (text.trim().to_owned(), None),
            Value::Object(_) => {
                let object: Object = match lenient::decode_value(file) {
                    Ok(object) => object,
                    Err(found) => {
                        for fault in found {
                            self.faults.add(fault.code, format!("{field}.{}", fault.field), fault.message);
                        }
                        return Ok(());
                    }
                };
                let name = object.file_name.or(object.name).filter(|name| !name.trim().is_empty());
                if let Some(url) = object.url.or(object.file_url) {
                    (url.trim().to_owned(), name)
                } else if let Some(content) = object.content.or(object.base64).or(object.data) {
                    return self.base64(field, content.trim(), name.as_deref()).await;
                } else {
                    self.faults.add(Code::Required, field, format!("{field} needs url or content"));
                    return Ok(());
                }
            }
            _ => {
                self.faults.add(Code::InvalidType, field, format!("{field} must be an address or an object"));
                return Ok(());
            }
        };
        if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            return self.base64(field, &text, name.as_deref()).await;
        }
        if field == "files" && !text.contains(':') {
            self.faults.add(Code::InvalidType, field, "files must be a list");
            return Ok(());
        }
        match address(self.app, &text) {
            Ok(url) => {
                let name = name.map_or_else(|| name::of_url(&url), |name| name::clean(&name));
                let id = sink::new_id(self.company)?;
                self.most()?;
                self.keep(New { id, name, source: Source::At(url.into()) });
            }
            Err(why) => self.faults.add(Code::InvalidUrl, field, format!("{field} {why}")),
        }
        Ok(())
    }

    async fn base64(&mut self, field: &str, content: &str, name: Option<&str>) -> Result<(), Error> {
        let content = if content.starts_with("data:") || content.starts_with("DATA:") {
            content.split_once(',').map_or("", |(_, content)| content)
        } else {
            content
        };
        let content: String = content.split_ascii_whitespace().collect();
        let read = STANDARD.decode(&content).or_else(|_| STANDARD_NO_PAD.decode(&content));
        let Ok(bytes) = read.or_else(|_| URL_SAFE.decode(&content)) else {
            self.faults.add(Code::InvalidFormat, field, format!("{field} is not Base64"));
            return Ok(());
        };
        let (name, id) = (name::clean(name.unwrap_or_default()), self.begin().await?);
        let mut sink = Sink::begin(self.app, &id);
        sink.write(Bytes::from(bytes)).await.map_err(|refusal| self.refused(refusal, field, &name))?;
        let stored = sink.finish(&name).await?;
        self.keep(New { id, name, source: Source::Here(stored) });
        Ok(())
    }

    /// An id for the next file, whose bytes are looked after from now on.
    async fn begin(&self) -> Result<String, Error> {
        self.most()?;
        let id = sink::new_id(self.company)?;
        sink::look_after(self.app, self.company, &id).await?;
        Ok(id)
    }

    fn most(&self) -> Result<(), Error> {
        if self.files.len() < MOST_FILES {
            return Ok(());
        }
        Err(Error::invalid(Code::OutOfRange, "files", format!("One request may have {MOST_FILES} files")))
    }

    fn keep(&mut self, file: New) {
        self.files.push(file);
    }

    /// How the next file is called in faults.
    fn field_name(&self) -> String {
        format!("files[{}]", self.files.len())
    }

    fn refused(&self, refusal: Refusal, field: &str, name: &str) -> Error {
        match refusal {
            Refusal::TooLarge => {
                let limit = self.app.config.max_file_size;
                let message = format!("{name} is larger than {limit} bytes");
                Error::FileTooLarge(Fault::new(Code::TooLarge, field, message))
            }
            Refusal::Store(error) => error,
        }
    }

    /// The next piece of a body. A file may take its time; a connection that stands still is given up.
    async fn patiently<P>(&self, next: impl Future<Output = Result<P, multer::Error>>) -> Result<P, Error> {
        let patience = Duration::from_secs(self.app.config.request_timeout.max(1));
        match tokio::time::timeout(patience, next).await {
            Ok(read) => read.map_err(|error| unreadable(&error)),
            Err(_) => Err(Error::Busy("The body stopped arriving; send it again")),
        }
    }
}

fn unreadable(error: &multer::Error) -> Error {
    // Only what the form itself is wrong in: a stream's own error would tell of the network.
    let why = match error {
        multer::Error::StreamReadFailed(_) | multer::Error::IncompleteStream => "it ended too early".to_owned(),
        other => other.to_string(),
    };
    Error::invalid(Code::InvalidBody, "", format!("The body is not a readable form: {why}"))
}

/// An address that a file can be fetched from, or why it is none.
pub(super) fn address(app: &App, text: &str) -> Result<Url, &'static str> {
    if text.chars().count() > LONGEST_URL {
        return Err("is too long for an address");
    }
    let url = Url::parse(text).map_err(|_| "is not an address")?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err("is not an http or https address");
    }
    if !app.config.allow_private_webhooks && client::names_private_address(&url) {
        return Err("is a private address");
    }
    Ok(url)
}
