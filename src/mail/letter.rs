//! An e-mail before it is on its way: whom it is for, what it says, and its storing as the very bytes that will be sent.

use bytes::Bytes;
use db::Conn;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as Part, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use serde_json::json;
use uuid::Uuid;

use super::smtp::Mailer;
use super::template::{self, Language, Template};
use super::transport;
use crate::app::App;
use crate::audit::{self, Change};
use crate::document;
use crate::http::{Code, Error, Faults};
use crate::job::{self, Kind};
use crate::sales::quotation;
use crate::search;
use crate::setting::{number, profile};
use crate::vault::VaultError;

/// The largest e-mail, with its attachments as they are sent, in bytes.
const MOST_SIZE: usize = 20 * 1024 * 1024;

/// Files that go along, in bytes: as they are sent they have a third more.
pub(crate) const MOST_FILES: u64 = 14 * 1024 * 1024;

/// The media type of what is not known.
const BYTES: &str = "application/octet-stream";

/// E-mails of a company that wait; more are refused until some have gone out.
const MOST_WAITING: i64 = 5_000;

/// Addresses that one e-mail goes to.
const MOST_ADDRESSES: usize = 20;

/// A file that goes along.
#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    /// Its name.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) content_type: String,
    /// Its bytes.
    pub(crate) bytes: Bytes,
}

impl Attachment {
    /// A quotation as it is in `row`, in the language of its e-mail.
    pub(crate) async fn quotation(app: &App, row: quotation::Row, language: Language) -> Result<Attachment, Error> {
        let name = format!("{}.pdf", row.number);
        let bytes = document::quotation_pdf(app, row, document::Lang::of(language.word())).await?;
        Ok(Attachment { name, content_type: "application/pdf".to_owned(), bytes })
    }

    /// The document of this number, in the language of its e-mail and by the template that was chosen for it.
    pub(crate) async fn document(
        app: &App,
        company: i64,
        kind: document::Kind,
        number: &str,
        (language, template): (Language, Option<i64>),
    ) -> Result<Attachment, Error> {
        let wish = (document::Lang::of(language.word()), template);
        let bytes = document::pdf(app, company, kind, number, wish).await?;
        Ok(Attachment { name: format!("{number}.pdf"), content_type: "application/pdf".to_owned(), bytes })
    }
}

/// An e-mail to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) company: i64,
    /// What it says, unless somebody wrote other words.
    pub(crate) template: Template,
    pub(crate) language: Language,
    /// What it is about, as the audit trail calls it.
    pub(crate) record: String,
    /// The customer whose record that is.
    pub(crate) customer: Option<i64>,
    /// The employee whose record that is.
    pub(crate) owner: Option<Uuid>,
    pub(crate) to: Vec<Address>,
    pub(crate) cc: Vec<Address>,
    /// Words of whoever sends it, in the place of the template's; with the same places.
    pub(crate) subject: Option<String>,
    pub(crate) text: Option<String>,
    /// What stands in the places.
    pub(crate) places: Vec<(&'static str, String)>,
    pub(crate) attachments: Vec<Attachment>,
}

/// What somebody writes of an e-mail: whom it goes to, and other words than the template's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishes<'a> {
    pub(crate) email: Option<&'a str>,
    pub(crate) cc: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
    pub(crate) text: Option<&'a str>,
}

/// The same, looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checked {
    pub(crate) to: Vec<Address>,
    pub(crate) cc: Vec<Address>,
    pub(crate) subject: Option<String>,
    pub(crate) text: Option<String>,
}

impl Wishes<'_> {
    /// Every fault, and what is asked for; the recipient is `usual` when none is named.
    pub(crate) fn check(&self, faults: &mut Faults, template: Template, usual: Option<&str>) -> Checked {
        let to = filled(self.email).or_else(|| filled(usual).filter(|text| names_one(text)));
        if to.is_none() {
            faults.add(Code::Required, "email", "email is required: the customer has none");
        }
        self.read(faults, template, to.as_deref().unwrap_or_default())
    }

    /// The same of a record that is not known, and whose customer is neither: nobody is missing there.
    pub(crate) fn check_alone(&self, faults: &mut Faults, template: Template) {
        self.read(faults, template, self.email.unwrap_or_default());
    }

    fn read(&self, faults: &mut Faults, template: Template, to: &str) -> Checked {
        if !to.trim().is_empty() && !names_one(to) {
            faults.add(Code::InvalidFormat, "email", "email is not an e-mail address");
        }
        let checked = Checked {
            to: addresses(faults, "email", to),
            cc: addresses(faults, "cc", self.cc.unwrap_or_default()),
            subject: filled(self.subject),
            text: filled(self.text),
        };
        if let Some(subject) = &checked.subject {
            template::check(faults, template, ("subject", subject), true);
        }
        if let Some(text) = &checked.text {
            template::check(faults, template, ("message", text), false);
        }
        checked
    }
}

