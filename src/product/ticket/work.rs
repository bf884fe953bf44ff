//! Working off a ticket: lot by lot, each in one unit of work with what became of its products, so that a kill loses and
//! repeats nothing.

use std::time::{Duration, Instant};

use db::{Conn, Json as Stored, Rows, Type};
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::http::{Caller, Code, Error, Fault, lenient};
use crate::job::{Job, Kind, Next};
use crate::product::input::ProductWrite;
use crate::product::plan::Demand;
use crate::product::put::Batch;

/// The most products that are written in one unit of work.
const LOT: i64 = 200;

/// Products that are read at once.
const READ: usize = 50;

/// A unit ends after this time with the products that it has written: others wait for the writer meanwhile.
const HOLD: Duration = Duration::from_millis(100);

/// How long one run of the job goes on.
const RUN: Duration = Duration::from_secs(2);

/// Works on a company's oldest ticket for a while.
pub(crate) async fn run(app: &App, job: &Job) -> Result<Next, Error> {
    let next = super::oldest(&mut app.db.read().await?, job.company).await?;
    let Some(ticket) = next else { return Ok(Next::Done) };
    let work =
        Work { app, company: job.company, ticket: ticket.id, client: Caller::acting(job.company, &ticket.client) };
    let started = Instant::now();
    while started.elapsed() < RUN {
        match work.lot(LOT).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                // Something of this lot cannot be written although it looked well: it shall spoil no other.
                tracing::warn!(%error, "a lot of products is written one by one");
                work.one_by_one().await?;
            }
        }
    }
    app.wakes.wake(Kind::Webhook);
    Ok(Next::Again)
}

fn is_less(count: usize, most: i64) -> bool {
    i64::try_from(count).is_ok_and(|count| count < most)
}

/// The work on a ticket.
struct Work<'a> {
    app: &'a App,
    company: i64,
    ticket: i64,
    client: Caller,
}

/// A product that waits.
#[derive(Debug, Deserialize)]
struct Waiting {
    position: i64,
    input: String,
}

/// What became of a product.
#[derive(Debug, Default)]
struct Done {
    position: i64,
    state: &'static str,
    code: Option<String>,
    product: Option<i64>,
    faults: Vec<Fault>,
}

