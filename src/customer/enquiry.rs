//! Lists of customers: the enquiry with its filters, and the search over everything that a customer is known by.

use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::{Conn, Query, Rows, Type};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Row};
use super::{Customer, views};
use crate::app::App;
use crate::http::{Caller, Code, Error, Faults, Json, List, ListEnvelope, Listing, Paging};
use crate::setting::list::List as Choices;
use crate::setting::{choice, phone, profile};
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
    let filter = input.filter(&mut conn, caller.company).await?;
    let page = find_page(&mut conn, caller.company, &filter).await?;
    let value = views(&mut conn, caller.company, page.rows).await?;
    Ok(List { value, counted: page.counted, next: page.next })
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
    let mut conn = app.db.read().await?;
    let page = find_page(&mut conn, caller.company, &filter).await?;
    let value = views(&mut conn, caller.company, page.rows).await?;
    Ok(List { value, counted: page.counted, next: page.next })
}

/// The order of a list; each is that of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum By {
    #[default]
    DateCreated,
    DateModified,
    CustomerName,
    CustomerCode,
}

/// Where a page begins: after this customer, in this order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cursor {
    by: By,
    descending: bool,
    text: String,
    at: i64,
    id: i64,
}

/// Which customers to list, in the database's words.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) skip: i64,
    pub(super) take: i64,
    pub(super) by: By,
    pub(super) descending: bool,
    pub(super) cursor: Option<Cursor>,
    pub(super) best_first: bool,
    pub(super) keyword: Option<String>,
    pub(super) state: Option<i64>,
    pub(super) kind: Option<i64>,
    pub(super) status: Option<i64>,
    /// Active: status 0; false: any other.
    pub(super) active: Option<bool>,
    pub(super) lead_status: Option<i64>,
    pub(super) code: Option<String>,
    pub(super) name: Option<String>,
    pub(super) tax_no: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) email: Option<String>,
    pub(super) owners: Vec<String>,
    pub(super) has_owner: bool,
    pub(super) team: Option<i64>,
    pub(super) group: Option<String>,
    pub(super) source: Option<String>,
    pub(super) classification: Option<String>,
    pub(super) groups: Vec<i64>,
    pub(super) classifications: Vec<i64>,
    pub(super) interests: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) created: (Option<i64>, Option<i64>),
    pub(super) modified: (Option<i64>, Option<i64>),
    pub(super) near: Option<Near>,
}

/// Within a distance of a place. Degrees are millionths, as they are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    latitude: i64,
    longitude: i64,
    /// Kilometres to metres, in millionths of a degree of latitude.
    reach: i64,
    /// How much shorter a degree of longitude is here, in thousandths.
    narrow: i64,
}

impl Near {
    /// Around a place, in degrees and kilometres.
    pub(super) fn new(latitude: f64, longitude: f64, kilometres: f64) -> Near {
        // A degree of latitude is 111.195 km (mean radius of the earth 6371.0088 km, IUGG).
        #[expect(clippy::cast_possible_truncation, reason = "within the range of degrees")]
        let millionths = |degrees: f64| (degrees.clamp(-360.0, 360.0) * 1e6).round() as i64;
        #[expect(clippy::cast_possible_truncation, reason = "a cosine is at most 1")]
        let narrow = (latitude.to_radians().cos().abs() * 1000.0).round().max(1.0) as i64;
        Near {
            latitude: millionths(latitude),
            longitude: millionths(longitude),
            reach: millionths(kilometres / 111.195),
            narrow,
        }
    }
}

impl Filter {
    /// A page without filters.
    pub(super) fn page(skip: Option<i64>, take: Option<i64>, page_length: Option<i64>, faults: &mut Faults) -> Filter {
        let Paging { skip, take } = Paging::read(skip, take, page_length, faults.list());
        Filter { skip, take, descending: true, ..Filter::default() }
    }

    /// The order by its words; false when they are not known.
    pub(super) fn order(&mut self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        let (name, word) = text.split_once([' ', ':']).unwrap_or((text.as_str(), ""));
        let (name, minus) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
        let (by, usual) = match name {
            "datecreated" | "customerid" => (By::DateCreated, true),
            "datemodified" => (By::DateModified, true),
            "customername" => (By::CustomerName, false),
            "customercode" => (By::CustomerCode, false),
            _ => return false,
        };
        let descending = match word.trim() {
            "" => usual || minus,
            "asc" => false,
            "desc" => true,
            _ => return false,
        };
        (self.by, self.descending) = (by, descending);
        true
    }

