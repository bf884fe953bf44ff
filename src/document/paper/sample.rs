//! A document that was never written, for trying a template out: the company's own head, and content in which everything
//! occurs that a template may meet.

use db::{Amount, Conn};
use serde_json::{Value, json};

use super::order::modules;
use super::write::{day, day_if_any};
use super::{Kind, Lang, Paper, Shop, Wish};
use crate::http::Error;
use crate::sales::content::{Line, Money, RateMoney, Terms};
use crate::sales::decimal::Decimal;

/// The sample document of a kind.
pub(in crate::document) async fn sample(
    conn: &mut Conn,
    company: i64,
    kind: Kind,
    wish: &Wish,
) -> Result<Paper, Error> {
    let shop = Shop::load(conn, company).await?;
    let number = format!("{}2611-0001", prefix(kind));
    let mut data = shop.begin(kind, &number, "2026-11-28", wish);
    let thai = wish.lang == Lang::Th;
    let of = |thai_text: &str, english: &str| Value::from(if thai { thai_text } else { english });
    let buyer = json!({
        "code": "C000349",
        "name": of("บริษัท ญี่ปุ่นพาณิชย์ (ประเทศไทย) จำกัด", "Yipun Trading (Thailand) Co., Ltd."),
        "address": of("99/1 ถนนพระรามที่ 1 แขวงปทุมวัน เขตปทุมวัน กรุงเทพมหานคร 10330", "99/1 Rama I Road, Pathum Wan, Bangkok 10330"),
        "taxNo": "0105561000003",
        "branch": super::branch_name("00000", wish.lang),
        "phone": "02-123-4567",
        "email": "buyer@example.com",
    });
    let services = json!([
        {"subject": of("ตรวจเช็กเครื่องปรับอากาศ", "Check the air conditioners"), "frequency": of("ต่อไตรมาส", "a quarter"), "times": "1", "note": null},
        {"subject": of("ล้างแผ่นกรอง", "Clean the filters"), "frequency": of("ต่อเดือน", "a month"), "times": "2", "note": of("นอกเวลาทำการ", "Outside working hours")},
    ]);
    let payments = json!([{"date": day("2026-11-28", wish), "method": of("โอนเงิน", "Transfer"), "amount": "4,467.25"}]);
    let instalments = json!([
        {"no": "1", "due": day("2026-12-15", wish), "amount": "2,233.63", "isPaid": true},
        {"no": "2", "due": day("2027-01-15", wish), "amount": "2,233.62", "isPaid": false},
    ]);
    let more = [
        ("mark", Value::Null),
        ("revision", json!("2")),
        ("validUntil", day_if_any(Some("2026-12-28"), wish)),
        ("dueDate", day_if_any(Some("2026-12-15"), wish)),
        ("reference", json!("PO-2026/118")),
        ("quotationNo", json!("QT2611-0001")),
        ("orderNo", json!("SO2611-0001")),
        ("subject", of("ปรับปรุงสำนักงานชั้น 12", "Refurbishing of the 12th floor")),
        ("contact", of("คุณน้ำฝน ใจดี", "Ms. Namfon Jaidee")),
        (
            "recipient",
            json!({"name": of("คลังสินค้าบางนา", "Bang Na warehouse"), "address": of("12 หมู่ 4 ตำบลบางแก้ว อำเภอบางพลี สมุทรปราการ 10540", "12 Moo 4, Bang Kaeo, Samut Prakan 10540")}),
        ),
        ("paymentTerm", of("เครดิต 30 วัน", "Net 30")),
        ("note", Value::Null),
        (
            "remark",
            of(
                "รับประกันสินค้า 1 ปี\nราคานี้รวมค่าขนส่งในกรุงเทพมหานครแล้ว",
                "One year of warranty.\nDelivery within Bangkok is included.",
            ),
        ),
        ("reason", of("สินค้าชำรุด รับคืนทั้งหมด", "Goods damaged, all returned")),
        ("cancelledBy", Value::Null),
        ("cancels", json!({"number": "INV00000-26-000001", "kind": "taxInvoice", "date": day("2026-11-20", wish)})),
        ("accepted", Value::Null),
        ("staff", of("สมหญิง ผู้ขาย", "Somying Phukhai")),
        ("buyer", buyer),
        ("instalments", instalments),
        ("payments", payments),
        (
            "promptPay",
            modules(
                "00020101021129370016A000000677010111011300668123456785802TH530376454074467.2563045E2F",
                "4,467.25",
            ),
        ),
        ("contractType", json!("MA")),
        ("starts", day("2026-12-01", wish)),
        ("ends", day("2027-11-30", wish)),
        ("value", json!("4,467.25")),
        ("valueText", json!("4,467.25")),
        ("words", shop.words(Amount::from_units(44_672_500), "THB", wish)),
        ("description", of("ดูแลรักษาเครื่องปรับอากาศทั้งอาคาร", "Maintenance of all air conditioners of the building")),
        ("services", services),
    ];
    data.extend(more.map(|(name, value)| (name.to_owned(), value)));
    let (lines, money, terms) = content(thai);
    shop.content(&lines, &money, &terms, wish, &mut data);
    Ok(Paper { kind, number, data })
}

fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Quotation => "QT",
        Kind::SalesOrder => "SO",
        Kind::TaxInvoice => "INV",
        Kind::Receipt => "RE",
        Kind::CreditNote => "CN",
        Kind::Contract => "CONT",
    }
}

fn content(thai: bool) -> (Vec<Line>, Money, Terms) {
    let baht = |whole: i64, satang: i64| Amount::from_units(whole * 10_000 + satang * 100);
    let seven = Some(Decimal::new(7, 0));
    let line = |code: &str, names: (&str, &str), price: i64, quantity: i64, total: i64| Line {
        code: code.to_owned(),
        name: if thai { names.0 } else { names.1 }.to_owned(),
        unit_name: Some(if thai { "ชิ้น" } else { "pcs" }.to_owned()),
        price: Decimal::new(i128::from(price), 0),
        quantity: Decimal::new(i128::from(quantity), 0),
        vat_rate: seven,
        gross: baht(price * quantity, 0),
        total: baht(total, 0),
        ..Line::default()
    };
    let mut lines = vec![
        line("AB00025", ("หูฟังไร้สายรุ่นที่ผู้ใช้เลือกเอง", "Wireless headphones"), 800, 2, 1_600),
        line("AC-9000", ("เครื่องปรับอากาศ 9000 บีทียู", "Air conditioner 9000 BTU"), 2_750, 1, 2_475),
        line("SV-001", ("ค่าติดตั้งที่ฐานลูกค้า", "Installation on site"), 200, 1, 200),
    ];
    lines[1].discount_is_percent = Some(true);
    lines[1].discount_value = Some(Decimal::new(10, 0));
    lines[1].description = Some(
        if thai {
            "รวมท่อน้ำยา 4 เมตร ขายึด และสายไฟ"
        } else {
            "With 4 m of pipe, brackets and cable"
        }
        .to_owned(),
    );
    let money = Money {
        sub_total: baht(4_275, 0),
        discount: baht(100, 0),
        sub_total_with_discount: baht(4_175, 0),
        net: baht(4_175, 0),
        total_vat: baht(292, 25),
        grand_total: baht(4_467, 25),
        withholding: baht(6, 0),
        net_to_receive: baht(4_461, 25),
        rates: vec![RateMoney { rate: seven, base: baht(4_175, 0), vat: baht(292, 25) }],
        own_net: Some(baht(4_175, 0)),
        own_total_vat: Some(baht(292, 25)),
        own_grand_total: Some(baht(4_467, 25)),
    };
    let terms = Terms { currency: "THB".to_owned(), ..Terms::default() };
    (lines, money, terms)
}
