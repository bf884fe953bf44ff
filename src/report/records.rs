//! What records come to that change after they are made: cases, activities, deals, expenses and orders.
//!
//! They are followed in the order of their changes. What a record comes to is written down beside it; when it has changed, that is
//! taken back and what it comes to now is added, in the unit that moves the progress.

use std::collections::BTreeMap;

use db::{Conn, Rows, Type};
use serde::Deserialize;
use uuid::Uuid;

use super::figures::{Figure, Kind};
use super::sold;
use super::tally::{Lot, Sums};
use crate::http::Error;
use crate::setting::choice;
use crate::setting::list::List;

/// Records added up in one unit of work.
pub(super) const MOST: i64 = 500;

/// Which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Cases,
    Activities,
    Deals,
    Expenses,
    Orders,
}

const RAISED: &str = "case.raised";
const RESOLVED: &str = "case.resolved";
const ENDED: &str = "case.ended";
const RESPONSE_KEPT: &str = "case.response.kept";
const RESPONSE_LATE: &str = "case.response.late";
const RESOLUTION_KEPT: &str = "case.resolution.kept";
const RESOLUTION_LATE: &str = "case.resolution.late";
const CASES: &[&str] = &[RAISED, RESOLVED, ENDED, RESPONSE_KEPT, RESPONSE_LATE, RESOLUTION_KEPT, RESOLUTION_LATE];

const PLANNED: &str = "activity.planned";
const DONE: &str = "activity.done";
const CANCELLED: &str = "activity.cancelled";
const AD_HOC: &str = "activity.adhoc";
const VISITED: &str = "activity.visited";
const PLANNED_OF_KIND: &str = "activity.kind.planned";
const DONE_OF_KIND: &str = "activity.kind.done";
const CANCELLED_OF_KIND: &str = "activity.kind.cancelled";
const ACTIVITIES: &[&str] =
    &[PLANNED, DONE, CANCELLED, AD_HOC, VISITED, PLANNED_OF_KIND, DONE_OF_KIND, CANCELLED_OF_KIND];

const CREATED: &str = "deal.created";
const WON: &str = "deal.won";
const MISSED: &str = "deal.missed";
const CLOSED: &str = "deal.closed";
const STAGE_IN: &str = "deal.stage.in";
const STAGE_OUT: &str = "deal.stage.out";
const DEALS: &[&str] = &[CREATED, WON, MISSED, CLOSED, STAGE_IN, STAGE_OUT];

const CLAIMED: &str = "expense.claimed.whole";
const APPROVED: &str = "expense.approved.whole";
const CLAIMED_OF_KIND: &str = "expense.claimed";
const APPROVED_OF_KIND: &str = "expense.approved";
const EXPENSES: &[&str] = &[CLAIMED, APPROVED, CLAIMED_OF_KIND, APPROVED_OF_KIND];

impl Of {
    pub(super) fn name(self) -> &'static str {
        match self {
            Of::Cases => "cases",
            Of::Activities => "activities",
            Of::Deals => "deals",
            Of::Expenses => "expenses",
            Of::Orders => "orders",
        }
    }

    /// What is added up of them.
    pub(super) fn measures(self) -> &'static [&'static str] {
        match self {
            Of::Cases => CASES,
            Of::Activities => ACTIVITIES,
            Of::Deals => DEALS,
            Of::Expenses => EXPENSES,
            Of::Orders => sold::MEASURES,
        }
    }
}

const fn figure(name: &'static str, measure: &'static str, kind: Kind) -> Figure {
    Figure { name, measure, whole: None, kind }
}

/// By category: how many there are, how long they took, and whether their targets were kept.
pub(super) const OF_CASES: &[Figure] = &[
    figure("raised", RAISED, Kind::Count),
    figure("resolved", RESOLVED, Kind::Average),
    figure("open", RAISED, Kind::Left(ENDED)),
    figure("responseInTime", RESPONSE_KEPT, Kind::Count),
    figure("responseLate", RESPONSE_LATE, Kind::Count),
    figure("resolutionInTime", RESOLUTION_KEPT, Kind::Count),
    figure("resolutionLate", RESOLUTION_LATE, Kind::Count),
];