    /// Goes on where a page ended; its order is that page's.
    fn resume(&mut self, cursor: Option<&str>, faults: &mut Faults) {
        let Some(text) = cursor.map(str::trim).filter(|text| !text.is_empty()) else { return };
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let Some(cursor) = bytes.and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok()) else {
            faults.add(Code::InvalidValue, "cursor", "cursor is not the next of a page");
            return;
        };
        (self.by, self.descending, self.skip) = (cursor.by, cursor.descending, 0);
        self.cursor = Some(cursor);
    }

    fn after(&self, row: &Row) -> Option<String> {
        let text = match self.by {
            By::CustomerName => store::key(&row.name),
            By::CustomerCode => store::key(&row.code),
            By::DateCreated | By::DateModified => String::new(),
        };
        let cursor = Cursor { by: self.by, descending: self.descending, text, at: row.modified_at, id: row.id };
        serde_json::to_vec(&cursor).ok().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
    }

    /// `where` with every filter but the cursor.
    fn apply<'c>(&self, mut query: Query<'c>, company: i64) -> Query<'c> {
        query = query.push(" where customer.company = ").push_bind(company).push(" and customer.deleted_at is null");
        let numbers = [
            (" and customer.state = ", self.state),
            (" and customer.kind = ", self.kind),
            (" and customer.status = ", self.status),
            (" and customer.lead_status = ", self.lead_status),
            (" and customer.created_at >= ", self.created.0),
            (" and customer.created_at <= ", self.created.1),
            (" and customer.modified_at >= ", self.modified.0),
            (" and customer.modified_at <= ", self.modified.1),
        ];
        for (condition, number) in numbers {
            if let Some(number) = number {
                query = query.push(condition).push_bind(number);
            }
        }
        if let Some(active) = self.active {
            query = query.push(if active { " and customer.status = 0" } else { " and customer.status <> 0" });
        }
        let texts = [
            (" and customer.code_key = ", self.code.as_deref().map(store::key)),
            (" and customer.name_key = ", self.name.as_deref().map(store::key)),
            (" and customer.tax_key = ", self.tax_no.as_deref().map(store::tax_key)),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                query = query.push(condition).push_bind(text);
            }
        }
        if let Some(keyword) = &self.keyword {
            query =
                query.push(" and customer.search_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
        }
        query = self.apply_links(query, company);
        match self.near {
            Some(near) => apply_near(query, near),
            None => query,
        }
    }

    /// The filters by what stands in other tables.
    fn apply_links<'c>(&self, mut query: Query<'c>, company: i64) -> Query<'c> {
        for (kind, value) in [("phone", &self.phone), ("email", &self.email)] {
            if let Some(value) = value {
                query = query
                    .push(" and customer.id in (select customer from customer_identity where company = ")
                    .push_bind(company)
                    .push(" and kind = ")
                    .push_bind(kind)
                    .push(" and value = ")
                    .push_bind(value.as_str())
                    .push(")");
            }
        }
        let names = [
            (" and customer.customer_group = ", Choices::CustomerGroups, &self.group),
            (" and customer.source = ", Choices::Sources, &self.source),
            (" and customer.classification = ", Choices::Classifications, &self.classification),
        ];
        for (condition, list, name) in names {
            if let Some(name) = name {
                query = query.push(condition).push("(select id from choice where company = ").push_bind(company);
                query = query.push(" and list = ").push_bind(list.path());
                query = query.push(" and name_key = ").push_bind(choice::key(name)).push(")");
            }
        }
        let numbers = [
            (" and customer.customer_group in (select id from ", &self.groups),
            (" and customer.classification in (select id from ", &self.classifications),
        ];
        for (condition, ids) in numbers {
            if !ids.is_empty() {
                query = query.push(condition).push_rows(&rows_of(ids)).push(" as wanted)");
            }
        }
        for (list, names) in [(Choices::Interests, &self.interests), (Choices::Tags, &self.tags)] {
            if !names.is_empty() {
                let keys: Vec<String> = names.iter().map(|name| choice::key(name)).collect();
                query = query.push(" and customer.id in (select used.customer from choice join customer_choice as used on used.company = choice.company and used.list = choice.list and used.choice = choice.id where choice.company = ").push_bind(company);
                query = query.push(" and choice.list = ").push_bind(list.path());
                query = query
                    .push(" and choice.name_key in (select name from ")
                    .push_rows(&texts_of(&keys))
                    .push(" as wanted))");
            }
        }
        if !self.owners.is_empty() {
            let keys: Vec<String> = self.owners.iter().map(|owner| owner.trim().to_lowercase()).collect();
            query = query
                .push(" and customer.id in (select customer from customer_owner where company = ")
                .push_bind(company);
            query = query.push(" and staff_key in (select name from ").push_rows(&texts_of(&keys)).push(" as wanted))");
        }
        if self.has_owner {
            query = query.push(" and exists (select 1 from customer_owner as owner where owner.company = customer.company and owner.customer = customer.id)");
        }
        if let Some(team) = self.team {
            query = query.push(" and customer.id in (select owner.customer from employee join customer_owner as owner on owner.company = employee.company and owner.staff_key = employee.staff_key where employee.company = ").push_bind(company);
            query = query.push(" and employee.team = ").push_bind(team).push(")");
        }
        query
    }

    fn apply_order<'c>(&self, query: Query<'c>) -> Query<'c> {
        query.push(match (self.by, self.descending) {
            (By::DateCreated, true) => " order by customer.id desc",
            (By::DateCreated, false) => " order by customer.id",
            (By::DateModified, true) => " order by customer.modified_at desc, customer.id desc",
            (By::DateModified, false) => " order by customer.modified_at, customer.id",
            (By::CustomerName, true) => " order by customer.name_key desc, customer.id desc",
            (By::CustomerName, false) => " order by customer.name_key, customer.id",
            (By::CustomerCode, true) => " order by customer.code_key desc",
            (By::CustomerCode, false) => " order by customer.code_key",
        })
    }
}

