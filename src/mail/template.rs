//! What e-mails say: a subject and a text for each kind and language, the standard ones or a company's own, with places in
//! braces for what differs.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Checked, Code, Conditions, Envelope, Error, Faults, Path, Reply};

use crate::sales::words;
use crate::time::Zone;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_mail_templates)).routes(routes!(put_mail_template, delete_mail_template))
}

/// The longest subject and the longest text, in characters.
pub(super) const MOST_SUBJECT: usize = 200;
pub(super) const MOST_TEXT: usize = 10_000;

/// What an e-mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Template {
    /// Lets a new person set the first password.
    Invite,
    /// Lets a person set a new password.
    Reset,
    /// Hands a quotation to its customer.
    Quotation,
    /// Hands a contract's document over.
    Contract,
    /// Shows that e-mail arrives.
    Test,
}

/// The language of an e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    /// Thai.
    Th,
    /// English.
    En,
}

impl Language {
    /// Of a BCP 47 tag: English where it says so, Thai otherwise.
    pub(crate) fn of(tag: &str) -> Language {
        if tag.to_ascii_lowercase().starts_with("en") { Language::En } else { Language::Th }
    }

    /// The API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Language::Th => "th",
            Language::En => "en",
        }
    }

    /// A day as people write it: Thai in the Buddhist era.
    pub(crate) fn day(self, day: jiff::civil::Date) -> String {
        self.of_two(words::buddhist(day, words::Form::Long), words::gregorian(day))
    }

    /// A day and the time of it.
    pub(crate) fn moment(self, at: i64, zone: &Zone) -> String {
        let time = jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(zone.clone());
        let clock = time.strftime("%H:%M");
        self.of_two(format!("{} เวลา {clock} น.", self.day(time.date())), format!("{}, {clock}", self.day(time.date())))
    }

    /// Of the two, the one in this language.
    pub(crate) fn of_two<T>(self, thai: T, english: T) -> T {
        match self {
            Language::Th => thai,
            Language::En => english,
        }
    }
}

impl Template {
    const ALL: [Template; 5] =
        [Template::Invite, Template::Reset, Template::Quotation, Template::Contract, Template::Test];

    /// The API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Template::Invite => "invite",
            Template::Reset => "reset",
            Template::Quotation => "quotation",
            Template::Contract => "contract",
            Template::Test => "test",
        }
    }

    /// The places that it may have.
    pub(super) fn places(self) -> &'static [&'static str] {
        match self {
            Template::Invite | Template::Reset => &["company", "name", "link", "until"],
            Template::Quotation => &["company", "name", "number", "subject", "total", "until", "link"],
            Template::Contract => &["company", "name", "number", "contract", "begin", "end"],
            Template::Test => &["company", "name"],
        }
    }

    /// Whether it is of no use without its link.
    pub(super) fn has_link(self) -> bool {
        self.places().contains(&"link")
    }

    fn standard(self, language: Language) -> (&'static str, &'static str) {
        match (self, language) {
            (Template::Invite, Language::Th) => (
                "คำเชิญเข้าใช้งานระบบของ {company}",
                "เรียน คุณ{name}\n\n{company} เชิญคุณเข้าใช้งานระบบ กรุณาตั้งรหัสผ่านของคุณที่ลิงก์นี้\n\n{link}\n\nลิงก์นี้ใช้ได้ครั้งเดียว จนถึง {until} หากคุณไม่ได้คาดว่าจะได้รับอีเมลนี้ ไม่ต้องดำเนินการใด ๆ\n\n{company}\n",
            ),
            (Template::Invite, Language::En) => (
                "{company} invites you",
                "Dear {name},\n\n{company} invites you to sign in. Please set your password here:\n\n{link}\n\nThe link can be used once, until {until}. If you did not expect this e-mail, there is nothing to do.\n\n{company}\n",
            ),
            (Template::Reset, Language::Th) => (
                "ตั้งรหัสผ่านใหม่สำหรับ {company}",
                "เรียน คุณ{name}\n\nมีการขอตั้งรหัสผ่านใหม่ของคุณ กรุณาตั้งรหัสผ่านใหม่ที่ลิงก์นี้\n\n{link}\n\nลิงก์นี้ใช้ได้ครั้งเดียว จนถึง {until} หากคุณไม่ได้เป็นผู้ขอ ไม่ต้องดำเนินการใด ๆ รหัสผ่านเดิมยังใช้ได้\n\n{company}\n",
            ),
            (Template::Reset, Language::En) => (
                "A new password for {company}",
                "Dear {name},\n\nsomebody asked for a new password for you. Please set it here:\n\n{link}\n\nThe link can be used once, until {until}. If it was not you, there is nothing to do: your password stays.\n\n{company}\n",
            ),
            (Template::Quotation, Language::Th) => (
                "ใบเสนอราคา {number} จาก {company}",
                "เรียน {name}\n\nขอส่งใบเสนอราคาเลขที่ {number} เรื่อง {subject} ยอดรวม {total} ใช้ได้ถึง {until}\n\nดูใบเสนอราคาและตอบรับได้ที่ลิงก์นี้\n\n{link}\n\nขอแสดงความนับถือ\n{company}\n",
            ),
            (Template::Quotation, Language::En) => (
                "Quotation {number} from {company}",
                "Dear {name},\n\nhere is our quotation {number}, {subject}. It comes to {total} and is valid until {until}.\n\nYou can look at it and accept it here:\n\n{link}\n\nYours sincerely\n{company}\n",
            ),
            (Template::Contract, Language::Th) => (
                "สัญญา {number} จาก {company}",
                "เรียน {name}\n\nขอส่งเอกสารสัญญาเลขที่ {number} ({contract}) ตั้งแต่วันที่ {begin} ถึงวันที่ {end}\n\nขอแสดงความนับถือ\n{company}\n",
            ),
            (Template::Contract, Language::En) => (
                "Contract {number} from {company}",
                "Dear {name},\n\nhere is the document of contract {number} ({contract}), from {begin} to {end}.\n\nYours sincerely\n{company}\n",
            ),
            (Template::Test, Language::Th) => {
                ("ทดสอบอีเมลจาก {company}", "เรียน คุณ{name}\n\nอีเมลนี้แสดงว่าระบบของ {company} ส่งอีเมลได้\n")
            }
            (Template::Test, Language::En) => {
                ("A trial from {company}", "Dear {name},\n\nthis e-mail shows that {company} can send e-mail.\n")
            }
        }
    }
}

