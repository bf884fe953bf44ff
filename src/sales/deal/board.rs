//! A board as people look at it: its stages with their open deals, and what these are worth.

use std::collections::HashMap;

use axum::extract::State;
use db::{Amount, Conn, Query as Statement};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::stage::{self, Stage};
use super::store::{Names, Row};
use super::{OPEN, enquiry};
use crate::app::App;
use crate::http::{Caller, Code, Envelope, Error, Path, Query, Reply};
use crate::record;
use crate::search;
use crate::setting::choice;
use crate::setting::list::List;
use crate::time;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(look_at_deal_board))
}

/// The most deals that one look at a board reads.
const MOST: i64 = 2000;

/// Of what was won or missed a board tells so much of the past: 30 days.
const TOLD: i64 = 30 * 24 * 60 * 60 * 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct BoardPath {
    /// Number of the board.
    board_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct BoardQuery {
    /// Only deals of this person, by the staff code.
    assign_to: Option<String>,
    /// Only deals with this label.
    label_id: Option<i64>,
    /// Only deals whose number, name, notes or remark hold this.
    keyword: Option<String>,
    /// Open deals to read: 1 to 2,000, default 2,000.
    most: Option<i64>,
}

/// A board with its stages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealBoardView {
    /// Its number.
    board_id: i64,
    /// Its name.
    board_name: String,
    /// Its stages, in their order.
    stages: Vec<DealBoardStage>,
    /// Whether there are more open deals than were read; counts and values are those of all.
    has_more: bool,
}

/// A stage with its deals.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealBoardStage {
    /// Its number.
    deal_stage_id: i64,
    /// Its name.
    deal_stage_name: String,
    /// Its place on the board.
    deal_stage_index: i64,
    /// `open`, `won` or `missed`.
    kind: &'static str,
    /// How many deals are in it; of a stage for won or missed deals those of the last 30 days.
    count: i64,
    /// What these are worth together.
    #[schema(value_type = f64)]
    value: Amount,
    /// The same, each value times its chance.
    #[schema(value_type = f64)]
    weighted_value: Amount,
    /// Its open deals, in their order.
    deals: Vec<DealCard>,
}

/// A deal on a board.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealCard {
    /// Its id.
    deals_id: i64,
    /// Its number.
    deal_no: String,
    /// What it is called.
    deals_name: String,
    /// What it is worth.
    #[schema(value_type = f64)]
    deals_value: Amount,
    /// Chance of winning, in percent.
    probability: i64,
    /// Its place in its stage.
    deals_index: i64,
    /// The customer's code.
    customer_code: String,
    /// The customer's name.
    customer_name: String,
    /// Staff code of the person in charge.
    assign_to: String,
    /// The person's name.
    assign_to_name: String,
    /// Names of its labels.
    labels: Vec<String>,
    /// When it is expected to be closed.
    expected_close_date: String,
    /// When to follow up.
    date_follow_up: Option<String>,
    /// Since when it is in its stage.
    date_stage_entered: String,
    /// Its version, for `If-Match`.
    version: i64,
}

/// Which deals of a board are meant.
struct Narrow<'a> {
    caller: &'a Caller,
    board: i64,
    owners: Option<Vec<Uuid>>,
    label: Option<i64>,
    keyword: Option<String>,
}

impl Narrow<'_> {
    fn apply<'c>(&self, query: Statement<'c>) -> Statement<'c> {
        let mut query = query.push(" where deal.company = ").push_bind(self.caller.company);
        query = query.push(" and deal.board = ").push_bind(self.board).push(" and deal.deleted_at is null");
        query = record::within::<Row>(query, self.caller);
        for owner in self.owners.iter().flatten().take(1) {
            query = query.push(" and deal.owner = ").push_bind(*owner);
        }
        if let Some(label) = self.label {
            query = query.push(" and deal.labels like ").push_bind(format!("% {label} %"));
        }
        if let Some(keyword) = &self.keyword {
            query = query.push(" and deal.search_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
        }
        query
    }
}

/// What the deals of a stage come to.
#[derive(Debug, Default, Deserialize)]
struct Sum {
    stage: i64,
    count: i64,
    value: Option<i64>,
    weighted: Option<i64>,
}