/// By person.
pub(super) const OF_ACTIVITIES: &[Figure] = &[
    figure("planned", PLANNED, Kind::Count),
    figure("done", DONE, Kind::Count),
    figure("cancelled", CANCELLED, Kind::Count),
    figure("adHoc", AD_HOC, Kind::Count),
    figure("visits", VISITED, Kind::Average),
];

/// By type of activity.
pub(super) const OF_KINDS: &[Figure] = &[
    figure("planned", PLANNED_OF_KIND, Kind::Count),
    figure("done", DONE_OF_KIND, Kind::Count),
    figure("cancelled", CANCELLED_OF_KIND, Kind::Count),
];

/// By person in charge; of those that have ended, the average is the percentage that was won.
pub(super) const OF_DEALS: &[Figure] = &[
    figure("created", CREATED, Kind::Amount),
    figure("won", WON, Kind::Amount),
    figure("missed", MISSED, Kind::Amount),
    figure("conversion", CLOSED, Kind::Average),
];

/// By stage; of those that have left it, the average is the percentage that went on and was not missed.
pub(super) const OF_STAGES: &[Figure] = &[
    figure("entered", STAGE_IN, Kind::Amount),
    figure("conversion", STAGE_OUT, Kind::Average),
    figure("inStage", STAGE_IN, Kind::Left(STAGE_OUT)),
];

/// By type of expense; an expense has lines of several types.
pub(super) const OF_EXPENSES: &[Figure] = &[
    Figure { whole: Some(CLAIMED), ..figure("claimed", CLAIMED_OF_KIND, Kind::Amount) },
    Figure { whole: Some(APPROVED), ..figure("approved", APPROVED_OF_KIND, Kind::Amount) },
];

