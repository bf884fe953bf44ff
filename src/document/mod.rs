//! The documents that people hand over, as PDF: quotations, orders, tax invoices, receipts, credit notes, contracts.
//!
//! What a document says is read from its record (`paper`), how it looks from a typst template, the standard one or the
//! company's own (`template`). The page itself is made by another program (`program`): typst is larger than all of Sala,
//! and a template that runs wild must end alone.

mod logo;
mod operation;
mod paper;
pub(crate) mod program;
mod room;
mod template;

use std::path::PathBuf;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use db::Conn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub use self::logo::Logos;
pub use self::room::Room;

pub(crate) use self::operation::{Asked, DocumentQuery};

use self::paper::Paper;
use self::program::{Failed, Wrong};
use crate::app::App;
use crate::http::{Caller, Code, Error, Fault};
use crate::media::file_name;
use crate::sales::quotation;
use crate::setting::profile;

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(operation::routes()).merge(template::routes()).merge(logo::routes())
}

/// The kinds of documents; each has a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DocumentKind)]
pub enum Kind {
    /// A quotation.
    Quotation,
    /// A sales order.
    SalesOrder,
    /// A tax invoice.
    TaxInvoice,
    /// A receipt.
    Receipt,
    /// A credit note.
    CreditNote,
    /// A contract.
    Contract,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] =
        [Kind::Quotation, Kind::SalesOrder, Kind::TaxInvoice, Kind::Receipt, Kind::CreditNote, Kind::Contract];

    /// The word in the database, in the API and in templates.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Quotation => "quotation",
            Kind::SalesOrder => "salesOrder",
            Kind::TaxInvoice => "taxInvoice",
            Kind::Receipt => "receipt",
            Kind::CreditNote => "creditNote",
            Kind::Contract => "contract",
        }
    }
}

/// The language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// Thai.
    Th,
    /// English.
    En,
}

impl Lang {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Lang::Th => "th",
            Lang::En => "en",
        }
    }

    /// The language of a tag such as `en-GB`; Thai for every other than English.
    pub fn of(tag: &str) -> Lang {
        if tag.trim().to_ascii_lowercase().starts_with("en") { Lang::En } else { Lang::Th }
    }
}

/// The era of a document's days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    Buddhist,
    Gregorian,
}

/// How a document is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) lang: Lang,
    /// That of the language when it is none.
    pub(crate) era: Option<Era>,
    /// Whether the amount stands on it in words.
    pub(crate) words: bool,
    /// Whether it says that it is a copy.
    pub(crate) copy: bool,
    /// A standard for archives that it must meet.
    pub(crate) standard: Option<&'static str>,
    /// The entry of the list of templates whose text makes it; that of the record when it is none.
    pub(crate) template: Option<i64>,
}

impl Wish {
    /// As documents usually are.
    pub(crate) fn of(lang: Lang) -> Wish {
        Wish { lang, era: None, words: true, copy: false, standard: None, template: None }
    }
}

/// The document of this kind and number as PDF, for the company itself: for jobs that were allowed when they were asked for.
/// By the text of this entry of the list of templates; by that of the record without one.
///
/// 404 without the record, 409 `not_configured` without the program that makes documents, 503 when too many are being made.
pub async fn pdf(
    app: &App,
    company: i64,
    kind: Kind,
    number: &str,
    (lang, template): (Lang, Option<i64>),
) -> Result<Bytes, Error> {
    let caller = Caller::acting(company, "system");
    let wish = Wish { template, ..Wish::of(lang) };
    let paper = paper::find(&mut app.db.read().await?, &caller, kind, number, &wish).await?;
    make(app, company, &paper, &wish).await
}

/// A quotation as it is in `row`, which may differ from what is stored: it is made before it is sent. Errors as [`pdf`].
pub(crate) async fn quotation_pdf(app: &App, row: quotation::Row, lang: Lang) -> Result<Bytes, Error> {
    let (company, wish) = (row.company, Wish::of(lang));
    let paper = paper::of_quotation(&mut app.db.read().await?, row, &wish).await?;
    make(app, company, &paper, &wish).await
}

/// The document of a caller's record.
pub(crate) async fn answer(
    app: &App,
    caller: &Caller,
    kind: Asked,
    number: &str,
    query: &DocumentQuery,
) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let wish = query.wish(&profile::of(&mut conn, caller.company).await?.language)?;
    let paper = match kind {
        Asked::Kind(kind) => paper::find(&mut conn, caller, kind, number, &wish).await?,
        Asked::Tax => paper::find_tax(&mut conn, caller, number, &wish).await?,
    };
    if let Some(entry) = wish.template {
        template::chosen(&mut conn, caller.company, paper.kind, entry).await?;
    }
    drop(conn);
    let pdf = make(app, caller.company, &paper, &wish).await?;
    Ok(respond(pdf, &paper.number))
}

/// A quotation for whoever holds its link.
pub(crate) async fn answer_link(
    app: &App,
    mut conn: Conn,
    row: quotation::Row,
    query: &DocumentQuery,
) -> Result<Response, Error> {
    let company = row.company;
    let wish = query.wish(&profile::of(&mut conn, company).await?.language)?;
    // How a document looks is for the company to choose.
    let wish = Wish { template: None, ..wish };
    let paper = paper::of_quotation(&mut conn, row, &wish).await?;
    drop(conn);
    let pdf = make(app, company, &paper, &wish).await?;
    Ok(respond(pdf, &paper.number))
}

/// Whether this server makes documents.
pub(crate) fn is_there(app: &App) -> bool {
    program::find(app.config.render.as_deref()).is_ok()
}

