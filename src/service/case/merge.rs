//! Two cases that are one: what was said of the first and what it points at goes over to the second.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::row::{CaseView, Row, Status};
use super::{CasePath, held, put, target};
use crate::app::App;
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Faults, Json, Path, Reply};
use crate::record::Actor;
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
/// Comments and links go over to the case that stays, which gets the customer and the assignee that it lacks. The merged case is
/// closed, says where it went, and cannot be opened again.
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
            let (merged, survivor) = if from < into {
                let merged = held(&mut tx, &caller, &path.case_no, &conditions).await?;
                (merged, held(&mut tx, &caller, &input.into_case_no, &Conditions::default()).await)
            } else {
                let survivor = held(&mut tx, &caller, &input.into_case_no, &Conditions::default()).await;
                (held(&mut tx, &caller, &path.case_no, &conditions).await?, survivor)
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
                if case.merged_into.is_some() {
                    let message = format!("{} was merged into another case", case.no);
                    return Err(Error::Conflict(Fault::new(Code::Conflict, field, message)));
                }
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
            let joined = join(&survivor, &merged);
            let mut closed = Row { status: Status::Closed, merged_into: Some(into), comments: 0, ..merged.clone() };
            target::follow(&mut closed, merged.status, &Calendar::always(&zone), by.now);
            put::save(&mut tx, &by, Some(merged), closed, "Merged").await?;
            let saved = put::save(&mut tx, &by, Some(survivor), joined, "Updated").await?;
            tx.reply(saved.reply()).await
        })
        .await
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
