//! A text index of many rows: how long it takes to build, how large it is, and how long keywords take.
//!
//! `cargo run --release -p db --example text -- [URL] [ROWS]`; without a URL, a SQLite file in the current folder.

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

use db::{Db, Kind, Migration, Options};

const SCHEMA: Migration = Migration { version: 1, name: "text", sql: "create text index bench_text;" };

/// Rows of an import that are one unit of work.
const BULK: i64 = 1_000;

/// What is measured after the import with units of one row: new rows, and texts that replace others.
const SINGLE: i64 = 20_000;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let file = std::env::current_dir().unwrap().join(format!("text-{}.db", std::process::id()));
    let url = std::env::args().nth(1).unwrap_or_else(|| format!("sqlite:{}", file.display()));
    let rows: i64 = std::env::args().nth(2).map_or(1_000_000, |rows| rows.parse().unwrap());
    let db = Db::open(&url, Options { pool_size: 16, ..Options::default() }).await.unwrap();
    db.migrate(&[SCHEMA]).await.unwrap();

    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    for first in (0..rows).step_by(usize::try_from(BULK).unwrap()) {
        let texts: Vec<(i64, String)> = (first..(first + BULK).min(rows)).map(|id| (id, text(id))).collect();
        let texts: Vec<(i64, &str)> = texts.iter().map(|(id, text)| (*id, text.as_str())).collect();
        let unit = Instant::now();
        db.write(async |mut tx| tx.index_texts("bench_text", 1, &texts).await).await.unwrap();
        slowest = slowest.max(unit.elapsed());
    }
    say(&format!("bulk of {rows} rows, {BULK} a unit; slowest unit {slowest:.0?}"), rows, start.elapsed());
    size(&db).await;
    keywords(&db).await;
    single(&db, "new rows", |number| rows + number).await;
    single(&db, "replaced", |number| number * 7_919 % rows).await;
    size(&db).await;
    keywords(&db).await;
    db.close().await;
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
}

/// Something like the name, code, telephone number, address and tax number of a customer: about 70 characters.
fn text(id: i64) -> String {
    const FIRST: [&str; 20] = [
        "สยาม",
        "ไทย",
        "กรุงเทพ",
        "เจริญ",
        "ทรัพย์",
        "รุ่งเรือง",
        "พัฒนา",
        "สหกิจ",
        "มงคล",
        "ศรี",
        "global",
        "asia",
        "pacific",
        "united",
        "golden",
        "smart",
        "green",
        "prime",
        "metro",
        "star",
    ];
    const SECOND: [&str; 20] = [
        "อาหาร",
        "ก่อสร้าง",
        "ขนส่ง",
        "การเกษตร",
        "เคมีภัณฑ์",
        "อุตสาหกรรม",
        "พลาสติก",
        "เฟอร์นิเจอร์",
        "ยานยนต์",
        "สิ่งทอ",
        "trading",
        "logistics",
        "foods",
        "steel",
        "software",
        "energy",
        "paper",
        "textile",
        "motor",
        "design",
    ];
    let pick = |salt: i64| usize::try_from((id * 2_654_435_761 + salt * 40_503) >> 7 & 0xffff).unwrap();
    let (first, middle, second) = (FIRST[pick(1) % 20], FIRST[pick(2) % 20], SECOND[pick(3) % 20]);
    let kind = if id % 10 == 0 { "บริษัท" } else { "หจก." };
    let phone = id * 7_368_787 % 100_000_000;
    let tax = id * 982_451_653 % 10_000_000_000;
    format!("{kind} {first}{middle} {second} c{id:07} 08{phone:08} {first}{}@mail.co.th 105{tax:010}", id % 9_973)
        .to_lowercase()
}

async fn single(db: &Db, what: &str, id: impl Fn(i64) -> i64) {
    let next = Arc::new(AtomicI64::new(0));
    let before = db.stats();
    let start = Instant::now();
    let id = &id;
    let slowest = futures_util::future::join_all((0..64).map(|_| {
        let next = Arc::clone(&next);
        async move {
            let mut slowest = Duration::ZERO;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= SINGLE {
                    return slowest;
                }
                let (id, text) = (id(number), text(number + 5_000_000));
                let unit = Instant::now();
                db.write(async |mut tx| tx.index_text("bench_text", 1, id, &text).await).await.unwrap();
                slowest = slowest.max(unit.elapsed());
            }
        }
    }))
    .await
    .into_iter()
    .max()
    .unwrap();
    let after = db.stats();
    let group = (after.members - before.members) / (after.commits - before.commits).max(1);
    say(&format!("{what}, one a unit, {group} units a commit; slowest {slowest:.0?}"), SINGLE, start.elapsed());
}

async fn keywords(db: &Db) {
    for (what, keyword) in [
        ("rare", "c0500000"),
        ("rare, common pieces", "08000000"),
        ("a tenth", "บริษัท"),
        ("all", "mail.co.th"),
        ("two characters, all", "ท "),
        ("two characters, some", "uf"),
        ("one character", "ฟ"),
        ("two common words", "บริษัท สยามไทย trading"),
        ("none", "สวัสดี"),
        ("long", "สยามไทย trading c0123456 0812345678 siam@mail.co.th"),
    ] {
        let mut times = Vec::new();
        let mut found = None;
        for _ in 0..11 {
            let start = Instant::now();
            let mut reader = db.read().await.unwrap();
            let ids = reader.text_candidates("bench_text", 1, keyword, i64::MAX, 10_000).await.unwrap();
            found = ids.is_whole().then_some(ids.ids.len());
            times.push(start.elapsed());
        }
        let first = times[0];
        times.sort();
        println!("  {what:24} {:>10.1?} (first {first:.1?})  {found:?}", times[5]);
    }
}

async fn size(db: &Db) {
    let mut reader = db.read().await.unwrap();
    let query = match db.kind() {
        Kind::Sqlite => "select page_count * page_size from pragma_page_count(), pragma_page_size()",
        Kind::Postgres => "select pg_total_relation_size('bench_text')::bigint",
    };
    let bytes: i64 = reader.sql(query).one().await.unwrap();
    let parts: Vec<(String, i64)> = match db.kind() {
        Kind::Sqlite => Vec::new(),
        Kind::Postgres => reader
            .sql("select relname::text as name, pg_relation_size(oid)::bigint as bytes from pg_class where relname like 'bench_text%' or oid = (select reltoastrelid from pg_class where relname = 'bench_text')")
            .all()
            .await
            .unwrap(),
    };
    println!("  {} MB {parts:?}", bytes / 1_000_000);
}

fn say(what: &str, count: i64, time: Duration) {
    let each = time / u32::try_from(count).unwrap();
    println!("{what}: {time:.1?}, {each:.0?} each, {:.0} a second", 1.0 / each.as_secs_f64());
}
