//! A plain operation of five statements as a unit of work, with and without the grouping that all writes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use db::{Conn, Db, Error, Json, Migration, Options};
use uuid::Uuid;

use crate::report::Report;
use crate::{Bench, Result};

const SCHEMA: Migration = Migration {
    version: 1,
    name: "bench",
    sql: "create table room (company bigint not null, id bigint not null, last bigint not null, name text not null,
            primary key (company, id));
          create table message (company bigint not null, id uuid not null, room bigint not null, number bigint not null,
            body text not null, at bigint not null, primary key (company, id));
          create unique index message_room on message (company, room, number);
          create table event (company bigint not null, id uuid not null, topic text not null, data jsonb not null,
            primary key (company, id));
          create table job (id uuid not null primary key, kind text not null, data jsonb not null, due bigint not null);
          create index job_due on job (due);",
};

const ROOMS: i64 = 1_000;

/// Tasks that write at the same time.
const TASKS: i64 = 64;

/// The ratio of grouped to ungrouped, both with the same tasks.
pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let file = format!("sqlite:{}", bench.folder.join("units.db").display());
    let [mut grouped, mut alone] = [Vec::new(), Vec::new()];
    for _ in 0..bench.rounds() {
        // A group that is old at once holds one unit.
        let options = Options { group_age: Duration::ZERO, ..Options::default() };
        alone.push(runtime.block_on(rate(&file, options, bench.time()))?);
        grouped.push(runtime.block_on(rate(&file, Options::default(), bench.time()))?);
    }
    report.ratio("A plain unit of five statements, 64 tasks", &grouped, &alone, 5.0, "itself, ungrouped");
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a count of a few million")]
async fn rate(file: &str, options: Options, time: Duration) -> Result<f64> {
    let db = Db::open(file, options).await?;
    db.migrate(&[SCHEMA]).await?;
    db.write(async |mut tx| {
        for id in 0..ROOMS {
            let room =
                tx.sql("insert into room (company, id, last, name) values (1, $1, 0, 'room') on conflict do nothing");
            room.bind(id).exec().await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    let count = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let end = started + time;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (db, count) = (db.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let mut room = task * 7 % ROOMS;
                while Instant::now() < end {
                    db.write(async |mut tx| unit(&mut tx, room).await).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                    room = (room + 1) % ROOMS;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let rate = count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    db.close().await;
    Ok(rate)
}

async fn unit(tx: &mut Conn, room: i64) -> Result<(), Error> {
    let (last, _): (i64, String) =
        tx.sql("select last, name from room where company = $1 and id = $2").bind(1).bind(room).one().await?;
    let (id, body) = (Uuid::now_v7(), "m".repeat(300));
    tx.sql("insert into message (company, id, room, number, body, at) values ($1, $2, $3, $4, $5, $6)")
        .bind(1)
        .bind(id)
        .bind(room)
        .bind(last + 1)
        .bind(body)
        .bind(1)
        .later()
        .await?;
    tx.sql("update room set last = $3 where company = $1 and id = $2 and last = $3 - 1")
        .bind(1)
        .bind(room)
        .bind(last + 1)
        .later()
        .await?;
    let data = Json(std::collections::BTreeMap::from([("data", "e".repeat(480))]));
    tx.sql("insert into event (company, id, topic, data) values ($1, $2, $3, $4)")
        .bind(1)
        .bind(Uuid::now_v7())
        .bind("message.sent")
        .bind(data)
        .later()
        .await?;
    tx.sql("insert into job (id, kind, data, due) values ($1, $2, $3, $4)")
        .bind(Uuid::now_v7())
        .bind("deliver")
        .bind(Json(id))
        .bind(1)
        .later()
        .await
}
