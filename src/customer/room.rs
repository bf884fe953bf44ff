//! Which customer a chat room belongs to: linked by a person; an identity that matches is only suggested.

use axum::extract::State;
use channel::Platform;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::store;
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Envelope, Error, Json, Path, Reply};
use crate::inbox::rights;
use crate::search;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_room_customer, link_room_customer))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct RoomPath {
    /// Room id.
    room_id: Uuid,
}

/// The customer that a room is to belong to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RoomLink {
    /// The customer's code; null takes the link away.
    #[schema(example = "C000349")]
    customer_code: Option<String>,
}

/// The customer of a room, and who else it may be.
#[derive(Debug, Serialize, ToSchema)]
struct RoomCustomer {
    /// The linked customer; null when none is.
    customer: Option<Linked>,
    /// Customers that are known by the room's account at its platform, the oldest first: at most 20.
    suggestions: Vec<Linked>,
}

/// A customer, in short.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all(serialize = "camelCase"))]
#[schema(rename_all = "camelCase")]
struct Linked {
    /// The customer's number.
    #[schema(example = 480_258)]
    customer_id: i64,
    /// The customer's code.
    #[schema(example = "C000349")]
    customer_code: String,
    /// Name.
    customer_name: String,
}

/// Get the customer of a chat room, and those whom it may belong to.
#[utoipa::path(
    get,
    path = "/v1/chat/rooms/{roomId}/customer",
    operation_id = "getRoomCustomer",
    tag = "Customer",
    params(RoomPath),
    responses((status = 200, description = "The customer and the suggestions.", body = Envelope<RoomCustomer>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn get_room_customer(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
) -> Result<Reply<RoomCustomer>, Error> {
    let mut conn = app.db.read().await?;
    let room = find(&mut conn, &caller, path.room_id).await?.ok_or(Error::NotFound("room"))?;
    Ok(Reply::ok(view(&mut conn, &caller, &room).await?))
}

/// Link a chat room to a customer by hand, or take the link away.
#[utoipa::path(
    put,
    path = "/v1/chat/rooms/{roomId}/customer",
    operation_id = "linkRoomCustomer",
    tag = "Customer",
    params(RoomPath),
    request_body = RoomLink,
    responses((status = 200, description = "The customer and the suggestions.", body = Envelope<RoomCustomer>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn link_room_customer(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<RoomPath>,
    Json(input): Json<RoomLink>,
) -> Result<Reply<RoomCustomer>, Error> {
    caller
        .write(&app, async |mut tx| {
            let old = find(&mut tx, &caller, path.room_id).await?.ok_or(Error::NotFound("room"))?;
            // The link of somebody else's customer is not changed either.
            if let Some(customer) = old.customer {
                store::must_see(&mut tx, &caller, customer).await?;
            }
            let code = input.customer_code.as_deref().map(str::trim).filter(|code| !code.is_empty());
            let customer = match code {
                Some(code) => Some(store::named_to_add(&mut tx, &caller, "customerCode", code, old.customer).await?.id),
                None => None,
            };
            let room = Room { customer, ..old.clone() };
            link(&mut tx, &caller, &old, &room, app.now()).await?;
            let view = view(&mut tx, &caller, &room).await?;
            tx.reply(Reply::ok(view)).await
        })
        .await
}

#[derive(Debug, Clone, Deserialize)]
struct Room {
    id: Uuid,
    platform: i64,
    external_id: String,
    customer: Option<i64>,
}

impl Room {
    /// What the room's account at its platform is called among identities.
    fn identity(&self) -> (&'static str, String) {
        (Platform::from_number(self.platform).map_or("", Platform::name), search::fold(&self.external_id))
    }
}

async fn find(conn: &mut Conn, caller: &Caller, id: Uuid) -> Result<Option<Room>, db::Error> {
    let query = conn.sql("select id, platform, external_id, customer from room where company = $1 and id = $2");
    rights::within(query.bind(caller.company).bind(id), caller).optional().await
}

async fn view(conn: &mut Conn, caller: &Caller, room: &Room) -> Result<RoomCustomer, Error> {
    let company = caller.company;
    let mut customer = None;
    if let Some(id) = room.customer
        && store::is_seen(conn, caller, id).await?
    {
        customer = store::by_id(conn, company, id).await?.filter(|row| row.deleted_at.is_none());
    }
    let customer = customer.map(|row| Linked { customer_id: row.id, customer_code: row.code, customer_name: row.name });
    let (kind, value) = room.identity();
    let query = conn
        .sql(
            "select customer.id as customer_id, customer.code as customer_code, customer.name as customer_name
             from customer
             where customer.company = $1 and customer.deleted_at is null and customer.id <> $4 and customer.id in (
               select customer from customer_identity where company = $1 and kind = $2 and value = $3
             )",
        )
        .bind(company)
        .bind(kind)
        .bind(value)
        .bind(customer.as_ref().map_or(0, |linked| linked.customer_id));
    let suggestions = store::within(query, caller).push(" order by customer.id limit 20").all().await?;
    Ok(RoomCustomer { customer, suggestions })
}

/// Moves the link, and with it what the customer is known by; both histories say so.
async fn link(tx: &mut Conn, caller: &Caller, old: &Room, new: &Room, now: i64) -> Result<(), Error> {
    if old.customer == new.customer {
        return Ok(());
    }
    let source = new.id.to_string();
    tx.sql("update room set customer = $3 where company = $1 and id = $2")
        .bind(caller.company)
        .bind(new.id)
        .bind(new.customer)
        .later()
        .await?;
    if let Some(customer) = old.customer {
        tx.sql("delete from customer_identity where company = $1 and customer = $2 and source = $3")
            .bind(caller.company)
            .bind(customer)
            .bind(source.as_str())
            .later()
            .await?;
    }
    if let Some(customer) = new.customer {
        let (kind, value) = new.identity();
        tx.sql(
            "insert into customer_identity (company, customer, kind, value, source, created_at)
             values ($1, $2, $3, $4, $5, $6) on conflict (company, customer, kind, value, source) do nothing",
        )
        .bind(caller.company)
        .bind(customer)
        .bind(kind)
        .bind(value)
        .bind(source.as_str())
        .bind(now)
        .later()
        .await?;
    }
    for (customer, action) in [(old.customer, "room unlinked"), (new.customer, "room linked")] {
        let Some(customer) = customer else { continue };
        let reference = format!("customer/{customer}");
        let change = Change { company: caller.company, reference, actor: &caller.id, action, at: now };
        let (linked, none) = (json!({"room": source}), json!({}));
        match new.customer == Some(customer) {
            true => audit::record(tx, &change, &none, &linked).await?,
            false => audit::record(tx, &change, &linked, &none).await?,
        };
    }
    Ok(())
}
