//! Messages accepted through the API, on both databases, next to the same statements without Sala.

use std::rc::Rc;
use std::time::Duration;

use crate::limits::{self, Postgres, spread};
use crate::load::{self, Outcome, Plan};
use crate::report::{Report, median};
use crate::seed::{self, ROOMS};
use crate::server::{COMPANY, Client, Sala, Server, memory, processor, watch};
use crate::{Bench, Result};

/// Sends to all rooms in turn, as fast as it goes.
pub(crate) fn send(
    server: &Server,
    client: &Rc<Client>,
    connections: usize,
    rooms: u32,
    time: Duration,
) -> Result<Outcome> {
    let client = Rc::clone(client);
    load::run(Plan::full(server.address, connections, time), move |number, out| {
        client.send(seed::room(spread(number, rooms)), out);
    })
}

/// The embedded database: throughput, latency, the log, memory. Answers the rate at 64 connections.
pub(crate) fn embedded(bench: &Bench, report: &mut Report) -> Result<()> {
    let limit = Sala::embedded(&bench.program, bench.folder.join("limit"))?;
    let (_, account) = seed::company(&limit, None)?;
    seed::rooms(&limit, &account, ROOMS)?;
    let sala = Sala::embedded(&bench.program, bench.folder.join("embedded"))?;
    let (record, account) = seed::company(&sala, None)?;
    seed::rooms(&sala, &account, ROOMS)?;

    let server = sala.serve(&["--role", "all"])?;
    std::thread::sleep(Duration::from_secs(2));
    report.under("Memory, idle (PSS, role all)", memory(server.pid()).unwrap_or(f64::NAN), 40.0, "MB");
    server.stop()?;

    let server = sala.serve(&["--role", "api"])?;
    let client = Rc::new(Client::new(server.address, &record)?);
    let log = sala.folder.join("sala.db-wal");
    let (pid, own) = (server.pid(), std::process::id());
    let time = bench.time();
    let [mut ones, mut groups] = [Vec::new(), Vec::new()];
    let mut rates = [const { Vec::new() }; 3];
    let mut middle = Vec::new();
    let mut tail = Vec::new();
    // Microseconds of processor time a message: of the statements alone, of the server, of the load generator.
    let [mut least, mut cost, mut load] = [const { Vec::new() }; 3];
    let [mut most_log, mut most_memory] = [0.0_f64; 2];
    for _ in 0..bench.rounds() {
        ones.push(limits::rusqlite(&limit, 1, time)?);
        let before = processor(own);
        let rate = limits::rusqlite(&limit, 64, time)?;
        groups.push(rate);
        least.push((processor(own) - before) * 1e6 / (rate * time.as_secs_f64()));
        for (place, connections) in [1, 64, 256].into_iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "megabytes")]
            let size = || std::fs::metadata(&log).ok().map(|file| file.len() as f64 / 1_048_576.0);
            let work = || watch(|| memory(pid), || send(&server, &client, connections, ROOMS, time));
            let before = [pid, own].map(processor);
            let ((outcome, memory), log) = watch(size, work);
            let (outcome, spent) = (outcome?, [pid, own].map(processor));
            rates[place].push(outcome.rate);
            most_log = most_log.max(log);
            most_memory = most_memory.max(memory);
            if connections == 64 {
                middle.push(outcome.latency(0.5));
                tail.push(outcome.latency(0.99));
                cost.push((spent[0] - before[0]) * 1e6 / outcome.answered);
                load.push((spent[1] - before[1]) * 1e6 / outcome.answered);
            }
        }
    }
    server.stop()?;
    let [at_1, at_64, at_256] = rates;
    report.ratio("Embedded, 1 connection", &at_1, &ones, 0.6, "rusqlite, a COMMIT each");
    report.ratio("Embedded, 64 connections", &at_64, &groups, 0.7, "rusqlite, groups of 64");
    report.ratio("Embedded, 256 connections", &at_256, &groups, 0.8, "rusqlite, groups of 64");
    report.under("Embedded, 64 connections, p50", median(middle), 10.0, "ms");
    report.tell("Embedded, 64 connections, p99", format!("{:.1} ms", median(tail)));
    report.tell(
        "Embedded, 64 connections, processor time for a message",
        format!(
            "{:.0} µs of the server, {:.0} µs of the load generator; rusqlite alone {:.0} µs",
            median(cost),
            median(load),
            median(least)
        ),
    );
    report.under("Write-ahead log, the largest it was", most_log, 128.0, "MB");
    report.under("Memory under load (PSS)", most_memory, 150.0, "MB");
    with_delivery(bench, report, &sala, &record)
}

/// The same server accepts and delivers to the sandbox.
fn with_delivery(bench: &Bench, report: &mut Report, sala: &Sala, record: &serde_json::Value) -> Result<()> {
    let database = rusqlite::Connection::open(sala.file())?;
    // What the runs before left is not this one's work.
    database
        .execute_batch("update message set delivery = 3 where delivery = 1; delete from job where kind = 'deliver'")?;
    let delivered = || -> Result<i64> {
        Ok(database.query_row("select count(*) from message where delivery = 3", [], |row| row.get(0))?)
    };
    let before = delivered()?;
    let server = sala.serve(&["--role", "all"])?;
    let client = Rc::new(Client::new(server.address, record)?);
    let started = std::time::Instant::now();
    let outcome = send(&server, &client, 64, ROOMS, bench.time())?;
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count of a few million")]
    let rate = (delivered()? - before) as f64 / seconds;
    let text = format!("{:.0}/s accepted and {rate:.0}/s delivered, p50 {:.1} ms", outcome.rate, outcome.latency(0.5));
    report.tell("Embedded, 64 connections, delivering to the sandbox as well", text);
    server.stop()
}

/// PostgreSQL, next to pgbench on a second database of the same server.
pub(crate) fn postgres(bench: &Bench, report: &mut Report, postgres: &Postgres) -> Result<()> {
    let folder = bench.folder.join("postgres");
    std::fs::create_dir_all(&folder)?;
    postgres.psql("postgres", "create database sala;")?;
    let sala = Sala { program: bench.program.clone(), folder, database: postgres.database("sala") };
    let (record, account) = seed::company(&sala, None)?;
    postgres.psql("sala", &seed::rooms_text(&account, ROOMS))?;
    postgres.psql("postgres", "create database pgbench template sala;")?;
    let rooms = postgres.psql("pgbench", &format!("select count(*) from room where company = {COMPANY}"))?;
    debug_assert_eq!(rooms, ROOMS.to_string());

    let server = sala.serve(&["--role", "api"])?;
    let client = Rc::new(Client::new(server.address, &record)?);
    let time = bench.time();
    let mut limit = Vec::new();
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..bench.rounds() {
        limit.push(postgres.pgbench("pgbench", &sala.folder, time)?);
        for (place, connections) in [16, 64, 256].into_iter().enumerate() {
            rates[place].push(send(&server, &client, connections, ROOMS, time)?.rate);
        }
    }
    server.stop()?;
    let [at_16, at_64, at_256] = rates;
    report.ratio("PostgreSQL, 16 connections", &at_16, &limit, 0.8, "pgbench, 16 clients");
    report.ratio("PostgreSQL, 64 connections", &at_64, &limit, 1.5, "pgbench, 16 clients");
    report.ratio("PostgreSQL, 256 connections", &at_256, &limit, 2.5, "pgbench, 16 clients");
    Ok(())
}