/// Look at a board: its stages with their open deals, in order, and what they are worth.
#[utoipa::path(
    get,
    path = "/v1/deals/boards/{boardId}",
    operation_id = "lookAtDealBoard",
    tag = "Deal",
    params(BoardPath, BoardQuery),
    responses((status = 200, description = "The board.", body = Envelope<DealBoardView>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn look_at_deal_board(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<BoardPath>,
    Query(query): Query<BoardQuery>,
) -> Result<Reply<DealBoardView>, Error> {
    let most = query.most.unwrap_or(MOST);
    if !(1..=MOST).contains(&most) {
        return Err(Error::invalid(Code::OutOfRange, "most", format!("most must be from 1 to {MOST}")));
    }
    let mut conn = app.db.read().await?;
    let board = choice::find(&mut conn, caller.company, List::Boards, path.board_id).await?;
    let board = board.ok_or(Error::NotFound("board"))?;
    let narrow = Narrow {
        caller: &caller,
        board: board.id,
        owners: enquiry::owners(&mut conn, caller.company, query.assign_to.iter()).await?,
        label: query.label_id,
        keyword: search::keyword(query.keyword.as_deref()),
    };
    let stages = stage::stages(&mut conn, caller.company, Some(board.id)).await?;
    let sums = sums(&mut conn, &narrow, app.now()).await?;
    let (cards, has_more) = cards(&mut conn, &narrow, most).await?;
    Ok(Reply::ok(put_together(board.id, board.name, stages, sums, cards, has_more)))
}

/// Counts and values, stage by stage: of what is open, and of what has ended lately.
async fn sums(conn: &mut Conn, narrow: &Narrow<'_>, now: i64) -> Result<Vec<Sum>, Error> {
    const SUM: &str = "select deal.stage as stage, count(*) as count, cast(sum(deal.value) as bigint) as value, \
                       cast(sum(deal.value * deal.probability / 100) as bigint) as weighted from deal";
    let open = narrow.apply(conn.sql(SUM)).push(" and deal.status = ").push_bind(OPEN);
    let mut sums: Vec<Sum> = open.push(" group by deal.stage").all().await?;
    let ended = narrow.apply(conn.sql(SUM)).push(" and deal.status <> ").push_bind(OPEN);
    let ended = ended.push(" and deal.closed_at >= ").push_bind(now - TOLD);
    sums.extend(ended.push(" group by deal.stage").all::<Sum>().await?);
    Ok(sums)
}

/// The open deals, in order, stage by stage; and whether there are more.
async fn cards(conn: &mut Conn, narrow: &Narrow<'_>, most: i64) -> Result<(HashMap<i64, Vec<DealCard>>, bool), Error> {
    let query = narrow.apply(conn.rows::<Row>("deal")).push(" and deal.status = ").push_bind(OPEN);
    let query = query.push(" order by deal.stage, deal.place, deal.id limit ").push_bind(most + 1);
    let mut rows: Vec<Row> = query.all().await?;
    let most = usize::try_from(most).unwrap_or_default();
    let has_more = rows.len() > most;
    rows.truncate(most);
    let zone = time::zone(conn, narrow.caller.company).await?;
    let names = Names::of_rows(conn, narrow.caller.company, &rows).await?;
    let mut cards: HashMap<i64, Vec<DealCard>> = HashMap::new();
    for row in rows {
        let (customer_code, customer_name) = names.customer(row.customer);
        cards.entry(row.stage).or_default().push(DealCard {
            deals_id: row.id,
            deals_value: row.value,
            probability: row.probability,
            deals_index: row.place,
            customer_code,
            customer_name,
            assign_to: names.code(row.owner),
            assign_to_name: names.fullname(row.owner),
            labels: row.labels.0.iter().map(|id| names.of(List::Labels, *id)).collect(),
            expected_close_date: time::text(row.close_at, &zone),
            date_follow_up: row.follow_up_at.map(|at| time::text(at, &zone)),
            date_stage_entered: time::text(row.stage_at, &zone),
            version: row.version,
            deal_no: row.number,
            deals_name: row.name,
        });
    }
    Ok((cards, has_more))
}

fn put_together(
    board_id: i64,
    board_name: String,
    stages: Vec<Stage>,
    sums: Vec<Sum>,
    mut cards: HashMap<i64, Vec<DealCard>>,
    has_more: bool,
) -> DealBoardView {
    let stages = stages.into_iter().map(|stage| {
        let sum = sums.iter().find(|sum| sum.stage == stage.id);
        let amount = |units: Option<i64>| Amount::from_units(units.unwrap_or_default());
        (
            stage.is_active,
            DealBoardStage {
                deal_stage_id: stage.id,
                kind: stage.kind(),
                deal_stage_name: stage.name,
                deal_stage_index: stage.position,
                count: sum.map_or(0, |sum| sum.count),
                value: amount(sum.and_then(|sum| sum.value)),
                weighted_value: amount(sum.and_then(|sum| sum.weighted)),
                deals: cards.remove(&stage.id).unwrap_or_default(),
            },
        )
    });
    // A stage that is out of use is shown as long as there is something in it.
    let shown = stages.filter(|(is_active, stage)| *is_active || stage.count > 0);
    DealBoardView { board_id, board_name, stages: shown.map(|(_, stage)| stage).collect(), has_more }
}