/// A text that says something, without what stands around it.
fn filled(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Whether something stands between the commas and semicolons.
fn names_one(text: &str) -> bool {
    text.split([',', ';']).any(|one| !one.trim().is_empty())
}

/// Reads addresses with commas or semicolons between them.
fn addresses(faults: &mut Faults, field: &str, given: &str) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    for one in given.split([',', ';']).map(str::trim).filter(|one| !one.is_empty()) {
        // Whoever breaks a line in an address means to write a header.
        let read = Some(one).filter(|one| !one.contains(|letter: char| letter.is_control() || letter.is_whitespace()));
        match read.and_then(|one| one.parse::<Address>().ok()) {
            Some(address) if found.contains(&address) => {}
            Some(address) => found.push(address),
            None => faults.add(Code::InvalidFormat, field, format!("{field} is not an e-mail address")),
        }
    }
    faults.most(field, found.len(), MOST_ADDRESSES);
    found
}

/// One address of a record.
pub(crate) fn address(text: &str) -> Option<Address> {
    let text = Some(text.trim()).filter(|text| !text.contains(|letter: char| letter.is_control()))?;
    text.parse().ok()
}

/// What stored e-mails of a company are sealed for.
pub(crate) fn purpose(company: i64) -> String {
    format!("{company}/mail")
}

/// Stores an e-mail and asks for its sending, in the caller's transaction; answers its number. 409 on a server without
/// transport, 429 when too many wait.
pub(crate) async fn post(tx: &mut Conn, app: &App, by: &str, letter: &Letter) -> Result<i64, Error> {
    let mailer = transport(app)?;
    let (company, now) = (letter.company, app.now());
    if let Some(customer) = letter.customer {
        let open: Option<i64> = tx
            .sql("select id from customer where company = $1 and id = $2 and erased_at is null")
            .bind(company)
            .bind(customer)
            .held()
            .optional()
            .await?;
        open.ok_or(Error::NotFound("customer"))?;
    }
    let crowded: Option<i64> = tx
        .sql("select id from mail where company = $1 and state = 'queued' order by id limit 1 offset $2")
        .bind(company)
        .bind(MOST_WAITING - 1)
        .optional()
        .await?;
    if crowded.is_some() {
        return Err(Error::TooMany { retry_after: 600 });
    }
    let sender = Sender::of(tx, company, letter.language).await?;
    let words = template::words(tx, company, letter.template, letter.language).await?;
    let composed = compose(mailer, letter, &words, &sender, now)?;
    let sealed = app.vault.seal(&purpose(company), &composed.message);
    let sealed = sealed.map_err(|error: VaultError| Error::Internal(error.to_string()))?;
    let id = number::next(tx, company, "mail").await?;
    let texts = |list: &[Address]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (to, cc) = (texts(&letter.to), texts(&letter.cc));
    let files: Vec<_> = letter
        .attachments
        .iter()
        .map(|file| json!({"name": file.name, "contentType": file.content_type, "size": file.bytes.len()}))
        .collect();
    let words = [letter.record.as_str(), &composed.subject].into_iter();
    let search_key =
        search::fold(&words.chain(to.iter().chain(&cc).map(String::as_str)).collect::<Vec<_>>().join("\n"));
    tx.sql(
        "insert into mail (company, id, kind, record, customer, owner, language, recipients, copies, subject, body,
                           attachments, message_id, size, message, state, attempts, tries, since, next_at, search_key,
                           created_by, created_at, modified_by, modified_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'queued', 0, 0, $16, $16, $17,
                 $18, $16, $18, $16, 1)",
    )
    .bind(company)
    .bind(id)
    .bind(letter.template.word())
    .bind(&letter.record)
    .bind(letter.customer)
    .bind(letter.owner)
    .bind(letter.language.word())
    .bind(json!(to))
    .bind(json!(cc))
    .bind(&composed.subject)
    .bind(&composed.shown)
    .bind(json!(files))
    .bind(&composed.message_id)
    .bind(i64::try_from(composed.message.len()).unwrap_or(i64::MAX))
    .bind(sealed)
    .bind(now)
    .bind(search_key)
    .bind(by)
    .exec()
    .await?;
    job::enqueue(tx, company, Kind::Mail, &id.to_string(), now).await?;
    if letter.customer.is_some() {
        let change = Change { company, reference: letter.record.clone(), actor: by, action: "mail_queued", at: now };
        let told = json!({"mailId": id, "to": to, "cc": cc, "subject": composed.subject});
        audit::record(tx, &change, &json!({}), &told).await?;
    }
    Ok(id)
}

