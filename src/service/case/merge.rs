//! Two cases that are one: what was said of the first and what it points at goes over to the second.

use axum::extract::State;
use db::Conn;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::row::{CaseView, Row, Status};
use super::{CasePath, not_merged, put, target};
use crate::app::App;
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Faults, Json, Path, Reply};
use crate::record::{self, Actor};
use crate::service::hours::Calendar;
use crate::time;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(merge_case))
}

/// The case that stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CaseMergeRequest {
    /// Its number.
    #[schema(example = "T250200011")]
    into_case_no: String,
}

/// Merge a case into another one.
///
/// Comments, links and tasks go over to the case that stays, which gets the customer and the assignee that it lacks; it must not
/// be closed or cancelled. The merged case is closed, says where it went, and cannot be changed any more.
#[utoipa::path(
    post,
    path = "/v1/case/{caseNo}/merge",
    operation_id = "mergeCase",
    tag = "Case",
    params(CasePath, Conditions),
    request_body = CaseMergeRequest,
    responses((status = 200, description = "The case that stays.", body = Envelope<CaseView>)),
    security(("bearerAuth" = ["case:write"]))
)]
async fn merge_case(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<CasePath>,
    Json(input): Json<CaseMergeRequest>,
) -> Result<Reply<CaseView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = Actor { caller: caller.clone(), now: app.now() };
            let mut faults = Faults::default();
            let (from, into) = (put::key(&path.case_no), put::key(&input.into_case_no));
            // Two cases are held in one order whichever goes into which, so that two merges do not wait for each other.
            let (merged, survivor): (Row, Result<Row, Error>) = if from < into {
                let merged = record::held(&mut tx, &caller, "no_key", from, &conditions).await?;
                (merged, record::held(&mut tx, &caller, "no_key", into, &Conditions::default()).await)
            } else {
                let survivor = record::held(&mut tx, &caller, "no_key", into, &Conditions::default()).await;
                (record::held(&mut tx, &caller, "no_key", from, &conditions).await?, survivor)
            };
            let survivor = match survivor {
                Ok(survivor) if survivor.id != merged.id => Some(survivor),
                Ok(_) => {
                    faults.add(Code::InvalidValue, "intoCaseNo", "A case cannot be merged into itself");
                    None
                }
                Err(Error::NotFound(_)) => {
                    let message = format!("intoCaseNo “{}” is not a known case", input.into_case_no.trim());
                    faults.add(Code::NotFound, "intoCaseNo", message);
                    None
                }
                Err(error) => return Err(error),
            };
            faults.end()?;
            let Some(survivor) = survivor else { return Err(Error::NotFound("case")) };
            for (case, field) in [(&merged, "caseNo"), (&survivor, "intoCaseNo")] {
                not_merged(&mut tx, case, field).await?;
            }
            if matches!(survivor.status, Status::Closed | Status::Cancelled) {
                let message = format!("{} is {} and takes in no other case", survivor.no, survivor.status.word());
                return Err(Error::Conflict(Fault::new(Code::Conflict, "intoCaseNo", message)));
            }
            let zone = time::zone(&mut tx, caller.company).await?;
            let (into, customer) = (survivor.id, survivor.customer.or(merged.customer));
            tx.sql("update case_comment set case_id = $3, customer = $4 where company = $1 and case_id = $2")
                .bind(caller.company)
                .bind(merged.id)
                .bind(into)
                .bind(customer)
                .exec()
                .await?;
            tasks_go_over(&mut tx, &by, &merged, &survivor).await?;
            let joined = join(&survivor, &merged);
            let mut closed = Row { status: Status::Closed, merged_into: Some(into), comments: 0, ..merged.clone() };
            target::follow(&mut closed, merged.status, &Calendar::always(&zone), by.now);
            put::save(&mut tx, &by, Some(merged), closed, "Merged").await?;
            let saved = put::save(&mut tx, &by, Some(survivor), joined, "Updated").await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Tasks name the case that they are about by its number, as somebody wrote it.
async fn tasks_go_over(tx: &mut Conn, by: &Actor, from: &Row, into: &Row) -> Result<(), db::Error> {
    tx.sql(
        "update task set case_no = $4, version = version + 1, modified_by = $5, modified_at = $6
         where company = $1 and case_no in ($2, $3)",
    )
    .bind(from.company)
    .bind(from.no.as_str())
    .bind(from.no_key.as_str())
    .bind(into.no.as_str())
    .bind(by.caller.id.as_str())
    .bind(by.now)
    .exec()
    .await?;
    Ok(())
}

/// The case that stays, with what the other one had.
fn join(survivor: &Row, merged: &Row) -> Row {
    fn both<T: Clone + PartialEq>(ours: &[T], theirs: &[T]) -> Vec<T> {
        let more = theirs.iter().filter(|one| !ours.contains(one));
        ours.iter().chain(more).cloned().collect()
    }
    let note = match (&survivor.note, &merged.note) {
        (Some(ours), Some(theirs)) if ours != theirs => Some(format!("{ours}\n\n{}: {theirs}", merged.no)),
        (ours, theirs) => ours.clone().or_else(|| theirs.clone()),
    };
    Row {
        customer: survivor.customer.or(merged.customer),
        assignee: survivor.assignee.or(merged.assignee),
        activities: both(&survivor.activities, &merged.activities),
        deals: both(&survivor.deals, &merged.deals),
        rooms: both(&survivor.rooms, &merged.rooms),
        comments: survivor.comments + merged.comments,
        note,
        ..survivor.clone()
    }
}
