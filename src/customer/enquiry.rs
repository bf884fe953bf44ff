//! Lists of customers: the enquiry with its filters, and the search over everything that a customer is known by.

use axum::extract::State;
use db::Conn;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::filter::Filter;
use super::page::find_page;
use super::store::Reach;
use super::{Customer, views};
use crate::app::App;
use crate::http::{Caller, Code, Error, Faults, Json, List, ListEnvelope};
use crate::setting::{phone, profile};
use crate::{search, time};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enquire_customers)).routes(routes!(search_customers))
}

/// Which customers to list. Every property may be absent or null: no filter. Filters narrow one another.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerEnquiry {
    /// Part of a name, alias, code, telephone, e-mail or tax number, in any script and letter case.
    #[schema(example = "Daaisyy")]
    keyword: Option<String>,
    /// 1 lead, 2 prospect, 3 customer.
    #[schema(example = 3)]
    customer_state: Option<i64>,
    /// 1 business, 2 individual; 11100 lead, 11200 prospect, 11300 customer are understood as `customerState`.
    customer_type: Option<i64>,
    /// 0 active, 1 ended, 2 closed.
    customer_status: Option<i64>,
    /// 1 new, 2 follow-up, 3 unqualified, 4 interested.
    lead_status: Option<i64>,
    /// The whole code.
    customer_code: Option<String>,
    /// The whole name.
    customer_name: Option<String>,
    /// Tax number.
    customer_tax_no: Option<String>,
    /// Telephone, in any form.
    customer_phone: Option<String>,
    /// The whole e-mail.
    customer_email: Option<String>,
    /// Staff codes: looked after by any of them.
    owners: Option<Vec<String>>,
    /// Customer group.
    customer_group_name: Option<String>,
    /// Where the customer comes from.
    source_name: Option<String>,
    /// Class.
    classification_name: Option<String>,
    /// Interests: has any of them.
    interests_name: Option<Vec<String>>,
    /// Tags: has any of them.
    customer_tags: Option<Vec<String>>,
    /// Created at or after this time.
    #[schema(example = json!(null))]
    date_from: Option<String>,
    /// Created at or before this time; a bare day counts whole.
    #[schema(example = json!(null))]
    date_to: Option<String>,
    /// Changed at or after this time.
    #[schema(example = json!(null))]
    modified_from: Option<String>,
    /// Changed at or before this time; a bare day counts whole.
    #[schema(example = json!(null))]
    modified_to: Option<String>,
    /// Customers to leave out.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Customers a page: at most 200, default 20.
    #[schema(example = 20)]
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
    /// The `next` of the page before; `skip` is not looked at then.
    #[schema(example = json!(null))]
    cursor: Option<String>,
    /// `dateCreated` (the newest first, the default), `dateModified` (the last changed first), `customerName`,
    /// `customerCode`; with `asc` or `desc` behind it to say otherwise.
    #[schema(example = "customerName asc")]
    order_by: Option<String>,
}

/// A text to look for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerSearch {
    /// Part of a name, alias, code, telephone, e-mail or tax number, in any script and letter case.
    #[schema(example = "dai")]
    keyword: Option<String>,
    /// Customers to leave out.
    #[schema(example = 0)]
    skip: Option<i64>,
    /// Customers a page: at most 200, default 20.
    #[schema(example = 20)]
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
    /// The `next` of the page before.
    #[schema(example = json!(null))]
    cursor: Option<String>,
}

