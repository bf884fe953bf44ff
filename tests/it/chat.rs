//! Sending a message and reading it back.

use serde_json::json;

use crate::app::{COMPANY, TestApp, text_message};

#[tokio::test]
async fn a_message_is_stored_answered_and_delivered() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    let sent = app.send(&room, "Hello, world").await;
    assert_eq!(sent.status, 201);
    let data = sent.data();
    assert_eq!(data.as_object().unwrap().len(), 11);
    assert_eq!(data["vwId"], "1");
    assert_eq!(data["deliveryStatus"], "pending");
    assert_eq!(data["user"]["companyId"], COMPANY.to_string());
    app.run_jobs().await;
    let message = app.message(data["id"].as_str().unwrap()).await;
    assert_eq!(message["deliveryStatus"], "delivered");
    assert_eq!(message["content"], "Hello, world");
}

#[tokio::test]
async fn forms_of_platform_and_company_that_webhooks_give_are_taken_back() {
    let app = TestApp::new().await;
    let room = app.sandbox_room().await;
    for platform in [json!("line"), json!("LINE"), json!(1), json!("1")] {
        let mut message = text_message(&room, "Hi");
        message["platform"] = platform;
        message["companyId"] = json!(COMPANY.to_string());
        let sent = app.post("/v1/chat/message", message).await;
        assert_eq!(sent.status, 201, "{sent:?}");
        assert_eq!(sent.data()["platform"], "line");
    }
}
