//! Contracts by status, type, customer, owner, end and keyword.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::put;
use super::row::{Contract, Row};
use crate::app::App;
use crate::customer::store as customers;
use crate::http::list::{Lister, Order, PageWrite};
use crate::http::{Caller, Checked, Error, List, ListEnvelope};
use crate::setting::choice;
use crate::setting::list;
use crate::staff::known;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enquire_contracts))
}

/// Which contracts to list. Every property may be absent or null: no filter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractEnquiry {
    /// Part of the number, the name, the description or a service's subject, in any letter case.
    #[serde(alias = "searchText")]
    keyword: Option<String>,
    /// Only contracts of these statuses: 1601 open, 1602 active, 1603 completed, 1604 cancelled.
    #[schema(example = json!([1602]))]
    status_ids: Option<Vec<i64>>,
    /// Only contracts of this type, by its name.
    contract_type: Option<String>,
    /// Only contracts with this customer.
    customer_code: Option<String>,
    /// Only contracts of this employee, by the staff code.
    owner: Option<String>,
    /// Only contracts that end from this time on.
    date_end_from: Option<String>,
    /// Only contracts that end until this time; a day belongs to it.
    date_end_to: Option<String>,
    /// `dateCreated` (newest first, the default), `dateModified`, `dateEnd`, `contractName`; with `-` before it the other way
    /// round.
    order_by: Option<String>,
    /// Contracts to leave out; not together with `cursor`.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Contracts a page: at most 200, default 20.
    #[schema(example = 20)]
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
    /// Where the page begins: `next` of the page before it, in the same order.
    cursor: Option<String>,
}

const ORDERS: [Order; 4] = [
    Order { name: "dateCreated", column: "id", descending: true },
    Order { name: "dateModified", column: "modified_at", descending: true },
    Order { name: "dateEnd", column: "ends_at", descending: false },
    Order { name: "contractName", column: "name_key", descending: false },
];

/// Search and page through contracts. Their files are in the answer for one.
#[utoipa::path(
    post,
    path = "/v1/contract/enquiry",
    operation_id = "enquireContracts",
    tag = "Contract",
    request_body = ContractEnquiry,
    responses((status = 200, description = "A page of contracts.", body = ListEnvelope<Contract>)),
    security(("bearerAuth" = ["contract:read"]))
)]
async fn enquire_contracts(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<ContractEnquiry>,
) -> Result<List<Contract>, Error> {
    let mut conn = app.db.read().await?;
    let company = caller.company;
    let page = PageWrite { skip: input.skip, take: input.take, page_length: input.page_length, cursor: input.cursor };
    let mut lister: Lister<'_, Row> = Lister::open(&mut conn, &caller, &page, faults).await?;
    lister
        .any(" and status in (", input.status_ids.iter().flatten().copied().filter(|id| *id != 0), ")")
        .period(
            ("dateEndFrom", input.date_end_from.as_deref(), " and ends_at >= "),
            ("dateEndTo", input.date_end_to.as_deref(), " and ends_at <= "),
        )
        .keyword("keyword", input.keyword.as_deref())
        .order(input.order_by.as_deref(), &ORDERS);
    let text = |text: &Option<String>| {
        let text = text.as_deref().map(str::trim).filter(|text| !put::is_stand_in(text));
        text.unwrap_or_default().to_owned()
    };
    let (kind, code, owner) = (text(&input.contract_type), text(&input.customer_code), text(&input.owner));
    // What is not known has no contracts.
    if !kind.is_empty() {
        let found = choice::by_name(&mut conn, company, list::List::ContractTypes, &kind).await?;
        lister.equal(" and kind = ", Some(found.map_or(0, |found| found.id)));
    }
    if !code.is_empty() {
        let found = customers::by_code(&mut conn, company, &code).await?;
        lister.equal(" and customer = ", Some(found.map_or(0, |found| found.id)));
    }
    if !owner.is_empty() {
        let found = known::by_codes(&mut conn, company, [owner.as_str()]).await?;
        lister.equal(" and owner = ", Some(found.into_values().next().map_or(Uuid::nil(), |known| known.id)));
    }
    Ok(lister.find(&mut conn).await?.list())
}