/// One of a measure, at a time (Unix milliseconds), told apart by a key, worth so much.
pub(super) struct Fact(pub(super) &'static str, pub(super) i64, pub(super) String, pub(super) i64);

/// A fact as it is kept: measure, day, hour, key and worth.
type Kept = (String, i64, i64, String, i64);

#[derive(Debug, Deserialize)]
struct Known {
    record: i64,
    facts: Vec<Kept>,
}

/// A record that has changed.
pub(super) struct Changed {
    pub(super) id: i64,
    pub(super) at: i64,
    pub(super) facts: Vec<Fact>,
}

/// Adds up the records that changed since this progress and before this time.
pub(super) async fn add_up(
    tx: &mut Conn,
    company: i64,
    of: Of,
    span: (&str, i64),
    sums: &mut Sums<'_>,
) -> Result<Lot, Error> {
    let Some(Step { lot, rows }) = step(tx, company, of, span, sums).await? else {
        return Ok(Lot { progress: None, is_more: false });
    };
    if !rows.is_empty() {
        tx.sql("insert into tally_record (company, source, record, facts) select ")
            .push_bind(company)
            .push(", ")
            .push_bind(of.name())
            .push(", record, facts from ")
            .push_rows(&rows)
            .push(" as input where true on conflict (company, source, record) do update set facts = excluded.facts")
            .exec()
            .await?;
    }
    Ok(lot)
}

/// Lots of changed records that are looked at for one answer.
const MOST_LOTS: usize = 4;

/// What the records that changed since this progress come to beyond what is added up, written nowhere; whether these are all.
pub(super) async fn lately(
    conn: &mut Conn,
    company: i64,
    of: Of,
    progress: &str,
    sums: &mut Sums<'_>,
) -> Result<bool, Error> {
    let mut progress = progress.to_owned();
    for _ in 0..MOST_LOTS {
        let Some(Step { lot, .. }) = step(conn, company, of, (&progress, i64::MAX), sums).await? else {
            return Ok(true);
        };
        match lot.progress.filter(|_| lot.is_more) {
            Some(next) => progress = next,
            None => return Ok(true),
        }
    }
    Ok(false)
}

/// A lot of changed records: where the next begins, and what each comes to now where that is something else than before.
struct Step {
    lot: Lot,
    rows: Rows,
}

async fn step(
    conn: &mut Conn,
    company: i64,
    of: Of,
    (progress, until): (&str, i64),
    sums: &mut Sums<'_>,
) -> Result<Option<Step>, Error> {
    let (at, id) = progress.split_once(':').unwrap_or_default();
    let after = (at.parse().unwrap_or(i64::MIN), id.parse().unwrap_or_default());
    let changed = match of {
        Of::Cases => cases(conn, company, after, until).await?,
        Of::Activities => activities(conn, company, after, until).await?,
        Of::Deals => deals(conn, company, after, until).await?,
        Of::Expenses => expenses(conn, company, after, until).await?,
        Of::Orders => sold::orders(conn, company, after, until, sums.zone()).await?,
    };
    let Some(last) = changed.last() else { return Ok(None) };
    let lot = Lot {
        progress: Some(format!("{}:{}", last.at, last.id)),
        is_more: changed.len() >= usize::try_from(MOST).unwrap_or_default(),
    };
    let ids: Vec<i64> = changed.iter().map(|record| record.id).collect();
    let known: Vec<Known> = conn
        .sql("select record, facts from tally_record where company = $1 and source = $2 and record in ")
        .bind(company)
        .bind(of.name())
        .push_ids(&ids)
        .all()
        .await?;
    let known: BTreeMap<i64, Vec<Kept>> = known.into_iter().map(|known| (known.record, known.facts)).collect();
    let nothing: Vec<Kept> = Vec::new();
    let mut rows = Rows::new(&[("record", Type::BigInt), ("facts", Type::Json)]);
    for record in changed {
        let now: Vec<Kept> = record
            .facts
            .into_iter()
            .map(|Fact(measure, at, key, worth)| {
                let (day, hour) = sums.progress(at);
                (measure.to_owned(), day, hour, key, worth)
            })
            .collect();
        let before = known.get(&record.id).unwrap_or(&nothing);
        if *before == now {
            continue;
        }
        for (sign, facts) in [(-1_i64, before), (1, &now)] {
            for (measure, day, hour, key, worth) in facts {
                // A measure that is no more was of an older program; its figures go when they are made anew.
                if let Some(measure) = of.measures().iter().copied().find(|known| *known == measure.as_str()) {
                    sums.put((measure, *day, *hour, key.clone()), sign, sign * worth);
                    if let Some(months) = sold::months_of(measure) {
                        sums.put((months, sold::month(*day), 0, key.clone()), sign, sign * worth);
                    }
                }
            }
        }
        let facts = serde_json::to_value(&now).map_err(|error| Error::Internal(error.to_string()))?;
        rows.push([record.id.into(), facts.into()]);
    }
    Ok(Some(Step { lot, rows }))
}

/// Forgets a lot of what records came to; whether there was something.
pub(super) async fn clear(tx: &mut Conn, company: i64, of: Of, most: i64) -> Result<bool, db::Error> {
    let gone = tx
        .sql(
            "delete from tally_record where company = $1 and source = $2 and record in
               (select record from tally_record where company = $1 and source = $2 order by record limit $3)",
        )
        .bind(company)
        .bind(of.name())
        .bind(most)
        .exec()
        .await?;
    Ok(gone > 0)
}

#[derive(Debug, Deserialize)]
struct CaseRow {
    id: i64,
    modified_at: i64,
    deleted_at: Option<i64>,
    merged_into: Option<i64>,
    category: i64,
    status: String,
    raised_at: i64,
    closed_at: Option<i64>,
    response: Target,
    resolution: Target,
}

/// A time to be kept, and when what it is about was done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    due: Option<i64>,
    met: Option<i64>,
}

async fn cases(tx: &mut Conn, company: i64, after: (i64, i64), until: i64) -> Result<Vec<Changed>, db::Error> {
    let rows: Vec<CaseRow> = tx
        .sql(
            "select id, modified_at, deleted_at, merged_into, category, status, raised_at, closed_at, response, resolution
             from service_case where company = $1 and (modified_at, id) > ($2, $3) and modified_at < $4
             order by modified_at, id limit $5",
        )
        .bind(company)
        .bind(after.0)
        .bind(after.1)
        .bind(until)
        .bind(MOST)
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| Changed { id: row.id, at: row.modified_at, facts: case_facts(&row) }).collect())
}

