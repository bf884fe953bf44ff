//! Deals by board, stage, owner, label, interest, customer, dates, value and keyword.

use axum::extract::State;
use db::{Amount, Conn, Rows, Type, Value};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::store::{Names, Row, status_name, whole};
use crate::app::App;
use crate::customer::store as customers;
use crate::http::list::{Lister, MOST_NAMED, Order, PageWrite};
use crate::http::{Caller, Checked, Envelope, Error, Listing, Reply};
use crate::setting::list::List;
use crate::staff::known;
use crate::time::{self, Zone};

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enquire_deals))
}

/// Which deals to list. Every property may be absent or null: no filter.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealEnquiry {
    /// Only deals in these stages; 0 is none of them.
    #[schema(example = json!([0]))]
    deal_stage_ids: Option<Vec<i64>>,
    /// Deals a page: at most 200, default 20.
    #[schema(example = 10)]
    page_length: Option<i64>,
    /// The same as `pageLength`.
    #[schema(example = 10)]
    take: Option<i64>,
    /// Deals to leave out.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// `dateCreated` (newest first, the default), `dateModified`, `dealsName`, `dealsValue`, `dealsDate`,
    /// `expectedCloseDate`; with `-` before it the other way round. Another word is the default.
    order_by: Option<String>,
    /// Part of the number, the name, the notes or the remark, in any letter case.
    keyword: Option<String>,
    /// Only deals on this board.
    board_id: Option<i64>,
    /// Only deals with these statuses: 1 open, 2 won, 3 missed.
    #[schema(example = json!([]))]
    status_ids: Option<Vec<i64>>,
    /// Only deals of these persons, by their staff codes.
    #[schema(example = json!([]))]
    staff_codes: Option<Vec<String>>,
    /// The same for one person.
    assign_to: Option<String>,
    /// Only deals with one of these labels.
    #[schema(example = json!([]))]
    deal_labels: Option<Vec<i64>>,
    /// Only deals with one of these interests.
    #[schema(example = json!([]))]
    deal_interests: Option<Vec<i64>>,
    /// Only deals with these customers.
    #[schema(example = json!([]))]
    customer_codes: Option<Vec<String>>,
    /// The same for one customer.
    customer_code: Option<String>,
    /// Begin of the period in which they were offered.
    deal_date_from: Option<String>,
    /// End of that period; it belongs to it.
    deal_date_to: Option<String>,
    /// Begin of the period in which they are expected to be closed.
    expected_close_date_from: Option<String>,
    /// End of that period.
    expected_close_date_to: Option<String>,
    /// Begin of the period in which they were created.
    date_created_from: Option<String>,
    /// End of that period.
    date_created_to: Option<String>,
    /// Begin of the period in which they were won or missed.
    date_closed_from: Option<String>,
    /// End of that period.
    date_closed_to: Option<String>,
    /// The least value.
    #[schema(value_type = Option<f64>)]
    value_from: Option<Amount>,
    /// The largest value.
    #[schema(value_type = Option<f64>)]
    value_to: Option<Amount>,
}

/// A deal in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealEnquiryItem {
    /// Its id.
    deals_id: i64,
    /// Its number.
    #[schema(example = "D241200044")]
    deal_no: String,
    /// What it is called.
    deals_name: String,
    /// The customer's number.
    customer_id: i64,
    /// The customer's name.
    customer_name: String,
    /// The customer's code.
    #[schema(example = "C000154")]
    customer_code: String,
    /// What it is worth.
    #[schema(value_type = f64)]
    deals_value: Amount,
    /// Value times chance.
    #[schema(value_type = f64)]
    weighted_value: Amount,
    /// 1 open, 2 won, 3 missed.
    status_id: i64,
    /// The same in words.
    status_name: String,
    /// Number of its stage.
    deal_stage_id: i64,
    /// Name of its stage.
    deal_stage_name: String,
    /// Number of its board.
    board_id: i64,
    /// Name of its board.
    board_name: String,
    /// Details.
    notes: Option<String>,
    /// How many.
    #[schema(value_type = Option<f64>)]
    deal_quantity: Option<Amount>,
    /// The same.
    #[schema(value_type = Option<f64>)]
    quantity: Option<Amount>,
    /// The whole part of the quantity.
    deal_measure: i64,
    /// Of what.
    deal_measure_unit: Option<DealMeasureUnit>,
    /// The whole part of the quantity.
    measure: i64,
    /// Chance of winning, in percent.
    probability: i64,
    /// When it was offered.
    deals_date: String,
    /// When it is expected to be closed.
    expected_close_date: String,
    /// When it was won or missed.
    date_closed: Option<String>,
    /// Staff code of the person in charge.
    assign_to: String,
    /// The person's name.
    assign_to_name: String,
    /// Names of its labels.
    labels: Vec<String>,
    /// When it was created.
    date_created: String,
    /// When it was last changed.
    date_modified: String,
}

