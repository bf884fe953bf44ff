//! Boards and their stages, the order of the deals in one, and the stages that a deal has been in.

use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::store::Row;
use super::{MISSED, OPEN, WON};
use crate::http::{Code, Error, Fault};
use crate::record::Actor;
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;

/// The distance between two deals that follow one another in a stage: room for others between them.
const GAP: i64 = 1024;

/// A stage of a board.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) board: i64,
    /// What its deals are: open, won or missed.
    pub(crate) status: i64,
    pub(crate) position: i64,
    /// The usual chance of winning of its deals.
    pub(crate) probability: Option<i64>,
    pub(crate) is_active: bool,
}

impl Stage {
    /// Out of its entry in the list; none of an entry that names no board.
    pub(crate) fn of(entry: &Choice) -> Option<Stage> {
        let detail = entry.detail.as_ref()?;
        Some(Stage {
            id: entry.id,
            name: entry.name.clone(),
            board: detail["boardId"].as_i64()?,
            status: status_of(detail),
            position: entry.position,
            probability: detail["probability"].as_i64(),
            is_active: entry.is_active,
        })
    }

    /// The word for what it is for, as its entry has it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.status {
            WON => "won",
            MISSED => "missed",
            _ => "open",
        }
    }
}

fn status_of(detail: &Value) -> i64 {
    match detail["kind"].as_str() {
        Some("won") => WON,
        Some("missed") => MISSED,
        _ => OPEN,
    }
}

/// The stages of the company, or of one board, in their order.
pub(crate) async fn stages(conn: &mut Conn, company: i64, board: Option<i64>) -> Result<Vec<Stage>, Error> {
    let all = choice::all(conn, company, List::Stages).await?;
    let mut stages: Vec<Stage> = all.iter().filter_map(Stage::of).collect();
    stages.retain(|stage| board.is_none_or(|board| stage.board == board));
    Ok(stages)
}

/// Holds a stage, so that only this unit puts deals into it: 400 that names the field when there is no such stage.
///
/// A stage is held before any deal is. Whoever takes a stage out of use goes the same way: first the entry, then its deals.
pub(super) async fn hold(tx: &mut Conn, company: i64, id: i64) -> Result<Option<Stage>, Error> {
    let held: Option<i64> = tx
        .sql("select id from choice where company = $1 and list = 'stages' and id = $2")
        .bind(company)
        .bind(id)
        .held()
        .optional()
        .await?;
    match held {
        None => Ok(None),
        Some(_) => Ok(choice::find(tx, company, List::Stages, id).await?.as_ref().and_then(Stage::of)),
    }
}

/// Where in its stage a deal is to be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Behind all others.
    End,
    /// Directly before this deal.
    Before(i64),
    /// Directly behind it.
    Behind(i64),
}

/// The place for a deal in a stage, which is held: no two deals of a stage get the same.
pub(super) async fn place(tx: &mut Conn, company: i64, stage: i64, deal: i64, spot: Spot) -> Result<i64, Error> {
    let (neighbour, before) = match spot {
        Spot::End => return end(tx, company, stage).await,
        Spot::Before(neighbour) => (neighbour, true),
        Spot::Behind(neighbour) => (neighbour, false),
    };
    if let Some(place) = between(tx, company, stage, deal, neighbour, before).await? {
        return Ok(place);
    }
    spread(tx, company, stage).await?;
    let place = between(tx, company, stage, deal, neighbour, before).await?;
    place.ok_or_else(|| Error::Internal(format!("stage {stage} has no room after its deals were spread")))
}

async fn end(tx: &mut Conn, company: i64, stage: i64) -> Result<i64, Error> {
    let last: Option<i64> = tx
        .sql("select place from deal where company = $1 and stage = $2 and deleted_at is null order by place desc limit 1")
        .bind(company)
        .bind(stage)
        .optional()
        .await?;
    Ok(last.unwrap_or(0) + GAP)
}

