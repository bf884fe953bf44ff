//! A million customers in one company: reading, looking for, and making them, on both databases.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use db::{Conn, Db, Options, Rows, Type};
use rusqlite::{Connection, params};

use crate::exports::{Asked, beside_exports};
use crate::limits::{Postgres, spread};
use crate::load::{self, Plan};
use crate::report::Report;
use crate::server::{self, COMPANY, Client, Sala};
use crate::{Bench, Result, imports, seed};

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

/// What a customer of this number is called; the number makes it unique. Persons and schools come together in the order
/// of names, as they do in life.
fn name(number: u32) -> String {
    let unique = spread(u64::from(number), CUSTOMERS);
    if is_person(number) {
        return format!("คุณ {unique} {}", NAMES[number as usize % NAMES.len()]);
    }
    if is_school(number) {
        return format!("โรงเรียน {unique}");
    }
    let first = NAMES[number as usize % NAMES.len()];
    let kind = KINDS[(number / 10) as usize % KINDS.len()];
    format!("บริษัท {first} {kind} {unique} จำกัด")
}

fn is_person(number: u32) -> bool {
    number % 10 > 6
}

fn is_school(number: u32) -> bool {
    number % 50 == 3
}

/// The first entry of each look-up list of our own.
const ENTRY: i64 = 1_001;

/// Look-up lists and names of their entries that the mixes ask for.
const ENTRIES: [(&str, i64, &str); 12] = [
    ("customer-groups", ENTRY, "Twentieth"),
    ("customer-groups", ENTRY + 30, "Rare group"),
    ("customer-groups", ENTRY + 31, "Schools"),
    ("sources", ENTRY, "Even"),
    ("sources", ENTRY + 1, "Tenth"),
    ("sources", ENTRY + 30, "Rare source"),
    ("sources", ENTRY + 31, "Old fair"),
    ("classifications", ENTRY, "Odd"),
    ("tags", ENTRY, "Old"),
    ("tags", ENTRY + 1, "Fifth"),
    ("interests", ENTRY, "Late"),
    ("interests", ENTRY + 1, "Third"),
];

/// Group, source and class of a customer: usual ones, rare ones, and such that never or only long ago came together.
fn entries(number: u32) -> (i64, i64, Option<i64>) {
    let group = match number {
        _ if is_school(number) => ENTRY + 31,
        _ if number % 200 == 7 => ENTRY + 30,
        _ => ENTRY + i64::from(number / 7 % 20),
    };
    let source = match number {
        100_000..112_000 => ENTRY + 31,
        _ if number % 199 == 5 => ENTRY + 30,
        _ if number.is_multiple_of(2) => ENTRY,
        _ => ENTRY + 1 + i64::from(number / 2 % 10),
    };
    (group, source, (number % 2 == 1).then_some(ENTRY))
}

/// The tags and interests of a customer.
fn choices(number: u32) -> impl Iterator<Item = (&'static str, i64)> {
    let all = [
        (number < 300_000, "tags", ENTRY),
        (number.is_multiple_of(5), "tags", ENTRY + 1),
        (number >= 600_000, "interests", ENTRY),
        (number % 3 == 1, "interests", ENTRY + 1),
    ];
    all.into_iter().filter(|(has, ..)| *has).map(|(_, list, choice)| (list, choice))
}

fn phone(number: u32) -> String {
    format!("08{:08}", spread(u64::from(number) + 17, 100_000_000))
}

/// What a keyword is looked for in, as the server puts it together.
fn search_key(number: u32) -> String {
    let (name, phone) = (name(number).to_lowercase(), phone(number));
    format!("{name}\nk{number:07}\nk{number}@example.com\n{phone}\n+66{}", &phone[1..])
}

/// When a customer was made: one every five minutes since 2017.
fn made(number: u32) -> i64 {
    1_483_228_800_000 + i64::from(number) * 300_000
}

