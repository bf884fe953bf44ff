//! What contracts choose from. The paths are guessed; other spellings of them are in `http/paths.rs`.

use axum::extract::State;
use db::Conn;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::{Caller, Envelope, Error, Reply};
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_contract_types)).routes(routes!(get_contract_templates))
}

/// A type of contract.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractType {
    /// Its number.
    #[schema(example = 1)]
    contract_type_id: i64,
    /// Its name, as `contractType` has it.
    #[schema(example = "MA")]
    contract_type: String,
    /// The name in English.
    contract_type_en: Option<String>,
}

/// A template for the documents of contracts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractTemplate {
    /// Its number.
    #[schema(example = 1)]
    template_id: i64,
    /// Its name.
    #[schema(example = "Standard")]
    template_name: String,
}

async fn active(app: &App, caller: &Caller, list: List) -> Result<Vec<Choice>, Error> {
    let mut all = choice::all(&mut app.db.read().await?, caller.company, list).await?;
    all.retain(|entry| entry.is_active);
    Ok(all)
}

/// The template of contracts when none is chosen: the first that can be.
pub(crate) async fn first_template(conn: &mut Conn, company: i64) -> Result<Option<i64>, Error> {
    let all = choice::all(conn, company, List::ContractTemplates).await?;
    Ok(all.into_iter().find(|entry| entry.is_active).map(|entry| entry.id))
}

/// List the types of contracts.
#[utoipa::path(
    get,
    path = "/v1/contract/types",
    operation_id = "getContractTypes",
    tag = "Contract",
    responses((status = 200, description = "The types.", body = Envelope<Vec<ContractType>>)),
    security(("bearerAuth" = ["contract:read"]))
)]
async fn get_contract_types(State(app): State<App>, caller: Caller) -> Result<Reply<Vec<ContractType>>, Error> {
    let view = |entry: Choice| ContractType {
        contract_type_id: entry.id,
        contract_type: entry.name,
        contract_type_en: entry.name_en,
    };
    Ok(Reply::ok(active(&app, &caller, List::ContractTypes).await?.into_iter().map(view).collect()))
}

/// List the templates for the documents of contracts.
#[utoipa::path(
    get,
    path = "/v1/contract/templates",
    operation_id = "getContractTemplates",
    tag = "Contract",
    responses((status = 200, description = "The templates.", body = Envelope<Vec<ContractTemplate>>)),
    security(("bearerAuth" = ["contract:read"]))
)]
async fn get_contract_templates(State(app): State<App>, caller: Caller) -> Result<Reply<Vec<ContractTemplate>>, Error> {
    let view = |entry: Choice| ContractTemplate { template_id: entry.id, template_name: entry.name };
    Ok(Reply::ok(active(&app, &caller, List::ContractTemplates).await?.into_iter().map(view).collect()))
}