/// List customers by filters, page by page.
#[utoipa::path(
    post,
    path = "/v3/customers/enquiry",
    operation_id = "enquireCustomers",
    tag = "Customer",
    request_body = CustomerEnquiry,
    responses((status = 200, description = "One page of customers.", body = ListEnvelope<Customer>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn enquire_customers(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<CustomerEnquiry>,
) -> Result<List<Customer>, Error> {
    let mut conn = app.db.read().await?;
    let mut filter = input.filter(&mut conn, caller.company).await?;
    filter.reach = Reach::of(&caller);
    let page = find_page(&mut conn, caller.company, &filter, app.config.effort).await?;
    let value = views(&mut conn, caller.company, page.rows).await?;
    Ok(List { value, total: page.total, next: page.next })
}

/// Search customers: what begins with the text comes first where not too many match, then the newest.
#[utoipa::path(
    post,
    path = "/v3/customers/search",
    operation_id = "searchCustomers",
    tag = "Customer",
    request_body = CustomerSearch,
    responses((status = 200, description = "One page of customers.", body = ListEnvelope<Customer>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn search_customers(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<CustomerSearch>,
) -> Result<List<Customer>, Error> {
    let mut faults = Faults::default();
    let mut filter = Filter::page(input.skip, input.take, input.page_length, &mut faults);
    filter.resume(input.cursor.as_deref(), &mut faults);
    faults.end()?;
    filter.keyword = search::keyword_or_phone(input.keyword.as_deref());
    filter.best_first = filter.keyword.is_some();
    filter.reach = Reach::of(&caller);
    let mut conn = app.db.read().await?;
    let page = find_page(&mut conn, caller.company, &filter, app.config.effort).await?;
    let value = views(&mut conn, caller.company, page.rows).await?;
    Ok(List { value, total: page.total, next: page.next })
}

impl CustomerEnquiry {
    async fn filter(self, conn: &mut Conn, company: i64) -> Result<Filter, Error> {
        let mut faults = Faults::default();
        let mut filter = Filter::page(self.skip, self.take, self.page_length, &mut faults);
        let order = self.order_by.as_deref().unwrap_or_default().trim();
        if !order.is_empty() && !filter.order(order) {
            let message = "orderBy must be dateCreated, dateModified, customerName or customerCode, with asc or desc";
            faults.add(Code::InvalidValue, "orderBy", message);
        }
        filter.resume(self.cursor.as_deref(), &mut faults);
        filter.state = self.customer_state;
        match self.customer_type {
            Some(legacy @ (11_100 | 11_200 | 11_300)) => filter.state = Some((legacy - 11_000) / 100),
            kind => filter.kind = kind,
        }
        let numbers: [(&str, Option<i64>, &[i64]); 4] = [
            ("customerState", filter.state, &[1, 2, 3]),
            ("customerType", filter.kind, &[1, 2, 11_100, 11_200, 11_300]),
            ("customerStatus", self.customer_status, &[0, 1, 2]),
            ("leadStatus", self.lead_status, &[1, 2, 3, 4]),
        ];
        for (field, number, allowed) in numbers {
            if let Some(number) = number {
                faults.one_of(field, number, allowed);
            }
        }
        let zone = time::zone(conn, company).await?;
        let mut at = |field: &str, text: &Option<String>, end: bool| {
            let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
            let at = if end { time::read_end(text, &zone) } else { time::read(text, &zone) };
            if at.is_none() {
                faults.add(Code::InvalidFormat, field, format!("{field} must be a time such as 2025-01-29T15:38:43"));
            }
            at
        };
        filter.created = (at("dateFrom", &self.date_from, false), at("dateTo", &self.date_to, true));
        filter.modified = (at("modifiedFrom", &self.modified_from, false), at("modifiedTo", &self.modified_to, true));
        faults.end()?;
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if let Some(text) = given(self.customer_phone) {
            let country = profile::of(conn, company).await?.country.clone();
            // A text that is no number belongs to nobody.
            filter.phone = Some(phone::e164(&text, &country).unwrap_or_default());
        }
        Ok(Filter {
            status: self.customer_status,
            lead_status: self.lead_status,
            keyword: search::keyword_or_phone(self.keyword.as_deref()),
            code: given(self.customer_code),
            name: given(self.customer_name),
            tax_no: given(self.customer_tax_no),
            email: given(self.customer_email).map(|email| search::fold(search::trimmed(&email))),
            owners: self.owners.unwrap_or_default(),
            group: given(self.customer_group_name),
            source: given(self.source_name),
            classification: given(self.classification_name),
            interests: self.interests_name.unwrap_or_default(),
            tags: self.customer_tags.unwrap_or_default(),
            ..filter
        })
    }
}
