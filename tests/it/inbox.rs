//! The inbox: who answers a room, what colleagues keep about it, and who sees it.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::app::{Answer, Session, TestApp};

/// A customer writes through the sandbox; answers the room.
pub async fn write(app: &TestApp, account: &str, customer: &str, text: &str) -> String {
    let chat = percent_encoding::utf8_percent_encode(customer, percent_encoding::NON_ALPHANUMERIC);
    let request = Request::post(format!("/channels/sandbox/{account}/{chat}"));
    let body = json!({"content": text, "name": customer}).to_string();
    let said = app.call(request.header("content-type", "application/json").body(Body::from(body)).unwrap()).await;
    assert_eq!(said.status, 201, "{said:?}");
    said.data()["roomId"].as_str().unwrap().to_owned()
}

async fn get(app: &TestApp, person: &Session, path: &str) -> Answer {
    app.as_person(person, Method::GET, path, None).await
}

async fn room(app: &TestApp, person: &Session, id: &str) -> Answer {
    get(app, person, &format!("/v1/console/rooms/{id}")).await
}

async fn patch(app: &TestApp, person: &Session, id: &str, change: Value) -> Answer {
    app.as_person(person, Method::PATCH, &format!("/v1/console/rooms/{id}"), Some(change)).await
}

async fn claim(app: &TestApp, person: &Session, id: &str) -> Answer {
    app.as_person(person, Method::POST, &format!("/v1/console/rooms/{id}/claim"), Some(json!({}))).await
}

