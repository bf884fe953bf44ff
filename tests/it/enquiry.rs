//! Conversation enquiry: which rooms there are, and what each shows of itself.

use std::time::Duration;

use axum::http::Method;
use channel::Platform;
use sala::chat::room;
use sala::setting::company;
use serde_json::{Value, json};

use crate::app::{COMPANY, TestApp, text_message};

const ENQUIRY: &str = "/v1/conversation/enquiry";

async fn enquire(app: &TestApp, filter: Value) -> Vec<Value> {
    let found = app.post(ENQUIRY, filter).await;
    assert_eq!(found.data().as_object().unwrap().len(), 1, "{found:?}");
    found.data()["value"].as_array().unwrap().clone()
}

/// The names of the rooms that a filter finds.
async fn names(app: &TestApp, filter: Value) -> Vec<String> {
    let found = enquire(app, filter).await;
    let mut names: Vec<String> = found.iter().map(|room| room["customerName"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn named(app: &TestApp, account: &str, name: &str) -> String {
    let external = format!("U-{name}");
    let made = room::create(&app.app.db, COMPANY, account, &external, None, name, app.app.now()).await;
    made.unwrap().id.to_string()
}

async fn say(app: &TestApp, account: &str, customer: &str, said: Value) {
    assert_eq!(app.post(&format!("/channels/sandbox/{account}/{customer}"), said).await.status, 201);
}

#[tokio::test]
async fn a_room_shows_its_last_message_and_who_waits() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    let room = app.room(&account, "U1").await;
    let fresh = enquire(&app, json!({})).await;
    let mut expected = json!({
        "roomId": room,
        "platform": "line",
        "accountId": account,
        "customerId": fresh[0]["customerId"],
        "customerName": "Somchai",
        "avatar": "",
        "lastMessage": null,
        "lastMessageType": null,
        "lastMessageTime": null,
        "lastReplyTime": null,
        "unreadCount": 0,
        "unanswered": false,
    });
    assert_eq!(fresh, [expected.clone()]);

    say(&app, &account, "U1", json!({"content": "Hello?", "timestamp": 1_738_139_921_000_i64})).await;
    say(&app, &account, "U1", json!({"content": "446:1988", "type": "sticker", "timestamp": 1_738_139_923_999_i64}))
        .await;
    // What arrives late was not said last.
    say(&app, &account, "U1", json!({"content": "Am I here?", "timestamp": 1_738_139_920_000_i64})).await;
    expected["lastMessage"] = json!("446:1988");
    expected["lastMessageType"] = json!("sticker");
    expected["lastMessageTime"] = json!("2025-01-29T15:38:43+0700");
    expected["unreadCount"] = json!(3);
    expected["unanswered"] = json!(true);
    assert_eq!(enquire(&app, json!({})).await, [expected.clone()]);

    assert_eq!(app.send(&room, &"ก".repeat(300)).await.status, 201);
    let zone = jiff::tz::TimeZone::get("Asia/Bangkok").unwrap();
    let now = sala::time::text(app.app.now(), &zone);
    expected["lastMessage"] = json!("ก".repeat(200));
    expected["lastMessageType"] = json!("message");
    expected["lastMessageTime"] = json!(now);
    expected["lastReplyTime"] = json!(now);
    expected["unreadCount"] = json!(0);
    expected["unanswered"] = json!(false);
    assert_eq!(enquire(&app, json!({})).await, [expected]);
}

#[tokio::test]
async fn times_are_those_of_the_company() {
    let app = TestApp::new().await;
    company::create(&app.app.db, Some(600), "New York", "America/New_York", app.app.now()).await.unwrap();
    let tenant = app.tenant(600, &["chat:read", "chat:write"]).await;
    app.room_of(600, Platform::Line, "U1").await;
    let account = enquire_as(&app, &tenant.token).await[0]["accountId"].as_str().unwrap().to_owned();
    say(&app, &account, "U1", json!({"content": "Hi", "timestamp": 1_738_139_923_000_i64})).await;
    let found = enquire_as(&app, &tenant.token).await;
    assert_eq!(found[0]["lastMessageTime"], "2025-01-29T03:38:43-0500");
}

async fn enquire_as(app: &TestApp, token: &str) -> Vec<Value> {
    let found = app.request_as(token, Method::POST, ENQUIRY, Some(json!({}))).await;
    found.data()["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn rooms_come_with_the_newest_message_first_and_only_ones_own() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    let stranger = app.tenant(508, &["chat:read"]).await;
    app.room_of(508, Platform::Line, "U1").await;
    let mut rooms = Vec::new();
    for name in ["a", "b", "c"] {
        app.advance(Duration::from_secs(1));
        rooms.push(named(&app, &account, name).await);
    }
    let order = async || {
        let found = enquire(&app, json!({})).await;
        found.iter().map(|room| room["roomId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(order().await, [rooms[2].clone(), rooms[1].clone(), rooms[0].clone()]);
    app.advance(Duration::from_secs(1));
    app.send(&rooms[0], "Hi").await;
    assert_eq!(order().await, [rooms[0].clone(), rooms[2].clone(), rooms[1].clone()]);
    assert_eq!(enquire_as(&app, &stranger.token).await.len(), 1);
}

#[tokio::test]
async fn a_keyword_is_part_of_a_name_in_any_script_and_letter_case() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    let all = [
        "Somchai Jaidee",
        "สมชาย ใจดี",
        "Nguyễn Thị Ánh",
        "100% Wool",
        "a_b Trading",
        "aXb Trading",
        "Wow! Shop",
        "O'Neil \\ Sons",
        "李",
        "😀 Party",
    ];
    for name in all {
        named(&app, &account, name).await;
    }
    for (keyword, found) in [
        ("somchai", vec!["Somchai Jaidee"]),
        ("CHAI J", vec!["Somchai Jaidee"]),
        ("  jai ", vec!["Somchai Jaidee"]),
        ("jx", vec![]),
        ("สมชาย", vec!["สมชาย ใจดี"]),
        ("ชาย ใจ", vec!["สมชาย ใจดี"]),
        ("ดี", vec!["สมชาย ใจดี"]),
        ("ใ", vec!["สมชาย ใจดี"]),
        ("NGUYỄN", vec!["Nguyễn Thị Ánh"]),
        ("nguyễn thị á", vec!["Nguyễn Thị Ánh"]),
        ("ÁNH", vec!["Nguyễn Thị Ánh"]),
        ("h", vec!["Nguyễn Thị Ánh", "Somchai Jaidee", "Wow! Shop"]),
        ("%", vec!["100% Wool"]),
        ("0%", vec!["100% Wool"]),
        ("1%l", vec![]),
        ("a_b", vec!["a_b Trading"]),
        ("_", vec!["a_b Trading"]),
        ("!", vec!["Wow! Shop"]),
        ("'", vec!["O'Neil \\ Sons"]),
        ("\\", vec!["O'Neil \\ Sons"]),
        ("李", vec!["李"]),
        ("😀", vec!["😀 Party"]),
        ("trading", vec!["aXb Trading", "a_b Trading"]),
        ("trading company", vec![]),
        ("*", vec![]),
    ] {
        assert_eq!(names(&app, json!({"keyword": keyword})).await, found, "{keyword:?}");
    }
    for none in [json!(null), json!(""), json!("   ")] {
        assert_eq!(names(&app, json!({"keyword": none, "pageLength": 50})).await.len(), all.len());
    }
    let refused = app.post(ENQUIRY, json!({"keyword": "x".repeat(100_000)})).await;
    assert_eq!((refused.status, refused.errors()), (400, vec![("too_long", "keyword")]));
}

#[tokio::test]
async fn a_keyword_is_found_however_its_letters_are_spelled() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    // Composed and decomposed, in full and in half width; the Thai vowel am as one letter and as two.
    for name in ["Đặng Thị Huyền", "Trần Văn Dũng", "ＡＣＭＥ　１２３", "Cafe 99", "ร้านทำผม"]
    {
        named(&app, &account, name).await;
    }
    for (keyword, found) in [
        ("huye\u{302}\u{300}n", "Đặng Thị Huyền"),
        ("ĐA\u{323}\u{306}NG", "Đặng Thị Huyền"),
        ("dũng", "Trần Văn Dũng"),
        ("du\u{303}ng", "Trần Văn Dũng"),
        ("acme 12", "ＡＣＭＥ　１２３"),
        ("ｃｍｅ", "ＡＣＭＥ　１２３"),
        ("ｃａｆｅ　９", "Cafe 99"),
        ("\u{3000}cafe\u{3000}", "Cafe 99"),
        ("ทำ", "ร้านทำผม"),
        ("ท\u{e4d}\u{e32}ผ", "ร้านทำผม"),
    ] {
        assert_eq!(names(&app, json!({"keyword": keyword})).await, [found], "{keyword:?}");
    }
}

#[tokio::test]
async fn a_name_that_folding_makes_longer_is_found_to_its_end() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    // 190 characters, of which every other becomes two, and hardly a piece comes twice.
    let name: String = ('\u{4e00}'..).take(95).flat_map(|letter| [letter, 'ำ']).collect();
    named(&app, &account, &name).await;
    for end in ["\u{4e00}ำ\u{4e01}", "\u{4e32}ำ\u{4e33}", "\u{4e5d}ำ\u{4e5e}", name.as_str()] {
        assert_eq!(names(&app, json!({"keyword": end})).await, [name.as_str()], "{end}");
    }
}

#[tokio::test]
async fn a_renamed_customer_is_found_by_the_new_name() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    say(&app, &account, "U1", json!({"content": "Hi", "name": "Before"})).await;
    say(&app, &account, "U1", json!({"content": "Hi", "name": "After"})).await;
    assert_eq!(names(&app, json!({"keyword": "after"})).await, ["After"]);
    assert_eq!(names(&app, json!({"keyword": "before"})).await, [""; 0]);
}

#[tokio::test]
async fn rooms_are_filtered_by_platform_and_by_who_waits() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    let line = named(&app, &account, "On Line").await;
    let messenger = app.room_of(COMPANY, Platform::Messenger, "M1").await;
    say(&app, &account, "U-waiting", json!({"content": "Anyone?", "name": "Waiting"})).await;
    let mut message = text_message(&messenger, "Hi");
    message["platform"] = json!("messenger");
    assert_eq!(app.post("/v1/chat/message", message).await.status, 201);
    for (filter, found) in [
        (json!({"platform": "line"}), vec!["On Line", "Waiting"]),
        (json!({"platform": 1}), vec!["On Line", "Waiting"]),
        (json!({"Platform": "LINE"}), vec!["On Line", "Waiting"]),
        (json!({"platform": "messenger"}), vec!["Somchai"]),
        (json!({"platform": "2"}), vec!["Somchai"]),
        (json!({"platform": "whatsapp"}), vec![]),
        (json!({"unanswered": true}), vec!["Waiting"]),
        (json!({"unanswered": "true"}), vec!["Waiting"]),
        (json!({"unanswered": 0}), vec!["On Line", "Somchai"]),
        (json!({"unanswered": null, "platform": ""}), vec!["On Line", "Somchai", "Waiting"]),
        (json!({"unanswered": true, "platform": "messenger"}), vec![]),
        (json!({"unanswered": false, "platform": "line", "keyword": "on"}), vec!["On Line"]),
    ] {
        assert_eq!(names(&app, filter.clone()).await, found, "{filter}");
    }
    let mut waiting = enquire(&app, json!({"unanswered": true})).await;
    app.send(waiting.remove(0)["roomId"].as_str().unwrap(), "Here").await;
    assert_eq!(enquire(&app, json!({"unanswered": true})).await, [json!(null); 0]);
    assert_eq!(app.send(&line, "Hi").await.status, 201);
}

#[tokio::test]
async fn pages_give_each_room_once() {
    let app = TestApp::new().await;
    let account = app.sandbox().await;
    for number in 0..45 {
        // Several rooms of one moment: their order is still one order.
        if number % 4 == 0 {
            app.advance(Duration::from_millis(1));
        }
        named(&app, &account, &format!("Customer {number}")).await;
    }
    let all = enquire(&app, json!({"pageLength": 200})).await;
    assert_eq!(all.len(), 45);
    for length in [1, 2, 7, 20, 44, 45, 46] {
        let mut found = Vec::new();
        while found.len() < all.len() {
            let page = enquire(&app, json!({"skip": found.len(), "pageLength": length})).await;
            assert_eq!(page.len(), length.min(all.len() - found.len()));
            found.extend(page);
        }
        assert_eq!(found, all, "pageLength {length}");
    }
    assert_eq!(enquire(&app, json!({})).await, all[..20]);
    assert_eq!(enquire(&app, json!({"take": "3", "Skip": "1"})).await, all[1..4]);
    assert_eq!(enquire(&app, json!({"pageLength": 1000})).await.len(), 45);
    assert_eq!(enquire(&app, json!({"skip": i64::MAX})).await, [json!(null); 0]);
    for (filter, fault) in [
        (json!({"skip": -1}), ("invalid_value", "skip")),
        (json!({"pageLength": 0}), ("invalid_value", "pageLength")),
        (json!({"take": -5}), ("invalid_value", "take")),
        (json!({"skip": "some"}), ("invalid_type", "skip")),
        (json!({"platform": "fax"}), ("unknown_platform", "platform")),
        (json!({"unanswered": "perhaps"}), ("invalid_type", "unanswered")),
    ] {
        let refused = app.post(ENQUIRY, filter.clone()).await;
        assert_eq!((refused.status, refused.errors()), (400, vec![fault]), "{filter}");
    }
    let refused = app.post(ENQUIRY, json!({"skip": -1, "pageLength": 0, "platform": "fax"})).await;
    assert_eq!((refused.errors().len(), refused.body["status"]["code"].as_str()), (3, Some("4002")));
}
