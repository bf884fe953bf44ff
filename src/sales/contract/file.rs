//! Files of contracts: the signed copy, and what belongs to it.

use axum::extract::State;
use db::Conn;
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::find;
use super::row::{Contract, Row};
use crate::app::App;
use crate::attachment::{self, AttachedFile, AttachmentDto, Record, Upload};
use crate::http::{Caller, Code, Envelope, Error, Paging, Reply};
use crate::record;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(attach_contract_files))
}

/// What files of a contract are: the original API's number for them is not published.
const KIND: i64 = 4;

/// The most files that an answer lists.
const MOST: Paging = Paging { skip: 0, take: 100 };

/// Files to attach, and to which contract.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractFileAttach {
    /// Number of the contract.
    #[schema(example = "CONT250600006")]
    contract_no: String,
    /// At most 20. In a form: file parts. In JSON: addresses, which are fetched in the background, `data:` URLs, or objects
    /// `{"url", "fileName"}` or `{"content", "fileName"}` with the content in Base64.
    #[schema(value_type = Option<Vec<String>>, example = json!(["https://example.com/contract.pdf"]))]
    #[expect(dead_code, reason = "the intake reads the files; this is their place in the document")]
    files: Option<IgnoredAny>,
}

/// The same as a form.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the document's picture of the form, which the intake reads part by part")]
struct ContractFileForm {
    /// Number of the contract.
    contract_no: String,
    /// The files: every part that has a file name is one.
    files: Option<Vec<ContractFilePart>>,
}

/// A file of a form.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the document's picture of a file")]
struct ContractFilePart(String);

/// Attach files to a contract.
#[utoipa::path(
    post,
    path = "/v1/contract/attach-files",
    operation_id = "attachContractFiles",
    tag = "Contract",
    request_body(content((ContractFileAttach = "application/json"), (ContractFileForm = "multipart/form-data"))),
    responses((status = 200, description = "The contract with its files.", body = Envelope<Contract>)),
    security(("bearerAuth" = ["contract:write"]))
)]
async fn attach_contract_files(
    State(app): State<App>,
    caller: Caller,
    mut upload: Upload<ContractFileAttach>,
) -> Result<Reply<Contract>, Error> {
    if upload.files.is_empty() {
        upload.faults.add(Code::Required, "files", "files: at least one file is required");
    }
    let attached = async {
        upload.faults.clone().end()?;
        caller
            .write(&app, async |mut tx| {
                let row = find(&mut tx, &caller, &upload.value.contract_no).await.map_err(named)?;
                attachment::attach(&app, &mut tx, &caller, Record::contract(row.id), None, &upload.files).await?;
                let view = with_files(&app, &mut tx, row).await?;
                tx.reply(Reply::ok(view)).await
            })
            .await
    };
    let answer = attached.await;
    upload.settled(&app, &caller, answer).await
}

/// What a body names and is not there is a fault of the body.
fn named(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::invalid(Code::NotFound, "contractNo", "contractNo is not a known contract"),
        other => other,
    }
}

/// The view of a contract with its files.
pub(super) async fn with_files(app: &App, conn: &mut Conn, row: Row) -> Result<Contract, Error> {
    let (company, id) = (row.company, row.id);
    let (rows, _) = attachment::list(conn, company, Record::contract(id), None, MOST).await?;
    let files = attachment::views(app, conn, company, rows).await?;
    let mut view = record::view(conn, row).await?;
    let dto = |file: AttachedFile| AttachmentDto::new(file, company, id, KIND);
    view.attachments = files.into_iter().map(dto).collect();
    Ok(view)
}
