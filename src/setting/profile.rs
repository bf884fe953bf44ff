//! The company's profile and rules: `GET` and `PUT /v1/setting`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use db::{Amount, Conn, Json as Stored};
use jiff::civil::{Date, Time};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::inbox::{InboxSetting, InboxSettingWrite};
use super::mail::{MailSetting, MailSettingWrite};
use super::number::Pattern;
use super::retention::{Retention, RetentionWrite};
use super::{known, phone, tax};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Code, Conditions, Envelope, Error, Fault, Json, Patch, Reply};
use crate::person::sso;
use crate::sales::rules::{self, SalesRules, SalesRulesUpdate};
use crate::time;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_setting, update_setting))
}

/// A hundred percent.
const HUNDRED: Amount = Amount::from_units(1_000_000);

/// The company's profile and rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Setting {
    /// Name in English.
    #[schema(example = "Siam Tools Co., Ltd.")]
    pub name_en: Option<String>,
    /// Tax number: 13 digits in Thailand.
    #[schema(example = "0105561000008")]
    pub tax_no: Option<String>,
    /// Places of business; `00000` is the head office.
    pub branches: Vec<Branch>,
    /// Address of the head office.
    pub address: Option<String>,
    /// Address in English.
    pub address_en: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// https address of the logo.
    pub logo_url: Option<String>,
    /// ISO 3166 code of the country: whose telephone numbers are meant, and whose tax rules hold.
    #[schema(example = "TH")]
    pub country: String,
    /// ISO 4217 code.
    #[schema(example = "THB")]
    pub currency: String,
    /// BCP 47 tag.
    #[schema(example = "th")]
    pub language: String,
    /// The usual VAT rate from each day on.
    pub vat_rates: Vec<DatedRate>,
    /// Where amounts of documents are rounded. It can be chosen until there is a first document.
    pub rounding: Rounding,
    /// Rules for quotations, orders and what follows from them.
    pub sales: SalesRules,
    /// Whether stock may fall below zero.
    pub allow_negative_stock: bool,
    /// Whether a wrong tax number is refused; it is only warned of otherwise.
    pub refuse_wrong_tax_no: bool,
    /// How documents are numbered: `quotation`, `salesOrder`, `contract`, `customer`, …
    pub numbers: BTreeMap<String, Pattern>,
    /// When people work.
    pub business_hours: Vec<Hours>,
    /// Days on which nobody works.
    pub holidays: Vec<Holiday>,
    /// Days after which what only tells of work (events, deliveries, tries, the audit trail) is deleted at the latest; null
    /// leaves that to `retention`.
    pub retention_days: Option<i64>,
    /// How long each of it is kept.
    pub retention: Retention,
    /// How the company shows in e-mails.
    pub mail: MailSetting,
    /// Words within which no line of a document is broken, besides those of the standard list.
    #[schema(example = json!(["บางแสน"]))]
    pub unbroken_words: Vec<String>,
    /// How quickly customers who write are answered.
    pub inbox: InboxSetting,
    /// Whether people sign in by the company's identity provider only, as long as one is active. Whoever may do everything may
    /// use a password all the same.
    #[schema(example = false)]
    pub sso_only: bool,
}

/// A place of business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// Five digits; `00000` is the head office (Revenue Code, section 86).
    #[schema(example = "00000")]
    pub code: String,
    /// Its name.
    #[schema(example = "สำนักงานใหญ่")]
    pub name: String,
    /// Its address.
    pub address: Option<String>,
}

/// A rate that holds from a day on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatedRate {
    /// The first day.
    #[schema(value_type = String, format = "date", example = "1999-04-01")]
    pub from: Date,
    /// Percent.
    #[schema(value_type = f64, example = 7)]
    pub rate: Amount,
}

/// Where amounts are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Lines, and VAT once for each rate of a document.
    Document,
    /// Lines, and VAT on each of them.
    Line,
    /// Lines not until they are summed, and VAT once for each rate of a document.
    Sum,
}

