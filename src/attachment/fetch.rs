//! Job: what is to be done about one file. Fetches it from its address, deletes the bytes of one that was removed, or of
//! one that never got a record.

use std::time::{Duration, Instant};

use axum::http::header::LOCATION;
use reqwest::{Response, Url};

use super::sink::{Refusal, Sink, Stored};
use super::{Record, Row, by_id, intake, place, tell, views};
use crate::app::App;
use crate::http::Error;
use crate::job::{Job, Next, backoff};
use crate::media;
use crate::webhook::client;

/// After so many tries a file is given up.
const MOST_TRIES: i64 = 8;

/// The longest wait between two tries, in milliseconds.
const LONGEST_WAIT: i64 = 60 * 60 * 1000;

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;

/// A file that comes slower than so many bytes a second, once its server had time to begin, is given up for now: it would
/// keep the company's other files waiting.
const SLOWEST: u64 = 1024;

/// Runs the job.
pub async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    settle(app, job).await.or_else(|error| media::hindered(app, error))
}

async fn settle(app: &App, job: &Job) -> Result<Next, Error> {
    let row = by_id(&mut app.db.read().await?, job.company, &job.key).await?;
    match row {
        None => app.media.delete(&job.key).await?,
        Some(row) if row.state == "gone" => {
            app.media.delete(&row.id).await?;
            forget(app, &row).await?;
        }
        Some(Row { source: Some(source), state, .. }) if state == "waiting" => return fetch(app, job, &source).await,
        Some(_) => {}
    }
    Ok(Next::Done)
}

async fn forget(app: &App, row: &Row) -> Result<(), db::Error> {
    app.db
        .write(async |mut tx| {
            tx.sql("delete from attachment where company = $1 and id = $2 and state = 'gone'")
                .bind(row.company)
                .bind(&row.id)
                .exec()
                .await
                .map(drop)
        })
        .await
}

enum Got {
    Stored(Stored),
    NotYet(String),
    Never(String),
}

async fn fetch(app: &App, job: &Job, source: &str) -> Result<Next, Error> {
    let limit = Duration::from_secs(app.config.upload_timeout.max(1));
    let got = match tokio::time::timeout(limit, download(app, &job.key, source)).await {
        Ok(Ok(got)) => got,
        Ok(Err(error)) => {
            // No fault of the address: it is tried again for as long as it takes, and whoever waits for the file sees why.
            if matches!(error, Error::Busy(_)) {
                note(app, job, "waiting", "the media store cannot take files now").await?;
            }
            return Err(error);
        }
        Err(_) => Got::NotYet(format!("it took longer than {} seconds", limit.as_secs())),
    };
    match got {
        Got::Stored(stored) => keep(app, job, &stored).await?,
        Got::NotYet(reason) if job.tries < MOST_TRIES => {
            note(app, job, "waiting", &reason).await?;
            return Ok(Next::At(app.now() + backoff(job.tries + 3, LONGEST_WAIT)));
        }
        Got::NotYet(reason) | Got::Never(reason) => note(app, job, "failed", &reason).await?,
    }
    Ok(Next::Done)
}

/// Streams a file from its address into the store.
async fn download(app: &App, id: &str, source: &str) -> Result<Got, Error> {
    let mut response = match follow(app, source).await {
        Ok(response) => response,
        Err(got) => return Ok(got),
    };
    if response.content_length().is_some_and(|length| length > app.config.max_file_size) {
        return Ok(too_large(app));
    }
    let row = by_id(&mut app.db.read().await?, crate::chat::account::company_of(id).unwrap_or_default(), id).await?;
    let name = row.map(|row| row.name).unwrap_or_default();
    let mut sink = Sink::begin(app, id);
    let (started, mut size) = (Instant::now(), 0);
    loop {
        match patiently(app, response.chunk()).await {
            Ok(Some(bytes)) => {
                size += bytes.len() as u64;
                match sink.write(bytes).await {
                    Ok(()) if is_dripping(app, started.elapsed(), size) => {
                        sink.abort().await;
                        return Ok(Got::NotYet(format!("it comes slower than {SLOWEST} bytes a second")));
                    }
                    Ok(()) => {}
                    Err(Refusal::TooLarge) => return Ok(too_large(app)),
                    Err(Refusal::Store(error)) => return Err(error),
                }
            }
            Ok(None) => return Ok(Got::Stored(sink.finish(&name).await?)),
            Err(got) => {
                sink.abort().await;
                return Ok(got);
            }
        }
    }
}

