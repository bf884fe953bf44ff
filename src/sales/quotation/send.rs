//! Handing a quotation to the customer: as a link, or into a chat room as a card with the link.

use std::sync::Arc;

use axum::extract::State;
use channel::Content;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::QuotationPath;
use super::link::Link;
use super::page::money;
use super::row::Row;
use super::status::{Status, Who};
use crate::app::App;
use crate::chat::message::Draft;
use crate::chat::{queue, room};
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Fault, Faults, Path, Reply};
use crate::record::{self, Actor, Saved};
use crate::sales::{number_key, words};
use crate::setting::profile;
use crate::telemetry;
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(link_quotation)).routes(routes!(send_quotation))
}

/// A link to a quotation's page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotationLink {
    /// Number of the quotation.
    #[schema(example = "QT2511-0001")]
    quotation_no: String,
    /// Where the customer looks at it and answers, without signing in.
    #[schema(example = "https://sala.example.com/quotation/507-…")]
    url: String,
    /// Until when the link is good.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_expires: String,
    /// The message that carries it, when it was sent into a room.
    message_id: Option<String>,
}

/// Where a quotation is sent to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuotationSendWrite {
    /// A room of the quotation's customer; the one in which the customer was last heard when it is absent.
    #[schema(example = "26259b2c-509c-4ff5-a82a-d1b5505b014d")]
    room_id: Option<String>,
    /// `th` or `en`: the language of the card; the company's when it is absent.
    #[schema(example = "th")]
    language: Option<String>,
}

/// Make a link to a quotation's page. The quotation is sent by that.
///
/// The link ends with the quotation's validity, after the days of the setting, or when the quotation is changed.
#[utoipa::path(
    post,
    path = "/v1/quotation/{quotationNo}/link",
    operation_id = "linkQuotation",
    tag = "Quotation",
    params(QuotationPath, Conditions),
    responses((status = 200, description = "The link.", body = Envelope<QuotationLink>)),
    security(("bearerAuth" = ["quotation:write"], "subscriptionKey" = []))
)]
async fn link_quotation(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<QuotationPath>,
) -> Result<Reply<QuotationLink>, Error> {
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let key = number_key(&path.quotation_no);
            let old: Row = record::held(&mut tx, &by.caller, "number_key", key, &conditions).await?;
            let (link, saved) = prepare(&mut tx, &by, old).await?;
            let answer = answer(&mut tx, &app, link, &saved.row, None).await?;
            tx.reply(Reply::ok(answer)).await
        })
        .await
}

/// Send a quotation into a chat room of its customer, as a card with a button that opens its page.
#[utoipa::path(
    post,
    path = "/v1/quotation/{quotationNo}/send",
    operation_id = "sendQuotation",
    tag = "Quotation",
    params(QuotationPath, Conditions),
    request_body = QuotationSendWrite,
    responses((status = 200, description = "The link and its message.", body = Envelope<QuotationLink>)),
    security(("bearerAuth" = ["quotation:write"], "subscriptionKey" = []))
)]
async fn send_quotation(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<QuotationPath>,
    Checked { value: input, faults }: Checked<QuotationSendWrite>,
) -> Result<Reply<QuotationLink>, Error> {
    let mut faults = Faults::new(faults);
    let languages = [("th", "th"), ("en", "en")];
    let language = faults.choice("language", input.language.as_deref(), &languages);
    let given = input.room_id.as_deref().map(str::trim).filter(|room| !room.is_empty());
    let room = given.and_then(|room| Uuid::parse_str(room).ok());
    if given.is_some() && room.is_none() {
        faults.add(Code::UnknownRoom, "roomId", "roomId does not exist in your company");
    }
    faults.end()?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let key = number_key(&path.quotation_no);
            let old: Row = record::held(&mut tx, &by.caller, "number_key", key, &conditions).await?;
            let room = room_of(&mut tx, &old, room).await?;
            let (link, saved) = prepare(&mut tx, &by, old).await?;
            let message = post(&mut tx, &app, &by, room, link, &saved.row, language).await?;
            let answer = answer(&mut tx, &app, link, &saved.row, Some(message)).await?;
            tx.reply(Reply::ok(answer)).await
        })
        .await
}

