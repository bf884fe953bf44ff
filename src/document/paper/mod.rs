//! What stands on documents, as the templates get it: `data.json`. Amounts are text, as they were stored, and nothing is
//! computed from them: a template that adds them up would add up floats.

mod contract;
mod order;
mod quotation;
mod sample;
mod tax;
mod write;

use std::sync::Arc;

use db::Conn;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub(super) use self::sample::sample;

use self::write::{amount, amount_if_any, day, number};
use super::{Kind, Lang, Wish};
use crate::customer::store as customers;
use crate::http::{Caller, Error};
use crate::sales::content::{Line, Money, Terms};
use crate::sales::decimal::Decimal;
use crate::sales::words;
use crate::setting::profile::{self, Setting};
use crate::staff::known;
use crate::time::{self, Zone};

/// What a document says.
#[derive(Debug)]
pub(super) struct Paper {
    /// Which template it has.
    pub(super) kind: Kind,
    /// Its number, which is also its file's name.
    pub(super) number: String,
    /// What the template reads.
    pub(super) data: Map<String, Value>,
}

impl Paper {
    /// The entry of the list of templates that its record chose.
    pub(super) fn template(&self) -> Option<i64> {
        self.data.get("templateId").and_then(Value::as_i64)
    }
}

/// The document of this kind and number; 404 without it, or when it is outside the caller's range.
pub(super) async fn find(
    conn: &mut Conn,
    caller: &Caller,
    kind: Kind,
    number: &str,
    wish: &Wish,
) -> Result<Paper, Error> {
    let (kind, number, data) = match kind {
        Kind::Quotation => quotation::find(conn, caller, number, wish).await?,
        Kind::SalesOrder => order::find(conn, caller, number, wish).await?,
        Kind::TaxInvoice | Kind::Receipt | Kind::CreditNote => tax::find(conn, caller, kind, number, wish).await?,
        Kind::Contract => contract::find(conn, caller, number, wish).await?,
    };
    Ok(Paper { kind, number, data })
}

/// A tax document of whatever kind.
pub(super) async fn find_tax(conn: &mut Conn, caller: &Caller, number: &str, wish: &Wish) -> Result<Paper, Error> {
    let (kind, number, data) = tax::find_any(conn, caller, number, wish).await?;
    Ok(Paper { kind, number, data })
}

/// A quotation whose row is known: a customer who holds its link looks at it.
pub(super) async fn of_quotation(
    conn: &mut Conn,
    row: crate::sales::quotation::Row,
    wish: &Wish,
) -> Result<Paper, Error> {
    let (kind, number, data) = quotation::paper(conn, row, wish).await?;
    Ok(Paper { kind, number, data })
}

type Found = (Kind, String, Map<String, Value>);

/// The company, as far as its documents show it.
struct Shop {
    setting: Arc<Setting>,
    name: String,
    zone: Zone,
}

impl Shop {
    async fn load(conn: &mut Conn, company: i64) -> Result<Shop, Error> {
        let setting = profile::of(conn, company).await?;
        let zone = time::zone(conn, company).await?;
        let name = conn.sql("select name from company where company = $1").bind(company).one().await?;
        Ok(Shop { setting, name, zone })
    }

    /// The head of every document.
    fn begin(&self, kind: Kind, number: &str, dated: &str, wish: &Wish) -> Map<String, Value> {
        let mut data = Map::new();
        data.insert("kind".to_owned(), kind.word().into());
        data.insert("lang".to_owned(), wish.lang.code().into());
        data.insert("number".to_owned(), number.into());
        data.insert("date".to_owned(), day(dated, wish));
        data.insert("copy".to_owned(), wish.copy.into());
        data.insert("seller".to_owned(), self.seller(wish.lang));
        data.insert("unbroken".to_owned(), unbroken(&self.name, &self.setting.unbroken_words).into());
        data
    }

    fn seller(&self, lang: Lang) -> Value {
        let setting = &self.setting;
        let english = |own: &Option<String>| own.clone().filter(|_| lang == Lang::En);
        let head = setting.branches.iter().find(|branch| branch.code == "00000");
        let address = english(&setting.address_en)
            .or_else(|| setting.address.clone())
            .or_else(|| head.and_then(|branch| branch.address.clone()));
        json!({
            "name": setting.name_in(lang == Lang::En, &self.name),
            "address": address,
            "taxNo": setting.tax_no,
            "branch": setting.tax_no.as_ref().and(head).map(|_| branch_name("00000", lang)),
            "phone": setting.phone,
            "email": setting.email,
        })
    }

