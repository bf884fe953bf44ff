//! Erasure: the person goes, the shell of the record stays for the documents that the law keeps.
//!
//! Done in small units of work, each of which may run again: a customer with 100,000 messages keeps no writer waiting,
//! and a run that was killed is begun anew and finds less to do. The record is closed first, so that nothing is added;
//! its own fields go last, because by them the stored answers that speak of the person are found.

use db::{Conn, Rows, Type};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::register::{self, Done};
use crate::app::App;
use crate::audit::{self, Change};
use crate::customer::store::{self, Row};
use crate::customer::{BELONGINGS, Erase, erased};
use crate::event::{self, Event};
use crate::http::{Error, idempotency};
use crate::job::{self, Job, Kind, Next};
use crate::time;

/// Rows changed in one unit of work.
const LOT: i64 = 500;

/// After so many tries an erasure is given up, visibly; starting it again goes on where it was.
const MOST_TRIES: i64 = 50;

/// An answer is kept for a day: what was made before needs not be looked for in answers.
const ANSWERS: i64 = 24 * 60 * 60 * 1000;

/// What of the person stands in the place of a value in the audit trail.
const MASK: &str = "***";

/// Job: erases the customer of a request.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let Ok(id) = job.key.parse() else { return Ok(Next::Done) };
    let request = match register::get(&mut app.db.read().await?, job.company, id).await {
        Ok(request) => request,
        Err(Error::NotFound(_)) => return Ok(Next::Done),
        Err(error) => return Err(error),
    };
    if request.state != "running" {
        return Ok(Next::Done);
    }
    match erase(app, job.company, id, request.customer).await {
        Ok(()) => {
            app.wakes.wake(Kind::Webhook);
            app.wakes.wake(Kind::Media);
            Ok(Next::Done)
        }
        Err(error) if job.tries >= MOST_TRIES => {
            tracing::error!(%error, request = id, "an erasure is given up");
            let (why, now) = ("the erasure did not come to its end; see the log, and start it again", app.now());
            app.db.write(async |mut tx| register::fail(&mut tx, job.company, id, why, now).await).await?;
            Ok(Next::Done)
        }
        Err(error) => Err(error),
    }
}

/// What a run has done so far.
#[derive(Default)]
struct Counts(Map<String, Value>);

impl Counts {
    fn add(&mut self, name: &str, more: u64) {
        let known = self.0.get(name).and_then(Value::as_u64).unwrap_or_default();
        self.0.insert(name.to_owned(), json!(known + more));
    }
}

async fn erase(app: &App, company: i64, request: i64, customer: i64) -> Result<(), Error> {
    let mut counts = Counts::default();
    let ids = close(app, company, customer).await?;
    remove_archives(app, company, &ids).await?;
    let rooms = erase_rooms(app, company, &ids, &mut counts).await?;
    for room in &rooms {
        erase_messages(app, company, *room, &mut counts).await?;
    }
    erase_attachments(app, company, &ids, &mut counts).await?;
    let trails = trails(app, company, &ids).await?;
    for trail in &trails {
        erase_events(app, company, trail, &mut counts).await?;
    }
    for room in &rooms {
        erase_events(app, company, &Trail::whole(room.to_string()), &mut counts).await?;
    }
    // Before the texts that they are found by.
    let words = words(app, company, &ids, &rooms).await?;
    erase_answers(app, company, &words, &mut counts).await?;
    erase_imports(app, company, &ids, &words, &mut counts).await?;
    erase_belongings(app, company, &ids, &mut counts).await?;
    for trail in &trails {
        mask_history(app, company, trail, &mut counts).await?;
    }
    finish(app, company, request, &ids, counts).await
}

/// Where the person may have been spoken of: a subject of events, which is a reference of the audit trail too.
struct Trail {
    subject: String,
    /// Only what happened in this time; both ends belong to it.
    from: i64,
    to: i64,
}

impl Trail {
    fn whole(subject: String) -> Trail {
        Trail { subject, from: 0, to: i64::MAX }
    }
}

