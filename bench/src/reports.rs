//! Reports over a year of ten million messages: their figures as they stand once they were added up.

use std::rc::Rc;
use std::time::Duration;

use rusqlite::{Connection, params};

use crate::load::{self, Plan};
use crate::report::Report;
use crate::server::{COMPANY, Client, Sala};
use crate::{Bench, Result, seed};

/// Channels that a company of this size has.
const CHANNELS: [&str; 4] = ["line", "messenger", "instagram", "whatsapp"];

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let sala = Sala::embedded(&bench.program, bench.folder.join("reports"))?;
    let (record, _) = seed::company(&sala, None)?;
    year(&sala)?;
    // Nothing is added up meanwhile: what is looked at is the answer.
    let server = sala.serve(&["--role", "api"])?;
    let client = Rc::new(Client::new(server.address, &record)?);
    let plan = Plan {
        warm_up: Duration::from_millis(500),
        pause: Duration::from_millis(2),
        ..Plan::full(server.address, 1, bench.time())
    };
    for (what, name, by) in [
        ("messages by hour", "messages", "hour"),
        ("messages by channel", "messages", "channel"),
        ("first responses by day", "first-response", "day"),
    ] {
        let reader = Rc::clone(&client);
        let read = load::run(plan, move |_, out| {
            reader.get(&format!("/v1/reports/{name}?from=2025-01-01&to=2025-12-31&groupBy={by}"), out);
        })?;
        report.under(&format!("A year of 10,000,000 messages: {what}, p99"), read.latency(0.99), 100.0, "ms");
    }
    server.stop()
}

/// Figures of each hour and channel of a year, as the server keeps them: ten million messages in all.
fn year(sala: &Sala) -> Result<()> {
    let mut connection = Connection::open(sala.file())?;
    let tx = connection.transaction()?;
    for measure in
        ["chat.from", "chat.to", "chat.response", "chat.response.5m", "chat.response.1h", "chat.response.24h"]
    {
        for channel in CHANNELS {
            tx.execute(
                "insert into tally (company, measure, day, hour, key, count, total)
                 with recursive day (at) as (select date('2025-01-01') union all select date(at, '+1 day') from day where at < '2025-12-31'),
                   hour (n) as (select 0 union all select n + 1 from hour where n < 23)
                 select ?1, ?2, cast(strftime('%Y%m%d', day.at) as integer), hour.n, ?3, 143, 14300000 from day cross join hour",
                params![COMPANY, measure, channel],
            )?;
        }
    }
    tx.commit()?;
    Ok(())
}
