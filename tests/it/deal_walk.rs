//! One sale from its first word to its tax invoice, through real parts: LINE's simulator, the program that makes documents, and an
//! SMTP server.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::child::Shop;
use crate::document::{program, words};
use crate::sales::{declare, page, path_of, quote, stock, stocked, text};
use crate::smtp::Server;

#[tokio::test]
async fn a_sale_goes_from_deal_to_tax_invoice() {
    program();
    let mail = Server::start();
    let app = stocked(TestApp::with(|config| mail.settings(config)).await).await;
    let Shop { app, line, rooms } = Shop::on(app, 1).await;
    let put = async |path: &str, body: Value| app.request(Method::PUT, path, &[], Some(body)).await;
    let post = async |path: &str, body: Value| {
        let answer = app.post(path, body).await;
        assert!(answer.status < 300, "{path}: {answer:?}");
        answer.data().clone()
    };
    let seller = json!({"name": "บริษัท สยามทูลส์ จำกัด", "taxNo": "0105561000003", "address": "88 ถนนสุขุมวิท กรุงเทพมหานคร 10110",
                        "sales": {"approveAbove": 100, "convertOnAcceptance": true}});
    put("/v1/setting", seller).await.data();
    put(&format!("/v1/chat/rooms/{}/customer", rooms[0]), json!({"customerCode": "daisy"})).await.data();

    // A deal, and a quotation for it that is too dear to go out unapproved.
    let deal = json!({"customerCodes": ["daisy"], "dealName": "เก้าอี้ 2 ตัว", "probability": 50, "dealValue": 214, "assignTo": "Admin01",
                      "expectedCloseDate": "2099-12-31"});
    let deal = post("/v1/deals", deal).await["value"].clone();
    let lines = json!([{"productCode": "10001", "qty": 2, "price": 100, "vatTaxValue": 7}]);
    let asked = json!({"quotationStatus": 3, "dealNo": deal["dealNo"], "quotationDetails": lines});
    let made = quote(&app, asked).await;
    let number = text(&made, "quotationNo");
    let quotation = |what: &str| format!("/v1/quotation/{number}{what}");
    assert_eq!((&made.data()["quotationStatus"], &made.data()["grandTotal"]), (&json!(2), &json!(214)), "{made:?}");
    post(&quotation("/approve"), json!({"reason": "ลูกค้าเก่า"})).await;
    let paper = words(&app.get(&format!("/v2/quotation/{number}/document?format=pdf&lang=th")).await);
    for said in ["ใบเสนอราคา", "สยามทูลส์", "214.00", "สองร้อยสิบสี่บาทถ้วน", &number]
    {
        assert!(paper.contains(said), "{said} in {paper}");
    }

    // Into the chat, where the customer accepts it: that makes the order, and keeps the stock.
    post(&quotation("/send"), json!({})).await;
    app.run_jobs().await;
    let sent = line.sent();
    assert_eq!((sent.len(), &sent[0].message["type"]), (1, &json!("flex")), "{sent:?}");
    let card = sent[0].message.to_string();
    let address: String =
        card[card.find("/quotation/").unwrap()..].chars().take_while(|letter| *letter != '"').collect();
    assert!(page(&app, path_of(&address)).await.text.contains(&number));
    let accepted = declare(&app, &address, "answer=accept&name=Somchai&lang=th").await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let order = app.get(&quotation("")).await.data()["salesOrderNo"].as_str().unwrap().to_owned();
    assert_eq!(stock(&app, "10001").await, json!([10, 2, 8]));
    let documents = app.get(&format!("/v1/deals/{}/documents", deal["dealsId"])).await;
    assert!(documents.text.contains(&number) && documents.text.contains(&order), "{documents:?}");

    // Delivered, paid in two parts, invoiced.
    let step = |what: &str| format!("/v2/salesorder/{order}/{what}");
    post(&step("delivery"), json!({"items": [{"productCode": "10001", "qty": 2}]})).await;
    assert_eq!(stock(&app, "10001").await, json!([8, 0, 8]));
    assert_eq!(post(&step("payments"), json!({"amount": 100})).await["paymentState"], "partly");
    assert_eq!(post(&step("payments"), json!({"amount": 114})).await["paymentState"], "paid");
    let invoice = post(&step("tax-invoice"), json!({"buyerTaxNo": "0105561000003"})).await;
    let invoice = invoice["taxDocumentNo"].as_str().unwrap();
    let paper = words(&app.get(&format!("/v1/taxdocuments/{invoice}/document?lang=th")).await);
    assert!(paper.contains("ใบกำกับภาษี") && paper.contains(invoice) && paper.contains("14.00"), "{paper}");

    // And the contract goes out by e-mail, with its document.
    let contract = json!({"contractNo": "CARE-1", "contractName": "ดูแลเก้าอี้", "customerCode": "daisy", "contractType": "MA",
                          "dateStart": "2026-12-01", "dateEnd": "2099-11-30", "owner": "Admin01"});
    post("/v1/contract", contract).await;
    post("/v1/contract/send-document", json!({"contractNo": "CARE-1", "email": "daisy@example.com"})).await;
    app.run_jobs().await;
    let got = &mail.tries()[0];
    assert_eq!((&got["rcptTo"], &got["tls"]), (&json!(["daisy@example.com"]), &json!(true)));
    assert_eq!((&got["files"][0]["name"], &got["files"][0]["type"]), (&json!("CARE-1.pdf"), &json!("application/pdf")));
    assert!(got["files"][0]["size"].as_i64().unwrap() > 10_000, "a real document: {got}");
}
