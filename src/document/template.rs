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
use crate::http::{Caller, Checked, Code, Envelope, Error, Fault, Faults, Json, Path, Query, Reply};
use crate::setting::list::List;
use crate::setting::{choice, profile};
use crate::time;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_document_templates))
        .routes(routes!(get_document_template, update_document_template, reset_document_template))
        .routes(routes!(preview_document_template))
        .routes(routes!(get_unbroken_words))
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

/// The list whose entries templates of a kind may be for.
fn list(kind: Kind) -> List {
    match kind {
        Kind::Contract => List::ContractTemplates,
        _ => List::HeaderTemplates,
    }
}

/// An entry that documents of a kind are to be made by: 400 that names it when it cannot be chosen.
pub(super) async fn chosen(conn: &mut Conn, company: i64, kind: Kind, entry: i64) -> Result<(), Error> {
    let all = choice::all(conn, company, list(kind)).await?;
    if all.iter().any(|one| one.id == entry && one.is_active) {
        return Ok(());
    }
    Err(Error::invalid(Code::NotFound, "templateId", "templateId is not a template that can be chosen"))
}

#[derive(Debug, Clone, Deserialize)]
struct Row {
    kind: String,
    /// The entry that it is for; none of the one that is for all others.
    entry: Option<i64>,
    source: String,
    modified_by: String,
    modified_at: i64,
    version: i64,
}

const ROWS: &str = "select kind, cast(null as bigint) as entry, source, modified_by, modified_at, version
     from document_template where company = $1";

const NAMED: &str = "select kind, entry, source, modified_by, modified_at, version
     from document_template_named where company = $1";

/// The most templates that are listed for entries.
const MOST_NAMED: i64 = 200;

async fn find(conn: &mut Conn, company: i64, kind: Kind, entry: Option<i64>) -> Result<Option<Row>, db::Error> {
    let query = conn.sql(if entry.is_some() { NAMED } else { ROWS }).bind(company);
    let query = query.push(" and kind = ").push_bind(kind.word());
    let query = match entry {
        Some(entry) => query.push(" and entry = ").push_bind(entry),
        None => query,
    };
    query.optional().await
}

/// The company's own template of a kind for an entry, or the one for all, where it has one.
pub(super) async fn source(
    conn: &mut Conn,
    company: i64,
    kind: Kind,
    entry: Option<i64>,
) -> Result<Option<String>, db::Error> {
    if entry.is_some()
        && let Some(row) = find(conn, company, kind, entry).await?
    {
        return Ok(Some(row.source));
    }
    Ok(find(conn, company, kind, None).await?.map(|row| row.source))
}

/// A template of documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DocumentTemplate {
    /// Whose documents it makes.
    kind: Kind,
    /// The entry of the list `contract-templates` or `header-templates` that it is for; null of the one that makes all other
    /// documents of its kind.
    #[schema(example = json!(null))]
    template_id: Option<i64>,
    /// Whether it is the standard one; of an entry, whether it has no text of its own.
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

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct TemplateQuery {
    /// The entry that it is for: of the list `contract-templates` for contracts, of `header-templates` for all other kinds. The
    /// one for all documents of the kind when it is absent or 0.
    template_id: Option<i64>,
}

impl TemplateQuery {
    /// The entry, which must be one that can be chosen.
    async fn entry(&self, app: &App, caller: &Caller, kind: Kind) -> Result<Option<i64>, Error> {
        let entry = self.template_id.filter(|id| *id != 0);
        if let Some(entry) = entry {
            chosen(&mut app.db.read().await?, caller.company, kind, entry).await?;
        }
        Ok(entry)
    }
}

fn view(kind: Kind, entry: Option<i64>, row: Option<&Row>, zone: &time::Zone) -> DocumentTemplate {
    DocumentTemplate {
        kind,
        template_id: entry,
        is_standard: row.is_none(),
        modified_by_user_id: row.map(|row| row.modified_by.clone()),
        date_modified: row.map(|row| time::text(row.modified_at, zone)),
    }
}

async fn with_text(
    conn: &mut Conn,
    company: i64,
    kind: Kind,
    entry: Option<i64>,
) -> Result<DocumentTemplateText, Error> {
    let row = find(conn, company, kind, entry).await?;
    let zone = time::zone(conn, company).await?;
    let template = view(kind, entry, row.as_ref(), &zone);
    let source = match row {
        Some(row) => row.source,
        None => source(conn, company, kind, entry).await?.unwrap_or_else(|| standard(kind).to_owned()),
    };
    Ok(DocumentTemplateText { template, source })
}