fn case_facts(row: &CaseRow) -> Vec<Fact> {
    // A case that was merged into another is counted as that one.
    if row.deleted_at.is_some() || row.merged_into.is_some() {
        return Vec::new();
    }
    let key = row.category.to_string();
    let mut facts = vec![Fact(RAISED, row.raised_at, key.clone(), 0)];
    if !matches!(row.status.as_str(), "new" | "open" | "waiting") {
        // What was resolved ended then, whenever it was closed.
        let at = row.resolution.met.or(row.closed_at).unwrap_or(row.raised_at);
        facts.push(Fact(ENDED, at, key.clone(), 0));
        if row.status != "cancelled" {
            facts.push(Fact(RESOLVED, at, key.clone(), (at - row.raised_at).max(0) / 1000));
        }
    }
    for (target, kept, late) in
        [(&row.response, RESPONSE_KEPT, RESPONSE_LATE), (&row.resolution, RESOLUTION_KEPT, RESOLUTION_LATE)]
    {
        if let (Some(due), Some(met)) = (target.due, target.met) {
            facts.push(Fact(if met <= due { kept } else { late }, met, key.clone(), 0));
        }
    }
    facts
}

#[derive(Debug, Deserialize)]
struct ActivityRow {
    id: i64,
    modified_at: i64,
    deleted_at: Option<i64>,
    state: String,
    is_ad_hoc: bool,
    assignee: Option<Uuid>,
    kind: Option<i64>,
    starts_at: i64,
    check_in: Option<Visit>,
    check_out: Option<Visit>,
}

#[derive(Debug, Deserialize)]
struct Visit {
    at: i64,
}

async fn activities(tx: &mut Conn, company: i64, after: (i64, i64), until: i64) -> Result<Vec<Changed>, db::Error> {
    let rows: Vec<ActivityRow> = tx
        .sql(
            "select id, modified_at, deleted_at, state, is_ad_hoc, assignee, kind, starts_at, check_in, check_out
             from activity where company = $1 and (modified_at, id) > ($2, $3) and modified_at < $4
             order by modified_at, id limit $5",
        )
        .bind(company)
        .bind(after.0)
        .bind(after.1)
        .bind(until)
        .bind(MOST)
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| Changed { id: row.id, at: row.modified_at, facts: activity_facts(&row) }).collect())
}

fn activity_facts(row: &ActivityRow) -> Vec<Fact> {
    if row.deleted_at.is_some() {
        return Vec::new();
    }
    let person = row.assignee.map_or_else(String::new, |person| person.to_string());
    let kind = row.kind.map_or_else(String::new, |kind| kind.to_string());
    let (of_person, of_kind) = match row.state.as_str() {
        "cancelled" => (CANCELLED, CANCELLED_OF_KIND),
        "done" => (DONE, DONE_OF_KIND),
        _ => (PLANNED, PLANNED_OF_KIND),
    };
    let mut facts = vec![Fact(of_person, row.starts_at, person.clone(), 0), Fact(of_kind, row.starts_at, kind, 0)];
    if row.is_ad_hoc && row.state != "cancelled" {
        facts.push(Fact(AD_HOC, row.starts_at, person.clone(), 0));
    }
    if let (Some(from), Some(to)) = (&row.check_in, &row.check_out) {
        facts.push(Fact(VISITED, from.at, person, (to.at - from.at).max(0) / 1000));
    }
    facts
}

