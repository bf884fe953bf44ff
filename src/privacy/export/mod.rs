//! Export: everything about a customer as one archive, one JSON Lines file for each kind of record, and the files. Read
//! in lots, so that neither a long conversation nor a large film is ever held whole.

mod document;
mod file;

use db::Conn;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::archive::Archive;
use super::register::{self, Done, Row};
use crate::app::App;
use crate::chat::message::{self, ChatMessage};
use crate::customer::store;
use crate::http::Error;
use crate::job::{Job, Next};
use crate::record::Record;
use crate::sales::{contract, deal};
use crate::service::{Activity, Case};
use crate::{mail, task, time};

/// How long an archive is kept.
const KEPT: i64 = 7 * 24 * 60 * 60 * 1000;

/// Records read at once.
const LOT: i64 = 200;

/// After so many tries an export is given up, visibly.
const MOST_TRIES: i64 = 20;

/// Job: makes the archive of a request, and deletes it when its time is over.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let Ok(id) = job.key.parse() else { return Ok(Next::Done) };
    let request = match register::get(&mut app.db.read().await?, job.company, id).await {
        Ok(request) => request,
        Err(Error::NotFound(_)) => return Ok(Next::Done),
        Err(error) => return Err(error),
    };
    match request.state.as_str() {
        "running" => match make(app, job.company, &request).await {
            Err(error) if job.tries >= MOST_TRIES => {
                tracing::error!(%error, request = id, "an export is given up");
                let (why, now) = ("the archive could not be made; see the log", app.now());
                app.db.write(async |mut tx| register::fail(&mut tx, job.company, id, why, now).await).await?;
                Ok(Next::Done)
            }
            ended => ended,
        },
        "done" => expire(app, job.company, &request).await,
        _ => Ok(Next::Done),
    }
}

async fn make(app: &App, company: i64, request: &Row) -> Result<Next, Error> {
    let Some(id) = &request.archive else { return Err(Error::Internal("an export without an archive".to_owned())) };
    // What a run that was killed has left.
    app.media.delete(id).await?;
    let mut archive = Archive::new(app.media.writer(id));
    if let Err(error) = fill(app, company, request, &mut archive).await {
        archive.abort().await;
        return Err(error);
    }
    let files = archive.contents().len();
    let size = archive.finish().await?;
    let now = app.now();
    let done =
        Done { result: json!({"files": files}), archive_size: i64::try_from(size).ok(), expires_at: Some(now + KEPT) };
    let kept = app.db.write(async |mut tx| register::done(&mut tx, company, request.id, &done, now).await).await?;
    if !kept {
        // The person was erased while the archive was made.
        app.media.delete(id).await?;
        return Ok(Next::Done);
    }
    Ok(Next::At(now + KEPT))
}

/// Deletes the archive of a request whose time is over.
async fn expire(app: &App, company: i64, request: &Row) -> Result<Next, Error> {
    let (Some(archive), Some(expires_at)) = (&request.archive, request.expires_at) else { return Ok(Next::Done) };
    if app.now() < expires_at {
        return Ok(Next::At(expires_at));
    }
    app.media.delete(archive).await?;
    app.db
        .write(async |mut tx| {
            tx.sql("update privacy_request set archive = null, version = version + 1 where company = $1 and id = $2")
                .bind(company)
                .bind(request.id)
                .exec()
                .await
        })
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    Ok(Next::Done)
}

/// Everything about the customer, file by file.
async fn fill(app: &App, company: i64, request: &Row, archive: &mut Archive) -> Result<(), Error> {
    let mut conn = app.db.read().await?;
    let ids = register::about(&mut conn, company, request.customer).await?;
    drop(conn);
    profile(app, company, &ids, archive).await?;
    identities(app, company, &ids, archive).await?;
    let rooms = rooms(app, company, &ids, archive).await?;
    contacts(app, company, &rooms, archive).await?;
    messages(app, company, &rooms, archive).await?;
    events(app, company, &ids, archive).await?;
    satisfaction(app, company, &ids, archive).await?;
    records::<task::Row>(app, company, &ids, archive, "tasks.jsonl").await?;
    document::documents(app, company, &ids, archive).await?;
    records::<deal::Row>(app, company, &ids, archive, "deals.jsonl").await?;
    records::<contract::Row>(app, company, &ids, archive, "contracts.jsonl").await?;
    records::<Activity>(app, company, &ids, archive, "activities.jsonl").await?;
    records::<Case>(app, company, &ids, archive, "cases.jsonl").await?;
    records::<mail::Row>(app, company, &ids, archive, "mails.jsonl").await?;
    history(app, company, &ids, archive).await?;
    merges(app, company, &ids, archive).await?;
    requests(app, company, &ids, archive).await?;
    let mut missing = file::media(app, company, &rooms, archive).await?;
    missing.extend(file::attachments(app, company, &ids, archive).await?);
    let manifest = json!({
        "format": "sala-privacy-export/1",
        "requestId": request.id,
        "customerCode": request.customer_code,
        "created": utc(app.now()),
        "times": "UTC, or with their offset",
        "files": archive.contents(),
        "missingFiles": missing,
    });
    archive.begin_text("manifest.json")?;
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::Internal(error.to_string()))?;
    archive.write(&text).await
}

