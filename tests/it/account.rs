//! A channel account in trouble: too many calls, a used-up month, refused credentials, a provider that is away.

use std::time::Duration;

use sala::chat::account;
use simulator::line::{Config, Fault, FaultKind, Route};

use crate::app::COMPANY;
use crate::fake::{Fake, credentials};

const PUSH: &str = "/v2/bot/message/push";

#[tokio::test]
async fn too_many_calls_pause_the_account_and_no_other() {
    let mut fake = Fake::new().await;
    let other = fake.another_account().await;
    let slow = [fake.room("ann").await, fake.room("bob").await];
    let fast = fake.app.room(&other, &simulator::line::user_id("cat")).await;
    fake.fault(FaultKind::RateLimited, PUSH, 1);
    let first = fake.send(&slow[0], "A").await;
    fake.run().await;
    fake.send(&slow[1], "B").await;
    fake.send(&fast, "C").await;
    fake.run().await;
    assert_eq!(fake.texts("cat"), ["C"], "another account goes on");
    assert!(fake.texts("bob").is_empty(), "the whole account waits");
    let waiting = fake.app.message(&first).await;
    assert_eq!(waiting["deliveryStatus"], "pending");
    assert!(waiting["failure"].as_str().unwrap().contains("429"), "{waiting}");
    fake.later(Duration::from_secs(2)).await;
    assert_eq!(fake.texts("ann"), ["A"]);
    assert_eq!(fake.texts("bob"), ["B"]);
    let keys: Vec<_> = fake.calls(PUSH).into_iter().filter(|call| call.body.contains("\"A\"")).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].header("x-line-retry-key"), keys[1].header("x-line-retry-key"), "the same batch");
    let listed = fake.listed().await;
    assert_eq!((listed.state.as_str(), listed.state_reason), ("active", None));
}

#[tokio::test]
async fn a_used_up_month_stops_the_account_and_the_next_one_starts_it() {
    let mut fake = Fake::with("yes", |_| {}, |line| line.monthly_quota = Some(1)).await;
    let room = fake.room("ann").await;
    fake.send(&room, "First").await;
    fake.run().await;
    let waiting = fake.send(&room, "Second").await;
    fake.run().await;
    let listed = fake.listed().await;
    assert_eq!(listed.state, "stopped");
    assert!(listed.state_reason.unwrap().contains("monthly limit"));
    assert_eq!((listed.quota_limit, listed.quota_used), (Some(1), Some(1)));
    let message = fake.app.message(&waiting).await;
    assert_eq!(message["deliveryStatus"], "pending", "it waits, it is not lost");
    assert!(message["failure"].as_str().unwrap().contains("monthly limit"), "{message}");
    let pushes = fake.calls(PUSH).len();
    let later = fake.send(&room, "Third").await;
    fake.later(Duration::from_secs(11 * 60)).await;
    assert_eq!(fake.calls(PUSH).len(), pushes, "a stopped account does not go on asking");
    assert!(fake.app.message(&later).await["failure"].as_str().unwrap().contains("used up"));
    fake.line.set_quota(Some(100));
    fake.later(Duration::from_secs(2 * 60 * 60)).await;
    assert_eq!(fake.listed().await.state, "active");
    fake.later(Duration::ZERO).await;
    assert_eq!(fake.texts("ann"), ["First", "Second", "Third"]);
    assert_eq!(fake.app.message(&waiting).await["failure"], serde_json::Value::Null);
}

#[tokio::test]
async fn replies_go_out_from_a_stopped_account() {
    let fake = Fake::with("yes", |_| {}, |line| line.monthly_quota = Some(0)).await;
    let room = fake.room("ann").await;
    fake.send(&room, "Waits").await;
    fake.run().await;
    assert_eq!(fake.listed().await.state, "stopped");
    fake.app.app.accounts.forget(&fake.account);
    fake.say("ann", "Hello").await;
    fake.run().await;
    assert_eq!(fake.texts("ann"), ["Waits"]);
    assert_eq!(fake.seen("ann")[0].route, Route::Reply);
    assert_eq!(fake.listed().await.state, "stopped", "a free reply says nothing of the quota");
}

#[tokio::test]
async fn a_used_up_month_in_the_words_of_a_rate_is_recognised_by_the_quota_endpoints() {
    let fake = Fake::with("yes", |_| {}, |line| line.monthly_quota = Some(0)).await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::RateLimited, PUSH, 1);
    fake.send(&room, "Waits").await;
    fake.run().await;
    assert_eq!(fake.listed().await.state, "stopped");
}

#[tokio::test]
async fn a_push_that_may_have_arrived_keeps_its_key_through_a_used_up_month() {
    let mut fake = Fake::with("yes", |_| {}, |line| line.monthly_quota = Some(100)).await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Error { status: 500, accepted: true }, PUSH, 1);
    fake.fault(FaultKind::OverQuota, PUSH, 1);
    fake.send(&room, "Once").await;
    fake.run().await;
    fake.later(Duration::from_secs(2)).await;
    fake.later(Duration::from_secs(2 * 60 * 60)).await;
    fake.later(Duration::from_secs(60 * 60)).await;
    assert_eq!(fake.texts("ann"), ["Once"]);
    let keys: Vec<_> = fake.calls(PUSH).iter().map(|call| call.header("x-line-retry-key").map(str::to_owned)).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn refused_credentials_break_the_account_and_renewing_mends_it_in_place() {
    let mut fake = Fake::with("yes", |_| {}, |line: &mut Config| line.access_token = Some("new".to_owned())).await;
    let rooms = [fake.room("ann").await, fake.room("bob").await];
    let id = fake.send(&rooms[0], "Kept").await;
    fake.run().await;
    fake.send(&rooms[1], "Too").await;
    fake.run().await;
    let listed = fake.listed().await;
    assert_eq!(listed.state, "broken");
    assert!(listed.state_reason.unwrap().contains("401"));
    assert_eq!(fake.calls(PUSH).len(), 1, "the account's other rooms do not try the same key");
    assert_eq!(fake.app.message(&id).await["deliveryStatus"], "pending");
    let app = &fake.app.app;
    account::renew(&app.db, &app.vault, COMPANY, &fake.account, &credentials("new"), app.now()).await.unwrap();
    fake.later(Duration::ZERO).await;
    assert_eq!(fake.texts("ann"), ["Kept"]);
    assert_eq!(fake.texts("bob"), ["Too"]);
    assert_eq!(fake.listed().await.state, "active");
}

