//! The search over a million messages in a hundred thousand rooms, in several scripts, on both databases.

use std::rc::Rc;
use std::time::{Duration, Instant};

use db::{Conn, Db, Options, Rows, Type};

use crate::limits::{Postgres, spread};
use crate::load::{self, Plan};
use crate::report::Report;
use crate::server::{COMPANY, Client, Sala};
use crate::{Bench, Result, seed};

const ROOMS: u32 = 100_000;
const MESSAGES: u32 = 1_000_000;

/// Messages that are written in one unit while seeding.
const BATCH: u32 = 1_000;

const GOODS: [&str; 10] = ["โต๊ะ", "เก้าอี้", "ตู้เย็น", "หลอดไฟ", "สว่าน", "table", "chair", "lamp", "drill", "ladder"];
const PLACES: [&str; 7] = ["เชียงใหม่", "ขอนแก่น", "ภูเก็ต", "Bangkok", "Hat Yai", "Udon Thani", "ระยอง"];

/// What is said in the message of this number.
fn text(number: u32) -> String {
    let unique = spread(u64::from(number), MESSAGES);
    let good = GOODS[(number / 3) as usize % GOODS.len()];
    let place = PLACES[(number / 31) as usize % PLACES.len()];
    let mut text = match number % 3 {
        0 => format!("สวัสดีค่ะ สนใจ{good} ราคาเท่าไหร่คะ ส่งที่{place} {unique}"),
        1 => format!("ขอบคุณครับ {good}ได้รับแล้ว เลขที่ {unique}"),
        _ => format!("Hello, is the {good} still available in {place}? Order {unique}"),
    };
    if number % 100 == 7 {
        text.push_str(" ขอใบเสนอราคาด้วย");
    }
    if number % 50_021 == 3 {
        text.push_str(" to Zanzibar");
    }
    text
}

/// What is looked for: each word in turn.
const MIXES: [(&str, &[&str]); 5] = [
    ("a rare word", &["zanzibar", "ZANZI", "ส่งที่ระยอง 77"]),
    ("a common word", &["hello", "order", "a"]),
    ("a Thai word", &["ใบเสนอราคา", "ขอบคุณ", "เก้าอี้", "ก"]),
    ("two words", &["available in Hat Yai", "ขอบคุณครับ โต๊ะ", "drill still", "customer 77"]),
    ("what nobody said", &["xylophone", "ฆ้องวง", "ราคาเท่าไหร่ครับ", "hello, is the zanzibar"]),
];

