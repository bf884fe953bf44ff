//! Sales orders and deals: making orders of 5 and of 50 lines, lists over 200,000 orders, a board of 2,000 deals.

use std::rc::Rc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::limits::{Postgres, spread};
use crate::load::{self, Plan};
use crate::report::Report;
use crate::server::{self, COMPANY, Client, Sala};
use crate::{Bench, Result, seed};

/// Orders that lists go through.
const ORDERS: u32 = 200_000;

/// Open deals of the board.
const DEALS: u32 = 2_000;

/// Products that orders name.
const PRODUCTS: u32 = 50;

/// An order of so many lines.
fn order(number: u64, lines: u32) -> String {
    let lines = (0..lines).map(|line| {
        format!(
            r#"{{"productCode":"P{:03}","qty":{},"price":{}.25,"discountType":true,"discountValue":5,"vatTaxValue":7}}"#,
            line % PRODUCTS,
            line % 7 + 1,
            number % 900 + 100,
        )
    });
    format!(
        r#"{{"salesOrderSubject":"ใบสั่งขาย {number}","salesOrderDate":"2026-{:02}-15","salesOrderStatus":1,"customerCode":"C1","staffCode":"EMP001","vatCalculation":true,"discountType":false,"discountValue":10,"salesOrderDetails":[{}]}}"#,
        number % 12 + 1,
        lines.collect::<Vec<String>>().join(",")
    )
}

/// Both databases.
pub(crate) fn measure(bench: &Bench, report: &mut Report, postgres: Option<&Postgres>) -> Result<()> {
    match postgres {
        None => {
            let sala = Sala::embedded(&bench.program, bench.folder.join("sales"))?;
            let copy = |text: &str| -> Result<()> { Ok(Connection::open(sala.file())?.execute_batch(text)?) };
            let columns = |table: &str| -> Result<Vec<String>> {
                let connection = Connection::open(sala.file())?;
                let mut names = connection.prepare("select name from pragma_table_info(?1)")?;
                let names = names.query_map([table], |row| row.get(0))?;
                Ok(names.collect::<std::result::Result<_, _>>()?)
            };
            one(bench, report, &sala, "Embedded", &columns, &copy)
        }
        Some(postgres) => {
            let folder = bench.folder.join("sales-postgres");
            std::fs::create_dir_all(&folder)?;
            postgres.psql("postgres", "create database sales;")?;
            let sala = Sala { program: bench.program.clone(), folder, database: postgres.database("sales") };
            // What autovacuum would do within a minute.
            let copy =
                |text: &str| -> Result<()> { postgres.psql("sales", &format!("{text};\nvacuum analyze;")).map(drop) };
            let columns = |table: &str| -> Result<Vec<String>> {
                let text = format!(
                    "select string_agg(column_name, ' ' order by ordinal_position) from information_schema.columns where table_name = '{table}'"
                );
                Ok(postgres.psql("sales", &text)?.split_whitespace().map(str::to_owned).collect())
            };
            one(bench, report, &sala, "PostgreSQL", &columns, &copy)
        }
    }
}

type Columns<'a> = &'a dyn Fn(&str) -> Result<Vec<String>>;
type Copy<'a> = &'a dyn Fn(&str) -> Result<()>;

