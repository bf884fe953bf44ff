//! What others wait for while lists are exported, on both databases.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::limits::Postgres;
use crate::load::{self, Outcome, Plan};
use crate::report::Report;
use crate::server::{COMPANY, Client, Sala};
use crate::{Bench, Result, customers, imports, seed};

/// Exports that are asked for at once: more than a node makes.
const EXPORTS: usize = 20;

/// A customer of the company that exports nothing, and its address.
const OTHER: &str = r#"{"customerCode":"OTHER","customerName":"Another company's","customerState":3,"customerType":1}"#;
const PATH: &str = "/v3/customers/OTHER";

/// Two companies export their customers, a third one reads its own.
pub(crate) fn measure(bench: &Bench, report: &mut Report, postgres: Option<&Postgres>) -> Result<()> {
    let engine = if postgres.is_some() { "PostgreSQL" } else { "Embedded" };
    let folder = bench.folder.join(format!("exports-{engine}"));
    std::fs::create_dir_all(&folder)?;
    let sala = match postgres {
        None => Sala::embedded(&bench.program, folder)?,
        Some(postgres) => {
            postgres.psql("postgres", "create database exports;")?;
            Sala { program: bench.program.clone(), folder, database: postgres.database("exports") }
        }
    };
    let (first, _) = seed::company(&sala, None)?;
    let (second, third) = (company(&sala, COMPANY + 1)?, company(&sala, COMPANY + 2)?);
    let count = if bench.quick { 20_000 } else { 200_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for large in [COMPANY, COMPANY + 1] {
        runtime.block_on(customers::seed(&sala.database, large, count))?;
    }
    if let Some(postgres) = postgres {
        postgres.psql("exports", "vacuum analyze; checkpoint;")?;
    }
    let server = sala.serve(&["--role", "api"])?;
    let mut made = Vec::new();
    Client::new(server.address, &third)?.post("/v3/customers", OTHER, &mut made);
    load::once(server.address, &String::from_utf8(made)?)?;

    let asked = |what: &str, path: &str| -> Result<Asked> {
        let name = format!("{engine}, {what} while 20 exports of {count} customers are asked for, p99");
        Ok(Asked { name, client: Client::new(server.address, &third)?, path: path.to_owned() })
    };
    let alone = asked("", PATH)?.ask(server.address)?;
    report.tell(
        &format!("{engine}, a company's customer by its code, nothing beside it, p99"),
        format!("{:.1} ms", alone.latency(0.99)),
    );
    let exporters = [Client::new(server.address, &first)?, Client::new(server.address, &second)?];
    let asked = vec![asked("GET /healthz", "/healthz")?, asked("another company's customer by its code", PATH)?];
    beside_exports(server.address, &exporters, asked, report)?;
    server.stop()
}

/// One more company; its client's record.
fn company(sala: &Sala, id: i64) -> Result<Value> {
    let id = id.to_string();
    sala.create(&["company", "create", "--name", "Bench", "--id", &id])?;
    sala.create(&["client", "create", "--name", "bench", "--company", &id])
}

/// What is asked for again and again, and what its figure is called.
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) client: Client,
    pub(crate) path: String,
}

impl Asked {
    /// At light load, for five seconds.
    fn ask(self, address: SocketAddr) -> Result<Outcome> {
        let plan = Plan { pause: Duration::from_millis(20), ..Plan::full(address, 1, Duration::from_secs(5)) };
        load::run(plan, move |_, out| self.client.get(&self.path, out))
    }
}

/// What others wait for while twenty exports are asked for at once, and again as soon as they are refused or done.
pub(crate) fn beside_exports(
    address: SocketAddr,
    exporters: &[Client],
    asked: Vec<Asked>,
    report: &mut Report,
) -> Result<()> {
    let stop = AtomicBool::new(false);
    let [done, refused, failed] = [const { AtomicU64::new(0) }; 3];
    let measured: Vec<Result<(String, Outcome)>> = std::thread::scope(|scope| {
        let (stop, done, refused, failed) = (&stop, &done, &refused, &failed);
        for client in exporters.iter().cycle().take(EXPORTS) {
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let count = match imports::list(address, client, imports::CUSTOMERS, "text/csv") {
                        Ok(_) => done,
                        // There is no place: others are made.
                        Err(why) if why.to_string().contains(" 429") => {
                            std::thread::sleep(Duration::from_millis(50));
                            refused
                        }
                        Err(_) => failed,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let measured = asked.into_iter().map(|asked| Ok((asked.name.clone(), asked.ask(address)?))).collect();
        stop.store(true, Ordering::Relaxed);
        measured
    });
    let failed = failed.into_inner();
    if failed > 0 {
        return Err(format!("{failed} exports failed").into());
    }
    for outcome in measured {
        let (name, outcome) = outcome?;
        report.under(&name, outcome.latency(0.99), 100.0, "ms");
    }
    let told = format!("{} done, {} times refused", done.into_inner(), refused.into_inner());
    report.tell("… exports meanwhile", told);
    Ok(())
}
