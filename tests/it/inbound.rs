//! What customers do on LINE: checked, stored once, in its room, before anything is fetched.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use sala::http::Server;
use serde_json::{Value, json};
use simulator::line::{Callback, Config, Route, sign, user_id};

use crate::app::{Answer, answer};
use crate::fake::Fake;

/// A callback of LINE's, posted to one node.
async fn post(server: &Server, fake: &Fake, body: &str, signature: Option<&str>) -> Answer {
    let mut request = Request::post(format!("/channels/line/{}", fake.account));
    if let Some(signature) = signature {
        request = request.header("x-line-signature", signature);
    }
    answer(server, request.body(Body::from(body.to_owned())).unwrap()).await
}

fn signature(body: &str) -> String {
    sign(&Config::default().channel_secret, body.as_bytes())
}

/// A callback with these events as LINE writes it.
fn body(events: &[Value]) -> String {
    json!({"destination": "U00000000000000000000000000000000", "events": events}).to_string()
}

/// A text of a customer, as LINE writes it.
fn text(fake: &Fake, event: &str, id: &str, words: &str) -> Value {
    json!({
        "type": "message",
        "webhookEventId": event,
        "timestamp": fake.app.app.now(),
        "mode": "active",
        "deliveryContext": {"isRedelivery": false},
        "source": {"type": "user", "userId": user_id("ann")},
        "message": {"type": "text", "id": id, "text": words, "quoteToken": "q"},
    })
}

async fn contents(fake: &Fake, room: &str) -> Vec<(String, String)> {
    let history = fake.history(room).await;
    let field = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
    history.iter().map(|message| (field(message, "type"), field(message, "content"))).collect()
}

#[tokio::test]
async fn only_what_line_has_signed_is_taken() {
    let fake = Fake::new().await;
    let server = Server::new(fake.app.app.clone());
    let body = body(&[text(&fake, "event-1", "1", "Hello")]);
    let wrong = sign("another secret", body.as_bytes());
    for refused in [None, Some(wrong.as_str()), Some("not base64"), Some("")] {
        let answered = post(&server, &fake, &body, refused).await;
        assert_eq!(answered.status, 401, "{refused:?}");
        assert_eq!(answered.body["data"], Value::Null);
    }
    let changed = body.replace("Hello", "Hellp");
    assert_eq!(post(&server, &fake, &changed, Some(&signature(&body))).await.status, 401);
    assert!(fake.rooms().await.is_empty(), "nothing was stored");
    assert_eq!(post(&server, &fake, &body, Some(&signature(&body))).await.status, 200);
    assert_eq!(fake.rooms().await.len(), 1);
}

#[tokio::test]
async fn an_account_that_is_not_there_is_not_found() {
    let fake = Fake::new().await;
    let sandbox = fake.app.sandbox().await;
    let body = body(&[]);
    for account in ["507-nothing", "508-nothing", "nothing", sandbox.as_str()] {
        let request = Request::post(format!("/channels/line/{account}")).header("x-line-signature", signature(&body));
        let answered = fake.app.call(request.body(Body::from(body.clone())).unwrap()).await;
        // A sandbox has no secret, so nothing can be signed for it.
        assert_eq!(answered.status, if account == sandbox { 401 } else { 404 }, "{account}");
    }
}

#[tokio::test]
async fn the_verify_button_of_lines_console_is_answered() {
    let fake = Fake::new().await;
    let report = fake.callback(Callback::to(fake.webhook())).await;
    assert_eq!(report.status(), Some(200));
    assert!(fake.rooms().await.is_empty());
}

#[tokio::test]
async fn a_signed_body_that_is_no_callback_is_a_400() {
    let fake = Fake::new().await;
    let server = Server::new(fake.app.app.clone());
    for body in ["", "[]", "{\"events\": 1}", "{\"events\": [", "null"] {
        let answered = post(&server, &fake, body, Some(&signature(body))).await;
        assert_eq!(answered.status, 400, "{body}");
        assert_eq!(answered.errors()[0].0, "invalid_body");
    }
}