async fn list(app: &TestApp, person: &Session, enquiry: Value) -> Vec<String> {
    let found = app.as_person(person, Method::POST, "/v1/console/rooms/enquiry", Some(enquiry)).await;
    found.data()["value"].as_array().unwrap().iter().map(|room| room["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_room_says_until_when_its_customer_is_to_be_answered_in_working_hours() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Administrator", "nok@example.com").await;
    let account = app.sandbox().await;
    let id = write(&app, &account, "U1", "สวัสดี").await;
    assert_eq!(room(&app, &nok, &id).await.data()["respondBy"], json!(null), "no target is set");
    let set = async |change: Value| app.request(Method::PUT, "/v1/setting", &[], Some(change)).await;
    let refused = set(json!({"inbox": {"responseMinutes": 0}})).await;
    assert_eq!(refused.errors(), [("out_of_range", "inbox.responseMinutes")]);
    assert_eq!(set(json!({"inbox": {"responseMinutes": 30}})).await.status, 200);
    let seen = room(&app, &nok, &id).await;
    let since = seen.data()["waitingSince"].as_i64().unwrap();
    assert_eq!(seen.data()["respondBy"], json!(since + 30 * 60_000), "who has entered no hours always works");
    let hours = json!([{"day": 1, "from": "10:00", "to": "12:00"}]);
    assert_eq!(set(json!({"businessHours": hours})).await.status, 200);
    let seen = room(&app, &nok, &id).await;
    let by = jiff::Timestamp::from_millisecond(seen.data()["respondBy"].as_i64().unwrap()).unwrap();
    let by = by.to_zoned(jiff::tz::TimeZone::get("Asia/Bangkok").unwrap());
    assert_eq!(by.weekday(), jiff::civil::Weekday::Monday, "{by}");
    assert!((10..=12).contains(&by.hour()), "{by}");
    let cleared = set(json!({"inbox": {"responseMinutes": null}})).await;
    assert_eq!(cleared.data()["inbox"]["responseMinutes"], json!(null));
    assert_eq!(set(json!({"inbox": {"responseMinutes": 60}})).await.status, 200);
    let path = format!("/v1/console/rooms/{id}/messages");
    let sent = app.as_person(&nok, Method::POST, &path, Some(json!({"content": "ค่ะ"}))).await;
    assert_eq!(sent.status, 201, "{sent:?}");
    assert_eq!(room(&app, &nok, &id).await.data()["respondBy"], json!(null), "nobody waits any more");
}

#[tokio::test]
async fn one_person_gets_a_room_and_the_others_are_told_who() {
    let app = TestApp::new().await;
    let (nok, lek) = (app.signed_in("Agent", "nok@example.com").await, app.signed_in("Agent", "lek@example.com").await);
    let account = app.sandbox().await;
    let id = write(&app, &account, "U1", "สวัสดี").await;
    let got = claim(&app, &nok, &id).await;
    assert_eq!((&got.data()["assignee"]["id"], &got.data()["assignedBy"]), (&json!(nok.id), &json!("person")));
    assert_eq!(claim(&app, &nok, &id).await.status, 200, "claiming one's own room again changes nothing");
    let lost = claim(&app, &lek, &id).await;
    assert_eq!((lost.status, lost.errors()), (409, vec![("taken", "assignee")]));
    assert_eq!(lost.body["errors"][0]["message"], "The room is already assigned to Nok Agent");
    assert_eq!(room(&app, &lek, &id).await.status, 404, "a colleague's room is out of an agent's range");
    let seen = room(&app, &nok, &id).await;
    let stale = app.call(
        Request::patch(format!("/v1/console/rooms/{id}"))
            .header("cookie", &nok.cookie)
            .header("sec-fetch-site", "same-origin")
            .header("x-sala-console", "1")
            .header("if-match", "\"1\"")
            .header("content-type", "application/json")
            .body(Body::from(json!({"status": "closed"}).to_string()))
            .unwrap(),
    );
    assert_eq!(stale.await.status, 412, "{seen:?}");
    let given = patch(&app, &nok, &id, json!({"assignee": lek.id, "ifAssignee": nok.id})).await;
    assert_eq!(given.data()["assignee"]["id"], json!(lek.id));
    assert_eq!(room(&app, &lek, &id).await.status, 200);
    let history = get(&app, &lek, &format!("/v1/console/rooms/{id}/history")).await;
    assert_eq!(history.data()["value"][0]["actor"]["id"], json!(nok.id));
}

#[tokio::test]
async fn many_claims_at_once_have_one_winner() {
    let app = TestApp::new().await;
    let owner = app.signed_in("Owner", "owner@example.com").await;
    let account = app.sandbox().await;
    let id = write(&app, &account, "U1", "สวัสดี").await;
    let (nok, lek) = (app.signed_in("Agent", "nok@example.com").await, app.signed_in("Agent", "lek@example.com").await);
    let people = [&owner, &nok, &lek, &owner, &nok, &lek];
    let answers = futures_util::future::join_all(people.map(|person| claim(&app, person, &id))).await;
    let winner = room(&app, &owner, &id).await.data()["assignee"]["id"].as_str().unwrap().to_owned();
    for (person, answer) in people.iter().zip(answers) {
        assert_eq!(answer.status, if person.id == winner { 200 } else { 409 }, "{answer:?}");
    }
}

#[tokio::test]
async fn a_room_that_is_closed_by_mistake_keeps_its_place() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Owner", "nok@example.com").await;
    let account = app.sandbox().await;
    let since = async |id: &str| room(&app, &nok, id).await.data()["waitingSince"].clone();
    let id = write(&app, &account, "U1", "สวัสดี").await;
    let first = since(&id).await;
    let reopen = async || {
        let closed = patch(&app, &nok, &id, json!({"status": "closed"})).await;
        assert_eq!(closed.data()["waitingSince"], Value::Null);
        patch(&app, &nok, &id, json!({"status": "open"})).await.data()["waitingSince"].clone()
    };
    app.advance(Duration::from_secs(60));
    write(&app, &account, "U1", "มีใครอยู่ไหม").await;
    assert_eq!((since(&id).await, reopen().await), (first.clone(), first), "from the first message on, not the last");
    // Whoever was answered does not wait, and then waits from the next message on.
    app.advance(Duration::from_secs(60));
    let path = format!("/v1/console/rooms/{id}/messages");
    assert_eq!(app.as_person(&nok, Method::POST, &path, Some(json!({"content": "ค่ะ"}))).await.status, 201);
    assert_eq!(reopen().await, Value::Null);
    app.advance(Duration::from_secs(60));
    write(&app, &account, "U1", "ขอบคุณ").await;
    let next = since(&id).await;
    app.advance(Duration::from_secs(60));
    write(&app, &account, "U1", "อีกเรื่อง").await;
    assert_eq!(reopen().await, next);
}