/// Writes so many thousand customers of a company straight into the tables, through the database crate because its text index is
/// kept by hand.
pub(crate) async fn seed(url: &str, company: i64, count: u32) -> Result<()> {
    let db = Db::open(url, Options::default()).await?;
    // What the server makes afterwards comes after these.
    db.write(async |mut tx| {
        let counter = tx.sql("insert into counter (company, name, value) values ($1, 'customer', $2)");
        counter.bind(company).bind(i64::from(count)).exec().await?;
        for (list, id, name) in ENTRIES {
            tx.sql("insert into choice (company, list, id, name, name_key, position, active, version) values ($1, $2, $3, $4, lower($4), $3, true, 1)")
                .bind(company)
                .bind(list)
                .bind(id)
                .bind(name)
                .exec()
                .await?;
        }
        Ok::<_, db::Error>(())
    })
    .await?;
    for start in (0..count).step_by(BATCH as usize) {
        db.write(async |mut tx| batch(&mut tx, company, start).await).await?;
    }
    db.close().await;
    Ok(())
}

async fn batch(tx: &mut Conn, company: i64, start: u32) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[
        ("id", Type::BigInt),
        ("code", Type::Text),
        ("name", Type::Text),
        ("phone", Type::Text),
        ("search_key", Type::Text),
        ("state", Type::BigInt),
        ("kind", Type::BigInt),
        ("status", Type::BigInt),
        ("customer_group", Type::BigInt),
        ("source", Type::BigInt),
        ("classification", Type::BigInt),
        ("at", Type::BigInt),
        ("modified_at", Type::BigInt),
    ]);
    let mut used = Rows::new(&[("customer", Type::BigInt), ("list", Type::Text), ("choice", Type::BigInt)]);
    let mut owners = Rows::new(&[("customer", Type::BigInt), ("staff_code", Type::Text)]);
    let mut texts = Vec::new();
    for number in start..start + BATCH {
        let text = search_key(number);
        let id = i64::from(number + 1);
        let (group, source, class) = entries(number);
        rows.push([
            id.into(),
            format!("k{number:07}").into(),
            name(number).into(),
            phone(number).into(),
            text.as_str().into(),
            i64::from(number % 3 + 1).into(),
            (if is_person(number) { 2_i64 } else { 1 }).into(),
            i64::from(number.is_multiple_of(50)).into(),
            group.into(),
            source.into(),
            class.into(),
            made(number).into(),
            (made(number) + i64::from(spread(u64::from(number), 1_000)) * 86_400_000).into(),
        ]);
        for (list, choice) in choices(number) {
            used.push([id.into(), list.into(), choice.into()]);
        }
        owners.push([id.into(), format!("EMP{:03}", spread(u64::from(number), 100)).into()]);
        texts.push((i64::from(number + 1), text));
    }
    tx.sql(
        "insert into customer (company, id, code, code_key, name, name_key, state, status, kind, lead_status,
                               customer_group, source, classification, phone, email, profile, search_key, created_by,
                               created_at, modified_by, modified_at, version, shape)
         select $1, id, code, code, name, lower(name), state, status, kind, 4, customer_group, source, classification,
                phone, code || '@example.com', '{}', search_key, 'bench', at, 'bench', modified_at, 1,
                state * 1000 + kind * 100 + status * 10 + 4 from ",
    )
    .bind(company)
    .push_rows(&rows)
    .push(" as input where true on conflict do nothing")
    .exec()
    .await?;
    tx.sql("insert into customer_name (company, name_key, customer) select $1, lower(name), id from ")
        .bind(company)
        .push_rows(&rows)
        .push(" as input where true on conflict do nothing")
        .exec()
        .await?;
    tx.sql("insert into customer_owner (company, customer, staff_key, staff_code, position) select $1, customer, lower(staff_code), staff_code, 0 from ")
        .bind(company)
        .push_rows(&owners)
        .push(" as input where true on conflict do nothing")
        .exec()
        .await?;
    tx.sql("insert into customer_choice (company, customer, list, choice, position) select $1, customer, list, choice, 0 from ")
        .bind(company)
        .push_rows(&used)
        .push(" as input where true on conflict do nothing")
        .exec()
        .await?;
    let texts: Vec<(i64, &str)> = texts.iter().map(|(id, text)| (*id, text.as_str())).collect();
    tx.index_texts("customer_text", company, &texts).await
}

