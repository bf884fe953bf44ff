//! API clients over HTTP. Nobody gives away more than they have: neither when a client is made, nor by a new secret of one
//! that may do more.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::note;
use crate::app::App;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Path, Reply};
use crate::oauth::{self, ListedClient, NewClient};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_api_clients, create_api_client))
        .routes(routes!(get_api_client, update_api_client))
        .routes(routes!(renew_api_client_secret))
}

/// A program that may call this server. Its secret is never answered again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApiClient {
    /// Its id: `client_id` of the token request.
    #[schema(example = "507-k3j9x2mqw7ha")]
    id: String,
    /// Its name, for people.
    #[schema(example = "Web shop")]
    name: String,
    /// What it may do.
    #[schema(example = json!(["chat:read", "chat:write"]))]
    scopes: Vec<String>,
    /// Whether it may get tokens.
    #[schema(example = true)]
    is_active: bool,
    /// When it was made: Unix time in milliseconds.
    created_at: i64,
    /// When it was taken out of use: Unix time in milliseconds.
    revoked_at: Option<i64>,
}

impl From<ListedClient> for ApiClient {
    fn from(row: ListedClient) -> ApiClient {
        ApiClient {
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            is_active: row.revoked_at.is_none(),
            id: row.id,
            name: row.name,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// The clients, and the scopes that one can have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApiClients {
    /// The clients, oldest first.
    value: Vec<ApiClient>,
    /// The scopes that the caller may give.
    scopes: Vec<String>,
}

/// A client to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApiClientNew {
    /// Its name, for people.
    #[schema(example = "Web shop")]
    name: String,
    /// What it may do; no more than whoever makes it.
    #[schema(example = json!(["chat:read", "chat:write"]))]
    scopes: Vec<String>,
}

/// A change of a client; what is absent stays. Its tokens end with it, so that a change is true at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApiClientUpdate {
    /// Its name, for people.
    #[schema(example = "Web shop")]
    name: Option<String>,
    /// What it may do; no more than whoever changes it.
    #[schema(example = json!(["chat:read"]))]
    scopes: Option<Vec<String>>,
    /// False takes it out of use, true back into it.
    #[schema(example = false)]
    is_active: Option<bool>,
}

/// A client with what is shown once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApiClientSecret {
    #[serde(flatten)]
    client: ApiClient,
    /// `client_secret` of the token request; not shown again.
    #[schema(example = "<Your-Client-Secret>")]
    client_secret: String,
    /// `Ocp-Apim-Subscription-Key`; not shown again.
    #[schema(example = "<Your-Subscription-Key>")]
    subscription_key: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ClientPath {
    /// The client's id.
    id: String,
}

/// Refuses scopes that do not exist, and any that the caller lacks. A client sees everybody's records on every channel
/// account, so whoever is kept to some gives nothing to one.
fn may_give(app: &App, caller: &Caller, scopes: &[String], faults: &mut Faults) -> Result<(), Error> {
    for (index, scope) in scopes.iter().enumerate() {
        if !app.operations.known_scopes().contains(scope) {
            faults.add(Code::InvalidValue, format!("scopes[{index}]"), "No such scope");
        }
    }
    if let Some(scope) =
        scopes.iter().find(|scope| app.operations.known_scopes().contains(scope) && !caller.scopes.contains(scope))
    {
        return Err(Error::Forbidden(scope.clone()));
    }
    caller.must_see_all("client:write")
}

async fn must(conn: &mut Conn, company: i64, id: &str) -> Result<ListedClient, Error> {
    oauth::listed_client(conn, company, id).await?.ok_or(Error::NotFound("client"))
}

/// The same, held until the unit ends.
async fn held(tx: &mut Conn, company: i64, id: &str) -> Result<ListedClient, Error> {
    oauth::held_client(tx, company, id).await?.ok_or(Error::NotFound("client"))
}

/// What the audit trail keeps of a client.
fn noted(row: &ListedClient) -> serde_json::Value {
    json!({"name": row.name, "scopes": row.scopes, "isActive": row.revoked_at.is_none()})
}

/// The names of scopes, each once, in order.
fn tidy(scopes: &[String]) -> Vec<String> {
    let mut scopes: Vec<String> = scopes.iter().map(|scope| scope.trim().to_owned()).collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

fn shown(row: ListedClient, made: &NewClient) -> ApiClientSecret {
    ApiClientSecret {
        client: row.into(),
        client_secret: made.client_secret.clone(),
        subscription_key: made.subscription_key.clone(),
    }
}

/// List the API clients, and the scopes that one can have.
#[utoipa::path(
    get,
    path = "/v1/clients",
    operation_id = "listApiClients",
    tag = "Users",
    responses((status = 200, description = "The clients, those out of use too.", body = Envelope<ApiClients>)),
    security(("bearerAuth" = ["client:read"], "subscriptionKey" = []))
)]
async fn list_api_clients(State(app): State<App>, caller: Caller) -> Result<Reply<ApiClients>, Error> {
    let rows = oauth::list_clients(&mut app.db.read().await?, caller.company).await?;
    let scopes = app.operations.known_scopes().iter().filter(|scope| caller.scopes.contains(scope));
    Ok(Reply::ok(ApiClients {
        value: rows.into_iter().map(ApiClient::from).collect(),
        scopes: scopes.cloned().collect(),
    }))
}

/// Read one API client.
#[utoipa::path(
    get,
    path = "/v1/clients/{id}",
    operation_id = "getApiClient",
    tag = "Users",
    params(ClientPath),
    responses((status = 200, description = "The client.", body = Envelope<ApiClient>)),
    security(("bearerAuth" = ["client:read"], "subscriptionKey" = []))
)]
async fn get_api_client(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ClientPath>,
) -> Result<Reply<ApiClient>, Error> {
    Ok(Reply::ok(must(&mut app.db.read().await?, caller.company, &path.id).await?.into()))
}