#[tokio::test]
async fn a_room_rests_and_is_opened_again() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Owner", "nok@example.com").await;
    let account = app.sandbox().await;
    let id = write(&app, &account, "U1", "สวัสดี").await;
    let closed = patch(&app, &nok, &id, json!({"status": "closed"})).await;
    assert_eq!((&closed.data()["status"], &closed.data()["waitingSince"]), (&json!("closed"), &Value::Null));
    assert!(list(&app, &nok, json!({})).await.is_empty());
    assert_eq!(list(&app, &nok, json!({"status": ["closed"], "order": "recent"})).await, [id.as_str()]);
    write(&app, &account, "U1", "ยังอยู่ไหม").await;
    assert_eq!(room(&app, &nok, &id).await.data()["status"], "open");
    let wrong = patch(&app, &nok, &id, json!({"status": "waiting"})).await;
    assert_eq!(wrong.errors(), [("required", "waitingUntil")]);
    let until = app.app.now() + 3_600_000;
    let off = patch(&app, &nok, &id, json!({"status": "waiting", "waitingUntil": until})).await;
    assert_eq!((&off.data()["status"], &off.data()["waitingUntil"]), (&json!("waiting"), &json!(until)));
    app.run_jobs().await;
    assert_eq!(room(&app, &nok, &id).await.data()["status"], "waiting");
    app.advance(Duration::from_secs(3601));
    app.run_jobs().await;
    assert_eq!(room(&app, &nok, &id).await.data()["status"], "open");
    let history = get(&app, &nok, &format!("/v1/console/rooms/{id}/history")).await;
    let actions: Vec<&str> =
        history.data()["value"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["woken", "updated", "reopened", "updated"]);
}

#[tokio::test]
async fn a_person_answers_as_oneself_once_and_without_a_webhook() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Agent", "nok@example.com").await;
    let account = app.sandbox().await;
    let id = write(&app, &account, "U1", "มีของไหม").await;
    let draft = format!("/v1/console/rooms/{id}/draft");
    let kept = app.as_person(&nok, Method::PUT, &draft, Some(json!({"content": "มีค่ะ"}))).await;
    assert_eq!(kept.data()["mode"], "reply");
    assert_eq!(room(&app, &nok, &id).await.data()["hasDraft"], true);
    let path = format!("/v1/console/rooms/{id}/messages");
    let body = json!({"id": "019ab0a2-5f6b-7d31-a1d5-1f2c8f0a9b6e", "content": "มีค่ะ"});
    let sent = app.as_person(&nok, Method::POST, &path, Some(body.clone())).await;
    assert_eq!((sent.status, &sent.data()["user"]["type"]), (201, &json!("staff")), "{sent:?}");
    assert_eq!((&sent.data()["user"]["id"], &sent.data()["number"]), (&json!(nok.id), &json!(2)));
    let again = app.as_person(&nok, Method::POST, &path, Some(body)).await;
    assert_eq!((again.status, &again.data()["number"]), (201, &json!(2)), "the same id is the same message");
    app.run_jobs().await;
    let thread = get(&app, &nok, &path).await;
    let said: Vec<(&str, &str)> = thread.data()["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["user"]["type"].as_str().unwrap(), one["deliveryStatus"].as_str().unwrap()))
        .collect();
    assert_eq!(said, [("customer", "delivered"), ("staff", "delivered")]);
    assert_eq!(thread.data()["value"][1]["user"]["displayName"], "Nok Agent");
    let after = room(&app, &nok, &id).await;
    assert_eq!((&after.data()["hasDraft"], &after.data()["unread"]), (&json!(false), &json!(0)));
    assert_eq!((&after.data()["unanswered"], &after.data()["last"]["from"]), (&json!(false), &json!("staff")));
    assert_eq!(get(&app, &nok, &draft).await.data(), &Value::Null);
    let first = thread.data()["value"][0]["id"].as_str().unwrap();
    let second = thread.data()["value"][1]["id"].as_str().unwrap();
    for (query, wanted) in [
        (format!("after={first}"), vec![second]),
        (format!("before={second}"), vec![first]),
        (format!("around={second}"), vec![first, second]),
        ("after=1".to_owned(), vec![second]),
        ("after=2".to_owned(), vec![]),
    ] {
        let part = get(&app, &nok, &format!("{path}?{query}")).await;
        let ids: Vec<&str> =
            part.data()["value"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, wanted, "{query}");
    }
}

