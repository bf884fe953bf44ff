//! The page on which a customer looks at a quotation and answers it, without signing in: plain HTML from the server, in
//! Thai or English, without a script.

use std::fmt::Write as _;

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use db::{Amount, Conn};
use jiff::civil::Date;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::convert;
use super::link::Link;
use super::row::{Acceptance, Row};
use super::status::{self, Status, Who};
use crate::app::App;
use crate::document::{self, DocumentQuery};
use crate::http::{Caller, Code, Conditions, Error, Path, Query};
use crate::record::{self, Actor};
use crate::sales::content::Around;
use crate::sales::{totals, words};
use crate::setting::profile::{self, Setting};
use crate::time;

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

/// The page's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lang {
    Th,
    En,
}

impl Lang {
    fn choose(asked: Option<&str>, visitor: &Visitor, setting: &Setting) -> Lang {
        let wanted = asked.filter(|asked| !asked.trim().is_empty()).map_or_else(
            || if visitor.language.is_empty() { setting.language.clone() } else { visitor.language.clone() },
            str::to_owned,
        );
        let wanted = wanted.trim().to_ascii_lowercase();
        if wanted.starts_with("en") { Lang::En } else { Lang::Th }
    }

    fn code(self) -> &'static str {
        match self {
            Lang::Th => "th",
            Lang::En => "en",
        }
    }

    /// One of two.
    fn of(self, thai: &'static str, english: &'static str) -> &'static str {
        match self {
            Lang::Th => thai,
            Lang::En => english,
        }
    }

    fn day(self, day: &str) -> String {
        match (day.parse::<Date>(), self) {
            (Ok(day), Lang::Th) => words::buddhist(day, words::Form::Long),
            (Ok(day), Lang::En) => words::gregorian(day),
            (Err(_), _) => day.to_owned(),
        }
    }
}

/// A quotation, to whoever holds its link.
///
/// An HTML page in Thai or English with the lines, the totals, and a form to accept or decline. 404 for a link that this
/// server did not make, that has expired, or whose quotation was changed since.
#[utoipa::path(
    get,
    path = "/quotation/{token}",
    operation_id = "showQuotationPage",
    tag = "Quotation",
    params(PagePath, PageQuery),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
    ),
    security(())
)]
async fn show_quotation_page(
    State(app): State<App>,
    Path(path): Path<PagePath>,
    Query(query): Query<PageQuery>,
    visitor: Visitor,
) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let page = Page::load(&app, &mut conn, &path.token).await?;
    Ok(page.show(Lang::choose(query.lang.as_deref(), &visitor, &page.setting), None))
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
        (status = 404, response = inline(crate::http::openapi::NotFound)),
    ),
    security(())
)]
async fn show_quotation_document(
    State(app): State<App>,
    Path(path): Path<PagePath>,
    Query(query): Query<DocumentQuery>,
) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let page = Page::load(&app, &mut conn, &path.token).await?;
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
        (status = 404, response = inline(crate::http::openapi::NotFound)),
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
    let page = Page::load(&app, &mut app.db.read().await?, &path.token).await?;
    let lang = Lang::choose(answer.lang.as_deref(), &visitor, &page.setting);
    let accepted = match answer.answer.trim() {
        "accept" => true,
        "decline" => false,
        _ => return Ok(page.show(lang, Some(lang.of("กรุณาเลือกยอมรับหรือปฏิเสธ", "Please accept or decline")))),
    };
    let cut = |text: Option<&str>, most: usize| {
        let text: String =
            text.unwrap_or_default().trim().chars().filter(|letter| !letter.is_control()).take(most).collect();
        (!text.is_empty()).then_some(text)
    };
    let Some(name) = cut(answer.name.as_deref(), 200) else {
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
        Ok(()) | Err(Error::Conflict(_)) => {}
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
    Ok(page.show(lang, None))
}