/// The words of a kind in a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) body: String,
    version: i64,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    language: String,
    subject: String,
    body: String,
    version: i64,
}

async fn own(conn: &mut Conn, company: i64) -> Result<Vec<Row>, db::Error> {
    conn.sql("select kind, language, subject, body, version from mail_template where company = $1")
        .bind(company)
        .all()
        .await
}

/// A company's words, or the standard ones.
pub(super) async fn words(
    conn: &mut Conn,
    company: i64,
    template: Template,
    language: Language,
) -> Result<Words, db::Error> {
    let rows = own(conn, company).await?;
    Ok(chosen(&rows, template, language))
}

fn chosen(rows: &[Row], template: Template, language: Language) -> Words {
    let own = rows.iter().find(|row| row.kind == template.word() && row.language == language.word());
    match own {
        Some(row) => Words { subject: row.subject.clone(), body: row.body.clone(), version: row.version },
        None => {
            let (subject, body) = template.standard(language);
            Words { subject: subject.to_owned(), body: body.to_owned(), version: 0 }
        }
    }
}

/// A text cut at its places: what stands before each, and its name; the rest without one. What is no word in braces is text.
fn parts(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut parts = Vec::new();
    let (mut begin, mut from) = (0, 0);
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let name = text[open + 1..].split_once('}').map(|(name, _)| name);
        match name.filter(|name| !name.is_empty() && name.bytes().all(|letter| letter.is_ascii_alphanumeric())) {
            Some(name) => {
                parts.push((&text[begin..open], Some(name)));
                begin = open + name.len() + 2;
                from = begin;
            }
            None => from = open + 1,
        }
    }
    parts.push((&text[begin..], None));
    parts
}

/// A text with its places filled in; what is put in is not looked at again.
pub(super) fn fill(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    for (before, place) in parts(text) {
        filled.push_str(before);
        filled.extend(place.map(&value));
    }
    filled
}

/// Whether a text has this place.
pub(super) fn has_place(text: &str, name: &str) -> bool {
    parts(text).iter().any(|(_, place)| *place == Some(name))
}

