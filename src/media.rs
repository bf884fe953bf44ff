//! Media that customers send: fetched at once, because providers delete them, kept, and served by links that cannot be
//! guessed and live until the file is forgotten.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use channel::line::{self, Fetched, Media as Source, Transcoding};
use db::Conn;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{GetResult, ObjectStore, ObjectStoreExt};
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::chat::account::{self, Account};
use crate::http::{Error, Path, absolute};
use crate::job::{self, Job, Kind, Next, backoff};
use crate::random;

/// The largest file that is fetched, in bytes. LINE's own limit for videos and files is below it.
const LARGEST: u64 = 512 * 1024 * 1024;

/// A download that takes longer is begun anew.
const LONGEST_DOWNLOAD: Duration = Duration::from_secs(15 * 60);

/// After so many tries a file is given up.
const MOST_TRIES: i64 = 20;

/// Between two tries of a job that the store hinders, in milliseconds.
const PAUSE: i64 = 60 * 1000;

/// Files go to the store in pieces of this many bytes; S3 takes none that is smaller.
const PIECE: usize = 5 * 1024 * 1024;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_media))
}

/// Where files are kept: a folder, or any store that speaks S3.
#[derive(Debug, Clone)]
pub struct Store(Arc<dyn ObjectStore>, Option<Arc<FilePath>>);

impl Store {
    /// Opens a folder (made when absent) or `s3://bucket/prefix`; S3's credentials come from the usual `AWS_…` variables.
    pub fn open(address: &str) -> Result<Store, object_store::Error> {
        if let Some(rest) = address.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            crate::app::use_tls();
            let s3 = AmazonS3Builder::from_env().with_bucket_name(bucket).build()?;
            return Ok(Store(Arc::new(PrefixStore::new(s3, prefix)), None));
        }
        let folder = FilePath::new(address);
        std::fs::create_dir_all(folder)
            .map_err(|error| object_store::Error::Generic { store: "folder", source: Box::new(error) })?;
        // What is acknowledged is on disk.
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Store(Arc::new(store), Some(Arc::from(folder))))
    }

    /// Whether the store answers: `doctor` asks.
    pub async fn check(&self) -> Result<(), object_store::Error> {
        self.0.list(None).next().await.transpose().map(drop)
    }

    /// Takes the bytes of a file, of which a few pieces at most are in memory; they are there once it is shut down.
    pub fn writer(&self, id: &str) -> BufWriter {
        BufWriter::with_capacity(Arc::clone(&self.0), key(id), PIECE).with_max_concurrency(2)
    }

    /// A file, to be read piece by piece; 404 when it is not there, 503 when the store does not answer.
    pub async fn get(&self, id: &str) -> Result<GetResult, Error> {
        self.0.get(&key(id)).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => Error::NotFound("file"),
            error => unread(&error),
        })
    }

    /// A file's size and bytes, piece by piece; nothing when it is not there.
    pub(crate) async fn read(
        &self,
        id: &str,
    ) -> Result<Option<(u64, BoxStream<'static, object_store::Result<Bytes>>)>, Error> {
        match self.get(id).await {
            Ok(object) => Ok(Some((object.meta.size, object.into_stream()))),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a file of this size is there.
    pub async fn has(&self, id: &str, size: u64) -> Result<bool, Error> {
        match self.0.head(&key(id)).await {
            Ok(found) => Ok(found.size == size),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(Error::Internal(format!("media store: {error}"))),
        }
    }

    /// Copies every file that another store lacks, which never change; answers how many there are in this one.
    pub async fn copy_to(&self, other: &Store, copied: impl Fn()) -> Result<u64, object_store::Error> {
        let mut all = self.0.list(None);
        let mut count = 0;
        while let Some(file) = all.try_next().await? {
            count += 1;
            let known = other.0.head(&file.location).await;
            if !known.is_ok_and(|known| known.size == file.size) {
                let mut pieces = match self.0.get(&file.location).await {
                    Ok(object) => object.into_stream(),
                    // Deleted since it was listed.
                    Err(object_store::Error::NotFound { .. }) => continue,
                    Err(error) => return Err(error),
                };
                let mut writer =
                    BufWriter::with_capacity(Arc::clone(&other.0), file.location, PIECE).with_max_concurrency(2);
                while let Some(piece) = pieces.try_next().await? {
                    writer.put(piece).await?;
                }
                let failed = |source| object_store::Error::Generic { store: "copy", source: Box::new(source) };
                writer.shutdown().await.map_err(failed)?;
            }
            copied();
        }
        Ok(count)
    }

    /// Deletes a file, and in a folder what a killed server has left of it; one that is not there is deleted.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        match self.0.delete(&key(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(unwritten(&error)),
        }
        let Some(folder) = &self.1 else { return Ok(()) };
        // A file that is being written lies beside its place as `name#1`, `name#2`, …
        for number in 1.. {
            match tokio::fs::remove_file(folder.join(format!("{}#{number}", key(id)))).await {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
                Err(error) => return Err(unwritten(&error)),
            }
        }
        Ok(())
    }
}