/// Both databases.
pub(crate) fn measure(bench: &Bench, report: &mut Report, postgres: Option<&Postgres>) -> Result<()> {
    let engine = if postgres.is_some() { "PostgreSQL" } else { "Embedded" };
    // The private server of PostgreSQL ends with the run, and its messages with it.
    let kept = bench.kept.as_ref().filter(|_| postgres.is_none());
    let folder = kept.unwrap_or(&bench.folder).join(format!("search-{engine}"));
    let record = folder.join("client.json");
    std::fs::create_dir_all(&folder)?;
    let is_seeded = record.exists();
    let sala = match postgres {
        None => Sala::embedded(&bench.program, folder)?,
        Some(postgres) => {
            postgres.psql("postgres", "create database search;")?;
            Sala { program: bench.program.clone(), folder, database: postgres.database("search") }
        }
    };
    if !is_seeded {
        let (client, account) = seed::company(&sala, None)?;
        match postgres {
            None => seed::rooms(&sala, &account, ROOMS)?,
            Some(postgres) => postgres.psql("search", &seed::rooms_text(&account, ROOMS)).map(drop)?,
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let started = Instant::now();
        runtime.block_on(fill(&sala.database))?;
        let time = format!("{:.0} s", started.elapsed().as_secs_f64());
        report.tell(&format!("{engine}: writing 1,000,000 messages in 100,000 rooms, with their text index"), time);
        if let Some(postgres) = postgres {
            postgres.psql("search", "vacuum analyze; checkpoint;")?;
        }
        std::fs::write(&record, serde_json::to_vec(&client)?)?;
    }
    let client: serde_json::Value = serde_json::from_slice(&std::fs::read(&record)?)?;
    // Nothing is put into the index meanwhile.
    let server = sala.serve(&["--role", "api"])?;
    let client = Rc::new(Client::new(server.address, &client)?);
    let plan = Plan {
        warm_up: Duration::from_millis(500),
        pause: Duration::from_millis(2),
        ..Plan::full(server.address, 1, bench.time())
    };
    for (what, words) in MIXES {
        let reader = Rc::clone(&client);
        let found = load::run(plan, move |number, out| {
            let word = words[usize::try_from(number).unwrap_or_default() % words.len()];
            reader.post("/v1/console/search", &format!(r#"{{"keyword":"{word}"}}"#), out);
        })?;
        report.under(&format!("{engine}, 1,000,000 messages: {what}, p99"), found.latency(0.99), 50.0, "ms");
    }
    server.stop()
}

/// Writes the messages and their text index, through the database crate because the index is kept by hand.
async fn fill(url: &str) -> Result<()> {
    let db = Db::open(url, Options::default()).await?;
    let start = seed::now() - i64::from(MESSAGES) * 10 - 10 * 60 * 1000;
    for first in (0..MESSAGES).step_by(BATCH as usize) {
        db.write(async |mut tx| batch(&mut tx, first, start).await).await?;
    }
    for first in (0..ROOMS).step_by(BATCH as usize) {
        db.write(async |mut tx| names(&mut tx, first).await).await?;
    }
    db.write(async |mut tx| {
        tx.sql("insert into message_text_cursor (company, message, number, stray, anew) values ($1, $2, $3, 0, false)")
            .bind(COMPANY)
            .bind(seed::message_id(start + i64::from(MESSAGES - 1) * 10, MESSAGES - 1))
            .bind(i64::from(MESSAGES))
            .exec()
            .await
    })
    .await?;
    db.close().await;
    Ok(())
}

async fn batch(tx: &mut Conn, first: u32, start: i64) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[
        ("place", Type::BigInt),
        ("id", Type::Uuid),
        ("room", Type::Uuid),
        ("contact", Type::Uuid),
        ("number", Type::BigInt),
        ("content", Type::Text),
        ("at", Type::BigInt),
    ]);
    let mut texts = Vec::new();
    for number in first..first + BATCH {
        let (at, room) = (start + i64::from(number) * 10, number % ROOMS);
        let said = text(number);
        rows.push([
            i64::from(number + 1).into(),
            seed::message_id(at, number).into(),
            seed::room(room).into(),
            seed::contact(room).into(),
            i64::from(number / ROOMS + 1).into(),
            said.as_str().into(),
            at.into(),
        ]);
        texts.push((i64::from(number + 1), said.to_lowercase()));
    }
    tx.sql(
        "insert into message (company, id, room, number, contact, kind, content, sent_at, stored_at, delivery,
                              first_of_customer, trace)
         select 507, id, room, number, contact, 'message', content, at, at, 3, number = 1, '4bf92f3577b34da6a3ce929d0e0e4736'
         from ",
    )
    .push_rows(&rows)
    .push(" as input where true on conflict do nothing")
    .exec()
    .await?;
    tx.sql("insert into message_place (company, number, message) select 507, place, id from ")
        .push_rows(&rows)
        .push(" as input where true on conflict do nothing")
        .exec()
        .await?;
    let texts: Vec<(i64, &str)> = texts.iter().map(|(id, text)| (*id, text.as_str())).collect();
    tx.index_texts("message_text", COMPANY, &texts).await
}

/// The pieces by which rooms are found by their names.
async fn names(tx: &mut Conn, first: u32) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[("gram", Type::Bytes), ("room", Type::Uuid)]);
    for number in first..first + BATCH {
        let name = format!("customer {number}");
        for start in 0..name.len() {
            let piece = &name[start..name.len().min(start + 3)];
            rows.push([piece.as_bytes().into(), seed::room(number).into()]);
        }
    }
    tx.sql("insert into room_gram (company, gram, room) select 507, gram, room from ")
        .push_rows(&rows)
        .push(" as input where true on conflict do nothing")
        .exec()
        .await
        .map(drop)
}
