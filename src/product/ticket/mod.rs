//! Many products at once: the request is kept under a ticket before it is acknowledged, and worked off in the background,
//! lot by lot. The tickets of a company are worked off one after another, in the order in which they came.

mod work;

use std::collections::BTreeMap;

use axum::extract::State;
use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::work::run;
use super::input::ProductWrite;
use crate::app::App;
use crate::http::{Bulk, Caller, Code, Envelope, Error, Paging, Path, Query, Reply, language};
use crate::job::{self, Kind};
use crate::setting::number;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_or_update_products))
        .routes(routes!(get_product_ticket))
        .routes(routes!(list_ticket_items))
}

/// Products to create or to update.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the document's picture of the body, which is taken apart product by product")]
struct ProductUpsertRequest {
    /// The products: at most 10,000.
    products: Vec<ProductWrite>,
}

/// Where to ask what became of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TicketAccepted {
    /// The ticket's number.
    #[schema(example = 280)]
    ticket_id: i64,
    /// How many products the request has.
    #[schema(example = 1)]
    total: i64,
}

/// How far the work on a request is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Ticket {
    /// The ticket's number.
    #[schema(example = 280)]
    ticket_id: i64,
    /// `waiting`, `running`, `done`.
    #[schema(example = "done")]
    state: String,
    /// How many products the request has.
    #[schema(example = 1000)]
    total: i64,
    /// How many have been worked on.
    #[schema(example = 1000)]
    processed: i64,
    /// How many were created.
    #[schema(example = 900)]
    created: i64,
    /// How many were updated.
    #[schema(example = 60)]
    updated: i64,
    /// How many were as they were sent already.
    #[schema(example = 30)]
    unchanged: i64,
    /// How many are at fault; the others are not touched by that.
    #[schema(example = 10)]
    failed: i64,
    /// Percent that have been worked on.
    #[schema(example = 100)]
    progress: i64,
    /// Those at fault, in the request's order: one page of them.
    errors: Vec<TicketItem>,
    /// Who sent the request: the id of an API client.
    created_by_user_id: String,
    /// When it was accepted.
    #[schema(example = "2023-01-20T11:38:34+0700")]
    date_created: String,
    /// When the work began.
    date_started: Option<String>,
    /// When the work ended.
    date_finished: Option<String>,
}

/// What became of one product of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TicketItem {
    /// Its place in the request, from 0.
    #[schema(example = 3)]
    index: i64,
    /// `waiting`, `created`, `updated`, `unchanged`, `failed`.
    #[schema(example = "failed")]
    state: String,
    /// The product's number, when it was written.
    product_id: Option<i64>,
    /// The product's code, when it has one.
    #[schema(example = "Li00001")]
    product_code: Option<String>,
    /// What is wrong with it: the field as in the product (`prices[0].regularPrice`).
    errors: Vec<TicketFault>,
}

/// One fault of a product.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct TicketFault {
    /// What is wrong, in stable snake_case.
    #[schema(example = "not_found")]
    code: String,
    /// The field at fault.
    #[schema(example = "productUnitName")]
    field: String,
    /// The same for people.
    #[schema(example = "productUnitName \"API\" is not in the list units")]
    message: String,
}

impl TicketFault {
    /// The same in the language of the present request.
    fn told(self) -> TicketFault {
        TicketFault { message: language::told_stored(&self.code, &self.message), ..self }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct TicketPath {
    /// The ticket's number.
    ticket_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// Products to leave out.
    skip: Option<i64>,
    /// Products a page: at most 200, default 200.
    take: Option<i64>,
}

/// The most products of one request.
const MOST: usize = 10_000;

/// Products that are stored with one statement.
const CHUNK: usize = 500;

/// Create products, or update those whose codes are known; single items, or items with variants.
///
/// The request is kept and answered with a ticket at once; ask the ticket what became of it. One product that is at fault
/// spoils no other. What is absent of a product that is known stays as it is, null clears it. Categories, tags, brands,
/// price tiers and VAT rates are made when they are new; units and attributes must be there.
#[utoipa::path(
    post,
    path = "/v3/products",
    operation_id = "createOrUpdateProducts",
    tag = "Product",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = ProductUpsertRequest,
    responses((status = 200, description = "The ticket.", body = Envelope<TicketAccepted>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = [])),
    extensions(("x-bulk" = json!(true)))
)]
async fn create_or_update_products(
    State(app): State<App>,
    caller: Caller,
    Bulk(body): Bulk,
) -> Result<Reply<TicketAccepted>, Error> {
    let items = split(&body)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let (ticket_id, total) = store(&mut tx, &caller, &items, app.now()).await?;
            tx.reply(Reply::ok(TicketAccepted { ticket_id, total })).await
        })
        .await?;
    app.wakes.wake(Kind::Products);
    Ok(reply)
}

