//! Events on their way to subscribers: what they say, how they are signed, in which order, and what a bad receiver does.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sala::config::Config;
use sala::webhook::replay;
use sala::webhook::subscription::{self, NewWebhook};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::app::{COMPANY, TestApp};
use crate::fake::{Fake, listen};
use crate::receiver::{Answer, Got, Receiver};

/// A server with a sandbox, and a receiver that hears of everything.
struct Hooked {
    app: TestApp,
    account: String,
    receiver: Receiver,
    webhook: NewWebhook,
}

impl Hooked {
    async fn new() -> Hooked {
        Hooked::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Hooked {
        let app = TestApp::with(|config| {
            config.allow_private_webhooks = true;
            config.webhook_timeout = 1;
            change(config);
        })
        .await;
        let account = app.sandbox().await;
        let receiver = Receiver::start().await;
        let webhook = subscribe(&app, &receiver.url).await;
        Hooked { app, account, receiver, webhook }
    }

    /// A customer of the sandbox writes; answers the message.
    async fn say(&self, customer: &str, text: &str) -> Value {
        say(&self.app, &self.account, customer, text).await
    }

    async fn run(&self) {
        self.app.run_jobs().await;
    }

    async fn later(&self, by: Duration) {
        self.app.advance(by);
        self.run().await;
    }

    async fn listed(&self) -> subscription::Listed {
        let mut conn = self.app.app.db.read().await.unwrap();
        let listed = subscription::list(&mut conn, COMPANY).await.unwrap();
        listed.into_iter().find(|listed| listed.id == self.webhook.id).unwrap()
    }

    /// State and last error of every delivery, oldest first.
    async fn deliveries(&self) -> Vec<(String, Option<String>)> {
        let mut conn = self.app.app.db.read().await.unwrap();
        conn.sql("select state, last_error from webhook_delivery order by event").all().await.unwrap()
    }
}

async fn subscribe(app: &TestApp, url: &str) -> NewWebhook {
    subscription::create(&app.app.db, &app.app.vault, COMPANY, url, &[], app.app.now()).await.unwrap()
}

async fn say(app: &TestApp, account: &str, customer: &str, text: &str) -> Value {
    let request = Request::post(format!("/channels/sandbox/{account}/{customer}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({"content": text, "name": "Somchai"}).to_string()));
    let stored = app.call(request.unwrap()).await;
    assert_eq!(stored.status, 201, "{stored:?}");
    stored.data().clone()
}

/// The check that Standard Webhooks asks of a receiver, written from its text.
fn is_signed(secret: &str, got: &Got) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{}", got.header("webhook-id"), got.header("webhook-timestamp"), got.body).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    got.header("webhook-signature").split(' ').any(|signature| signature == expected)
}

#[tokio::test]
async fn a_customers_message_is_posted_as_the_reference_says_and_signed() {
    let hooked = Hooked::new().await;
    let message = hooked.say("U1", "Hello").await;
    hooked.run().await;
    let got = hooked.receiver.got();
    assert_eq!(got.len(), 1);
    let body: Value = serde_json::from_str(&got[0].body).unwrap();
    let expected = json!({
        "Topic": "Chat",
        "Event": "Message",
        "Data": {"ChatMessage": {
            "RoomId": message["roomId"],
            "Platform": 1,
            "Content": "Hello",
            "User": {
                "Id": message["user"]["id"],
                "CompanyId": "507",
                "Type": "customer",
                "OriginalName": "Somchai",
                "OriginalName_EN": "",
                "Avatar": "",
                "Role": "customer",
                "DisplayName": "Somchai",
            },
            "VwId": "1",
            "Id": message["id"],
            "Timestamp": message["timestamp"],
            "Type": "message",
            "DeliveryStatus": "delivered",
            "TraceId": message["traceId"],
            "IsFirstCustomerMessage": true,
        }},
    });
    assert_eq!(body, expected);
    assert_eq!(got[0].header("content-type"), "application/json");
    assert!(got[0].header("user-agent").starts_with("sala/"));
    assert_eq!(got[0].header("webhook-timestamp"), (hooked.app.app.now() / 1000).to_string());
    assert!(is_signed(&hooked.webhook.secret, &got[0]));
    assert!(!is_signed(&subscribe(&hooked.app, "https://example.com/").await.secret, &got[0]));
}

#[tokio::test]
async fn what_the_company_sends_raises_nothing() {
    let hooked = Hooked::new().await;
    let room = hooked.app.room(&hooked.account, "U1").await;
    assert_eq!(hooked.app.send(&room, "Hello").await.status, 201);
    hooked.run().await;
    assert!(hooked.receiver.got().is_empty());
    assert!(hooked.deliveries().await.is_empty());
}

#[tokio::test]
async fn what_a_customer_says_on_line_is_posted_once() {
    let fake = Fake::with("yes", |config| config.allow_private_webhooks = true, |_| {}).await;
    let receiver = Receiver::start().await;
    subscribe(&fake.app, &receiver.url).await;
    let user = simulator::line::user_id("ann");
    let callback = simulator::line::Callback::to(fake.webhook())
        .text(&user, "Hello")
        .event(json!({"type": "sticker", "userId": user}))
        .event(json!({"type": "follow", "userId": user}))
        .redeliver(2);
    fake.callback(callback).await;
    fake.run().await;
    let messages: Vec<Value> = receiver.got().iter().map(Got::message).collect();
    let kinds: Vec<&str> = messages.iter().map(|message| message["Type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message", "sticker"]);
    assert_eq!(messages[0]["Platform"], 1);
    assert_eq!(messages[1]["Content"], "446:1988");
}

#[tokio::test]
async fn the_record_can_be_read_when_its_event_arrives() {
    let hooked = Hooked::new().await;
    let base = listen(&hooked.app.app).await;
    hooked.receiver.read_back(&base, &hooked.app.token);
    hooked.say("U1", "Hello").await;
    hooked.run().await;
    let (status, body) = hooked.receiver.got()[0].read.clone().unwrap();
    assert_eq!(status, 200);
    assert_eq!(body["data"]["content"], "Hello");
}

#[tokio::test]
async fn events_of_a_room_keep_their_order_through_failures() {
    let hooked = Hooked::new().await;
    let words: Vec<String> = (1..=120).map(|number| number.to_string()).collect();
    for text in &words {
        hooked.say("U1", text).await;
    }
    let (ok, bad) = (Answer::Status(200), Answer::Status(500));
    hooked.receiver.answer(std::iter::repeat_n(ok, 60).chain([bad]));
    hooked.run().await;
    assert_eq!(hooked.receiver.contents().len(), 61, "behind a failed event the others wait");
    hooked.say("U2", "another room").await;
    hooked.run().await;
    assert_eq!(hooked.receiver.contents().pop().unwrap(), "another room", "other rooms do not");
    hooked.later(Duration::from_secs(6)).await;
    let mut expected = words[..61].to_vec();
    expected.push("another room".to_owned());
    expected.extend_from_slice(&words[60..]);
    assert_eq!(hooked.receiver.contents(), expected);
}

#[tokio::test]
async fn a_failed_try_is_repeated_on_schedule_with_the_same_id_and_body() {
    let hooked = Hooked::new().await;
    let failures = [
        Answer::Status(500),
        Answer::With(302, "location", hooked.receiver.url.clone()),
        Answer::Hang,
        Answer::Cut,
        Answer::Status(404),
    ];
    hooked.receiver.answer(failures);
    hooked.say("U1", "Hello").await;
    hooked.run().await;
    for (tries, wait) in [5, 30, 300, 1800, 7200].into_iter().enumerate() {
        let tries = tries + 1;
        assert_eq!(hooked.receiver.got().len(), tries);
        hooked.later(Duration::from_secs(wait * 8 / 10)).await;
        assert_eq!(hooked.receiver.got().len(), tries, "not before its time");
        hooked.later(Duration::from_secs(wait * 4 / 10)).await;
        assert_eq!(hooked.receiver.got().len(), tries + 1, "in its time");
    }
    let got = hooked.receiver.got();
    for again in &got {
        assert_eq!(again.header("webhook-id"), got[0].header("webhook-id"));
        assert_eq!(again.body, got[0].body);
        assert!(is_signed(&hooked.webhook.secret, again), "each try has its own time and signature");
    }
    assert_ne!(got[0].header("webhook-timestamp"), got[5].header("webhook-timestamp"));
    hooked.later(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(hooked.receiver.got().len(), 6, "what arrived is not sent again");
    assert_eq!(hooked.deliveries().await, [("delivered".to_owned(), None)]);
    assert_eq!(hooked.listed().await.failing_since, None);
}

#[tokio::test]
async fn a_receiver_may_ask_that_a_message_be_dropped() {
    let hooked = Hooked::new().await;
    hooked.receiver.answer([Answer::With(400, "webhook-delivery", "abort-message".to_owned())]);
    hooked.say("U1", "cursed").await;
    hooked.say("U1", "next").await;
    hooked.run().await;
    assert_eq!(hooked.receiver.contents(), ["cursed", "next"]);
    assert_eq!(hooked.deliveries().await[0].0, "failed");
}

#[tokio::test]
async fn an_event_is_given_up_after_three_days_and_the_next_one_gets_its_turn() {
    let hooked = Hooked::new().await;
    hooked.receiver.refuse("cursed");
    hooked.say("U1", "cursed").await;
    hooked.say("U1", "next").await;
    for hour in 0..74 {
        if hour % 10 == 0 {
            // Other rooms arrive, so it is the event that is at fault and not the receiver.
            hooked.say("U2", "fine").await;
        }
        hooked.later(Duration::from_secs(60 * 60)).await;
        if hour == 70 {
            assert_eq!(hooked.deliveries().await[0].0, "pending", "three days have not passed");
        }
    }
    hooked.later(Duration::from_secs(11 * 60 * 60)).await;
    assert!(hooked.receiver.contents().contains(&"next".to_owned()));
    let deliveries = hooked.deliveries().await;
    assert_eq!(deliveries[0].0, "failed");
    assert_eq!(deliveries[0].1.as_deref(), Some("the receiver answered 500"));
    assert_eq!(hooked.listed().await.state, "active");
}

#[tokio::test]
async fn a_subscription_that_fails_for_three_days_is_paused_and_can_be_resumed() {
    let hooked = Hooked::new().await;
    hooked.receiver.always(Some(Answer::Status(500)));
    hooked.say("U1", "lost").await;
    // It fails from the event's first moment on: both have had their three days at the same try.
    hooked.run().await;
    for _ in 0..90 {
        hooked.later(Duration::from_secs(60 * 60)).await;
    }
    let listed = hooked.listed().await;
    assert_eq!(listed.state, "paused");
    assert!(listed.state_reason.unwrap().contains("three days"));
    assert_eq!(hooked.deliveries().await[0].0, "failed");
    let report = doctor(&hooked.app);
    let finding = report.as_array().unwrap().iter().find(|finding| finding["ok"] == false).unwrap();
    assert_eq!(finding["check"], format!("webhook {} of company 507", hooked.webhook.id));
    assert!(finding["message"].as_str().unwrap().contains("sala webhook resume"), "{finding}");
    let tries = hooked.receiver.got().len();
    hooked.say("U1", "while paused").await;
    hooked.later(Duration::from_secs(60 * 60)).await;
    assert_eq!(hooked.receiver.got().len(), tries, "a paused subscription hears nothing");
    hooked.receiver.always(None);
    subscription::resume(&hooked.app.app.db, COMPANY, hooked.webhook.id).await.unwrap();
    hooked.say("U1", "again").await;
    hooked.run().await;
    assert_eq!(hooked.receiver.contents()[tries..], ["again".to_owned()]);
    assert_eq!(hooked.listed().await.state, "active");

    // What it has missed is sent when it is asked for, in order, and once.
    let (db, now) = (&hooked.app.app.db, hooked.app.app.now());
    let later = replay::replay(db, COMPANY, hooked.webhook.id, now + 60_000, now).await;
    assert_eq!(later.unwrap(), 0);
    for missed in [2, 0] {
        assert_eq!(replay::replay(db, COMPANY, hooked.webhook.id, 0, now).await.unwrap(), missed);
        hooked.run().await;
        assert_eq!(hooked.receiver.contents()[tries + 1..], ["lost".to_owned(), "while paused".to_owned()]);
    }
    let foreign = replay::replay(db, 508, hooked.webhook.id, 0, now).await;
    assert!(matches!(foreign, Err(sala::http::Error::NotFound("webhook"))));
}

/// What `sala doctor --json` finds in a test's database.
fn doctor(app: &TestApp) -> Value {
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_sala"))
        .args(["doctor", "--json", "--offline", "--database", &app.database.url])
        .env("SALA_SECRET_KEY", sala::vault::new_key().unwrap())
        .current_dir(&app.database.folder)
        .output()
        .unwrap();
    serde_json::from_slice(&command.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&command.stderr)))
}

#[tokio::test]
async fn a_subscription_hears_of_its_topics_only() {
    let hooked = Hooked::new().await;
    let other = Receiver::start().await;
    let url = other.url.clone();
    let (db, vault) = (&hooked.app.app.db, &hooked.app.app.vault);
    let unknown = subscription::create(db, vault, COMPANY, &url, &["Chats".to_owned()], 0).await;
    assert!(matches!(unknown, Err(sala::http::Error::Invalid(_))));
    subscription::create(db, vault, COMPANY, &url, &["Chat".to_owned()], 0).await.unwrap();
    hooked.say("U1", "one").await;
    hooked.run().await;
    assert_eq!(other.contents(), ["one"]);
    // No other topic exists yet, so one is put in its place.
    hooked.app.sql("update webhook set topics = 'Chatter Sales' where topics = 'Chat'").await;
    hooked.say("U1", "two").await;
    hooked.run().await;
    assert_eq!(other.contents(), ["one"]);
    assert_eq!(hooked.receiver.contents(), ["one", "two"]);
}

#[tokio::test]
async fn private_addresses_are_refused_unless_they_are_allowed() {
    let hooked = Hooked::with(|config| config.allow_private_webhooks = false).await;
    let port = hooked.receiver.port;
    let hosts = [
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
    ];
    for host in hosts {
        subscribe(&hooked.app, &format!("http://{host}:{port}/")).await;
    }
    hooked.say("U1", "Hello").await;
    hooked.run().await;
    assert!(hooked.receiver.got().is_empty());
    let deliveries = hooked.deliveries().await;
    assert_eq!(deliveries.len(), hosts.len() + 1);
    for (state, error) in deliveries {
        assert_eq!(state, "pending");
        let error = error.unwrap();
        let refused = error.contains("private addresses are not allowed") || error.contains("no public address");
        assert!(refused, "{error}");
    }
}

#[tokio::test]
async fn a_removed_subscription_hears_nothing_more() {
    let hooked = Hooked::new().await;
    hooked.receiver.answer([Answer::Status(500)]);
    hooked.say("U1", "waiting").await;
    hooked.run().await;
    let (db, now) = (&hooked.app.app.db, hooked.app.app.now());
    subscription::remove(db, COMPANY, hooked.webhook.id, now).await.unwrap();
    hooked.say("U1", "new").await;
    hooked.later(Duration::from_secs(60)).await;
    assert_eq!(hooked.receiver.got().len(), 1);
    assert_eq!(hooked.deliveries().await, [("failed".to_owned(), Some("the subscription was removed".to_owned()))]);
    assert!(subscription::remove(db, COMPANY, hooked.webhook.id, now).await.is_err());
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_other() {
    let hooked = Hooked::with(|config| {
        config.webhook_parallel = 2;
        config.webhook_timeout = 600;
    })
    .await;
    let slow = Receiver::start().await;
    slow.always(Some(Answer::Hang));
    subscribe(&hooked.app, &slow.url).await;
    let jobs = sala::job::start(&hooked.app.app).await.unwrap();
    for room in 0..8 {
        hooked.say(&format!("U{room}"), "Hello").await;
    }
    hooked.app.app.wakes.wake(sala::job::Kind::Webhook);
    // The slow receiver would hold them for ten minutes.
    let got = tokio::time::timeout(Duration::from_secs(30), hooked.receiver.wait(8)).await;
    assert_eq!(got.expect("the other receiver is not kept waiting").len(), 8);
    assert!(slow.got().len() <= 2, "no more calls at once than allowed");
    jobs.stop(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn a_subscription_is_for_its_own_company() {
    let hooked = Hooked::new().await;
    hooked.app.tenant(508, &["chat:read"]).await;
    let other = Receiver::start().await;
    let (db, vault) = (&hooked.app.app.db, &hooked.app.app.vault);
    subscription::create(db, vault, 508, &other.url, &[], 0).await.unwrap();
    hooked.say("U1", "Hello").await;
    hooked.run().await;
    assert_eq!(hooked.receiver.contents(), ["Hello"]);
    assert!(other.got().is_empty());
}
