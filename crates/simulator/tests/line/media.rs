//! Profiles, media, read marks and the loading animation.

use serde_json::{Value, json};
use simulator::line::{Callback, Fault, FaultKind};

use crate::support::{Fake, Receiver, ann, fake};

async fn message_id(fake: &Fake, form: Value) -> String {
    let receiver = Receiver::start(200).await;
    let report = fake.line.callback(Callback::to(&receiver.url).event(form)).await.unwrap();
    report.message_id(0).unwrap().to_owned()
}

fn content(id: &str) -> String {
    format!("/v2/bot/message/{id}/content")
}

#[tokio::test]
async fn a_sent_medium_can_be_fetched_as_it_was() {
    let fake = fake().await;
    let form = json!({ "type": "file", "userId": ann(), "fileName": "a.pdf", "content": "JVBERg==", "contentType": "application/pdf" });
    let id = message_id(&fake, form).await;
    let got = fake.get(&content(&id)).await;
    assert_eq!((got.status, got.header("content-type"), &got.bytes[..]), (200, Some("application/pdf"), &b"%PDF"[..]));
    assert_eq!(fake.get(&format!("{}/transcoding", content(&id))).await.status, 400);
    assert_eq!(fake.get(&format!("{}/preview", content(&id))).await.status, 400);
    let image = message_id(&fake, json!({ "type": "image", "userId": ann() })).await;
    let got = fake.get(&content(&image)).await;
    assert_eq!(got.header("content-type"), Some("image/png"));
    assert!(got.bytes.starts_with(b"\x89PNG"));
    assert_eq!(fake.get(&format!("{}/preview", content(&image))).await.status, 200);
    assert_eq!(fake.get(&content("1")).await.status, 404);
    let text = message_id(&fake, json!({ "type": "message", "userId": ann(), "text": "hi" })).await;
    assert_eq!(fake.get(&content(&text)).await.status, 404, "there is no way to fetch a text");
}

#[tokio::test]
async fn a_video_is_prepared_first() {
    let fake = fake().await;
    let id = message_id(&fake, json!({ "type": "video", "userId": ann() })).await;
    let transcoding = format!("{}/transcoding", content(&id));
    fake.line.fault(Fault::new(FaultKind::ContentProcessing).times(3));
    assert_eq!(fake.push("not about media").await.status, 200);
    assert_eq!(fake.get(&transcoding).await.json(), json!({ "status": "processing" }));
    assert_eq!(fake.get(&content(&id)).await.status, 202);
    assert_eq!(fake.get(&transcoding).await.json(), json!({ "status": "processing" }));
    assert_eq!(fake.get(&transcoding).await.json(), json!({ "status": "succeeded" }));
    assert_eq!(fake.get(&content(&id)).await.status, 200);
}

#[tokio::test]
async fn what_was_unsent_is_gone() {
    let fake = fake().await;
    let id = message_id(&fake, json!({ "type": "video", "userId": ann() })).await;
    let receiver = Receiver::start(200).await;
    let unsend = json!({ "type": "unsend", "userId": ann(), "messageId": id });
    fake.line.callback(Callback::to(&receiver.url).event(unsend)).await.unwrap();
    for end in ["", "/preview", "/transcoding"] {
        assert_eq!(fake.get(&format!("{}{end}", content(&id))).await.status, 410);
    }
}

#[tokio::test]
async fn media_given_by_order_have_a_state() {
    let fake = fake().await;
    for (status, content_status) in [("processing", 202), ("failed", 404), ("succeeded", 200)] {
        let path = format!("/_control/content/77?status={status}");
        let put = fake.raw("PUT", &path, &[("content-type", "audio/x-m4a")], "sound").await.unwrap();
        assert_eq!(put.status, 200);
        let transcoding = fake.get("/v2/bot/message/77/content/transcoding").await;
        assert_eq!(transcoding.json(), json!({ "status": status }));
        assert_eq!(fake.get(&content("77")).await.status, content_status);
    }
    assert_eq!(&fake.get(&content("77")).await.bytes[..], b"sound");
    assert_eq!(fake.raw("PUT", "/_control/content/77?status=lost", &[], "").await.unwrap().status, 400);
}

#[tokio::test]
async fn a_customer_is_known_after_the_first_event() {
    let fake = fake().await;
    let path = format!("/v2/bot/profile/{}", ann());
    assert_eq!(fake.get(&path).await.json(), json!({ "message": "Not found" }));
    message_id(&fake, json!({ "type": "message", "userId": ann(), "text": "hi" })).await;
    let met = fake.get(&path).await.json();
    assert_eq!(met["userId"], ann());
    assert!(met["displayName"].as_str().unwrap().starts_with("Customer "));
    fake.line.set_profile(&ann(), "Ann");
    assert_eq!(fake.get(&path).await.json()["displayName"], "Ann");
    let given = json!({ "displayName": "แอน", "pictureUrl": "https://example.com/ann.png", "language": "th" });
    assert_eq!(fake.put(&format!("/_control/profiles/{}", ann()), given).await.status, 200);
    let profile = fake.get(&path).await.json();
    assert_eq!((&profile["displayName"], &profile["language"]), (&json!("แอน"), &json!("th")));
    assert_eq!(fake.get("/v2/bot/info").await.json()["chatMode"], "chat");
}

#[tokio::test]
async fn a_message_is_marked_as_read_by_its_own_token() {
    let fake = fake().await;
    let receiver = Receiver::start(200).await;
    let report = fake.line.callback(Callback::to(&receiver.url).text(&ann(), "hi")).await.unwrap();
    let token = &report.events[0]["message"]["markAsReadToken"];
    let path = "/v2/bot/chat/markAsRead";
    assert_eq!(fake.post(path, json!({ "markAsReadToken": "other" })).await.status, 400);
    assert_eq!(fake.post(path, json!({})).await.json()["details"][0]["property"], "markAsReadToken");
    assert_eq!(fake.post(path, json!({ "markAsReadToken": token })).await.json(), json!({}));
    assert_eq!(fake.line.read(), [report.message_id(0).unwrap()]);
    assert_eq!(fake.get("/_control/read").await.json(), json!([report.message_id(0).unwrap()]));
}

#[tokio::test]
async fn a_loading_animation_runs_for_five_to_sixty_seconds() {
    let fake = fake().await;
    let path = "/v2/bot/chat/loading/start";
    assert_eq!(fake.post(path, json!({ "chatId": ann() })).await.status, 202);
    for (seconds, status) in [(5, 202), (60, 202), (0, 400), (7, 400), (65, 400)] {
        let got = fake.post(path, json!({ "chatId": ann(), "loadingSeconds": seconds })).await;
        assert_eq!(got.status, status, "{seconds} seconds");
    }
    let group = ann().replacen('U', "C", 1);
    assert_eq!(fake.post(path, json!({ "chatId": group })).await.status, 400, "one-to-one chats only");
}
