//! Workbooks: what is hostile ends nothing but its own import, and what a spreadsheet made of what was typed is read right,
//! refused, or warned of.

use std::io::{Cursor, Write};

use rust_xlsxwriter::{Chart, ExcelDateTime, Format, Formula, Workbook};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::app::TestApp;
use crate::child::Server;
use crate::import::{counts, import, told};

/// An archive of these files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook of one sheet with these rows of XML and these texts, under the name that the texts' file has.
fn package(rows: &str, texts: (&str, &str)) -> Vec<u8> {
    let relations = |targets: &[(&str, &str)]| {
        let all: String = (1..)
            .zip(targets)
            .map(|(id, (kind, target))| {
                format!(
                    "<Relationship Id=\"r{id}\" Target=\"{target}\" \
                     Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}\"/>"
                )
            })
            .collect();
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{all}</Relationships>"
        )
    };
    let main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let book = format!(
        "<workbook {main} xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">\
         <sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
    );
    let sheet = format!("<worksheet {main}><sheetData>{rows}</sheetData></worksheet>");
    archive(&[
        ("_rels/.rels", relations(&[("officeDocument", "xl/workbook.xml")]).as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations(&[("worksheet", "worksheets/sheet1.xml")]).as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        (texts.0, texts.1.as_bytes()),
    ])
}

fn inline(cell: &str, text: &str) -> String {
    format!("<c r=\"{cell}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// A compound file whose directory is a sector that follows itself.
fn ring() -> Vec<u8> {
    let mut file = vec![0; 3 * 512];
    file[..8].copy_from_slice(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
    let mut word = |at: usize, value: u32| file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    word(24, 0x0003_003e);
    word(28, 0x0009_fffe);
    word(32, 6);
    word(44, 1);
    word(48, 1);
    word(56, 4096);
    word(60, 0xffff_fffe);
    word(68, 0xffff_fffe);
    for place in 0..109 {
        word(76 + place * 4, if place == 0 { 0 } else { 0xffff_ffff });
    }
    for place in 0..128 {
        word(512 + place * 4, 0xffff_ffff);
    }
    word(512, 0xffff_fffd);
    word(516, 1);
    file
}

/// A spreadsheet that says a row of many cells is repeated many times.
fn repeated() -> Vec<u8> {
    let content = "<office:document-content xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
        xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
        xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:spreadsheet>\
        <table:table table:name=\"S\"><table:table-row table:number-rows-repeated=\"6000\">\
        <table:table-cell office:value-type=\"string\" table:number-columns-repeated=\"16000\"><text:p>name</text:p>\
        </table:table-cell></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>";
    archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        (
            "META-INF/manifest.xml",
            b"<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>",
        ),
        ("content.xml", content.as_bytes()),
    ])
}

#[tokio::test]
async fn a_hostile_workbook_ends_its_import_and_nothing_else() {
    let app = TestApp::new().await;
    let row = format!("<row r=\"1\">{}</row><row r=\"2\">{}</row>", inline("A1", "name"), inline("A2", "Ann"));
    let texts = |count: &str| format!("<sst uniqueCount=\"{count}\"><si><t>x</t></si></sst>");
    let many = format!("<sst>{}</sst>", "<si><t>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</t></si>".repeat(1_700_000));
    let far = format!("{row}<row r=\"3\">{}</row>", inline("XFD3", "x")).replace("</row>", "</row>\n");
    for (what, file) in [
        ("a count of 2^40 texts", package(&row, ("xl/sharedStrings.xml", &texts("1099511627776")))),
        ("a count of 2^62 texts", package(&row, ("xl/sharedStrings.xml", &texts("4611686018427387904")))),
        ("texts under a name in another letter case", package(&row, ("xl/SHAREDstrings.xml", &many))),
        ("a chain of sectors that is a ring", ring()),
        ("rows that are repeated", repeated()),
        ("an archive of something else", archive(&[("Index/Document.iwa", b"x")])),
        ("an archive that is cut off", package(&row, ("xl/sharedStrings.xml", "<sst/>"))[..300].to_vec()),
    ] {
        let failed = import(&app, "kind=customers&dryRun=true", file).await;
        let problem = &failed["problem"];
        assert_eq!(
            (&failed["state"], &problem["code"]),
            (&json!("failed"), &json!("unreadable")),
            "{what}: {failed:#}"
        );
    }
    // One cell far to the right is no fault.
    let done = import(&app, "kind=customers", package(&far, ("xl/sharedStrings.xml", "<sst/>"))).await;
    assert_eq!((&done["state"], &done["created"]), (&json!("done"), &json!(1)), "{done:#}");
    let after = import(&app, "kind=customers", package(&row, ("xl/sharedStrings.xml", &texts("1")))).await;
    assert_eq!(counts(&after), (0, 0, 1, 0), "{after:#}");
}

/// Whoever reads a workbook here ends the server, as a fault of a library might.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ends_three_servers_is_set_aside_and_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let app = TestApp::new().await;
    let poison = app.database.folder.join("poison");
    std::fs::write(&poison, "#!/bin/sh\nsleep 1\nkill -9 $PPID\n").unwrap();
    std::fs::set_permissions(&poison, std::fs::Permissions::from_mode(0o755)).unwrap();
    let request = axum::http::Request::post("/v1/imports?kind=customers")
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "application/octet-stream");
    let begun = app.call(request.body(axum::body::Body::from(ring())).unwrap()).await;
    let id = begun.data()["importId"].as_str().unwrap().to_owned();
    let reader = poison.to_str().unwrap();
    for life in 1..=3 {
        Server::start(&app, &["--reader", reader]).ended().await;
        let import = app.get(&format!("/v1/imports/{id}")).await;
        assert_eq!(import.data()["state"], "waiting", "after life {life}");
        // Its lease need not be waited for.
        app.sql("update job set run_at = 0 where kind = 'import'").await;
    }
    let server = Server::start(&app, &["--reader", reader]);
    crate::child::until("the import is given up", async || {
        app.get(&format!("/v1/imports/{id}")).await.data()["state"] == "failed"
    })
    .await;
    let import = app.get(&format!("/v1/imports/{id}")).await.data().clone();
    assert_eq!(import["problem"]["code"], "crashed", "{import:#}");
    let mut conn = app.app.db.read().await.unwrap();
    let (dead, error): (bool, String) =
        conn.sql("select dead, error from job where kind = 'import'").one().await.unwrap();
    assert!(dead && error.contains("its worker ended"), "{error}");
    drop((conn, server));
}