#[tokio::test]
async fn a_note_never_comes_near_a_customer() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Agent", "nok@example.com").await;
    let lek = app.signed_in("Supervisor", "lek@example.com").await;
    let account = app.sandbox().await;
    let id = write(&app, &account, "U1", "มีของไหม").await;
    let path = format!("/v1/console/rooms/{id}/notes");
    let body = json!({"content": "อย่าบอกลูกค้า secret-note", "mentions": [lek.id]});
    let note = app.as_person(&nok, Method::POST, &path, Some(body)).await;
    assert_eq!((note.status, &note.data()["mentions"][0]["id"]), (201, &json!(lek.id)), "{note:?}");
    app.run_jobs().await;
    let columns = crate::scan::columns(&app).await;
    let places = crate::scan::places(&app, &columns, "secret-note").await;
    assert_eq!(
        places,
        ["room_note.content"],
        "delivery, events, jobs, history and the log of changes know nothing of it"
    );
    let messages = get(&app, &nok, &format!("/v1/console/rooms/{id}/messages")).await;
    assert!(!messages.text.contains("secret-note"));
    assert_eq!(room(&app, &lek, &id).await.data()["mentioned"], true);
    assert_eq!(list(&app, &lek, json!({"mentioned": true})).await, [id.as_str()]);
    app.as_person(&lek, Method::PUT, &format!("/v1/console/rooms/{id}/read"), Some(json!({"to": 1}))).await;
    assert_eq!(room(&app, &lek, &id).await.data()["mentioned"], false);
    let one = format!("{path}/{}", note.data()["id"].as_str().unwrap());
    let changed = app.as_person(&lek, Method::PUT, &one, Some(json!({"content": "แก้แล้ว"}))).await;
    assert_eq!((&changed.data()["content"], &changed.data()["version"]), (&json!("แก้แล้ว"), &json!(2)));
    assert_eq!(app.as_person(&nok, Method::DELETE, &one, None).await.status, 200);
    assert_eq!(get(&app, &nok, &path).await.data()["value"], json!([]));
}

