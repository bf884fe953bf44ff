//! What deals choose from: boards, stages, interests, labels and reasons. The paths of the five are guessed; other spellings
//! of them are in `http/paths.rs`.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::stage;
use crate::app::App;
use crate::http::reply::One;
use crate::http::{Caller, Envelope, Error, Path, Query, Reply};
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_deal_boards))
        .routes(routes!(get_deal_stages))
        .routes(routes!(get_stages_of_board))
        .routes(routes!(get_deal_interests))
        .routes(routes!(get_deal_labels))
        .routes(routes!(get_deal_missed_reasons))
}

/// A board.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealBoard {
    /// Its number.
    #[schema(example = 34_628_319)]
    board_id: i64,
    /// Its name.
    #[schema(example = "Sales")]
    board_name: String,
    /// Its place among the boards.
    board_index: i64,
}

/// A stage of a board.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealStageEntry {
    /// Its number.
    #[schema(example = 5509)]
    deal_stage_id: i64,
    /// Its name.
    #[schema(example = "Proposal")]
    deal_stage_name: String,
    /// The board that it belongs to.
    #[schema(example = 34_628_319)]
    board_id: i64,
    /// Its place on the board.
    deal_stage_index: i64,
    /// What its deals are: `open`, `won` or `missed`.
    #[schema(example = "open")]
    kind: &'static str,
    /// The usual chance of winning of its deals, in percent.
    probability: Option<i64>,
}

/// An interest that a deal can have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealInterest {
    /// Its number.
    #[schema(example = 1001)]
    interest_id: i64,
    /// Its name.
    #[schema(example = "Software")]
    interest_name: String,
}

/// A label that a deal can have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealLabel {
    /// Its number.
    #[schema(example = 1002)]
    label_id: i64,
    /// Its name.
    #[schema(example = "Hot")]
    label_name: String,
    /// Its colour.
    color: Option<String>,
}

/// A reason for which deals are missed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealMissedReasonCategory {
    /// Its number.
    #[schema(example = 39_733_557)]
    reason_category_id: i64,
    /// Its name.
    #[schema(example = "Price")]
    reason_category_name: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct StageQuery {
    /// Only the stages of this board.
    board_id: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct BoardPath {
    /// Number of the board.
    board_id: i64,
}

/// The entries of a list that can be chosen.
async fn active<T>(
    app: &App,
    caller: &Caller,
    list: List,
    view: impl Fn(Choice) -> T,
) -> Result<Reply<One<Vec<T>>>, Error>
where
    T: Serialize,
{
    let all = choice::all(&mut app.db.read().await?, caller.company, list).await?;
    Ok(Reply::ok(One { value: all.into_iter().filter(|entry| entry.is_active).map(view).collect() }))
}

/// List the boards that deals can be put on.
#[utoipa::path(
    get,
    path = "/v1/deals/boards",
    operation_id = "getDealBoards",
    tag = "Deal",
    responses((status = 200, description = "The boards.", body = Envelope<One<Vec<DealBoard>>>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn get_deal_boards(State(app): State<App>, caller: Caller) -> Result<Reply<One<Vec<DealBoard>>>, Error> {
    let view = |entry: Choice| DealBoard { board_id: entry.id, board_name: entry.name, board_index: entry.position };
    active(&app, &caller, List::Boards, view).await
}

/// List the stages of deals, in the order of their boards.
#[utoipa::path(
    get,
    path = "/v1/deals/stages",
    operation_id = "getDealStages",
    tag = "Deal",
    params(StageQuery),
    responses((status = 200, description = "The stages.", body = Envelope<One<Vec<DealStageEntry>>>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn get_deal_stages(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<StageQuery>,
) -> Result<Reply<One<Vec<DealStageEntry>>>, Error> {
    Ok(Reply::ok(One { value: stages(&app, &caller, query.board_id).await? }))
}

/// List the stages of a board, in their order.
#[utoipa::path(
    get,
    path = "/v1/deals/boards/{boardId}/stages",
    operation_id = "getStagesOfDealBoard",
    tag = "Deal",
    params(BoardPath),
    responses((status = 200, description = "The stages.", body = Envelope<One<Vec<DealStageEntry>>>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn get_stages_of_board(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<BoardPath>,
) -> Result<Reply<One<Vec<DealStageEntry>>>, Error> {
    let board = choice::find(&mut app.db.read().await?, caller.company, List::Boards, path.board_id).await?;
    board.ok_or(Error::NotFound("board"))?;
    Ok(Reply::ok(One { value: stages(&app, &caller, Some(path.board_id)).await? }))
}

async fn stages(app: &App, caller: &Caller, board: Option<i64>) -> Result<Vec<DealStageEntry>, Error> {
    let mut stages = stage::stages(&mut app.db.read().await?, caller.company, board).await?;
    stages.retain(|stage| stage.is_active);
    stages.sort_by_key(|stage| (stage.board, stage.position, stage.id));
    let view = |stage: stage::Stage| DealStageEntry {
        kind: stage.kind(),
        deal_stage_id: stage.id,
        deal_stage_name: stage.name,
        board_id: stage.board,
        deal_stage_index: stage.position,
        probability: stage.probability,
    };
    Ok(stages.into_iter().map(view).collect())
}

/// List the interests that a deal can have.
#[utoipa::path(
    get,
    path = "/v1/deals/interests",
    operation_id = "getDealInterests",
    tag = "Deal",
    responses((status = 200, description = "The interests.", body = Envelope<One<Vec<DealInterest>>>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn get_deal_interests(State(app): State<App>, caller: Caller) -> Result<Reply<One<Vec<DealInterest>>>, Error> {
    let view = |entry: Choice| DealInterest { interest_id: entry.id, interest_name: entry.name };
    active(&app, &caller, List::Interests, view).await
}

/// List the labels that a deal can have.
#[utoipa::path(
    get,
    path = "/v1/deals/labels",
    operation_id = "getDealLabels",
    tag = "Deal",
    responses((status = 200, description = "The labels.", body = Envelope<One<Vec<DealLabel>>>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn get_deal_labels(State(app): State<App>, caller: Caller) -> Result<Reply<One<Vec<DealLabel>>>, Error> {
    let view = |entry: Choice| DealLabel {
        label_id: entry.id,
        label_name: entry.name,
        color: entry.detail.as_ref().and_then(|detail| detail["color"].as_str()).map(str::to_owned),
    };
    active(&app, &caller, List::Labels, view).await
}

/// List the reasons for which deals are missed.
#[utoipa::path(
    get,
    path = "/v1/deals/missed-reason-categories",
    operation_id = "getDealMissedReasonCategories",
    tag = "Deal",
    responses((status = 200, description = "The reasons.", body = Envelope<One<Vec<DealMissedReasonCategory>>>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn get_deal_missed_reasons(
    State(app): State<App>,
    caller: Caller,
) -> Result<Reply<One<Vec<DealMissedReasonCategory>>>, Error> {
    let view =
        |entry: Choice| DealMissedReasonCategory { reason_category_id: entry.id, reason_category_name: entry.name };
    active(&app, &caller, List::MissedReasons, view).await
}