/// Make an API client; its secret and its subscription key are in this answer and in no other.
#[utoipa::path(
    post,
    path = "/v1/clients",
    operation_id = "createApiClient",
    tag = "Users",
    request_body = ApiClientNew,
    responses((status = 201, description = "The client with its secrets.", body = Envelope<ApiClientSecret>)),
    security(("bearerAuth" = ["client:write"], "subscriptionKey" = []))
)]
async fn create_api_client(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<ApiClientNew>,
) -> Result<Reply<ApiClientSecret>, Error> {
    let mut faults = Faults::new(faults);
    faults.required("name", input.name.trim(), 200);
    let scopes = tidy(&input.scopes);
    if scopes.is_empty() {
        faults.add(Code::Required, "scopes", "scopes must have at least one entry");
    }
    may_give(&app, &caller, &scopes, &mut faults)?;
    faults.end()?;
    let made = oauth::make_client(caller.company, input.name.trim(), &scopes, &oauth::Given::default())?;
    caller
        .write(&app, async |mut tx| {
            oauth::add_client(&mut tx, &made, false, app.now()).await?;
            let row = must(&mut tx, caller.company, &made.id).await?;
            note(&mut tx, &caller, format!("client/{}", row.id), "created", (&json!({}), &noted(&row)), app.now())
                .await?;
            tx.reply(Reply::created(shown(row, &made))).await
        })
        .await
}

/// Change an API client, or take it out of use and back into it.
#[utoipa::path(
    patch,
    path = "/v1/clients/{id}",
    operation_id = "updateApiClient",
    tag = "Users",
    params(ClientPath),
    request_body = ApiClientUpdate,
    responses((status = 200, description = "The client.", body = Envelope<ApiClient>)),
    security(("bearerAuth" = ["client:write"], "subscriptionKey" = []))
)]
async fn update_api_client(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ClientPath>,
    Checked { value: input, faults }: Checked<ApiClientUpdate>,
) -> Result<Reply<ApiClient>, Error> {
    let mut faults = Faults::new(faults);
    if let Some(name) = &input.name {
        faults.required("name", name.trim(), 200);
    }
    let wanted = input.scopes.as_deref().map(tidy);
    if let Some(scopes) = &wanted {
        if scopes.is_empty() {
            faults.add(Code::Required, "scopes", "scopes must have at least one entry");
        }
        may_give(&app, &caller, scopes, &mut faults)?;
    }
    faults.end()?;
    let reply = caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, caller.company, &path.id).await?;
            if wanted.is_none() && input.is_active == Some(true) && old.revoked_at.is_some() {
                let scopes: Vec<String> = old.scopes.split_whitespace().map(str::to_owned).collect();
                may_give(&app, &caller, &known(&app, &scopes), &mut Faults::default())?;
            }
            let name = input.name.as_deref().map_or(old.name.as_str(), str::trim).to_owned();
            let scopes = wanted.as_ref().map_or_else(|| old.scopes.clone(), |scopes| scopes.join(" "));
            let revoked_at = match input.is_active {
                Some(true) => None,
                Some(false) => old.revoked_at.or_else(|| Some(app.now())),
                None => old.revoked_at,
            };
            oauth::change_client(&mut tx, caller.company, &old.id, (&name, &scopes), revoked_at).await?;
            let new = must(&mut tx, caller.company, &old.id).await?;
            note(&mut tx, &caller, format!("client/{}", old.id), "updated", (&noted(&old), &noted(&new)), app.now())
                .await?;
            tx.reply(Reply::ok(new.into())).await
        })
        .await?;
    app.tokens.clear();
    Ok(reply)
}

/// Those scopes that some operation still asks for: an old client may have one that is gone.
fn known(app: &App, scopes: &[String]) -> Vec<String> {
    scopes.iter().filter(|scope| app.operations.known_scopes().contains(scope)).cloned().collect()
}

/// Give an API client another secret and another subscription key; the old ones and its tokens are worthless at once.
#[utoipa::path(
    post,
    path = "/v1/clients/{id}/secret",
    operation_id = "renewApiClientSecret",
    tag = "Users",
    params(ClientPath),
    responses((status = 200, description = "The client with its new secrets.", body = Envelope<ApiClientSecret>)),
    security(("bearerAuth" = ["client:write"], "subscriptionKey" = []))
)]
async fn renew_api_client_secret(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ClientPath>,
) -> Result<Reply<ApiClientSecret>, Error> {
    let row = must(&mut app.db.read().await?, caller.company, &path.id).await?;
    let scopes: Vec<String> = row.scopes.split_whitespace().map(str::to_owned).collect();
    may_give(&app, &caller, &known(&app, &scopes), &mut Faults::default())?;
    let made = NewClient {
        id: row.id.clone(),
        client_id: row.id,
        ..oauth::make_client(caller.company, &row.name, &scopes, &oauth::Given::default())?
    };
    let reply = caller
        .write(&app, async |mut tx| {
            let now = held(&mut tx, caller.company, &made.id).await?;
            if now.scopes != row.scopes {
                // Somebody gave it more meanwhile: whether the caller may have that is another question.
                return Err(Error::Changed);
            }
            oauth::renew_client(&mut tx, &made).await?;
            let (from, to) = (json!({"secret": "before"}), json!({"secret": "renewed"}));
            note(&mut tx, &caller, format!("client/{}", made.id), "updated", (&from, &to), app.now()).await?;
            tx.reply(Reply::ok(shown(now, &made))).await
        })
        .await?;
    app.tokens.clear();
    Ok(reply)
}
