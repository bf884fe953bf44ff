//! Looking for work: what is due, of whom. Plain reads for all companies, and no more of them than there is need for.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use db::Conn;
use serde::Deserialize;

use super::Kind;
use crate::app::App;

/// Jobs that one look sees.
const PAGE: i64 = 256;

/// Jobs of one lane that are asked for when the page did not show it.
const LANE: i64 = 16;

/// Lanes that are asked for one by one.
const LANES: usize = 64;

/// Going through all that is due takes at most this part of the time.
const SHARE: u32 = 10;

/// What shares places: a kind of work, of one company, in one lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub(super) kind: Kind,
    pub(super) company: i64,
    pub(super) lane: String,
}

/// A job that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) lane: Lane,
    pub(super) key: String,
}

/// How a node looks for work.
#[derive(Debug)]
pub(super) struct Search {
    /// Not before this all that is due is gone through again.
    lanes_at: Instant,
}

impl Search {
    pub(super) fn new() -> Search {
        Search { lanes_at: Instant::now() }
    }

    /// What is due, the oldest first, and besides, when that is more than a page, some of each lane that is not among it;
    /// `is_open` says whether a lane has room for more here. Says, too, whether there may be more than that.
    pub(super) async fn look(
        &mut self,
        app: &App,
        now: i64,
        is_open: impl Fn(&Lane) -> bool + Send,
    ) -> Result<(Vec<Due>, bool), db::Error> {
        let mut conn = app.db.read().await?;
        let mut due = page(&mut conn, now, PAGE).await?;
        let is_full = due.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        if !is_full || Instant::now() < self.lanes_at {
            return Ok((due, is_full));
        }
        // Somebody has more waiting than a page holds: whoever else has work due is found by going through all of it.
        let started = Instant::now();
        let seen: HashSet<Lane> = due.iter().map(|due| due.lane.clone()).collect();
        let lanes: Vec<(String, i64, String)> = conn
            .sql(
                "select kind, company, lane from job where not dead and run_at <= $1
                 group by kind, company, lane order by min(run_at) limit 10000",
            )
            .bind(now)
            .all()
            .await?;
        let lanes = lanes.into_iter().filter_map(|(kind, company, lane)| lane_of(&kind, company, lane));
        let others: Vec<Lane> = lanes.filter(|lane| !seen.contains(lane) && is_open(lane)).take(LANES).collect();
        for lane in others {
            due.extend(of_lane(&mut conn, now, lane).await?);
        }
        self.lanes_at = Instant::now() + (started.elapsed() * SHARE).max(Duration::from_millis(20));
        Ok((due, true))
    }
}

/// None for a kind that only a newer program knows.
fn lane_of(kind: &str, company: i64, lane: String) -> Option<Lane> {
    Kind::named(kind).map(|kind| Lane { kind, company, lane })
}

/// The jobs that have been due longest.
pub(super) async fn page(conn: &mut Conn, now: i64, most: i64) -> Result<Vec<Due>, db::Error> {
    #[derive(Deserialize)]
    struct Row {
        kind: String,
        company: i64,
        lane: String,
        key: String,
    }
    let rows: Vec<Row> = conn
        .sql("select kind, company, lane, key from job where not dead and run_at <= $1 order by run_at limit $2")
        .bind(now)
        .bind(most)
        .all()
        .await?;
    let due = |row: Row| lane_of(&row.kind, row.company, row.lane).map(|lane| Due { lane, key: row.key });
    Ok(rows.into_iter().filter_map(due).collect())
}

async fn of_lane(conn: &mut Conn, now: i64, lane: Lane) -> Result<Vec<Due>, db::Error> {
    let keys: Vec<String> = conn
        .sql(
            "select key from job
             where company = $1 and kind = $2 and lane = $3 and not dead and run_at <= $4 order by run_at limit $5",
        )
        .bind(lane.company)
        .bind(lane.kind.name())
        .bind(&lane.lane)
        .bind(now)
        .bind(LANE)
        .all()
        .await?;
    Ok(keys.into_iter().map(|key| Due { lane: lane.clone(), key }).collect())
}
