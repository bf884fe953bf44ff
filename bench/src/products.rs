//! 100,000 products in one company: writing them through the API, 5,000 a request, then reading and looking for them.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::limits::{Postgres, spread};
use crate::load::{self, Plan};
use crate::report::Report;
use crate::server::{self, Client, Sala};
use crate::{Bench, Result, seed};

/// How many there are.
const PRODUCTS: u32 = 100_000;

/// Products of one request.
const REQUEST: u32 = 5_000;

const NAMES: [&str; 8] = ["กระดาษทิชชู", "Blue pen", "แก้วน้ำ", "Phone case", "ปากกา", "Notebook", "สายชาร์จ", "Monitor"];

fn name(number: u32) -> String {
    format!("{} รุ่น {}", NAMES[number as usize % NAMES.len()], spread(u64::from(number), PRODUCTS))
}

fn barcode(number: u32) -> String {
    format!("885{:010}", spread(u64::from(number) + 17, 1_000_000_000))
}

/// A request of 5,000 products, beginning with this one.
fn request(start: u32) -> String {
    let products = (start..start + REQUEST).map(|number| {
        format!(
            r#"{{"productCode":"P{number:06}","productBarcode":"{}","productName":"{}","productDescription":"Description of {number}","category":"Category {}","subCategory":"Part {}","cost":{}.5,"prices":[{{"priceTierName":"Normal Price","regularPrice":{number},"salePrice":{number},"vatValue":7}},{{"priceTierName":"VIP","regularPrice":{number}.25}}],"productUnitName":"ชิ้น","productTag":["new","tag {}"],"trackInventory":true,"qty":{},"lowStockAlert":5,"useWarranty":false,"visibility":true,"active":{}}}"#,
            barcode(number),
            name(number),
            number % 20,
            number % 7,
            number % 1000,
            number % 10,
            number % 50,
            number % 25 != 0,
        )
    });
    format!(r#"{{"products":[{}]}}"#, products.collect::<Vec<String>>().join(","))
}

/// Sends a request and waits until its ticket is done.
fn write(server: &server::Server, client: &Client, body: &str) -> Result<()> {
    let ask = |request: Vec<u8>| -> Result<Value> {
        let answer = load::once(server.address, &String::from_utf8(request)?)?;
        Ok(serde_json::from_str(&answer)?)
    };
    let mut out = Vec::new();
    client.post("/v3/products", body, &mut out);
    let ticket = ask(out)?["data"]["ticketId"].as_i64().ok_or("no ticket")?;
    loop {
        let mut out = Vec::new();
        client.get(&format!("/tickets/{ticket}"), &mut out);
        let answer = ask(out)?;
        match (answer["data"]["state"].as_str(), answer["data"]["failed"].as_i64()) {
            (Some("done"), Some(0)) => return Ok(()),
            (Some("done"), _) => return Err(format!("products failed: {answer}").into()),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Both databases.
pub(crate) fn measure(bench: &Bench, report: &mut Report, postgres: Option<&Postgres>) -> Result<()> {
    match postgres {
        None => one(bench, report, &Sala::embedded(&bench.program, bench.folder.join("products"))?, "Embedded"),
        Some(postgres) => {
            let folder = bench.folder.join("products-postgres");
            std::fs::create_dir_all(&folder)?;
            postgres.psql("postgres", "create database products;")?;
            let sala = Sala { program: bench.program.clone(), folder, database: postgres.database("products") };
            one(bench, report, &sala, "PostgreSQL")
        }
    }
}

fn one(bench: &Bench, report: &mut Report, sala: &Sala, engine: &str) -> Result<()> {
    let (record, _) = seed::company(sala, None)?;
    let server = sala.serve(&[])?;
    let client = Rc::new(Client::new(server.address, &record)?);
    let pid = server.pid();
    let (written, memory) = server::watch(
        || server::memory(pid),
        || -> Result<(f64, f64)> {
            let started = Instant::now();
            write(&server, &client, &request(0))?;
            let first = started.elapsed().as_secs_f64();
            for start in (REQUEST..PRODUCTS).step_by(REQUEST as usize) {
                write(&server, &client, &request(start))?;
            }
            Ok((first, started.elapsed().as_secs_f64()))
        },
    );
    let (first, all) = written?;
    report.under(&format!("{engine}: 5,000 new products in one request"), first, 10.0, "s");
    report.under(&format!("{engine}: 100,000 new products, 5,000 a request"), all, 120.0, "s");
    let started = Instant::now();
    write(&server, &client, &request(PRODUCTS / 2))?;
    let again = started.elapsed().as_secs_f64();
    report.under(&format!("{engine}, 100,000 products: 5,000 of them again, unchanged"), again, 10.0, "s");
    report.under(&format!("{engine}, … memory meanwhile (PSS)"), memory, 150.0, "MB");
    reads(bench, report, &server, &client, engine)?;
    server.stop()
}

/// Reading at light load: by code, by barcode, by keyword, by filters.
fn reads(bench: &Bench, report: &mut Report, server: &server::Server, client: &Rc<Client>, engine: &str) -> Result<()> {
    let plan = Plan {
        warm_up: Duration::from_millis(500),
        pause: Duration::from_millis(2),
        ..Plan::full(server.address, 1, bench.time())
    };
    let reader = Rc::clone(client);
    let by_code = load::run(plan, move |number, out| {
        reader.get(&format!("/v2/products/P{:06}", spread(number, PRODUCTS)), out);
    })?;
    report.under(&format!("{engine}, … one by its code, p99"), by_code.latency(0.99), 2.0, "ms");
    let reader = Rc::clone(client);
    let by_barcode = load::run(plan, move |number, out| {
        reader.get(&format!("/v1/products/barcode/{}", barcode(spread(number, PRODUCTS))), out);
    })?;
    report.under(&format!("{engine}, … by a barcode, p99"), by_barcode.latency(0.99), 2.0, "ms");
    let filters: [(&str, fn(u64) -> String); 3] = [
        ("a page by type, state and group, p99", |number| {
            let (group, skip) = (number % 20 + 1, number % 10 * 20);
            format!(r#""status":[{}],"productGroupIds":[{group}],"skip":{skip}"#, number % 2)
        }),
        ("a page by type in an order, p99", |number| {
            let order = ["productName", "productCode desc", "dateModified", "dateCreated asc"][number as usize % 4];
            format!(r#""typeFor":{},"orderBy":"{order}","skip":{}"#, number % 3, number % 50 * 20)
        }),
        ("a page by a keyword, p99", |number| {
            let of = spread(number, PRODUCTS);
            let keyword = match number % 4 {
                0 => spread(u64::from(of), PRODUCTS).to_string(),
                1 => barcode(of)[4..].to_owned(),
                2 => NAMES[of as usize % NAMES.len()].to_lowercase(),
                _ => "กา".to_owned(),
            };
            format!(r#""status":[1],"smartSearch":"{keyword}""#)
        }),
    ];
    for (what, filter) in filters {
        let reader = Rc::clone(client);
        let pages = load::run(plan, move |number, out| {
            let body = format!(r#"{{"productType":1031,"take":20,{}}}"#, filter(number));
            reader.post("/v1/products/getProduct", &body, out);
        })?;
        report.under(&format!("{engine}, … {what}"), pages.latency(0.99), 20.0, "ms");
    }
    Ok(())
}
