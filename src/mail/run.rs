//! Job: hands one e-mail to the SMTP server. A refusal for good ends it; whatever may pass is tried again, in the intervals
//! of webhooks, for three days. Where no server lets this one in, that is no try of the e-mail.

use db::Conn;
use lettre::Address;
use lettre::address::Envelope;
use metrics::{counter, histogram};
use serde::Deserialize;
use serde_json::json;

use super::letter::purpose;
use super::log::{self, Row};
use super::smtp::{Mailer, Outcome};
use crate::app::App;
use crate::audit::{self, Change};
use crate::event::{self, Event};
use crate::http::Error;
use crate::job::{self, Job, Kind, Next};
use crate::time;
use crate::webhook::delivery::{GIVE_UP, pause};

const HOUR: i64 = 60 * 60 * 1000;

/// On a node without transport an e-mail waits so long for one that has it (milliseconds).
const ELSEWHERE: i64 = 60 * 1000;

/// While others hold the connection, or the server is left alone, an e-mail looks again after this (milliseconds) at least.
const CROWDED: i64 = 1000;

#[derive(Deserialize)]
struct Waiting {
    recipients: Vec<String>,
    copies: Vec<String>,
    message: Option<Vec<u8>>,
}

/// Runs the job.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let Ok(id) = job.key.parse::<i64>() else { return Ok(Next::Done) };
    let Some(mailer) = &app.mail else { return Ok(Next::At(app.now() + ELSEWHERE)) };
    if let Some(rest) = mailer.rests(app.steady()) {
        return Ok(Next::At(app.now() + rest.max(CROWDED)));
    }
    let mut conn = app.db.read().await?;
    if let Some(at) = full_until(&mut conn, mailer, job.company, app.now()).await? {
        return Ok(Next::At(at));
    }
    let waiting: Option<Waiting> = conn
        .sql("select recipients, copies, message from mail where company = $1 and id = $2 and state = 'queued'")
        .bind(job.company)
        .bind(id)
        .optional()
        .await?;
    drop(conn);
    let Some(waiting) = waiting else { return Ok(Next::Done) };
    let outcome = match prepared(app, job.company, &waiting) {
        Ok((envelope, message)) => {
            let started = std::time::Instant::now();
            let Some(outcome) = mailer.send(&envelope, &message, || app.steady()).await else {
                return Ok(Next::At(app.now() + CROWDED));
            };
            histogram!("sala_mail_seconds").record(started.elapsed());
            outcome
        }
        Err(why) => Outcome::Refused(why),
    };
    ended(app, job, id, &outcome).await
}

/// Until when the company has sent as many as it may in an hour.
async fn full_until(conn: &mut Conn, mailer: &Mailer, company: i64, now: i64) -> Result<Option<i64>, db::Error> {
    let first: Option<i64> = conn
        .sql(
            "select sent_at from mail where company = $1 and sent_at > $2
             order by sent_at desc limit 1 offset $3",
        )
        .bind(company)
        .bind(now - HOUR)
        .bind(i64::from(mailer.hourly()) - 1)
        .optional()
        .await?;
    Ok(first.map(|first| first + HOUR))
}

/// Whom it goes to and its bytes; or why it can never be sent.
fn prepared(app: &App, company: i64, waiting: &Waiting) -> Result<(Envelope, Vec<u8>), String> {
    let sealed = waiting.message.as_ref().ok_or("its text is not kept here")?;
    let message = app.vault.open(&purpose(company), sealed).map_err(|error| error.to_string())?;
    let to = waiting.recipients.iter().chain(&waiting.copies).map(|text| text.parse::<Address>());
    let to: Vec<Address> = to.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let from = app.mail.as_ref().map(|mailer| mailer.from().email.clone());
    Ok((Envelope::new(from, to).map_err(|error| error.to_string())?, message))
}