/// Both databases.
pub(crate) fn measure(bench: &Bench, report: &mut Report, postgres: Option<&Postgres>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = if postgres.is_some() { "PostgreSQL" } else { "Embedded" };
    // The private server of PostgreSQL ends with the run, and its customers with it.
    let kept = bench.kept.as_ref().filter(|_| postgres.is_none());
    let folder = kept.unwrap_or(&bench.folder).join(format!("customers-{engine}"));
    let record = folder.join("client.json");
    let is_seeded = record.exists();
    std::fs::create_dir_all(&folder)?;
    if let Some(postgres) = postgres.filter(|_| !is_seeded) {
        postgres.psql("postgres", "create database customers;")?;
    }
    let sala = match postgres {
        None => Sala::embedded(&bench.program, folder)?,
        Some(postgres) => Sala { program: bench.program.clone(), folder, database: postgres.database("customers") },
    };
    if !is_seeded {
        let (client, _) = seed::company(&sala, None)?;
        let time = timed(|| runtime.block_on(seed(&sala.database, COMPANY, CUSTOMERS)))?;
        report.tell(&format!("{engine}: writing 1,000,000 customers, with their text index"), time);
        if let Some(postgres) = postgres {
            // What seeding left to be written would be written while pages are measured.
            postgres.psql("customers", "vacuum analyze; checkpoint;")?;
        }
        std::fs::write(&record, serde_json::to_vec(&client)?)?;
    }
    let client: serde_json::Value = serde_json::from_slice(&std::fs::read(&record)?)?;
    reads(bench, report, &sala, &client, engine)?;
    if postgres.is_none() {
        exports(bench, report, &sala, &client)?;
        return writes(bench, report, &sala, &client);
    }
    let server = sala.serve(&["--role", "api"])?;
    let made = create(&server, &Rc::new(Client::new(server.address, &client)?), bench.time(), round())?;
    report.tell(
        "PostgreSQL, 64 connections making customers",
        format!("{:.0}/s, p99 {:.1} ms", made.rate, made.latency(0.99)),
    );
    server.stop()
}

/// A number that no earlier round over the same database had, as names are unique.
fn round() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis()
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<String> {
    let started = Instant::now();
    work()?;
    Ok(format!("{:.0} s", started.elapsed().as_secs_f64()))
}

/// The body of an enquiry about a customer of this number.
type Body = fn(u32) -> String;

