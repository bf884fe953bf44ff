//! What is said about a case among those who see to it, and to the customer.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::row::Row;
use super::{CasePath, held, put, target};
use crate::app::App;
use crate::http::{Caller, Conditions, Envelope, Error, Faults, Json, Page, Paging, Path, Query, Reply};
use crate::record::{self, Actor, Saved};
use crate::search;
use crate::setting::number;
use crate::time::{self, Zone};

/// The longest comment, in characters.
pub(super) const LONGEST: usize = 10_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(comment_case, list_case_comments))
}

/// A comment to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CaseCommentRequest {
    /// What is said.
    #[schema(example = "ติดต่อลูกค้าแล้ว นัดเข้าตรวจพรุ่งนี้")]
    comment: String,
    /// Whether it is for the staff only. The first one that is not is the first answer to the customer.
    #[schema(example = false)]
    is_internal: Option<bool>,
}

/// A comment.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CaseComment {
    /// Its number.
    #[schema(example = 1)]
    comment_id: i64,
    /// The case's number.
    #[schema(example = "T250200010")]
    case_no: String,
    /// What is said.
    comment: String,
    /// Whether it is for the staff only.
    is_internal: bool,
    /// Who said it: the id of an API client or of a user.
    created_by_user_id: String,
    /// When.
    #[schema(example = "2025-02-05T17:35:53+0700")]
    date_created: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct CommentQuery {
    /// Number of a comment: only older ones are given. The `next` of a page is the `before` of the following one.
    before: Option<i64>,
    /// Comments a page: 1 to 200, default 20.
    take: Option<i64>,
}

/// Comment a case.
#[utoipa::path(
    post,
    path = "/v1/case/{caseNo}/comments",
    operation_id = "commentCase",
    tag = "Case",
    params(CasePath),
    request_body = CaseCommentRequest,
    responses((status = 201, description = "The comment.", body = Envelope<CaseComment>)),
    security(("bearerAuth" = ["case:write"]))
)]
async fn comment_case(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CasePath>,
    Json(input): Json<CaseCommentRequest>,
) -> Result<Reply<CaseComment>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let row = held(&mut tx, &caller, &path.case_no, &Conditions::default()).await?;
            let mut faults = Faults::default();
            faults.required("comment", &input.comment, LONGEST);
            faults.end()?;
            let text = search::trimmed(&input.comment);
            let (saved, comment) = add(&mut tx, &by, row, text, input.is_internal == Some(true)).await?;
            let zone = time::zone(&mut tx, caller.company).await?;
            tx.reply(Reply::created(comment.view(&saved.row.no, &zone))).await
        })
        .await
}

/// List the comments of a case, the newest first.
#[utoipa::path(
    get,
    path = "/v1/case/{caseNo}/comments",
    operation_id = "listCaseComments",
    tag = "Case",
    params(CasePath, CommentQuery),
    responses((status = 200, description = "One page of comments.", body = Envelope<Page<CaseComment>>)),
    security(("bearerAuth" = ["case:read"]))
)]
async fn list_case_comments(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CasePath>,
    Query(query): Query<CommentQuery>,
) -> Result<Reply<Page<CaseComment>>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(None, query.take, None, faults.list());
    faults.end()?;
    let mut conn = app.db.read().await?;
    let case: Row = record::find(&mut conn, &caller, "no_key", put::key(&path.case_no)).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let mut select = conn.rows::<Comment>("case_comment").push(" where company = $1 and case_id = $2");
    select = select.bind(caller.company).bind(case.id);
    if let Some(before) = query.before {
        select = select.push(" and id < ").push_bind(before);
    }
    let rows: Vec<Comment> = select.push(" order by id desc limit ").push_bind(paging.take + 1).all().await?;
    let comments = rows.into_iter().map(|row| row.view(&case.no, &zone)).collect();
    Ok(Reply::ok(Page::cut(comments, paging.take, |comment| comment.comment_id.to_string())))
}

/// A comment as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Comment {
    company: i64,
    id: i64,
    case_id: i64,
    /// The case's customer, with whom the comment goes when the person is merged or erased.
    customer: Option<i64>,
    body: String,
    is_internal: bool,
    created_by: String,
    created_at: i64,
}

impl Comment {
    fn view(self, case_no: &str, zone: &Zone) -> CaseComment {
        CaseComment {
            comment_id: self.id,
            case_no: case_no.to_owned(),
            comment: self.body,
            is_internal: self.is_internal,
            created_by_user_id: self.created_by,
            date_created: time::text(self.created_at, zone),
        }
    }
}

/// Adds a comment to a case that is held; one that is not internal answers the customer.
pub(super) async fn add(
    tx: &mut Conn,
    by: &Actor,
    old: Row,
    text: &str,
    is_internal: bool,
) -> Result<(Saved<Row>, Comment), Error> {
    let comment = Comment {
        company: old.company,
        id: number::next(tx, old.company, "case-comment").await?,
        case_id: old.id,
        customer: old.customer,
        body: text.to_owned(),
        is_internal,
        created_by: by.caller.id.clone(),
        created_at: by.now,
    };
    tx.insert("case_comment", &comment).await?;
    let mut row = Row { comments: old.comments + 1, ..old.clone() };
    if !is_internal {
        row.response.meet(by.now);
        target::settle(&mut row);
    }
    let saved = put::save(tx, by, Some(old), row, "Commented").await?;
    Ok((saved, comment))
}