#[tokio::test]
async fn a_first_contact_makes_room_and_contact_and_nothing_is_fetched_before_the_answer() {
    let fake = Fake::new().await;
    fake.line.set_profile(&user_id("ann"), "Ann");
    fake.event(json!({"type": "image", "userId": user_id("ann")})).await;
    assert!(fake.line.requests().is_empty(), "LINE waits for nothing");
    let rooms = fake.rooms().await;
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0]["accountId"], fake.account);
    assert_eq!(rooms[0]["customerName"], "", "not known yet");
    assert_eq!(rooms[0]["lastMessageType"], "image");
    assert_eq!((&rooms[0]["unreadCount"], &rooms[0]["unanswered"]), (&json!(1), &json!(true)));
    fake.run().await;
    let paths: Vec<String> = fake.line.requests().into_iter().map(|request| request.path).collect();
    assert!(paths.iter().any(|path| path.starts_with("/v2/bot/profile/")), "{paths:?}");
    assert!(paths.iter().any(|path| path.ends_with("/content")), "{paths:?}");
}

#[tokio::test]
async fn a_profile_is_fetched_in_the_background_and_kept_for_a_day() {
    let mut fake = Fake::new().await;
    fake.say("ann", "Hello").await;
    let http = reqwest::Client::new();
    let profile = format!("{}/_control/profiles/{}", fake.line.url(), user_id("ann"));
    let body = json!({"displayName": "แอน", "pictureUrl": "https://example.com/ann.jpg", "language": "th"});
    http.put(profile).body(body.to_string()).send().await.unwrap().error_for_status().unwrap();
    fake.run().await;
    let rooms = fake.rooms().await;
    assert_eq!(rooms[0]["customerName"], "แอน");
    assert_eq!(rooms[0]["avatar"], "https://example.com/ann.jpg");
    let room = rooms[0]["roomId"].as_str().unwrap();
    let user = fake.history(room).await[0]["user"].clone();
    assert_eq!((&user["originalName"], &user["type"]), (&json!("แอน"), &json!("customer")));
    let found = fake.app.post("/v1/conversation/enquiry", json!({"keyword": "แอน"})).await;
    assert_eq!(found.data()["value"].as_array().unwrap().len(), 1, "the room is found by its new name");
    fake.say("ann", "Again").await;
    fake.run().await;
    assert_eq!(fake.calls("/v2/bot/profile/").len(), 1, "kept");
    fake.later(Duration::from_secs(25 * 60 * 60)).await;
    fake.say("ann", "A day later").await;
    fake.run().await;
    assert_eq!(fake.calls("/v2/bot/profile/").len(), 2);
}