fn one(
    bench: &Bench,
    report: &mut Report,
    sala: &Sala,
    engine: &str,
    columns: Columns<'_>,
    copy: Copy<'_>,
) -> Result<()> {
    let (record, _) = seed::company(sala, None)?;
    let server = sala.serve(&[])?;
    let client = Client::new(server.address, &record)?;
    let ask = |path: &str, body: &str| -> Result<Value> {
        let mut out = Vec::new();
        client.post(path, body, &mut out);
        let answer = load::once(server.address, &String::from_utf8(out)?)?;
        let answer: Value = serde_json::from_str(&answer)?;
        match answer["status"]["code"].as_str() {
            Some("1000") => Ok(answer["data"].clone()),
            _ => Err(format!("{path}: {answer}").into()),
        }
    };
    let employee = r#"{"staffCode":"EMP001","email":"emp@example.com","firstname":"Nok","lastname":"Dee","roleName":"Sales","teamName":"A"}"#;
    let mut out = Vec::new();
    client.post("/v1/Employees", employee, &mut out);
    load::once(server.address, &String::from_utf8(out)?.replacen("POST", "PUT", 1))?;
    ask("/v3/customers", r#"{"customerCode":"C1","customerName":"Daisy","customerState":3,"customerType":1}"#)?;
    let products = (0..PRODUCTS).map(|number| {
        format!(r#"{{"productCode":"P{number:03}","productName":"Product {number}","category":"A","cost":1,"productUnitName":"ชิ้น","trackInventory":false,"useWarranty":false,"active":true,"visibility":true,"prices":[{{"priceTierName":"Normal Price","regularPrice":100,"salePrice":100,"vatValue":7}}]}}"#)
    });
    let ticket = ask("/v3/products", &format!(r#"{{"products":[{}]}}"#, products.collect::<Vec<String>>().join(",")))?;
    until_done(&server, &client, ticket["ticketId"].as_i64().ok_or("no ticket")?)?;
    ask("/v2/salesorder", &order(0, 5))?;
    let boards = read(&server, &client, "/v1/deals/boards")?;
    let board = boards["data"]["value"][0]["boardId"].as_i64().ok_or_else(|| format!("no board: {boards}"))?;
    let stages = read(&server, &client, &format!("/v1/deals/boards/{board}/stages"))?;
    let stage = stages["data"]["value"][0]["dealStageId"].as_i64().ok_or_else(|| format!("no stage: {stages}"))?;
    let deal = format!(
        r#"{{"dealName":"ดีล","customerCode":"C1","probability":20,"boardId":{board},"dealStageId":{stage},"assignTo":"EMP001","dealValue":1000,"dealDate":"2026-01-01","expectedCloseDate":"2026-12-31"}}"#
    );
    ask("/v1/deals", &deal)?;
    writes(bench, report, sala, &record, &server, engine)?;
    server.stop()?;
    copied(columns, copy, "sales_order", ORDERS, |name| match name {
        "id" => Some("1000000 + n.i"),
        "number" => Some("'B' || (1000000 + n.i)"),
        "number_key" => Some("'b' || (1000000 + n.i)"),
        "status" => Some("1 + n.i % 5"),
        "dated" => Some("'20' || (20 + n.i % 7) || '-0' || (1 + n.i % 9) || '-1' || (n.i % 10)"),
        "grand_total" => Some("10000 * (n.i % 50000)"),
        "quotation" => Some("null"),
        _ => None,
    })?;
    copied(columns, copy, "deal", DEALS - 1, |name| match name {
        "id" => Some("1000000 + n.i"),
        "number" => Some("'D' || (1000000 + n.i)"),
        "number_key" => Some("'d' || (1000000 + n.i)"),
        "place" => Some("t.place + n.i * 1000"),
        _ => None,
    })?;
    let server = sala.serve(&[])?;
    let client = Rc::new(Client::new(server.address, &record)?);
    reads(bench, report, &server, &client, engine, board)?;
    server.stop()
}

/// Many copies of the first row of a table, with these columns of their own.
fn copied(
    columns: Columns<'_>,
    copy: Copy<'_>,
    table: &str,
    count: u32,
    own: impl Fn(&str) -> Option<&'static str>,
) -> Result<()> {
    let names = columns(table)?;
    let values: Vec<String> =
        names.iter().map(|name| own(name).map_or_else(|| format!("t.{name}"), str::to_owned)).collect();
    copy(&format!(
        "insert into {table} ({}) with recursive n (i) as (select 1 union all select i + 1 from n where i < {count})
         select {} from (select * from {table} where company = {COMPANY} order by id limit 1) as t cross join n",
        names.join(", "),
        values.join(", "),
    ))
}

fn read(server: &server::Server, client: &Client, path: &str) -> Result<Value> {
    let mut out = Vec::new();
    client.get(path, &mut out);
    Ok(serde_json::from_str(&load::once(server.address, &String::from_utf8(out)?)?)?)
}

fn until_done(server: &server::Server, client: &Client, ticket: i64) -> Result<()> {
    for _ in 0..500 {
        let answer = read(server, client, &format!("/tickets/{ticket}"))?;
        if answer["data"]["state"] == "done" {
            return if answer["data"]["failed"] == 0 {
                Ok(())
            } else {
                Err(format!("products failed: {answer}").into())
            };
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err("the products are not there after 10 s".into())
}

/// Making orders: of 5 lines at 64 connections, and of 50 lines one after another.
fn writes(
    bench: &Bench,
    report: &mut Report,
    sala: &Sala,
    record: &Value,
    server: &server::Server,
    engine: &str,
) -> Result<()> {
    let client = Rc::new(Client::new(server.address, record)?);
    let (mut rates, mut limits) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds() {
        let writer = Rc::clone(&client);
        let made = load::run(Plan::full(server.address, 64, bench.time()), move |number, out| {
            writer.post("/v2/salesorder", &order(number, 5), out);
        })?;
        rates.push(made.rate);
        if engine == "Embedded" {
            limits.push(limit(sala, bench.time(), round)?);
        }
    }
    match limits.is_empty() {
        true => report.tell(
            &format!("{engine}: 64 connections making orders of 5 lines"),
            format!("{:.0}/s", crate::report::median(rates)),
        ),
        false => report.ratio(
            &format!("{engine}: 64 connections making orders of 5 lines"),
            &rates,
            &limits,
            0.5,
            "rusqlite, groups of 64",
        ),
    }
    let plan = Plan { pause: Duration::from_millis(2), ..Plan::full(server.address, 1, bench.time()) };
    let writer = Rc::clone(&client);
    let long = load::run(plan, move |number, out| writer.post("/v2/salesorder", &order(number, 50), out))?;
    report.under(&format!("{engine}: an order of 50 lines, p99"), long.latency(0.99), 25.0, "ms");
    Ok(())
}

/// The statements of making one order of 5 lines, with nothing around them.
fn limit(sala: &Sala, time: Duration, round: usize) -> Result<f64> {
    let connection = Connection::open(sala.file())?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory; pragma foreign_keys = on;
         pragma busy_timeout = 5000; pragma wal_autocheckpoint = 16384",
    )?;
    let mut setting = connection.prepare("select * from company where company = ?1")?;
    let mut customer = connection.prepare("select * from customer where company = ?1 and code_key = 'c1'")?;
    let mut staff = connection.prepare("select * from employee where company = ?1 and staff_key = 'emp001'")?;
    let mut product = connection.prepare("select * from product where company = ?1 and code_key = ?2")?;
    let mut counter = connection.prepare(
        "insert into counter (company, name, value) values (?1, ?2, 10000000)
         on conflict (company, name) do update set value = counter.value + 1 returning value",
    )?;
    let names: Vec<String> = connection
        .prepare("select name from pragma_table_info('sales_order')")?
        .query_map([], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    let values: Vec<&str> = names
        .iter()
        .map(|name| match name.as_str() {
            "id" => "?2",
            "number" | "number_key" => "?3",
            "quotation" => "null",
            name => name,
        })
        .collect();
    let mut made = connection.prepare(&format!(
        "insert into sales_order ({}) select {} from sales_order where company = ?1 order by id limit 1",
        names.join(", "),
        values.join(", ")
    ))?;
    let mut audit = connection.prepare(
        "insert into audit (company, id, ref, at, actor, action, changes, trace)
         values (?1, ?2, ?3, ?4, 'bench', 'created', ?5, '4bf92f3577b34da6a3ce929d0e0e4736')",
    )?;
    let mut event = connection.prepare(
        "insert into event (company, id, topic, name, subject, at, body) values (?1, ?2, 'SalesOrder', 'Created', ?3, ?4, ?5)",
    )?;
    let (changes, body) = ("c".repeat(2_500), "b".repeat(3_500));
    let (mut begin, mut commit) = (connection.prepare("begin immediate")?, connection.prepare("commit")?);
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < time {
        begin.raw_execute()?;
        for _ in 0..64 {
            for look in [&mut setting, &mut customer, &mut staff] {
                let _ = look.exists([COMPANY])?;
            }
            for line in 0..5 {
                let _ = product.exists(params![COMPANY, format!("p{line:03}")])?;
            }
            let id: i64 = counter.query_row(params![COMPANY, "bench-order"], |row| row.get(0))?;
            let _: i64 = counter.query_row(params![COMPANY, "bench-number"], |row| row.get(0))?;
            let number = format!("x{round}-{id}");
            made.execute(params![COMPANY, id, number])?;
            let subject = format!("salesorder/{id}");
            audit.execute(params![COMPANY, uuid::Uuid::now_v7().as_bytes(), subject, id, changes])?;
            event.execute(params![COMPANY, uuid::Uuid::now_v7().as_bytes(), subject, id, body])?;
            count += 1;
        }
        commit.raw_execute()?;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

/// Reading at light load.
fn reads(
    bench: &Bench,
    report: &mut Report,
    server: &server::Server,
    client: &Rc<Client>,
    engine: &str,
    board: i64,
) -> Result<()> {
    let plan = Plan {
        warm_up: Duration::from_millis(500),
        pause: Duration::from_millis(2),
        ..Plan::full(server.address, 1, bench.time())
    };
    let reader = Rc::clone(client);
    let pages = load::run(plan, move |number, out| {
        let body = format!(
            r#"{{"salesOrderStatuses":[{}],"dateFrom":"20{}-01-01","dateTo":"2026-12-31","take":20,"skip":{}}}"#,
            spread(number, 5) + 1,
            20 + spread(number + 7, 6),
            number % 10 * 20
        );
        reader.post("/v2/salesorder/enquiry", &body, out);
    })?;
    report.under(&format!("{engine}, 200,000 orders: a page by status and days, p99"), pages.latency(0.99), 20.0, "ms");
    let reader = Rc::clone(client);
    let boards = load::run(plan, move |_, out| reader.get(&format!("/v1/deals/boards/{board}"), out))?;
    report.under(&format!("{engine}: a board of 2,000 open deals, p99"), boards.latency(0.99), 30.0, "ms");
    Ok(())
}
