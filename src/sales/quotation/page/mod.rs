//! The page on which a customer looks at a quotation and answers it, without signing in: plain HTML from the server, in
//! Thai or English, without a script.

mod html;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, REFERRER_POLICY, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use db::Conn;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::html::{Lang, gone};
use super::convert;
use super::link::Link;
use super::row::{Acceptance, Row};
use super::status::{self, Status, Who};
use crate::app::App;
use crate::document::{self, DocumentQuery};
use crate::http::{Caller, Code, Conditions, Error, Path, Query};
use crate::record::{self, Actor};
use crate::sales::content::Around;
use crate::search;
use crate::setting::profile::{self, Setting};
use crate::time;

pub(super) use self::html::money;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show_quotation_page, answer_quotation_page))
        .routes(routes!(show_quotation_document))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct PagePath {
    /// What the link says, sealed.
    token: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// `th` or `en`; the browser's language, or the company's, when it is absent.
    lang: Option<String>,
}

/// What the customer declares.
#[derive(Debug, Deserialize, ToSchema)]
struct QuotationAnswer {
    /// `accept` or `decline`.
    #[schema(example = "accept")]
    answer: String,
    /// Who answers.
    #[schema(example = "สมชาย ใจดี")]
    name: Option<String>,
    /// Why it is declined.
    reason: Option<String>,
    /// The language of the page.
    lang: Option<String>,
}

/// Who looks at the page, as far as the connection says.
#[derive(Debug, Clone, Default)]
struct Visitor {
    address: String,
    agent: String,
    language: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visitor, Self::Rejection> {
        let header = |name: HeaderName| {
            let text = parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            text.chars().take(300).collect::<String>()
        };
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
        // A proxy says for whom it asks; anybody can say so, and both are kept.
        let forwarded = header(HeaderName::from_static("x-forwarded-for"));
        let address = match (peer, forwarded.is_empty()) {
            (Some(peer), true) => peer,
            (Some(peer), false) => format!("{forwarded} via {peer}"),
            (None, _) => forwarded,
        };
        Ok(Visitor { address, agent: header(USER_AGENT), language: header(ACCEPT_LANGUAGE) })
    }
}

/// A quotation, to whoever holds its link.
///
/// An HTML page in Thai or English with the lines, the totals, and a form to accept or decline. 404, with a page that says
/// so, for a link that this server did not make, that has expired, or whose quotation was changed since.
#[utoipa::path(
    get,
    path = "/quotation/{token}",
    operation_id = "showQuotationPage",
    tag = "Quotation",
    params(PagePath, PageQuery),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 404, description = "A page that says that the link is no longer valid.", body = String, content_type = "text/html"),
    ),
    security(())
)]
async fn show_quotation_page(
    State(app): State<App>,
    Path(path): Path<PagePath>,
    Query(query): Query<PageQuery>,
    visitor: Visitor,
) -> Result<Response, Error> {
    let asked = query.lang.as_deref();
    let Some(page) = Page::load(&app, &mut app.db.read().await?, &path.token).await? else {
        return Ok(gone(Lang::choose(asked, &visitor, USUAL)));
    };
    Ok(page.show(Lang::choose(asked, &visitor, &page.setting.language), None))
}

/// A quotation as PDF, to whoever holds its link.
///
/// 404 as for the page; 409 `not_configured` on a server without the program that makes documents.
#[utoipa::path(
    get,
    path = "/quotation/{token}/document",
    operation_id = "showQuotationDocument",
    tag = "Quotation",
    params(PagePath, DocumentQuery),
    responses(
        (status = 200, description = "The document.", content_type = "application/pdf"),
        (status = 400, response = inline(crate::http::openapi::BadRequest)),
        (status = 404, description = "A page that says that the link is no longer valid.", body = String, content_type = "text/html"),
    ),
    security(())
)]
async fn show_quotation_document(
    State(app): State<App>,
    Path(path): Path<PagePath>,
    Query(query): Query<DocumentQuery>,
    visitor: Visitor,
) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let Some(page) = Page::load(&app, &mut conn, &path.token).await? else {
        return Ok(gone(Lang::choose(query.lang.as_deref(), &visitor, USUAL)));
    };
    let mut response = document::answer_link(&app, conn, page.row, &query).await?;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    Ok(response)
}

