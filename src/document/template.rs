//! Templates: the standard ones, and those that a company has in their place.

use axum::extract::State;
use axum::response::Response;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::program::{Failed, Wrong};
use super::{Kind, Lang, Paper, Refused, Wish, logo, paper, print_well, program, respond};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Faults, Json, Path, Reply};
use crate::setting::profile;
use crate::time;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_document_templates))
        .routes(routes!(get_document_template, update_document_template, reset_document_template))
        .routes(routes!(preview_document_template))
}

/// What all templates import: heads, tables, totals, and the words of both languages.
pub(super) const LIBRARY: &str = include_str!("template/sala.typ");

/// The longest template, in bytes.
const LONGEST: usize = 256 * 1024;

/// The standard template of a kind.
pub(super) fn standard(kind: Kind) -> &'static str {
    match kind {
        Kind::Quotation => include_str!("template/quotation.typ"),
        Kind::SalesOrder => include_str!("template/sales_order.typ"),
        Kind::TaxInvoice => include_str!("template/tax_invoice.typ"),
        Kind::Receipt => include_str!("template/receipt.typ"),
        Kind::CreditNote => include_str!("template/credit_note.typ"),
        Kind::Contract => include_str!("template/contract.typ"),
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Row {
    kind: String,
    source: String,
    modified_by: String,
    modified_at: i64,
    version: i64,
}

const ROWS: &str = "select kind, source, modified_by, modified_at, version from document_template where company = $1";

async fn find(conn: &mut Conn, company: i64, kind: Kind) -> Result<Option<Row>, db::Error> {
    conn.sql(ROWS).bind(company).push(" and kind = ").push_bind(kind.word()).optional().await
}

/// The company's own template of a kind, where it has one.
pub(super) async fn source(conn: &mut Conn, company: i64, kind: Kind) -> Result<Option<String>, db::Error> {
    Ok(find(conn, company, kind).await?.map(|row| row.source))
}

/// A template of documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DocumentTemplate {
    /// Whose documents it makes.
    kind: Kind,
    /// Whether it is the standard one.
    is_standard: bool,
    /// Who wrote it; null for the standard one.
    modified_by_user_id: Option<String>,
    /// When; null for the standard one.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_modified: Option<String>,
}

/// A template of documents with its text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DocumentTemplateText {
    #[serde(flatten)]
    template: DocumentTemplate,
    /// The text, in the language of typst.
    #[schema(example = "#import \"sala.typ\": *")]
    source: String,
}

/// A text in the place of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DocumentTemplateWrite {
    /// The text, in the language of typst; at most 256 KiB.
    #[schema(example = "#import \"sala.typ\": *\n#show: page-of\n#head()\n#parties()\n#lines()\n#totals()\n")]
    source: String,
}

/// What is to be looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DocumentTemplatePreview {
    /// A text that is not stored; the template that holds when it is absent.
    #[schema(example = "#import \"sala.typ\": *\n#show: page-of\n#head()\n#parties()\n#lines()\n#totals()\n")]
    source: Option<String>,
    /// `th` or `en`; the company's language when it is absent.
    #[schema(example = "th")]
    lang: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct TemplatePath {
    /// Whose documents it makes.
    #[param(inline)]
    kind: Kind,
}

fn view(kind: Kind, row: Option<&Row>, zone: &time::Zone) -> DocumentTemplate {
    DocumentTemplate {
        kind,
        is_standard: row.is_none(),
        modified_by_user_id: row.map(|row| row.modified_by.clone()),
        date_modified: row.map(|row| time::text(row.modified_at, zone)),
    }
}

async fn with_text(conn: &mut Conn, company: i64, kind: Kind) -> Result<DocumentTemplateText, Error> {
    let row = find(conn, company, kind).await?;
    let zone = time::zone(conn, company).await?;
    let template = view(kind, row.as_ref(), &zone);
    Ok(DocumentTemplateText { template, source: row.map_or_else(|| standard(kind).to_owned(), |row| row.source) })
}

