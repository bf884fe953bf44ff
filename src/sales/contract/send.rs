//! Sending a contract's document by e-mail. What is asked for is checked to its end; then the transport is asked for, and where
//! there is none the answer says so, and nothing is written down. The e-mail is stored before it is acknowledged.

use std::collections::HashSet;

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
use crate::media;
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
    /// Number of the template by which the document is made; the first one when absent.
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
    let parcel = parcel(&mut conn, caller.company, row.as_ref(), &input, faults).await?;
    drop(conn);
    send(&app, &caller, parcel).await
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
    let parcel = parcel(&mut conn, caller.company, Some(&row), &input, faults).await?;
    drop(conn);
    send(&app, &caller, parcel).await
}

/// An e-mail, and what goes along with it.
struct Parcel {
    letter: Letter,
    files: Vec<Kept>,
    /// The entry of the list of templates by which the document is made.
    template: Option<i64>,
}

/// What is to be sent; 400 with every fault, also beside a contract that is not known.
async fn parcel(
    conn: &mut Conn,
    company: i64,
    row: Option<&Row>,
    input: &ContractSendDocument,
    mut faults: Faults,
) -> Result<Parcel, Error> {
    let language = faults.choice("language", input.language.as_deref(), &[("th", "th"), ("en", "en")]);
    let templates = choice::all(conn, company, List::ContractTemplates).await?;
    let wanted = input.template_id.filter(|id| *id != 0);
    let mut usable = templates.iter().filter(|template| template.is_active);
    let template = usable.find(|template| wanted.is_none_or(|id| template.id == id)).map(|template| template.id);
    if template.is_none() {
        faults.add(Code::NotFound, "templateId", "templateId is not a template that can be chosen");
    }
    let wishes = Wishes {
        email: input.email.as_deref(),
        cc: input.cc.as_deref(),
        subject: input.subject.as_deref(),
        text: input.message.as_deref(),
    };
    let ids = distinct(input.file_ids.as_deref().unwrap_or_default());
    faults.most("fileIds", ids.len(), MOST);
    let Some(row) = row else {
        wishes.check_alone(&mut faults, Template::Contract);
        faults.end()?;
        return Err(Error::NotFound("contract"));
    };
    let customer = customers::exactly(conn, row.company, row.customer).await?;
    let usual = customer.as_ref().and_then(|customer| customer.email.as_deref());
    let checked = wishes.check(&mut faults, Template::Contract, usual);
    let files = files(conn, row, &ids, &mut faults).await?;
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
    Ok(Parcel { letter, files, template })
}

/// The most files that go along.
const MOST: usize = 20;

/// Each id once, with the place where it stands first.
fn distinct(ids: &[String]) -> Vec<(usize, &str)> {
    let mut seen = HashSet::new();
    ids.iter().map(|id| id.trim()).enumerate().filter(|(_, id)| seen.insert(*id)).collect()
}

/// The contract's files with these ids, in their order.
async fn files(conn: &mut Conn, row: &Row, ids: &[(usize, &str)], faults: &mut Faults) -> Result<Vec<Kept>, Error> {
    let asked: Vec<&str> = ids.iter().take(MOST).map(|(_, id)| *id).collect();
    let mut known = attachment::kept(conn, row.company, Record::contract(row.id), &asked).await?;
    let mut found = Vec::new();
    for (place, id) in ids.iter().take(MOST) {
        match known.remove(*id) {
            Some(file) => found.push(file),
            None => {
                let field = format!("fileIds[{place}]");
                faults.add(Code::NotFound, &field, format!("{field} is not a stored file of this contract"));
            }
        }
    }
    let size: u64 = found.iter().map(|file| file.size).sum();
    if size > MOST_FILES {
        let most = MOST_FILES / 1024 / 1024;
        faults.add(Code::TooLong, "fileIds", format!("fileIds: an e-mail may have {most} MiB of attachments"));
    }
    Ok(found)
}

async fn send(app: &App, caller: &Caller, parcel: Parcel) -> Result<Reply<Option<String>>, Error> {
    mail::transport(app)?;
    let Parcel { mut letter, files, template } = parcel;
    let number = letter.record.trim_start_matches("contract/").to_owned();
    let how = (letter.language, template);
    let document = Attachment::document(app, letter.company, document::Kind::Contract, &number, how).await?;
    letter.attachments.push(document);
    for file in files {
        let bytes = app.media.get(&file.id).await?.bytes().await.map_err(|error| media::unread(&error))?;
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
