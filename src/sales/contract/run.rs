//! The work that is due one day: a contract begins and ends by its dates, its visits become tasks when they come near, and
//! its owner is reminded before it ends.

use db::{Conn, Rows, Type};
use serde::Deserialize;

use super::row::{ACTIVE, COMPLETED, OPEN, Row};
use super::service::{RENEWAL, text};
use crate::app::App;
use crate::customer::store as customers;
use crate::event::{self, Event};
use crate::http::{Caller, Conditions, Error, Patch};
use crate::job::{Job, Next};
use crate::record::{self, Actor, Record as _};
use crate::task::{self, TaskWrite};
use crate::time::{self, Zone};

/// A visit becomes a task so long before its day.
const AHEAD: i64 = 30 * 24 * 60 * 60 * 1000;

/// Tasks made in one unit of work.
const LOT: i64 = 50;

#[derive(Debug, Deserialize)]
struct Visit {
    service: i64,
    due_at: i64,
}

/// Job: looks at a contract, and says when to look again.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let Ok(id) = job.key.parse::<i64>() else { return Ok(Next::Done) };
    let by = Actor { caller: Caller::acting(job.company, "system"), now: app.now() };
    app.db.write(async |mut tx| look(&mut tx, &by, id).await).await
}

async fn look(tx: &mut Conn, by: &Actor, id: i64) -> Result<Next, Error> {
    let company = by.caller.company;
    let customer: Option<i64> = tx
        .sql("select customer from contract where company = $1 and id = $2 and deleted_at is null")
        .bind(company)
        .bind(id)
        .optional()
        .await?;
    let Some(customer) = customer else { return Ok(Next::Done) };
    customers::hold(tx, company, customer).await?;
    let row: Row = match record::held(tx, &by.caller, "id", id, &Conditions::default()).await {
        Err(Error::NotFound(_)) => return Ok(Next::Done),
        found => found?,
    };
    let zone = time::zone(tx, company).await?;
    let row = turn(tx, by, row, &zone).await?;
    if row.cancelled_at.is_some() {
        return Ok(Next::Done);
    }
    // A person who was erased is visited by nobody.
    let customer = customers::exactly(tx, company, row.customer).await?.filter(|one| one.deleted_at.is_none());
    let code = customer.map(|customer| customer.code);
    let row = remind(tx, by, row, code.as_deref(), &zone).await?;
    let made = match &code {
        Some(code) => plan_visits(tx, by, &row, code, &zone).await?,
        None => 0,
    };
    if made == LOT {
        return Ok(Next::Again);
    }
    next(tx, by, &row, &zone).await
}

/// Gives the contract the status of its dates.
async fn turn(tx: &mut Conn, by: &Actor, row: Row, zone: &Zone) -> Result<Row, Error> {
    let status = row.status_at(by.now, zone);
    if status == row.status {
        return Ok(row);
    }
    let name = match status {
        ACTIVE => "Activated",
        COMPLETED => "Completed",
        _ => "Updated",
    };
    let new = Row { status, ..row.clone() };
    Ok(record::save_as(tx, by, Some(row), new, name).await?.row)
}

/// Reminds the owner of the end, once for each end: an event, and a task.
async fn remind(tx: &mut Conn, by: &Actor, row: Row, code: Option<&str>, zone: &Zone) -> Result<Row, Error> {
    let is_due = row.remind_days > 0 && by.now >= row.remind_at(zone) && row.reminded_of != Some(row.ends_at);
    if !is_due || ![OPEN, ACTIVE].contains(&row.status) {
        return Ok(row);
    }
    let subject = format!("Renew contract {}: {}", row.number, row.name);
    let task = make_task(tx, by, &row, code, subject, row.ends_at, zone).await?;
    tx.sql(
        "insert into contract_visit (company, contract, service, due_at, task) values ($1, $2, $3, $4, $5)
         on conflict (company, contract, service, due_at) do update set task = excluded.task",
    )
    .bind(row.company)
    .bind(row.id)
    .bind(RENEWAL)
    .bind(row.ends_at)
    .bind(task)
    .exec()
    .await?;
    tx.sql("update contract set reminded_of = $3 where company = $1 and id = $2")
        .bind(row.company)
        .bind(row.id)
        .bind(row.ends_at)
        .exec()
        .await?;
    let row = Row { reminded_of: Some(row.ends_at), ..row };
    let view = record::view(tx, row.clone()).await?;
    let (topic, name) = (Row::TOPIC, "RenewalDue");
    let body = event::body(topic, name, topic, &view)?;
    let subject = record::reference(&row);
    let event = Event { company: row.company, topic, name, subject: &subject, place: row.version, body, at: by.now };
    event::emit(tx, &event).await?;
    Ok(row)
}

