//! The log of e-mails: which ones there are and what became of each; sending one again, and a trial to oneself.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::letter::{self, Letter};
use super::template::{Language, Template};
use super::transport;
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::caller::Signed;
use crate::http::list::{Lister, Order, PageWrite};
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, List, ListEnvelope, Path, Query, Reply};
use crate::job::{self, Kind};
use crate::person::store as people;
use crate::record::{self, Head, Record, Stamp};
use crate::setting::profile;
use crate::time::{self, Zone};

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_mail))
        .routes(routes!(get_mail))
        .routes(routes!(retry_mail))
        .routes(routes!(send_test_mail))
}

/// An e-mail as it is stored, without its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(super) company: i64,
    pub(super) id: i64,
    pub(super) kind: String,
    pub(super) record: String,
    pub(super) customer: Option<i64>,
    pub(super) owner: Option<Uuid>,
    pub(super) language: String,
    pub(super) recipients: Vec<String>,
    pub(super) copies: Vec<String>,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) attachments: Vec<MailAttachment>,
    pub(super) message_id: String,
    pub(super) size: i64,
    pub(super) state: String,
    pub(super) attempts: i64,
    pub(super) tries: i64,
    pub(super) since: i64,
    pub(super) answer: Option<String>,
    pub(super) next_at: i64,
    pub(super) last_at: Option<i64>,
    pub(super) sent_at: Option<i64>,
    pub(super) done_at: Option<i64>,
    pub(super) search_key: String,
    pub(super) created_by: String,
    pub(super) created_at: i64,
    pub(super) modified_by: String,
    pub(super) modified_at: i64,
    pub(super) version: i64,
    pub(super) deleted_at: Option<i64>,
}

/// A file of an e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MailAttachment {
    /// Its name.
    #[schema(example = "QT2511-0001.pdf")]
    name: String,
    /// Its media type.
    #[schema(example = "application/pdf")]
    content_type: String,
    /// Its size in bytes.
    #[schema(example = 68_000)]
    size: i64,
}

/// An e-mail, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mail {
    /// Its number.
    #[schema(example = 17)]
    mail_id: i64,
    /// What it is for: `invite`, `reset`, `quotation`, `contract`, `test`.
    #[schema(example = "quotation")]
    kind: String,
    /// What it is about, as the audit trail names it.
    #[schema(example = "quotation/QT2511-0001")]
    record: String,
    /// `th` or `en`.
    #[schema(example = "th")]
    language: String,
    /// To whom.
    #[schema(example = json!(["buyer@example.com"]))]
    to: Vec<String>,
    /// To whom besides.
    #[schema(example = json!([]))]
    cc: Vec<String>,
    /// Its subject.
    subject: String,
    /// Its text, without the links that let in whoever has them.
    text: String,
    /// Its files.
    attachments: Vec<MailAttachment>,
    /// `queued`, `sent` (the SMTP server has it), `refused` (the server will not have it), `failed` (it was tried for three days).
    #[schema(example = "sent")]
    state: String,
    /// Tries so far.
    #[schema(example = 1)]
    attempts: i64,
    /// What the server answered last, or why it could not be reached.
    #[schema(example = "250 OK")]
    answer: Option<String>,
    /// Its Message-ID, the same at every try.
    #[schema(example = "<6f1c0a52f7d34cf2a9d07b51ac6f2f0e@sala.example.com>")]
    message_id: String,
    /// Its size in bytes, as it is sent.
    #[schema(example = 94_000)]
    size: i64,
    /// When it was asked for.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_created: String,
    /// When it was tried last.
    date_last_tried: Option<String>,
    /// When it is tried next, while it is queued.
    date_next: Option<String>,
    /// When the server took it.
    date_sent: Option<String>,
    /// Who asked for it.
    created_by_user_id: String,
}