/// Get the state of a request to write products, and what is wrong with those of it that are at fault.
#[utoipa::path(
    get,
    path = "/tickets/{ticketId}",
    operation_id = "getProductTicket",
    tag = "Product",
    params(TicketPath, PageQuery),
    responses((status = 200, description = "The ticket.", body = Envelope<Ticket>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_product_ticket(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TicketPath>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Ticket>, Error> {
    let paging = query.paging()?;
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, caller.company, path.ticket_id).await?.ok_or(Error::NotFound("ticket"))?;
    let errors = items(&mut conn, caller.company, row.id, Some("failed"), paging).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    Ok(Reply::ok(row.view(errors, &zone)))
}

/// List the products of a request, in its order, each with what became of it.
#[utoipa::path(
    get,
    path = "/tickets/{ticketId}/items",
    operation_id = "listTicketItems",
    tag = "Product",
    params(TicketPath, PageQuery),
    responses((status = 200, description = "One page of products.", body = Envelope<Vec<TicketItem>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn list_ticket_items(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TicketPath>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Vec<TicketItem>>, Error> {
    let paging = query.paging()?;
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, caller.company, path.ticket_id).await?.ok_or(Error::NotFound("ticket"))?;
    Ok(Reply::ok(items(&mut conn, caller.company, row.id, None, paging).await?))
}

impl PageQuery {
    fn paging(&self) -> Result<Paging, Error> {
        let mut faults = Vec::new();
        let paging = Paging::read(self.skip, self.take.or(Some(Paging::MOST)), None, &mut faults);
        if faults.is_empty() { Ok(paging) } else { Err(Error::Invalid(faults)) }
    }
}

/// The products of a body, each as it was sent.
pub(super) fn split(body: &[u8]) -> Result<Vec<&str>, Error> {
    let required = || Error::invalid(Code::Required, "products", "products is required");
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(required());
    }
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Error::invalid(Code::InvalidBody, "", "The body must be a JSON object"));
    }
    let wrong = |error: serde_json::Error| {
        Error::invalid(Code::InvalidBody, "", format!("The body is not valid JSON: {error}"))
    };
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body).map_err(wrong)?;
    let products = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("products"));
    let products = products.map(|(_, value)| value.get().trim()).ok_or_else(required)?;
    let mut items: Vec<&str> = match products.as_bytes().first() {
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(products).map_err(wrong)?;
            items.into_iter().map(RawValue::get).collect()
        }
        // One product where a list of them is meant.
        Some(b'{') => vec![products],
        Some(b'n') => return Err(required()),
        _ => return Err(Error::invalid(Code::InvalidType, "products", "products must be a list")),
    };
    items.retain(|item| !matches!(*item, "null" | "\"\""));
    match items.len() {
        0 => Err(required()),
        count if count > MOST => {
            let message = format!("products may have {MOST} entries");
            Err(Error::invalid(Code::TooLong, "products", message))
        }
        _ => Ok(items),
    }
}

/// Keeps a request under a new ticket, and asks for the work.
async fn store(tx: &mut Conn, caller: &Caller, items: &[&str], now: i64) -> Result<(i64, i64), Error> {
    let company = caller.company;
    let id = number::next(tx, company, "ticket").await?;
    let total = i64::try_from(items.len()).unwrap_or(i64::MAX);
    tx.sql(
        "insert into product_ticket (company, id, state, total, created, updated, unchanged, failed, client, created_at)
         values ($1, $2, 'waiting', $3, 0, 0, 0, 0, $4, $5)",
    )
    .bind(company)
    .bind(id)
    .bind(total)
    .bind(&caller.id)
    .bind(now)
    .later()
    .await?;
    let mut position: i64 = 0;
    for chunk in items.chunks(CHUNK) {
        let mut rows = Rows::new(&[("position", Type::BigInt), ("input", Type::Text)]);
        for item in chunk {
            rows.push([position.into(), (*item).into()]);
            position += 1;
        }
        tx.sql("insert into product_ticket_item (company, ticket, position, input, state) select ")
            .push_bind(company)
            .push(", ")
            .push_bind(id)
            .push(", position, input, 'waiting' from ")
            .push_rows(&rows)
            .push(" as input")
            .later()
            .await?;
    }
    // One key for all tickets of a company, so that what came first is written first.
    job::enqueue(tx, company, Kind::Products, "", now).await?;
    Ok((id, total))
}