fn rows_of(ids: &[i64]) -> Rows {
    let mut rows = Rows::new(&[("id", Type::BigInt)]);
    for id in ids {
        rows.push([(*id).into()]);
    }
    rows
}

fn texts_of(texts: &[String]) -> Rows {
    let mut rows = Rows::new(&[("name", Type::Text)]);
    for text in texts {
        rows.push([text.as_str().into()]);
    }
    rows
}

/// A box around the place, which an index answers, and the circle within it: flat, which is exact enough for the
/// distances that people visit customers in.
fn apply_near(query: Query<'_>, near: Near) -> Query<'_> {
    let wide = near.reach * 1000 / near.narrow;
    query
        .push(" and customer.latitude between ")
        .push_bind(near.latitude - near.reach)
        .push(" and ")
        .push_bind(near.latitude + near.reach)
        .push(" and customer.longitude between ")
        .push_bind(near.longitude - wide)
        .push(" and ")
        .push_bind(near.longitude + wide)
        .push(" and (customer.latitude - ")
        .push_bind(near.latitude)
        .push(") * (customer.latitude - ")
        .push_bind(near.latitude)
        .push(") + ((customer.longitude - ")
        .push_bind(near.longitude)
        .push(") * ")
        .push_bind(near.narrow)
        .push(" / 1000) * ((customer.longitude - ")
        .push_bind(near.longitude)
        .push(") * ")
        .push_bind(near.narrow)
        .push(" / 1000) <= ")
        .push_bind(near.reach * near.reach)
}

/// A page of customers.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    pub(super) counted: i64,
    pub(super) next: Option<String>,
}

/// Finds a page, and how many there are in all.
///
/// A keyword that few customers can have is answered from the text index: those are looked at, all of them, which also
/// counts them. A keyword that many have is met soon in the list's own order, so that order is followed.
pub(super) async fn find_page(conn: &mut Conn, company: i64, filter: &Filter) -> Result<Found, Error> {
    if let Some(keyword) = &filter.keyword
        && let Some(ids) = conn.text_candidates("customer_text", company, keyword, Listing::<Row>::MOST_COUNTED).await?
    {
        return among(conn, company, filter, &ids).await;
    }
    let counted = count(conn, company, filter).await?;
    let mut query = filter.apply(conn.sql("select ").push(store::COLUMNS).push(" from customer"), company);
    if let Some(cursor) = &filter.cursor {
        query = after(query, cursor);
    }
    let query = filter.apply_order(query).push(" limit ").push_bind(filter.take + 1);
    let rows: Vec<Row> = query.push(" offset ").push_bind(filter.skip).all().await?;
    Ok(cut(rows, counted, filter))
}