/// Working hours of a day of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hours {
    /// 1 Monday to 7 Sunday.
    #[schema(example = 1)]
    pub day: i64,
    /// Begin.
    #[schema(value_type = String, example = "08:30")]
    pub from: Time,
    /// End, on the same day.
    #[schema(value_type = String, example = "17:30")]
    pub to: Time,
}

/// A day on which nobody works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holiday {
    /// The day.
    #[schema(value_type = String, format = "date", example = "2026-04-13")]
    pub date: Date,
    /// Its name.
    #[schema(example = "วันสงกรานต์")]
    pub name: String,
}

impl Default for Setting {
    fn default() -> Setting {
        // Tax documents count for each branch and year by themselves (Revenue Code, section 86).
        let tax = [("taxInvoice", "INV"), ("receipt", "RE"), ("creditNote", "CN")]
            .map(|(name, prefix)| (name.to_owned(), Pattern::yearly(prefix)));
        let numbers = [("quotation", "QT"), ("salesOrder", "SO"), ("expense", "EX"), ("task", "TK")];
        // As the original API's examples have them: T250200010, D241200044, A20250200028.
        let dense = [
            ("case", Pattern::dense("T")),
            ("deal", Pattern::dense("D")),
            ("contract", Pattern::dense("CONT")),
            ("activity", Pattern::dense_with_long_year("A")),
        ];
        // Codes as the original API's examples have them: C000349, L000308.
        let codes = [("customer", "C"), ("prospect", "P"), ("lead", "L"), ("product", "PRD")];
        let numbers = numbers
            .map(|(name, prefix)| (name.to_owned(), Pattern::usual(prefix)))
            .into_iter()
            .chain(tax)
            .chain(dense.map(|(name, pattern)| (name.to_owned(), pattern)))
            .chain(codes.map(|(name, prefix)| (name.to_owned(), Pattern::code(prefix))));
        Setting {
            name_en: None,
            tax_no: None,
            branches: vec![Branch {
                code: "00000".to_owned(), name: "สำนักงานใหญ่".to_owned(), address: None
            }],
            address: None,
            address_en: None,
            phone: None,
            email: None,
            logo_url: None,
            country: "TH".to_owned(),
            currency: "THB".to_owned(),
            language: "th".to_owned(),
            // Thailand's reduced rate, in force since that day.
            vat_rates: vec![DatedRate { from: jiff::civil::date(1999, 4, 1), rate: Amount::from_units(70_000) }],
            rounding: Rounding::Document,
            sales: SalesRules::default(),
            allow_negative_stock: false,
            refuse_wrong_tax_no: false,
            numbers: numbers.collect(),
            business_hours: Vec::new(),
            holidays: Vec::new(),
            retention_days: None,
            retention: Retention::default(),
            mail: MailSetting::default(),
            unbroken_words: Vec::new(),
            inbox: InboxSetting::default(),
            sso_only: false,
        }
    }
}

impl Setting {
    /// What the company is called: in English by its English name, where it has one; else by `name`, its own.
    pub fn name_in<'s>(&'s self, is_english: bool, name: &'s str) -> &'s str {
        self.name_en.as_deref().filter(|_| is_english).unwrap_or(name)
    }
}

/// The profile as it is answered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompanySetting {
    /// The company's number.
    #[schema(example = 507)]
    company_id: i64,
    /// Its name.
    #[schema(example = "บริษัท สยามทูลส์ จำกัด")]
    name: String,
    /// IANA time zone.
    #[schema(example = "Asia/Bangkok")]
    time_zone: String,
    #[serde(flatten)]
    setting: Setting,
    /// What looks wrong and is kept all the same, such as a tax number with a wrong check digit.
    warnings: Vec<String>,
}