#[tokio::test]
async fn a_role_sees_the_rooms_of_its_range_in_every_operation() {
    let app = TestApp::new().await;
    let supervisor = app.signed_in("Supervisor", "sup@example.com").await;
    let (nok, lek) = (app.signed_in("Agent", "nok@example.com").await, app.signed_in("Agent", "lek@example.com").await);
    let far = app.post("/v1/setting/teams", json!({"name": "Far away"})).await.data()["id"].clone();
    let owner = app.signed_in("Owner", "owner@example.com").await;
    app.as_person(&owner, Method::PATCH, &format!("/v1/console/users/{}", lek.id), Some(json!({"teamId": far}))).await;
    let account = app.sandbox().await;
    let mut ids = Vec::new();
    for customer in ["U1", "U2", "U3"] {
        ids.push(write(&app, &account, customer, "สวัสดี").await);
    }
    patch(&app, &owner, &ids[0], json!({"assignee": nok.id})).await;
    patch(&app, &owner, &ids[1], json!({"assignee": lek.id})).await;
    let sees = async |person: &Session| {
        let mut seen = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            let answers = [
                room(&app, person, id).await.status,
                get(&app, person, &format!("/v1/console/rooms/{id}/messages")).await.status,
                get(&app, person, &format!("/v1/console/rooms/{id}/notes")).await.status,
                get(&app, person, &format!("/v1/console/rooms/{id}/draft")).await.status,
                get(&app, person, &format!("/v1/console/rooms/{id}/history")).await.status,
                get(&app, person, &format!("/v1/chat/rooms/{id}/messages")).await.status,
            ];
            assert!(answers.iter().all(|status| *status == answers[0]), "{answers:?}");
            let send = crate::app::text_message(id, "hello");
            let sent = app.as_person(person, Method::POST, "/v1/chat/message", Some(send)).await;
            assert_eq!(sent.status == 201, answers[0] == 200, "{sent:?}");
            if answers[0] == 200 {
                seen.push(place);
            }
        }
        for order in ["recent", "oldest"] {
            let mut listed = list(&app, person, json!({"order": order})).await;
            listed.sort();
            let mut wanted: Vec<String> = seen.iter().map(|place| ids[*place].clone()).collect();
            wanted.sort();
            assert_eq!(listed, wanted);
        }
        let conversations = app.as_person(person, Method::POST, "/v1/conversations/enquiry", Some(json!({}))).await;
        if conversations.status == 200 {
            assert_eq!(conversations.data()["value"].as_array().unwrap().len(), seen.len());
        }
        seen
    };
    assert_eq!(sees(&owner).await, [0, 1, 2]);
    assert_eq!(sees(&supervisor).await, [0, 2]);
    assert_eq!(sees(&nok).await, [0, 2]);
    assert_eq!(sees(&lek).await, [1, 2]);
    let elsewhere = app.sandbox().await;
    let path = format!("/v1/console/users/{}", nok.id);
    app.as_person(&owner, Method::PATCH, &path, Some(json!({"accounts": [elsewhere]}))).await;
    assert!(sees(&nok).await.is_empty(), "rights for each channel account");
}

#[tokio::test]
async fn the_team_of_a_room_follows_its_assignee_unless_it_was_given_another() {
    let app = TestApp::new().await;
    let owner = app.signed_in("Owner", "owner@example.com").await;
    let (nok, lek) = (app.signed_in("Agent", "nok@example.com").await, app.signed_in("Agent", "lek@example.com").await);
    let boss = app.signed_in("Supervisor", "boss@example.com").await;
    let far = app.post("/v1/setting/teams", json!({"name": "Far away"})).await.data()["id"].clone();
    for person in [&lek, &boss] {
        let path = format!("/v1/console/users/{}", person.id);
        app.as_person(&owner, Method::PATCH, &path, Some(json!({"teamId": far}))).await;
    }
    let account = app.sandbox().await;
    let id = write(&app, &account, "U1", "สวัสดี").await;
    let near = patch(&app, &owner, &id, json!({"assignee": nok.id})).await.data()["team"]["id"].clone();
    assert_ne!(near, far);
    assert_eq!(room(&app, &boss, &id).await.status, 404);
    assert_eq!(patch(&app, &owner, &id, json!({"assignee": lek.id})).await.data()["team"]["id"], far);
    assert_eq!(room(&app, &boss, &id).await.status, 200, "the room is with the new assignee's team");
    assert_eq!(patch(&app, &owner, &id, json!({"assignee": null})).await.data()["team"], Value::Null);
    let given = patch(&app, &owner, &id, json!({"assignee": nok.id, "team": far})).await;
    assert_eq!(given.data()["team"]["id"], far);
    let kept = patch(&app, &owner, &id, json!({"assignee": owner.id})).await;
    assert_eq!(kept.data()["team"]["id"], far, "a team that was given stays");
}