    /// Lines and totals, as quotations, orders and tax documents have them.
    fn content(&self, lines: &[Line], money: &Money, terms: &Terms, wish: &Wish, data: &mut Map<String, Value>) {
        let currency = terms.currency.as_str();
        let places = crate::sales::totals::places(currency);
        let percent = |rate: Decimal| format!("{}%", number(rate, 0));
        let shown = lines.iter().enumerate().map(|(place, line)| {
            let discount = match (line.discount_value, line.discount_is_percent) {
                (Some(value), _) if value.is_zero() => None,
                (Some(value), Some(true)) => Some(percent(value)),
                (Some(value), _) => Some(number(value, places)),
                (None, _) => None,
            };
            json!({
                "no": (place + 1).to_string(),
                "code": line.code,
                "name": line.name,
                "description": line.description,
                "quantity": number(line.quantity, 0),
                "unit": line.unit_name,
                "price": number(line.price, places),
                "discount": discount,
                "vatRate": line.vat_rate.map(percent),
                "total": amount(line.total, currency),
                "serials": line.serials,
            })
        });
        data.insert("lines".to_owned(), shown.collect());
        data.insert("currency".to_owned(), currency.into());
        data.insert("templateId".to_owned(), json!(terms.header_template));
        data.insert("includesVat".to_owned(), terms.includes_vat.into());
        let rates = money.rates.iter().map(|rate| {
            json!({
                "rate": rate.rate.map(percent),
                "base": amount(rate.base, currency),
                "vat": amount(rate.vat, currency),
                "isTaxed": rate.vat != db::Amount::ZERO,
            })
        });
        // Only what is not in the company's own currency is said in both; a receipt says nothing of VAT, in neither.
        let own = self.setting.currency.as_str();
        let others = money.own_grand_total.filter(|_| currency != own && money.own_net.is_some()).map(|total| {
            json!({
                "currency": own,
                "rate": terms.currency_rate.map(|rate| number(rate, 2)),
                "net": money.own_net.map(|net| amount(net, own)),
                "vat": money.own_total_vat.map(|vat| amount(vat, own)),
                "grandTotal": amount(total, own),
            })
        });
        let discount = (money.discount != db::Amount::ZERO).then(|| {
            json!({
                "name": terms.discount_name,
                "percent": terms.discount_value.filter(|_| terms.discount_is_percent == Some(true)).map(percent),
                "amount": amount(money.discount, currency),
                "after": amount(money.sub_total_with_discount, currency),
            })
        });
        let totals = json!({
            "subTotal": amount(money.sub_total, currency),
            "discount": discount,
            "rates": rates.collect::<Vec<_>>(),
            "net": amount(money.net, currency),
            "vat": amount(money.total_vat, currency),
            "grandTotal": amount(money.grand_total, currency),
            "withholding": amount_if_any(money.withholding, currency),
            "netToReceive": amount(money.net_to_receive, currency),
            "words": self.words(money.grand_total, currency, wish),
            "own": others,
        });
        data.insert("totals".to_owned(), totals);
    }

    /// An amount in words, in baht only.
    fn words(&self, total: db::Amount, currency: &str, wish: &Wish) -> Value {
        match wish.lang {
            _ if currency != "THB" || !wish.words => Value::Null,
            Lang::Th => words::baht(total, self.setting.sales.reading).into(),
            Lang::En => words::english(total, "baht", "satang").into(),
        }
    }
}

/// A branch in words.
fn branch_name(code: &str, lang: Lang) -> String {
    match (code, lang) {
        ("00000", Lang::Th) => "สำนักงานใหญ่".to_owned(),
        ("00000", Lang::En) => "Head office".to_owned(),
        (code, Lang::Th) => format!("สาขาที่ {code}"),
        (code, Lang::En) => format!("Branch {code}"),
    }
}

/// The customer of a quotation or an order; the address is the one that the document chose, or that of its bills.
async fn buyer(conn: &mut Conn, company: i64, customer: i64, chosen: Option<i64>, wish: &Wish) -> Result<Value, Error> {
    let Some(customer) = customers::exactly(conn, company, customer).await? else { return Ok(Value::Null) };
    let addresses = &customer.profile.addresses;
    let index = chosen.and_then(|place| usize::try_from(place).ok()?.checked_sub(1));
    let billing = || addresses.iter().find(|address| address.location_type == Some(1)).or_else(|| addresses.first());
    let address = index.and_then(|index| addresses.get(index)).or_else(billing).map(|address| {
        let parts = [&address.location_name, &address.location_address];
        parts
            .into_iter()
            .flatten()
            .map(|part| part.trim())
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    });
    let branch = customer.branch.filter(|code| crate::setting::tax::is_branch(code));
    Ok(json!({
        "code": customer.code,
        "name": customer.name,
        "address": address.filter(|address| !address.is_empty()),
        "taxNo": customer.tax_no,
        "branch": customer.tax_no.as_ref().and(branch).map(|code| branch_name(&code, wish.lang)),
        "phone": customer.phone.or(customer.mobile),
        "email": customer.email,
    }))
}

/// The name of an employee.
async fn staff_name(conn: &mut Conn, company: i64, user: Option<Uuid>) -> Result<Option<String>, Error> {
    let Some(user) = user else { return Ok(None) };
    let people = known::by_ids(conn, company, [user]).await?;
    Ok(people.get(&user).map(known::Known::fullname).filter(|name| !name.is_empty()))
}

/// Provinces, and words that stand on documents of business.
const WORDS: &str = include_str!("../unbroken.txt");

/// The longest part of a name that is kept on one line, in letters.
const LONGEST_NAME: usize = 24;

/// The words of the standard list, in its order.
pub(super) fn standard_words() -> impl Iterator<Item = &'static str> {
    WORDS.split_whitespace()
}

/// The words within which a line is never broken: those of the standard list, the company's own, and the parts of its name. The
/// templates make one regular expression of them, so that what means something there is escaped.
fn unbroken(company: &str, own: &[String]) -> Vec<String> {
    let is_thai = |part: &&str| part.chars().any(|letter| matches!(letter, '\u{e01}'..='\u{e5b}'));
    let name = company.split_whitespace().filter(is_thai).filter(|part| part.chars().count() <= LONGEST_NAME);
    let mut words: Vec<&str> = WORDS.split_whitespace().chain(own.iter().map(String::as_str)).chain(name).collect();
    // The longest first: of two words that begin alike it is the whole that is looked for.
    words.sort_unstable_by_key(|word| (std::cmp::Reverse(word.len()), *word));
    words.dedup();
    words.into_iter().map(escaped).collect()
}

/// A word as a regular expression that matches it and nothing else.
fn escaped(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    for letter in word.chars() {
        if letter.is_ascii_punctuation() {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}