/// What a quantity counts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DealMeasureUnit {
    /// Any text.
    unit_name: String,
}

/// The orders of deals; the first one unless told.
const ORDERS: [Order; 6] = [
    Order { name: "dateCreated", column: "id", descending: true },
    Order { name: "dateModified", column: "modified_at", descending: true },
    Order { name: "dealsName", column: "name_key", descending: false },
    Order { name: "dealsValue", column: "value", descending: true },
    Order { name: "dealsDate", column: "deal_at", descending: true },
    Order { name: "expectedCloseDate", column: "close_at", descending: false },
];

/// The order of a word; none of one that is not known: the original's words are not published.
fn order(asked: Option<&str>) -> Option<String> {
    let asked = asked?.trim();
    let (sign, name) = asked.strip_prefix('-').map_or(("", asked), |name| ("-", name));
    let name = match name.to_ascii_lowercase().as_str() {
        "dealname" => "dealsName",
        "dealvalue" => "dealsValue",
        "dealdate" => "dealsDate",
        _ => ORDERS.iter().find(|order| order.name.eq_ignore_ascii_case(name))?.name,
    };
    Some(format!("{sign}{name}"))
}

/// Search and page through deals.
#[utoipa::path(
    post,
    path = "/v1/deals/enquiry",
    operation_id = "enquireDeals",
    tag = "Deal",
    request_body = DealEnquiry,
    responses((status = 200, description = "A page of deals.", body = Envelope<Listing<DealEnquiryItem>>)),
    security(("bearerAuth" = ["deal:read"]))
)]
async fn enquire_deals(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<DealEnquiry>,
) -> Result<Reply<Listing<DealEnquiryItem>>, Error> {
    let mut conn = app.db.read().await?;
    let company = caller.company;
    let page = PageWrite { skip: input.skip, take: input.take, page_length: input.page_length, cursor: None };
    let mut lister: Lister<'_, Row> = Lister::open(&mut conn, &caller, &page, faults).await?;
    let nonzero =
        |ids: &Option<Vec<i64>>| -> Vec<i64> { ids.iter().flatten().copied().filter(|id| *id != 0).collect() };
    lister
        .any(" and stage in (", nonzero(&input.deal_stage_ids), ")")
        .equal(" and board = ", input.board_id.filter(|id| *id != 0))
        .any(" and status in (", nonzero(&input.status_ids), ")")
        .equal(" and value >= ", input.value_from)
        .equal(" and value <= ", input.value_to)
        .period(
            ("dealDateFrom", input.deal_date_from.as_deref(), " and deal_at >= "),
            ("dealDateTo", input.deal_date_to.as_deref(), " and deal_at <= "),
        )
        .period(
            ("expectedCloseDateFrom", input.expected_close_date_from.as_deref(), " and close_at >= "),
            ("expectedCloseDateTo", input.expected_close_date_to.as_deref(), " and close_at <= "),
        )
        .period(
            ("dateCreatedFrom", input.date_created_from.as_deref(), " and created_at >= "),
            ("dateCreatedTo", input.date_created_to.as_deref(), " and created_at <= "),
        )
        .period(
            ("dateClosedFrom", input.date_closed_from.as_deref(), " and closed_at >= "),
            ("dateClosedTo", input.date_closed_to.as_deref(), " and closed_at <= "),
        )
        .keyword("keyword", input.keyword.as_deref())
        .order(order(input.order_by.as_deref()).as_deref(), &ORDERS);
    chosen(&mut lister, company, List::Labels, &nonzero(&input.deal_labels));
    chosen(&mut lister, company, List::Interests, &nonzero(&input.deal_interests));
    for (field, given) in [("staffCodes", &input.staff_codes), ("customerCodes", &input.customer_codes)] {
        lister.faults().most(field, given.as_ref().map_or(0, Vec::len), MOST_NAMED);
    }
    let staff = input.staff_codes.iter().flatten().chain(&input.assign_to);
    if let Some(owners) = owners(&mut conn, company, staff).await? {
        lister.any(" and owner in (", owners, ")");
    }
    let codes = input.customer_codes.iter().flatten().chain(&input.customer_code);
    if let Some(ids) = customer_ids(&mut conn, company, codes).await? {
        lister.any(" and customer in (", ids, ")");
    }
    let zone = lister.zone().clone();
    let (rows, total, _) = lister.rows(&mut conn).await?;
    let names = Names::of_rows(&mut conn, company, &rows).await?;
    let items = rows.into_iter().map(|row| item(row, &names, &zone)).collect();
    Ok(Reply::ok(Listing::new(items, total)))
}

