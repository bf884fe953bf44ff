//! What LINE's own SDKs call besides messages to one customer.

use serde_json::json;
use simulator::line::user_id;

use crate::support::{ann, fake, text};

#[tokio::test]
async fn a_broadcast_reaches_every_friend_and_who_is_none_is_not_found() {
    let fake = fake().await;
    let (bob, group) = (user_id("bob"), ann().replacen('U', "C", 1));
    fake.line.set_profile(&ann(), "Ann");
    let events = json!([{"type": "message", "userId": bob, "groupId": group, "text": "hi"}]);
    let callback = json!({"url": "http://127.0.0.1:9/", "events": events});
    assert_eq!(fake.post("/_control/callback", callback).await.status, 200);
    assert_eq!(fake.get(&format!("/v2/bot/profile/{bob}")).await.status, 404, "a member who is no friend");
    assert_eq!(fake.get(&format!("/v2/bot/group/{group}/member/{bob}")).await.status, 200);
    assert_eq!(fake.get(&format!("/v2/bot/group/{group}/members/ids")).await.json()["memberIds"], json!([bob]));
    assert_eq!(fake.get(&format!("/v2/bot/group/{group}/members/count")).await.json()["count"], 1);
    assert_eq!(fake.get("/v2/bot/followers/ids").await.json()["userIds"], json!([ann()]));
    for path in ["/v2/bot/message/broadcast", "/v2/bot/message/narrowcast"] {
        assert!(fake.post(path, json!({"messages": [text("hello")]})).await.status < 300, "{path}");
        assert_eq!(fake.post(path, json!({"messages": []})).await.status, 400, "{path}");
    }
    let sent = fake.line.sent();
    assert!(sent.len() == 2 && sent.iter().all(|one| one.to == ann()), "{sent:?}");
    assert_eq!(fake.post(&format!("/v2/bot/group/{group}/leave"), json!({})).await.status, 200);
    assert_eq!(fake.get(&format!("/v2/bot/group/{group}/members/ids")).await.status, 404);
}

#[tokio::test]
async fn rich_menus_are_kept_and_linked() {
    let fake = fake().await;
    let menu = json!({"name": "menu", "chatBarText": "Tap", "size": {"width": 2500, "height": 843}, "selected": true, "areas": []});
    let id = fake.post("/v2/bot/richmenu", menu).await.json()["richMenuId"].as_str().unwrap().to_owned();
    let path = format!("/v2/bot/user/{}/richmenu", ann());
    assert_eq!(fake.get(&path).await.status, 404);
    assert_eq!(fake.post(&format!("{path}/{id}"), json!({})).await.status, 200);
    assert_eq!(fake.get(&path).await.json()["richMenuId"], id);
    assert_eq!(fake.get("/v2/bot/richmenu/list").await.json()["richmenus"][0]["name"], "menu");
    assert_eq!(fake.post(&format!("{path}/richmenu-none"), json!({})).await.status, 404);
}

#[tokio::test]
async fn the_controls_describe_themselves() {
    let fake = fake().await;
    for path in ["/_control", "/_control/"] {
        let page = fake.get(path).await;
        let text = String::from_utf8_lossy(&page.bytes).into_owned();
        assert!(
            page.status == 200 && text.contains("/_control/callback") && text.contains("/_control/faults"),
            "{text}"
        );
    }
}