/// A change of the profile: what is absent stays, null clears what can be empty.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SettingUpdate {
    /// A new name.
    name: Option<String>,
    /// A new IANA time zone.
    time_zone: Option<String>,
    /// Name in English.
    #[schema(value_type = Option<String>)]
    name_en: Patch<String>,
    /// Tax number.
    #[schema(value_type = Option<String>)]
    tax_no: Patch<String>,
    /// All places of business.
    branches: Option<Vec<Branch>>,
    /// Address of the head office.
    #[schema(value_type = Option<String>)]
    address: Patch<String>,
    /// Address in English.
    #[schema(value_type = Option<String>)]
    address_en: Patch<String>,
    /// Telephone.
    #[schema(value_type = Option<String>)]
    phone: Patch<String>,
    /// E-mail.
    #[schema(value_type = Option<String>)]
    email: Patch<String>,
    /// https address of the logo.
    #[schema(value_type = Option<String>)]
    logo_url: Patch<String>,
    /// ISO 3166 code of the country.
    country: Option<String>,
    /// ISO 4217 code.
    currency: Option<String>,
    /// BCP 47 tag.
    language: Option<String>,
    /// All dated VAT rates.
    vat_rates: Option<Vec<DatedRate>>,
    /// Where amounts are rounded: 409 for another rule once there is a document.
    rounding: Option<Rounding>,
    /// Rules for sales documents; those that are absent stay.
    sales: Option<SalesRulesUpdate>,
    /// Whether stock may fall below zero.
    allow_negative_stock: Option<bool>,
    /// Whether a wrong tax number is refused.
    refuse_wrong_tax_no: Option<bool>,
    /// Patterns by kind of document; kinds that are absent keep theirs.
    numbers: Option<BTreeMap<String, Pattern>>,
    /// All working hours.
    business_hours: Option<Vec<Hours>>,
    /// All holidays.
    holidays: Option<Vec<Holiday>>,
    /// Days after which what only tells of work is deleted at the latest; null leaves that to `retention`.
    #[schema(value_type = Option<i64>)]
    retention_days: Patch<i64>,
    /// How long each of it is kept.
    retention: Option<RetentionWrite>,
    /// How the company shows in e-mails.
    mail: Option<MailSettingWrite>,
    /// All words within which no line of a document is broken, besides those of the standard list: at most 500.
    #[schema(example = json!(["บางแสน"]))]
    unbroken_words: Option<Vec<String>>,
    /// How quickly customers who write are answered.
    inbox: Option<InboxSettingWrite>,
    /// Whether people sign in by the company's identity provider only: 409 while none is active.
    #[schema(example = false)]
    sso_only: Option<bool>,
}

/// Get the company's profile and rules.
#[utoipa::path(
    get,
    path = "/v1/setting",
    operation_id = "getSetting",
    tag = "Setting",
    params(("If-None-Match" = Option<String>, Header, description = "A version that is known: 304 when it is still the same")),
    responses((status = 200, description = "The profile.", body = Envelope<CompanySetting>)),
    security(("bearerAuth" = ["setting:read"], "subscriptionKey" = []))
)]
async fn get_setting(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
) -> Result<Reply<CompanySetting>, Error> {
    let row = find(&mut app.db.read().await?, caller.company).await?;
    Ok(Reply::ok(row.view()).version(row.version, &conditions))
}