#[tokio::test]
async fn a_broken_account_that_works_again_is_active_again() {
    let mut fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Unauthorized, PUSH, 1);
    fake.send(&room, "Kept").await;
    fake.run().await;
    assert_eq!(fake.listed().await.state, "broken");
    fake.later(Duration::from_secs(11 * 60)).await;
    assert_eq!(fake.texts("ann"), ["Kept"]);
    assert_eq!(fake.listed().await.state, "active");
}

#[tokio::test]
async fn waits_grow_and_end_after_a_day() {
    let mut fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.line.fault(Fault::new(FaultKind::Error { status: 500, accepted: false }).path(PUSH));
    let id = fake.send(&room, "Never").await;
    fake.run().await;
    let mut tries = Vec::new();
    for minute in 1..=25 * 60 {
        let before = fake.calls(PUSH).len();
        fake.later(Duration::from_secs(60)).await;
        if fake.calls(PUSH).len() > before {
            tries.push(minute);
        }
        if fake.app.message(&id).await["deliveryStatus"] == "failed" {
            break;
        }
    }
    let message = fake.app.message(&id).await;
    assert_eq!(message["deliveryStatus"], "failed");
    assert!(message["failure"].as_str().unwrap().starts_with("given up after a day: HTTP 500"), "{message}");
    let gaps: Vec<i64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[0] <= 2 && gaps.iter().max().unwrap() >= &12 && gaps.iter().max().unwrap() <= &19, "{gaps:?}");
    assert!(*tries.last().unwrap() >= 23 * 60, "it did not give up early");
    let keys: Vec<_> = fake.calls(PUSH).iter().map(|call| call.header("x-line-retry-key").map(str::to_owned)).collect();
    assert!(keys.iter().all(|key| *key == keys[0]));
    // What is given up stands in nobody's way.
    fake.line.clear_faults();
    fake.send(&room, "Next").await;
    fake.run().await;
    assert_eq!(fake.texts("ann"), ["Next"]);
}

#[tokio::test]
async fn a_push_that_stays_unsure_for_a_day_is_given_to_a_person() {
    let mut fake = Fake::new().await;
    let room = fake.room("ann").await;
    fake.fault(FaultKind::Error { status: 500, accepted: true }, PUSH, 1);
    let id = fake.send(&room, "Once").await;
    fake.run().await;
    // Nobody works for a day: LINE has forgotten the key, and a repeat would be seen twice.
    fake.later(Duration::from_secs(25 * 60 * 60)).await;
    assert_eq!(fake.texts("ann"), ["Once"]);
    let message = fake.app.message(&id).await;
    assert_eq!(message["deliveryStatus"], "failed");
    assert!(message["failure"].as_str().unwrap().contains("may have arrived"), "{message}");
}

#[tokio::test]
async fn a_failing_room_holds_up_no_other_and_keeps_its_own_order() {
    let mut fake = Fake::new().await;
    let rooms = [fake.room("ann").await, fake.room("bob").await];
    fake.fault(FaultKind::Error { status: 500, accepted: false }, PUSH, 1);
    fake.send(&rooms[0], "1").await;
    fake.run().await;
    fake.send(&rooms[0], "2").await;
    fake.send(&rooms[1], "other").await;
    fake.run().await;
    assert_eq!(fake.texts("bob"), ["other"]);
    assert!(fake.texts("ann").is_empty(), "the later message does not overtake");
    fake.later(Duration::from_secs(2)).await;
    assert_eq!(fake.texts("ann"), ["1", "2"]);
}

#[tokio::test]
async fn a_provider_that_is_away_costs_no_free_reply() {
    let mut fake = Fake::late_push("no").await;
    let room = fake.room("ann").await;
    fake.say("ann", "Hello").await;
    // Nobody listens where the account's calls go.
    let away = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let base = format!("http://{away}");
    move_account(&fake, &base).await;
    let id = fake.send(&room, "Hi").await;
    fake.run().await;
    assert_eq!(fake.app.message(&id).await["deliveryStatus"], "pending", "it never left, so it waits");
    move_account(&fake, &fake.line.url()).await;
    fake.later(Duration::from_secs(2)).await;
    assert_eq!(fake.texts("ann"), ["Hi"]);
    assert_eq!(fake.app.message(&id).await["cost"], "reply");
}

async fn move_account(fake: &Fake, base: &str) {
    let base = base.to_owned();
    let moved: Result<u64, db::Error> = fake
        .app
        .app
        .db
        .write(async |mut tx| tx.sql("update account set api_base = $1").bind(base.as_str()).exec().await)
        .await;
    assert_eq!(moved.unwrap(), 1);
    fake.app.app.accounts.forget(&fake.account);
}