/// In whose name a company's e-mails come, in the language of the e-mail, and where answers go.
struct Sender {
    company: String,
    name: String,
    reply_to: Option<Address>,
}

impl Sender {
    async fn of(conn: &mut Conn, company: i64, language: Language) -> Result<Sender, Error> {
        let setting = profile::of(conn, company).await?;
        let name: String = conn.sql("select name from company where company = $1").bind(company).one().await?;
        let reply_to = setting.mail.reply_to.as_deref().or(setting.email.as_deref()).and_then(address);
        let company = setting.name_in(language == Language::En, &name).to_owned();
        let shown = one_line(setting.mail.sender_name.as_deref().unwrap_or(&company));
        Ok(Sender { company, name: shown, reply_to })
    }
}

struct Composed {
    subject: String,
    /// The text without its links.
    shown: String,
    message_id: String,
    message: Vec<u8>,
}

fn compose(
    mailer: &Mailer,
    letter: &Letter,
    words: &template::Words,
    sender: &Sender,
    now: i64,
) -> Result<Composed, Error> {
    let value = |place: &str| match place {
        "company" => sender.company.clone(),
        _ => letter.places.iter().find(|(name, _)| *name == place).map(|(_, text)| text.clone()).unwrap_or_default(),
    };
    let without_link = |place: &str| match place {
        "link" => letter.language.of_two("[ลิงก์]", "[link]").to_owned(),
        _ => value(place),
    };
    let subject = one_line(&template::fill(letter.subject.as_deref().unwrap_or(&words.subject), without_link));
    let subject: String = subject.chars().take(template::MOST_SUBJECT).collect();
    let mut text = letter.text.as_deref().unwrap_or(&words.body).replace("\r\n", "\n");
    if letter.template.has_link() && !template::has_place(&text, "link") {
        text = format!("{}\n\n{{link}}\n", text.trim_end());
    }
    let (body, shown) = (template::fill(&text, value), template::fill(&text, without_link));
    let from = mailer.from();
    let message_id = format!("<{}@{}>", Uuid::new_v4().simple(), from.email.domain());
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let date = std::time::UNIX_EPOCH + std::time::Duration::from_millis(u64::try_from(now).unwrap_or_default());
    let mut message = Message::builder()
        .from(Mailbox::new(Some(sender.name.clone()).filter(|name| !name.is_empty()), from.email.clone()))
        .subject(subject.as_str())
        .message_id(Some(message_id.clone()))
        .date(date)
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
    for address in &letter.to {
        message = message.to(Mailbox::new(None, address.clone()));
    }
    for address in &letter.cc {
        message = message.cc(Mailbox::new(None, address.clone()));
    }
    if let Some(reply_to) = &sender.reply_to {
        message = message.reply_to(Mailbox::new(None, reply_to.clone()));
    }
    let written = SinglePart::plain(body);
    let message = match letter.attachments.is_empty() {
        true => message.singlepart(written),
        false => {
            let mut parts = MultiPart::mixed().singlepart(written);
            for file in &letter.attachments {
                let kind = ContentType::parse(&file.content_type).or_else(|_| ContentType::parse(BYTES));
                let kind = kind.map_err(|error| Error::Internal(error.to_string()))?;
                parts = parts.singlepart(Part::new(one_line(&file.name)).body(file.bytes.to_vec(), kind));
            }
            message.multipart(parts)
        }
    };
    let message =
        message.map_err(|error| Error::Internal(format!("an e-mail cannot be written: {error}")))?.formatted();
    if message.len() > MOST_SIZE {
        let most = MOST_SIZE / 1024 / 1024;
        let why =
            format!("The e-mail would have {} bytes with its attachments; the limit is {most} MiB", message.len());
        return Err(Error::invalid(Code::TooLong, "attachments", why));
    }
    Ok(Composed { subject, shown, message_id, message })
}

/// A text for a header: what would break its line becomes a space.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