/// Change the company's profile and rules.
#[utoipa::path(
    put,
    path = "/v1/setting",
    operation_id = "updateSetting",
    tag = "Setting",
    params(("If-Match" = Option<String>, Header, description = "The version that was read: 412 when it is another by now")),
    request_body = SettingUpdate,
    responses((status = 200, description = "The profile.", body = Envelope<CompanySetting>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn update_setting(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Json(input): Json<SettingUpdate>,
) -> Result<Reply<CompanySetting>, Error> {
    caller
        .write(&app, async |mut tx| {
            let old = held(&mut tx, caller.company).await?;
            conditions.allow_change(Some(old.version))?;
            let new = merge(&old, &input)?;
            if new.setting.rounding != old.setting.rounding && rules::has_documents(&mut tx, caller.company).await? {
                let message = "rounding cannot be changed, because documents already use another rule";
                return Err(Error::Conflict(Fault::new(Code::Conflict, "rounding", message)));
            }
            let is_new = new.setting.sso_only && !old.setting.sso_only;
            if is_new && !sso::has_active(&mut tx, caller.company).await? {
                let message = "There is no active identity provider to sign in by; enter one first";
                return Err(Error::Conflict(Fault::new(Code::Conflict, "ssoOnly", message)));
            }
            save(&mut tx, &new).await?;
            let reference = format!("setting/{}", caller.company);
            let change =
                Change { company: caller.company, reference, actor: &caller.id, action: "updated", at: app.now() };
            audit::record(&mut tx, &change, &old.view(), &new.view()).await?;
            tx.reply(Reply::ok(new.view()).version(new.version, &Conditions::default())).await
        })
        .await
}

#[derive(Debug, Clone, Deserialize)]
struct Row {
    company: i64,
    name: String,
    time_zone: String,
    /// Null until it is changed for the first time.
    #[serde(rename = "settings", deserialize_with = "or_default")]
    setting: Setting,
    version: i64,
}

fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Setting, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Row {
    fn view(&self) -> CompanySetting {
        CompanySetting {
            company_id: self.company,
            name: self.name.clone(),
            time_zone: self.time_zone.clone(),
            setting: self.setting.clone(),
            warnings: warnings(&self.setting),
        }
    }
}

const ROW: &str = "select company, name, time_zone, settings, version from company where company = $1";

async fn find(conn: &mut Conn, company: i64) -> Result<Row, Error> {
    read(conn.sql(ROW).bind(company)).await
}

/// The same, held until the unit ends: two updates at once come one after the other.
async fn held(tx: &mut Conn, company: i64) -> Result<Row, Error> {
    read(tx.sql(ROW).bind(company).held()).await
}

async fn read(query: db::Query<'_>) -> Result<Row, Error> {
    query.optional().await?.ok_or(Error::NotFound("company"))
}

/// The rules of a company, as other resources need them.
pub async fn of(conn: &mut Conn, company: i64) -> Result<Arc<Setting>, Error> {
    if let Some(known) = conn.kept::<Setting>(company) {
        return Ok(known);
    }
    let query = conn.sql("select time_zone, settings from company where company = $1").bind(company);
    let found: Option<(String, Option<Box<RawValue>>)> = query.optional().await?;
    let (time_zone, text) = found.ok_or(Error::NotFound("company"))?;
    // Whoever goes by the rules soon asks for the time zone.
    conn.keep(company, time::zone_of(&time_zone));
    Ok(conn.keep_shared(company, known::setting(company, text.as_deref())?))
}

/// Whether the company works at this time; one that has entered no hours always does.
pub(crate) async fn is_open(conn: &mut Conn, company: i64, at: i64) -> Result<bool, Error> {
    let row = find(conn, company).await?;
    let zone = time::zone_of(&row.time_zone);
    let now = jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(zone);
    if row.setting.business_hours.is_empty() {
        return Ok(true);
    }
    let day = i64::from(now.weekday().to_monday_one_offset());
    let is_holiday = row.setting.holidays.iter().any(|holiday| holiday.date == now.date());
    let in_hours = |hours: &Hours| hours.day == day && hours.from <= now.time() && now.time() < hours.to;
    Ok(!is_holiday && row.setting.business_hours.iter().any(in_hours))
}

async fn save(tx: &mut Conn, row: &Row) -> Result<(), db::Error> {
    tx.sql("update company set name = $1, time_zone = $2, settings = $3, version = $4 where company = $5")
        .bind(&row.name)
        .bind(&row.time_zone)
        .bind(Stored(&row.setting))
        .bind(row.version)
        .bind(row.company)
        .exec()
        .await?;
    // The zone, too.
    tx.forget();
    Ok(())
}

/// The most words of a company's own that are kept together.
const MOST_WORDS: usize = 500;

/// The letters of the longest of them: a line holds no more.
const LONGEST_WORD: usize = 60;

/// Words as they are kept: each once, without what stands around it.
fn unbroken(given: &[String]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in given.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

fn merge(old: &Row, input: &SettingUpdate) -> Result<Row, Error> {
    let was = &old.setting;
    let mut numbers = was.numbers.clone();
    numbers.extend(input.numbers.clone().unwrap_or_default());
    let setting = Setting {
        name_en: input.name_en.clone().over(was.name_en.clone()),
        tax_no: input.tax_no.clone().over(was.tax_no.clone()),
        branches: input.branches.clone().unwrap_or_else(|| was.branches.clone()),
        address: input.address.clone().over(was.address.clone()),
        address_en: input.address_en.clone().over(was.address_en.clone()),
        phone: input.phone.clone().over(was.phone.clone()),
        email: input.email.clone().over(was.email.clone()),
        logo_url: input.logo_url.clone().over(was.logo_url.clone()),
        country: input.country.clone().unwrap_or_else(|| was.country.clone()),
        currency: input.currency.clone().unwrap_or_else(|| was.currency.clone()),
        language: input.language.clone().unwrap_or_else(|| was.language.clone()),
        vat_rates: input.vat_rates.clone().unwrap_or_else(|| was.vat_rates.clone()),
        rounding: input.rounding.unwrap_or(was.rounding),
        sales: input.sales.as_ref().map_or_else(|| was.sales.clone(), |sales| sales.over(&was.sales)),
        allow_negative_stock: input.allow_negative_stock.unwrap_or(was.allow_negative_stock),
        refuse_wrong_tax_no: input.refuse_wrong_tax_no.unwrap_or(was.refuse_wrong_tax_no),
        numbers,
        business_hours: input.business_hours.clone().unwrap_or_else(|| was.business_hours.clone()),
        holidays: input.holidays.clone().unwrap_or_else(|| was.holidays.clone()),
        retention_days: input.retention_days.clone().over(was.retention_days),
        retention: input.retention.as_ref().map_or(was.retention, |write| write.over(was.retention)),
        mail: input.mail.as_ref().map_or_else(|| was.mail.clone(), |write| write.over(&was.mail)),
        unbroken_words: input.unbroken_words.as_deref().map_or_else(|| was.unbroken_words.clone(), unbroken),
        inbox: input.inbox.as_ref().map_or(was.inbox, |write| write.over(was.inbox)),
        sso_only: input.sso_only.unwrap_or(was.sso_only),
    };
    let row = Row {
        name: input.name.clone().unwrap_or_else(|| old.name.clone()),
        time_zone: input.time_zone.clone().unwrap_or_else(|| old.time_zone.clone()),
        setting,
        version: old.version + 1,
        ..old.clone()
    };
    let faults = faults(&row);
    if faults.is_empty() { Ok(row) } else { Err(Error::Invalid(faults)) }
}

fn faults(row: &Row) -> Vec<Fault> {
    let mut faults = Vec::new();
    let setting = &row.setting;
    let mut need = |ok: bool, code: Code, field: String, message: &str| {
        if !ok {
            faults.push(Fault::new(code, field, message));
        }
    };
    need(!row.name.trim().is_empty(), Code::Required, "name".to_owned(), "name is required");
    let zone = jiff::tz::TimeZone::get(&row.time_zone).is_ok();
    need(zone, Code::InvalidValue, "timeZone".to_owned(), "timeZone is not an IANA time zone such as Asia/Bangkok");
    let currency = setting.currency.len() == 3 && setting.currency.bytes().all(|letter| letter.is_ascii_uppercase());
    need(currency, Code::InvalidFormat, "currency".to_owned(), "currency must be three capital letters (ISO 4217)");
    let country = phone::is_country(&setting.country);
    need(
        country,
        Code::InvalidValue,
        "country".to_owned(),
        "country must be two capital letters (ISO 3166) of a country known here",
    );
    let logo = setting.logo_url.as_deref().is_none_or(|url| url.starts_with("https://"));
    need(logo, Code::InvalidUrl, "logoUrl".to_owned(), "logoUrl must begin with https://");
    let retention = setting.retention_days.is_none_or(|days| days > 0);
    need(retention, Code::OutOfRange, "retentionDays".to_owned(), "retentionDays is 1 or more");
    let sender = setting.mail.sender_name.as_deref().unwrap_or_default();
    let sender = sender.chars().count() <= 100 && !sender.contains(char::is_control);
    need(
        sender,
        Code::InvalidFormat,
        "mail.senderName".to_owned(),
        "mail.senderName is one line of at most 100 characters",
    );
    let reply_to = setting.mail.reply_to.as_deref().is_none_or(|text| crate::mail::address(text).is_some());
    need(reply_to, Code::InvalidFormat, "mail.replyTo".to_owned(), "mail.replyTo is not an e-mail address");
    let words = &setting.unbroken_words;
    need(
        words.len() <= MOST_WORDS,
        Code::TooLong,
        "unbrokenWords".to_owned(),
        "unbrokenWords may have at most 500 words",
    );
    for (index, word) in words.iter().enumerate().take(MOST_WORDS) {
        let is_word = (2..=LONGEST_WORD).contains(&word.chars().count())
            && !word.contains(|letter: char| letter.is_whitespace() || letter.is_control());
        let field = format!("unbrokenWords[{index}]");
        need(is_word, Code::InvalidFormat, field, "A word has 2 to 60 letters and no blank");
    }
    let minutes = "inbox.responseMinutes";
    need(setting.inbox.is_sound(), Code::OutOfRange, minutes.to_owned(), "inbox.responseMinutes is 1 to 525600");
    for field in setting.retention.faults() {
        need(false, Code::OutOfRange, field.to_owned(), "Days must be from 1 to 36500");
    }
    for (index, branch) in setting.branches.iter().enumerate() {
        let field = format!("branches[{index}].code");
        need(
            tax::is_branch(&branch.code),
            Code::InvalidFormat,
            field,
            "A branch code must have five digits; 00000 is the head office",
        );
    }
    for (index, rate) in setting.vat_rates.iter().enumerate() {
        let ok = (Amount::ZERO..=HUNDRED).contains(&rate.rate);
        need(ok, Code::OutOfRange, format!("vatRates[{index}].rate"), "A rate must be a percentage from 0 to 100");
    }
    for (index, hours) in setting.business_hours.iter().enumerate() {
        let day = (1..=7).contains(&hours.day);
        need(day, Code::OutOfRange, format!("businessHours[{index}].day"), "day must be 1 (Monday) to 7 (Sunday)");
        let order = hours.from < hours.to;
        need(order, Code::InvalidValue, format!("businessHours[{index}].to"), "to must be later than from");
    }
    let strict =
        setting.refuse_wrong_tax_no && setting.tax_no.as_deref().is_some_and(|number| !tax::is_tax_number(number));
    need(!strict, Code::InvalidValue, "taxNo".to_owned(), "taxNo has a wrong check digit, or not 13 digits");
    faults.extend(setting.sales.faults());
    for (name, pattern) in &setting.numbers {
        faults.extend(pattern.faults(&format!("numbers.{name}")));
    }
    faults
}

fn warnings(setting: &Setting) -> Vec<String> {
    let wrong = setting.tax_no.as_deref().is_some_and(|number| !tax::is_tax_number(number));
    let warning = || "taxNo has a wrong check digit, or not 13 digits".to_owned();
    wrong.then(warning).into_iter().collect()
}