/// An e-mail as callers and subscribers get it.
pub(super) fn view(row: Row, zone: &Zone) -> Mail {
    let text = |at: i64| time::text(at, zone);
    Mail {
        mail_id: row.id,
        kind: row.kind,
        record: row.record,
        language: row.language,
        to: row.recipients,
        cc: row.copies,
        subject: row.subject,
        text: row.body,
        attachments: row.attachments,
        date_next: Some(row.next_at).filter(|_| row.state == "queued").map(text),
        state: row.state,
        attempts: row.attempts,
        answer: row.answer,
        message_id: row.message_id,
        size: row.size,
        date_created: text(row.created_at),
        date_last_tried: row.last_at.map(text),
        date_sent: row.sent_at.map(text),
        created_by_user_id: row.created_by,
    }
}

impl Record for Row {
    const TABLE: &'static str = "mail";
    const TOPIC: &'static str = "Mail";
    const OWNER: Option<&'static str> = Some("owner");
    type View = Mail;

    fn head(&self) -> Head<'_> {
        Head { company: self.company, name: &self.message_id, version: self.version, deleted_at: self.deleted_at }
    }

    fn stamp(&mut self) -> Stamp<'_> {
        let Row { version, modified_by, modified_at, deleted_at, search_key, .. } = self;
        Stamp { version, modified_by, modified_at, deleted_at, search_key }
    }

    fn words(&self) -> Vec<&str> {
        let addresses = self.recipients.iter().chain(&self.copies).map(String::as_str);
        [self.record.as_str(), self.subject.as_str()].into_iter().chain(addresses).collect()
    }

    async fn views(_: &mut Conn, _: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<Mail>, Error> {
        Ok(rows.into_iter().map(|row| view(row, zone)).collect())
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct MailFilter {
    /// Only those about this record: `contract/CONT250600006`, `quotation/QT2511-0001`, `user/EMP001`.
    record: Option<String>,
    /// Only `queued`, `sent`, `refused` or `failed` ones.
    state: Option<String>,
    /// Part of an address, the subject or the record, in any letter case.
    keyword: Option<String>,
    /// E-mails to leave out; not together with `cursor`.
    skip: Option<i64>,
    /// E-mails a page: at most 200, default 20.
    take: Option<i64>,
    /// Where the page begins: `next` of the page before it.
    cursor: Option<String>,
}

const ORDERS: [Order; 1] = [Order { name: "dateCreated", column: "id", descending: true }];

/// List e-mails, the newest first.
#[utoipa::path(
    get,
    path = "/v1/mail",
    operation_id = "listMail",
    tag = "Mail",
    params(MailFilter),
    responses((status = 200, description = "A page of e-mails.", body = ListEnvelope<Mail>)),
    security(("bearerAuth" = ["mail:read"], "subscriptionKey" = []))
)]
async fn list_mail(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<MailFilter>,
) -> Result<List<Mail>, Error> {
    let mut conn = app.db.read().await?;
    let page = PageWrite { skip: filter.skip, take: filter.take, page_length: None, cursor: filter.cursor };
    let mut lister: Lister<'_, Row> = Lister::open(&mut conn, &caller, &page, Vec::new()).await?;
    let states = [("queued", "queued"), ("sent", "sent"), ("refused", "refused"), ("failed", "failed")];
    let state = lister.faults().choice("state", filter.state.as_deref(), &states);
    let about = filter.record.as_deref().map(str::trim).filter(|record| !record.is_empty());
    lister
        .equal(" and record = ", about)
        .equal(" and state = ", state)
        .keyword("keyword", filter.keyword.as_deref())
        .order(None, &ORDERS);
    Ok(lister.find(&mut conn).await?.list())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct MailPath {
    /// The e-mail's number.
    id: i64,
}

/// Read one e-mail.
#[utoipa::path(
    get,
    path = "/v1/mail/{id}",
    operation_id = "getMail",
    tag = "Mail",
    params(MailPath, Conditions),
    responses((status = 200, description = "The e-mail.", body = Envelope<Mail>)),
    security(("bearerAuth" = ["mail:read"], "subscriptionKey" = []))
)]
async fn get_mail(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<MailPath>,
) -> Result<Reply<Mail>, Error> {
    let mut conn = app.db.read().await?;
    let row: Row = record::find(&mut conn, &caller, "id", path.id).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let version = row.version;
    Ok(Reply::ok(view(row, &zone)).version(version, &conditions))
}

