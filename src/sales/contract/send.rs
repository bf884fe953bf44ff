//! Sending a contract's document by e-mail. What is asked for is checked to its end; then the transport is asked for, and as
//! long as there is none the answer says so, and nothing is written down.

use axum::extract::State;
use db::Conn;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::row::Row;
use super::{ContractPath, find};
use crate::app::App;
use crate::customer::store as customers;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Path, Reply};
use crate::mail;
use crate::setting::choice;
use crate::setting::list::List;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(send_contract_document)).routes(routes!(send_document_of_contract))
}

/// Which document is to be sent, and to whom.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractSendDocument {
    /// Number of the contract; not needed where the path has it.
    #[schema(example = "CONT250600006")]
    contract_no: Option<String>,
    /// Number of the template; the first one when absent.
    #[schema(example = 1)]
    template_id: Option<i64>,
    /// Recipient; the customer's own e-mail when absent.
    #[schema(example = "buyer@example.com")]
    email: Option<String>,
}

/// Send the document of a contract to its recipient. 409 `not_configured` on a server that cannot send e-mail.
#[utoipa::path(
    post,
    path = "/v1/contract/send-document",
    operation_id = "sendContractDocument",
    tag = "Contract",
    request_body = ContractSendDocument,
    responses((status = 200, description = "It is on its way.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["contract:write"]))
)]
async fn send_contract_document(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<ContractSendDocument>,
) -> Result<Reply<Option<String>>, Error> {
    let mut faults = Faults::new(faults);
    let number = input.contract_no.clone().unwrap_or_default();
    faults.required("contractNo", &number, 50);
    let mut conn = app.db.read().await?;
    let row = match find(&mut conn, &caller, &number).await {
        Err(Error::NotFound(_) | Error::Db(db::Error::Invalid(_))) => {
            faults.add(Code::NotFound, "contractNo", format!("contractNo “{number}” is not a known contract"));
            None
        }
        found => Some(found?),
    };
    send(&app, &mut conn, row.as_ref(), &input, faults).await
}

/// The same, where the path names the contract.
#[utoipa::path(
    post,
    path = "/v1/contract/{no}/send-document",
    operation_id = "sendDocumentOfContract",
    tag = "Contract",
    params(ContractPath),
    request_body = ContractSendDocument,
    responses((status = 200, description = "It is on its way.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["contract:write"]))
)]
async fn send_document_of_contract(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ContractPath>,
    Checked { value: input, faults }: Checked<ContractSendDocument>,
) -> Result<Reply<Option<String>>, Error> {
    let faults = Faults::new(faults);
    let mut conn = app.db.read().await?;
    let row = match find(&mut conn, &caller, &path.no).await {
        Err(Error::NotFound(what)) => {
            faults.end()?;
            return Err(Error::NotFound(what));
        }
        found => found?,
    };
    send(&app, &mut conn, Some(&row), &input, faults).await
}

async fn send(
    app: &App,
    conn: &mut Conn,
    row: Option<&Row>,
    input: &ContractSendDocument,
    mut faults: Faults,
) -> Result<Reply<Option<String>>, Error> {
    let Some(row) = row else {
        faults.end()?;
        return Err(Error::NotFound("contract"));
    };
    let templates = choice::all(conn, row.company, List::ContractTemplates).await?;
    let is_there = match input.template_id.filter(|id| *id != 0) {
        Some(id) => templates.iter().any(|template| template.is_active && template.id == id),
        None => templates.iter().any(|template| template.is_active),
    };
    if !is_there {
        faults.add(Code::NotFound, "templateId", "templateId is not a template that can be chosen");
    }
    let given = input.email.as_deref().map(str::trim).filter(|email| !email.is_empty());
    let recipient = match given {
        Some(email) => Some(email.to_owned()),
        None => customers::exactly(conn, row.company, row.customer).await?.and_then(|customer| customer.email),
    };
    match &recipient {
        Some(email) => faults.email("email", email),
        None => faults.add(Code::Required, "email", "email is required: the customer has none"),
    }
    faults.end()?;
    match mail::transport(app)? {}
}
