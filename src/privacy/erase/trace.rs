//! Where the person was spoken of: stored events, and the audit trail.

use db::{Rows, Type};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Counts, LOT};
use crate::app::App;
use crate::customer::LINKED_TABLES;
use crate::http::Error;

/// What stands in the place of a value in the audit trail.
const MASK: &str = "***";

/// Where the person may have been spoken of: a subject of events, which is a reference of the audit trail too.
pub(super) struct Trail {
    subject: String,
    /// Only what happened in this time; both ends belong to it.
    from: i64,
    to: i64,
}

impl Trail {
    pub(super) fn whole(subject: String) -> Trail {
        Trail { subject, from: 0, to: i64::MAX }
    }
}

/// The trails of the records, and of others as long as one of these records was merged into them.
pub(super) async fn trails(app: &App, company: i64, ids: &[i64]) -> Result<Vec<Trail>, Error> {
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
    for owned in LINKED_TABLES {
        let Some((kind, name)) = owned.name else { continue };
        // Files speak of their record by its id.
        for column in [name, "cast(id as text)"] {
            let names: Vec<String> = app
                .db
                .read()
                .await?
                .sql("select ")
                .push(column)
                .push(" from ")
                .push(owned.table)
                .push(" where company = $1 and ")
                .push(owned.column)
                .push(" in ")
                .bind(company)
                .push_ids(ids)
                .all()
                .await?;
            trails.extend(names.iter().map(|name| Trail::whole(format!("{kind}/{name}"))));
        }
    }
    let other = |(id, from, to)| Trail { subject: format!("customer/{id}"), from, to };
    trails.extend(merges.into_iter().map(other));
    Ok(trails)
}

/// Empties the stored bodies of what happened to a subject, and calls off what of it is still to be delivered.
pub(super) async fn erase_events(app: &App, company: i64, trail: &Trail, counts: &mut Counts) -> Result<(), Error> {
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
                .await?;
                // What receivers answered may repeat what they were told.
                tx.sql(
                    "update webhook_delivery set last_answer = null
                     where company = $1 and last_answer is not null and event in (select id from ",
                )
                .bind(company)
                .push_rows(&rows)
                .push(" as input)")
                .later()
                .await?;
                tx.sql("delete from webhook_try where company = $1 and event in (select id from ")
                    .bind(company)
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

/// Masks the values in the audit trail of a record: who changed which field, and when, stays.
pub(super) async fn mask_history(app: &App, company: i64, trail: &Trail, counts: &mut Counts) -> Result<(), Error> {
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