/// Writes down what the customer declared; 409 when the quotation is no longer as it was on the page.
async fn declare(tx: &mut Conn, by: &Actor, id: i64, acceptance: Acceptance) -> Result<(), Error> {
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
    if old.revision != acceptance.revision || old.is_expired {
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
    async fn load(app: &App, conn: &mut Conn, token: &str) -> Result<Page, Error> {
        let missing = Error::NotFound("quotation");
        let link = Link::read(app, token).filter(|link| link.until > app.now()).ok_or(missing)?;
        let by = Caller::acting(link.company, "customer");
        let row: Row = record::find(conn, &by, "id", link.quotation).await?;
        let erased: Option<i64> = conn
            .sql("select erased_at from customer where company = $1 and id = $2")
            .bind(row.company)
            .bind(row.customer)
            .one()
            .await?;
        let is_shown = erased.is_none() && matches!(row.status(), Status::Sent | Status::Completed | Status::Rejected);
        if row.revision != link.revision || !is_shown {
            return Err(Error::NotFound("quotation"));
        }
        let setting = profile::of(conn, row.company).await?;
        let zone = time::zone(conn, row.company).await?;
        let company = conn.sql("select name from company where company = $1").bind(row.company).one().await?;
        let around = Around::load(conn, row.company, vec![row.customer], [].iter(), setting.sales.reading).await?;
        let customer = around.customers.get(&row.customer).map(|customer| customer.name.clone()).unwrap_or_default();
        let today = time::day_of(app.now(), &zone).to_string();
        let is_over = row.is_expired || row.valid_until < today;
        Ok(Page {
            row,
            setting,
            company,
            customer,
            token: token.to_owned(),
            is_over,
            has_document: document::is_there(app),
        })
    }

    fn show(&self, lang: Lang, fault: Option<&str>) -> Response {
        let mut response = Html(self.html(lang, fault)).into_response();
        if fault.is_some() {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; img-src https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        let headers = response.headers_mut();
        let fixed = [
            (CACHE_CONTROL, "private, no-store"),
            (REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("x-content-type-options"), "nosniff"),
            (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }

    fn html(&self, lang: Lang, fault: Option<&str>) -> String {
        let row = &self.row;
        let title = format!("{} {}", lang.of("ใบเสนอราคา", "Quotation"), row.number);
        let mut page = String::with_capacity(8_192);
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title><style>{STYLE}</style></head><body><main>",
            lang.code(),
            escaped(&title)
        );
        let other = lang.of("en", "th");
        let _ =
            write!(page, "<nav><a href=\"?lang={other}\" lang=\"{other}\">{}</a></nav>", lang.of("English", "ภาษาไทย"));
        if let Some(logo) = &self.setting.logo_url {
            let _ = write!(page, "<img class=\"logo\" src=\"{}\" alt=\"\">", escaped(logo));
        }
        let _ = write!(page, "<p class=\"company\">{}</p><h1>{}</h1>", escaped(&self.company), escaped(&title));
        let _ = write!(page, "<p>{}</p><dl>", escaped(&row.subject));
        let rows = [
            (lang.of("ลูกค้า", "Customer"), self.customer.clone()),
            (lang.of("วันที่", "Date"), lang.day(&row.dated)),
            (lang.of("ใช้ได้ถึง", "Valid until"), lang.day(&row.valid_until)),
            (lang.of("เงื่อนไขการชำระเงิน", "Terms of payment"), row.terms.payment_term.clone().unwrap_or_default()),
        ];
        for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
        }
        page.push_str("</dl>");
        self.table(lang, &mut page);
        if let Some(remark) = &row.remark {
            let _ = write!(page, "<p class=\"remark\">{}</p>", escaped(remark));
        }
        if self.has_document {
            let _ = write!(
                page,
                "<p><a href=\"/quotation/{}/document?lang={}\">{}</a></p>",
                escaped(&self.token),
                lang.code(),
                lang.of("ดาวน์โหลด PDF", "Download as PDF")
            );
        }
        self.answer(lang, fault, &mut page);
        page.push_str("</main></body></html>");
        page
    }

    fn table(&self, lang: Lang, page: &mut String) {
        let _ = write!(
            page,
            "<table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
            lang.of("รายการ", "Item"),
            lang.of("จำนวน", "Quantity"),
            lang.of("ราคา", "Price"),
            lang.of("รวม", "Total")
        );
        let currency = self.row.terms.currency.as_str();
        let money = |amount: Amount| money(amount, currency);
        for line in &self.row.lines {
            let unit = line.unit_name.as_deref().unwrap_or_default();
            let _ = write!(page, "<tr><td>{}", escaped(&line.name));
            if let Some(description) = &line.description {
                let _ = write!(page, "<br><small>{}</small>", escaped(description));
            }
            let _ = write!(
                page,
                "</td><td>{} {}</td><td>{}",
                line.quantity,
                escaped(unit),
                grouped(&line.price.to_string())
            );
            if let Some(discount) = line.total.checked_sub(line.gross).filter(|discount| *discount != Amount::ZERO) {
                let percent = line.discount_value.filter(|_| line.discount_is_percent == Some(true));
                let percent = percent.map(|percent| format!(" {percent}%")).unwrap_or_default();
                let name = lang.of("ส่วนลด", "Discount");
                let _ = write!(page, "<br><small>{name}{percent} {}</small>", money(discount));
            }
            let _ = write!(page, "</td><td>{}</td></tr>", money(line.total));
        }
        let totals = &self.row.money;
        let mut foot = vec![(lang.of("รวมเป็นเงิน", "Subtotal").to_owned(), totals.sub_total)];
        if totals.discount != Amount::ZERO {
            let name = self.row.terms.discount_name.clone();
            foot.push((
                escaped(&name.unwrap_or_else(|| lang.of("ส่วนลด", "Discount").to_owned())),
                negated(totals.discount),
            ));
        }
        for rate in totals.rates.iter().filter(|rate| rate.vat != Amount::ZERO) {
            let percent = rate.rate.map(|rate| rate.to_string()).unwrap_or_default();
            foot.push((format!("{} {percent}%", lang.of("ภาษีมูลค่าเพิ่ม", "VAT")), rate.vat));
        }
        page.push_str("</tbody><tfoot>");
        for (name, amount) in foot {
            let _ = write!(page, "<tr><th scope=\"row\" colspan=\"3\">{name}</th><td>{}</td></tr>", money(amount));
        }
        let _ = write!(
            page,
            "<tr class=\"grand\"><th scope=\"row\" colspan=\"3\">{}</th><td>{} {currency}</td></tr>",
            lang.of("จำนวนเงินรวมทั้งสิ้น", "Grand total"),
            money(totals.grand_total),
            currency = escaped(currency)
        );
        if totals.withholding != Amount::ZERO {
            let _ = write!(
                page,
                "<tr><th scope=\"row\" colspan=\"3\">{}</th><td>{}</td></tr><tr><th scope=\"row\" colspan=\"3\">{}</th><td>{}</td></tr>",
                lang.of("หักภาษี ณ ที่จ่าย", "Withholding tax"),
                money(totals.withholding),
                lang.of("ยอดชำระ", "Net to pay"),
                money(totals.net_to_receive)
            );
        }
        page.push_str("</tfoot></table>");
        if self.row.terms.currency == "THB" {
            let words = match lang {
                Lang::Th => words::baht(totals.grand_total, self.setting.sales.reading),
                Lang::En => words::english(totals.grand_total, "baht", "satang"),
            };
            let _ = write!(page, "<p class=\"words\">({words})</p>");
        }
    }

    /// The form, or what was answered.
    fn answer(&self, lang: Lang, fault: Option<&str>, page: &mut String) {
        match (&self.row.acceptance, self.row.status()) {
            (Some(answer), _) if answer.accepted => {
                let _ = write!(
                    page,
                    "<p class=\"done\" role=\"status\">{} {}</p>",
                    lang.of("ยอมรับใบเสนอราคาแล้วโดย", "Accepted by"),
                    escaped(&answer.name)
                );
            }
            (Some(answer), _) => {
                let _ = write!(
                    page,
                    "<p class=\"done\" role=\"status\">{} {}</p>",
                    lang.of("ปฏิเสธใบเสนอราคาแล้วโดย", "Declined by"),
                    escaped(&answer.name)
                );
            }
            (None, Status::Sent) if !self.is_over => self.form(lang, fault, page),
            (None, Status::Sent) => {
                let over = lang.of("ใบเสนอราคานี้หมดอายุแล้ว", "This quotation is no longer valid");
                let _ = write!(page, "<p class=\"done\" role=\"status\">{over}</p>");
            }
            (None, _) => {
                let closed = lang.of("ใบเสนอราคานี้ปิดแล้ว", "This quotation is closed");
                let _ = write!(page, "<p class=\"done\" role=\"status\">{closed}</p>");
            }
        }
    }

    fn form(&self, lang: Lang, fault: Option<&str>, page: &mut String) {
        let _ = write!(page, "<form method=\"post\" action=\"/quotation/{}\">", escaped(&self.token));
        if let Some(fault) = fault {
            let _ = write!(page, "<p class=\"fault\" role=\"alert\">{fault}</p>");
        }
        let _ = write!(
            page,
            "<input type=\"hidden\" name=\"lang\" value=\"{}\"><label for=\"name\">{}</label><input id=\"name\" name=\"name\" required maxlength=\"200\" autocomplete=\"name\"><label for=\"reason\">{}</label><textarea id=\"reason\" name=\"reason\" maxlength=\"1000\" rows=\"2\"></textarea><div><button name=\"answer\" value=\"accept\">{}</button> <button class=\"plain\" name=\"answer\" value=\"decline\">{}</button></div><p><small>{}</small></p></form>",
            lang.code(),
            lang.of("ชื่อผู้ตอบ", "Your name"),
            lang.of("เหตุผล (กรณีปฏิเสธ)", "Reason, if you decline"),
            lang.of("ยอมรับ", "Accept"),
            lang.of("ปฏิเสธ", "Decline"),
            lang.of(
                "ระบบจะบันทึกชื่อ เวลา และที่อยู่เครือข่ายของท่านไว้เป็นหลักฐาน",
                "Your name, the time and your network address are kept as evidence"
            )
        );
    }
}

/// The page's looks; the policy allows exactly these.
const STYLE: &str = "body{font:16px/1.6 Sarabun,'Noto Sans Thai',system-ui,sans-serif;margin:0;background:#f4f4f2;color:#1c1c1a}\
main{max-width:46rem;margin:0 auto;padding:1.5rem;background:#fff;min-height:100vh;box-sizing:border-box}\
nav{text-align:right}h1{font-size:1.4rem;margin:.2rem 0}.company{font-weight:700;margin:0}.logo{max-height:4rem}\
dl{display:grid;grid-template-columns:auto 1fr;gap:.2rem 1rem}dt{color:#5c5c57}dd{margin:0}\
table{width:100%;border-collapse:collapse;margin:1rem 0}th,td{padding:.4rem;border-bottom:1px solid #ddd;text-align:right;vertical-align:top}\
th:first-child,td:first-child{text-align:left}tfoot th{text-align:right;font-weight:400}.grand th,.grand td{font-weight:700;font-size:1.1rem}\
small{color:#5c5c57}.remark{white-space:pre-line}form{border-top:1px solid #ddd;padding-top:1rem}label{display:block;margin-top:.6rem}\
input,textarea{width:100%;box-sizing:border-box;font:inherit;padding:.5rem;border:1px solid #8a8a84;border-radius:.3rem}\
button{font:inherit;font-weight:700;margin-top:1rem;padding:.6rem 1.6rem;border:0;border-radius:.3rem;background:#0b6b3a;color:#fff}\
.plain{background:#e7e7e3;color:#1c1c1a}.done{padding:.8rem;background:#e6f3ea;border-radius:.3rem}.fault{color:#a31515}";

/// Text as HTML takes it, also between quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// `1,234.50`: with the places of its currency.
pub(super) fn money(amount: Amount, currency: &str) -> String {
    let text = amount.to_string();
    let (whole, places) = text.split_once('.').unwrap_or((&text, ""));
    match usize::try_from(totals::places(currency)).unwrap_or_default() {
        0 if places.is_empty() => grouped(whole),
        least => grouped(&format!("{whole}.{places:0<least$}")),
    }
}

fn negated(amount: Amount) -> Amount {
    Amount::ZERO.checked_sub(amount).unwrap_or_default()
}

fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, places) = digits.split_once('.').map_or((digits, String::new()), |(whole, p)| (whole, format!(".{p}")));
    let mut grouped = String::with_capacity(whole.len() + 4);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{places}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_text_is_never_markup() {
        for (units, currency, text) in [
            (12_345_678_900, "THB", "1,234,567.89"),
            (-10_000, "THB", "-1.00"),
            (0, "THB", "0.00"),
            (109_190_000, "JPY", "10,919"),
            (10_500, "KWD", "1.050"),
        ] {
            assert_eq!(money(Amount::from_units(units), currency), text);
        }
        assert_eq!(grouped("999.1234"), "999.1234");
        assert_eq!(escaped("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }
}