/// The store gives no file: the log gets the reason, the caller hears that it is no fault of the request.
pub fn unread(error: &object_store::Error) -> Error {
    tracing::error!(%error, "the media store cannot be read");
    Error::Busy("The media store cannot be read now")
}

/// The same where it takes or deletes none: its disk is full, or it is away.
pub fn unwritten(error: &dyn std::fmt::Display) -> Error {
    tracing::error!(%error, "the media store cannot be written");
    Error::Busy("The media store cannot take files now")
}

/// How a job ends that the store hinders: it is run again every minute, for as long as that takes. Its tries do not count,
/// because files would be given up that are there once the store works again.
pub fn hindered(app: &App, error: Error) -> Result<Next, Error> {
    match error {
        Error::Busy(_) => Ok(Next::Later(app.now() + PAUSE)),
        error => Err(error),
    }
}

/// Where a file of this id lies. The company comes first, so that one tenant's files are one folder.
fn key(id: &str) -> Key {
    let (company, rest) = id.split_once('-').unwrap_or(("0", id));
    Key::from_iter([company, rest.get(..2).unwrap_or("_"), rest])
}

/// Notes a file that is to be fetched, and answers the address at which it will be.
pub async fn expect(
    tx: &mut Conn,
    app: &App,
    account: &Account,
    message: Uuid,
    source: &Source,
    provider_id: Option<&str>,
) -> Result<String, Error> {
    let from = match source {
        Source::Line { transcoded, .. } => {
            format!("line:{}:{}", u8::from(*transcoded), provider_id.unwrap_or_default())
        }
        // Its sender put it on a server of their own; it stays there.
        Source::External { url, .. } => return Ok(url.clone()),
    };
    let id = format!("{}-{}", account.company, random::text(16)?);
    let now = app.now();
    tx.sql(
        "insert into media (company, id, account, message, source, state, created_at)
         values ($1, $2, $3, $4, $5, 'waiting', $6)",
    )
    .bind(account.company)
    .bind(&id)
    .bind(&account.id)
    .bind(message)
    .bind(from)
    .bind(now)
    .later()
    .await?;
    job::enqueue_in(tx, account.company, Kind::Media, &account.id, &id, now).await?;
    Ok(absolute(app, &format!("/media/{id}")))
}