/// The middle between a deal and the one next to it; none when there is no room left.
async fn between(
    tx: &mut Conn,
    company: i64,
    stage: i64,
    deal: i64,
    neighbour: i64,
    before: bool,
) -> Result<Option<i64>, Error> {
    let at: Option<i64> = tx
        .sql("select place from deal where company = $1 and stage = $2 and id = $3 and deleted_at is null")
        .bind(company)
        .bind(stage)
        .bind(neighbour)
        .optional()
        .await?;
    let Some(at) = at else {
        let field = if before { "beforeDealId" } else { "afterDealId" };
        let message = format!("{field}: deal {neighbour} is not in stage {stage}; read the board again");
        return Err(Error::Conflict(Fault::new(Code::Conflict, field, message)));
    };
    let next =
        if before { " and place < $4 order by place desc limit 1" } else { " and place > $4 order by place limit 1" };
    let next: Option<i64> = tx
        .sql("select place from deal where company = $1 and stage = $2 and id <> $3 and deleted_at is null")
        .push(next)
        .bind(company)
        .bind(stage)
        .bind(deal)
        .bind(at)
        .optional()
        .await?;
    Ok(match next {
        None if before => Some(at - GAP),
        None => Some(at + GAP),
        Some(next) if (next - at).abs() < 2 => None,
        Some(next) => Some(at + (next - at) / 2),
    })
}

/// Puts the deals of a stage apart again, in their order. It is no change of theirs: their versions stay.
async fn spread(tx: &mut Conn, company: i64, stage: i64) -> Result<(), Error> {
    let ids: Vec<i64> = tx
        .sql("select id from deal where company = $1 and stage = $2 and deleted_at is null order by place, id")
        .bind(company)
        .bind(stage)
        .all()
        .await?;
    let mut rows = Rows::new(&[("id", Type::BigInt), ("place", Type::BigInt)]);
    let mut place = 0;
    for id in ids {
        place += GAP;
        rows.push([id.into(), place.into()]);
    }
    tx.sql("update deal set place = input.place from ")
        .push_rows(&rows)
        .push(" as input where deal.id = input.id and deal.company = ")
        .push_bind(company)
        .exec()
        .await?;
    Ok(())
}

/// A stage that a deal has been in.
#[derive(Debug, Deserialize)]
pub(super) struct Stay {
    pub(super) stage: i64,
    pub(super) entered_at: i64,
    pub(super) left_at: Option<i64>,
    pub(super) entered_by: String,
}

/// The most stays that one look answers.
const MOST_STAYS: i64 = 1000;

/// The stages that a deal has been in, the first one first.
pub(super) async fn stays(conn: &mut Conn, company: i64, deal: i64) -> Result<Vec<Stay>, db::Error> {
    conn.sql(
        "select stage, entered_at, left_at, entered_by from deal_stage
         where company = $1 and deal = $2 order by place limit $3",
    )
    .bind(company)
    .bind(deal)
    .bind(MOST_STAYS)
    .all()
    .await
}

/// Writes down that a deal, which is held, has entered its stage.
pub(super) async fn enter(tx: &mut Conn, by: &Actor, row: &Row, is_new: bool) -> Result<(), db::Error> {
    #[derive(Serialize)]
    struct Entry<'a> {
        company: i64,
        deal: i64,
        place: i64,
        stage: i64,
        entered_at: i64,
        left_at: Option<i64>,
        entered_by: &'a str,
    }
    let place = if is_new {
        1
    } else {
        tx.sql("update deal_stage set left_at = $3 where company = $1 and deal = $2 and left_at is null")
            .bind(row.company)
            .bind(row.id)
            .bind(by.now)
            .later()
            .await?;
        let last: i64 = tx
            .sql("select coalesce(max(place), 0) from deal_stage where company = $1 and deal = $2")
            .bind(row.company)
            .bind(row.id)
            .one()
            .await?;
        last + 1
    };
    let entry = Entry {
        company: row.company,
        deal: row.id,
        place,
        stage: row.stage,
        entered_at: by.now,
        left_at: None,
        entered_by: &by.caller.id,
    };
    tx.insert("deal_stage", &entry).await
}