async fn customer(app: &TestApp, code: &str) -> Value {
    app.get(&format!("/v3/customers/{code}")).await.data().clone()
}

async fn product(app: &TestApp, code: &str) -> Value {
    app.get(&format!("/v2/products/{code}")).await.data().clone()
}

#[tokio::test]
async fn the_sheet_with_most_known_columns_is_read_and_the_others_are_named() {
    let app = TestApp::new().await;
    let mut book = Workbook::new();
    let mut chart = Chart::new_pie();
    chart.add_series().set_values(("Data", 1, 0, 2, 0));
    book.add_chartsheet().insert_chart(0, 0, &chart).unwrap();
    let help = book.add_worksheet().set_name("Help").unwrap();
    for (row, word) in (0..).zip(["How to", "Name", "Phone", "Email", "Code"]) {
        help.write_string(row, 0, word).unwrap();
    }
    let few = book.add_worksheet().set_name("Old").unwrap();
    few.write_row(0, 0, ["Name", "Phone"]).unwrap();
    few.write_row(1, 0, ["Old", "021111111"]).unwrap();
    let data = book.add_worksheet().set_name("Data").unwrap();
    data.write_row(0, 0, ["Code", "Name", "Phone", "Shoe size"]).unwrap();
    data.write_row(1, 0, ["IN01", "Ann", "021111111", "38"]).unwrap();
    data.write_row(2, 0, ["IN02", "Bob", "021111112", "43"]).unwrap();
    let hidden = book.add_worksheet().set_name("Hidden").unwrap();
    hidden.set_hidden(true).write_row(0, 0, ["Code", "Name", "Phone", "Email", "Note"]).unwrap();
    let mapping = "%7B%22Score%22%3A%22customFields.Score%22%7D";
    let query = format!("kind=customers&mapping={mapping}");
    let done = import(&app, &query, book.save_to_buffer().unwrap()).await;
    assert_eq!(counts(&done), (2, 0, 0, 0), "{done:#}");
    assert_eq!((&done["sheet"], &customer(&app, "IN01").await["customerName"]), (&json!("Data"), &json!("Ann")));
    let left = |what: &str, name: &str, reason: &str| json!({"what": what, "name": name, "reason": reason});
    let expected = json!([
        left("column", "Shoe size", "unknown"),
        left("mapping", "Score", "missing"),
        left("sheet", "Help", "other"),
        left("sheet", "Old", "other"),
    ]);
    assert_eq!(done["leftOut"], expected);
    // A macro sheet alone is no sheet with rows.
    let mut book = Workbook::new();
    book.add_chartsheet().insert_chart(0, 0, &chart).unwrap();
    book.add_worksheet().set_name("Data").unwrap().set_hidden(true).write_row(0, 0, ["Code", "Name"]).unwrap();
    let failed = import(&app, "kind=customers", book.save_to_buffer().unwrap()).await;
    assert_eq!(failed["problem"]["code"], "unreadable");
}