#[tokio::test]
async fn a_profile_that_line_does_not_give_is_asked_for_again_only_after_a_failure() {
    let mut fake = Fake::new().await;
    fake.fault(simulator::line::FaultKind::Error { status: 500, accepted: false }, "/v2/bot/profile/", 1);
    fake.say("ann", "Hello").await;
    fake.run().await;
    fake.later(Duration::from_secs(2)).await;
    assert_eq!(fake.calls("/v2/bot/profile/").len(), 2);
    assert_ne!(fake.rooms().await[0]["customerName"], "");
    // Those who blocked the account are unknown to it: that is an answer, not a failure.
    fake.event(json!({"type": "unfollow", "userId": user_id("bob")})).await;
    fake.run().await;
    fake.later(Duration::from_secs(60)).await;
    let asked = fake.calls(&format!("/v2/bot/profile/{}", user_id("bob"))).len();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn every_kind_of_message_is_stored_as_what_it_is() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let user = user_id("ann");
    let events = [
        json!({"type": "message", "userId": user, "text": "Hello"}),
        json!({"type": "sticker", "userId": user, "packageId": "446", "stickerId": "1989", "keywords": ["hi"]}),
        json!({"type": "location", "userId": user, "title": "Shop", "address": "Silom", "latitude": 13.5, "longitude": 100.5}),
        json!({"type": "postback", "userId": user, "data": "buy=7"}),
        json!({"type": "image", "userId": user}),
        json!({"type": "video", "userId": user}),
        json!({"type": "audio", "userId": user}),
        json!({"type": "file", "userId": user, "fileName": "a.pdf"}),
    ];
    for (index, event) in events.into_iter().enumerate() {
        let mut event = event;
        event["timestamp"] = json!(fake.app.app.now() + i64::try_from(index).unwrap());
        fake.event(event).await;
    }
    let stored = contents(&fake, &room).await;
    let kinds: Vec<&str> = stored.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["message", "sticker", "location", "postback", "image", "video", "audio", "file"]);
    assert_eq!(stored[0].1, "Hello");
    assert_eq!(stored[1].1, "446:1989");
    let place: Value = serde_json::from_str(&stored[2].1).unwrap();
    assert_eq!((&place["title"], &place["latitude"]), (&json!("Shop"), &json!(13.5)));
    assert_eq!(stored[3].1, "buy=7");
    for (kind, content) in &stored[4..] {
        assert!(content.contains("/media/507-"), "{kind}: {content}");
    }
    let first: Vec<Value> =
        fake.history(&room).await.iter().map(|message| message["isFirstCustomerMessage"].clone()).collect();
    assert_eq!(first[0], json!(true));
    assert!(first[1..].iter().all(|first| *first == json!(false)));
}

#[tokio::test]
async fn what_is_not_known_is_shown_as_unsupported_and_spoils_no_neighbour() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let server = Server::new(fake.app.app.clone());
    let at = fake.app.app.now();
    let source = json!({"type": "user", "userId": user_id("ann")});
    let events = [
        text(&fake, "1", "11", "before"),
        json!({"type": "message", "webhookEventId": "2", "timestamp": at + 1, "source": source, "message": {"type": "poll", "id": "12"}}),
        json!({"type": "telepathy", "webhookEventId": "3", "timestamp": at + 2, "source": source}),
        json!({"type": "message", "webhookEventId": "4", "timestamp": at + 3, "source": source}),
        json!({"type": "message", "webhookEventId": "5", "source": 7, "message": []}),
        json!("nonsense"),
        json!({}),
        json!({"type": "beacon", "webhookEventId": "6", "source": source, "beacon": {"hwid": "1", "type": "enter"}}),
        json!({"type": "memberJoined", "webhookEventId": "7", "source": source, "joined": {"members": []}}),
        json!({"type": "message", "webhookEventId": "8", "timestamp": at + 9, "source": source, "message": {"type": "text", "id": "18", "text": "after\u{0}"}}),
    ];
    let body = body(&events);
    assert_eq!(post(&server, &fake, &body, Some(&signature(&body))).await.status, 200);
    let stored = contents(&fake, &room).await;
    let expected = [("message", "before"), ("unsupported", "poll"), ("unsupported", "message"), ("message", "after")];
    let expected: Vec<(String, String)> =
        expected.iter().map(|(kind, content)| ((*kind).to_owned(), (*content).to_owned())).collect();
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn an_event_that_comes_again_is_stored_once() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.callback(Callback::to(fake.webhook()).text(&user_id("ann"), "Once").redeliver(3)).await;
    assert_eq!(contents(&fake, &room).await.len(), 1);
    assert_eq!(fake.rooms().await[0]["unreadCount"], 1);
}