/// Only deals that have one of these entries.
fn chosen(lister: &mut Lister<'_, Row>, company: i64, list: List, ids: &[i64]) {
    if ids.is_empty() {
        return;
    }
    let mut parts =
        vec![" and id in (select deal from deal_choice where company = ", " and list = ", " and choice in ("];
    parts.extend(std::iter::repeat_n(", ", ids.len() - 1));
    parts.push("))");
    let mut values: Vec<Value> = vec![company.into(), list.path().into()];
    values.extend(ids.iter().map(|id| Value::from(*id)));
    lister.only(&parts, values);
}

/// The user ids of staff codes, when any are given; whoever is no employee has no deals.
pub(super) async fn owners<'a>(
    conn: &mut Conn,
    company: i64,
    codes: impl Iterator<Item = &'a String>,
) -> Result<Option<Vec<Uuid>>, Error> {
    let codes: Vec<&str> = codes.map(|code| code.trim()).filter(|code| !code.is_empty()).collect();
    if codes.is_empty() {
        return Ok(None);
    }
    let found = known::by_codes(conn, company, codes).await?;
    let mut ids: Vec<Uuid> = found.into_values().map(|known| known.id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        ids.push(Uuid::nil());
    }
    Ok(Some(ids))
}

/// The numbers of customers, when any are given; an unknown one has no deals. One statement for any number of them.
async fn customer_ids<'a>(
    conn: &mut Conn,
    company: i64,
    codes: impl Iterator<Item = &'a String>,
) -> Result<Option<Vec<i64>>, Error> {
    let mut wanted = Rows::new(&[("code_key", Type::Text)]);
    for code in codes.map(|code| code.trim()).filter(|code| !code.is_empty() && !code.contains('\0')) {
        wanted.push([customers::key(code).into()]);
    }
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut ids: Vec<i64> = conn
        .sql("select coalesce(customer.merged_into, customer.id) from ")
        .push_rows(&wanted)
        .push(" as input cross join customer where customer.code_key = input.code_key and customer.company = ")
        .push_bind(company)
        .all()
        .await?;
    if ids.is_empty() {
        ids.push(0);
    }
    Ok(Some(ids))
}

fn item(row: Row, names: &Names, zone: &Zone) -> DealEnquiryItem {
    let (customer_code, customer_name) = names.customer(row.customer);
    DealEnquiryItem {
        deals_id: row.id,
        customer_id: row.customer,
        customer_name,
        customer_code,
        deals_value: row.value,
        weighted_value: row.weighted(),
        status_id: row.status,
        status_name: status_name(row.status),
        deal_stage_id: row.stage,
        deal_stage_name: names.of(List::Stages, row.stage),
        board_id: row.board,
        board_name: names.of(List::Boards, row.board),
        deal_quantity: row.quantity,
        quantity: row.quantity,
        deal_measure: whole(row.quantity),
        measure: whole(row.quantity),
        deal_measure_unit: row.unit.map(|unit_name| DealMeasureUnit { unit_name }),
        probability: row.probability,
        deals_date: time::text(row.deal_at, zone),
        expected_close_date: time::text(row.close_at, zone),
        date_closed: row.closed_at.map(|at| time::text(at, zone)),
        assign_to: names.code(row.owner),
        assign_to_name: names.fullname(row.owner),
        labels: row.labels.0.iter().map(|id| names.of(List::Labels, *id)).collect(),
        date_created: time::text(row.created_at, zone),
        date_modified: time::text(row.modified_at, zone),
        deal_no: row.number,
        deals_name: row.name,
        notes: row.note,
    }
}
