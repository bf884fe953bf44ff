//! Expenses by type, status, employee, date and keyword, grouped by their status.

use axum::extract::State;
use db::{Amount, Value};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::line::KINDS;
use super::row::{ExpenseDetail, Row, STATUSES, status_name};
use crate::app::App;
use crate::http::list::{Lister, Order, PageWrite};
use crate::http::{Caller, Checked, Envelope, Error, Listing, Reply};
use crate::staff::known;
use crate::time;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enquire_expenses))
}

/// The most expenses that one enquiry answers when it names no page.
const MOST: i64 = 1000;

/// Which expenses to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExpenseEnquiry {
    /// Only expenses with a line of this type; 0 is every type.
    #[schema(example = 1001)]
    expense_type_id: Option<i64>,
    /// Only expenses of these statuses, by number or word.
    #[schema(example = json!(["302"]))]
    status_ids: Option<Vec<String>>,
    /// Only expenses of these employees, by their staff codes.
    #[schema(example = json!([]))]
    staff_codes: Option<Vec<String>>,
    /// Part of the number, the subject, the remark or a note, in any letter case.
    #[serde(alias = "keyword")]
    search_text: Option<String>,
    /// Begin of the period in which the money was spent.
    #[schema(example = "2021-09-17T10:42:31.981Z")]
    date_start: Option<String>,
    /// End of the period; it belongs to it.
    #[schema(example = "2021-09-17T10:42:31.981Z")]
    date_end: Option<String>,
    /// Whether each expense comes with its lines.
    #[schema(example = false)]
    with_details: Option<bool>,
    /// So many expenses are left out before the page begins.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Expenses on a page: at most 200, in the order of status and number then; absent is the latest 1,000.
    #[schema(example = json!(null))]
    take: Option<i64>,
}

/// The expenses of a status.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExpenseStatusGroup {
    /// Number of the status.
    status_id: i64,
    /// The same in words.
    status_name: String,
    /// Its expenses, those of the last days first.
    expenses: Vec<ExpenseLite>,
}

/// An expense in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExpenseLite {
    /// Its id.
    expense_id: i64,
    /// Its number.
    expense_no: String,
    /// The company's number.
    company_id: i64,
    /// Team of the employee who claims.
    team_id: Option<i64>,
    /// Title.
    subject: String,
    /// Staff code of the employee who claims.
    staff_code: Option<String>,
    /// The employee's name.
    staff_name: Option<String>,
    /// Number of its status.
    status_id: i64,
    /// When the money was spent.
    date_transaction: String,
    /// What it comes to.
    #[schema(value_type = f64)]
    total: Amount,
    /// When it was created.
    date_created: String,
    /// Its lines, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    expense_details: Option<Vec<ExpenseDetail>>,
}

/// List expenses of a type, grouped by their status: the latest 1,000, or a page. A file has them all, without groups.
#[utoipa::path(
    post,
    path = "/v1/Expenses/Enquiry",
    operation_id = "enquireExpenses",
    tag = "Expense",
    request_body = ExpenseEnquiry,
    responses((status = 200, description = "The groups; `total` counts the expenses.", body = Envelope<Listing<ExpenseStatusGroup>>)),
    security(("bearerAuth" = ["expense:read"])),
    extensions(("x-records" = json!("expenses")))
)]
async fn enquire_expenses(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<ExpenseEnquiry>,
) -> Result<Reply<Listing<ExpenseStatusGroup>>, Error> {
    let mut conn = app.db.read().await?;
    let company = caller.company;
    let page = PageWrite { skip: input.skip, take: input.take, ..PageWrite::default() };
    let mut lister: Lister<'_, Row> = Lister::open(&mut conn, &caller, &page, faults).await?;
    let order = match input.take {
        Some(_) => Order { name: "statusId", column: "status", descending: false },
        None => {
            lister.at_most(MOST);
            Order { name: "dateTransaction", column: "spent_at", descending: true }
        }
    };
    lister
        .period(
            ("dateStart", input.date_start.as_deref(), " and spent_at >= "),
            ("dateEnd", input.date_end.as_deref(), " and spent_at <= "),
        )
        .keyword("searchText", input.search_text.as_deref())
        .order(None, &[order]);
    if let Some(kind) = input.expense_type_id.filter(|kind| *kind != 0) {
        lister.faults().one_of("expenseTypeId", kind, &KINDS);
        let parts = [" and id in (select expense from expense_kind where company = ", " and kind = ", ")"];
        lister.only(&parts, vec![company.into(), kind.into()]);
    }
    let statuses: Vec<i64> = input.status_ids.iter().flatten().map(|text| status(text)).collect();
    lister.any(" and status in (", statuses, ")");
    let codes: Vec<&str> = input.staff_codes.iter().flatten().map(String::as_str).collect();
    if !codes.is_empty() {
        let found = known::by_codes(&mut conn, company, codes).await?;
        let mut owners: Vec<Value> = found.into_values().map(|known| known.id.into()).collect();
        // Whoever is no employee has no expenses.
        owners.push(Uuid::nil().into());
        lister.any(" and owner in (", owners, ")");
    }
    let zone = lister.zone().clone();
    let (rows, total, _) = lister.rows(&mut conn).await?;
    let people = known::by_ids(&mut conn, company, rows.iter().filter_map(|row| row.owner)).await?;
    let mut groups: Vec<ExpenseStatusGroup> = STATUSES
        .iter()
        .map(|(id, _)| ExpenseStatusGroup { status_id: *id, status_name: status_name(*id), expenses: Vec::new() })
        .collect();
    let is_detailed = input.with_details == Some(true);
    for row in rows {
        let owner = row.owner.and_then(|id| people.get(&id));
        let Some(group) = groups.iter_mut().find(|group| group.status_id == row.status) else { continue };
        group.expenses.push(ExpenseLite {
            expense_id: row.id,
            expense_no: row.number,
            company_id: row.company,
            team_id: row.team,
            subject: row.subject,
            staff_code: owner.map(|known| known.staff_code.clone()),
            staff_name: owner.map(known::Known::fullname),
            status_id: row.status,
            date_transaction: time::text(row.spent_at, &zone),
            total: row.total,
            date_created: time::text(row.created_at, &zone),
            expense_details: is_detailed
                .then(|| row.lines.into_iter().map(|line| ExpenseDetail::of(row.id, line)).collect()),
        });
    }
    groups.retain(|group| !group.expenses.is_empty());
    Ok(Reply::ok(Listing::new(groups, total)))
}

/// A status by number or word; another word is that of none.
fn status(text: &str) -> i64 {
    let text = text.trim();
    let named = STATUSES.iter().find(|(id, word)| word.eq_ignore_ascii_case(text) || id.to_string() == text);
    named.map_or(0, |(id, _)| *id)
}
