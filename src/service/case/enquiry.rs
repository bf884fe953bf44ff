//! Lists of cases.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::row::{CaseView, Row, Status};
use crate::app::App;
use crate::customer::store as customers;
use crate::http::list::{Lister, MOST_NAMED, Order, PageWrite};
use crate::http::{Caller, Checked, Code, Error, List, ListEnvelope};
use crate::service::{link, names};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enquire_cases))
}

/// Which cases to list. Every property may be absent or null: no filter.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CaseEnquiry {
    /// Part of the number, subject or note, in any script and letter case.
    keyword: Option<String>,
    /// The customer's code.
    customer_code: Option<String>,
    /// 1 request for action, 2 for your information.
    case_type: Option<i64>,
    /// Numbers of categories.
    category_ids: Option<Vec<i64>>,
    /// Numbers of statuses.
    status_ids: Option<Vec<i64>>,
    /// True: those that somebody still has to see to; false: those that have ended.
    is_open: Option<bool>,
    /// Whether one of their times was missed.
    is_breached: Option<bool>,
    /// User ids or staff codes of those who see to them.
    assigned_to_user_ids: Option<Vec<String>>,
    /// The same as staff codes.
    staff_codes: Option<Vec<String>>,
    /// True: those that nobody sees to yet.
    is_unassigned: Option<bool>,
    /// Number of an activity that belongs to them.
    activity_no: Option<String>,
    /// Number of a deal that they are about.
    deal_no: Option<String>,
    /// Id of a chat room in which they are talked about.
    room_id: Option<Uuid>,
    /// The first day or moment at which they were raised.
    #[schema(example = "2025-01-01")]
    date_start: Option<String>,
    /// The last one.
    #[schema(example = "2025-12-31")]
    date_end: Option<String>,
    /// The first day or moment at which they are to be done.
    date_due_start: Option<String>,
    /// The last one.
    date_due_end: Option<String>,
    /// `dateCase` (the newest first), `dateDue` (the earliest first), `dateModified` (the newest first) or `caseNo` (the newest
    /// first); with `-` before it the other way round.
    #[schema(example = "dateCase")]
    order_by: Option<String>,
    /// Records to leave out; not together with `cursor`.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Records a page: at most 200, default 20.
    #[schema(example = 20)]
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
    /// Where the page begins: `next` of the page before it, in the same order.
    cursor: Option<String>,
}

const ORDERS: &[Order] = &[
    Order { name: "dateCase", column: "raised_at", descending: true },
    Order { name: "dateDue", column: "due_at", descending: false },
    Order { name: "dateModified", column: "modified_at", descending: true },
    Order { name: "caseNo", column: "id", descending: true },
];

/// List cases.
#[utoipa::path(
    post,
    path = "/v1/case/enquiry",
    operation_id = "enquireCases",
    tag = "Case",
    request_body = CaseEnquiry,
    responses((status = 200, description = "One page of cases.", body = ListEnvelope<CaseView>)),
    security(("bearerAuth" = ["case:read"]))
)]
async fn enquire_cases(
    State(app): State<App>,
    caller: Caller,
    Checked { value: asked, faults }: Checked<CaseEnquiry>,
) -> Result<List<CaseView>, Error> {
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
    for (field, given) in [("assignedToUserIds", &asked.assigned_to_user_ids), ("staffCodes", &asked.staff_codes)] {
        list.faults().most(field, given.as_ref().map_or(0, Vec::len), MOST_NAMED);
        for who in given.iter().flatten().take(MOST_NAMED) {
            let found = names::person(&mut conn, caller.company, field, who).await;
            people.extend(list.faults().take(found)?.map(|person| person.id));
        }
    }
    list.any(" and assignee in (", people, ")");
    let mut words: Vec<&str> = Vec::new();
    for number in asked.status_ids.iter().flatten() {
        match Status::named(&number.to_string()) {
            Some(status) => words.push(status.word()),
            None => list.faults().add(Code::InvalidValue, "statusIds", "statusIds must be numbers from 1 to 6"),
        }
    }
    list.any(" and status in (", words, ")");
    if let Some(is_open) = asked.is_open {
        let open = " and status in ('new', 'open', 'waiting')";
        let ended = " and status in ('resolved', 'closed', 'cancelled')";
        list.only(&[if is_open { open } else { ended }], Vec::new());
    }
    if asked.is_unassigned == Some(true) {
        list.only(&[" and assignee is null"], Vec::new());
    }
    let room = asked.room_id.map(|room| room.to_string());
    let no = |no: &Option<String>| no.as_deref().filter(|no| !no.trim().is_empty()).map(link::key);
    for (target, reference) in [("activity", no(&asked.activity_no)), ("deal", no(&asked.deal_no)), ("room", room)] {
        if let Some(reference) = reference {
            let parts = [
                " and id in (select source_id from record_link where source = 'case' and company = ",
                " and target = ",
                " and reference = ",
                ")",
            ];
            list.only(&parts, vec![caller.company.into(), target.into(), reference.into()]);
        }
    }
    list.equal(" and kind = ", asked.case_type)
        .any(" and category in (", asked.category_ids.clone().unwrap_or_default(), ")")
        .equal(" and is_breached = ", asked.is_breached)
        .period(
            ("dateStart", asked.date_start.as_deref(), " and raised_at >= "),
            ("dateEnd", asked.date_end.as_deref(), " and raised_at <= "),
        )
        .period(
            ("dateDueStart", asked.date_due_start.as_deref(), " and due_at >= "),
            ("dateDueEnd", asked.date_due_end.as_deref(), " and due_at <= "),
        )
        .keyword("keyword", asked.keyword.as_deref())
        .order(asked.order_by.as_deref(), ORDERS);
    Ok(list.find(&mut conn).await?.list())
}
