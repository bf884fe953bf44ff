//! Pictures of products that are uploaded.

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp};
use crate::file::{PDF, PNG, Part, form_request, kept};
use crate::product::{plain, put_well, stock_lists};
use crate::receiver::Receiver;

const IMAGES: &str = "/v1/products/A1/images";

async fn send(app: &TestApp, parts: &[Part<'_>]) -> Answer {
    app.call(form_request(app, IMAGES, parts, &[])).await
}

/// Gets an address of this server as a browser does, without a token.
async fn open(app: &TestApp, url: &Value) -> Answer {
    let url = url.as_str().unwrap();
    let path = &url[url.find("/images/").unwrap_or_else(|| panic!("{url}"))..];
    app.call(Request::get(path).body(Body::empty()).unwrap()).await
}

fn inline(content: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(content))
}

/// The product A1, which has a picture elsewhere.
async fn pictured() -> TestApp {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    stock_lists(&app).await;
    let mut product = plain("A1", "Cup");
    product["productImage"] = json!(["https://example.com/cup.jpg"]);
    put_well(&app, json!([product])).await;
    app
}

async fn shown(app: &TestApp) -> Vec<Value> {
    let product = app.get("/v2/products/A1").await;
    product.data()["productImage"].as_array().unwrap_or_else(|| panic!("{product:?}")).clone()
}

#[tokio::test]
async fn an_uploaded_picture_has_an_address_among_those_of_its_product() {
    let app = pictured().await;
    app.run_jobs().await;
    let receiver = Receiver::start().await;
    let topics = vec!["Product".to_owned()];
    let (db, vault) = (&app.app.db, &app.app.vault);
    sala::webhook::subscription::create(db, vault, COMPANY, &receiver.url, &topics, app.app.now()).await.unwrap();
    let first = send(&app, &[("files", Some("front.png"), "image/png", PNG)]).await;
    assert_eq!(first.status, 200, "{first:?}");
    let body = json!({"files": [{"fileName": "back.png", "content": STANDARD.encode(PNG)}, inline(PNG)]});
    let more = app.post("/v1/products/a1/images", body).await;
    assert_eq!((more.status, more.data().as_array().map(Vec::len)), (200, Some(2)), "{more:?}");

    let images = shown(&app).await;
    let urls = [&first.data()[0], &more.data()[0], &more.data()[1]].map(|file| file["fileUrl"].clone());
    assert_eq!(images, [&[json!("https://example.com/cup.jpg")], urls.as_slice()].concat());
    app.run_jobs().await;
    let told: Vec<Value> = receiver.got().iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    let events: Vec<&str> = told.iter().map(|event| event["Event"].as_str().unwrap()).collect();
    assert_eq!(events, ["FileAttached", "Updated", "FileAttached", "FileAttached", "Updated"]);
    let file = &told[0]["Data"]["ProductFile"];
    assert_eq!((&file["FileName"], &file["ProductId"]), (&json!("front.png"), &json!(1)));
    assert_eq!(told[4]["Data"]["Product"]["ProductImage"], json!(images));
    // Years later, and without a token.
    app.advance(std::time::Duration::from_secs(10 * 365 * 24 * 60 * 60));
    for url in &urls {
        let picture = open(&app, url).await;
        assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"), "{url}");
        assert_eq!(picture.bytes, PNG);
    }
}

