//! Sending a contract's document by e-mail. What is asked for is checked to its end; then the transport is asked for, and where
//! there is none the answer says so, and nothing is written down. The e-mail is stored before it is acknowledged.

use axum::extract::State;
use db::Conn;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::row::Row;
use super::{ContractPath, find};
use crate::app::App;
use crate::attachment::{self, Kept, Record};
use crate::customer::store as customers;
use crate::document;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Path, Reply};
use crate::mail::{self, Attachment, Language, Letter, MOST_FILES, Template, Wishes};
use crate::setting::list::List;
use crate::setting::{choice, profile};
use crate::time;

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
    /// Recipient, or several with commas between them; the customer's own e-mail when absent.
    #[schema(example = "buyer@example.com")]
    email: Option<String>,
    /// Further recipients, who are named.
    #[schema(example = json!(null))]
    cc: Option<String>,
    /// Another subject than the template's, with the same places.
    #[schema(example = json!(null))]
    subject: Option<String>,
    /// Another text than the template's, with the same places.
    #[schema(example = json!(null))]
    message: Option<String>,
    /// Files of the contract that go along, by their `fileId`.
    #[schema(example = json!(null))]
    file_ids: Option<Vec<String>>,
    /// `th` or `en`; the company's language when absent.
    #[schema(example = json!(null))]
    language: Option<String>,
}

/// Send the document of a contract to its recipient, as PDF. 409 `not_configured` on a server that cannot send e-mail, or has
/// no program that makes documents.
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
    let (letter, files) = letter(&mut conn, row.as_ref(), &input, faults).await?;
    drop(conn);
    send(&app, &caller, letter, files).await
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
    let (letter, files) = letter(&mut conn, Some(&row), &input, faults).await?;
    drop(conn);
    send(&app, &caller, letter, files).await
}

/// What is to be sent, and the files that go along; 400 with every fault.
async fn letter(
    conn: &mut Conn,
    row: Option<&Row>,
    input: &ContractSendDocument,
    mut faults: Faults,
) -> Result<(Letter, Vec<Kept>), Error> {
    let language = faults.choice("language", input.language.as_deref(), &[("th", "th"), ("en", "en")]);
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
    let customer = customers::exactly(conn, row.company, row.customer).await?;
    let wishes = Wishes {
        email: input.email.as_deref(),
        cc: input.cc.as_deref(),
        subject: input.subject.as_deref(),
        text: input.message.as_deref(),
    };
    let usual = customer.as_ref().and_then(|customer| customer.email.as_deref());
    let checked = wishes.check(&mut faults, Template::Contract, usual);
    let files = files(conn, row, input.file_ids.as_deref().unwrap_or_default(), &mut faults).await?;
    faults.end()?;
    let setting = profile::of(conn, row.company).await?;
    let zone = time::zone(conn, row.company).await?;
    let language = Language::of(language.unwrap_or(&setting.language));
    let day = |at: i64| {
        let at = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(zone.clone());
        language.day(at.date())
    };
    let letter = Letter {
        company: row.company,
        template: Template::Contract,
        language,
        record: format!("contract/{}", row.number),
        customer: Some(row.customer),
        owner: Some(row.owner),
        to: checked.to,
        cc: checked.cc,
        subject: checked.subject,
        text: checked.text,
        places: vec![
            ("name", customer.map(|customer| customer.name).unwrap_or_default()),
            ("number", row.number.clone()),
            ("contract", row.name.clone()),
            ("begin", day(row.starts_at)),
            ("end", day(row.last_moment(&zone))),
        ],
        attachments: Vec::new(),
    };
    Ok((letter, files))
}

/// The most files that go along.
const MOST: usize = 20;

/// The contract's files with these ids.
async fn files(conn: &mut Conn, row: &Row, ids: &[String], faults: &mut Faults) -> Result<Vec<Kept>, Error> {
    faults.most("fileIds", ids.len(), MOST);
    let mut found = Vec::new();
    for (index, id) in ids.iter().enumerate().take(MOST) {
        let file = attachment::kept(conn, row.company, Record::contract(row.id), id.trim()).await?;
        if file.is_none() {
            let field = format!("fileIds[{index}]");
            faults.add(Code::NotFound, &field, format!("{field} is no file of this contract that is here"));
        }
        found.extend(file);
    }
    let size: u64 = found.iter().map(|file| file.size).sum();
    if size > MOST_FILES {
        let most = MOST_FILES / 1024 / 1024;
        faults.add(Code::TooLong, "fileIds", format!("fileIds: {most} MiB are the most that an e-mail takes along"));
    }
    Ok(found)
}

async fn send(
    app: &App,
    caller: &Caller,
    mut letter: Letter,
    files: Vec<Kept>,
) -> Result<Reply<Option<String>>, Error> {
    mail::transport(app)?;
    let (number, language) = (letter.record.trim_start_matches("contract/").to_owned(), letter.language);
    let document = Attachment::document(app, letter.company, document::Kind::Contract, &number, language).await?;
    letter.attachments.push(document);
    for file in files {
        let bytes = app.media.get(&file.id).await?.bytes().await.map_err(|error| Error::Internal(error.to_string()))?;
        let content_type = file.content_type.unwrap_or_default();
        letter.attachments.push(Attachment { name: file.name, content_type, bytes });
    }
    let letter = &letter;
    caller
        .write(app, async |mut tx| {
            mail::post(&mut tx, app, &caller.id, letter).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await
}