/// Whether so many bytes in this time are too few. The server has as long to begin as it may be silent.
fn is_dripping(app: &App, elapsed: Duration, size: u64) -> bool {
    let patience = app.config.webhook_timeout.max(1);
    elapsed.as_secs() > patience && size < elapsed.as_secs() * SLOWEST
}

fn too_large(app: &App) -> Got {
    Got::Never(format!("it is larger than {} bytes", app.config.max_file_size))
}

/// The answer at the end of the redirects, each of whose addresses is checked as the first one was.
async fn follow(app: &App, source: &str) -> Result<Response, Got> {
    let mut url = intake::address(app, source).map_err(|why| Got::Never(format!("its address {why}")))?;
    for _ in 0..=MOST_REDIRECTS {
        let request = app.webhook_http.get(url.clone()).timeout(Duration::from_secs(app.config.upload_timeout.max(1)));
        let response = patiently(app, request.send()).await?;
        let status = response.status();
        match status.as_u16() {
            200 => return Ok(response),
            301 | 302 | 303 | 307 | 308 => url = next(app, &url, &response)?,
            408 | 425 | 429 | 500.. => return Err(Got::NotYet(format!("its server answers {}", status.as_u16()))),
            _ => return Err(Got::Never(format!("its server answers {}", status.as_u16()))),
        }
    }
    Err(Got::Never(format!("its server redirects more than {MOST_REDIRECTS} times")))
}

fn next(app: &App, url: &Url, response: &Response) -> Result<Url, Got> {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let joined = location.and_then(|location| url.join(location).ok());
    let Some(joined) = joined else { return Err(Got::Never("its server redirects to nowhere".to_owned())) };
    intake::address(app, joined.as_str()).map_err(|why| Got::Never(format!("the address it is redirected to {why}")))
}

/// One step of a download. A large file takes its time; a server that says nothing is given up.
async fn patiently<P>(app: &App, step: impl Future<Output = Result<P, reqwest::Error>>) -> Result<P, Got> {
    let patience = Duration::from_secs(app.config.webhook_timeout.max(1));
    match tokio::time::timeout(patience, step).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if client::leads_to_private_address(&error) => {
            Err(Got::Never("its host has no public address".to_owned()))
        }
        Ok(Err(error)) => Err(Got::NotYet(match crate::chat::line::describe(&error) {
            // In the same words: whether a name exists inside is nobody's business.
            why if error.is_connect() && why.contains("lookup") => "its host has no public address".to_owned(),
            why => why,
        })),
        Err(_) => Err(Got::NotYet(format!("its server was silent for {} seconds", patience.as_secs()))),
    }
}

/// Writes down that the file is here. One that was removed meanwhile stays gone; its own job deletes the bytes.
async fn keep(app: &App, job: &Job, stored: &Stored) -> Result<(), Error> {
    let now = app.now();
    let kept = app
        .db
        .write(async |mut tx| {
            let kept = tx
                .sql(
                    "update attachment set state = 'stored', reason = null, source = null, content_type = $3, size = $4,
                                           sha256 = $5
                     where company = $1 and id = $2 and state = 'waiting'",
                )
                .bind(job.company)
                .bind(&job.key)
                .bind(&stored.content_type)
                .bind(stored.size)
                .bind(stored.sha256.as_slice())
                .exec()
                .await?;
            let row = by_id(&mut tx, job.company, &job.key).await?.filter(|_| kept == 1);
            if let Some(row) = row
                && let Some(record) = Record::of(&row)
            {
                let views = views(app, &mut tx, job.company, vec![row]).await?;
                let of = place(&mut tx, job.company, record).await?;
                for view in &views {
                    tell(&mut tx, job.company, &of, view, "FileAttached", now).await?;
                }
            }
            Ok::<u64, Error>(kept)
        })
        .await?;
    if kept == 0 {
        // Removed meanwhile, by a job that may have deleted what was there before this came.
        let row = by_id(&mut app.db.read().await?, job.company, &job.key).await?;
        if row.is_none_or(|row| row.state == "gone") {
            app.media.delete(&job.key).await?;
        }
    }
    app.wakes.wake(crate::job::Kind::Webhook);
    Ok(())
}

async fn note(app: &App, job: &Job, state: &'static str, reason: &str) -> Result<(), db::Error> {
    tracing::debug!(reason, state, tries = job.tries, "a file cannot be fetched");
    app.db
        .write(async |mut tx| {
            tx.sql(
                "update attachment set state = $3, reason = $4, source = case when $3 = 'failed' then null else source end
                 where company = $1 and id = $2 and state = 'waiting'",
            )
                .bind(job.company)
                .bind(&job.key)
                .bind(state)
                .bind(reason)
                .exec()
                .await
                .map(drop)
        })
        .await
}
