//! Lists of activities.

use axum::extract::State as Shared;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::row::{ActivityView, Row, State};
use crate::app::App;
use crate::customer::store as customers;
use crate::http::list::{Lister, MOST_NAMED, Order, PageWrite};
use crate::http::{Caller, Checked, Error, List, ListEnvelope};
use crate::service::{link, names};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enquire_activities))
}

/// Which activities to list. Every property may be absent or null: no filter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivityEnquiryRequest {
    /// Records a page: at most 200, default 20.
    #[schema(example = 20)]
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
    /// Records to leave out; not together with `cursor`.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// `dateAppointmentStart` (the newest first), `dateModified` (the newest first) or `activityNo` (the newest first); with `-`
    /// before it the other way round. As a number 0, 1 or 2.
    #[schema(value_type = Option<String>, example = "dateAppointmentStart")]
    order_by: Option<String>,
    /// Part of the number, subject, contact, place, note, report or outcome, in any script and letter case.
    keyword: Option<String>,
    /// The first day or moment at which they are planned to begin.
    #[schema(example = "2025-01-01")]
    date_start: Option<String>,
    /// The last one.
    #[schema(example = "2025-12-31")]
    date_end: Option<String>,
    /// The customer's code.
    customer_code: Option<String>,
    /// Staff codes of those who do them.
    staff_codes: Option<Vec<String>>,
    /// The same as user ids.
    assign_to_user_ids: Option<Vec<String>>,
    /// Numbers of statuses.
    status_ids: Option<Vec<i64>>,
    /// `planned`, `started`, `done` or `cancelled`.
    states: Option<Vec<String>>,
    /// Numbers of types.
    activity_type_ids: Option<Vec<i64>>,
    /// Numbers of teams.
    team_ids: Option<Vec<i64>>,
    /// Whether nobody planned them.
    is_ad_hoc: Option<bool>,
    /// Whether they are in use.
    is_active: Option<bool>,
    /// Number of a deal that they are about.
    deal_no: Option<String>,
    /// Id of a chat room that they are about.
    room_id: Option<Uuid>,
    /// Where the page begins: `next` of the page before it, in the same order.
    cursor: Option<String>,
}

const ORDERS: &[Order] = &[
    Order { name: "dateAppointmentStart", column: "starts_at", descending: true },
    Order { name: "dateModified", column: "modified_at", descending: true },
    Order { name: "activityNo", column: "id", descending: true },
];

/// List activities.
#[utoipa::path(
    post,
    path = "/v1/activities/enquiry",
    operation_id = "activitiesEnquiry",
    tag = "Activity",
    request_body = ActivityEnquiryRequest,
    responses((status = 200, description = "One page of activities.", body = ListEnvelope<ActivityView>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn enquire_activities(
    Shared(app): Shared<App>,
    caller: Caller,
    Checked { value: asked, faults }: Checked<ActivityEnquiryRequest>,
) -> Result<List<ActivityView>, Error> {
    let mut conn = app.db.read().await?;
    let page =
        PageWrite { skip: asked.skip, take: asked.take, page_length: asked.page_length, cursor: asked.cursor.clone() };
    let mut list = Lister::<Row>::open(&mut conn, &caller, &page, faults).await?;
    if let Some(code) = asked.customer_code.as_deref().filter(|code| !code.trim().is_empty()) {
        let found = customers::named(&mut conn, &caller, "customerCode", code).await;
        let found = list.faults().take(found)?;
        list.equal(" and customer = ", found.map(|customer| customer.id));
    }
    let mut people: Vec<Uuid> = Vec::new();
    for (field, given) in [("staffCodes", &asked.staff_codes), ("assignToUserIds", &asked.assign_to_user_ids)] {
        list.faults().most(field, given.as_ref().map_or(0, Vec::len), MOST_NAMED);
        for (index, who) in given.iter().flatten().take(MOST_NAMED).enumerate() {
            let found = names::person(&mut conn, caller.company, &format!("{field}[{index}]"), who).await;
            people.extend(list.faults().take(found)?.map(|person| person.id));
        }
    }
    let mut states: Vec<&'static str> = Vec::new();
    for (index, word) in asked.states.iter().flatten().enumerate() {
        let found = list.faults().choice(&format!("states[{index}]"), Some(word), &State::WORDS);
        states.extend(State::WORDS.iter().filter(|(_, state)| Some(*state) == found).map(|(word, _)| *word));
    }
    let deal = asked.deal_no.as_deref().filter(|no| !no.trim().is_empty()).map(link::key);
    let room = asked.room_id.map(|room| room.to_string());
    for (target, reference) in [("deal", deal), ("room", room)] {
        if let Some(reference) = reference {
            let parts = [
                " and id in (select source_id from record_link where source = 'activity' and company = ",
                " and target = ",
                " and reference = ",
                ")",
            ];
            list.only(&parts, vec![caller.company.into(), target.into(), reference.into()]);
        }
    }
    let order = match asked.order_by.as_deref().map(str::trim) {
        Some("0") => Some("dateAppointmentStart"),
        Some("1") => Some("dateModified"),
        Some("2") => Some("activityNo"),
        other => other,
    };
    list.any(" and assignee in (", people, ")")
        .any(" and state in (", states, ")")
        .any(" and status in (", asked.status_ids.clone().unwrap_or_default(), ")")
        .any(" and kind in (", asked.activity_type_ids.clone().unwrap_or_default(), ")")
        .any(" and team in (", asked.team_ids.clone().unwrap_or_default(), ")")
        .equal(" and is_ad_hoc = ", asked.is_ad_hoc)
        .equal(" and active = ", asked.is_active)
        .period(
            ("dateStart", asked.date_start.as_deref(), " and starts_at >= "),
            ("dateEnd", asked.date_end.as_deref(), " and starts_at <= "),
        )
        .keyword("keyword", asked.keyword.as_deref())
        .order(order, ORDERS);
    Ok(list.find(&mut conn).await?.list())
}