/// Makes the files of a message unreachable; the purge deletes the bytes with the job that is asked for here.
pub async fn forget(tx: &mut Conn, company: i64, message: Uuid) -> Result<(), db::Error> {
    let ids: Vec<String> = tx
        .sql("update media set state = 'gone' where company = $1 and message = $2 returning id")
        .bind(company)
        .bind(message)
        .all()
        .await?;
    for id in ids {
        job::enqueue(tx, company, Kind::Media, &id, 0).await?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Row {
    account: String,
    source: String,
    state: String,
    content_type: Option<String>,
    size: Option<i64>,
}

async fn find(conn: &mut Conn, company: i64, id: &str) -> Result<Option<Row>, db::Error> {
    conn.sql("select account, source, state, content_type, size from media where company = $1 and id = $2")
        .bind(company)
        .bind(id)
        .optional()
        .await
}

/// Job: fetches a file and stores it; of a file that is gone, deletes the bytes.
pub async fn fetch(app: &App, job: &Job) -> Result<Next, Error> {
    settle_one(app, job).await.or_else(|error| hindered(app, error))
}

async fn settle_one(app: &App, job: &Job) -> Result<Next, Error> {
    let Some(row) = find(&mut app.db.read().await?, job.company, &job.key).await? else { return Ok(Next::Done) };
    match row.state.as_str() {
        "waiting" => {}
        "gone" => {
            app.media.delete(&job.key).await?;
            return Ok(Next::Done);
        }
        _ => return Ok(Next::Done),
    }
    let account = app.accounts.get(app, &row.account).await?;
    let Some(credentials) = account.as_deref().and_then(Account::line) else {
        tracing::warn!(account = row.account, "media cannot be fetched: the account is gone");
        settle(app, job, "gone", None, None).await?;
        return Ok(Next::Done);
    };
    let mut source = row.source.splitn(3, ':').skip(1);
    let (transcoded, provider_id) = (source.next() == Some("1"), source.next().unwrap_or_default());
    let outcome = match transcoded && !is_transcoded(app, &credentials, provider_id).await {
        true => Got::NotYet("LINE still prepares it".to_owned()),
        false => download(app, &credentials, provider_id, &job.key).await?,
    };
    let now = app.now();
    match outcome {
        Got::Stored { content_type, size } => {
            settle(app, job, "stored", Some(&content_type), Some(size)).await?;
            Ok(Next::Done)
        }
        Got::NotYet(reason) if job.tries < MOST_TRIES => {
            tracing::debug!(reason, tries = job.tries, "media not fetched yet");
            Ok(Next::At(now + backoff(job.tries, 60 * 60 * 1000)))
        }
        Got::NotYet(reason) | Got::Gone(reason) => {
            tracing::warn!(reason, "media cannot be fetched");
            settle(app, job, "gone", None, None).await?;
            Ok(Next::Done)
        }
    }
}

async fn settle(
    app: &App,
    job: &Job,
    state: &'static str,
    kind: Option<&str>,
    size: Option<i64>,
) -> Result<(), db::Error> {
    app.db
        .write(async |mut tx| {
            // A file whose message was taken back meanwhile stays gone.
            tx.sql(
                "update media set state = $1, content_type = $2, size = $3
                 where company = $4 and id = $5 and state = 'waiting'",
            )
            .bind(state)
            .bind(kind)
            .bind(size)
            .bind(job.company)
            .bind(&job.key)
            .exec()
            .await
            .map(drop)
        })
        .await
}

enum Got {
    Stored { content_type: String, size: i64 },
    NotYet(String),
    Gone(String),
}

async fn is_transcoded(app: &App, credentials: &line::Credentials<'_>, id: &str) -> bool {
    let Ok(request) = line::transcoding(credentials, id) else { return true };
    let Ok(answer) = crate::chat::line::call(app, request).await else { return false };
    // Failed, or LINE does not know: the download itself says so.
    !matches!(line::read_transcoding(&answer.body), Ok(Transcoding::Processing))
}

/// Streams a file from LINE into the store.
async fn download(app: &App, credentials: &line::Credentials<'_>, id: &str, media: &str) -> Result<Got, Error> {
    let Ok(request) = line::media(credentials, id).map_err(drop) else {
        return Ok(Got::Gone("it has no usable id".to_owned()));
    };
    let Ok(mut request) = reqwest::Request::try_from(request) else { return Ok(Got::Gone("no request".to_owned())) };
    // A large film takes its time; a connection that stands still is given up by the client's read time-out.
    *request.timeout_mut() = Some(LONGEST_DOWNLOAD);
    let response = match app.http.execute(request).await {
        Ok(response) => response,
        Err(error) => return Ok(Got::NotYet(crate::chat::line::describe(&error))),
    };
    match line::fetched(response.status().as_u16(), b"") {
        Fetched::Ready => {}
        Fetched::NotYet => return Ok(Got::NotYet("LINE still prepares it".to_owned())),
        Fetched::Retry { reason } | Fetched::Unauthorized { reason } => return Ok(Got::NotYet(reason)),
        Fetched::Gone { reason } | Fetched::Dead { reason } => return Ok(Got::Gone(reason)),
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let content_type = kind.unwrap_or("application/octet-stream").to_owned();
    let mut writer = app.media.writer(media);
    let mut size: u64 = 0;
    let mut chunks = response.bytes_stream();
    loop {
        match chunks.try_next().await {
            Ok(Some(chunk)) => {
                size += chunk.len() as u64;
                if size > LARGEST {
                    let _ = writer.abort().await;
                    return Ok(Got::Gone(format!("it is larger than {LARGEST} bytes")));
                }
                if let Err(error) = writer.write_all(&chunk).await {
                    // What was written takes space that the store may not have; the file is fetched anew.
                    let _ = writer.abort().await;
                    return Err(unwritten(&error));
                }
            }
            Ok(None) => break,
            Err(error) => {
                let _ = writer.abort().await;
                return Ok(Got::NotYet(crate::chat::line::describe(&error)));
            }
        }
    }
    writer.shutdown().await.map_err(|error| unwritten(&error))?;
    Ok(Got::Stored { content_type, size: i64::try_from(size).unwrap_or(i64::MAX) })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct MediaPath {
    /// The file's id, as in the message's `content`.
    id: String,
}

/// Get a file that a customer sent.
///
/// The address, which cannot be guessed, is the permission. While the file is still being fetched the answer is 503 with
/// `Retry-After`.
#[utoipa::path(
    get,
    path = "/media/{id}",
    operation_id = "getMedia",
    tag = "Chat",
    params(MediaPath),
    responses(
        (status = 200, description = "The file.", content_type = "application/octet-stream"),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn get_media(State(app): State<App>, Path(path): Path<MediaPath>) -> Result<Response, Error> {
    let company = account::company_of(&path.id).ok_or(Error::NotFound("file"))?;
    let row = find(&mut app.db.read().await?, company, &path.id).await?.ok_or(Error::NotFound("file"))?;
    match row.state.as_str() {
        "stored" => {}
        "waiting" => return Err(Error::Busy("The file is still being fetched from the provider")),
        _ => return Err(Error::NotFound("file")),
    }
    let object = app.media.get(&path.id).await?;
    let kind = row.content_type.unwrap_or_default();
    Ok(respond(object, &kind, row.size, None, "private, max-age=86400"))
}

/// Answers with a file. What strangers sent is shown, never run: no sniffing, no scripts, and only pictures and sounds
/// open in place.
pub fn respond(object: GetResult, kind: &str, size: Option<i64>, name: Option<&str>, cache: &'static str) -> Response {
    let mut response = Response::new(Body::from_stream(object.into_stream()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let shown =
        ["image/", "video/", "audio/"].iter().any(|known| kind.starts_with(known)) && !kind.starts_with("image/svg");
    let disposition = if shown { "inline" } else { "attachment" };
    let disposition = match name {
        Some(name) => HeaderValue::from_str(&format!("{disposition}; {}", file_name(name))),
        None => Ok(HeaderValue::from_static(disposition)),
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap_or(UNKNOWN_KIND));
    headers.insert(CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(size) = size {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    }
    response
}

const UNKNOWN_KIND: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A name in both forms of RFC 6266: what is not ASCII is only in the second, which every browser of today reads.
pub(crate) fn file_name(name: &str) -> String {
    let plain =
        |letter: char| if matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\' | '%') { letter } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let exact = percent_encoding::utf8_percent_encode(name, ATTR_CHAR);
    format!("filename=\"{ascii}\"; filename*=UTF-8''{exact}")
}

/// Everything but the letters that RFC 8187 lets stand for themselves.
const ATTR_CHAR: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');
