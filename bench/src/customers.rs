//! A million customers in one company: reading, looking for, and making them, on both databases.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use db::{Conn, Db, Options, Rows, Type};
use rusqlite::{Connection, params};

use crate::limits::{Postgres, spread};
use crate::load::{self, Plan};
use crate::report::Report;
use crate::server::{self, COMPANY, Client, Sala};
use crate::{Bench, Result, seed};

/// How many there are.
const CUSTOMERS: u32 = 1_000_000;

/// Customers that are written in one unit while seeding.
const BATCH: u32 = 1_000;

const NAMES: [&str; 10] = [
    "ก้าวหน้า",
    "สยามทูลส์",
    "รุ่งเรือง",
    "Bangkok Trading",
    "ทรัพย์เจริญ",
    "Lotus Export",
    "มั่นคง",
    "Chao Phraya",
    "ไทยพัฒนา",
    "Andaman",
];
const KINDS: [&str; 5] = ["การค้า", "Logistics", "ก่อสร้าง", "Foods", "ขนส่ง"];

/// What a customer of this number is called; the number makes it unique.
fn name(number: u32) -> String {
    let first = NAMES[number as usize % NAMES.len()];
    let kind = KINDS[(number / 10) as usize % KINDS.len()];
    format!("บริษัท {first} {kind} {} จำกัด", spread(u64::from(number), CUSTOMERS))
}

fn phone(number: u32) -> String {
    format!("08{:08}", spread(u64::from(number) + 17, 100_000_000))
}

/// What a keyword is looked for in, as the server puts it together.
fn search_key(number: u32) -> String {
    let (name, phone) = (name(number).to_lowercase(), phone(number));
    format!("{name}\nk{number:07}\nk{number}@example.com\n{phone}\n+66{}", &phone[1..])
}

/// Writes the customers straight into the tables, through the database crate because its text index is kept by hand.
async fn seed(url: &str) -> Result<()> {
    let db = Db::open(url, Options::default()).await?;
    // What the server makes afterwards comes after these.
    db.write(async |mut tx| {
        let counter = tx.sql("insert into counter (company, name, value) values ($1, 'customer', $2)");
        counter.bind(COMPANY).bind(i64::from(CUSTOMERS)).exec().await
    })
    .await?;
    for start in (0..CUSTOMERS).step_by(BATCH as usize) {
        db.write(async |mut tx| batch(&mut tx, start).await).await?;
    }
    db.close().await;
    Ok(())
}

async fn batch(tx: &mut Conn, start: u32) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[
        ("id", Type::BigInt),
        ("code", Type::Text),
        ("name", Type::Text),
        ("phone", Type::Text),
        ("search_key", Type::Text),
        ("state", Type::BigInt),
        ("wide", Type::BigInt),
    ]);
    let mut texts = Vec::new();
    for number in start..start + BATCH {
        let text = search_key(number);
        rows.push([
            i64::from(number + 1).into(),
            format!("k{number:07}").into(),
            name(number).into(),
            phone(number).into(),
            text.as_str().into(),
            i64::from(number % 3 + 1).into(),
            i64::from(number % 20 + 1).into(),
        ]);
        texts.push((i64::from(number + 1), text));
    }
    tx.sql(
        "insert into customer (company, id, code, code_key, name, name_key, state, status, kind, lead_status,
                               customer_group, source, phone, email, profile, search_key, created_by, created_at,
                               modified_by, modified_at, version)
         select 507, id, code, code, name, lower(name), state, 0, 1, 4, wide, wide, phone, code || '@example.com', '{}',
                search_key, 'bench', 1763884800000 + id, 'bench', 1763884800000 + id, 1 from ",
    )
    .push_rows(&rows)
    .push(" as input where true on conflict do nothing")
    .exec()
    .await?;
    tx.sql("insert into customer_name (company, name_key, customer) select 507, lower(name), id from ")
        .push_rows(&rows)
        .push(" as input where true on conflict do nothing")
        .exec()
        .await?;
    let texts: Vec<(i64, &str)> = texts.iter().map(|(id, text)| (*id, text.as_str())).collect();
    tx.index_texts("customer_text", COMPANY, &texts).await
}

