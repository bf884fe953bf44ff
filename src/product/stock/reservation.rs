//! Reservations: stock that is kept for a document until it is delivered, given up, or its time is over. One that has
//! expired holds nothing from that moment on, without anybody's doing.

use std::collections::HashMap;

use axum::extract::State;
use db::{Amount, Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::change::{self, Found, Sign, StockLine};
use super::item::{self, Line};
use super::ledger::{By, Cause, Movement, Reason};
use super::warehouse::Warehouses;
use super::{each, open};
use crate::app::App;
use crate::http::{
    Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Page, Paging, Path, Query, Reply,
};
use crate::job::Kind;
use crate::search;
use crate::setting::number;
use crate::time::{self, Zone};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_stock_reservations, reserve_stock))
        .routes(routes!(get_stock_reservation))
        .routes(routes!(release_stock_reservation))
        .routes(routes!(consume_stock_reservation))
}

/// What is to be kept for a document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StockReservationWrite {
    /// The document; it has one open reservation at a time.
    #[schema(example = "SO2511-0001")]
    document: String,
    /// Until when; for ever when it is absent.
    #[schema(example = "2099-01-29T15:38:43")]
    expires_at: Option<String>,
    /// Number or name of a warehouse; the company's own when it is absent.
    #[schema(example = json!(null))]
    warehouse: Option<String>,
    /// What is kept: quantities above 0. A bundle is kept as its parts.
    items: Vec<StockLine>,
}

/// Stock that is kept for a document.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StockReservation {
    /// Its number.
    #[schema(example = 12)]
    reservation_id: i64,
    /// The document.
    #[schema(example = "SO2511-0001")]
    document: String,
    /// `open`, `released`, `consumed`, `expired`.
    #[schema(example = "open")]
    state: String,
    /// Until when; null: for ever.
    #[schema(example = "2099-01-29T15:38:43+0700")]
    expires_at: Option<String>,
    /// What is kept; what has no stock is not there.
    items: Vec<StockReservationItem>,
    /// Who made it: the id of an API client.
    created_by_user_id: String,
    /// When it was made.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_created: String,
    /// Who released or consumed it.
    ended_by_user_id: Option<String>,
    /// When that was.
    date_ended: Option<String>,
}