/// List the templates of documents: one for each kind, and behind them those for entries of the lists of templates.
#[utoipa::path(
    get,
    path = "/v1/documents/templates",
    operation_id = "listDocumentTemplates",
    tag = "Setting",
    responses((status = 200, description = "The templates.", body = Envelope<Vec<DocumentTemplate>>)),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn list_document_templates(
    State(app): State<App>,
    caller: Caller,
) -> Result<Reply<Vec<DocumentTemplate>>, Error> {
    let mut conn = app.db.read().await?;
    let rows: Vec<Row> = conn.sql(ROWS).bind(caller.company).all().await?;
    let named = conn.sql(NAMED).bind(caller.company).push(" order by kind, entry limit ").push_bind(MOST_NAMED);
    let named: Vec<Row> = named.all().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let of = |kind: Kind| view(kind, None, rows.iter().find(|row| row.kind == kind.word()), &zone);
    let of_entry = |row: &Row| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == row.kind)?;
        Some(view(kind, row.entry, Some(row), &zone))
    };
    Ok(Reply::ok(Kind::ALL.into_iter().map(of).chain(named.iter().filter_map(of_entry)).collect()))
}

/// Get a template with its text.
#[utoipa::path(
    get,
    path = "/v1/documents/templates/{kind}",
    operation_id = "getDocumentTemplate",
    tag = "Setting",
    params(TemplatePath, TemplateQuery),
    responses((status = 200, description = "The template that holds.", body = Envelope<DocumentTemplateText>)),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn get_document_template(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TemplatePath>,
    Query(query): Query<TemplateQuery>,
) -> Result<Reply<DocumentTemplateText>, Error> {
    let entry = query.entry(&app, &caller, path.kind).await?;
    let mut conn = app.db.read().await?;
    Ok(Reply::ok(with_text(&mut conn, caller.company, path.kind, entry).await?))
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
    params(TemplatePath, TemplateQuery),
    request_body = DocumentTemplateWrite,
    responses((status = 200, description = "The template.", body = Envelope<DocumentTemplateText>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn update_document_template(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TemplatePath>,
    Query(query): Query<TemplateQuery>,
    Json(input): Json<DocumentTemplateWrite>,
) -> Result<Reply<DocumentTemplateText>, Error> {
    check(&input.source)?;
    let entry = query.entry(&app, &caller, path.kind).await?;
    for lang in [Lang::Th, Lang::En] {
        try_out(&app, caller.company, path.kind, &input.source, lang).await?;
    }
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let company = by.caller.company;
            lock(&mut tx, company, path.kind, entry).await?;
            let old = find(&mut tx, company, path.kind, entry).await?;
            let version = old.as_ref().map_or(1, |old| old.version + 1);
            let text = match entry {
                None => {
                    "insert into document_template (company, kind, source, modified_by, modified_at, version)
                     values ($1, $2, $3, $4, $5, $6)
                     on conflict (company, kind) do update
                     set source = excluded.source, modified_by = excluded.modified_by,
                         modified_at = excluded.modified_at, version = excluded.version"
                }
                Some(_) => {
                    "insert into document_template_named (company, kind, source, modified_by, modified_at, version, entry)
                     values ($1, $2, $3, $4, $5, $6, $7)
                     on conflict (company, kind, entry) do update
                     set source = excluded.source, modified_by = excluded.modified_by,
                         modified_at = excluded.modified_at, version = excluded.version"
                }
            };
            let put = tx
                .sql(text)
                .bind(company)
                .bind(path.kind.word())
                .bind(input.source.as_str())
                .bind(by.caller.id.as_str())
                .bind(by.now)
                .bind(version);
            let put = match entry {
                Some(entry) => put.bind(entry),
                None => put,
            };
            put.exec().await?;
            let was = old.as_ref().map(|old| old.source.as_str());
            note(&mut tx, &by, (path.kind, entry), was, Some(&input.source)).await?;
            let now = with_text(&mut tx, company, path.kind, entry).await?;
            tx.reply(Reply::ok(now)).await
        })
        .await
}

/// Keeps others from writing the same template: there may be no row yet that could be held.
async fn lock(tx: &mut Conn, company: i64, kind: Kind, entry: Option<i64>) -> Result<(), db::Error> {
    tx.lock(&format!("document-template/{company}/{}/{}", kind.word(), entry.unwrap_or_default())).await
}

/// Go back to the standard template; of an entry, to the one for all documents of its kind.
#[utoipa::path(
    delete,
    path = "/v1/documents/templates/{kind}",
    operation_id = "resetDocumentTemplate",
    tag = "Setting",
    params(TemplatePath, TemplateQuery),
    responses((status = 200, description = "The template that holds now.", body = Envelope<DocumentTemplateText>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn reset_document_template(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TemplatePath>,
    Query(query): Query<TemplateQuery>,
) -> Result<Reply<DocumentTemplateText>, Error> {
    // An entry that was taken out of its list meanwhile may still have a text to be taken away.
    let entry = query.template_id.filter(|id| *id != 0);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let company = by.caller.company;
            lock(&mut tx, company, path.kind, entry).await?;
            let old = find(&mut tx, company, path.kind, entry).await?;
            let gone = match entry {
                Some(entry) => tx
                    .sql("delete from document_template_named where company = $1 and kind = $2 and entry = $3")
                    .bind(company)
                    .bind(path.kind.word())
                    .bind(entry),
                None => tx
                    .sql("delete from document_template where company = $1 and kind = $2")
                    .bind(company)
                    .bind(path.kind.word()),
            };
            gone.exec().await?;
            note(&mut tx, &by, (path.kind, entry), old.as_ref().map(|old| old.source.as_str()), None).await?;
            let now = with_text(&mut tx, company, path.kind, entry).await?;
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
    params(TemplatePath, TemplateQuery),
    request_body = DocumentTemplatePreview,
    responses((status = 200, description = "The document.", content_type = "application/pdf")),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn preview_document_template(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TemplatePath>,
    Query(query): Query<TemplateQuery>,
    Checked { value: input, faults }: Checked<DocumentTemplatePreview>,
) -> Result<Response, Error> {
    let mut faults = Faults::new(faults);
    let lang = faults.choice("lang", input.lang.as_deref(), &[("th", Lang::Th), ("en", Lang::En)]);
    faults.end()?;
    let entry = query.entry(&app, &caller, path.kind).await?;
    let mut conn = app.db.read().await?;
    let language = profile::of(&mut conn, caller.company).await?.language.clone();
    let kept = source(&mut conn, caller.company, path.kind, entry).await?;
    drop(conn);
    let text = input.source.or(kept).unwrap_or_else(|| standard(path.kind).to_owned());
    check(&text)?;
    let lang = lang.unwrap_or_else(|| Lang::of(&language));
    let pdf = try_out(&app, caller.company, path.kind, &text, lang).await?;
    Ok(respond(pdf, path.kind.word()))
}

/// The words within which no line of a document is broken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UnbrokenWords {
    /// The standard list: provinces, districts, and words of business. It always holds.
    #[schema(example = json!(["กรุงเทพมหานคร", "ใบเสนอราคา"]))]
    standard: Vec<&'static str>,
    /// The company's own: `unbrokenWords` of `PUT /v1/setting`.
    #[schema(example = json!(["บางแสน"]))]
    own: Vec<String>,
}

/// List the words within which no line of a document is broken.
#[utoipa::path(
    get,
    path = "/v1/documents/unbroken-words",
    operation_id = "getUnbrokenWords",
    tag = "Setting",
    responses((status = 200, description = "The words.", body = Envelope<UnbrokenWords>)),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn get_unbroken_words(State(app): State<App>, caller: Caller) -> Result<Reply<UnbrokenWords>, Error> {
    let own = profile::of(&mut app.db.read().await?, caller.company).await?.unbroken_words.clone();
    Ok(Reply::ok(UnbrokenWords { standard: paper::standard_words().collect(), own }))
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
    (kind, entry): (Kind, Option<i64>),
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), Error> {
    let change = Change {
        company: by.caller.company,
        reference: match entry {
            Some(entry) => format!("documentTemplate/{}/{entry}", kind.word()),
            None => format!("documentTemplate/{}", kind.word()),
        },
        actor: &by.caller.id,
        action: "updated",
        at: by.now,
    };
    audit::record(tx, &change, &Noted { source: from }, &Noted { source: to }).await?;
    Ok(())
}