/// A file of PDF that a browser shows.
fn respond(pdf: Bytes, number: &str) -> Response {
    let mut response = Response::new(Body::from(pdf));
    *response.status_mut() = StatusCode::OK;
    let name = HeaderValue::from_str(&format!("inline; {}", file_name(&format!("{number}.pdf"))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(CONTENT_DISPOSITION, name.unwrap_or(HeaderValue::from_static("inline")));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Makes a document by the company's template, or the standard one.
async fn make(app: &App, company: i64, paper: &Paper, wish: &Wish) -> Result<Bytes, Error> {
    program::find(app.config.render.as_deref())?;
    let entry = wish.template.or_else(|| paper.template());
    let own = template::source(&mut app.db.read().await?, company, paper.kind, entry).await?;
    let logo = logo::of(app, company).await?;
    let source = own.as_deref().unwrap_or_else(|| template::standard(paper.kind));
    let made = print_well(app, company, paper, source, logo.as_deref(), wish).await;
    if let Err(Refused::Failed(Failed::Template(faults))) = &made
        && let Some(refusal) = unmet(wish, faults)
    {
        return Err(refusal);
    }
    match made {
        Ok(pdf) => Ok(pdf),
        Err(Refused::Failed(Failed::Template(faults))) if own.is_some() => {
            Err(Error::Conflicts(template::faults("template", &faults)))
        }
        Err(Refused::Failed(Failed::Costly(why))) => {
            let message = format!("The document cannot be made: {why}");
            Err(Error::Conflict(Fault::new(Code::Conflict, "template", message)))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// Why a document cannot meet the standard that is asked for, where that is what is wrong: 409.
fn unmet(wish: &Wish, faults: &[Wrong]) -> Option<Error> {
    let standard = wish.standard?;
    let mut letters: Vec<&str> = faults.iter().filter_map(|fault| lacking(&fault.message)).collect();
    letters.sort_unstable();
    letters.dedup();
    let message = match letters.is_empty() {
        false => format!(
            "No font of this server has “{}”, and a document of {standard} needs a font for each letter: name further fonts \
             with --fonts (SALA_FONTS), or leave standard out",
            letters.join(" ")
        ),
        true => {
            let fault = faults.iter().find(|fault| fault.message.starts_with("PDF/A"))?;
            format!("The document cannot be one of {standard}: {}; leave standard out", fault.sentence())
        }
    };
    Some(Error::Conflict(Fault::new(Code::Conflict, "standard", message)))
}

/// The text for which there is no font, as typst says it: ``the text `"中"` could not be displayed with font `"Sarabun"` ``.
fn lacking(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("the text `\"")?;
    Some(rest.split_once("\"` could not be displayed")?.0)
}

/// [`print`]; where a picture cannot be unpacked, without it: it keeps no document back.
async fn print_well(
    app: &App,
    company: i64,
    paper: &Paper,
    source: &str,
    logo: Option<&[u8]>,
    wish: &Wish,
) -> Result<Bytes, Refused> {
    let made = print(app, company, paper, source, logo, wish).await;
    if logo.is_some() && matches!(made, Err(Refused::Failed(Failed::Template(_) | Failed::Internal(_)))) {
        return print(app, company, paper, source, None, wish).await;
    }
    made
}

/// The most that a document says, in bytes; the program takes no more.
const LONGEST: usize = 4 * 1024 * 1024;

/// Why there is no document.
#[derive(Debug)]
enum Refused {
    /// The program's own reason.
    Failed(Failed),
    /// What came before it.
    Error(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused::Error(error)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        match refused {
            Refused::Error(error) => error,
            Refused::Failed(Failed::Template(faults)) => {
                let text: Vec<String> = faults.iter().map(program::Wrong::sentence).collect();
                Error::Internal(format!("a standard template: {}", text.join("; ")))
            }
            Refused::Failed(Failed::Costly(why) | Failed::Internal(why)) => {
                Error::Internal(format!("a document: {why}"))
            }
        }
    }
}

/// One run of the program.
async fn print(
    app: &App,
    company: i64,
    paper: &Paper,
    source: &str,
    logo: Option<&[u8]>,
    wish: &Wish,
) -> Result<Bytes, Refused> {
    let program = program::find(app.config.render.as_deref())?;
    let mut data = paper.data.clone();
    data.insert("logo".to_owned(), logo.map_or(Value::Null, |_| "logo".into()));
    let images = logo.map(|logo| json!({"logo": STANDARD.encode(logo)})).unwrap_or_else(|| json!({}));
    let length = serde_json::to_vec(&data).map_err(|error| Error::Internal(error.to_string()))?.len();
    if length > LONGEST {
        return Err(Refused::Failed(Failed::Costly("its texts have more than 4 MiB".to_owned())));
    }
    // The program is started in another folder.
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let fonts: Vec<String> =
        app.config.fonts.iter().map(|path| absolute(path).to_string_lossy().into_owned()).collect();
    let now = Timestamp::from_millisecond(app.now()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    let question = json!({
        "files": {"main.typ": source, "sala.typ": template::LIBRARY},
        "data": data,
        "images": images,
        "fonts": fonts,
        "standard": wish.standard,
        "now": [[now.year(), now.month(), now.day()], [now.hour(), now.minute(), now.second()]],
        "ident": format!("{company}/{}/{}", paper.kind.word(), paper.number),
    });
    let question = serde_json::to_vec(&question).map_err(|error| Error::Internal(error.to_string()))?;
    let place = app.documents.enter(company).await?;
    program::run(program, question, place).await.map_err(Refused::Failed)
}
