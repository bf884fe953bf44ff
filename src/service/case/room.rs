//! A case out of a chat room, in one call: the room knows whose it is and what it is about.

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::put::{self, Input};
use super::row::CaseView;
use super::target::{self, Targets};
use crate::app::App;
use crate::chat::room::preview;
use crate::http::{Caller, Code, Envelope, Error, Faults, Json, Path, Reply};
use crate::inbox::rights;
use crate::record::Actor;
use crate::search;
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;
use crate::time;

/// A case of a category without a target is to be done within a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(open_room_case))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct RoomPath {
    /// Room id.
    room_id: Uuid,
}

/// What the case is to have beyond what the room says. Everything may be absent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RoomCaseRequest {
    /// 1 request for action (unless told), 2 for your information.
    case_type: Option<i64>,
    /// What it is about; the room's last message when absent.
    subject: Option<String>,
    /// Number of a category; the first of the list when absent.
    category_id: Option<i64>,
    /// When it is to be done; the category's target when absent, or a day from now.
    date_due: Option<String>,
    /// More about it.
    note: Option<String>,
    /// User id or staff code of whoever is to see to it; whom the category names, or nobody yet, when absent.
    assigned_to_user_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Room {
    name: String,
    customer: Option<i64>,
    erased_at: Option<i64>,
}

/// Open a case out of a chat room.
#[utoipa::path(
    post,
    path = "/v1/chat/rooms/{roomId}/case",
    operation_id = "openRoomCase",
    tag = "Case",
    params(RoomPath),
    request_body = RoomCaseRequest,
    responses((status = 200, description = "The case.", body = Envelope<CaseView>)),
    security(("bearerAuth" = ["case:write"]))
)]
async fn open_room_case(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
    Json(input): Json<RoomCaseRequest>,
) -> Result<Reply<CaseView>, Error> {
    caller
        .write(&app, async |mut tx| {
            let company = caller.company;
            let by = Actor { caller: caller.clone(), now: app.now() };
            // What was said in it becomes the subject: only whoever may see the room opens a case from it.
            rights::must(&mut tx, &caller, path.room_id).await?;
            let room: Option<Room> = tx
                .sql("select name, customer, erased_at from room where company = $1 and id = $2")
                .bind(company)
                .bind(path.room_id)
                .optional()
                .await?;
            let room = room.filter(|room| room.erased_at.is_none()).ok_or(Error::NotFound("room"))?;
            let mut faults = Faults::default();
            let category = match input.category_id {
                Some(id) => choice::find(&mut tx, company, List::CaseCategories, id).await?,
                None => {
                    let all = choice::all(&mut tx, company, List::CaseCategories).await?;
                    all.into_iter().find(|category| category.is_active)
                }
            };
            let Some(category) = category else {
                let message = "categoryId is not a known category; see the list case-categories";
                faults.add(Code::NotFound, "categoryId", message);
                return Err(faults.end().err().unwrap_or(Error::NotFound("category")));
            };
            let zone = time::zone(&mut tx, company).await?;
            let due = match input.date_due.clone().filter(|text| !text.trim().is_empty() && !time::is_unset(text)) {
                Some(due) => due,
                None => {
                    let targets = Targets::of(&category);
                    let calendar = target::calendar(&mut tx, company, targets).await?;
                    time::text(targets.due(&calendar, by.now).unwrap_or(by.now + DAY), &zone)
                }
            };
            let subject = match input.subject.as_deref().map(search::trimmed).filter(|text| !text.is_empty()) {
                Some(subject) => subject.to_owned(),
                None => last_words(&mut tx, company, path.room_id).await?.unwrap_or(room.name),
            };
            // The room's customer may have been merged away or erased meanwhile: then the case has none.
            let customer = match room.customer {
                Some(id) => match crate::customer::store::is_seen(&mut tx, &by.caller, id).await? {
                    true => crate::customer::store::by_id(&mut tx, company, id).await?,
                    false => None,
                },
                None => None,
            };
            let code = customer.filter(|row| row.deleted_at.is_none()).map(|row| row.code);
            let assignee = input.assigned_to_user_id.clone().or_else(|| assignee(&category));
            let raised = time::text(by.now, &zone);
            let mut case = Input::of_room(
                input.case_type.unwrap_or(1),
                subject,
                (category.id, assignee),
                input.note.clone(),
                (raised, due),
                path.room_id,
            );
            case.of_customer(code);
            let saved = put::create(&mut tx, &by, &case, std::mem::take(faults.list())).await?;
            tx.reply(saved.reply()).await
        })
        .await
}

/// Whom a category names for its cases.
fn assignee(category: &Choice) -> Option<String> {
    category.detail.as_ref()?.get("assignee")?.as_str().map(str::to_owned)
}

/// The text that was said last in a room.
async fn last_words(tx: &mut db::Conn, company: i64, room: Uuid) -> Result<Option<String>, db::Error> {
    let said: Option<(Option<String>, Option<String>)> = tx
        .sql("select last_kind, last_content from room where company = $1 and id = $2")
        .bind(company)
        .bind(room)
        .optional()
        .await?;
    let text = said.filter(|(kind, _)| kind.as_deref() == Some("message")).and_then(|(_, text)| text);
    Ok(text.map(|text| preview(text.trim()).to_owned()).filter(|text| !text.is_empty()))
}