#[tokio::test]
async fn what_a_spreadsheet_shows_is_what_is_read() {
    let app = TestApp::new().await;
    let format = |code: &str| Format::new().set_num_format(code);
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, ["Code", "Name", "Barcode", "VAT", "Price", "Description"]).unwrap();
    sheet.write_number_with_format(1, 0, 123, &format("00000")).unwrap();
    sheet.write_string(1, 1, "Zeros").unwrap();
    sheet.write_number_with_format(1, 2, 1_234_567, &format("0000000000000")).unwrap();
    sheet.write_number_with_format(1, 3, 1, &format("0%")).unwrap();
    sheet.write_number_with_format(1, 4, 1250.5, &format("[$฿-41E]#,##0.00")).unwrap();
    sheet.write_number(1, 5, 4126.650000000001).unwrap();
    sheet.write_number_with_format(2, 0, 7, &format("\"SKU-\"0000")).unwrap();
    sheet.write_boolean(2, 1, true).unwrap();
    sheet.write_number(2, 4, 5).unwrap();
    sheet.write_number_with_format(2, 3, 0.07, &format("0.00%")).unwrap();
    let time = ExcelDateTime::from_hms(14, 30, 0).unwrap();
    sheet.write_datetime_with_format(2, 5, &time, &format("hh:mm")).unwrap();
    // What a spreadsheet made of a code is lost.
    let day = ExcelDateTime::from_ymd(2026, 2, 1).unwrap();
    sheet.write_datetime_with_format(3, 0, &day, &format("d-mmm")).unwrap();
    sheet.write_string(3, 1, "Day").unwrap();
    sheet.write_boolean(4, 0, false).unwrap();
    sheet.write_string(4, 1, "Flag").unwrap();
    sheet.write_number_with_format(5, 0, 100_000, &format("0.00E+00")).unwrap();
    sheet.write_string(5, 1, "Power").unwrap();
    sheet.write_number(6, 0, 10.1).unwrap();
    sheet.write_string(6, 1, "Fraction").unwrap();
    let done = import(&app, "kind=products", book.save_to_buffer().unwrap()).await;
    assert_eq!(counts(&done), (3, 0, 0, 3), "{done:#}");
    let refused = [4, 5, 6].map(|row| (row, "Code".to_owned(), "invalid_format".to_owned()));
    assert_eq!(told(&done, "errors"), refused);
    assert_eq!(told(&done, "warnings"), [(7, "Code".to_owned(), "repaired".to_owned())]);
    let zeros = product(&app, "00123").await;
    for (field, value) in [("productBarcode", json!("0000001234567")), ("productDescription", json!("4126.65"))] {
        assert_eq!(zeros[field], value, "{field}");
    }
    let price = &zeros["prices"][0];
    assert_eq!((price["regularPrice"].as_f64(), price["vatValue"].as_f64()), (Some(1250.5), Some(100.0)), "{zeros:#}");
    let second = product(&app, "SKU-0007").await;
    assert_eq!((&second["productName"], &second["productDescription"]), (&json!("TRUE"), &json!("14:30")));

    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, ["Code", "Name", "Note", "Birthday"]).unwrap();
    let moment = ExcelDateTime::from_ymd(2026, 5, 17).unwrap().and_hms(14, 30, 0).unwrap();
    for (row, code) in (1..).zip(["T1", "T2", "T3"]) {
        sheet.write_row(row, 0, [code, code]).unwrap();
    }
    sheet.write_datetime_with_format(1, 2, &moment, &format("yyyy-mm-dd hh:mm")).unwrap();
    sheet.write_datetime_with_format(1, 3, &moment, &format("yyyy-mm-dd hh:mm")).unwrap();
    sheet.write_number_with_format(2, 2, 1.520_833_333, &format("[h]:mm")).unwrap();
    sheet.write_datetime_with_format(3, 3, &time, &format("hh:mm")).unwrap();
    let done = import(&app, "kind=customers", book.save_to_buffer().unwrap()).await;
    assert_eq!(told(&done, "errors"), [(4, "Birthday".to_owned(), "invalid_format".to_owned())], "{done:#}");
    let first = customer(&app, "T1").await;
    assert_eq!(
        (&first["customerNote"], &first["customerBirthdate"]),
        (&json!("2026-05-17 14:30"), &json!("2026-05-17"))
    );
    assert_eq!(customer(&app, "T2").await["customerNote"], "36:30");
}