/// List the templates of documents.
#[utoipa::path(
    get,
    path = "/v1/documents/templates",
    operation_id = "listDocumentTemplates",
    tag = "Setting",
    responses((status = 200, description = "One for each kind.", body = Envelope<Vec<DocumentTemplate>>)),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn list_document_templates(
    State(app): State<App>,
    caller: Caller,
) -> Result<Reply<Vec<DocumentTemplate>>, Error> {
    let mut conn = app.db.read().await?;
    let rows: Vec<Row> = conn.sql(ROWS).bind(caller.company).all().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let of = |kind: Kind| view(kind, rows.iter().find(|row| row.kind == kind.word()), &zone);
    Ok(Reply::ok(Kind::ALL.map(of).into()))
}

/// Get a template with its text.
#[utoipa::path(
    get,
    path = "/v1/documents/templates/{kind}",
    operation_id = "getDocumentTemplate",
    tag = "Setting",
    params(TemplatePath),
    responses((status = 200, description = "The template that holds.", body = Envelope<DocumentTemplateText>)),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn get_document_template(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TemplatePath>,
) -> Result<Reply<DocumentTemplateText>, Error> {
    let mut conn = app.db.read().await?;
    Ok(Reply::ok(with_text(&mut conn, caller.company, path.kind).await?))
}

/// Put a template of one's own in the place of the standard one.
///
/// It is tried with sample data in Thai and in English first: 400 names each fault with its line and column, and nothing is
/// stored. 409 `not_configured` on a server without the program that makes documents.
#[utoipa::path(
    put,
    path = "/v1/documents/templates/{kind}",
    operation_id = "updateDocumentTemplate",
    tag = "Setting",
    params(TemplatePath),
    request_body = DocumentTemplateWrite,
    responses((status = 200, description = "The template.", body = Envelope<DocumentTemplateText>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn update_document_template(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TemplatePath>,
    Json(input): Json<DocumentTemplateWrite>,
) -> Result<Reply<DocumentTemplateText>, Error> {
    check(&input.source)?;
    for lang in [Lang::Th, Lang::En] {
        try_out(&app, caller.company, path.kind, &input.source, lang).await?;
    }
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let company = by.caller.company;
            // There may be no row yet that could be held.
            tx.lock(&format!("document-template/{company}/{}", path.kind.word())).await?;
            let old = find(&mut tx, company, path.kind).await?;
            let version = old.as_ref().map_or(1, |old| old.version + 1);
            tx.sql(
                "insert into document_template (company, kind, source, modified_by, modified_at, version)
                 values ($1, $2, $3, $4, $5, $6)
                 on conflict (company, kind) do update
                 set source = excluded.source, modified_by = excluded.modified_by,
                     modified_at = excluded.modified_at, version = document_template.version + 1",
            )
            .bind(company)
            .bind(path.kind.word())
            .bind(input.source.as_str())
            .bind(by.caller.id.as_str())
            .bind(by.now)
            .bind(version)
            .exec()
            .await?;
            note(&mut tx, &by, path.kind, old.as_ref().map(|old| old.source.as_str()), Some(&input.source)).await?;
            let now = with_text(&mut tx, company, path.kind).await?;
            tx.reply(Reply::ok(now)).await
        })
        .await
}

/// Go back to the standard template.
#[utoipa::path(
    delete,
    path = "/v1/documents/templates/{kind}",
    operation_id = "resetDocumentTemplate",
    tag = "Setting",
    params(TemplatePath),
    responses((status = 200, description = "The standard template.", body = Envelope<DocumentTemplateText>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn reset_document_template(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TemplatePath>,
) -> Result<Reply<DocumentTemplateText>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let company = by.caller.company;
            // There may be no row yet that could be held.
            tx.lock(&format!("document-template/{company}/{}", path.kind.word())).await?;
            let old = find(&mut tx, company, path.kind).await?;
            tx.sql("delete from document_template where company = $1 and kind = $2")
                .bind(company)
                .bind(path.kind.word())
                .exec()
                .await?;
            note(&mut tx, &by, path.kind, old.as_ref().map(|old| old.source.as_str()), None).await?;
            let now = with_text(&mut tx, company, path.kind).await?;
            tx.reply(Reply::ok(now)).await
        })
        .await
}

