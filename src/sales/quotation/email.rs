//! Sending a quotation by e-mail, with the link to its page, where the customer looks at it and accepts it.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::QuotationPath;
use super::link::Link;
use super::page::money;
use super::row::Row;
use super::send::prepare;
use super::status::Status;
use crate::app::App;
use crate::customer::store as customers;
use crate::document;
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply};
use crate::mail::{self, Attachment, Language, Letter, Template, Wishes};
use crate::record;
use crate::sales::number_key;
use crate::setting::profile;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(email_quotation))
}

/// Whom a quotation is sent to, and in which words.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotationEmailWrite {
    /// Recipient, or several with commas between them; the customer's own e-mail when absent.
    #[schema(example = "buyer@example.com")]
    email: Option<String>,
    /// Further recipients, who are named.
    #[schema(example = json!(null))]
    cc: Option<String>,
    /// Another subject than the template's, with the same places.
    #[schema(example = json!(null))]
    subject: Option<String>,
    /// Another text than the template's, with the same places; the link is put below it where it has no `{link}`.
    #[schema(example = json!(null))]
    message: Option<String>,
    /// `th` or `en`; the company's language when absent.
    #[schema(example = "th")]
    language: Option<String>,
}

/// A quotation that is on its way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotationMailed {
    /// Number of the quotation.
    #[schema(example = "QT2511-0001")]
    quotation_no: String,
    /// Number of the e-mail: `GET /v1/mail/{id}` says what becomes of it.
    #[schema(example = 17)]
    mail_id: i64,
    /// Until when the link in it is good.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_expires: String,
}

/// Send a quotation by e-mail, with the link to its page, and as PDF where this server makes documents. The quotation is sent by
/// that.
///
/// 409 `not_configured` on a server that cannot send e-mail.
#[utoipa::path(
    post,
    path = "/v1/quotation/{quotationNo}/email",
    operation_id = "emailQuotation",
    tag = "Quotation",
    params(QuotationPath, Conditions),
    request_body = QuotationEmailWrite,
    responses((status = 200, description = "It is on its way.", body = Envelope<QuotationMailed>)),
    security(("bearerAuth" = ["quotation:write"], "subscriptionKey" = []))
)]
async fn email_quotation(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<QuotationPath>,
    Checked { value: input, faults }: Checked<QuotationEmailWrite>,
) -> Result<Reply<QuotationMailed>, Error> {
    let key = number_key(&path.quotation_no);
    let mut conn = app.db.read().await?;
    let faults = Faults::new(faults);
    let row: Row = faults.found(record::find(&mut conn, &caller, "number_key", key.as_str()).await)?;
    let mut letter = letter(&mut conn, &row, &input, faults).await?;
    drop(conn);
    mail::transport(&app)?;
    // The link is enough where no documents are made. What goes along is made first, as it is once it was sent: a quotation is
    // sent together with its e-mail, or not at all.
    if document::is_there(&app) {
        let mut sent = row.clone();
        sent.status = Status::Sent.number();
        letter.attachments.push(Attachment::quotation(&app, sent, letter.language).await?);
    }
    let (letter, row) = (&letter, &row);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let old: Row = record::held(&mut tx, &by.caller, "number_key", key.as_str(), &conditions).await?;
            // The e-mail is for whom it was read, and says what was read: another customer's quotation must not go there.
            if old.version != row.version {
                let message = format!("Quotation {} was changed a moment ago; ask again", old.number);
                return Err(Error::Conflict(Fault::new(Code::Conflict, "quotationNo", message)));
            }
            let (link, _) = prepare(&mut tx, &by, old).await?;
            let mut letter = letter.clone();
            letter.places.push(("link", link.address(&app)?));
            let mail_id = mail::post(&mut tx, &app, &caller.id, &letter).await?;
            let date_expires = expiry(&mut tx, link).await?;
            tx.reply(Reply::ok(QuotationMailed { quotation_no: row.number.clone(), mail_id, date_expires })).await
        })
        .await
}

async fn expiry(conn: &mut Conn, link: Link) -> Result<String, Error> {
    let zone = time::zone(conn, link.company).await?;
    Ok(time::text(link.until, &zone))
}

/// What is to be sent, but for the link; 400 with every fault.
async fn letter(conn: &mut Conn, row: &Row, input: &QuotationEmailWrite, mut faults: Faults) -> Result<Letter, Error> {
    let language = faults.choice("language", input.language.as_deref(), &[("th", "th"), ("en", "en")]);
    let customer = customers::exactly(conn, row.company, row.customer).await?;
    let wishes = Wishes {
        email: input.email.as_deref(),
        cc: input.cc.as_deref(),
        subject: input.subject.as_deref(),
        text: input.message.as_deref(),
    };
    let usual = customer.as_ref().and_then(|customer| customer.email.as_deref());
    let checked = wishes.check(&mut faults, Template::Quotation, usual);
    faults.end()?;
    let setting = profile::of(conn, row.company).await?;
    let language = Language::of(language.unwrap_or(&setting.language));
    let name = row.contact_name.clone().or_else(|| customer.map(|customer| customer.name)).unwrap_or_default();
    let until = row.valid_until.parse().map_or_else(|_| row.valid_until.clone(), |day| language.day(day));
    Ok(Letter {
        company: row.company,
        template: Template::Quotation,
        language,
        record: format!("quotation/{}", row.number),
        customer: Some(row.customer),
        owner: row.owner,
        to: checked.to,
        cc: checked.cc,
        subject: checked.subject,
        text: checked.text,
        places: vec![
            ("name", name),
            ("number", row.number.clone()),
            ("subject", row.subject.clone()),
            ("total", format!("{} {}", money(row.grand_total, &row.terms.currency), row.terms.currency)),
            ("until", until),
        ],
        attachments: Vec::new(),
    })
}