#[derive(Debug, Deserialize)]
struct Row {
    id: i64,
    state: String,
    total: i64,
    created: i64,
    updated: i64,
    unchanged: i64,
    failed: i64,
    client: String,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
}

const TICKET: &str = "select id, state, total, created, updated, unchanged, failed, client, created_at, started_at, \
    finished_at from product_ticket where company = $1";

impl Row {
    fn view(self, errors: Vec<TicketItem>, zone: &time::Zone) -> Ticket {
        let processed = self.created + self.updated + self.unchanged + self.failed;
        Ticket {
            ticket_id: self.id,
            state: self.state,
            total: self.total,
            processed,
            created: self.created,
            updated: self.updated,
            unchanged: self.unchanged,
            failed: self.failed,
            progress: processed * 100 / self.total.max(1),
            errors,
            created_by_user_id: self.client,
            date_created: time::text(self.created_at, zone),
            date_started: self.started_at.map(|at| time::text(at, zone)),
            date_finished: self.finished_at.map(|at| time::text(at, zone)),
        }
    }
}

async fn find(conn: &mut Conn, company: i64, id: i64) -> Result<Option<Row>, db::Error> {
    conn.sql(TICKET).push(" and id = $2").bind(company).bind(id).optional().await
}

/// The oldest ticket of a company whose work has not ended.
async fn oldest(conn: &mut Conn, company: i64) -> Result<Option<Row>, db::Error> {
    conn.sql(TICKET).push(" and state <> 'done' order by id limit 1").bind(company).optional().await
}

async fn items(
    conn: &mut Conn,
    company: i64,
    ticket: i64,
    state: Option<&'static str>,
    paging: Paging,
) -> Result<Vec<TicketItem>, db::Error> {
    #[derive(Deserialize)]
    struct Item {
        position: i64,
        state: String,
        code: Option<String>,
        product: Option<i64>,
        errors: Option<Vec<TicketFault>>,
    }
    let mut query = conn
        .sql(
            "select position, state, code, product, errors from product_ticket_item where company = $1 and ticket = $2",
        )
        .bind(company)
        .bind(ticket);
    if let Some(state) = state {
        query = query.push(" and state = ").push_bind(state);
    }
    let query = query.push(" order by position limit ").push_bind(paging.take).push(" offset ").push_bind(paging.skip);
    let found: Vec<Item> = query.all().await?;
    let items = found.into_iter().map(|item| TicketItem {
        index: item.position,
        state: item.state,
        product_id: item.product,
        product_code: item.code,
        errors: item.errors.into_iter().flatten().map(TicketFault::told).collect(),
    });
    Ok(items.collect())
}

/// Forgets tickets that were done before this time; at most `most` rows at once.
pub(crate) async fn purge(tx: &mut Conn, before: i64, most: i64) -> Result<u64, db::Error> {
    let items = tx
        .sql(
            "delete from product_ticket_item where (company, ticket, position) in
               (select item.company, item.ticket, item.position from product_ticket as ticket
                join product_ticket_item as item on item.company = ticket.company and item.ticket = ticket.id
                where ticket.created_at <= $1 and ticket.state = 'done' order by ticket.created_at limit $2)",
        )
        .bind(before)
        .bind(most)
        .exec()
        .await?;
    let tickets = tx
        .sql(
            "delete from product_ticket where (company, id) in
               (select ticket.company, ticket.id from product_ticket as ticket
                where ticket.created_at <= $1 and ticket.state = 'done'
                  and not exists (select 1 from product_ticket_item as item
                                  where item.company = ticket.company and item.ticket = ticket.id)
                order by ticket.created_at limit $2)",
        )
        .bind(before)
        .bind(most)
        .exec()
        .await?;
    Ok(items + tickets)
}