#[derive(Debug, Deserialize)]
struct DealRow {
    id: i64,
    modified_at: i64,
    deleted_at: Option<i64>,
    owner: Uuid,
    status: i64,
    value: i64,
    deal_at: i64,
    closed_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct StayRow {
    deal: i64,
    stage: i64,
    entered_at: i64,
    left_at: Option<i64>,
}

async fn deals(tx: &mut Conn, company: i64, after: (i64, i64), until: i64) -> Result<Vec<Changed>, Error> {
    let rows: Vec<DealRow> = tx
        .sql(
            "select id, modified_at, deleted_at, owner, status, value, deal_at, closed_at
             from deal where company = $1 and (modified_at, id) > ($2, $3) and modified_at < $4
             order by modified_at, id limit $5",
        )
        .bind(company)
        .bind(after.0)
        .bind(after.1)
        .bind(until)
        .bind(MOST)
        .all()
        .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let stays: Vec<StayRow> = tx
        .sql("select deal, stage, entered_at, left_at from deal_stage where company = $1 and deal in ")
        .bind(company)
        .push_ids(&ids)
        .push(" order by deal, place")
        .all()
        .await?;
    let entries = choice::all(tx, company, List::Stages).await?;
    let is_missed = |stage: i64| {
        let entry = entries.iter().find(|entry| entry.id == stage).and_then(|entry| entry.detail.as_ref());
        entry.is_some_and(|detail| detail["kind"] == "missed")
    };
    let mut of_deal: BTreeMap<i64, Vec<StayRow>> = BTreeMap::new();
    for stay in stays {
        of_deal.entry(stay.deal).or_default().push(stay);
    }
    let none = Vec::new();
    let changed = rows.into_iter().map(|row| {
        let mut facts = Vec::new();
        if row.deleted_at.is_none() {
            let owner = row.owner.to_string();
            facts.push(Fact(CREATED, row.deal_at, owner.clone(), row.value));
            if let Some(at) = row.closed_at.filter(|_| row.status != 1) {
                let (measure, worth) = if row.status == 2 { (WON, 100) } else { (MISSED, 0) };
                facts.push(Fact(measure, at, owner.clone(), row.value));
                facts.push(Fact(CLOSED, at, owner, worth));
            }
            let stays = of_deal.get(&row.id).unwrap_or(&none);
            for (index, stay) in stays.iter().enumerate() {
                let key = stay.stage.to_string();
                facts.push(Fact(STAGE_IN, stay.entered_at, key.clone(), row.value));
                if let Some(at) = stay.left_at {
                    let went_on = stays.get(index + 1).is_none_or(|next| !is_missed(next.stage));
                    facts.push(Fact(STAGE_OUT, at, key, if went_on { 100 } else { 0 }));
                }
            }
        }
        Changed { id: row.id, at: row.modified_at, facts }
    });
    Ok(changed.collect())
}

#[derive(Debug, Deserialize)]
struct ExpenseRow {
    id: i64,
    modified_at: i64,
    deleted_at: Option<i64>,
    status: i64,
    spent_at: i64,
    total: i64,
}

async fn expenses(tx: &mut Conn, company: i64, after: (i64, i64), until: i64) -> Result<Vec<Changed>, db::Error> {
    let rows: Vec<ExpenseRow> = tx
        .sql(
            "select id, modified_at, deleted_at, status, spent_at, total
             from expense where company = $1 and (modified_at, id) > ($2, $3) and modified_at < $4
             order by modified_at, id limit $5",
        )
        .bind(company)
        .bind(after.0)
        .bind(after.1)
        .bind(until)
        .bind(MOST)
        .all()
        .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let kinds: Vec<(i64, i64, i64)> = tx
        .sql("select expense, kind, total from expense_kind where company = $1 and expense in ")
        .bind(company)
        .push_ids(&ids)
        .push(" order by expense, kind")
        .all()
        .await?;
    let changed = rows.into_iter().map(|row| {
        let mut facts = Vec::new();
        // What was rejected or cancelled is no expense.
        if row.deleted_at.is_none() && matches!(row.status, 302 | 303) {
            let of_kinds = kinds.iter().filter(|(expense, _, _)| *expense == row.id);
            let of_kinds =
                of_kinds.map(|(_, kind, total)| (CLAIMED_OF_KIND, APPROVED_OF_KIND, kind.to_string(), *total));
            for (claimed, approved, key, total) in of_kinds.chain([(CLAIMED, APPROVED, String::new(), row.total)]) {
                facts.push(Fact(claimed, row.spent_at, key.clone(), total));
                if row.status == 303 {
                    facts.push(Fact(approved, row.spent_at, key, total));
                }
            }
        }
        Changed { id: row.id, at: row.modified_at, facts }
    });
    Ok(changed.collect())
}