/// How many match, stopped one beyond what is counted exactly. A keyword that comes this far is one that many have: the
/// other filters are counted first, because a text is only compared where that cannot take long.
async fn count(conn: &mut Conn, company: i64, filter: &Filter) -> Result<i64, db::Error> {
    let most = Listing::<Row>::MOST_COUNTED + 1;
    if filter.keyword.is_some() {
        let others = Filter { keyword: None, ..filter.clone() };
        let query = others.apply(conn.sql("select count(*) from (select 1 from customer"), company);
        let counted: i64 = query.push(" limit ").push_bind(most).push(") as counted").one().await?;
        if counted == most {
            return Ok(most);
        }
    }
    let query = filter.apply(conn.sql("select count(*) from (select 1 from customer"), company);
    query.push(" limit ").push_bind(most).push(") as counted").one().await
}

fn cut(mut rows: Vec<Row>, counted: i64, filter: &Filter) -> Found {
    let take = usize::try_from(filter.take).unwrap_or_default();
    let more = rows.len() > take;
    rows.truncate(take);
    let next = rows.last().filter(|_| more).and_then(|row| filter.after(row));
    Found { rows, counted, next }
}

/// Only what comes after the last customer of the page before.
fn after<'c>(query: Query<'c>, cursor: &Cursor) -> Query<'c> {
    let query = query.push(match (cursor.by, cursor.descending) {
        (By::DateCreated, true) => " and customer.id < ",
        (By::DateCreated, false) => " and customer.id > ",
        (By::DateModified, true) => " and (customer.modified_at, customer.id) < (",
        (By::DateModified, false) => " and (customer.modified_at, customer.id) > (",
        (By::CustomerName, true) => " and (customer.name_key, customer.id) < (",
        (By::CustomerName, false) => " and (customer.name_key, customer.id) > (",
        (By::CustomerCode, true) => " and customer.code_key < ",
        (By::CustomerCode, false) => " and customer.code_key > ",
    });
    match cursor.by {
        By::DateCreated => query.push_bind(cursor.id),
        By::CustomerCode => query.push_bind(cursor.text.as_str()),
        By::DateModified => query.push_bind(cursor.at).push(", ").push_bind(cursor.id).push(")"),
        By::CustomerName => query.push_bind(cursor.text.as_str()).push(", ").push_bind(cursor.id).push(")"),
    }
}

/// A page of these customers, at most 10,000: all that match are put in order first, by number alone.
async fn among(conn: &mut Conn, company: i64, filter: &Filter, ids: &[i64]) -> Result<Found, Error> {
    if ids.is_empty() {
        return Ok(Found { rows: Vec::new(), counted: 0, next: None });
    }
    let query = conn.sql("select customer.id from ").push_rows(&rows_of(ids));
    let query = query.push(" as candidate cross join customer");
    let mut query = filter.apply(query, company).push(" and customer.id = candidate.id");
    if filter.best_first
        && let Some(keyword) = &filter.keyword
    {
        query = query
            .push(" order by case when customer.code_key = ")
            .push_bind(keyword.as_str())
            .push(" then 0 when customer.name_key = ")
            .push_bind(keyword.as_str())
            .push(" then 1 when customer.name_key like ")
            .push_bind(search::prefix(keyword))
            .push(" escape '!' then 2 else 3 end, customer.id desc");
    } else {
        query = filter.apply_order(query);
    }
    let matching: Vec<i64> = query.all().await?;
    let counted = i64::try_from(matching.len()).unwrap_or(i64::MAX);
    let start = match &filter.cursor {
        Some(cursor) => matching.iter().position(|id| *id == cursor.id).map_or(matching.len(), |place| place + 1),
        None => usize::try_from(filter.skip).unwrap_or(usize::MAX),
    };
    let take = usize::try_from(filter.take).unwrap_or_default();
    let page: Vec<i64> = matching.into_iter().skip(start).take(take + 1).collect();
    let mut rows: Vec<Row> = conn
        .sql("select ")
        .push(store::COLUMNS)
        .push(" from ")
        .push_rows(&rows_of(&page))
        .push(" as wanted join customer on customer.id = wanted.id and customer.company = ")
        .push_bind(company)
        .all()
        .await?;
    rows.sort_by_key(|row| page.iter().position(|id| *id == row.id));
    Ok(cut(rows, counted, filter))
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
            let country = profile::of(conn, company).await?.country;
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
            email: given(self.customer_email).map(|email| email.to_lowercase()),
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
