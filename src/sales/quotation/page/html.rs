//! What a customer sees: the page of a quotation, and the one that stands in its place when the link is no longer good.

use std::fmt::Write as _;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use db::Amount;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::{Page, Visitor};
use crate::sales::quotation::status::Status;
use crate::sales::{totals, words};

/// The page's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    Th,
    En,
}

impl Lang {
    /// What is asked for, or the visitor's own, or `usual`; Thai for every other than English.
    pub(super) fn choose(asked: Option<&str>, visitor: &Visitor, usual: &str) -> Lang {
        let asked = asked.filter(|asked| !asked.trim().is_empty());
        let own = Some(visitor.language.as_str()).filter(|own| !own.is_empty());
        let wanted = asked.or(own).unwrap_or(usual).trim().to_ascii_lowercase();
        if wanted.starts_with("en") { Lang::En } else { Lang::Th }
    }

    fn code(self) -> &'static str {
        match self {
            Lang::Th => "th",
            Lang::En => "en",
        }
    }

    /// One of two.
    pub(super) fn of(self, thai: &'static str, english: &'static str) -> &'static str {
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

impl Page {
    /// The page in this language; 400 with a fault of the answer.
    pub(super) fn show(&self, lang: Lang, fault: Option<&str>) -> Response {
        let row = &self.row;
        let title = format!("{} {}", lang.of("ใบเสนอราคา", "Quotation"), row.number);
        let mut page = String::with_capacity(8_192);
        if let Some(logo) = &self.setting.logo_url {
            let _ = write!(page, "<img class=\"logo\" src=\"{}\" alt=\"\">", escaped(logo));
        }
        let company = self.setting.name_in(lang == Lang::En, &self.company);
        let _ = write!(page, "<p class=\"company\">{}</p><h1>{}</h1>", escaped(company), escaped(&title));
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
        let status = if fault.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        framed(status, lang, &title, &page)
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
        page.push_str("</tbody><tfoot>");
        for (class, name, amount) in self.sums(lang) {
            let _ = write!(page, "<tr{class}><th scope=\"row\" colspan=\"3\">{name}</th><td>{amount}</td></tr>");
        }
        page.push_str("</tfoot></table>");
        if self.row.terms.currency == "THB" {
            let words = match lang {
                Lang::Th => words::baht(self.row.money.grand_total, self.setting.sales.reading),
                Lang::En => words::english(self.row.money.grand_total, "baht", "satang"),
            };
            let _ = write!(page, "<p class=\"words\">({words})</p>");
        }
    }

    /// What stands below the lines: the class, the name and the amount of each row, in the order of the document (`totals` of
    /// `sala.typ`), so that both come to the same.
    fn sums(&self, lang: Lang) -> Vec<(&'static str, String, String)> {
        let (terms, totals) = (&self.row.terms, &self.row.money);
        let money = |amount: Amount| money(amount, &terms.currency);
        let mut rows = Vec::new();
        let mut row = |name: &str, amount: String| rows.push(("", name.to_owned(), amount));
        row(lang.of("รวมเป็นเงิน", "Subtotal"), money(totals.sub_total));
        if totals.discount != Amount::ZERO {
            let name = terms.discount_name.as_deref().map(escaped);
            let name = name.unwrap_or_else(|| lang.of("ส่วนลด", "Discount").to_owned());
            let percent = terms.discount_value.filter(|_| terms.discount_is_percent == Some(true));
            let percent = percent.map(|percent| format!(" {percent}%")).unwrap_or_default();
            row(&format!("{name}{percent}"), money(negated(totals.discount)));
            row(lang.of("หลังหักส่วนลด", "After discount"), money(totals.sub_total_with_discount));
        }
        let is_taxed = totals.rates.iter().any(|rate| rate.vat != Amount::ZERO);
        if terms.includes_vat && is_taxed {
            row(lang.of("มูลค่าก่อนภาษี", "Net of VAT"), money(totals.net));
        }
        let are_several = totals.rates.len() > 1;
        for rate in &totals.rates {
            if rate.vat != Amount::ZERO {
                let percent = rate.rate.map(|rate| rate.to_string()).unwrap_or_default();
                let base = if are_several {
                    format!("{}{}", lang.of(" ของ ", " of "), money(rate.base))
                } else {
                    String::new()
                };
                row(&format!("{} {percent}%{base}", lang.of("ภาษีมูลค่าเพิ่ม", "VAT")), money(rate.vat));
            } else if are_several {
                row(lang.of("มูลค่าที่ไม่เสียภาษี", "Not taxed"), money(rate.base));
            }
        }
        let total = format!("{} {}", money(totals.grand_total), escaped(&terms.currency));
        rows.push((" class=\"grand\"", lang.of("จำนวนเงินรวมทั้งสิ้น", "Grand total").to_owned(), total));
        if totals.withholding != Amount::ZERO {
            let withheld = lang.of("หักภาษี ณ ที่จ่าย", "Withholding tax");
            rows.push(("", withheld.to_owned(), money(negated(totals.withholding))));
            rows.push(("", lang.of("ยอดชำระ", "Net to pay").to_owned(), money(totals.net_to_receive)));
        }
        rows
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

/// What stands in the place of a quotation whose link is no longer good, whatever the reason: 404.
pub(super) fn gone(lang: Lang) -> Response {
    let title = lang.of("ลิงก์นี้ใช้ไม่ได้แล้ว", "This link is no longer valid");
    let what = lang.of("โปรดขอลิงก์ใหม่จากผู้ขาย", "Please ask the seller for a new one.");
    framed(StatusCode::NOT_FOUND, lang, title, &format!("<h1>{title}</h1><p>{what}</p>"))
}

/// A page of this title and content, with the other language at its head and what browsers are told of it.
fn framed(status: StatusCode, lang: Lang, title: &str, content: &str) -> Response {
    let other = lang.of("en", "th");
    let page = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title><style>{STYLE}</style></head><body><main><nav><a href=\"?lang={other}\" lang=\"{other}\">{}</a></nav>{content}</main></body></html>",
        lang.code(),
        escaped(title),
        lang.of("English", "ภาษาไทย")
    );
    let mut response = (status, Html(page)).into_response();
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
pub(in crate::sales::quotation) fn money(amount: Amount, currency: &str) -> String {
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