/// Send an e-mail again that was refused or failed; one that is queued is tried at once.
///
/// One that the server took is not sent twice: 409.
#[utoipa::path(
    post,
    path = "/v1/mail/{id}/retry",
    operation_id = "retryMail",
    tag = "Mail",
    params(MailPath),
    responses((status = 200, description = "It is on its way.", body = Envelope<Mail>)),
    security(("bearerAuth" = ["mail:write"], "subscriptionKey" = []))
)]
async fn retry_mail(State(app): State<App>, caller: Caller, Path(path): Path<MailPath>) -> Result<Reply<Mail>, Error> {
    caller
        .write(&app, async |mut tx| {
            let now = app.now();
            let row: Row = record::held(&mut tx, &caller, "id", path.id, &Conditions::default()).await?;
            transport(&app)?;
            let kept: Option<bool> = tx
                .sql("select message is not null from mail where company = $1 and id = $2")
                .bind(row.company)
                .bind(row.id)
                .optional()
                .await?;
            let refuse = |why: &str| Err(Error::Conflict(Fault::new(Code::Conflict, "state", why)));
            match row.state.as_str() {
                "sent" => return refuse("The e-mail was sent"),
                _ if kept != Some(true) => return refuse("The e-mail's text is no longer stored"),
                _ => {}
            }
            tx.sql(
                "update mail set state = 'queued', tries = 0, since = $3, next_at = $3, done_at = null, modified_by = $4,
                        modified_at = $3, version = version + 1
                 where company = $1 and id = $2",
            )
            .bind(row.company)
            .bind(row.id)
            .bind(now)
            .bind(&caller.id)
            .exec()
            .await?;
            let key = row.id.to_string();
            job::enqueue(&mut tx, row.company, Kind::Mail, &key, now).await?;
            job::hasten(&mut tx, row.company, Kind::Mail, [key], now).await?;
            let change = Change {
                company: row.company,
                reference: row.record.clone(),
                actor: &caller.id,
                action: "mail_retried",
                at: now,
            };
            audit::record(&mut tx, &change, &json!({}), &json!({"mailId": row.id})).await?;
            let zone = time::zone(&mut tx, row.company).await?;
            let row: Row = record::find(&mut tx, &caller, "id", row.id).await?;
            tx.reply(Reply::ok(view(row, &zone))).await
        })
        .await
}

/// Send an e-mail to oneself, to see that it arrives. For people only: a client has no address.
#[utoipa::path(
    post,
    path = "/v1/mail/test",
    operation_id = "sendTestMail",
    tag = "Mail",
    responses((status = 200, description = "It is on its way; `GET /v1/mail/{id}` says what becomes of it.", body = Envelope<Mail>)),
    security(("bearerAuth" = ["mail:write"], "subscriptionKey" = []))
)]
async fn send_test_mail(State(app): State<App>, me: Signed) -> Result<Reply<Mail>, Error> {
    let caller = &me.caller;
    transport(&app)?;
    caller
        .write(&app, async |mut tx| {
            let found = people::find(&mut tx, caller.company, me.person.id).await?;
            let person = found.ok_or(Error::NotFound("user"))?;
            let Some(address) = letter::address(&person.email) else {
                return Err(Error::invalid(Code::InvalidFormat, "email", "Your e-mail address cannot receive mail"));
            };
            let setting = profile::of(&mut tx, caller.company).await?;
            let letter = Letter {
                company: caller.company,
                template: Template::Test,
                language: Language::of(person.language.as_deref().unwrap_or(&setting.language)),
                record: format!("user/{}", person.staff_code),
                customer: None,
                owner: Some(person.id),
                to: vec![address],
                cc: Vec::new(),
                subject: None,
                text: None,
                places: vec![("name", person.name())],
                attachments: Vec::new(),
            };
            let id = letter::post(&mut tx, &app, &caller.id, &letter).await?;
            let zone = time::zone(&mut tx, caller.company).await?;
            let row: Row = record::find(&mut tx, caller, "id", id).await?;
            tx.reply(Reply::ok(view(row, &zone))).await
        })
        .await
}