#[tokio::test]
async fn pictures_are_listed_and_deleted_one_by_one() {
    let mut app = pictured().await;
    let made = app.post(IMAGES, json!({"files": [inline(PNG), inline(PNG)]})).await;
    assert_eq!(made.status, 200, "{made:?}");
    let (first, second) = (made.data()[0].clone(), made.data()[1].clone());
    let listed = app.get(IMAGES).await;
    assert_eq!((&listed.data()["total"], &listed.data()["totalIsEstimate"]), (&json!(2), &json!(false)));
    assert_eq!(listed.data()["value"][0]["contentType"], "image/png");
    let before = app.get("/v2/products/A1").await.header("etag").to_owned();

    // What belongs to a customer is not for everybody, whatever its address is called.
    let customer = json!({"customerCode": "C1", "customerName": "C1", "customerState": 3, "customerStatus": 0});
    assert_eq!(app.post("/v3/customers", customer).await.status, 200);
    let private = app.post("/v1/customer/attach-files", json!({"customerCode": "C1", "files": [inline(PNG)]})).await;
    let private = format!("/images/{}", private.data()[0]["fileId"].as_str().unwrap());
    assert_eq!(open(&app, &json!(private)).await.status, 404);
    for unknown in ["/images/507-x", "/images/508-x", "/images/x"] {
        assert_eq!(open(&app, &json!(unknown)).await.status, 404, "{unknown}");
    }

    let path = format!("{IMAGES}/{}", first["fileId"].as_str().unwrap());
    assert_eq!(app.request(Method::DELETE, &path, &[], None).await.status, 200);
    assert_eq!(app.request(Method::DELETE, &path, &[], None).await.status, 404);
    assert_eq!(shown(&app).await, [json!("https://example.com/cup.jpg"), second["fileUrl"].clone()]);
    assert_eq!((open(&app, &first["fileUrl"]).await.status, open(&app, &second["fileUrl"]).await.status), (404, 200));
    assert_ne!(app.get("/v2/products/A1").await.header("etag"), before, "it is another version");
    app.run_jobs().await;
    assert_eq!(kept(&app), 2, "the customer's and the other picture");
    // What the product's own request leaves out is shown no more, and still there.
    app.token = app.token_for(&app.client).await;
    put_well(&app, json!([{"productCode": "A1", "productImage": []}])).await;
    assert!(shown(&app).await.is_empty());
    assert_eq!(app.get(IMAGES).await.data()["total"], 1);
    // One of another product is not reached through this one.
    put_well(&app, json!([plain("B1", "Plate")])).await;
    let other = format!("/v1/products/B1/images/{}", second["fileId"].as_str().unwrap());
    assert_eq!(app.request(Method::DELETE, &other, &[], None).await.status, 404);
}

#[tokio::test]
async fn what_is_no_picture_of_a_product_is_refused_and_not_kept() {
    let mut app = pictured().await;
    let wrong = send(&app, &[("files", Some("a.png"), "image/png", PDF), ("files", Some("b.png"), "", PNG)]).await;
    assert_eq!((wrong.status, wrong.errors()), (400, vec![("invalid_format", "files[0]")]), "{wrong:?}");
    let body = json!({"files": ["https://example.com/b.png", inline(PDF), inline(PNG)]});
    let wrong = app.post(IMAGES, body).await;
    assert_eq!(wrong.errors(), [("invalid_value", "files[0]"), ("invalid_format", "files[1]")], "{wrong:?}");
    assert_eq!(app.post(IMAGES, json!({})).await.errors(), [("required", "files")]);
    assert_eq!(app.post("/v1/products/none/images", json!({"files": [inline(PNG)]})).await.status, 404);
    assert_eq!(app.request(Method::DELETE, "/v3/products/A1", &[], None).await.status, 200);
    assert_eq!(app.post(IMAGES, json!({"files": [inline(PNG)]})).await.status, 404);
    assert_eq!(app.get(IMAGES).await.status, 404);
    app.run_jobs().await;
    assert_eq!(kept(&app), 0);
    app.token = app.token_for(&app.client).await;
    assert_eq!(app.request(Method::POST, "/v3/products/A1/restore", &[], Some(json!({}))).await.status, 200);
    assert_eq!(shown(&app).await.len(), 1);
    let unnamed = Request::post(IMAGES).header("authorization", format!("Bearer {}", app.token)).body(Body::empty());
    assert_eq!(app.call(unnamed.unwrap()).await.status, 400);
}
