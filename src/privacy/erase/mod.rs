//! Erasure: the person goes, the shell of the record stays for the documents that the law keeps.
//!
//! Done in small units of work, each of which may run again: a customer with 100,000 messages keeps no writer waiting,
//! and a run that was killed is begun anew and finds less to do. The record is closed first, so that nothing is added;
//! its own fields go last, because by them the rows of imported files that are about the person are found.
//!
//! The answers that are kept for repeated requests may speak of the person in any words. They live for a day, and none is
//! added once the record is closed: the last step, a day later, sees to it that those of that time are gone.

mod chat;
mod import;
mod sales;
mod trace;

use db::Conn;
use serde_json::{Map, Value, json};

use self::trace::Trail;
use super::register::{self, Done};
use crate::app::App;
use crate::audit::{self, Change};
use crate::customer::{Erase, LINKED_TABLES, erased, store};
use crate::event::{self, Event};
use crate::http::{Error, idempotency};
use crate::job::{Job, Kind, Next};
use crate::time;

/// Rows changed in one unit of work.
const LOT: i64 = 500;

/// After so many tries an erasure is given up, visibly; starting it again goes on where it was.
const MOST_TRIES: i64 = 50;

/// Job: erases the customer of a request.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let Ok(id) = job.key.parse() else { return Ok(Next::Done) };
    let request = match register::get(&mut app.db.read().await?, job.company, id).await {
        Ok(request) => request,
        Err(Error::NotFound(_)) => return Ok(Next::Done),
        Err(error) => return Err(error),
    };
    match (request.state.as_str(), request.done_at) {
        ("running", _) => {}
        ("done", Some(done_at)) => return forget_answers(app, job.company, done_at).await,
        _ => return Ok(Next::Done),
    }
    match erase(app, job.company, id, request.customer).await {
        Ok(()) => {
            app.wakes.wake(Kind::Webhook);
            app.wakes.wake(Kind::Media);
            Ok(Next::At(app.now() + idempotency::KEPT))
        }
        Err(error) if job.tries >= MOST_TRIES => {
            tracing::error!(%error, request = id, "an erasure is given up");
            let (why, now) = ("the erasure did not finish; see the log and start it again", app.now());
            app.db.write(async |mut tx| register::fail(&mut tx, job.company, id, why, now).await).await?;
            Ok(Next::Done)
        }
        Err(error) => Err(error),
    }
}

/// The last step: what was answered before the erasure is kept no longer.
async fn forget_answers(app: &App, company: i64, done_at: i64) -> Result<Next, Error> {
    let (now, due) = (app.now(), done_at + idempotency::KEPT);
    if now < due {
        return Ok(Next::At(due));
    }
    let most = u64::try_from(LOT).unwrap_or(u64::MAX);
    loop {
        let deleted: Result<u64, db::Error> =
            app.db.write(async |mut tx| idempotency::forget(&mut tx, company, now, LOT).await).await;
        if deleted? < most {
            return Ok(Next::Done);
        }
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
    let rooms = chat::erase_rooms(app, company, &ids, &mut counts).await?;
    for room in &rooms {
        chat::erase_messages(app, company, *room, &mut counts).await?;
    }
    chat::erase_attachments(app, company, &ids, &mut counts).await?;
    let trails = trace::trails(app, company, &ids).await?;
    for trail in &trails {
        trace::erase_events(app, company, trail, &mut counts).await?;
    }
    for room in &rooms {
        trace::erase_events(app, company, &Trail::whole(room.to_string()), &mut counts).await?;
    }
    // Before the texts that they are found by.
    import::erase_imports(app, company, &ids, &mut counts).await?;
    erase_linked(app, company, &ids, &mut counts).await?;
    sales::erase_texts(app, company, &ids).await?;
    // Work that was under way may have told of them once more, even of records that are new.
    let trails = trace::trails(app, company, &ids).await?;
    for trail in &trails {
        trace::erase_events(app, company, trail, &mut Counts::default()).await?;
        trace::mask_history(app, company, trail, &mut counts).await?;
    }
    finish(app, company, request, &ids, counts).await
}

/// Closes the record and those that were merged into it: from here on nobody changes or merges them, or adds to them.
async fn close(app: &App, company: i64, customer: i64) -> Result<Vec<i64>, Error> {
    let now = app.now();
    app.db
        .write(async |mut tx| {
            // A merge at the same moment may make another record the survivor until this one is held.
            let ids = loop {
                let found = register::about(&mut tx, company, customer).await?;
                let Some(survivor) = found.first() else { return Err(Error::NotFound("customer")) };
                store::hold(&mut tx, company, *survivor).await?;
                let held = register::about(&mut tx, company, customer).await?;
                if held.first() == Some(survivor) {
                    break held;
                }
            };
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

/// Everything on the list of what belongs to a customer that has no code of its own here.
async fn erase_linked(app: &App, company: i64, ids: &[i64], counts: &mut Counts) -> Result<(), Error> {
    for linked in LINKED_TABLES {
        for id in ids {
            loop {
                let changed: u64 = app
                    .db
                    .write(async |mut tx| match linked.erase {
                        Erase::Keep | Erase::Apart => Ok(0),
                        Erase::Delete => {
                            tx.sql("delete from ")
                                .push(linked.table)
                                .push(" where company = $1 and ")
                                .push(linked.column)
                                .push(" = $2")
                                .bind(company)
                                .bind(*id)
                                .exec()
                                .await
                        }
                        Erase::Blank { set, left } => {
                            tx.sql("update ")
                                .push(linked.table)
                                .push(" set ")
                                .push(set)
                                .push(" where company = $1 and id in (select id from ")
                                .push(linked.table)
                                .push(" where company = $1 and ")
                                .push(linked.column)
                                .push(" = $2 and (")
                                .push(left)
                                .push(")")
                                .push(linked.condition)
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
                counts.add(linked.word, changed);
            }
        }
    }
    Ok(())
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