#[tokio::test]
async fn lists_are_paged_ordered_filtered_and_counted() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Owner", "nok@example.com").await;
    let account = app.sandbox().await;
    let mut ids = Vec::new();
    for customer in 0..7 {
        ids.push(write(&app, &account, &format!("ลูกค้า {customer}"), "สวัสดี").await);
        app.advance(Duration::from_secs(1));
    }
    for (order, wanted) in [("waiting", [0, 1, 2, 3, 4, 5, 6]), ("recent", [6, 5, 4, 3, 2, 1, 0])] {
        let (mut cursor, mut found) = (Value::Null, Vec::new());
        loop {
            let body = json!({"order": order, "take": 3, "cursor": cursor});
            let page = app.as_person(&nok, Method::POST, "/v1/console/rooms/enquiry", Some(body)).await;
            let value = page.data()["value"].as_array().unwrap();
            found.extend(value.iter().map(|room| room["id"].as_str().unwrap().to_owned()));
            cursor = page.data()["next"].clone();
            if cursor.is_null() {
                break;
            }
        }
        let wanted: Vec<String> = wanted.iter().map(|place| ids[*place].clone()).collect();
        assert_eq!(found, wanted, "{order}");
    }
    let label = app.post("/v1/setting/labels", json!({"name": "ด่วน"})).await.data()["id"].clone();
    patch(&app, &nok, &ids[2], json!({"labels": [label], "priority": "urgent", "assignee": nok.id})).await;
    for filter in [
        json!({"label": label}),
        json!({"priority": "urgent"}),
        json!({"assignee": "me"}),
        json!({"assignee": "any", "order": "recent"}),
        json!({"assignee": nok.id, "order": "oldest"}),
        json!({"keyword": "ค้า 2"}),
        json!({"keyword": "ค้า 2", "order": "recent"}),
    ] {
        assert_eq!(list(&app, &nok, filter.clone()).await, [ids[2].as_str()], "{filter}");
    }
    assert_eq!(list(&app, &nok, json!({"assignee": "none", "order": "recent"})).await.len(), 6);
    let counts = get(&app, &nok, "/v1/console/counts").await;
    let number = |name: &str| counts.data()[name].as_i64().unwrap();
    assert_eq!(["mine", "unassigned", "open", "unanswered", "waiting"].map(number), [1, 6, 7, 7, 0]);
    let view = json!({"name": "ด่วน", "filter": {"label": label}, "shared": true});
    let saved = app.as_person(&nok, Method::POST, "/v1/console/views", Some(view)).await;
    assert_eq!(saved.status, 201, "{saved:?}");
    let wrong = json!({"name": "x", "filter": {"take": "many"}});
    let refused = app.as_person(&nok, Method::POST, "/v1/console/views", Some(wrong)).await;
    assert_eq!(refused.errors(), [("invalid_type", "filter.take")]);
    assert_eq!(get(&app, &nok, "/v1/console/views").await.data()["value"].as_array().unwrap().len(), 1);
    let reply = json!({"name": "/Hello", "textTh": "สวัสดีค่ะ", "textEn": "Hello"});
    let made = app.as_person(&nok, Method::POST, "/v1/console/replies", Some(reply.clone())).await;
    assert_eq!((made.status, &made.data()["name"]), (201, &json!("Hello")));
    assert_eq!(
        app.as_person(&nok, Method::POST, "/v1/console/replies", Some(reply)).await.errors(),
        [("taken", "name")]
    );
}

