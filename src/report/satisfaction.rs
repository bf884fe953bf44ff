//! What customers' answers come to: CSAT and NPS.

use db::Conn;
use serde::Deserialize;

use super::figures::{Figure, Kind};
use super::tally::{Lot, Sums};
use crate::http::Error;

const CSAT: &str = "satisfaction.csat";
const CONTENT: &str = "satisfaction.csat.content";
const NPS: &str = "satisfaction.nps";
const PROMOTERS: &str = "satisfaction.nps.promoters";
const DETRACTORS: &str = "satisfaction.nps.detractors";

/// What is added up here.
pub(super) const MEASURES: &[&str] = &[CSAT, CONTENT, NPS, PROMOTERS, DETRACTORS];

/// The figures of the report: content are 4 and 5 of 5, promoters 9 and 10 of 10, detractors up to 6.
pub(super) const FIGURES: &[Figure] = &[
    Figure { name: "csat", measure: CSAT, whole: None, kind: Kind::Average },
    Figure { name: "csatContent", measure: CONTENT, whole: None, kind: Kind::Count },
    Figure { name: "nps", measure: NPS, whole: None, kind: Kind::Average },
    Figure { name: "npsPromoters", measure: PROMOTERS, whole: None, kind: Kind::Count },
    Figure { name: "npsDetractors", measure: DETRACTORS, whole: None, kind: Kind::Count },
];

/// Answers added up in one unit of work.
const MOST: i64 = 1_000;

#[derive(Debug, Deserialize)]
struct Answer {
    id: i64,
    kind: i64,
    point: i64,
    answered_at: i64,
}

/// Adds up the answers behind this number. Their numbers are given in the order of commits.
pub(super) async fn add_up(tx: &mut Conn, company: i64, progress: &str, sums: &mut Sums<'_>) -> Result<Lot, Error> {
    let answers: Vec<Answer> = tx
        .sql(
            "select id, kind, point, answered_at from satisfaction
             where company = $1 and id > $2 order by id limit $3",
        )
        .bind(company)
        .bind(progress.parse::<i64>().unwrap_or_default())
        .bind(MOST)
        .all()
        .await?;
    let Some(last) = answers.last() else { return Ok(Lot { progress: None, is_more: false }) };
    let lot = Lot { progress: Some(last.id.to_string()), is_more: answers.len() >= MOST.unsigned_abs() as usize };
    for Answer { kind, point, answered_at: at, .. } in answers {
        if kind == 1 {
            sums.add(CSAT, at, "", point);
            if point >= 4 {
                sums.add(CONTENT, at, "", 0);
            }
            continue;
        }
        sums.add(NPS, at, "", point);
        match point {
            9.. => sums.add(PROMOTERS, at, "", 0),
            ..=6 => sums.add(DETRACTORS, at, "", 0),
            _ => {}
        }
    }
    Ok(lot)
}