#[tokio::test]
async fn the_number_formats_of_excel_in_thai_are_what_the_standard_says() {
    let app = TestApp::new().await;
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, header) in ["code", "name", "birthdate", "note"].iter().enumerate() {
        sheet.write_string(0, u16::try_from(column).unwrap(), *header).unwrap();
    }
    // 17 May 2026 is 46159.
    let cases = [
        (59, 42.0, "42"),
        (60, 42.5, "42.50"),
        (62, 1250.5, "1250.5"),
        (67, 0.1, "10%"),
        (70, 1.5, "1.5"),
        (71, 46_159.0, "2026-05-17"),
        (72, 46_159.0, "2026-05-17"),
        (75, 0.604_166_666_666_666_7, "14:30"),
        (76, 0.604_270_833_333_333_3, "14:30:09"),
        (77, 46_159.604_166_666_664, "2026-05-17 14:30"),
        (79, 1.520_833_333_333_333_3, "36:30"),
        (81, 46_159.0, "2026-05-17"),
    ];
    for (row, (format, number, _)) in (1..).zip(cases) {
        sheet.write_string(row, 0, format!("F{format}")).unwrap();
        sheet.write_string(row, 1, format!("Format {format}")).unwrap();
        let day = Format::new().set_num_format_index(71);
        sheet.write_number_with_format(row, 2, 35_064.0, &day).unwrap();
        let format = Format::new().set_num_format_index(format);
        sheet.write_number_with_format(row, 3, number, &format).unwrap();
    }
    // A code that has become a day is refused in this format, too.
    let row = u32::try_from(cases.len()).unwrap() + 1;
    sheet.write_number_with_format(row, 0, 46_159.0, &Format::new().set_num_format_index(71)).unwrap();
    sheet.write_string(row, 1, "Day").unwrap();
    let done = import(&app, "kind=customers", workbook.save_to_buffer().unwrap()).await;
    assert_eq!(counts(&done), (12, 0, 0, 1), "{done:#}");
    assert_eq!(told(&done, "errors"), [(14, "code".to_owned(), "invalid_format".to_owned())]);
    for (format, _, shown) in cases {
        let made = customer(&app, &format!("F{format}")).await;
        assert_eq!(
            (&made["customerNote"], &made["customerBirthdate"]),
            (&json!(shown), &json!("1995-12-31")),
            "{format}"
        );
    }
}

#[tokio::test]
async fn control_characters_in_codes_and_numbers_are_refused_where_they_stand() {
    let app = TestApp::new().await;
    let file = "code,name,phone,note\nA\u{1}1,One,,\nA2,Two,081\u{7f}2345678,\nA3,Three,,a\u{1}b\nA\u{85}4,Four,,\n\0A5,Five,,\n";
    let done = import(&app, "kind=customers", file).await;
    let of = |row: i64, column: &str| (row, column.to_owned(), "invalid_value".to_owned());
    assert_eq!(told(&done, "errors"), [of(2, "code"), of(3, "phone"), of(5, "code"), of(6, "code")], "{done:#}");
    assert_eq!(done["errors"][0]["message"], "the cell contains the control character U+0001");
    assert_eq!(counts(&done), (1, 0, 0, 4));
    for (path, body, field, letter) in [
        (
            "/v3/customers",
            json!({"customerCode": "A\u{1}", "customerName": "A", "customerState": 3}),
            "customerCode",
            "U+0001",
        ),
        (
            "/v3/customers",
            json!({"customerName": "A", "customerState": 3, "customerPhone": "081\u{9f}"}),
            "customerPhone",
            "U+009F",
        ),
        (
            "/v1/products/stock/sales",
            json!({"items": [{"productCode": "A\u{7f}B", "qty": 1}]}),
            "items[0].productCode",
            "U+007F",
        ),
        ("/v1/task", json!({"subject": "A", "customerCode": "A\tB"}), "customerCode", "U+0009"),
        ("/v1/deals", json!({"customerCodes": ["A\u{1f}"], "dealName": "A"}), "customerCodes[0]", "U+001F"),
    ] {
        let refused = app.post(path, body).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        let errors = refused.body["errors"].as_array().unwrap();
        let fault = errors.iter().find(|fault| fault["field"].as_str().unwrap().ends_with(field));
        let message = fault.unwrap_or_else(|| panic!("{field}: {refused:?}"))["message"].as_str().unwrap();
        assert!(message.ends_with(&format!("must not contain the control character {letter}")), "{refused:?}");
    }
}