#[tokio::test]
async fn an_event_that_two_nodes_get_at_once_is_stored_once() {
    let fake = Fake::new().await;
    let (_app, second) = fake.app.second_node().await;
    let first = Server::new(fake.app.app.clone());
    for round in 0..10 {
        let body = body(&[
            text(&fake, &format!("{round}-a"), &format!("{round}1"), "Once"),
            text(&fake, &format!("{round}-b"), &format!("{round}2"), "Twice"),
        ]);
        let signed = signature(&body);
        let (one, two, three, four) = tokio::join!(
            post(&first, &fake, &body, Some(&signed)),
            post(&second, &fake, &body, Some(&signed)),
            post(&first, &fake, &body, Some(&signed)),
            post(&second, &fake, &body, Some(&signed)),
        );
        assert_eq!([one.status, two.status, three.status, four.status], [200; 4]);
    }
    let rooms = fake.rooms().await;
    assert_eq!(rooms.len(), 1, "one room, though several made it at once");
    let history = fake.history(rooms[0]["roomId"].as_str().unwrap()).await;
    assert_eq!(history.len(), 20);
    let mut numbers: Vec<i64> =
        history.iter().map(|message| message["vwId"].as_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<i64>>());
    let firsts = history.iter().filter(|message| message["isFirstCustomerMessage"] == true).count();
    assert_eq!(firsts, 1);
}

#[tokio::test]
async fn a_room_is_in_the_order_in_which_things_were_said_and_both_times_are_kept() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let now = fake.app.app.now();
    let mut callback = Callback::to(fake.webhook());
    for (place, words) in ["first", "second", "third"].into_iter().enumerate() {
        let at = now - 3000 + 1000 * i64::try_from(place).unwrap();
        callback = callback.event(json!({"type": "message", "userId": user_id("ann"), "text": words, "timestamp": at}));
    }
    callback.split = true;
    callback.reorder = true;
    fake.callback(callback).await;
    let history = fake.history(&room).await;
    let words: Vec<&str> = history.iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(words, ["first", "second", "third"]);
    assert_eq!(history[0]["timestamp"], now - 3000);
    let listed = fake.rooms().await;
    assert_eq!(listed[0]["lastMessage"], "third", "what was said last, not what came last");
    let times: Vec<(i64, i64)> = {
        let mut conn = fake.app.app.db.read().await.unwrap();
        conn.sql("select sent_at, stored_at from message order by sent_at").all().await.unwrap()
    };
    assert_eq!(times, [(now - 3000, now), (now - 2000, now), (now - 1000, now)]);
}

