//! Documents as PDF: each kind, Thai text that can be copied, templates of one's own, and what a hostile one gets.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::sales::{market, quote, sell, text, with};
use crate::stock::{item, put_products};

/// Says how to get the program that makes documents.
pub fn program() -> String {
    let program = std::env::var("SALA_RENDER").unwrap_or_default();
    let is_there = Path::new(&program).is_file();
    assert!(is_there, "SALA_RENDER must name the program that makes documents: SALA_RENDER=$(make render)");
    program
}

/// The text of a document as pdftotext copies it, words of a line in their order.
fn copied(pdf: &[u8]) -> String {
    let mut tool = Command::new("pdftotext")
        .args(["-layout", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("pdftotext is needed: scripts/render.sh readers");
    let mut input = tool.stdin.take().unwrap();
    let pdf = pdf.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&pdf));
    let output = tool.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The text as readers find it that look at nothing but the glyphs, as Firefox does; with SARA AM in one letter.
fn copied_by_glyphs(pdf: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document.pdf");
    std::fs::write(&path, pdf).unwrap();
    let output = Command::new("mutool").args(["draw", "-q", "-F", "txt"]).arg(&path).stderr(Stdio::null()).output();
    let output = output.expect("mutool is needed: scripts/render.sh readers");
    let text = String::from_utf8(output.stdout).unwrap().replace("\u{e4d}\u{e32}", "\u{e33}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same without what only lays it out.
pub fn words(pdf: &Answer) -> String {
    assert_eq!((pdf.status, pdf.header("content-type")), (200, "application/pdf"), "{pdf:?}");
    assert!(pdf.bytes.starts_with(b"%PDF-"));
    copied(&pdf.bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many pages a document has.
fn pages(pdf: &Answer) -> usize {
    copied(&pdf.bytes).matches('\u{c}').count()
}

async fn setting(app: &TestApp, body: Value) {
    app.request(Method::PUT, "/v1/setting", &[], Some(body)).await.data();
}

/// A market whose company has all that stands on documents.
async fn office() -> TestApp {
    program();
    let app = market().await;
    setting(
        &app,
        json!({"name": "บริษัท สยามทูลส์ จำกัด", "nameEn": "Siam Tools Co., Ltd.", "taxNo": "0105561000003",
               "address": "88 ถนนสุขุมวิท แขวงคลองเตย เขตคลองเตย กรุงเทพมหานคร 10110", "addressEn": "88 Sukhumvit Road, Bangkok 10110",
               "phone": "02-000-1111", "email": "sales@siamtools.example", "sales": {"promptpay": "0812345678"}}),
    )
    .await;
    app
}

const LETTERS: [&str; 8] = ["กี่", "ที่", "น้ำ", "ปู่", "ผู้", "ญี่ปุ่น", "ก็", "ฐาน"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quotation_says_all_that_is_stored_and_can_be_copied() {
    let app = office().await;
    let mut product = item("TH-1");
    product["productName"] = json!(LETTERS.join(" "));
    product["qty"] = json!(10);
    put_products(&app, &[product]).await;
    let lines = json!([
        {"productCode": "TH-1", "qty": 2, "price": 1234.5, "vatTaxValue": 7, "discountType": true, "discountValue": 10},
        {"productCode": "10001", "qty": 1.5, "price": 800, "vatTaxValue": 7, "whTaxValue": 3},
    ]);
    let made = quote(
        &app,
        json!({"quotationSubject": "ปรับปรุงสำนักงานชั้น 12", "quotationDetails": lines, "quotationStatus": 4, "paymentTerm": "เครดิต 30 วัน",
               "remark": "สั่งซื้อวันนี้ รับประกันหนึ่งปี\nซื้อน้ำผึ้งแถมปู่", "recipientName": "คลังสินค้าบางนา",
               "discountName": "ส่วนลดปีใหม่", "discountType": false, "discountValue": 22.1}),
    )
    .await;
    let data = made.data();
    assert_eq!((&data["subTotal"], &data["grandTotal"]), (&json!(3422.1), &json!(3638)));
    let number = text(&made, "quotationNo");
    let pdf = app.get(&format!("/v2/quotation/{}/document?format=pdf&lang=th", number.to_lowercase())).await;
    let said = words(&pdf);
    assert!(pdf.header("content-disposition").contains(&format!("inline; filename=\"{number}.pdf\"")));
    for expected in [
        "ใบเสนอราคา",
        "บริษัท สยามทูลส์ จำกัด",
        "88 ถนนสุขุมวิท แขวงคลองเตย เขตคลองเตย กรุงเทพมหานคร 10110",
        "เลขประจำตัวผู้เสียภาษี 0105561000003 (สำนักงานใหญ่)",
        "4 มกราคม 2566",
        "4 กุมภาพันธ์ 2642",
        "Daisy Co., Ltd.",
        "Office 1 Rama IV",
        "ปรับปรุงสำนักงานชั้น 12",
        "คลังสินค้าบางนา",
        "กี่ ที่ น้ำ ปู่ ผู้ ญี่ปุ่น ก็ ฐาน",
        "1,234.50",
        "10%",
        "2,222.10",
        "1.5",
        "1,200.00",
        "3,422.10",
        "ส่วนลดปีใหม่ -22.10",
        "หลังหักส่วนลด 3,400.00",
        "ภาษีมูลค่าเพิ่ม 7% 238.00",
        "จำนวนเงินรวมทั้งสิ้น 3,638.00 THB",
        "(สามพันหกร้อยสามสิบแปดบาทถ้วน)",
        "หักภาษี ณ ที่จ่าย",
        "ยอดชำระ",
        "เครดิต 30 วัน",
        "สั่งซื้อวันนี้ รับประกันหนึ่งปี",
        "ซื้อน้ำผึ้งแถมปู่",
        "ผู้เสนอราคา",
        "หน้า 1 จาก 1",
        number.as_str(),
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    assert!(!said.contains("ใบกำกับภาษี"), "a quotation does not carry the words");
    let plain = copied_by_glyphs(&pdf.bytes);
    for expected in ["ใบเสนอราคา", "กี่ ที่ น้ำ ปู่ ผู้ ญี่ปุ่น ก็ ฐาน", "สั่งซื้อวันนี้ รับประกันหนึ่งปี", "ซื้อน้ำผึ้งแถมปู่"]
    {
        assert!(plain.contains(expected), "{expected} in {plain}");
    }
    let english =
        words(&app.get(&format!("/v2/quotation/{number}/document?lang=en&era=buddhist&words=false&copy=true")).await);
    for expected in [
        "Quotation",
        "Siam Tools Co., Ltd.",
        "88 Sukhumvit Road",
        "Copy",
        "4 มกราคม 2566",
        "VAT 7% 238.00",
        "Page 1 of 1",
    ] {
        assert!(english.contains(expected), "{expected} in {english}");
    }
    assert!(!english.contains("baht"));
    // The company's language where none is asked for.
    setting(&app, json!({"language": "en"})).await;
    let usual = words(&app.get(&format!("/v2/quotation/{number}/document")).await);
    assert!(
        usual.contains("Three thousand six hundred thirty-eight baht only") && usual.contains("4 January 2023"),
        "{usual}"
    );
    let wrong = app.get(&format!("/v2/quotation/{number}/document?format=doc&lang=fr&era=x&standard=a-1")).await;
    let names = ["format", "lang", "era", "standard"].map(|name| ("invalid_value", name));
    assert_eq!((wrong.status, wrong.errors()), (400, names.to_vec()));
    let archive = app.get(&format!("/v2/quotation/{number}/document?standard=a-3a")).await;
    words(&archive);
    assert!(
        archive.bytes.windows(12).any(|part| part == b"pdfaid:part>" || part == b"<pdfaid:part"),
        "it says what it is"
    );
    // A draft says that it is one.
    let draft = text(&quote(&app, json!({"quotationStatus": 1})).await, "quotationNo");
    assert!(words(&app.get(&format!("/v2/quotation/{draft}/document?lang=th")).await).contains("ฉบับร่าง"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_has_its_document() {
    let app = office().await;
    let lines = json!([{"productCode": "10001", "qty": 1, "price": 100, "vatTaxValue": 7}]);
    let plan = json!({"valueType": 2, "schedulePayments": [{"installmentValue": 50, "dueDate": "2026-01-31"}, {"installmentValue": 50}]});
    let order = text(&sell(&app, json!({"salesOrderDetails": lines, "payment": plan})).await, "salesOrderNo");
    let read = async |path: String| words(&app.get(&path).await);
    let said = read(format!("/v2/salesorder/{order}/document?lang=th")).await;
    for expected in [
        "ใบสั่งขาย",
        order.as_str(),
        "PromptPay (พร้อมเพย์)",
        "107.00 THB",
        "งวดชำระเงิน",
        "31 มกราคม 2569",
        "53.50",
        "Arun Saelim",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    let issue = async |what: &str, body: Value| {
        text(&app.post(&format!("/v2/salesorder/{order}/{what}"), body).await, "taxDocumentNo")
    };
    let invoice = issue("tax-invoice", json!({"issueDate": "2026-01-15", "buyerTaxNo": "0105561000003"})).await;
    let paid = json!({"amount": 107, "method": "promptpay"});
    app.post(&format!("/v2/salesorder/{order}/payments"), paid).await.data();
    let receipt = issue("receipt", json!({"issueDate": "2026-02-01"})).await;
    let said = read(format!("/v1/taxdocuments/{invoice}/document?lang=th")).await;
    for expected in [
        "ใบกำกับภาษี",
        "ต้นฉบับ",
        invoice.as_str(),
        "15 มกราคม 2569",
        "7.00",
        "107.00 THB",
        "หนึ่งร้อยเจ็ดบาทถ้วน",
        "Daisy Co., Ltd.",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    assert_eq!(said.matches("0105561000003 (สำนักงานใหญ่)").count(), 2, "both tax numbers with their branches: {said}");
    let said = read(format!("/v1/taxdocuments/{receipt}/document?lang=en")).await;
    for expected in [
        "Receipt",
        "Original",
        "Siam Tools Co., Ltd.",
        "88 Sukhumvit Road, Bangkok 10110",
        "PromptPay",
        "Amount received",
        "107.00 THB",
        "One hundred seven baht only",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    assert!(!said.contains("สยามทูลส์"), "{said}");
    let said = read(format!("/v1/taxdocuments/{receipt}/document?lang=th")).await;
    assert!(said.contains("พร้อมเพย์") && said.contains("บริษัท สยามทูลส์ จำกัด"), "{said}");
    // Nothing is left to pay, and the code is gone.
    assert!(!read(format!("/v2/salesorder/{order}/document?lang=th")).await.contains("PromptPay"));
    let body = json!({"reason": "สินค้าชำรุด", "issueDate": "2026-02-02"});
    let note = text(&app.post(&format!("/v1/taxdocuments/{invoice}/credit-note"), body).await, "taxDocumentNo");
    let said = read(format!("/v1/taxdocuments/{note}/document?lang=th")).await;
    for expected in
        ["ใบลดหนี้", invoice.as_str(), "15 มกราคม 2569", "สินค้าชำรุด", "มูลค่าตามเอกสารเดิม 100.00", "ผลต่าง 100.00"]
    {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    assert!(read(format!("/v1/taxdocuments/{invoice}/document?lang=th")).await.contains("ยกเลิก"));
    let contract = json!({"contractName": "ดูแลเครื่องปรับอากาศ", "customerCode": "daisy", "contractType": "MA", "contractValue": 2000,
                          "dateStart": "2025-06-18 00:00:00", "dateEnd": "2026-06-18 00:00:00", "owner": "Admin01",
                          "contractService": {"subject": "ล้างแผ่นกรอง", "frequency": 260_003, "numberOfTimes": 2}});
    let number = text(&app.post("/v1/contract", contract).await, "contractNo");
    let said = read(format!("/v1/contract/{number}/document?lang=th")).await;
    for expected in [
        "สัญญา",
        number.as_str(),
        "18 มิถุนายน 2568",
        "18 มิถุนายน 2569",
        "2,000.00",
        "สองพันบาทถ้วน",
        "2 ครั้ง ต่อเดือน",
        "ดูแลเครื่องปรับอากาศ",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    // Others in this program get the same bytes' worth: the company's own document, whoever asks.
    let kinds = [(sala::document::Kind::Contract, number), (sala::document::Kind::Receipt, receipt)];
    for (kind, number) in kinds {
        let pdf = sala::document::pdf(&app.app, 507, kind, &number, (sala::document::Lang::En, None)).await.unwrap();
        assert!(copied(&pdf).contains(&number));
    }
    let missing =
        sala::document::pdf(&app.app, 507, sala::document::Kind::Receipt, &note, (sala::document::Lang::En, None))
            .await;
    assert!(matches!(missing, Err(sala::http::Error::NotFound(_))), "a number of another kind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_code_of_an_order_asks_for_what_its_totals_say() {
    let app = office().await;
    let lines = json!([{"productCode": "10001", "qty": 1, "price": 1000, "vatTaxValue": 7, "whTaxValue": 3}]);
    let order = text(&sell(&app, json!({"salesOrderDetails": lines})).await, "salesOrderNo");
    let read = async || words(&app.get(&format!("/v2/salesorder/{order}/document?lang=th")).await);
    let said = read().await;
    assert!(said.contains("ยอดชำระ 1,040.00") && said.contains("1,040.00 THB"), "{said}");
    app.post(&format!("/v2/salesorder/{order}/payments"), json!({"amount": 1040})).await.data();
    assert!(!read().await.contains("PromptPay"), "the rest comes as a certificate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standard_that_letters_do_not_meet_is_refused_by_name() {
    let app = office().await;
    let made = quote(&app, json!({"quotationSubject": "ราคาพิเศษ 中文 שלום 😀"})).await;
    let number = text(&made, "quotationNo");
    let path = format!("/v2/quotation/{number}/document");
    words(&app.get(&path).await);
    for standard in ["a-3a", "a-3b", "a-3u"] {
        let path = format!("{path}?standard={standard}");
        let refused = app.get(&path).await;
        assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "standard")]), "{refused:?}");
        let message = refused.body["errors"][0]["message"].as_str().unwrap();
        for expected in ["中", "😀", standard, "SALA_FONTS"] {
            assert!(message.contains(expected), "{expected} in {message}");
        }
        let thai = app.request(Method::GET, &path, &[("accept-language", "th")], None).await;
        let message = thai.body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("ฟอนต์") && message.contains("中"), "{message}");
    }
    let plain = text(&quote(&app, json!({"quotationSubject": "ราคาพิเศษ"})).await, "quotationNo");
    words(&app.get(&format!("/v2/quotation/{plain}/document?standard=a-3b")).await);
}

/// The right end of the last letter on a page, in points.
fn right_end(pdf: &[u8]) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document.pdf");
    std::fs::write(&path, pdf).unwrap();
    let output = Command::new("pdftotext").arg("-bbox").arg(&path).arg("-").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let ends = text.split("xMax=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse::<f64>().unwrap());
    ends.fold(0.0, f64::max)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_long_and_has_no_spaces_stays_on_the_page_and_is_copied_whole() {
    let app = office().await;
    let address = format!("https://example.com/{}", "Abcdefghij".repeat(20));
    let mut product = item("LONG-1");
    product["productName"] = json!("Wxyz".repeat(40));
    product["qty"] = json!(10);
    put_products(&app, &[product]).await;
    let mail = format!("{}@example.com", "m".repeat(90));
    setting(&app, json!({"email": mail})).await;
    let made = quote(
        &app,
        json!({"quotationSubject": address, "remark": address, "discountName": "D".repeat(80), "discountType": false,
               "discountValue": 1, "paymentTerm": "T".repeat(150), "recipientName": "R".repeat(90),
               "quotationDetails": [{"productCode": "LONG-1", "qty": 1, "price": 100, "vatTaxValue": 7}]}),
    )
    .await;
    let number = text(&made, "quotationNo");
    for lang in ["th", "en"] {
        let pdf = app.get(&format!("/v2/quotation/{number}/document?lang={lang}")).await;
        words(&pdf);
        // A4 is 595 points wide, and has a margin of 45.
        assert!(right_end(&pdf.bytes) < 552.0, "{lang}: {}", right_end(&pdf.bytes));
        let copied: String = copied_by_glyphs(&pdf.bytes).split_whitespace().collect();
        assert!(copied.contains(&address) && copied.contains(&mail), "{copied}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_lines_fit_and_heads_are_repeated() {
    let app = office().await;
    let lines: Vec<Value> =
        (0..200).map(|place| json!({"productCode": "10001", "qty": 1, "price": place + 1, "vatTaxValue": 7})).collect();
    let number = text(&quote(&app, json!({"quotationDetails": lines})).await, "quotationNo");
    let pdf = app.get(&format!("/v2/quotation/{number}/document?lang=th")).await;
    let said = words(&pdf);
    let count = pages(&pdf);
    assert!((4..=12).contains(&count), "{count} pages");
    assert!(said.matches("ราคาต่อหน่วย").count() + 1 >= count, "the head of the table is on each page with lines");
    assert!(said.contains("20,100.00") && said.contains(&format!("หน้า {count} จาก {count}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_of_one_s_own_takes_the_place_of_the_standard_one() {
    let app = office().await;
    let listed = app.get("/v1/documents/templates").await;
    assert_eq!(listed.data().as_array().unwrap().len(), 6);
    assert!(listed.data().as_array().unwrap().iter().all(|one| one["isStandard"] == true));
    let path = "/v1/documents/templates/quotation";
    let standard = app.get(path).await.data().clone();
    assert!(standard["source"].as_str().unwrap().contains("sala.typ"));
    // Each standard template can be stored as it is, and looked at in both languages.
    for kind in ["quotation", "salesOrder", "taxInvoice", "receipt", "creditNote", "contract"] {
        let path = format!("/v1/documents/templates/{kind}");
        for lang in ["th", "en"] {
            let said = words(&app.post(&format!("{path}/preview"), json!({"lang": lang})).await);
            assert!(said.contains("2611-0001"), "{kind} {lang}: {said}");
        }
        let source = app.get(&path).await.data()["source"].clone();
        app.request(Method::PUT, &path, &[], Some(json!({"source": source}))).await.data();
        app.request(Method::DELETE, &path, &[], None).await.data();
    }
    let put = async |source: &str| app.request(Method::PUT, path, &[], Some(json!({"source": source}))).await;
    // What is wrong comes back with its place, and nothing is stored.
    let wrong = put("#import \"sala.typ\": *\n#show: page-of\n#haed()\n").await;
    assert_eq!((wrong.status, wrong.errors()), (400, vec![("invalid_value", "source")]));
    assert!(
        wrong.body["errors"][0]["message"].as_str().unwrap().starts_with("line 3, column 2: unknown variable"),
        "{wrong:?}"
    );
    let font = put("#set text(font: \"Comic Sans\")\nHello").await;
    assert!(font.body["errors"][0]["message"].as_str().unwrap().contains("unknown font family"), "{font:?}");
    assert_eq!(put(" ").await.errors(), [("required", "source")]);
    assert_eq!(put(&"x".repeat(256 * 1024 + 1)).await.errors(), [("too_long", "source")]);
    assert_eq!(app.get(path).await.data()["isStandard"], true);
    let own = "#import \"sala.typ\": *\n#show: page-of\nของเราเอง #data.number\n#totals()\n";
    let kept = put(own).await;
    assert_eq!((&kept.data()["isStandard"], &kept.data()["source"]), (&json!(false), &json!(own)));
    let number = text(&quote(&app, json!({})).await, "quotationNo");
    let said = words(&app.get(&format!("/v2/quotation/{number}/document?lang=th")).await);
    assert!(said.contains(&format!("ของเราเอง {number}")) && !said.contains("ผู้เสนอราคา"), "{said}");
    // What holds only for the sample is refused where it fails, with its place.
    let picky = "#let data = json(\"data.json\")\n#assert(data.number == \"QT2611-0001\")\nok";
    put(picky).await.data();
    let refused = app.get(&format!("/v2/quotation/{number}/document")).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("invalid_value", "template")]));
    assert!(refused.body["errors"][0]["message"].as_str().unwrap().starts_with("line 2"), "{refused:?}");
    let audit = app.get("/v1/audit?ref=documentTemplate%2Fquotation").await;
    assert!(!audit.data()["value"].as_array().unwrap().is_empty(), "{audit:?}");
    let back = app.request(Method::DELETE, path, &[], None).await;
    assert_eq!(back.data()["source"], standard["source"]);
    assert!(words(&app.get(&format!("/v2/quotation/{number}/document?lang=th")).await).contains("ผู้เสนอราคา"));
    // A picture at the head.
    let small = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let logo = async |content: &str| {
        app.request(Method::PUT, "/v1/documents/logo", &[], Some(json!({"content": content}))).await
    };
    assert_eq!(logo("no picture").await.errors(), [("invalid_format", "content")]);
    assert_eq!(logo(&STANDARD.encode("<svg/>")).await.errors(), [("invalid_value", "content")]);
    let plain = app.get(&format!("/v2/quotation/{number}/document")).await.bytes;
    assert_eq!(logo(small).await.data()["hasLogo"], true);
    let with_logo = app.get(&format!("/v2/quotation/{number}/document")).await;
    words(&with_logo);
    assert!(
        String::from_utf8_lossy(&with_logo.bytes).contains("/Image")
            && !String::from_utf8_lossy(&plain).contains("/Subtype /Image")
    );
    // One that begins as a picture and ends before it is one is refused, and the other stays.
    let head = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &[0, 0, 0, 9, 0, 0, 0, 9, 8, 6, 0, 0, 0]].concat();
    let cut = STANDARD.decode(small).unwrap();
    for damaged in [head.as_slice(), &cut[..cut.len() - 24]] {
        assert_eq!(logo(&STANDARD.encode(damaged)).await.errors(), [("invalid_value", "content")]);
    }
    words(&app.get(&format!("/v2/quotation/{number}/document")).await);
    assert_eq!(app.request(Method::DELETE, "/v1/documents/logo", &[], None).await.data()["hasLogo"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_the_list_of_templates_has_a_text_of_its_own() {
    let app = office().await;
    let entry = crate::deal::entry(&app, "header-templates", None, "Branch", json!(null)).await;
    let own = |word: &str| format!("#import \"sala.typ\": *\n#show: page-of\n{word} #data.number\n");
    let put =
        async |path: &str, word: &str| app.request(Method::PUT, path, &[], Some(json!({"source": own(word)}))).await;
    let path = "/v1/documents/templates/quotation";
    let kept = put(&format!("{path}?templateId={entry}"), "Zebra").await;
    assert_eq!((&kept.data()["templateId"], &kept.data()["isStandard"]), (&json!(entry), &json!(false)));
    assert_eq!(put(&format!("{path}?templateId=987"), "x").await.errors(), [("not_found", "templateId")]);
    let listed = app.get("/v1/documents/templates").await;
    assert_eq!(listed.data().as_array().unwrap().len(), 7, "{listed:?}");
    // Words of one's own are words, whatever their letters mean elsewhere.
    setting(&app, json!({"unbrokenWords": ["บางแสน", "(ชลบุรี", "a|b", "C++"]})).await;
    // Documents that chose it are made by it, and no others.
    let chosen = text(&quote(&app, json!({"headerTemplateId": entry})).await, "quotationNo");
    let usual = text(&quote(&app, json!({})).await, "quotationNo");
    let said = async |query: &str| words(&app.get(&format!("/v2/quotation/{query}")).await);
    assert!(said(&format!("{chosen}/document?lang=en")).await.contains(&format!("Zebra {chosen}")));
    assert!(!said(&format!("{usual}/document?lang=en")).await.contains("Zebra"));
    assert!(said(&format!("{usual}/document?lang=en&templateId={entry}")).await.contains("Zebra"));
    let wrong = app.get(&format!("/v2/quotation/{usual}/document?templateId=987")).await;
    assert_eq!(wrong.errors(), [("not_found", "templateId")]);
    // Without a text of its own it is that of all documents of the kind.
    put(path, "House").await.data();
    let back = app.request(Method::DELETE, &format!("{path}?templateId={entry}"), &[], None).await;
    assert_eq!((&back.data()["isStandard"], &back.data()["source"]), (&json!(true), &json!(own("House"))));
    assert!(said(&format!("{chosen}/document?lang=en")).await.contains(&format!("House {chosen}")));
    // Of contracts it is the first template when none is chosen.
    put("/v1/documents/templates/contract?templateId=1", "Agreement").await.data();
    let contract = json!({"contractNo": "CARE-1", "contractName": "Care", "customerCode": "daisy", "contractType": "MA",
                          "dateStart": "2026-12-01", "dateEnd": "2099-11-30", "owner": "Admin01"});
    app.post("/v1/contract", contract).await.data();
    assert!(words(&app.get("/v1/contract/CARE-1/document?lang=en").await).contains("Agreement CARE-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_template_ends_alone() {
    let app = office().await;
    let number = text(&quote(&app, json!({})).await, "quotationNo");
    for (template, why) in [
        ("#while true {}", "condition is always true"),
        ("#{ let x = 0; while x < 1 { x -= 1 } }", "loop seems to be infinite"),
        ("#let f(x) = f(x + 1)\n#f(0)", "maximum function call depth exceeded"),
        ("#read(\"/etc/passwd\")", "file not found"),
        ("#read(\"../../etc/passwd\")", "would escape the project root"),
        ("#import \"@preview/cetz:0.3.0\"", "not found"),
        ("#plugin(\"data.json\")", "unknown variable: plugin"),
        ("#std.plugin(\"data.json\")", "does not contain `plugin`"),
        ("#for i in range(300) { pagebreak() }", "200 are the most"),
        ("#for a in range(10000) { for b in range(10000) { [x] } }", "cannot be used"),
        ("#{ let s = \"a\"; for i in range(40) { s = s + s }; s }", "cannot be used"),
    ] {
        let refused = app.post("/v1/documents/templates/quotation/preview", json!({"source": template})).await;
        assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_value", "source")]), "{template}");
        assert!(refused.body["errors"][0]["message"].as_str().unwrap().contains(why), "{template}: {refused:?}");
        assert!(!refused.text.contains("root:"), "{template}");
    }
    // A pattern that other engines choke on costs nothing, and the next document is made as before.
    let linear = "#\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\".match(regex(\"(a+)+$\"))";
    words(&app.post("/v1/documents/templates/quotation/preview", json!({"source": linear})).await);
    words(&app.get(&format!("/v2/quotation/{number}/document")).await);
}

#[tokio::test]
async fn a_server_without_the_program_says_so() {
    let app = market().await;
    let number = text(&quote(&app, json!({"quotationStatus": 4})).await, "quotationNo");
    let (_, server) = app.node(|config| config.render = Some("/nowhere/sala-render".into())).await;
    let call = async |method: Method, path: &str, body: Option<Value>| {
        crate::app::answer(&server, crate::app::request(&app.token, method, path, &[], body)).await
    };
    let refused = call(Method::GET, &format!("/v2/quotation/{number}/document"), None).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("not_configured", "render")]));
    assert!(refused.body["errors"][0]["message"].as_str().unwrap().contains("make render"));
    let body = json!({"source": "Hello"});
    let refused = call(Method::PUT, "/v1/documents/templates/quotation", Some(body)).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("not_configured", "render")]));
    assert_eq!(call(Method::GET, "/v1/documents/templates/quotation", None).await.status, 200);
    // What is not there is not there, whatever this server can do.
    assert_eq!(call(Method::GET, "/v2/quotation/QT9999/document", None).await.status, 404);
    // The customer's page offers no file that cannot be made.
    let link = call(Method::POST, &format!("/v1/quotation/{number}/link"), Some(json!({}))).await;
    let url = text(&link, "url");
    let path = &url[url.find("/quotation/").unwrap()..];
    let page = call(Method::GET, path, None).await;
    assert!(page.status == 200 && !page.text.contains("/document"), "{page:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_for_who_may_see_the_record() {
    let app = office().await;
    let number = text(&quote(&app, json!({"quotationStatus": 4})).await, "quotationNo");
    let path = format!("/v2/quotation/{number}/document");
    let stranger = app.tenant(508, &["quotation:read", "setting:read", "setting:write"]).await;
    let theirs = app.request_as(&stranger.token, Method::GET, &path, None).await;
    assert_eq!((theirs.status, theirs.errors()), (404, vec![("not_found", "quotation")]));
    // Templates are each company's own.
    let body = json!({"source": "theirs"});
    app.request_as(&stranger.token, Method::PUT, "/v1/documents/templates/quotation", Some(body)).await.data();
    assert!(!words(&app.get(&path).await).contains("theirs"));
    let agent = app.signed_in("Agent", "agent@example.com").await;
    let outside = app.as_person(&agent, Method::GET, &path, None).await;
    assert_eq!((outside.status, outside.errors()), (404, vec![("not_found", "quotation")]), "whose range is his own");
    let owner = app.signed_in("Owner", "owner@example.com").await;
    words(&app.as_person(&owner, Method::GET, &path, None).await);
    // Whoever holds a link to the quotation gets its document, in the language of the page.
    let url = text(&app.post(&format!("/v1/quotation/{number}/link"), json!({})).await, "url");
    let page = &url[url.find("/quotation/").unwrap()..];
    let open =
        async |path: &str| app.call(axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap()).await;
    let shown = open(&format!("{page}?lang=en")).await;
    let address = format!("{page}/document?lang=en");
    assert!(shown.text.contains(&format!("href=\"{address}\"")), "{}", shown.text);
    let pdf = open(&address).await;
    assert!(words(&pdf).contains(&number) && pdf.header("cache-control").contains("no-store"));
    app.post("/v2/quotation", with(json!({"quotationNo": number}), json!({"remark": "changed"}))).await.data();
    assert_eq!(open(&address).await.status, 404, "another revision is another offer");
}

/// The first page in grey, small: width, height, and a byte for each pixel.
fn picture(pdf: &[u8]) -> Vec<u8> {
    let mut tool = Command::new("pdftoppm")
        .args(["-gray", "-r", "24", "-l", "1", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("pdftoppm is needed: scripts/render.sh readers");
    let mut input = tool.stdin.take().unwrap();
    let pdf = pdf.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&pdf));
    let output = tool.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

/// The pictures in tests/it/pictures were looked at and found good. Small differences are those of other versions of the reader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_look_as_they_were_accepted() {
    let app = office().await;
    let accepted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pictures");
    let mut different = Vec::new();
    for kind in ["quotation", "salesOrder", "taxInvoice", "receipt", "creditNote", "contract"] {
        for lang in ["th", "en"] {
            let pdf = app.post(&format!("/v1/documents/templates/{kind}/preview"), json!({"lang": lang})).await;
            let new = picture(&pdf.bytes);
            let old = std::fs::read(accepted.join(format!("{kind}-{lang}.pgm"))).unwrap_or_default();
            let pairs = || old.iter().zip(&new).map(|(old, new)| u64::from(old.abs_diff(*new)));
            let (sum, far) = (pairs().sum::<u64>(), pairs().filter(|by| *by > 96).count());
            if old.len() != new.len() || sum > 3 * new.len() as u64 || far * 200 > new.len() {
                let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{kind}-{lang}.pgm"));
                std::fs::write(&found, &new).unwrap();
                different.push(found.display().to_string());
            }
        }
    }
    assert!(
        different.is_empty(),
        "look at these, and copy them to {} when they are good: {different:?}",
        accepted.display()
    );
}
