//! Saved views: an enquiry under a name, for oneself or for everybody.

use axum::extract::State;
use db::{Conn, Json as Stored};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::enquiry::RoomEnquiry;
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply, lenient};
use crate::live::{self, Audience, Item};
use crate::setting::number;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_views, create_view)).routes(routes!(update_view, delete_view))
}

/// The scope without which a view is one's own.
const SHARE: &str = "setting:write";

/// A view to be saved.
#[derive(Debug, Deserialize, ToSchema)]
struct ViewInput {
    /// Its name.
    #[schema(example = "รอใบเสนอราคา")]
    name: String,
    /// What an enquiry would hold.
    #[schema(value_type = Object, example = json!({"status": ["open"], "assignee": "me"}))]
    filter: Value,
    /// Whether everybody has it; needs the scope `setting:write`.
    shared: Option<bool>,
    /// Its place among the views.
    position: Option<i64>,
}

/// A saved view.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct SavedView {
    /// Its number.
    #[schema(example = 1)]
    id: i64,
    /// Its name.
    name: String,
    /// What an enquiry holds.
    #[schema(value_type = Object)]
    filter: Value,
    /// Whether everybody has it.
    shared: bool,
    /// Its place among the views.
    position: i64,
    /// The version, as `If-Match` names it.
    version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct SavedViews {
    /// The views in their order.
    value: Vec<SavedView>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ViewPath {
    /// The view's number.
    id: i64,
}

const VIEW: &str =
    "select id, name, filter, shared, position, version from inbox_view where company = $1 and (shared or who = $2)";

async fn find(conn: &mut Conn, caller: &Caller, id: i64) -> Result<SavedView, Error> {
    let found = conn.sql(VIEW).push(" and id = $3").bind(caller.company).bind(&caller.id).bind(id).optional().await?;
    found.ok_or(Error::NotFound("view"))
}

/// List the saved views: one's own, and those that everybody has.
#[utoipa::path(
    get,
    path = "/v1/console/views",
    operation_id = "listViews",
    tag = "Inbox",
    responses((status = 200, description = "The views.", body = Envelope<SavedViews>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_views(State(app): State<App>, caller: Caller) -> Result<Reply<SavedViews>, Error> {
    let mut conn = app.db.read().await?;
    let query = conn.sql(VIEW).push(" order by position, id limit 500");
    Ok(Reply::ok(SavedViews { value: query.bind(caller.company).bind(&caller.id).all().await? }))
}

fn check(caller: &Caller, input: &ViewInput, faults: Vec<Fault>) -> Result<(), Error> {
    let mut faults = Faults::new(faults);
    faults.required("name", &input.name, 100);
    if !input.filter.is_object() {
        faults.add(Code::InvalidType, "filter", "filter must be an object");
    } else if input.filter.to_string().len() > 8 * 1024 {
        faults.add(Code::TooLong, "filter", "filter may have 8192 bytes");
    } else if let Err(found) = lenient::decode_value::<RoomEnquiry>(&input.filter) {
        for fault in found {
            faults.add(fault.code, format!("filter.{}", fault.field), fault.message);
        }
    }
    faults.end()?;
    may_share(caller, input.shared == Some(true))
}

fn may_share(caller: &Caller, shared: bool) -> Result<(), Error> {
    match !shared || caller.scopes.iter().any(|scope| scope == SHARE) {
        true => Ok(()),
        false => Err(Error::Forbidden(SHARE.to_owned())),
    }
}

async fn save(
    tx: &mut Conn,
    caller: &Caller,
    old: Option<&SavedView>,
    input: &ViewInput,
    now: i64,
) -> Result<SavedView, Error> {
    let id = match old {
        Some(old) => old.id,
        None => number::next(tx, caller.company, "inbox-view").await?,
    };
    tx.sql(
        "insert into inbox_view (company, id, who, shared, name, filter, position, version)
         values ($1, $2, $3, $4, $5, $6, $7, 1)
         on conflict (company, id) do update
         set shared = excluded.shared, name = excluded.name, filter = excluded.filter, position = excluded.position,
             version = inbox_view.version + 1",
    )
    .bind(caller.company)
    .bind(id)
    .bind(&caller.id)
    .bind(input.shared.or(old.map(|old| old.shared)).unwrap_or(false))
    .bind(input.name.trim())
    .bind(Stored(input.filter.clone()))
    .bind(input.position.or(old.map(|old| old.position)).unwrap_or(id))
    .exec()
    .await?;
    let new = find(tx, caller, id).await?;
    noted(tx, caller, (old, Some(&new)), now).await?;
    Ok(new)
}

async fn noted(
    tx: &mut Conn,
    caller: &Caller,
    (old, new): (Option<&SavedView>, Option<&SavedView>),
    now: i64,
) -> Result<(), Error> {
    let Some(view) = new.or(old) else { return Ok(()) };
    let action = match (old, new) {
        (None, _) => "created",
        (Some(_), Some(_)) => "updated",
        (Some(_), None) => "deleted",
    };
    let reference = format!("view/{}", view.id);
    let data = json!({"kind": "view", "ref": reference, "action": action, "at": now});
    let shared = view.shared || old.is_some_and(|old| old.shared);
    let to = if shared { Audience::Scope("chat:read".to_owned()) } else { Audience::Who(caller.id.clone()) };
    live::note(tx, caller.company, "view", &[Item::new(to, &data)], now).await?;
    let change = Change { company: caller.company, reference, actor: &caller.id, action, at: now };
    let entered = |view: Option<&SavedView>| view.map_or_else(|| json!({}), |view| json!(view));
    audit::record(tx, &change, &entered(old), &entered(new)).await?;
    Ok(())
}

/// Save a view.
#[utoipa::path(
    post,
    path = "/v1/console/views",
    operation_id = "createView",
    tag = "Inbox",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = ViewInput,
    responses((status = 201, description = "The view.", body = Envelope<SavedView>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn create_view(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<ViewInput>,
) -> Result<Reply<SavedView>, Error> {
    check(&caller, &input, faults)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let new = save(&mut tx, &caller, None, &input, app.now()).await?;
            tx.reply(Reply::created(new)).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

/// A view that the caller may change: one's own, or with the scope one that everybody has.
async fn held(tx: &mut Conn, caller: &Caller, id: i64) -> Result<SavedView, Error> {
    let query = tx.sql(VIEW).push(" and id = $3").bind(caller.company).bind(&caller.id).bind(id);
    let old: SavedView = query.held().optional().await?.ok_or(Error::NotFound("view"))?;
    may_share(caller, old.shared)?;
    Ok(old)
}

/// Change a saved view.
#[utoipa::path(
    put,
    path = "/v1/console/views/{id}",
    operation_id = "updateView",
    tag = "Inbox",
    params(ViewPath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = ViewInput,
    responses((status = 200, description = "The view.", body = Envelope<SavedView>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn update_view(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ViewPath>,
    Checked { value: input, faults }: Checked<ViewInput>,
) -> Result<Reply<SavedView>, Error> {
    check(&caller, &input, faults)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &caller, path.id).await?;
            conditions.allow_change(Some(old.version))?;
            let new = save(&mut tx, &caller, Some(&old), &input, app.now()).await?;
            let version = new.version;
            tx.reply(Reply::ok(new).version(version, &Conditions::default())).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

/// Delete a saved view.
#[utoipa::path(
    delete,
    path = "/v1/console/views/{id}",
    operation_id = "deleteView",
    tag = "Inbox",
    params(ViewPath),
    responses((status = 200, description = "It is gone.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn delete_view(State(app): State<App>, caller: Caller, Path(path): Path<ViewPath>) -> Result<Reply<()>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, &caller, path.id).await?;
            let gone = tx.sql("delete from inbox_view where company = $1 and id = $2");
            gone.bind(caller.company).bind(path.id).exec().await?;
            noted(&mut tx, &caller, (Some(&old), None), app.now()).await?;
            tx.reply(Reply::ok(())).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}