impl Work<'_> {
    /// Writes so many products in one unit of work, with what became of each; how many there were.
    async fn lot(&self, most: i64) -> Result<usize, Error> {
        let now = self.app.now();
        self.app
            .db
            .write(async |mut tx| {
                let Some(waiting) = self.begin(&mut tx, most, now).await? else { return Ok(0) };
                let started = Instant::now();
                let mut batch = Batch::open(&mut tx, &self.client, now).await?;
                let mut done = Vec::with_capacity(waiting.len());
                'lot: for part in waiting.chunks(READ) {
                    let values: Vec<_> = part.iter().map(|item| serde_json::from_str(&item.input)).collect();
                    let codes: Vec<String> = values.iter().flatten().filter_map(code_of).collect();
                    batch.gather(&mut tx, &codes.iter().map(String::as_str).collect::<Vec<_>>()).await?;
                    for (item, value) in part.iter().zip(values) {
                        if started.elapsed() > HOLD && !done.is_empty() {
                            break 'lot;
                        }
                        done.push(write(&mut tx, &mut batch, item.position, value).await?);
                    }
                }
                let (count, is_last) = (done.len(), done.len() == waiting.len() && is_less(waiting.len(), most));
                self.end(&mut tx, done, is_last, now).await?;
                Ok(count)
            })
            .await
    }

    /// Writes the products of a lot each in a unit of its own; one that cannot be written is at fault.
    async fn one_by_one(&self) -> Result<(), Error> {
        for _ in 0..LOT {
            let mut written = self.lot(1).await;
            if let Err(Error::Conflict(_)) = written {
                // Another request has just made a product of this code: now it is there to be updated.
                written = self.lot(1).await;
            }
            match written {
                Ok(0) => break,
                Ok(_) => {}
                Err(Error::Db(error)) if error.is_transient() => return Err(Error::Db(error)),
                Err(error @ Error::Busy(_)) => return Err(error),
                Err(error) => self.give_up(&error).await?,
            }
        }
        Ok(())
    }

    /// Says of the next product why it cannot be written.
    async fn give_up(&self, error: &Error) -> Result<(), Error> {
        tracing::warn!(%error, ticket = self.ticket, "a product could not be written");
        let now = self.app.now();
        self.app
            .db
            .write(async |mut tx| {
                let Some(waiting) = self.begin(&mut tx, 1, now).await? else { return Ok(()) };
                let failed = waiting.iter().map(|item| {
                    let code = serde_json::from_str(&item.input).ok().and_then(|value| code_of(&value));
                    Done { position: item.position, state: "failed", code, faults: error.faults(), ..Done::default() }
                });
                self.end(&mut tx, failed.collect(), waiting.is_empty(), now).await
            })
            .await
    }

    /// The products that wait, with the ticket kept from others; nothing when its work has ended.
    async fn begin(&self, tx: &mut Conn, most: i64, now: i64) -> Result<Option<Vec<Waiting>>, db::Error> {
        let open = tx
            .sql(
                "update product_ticket set state = 'running', started_at = coalesce(started_at, $3)
                 where company = $1 and id = $2 and state <> 'done'",
            )
            .bind(self.company)
            .bind(self.ticket)
            .bind(now)
            .exec()
            .await?;
        if open == 0 {
            return Ok(None);
        }
        let waiting = tx
            .sql(
                "select position, input from product_ticket_item
                 where company = $1 and ticket = $2 and state = 'waiting' order by position limit $3",
            )
            .bind(self.company)
            .bind(self.ticket)
            .bind(most)
            .all()
            .await?;
        Ok(Some(waiting))
    }

    /// Writes down what became of products; the ticket is done with the last of them.
    async fn end(&self, tx: &mut Conn, done: Vec<Done>, is_last: bool, now: i64) -> Result<(), Error> {
        let count = |state: &str| i64::try_from(done.iter().filter(|done| done.state == state).count()).unwrap_or(0);
        tx.sql(
            "update product_ticket
             set created = created + $3, updated = updated + $4, unchanged = unchanged + $5, failed = failed + $6,
                 state = case when $7 then 'done' else state end, finished_at = case when $7 then $8 else finished_at end
             where company = $1 and id = $2",
        )
        .bind(self.company)
        .bind(self.ticket)
        .bind(count("created"))
        .bind(count("updated"))
        .bind(count("unchanged"))
        .bind(count("failed"))
        .bind(is_last)
        .bind(now)
        .later()
        .await?;
        if done.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(&[
            ("position", Type::BigInt),
            ("state", Type::Text),
            ("code", Type::Text),
            ("product", Type::BigInt),
            ("errors", Type::Json),
        ]);
        for item in done {
            let errors = (!item.faults.is_empty()).then_some(Stored(item.faults));
            rows.push([item.position.into(), item.state.into(), item.code.into(), item.product.into(), errors.into()]);
        }
        // What is written is not needed any more; what is at fault is kept for whoever looks into it.
        tx.sql(
            "update product_ticket_item
             set state = done.state, code = done.code, product = done.product, errors = done.errors,
                 input = case when done.state = 'failed' then product_ticket_item.input end
             from ",
        )
        .push_rows(&rows)
        .push(" as done where product_ticket_item.position = done.position and product_ticket_item.company = ")
        .push_bind(self.company)
        .push(" and product_ticket_item.ticket = ")
        .push_bind(self.ticket)
        .later()
        .await?;
        Ok(())
    }
}

/// Writes one product. Faults that can be told before anything is written are its own; any other error is the unit's.
async fn write(
    tx: &mut Conn,
    batch: &mut Batch<'_>,
    position: i64,
    value: serde_json::Result<Value>,
) -> Result<Done, Error> {
    let failed =
        |code: Option<String>, faults: Vec<Fault>| Done { position, state: "failed", code, faults, ..Done::default() };
    let value = match value {
        Ok(value) => value,
        Err(error) => {
            let fault = Fault::new(Code::InvalidBody, "", format!("The product is not valid JSON: {error}"));
            return Ok(failed(None, vec![fault]));
        }
    };
    let code = code_of(&value);
    if !value.is_object() {
        return Ok(failed(code, vec![Fault::new(Code::InvalidType, "", "A product must be an object")]));
    }
    let (input, found) = match lenient::decode_value_all::<ProductWrite>(&value) {
        Ok(decoded) => decoded,
        Err(faults) => return Ok(failed(code, faults)),
    };
    // What could not be read has stand-ins in its place, which are not to be looked for in the database.
    let is_read = found.is_empty();
    let mut faults = input.check(found);
    if !is_read {
        return Ok(failed(code, std::mem::take(faults.list())));
    }
    let plan = match batch.plan(tx, &input, faults, Demand::Whole).await {
        Ok(plan) => plan,
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => return Ok(failed(code, error.faults())),
        Err(error) => return Err(error),
    };
    let written = batch.carry_out(tx, plan).await?;
    let state = written.outcome.word();
    let (code, product) = (Some(written.row.code), Some(written.row.id));
    Ok(Done { position, state, code, product, faults: Vec::new() })
}

/// The code that a product was sent with, for the ticket; a text that is none, or much too long for one, is left out.
fn code_of(product: &Value) -> Option<String> {
    let fields = product.as_object()?;
    let (_, code) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("productCode"))?;
    let code = code.as_str()?.trim();
    (!code.is_empty() && code.chars().count() <= 200 && !code.contains('\0')).then(|| code.to_owned())
}