/// What is wrong with words that somebody wrote: unknown places, and what cannot be in a header or is too long.
pub(super) fn check(faults: &mut Faults, template: Template, (field, text): (&str, &str), is_subject: bool) {
    faults.longest(field, text, if is_subject { MOST_SUBJECT } else { MOST_TEXT });
    let known = template.places();
    if let Some(unknown) = parts(text).iter().filter_map(|(_, place)| *place).find(|place| !known.contains(place)) {
        let places: Vec<String> = known.iter().map(|place| format!("{{{place}}}")).collect();
        let message = format!("{field} has an unknown placeholder {{{unknown}}}; use {}", places.join(", "));
        faults.add(Code::InvalidValue, field, message);
    }
    let bad = |letter: char| letter.is_control() && (is_subject || !matches!(letter, '\n' | '\r' | '\t'));
    if text.trim_end().contains(bad) {
        faults.add(
            Code::InvalidFormat,
            field,
            format!("{field} must not contain line breaks or other control characters"),
        );
    }
    if is_subject && has_place(text, "link") {
        faults.add(
            Code::InvalidValue,
            field,
            format!("{field} must not contain the link: subjects are shown in lists"),
        );
    }
}

/// The words of a kind of e-mail in a language.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MailTemplate {
    /// What the e-mail is for.
    #[schema(value_type = String, example = "quotation")]
    kind: Template,
    /// The language.
    #[schema(value_type = String, example = "th")]
    language: Language,
    /// The subject.
    #[schema(example = "ใบเสนอราคา {number} จาก {company}")]
    subject: String,
    /// The text.
    #[schema(example = "เรียน {name}\n\n{link}")]
    text: String,
    /// The places that subject and text may have, in braces.
    #[schema(example = json!(["company", "name", "link", "until"]))]
    places: &'static [&'static str],
    /// Whether these are the standard words.
    is_standard: bool,
    /// The version, as `If-Match` names it; 0 for the standard words.
    version: i64,
}

impl MailTemplate {
    fn of(kind: Template, language: Language, words: Words) -> MailTemplate {
        MailTemplate {
            kind,
            language,
            subject: words.subject,
            text: words.body,
            places: kind.places(),
            is_standard: words.version == 0,
            version: words.version,
        }
    }
}

/// All templates.
#[derive(Debug, Serialize, ToSchema)]
struct MailTemplates {
    /// Each kind in each language.
    value: Vec<MailTemplate>,
}

/// A company's own words.
#[derive(Debug, Deserialize, ToSchema)]
struct MailTemplateWrite {
    /// The subject; without `{link}`.
    #[schema(example = "ใบเสนอราคา {number} จาก {company}")]
    subject: String,
    /// The text; with `{link}` where the kind has one.
    #[schema(example = "เรียน {name}\n\n{link}")]
    text: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct TemplatePath {
    /// What the e-mail is for.
    #[param(inline)]
    kind: Template,
    /// The language.
    #[param(inline)]
    language: Language,
}

/// List what e-mails say, in each language.
#[utoipa::path(
    get,
    path = "/v1/mail/templates",
    operation_id = "listMailTemplates",
    tag = "Mail",
    responses((status = 200, description = "The templates.", body = Envelope<MailTemplates>)),
    security(("bearerAuth" = ["mail:read"], "subscriptionKey" = []))
)]
async fn list_mail_templates(State(app): State<App>, caller: Caller) -> Result<Reply<MailTemplates>, Error> {
    let rows = own(&mut app.db.read().await?, caller.company).await?;
    let each = Template::ALL.into_iter().flat_map(|kind| [(kind, Language::Th), (kind, Language::En)]);
    let value = each.map(|(kind, language)| MailTemplate::of(kind, language, chosen(&rows, kind, language)));
    Ok(Reply::ok(MailTemplates { value: value.collect() }))
}

/// Write what e-mails of a kind say in a language.
///
/// Names in braces are places; one that the kind does not have is refused.
#[utoipa::path(
    put,
    path = "/v1/mail/templates/{kind}/{language}",
    operation_id = "putMailTemplate",
    tag = "Mail",
    params(TemplatePath, Conditions),
    request_body = MailTemplateWrite,
    responses((status = 200, description = "The template.", body = Envelope<MailTemplate>)),
    security(("bearerAuth" = ["mail:write"], "subscriptionKey" = []))
)]
async fn put_mail_template(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<TemplatePath>,
    Checked { value: input, faults }: Checked<MailTemplateWrite>,
) -> Result<Reply<MailTemplate>, Error> {
    let mut faults = Faults::new(faults);
    faults.required("subject", &input.subject, MOST_SUBJECT);
    faults.required("text", &input.text, MOST_TEXT);
    check(&mut faults, path.kind, ("subject", &input.subject), true);
    check(&mut faults, path.kind, ("text", &input.text), false);
    if path.kind.has_link() && !has_place(&input.text, "link") {
        faults.add(Code::Required, "text", "text must contain the placeholder {link}");
    }
    faults.end()?;
    caller
        .write(&app, async |mut tx| {
            // There may be no row yet that could be held.
            tx.lock(&format!("mail-template/{}/{}-{}", caller.company, path.kind.word(), path.language.word())).await?;
            let old = words(&mut tx, caller.company, path.kind, path.language).await?;
            conditions.allow_change(Some(old.version))?;
            let new = Words {
                subject: input.subject.trim().to_owned(),
                body: input.text.trim_end().replace("\r\n", "\n") + "\n",
                version: old.version + 1,
            };
            store(&mut tx, &caller, &path, &new, app.now()).await?;
            note(&mut tx, &caller, &path, "updated", (&old, &new), app.now()).await?;
            let version = new.version;
            let view = MailTemplate::of(path.kind, path.language, new);
            tx.reply(Reply::ok(view).version(version, &Conditions::default())).await
        })
        .await
}