/// Writes down what came of a try.
async fn ended(app: &App, job: &Job, id: i64, outcome: &Outcome) -> Result<Next, Error> {
    let now = app.now();
    let rest = app.mail.as_ref().and_then(|mailer| mailer.rests(app.steady())).unwrap_or_default().max(CROWDED);
    let (word, answer) = match outcome {
        Outcome::Sent(answer) => ("sent", answer),
        Outcome::Refused(answer) => ("refused", answer),
        Outcome::Deferred(answer) => ("deferred", answer),
        Outcome::Unreachable(answer) => ("unreachable", answer),
    };
    counter!("sala_mail_total", "outcome" => word).increment(1);
    match outcome {
        Outcome::Sent(_) => {}
        // What a server says of an e-mail may name whom it is for.
        Outcome::Refused(_) | Outcome::Deferred(_) => {
            tracing::warn!(mail = id, company = job.company, "an e-mail was not taken on: {word}");
        }
        Outcome::Unreachable(why) => tracing::warn!(why, "e-mail cannot be handed over"),
    }
    app.db
        .write(async |mut tx| {
            let row: Option<Row> = tx
                .rows::<Row>("mail")
                .push(" where company = $1 and id = $2 and state = 'queued'")
                .bind(job.company)
                .bind(id)
                .held()
                .optional()
                .await?;
            // Emptied by an erasure meanwhile: nothing of it is told any more.
            let Some(row) = row else {
                job::finish(&mut tx, job, now).await?;
                return Ok(Next::Finished);
            };
            let state = match outcome {
                Outcome::Sent(_) => "sent",
                Outcome::Refused(_) => "refused",
                Outcome::Deferred(_) | Outcome::Unreachable(_) if now - row.since >= GIVE_UP => "failed",
                Outcome::Deferred(_) | Outcome::Unreachable(_) => "queued",
            };
            // Without a server nothing was tried: it is again as soon as the server is not left alone any more.
            let (tried, wait) = match outcome {
                Outcome::Unreachable(_) => (0, rest),
                _ => (1, pause(row.tries)),
            };
            let next_at = now + wait;
            let row = Row {
                state: state.to_owned(),
                attempts: row.attempts + tried,
                tries: row.tries + tried,
                answer: Some(answer.clone()),
                next_at,
                last_at: Some(now),
                sent_at: Some(now).filter(|_| state == "sent"),
                done_at: Some(now).filter(|_| state != "queued"),
                ..row
            };
            write_down(&mut tx, &row).await?;
            if state == "queued" {
                return Ok(Next::At(next_at));
            }
            announce(&mut tx, &row, now).await?;
            job::finish(&mut tx, job, now).await?;
            Ok::<_, Error>(Next::Finished)
        })
        .await
        .inspect(|_| app.wakes.wake(Kind::Webhook))
}

async fn write_down(tx: &mut Conn, row: &Row) -> Result<(), db::Error> {
    tx.sql(
        "update mail set state = $3, attempts = $4, tries = $5, answer = $6, next_at = $7, last_at = $8, sent_at = $9,
                done_at = $10, message = case when $3 = 'sent' then null else message end, modified_by = 'system',
                modified_at = $8, version = version + 1
         where company = $1 and id = $2",
    )
    .bind(row.company)
    .bind(row.id)
    .bind(&row.state)
    .bind(row.attempts)
    .bind(row.tries)
    .bind(row.answer.clone())
    .bind(row.next_at)
    .bind(row.last_at)
    .bind(row.sent_at)
    .bind(row.done_at)
    .exec()
    .await
    .map(drop)
}

/// Says what became of it: in the history of the document that it was about, and to subscribers.
async fn announce(tx: &mut Conn, row: &Row, now: i64) -> Result<(), Error> {
    let (action, name) = match row.state.as_str() {
        "sent" => ("mail_sent", "Sent"),
        "refused" => ("mail_refused", "Refused"),
        _ => ("mail_failed", "Failed"),
    };
    if row.customer.is_none() {
        return Ok(());
    }
    let change = Change { company: row.company, reference: row.record.clone(), actor: "system", action, at: now };
    let told = json!({"mailId": row.id, "to": row.recipients, "answer": row.answer});
    audit::record(tx, &change, &json!({}), &told).await?;
    let zone = time::zone(tx, row.company).await?;
    let body = event::body("Mail", name, "Mail", &log::view(row.clone(), &zone))?;
    // About the document, so that it is found with what else is told of that.
    let event = Event { company: row.company, topic: "Mail", name, subject: &row.record, place: now, body, at: now };
    event::emit(tx, &event).await?;
    Ok(())
}
