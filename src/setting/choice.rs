//! Look-up lists: every list of names that other records choose from, in one table and one set of operations.

use std::collections::HashMap;

use axum::extract::State;
use db::{Conn, Json as Stored, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::list::List;
use super::number;
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Json, Patch, Path, Query, Reply};
use crate::person::user::{has_owner, may_give, must_be_left};
use crate::search;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_choices, create_choice)).routes(routes!(update_choice))
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// Its number in its list.
    #[schema(example = 3)]
    pub id: i64,
    /// Its name, unique in its list whatever the letter case.
    #[schema(example = "ฝ่ายขาย")]
    pub name: String,
    /// Its name in English, where there is one.
    #[serde(alias = "name_en")]
    #[schema(example = "Sales")]
    pub name_en: Option<String>,
    /// What this list's entries have beyond a name: a role's `scopes`, a stage's `boardId`, a rate's `rate`.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
    /// Its place in the list.
    pub position: i64,
    /// Whether it can be chosen; records that chose it before keep it.
    #[serde(rename = "isActive", alias = "active")]
    pub is_active: bool,
    #[serde(skip_serializing)]
    version: i64,
}

impl Choice {
    /// The entry of its list that it is part of: product groups have one.
    pub fn parent(&self) -> Option<i64> {
        parent_in(self.detail.as_ref())
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ListPath {
    /// The list.
    #[param(inline)]
    list: List,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ChoicePath {
    /// The list.
    #[param(inline)]
    list: List,
    /// The entry's number.
    id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Leave out entries that cannot be chosen any more.
    active_only: Option<bool>,
}

/// All entries of a list.
#[derive(Debug, Serialize, ToSchema)]
struct Choices {
    /// The entries in their order.
    value: Vec<Choice>,
}

/// A new entry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewChoice {
    /// Its number, for a list whose entries are known by their numbers elsewhere; the next one when absent.
    #[schema(example = 2_140_016_585)]
    id: Option<i64>,
    /// Its name.
    #[schema(example = "ฝ่ายขาย")]
    name: String,
    /// Its name in English.
    #[schema(example = "Sales")]
    name_en: Option<String>,
    /// What this list's entries have beyond a name.
    #[schema(value_type = Option<Object>)]
    detail: Option<Value>,
    /// Its place in the list; the end when absent.
    position: Option<i64>,
}

/// A change of an entry: what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChoiceUpdate {
    /// A new name.
    name: Option<String>,
    /// A new name in English; null takes it away.
    #[schema(value_type = Option<String>)]
    name_en: Patch<String>,
    /// What this list's entries have beyond a name; null takes it away.
    #[schema(value_type = Option<Object>)]
    detail: Patch<Value>,
    /// A new place in the list.
    position: Option<i64>,
    /// False takes it out of use: refused with 409 while records use it, unless `reassignTo` is given.
    is_active: Option<bool>,
    /// The entry that records in use get instead.
    reassign_to: Option<i64>,
}

/// List the entries of a look-up list, in their order.
#[utoipa::path(
    get,
    path = "/v1/setting/{list}",
    operation_id = "listChoices",
    tag = "Setting",
    params(ListPath, ListQuery),
    responses((status = 200, description = "The entries.", body = Envelope<Choices>)),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn list_choices(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ListPath>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Choices>, Error> {
    let mut conn = app.db.read().await?;
    let mut value = all(&mut conn, caller.company, path.list).await?;
    if query.active_only == Some(true) {
        value.retain(|choice| choice.is_active);
    }
    Ok(Reply::ok(Choices { value }))
}

/// Add an entry to a look-up list.
#[utoipa::path(
    post,
    path = "/v1/setting/{list}",
    operation_id = "createChoice",
    tag = "Setting",
    params(ListPath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = NewChoice,
    responses((status = 201, description = "The entry.", body = Envelope<Choice>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn create_choice(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ListPath>,
    Json(input): Json<NewChoice>,
) -> Result<Reply<Choice>, Error> {
    let new = New {
        id: input.id,
        name: &input.name,
        name_en: input.name_en.as_deref(),
        detail: input.detail.as_ref(),
        position: input.position,
    };
    check(path.list, Some(new.name), new.detail)?;
    if path.list == List::Roles {
        may_give(&app, &caller, new.detail)?;
    }
    caller
        .write(&app, async |mut tx| {
            let choice = create(&mut tx, caller.company, path.list, &new).await?;
            let change = change(&caller, path.list, choice.id, "created", app.now());
            audit::record(&mut tx, &change, &json!({}), &choice).await?;
            tx.reply(Reply::created(choice)).await
        })
        .await
}

/// Rename, move, or take out of use an entry of a look-up list.
#[utoipa::path(
    put,
    path = "/v1/setting/{list}/{id}",
    operation_id = "updateChoice",
    tag = "Setting",
    params(ChoicePath, ("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = ChoiceUpdate,
    responses((status = 200, description = "The entry.", body = Envelope<Choice>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn update_choice(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ChoicePath>,
    Json(input): Json<ChoiceUpdate>,
) -> Result<Reply<Choice>, Error> {
    let detail = match &input.detail {
        Patch::Set(detail) => Some(detail),
        Patch::Keep | Patch::Clear => None,
    };
    check(path.list, input.name.as_deref(), detail)?;
    caller
        .write(&app, async |mut tx| {
            if path.list == List::Roles {
                if let Some(detail) = detail {
                    may_give(&app, &caller, Some(detail))?;
                }
                for id in [Some(path.id), input.reassign_to].into_iter().flatten() {
                    if let Some(role) = find(&mut tx, caller.company, List::Roles, id).await? {
                        may_give(&app, &caller, role.detail.as_ref())?;
                    }
                }
                tx.lock(&format!("users/{}", caller.company)).await?;
            }
            let had = path.list == List::Roles && has_owner(&mut tx, caller.company).await?;
            let choice = update(&mut tx, &caller, &path, &input, &conditions, app.now()).await?;
            if had {
                must_be_left(&mut tx, caller.company).await?;
            }
            let version = choice.version;
            tx.reply(Reply::ok(choice).version(version, &Conditions::default())).await
        })
        .await
}

/// The faults of an entry by its list.
fn check(list: List, name: Option<&str>, detail: Option<&Value>) -> Result<(), Error> {
    let mut faults = Vec::new();
    if let Some(name) = name {
        let longest = list.longest_name();
        match name.trim().chars().count() {
            0 => faults.push(Fault::new(Code::Required, "name", "name is required")),
            length if length > longest => {
                faults.push(Fault::new(Code::TooLong, "name", format!("name may have {longest} characters")));
            }
            _ => {}
        }
    }
    if let Some(detail) = detail {
        faults.extend(list.check_detail(detail));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

fn change<'a>(caller: &'a Caller, list: List, id: i64, action: &'static str, at: i64) -> Change<'a> {
    Change { company: caller.company, reference: format!("{}/{id}", list.path()), actor: &caller.id, action, at }
}

/// An entry to be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct New<'a> {
    /// Its number; the next one when absent.
    pub id: Option<i64>,
    /// Its name.
    pub name: &'a str,
    /// Its name in English.
    pub name_en: Option<&'a str>,
    /// What its list has beyond a name.
    pub detail: Option<&'a Value>,
    /// Its place; the end when absent.
    pub position: Option<i64>,
}

/// A name as it is compared.
pub fn key(name: &str) -> String {
    search::fold(search::trimmed(name))
}

/// A name as it is compared below the entry that it is part of: `Other` may be there once in each product group.
pub fn key_below(parent: Option<i64>, name: &str) -> String {
    match parent {
        Some(parent) => format!("{parent}\u{1f}{}", key(name)),
        None => key(name),
    }
}

/// The entry that one is part of.
pub(crate) fn parent_in(detail: Option<&Value>) -> Option<i64> {
    detail?.get("parentId")?.as_i64()
}

/// Product groups have three levels: a category, its parts, and theirs.
const MOST_LEVELS: usize = 3;

/// The entry that an entry will be part of, which must be there, and not be a part of it.
async fn check_parent(
    conn: &mut Conn,
    company: i64,
    list: List,
    id: Option<i64>,
    detail: Option<&Value>,
) -> Result<Option<i64>, Error> {
    let Some(parent) = parent_in(detail).filter(|_| list == List::ProductGroups) else { return Ok(None) };
    let wrong = |message: &str| Error::invalid(Code::InvalidValue, "detail.parentId", message);
    let mut above = Some(parent);
    for _ in 1..MOST_LEVELS {
        let Some(next) = above else { return Ok(Some(parent)) };
        if id == Some(next) {
            return Err(wrong("detail.parentId is below this group"));
        }
        let found = find(conn, company, list, next).await?;
        above = found.ok_or_else(|| wrong("detail.parentId is not a group of this list"))?.parent();
    }
    match above {
        None => Ok(Some(parent)),
        Some(_) => Err(wrong("detail.parentId is on the third level, which is the lowest")),
    }
}

const CHOICE: &str =
    "select id, name, name_en, detail, position, active, version from choice where company = $1 and list = $2";

/// Every entry of a list, in order; a list holds what people wrote by hand, so it is bounded generously.
pub async fn all(conn: &mut Conn, company: i64, list: List) -> Result<Vec<Choice>, db::Error> {
    conn.sql(CHOICE).push(" order by position, id limit 10000").bind(company).bind(list.path()).all().await
}

/// What the entries of a list have beyond a name, in order, and whether each can be chosen.
pub async fn details(conn: &mut Conn, company: i64, list: List) -> Result<Vec<(Option<Value>, bool)>, db::Error> {
    conn.sql("select detail, active from choice where company = $1 and list = $2 order by position, id limit 10000")
        .bind(company)
        .bind(list.path())
        .all()
        .await
}

/// The first entry of a list that can be chosen.
pub async fn first_active(conn: &mut Conn, company: i64, list: List) -> Result<Option<i64>, db::Error> {
    conn.sql("select id from choice where company = $1 and list = $2 and active order by position, id limit 1")
        .bind(company)
        .bind(list.path())
        .optional()
        .await
}

/// An entry by its number.
pub async fn find(conn: &mut Conn, company: i64, list: List, id: i64) -> Result<Option<Choice>, db::Error> {
    conn.sql(CHOICE).push(" and id = $3").bind(company).bind(list.path()).bind(id).optional().await
}

/// An entry by its name, in any letter case; of a list with levels, one of the first.
pub async fn by_name(conn: &mut Conn, company: i64, list: List, name: &str) -> Result<Option<Choice>, db::Error> {
    by_name_below(conn, company, list, None, name).await
}

/// An entry by the entry that it is part of and its name.
pub async fn by_name_below(
    conn: &mut Conn,
    company: i64,
    list: List,
    parent: Option<i64>,
    name: &str,
) -> Result<Option<Choice>, db::Error> {
    let query = conn.sql(CHOICE).push(" and name_key = $3").bind(company).bind(list.path());
    query.bind(key_below(parent, name)).optional().await
}

/// The entry of this name, made when there is none: for lists that the API fills as it goes.
pub async fn ensure(tx: &mut Conn, company: i64, list: List, name: &str) -> Result<Choice, Error> {
    ensure_with(tx, company, list, name, None).await
}

/// The same for a list whose entries hold more than a name: an entry that is there keeps what it holds.
pub async fn ensure_with(
    tx: &mut Conn,
    company: i64,
    list: List,
    name: &str,
    detail: Option<&Value>,
) -> Result<Choice, Error> {
    let parent = parent_in(detail);
    if let Some(known) = by_name_below(tx, company, list, parent, name).await? {
        return Ok(known);
    }
    match create(tx, company, list, &New { name: search::trimmed(name), detail, ..New::default() }).await {
        // Another request made it a moment ago.
        Err(Error::Conflict(_)) => {
            by_name_below(tx, company, list, parent, name).await?.ok_or(Error::NotFound("entry"))
        }
        made => made,
    }
}

/// The numbers of the entries of these names, by list and [`key`]: one statement when all are there, and those that are
/// not are made.
pub async fn ensure_all(
    tx: &mut Conn,
    company: i64,
    names: &[(List, &str)],
) -> Result<HashMap<(&'static str, String), i64>, Error> {
    #[derive(Deserialize)]
    struct Known {
        list: String,
        name_key: String,
        id: i64,
    }
    let mut found = HashMap::new();
    if names.is_empty() {
        return Ok(found);
    }
    let mut wanted = Rows::new(&[("list", Type::Text), ("name_key", Type::Text)]);
    for (list, name) in names {
        wanted.push([list.path().into(), key(name).into()]);
    }
    let known: Vec<Known> = tx
        .sql("select choice.list, choice.name_key, choice.id from ")
        .push_rows(&wanted)
        .push(" as input cross join choice where choice.list = input.list and choice.name_key = input.name_key and choice.company = ")
        .push_bind(company)
        .all()
        .await?;
    for (list, name) in names {
        let key = key(name);
        if found.contains_key(&(list.path(), key.clone())) {
            continue;
        }
        let id = match known.iter().find(|known| known.list == list.path() && known.name_key == key) {
            Some(known) => known.id,
            None => ensure(tx, company, *list, name).await?.id,
        };
        found.insert((list.path(), key), id);
    }
    Ok(found)
}

/// Gives an entry other details.
pub async fn set_detail(tx: &mut Conn, company: i64, list: List, id: i64, detail: &Value) -> Result<(), db::Error> {
    tx.sql("update choice set detail = $4, version = version + 1 where company = $1 and list = $2 and id = $3")
        .bind(company)
        .bind(list.path())
        .bind(id)
        .bind(detail.clone())
        .exec()
        .await?;
    Ok(())
}

/// Holds all look-up lists of a company: whoever adds to one does so before it takes a running number, and behind the records
/// that it holds. A unit of work that writes several records does so before it writes the first.
pub(crate) async fn hold_lists(tx: &mut Conn, company: i64) -> Result<(), db::Error> {
    tx.lock(&format!("lists/{company}")).await
}

/// Makes an entry; 409 when its name is there already, naming it.
pub async fn create(tx: &mut Conn, company: i64, list: List, new: &New<'_>) -> Result<Choice, Error> {
    if !list.takes(new.name) {
        let message = format!("A name in the list {} must have 1 to {} characters", list.path(), list.longest_name());
        return Err(Error::invalid(Code::TooLong, "name", message));
    }
    hold_lists(tx, company).await?;
    let parent = check_parent(tx, company, list, None, new.detail).await?;
    if let Some(known) = by_name_below(tx, company, list, parent, new.name).await? {
        return Err(taken(&known));
    }
    let id = match new.id {
        Some(id) => taken_id(tx, company, list, id).await?,
        None => number::next(tx, company, list.path()).await?,
    };
    // Two requests at once may bring the same name; the counter lets one wait for the other, which then finds it there.
    let made = tx
        .sql(
            "insert into choice (company, list, id, name, name_key, name_en, detail, position, active, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, true, 1) on conflict (company, list, name_key) do nothing",
        )
        .bind(company)
        .bind(list.path())
        .bind(id)
        .bind(search::trimmed(new.name))
        .bind(key_below(parent, new.name))
        .bind(new.name_en)
        .bind(new.detail.cloned())
        .bind(new.position.unwrap_or(id))
        .exec()
        .await?;
    if made == 0 {
        let known = by_name_below(tx, company, list, parent, new.name).await?;
        return Err(known.map_or(Error::NotFound("entry"), |known| taken(&known)));
    }
    find(tx, company, list, id).await?.ok_or(Error::NotFound("entry"))
}

/// A number that was chosen: those that follow count on from the largest.
async fn taken_id(tx: &mut Conn, company: i64, list: List, id: i64) -> Result<i64, Error> {
    if id < 1 {
        return Err(Error::invalid(Code::OutOfRange, "id", "id must be 1 or more"));
    }
    number::at_least(tx, company, list.path(), id).await?;
    match find(tx, company, list, id).await? {
        Some(known) => {
            let message = format!("{id} is {} already", known.name);
            Err(Error::Conflict(Fault::new(Code::Taken, "id", message)))
        }
        None => Ok(id),
    }
}

fn taken(known: &Choice) -> Error {
    let message = format!("{} is already entry {}", known.name, known.id);
    Error::Conflict(Fault::new(Code::Taken, "name", message))
}

async fn update(
    tx: &mut Conn,
    caller: &Caller,
    path: &ChoicePath,
    input: &ChoiceUpdate,
    conditions: &Conditions,
    now: i64,
) -> Result<Choice, Error> {
    let (company, list) = (caller.company, path.list);
    let held = tx.sql(CHOICE).push(" and id = $3").bind(company).bind(list.path()).bind(path.id).held();
    let old: Choice = held.optional().await?.ok_or(Error::NotFound("entry"))?;
    conditions.allow_change(Some(old.version))?;
    let name = input.name.as_deref().map_or(old.name.as_str(), search::trimmed);
    let detail = input.detail.clone().over(old.detail.clone());
    let parent = check_parent(tx, company, list, Some(old.id), detail.as_ref()).await?;
    if let Some(known) = by_name_below(tx, company, list, parent, name).await?
        && known.id != old.id
    {
        return Err(taken(&known));
    }
    if old.is_active && input.is_active == Some(false) {
        retire(tx, company, list, &old, input.reassign_to).await?;
    }
    tx.sql(
        "update choice set name = $1, name_key = $2, name_en = $3, detail = $4, position = $5, active = $6, version = version + 1
         where company = $7 and list = $8 and id = $9",
    )
    .bind(name)
    .bind(key_below(parent, name))
    .bind(input.name_en.clone().over(old.name_en.clone()))
    .bind(detail.map(Stored))
    .bind(input.position.unwrap_or(old.position))
    .bind(input.is_active.unwrap_or(old.is_active))
    .bind(company)
    .bind(list.path())
    .bind(old.id)
    .exec()
    .await?;
    let new = find(tx, company, list, old.id).await?.ok_or(Error::NotFound("entry"))?;
    audit::record(tx, &change(caller, list, old.id, "updated", now), &old, &new).await?;
    Ok(new)
}

/// Takes an entry out of use: records that use it get another one, or the change is refused.
async fn retire(tx: &mut Conn, company: i64, list: List, old: &Choice, reassign_to: Option<i64>) -> Result<(), Error> {
    if let Some(other) = reassign_to.filter(|_| list.can_reassign()) {
        let other = find(tx, company, list, other).await?.filter(|other| other.is_active && other.id != old.id);
        let other = other.ok_or_else(|| {
            Error::invalid(Code::InvalidValue, "reassignTo", "reassignTo is not another active entry of this list")
        })?;
        return Ok(list.reassign(tx, company, old.id, other.id).await?);
    }
    match list.uses(tx, company, old.id).await? {
        0 => Ok(()),
        uses => {
            let how = if list.can_reassign() { "send reassignTo to move them" } else { "move what is there first" };
            let message = format!("{} is used by {uses} records; {how}", old.name);
            Err(Error::Conflict(Fault::new(Code::InUse, "isActive", message)))
        }
    }
}
