//! Units of work per second, against the same statements straight through rusqlite.
//!
//! `cargo run --release -p db --example group -- [URL]`; without a URL, a SQLite file in the current folder. A unit is
//! what sending a message costs: read the room, insert the message, number it, insert an event and a job.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement stops at the first error and prints figures"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use db::{Conn, Db, Error, Json, Migration, Options};
use uuid::Uuid;

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
const READ: &str = "select last, name from room where company = $1 and id = $2";
const MESSAGE: &str = "insert into message (company, id, room, number, body, at) values ($1, $2, $3, $4, $5, $6)";
const ROOM: &str = "update room set last = last + 1 where company = $1 and id = $2 returning last";
const EVENT: &str = "insert into event (company, id, topic, data) values ($1, $2, $3, $4)";
const JOB: &str = "insert into job (id, kind, data, due) values ($1, $2, $3, $4)";

#[tokio::main(worker_threads = 2)]
async fn main() {
    let run = Duration::from_millis(std::env::var("BENCH_MS").ok().and_then(|s| s.parse().ok()).unwrap_or(3_000));
    let file = std::env::current_dir().unwrap().join(format!("group-{}.db", std::process::id()));
    let url = std::env::args().nth(1).unwrap_or_else(|| format!("sqlite:{}", file.display()));
    let db = Db::open(&url, Options { pool_size: 16, ..Options::default() }).await.unwrap();
    db.migrate(&[SCHEMA]).await.unwrap();
    db.write(async |mut tx| {
        for id in 0..ROOMS {
            let room =
                tx.sql("insert into room (company, id, last, name) values (1, $1, 0, 'room') on conflict do nothing");
            room.bind(id).exec().await?;
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let plain = if url.starts_with("sqlite:") {
        let first = rusqlite_groups(&file, 1, run);
        println!("rusqlite, groups of 1:  {first:>7.0}/s");
        println!("rusqlite, groups of 64: {:>7.0}/s", rusqlite_groups(&file, 64, run));
        Some(first)
    } else {
        None
    };
    for tasks in [1, 16, 64, 256] {
        let before = db.stats();
        let rate = units(&db, tasks, run).await;
        let after = db.stats();
        let group = (after.members - before.members) as f64 / (after.commits - before.commits) as f64;
        let share = plain.map_or(String::new(), |plain| format!(", {:.2} of plain groups of 1", rate / plain));
        println!("{tasks:>3} tasks: {rate:>7.0}/s, {group:>5.1} units a commit{share}");
    }
    println!("point reads, one after another: {:.1} us", reads(&db).await);
    db.close().await;
    for name in ["db", "db-wal", "db-shm"] {
        let _ = std::fs::remove_file(file.with_extension(name));
    }
}

async fn units(db: &Db, tasks: i64, run: Duration) -> f64 {
    let count = Arc::new(AtomicI64::new(0));
    let end = Instant::now() + run;
    let started = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let (db, count) = (db.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let mut room = task * 7 % ROOMS;
                while Instant::now() < end {
                    db.write(async |mut tx| send(&mut tx, 1, room).await).await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                    room = (room + 1) % ROOMS;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

async fn send(tx: &mut Conn, company: i64, room: i64) -> Result<(), Error> {
    let (_, _): (i64, String) = tx.sql(READ).bind(company).bind(room).one().await?;
    let number: i64 = tx.sql(ROOM).bind(company).bind(room).one().await?;
    let (id, body) = (Uuid::now_v7(), "m".repeat(300));
    tx.sql(MESSAGE).bind(company).bind(id).bind(room).bind(number).bind(body).bind(1_i64).later().await?;
    let data = Json(std::collections::BTreeMap::from([("data", "e".repeat(480))]));
    tx.sql(EVENT).bind(company).bind(Uuid::now_v7()).bind("message.sent").bind(data).later().await?;
    tx.sql(JOB).bind(Uuid::now_v7()).bind("deliver").bind(Json(id)).bind(1_i64).later().await
}

async fn reads(db: &Db) -> f64 {
    let started = Instant::now();
    for room in 0..20_000 {
        let mut reader = db.read().await.unwrap();
        let _: (i64, String) = reader.sql(READ).bind(1).bind(room % ROOMS).one().await.unwrap();
    }
    started.elapsed().as_secs_f64() * 1e6 / 20_000.0
}

fn rusqlite_groups(file: &std::path::Path, group: usize, run: Duration) -> f64 {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.set_prepared_statement_cache_capacity(100);
    connection
        .execute_batch("pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory; pragma wal_autocheckpoint = 16384; pragma busy_timeout = 5000")
        .unwrap();
    let (started, mut count, mut room) = (Instant::now(), 0, 0_i64);
    while started.elapsed() < run {
        connection.prepare_cached("begin immediate").unwrap().execute([]).unwrap();
        for _ in 0..group {
            let one = |text: &str| -> i64 {
                connection.prepare_cached(&numbered(text)).unwrap().query_row((1, room), |row| row.get(0)).unwrap()
            };
            one(READ);
            let number = one(ROOM);
            let (id, event, job) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
            let message = (1, id.as_bytes(), room, number, "m".repeat(300), 1);
            connection.prepare_cached(&numbered(MESSAGE)).unwrap().execute(message).unwrap();
            let event = (1, event.as_bytes(), "message.sent", format!("{{\"data\":\"{}\"}}", "e".repeat(480)));
            connection.prepare_cached(&numbered(EVENT)).unwrap().execute(event).unwrap();
            let job = (job.as_bytes(), "deliver", format!("\"{id}\""), 1);
            connection.prepare_cached(&numbered(JOB)).unwrap().execute(job).unwrap();
            room = (room + 1) % ROOMS;
            count += 1;
        }
        connection.prepare_cached("commit").unwrap().execute([]).unwrap();
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

/// rusqlite binds by position.
fn numbered(text: &str) -> String {
    text.replace('$', "?")
}