#[tokio::test]
async fn a_formula_without_a_value_is_refused() {
    let app = TestApp::new().await;
    let header: String = [("A1", "Code"), ("B1", "Name"), ("C1", "Price"), ("D1", "Qty")]
        .map(|(cell, text)| inline(cell, text))
        .concat();
    let row = |number: u32, name: &str, cells: &str| {
        let (code, name) = (inline(&format!("A{number}"), name), inline(&format!("B{number}"), name));
        format!("<row r=\"{number}\">{code}{name}{cells}</row>")
    };
    let rows = [
        row(2, "F1", "<c r=\"C2\"><f>10*2</f><v></v></c>"),
        row(3, "F2", "<c r=\"C3\"><f>10*2</f></c>"),
        row(4, "F3", "<c r=\"C4\"><f>10*2</f><v>20</v></c>"),
        row(5, "F4", "<c r=\"D5\"><f t=\"shared\" si=\"0\" ref=\"D5:D6\">1+1</f></c>"),
        row(6, "F5", "<c r=\"D6\"><f t=\"shared\" si=\"0\"/></c>"),
        row(7, "F6", "<c r=\"C7\" t=\"str\"><f>\"\"</f><v></v></c>"),
        row(8, "F7", "<c r=\"C8\"/>"),
    ];
    let file = package(&format!("<row r=\"1\">{header}</row>{}", rows.concat()), ("xl/sharedStrings.xml", "<sst/>"));
    let done = import(&app, "kind=products", file).await;
    assert_eq!(counts(&done), (3, 0, 0, 4), "{done:#}");
    let expected = [(2, "Price"), (3, "Price"), (5, "Qty"), (6, "Qty")];
    let expected = expected.map(|(row, column)| (row, column.to_owned(), "invalid_value".to_owned()));
    assert_eq!(told(&done, "errors"), expected);
    // What a spreadsheet has computed is taken.
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, ["Code", "Name", "Price"]).unwrap();
    sheet.write_row(1, 0, ["F9", "Nine"]).unwrap();
    sheet.write_formula(1, 2, Formula::new("=3*3").set_result("9")).unwrap();
    let done = import(&app, "kind=products", book.save_to_buffer().unwrap()).await;
    assert_eq!(counts(&done), (1, 0, 0, 0), "{done:#}");
}

#[tokio::test]
async fn cells_that_are_merged_headers_of_two_rows_and_totals_are_what_they_mean() {
    let app = TestApp::new().await;
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let plain = Format::new();
    sheet.merge_range(0, 0, 1, 0, "Code", &plain).unwrap();
    sheet.merge_range(0, 1, 1, 1, "Name", &plain).unwrap();
    sheet.merge_range(0, 2, 1, 2, "Category", &plain).unwrap();
    sheet.merge_range(0, 3, 0, 4, "Stock", &plain).unwrap();
    sheet.write_string(1, 3, "Unit").unwrap();
    sheet.write_string(1, 4, "Qty").unwrap();
    for (row, code) in (2..).zip(["M1", "M2", "M3"]) {
        sheet.write_row(row, 0, [code, code]).unwrap();
        sheet.write_string(row, 3, "ชิ้น").unwrap();
        sheet.write_number(row, 4, 5).unwrap();
    }
    sheet.merge_range(2, 2, 3, 2, "Tools", &plain).unwrap();
    sheet.write_string(4, 2, "Toys").unwrap();
    sheet.write_string(5, 1, "รวมทั้งสิ้น").unwrap();
    sheet.write_formula(5, 4, Formula::new("=SUM(E3:E5)").set_result("15")).unwrap();
    let done = import(&app, "kind=products", book.save_to_buffer().unwrap()).await;
    assert_eq!(told(&done, "errors"), [(6, String::new(), "total".to_owned())], "{done:#}");
    assert_eq!(counts(&done), (3, 0, 0, 1));
    for (code, category) in [("M1", "Tools"), ("M2", "Tools"), ("M3", "Toys")] {
        let product = product(&app, code).await;
        assert_eq!((&product["category"], product["qty"].as_f64()), (&json!(category), Some(5.0)), "{product:#}");
    }
}