#[tokio::test]
async fn a_group_is_one_room_whose_messages_have_their_own_writers() {
    let fake = Fake::new().await;
    let group = user_id("family").replacen('U', "C", 1);
    for (name, words) in [("ann", "Who is there?"), ("bob", "Me")] {
        fake.line.set_profile(&user_id(name), name);
        fake.event(json!({"type": "message", "userId": user_id(name), "groupId": group, "text": words})).await;
    }
    fake.run().await;
    let rooms = fake.rooms().await;
    assert_eq!(rooms.len(), 1);
    let room = rooms[0]["roomId"].as_str().unwrap();
    let writers: Vec<String> = fake
        .history(room)
        .await
        .iter()
        .map(|message| message["user"]["originalName"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(writers, ["ann", "bob"]);
    fake.send(room, "All of you").await;
    fake.run().await;
    assert_eq!(fake.line.sent()[0].to, group);
}

#[tokio::test]
async fn joining_a_group_opens_its_room() {
    let fake = Fake::new().await;
    let group = user_id("family").replacen('U', "C", 1);
    fake.event(json!({"type": "join", "groupId": group})).await;
    fake.event(json!({"type": "leave", "groupId": group})).await;
    assert_eq!(fake.rooms().await.len(), 1);
}

#[tokio::test]
async fn following_opens_a_room_and_its_token_answers_for_free() {
    let fake = Fake::new().await;
    fake.event(json!({"type": "follow", "userId": user_id("ann")})).await;
    let rooms = fake.rooms().await;
    assert_eq!(rooms.len(), 1);
    assert_eq!((&rooms[0]["unreadCount"], &rooms[0]["lastMessage"]), (&json!(0), &Value::Null));
    fake.send(rooms[0]["roomId"].as_str().unwrap(), "Welcome").await;
    fake.run().await;
    assert_eq!(fake.seen("ann")[0].route, Route::Reply);
    fake.event(json!({"type": "unfollow", "userId": user_id("ann")})).await;
    let follows: bool = {
        let mut conn = fake.app.app.db.read().await.unwrap();
        conn.sql("select follows from contact").one().await.unwrap()
    };
    assert!(!follows);
    assert_eq!(fake.rooms().await.len(), 1, "the room stays");
}

#[tokio::test]
async fn a_message_that_is_taken_back_is_hidden_wherever_it_was() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.say("ann", "Hello").await;
    let report = fake.say("ann", "my secret").await;
    let id = report.message_id(0).unwrap();
    assert_eq!(fake.rooms().await[0]["lastMessage"], "my secret");
    fake.event(json!({"type": "unsend", "userId": user_id("ann"), "messageId": id})).await;
    let stored = contents(&fake, &room).await;
    assert_eq!(stored[1], ("unsent".to_owned(), String::new()), "its trace stays, its words do not");
    assert_eq!(stored[0].1, "Hello", "no other message is touched");
    let listed = fake.rooms().await;
    assert_eq!((&listed[0]["lastMessage"], &listed[0]["lastMessageType"]), (&json!(""), &json!("unsent")));
    let kept: Vec<String> = {
        let mut conn = fake.app.app.db.read().await.unwrap();
        conn.sql("select content || coalesce(cast(body as text), '') from message").all().await.unwrap()
    };
    assert!(!kept.iter().any(|content| content.contains("secret")), "{kept:?}");
}

#[tokio::test]
async fn a_message_that_comes_after_it_was_taken_back_is_hidden_too() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.event(json!({"type": "unsend", "userId": user_id("ann"), "messageId": "4711"})).await;
    let late = json!({"type": "message", "userId": user_id("ann"), "text": "my secret", "messageId": "4711"});
    fake.event(late).await;
    assert_eq!(contents(&fake, &room).await, [("unsent".to_owned(), String::new())]);
    assert_eq!(fake.rooms().await[0]["lastMessage"], "");
}

#[tokio::test]
async fn the_token_of_a_redelivered_or_standby_event_is_not_used() {
    let fake = Fake::new().await;
    let server = Server::new(fake.app.app.clone());
    let room = fake.room("ann").await;
    let mut redelivered = text(&fake, "1", "11", "Hello");
    redelivered["replyToken"] = json!("old");
    redelivered["deliveryContext"]["isRedelivery"] = json!(true);
    let mut standby = text(&fake, "2", "12", "Hello?");
    standby["replyToken"] = json!("not ours");
    standby["mode"] = json!("standby");
    let mut late = text(&fake, "3", "13", "Hello??");
    late["replyToken"] = json!("late");
    late["timestamp"] = json!(fake.app.app.now() - 60_000);
    let body = body(&[redelivered, standby, late]);
    assert_eq!(post(&server, &fake, &body, Some(&signature(&body))).await.status, 200);
    assert_eq!(contents(&fake, &room).await.len(), 3);
    fake.send(&room, "Hi").await;
    fake.run().await;
    assert!(fake.calls("/v2/bot/message/reply").is_empty());
    assert_eq!(fake.seen("ann")[0].route, Route::Push);
}

/// Fields of a message that only some messages have.
fn details(history: &[Value], place: usize) -> &Value {
    &history[place]["details"]
}