/// Both databases.
pub(crate) fn measure(bench: &Bench, report: &mut Report, postgres: Option<&Postgres>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match postgres {
        None => {
            let sala = Sala::embedded(&bench.program, bench.folder.join("customers"))?;
            let (record, _) = seed::company(&sala, None)?;
            report.tell(
                "Embedded: writing 1,000,000 customers, with their text index",
                timed(|| runtime.block_on(seed(&sala.database)))?,
            );
            reads(bench, report, &sala, &record, "Embedded")?;
            writes(bench, report, &sala, &record)
        }
        Some(postgres) => {
            let folder = bench.folder.join("customers-postgres");
            std::fs::create_dir_all(&folder)?;
            postgres.psql("postgres", "create database customers;")?;
            let sala = Sala { program: bench.program.clone(), folder, database: postgres.database("customers") };
            let (record, _) = seed::company(&sala, None)?;
            report.tell(
                "PostgreSQL: writing 1,000,000 customers, with their text index",
                timed(|| runtime.block_on(seed(&sala.database)))?,
            );
            postgres.psql("customers", "vacuum analyze;")?;
            reads(bench, report, &sala, &record, "PostgreSQL")?;
            let server = sala.serve(&["--role", "api"])?;
            let client = Rc::new(Client::new(server.address, &record)?);
            let rate = create(&server, &client, bench.time(), 0)?;
            report.tell("PostgreSQL, 64 connections making customers", format!("{rate:.0}/s"));
            server.stop()
        }
    }
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<String> {
    let started = Instant::now();
    work()?;
    Ok(format!("{:.0} s", started.elapsed().as_secs_f64()))
}

/// Reading at light load: by code, by keyword, by two filters.
fn reads(bench: &Bench, report: &mut Report, sala: &Sala, record: &serde_json::Value, engine: &str) -> Result<()> {
    let server = sala.serve(&["--role", "api"])?;
    let client = Rc::new(Client::new(server.address, record)?);
    let plan = Plan {
        warm_up: Duration::from_millis(500),
        pause: Duration::from_millis(2),
        ..Plan::full(server.address, 1, bench.time())
    };
    let reader = Rc::clone(&client);
    let by_code = load::run(plan, move |number, out| {
        reader.get(&format!("/v3/customers/k{:07}", spread(number, CUSTOMERS)), out);
    })?;
    report.under(&format!("{engine}, 1,000,000 customers: one by its code, p99"), by_code.latency(0.99), 2.0, "ms");
    let reader = Rc::clone(&client);
    let keyword = load::run(plan, move |number, out| {
        let of = spread(number, CUSTOMERS);
        // A whole number of a name, a telephone, an e-mail's beginning, a word that a tenth have, and two letters.
        let keyword = match number % 5 {
            0 => spread(u64::from(of), CUSTOMERS).to_string(),
            1 => phone(of)[3..].to_owned(),
            2 => format!("k{of}@"),
            3 => NAMES[of as usize % NAMES.len()].to_owned(),
            _ => "ขน".to_owned(),
        };
        reader.post("/v3/customers/enquiry", &format!(r#"{{"keyword":"{keyword}","take":20}}"#), out);
    })?;
    report.under(&format!("{engine}, … a page by a keyword, p99"), keyword.latency(0.99), 20.0, "ms");
    let reader = Rc::clone(&client);
    let filters = load::run(plan, move |number, out| {
        let (state, kind, skip) = (number % 3 + 1, 1, number % 10 * 20);
        let body = match number % 2 {
            0 => format!(r#"{{"customerState":{state},"customerType":{kind},"skip":{skip},"take":20}}"#),
            _ => format!(
                r#"{{"customerState":{state},"sourceName":"Website","skip":{skip},"take":20,"orderBy":"customerName"}}"#
            ),
        };
        reader.post("/v3/customers/enquiry", &body, out);
    })?;
    report.under(&format!("{engine}, … a page by two filters, p99"), filters.latency(0.99), 20.0, "ms");
    let memory = server::memory(server.pid()).unwrap_or(f64::NAN);
    report.under(&format!("{engine}, … memory after that (PSS)"), memory, 150.0, "MB");
    server.stop()
}

/// Making customers at 64 connections, next to the same statements straight through rusqlite.
fn writes(bench: &Bench, report: &mut Report, sala: &Sala, record: &serde_json::Value) -> Result<()> {
    let (mut rates, mut limits) = (Vec::new(), Vec::new());
    let mut most_memory: f64 = 0.0;
    for round in 0..bench.rounds() {
        limits.push(limit(sala, bench.time(), round)?);
        let server = sala.serve(&["--role", "api"])?;
        let client = Rc::new(Client::new(server.address, record)?);
        let pid = server.pid();
        let (rate, memory) = server::watch(|| server::memory(pid), || create(&server, &client, bench.time(), round));
        rates.push(rate?);
        most_memory = most_memory.max(memory);
        server.stop()?;
    }
    report.ratio("Embedded, … 64 connections making customers", &rates, &limits, 0.5, "rusqlite, groups of 64");
    report.under("Embedded, … memory meanwhile (PSS)", most_memory, 150.0, "MB");
    Ok(())
}

/// Customers made a second.
fn create(server: &server::Server, client: &Rc<Client>, time: Duration, round: usize) -> Result<f64> {
    let client = Rc::clone(client);
    let made = load::run(Plan::full(server.address, 64, time), move |number, out| {
        let body = format!(
            r#"{{"customerName":"ลูกค้าใหม่ {round} {number}","customerState":3,"customerType":1,"customerPhone":"0{number:09}","customerEmail":"n{round}x{number}@example.com","sourceName":"Website","customerGroupName":"Gold","owners":["EMP001"]}}"#
        );
        client.post("/v3/customers", &body, out);
    })?;
    Ok(made.rate)
}

/// The statements of making one customer, with nothing around them.
fn limit(sala: &Sala, time: Duration, round: usize) -> Result<f64> {
    let connection = Connection::open(sala.file())?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory; pragma foreign_keys = on;
         pragma wal_autocheckpoint = 16384",
    )?;
    let texts = [
        "select company, name, time_zone, settings, version from company where company = ?1",
        "select time_zone from company where company = ?1",
    ];
    let mut looks: Vec<_> = texts.iter().map(|text| connection.prepare(text)).collect::<Result<_, _>>()?;
    let mut counter = connection.prepare(
        "insert into counter (company, name, value) values (?1, ?2, 10000000)
         on conflict (company, name) do update set value = counter.value + 1 returning value",
    )?;
    let mut choice = connection.prepare("select id from choice where company = ?1 and list = ?2 and name_key = ?3")?;
    let mut free = connection.prepare("select 1 from customer where company = ?1 and code_key = ?2")?;
    let mut customer = connection.prepare(
        "insert into customer (company, id, code, code_key, name, name_key, state, status, kind, lead_status,
                               customer_group, source, phone, email, profile, search_key, created_by, created_at,
                               modified_by, modified_at, version)
         values (?1, ?2, ?3, ?3, ?4, ?4, 3, 0, 1, 4, 1, 1, ?5, ?6, ?7, ?8, 'bench', ?2, 'bench', ?2, 1)
         on conflict (company, code_key) do nothing",
    )?;
    let mut text = connection.prepare("insert or replace into customer_text (rowid, grams) values (?1, ?2)")?;
    let mut named = connection.prepare(
        "insert into customer_name (company, name_key, customer) values (?1, ?2, ?3) on conflict (company, name_key) do nothing",
    )?;
    let mut staff = connection.prepare("select staff_key from employee where company = ?1 and staff_key = 'emp001'")?;
    let mut audit = connection.prepare(
        "insert into audit (company, id, ref, at, actor, action, changes, trace)
         values (?1, ?2, ?3, ?4, 'bench', 'created', ?5, '4bf92f3577b34da6a3ce929d0e0e4736')",
    )?;
    let mut owner = connection.prepare("insert into customer_owner values (?1, ?2, 'emp001', 'EMP001', 0)")?;
    let mut identity = connection.prepare("insert into customer_identity values (?1, ?2, ?3, ?4, 'record', ?2)")?;
    let mut event = connection.prepare(
        "insert into event (company, id, topic, name, subject, at, body) values (?1, ?2, 'Customer', 'Created', ?3, ?4, ?5)",
    )?;
    let mut hooks = connection.prepare(
        "insert into webhook_delivery (company, webhook, event, subject, place, state, tries, created_at)
         select company, id, ?2, ?3, 1, 'pending', 0, ?4 from webhook
         where company = ?1 and state = 'active' and (topics = '' or ' ' || topics || ' ' like '% Customer %')
         returning webhook",
    )?;
    let (profile, changes, body) = ("{".repeat(300), "c".repeat(900), "b".repeat(1_400));
    let (mut begin, mut commit) = (connection.prepare("begin immediate")?, connection.prepare("commit")?);
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < time {
        begin.raw_execute()?;
        for _ in 0..64 {
            for look in &mut looks {
                look.query_row([COMPANY], |_| Ok(()))?;
            }
            let id: i64 = counter.query_row(params![COMPANY, "bench-customer"], |row| row.get(0))?;
            let code: i64 = counter.query_row(params![COMPANY, "bench-code"], |row| row.get(0))?;
            let (code, name) = (format!("b{code}"), format!("ลูกค้าเดิม {round} {count}"));
            let (phone, email) = (format!("0{count:09}"), format!("b{round}x{count}@example.com"));
            let _ = free.exists(params![COMPANY, code])?;
            let _ = choice.exists(params![COMPANY, "sources", "website"])?;
            let _ = choice.exists(params![COMPANY, "customer-groups", "gold"])?;
            let search = format!("{name}\n{code}\n{email}\n{phone}\n+66{count:09}");
            customer.execute(params![COMPANY, id, code, name, phone, email, profile, search])?;
            text.execute(params![(COMPANY << 32) | id, grams(&search)])?;
            named.execute(params![COMPANY, name, id])?;
            let _ = staff.exists([COMPANY])?;
            let (change, told) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
            let subject = format!("customer/{id}");
            audit.execute(params![COMPANY, change.as_bytes(), subject, id, changes])?;
            owner.execute(params![COMPANY, id])?;
            identity.execute(params![COMPANY, id, "email", email])?;
            identity.execute(params![COMPANY, id, "phone", format!("+66{count:09}")])?;
            event.execute(params![COMPANY, told.as_bytes(), subject, id, body])?;
            let _ = hooks.query(params![COMPANY, told.as_bytes(), subject, id])?.next()?;
            count += 1;
        }
        commit.raw_execute()?;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

/// As many tokens as the server's own text index has, of the same length.
fn grams(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = BTreeSet::new();
    for length in 1..=3 {
        for window in letters.windows(length) {
            let mix = |hash: u32, letter: &char| (hash ^ *letter as u32).wrapping_mul(16_777_619);
            tokens.insert(window.iter().fold(2_166_136_261, mix));
        }
    }
    tokens.iter().map(|token| format!("{token:08x} ")).collect()
}