/// A spreadsheet of one table with these rows.
fn open(rows: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
         xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
         xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:spreadsheet>\
         <table:table table:name=\"S\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    archive(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", content.as_bytes())])
}

#[tokio::test]
async fn an_open_document_is_read_by_what_it_shows() {
    let app = TestApp::new().await;
    let cell = |attributes: &str, text: &str| {
        format!("<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>")
    };
    let text = |text: &str| cell("office:value-type=\"string\"", text);
    let float = |value: &str, text: &str| cell(&format!("office:value-type=\"float\" office:value=\"{value}\""), text);
    let row = |cells: &[String]| format!("<table:table-row>{}</table:table-row>", cells.concat());
    let spanned = cell("office:value-type=\"string\" table:number-rows-spanned=\"2\"", "Tools");
    let covered = "<table:covered-table-cell/>".to_owned();
    let rows = [
        row(&["Code", "Name", "Category", "VAT", "Price", "Description"].map(text)),
        row(&[
            float("123", "00123"),
            text("Fish &amp; Chips"),
            spanned,
            cell("office:value-type=\"percentage\" office:value=\"1\"", "100%"),
            float("1250.5", "1,250.50"),
            cell("office:value-type=\"time\" office:time-value=\"PT14H30M00S\"", "14:30"),
        ]),
        row(&[float("7", "SKU-0007"), text("Two"), covered, text("7%"), float("5", "5.00"), float("4126.650000000001", "4126.65")]),
        "<table:table-row table:number-rows-repeated=\"1000000\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>".to_owned(),
        row(&[cell("office:value-type=\"date\" office:date-value=\"2026-02-01\"", "1-Feb"), text("Day")]),
        row(&[text("F"), text("Formula"), text(""), text(""), "<table:table-cell table:formula=\"of:=1+1\"/>".to_owned()]),
    ];
    let done = import(&app, "kind=products", open(&rows.concat())).await;
    assert_eq!(counts(&done), (2, 0, 0, 2), "{done:#}");
    let refused = [(1_000_004, "Code", "invalid_format"), (1_000_005, "Price", "invalid_value")];
    let refused = refused.map(|(row, column, code)| (row, column.to_owned(), code.to_owned()));
    assert_eq!(told(&done, "errors"), refused);
    let first = product(&app, "00123").await;
    let price = &first["prices"][0];
    assert_eq!((price["regularPrice"].as_f64(), price["vatValue"].as_f64()), (Some(1250.5), Some(100.0)), "{first:#}");
    assert_eq!((&first["productName"], &first["productDescription"]), (&json!("Fish & Chips"), &json!("14:30")));
    let second = product(&app, "SKU-0007").await;
    assert_eq!(
        (&second["category"], &second["productDescription"]),
        (&json!("Tools"), &json!("4126.65")),
        "{second:#}"
    );
}

#[tokio::test]
async fn a_sheet_as_wide_as_there_can_be_is_read() {
    let app = TestApp::new().await;
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, ["Code", "Name"]).unwrap();
    for row in 1..3_u32 {
        sheet.write_row(row, 0, [format!("W{row}"), format!("Wide {row}")]).unwrap();
        for column in 2..16_000 {
            sheet.write_string(0, column, format!("x{column}")).unwrap();
            sheet.write_number(row, column, column).unwrap();
        }
    }
    let done = import(&app, "kind=customers", book.save_to_buffer().unwrap()).await;
    assert_eq!(counts(&done), (2, 0, 0, 0), "{:#}", done["problem"]);
}