#[tokio::test]
async fn nothing_that_was_chosen_or_written_is_lost() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let server = Server::new(fake.app.app.clone());
    let at = fake.app.app.now();
    let source = json!({"type": "user", "userId": user_id("ann")});
    let event = |number: i64, kind: &str, part: Value| {
        let mut event =
            json!({"type": kind, "webhookEventId": number.to_string(), "timestamp": at + number, "source": source});
        event[kind] = part;
        event
    };
    let mention = json!({"mentionees": [{"index": 0, "length": 4, "type": "all"}, {"index": 5, "length": 4, "type": "user", "userId": "U1"}]});
    let events = [
        event(1, "postback", json!({"data": "book", "params": {"datetime": "2025-12-31T23:59"}})),
        event(
            2,
            "message",
            json!({"id": "2", "type": "sticker", "packageId": "1", "stickerId": "2", "text": "ขอบคุณ", "keywords": ["thanks"]}),
        ),
        event(3, "message", json!({"id": "3", "type": "file", "fileName": "ใบเสนอราคา.pdf", "fileSize": 5})),
        event(
            4,
            "message",
            json!({"id": "4", "type": "text", "text": "@All @Bob hi", "mention": mention, "quotedMessageId": "3"}),
        ),
        event(5, "message", json!({"id": "5", "type": "text", "text": "plain", "quotedMessageId": "elsewhere"})),
        event(
            6,
            "message",
            json!({"id": "6", "type": "image", "contentProvider": {"type": "line"}, "imageSet": {"id": "S", "index": 1, "total": 2}}),
        ),
    ];
    let body = body(&events);
    assert_eq!(post(&server, &fake, &body, Some(&signature(&body))).await.status, 200);
    let history = fake.history(&room).await;
    assert_eq!(details(&history, 0), &json!({"params": {"datetime": "2025-12-31T23:59"}}));
    assert_eq!(details(&history, 1), &json!({"keywords": ["ขอบคุณ", "thanks"]}));
    assert_eq!(details(&history, 2), &json!({"fileName": "ใบเสนอราคา.pdf"}));
    let expected = json!({
        "mentions": [
            {"index": 0, "length": 4, "userId": null, "isAll": true},
            {"index": 5, "length": 4, "userId": "U1", "isAll": false},
        ],
        "quote": {"messageId": history[2]["id"], "providerId": "3"},
    });
    assert_eq!(details(&history, 3), &expected);
    assert_eq!(details(&history, 4), &json!({"quote": {"messageId": null, "providerId": "elsewhere"}}));
    assert_eq!(details(&history, 5), &json!({"imageSet": {"id": "S", "index": 1, "total": 2}}));
    // What goes out has its file's name, too.
    let file = json!({"companyId": 507, "roomId": room, "platform": "line", "type": "file",
        "content": json!({"url": "https://example.com/a.pdf", "name": "a.pdf"}).to_string()});
    let sent = fake.app.post("/v1/chat/message", file).await;
    assert_eq!(sent.data()["details"], json!({"fileName": "a.pdf"}), "{sent:?}");
    fake.run().await;
    let history = fake.history(&room).await;
    let stored = history.iter().find(|message| message["id"] == sent.data()["id"]).unwrap();
    assert_eq!(stored["details"], json!({"fileName": "a.pdf"}));
}

#[tokio::test]
async fn half_a_character_spoils_nothing_else() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let server = Server::new(fake.app.app.clone());
    let body = body(&[text(&fake, "1", "11", "half HALF and whole WHOLE \\ end")]);
    let body = body.replace("HALF", "\\ud83d").replace("WHOLE", "\\ud83d\\ude00");
    assert_eq!(post(&server, &fake, &body, Some(&signature(&body))).await.status, 200);
    assert_eq!(contents(&fake, &room).await[0].1, "half \u{fffd} and whole 😀 \\ end");
}