#[tokio::test]
async fn a_rule_gives_new_rooms_in_turn_and_to_the_least_busy() {
    let app = TestApp::new().await;
    let (nok, lek) = (app.signed_in("Agent", "nok@example.com").await, app.signed_in("Agent", "lek@example.com").await);
    let account = app.sandbox().await;
    let rule = |mode: &str| json!({"rules": [{"mode": mode, "capacity": 2}]});
    let set = app.request(Method::PUT, "/v1/console/assignment", &[], Some(rule("round_robin"))).await;
    assert_eq!(set.status, 200, "{set:?}");
    let mut got = Vec::new();
    let owner = app.signed_in("Viewer", "viewer@example.com").await;
    app.sql("update person set password = null where email_key = 'viewer@example.com'").await;
    for customer in ["U1", "U2", "U3", "U4", "U5"] {
        let id = write(&app, &account, customer, "สวัสดี").await;
        let seen = app.get(&format!("/v1/console/rooms/{id}")).await;
        got.push(seen.data()["assignee"]["id"].as_str().map(str::to_owned));
    }
    let count = |person: &Session| got.iter().filter(|one| one.as_deref() == Some(person.id.as_str())).count();
    assert_eq!((count(&nok), count(&lek), count(&owner)), (2, 2, 0), "{got:?}");
    assert_eq!(got[4], None, "everybody has as many as they may");
    assert_ne!(got[0], got[1], "in turn");
    let first = list(&app, &nok, json!({"assignee": "me", "order": "recent"})).await;
    patch(&app, &nok, &first[0], json!({"status": "closed"})).await;
    app.request(Method::PUT, "/v1/console/assignment", &[], Some(rule("least_busy"))).await;
    let id = write(&app, &account, "U6", "สวัสดี").await;
    let seen = app.get(&format!("/v1/console/rooms/{id}")).await;
    assert_eq!((&seen.data()["assignee"]["id"], &seen.data()["assignedBy"]), (&json!(nok.id), &json!("rule")));
}

#[tokio::test]
async fn a_draft_is_kept_over_the_version_that_was_seen() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Owner", "nok@example.com").await;
    let account = app.sandbox().await;
    let id = write(&app, &account, "U1", "สวัสดี").await;
    let path = format!("/v1/console/rooms/{id}/draft");
    let put = async |text: &str, version: &str| {
        let request = Request::put(&path)
            .header("cookie", &nok.cookie)
            .header("sec-fetch-site", "same-origin")
            .header("x-sala-console", "1")
            .header("if-match", version)
            .header("content-type", "application/json");
        app.call(request.body(Body::from(json!({"content": text}).to_string())).unwrap()).await
    };
    let first = put("หนึ่ง", "\"0\"").await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(put("สอง", "\"0\"").await.status, 412);
    let version = format!("\"{}\"", first.data()["version"]);
    assert_eq!(put("สอง", &version).await.status, 200);
    assert_eq!(get(&app, &nok, &path).await.data()["content"], "สอง");
    assert_eq!(get(&app, &nok, "/v1/console/drafts").await.data()["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_is_uploaded_first_and_sent_then() {
    let app = TestApp::new().await;
    let nok = app.signed_in("Owner", "nok@example.com").await;
    let account = app.sandbox().await;
    let id = write(&app, &account, "U1", "สวัสดี").await;
    let picture = json!({"files": [{"content": "iVBORw0KGgo=", "fileName": "cup.png"}]});
    let file = app.as_person(&nok, Method::POST, "/v1/console/files", Some(picture)).await;
    assert_eq!((file.status, &file.data()[0]["contentType"]), (201, &json!("image/png")), "{file:?}");
    let body = json!({"attachment": file.data()[0]["id"]});
    let mut preview = body.clone();
    preview["roomId"] = json!(id);
    let shown = app.as_person(&nok, Method::POST, "/v1/console/preview", Some(preview)).await;
    assert_eq!((&shown.data()["type"], &shown.data()["isFree"]), (&json!("image"), &json!(true)), "{shown:?}");
    let sent = app.as_person(&nok, Method::POST, &format!("/v1/console/rooms/{id}/messages"), Some(body)).await;
    assert_eq!((sent.status, &sent.data()["type"]), (201, &json!("image")), "{sent:?}");
    // A channel hears the address only; whoever reads the room is told what it is called.
    assert_eq!(sent.data()["details"]["fileName"], "cup.png", "{sent:?}");
    let read = get(&app, &nok, &format!("/v1/console/rooms/{id}/messages")).await;
    assert_eq!(read.data()["value"][1]["details"]["fileName"], "cup.png", "{read:?}");
    let url = sent.data()["content"].as_str().unwrap();
    let open = app.call(Request::get(&url[url.find("/images/").unwrap()..]).body(Body::empty()).unwrap()).await;
    assert_eq!((open.status, open.header("content-type")), (200, "image/png"));
}
