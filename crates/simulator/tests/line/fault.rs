//! Failures on command, one by one.

use std::time::Duration;

use serde_json::json;
use simulator::line::{Callback, Config, Fault, FaultKind, Line};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Fake, KEY, PUSH, REPLY, Receiver, ann, fake, fake_with, here, push_body, text};

const LOST_ANSWER: FaultKind = FaultKind::Error { status: 500, accepted: true };
const FAILED: FaultKind = FaultKind::Error { status: 500, accepted: false };

#[tokio::test]
async fn an_error_before_acceptance_leaves_nothing_behind() {
    let fake = fake().await;
    fake.line.fault(Fault::new(FAILED).once());
    assert_eq!(fake.push_with_key(KEY, "a").await.unwrap().status, 500);
    assert_eq!(fake.line.sent_count(), 0);
    assert_eq!(fake.push_with_key(KEY, "a").await.unwrap().status, 200);
    assert_eq!(fake.line.sent_count(), 1);
}

#[tokio::test]
async fn an_error_after_acceptance_is_safe_to_repeat_only_with_the_key() {
    let fake = fake().await;
    fake.line.fault(Fault::new(LOST_ANSWER).times(2));
    assert_eq!(fake.push_with_key(KEY, "keyed").await.unwrap().status, 500);
    assert_eq!(fake.push("bare").await.status, 500);
    assert_eq!(fake.line.sent_count(), 2, "the customer has both although the caller saw errors");
    let again = fake.push_with_key(KEY, "keyed").await.unwrap();
    assert_eq!(again.status, 409);
    assert_eq!(again.json()["sentMessages"][0]["id"], fake.line.sent()[0].message_id);
    assert_eq!(fake.push("bare").await.status, 200);
    let seen: Vec<String> = fake.line.sent().iter().map(|sent| sent.message["text"].to_string()).collect();
    assert_eq!(seen, ["\"keyed\"", "\"bare\"", "\"bare\""]);
}

#[tokio::test]
async fn both_meanings_of_429_and_the_revoked_token() {
    let fake = fake().await;
    for (kind, status, message) in [
        (FaultKind::RateLimited, 429, "The API rate limit has been exceeded. Try again later."),
        (FaultKind::OverQuota, 429, "You have reached your monthly limit."),
        (
            FaultKind::Unauthorized,
            401,
            "Authentication failed due to the following reason: invalid token. Confirm that the access token in the \
             authorization header is valid.",
        ),
        (FaultKind::Error { status: 503, accepted: false }, 503, "Service Unavailable"),
    ] {
        fake.line.fault(Fault::new(kind).once());
        let got = fake.push("a").await;
        assert_eq!((got.status, got.json()), (status, json!({ "message": message })));
        assert!(got.header("x-line-request-id").is_some());
    }
    assert_eq!(fake.line.sent_count(), 0);
    assert_eq!(fake.push("a").await.status, 200);
}

#[tokio::test]
async fn a_dead_reply_token_on_command_spares_the_push() {
    let fake = fake().await;
    let receiver = Receiver::start(200).await;
    let report = fake.line.callback(Callback::to(&receiver.url).text(&ann(), "hi")).await.unwrap();
    let body = json!({ "replyToken": report.reply_token(0), "messages": [text("a")] });
    fake.line.fault(Fault::new(FaultKind::ReplyTokenDead));
    assert_eq!(fake.push("a").await.status, 200);
    assert_eq!(fake.post(REPLY, body.clone()).await.message(), "Invalid reply token");
    fake.line.clear_faults();
    assert_eq!(fake.post(REPLY, body).await.status, 200);
}

/// Sends a push over a bare socket and reads until LINE closes it.
async fn until_closed(fake: &Fake) -> Vec<u8> {
    let mut socket = TcpStream::connect(fake.line.url().strip_prefix("http://").unwrap()).await.unwrap();
    let body = push_body("cut").to_string();
    let head = format!(
        "POST {PUSH} HTTP/1.1\r\nhost: line\r\nauthorization: Bearer t\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset is as good an end as a close.
    let _ = socket.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn a_cut_closes_the_socket_without_a_byte() {
    let fake = fake().await;
    for (accepted, delivered) in [(false, 0), (true, 1)] {
        fake.line.fault(Fault::new(FaultKind::Cut { accepted }).once());
        assert!(until_closed(&fake).await.is_empty());
        assert_eq!(fake.line.sent_count(), delivered);
    }
    let requests = fake.line.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| request.status.is_none()));
}