fn utc(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_string()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over so")]
fn moment<S: Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&utc(*at))
}

fn maybe<S: Serializer>(at: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(utc).serialize(serializer)
}

/// The record, and those that were merged into it, as the API shows them.
async fn profile(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("profile.jsonl")?;
    for id in ids {
        let mut conn = app.db.read().await?;
        let Some(row) = store::exactly(&mut conn, company, *id).await? else { continue };
        let zone = time::zone(&mut conn, company).await?;
        let links = store::links_of(&mut conn, &row).await?;
        drop(conn);
        archive.line(&row.view(links, &zone)).await?;
    }
    Ok(())
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Identity {
    customer: i64,
    kind: String,
    value: String,
    source: String,
    #[serde(serialize_with = "moment")]
    created_at: i64,
}

async fn identities(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("identities.jsonl")?;
    for id in ids {
        // Few: those of the record's own fields, and one for each room.
        let rows: Vec<Identity> = app
            .db
            .read()
            .await?
            .sql(
                "select customer, kind, value, source, created_at from customer_identity
                 where company = $1 and customer = $2 order by kind, value, source",
            )
            .bind(company)
            .bind(*id)
            .all()
            .await?;
        for row in rows {
            archive.line(&row).await?;
        }
    }
    Ok(())
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Room {
    id: Uuid,
    platform: i64,
    account: String,
    external_id: String,
    contact: Uuid,
    name: String,
    picture: String,
    messages: i64,
    #[serde(serialize_with = "moment")]
    created_at: i64,
    #[serde(serialize_with = "moment")]
    last_at: i64,
}

async fn rooms(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<Vec<Room>, Error> {
    archive.begin_text("rooms.jsonl")?;
    let rooms: Vec<Room> = app
        .db
        .read()
        .await?
        .sql(
            "select id, platform, account, external_id, contact, name, picture, messages, created_at, last_at
             from room where company = $1 and customer in ",
        )
        .bind(company)
        .push_ids(ids)
        .push(" order by id")
        .all()
        .await?;
    for room in &rooms {
        archive.line(room).await?;
    }
    Ok(rooms)
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Contact {
    id: Uuid,
    account: String,
    external_id: String,
    name: String,
    picture: String,
    language: Option<String>,
    follows: Option<bool>,
    #[serde(serialize_with = "moment")]
    created_at: i64,
}

async fn contacts(app: &App, company: i64, rooms: &[Room], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("contacts.jsonl")?;
    for room in rooms {
        let contact: Option<Contact> = app
            .db
            .read()
            .await?
            .sql(
                "select id, account, external_id, name, picture, language, follows, created_at from contact
                 where company = $1 and id = $2",
            )
            .bind(company)
            .bind(room.contact)
            .optional()
            .await?;
        if let Some(contact) = contact {
            archive.line(&contact).await?;
        }
    }
    Ok(())
}

/// The position of a message in its room.
#[derive(Deserialize)]
struct Position {
    id: Uuid,
    sent_at: i64,
    number: i64,
}

async fn positions(conn: &mut Conn, company: i64, room: Uuid, after: (i64, i64)) -> Result<Vec<Position>, db::Error> {
    conn.sql(
        "select id, sent_at, number from message
         where company = $1 and room = $2 and (sent_at, number) > ($3, $4) order by sent_at, number limit $5",
    )
    .bind(company)
    .bind(room)
    .bind(after.0)
    .bind(after.1)
    .bind(LOT)
    .all()
    .await
}

async fn messages(app: &App, company: i64, rooms: &[Room], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("messages.jsonl")?;
    for room in rooms {
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let mut conn = app.db.read().await?;
            let positions = positions(&mut conn, company, room.id, after).await?;
            let Some(last) = positions.last() else { break };
            let rows: Vec<message::Row> = conn
                .sql(message::ROW)
                .push(
                    " where message.company = $1 and message.room = $2
                        and (message.sent_at, message.number) > ($3, $4)
                        and (message.sent_at, message.number) <= ($5, $6)
                      order by message.sent_at, message.number limit $7",
                )
                .bind(company)
                .bind(room.id)
                .bind(after.0)
                .bind(after.1)
                .bind(last.sent_at)
                .bind(last.number)
                .bind(LOT)
                .all()
                .await?;
            drop(conn);
            after = (last.sent_at, last.number);
            for row in rows {
                archive.line(&ChatMessage::from(row)).await?;
            }
        }
    }
    Ok(())
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Event {
    id: i64,
    customer: i64,
    name: String,
    r#type: Option<String>,
    #[serde(serialize_with = "moment")]
    happens_at: i64,
    description: Option<String>,
    created_by: String,
    #[serde(serialize_with = "moment")]
    created_at: i64,
}

async fn events(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("events.jsonl")?;
    let mut after = 0;
    loop {
        let rows: Vec<Event> = app
            .db
            .read()
            .await?
            .sql(
                "select event.id, event.customer, event.name, choice.name as type, event.happens_at, event.description,
                        event.created_by, event.created_at
                 from customer_event as event
                 left join choice on choice.company = event.company and choice.list = 'event-types'
                                 and choice.id = event.kind
                 where event.company = $1 and event.id > $2 and event.customer in ",
            )
            .bind(company)
            .bind(after)
            .push_ids(ids)
            .push(" order by event.id limit ")
            .push_bind(LOT)
            .all()
            .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.id;
        for row in rows {
            archive.line(&row).await?;
        }
    }
}

/// The records of a kind that belong to the customers, as the API shows them: one line in the list above for each kind.
async fn records<R: Record>(
    app: &App,
    company: i64,
    ids: &[i64],
    archive: &mut Archive,
    file: &str,
) -> Result<(), Error> {
    archive.begin_text(file)?;
    let mut after = 0;
    loop {
        let mut conn = app.db.read().await?;
        let rows: Vec<R> = conn
            .rows::<R>(R::TABLE)
            .push(" where company = $1 and id > $2 and customer in ")
            .bind(company)
            .bind(after)
            .push_ids(ids)
            .push(" order by id limit ")
            .push_bind(LOT)
            .all()
            .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = json!(last)["id"].as_i64().ok_or_else(|| Error::Internal(format!("{file}: a row without an id")))?;
        let zone = time::zone(&mut conn, company).await?;
        for view in R::views(&mut conn, company, rows, &zone).await? {
            archive.line(&view).await?;
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Satisfaction {
    id: i64,
    customer: i64,
    source: Option<String>,
    /// 1 CSAT, 2 NPS.
    kind: i64,
    point: i64,
    answer_by: Option<String>,
    comment: Option<String>,
    #[serde(serialize_with = "moment")]
    answered_at: i64,
}

async fn satisfaction(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("satisfaction.jsonl")?;
    let mut after = 0;
    loop {
        let rows: Vec<Satisfaction> = app
            .db
            .read()
            .await?
            .sql(
                "select satisfaction.id, satisfaction.customer, choice.name as source, satisfaction.kind,
                        satisfaction.point, satisfaction.answer_by, satisfaction.comment, satisfaction.answered_at
                 from satisfaction
                 left join choice on choice.company = satisfaction.company and choice.list = 'satisfaction-sources'
                                 and choice.id = satisfaction.source
                 where satisfaction.company = $1 and satisfaction.id > $2 and satisfaction.customer in ",
            )
            .bind(company)
            .bind(after)
            .push_ids(ids)
            .push(" order by satisfaction.id limit ")
            .push_bind(LOT)
            .all()
            .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.id;
        for row in rows {
            archive.line(&row).await?;
        }
    }
}

#[derive(Deserialize, Serialize)]
struct Change {
    id: Uuid,
    r#ref: String,
    #[serde(serialize_with = "moment")]
    at: i64,
    actor: String,
    action: String,
    changes: Value,
}

/// The audit trail of the records.
async fn history(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("audit.jsonl")?;
    for id in ids {
        let mut after = Uuid::nil();
        loop {
            let rows: Vec<Change> = app
                .db
                .read()
                .await?
                .sql(
                    "select id, ref, at, actor, action, changes from audit
                     where company = $1 and ref = $2 and id > $3 order by id limit $4",
                )
                .bind(company)
                .bind(format!("customer/{id}"))
                .bind(after)
                .bind(LOT)
                .all()
                .await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            for row in rows {
                archive.line(&row).await?;
            }
        }
    }
    Ok(())
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Merge {
    id: i64,
    survivor: i64,
    merged: i64,
    actor: String,
    #[serde(serialize_with = "moment")]
    at: i64,
    #[serde(serialize_with = "maybe")]
    undone_at: Option<i64>,
}

async fn merges(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("merges.jsonl")?;
    let rows: Vec<Merge> = app
        .db
        .read()
        .await?
        .sql(
            "select id, survivor, merged, actor, at, undone_at from customer_merge where company = $1 and survivor in ",
        )
        .bind(company)
        .push_ids(ids)
        .push(" order by id")
        .all()
        .await?;
    for row in rows {
        archive.line(&row).await?;
    }
    Ok(())
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Request {
    id: i64,
    kind: String,
    state: String,
    requested_by: String,
    reason: Option<String>,
    refusal: Option<String>,
    section: Option<String>,
    #[serde(serialize_with = "moment")]
    received_at: i64,
    #[serde(serialize_with = "maybe")]
    done_at: Option<i64>,
}

async fn requests(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("privacy-requests.jsonl")?;
    let rows: Vec<Request> = app
        .db
        .read()
        .await?
        .sql(
            "select id, kind, state, requested_by, reason, refusal, section, received_at, done_at from privacy_request
             where company = $1 and customer in ",
        )
        .bind(company)
        .push_ids(ids)
        .push(" order by id")
        .all()
        .await?;
    for row in rows {
        archive.line(&row).await?;
    }
    Ok(())
}
