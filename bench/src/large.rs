//! A company that has been at it for a while: a million messages in a hundred thousand rooms.

use std::rc::Rc;
use std::time::Duration;

use crate::accept::send;
use crate::limits::spread;
use crate::load::{self, Plan};
use crate::report::Report;
use crate::seed::{self, ROOMS};
use crate::server::{Client, Sala};
use crate::{Bench, Result};

const LARGE_ROOMS: u32 = 100_000;
const EACH: u32 = 10;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let small = Sala::embedded(&bench.program, bench.folder.join("small"))?;
    let (small_record, account) = seed::company(&small, None)?;
    seed::rooms(&small, &account, ROOMS)?;
    let large = Sala::embedded(&bench.program, bench.folder.join("large"))?;
    let (record, account) = seed::company(&large, None)?;
    let id = record["client_id"].as_str().unwrap_or_default();
    seed::rooms(&large, &account, LARGE_ROOMS)?;
    seed::messages(&large, id, LARGE_ROOMS, EACH)?;

    let server = large.serve(&["--role", "all"])?;
    let client = Rc::new(Client::new(server.address, &record)?);
    let ready = server.ready_after.as_secs_f64() * 1000.0;
    report.under("1,000,000 messages in 100,000 rooms: start to ready", ready, 500.0, "ms");
    let light = Plan {
        warm_up: Duration::from_millis(500),
        pause: Duration::from_millis(2),
        ..Plan::full(server.address, 1, bench.time())
    };
    let reader = Rc::clone(&client);
    let history = load::run(light, move |number, out| {
        reader.get(&format!("/v1/chat/rooms/{}/messages?take=20", seed::room(spread(number, LARGE_ROOMS))), out);
    })?;
    let reader = Rc::clone(&client);
    let enquiry = load::run(light, move |number, out| {
        let skip = number * 20 % 2_000;
        let body = match number % 3 {
            0 => format!(r#"{{"skip":{skip},"pageLength":20}}"#),
            1 => format!(r#"{{"skip":{skip},"pageLength":20,"unanswered":true}}"#),
            _ => format!(r#"{{"skip":{skip},"pageLength":20,"platform":"line"}}"#),
        };
        reader.post("/v1/conversation/enquiry", &body, out);
    })?;
    report.under("… a page of a random room's history, p99", history.latency(0.99), 5.0, "ms");
    report.under("… a page of the enquiry, p99", enquiry.latency(0.99), 5.0, "ms");
    server.stop()?;

    // Both run at the same time, and are used in turn.
    let (small, large) = (small.serve(&["--role", "api"])?, large.serve(&["--role", "api"])?);
    let small_client = Rc::new(Client::new(small.address, &small_record)?);
    let client = Rc::new(Client::new(large.address, &record)?);
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..bench.rounds() {
        rates[0].push(send(&small, &small_client, 64, ROOMS, bench.time())?.rate);
        rates[1].push(send(&large, &client, 64, ROOMS, bench.time())?.rate);
        rates[2].push(send(&large, &client, 64, LARGE_ROOMS, bench.time())?.rate);
    }
    let [empty, busy, all] = rates;
    report.ratio("… 64 connections sending to 1,000 of the rooms", &busy, &empty, 0.9, "an empty database");
    report.ratio("… 64 connections sending to all rooms in turn", &all, &empty, 0.9, "an empty database");
    small.stop()?;
    large.stop()
}