#[tokio::test]
async fn a_client_sees_a_cut_as_an_error_and_may_repeat() {
    let fake = fake().await;
    fake.line.fault(Fault::new(FaultKind::Cut { accepted: true }).once());
    assert!(fake.push_with_key(KEY, "a").await.is_err());
    assert_eq!(fake.push_with_key(KEY, "a").await.unwrap().status, 409);
    assert_eq!(fake.line.sent_count(), 1);
}

#[tokio::test]
async fn a_request_can_be_held_for_ever() {
    for accepted in [false, true] {
        let fake = fake().await;
        fake.line.fault(Fault::new(FaultKind::Timeout { ms: None, accepted }).once());
        tokio::select! {
            answer = fake.push("held") => panic!("answered {}", answer.status),
            () = async {
                fake.line.wait_for_requests(1).await;
                fake.line.wait_for_sent(u64::from(accepted)).await;
            } => {}
        }
        assert_eq!(fake.line.requests()[0].status, None);
        assert_eq!(fake.line.sent_count(), u64::from(accepted));
        assert_eq!(fake.push("next").await.status, 200);
    }
}

#[tokio::test]
async fn a_held_request_answers_in_the_end() {
    let fake = fake().await;
    fake.line.fault(Fault::new(FaultKind::Timeout { ms: Some(5), accepted: false }).once());
    fake.line.fault(Fault::new(FaultKind::Timeout { ms: Some(5), accepted: true }).once());
    assert_eq!(fake.push("lost").await.status, 500);
    assert_eq!(fake.line.sent_count(), 0);
    assert_eq!(fake.push("late").await.status, 200);
    assert_eq!(fake.line.sent_count(), 1);
}

#[tokio::test]
async fn a_slow_request_is_carried_out_late() {
    let fake = fake().await;
    fake.line.fault(Fault::new(FaultKind::Slow { ms: 600_000 }).once());
    tokio::select! {
        answer = fake.push("slow") => panic!("answered {}", answer.status),
        _ = fake.line.wait_for_requests(1) => {}
    }
    assert_eq!(fake.line.sent_count(), 0);
    fake.line.fault(Fault::new(FaultKind::Slow { ms: 5 }).once());
    assert_eq!(fake.push("slow").await.status, 200);
}

#[tokio::test]
async fn faults_are_shown_in_order_and_counted() {
    let fake = fake().await;
    fake.line.fault(Fault::new(FAILED).skip(1).times(2));
    fake.line.fault(Fault::new(FaultKind::RateLimited).once());
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(fake.push("a").await.status);
    }
    // The first request slips past the first fault and meets the second.
    assert_eq!(statuses, [429, 500, 500, 200, 200]);
}

#[tokio::test]
async fn a_fault_of_one_path_leaves_the_others_alone() {
    let fake = fake().await;
    fake.line.fault(Fault::new(FAILED).path("/v2/bot/message/quota"));
    assert_eq!(fake.push("a").await.status, 200);
    assert_eq!(fake.get("/v2/bot/message/quota").await.status, 500);
    assert_eq!(fake.get("/v2/bot/message/quota/consumption").await.status, 500);
    assert_eq!(fake.get("/v2/bot/info").await.status, 200);
}

#[tokio::test]
async fn chance_is_the_same_in_every_run() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let fake = fake_with(Config { seed: 7, ..Config::default() }).await;
        fake.line.fault(Fault::new(FAILED).probability(0.5));
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(fake.push("a").await.status);
        }
        assert!(statuses.contains(&500) && statuses.contains(&200));
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_stopped_line_refuses_connections_and_can_come_back() {
    let fake = fake().await;
    let address = fake.line.url().strip_prefix("http://").unwrap().parse().unwrap();
    assert_eq!(fake.push("a").await.status, 200);
    fake.line.fault(Fault::new(FaultKind::Timeout { ms: None, accepted: false }));
    tokio::join!(
        async { assert!(fake.push_with_key(KEY, "held").await.is_err(), "an outage ends what is under way") },
        async {
            fake.line.wait_for_requests(2).await;
            fake.line.clone().stop().await;
        },
    );
    assert!(TcpStream::connect(address).await.is_err());
    let back = Line::start(address, Config::default()).await.unwrap();
    assert_eq!(back.url(), fake.line.url());
    assert_eq!(fake.push("a").await.status, 200);
}

#[tokio::test]
async fn the_command_line_serves_until_it_is_told_to_stop() {
    let listener = tokio::net::TcpListener::bind(here()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(Line::serve(listener, Config::default(), async {
        let _ = stopped.await;
    }));
    assert!(TcpStream::connect(address).await.is_ok());
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(30), serving).await.unwrap().unwrap().unwrap();
}