/// Accept or decline a quotation on its page.
///
/// Name, time, network address and browser are kept with the quotation. An accepted one is completed; by the company's
/// rules an order is made of it at once.
#[utoipa::path(
    post,
    path = "/quotation/{token}",
    operation_id = "answerQuotationPage",
    tag = "Quotation",
    params(PagePath),
    request_body(content = QuotationAnswer, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The page again, with the answer.", body = String, content_type = "text/html"),
        (status = 404, description = "A page that says that the link is no longer valid.", body = String, content_type = "text/html"),
    ),
    security(())
)]
async fn answer_quotation_page(
    State(app): State<App>,
    Path(path): Path<PagePath>,
    visitor: Visitor,
    answer: Result<axum::Form<QuotationAnswer>, axum::extract::rejection::FormRejection>,
) -> Result<Response, Error> {
    let axum::Form(answer) = answer.map_err(|refused| match refused {
        axum::extract::rejection::FormRejection::InvalidFormContentType(_) => {
            Error::MediaType("application/x-www-form-urlencoded")
        }
        _ => Error::invalid(Code::Required, "answer", "answer is required: accept or decline"),
    })?;
    let asked = answer.lang.as_deref();
    let Some(page) = Page::load(&app, &mut app.db.read().await?, &path.token).await? else {
        return Ok(gone(Lang::choose(asked, &visitor, USUAL)));
    };
    let lang = Lang::choose(asked, &visitor, &page.setting.language);
    let accepted = match answer.answer.trim() {
        "accept" => true,
        "decline" => false,
        _ => return Ok(page.show(lang, Some(lang.of("กรุณาเลือกยอมรับหรือปฏิเสธ", "Please accept or decline")))),
    };
    // Whoever signs says who: blanks and signs alone are nobody.
    let Some(name) = cut(answer.name.as_deref(), 200).filter(|name| name.chars().any(char::is_alphanumeric)) else {
        return Ok(page.show(lang, Some(lang.of("กรุณากรอกชื่อของท่าน", "Please enter your name"))));
    };
    let now = app.now();
    let acceptance = Acceptance {
        revision: page.row.revision,
        accepted,
        name,
        at: now,
        address: visitor.address,
        agent: visitor.agent,
        reason: cut(answer.reason.as_deref(), 1_000).filter(|_| !accepted),
    };
    let by = Actor { caller: Caller::acting(page.row.company, "customer"), now };
    let id = page.row.id;
    let answered = app.db.write(async |mut tx| declare(&mut tx, &by, id, acceptance.clone()).await).await;
    match answered {
        // The page says how the quotation is now, and that it is gone where it is.
        Ok(()) | Err(Error::Conflict(_) | Error::Changed | Error::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    if accepted && page.setting.sales.convert_on_acceptance {
        // The acceptance stands whatever becomes of the order: where stock is short, a person makes it later.
        let made: Result<(), Error> = app.db.write(async |mut tx| order(&mut tx, &by, id).await).await;
        if let Err(error) = made {
            tracing::warn!(%error, "an accepted quotation could not be made an order");
        }
    }
    let page = Page::load(&app, &mut app.db.read().await?, &path.token).await?;
    Ok(page.map_or_else(|| gone(lang), |page| page.show(lang, None)))
}

/// The language of whoever names none, where the company is not known.
const USUAL: &str = "th";

/// What somebody typed, without what cannot be seen or turns what stands beside it; nothing when nothing is left.
fn cut(text: Option<&str>, most: usize) -> Option<String> {
    let text = text.unwrap_or_default();
    let seen = text.chars().filter(|letter| !letter.is_control() && !search::is_unseen(*letter));
    let text: String = seen.collect::<String>().trim().chars().take(most).collect();
    (!text.is_empty()).then_some(text)
}

/// Writes down what the customer declared; 409 when the quotation is no longer as it was on the page.
async fn declare(tx: &mut Conn, by: &Actor, id: i64, acceptance: Acceptance) -> Result<(), Error> {
    let zone = time::zone(tx, by.caller.company).await?;
    // Held, so that an erasure at the same moment leaves nothing of what is written now; before the quotation, as a merge does.
    let erased: Option<Option<i64>> = tx
        .sql(
            "select erased_at from customer
             where company = $1 and id = (select customer from quotation where company = $1 and id = $2)",
        )
        .bind(by.caller.company)
        .bind(id)
        .shared()
        .optional()
        .await?;
    if erased.flatten().is_some() {
        return Err(Error::NotFound("quotation"));
    }
    let old: Row = record::held(tx, &by.caller, "id", id, &Conditions::default()).await?;
    let to = if acceptance.accepted { Status::Completed } else { Status::Rejected };
    status::must(&old.number, old.status(), to, Who::Customer)?;
    if old.revision != acceptance.revision || old.is_over(time::day_of(by.now, &zone)) {
        return Err(Error::Changed);
    }
    let mut row = old.clone();
    row.status = to.number();
    if !acceptance.accepted {
        row.reason.clone_from(&acceptance.reason);
    }
    let event = if acceptance.accepted { "Accepted" } else { "Declined" };
    row.acceptance = Some(acceptance);
    record::save_as(tx, by, Some(old), row, event).await?;
    Ok(())
}

async fn order(tx: &mut Conn, by: &Actor, id: i64) -> Result<(), Error> {
    let old: Row = record::held(tx, &by.caller, "id", id, &Conditions::default()).await?;
    if old.is_accepted() && old.sales_order.is_none() {
        convert::make(tx, by, old).await?;
    }
    Ok(())
}

struct Page {
    row: Row,
    setting: Arc<Setting>,
    company: String,
    customer: String,
    token: String,
    is_over: bool,
    /// Whether this server makes documents.
    has_document: bool,
}

impl Page {
    /// What a link leads to; none for one that this server did not make, that has expired, or whose quotation is another now.
    async fn load(app: &App, conn: &mut Conn, token: &str) -> Result<Option<Page>, Error> {
        let Some(link) = Link::read(app, token).filter(|link| link.until > app.now()) else { return Ok(None) };
        let by = Caller::acting(link.company, "customer");
        let row: Row = match record::find(conn, &by, "id", link.quotation).await {
            Ok(row) => row,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let erased: Option<i64> = conn
            .sql("select erased_at from customer where company = $1 and id = $2")
            .bind(row.company)
            .bind(row.customer)
            .one()
            .await?;
        let is_shown = erased.is_none() && matches!(row.status(), Status::Sent | Status::Completed | Status::Rejected);
        if row.revision != link.revision || !is_shown {
            return Ok(None);
        }
        let setting = profile::of(conn, row.company).await?;
        let zone = time::zone(conn, row.company).await?;
        let company = conn.sql("select name from company where company = $1").bind(row.company).one().await?;
        let around = Around::load(conn, row.company, vec![row.customer], [].iter(), setting.sales.reading).await?;
        let customer = around.customers.get(&row.customer).map(|customer| customer.name.clone()).unwrap_or_default();
        let is_over = row.is_over(time::day_of(app.now(), &zone));
        Ok(Some(Page {
            row,
            setting,
            company,
            customer,
            token: token.to_owned(),
            is_over,
            has_document: document::is_there(app),
        }))
    }
}