/// So many of a product that are kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StockReservationItem {
    /// The product's code.
    #[schema(example = "A001")]
    product_code: String,
    /// The warehouse's number; 0 is the company's own.
    #[schema(example = 0)]
    warehouse_id: i64,
    /// Its name; the company's own has none.
    warehouse_name: Option<String>,
    /// How many.
    #[schema(value_type = f64, example = 2)]
    qty: Amount,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct ReservationPath {
    /// The reservation's number.
    reservation_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ReservationQuery {
    /// Only those of this document.
    #[param(example = "SO2511-0001")]
    document: Option<String>,
    /// `open`, `released`, `consumed` or `expired`.
    #[param(example = "open")]
    state: Option<String>,
    /// Number of a reservation: only older ones are given. The `next` of a page is the `before` of the following one.
    before: Option<i64>,
    /// Reservations a page: at most 200, default 20.
    take: Option<i64>,
}

/// Reserve stock for a document.
///
/// 409 names each item of which there are not enough, and then nothing is reserved.
#[utoipa::path(
    post,
    path = "/v1/products/reservations",
    operation_id = "reserveStock",
    tag = "Product",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = StockReservationWrite,
    responses((status = 200, description = "The reservation.", body = Envelope<StockReservation>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn reserve_stock(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<StockReservationWrite>,
) -> Result<Reply<StockReservation>, Error> {
    let zone = time::zone(&mut app.db.read().await?, caller.company).await?;
    let expires_at = check(&input, Faults::new(faults), &zone, app.now())?;
    caller
        .write(&app, async |mut tx| {
            let by = By::caller(&caller, app.now());
            let found = Found::new(&mut tx, &by, input.warehouse.as_deref(), &input.items).await?;
            let id = reserve(&mut tx, &by, &input.document, found.lines, expires_at).await?;
            let answer = reply(&mut tx, caller.company, id, &Conditions::default(), app.now()).await?;
            tx.reply(answer).await
        })
        .await
}

/// List reservations, the latest first.
#[utoipa::path(
    get,
    path = "/v1/products/reservations",
    operation_id = "listStockReservations",
    tag = "Product",
    params(ReservationQuery),
    responses((status = 200, description = "One page of reservations.", body = Envelope<Page<StockReservation>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn list_stock_reservations(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ReservationQuery>,
) -> Result<Reply<Page<StockReservation>>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(None, query.take, None, faults.list());
    let state = query.state.as_deref().map(|word| word.trim().to_lowercase());
    if state.as_deref().is_some_and(|state| !STATES.contains(&state)) {
        faults.add(Code::InvalidValue, "state", format!("state must be one of {}", STATES.join(", ")));
    }
    faults.end()?;
    let mut conn = app.db.read().await?;
    let rows = list(&mut conn, caller.company, &query, state.as_deref(), paging.take, app.now()).await?;
    let views = views(&mut conn, caller.company, rows, app.now()).await?;
    Ok(Reply::ok(Page::cut(views, paging.take, |reservation| reservation.reservation_id.to_string())))
}

/// Get a reservation.
#[utoipa::path(
    get,
    path = "/v1/products/reservations/{reservationId}",
    operation_id = "getStockReservation",
    tag = "Product",
    params(ReservationPath, ("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The reservation.", body = Envelope<StockReservation>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_stock_reservation(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ReservationPath>,
) -> Result<Reply<StockReservation>, Error> {
    reply(&mut app.db.read().await?, caller.company, path.reservation_id, &conditions, app.now()).await
}

/// Give up a reservation: what it kept can be sold to others.
#[utoipa::path(
    post,
    path = "/v1/products/reservations/{reservationId}/release",
    operation_id = "releaseStockReservation",
    tag = "Product",
    params(ReservationPath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    responses((status = 200, description = "The reservation.", body = Envelope<StockReservation>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn release_stock_reservation(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ReservationPath>,
) -> Result<Reply<StockReservation>, Error> {
    caller
        .write(&app, async |mut tx| {
            release(&mut tx, &By::caller(&caller, app.now()), path.reservation_id).await?;
            let answer = reply(&mut tx, caller.company, path.reservation_id, &Conditions::default(), app.now()).await?;
            tx.reply(answer).await
        })
        .await
}

/// Sell what a reservation keeps.
///
/// 409 when it has ended or expired.
#[utoipa::path(
    post,
    path = "/v1/products/reservations/{reservationId}/consume",
    operation_id = "consumeStockReservation",
    tag = "Product",
    params(ReservationPath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    responses((status = 200, description = "The reservation.", body = Envelope<StockReservation>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn consume_stock_reservation(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ReservationPath>,
) -> Result<Reply<StockReservation>, Error> {
    let consumed = caller
        .write(&app, async |mut tx| {
            consume(&mut tx, &By::caller(&caller, app.now()), path.reservation_id).await?;
            let answer = reply(&mut tx, caller.company, path.reservation_id, &Conditions::default(), app.now()).await?;
            tx.reply(answer).await
        })
        .await?;
    app.wakes.wake(Kind::Webhook);
    Ok(consumed)
}

const STATES: [&str; 4] = ["open", "released", "consumed", "expired"];

fn check(input: &StockReservationWrite, mut faults: Faults, zone: &Zone, now: i64) -> Result<Option<i64>, Error> {
    faults.required("document", &input.document, 100);
    let expires_at = change::given(input.expires_at.as_deref()).map(|text| {
        let at = time::read(text, zone);
        match at {
            None => {
                let message = "expiresAt must be a time such as 2025-01-31T10:00:00";
                faults.add(Code::InvalidFormat, "expiresAt", message);
            }
            Some(at) if at <= now => faults.add(Code::OutOfRange, "expiresAt", "expiresAt must be in the future"),
            Some(_) => {}
        }
        at.unwrap_or_default()
    });
    change::check(&input.items, Sign::Above, &mut faults);
    faults.end()?;
    Ok(expires_at)
}

/// Keeps stock for a document, bundles as their parts: all of it or nothing. Answers the reservation's number; 409 when
/// the document has one, or when there is not enough.
pub(crate) async fn reserve(
    tx: &mut Conn,
    by: &By<'_>,
    document: &str,
    lines: Vec<Line>,
    expires_at: Option<i64>,
) -> Result<i64, Error> {
    let lines = item::take_apart(tx, by.company, lines).await?;
    let key = search::fold(search::trimmed(document));
    let over: Option<i64> = tx
        .sql(
            "update stock_reservation set state = 'expired', ended_at = expires_at, version = version + 1
             where company = $1 and document_key = $2 and state = 'open' and expires_at <= $3 returning id",
        )
        .bind(by.company)
        .bind(key.as_str())
        .bind(by.now)
        .optional()
        .await?;
    if let Some(over) = over {
        close(tx, by.company, over).await?;
    }
    let id = number::next(tx, by.company, "stock-reservation").await?;
    let made = tx
        .sql(
            "insert into stock_reservation (company, id, document, document_key, state, expires_at, created_by, created_at,
                                            version)
             values ($1, $2, $3, $4, 'open', $5, $6, $7, 1)
             on conflict (company, document_key) where state = 'open' do nothing",
        )
        .bind(by.company)
        .bind(id)
        .bind(document.trim())
        .bind(key.as_str())
        .bind(expires_at)
        .bind(by.actor)
        .bind(by.now)
        .exec()
        .await?;
    if made == 0 {
        let message = format!("Document {} has an open reservation; release it first", document.trim());
        return Err(Error::Conflict(Fault::new(Code::Taken, "document", message)));
    }
    let mut ledger = open(tx, by, &lines).await?;
    each(&lines, |line| ledger.reserve(line.item.id, line.warehouse, line.quantity))?;
    insert(tx, by.company, id, &lines, expires_at).await?;
    Ok(id)
}

async fn insert(
    tx: &mut Conn,
    company: i64,
    id: i64,
    lines: &[Line],
    expires_at: Option<i64>,
) -> Result<(), db::Error> {
    let mut rows = Rows::new(&[
        ("position", Type::BigInt),
        ("product", Type::BigInt),
        ("warehouse", Type::BigInt),
        ("quantity", Type::BigInt),
    ]);
    for (position, line) in (0_i64..).zip(lines) {
        rows.push([position.into(), line.item.id.into(), line.warehouse.into(), line.quantity.into()]);
    }
    tx.sql(
        "insert into stock_reservation_line (company, reservation, position, product, warehouse, quantity, is_open, expires_at)
         select ",
    )
    .push_bind(company)
    .push(", ")
    .push_bind(id)
    .push(", position, product, warehouse, quantity, true, ")
    .push_bind(expires_at)
    .push(" from ")
    .push_rows(&rows)
    .push(" as input")
    .later()
    .await
}

/// Gives up a reservation.
pub(crate) async fn release(tx: &mut Conn, by: &By<'_>, id: i64) -> Result<(), Error> {
    end(tx, by, id, "released").await?;
    close(tx, by.company, id).await?;
    Ok(())
}

/// Sells what a reservation keeps.
pub(crate) async fn consume(tx: &mut Conn, by: &By<'_>, id: i64) -> Result<Vec<Movement>, Error> {
    let ended = end(tx, by, id, "consumed").await?;
    if ended.expires_at.is_some_and(|at| at <= by.now) {
        return Err(conflict(&ended, "expired"));
    }
    let kept = close(tx, by.company, id).await?;
    let products: Vec<i64> = kept.iter().map(|kept| kept.product).collect();
    let items = item::by_ids(tx, by.company, &products).await?;
    let lines: Vec<Line> = kept
        .into_iter()
        .filter_map(|kept| {
            let item = items.get(&kept.product)?.clone();
            let field = format!("items[{}].qty", kept.position);
            Some(Line { item, warehouse: kept.warehouse, quantity: kept.quantity, field })
        })
        .collect();
    let mut ledger = open(tx, by, &lines).await?;
    let cause = Cause { document: Some(&ended.document), ..Cause::of(Reason::Sale) };
    each(&lines, |line| ledger.take(line.item.id, line.warehouse, line.quantity, &cause))?;
    ledger.close(tx, by).await
}

/// Keeps stock for a document as long as it is not delivered; none when nothing of it has stock.
pub(crate) async fn keep(tx: &mut Conn, by: &By<'_>, document: &str, lines: Vec<Line>) -> Result<Option<i64>, Error> {
    let lines = item::take_apart(tx, by.company, lines).await?;
    if lines.is_empty() {
        return Ok(None);
    }
    reserve(tx, by, document, lines, None).await.map(Some)
}

/// Sells a part of what a reservation keeps, and goes on to keep the rest; without a rest it ends.
pub(crate) async fn consume_part(
    tx: &mut Conn,
    by: &By<'_>,
    id: i64,
    sold: Vec<Line>,
    rest: Vec<Line>,
) -> Result<Vec<Movement>, Error> {
    let sold = item::take_apart(tx, by.company, sold).await?;
    let rest = item::take_apart(tx, by.company, rest).await?;
    let document = if rest.is_empty() {
        end(tx, by, id, "consumed").await?.document
    } else {
        let held: Option<String> = tx
            .sql(
                "update stock_reservation set version = version + 1 where company = $1 and id = $2 and state = 'open'
                 returning document",
            )
            .bind(by.company)
            .bind(id)
            .optional()
            .await?;
        held.ok_or(Error::NotFound("reservation"))?
    };
    if rest.is_empty() {
        close(tx, by.company, id).await?;
    } else {
        tx.sql("delete from stock_reservation_line where company = $1 and reservation = $2")
            .bind(by.company)
            .bind(id)
            .exec()
            .await?;
    }
    let all: Vec<Line> = sold.iter().chain(&rest).cloned().collect();
    let mut ledger = open(tx, by, &all).await?;
    let cause = Cause { document: Some(&document), ..Cause::of(Reason::Sale) };
    each(&sold, |line| {
        let cause = Cause { bundle: line.item.bundle, ..cause };
        ledger.take(line.item.id, line.warehouse, line.quantity, &cause)
    })?;
    each(&rest, |line| ledger.reserve(line.item.id, line.warehouse, line.quantity))?;
    if !rest.is_empty() {
        insert(tx, by.company, id, &rest, None).await?;
    }
    ledger.close(tx, by).await
}

/// Ends an open reservation, and holds it; 409 when it has ended before.
async fn end(tx: &mut Conn, by: &By<'_>, id: i64, state: &str) -> Result<Row, Error> {
    let ended: Option<Row> = tx
        .sql(
            "update stock_reservation set state = $3, ended_by = $4, ended_at = $5, version = version + 1
             where company = $1 and id = $2 and state = 'open'
             returning id, document, state, expires_at, created_by, created_at, ended_by, ended_at, version",
        )
        .bind(by.company)
        .bind(id)
        .bind(state)
        .bind(by.actor)
        .bind(by.now)
        .optional()
        .await?;
    match ended {
        Some(ended) => Ok(ended),
        None => {
            let row = find(tx, by.company, id).await?.ok_or(Error::NotFound("reservation"))?;
            Err(conflict(&row, &row.state))
        }
    }
}

fn conflict(row: &Row, state: &str) -> Error {
    let message = format!("Reservation {} of {} is {state} already", row.id, row.document);
    Error::Conflict(Fault::new(Code::Conflict, "reservationId", message))
}

/// Ends reservations whose time is over, of any company, at most so many. They hold nothing already: this keeps what is
/// read for each sale from growing with reservations that nobody came back to.
pub(crate) async fn expire(tx: &mut Conn, now: i64, most: i64) -> Result<u64, db::Error> {
    let over: Vec<(i64, i64)> = tx
        .sql(
            "update stock_reservation set state = 'expired', ended_at = expires_at, version = version + 1
             where state = 'open' and (company, id) in
               (select company, id from stock_reservation where state = 'open' and expires_at <= $1
                order by expires_at limit $2)
             returning company, id",
        )
        .bind(now)
        .bind(most)
        .all()
        .await?;
    if over.is_empty() {
        return Ok(0);
    }
    let mut rows = Rows::new(&[("company", Type::BigInt), ("id", Type::BigInt)]);
    for (company, id) in &over {
        rows.push([(*company).into(), (*id).into()]);
    }
    tx.sql("update stock_reservation_line set is_open = false from ")
        .push_rows(&rows)
        .push(
            " as input
              where stock_reservation_line.company = input.company and stock_reservation_line.reservation = input.id",
        )
        .later()
        .await?;
    Ok(u64::try_from(over.len()).unwrap_or_default())
}

#[derive(Debug, Deserialize)]
struct Kept {
    position: i64,
    product: i64,
    warehouse: i64,
    quantity: Amount,
}

/// Lets go of what a reservation keeps.
async fn close(tx: &mut Conn, company: i64, id: i64) -> Result<Vec<Kept>, db::Error> {
    let mut kept: Vec<Kept> = tx
        .sql(
            "update stock_reservation_line set is_open = false where company = $1 and reservation = $2
             returning position, product, warehouse, quantity",
        )
        .bind(company)
        .bind(id)
        .all()
        .await?;
    kept.sort_unstable_by_key(|kept| kept.position);
    Ok(kept)
}

#[derive(Debug, Deserialize)]
struct Row {
    id: i64,
    document: String,
    state: String,
    expires_at: Option<i64>,
    created_by: String,
    created_at: i64,
    ended_by: Option<String>,
    ended_at: Option<i64>,
    version: i64,
}

const COLUMNS: &str = "select id, document, state, expires_at, created_by, created_at, ended_by, ended_at, version
    from stock_reservation where company = $1";

async fn find(conn: &mut Conn, company: i64, id: i64) -> Result<Option<Row>, db::Error> {
    conn.sql(COLUMNS).push(" and id = $2").bind(company).bind(id).optional().await
}

async fn list(
    conn: &mut Conn,
    company: i64,
    query: &ReservationQuery,
    state: Option<&str>,
    take: i64,
    now: i64,
) -> Result<Vec<Row>, db::Error> {
    let mut select = conn.sql(COLUMNS).bind(company);
    if let Some(document) = &query.document {
        select = select.push(" and document_key = ").push_bind(search::fold(search::trimmed(document)));
    }
    select = match state {
        None => select,
        Some("open") => {
            select.push(" and state = 'open' and (expires_at is null or expires_at > ").push_bind(now).push(")")
        }
        // One whose time is over is called open until its document reserves anew.
        Some("expired") => select.push(" and state in ('expired', 'open') and expires_at <= ").push_bind(now),
        Some(state) => select.push(" and state = ").push_bind(state),
    };
    if let Some(before) = query.before {
        select = select.push(" and id < ").push_bind(before);
    }
    select.push(" order by id desc limit ").push_bind(take + 1).all().await
}

async fn reply(
    conn: &mut Conn,
    company: i64,
    id: i64,
    conditions: &Conditions,
    now: i64,
) -> Result<Reply<StockReservation>, Error> {
    let row = find(conn, company, id).await?.ok_or(Error::NotFound("reservation"))?;
    let version = row.version;
    let view = views(conn, company, vec![row], now).await?.pop().ok_or(Error::NotFound("reservation"))?;
    Ok(Reply::ok(view).version(version, conditions))
}

async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, now: i64) -> Result<Vec<StockReservation>, Error> {
    #[derive(Deserialize)]
    struct Item {
        reservation: i64,
        code: String,
        warehouse: i64,
        quantity: Amount,
    }
    let zone = time::zone(conn, company).await?;
    let names = Warehouses::load(conn, company).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let found: Vec<Item> = conn
        .sql("select line.reservation, product.code, line.warehouse, line.quantity from ")
        .push_ids(&ids)
        .push(" as input cross join stock_reservation_line as line cross join product where line.reservation = input.id and line.company = ")
        .push_bind(company)
        .push(
            " and product.company = line.company and product.id = line.product
             order by line.reservation, line.position",
        )
        .all()
        .await?;
    let mut items: HashMap<i64, Vec<StockReservationItem>> = HashMap::new();
    for Item { reservation, code, warehouse, quantity } in found {
        items.entry(reservation).or_default().push(StockReservationItem {
            product_code: code,
            warehouse_id: warehouse,
            warehouse_name: names.name(warehouse),
            qty: quantity,
        });
    }
    let views = rows.into_iter().map(|row| {
        let is_over = row.state == "open" && row.expires_at.is_some_and(|at| at <= now);
        StockReservation {
            reservation_id: row.id,
            document: row.document,
            state: if is_over { "expired".to_owned() } else { row.state },
            expires_at: row.expires_at.map(|at| time::text(at, &zone)),
            items: items.remove(&row.id).unwrap_or_default(),
            created_by_user_id: row.created_by,
            date_created: time::text(row.created_at, &zone),
            ended_by_user_id: row.ended_by,
            date_ended: row.ended_at.map(|at| time::text(at, &zone)),
        }
    });
    Ok(views.collect())
}
