//! Text files to import: encodings, quotation marks, commas, digits; what cannot be told is refused, and never guessed.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::import::{counts, import, told};

async fn customer(app: &TestApp, code: &str) -> Value {
    app.get(&format!("/v3/customers/{code}")).await.data().clone()
}

async fn refused(app: &TestApp, query: &str, file: impl Into<Vec<u8>>) -> String {
    let failed = import(app, query, file).await;
    assert_eq!((&failed["state"], &failed["problem"]["code"]), (&json!("failed"), &json!("unreadable")), "{failed:#}");
    failed["problem"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_encoding_that_cannot_be_told_is_refused_and_can_be_named() {
    let app = TestApp::new().await;
    let western = "customerCode,customerName\nW1,Zoë Müller Café GmbH\nW2,François Bâtiment\n";
    let bytes = encoding_rs::WINDOWS_1252.encode(western).0.into_owned();
    assert!(refused(&app, "kind=customers", bytes.clone()).await.contains("line 2"));
    let done = import(&app, "kind=customers&encoding=Windows-1252", bytes).await;
    assert_eq!((counts(&done), &done["encoding"]), ((2, 0, 0, 0), &json!("windows-1252")), "{done:#}");
    assert_eq!(customer(&app, "W1").await["customerName"], "Zoë Müller Café GmbH");
    let japanese = encoding_rs::SHIFT_JIS.encode("customerCode,customerName\nJ1,東京商事\n").0.into_owned();
    assert!(refused(&app, "kind=customers", japanese.clone()).await.contains("encoding"));
    import(&app, "kind=customers&encoding=sjis", japanese).await;
    assert_eq!(customer(&app, "J1").await["customerName"], "東京商事");
    // What is not in the encoding that was named is refused too.
    let broken = [&b"customerCode,customerName\nB1,"[..], b"\xff\xff\n"].concat();
    assert!(refused(&app, "kind=customers&encoding=utf-8", broken).await.contains("UTF-8"));
    let wrong = app.post("/v1/imports?kind=customers&encoding=klingon", json!({})).await;
    assert!(wrong.status >= 400);
    let thai = encoding_rs::WINDOWS_874.encode("customerCode,customerName\nT1,น้ำแข็ง จำกัด\n").0.into_owned();
    let done = import(&app, "kind=customers", thai).await;
    assert_eq!(
        (&done["encoding"], &customer(&app, "T1").await["customerName"]),
        (&json!("windows-874"), &json!("น้ำแข็ง จำกัด"))
    );
}

#[tokio::test]
async fn quotation_marks_lose_no_rows() {
    let app = TestApp::new().await;
    let open = "customerCode,customerName,customerNote\nQ1,One,\"never closed\nQ2,Two,x\nQ3,Three,y\n";
    assert!(refused(&app, "kind=customers", open).await.contains("row 2 "));
    let stray = "customerCode,customerName,customerNote\nQ1,One,\"the 5\" pipe\"\nQ2,Two,\"a \\\"b\\\" c\"\nQ3,Three,\"a \"\"b\"\" c\"\nQ4,Four,5\" pipe\n";
    let done = import(&app, "kind=customers", stray).await;
    assert_eq!(counts(&done), (2, 0, 0, 2), "{done:#}");
    assert_eq!(told(&done, "errors").iter().map(|fault| fault.0).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(customer(&app, "Q3").await["customerNote"], "a \"b\" c");
    assert_eq!(customer(&app, "Q4").await["customerNote"], "5\" pipe");
    // A quotation mark that the next one closes has swallowed rows.
    let closed = "customerCode,customerName,customerNote\nS1,One,\"open\nS2,Two,x\nS3,Three,\"\nS4,Four,z\n";
    let done = import(&app, "kind=customers", closed).await;
    assert_eq!(told(&done, "warnings"), [(2, String::new(), "warning".to_owned())], "{done:#}");
    // A comma without quotation marks has moved the cells behind it.
    let moved =
        "customerCode,customerName,customerPhone\nM1,Acme, Inc.,021111111\nM2,Bolt,021111112\nM3,Nut,021111113,,\n";
    let done = import(&app, "kind=customers", moved).await;
    assert_eq!(counts(&done), (2, 0, 0, 1), "{done:#}");
    assert_eq!(told(&done, "errors")[0].0, 2);
}

async fn cost(app: &TestApp, code: &str) -> Option<f64> {
    app.get(&format!("/v2/products/{code}")).await.data()["cost"].as_f64()
}

#[tokio::test]
async fn a_comma_is_what_its_file_says_it_is() {
    let app = TestApp::new().await;
    let head = "productCode;productName;cost;productWeight\n";
    let done = import(&app, "kind=products", format!("{head}D1;Screw;0,125;1,500\nD2;Bolt;1.250,50;2,250\n")).await;
    assert_eq!(counts(&done), (2, 0, 0, 0), "{done:#}");
    assert_eq!((cost(&app, "D1").await, cost(&app, "D2").await), (Some(0.125), Some(1250.5)));
    let weight = app.get("/v2/products/D1").await.data()["productWeight"].as_f64();
    assert_eq!(weight, Some(1.5));
    // Nothing says what it is: nothing is guessed.
    let done = import(&app, "kind=products", format!("{head}U1;Screw;1,500;2\nU2;Bolt;3;4\n")).await;
    assert_eq!(told(&done, "errors"), [(2, "cost".to_owned(), "invalid_format".to_owned())], "{done:#}");
    // Thousands, as everywhere in Thailand.
    let done =
        import(&app, "kind=products", "productCode,productName,cost\nG1,A,\"1,500\"\nG2,B,\"1,234,567.5\"\n").await;
    assert_eq!(counts(&done), (2, 0, 0, 0), "{done:#}");
    assert_eq!((cost(&app, "G1").await, cost(&app, "G2").await), (Some(1500.0), Some(1_234_567.5)));
}

#[tokio::test]
async fn digits_of_every_script_are_digits() {
    let app = TestApp::new().await;
    let text = "customerCode,customerName,customerPhone,birthDate,customerTaxNo\nT1,ไทย,๐๘๑-๒๓๔-๕๖๗๘,๓๑/๑๒/๒๕๓๘,๐๑๐๕๕๖๑๐๐๐๐๐๘\n";
    let done = import(&app, "kind=customers", text).await;
    assert_eq!(counts(&done), (1, 0, 0, 0), "{done:#}");
    let known = customer(&app, "T1").await;
    for (field, value) in
        [("customerPhone", "081-234-5678"), ("customerBirthdate", "1995-12-31"), ("customerTaxNo", "0105561000008")]
    {
        assert_eq!(known[field], value, "{field}");
    }
    let done = import(&app, "kind=products", "code,name,price,qty\nP1,ก,\"๑,๒๕๐.๕๐\",๑๒\n").await;
    assert_eq!(counts(&done), (1, 0, 0, 0), "{done:#}");
}

#[tokio::test]
async fn words_of_a_message_stand_as_they_were_typed() {
    let app = TestApp::new().await;
    let done = import(&app, "kind=products", "code,name,active\nF1,F1,ใช่ไหม\nF2,F2,TRUE\n").await;
    assert_eq!(done["errors"][0]["message"], "“ใช่ไหม” must be yes or no", "{done:#}");
    // A total is no record; a company of that name is one.
    let done =
        import(&app, "kind=customers", "code,name,creditLimit\nA,Ann,1\n,Total,2\nT9,Total,3\n,รวม 2 รายการ,3\n").await;
    assert_eq!(counts(&done), (2, 0, 0, 2), "{done:#}");
    assert_eq!(
        told(&done, "errors").iter().map(|fault| (fault.0, fault.2.as_str())).collect::<Vec<_>>(),
        [(3, "total"), (5, "total")]
    );
}

#[tokio::test]
async fn telephones_are_recognised_however_they_are_typed() {
    let app = TestApp::new().await;
    let typed = [
        "+66 (0)81 234 5601",
        "\"081-234-5602, 02-123-4567\"",
        "02-123-4503 ต่อ 12",
        "tel:+66812345604",
        "081–234–5605",
        "０８１２３４５６０６",
        "+66 081 234 5607",
        "=+66812345608",
        "\u{202a}+66812345609\u{202c}",
    ];
    let rows: String =
        (1..).zip(typed).map(|(number, phone)| format!("PH{number:02},Phone {number},{phone}\n")).collect();
    let done = import(&app, "kind=customers", format!("customerCode,customerName,customerPhone\n{rows}")).await;
    assert_eq!(counts(&done), (9, 0, 0, 0), "{done:#}");
    for number in 1..=9 {
        let asked = if number == 3 { "02 123 4503".to_owned() } else { format!("081 234 560{number}") };
        let found = app.post("/v3/customers/existence", json!({"customerPhone": asked})).await;
        let code = &found.data()["customers"][0]["customerCode"];
        assert_eq!(*code, format!("PH{number:02}"), "{asked}");
    }
    let second = app.post("/v3/customers/existence", json!({"customerPhone": "02 123 4567"})).await;
    assert_eq!(second.data()["customers"][0]["customerCode"], "PH02", "the second of two");
}

#[tokio::test]
async fn digits_that_may_be_several_days_are_none() {
    let app = TestApp::new().await;
    let file = "code,name,birthdate\nD1,One,010190\nD2,Two,311290\nD3,Three,251231\nD4,Four,1012533\nD5,Five,01012533\n\
                D6,Six,20251231\nD7,Seven,244347\nD8,Eight,45351\n";
    let done = import(&app, "kind=customers", file).await;
    assert_eq!(counts(&done), (4, 0, 0, 4), "{done:#}");
    let refused = [2, 3, 4, 5].map(|row| (row, "birthdate".to_owned(), "invalid_format".to_owned()));
    assert_eq!(told(&done, "errors"), refused);
    assert!(done["errors"][0]["message"].as_str().unwrap().contains("may be several days"), "{done:#}");
    for (code, day) in [("D5", "1990-01-01"), ("D6", "2025-12-31"), ("D7", "2025-12-29"), ("D8", "2024-02-29")] {
        assert_eq!(customer(&app, code).await["customerBirthdate"], day, "{code}");
    }
}

#[tokio::test]
async fn what_a_spreadsheet_left_in_a_text_file_is_refused_or_said() {
    let app = TestApp::new().await;
    // Two files that were put together, failed formulas, rounded digits.
    let file = "Code,Name,Note,WhatsApp,Score\nX1,Ann,,812345678,\n\u{feff}code,name,Note,WhatsApp,Score\n#N/A,Bo,,,\nX2,#REF!,,,\n\
                X3,Cy,6.68123E+10,,\nX4,Di,,,1.23457E+15\nX5,Ed,#1 in town,,NULL\n";
    let mapping: String = form_urlencoded::byte_serialize(br#"{"Score": "customFields.Score"}"#.as_slice()).collect();
    let done = import(&app, &format!("kind=customers&mapping={mapping}"), file).await;
    assert_eq!(counts(&done), (2, 0, 0, 5), "{done:#}");
    let fault = |row: i64, column: &str, code: &str| (row, column.to_owned(), code.to_owned());
    let expected = [
        fault(3, "", "heading"),
        fault(4, "Code", "invalid_value"),
        fault(5, "Name", "invalid_value"),
        fault(6, "Note", "invalid_format"),
        fault(7, "Score", "invalid_format"),
    ];
    assert_eq!(told(&done, "errors"), expected);
    assert_eq!(told(&done, "warnings"), [fault(2, "WhatsApp", "repaired")]);
    // A rate is read as in a workbook.
    let done = import(&app, "kind=products", "code,name,price,vat\nR1,A,5,0.07\nR2,B,5,1\nR3,C,5,7%\n").await;
    assert_eq!(counts(&done), (3, 0, 0, 0), "{done:#}");
    assert_eq!(told(&done, "warnings"), [fault(2, "vat", "repaired"), fault(3, "vat", "repaired")]);
    for (code, vat) in [("R1", 7.0), ("R2", 1.0), ("R3", 7.0)] {
        let product = app.get(&format!("/v2/products/{code}")).await;
        assert_eq!(product.data()["prices"][0]["vatValue"].as_f64(), Some(vat), "{code}");
    }
}