/// The trails of the records, and of others as long as one of these records was merged into them.
async fn trails(app: &App, company: i64, ids: &[i64]) -> Result<Vec<Trail>, Error> {
    let mut trails: Vec<Trail> = ids.iter().map(|id| Trail::whole(format!("customer/{id}"))).collect();
    let merges: Vec<(i64, i64, i64)> = app
        .db
        .read()
        .await?
        .sql(
            "select survivor, at, undone_at from customer_merge
             where company = $1 and undone_at is not null and merged in ",
        )
        .bind(company)
        .push_ids(ids)
        .push(" and survivor not in ")
        .push_ids(ids)
        .push(" order by id")
        .all()
        .await?;
    let other = |(id, from, to)| Trail { subject: format!("customer/{id}"), from, to };
    trails.extend(merges.into_iter().map(other));
    Ok(trails)
}

/// Closes the record and those that were merged into it: from here on nobody changes or merges them, or adds to them.
async fn close(app: &App, company: i64, customer: i64) -> Result<Vec<i64>, Error> {
    let now = app.now();
    app.db
        .write(async |mut tx| {
            let survivor = store::by_id(&mut tx, company, customer).await?.ok_or(Error::NotFound("customer"))?;
            store::hold(&mut tx, company, survivor.id).await?;
            let ids = register::about(&mut tx, company, survivor.id).await?;
            for id in &ids {
                store::release_name(&mut tx, company, *id).await?;
            }
            tx.sql(
                "update customer set erased_at = $2, deleted_at = coalesce(deleted_at, $2), version = version + 1
                 where company = $1 and erased_at is null and id in ",
            )
            .bind(company)
            .bind(now)
            .push_ids(&ids)
            .exec()
            .await?;
            Ok(ids)
        })
        .await
}

/// Deletes what was exported about the person; an export that is under way finds that it is not wanted any more.
async fn remove_archives(app: &App, company: i64, ids: &[i64]) -> Result<(), Error> {
    let now = app.now();
    let archives: Vec<(i64, String)> = app
        .db
        .write(async |mut tx| {
            tx.sql(
                "update privacy_request
                 set state = case when state = 'done' then 'done' else 'failed' end, expires_at = $2,
                     refusal = case when state = 'done' then refusal else 'the customer was erased' end,
                     version = version + 1
                 where company = $1 and kind = 'export' and state in ('running', 'done', 'failed')
                   and archive is not null and customer in ",
            )
            .bind(company)
            .bind(now)
            .push_ids(ids)
            .push(" returning id, archive")
            .all()
            .await
        })
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    for (id, archive) in archives {
        app.media.delete(&archive).await?;
        app.db
            .write(async |mut tx| {
                tx.sql("update privacy_request set archive = null where company = $1 and id = $2")
                    .bind(company)
                    .bind(id)
                    .exec()
                    .await
            })
            .await
            .map_err(|error: db::Error| Error::Db(error))?;
    }
    Ok(())
}

/// Takes name, picture and account from the rooms and the person behind them: who writes from that account again is new.
async fn erase_rooms(app: &App, company: i64, ids: &[i64], counts: &mut Counts) -> Result<Vec<Uuid>, Error> {
    let rooms: Vec<Uuid> = app
        .db
        .read()
        .await?
        .sql("select id from room where company = $1 and customer in ")
        .bind(company)
        .push_ids(ids)
        .push(" order by id")
        .all()
        .await?;
    let now = app.now();
    for room in &rooms {
        app.db.write(async |mut tx| erase_room(&mut tx, company, *room, now).await).await?;
    }
    counts.add("rooms", rooms.len() as u64);
    Ok(rooms)
}

async fn erase_room(tx: &mut Conn, company: i64, room: Uuid, now: i64) -> Result<(), db::Error> {
    let contact: Uuid = tx
        .sql(
            "update room
             set external_id = $3, name = '', name_key = '', picture = '', last_content = null, last_kind = null,
                 reply_token = null, reply_token_at = null, unread = 0, unanswered = false,
                 erased_at = coalesce(erased_at, $4)
             where company = $1 and id = $2 returning contact",
        )
        .bind(company)
        .bind(room)
        .bind(format!("erased-{room}"))
        .bind(now)
        .one()
        .await?;
    tx.sql(
        "update contact
         set external_id = $3, name = '', picture = '', language = null, follows = null, profile_at = null
         where company = $1 and id = $2",
    )
    .bind(company)
    .bind(contact)
    .bind(format!("erased-{contact}"))
    .later()
    .await?;
    tx.sql("delete from room_gram where company = $1 and room = $2").bind(company).bind(room).later().await
}