async fn store(tx: &mut Conn, caller: &Caller, path: &TemplatePath, new: &Words, now: i64) -> Result<(), db::Error> {
    tx.sql(
        "insert into mail_template (company, kind, language, subject, body, modified_by, modified_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, 1)
         on conflict (company, kind, language) do update
         set subject = excluded.subject, body = excluded.body, modified_by = excluded.modified_by,
             modified_at = excluded.modified_at, version = mail_template.version + 1",
    )
    .bind(caller.company)
    .bind(path.kind.word())
    .bind(path.language.word())
    .bind(&new.subject)
    .bind(&new.body)
    .bind(&caller.id)
    .bind(now)
    .exec()
    .await
    .map(drop)
}

async fn note(
    tx: &mut Conn,
    caller: &Caller,
    path: &TemplatePath,
    action: &'static str,
    (old, new): (&Words, &Words),
    at: i64,
) -> Result<bool, Error> {
    let reference = format!("mail_template/{}-{}", path.kind.word(), path.language.word());
    let told = |words: &Words| json!({"subject": words.subject, "text": words.body});
    let change = Change { company: caller.company, reference, actor: &caller.id, action, at };
    audit::record(tx, &change, &told(old), &told(new)).await
}

/// Go back to the standard words.
#[utoipa::path(
    delete,
    path = "/v1/mail/templates/{kind}/{language}",
    operation_id = "deleteMailTemplate",
    tag = "Mail",
    params(TemplatePath, Conditions),
    responses((status = 200, description = "The standard words.", body = Envelope<MailTemplate>)),
    security(("bearerAuth" = ["mail:write"], "subscriptionKey" = []))
)]
async fn delete_mail_template(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<TemplatePath>,
) -> Result<Reply<MailTemplate>, Error> {
    caller
        .write(&app, async |mut tx| {
            // There may be no row yet that could be held.
            tx.lock(&format!("mail-template/{}/{}-{}", caller.company, path.kind.word(), path.language.word())).await?;
            let old = words(&mut tx, caller.company, path.kind, path.language).await?;
            conditions.allow_change(Some(old.version))?;
            tx.sql("delete from mail_template where company = $1 and kind = $2 and language = $3")
                .bind(caller.company)
                .bind(path.kind.word())
                .bind(path.language.word())
                .exec()
                .await?;
            let new = chosen(&[], path.kind, path.language);
            note(&mut tx, &caller, &path, "deleted", (&old, &new), app.now()).await?;
            tx.reply(Reply::ok(MailTemplate::of(path.kind, path.language, new))).await
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once_and_other_braces_stay() {
        let value = |place: &str| format!("<{place}{{link}}>");
        for (text, filled) in [
            ("a {name} b", "a <name{link}> b"),
            ("{} { name} {a b} {", "{} { name} {a b} {"),
            ("{{name}}", "{<name{link}>}"),
            ("ก{name}ข", "ก<name{link}>ข"),
        ] {
            assert_eq!(fill(text, value), filled);
        }
    }

    #[test]
    fn standard_words_have_known_places_and_their_link() {
        for kind in Template::ALL {
            for language in [Language::Th, Language::En] {
                let (subject, body) = kind.standard(language);
                let mut faults = Faults::default();
                check(&mut faults, kind, ("subject", subject), true);
                check(&mut faults, kind, ("text", body), false);
                assert!(faults.end().is_ok(), "{kind:?} {language:?}");
                assert_eq!(has_place(body, "link"), kind.has_link(), "{kind:?} {language:?}");
            }
        }
    }
}
