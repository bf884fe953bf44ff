//! Canned replies: texts that are written once, in Thai and English, and called by a short name.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply};
use crate::live::{self, Audience, Item};
use crate::search;
use crate::setting::number;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_replies, create_reply)).routes(routes!(update_reply, delete_reply))
}

/// A canned reply to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReplyInput {
    /// The short name, without the slash; unique, in any letter case.
    #[schema(example = "hello")]
    name: String,
    /// What it is about, in Thai.
    #[schema(example = "ทักทาย")]
    title_th: Option<String>,
    /// What it is about, in English.
    #[schema(example = "Greeting")]
    title_en: Option<String>,
    /// The text in Thai. One of the two texts is needed.
    #[schema(example = "สวัสดีค่ะ มีอะไรให้ช่วยไหมคะ")]
    text_th: Option<String>,
    /// The text in English.
    #[schema(example = "Hello, how can we help?")]
    text_en: Option<String>,
    /// The team that it is for; every one when null.
    team: Option<i64>,
}

/// A canned reply.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CannedReply {
    /// Its number.
    #[schema(example = 1)]
    id: i64,
    /// The short name, without the slash.
    #[schema(example = "hello")]
    name: String,
    /// What it is about, in Thai.
    #[serde(alias = "title_th")]
    title_th: Option<String>,
    /// What it is about, in English.
    #[serde(alias = "title_en")]
    title_en: Option<String>,
    /// The text in Thai.
    #[serde(alias = "text_th")]
    text_th: Option<String>,
    /// The text in English.
    #[serde(alias = "text_en")]
    text_en: Option<String>,
    /// The team that it is for; every one when null.
    team: Option<i64>,
    /// The version, as `If-Match` names it.
    version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct CannedReplies {
    /// The replies, by name.
    value: Vec<CannedReply>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ReplyPath {
    /// The reply's number.
    id: i64,
}

const REPLY: &str =
    "select id, name, title_th, title_en, text_th, text_en, team, version from canned_reply where company = $1";

async fn find(conn: &mut Conn, company: i64, id: i64) -> Result<CannedReply, Error> {
    let found = conn.sql(REPLY).push(" and id = $2").bind(company).bind(id).optional().await?;
    found.ok_or(Error::NotFound("reply"))
}

/// The same, held until the unit ends.
async fn held(tx: &mut Conn, company: i64, id: i64) -> Result<CannedReply, Error> {
    let found = tx.sql(REPLY).push(" and id = $2").bind(company).bind(id).held().optional().await?;
    found.ok_or(Error::NotFound("reply"))
}

/// List the canned replies.
#[utoipa::path(
    get,
    path = "/v1/console/replies",
    operation_id = "listCannedReplies",
    tag = "Inbox",
    responses((status = 200, description = "The replies.", body = Envelope<CannedReplies>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_replies(State(app): State<App>, caller: Caller) -> Result<Reply<CannedReplies>, Error> {
    let mut conn = app.db.read().await?;
    let value = conn.sql(REPLY).push(" order by name_key limit 2000").bind(caller.company).all().await?;
    Ok(Reply::ok(CannedReplies { value }))
}

fn check(input: &ReplyInput, faults: Vec<Fault>) -> Result<(), Error> {
    let mut faults = Faults::new(faults);
    let name = input.name.trim().trim_start_matches('/');
    faults.required("name", name, 50);
    if name.contains(char::is_whitespace) || name.contains('/') {
        faults.add(Code::InvalidFormat, "name", "name must not contain spaces or a slash");
    }
    let filled = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    if !filled(&input.text_th) && !filled(&input.text_en) {
        faults.add(Code::Required, "textTh", "textTh or textEn is required");
    }
    for (field, text, longest) in [
        ("titleTh", &input.title_th, 200),
        ("titleEn", &input.title_en, 200),
        ("textTh", &input.text_th, 5000),
        ("textEn", &input.text_en, 5000),
    ] {
        faults.longest(field, text.as_deref().unwrap_or_default(), longest);
    }
    faults.end()
}

async fn save(
    tx: &mut Conn,
    caller: &Caller,
    old: Option<&CannedReply>,
    input: &ReplyInput,
    now: i64,
) -> Result<CannedReply, Error> {
    let company = caller.company;
    let name = input.name.trim().trim_start_matches('/');
    let key = search::fold(name);
    let taken: Option<i64> = tx
        .sql("select id from canned_reply where company = $1 and name_key = $2")
        .bind(company)
        .bind(&key)
        .optional()
        .await?;
    if let Some(taken) = taken.filter(|taken| old.is_none_or(|old| old.id != *taken)) {
        return Err(Error::Conflict(Fault::new(Code::Taken, "name", format!("/{name} is already reply {taken}"))));
    }
    let id = match old {
        Some(old) => old.id,
        None => number::next(tx, company, "canned-reply").await?,
    };
    let filled =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    tx.sql(
        "insert into canned_reply (company, id, name, name_key, title_th, title_en, text_th, text_en, team, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)
         on conflict (company, id) do update
         set name = excluded.name, name_key = excluded.name_key, title_th = excluded.title_th, title_en = excluded.title_en,
             text_th = excluded.text_th, text_en = excluded.text_en, team = excluded.team, version = canned_reply.version + 1",
    )
    .bind(company)
    .bind(id)
    .bind(name)
    .bind(&key)
    .bind(filled(&input.title_th))
    .bind(filled(&input.title_en))
    .bind(filled(&input.text_th))
    .bind(filled(&input.text_en))
    .bind(input.team)
    .exec()
    .await?;
    let new = find(tx, company, id).await?;
    let action = if old.is_some() { "updated" } else { "created" };
    noted(tx, caller, (old, Some(&new)), action, now).await?;
    Ok(new)
}

async fn noted(
    tx: &mut Conn,
    caller: &Caller,
    (old, new): (Option<&CannedReply>, Option<&CannedReply>),
    action: &'static str,
    now: i64,
) -> Result<(), Error> {
    let id = old.or(new).map_or(0, |reply| reply.id);
    let reference = format!("reply/{id}");
    let data = json!({"kind": "reply", "ref": reference, "action": action, "at": now});
    let told = Item::new(Audience::Scope("chat:read".to_owned()), &data);
    live::note(tx, caller.company, "reply", &[told], now).await?;
    let change = Change { company: caller.company, reference, actor: &caller.id, action, at: now };
    let entered = |reply: Option<&CannedReply>| reply.map_or_else(|| json!({}), |reply| json!(reply));
    audit::record(tx, &change, &entered(old), &entered(new)).await?;
    Ok(())
}

/// Write a canned reply.
#[utoipa::path(
    post,
    path = "/v1/console/replies",
    operation_id = "createCannedReply",
    tag = "Inbox",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = ReplyInput,
    responses((status = 201, description = "The reply.", body = Envelope<CannedReply>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn create_reply(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<ReplyInput>,
) -> Result<Reply<CannedReply>, Error> {
    check(&input, faults)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let new = save(&mut tx, &caller, None, &input, app.now()).await?;
            tx.reply(Reply::created(new)).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

/// Change a canned reply.
#[utoipa::path(
    put,
    path = "/v1/console/replies/{id}",
    operation_id = "updateCannedReply",
    tag = "Inbox",
    params(ReplyPath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = ReplyInput,
    responses((status = 200, description = "The reply.", body = Envelope<CannedReply>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn update_reply(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ReplyPath>,
    Checked { value: input, faults }: Checked<ReplyInput>,
) -> Result<Reply<CannedReply>, Error> {
    check(&input, faults)?;
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, caller.company, path.id).await?;
            conditions.allow_change(Some(old.version))?;
            let new = save(&mut tx, &caller, Some(&old), &input, app.now()).await?;
            let version = new.version;
            tx.reply(Reply::ok(new).version(version, &Conditions::default())).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}

/// Delete a canned reply.
#[utoipa::path(
    delete,
    path = "/v1/console/replies/{id}",
    operation_id = "deleteCannedReply",
    tag = "Inbox",
    params(ReplyPath),
    responses((status = 200, description = "It is gone.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["chat:write"], "subscriptionKey" = []))
)]
async fn delete_reply(State(app): State<App>, caller: Caller, Path(path): Path<ReplyPath>) -> Result<Reply<()>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, caller.company, path.id).await?;
            let gone = tx.sql("delete from canned_reply where company = $1 and id = $2");
            gone.bind(caller.company).bind(path.id).exec().await?;
            noted(&mut tx, &caller, (Some(&old), None), "deleted", app.now()).await?;
            tx.reply(Reply::ok(())).await
        })
        .await?;
    app.live.wake(caller.company);
    Ok(reply)
}