/// Empties a room's messages, lot by lot, and lets their files go.
async fn erase_messages(app: &App, company: i64, room: Uuid, counts: &mut Counts) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Place {
        id: Uuid,
        sent_at: i64,
        number: i64,
    }
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let places: Vec<Place> = app
            .db
            .read()
            .await?
            .sql(
                "select id, sent_at, number from message
                 where company = $1 and room = $2 and (sent_at, number) > ($3, $4) order by sent_at, number limit $5",
            )
            .bind(company)
            .bind(room)
            .bind(after.0)
            .bind(after.1)
            .bind(LOT)
            .all()
            .await?;
        let Some(last) = places.last() else { return Ok(()) };
        after = (last.sent_at, last.number);
        let mut rows = Rows::new(&[("id", Type::Uuid)]);
        for place in &places {
            rows.push([place.id.into()]);
        }
        let files = app.db.write(async |mut tx| empty_messages(&mut tx, company, &rows).await).await?;
        for file in &files {
            app.media.delete(file).await?;
        }
        counts.add("messages", places.len() as u64);
        counts.add("files", files.len() as u64);
    }
}

/// Empties these messages; answers the files to delete. A job deletes them too: one that is being fetched at this moment
/// comes to the store after the first deletion.
async fn empty_messages(tx: &mut Conn, company: i64, rows: &Rows) -> Result<Vec<String>, db::Error> {
    tx.sql(
        "update message
         set kind = 'erased', content = '', body = null, failure = null, provider_id = null,
             delivery = case when delivery = 1 then 9 else delivery end
         where company = $1 and id in (select id from ",
    )
    .bind(company)
    .push_rows(rows)
    .push(" as input)")
    .later()
    .await?;
    tx.sql(
        "update attempt set reason = null where company = $1 and reason is not null and message in (select id from ",
    )
    .bind(company)
    .push_rows(rows)
    .push(" as input)")
    .later()
    .await?;
    let files: Vec<String> = tx
        .sql(
            "update media set state = 'gone', source = '', content_type = null, size = null
             where company = $1 and (state <> 'gone' or source <> '') and message in (select id from ",
        )
        .bind(company)
        .push_rows(rows)
        .push(" as input) returning id")
        .all()
        .await?;
    let mut jobs = Rows::new(&[("company", Type::BigInt), ("key", Type::Text), ("at", Type::BigInt)]);
    let mut sorted = files.clone();
    sorted.sort_unstable();
    for file in &sorted {
        jobs.push([company.into(), file.as_str().into(), 0_i64.into()]);
    }
    if !jobs.is_empty() {
        job::enqueue_all(tx, Kind::Media, &jobs).await?;
    }
    Ok(files)
}

/// Deletes the files that people attached to the records. The name goes last: it says that a file is still to be deleted.
async fn erase_attachments(app: &App, company: i64, ids: &[i64], counts: &mut Counts) -> Result<(), Error> {
    loop {
        let files: Vec<String> = app
            .db
            .write(async |mut tx| {
                tx.sql(
                    "update attachment set state = 'gone', source = null, reason = null
                     where company = $1 and id in (
                       select id from attachment where company = $1 and record_kind = 'customer' and name <> ''
                         and record in ",
                )
                .bind(company)
                .push_ids(ids)
                .push(" order by id limit ")
                .push_bind(LOT)
                .push(") returning id")
                .all()
                .await
            })
            .await
            .map_err(|error: db::Error| Error::Db(error))?;
        if files.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(&[("id", Type::Text)]);
        for file in &files {
            app.media.delete(file).await?;
            rows.push([file.as_str().into()]);
        }
        app.db
            .write(async |mut tx| {
                tx.sql(
                    "update attachment set name = '', content_type = null, size = null, sha256 = null
                     where company = $1 and id in (select id from ",
                )
                .bind(company)
                .push_rows(&rows)
                .push(" as input)")
                .exec()
                .await
            })
            .await
            .map_err(|error: db::Error| Error::Db(error))?;
        counts.add("attachments", files.len() as u64);
    }
}

/// Empties the stored bodies of what happened to a subject, and calls off what of it is still to be delivered.
async fn erase_events(app: &App, company: i64, trail: &Trail, counts: &mut Counts) -> Result<(), Error> {
    let now = app.now();
    let mut after = Uuid::nil();
    loop {
        let ids: Vec<Uuid> = app
            .db
            .read()
            .await?
            .sql(
                "select id from event
                 where company = $1 and subject = $2 and id > $3 and at >= $5 and at <= $6 order by id limit $4",
            )
            .bind(company)
            .bind(&trail.subject)
            .bind(after)
            .bind(LOT)
            .bind(trail.from)
            .bind(trail.to)
            .all()
            .await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        let mut rows = Rows::new(&[("id", Type::Uuid)]);
        for id in &ids {
            rows.push([(*id).into()]);
        }
        app.db
            .write(async |mut tx| {
                tx.sql(
                    r#"update event set body = '{"Topic":"' || topic || '","Event":"' || name || '","Data":null}'
                       where company = $1 and id in (select id from "#,
                )
                .bind(company)
                .push_rows(&rows)
                .push(" as input)")
                .later()
                .await?;
                tx.sql(
                    "update webhook_delivery
                     set state = 'failed', last_error = 'the customer was erased', done_at = $2
                     where company = $1 and state = 'pending' and event in (select id from ",
                )
                .bind(company)
                .bind(now)
                .push_rows(&rows)
                .push(" as input)")
                .later()
                .await
            })
            .await
            .map_err(|error: db::Error| Error::Db(error))?;
        counts.add("events", ids.len() as u64);
    }
}

/// Empties the stored answers of idempotent requests that speak of the person.
async fn erase_answers(app: &App, company: i64, words: &[String], counts: &mut Counts) -> Result<(), Error> {
    let mut after = idempotency::Stored::default();
    loop {
        let answers = idempotency::stored(&mut app.db.read().await?, company, &after, LOT).await?;
        let Some(last) = answers.last() else { return Ok(()) };
        after = idempotency::Stored { answer: Vec::new(), ..last.clone() };
        let found: Vec<idempotency::Stored> = answers
            .into_iter()
            .filter(|answer| {
                let text = String::from_utf8_lossy(&answer.answer);
                words.iter().any(|word| text.contains(word.as_str()))
            })
            .collect();
        if !found.is_empty() {
            app.db.write(async |mut tx| idempotency::blank(&mut tx, company, &found).await).await?;
            counts.add("answers", found.len() as u64);
        }
    }
}

/// Takes the person out of what imports keep: what a record was before, and rows of files that were refused.
async fn erase_imports(
    app: &App,
    company: i64,
    ids: &[i64],
    words: &[String],
    counts: &mut Counts,
) -> Result<(), Error> {
    let mut records = Rows::new(&[("record", Type::Text)]);
    for id in ids {
        records.push([id.to_string().into()]);
    }
    let before: u64 = app
        .db
        .write(async |mut tx| {
            tx.sql(
                "update import_row set before = null
                 where company = $1 and before is not null
                   and import in (select id from import where company = $1 and kind = 'customers')
                   and record in (select record from ",
            )
            .bind(company)
            .push_rows(&records)
            .push(" as input)")
            .exec()
            .await
        })
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    counts.add("imports", before);
    let mut after = (Uuid::nil(), i64::MIN, i64::MIN);
    loop {
        let refused: Vec<(Uuid, i64, i64, String, Option<Value>)> = app
            .db
            .read()
            .await?
            .sql(
                "select import, line, position, message, cells from import_fault
                 where company = $1 and (import, line, position) > ($2, $3, $4) order by import, line, position limit $5",
            )
            .bind(company)
            .bind(after.0)
            .bind(after.1)
            .bind(after.2)
            .bind(LOT)
            .all()
            .await?;
        let Some((import, line, position, ..)) = refused.last() else { return Ok(()) };
        after = (*import, *line, *position);
        let mut rows = Rows::new(&[("import", Type::Uuid), ("line", Type::BigInt), ("position", Type::BigInt)]);
        for (import, line, position, message, cells) in refused {
            let text = format!("{message}\n{}", cells.map(|cells| cells.to_string()).unwrap_or_default());
            if words.iter().any(|word| text.contains(word.as_str())) {
                rows.push([import.into(), line.into(), position.into()]);
            }
        }
        if !rows.is_empty() {
            app.db.write(async |mut tx| empty_faults(&mut tx, company, &rows).await).await?;
            counts.add("importRows", rows.len() as u64);
        }
    }
}

async fn empty_faults(tx: &mut Conn, company: i64, rows: &Rows) -> Result<u64, db::Error> {
    tx.sql("update import_fault set message = '', cells = null from ")
        .push_rows(rows)
        .push(
            " as input where import_fault.import = input.import and import_fault.line = input.line
              and import_fault.position = input.position and import_fault.company = ",
        )
        .push_bind(company)
        .exec()
        .await
}

/// By what an answer is known to speak of the person: the ids of the records, and every text of them that is long enough
/// not to stand everywhere.
async fn words(app: &App, company: i64, ids: &[i64], rooms: &[Uuid]) -> Result<Vec<String>, Error> {
    const LEAST: usize = 4;
    let mut conn = app.db.read().await?;
    let mut words: Vec<String> = rooms.iter().map(Uuid::to_string).collect();
    for id in ids {
        for name in ["customerId", "survivorCustomerId", "mergedCustomerId"] {
            words.extend([format!("\"{name}\":{id},"), format!("\"{name}\":{id}}}")]);
        }
        let Some(row) = store::exactly(&mut conn, company, *id).await? else { continue };
        let texts = known_by(&row).into_iter().filter(|text| text.chars().count() >= LEAST);
        words.extend(texts.filter_map(|text| {
            let quoted = serde_json::to_string(text).ok()?;
            Some(quoted.trim_matches('"').to_owned())
        }));
    }
    let since = app.now() - ANSWERS;
    let events: Vec<i64> = conn
        .sql("select id from customer_event where company = $1 and created_at >= $2 and customer in ")
        .bind(company)
        .bind(since)
        .push_ids(ids)
        .all()
        .await?;
    words.extend(events.iter().map(|id| format!("\"eventId\":{id},")));
    let files: Vec<String> = conn
        .sql(
            "select id from attachment
             where company = $1 and created_at >= $2 and record_kind = 'customer' and record in ",
        )
        .bind(company)
        .bind(since)
        .push_ids(ids)
        .all()
        .await?;
    words.extend(files);
    let requests: Vec<i64> = conn
        .sql("select id from privacy_request where company = $1 and customer in ")
        .bind(company)
        .push_ids(ids)
        .all()
        .await?;
    words.extend(requests.iter().map(|id| format!("\"requestId\":{id},")));
    Ok(words)
}

/// The names, telephones, e-mails and accounts of the person and of those who are reached for it.
fn known_by(row: &Row) -> Vec<&str> {
    let profile = &row.profile;
    let own = [&row.phone, &row.mobile, &row.email, &profile.second_name];
    let contacts = profile.contacts.iter().flat_map(|contact| {
        let texts = [&contact.contact_phone, &contact.contact_mobile, &contact.contact_email];
        std::iter::once(contact.contact_name.as_str()).chain(texts.into_iter().filter_map(|text| text.as_deref()))
    });
    std::iter::once(row.name.as_str())
        .chain(profile.aliases.iter().map(String::as_str))
        .chain(own.into_iter().filter_map(|text| text.as_deref()))
        .chain(contacts)
        .chain(profile.social.known().map(|(_, account)| account))
        .collect()
}

/// Everything on the list of what belongs to a customer that has no code of its own here.
async fn erase_belongings(app: &App, company: i64, ids: &[i64], counts: &mut Counts) -> Result<(), Error> {
    for belonging in BELONGINGS {
        for id in ids {
            loop {
                let changed: u64 = app
                    .db
                    .write(async |mut tx| match belonging.erase {
                        Erase::Keep | Erase::Apart => Ok(0),
                        Erase::Delete => {
                            tx.sql("delete from ")
                                .push(belonging.table)
                                .push(" where company = $1 and ")
                                .push(belonging.column)
                                .push(" = $2")
                                .bind(company)
                                .bind(*id)
                                .exec()
                                .await
                        }
                        Erase::Blank { set, left } => {
                            tx.sql("update ")
                                .push(belonging.table)
                                .push(" set ")
                                .push(set)
                                .push(" where company = $1 and id in (select id from ")
                                .push(belonging.table)
                                .push(" where company = $1 and ")
                                .push(belonging.column)
                                .push(" = $2 and (")
                                .push(left)
                                .push(")")
                                .push(belonging.condition)
                                .push(" order by id limit $3)")
                                .bind(company)
                                .bind(*id)
                                .bind(LOT)
                                .exec()
                                .await
                        }
                    })
                    .await
                    .map_err(|error: db::Error| Error::Db(error))?;
                if changed == 0 {
                    break;
                }
                counts.add(belonging.word, changed);
            }
        }
    }
    Ok(())
}

/// Masks the values in the audit trail of a record: who changed which field, and when, stays.
async fn mask_history(app: &App, company: i64, trail: &Trail, counts: &mut Counts) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Entry {
        id: Uuid,
        changes: Map<String, Value>,
    }
    let mut after = Uuid::nil();
    loop {
        let entries: Vec<Entry> = app
            .db
            .read()
            .await?
            .sql(
                "select id, changes from audit
                 where company = $1 and ref = $2 and id > $3 and at >= $5 and at <= $6 order by id limit $4",
            )
            .bind(company)
            .bind(&trail.subject)
            .bind(after)
            .bind(LOT)
            .bind(trail.from)
            .bind(trail.to)
            .all()
            .await?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.id;
        counts.add("auditEntries", entries.len() as u64);
        let mut rows = Rows::new(&[("id", Type::Uuid), ("changes", Type::Json)]);
        for entry in entries {
            let masked: Map<String, Value> =
                entry.changes.into_iter().map(|(field, values)| (field, mask(values))).collect();
            rows.push([entry.id.into(), Value::Object(masked).into()]);
        }
        app.db
            .write(async |mut tx| {
                tx.sql("update audit set changes = input.changes from ")
                    .push_rows(&rows)
                    .push(" as input where audit.id = input.id and audit.company = ")
                    .push_bind(company)
                    .exec()
                    .await
            })
            .await
            .map_err(|error: db::Error| Error::Db(error))?;
    }
}

/// Values before and after without what they say: that there was none stays, and so does yes or no.
fn mask(values: Value) -> Value {
    match values {
        Value::Array(values) => Value::Array(
            values
                .into_iter()
                .map(|value| match value {
                    Value::Null | Value::Bool(_) => value,
                    _ => json!(MASK),
                })
                .collect(),
        ),
        _ => json!(MASK),
    }
}

/// The last unit: the records become shells, the merges' notes and the requests' own words go, those who listen are told.
async fn finish(app: &App, company: i64, request: i64, ids: &[i64], counts: Counts) -> Result<(), Error> {
    let now = app.now();
    let done = Done { result: Value::Object(counts.0), ..Done::default() };
    app.db
        .write(async |mut tx| {
            erased::write(&mut tx, company, ids, now).await?;
            forget_merges(&mut tx, company, ids).await?;
            tx.sql(
                "update privacy_request
                 set requested_by = $2, reason = null, refusal = case when refusal is null then null else $2 end,
                     version = version + 1
                 where company = $1 and customer in ",
            )
            .bind(company)
            .bind(erased::NAME)
            .push_ids(ids)
            .exec()
            .await?;
            // What else was asked for about the person has no object any more.
            tx.sql(
                "update privacy_request
                 set state = 'refused', refusal = 'the customer was erased', done_at = $2, version = version + 1
                 where company = $1 and id <> $3 and state in ('received', 'failed') and customer in ",
            )
            .bind(company)
            .bind(now)
            .bind(request)
            .push_ids(ids)
            .exec()
            .await?;
            register::done(&mut tx, company, request, &done, now).await?;
            for id in ids {
                let change =
                    Change { company, reference: format!("customer/{id}"), actor: "system", action: "erased", at: now };
                audit::record(&mut tx, &change, &json!({"isErased": false}), &json!({"isErased": true})).await?;
                tell(&mut tx, company, *id, now).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

async fn forget_merges(tx: &mut Conn, company: i64, ids: &[i64]) -> Result<(), db::Error> {
    let merges: Vec<i64> = tx
        .sql("update customer_merge set detail = null where company = $1 and survivor in ")
        .bind(company)
        .push_ids(ids)
        .push(" returning id")
        .all()
        .await?;
    tx.sql("delete from customer_merge_item where company = $1 and merge in ")
        .bind(company)
        .push_ids(&merges)
        .exec()
        .await
        .map(drop)
}

/// Says to subscribers which customer is to be forgotten there, too: number and code, no more.
async fn tell(tx: &mut Conn, company: i64, id: i64, now: i64) -> Result<(), Error> {
    let Some(row) = store::exactly(tx, company, id).await? else { return Ok(()) };
    let zone = time::zone(tx, company).await?;
    let record = json!({"customerId": row.id, "customerCode": row.code, "dateErased": row.erased_at.map(|at| time::text(at, &zone))});
    let body = event::body("Customer", "Erased", "Customer", &record)?;
    let subject = format!("customer/{id}");
    let event =
        Event { company, topic: "Customer", name: "Erased", subject: &subject, place: row.version, body, at: now };
    event::emit(tx, &event).await?;
    Ok(())
}