/// Gives the quotation the status of one that was sent, as far as its status and the rules allow; and makes the link.
pub(super) async fn prepare(tx: &mut Conn, by: &Actor, old: Row) -> Result<(Link, Saved<Row>), Error> {
    let refuse = |message: String| Err(Error::Conflict(Fault::new(Code::Conflict, "quotationNo", message)));
    let setting = profile::of(tx, old.company).await?;
    let zone = time::zone(tx, old.company).await?;
    if old.is_over(time::day_of(by.now, &zone)) {
        return refuse(format!("Quotation {} was valid until {}", old.number, old.valid_until));
    }
    super::approved(&old, &setting.sales)?;
    let link = Link::new(&old, setting.sales.link_days, by.now, &zone);
    let saved = if old.status() == Status::Sent {
        record::save(tx, by, Some(old.clone()), old).await?
    } else {
        super::turn(tx, by, old, Status::Sent, Who::Editor, None).await?
    };
    Ok((link, saved))
}

async fn answer(
    tx: &mut Conn,
    app: &App,
    link: Link,
    row: &Row,
    message: Option<Uuid>,
) -> Result<QuotationLink, Error> {
    let zone = time::zone(tx, row.company).await?;
    Ok(QuotationLink {
        quotation_no: row.number.clone(),
        url: link.address(app)?,
        date_expires: time::text(link.until, &zone),
        message_id: message.map(|id| id.to_string()),
    })
}

/// The room that is meant: the customer's own, so that no offer reaches another's.
async fn room_of(tx: &mut Conn, row: &Row, given: Option<Uuid>) -> Result<Uuid, Error> {
    let Some(room) = given else {
        let found: Option<Uuid> = tx
            .sql(
                "select id from room where company = $1 and customer = $2 and erased_at is null
                 order by last_at desc limit 1",
            )
            .bind(row.company)
            .bind(row.customer)
            .optional()
            .await?;
        let message = "roomId is required: the customer has no chat room";
        return found.ok_or_else(|| Error::invalid(Code::Required, "roomId", message));
    };
    let customer: Option<Option<i64>> = tx
        .sql("select customer from room where company = $1 and id = $2 and erased_at is null")
        .bind(row.company)
        .bind(room)
        .optional()
        .await?;
    match customer {
        None => Err(Error::invalid(Code::UnknownRoom, "roomId", "roomId does not exist in your company")),
        Some(Some(customer)) if customer != row.customer => {
            let message = "roomId is a room of another customer";
            Err(Error::invalid(Code::InvalidValue, "roomId", message))
        }
        Some(None) => {
            let message = "roomId has no customer yet: link the room to the quotation's customer first";
            Err(Error::invalid(Code::InvalidValue, "roomId", message))
        }
        Some(Some(_)) => Ok(room),
    }
}

async fn post(
    tx: &mut Conn,
    app: &App,
    by: &Actor,
    room: Uuid,
    link: Link,
    row: &Row,
    language: Option<&str>,
) -> Result<Uuid, Error> {
    let setting = profile::of(tx, row.company).await?;
    let english = language.unwrap_or(&setting.language).starts_with("en");
    let of = |thai: &str, english_words: &str| if english { english_words } else { thai }.to_owned();
    let day = |day: &str| match day.parse() {
        Ok(day) if english => words::gregorian(day),
        Ok(day) => words::buddhist(day, words::Form::Long),
        Err(_) => day.to_owned(),
    };
    let subject: String = row.subject.chars().take(100).collect();
    let content = Content::Card {
        title: format!("{} {}", of("ใบเสนอราคา", "Quotation"), row.number),
        rows: vec![
            (of("เรื่อง", "Subject"), subject),
            (of("ยอดรวม", "Total"), format!("{} {}", money(row.grand_total, &row.terms.currency), row.terms.currency)),
            (of("ใช้ได้ถึง", "Valid until"), day(&row.valid_until)),
        ],
        button: of("เปิดใบเสนอราคา", "Open quotation"),
        url: link.address(app)?,
    };
    let platform = room::platform(tx, row.company, room).await?;
    let platform =
        platform.ok_or_else(|| Error::invalid(Code::UnknownRoom, "roomId", "roomId does not exist in your company"))?;
    let draft = Arc::new(Draft {
        id: Uuid::now_v7(),
        company: row.company,
        room,
        platform,
        content,
        client: Arc::clone(&by.caller.client),
        at: by.now,
        trace: telemetry::trace(),
    });
    match queue::store_one(tx, &draft).await? {
        Ok(_) => Ok(draft.id),
        Err(_) => Err(Error::invalid(Code::UnknownRoom, "roomId", "roomId does not exist in your company")),
    }
}