/// Makes tasks of the visits whose day comes near.
async fn plan_visits(tx: &mut Conn, by: &Actor, row: &Row, code: &str, zone: &Zone) -> Result<i64, Error> {
    let visits: Vec<Visit> = tx
        .sql(
            "select service, due_at from contract_visit
             where company = $1 and contract = $2 and task is null and due_at <= $3 order by due_at, service limit $4",
        )
        .bind(row.company)
        .bind(row.id)
        .bind(by.now + AHEAD)
        .bind(LOT)
        .all()
        .await?;
    let mut made = 0;
    for visit in visits {
        let service = row.services.iter().flatten().find(|service| service.id == visit.service);
        let what = service.map(|service| service.subject.as_str()).unwrap_or_default();
        let subject = format!("{what} ({})", row.number);
        let number = make_task(tx, by, row, Some(code), subject, visit.due_at, zone).await?;
        tx.sql(
            "update contract_visit set task = $5 where company = $1 and contract = $2 and service = $3 and due_at = $4",
        )
        .bind(row.company)
        .bind(row.id)
        .bind(visit.service)
        .bind(visit.due_at)
        .bind(number)
        .later()
        .await?;
        made += 1;
    }
    Ok(made)
}

/// A task of the owner, due on a day; answers its number.
async fn make_task(
    tx: &mut Conn,
    by: &Actor,
    row: &Row,
    code: Option<&str>,
    subject: String,
    due_at: i64,
    zone: &Zone,
) -> Result<String, Error> {
    let day: String = text(due_at, zone).chars().take(10).collect();
    let write = TaskWrite {
        subject: Patch::Set(subject.chars().take(300).collect()),
        date_due: Patch::Set(day),
        assigned_to_user_id: Patch::Set(row.owner.to_string()),
        customer_code: code.map_or_else(Patch::default, |code| Patch::Set(code.to_owned())),
        ..TaskWrite::default()
    };
    Ok(task::put(tx, by, &write, &[], &Conditions::default()).await?.row.number)
}

/// When there is something to do again.
async fn next(tx: &mut Conn, by: &Actor, row: &Row, zone: &Zone) -> Result<Next, Error> {
    let visit: Option<i64> = tx
        .sql("select min(due_at) from contract_visit where company = $1 and contract = $2 and task is null and due_at > $3")
        .bind(row.company)
        .bind(row.id)
        .bind(by.now + AHEAD)
        .one()
        .await?;
    let reminder = (row.remind_days > 0 && row.reminded_of != Some(row.ends_at)).then(|| row.remind_at(zone));
    let moments = [Some(row.starts_at), Some(row.last_moment(zone) + 1), reminder, visit.map(|due| due - AHEAD)];
    let next = moments.into_iter().flatten().filter(|at| *at > by.now).min();
    Ok(next.map_or(Next::Done, Next::At))
}

/// Cancels the open tasks for which there is no reason any more. Of a contract that was cancelled these are all from today
/// on and that of its renewal; else those of visits outside its time and of an end that is no more its own, which are planned
/// again should it become so.
pub(super) async fn call_off(tx: &mut Conn, by: &Actor, row: &Row, zone: &Zone) -> Result<(), Error> {
    let today = time::day_of(by.now, zone).to_zoned(zone.clone());
    let today = today.map_or(by.now, |day| day.timestamp().as_millisecond());
    let query = tx
        .sql(
            "select contract_visit.task from contract_visit
             join task on task.company = contract_visit.company and task.number = contract_visit.task
             where contract_visit.company = $1 and contract_visit.contract = $2
               and task.status in ('open', 'doing') and task.deleted_at is null
               and (contract_visit.service = $3 or task.due_at is null or task.due_at >= $4)",
        )
        .bind(row.company)
        .bind(row.id)
        .bind(RENEWAL)
        .bind(today);
    let query = match row.cancelled_at {
        Some(_) => query,
        None => query
            .push(" and case when contract_visit.service = $3 then contract_visit.due_at <> ")
            .push_bind(row.ends_at)
            .push(" else contract_visit.due_at < ")
            .push_bind(row.starts_at)
            .push(" or contract_visit.due_at > ")
            .push_bind(row.last_moment(zone))
            .push(" end"),
    };
    let tasks: Vec<String> = query.push(" order by contract_visit.due_at limit 1000").all().await?;
    // They are the contract's, whoever was to do them.
    let by = &Actor { caller: Caller::acting(row.company, &by.caller.id), now: by.now };
    for number in &tasks {
        let (task_no, status) = (Some(number.clone()), Some("cancelled".to_owned()));
        task::put(tx, by, &TaskWrite { task_no, status, ..TaskWrite::default() }, &[], &Conditions::default()).await?;
    }
    if row.cancelled_at.is_none() && !tasks.is_empty() {
        let mut gone = Rows::new(&[("task", Type::Text)]);
        for number in tasks {
            gone.push([number.into()]);
        }
        tx.sql("delete from contract_visit where company = $1 and contract = $2 and task in (select task from ")
            .bind(row.company)
            .bind(row.id)
            .push_rows(&gone)
            .push(" as input)")
            .later()
            .await?;
    }
    Ok(())
}