/// See what a template makes of sample data.
///
/// 400 names each fault of the text with its line and column. 409 `not_configured` on a server without the program that
/// makes documents.
#[utoipa::path(
    post,
    path = "/v1/documents/templates/{kind}/preview",
    operation_id = "previewDocumentTemplate",
    tag = "Setting",
    params(TemplatePath),
    request_body = DocumentTemplatePreview,
    responses((status = 200, description = "The document.", content_type = "application/pdf")),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn preview_document_template(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TemplatePath>,
    Checked { value: input, faults }: Checked<DocumentTemplatePreview>,
) -> Result<Response, Error> {
    let mut faults = Faults::new(faults);
    let lang = faults.choice("lang", input.lang.as_deref(), &[("th", Lang::Th), ("en", Lang::En)]);
    faults.end()?;
    let mut conn = app.db.read().await?;
    let language = profile::of(&mut conn, caller.company).await?.language;
    let kept = source(&mut conn, caller.company, path.kind).await?;
    drop(conn);
    let text = input.source.or(kept).unwrap_or_else(|| standard(path.kind).to_owned());
    check(&text)?;
    let lang = lang.unwrap_or_else(|| Lang::of(&language));
    let pdf = try_out(&app, caller.company, path.kind, &text, lang).await?;
    Ok(respond(pdf, path.kind.word()))
}

fn check(source: &str) -> Result<(), Error> {
    let mut faults = Faults::default();
    if source.trim().is_empty() {
        faults.add(Code::Required, "source", "source is required");
    }
    if source.len() > LONGEST {
        faults.add(Code::TooLong, "source", "source may have at most 256 KiB");
    }
    faults.end()
}

/// Makes the sample document of a kind; what is wrong with the text is a 400.
async fn try_out(app: &App, company: i64, kind: Kind, source: &str, lang: Lang) -> Result<axum::body::Bytes, Error> {
    program::find(app.config.render.as_deref())?;
    let paper: Paper = paper::sample(&mut app.db.read().await?, company, kind, &Wish::of(lang)).await?;
    let logo = logo::of(app, company).await?;
    match print_well(app, company, &paper, source, logo.as_deref(), &Wish::of(lang)).await {
        Ok(pdf) => Ok(pdf),
        Err(Refused::Failed(Failed::Template(wrong))) => Err(Error::Invalid(faults("source", &wrong))),
        Err(Refused::Failed(Failed::Costly(why))) => {
            Err(Error::invalid(Code::InvalidValue, "source", format!("source cannot be used: {why}")))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// What is wrong with a template, as faults of a field.
pub(super) fn faults(field: &str, wrong: &[Wrong]) -> Vec<Fault> {
    let fault = |wrong: &Wrong| Fault::new(Code::InvalidValue, field, wrong.sentence());
    wrong.iter().map(fault).collect()
}

/// A template in the audit trail; null is the standard one.
#[derive(Debug, Serialize)]
struct Noted<'a> {
    source: Option<&'a str>,
}

async fn note(
    tx: &mut Conn,
    by: &crate::record::Actor,
    kind: Kind,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), Error> {
    let change = Change {
        company: by.caller.company,
        reference: format!("documentTemplate/{}", kind.word()),
        actor: &by.caller.id,
        action: "updated",
        at: by.now,
    };
    audit::record(tx, &change, &Noted { source: from }, &Noted { source: to }).await?;
    Ok(())
}
