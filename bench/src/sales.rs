//! Sales orders and deals: making orders of 5 and of 50 lines, lists over 200,000 orders, a board of 2,000 deals.

use std::rc::Rc;
use std::time::{Duration, Instant};

use rusqlite::types::Value as Sql;
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
    for _ in 0..bench.rounds() {
        let writer = Rc::clone(&client);
        let made = load::run(Plan::full(server.address, 64, bench.time()), move |number, out| {
            writer.post("/v2/salesorder", &order(number, 5), out);
        })?;
        rates.push(made.rate);
        if engine == "Embedded" {
            limits.push(limit(sala, bench.time())?);
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

/// What making an order reads, statement by statement, with the values that each is given.
const READS: [(&str, &[&str]); 8] = [
    ("select time_zone, settings from company where company = ?1", &[]),
    (
        "select id from choice where company = ?1 and list = ?2 and active order by position, id limit 1",
        &["header-templates"],
    ),
    (
        "select product.id, product.code, product.code_key, product.name, product.kind, product.is_parent,
                product.track_inventory, product.active, product.cost, product.details, product.unit, unit.name, unit.name_en,
                (select coalesce(price.sale_price, price.regular_price) from product_price as price
                 where price.company = product.company and price.product = product.id
                   and (price.starts_at is null or price.starts_at <= 1800000000000)
                   and (price.ends_at is null or price.ends_at > 1800000000000)
                 order by price.position limit 1)
         from (select value ->> 0 as code_key from jsonb_each(?2)) as input cross join product
         left join choice as unit on unit.company = product.company and unit.list = 'units' and unit.id = product.unit
         where product.code_key = input.code_key and product.deleted_at is null and product.company = ?1",
        &[r#"[["p000"],["p001"],["p002"],["p003"],["p004"]]"#],
    ),
    (
        "select detail, active from choice where company = ?1 and list = ?2 order by position, id limit 10000",
        &["vat-rates"],
    ),
    ("select id, staff_code from employee where company = ?1 and staff_key = ?2", &["emp001"]),
    ("select id, deleted_at, merged_into from customer where company = ?1 and code_key = ?2", &["c1"]),
    ("select 1 from sales_order where company = ?1 and number_key = ?2", &["nobody's"]),
    (
        "select customer.id, customer.code, customer.name from (select value ->> 0 as id from jsonb_each(?2)) as input
         cross join customer where customer.id = input.id and customer.company = ?1",
        &["[[1]]"],
    ),
];

/// The statements of making one order of 5 lines, each with values as long as Sala's, and nothing around them. As in the orders
/// that are sent to Sala, each is of another month than the one before: its date, its number, and the key of its history and event.
fn limit(sala: &Sala, time: Duration) -> Result<f64> {
    let connection = Connection::open(sala.file())?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory; pragma foreign_keys = on;
         pragma busy_timeout = 5000; pragma wal_autocheckpoint = 16384",
    )?;
    let mut reads = READS
        .iter()
        .map(|(text, values)| {
            let values =
                [Sql::Integer(COMPANY)].into_iter().chain(values.iter().map(|value| Sql::Text((*value).into())));
            Ok((connection.prepare(text)?, values.collect::<Vec<Sql>>()))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut counter = connection.prepare(
        "insert into counter (company, name, value) values (?1, ?2, 10000000)
         on conflict (company, name) do update set value = counter.value + 1 returning value",
    )?;
    let first = |text: &str| -> Result<Vec<(String, Sql)>> {
        let mut statement = connection.prepare(text)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let cell = |row: &rusqlite::Row<'_>| (0..names.len()).map(|index| row.get(index)).collect();
        let cells: rusqlite::Result<Vec<Sql>> = statement.query_row([COMPANY], cell);
        Ok(names.clone().into_iter().zip(cells?).collect())
    };
    let mut row = first("select * from sales_order where company = ?1 order by id limit 1")?;
    let changes =
        first("select changes from audit where company = ?1 and ref like 'sales_order/%' limit 1")?.remove(0).1;
    let body = first("select body from event where company = ?1 and topic = 'SalesOrder' limit 1")?.remove(0).1;
    let names: Vec<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
    let numbers: Vec<String> = (1..=names.len()).map(|number| format!("?{number}")).collect();
    let at = |wanted: &str| names.iter().position(|name| *name == wanted).ok_or("no such column");
    let (id_at, number_at, key_at) = (at("id")?, at("number")?, at("number_key")?);
    let (dated_at, total_at) = (at("dated")?, at("grand_total")?);
    let mut made = connection.prepare(&format!(
        "insert into sales_order ({}) values ({})",
        names.join(", "),
        numbers.join(", ")
    ))?;
    let mut audit = connection.prepare(
        "insert into audit (company, id, ref, at, actor, action, changes, trace)
         values (?1, ?2, ?3, ?4, 'bench', 'created', ?5, '4bf92f3577b34da6a3ce929d0e0e4736')",
    )?;
    let mut event = connection.prepare(
        "insert into event (company, id, topic, name, subject, at, body, place)
         values (?1, ?2, 'SalesOrder', 'Created', ?3, ?4, ?5, 1)",
    )?;
    let mut delivery = connection.prepare(
        "insert into webhook_delivery (company, webhook, event, subject, place, state, tries, created_at)
         select company, id, ?2, ?3, 1, 'pending', 0, ?4 from webhook
         where company = ?1 and state = 'active' and (topics = '' or ' ' || topics || ' ' like '% SalesOrder %')
         returning webhook",
    )?;
    let (mut begin, mut commit) = (connection.prepare("begin immediate")?, connection.prepare("commit")?);
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < time {
        begin.raw_execute()?;
        for _ in 0..64 {
            for (statement, values) in &mut reads {
                let width = statement.column_count();
                let mut rows = statement.query(rusqlite::params_from_iter(values.iter()))?;
                while let Some(row) = rows.next()? {
                    for index in 0..width {
                        std::hint::black_box(row.get_ref(index)?);
                    }
                }
            }
            let id: i64 = counter.query_row(params![COMPANY, "bench-order"], |row| row.get(0))?;
            let month = id % 12 + 1;
            let series = format!("bo26{month:02}-");
            let next: i64 = counter.query_row(params![COMPANY, series], |row| row.get(0))?;
            let number = format!("{series}{next}");
            let subject = format!("sales_order/{number}");
            row[id_at].1 = Sql::Integer(id);
            row[number_at].1 = Sql::Text(number.clone());
            row[key_at].1 = Sql::Text(number);
            row[dated_at].1 = Sql::Text(format!("2026-{month:02}-15"));
            row[total_at].1 = Sql::Integer(100_000_000 + id % 900 * 165_850);
            made.execute(rusqlite::params_from_iter(row.iter().map(|(_, value)| value)))?;
            audit.execute(params![COMPANY, uuid::Uuid::now_v7().as_bytes(), subject, id, changes])?;
            let told = uuid::Uuid::now_v7();
            event.execute(params![COMPANY, told.as_bytes(), subject, id, body])?;
            let _ = delivery.exists(params![COMPANY, told.as_bytes(), subject, id])?;
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