#[tokio::test]
async fn a_room_whose_only_message_was_taken_back_waits_for_nobody() {
    let fake = Fake::new().await;
    let room = fake.room("ann").await;
    let server = Server::new(fake.app.app.clone());
    let at = fake.app.app.now();
    let unsend = |number: &str, message: &str| {
        json!({"type": "unsend", "webhookEventId": number, "timestamp": at + 5,
            "source": {"type": "user", "userId": user_id("ann")}, "unsend": {"messageId": message}})
    };
    let state = async || {
        let rooms = fake.rooms().await;
        (rooms[0]["unreadCount"].clone(), rooms[0]["unanswered"].clone())
    };
    let send = async |events: &[Value]| {
        let body = body(events);
        assert_eq!(post(&server, &fake, &body, Some(&signature(&body))).await.status, 200);
    };
    send(&[text(&fake, "1", "11", "oops")]).await;
    assert_eq!(state().await, (json!(1), json!(true)));
    send(&[unsend("2", "11")]).await;
    assert_eq!(state().await, (json!(0), json!(false)));
    // Another one is still to be answered.
    send(&[text(&fake, "3", "13", "one"), text(&fake, "4", "14", "two"), unsend("5", "13")]).await;
    assert_eq!(state().await, (json!(1), json!(true)));
    // Taken back before it came.
    send(&[unsend("6", "14"), unsend("7", "18"), text(&fake, "8", "18", "late")]).await;
    assert_eq!(state().await, (json!(0), json!(false)));
    assert_eq!(contents(&fake, &room).await.len(), 4);
}

#[tokio::test]
async fn whoever_followed_last_follows() {
    let fake = Fake::new().await;
    fake.room("ann").await;
    let server = Server::new(fake.app.app.clone());
    let at = fake.app.app.now();
    let event = |number: &str, kind: &str, at: i64| json!({"type": kind, "webhookEventId": number, "timestamp": at, "source": {"type": "user", "userId": user_id("ann")}});
    // LINE delivers an older event again.
    for event in [event("1", "follow", at), event("2", "unfollow", at - 60_000)] {
        let body = body(&[event]);
        assert_eq!(post(&server, &fake, &body, Some(&signature(&body))).await.status, 200);
    }
    let mut conn = fake.app.app.db.read().await.unwrap();
    let follows: Vec<bool> = conn.sql("select follows from contact where follows is not null").all().await.unwrap();
    assert_eq!(follows, [true]);
}

#[tokio::test]
async fn the_first_webhook_of_a_customer_has_the_name_or_waits_no_longer_than_three_seconds() {
    let mut fake = Fake::with("yes", |config| config.allow_private_webhooks = true, |_| {}).await;
    let receiver = crate::receiver::Receiver::start().await;
    let (db, vault) = (&fake.app.app.db, &fake.app.app.vault);
    sala::webhook::subscription::create(db, vault, crate::app::COMPANY, &receiver.url, &[], fake.app.app.now())
        .await
        .unwrap();
    let names = || -> Vec<String> {
        let name = |body: &Value| body["Data"]["ChatMessage"]["User"]["DisplayName"].as_str().unwrap().to_owned();
        receiver.got().iter().map(|got| name(&serde_json::from_str(&got.body).unwrap())).collect()
    };
    fake.line.set_profile(&user_id("ann"), "Ann Example");
    fake.say("ann", "Hello").await;
    fake.run().await;
    assert_eq!(names(), ["Ann Example"]);
    // A group has a name, and so has somebody in it who is nobody's friend.
    let group = user_id("family").replacen('U', "C", 1);
    fake.line.set_group(&group, "Family", &user_id("cat"), "Cat Example");
    fake.event(json!({"type": "message", "userId": user_id("cat"), "groupId": group, "text": "Me"})).await;
    fake.run().await;
    assert_eq!(names(), ["Ann Example", "Cat Example"]);
    let rooms = fake.rooms().await;
    assert!(rooms.iter().any(|room| room["customerName"] == "Family"), "{rooms:?}");
    // LINE does not answer: the message is handed on all the same.
    fake.fault(simulator::line::FaultKind::Error { status: 500, accepted: false }, "/v2/bot/profile", 100);
    fake.say("dan", "Hello").await;
    fake.run().await;
    assert_eq!(names().len(), 2);
    fake.later(Duration::from_secs(3)).await;
    assert_eq!(names().len(), 3);
}