/// What is asked for: usual pages, and those that are hard on indexes: filters that are rare together, or never meet, or
/// meet only where the list's order comes to last.
const MIXES: [(&str, &[Body]); 8] = [
    (
        "a keyword",
        &[
            // A whole number of a name, a telephone, an e-mail's beginning, a word that a tenth have, two letters and one.
            |of| format!(r#""keyword":"{}""#, spread(u64::from(of), CUSTOMERS)),
            |of| format!(r#""keyword":"{}""#, &phone(of)[3..]),
            |of| format!(r#""keyword":"k{of}@""#),
            |of| format!(r#""keyword":"{}""#, NAMES[of as usize % NAMES.len()]),
            |_| r#""keyword":"ขน""#.to_owned(),
            |_| r#""keyword":"ก""#.to_owned(),
        ],
    ),
    (
        "a keyword and a filter",
        &[
            |of| format!(r#""keyword":"Lotus","customerState":{}"#, of % 3 + 1),
            |of| format!(r#""keyword":"{:02}","customerGroupName":"Rare group""#, of % 100),
            |of| format!(r#""keyword":"ก","owners":["EMP{:03}"]"#, of % 100),
            // Schools are no companies; none of the old fair is new.
            |_| r#""keyword":"บริษัท","customerGroupName":"Schools""#.to_owned(),
            |_| r#""keyword":"โรงเรียน","sourceName":"Old fair""#.to_owned(),
            |of| format!(r#""keyword":"{}","customerTags":["Old"],"customerType":1"#, NAMES[of as usize % NAMES.len()]),
        ],
    ),
    (
        "a keyword, in order of names",
        &[
            |of| format!(r#""keyword":"{}","orderBy":"customerName""#, NAMES[of as usize % NAMES.len()]),
            |of| format!(r#""keyword":"{:03}","orderBy":"customerName desc""#, of % 1_000),
            |of| format!(r#""keyword":"9{:02}","customerType":1,"orderBy":"customerName""#, of % 100),
        ],
    ),
    (
        "two filters",
        &[
            |of| format!(r#""customerState":{},"customerType":1,"skip":{}"#, of % 3 + 1, of % 10 * 20),
            |_| r#""customerGroupName":"Rare group","sourceName":"Rare source""#.to_owned(),
            |_| r#""sourceName":"Even","classificationName":"Odd""#.to_owned(),
            |of| format!(r#""customerGroupName":"Twentieth","customerState":{}"#, of % 3 + 1),
            |of| format!(r#""sourceName":"Old fair","customerType":{}"#, of % 2 + 1),
            |_| r#""sourceName":"Even","customerStatus":1"#.to_owned(),
        ],
    ),
    (
        "two filters, in order of names",
        &[
            // Companies come after all persons, and schools after nearly all companies.
            |of| format!(r#""customerType":1,"customerState":{},"orderBy":"customerName""#, of % 3 + 1),
            |of| format!(r#""customerGroupName":"Schools","customerState":{},"orderBy":"customerName""#, of % 3 + 1),
            |of| format!(r#""sourceName":"Even","customerState":{},"orderBy":"customerName""#, of % 3 + 1),
            |_| r#""customerGroupName":"Rare group","customerType":1,"orderBy":"customerName""#.to_owned(),
            |_| r#""sourceName":"Even","classificationName":"Odd","orderBy":"customerName""#.to_owned(),
            |_| r#""sourceName":"Old fair","customerType":2,"orderBy":"dateModified""#.to_owned(),
        ],
    ),
    (
        "owners, tags and interests",
        &[
            |of| format!(r#""owners":["EMP{:03}"],"customerState":{}"#, of % 100, of % 3 + 1),
            |of| format!(r#""owners":["EMP{:03}"],"customerType":2,"orderBy":"customerName""#, of % 100),
            |_| r#""customerTags":["Old"],"customerState":2"#.to_owned(),
            |_| r#""customerTags":["Fifth"],"sourceName":"Even""#.to_owned(),
            |of| format!(r#""customerTags":["Old","Fifth"],"interestsName":["Third"],"owners":["EMP{:03}"]"#, of % 100),
            // Never together.
            |_| r#""customerTags":["Old"],"interestsName":["Late"]"#.to_owned(),
        ],
    ),
    (
        "a period and a filter",
        &[
            |_| r#""dateFrom":"2018-02-01","dateTo":"2018-02-28","customerState":1"#.to_owned(),
            |_| r#""dateTo":"2019-12-31","sourceName":"Even""#.to_owned(),
            |_| r#""dateFrom":"2020-01-01","customerGroupName":"Rare group","orderBy":"customerName""#.to_owned(),
            |_| r#""modifiedFrom":"2026-06-01","customerState":2"#.to_owned(),
            |_| {
                r#""modifiedFrom":"2019-01-01","modifiedTo":"2019-03-01","customerType":2,"orderBy":"dateModified""#
                    .to_owned()
            },
        ],
    ),
    (
        "two filters, far into the list",
        &[
            |of| format!(r#""customerState":{},"customerType":1,"skip":{}"#, of % 3 + 1, of % 10 * 1_000),
            |of| format!(r#""customerGroupName":"Twentieth","customerState":2,"skip":{}"#, of % 10 * 500),
            |of| {
                format!(r#""customerState":1,"sourceName":"Even","skip":{},"orderBy":"customerName""#, of % 10 * 1_000)
            },
        ],
    ),
];

/// Reading at light load: by code, and each of the mixes.
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
    for (what, bodies) in MIXES {
        let reader = Rc::clone(&client);
        let pages = load::run(plan, move |number, out| {
            let body = bodies[number as usize % bodies.len()](spread(number, CUSTOMERS));
            reader.post("/v3/customers/enquiry", &format!("{{{body}}}"), out);
        })?;
        report.under(&format!("{engine}, … a page by {what}, p99"), pages.latency(0.99), 20.0, "ms");
    }
    let memory = server::memory(server.pid()).unwrap_or(f64::NAN);
    report.under(&format!("{engine}, … memory after that (PSS)"), memory, 150.0, "MB");
    server.stop()
}

/// All of them as files, and the whole company as one.
fn exports(bench: &Bench, report: &mut Report, sala: &Sala, record: &serde_json::Value) -> Result<()> {
    let server = sala.serve(&["--role", "api"])?;
    let client = Client::new(server.address, record)?;
    imports::as_files(&server, &client, report, "1,000,000 customers", imports::CUSTOMERS)?;
    let mut asked = Vec::new();
    for (name, path) in [("GET /healthz", "/healthz"), ("GET /v1/setting", "/v1/setting")] {
        let name = format!("Embedded, … {name} beside 20 exports, p99");
        asked.push(Asked { name, client: Client::new(server.address, record)?, path: path.to_owned() });
    }
    beside_exports(server.address, &[client], asked, report)?;
    server.stop()?;
    let archive = bench.folder.join("company.zip");
    let (seconds, memory) = imports::command(sala, &["export", &archive.display().to_string()])?;
    let megabytes = std::fs::metadata(&archive)?.len() / (1024 * 1024);
    std::fs::remove_file(archive)?;
    report.under(&format!("Embedded, sala export of that company ({megabytes} MB)"), seconds, 120.0, "s");
    report.under("… memory meanwhile (PSS)", memory, 150.0, "MB");
    Ok(())
}

/// Making customers at 64 connections, next to the same statements straight through rusqlite.
fn writes(bench: &Bench, report: &mut Report, sala: &Sala, record: &serde_json::Value) -> Result<()> {
    let (mut rates, mut limits) = (Vec::new(), Vec::new());
    let mut most_memory: f64 = 0.0;
    for round in 0..bench.rounds() {
        let round = crate::customers::round() + round as u128;
        limits.push(limit(sala, bench.time(), round)?);
        let server = sala.serve(&["--role", "api"])?;
        let client = Rc::new(Client::new(server.address, record)?);
        let pid = server.pid();
        let (rate, memory) = server::watch(|| server::memory(pid), || create(&server, &client, bench.time(), round));
        rates.push(rate?.rate);
        most_memory = most_memory.max(memory);
        server.stop()?;
    }
    report.ratio("Embedded, … 64 connections making customers", &rates, &limits, 0.5, "rusqlite, groups of 64");
    report.under("Embedded, … memory meanwhile (PSS)", most_memory, 150.0, "MB");
    Ok(())
}

/// Makes customers.
fn create(server: &server::Server, client: &Rc<Client>, time: Duration, round: u128) -> Result<load::Outcome> {
    let client = Rc::clone(client);
    load::run(Plan::full(server.address, 64, time), move |number, out| {
        let body = format!(
            r#"{{"customerName":"ลูกค้าใหม่ {round} {number}","customerState":3,"customerType":1,"customerPhone":"0{number:09}","customerEmail":"n{round}x{number}@example.com","sourceName":"Website","customerGroupName":"Gold","owners":["EMP001"]}}"#
        );
        client.post("/v3/customers", &body, out);
    })
}

/// The statements of making one customer, with nothing around them.
fn limit(sala: &Sala, time: Duration, round: u128) -> Result<f64> {
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
                               modified_by, modified_at, version, shape)
         values (?1, ?2, ?3, ?3, ?4, ?4, 3, 0, 1, 4, 1, 1, ?5, ?6, ?7, ?8, 'bench', ?9, 'bench', ?9, 1, 3104)
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
    // Customers that a later round over the same database reads.
    let profile = format!(r#"{{"note":"{}"}}"#, "p".repeat(280));
    let (changes, body) = ("c".repeat(900), "b".repeat(1_400));
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
            customer.execute(params![COMPANY, id, code, name, phone, email, profile, search, made(CUSTOMERS) + id])?;
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
