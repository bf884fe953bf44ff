//! Erasure: after it no table and no file holds the person, and what the law keeps is still there.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use sala::webhook::subscription;
use serde_json::{Value, json};
use simulator::line::user_id;

use crate::app::{Answer, COMPANY, TestApp};
use crate::customer::{plain, put};
use crate::fake::Fake;
use crate::media::files;
use crate::privacy::{ask, asked, attach, download, request, rich, start};
use crate::receiver::{Answer as Received, Receiver};
use crate::scan::{columns, places};

/// A server whose webhooks go to a receiver.
async fn hooked() -> (Fake, Receiver) {
    let fake = Fake::with("yes", |config| config.allow_private_webhooks = true, |_| {}).await;
    let receiver = Receiver::start().await;
    subscription::create(&fake.app.app.db, &fake.app.app.vault, COMPANY, &receiver.url, &[], fake.app.app.now())
        .await
        .unwrap();
    (fake, receiver)
}

/// Runs what is due but deliveries and webhooks, which wait.
async fn later(fake: &Fake) {
    fake.app.sql("update job set run_at = run_at + 3600000 where kind in ('deliver', 'webhook')").await;
    fake.run().await;
}

/// Runs them, too.
async fn now(fake: &Fake) {
    fake.app.sql("update job set run_at = 0 where kind in ('deliver', 'webhook')").await;
    fake.run().await;
}

async fn erase(fake: &Fake, code: &str) -> i64 {
    let id = ask(&fake.app, asked("erasure", code)).await;
    assert_eq!(start(&fake.app, id).await.status, 200);
    fake.run().await;
    let done = request(&fake.app, id).await;
    assert_eq!(done["state"], "done", "{done}");
    id
}

/// A POST that may be repeated.
async fn keyed(app: &TestApp, path: &str, key: &str, body: Value) -> Answer {
    app.request(Method::POST, path, &[("idempotency-key", key)], Some(body)).await
}

fn keyed_event(name: &str, code: &str) -> Value {
    json!({"eventName": name, "eventType": 1, "eventDate": "2024-02-01", "customerCode": code})
}

/// Everything that can hold a person, in a form in which it is found again.
fn quartz() -> Value {
    json!({"customerCode": "C-1", "customerName": "ควอตซ์ มาร์กเกอร์", "customerState": 3, "customerType": 2,
        "customer2ndName": "SecondQuartz", "customerAliases": ["AliasQuartz"], "customerTaxNo": "3101200987654",
        "customerPhone": "081-776-6554", "customerMobile": "+66827766551", "customerEmail": "Quartz@Marker.Example",
        "customerPosition": "QuartzDirector", "customerBirthdate": "1971-03-17", "customerIncome": "7654321",
        "customerPicture": "https://pictures.example/quartzface.jpg", "customerNote": "NoteOnQuartz",
        "addresses": [{"locationAddress": "99 Quartz Road", "locationName": "QuartzHome", "latitude": "13.123456",
                       "longitude": "100.654321"}],
        "contacts": [{"contactName": "ContactQuartz", "contactPhone": "02-776-6553",
                      "contactEmail": "contact@quartz.example", "contactNote": "QuartzWife"}],
        "customerSocialAccount": {"facebook": "fb.quartz.99"}, "customerTags": ["hot"], "owners": ["EMP1"],
        "customFields": [{"customFieldName": "Hobby", "customFieldValue": ["QuartzCollecting"]}]})
}

const MARKERS: [&str; 53] = [
    "VisitToQuartz",
    "SonOfQuartz",
    "QuartzLikesTea",
    "QuartzLane",
    "QuartzGate",
    "QuartzReport",
    "CallQuartz",
    "QuartzWon",
    "QuartzPhoto",
    "CaseOfQuartz",
    "AngryQuartz",
    "QuartzSaid",
    "Quartz Marker",
    "Quartz Marker at LINE",
    "ควอตซ์ มาร์กเกอร์",
    "SecondQuartz",
    "AliasQuartz",
    "3101200987654",
    "081-776-6554",
    "+66817766554",
    "0817766554",
    "+66827766551",
    "Quartz@Marker.Example",
    "QuartzDirector",
    "1971-03-17",
    "7654321",
    "quartzface",
    "NoteOnQuartz",
    "Quartz Road",
    "QuartzHome",
    "ContactQuartz",
    "02-776-6553",
    "contact@quartz.example",
    "QuartzWife",
    "fb.quartz.99",
    "QuartzCollecting",
    "TwinOfQuartz",
    "089-776-6552",
    "twin@quartz.example",
    "QuartzContract",
    "KeyedQuartz",
    "TaskOfQuartz",
    "DealOfQuartz",
    "AgreementOfQuartz",
    "KeyedMessageQuartz",
    "QuartzLawyer",
    "LastWordsOfQuartz",
    "LaterNoteOnQuartz",
    "I am Quartz",
    "Hello Quartz",
    "Meeting Quartz",
    "With Quartz",
    "Quartz Marker is happy",
];

/// Two customers with rooms, of whom the first is merged with a twin and was once merged into a third by mistake.
async fn people(fake: &Fake) -> (String, String) {
    let app = &fake.app;
    let room = rich(fake, "C-1", "Quartz Marker", "quartz").await;
    let other = rich(fake, "C-2", "Granite Other", "granite").await;
    put(app, quartz()).await;
    let mut twin = plain("C-3", "TwinOfQuartz");
    twin["customerPhone"] = json!("089-776-6552");
    twin["customerEmail"] = json!("twin@quartz.example");
    put(app, twin).await;
    let merged = app.post("/v3/customers/C-1/merge", json!({"mergedCustomerCode": "C-3"})).await;
    assert_eq!(merged.status, 200, "{merged:?}");
    put(app, plain("C-4", "Slate Third")).await;
    let wrong = app.post("/v3/customers/C-4/merge", json!({"mergedCustomerCode": "C-1"})).await;
    let path = format!("/v3/customers/merges/{}/undo", wrong.data()["mergeId"]);
    assert_eq!(app.post(&path, json!({})).await.status, 200);
    for (subject, code) in [("TaskOfQuartz", "C-1"), ("TaskOfGranite", "C-2")] {
        let task = json!({"subject": subject, "note": format!("{subject}, a note"), "customerCode": code});
        assert_eq!(app.post("/v1/task", task).await.status, 200);
    }
    crate::deal::employee(app, "DEALER", None).await;
    for (name, code) in [("Quartz", "C-1"), ("Granite", "C-2")] {
        let deal = json!({"customerCodes": [code], "dealName": format!("DealOf{name}"), "probability": 10, "dealValue": 5,
                          "expectedCloseDate": "2025-03-01", "assignTo": "DEALER", "note": format!("DealOf{name}, a note"),
                          "dateFollowUp": "2025-02-01T09:00:00"});
        assert_eq!(app.post("/v1/deals", deal).await.status, 200);
        let contract = json!({"contractName": format!("AgreementOf{name}"), "customerCode": code, "contractType": "MA",
                              "dateStart": "2025-01-01", "dateEnd": "2035-12-31", "owner": "DEALER",
                              "description": format!("AgreementOf{name}, in words"),
                              "contractService": {"subject": format!("AgreementOf{name}"), "frequency": 260_001, "numberOfTimes": 1}});
        assert_eq!(app.post("/v1/contract", contract).await.status, 200);
    }
    service(app).await;
    attach(app, "C-1", "507-attachmentfirst", "QuartzContract.txt", "quartz contract").await;
    attach(app, "C-2", "507-attachmentsecond", "GraniteContract.txt", "granite contract").await;
    (room, other)
}

/// An activity with a photo, and a case with a comment, of each.
async fn service(app: &TestApp) {
    employee(app).await;
    for (stone, code) in [("Quartz", "C-1"), ("Granite", "C-2")] {
        let visit = json!({"activityNo": format!("A-{code}"), "subject": format!("VisitTo{stone}"), "customerCode": code,
                           "contactName": format!("SonOf{stone}"), "dateAppointmentStart": "2025-02-05T10:00:00",
                           "note": format!("{stone}LikesTea"), "visitLocation": format!("{stone}Lane")});
        assert_eq!(keyed(app, "/v1/activity", &format!("v{code}"), visit).await.status, 200);
        let arrival = json!({"latitude": 13.7, "longitude": 100.5, "locationName": format!("{stone}Gate")});
        assert_eq!(app.post(&format!("/v1/activity/A-{code}/check-in"), arrival).await.status, 200);
        let report = json!({"report": format!("{stone}Report"), "nextStep": format!("Call{stone}"), "outcome": format!("{stone}Won")});
        assert_eq!(app.post(&format!("/v1/activity/A-{code}/check-out"), report).await.status, 200);
        let photo = json!({"files": [{"content": "R0lGODlhAQABAAAAACw=", "fileName": format!("{stone}Photo.gif")}]});
        assert_eq!(keyed(app, &format!("/v1/activity/A-{code}/files"), &format!("f{code}"), photo).await.status, 200);
        let case = json!({"caseNo": format!("T-{code}"), "caseType": 1, "subject": format!("CaseOf{stone}"), "categoryId": 1,
                          "dateCase": "2025-02-05", "dateDue": "2025-02-06", "customerCode": code, "assignedToUserId": "EMP9",
                          "note": format!("Angry{stone}")});
        assert_eq!(keyed(app, "/v1/case", &format!("c{code}"), case).await.status, 200);
        let comment = json!({"comment": format!("{stone}Said")});
        assert_eq!(keyed(app, &format!("/v1/case/T-{code}/comments"), &format!("m{code}"), comment).await.status, 201);
    }
}

async fn employee(app: &TestApp) {
    let employee = json!({"staffCode": "EMP9", "email": "m@example.com", "firstname": "Malee", "lastname": "Wongsa",
                          "roleName": "Support", "teamName": "Team A"});
    assert_eq!(app.request(Method::PUT, "/v1/Employees", &[], Some(employee)).await.status, 200);
}

/// Answers that are kept for a repetition, and an archive.
async fn kept(fake: &Fake, room: &str) {
    let app = &fake.app;
    assert_eq!(keyed(app, "/v1/customerEvent", "k1", keyed_event("KeyedQuartz", "C-1")).await.status, 200);
    let message = crate::app::text_message(room, "KeyedMessageQuartz");
    assert_eq!(keyed(app, "/v1/chat/message", "k2", message).await.status, 201);
    let legacy = json!({"contactName": "LegacyQuartz", "customerCode": "C-1", "customerName": "ควอตซ์ มาร์กเกอร์",
                        "customerType": 11300});
    assert_eq!(keyed(app, "/v1/Customers", "k3", legacy).await.status, 200);
    assert_eq!(keyed(app, "/v1/customerEvent", "k4", keyed_event("KeyedGranite", "C-2")).await.status, 200);
    let mut exported = asked("export", "C-1");
    exported["requestedBy"] = json!("QuartzLawyer");
    exported["start"] = json!(true);
    let export = ask(app, exported).await;
    fake.run().await;
    assert_eq!(download(app, export).await.status, 200);
}

/// What waits when the person is erased: events for a receiver that is away, and a picture that is not fetched yet.
async fn waiting(fake: &Fake, receiver: &Receiver) {
    receiver.always(Some(Received::Status(500)));
    fake.say("quartz", "LastWordsOfQuartz").await;
    let mut later = plain("C-1", "ควอตซ์ มาร์กเกอร์");
    later["customerNote"] = json!("LaterNoteOnQuartz");
    put(&fake.app, later).await;
    fake.run().await;
    let picture =
        json!({"type": "image", "userId": user_id("quartz"), "content": "cXVhcnR6", "contentType": "image/png"});
    fake.event(picture).await;
}

/// Erases by the code of the record that was merged.
/// A file that changes the customer, whose former values are kept, and has a row that is refused.
async fn imported(fake: &Fake) {
    let file = "code,name,note,email\n\
                C-3,,QuartzFromFile,\n\
                ,Quartz Marker of a file,081-776-6554,nobody\n\
                ,Granite of a file,,nobody\n";
    let request = Request::post("/v1/imports?kind=customers")
        .header("authorization", format!("Bearer {}", fake.app.token))
        .header("content-type", "text/csv")
        .body(Body::from(file));
    let begun = fake.app.call(request.unwrap()).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    later(fake).await;
    let id = begun.data()["importId"].as_str().unwrap_or_default().to_owned();
    let done = fake.app.get(&format!("/v1/imports/{id}")).await;
    assert_eq!((&done.data()["updated"], &done.data()["failed"]), (&json!(1), &json!(2)), "{done:?}");
}

async fn erase_quartz(fake: &Fake) {
    let app = &fake.app;
    let mut body = asked("erasure", "C-3");
    body["requestedBy"] = json!("QuartzLawyer");
    body["reason"] = json!("QuartzReason");
    let id = ask(app, body).await;
    let started = start(app, id).await;
    assert_eq!((started.status, &started.data()["state"]), (200, &json!("running")));
    fake.run().await;
    let done = request(app, id).await;
    assert_eq!(
        (&done["state"], &done["requestedBy"], &done["reason"]),
        (&json!("done"), &json!("(erased)"), &Value::Null)
    );
    assert!(done["result"]["messages"].as_i64().unwrap() >= 5, "{done}");
}

/// How many answers are kept of the request that named the person under its own key.
async fn answers(app: &TestApp) -> i64 {
    let mut conn = app.app.db.read().await.unwrap();
    conn.sql("select count(answer) from idempotency where key = 'k1'").one().await.unwrap()
}

#[tokio::test]
async fn after_erasure_no_table_and_no_file_holds_the_person() {
    let (fake, receiver) = hooked().await;
    let app = &fake.app;
    // Boxed: what a test of this length keeps on its stack is too much for a thread of tests.
    let (room, other) = Box::pin(people(&fake)).await;
    Box::pin(kept(&fake, &room)).await;
    Box::pin(imported(&fake)).await;
    Box::pin(waiting(&fake, &receiver)).await;
    let columns = columns(app).await;
    let account = user_id("quartz");
    for marker in MARKERS.into_iter().chain([account.as_str()]) {
        assert!(!places(app, &columns, marker).await.is_empty(), "the scan finds {marker} before the erasure");
    }
    let before = files(&app.database.folder.join("media"));
    assert_eq!(before.len(), 7, "two pictures, two attachments, two photos, an archive: {before:?}");

    Box::pin(erase_quartz(&fake)).await;
    let markers = || MARKERS.into_iter().chain([account.as_str(), "quartz", "ควอตซ์", "13.123456"]);
    for marker in markers() {
        // Answers to requests that may be repeated are kept for a day, encrypted.
        assert_eq!(places(app, &columns, marker).await, Vec::<String>::new(), "{marker}");
    }
    let after = files(&app.database.folder.join("media"));
    assert_eq!(after.len(), 3, "the other customer's picture, attachment and photo: {after:?}");
    for keyword in ["quartz marker", "ควอตซ์", "0817766554", "quartz@marker"] {
        let found = app.post("/v3/customers/search", json!({"keyword": keyword})).await;
        assert_eq!(found.data(), &json!([]), "{keyword}");
        let mut conn = app.app.db.read().await.unwrap();
        let candidates = conn.text_candidates("customer_text", COMPANY, keyword, i64::MAX, 100).await.unwrap();
        assert_eq!((candidates.is_whole(), candidates.ids), (true, Vec::new()), "{keyword}");
    }
    // The other customer has lost nothing.
    for marker in
        ["Granite Other", "Hello Granite", "GraniteContract", "KeyedGranite", "Meeting Granite", "C-2@example.com"]
    {
        assert!(!places(app, &columns, marker).await.is_empty(), "{marker}");
    }
    assert_eq!(fake.history(&other).await.len(), 3);
    let replayed = keyed(app, "/v1/customerEvent", "k4", keyed_event("KeyedGranite", "C-2")).await;
    assert_eq!(
        (replayed.header("idempotency-replayed"), &replayed.data()["eventName"]),
        ("true", &json!("KeyedGranite"))
    );
    // The last step: it has nobody to wait for but the day.
    app.advance(Duration::from_secs(24 * 3600 - 60));
    fake.run().await;
    assert_eq!(answers(app).await, 1, "a repetition is still answered");
    app.advance(Duration::from_secs(60));
    fake.run().await;
    for marker in markers() {
        assert_eq!(places(app, &columns, marker).await, Vec::<String>::new(), "{marker}");
    }
    assert_eq!(answers(app).await, 0);
    let mut conn = app.app.db.read().await.unwrap();
    let waiting: i64 = conn.sql("select count(*) from job where kind = 'erase'").one().await.unwrap();
    assert_eq!(waiting, 0);
}

#[tokio::test]
async fn an_erased_customer_is_shown_as_erased_and_never_changed() {
    let (fake, receiver) = hooked().await;
    let app = &fake.app;
    let room = rich(&fake, "ann", "Ann Quartz", "ann").await;
    let id = app.get("/v3/customers/ann").await.data()["customerId"].clone();
    put(app, plain("twin", "Ann Twin")).await;
    let merge = app.post("/v3/customers/ann/merge", json!({"mergedCustomerCode": "twin"})).await;
    put(app, plain("other", "Other")).await;
    let open = ask(app, asked("export", "ann")).await;
    let erased = erase(&fake, "ann").await;
    assert_eq!(request(app, open).await["state"], "refused", "it has no object any more");

    let paths = ["/v3/customers/ann".to_owned(), "/v3/customers/twin".to_owned(), format!("/v3/customers/id/{id}")];
    for path in paths {
        let shell = app.get(&path).await;
        assert_eq!((&shell.data()["customerCode"], &shell.data()["customerId"]), (&json!("ann"), &id), "{path}");
        assert_eq!((&shell.data()["customerName"], &shell.data()["customerEmail"]), (&json!("(erased)"), &Value::Null));
        assert_ne!(shell.data()["dateErased"], Value::Null);
    }
    let all = app.post("/v3/customers/enquiry", json!({})).await;
    let codes: Vec<&Value> = all.data().as_array().unwrap().iter().map(|one| &one["customerCode"]).collect();
    assert_eq!(codes, ["other"], "in no list");
    let undo = format!("/v3/customers/merges/{}/undo", merge.data()["mergeId"]);
    let refused = [
        app.post("/v3/customers", plain("ann", "Ann again")).await,
        app.post("/v3/customers", plain("twin", "Ann again")).await,
        app.request(Method::DELETE, "/v3/customers/ann", &[], None).await,
        app.post("/v3/customers/ann/restore", json!({})).await,
        app.post("/v3/customers/ann/merge", json!({"mergedCustomerCode": "other"})).await,
        app.post("/v3/customers/other/merge", json!({"mergedCustomerCode": "ann"})).await,
        app.post(&undo, json!({})).await,
        app.post("/v1/privacy/requests", asked("export", "ann")).await,
        app.post("/v1/privacy/requests", asked("erasure", "ann")).await,
    ];
    for (place, refused) in refused.iter().enumerate() {
        assert_eq!((refused.status, refused.errors()), (409, vec![("conflict", "customerCode")]), "{place}");
        assert!(refused.text.contains("erased"), "{place}: {}", refused.text);
    }
    let event = json!({"eventName": "x", "eventType": 1, "eventDate": "2024-02-01", "customerCode": "ann"});
    assert_eq!(app.post("/v1/customerEvent", event).await.errors(), [("not_found", "customerCode")]);
    let history = app.get(&format!("/v1/audit?ref=customer/{id}")).await;
    let entries = history.data()["value"].as_array().unwrap();
    assert_eq!(entries[0]["action"], "erased");
    let created = entries.iter().find(|entry| entry["action"] == "created").unwrap();
    assert_eq!(created["changes"]["customerName"], json!([null, "***"]), "that it was given a name stays, not which");
    assert_eq!(start(app, erased).await.status, 409);
    // The name is free, and subscribers hear whom they have to forget.
    put(app, plain("new", "Ann Quartz")).await;
    let bodies: Vec<Value> = receiver.got().iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    let told: Vec<&Value> =
        bodies.iter().filter(|body| body["Event"] == "Erased").map(|body| &body["Data"]["Customer"]).collect();
    assert_eq!(told.len(), 2, "the record and the one that was merged into it");
    assert_eq!((&told[0]["CustomerCode"], told[0].get("CustomerName")), (&json!("ann"), None));

    // The room takes nothing any more; whoever writes from there is a new person.
    assert_eq!(app.send(&room, "Hello again").await.errors(), [("unknown_room", "roomId")]);
    assert_eq!(app.get(&format!("/v1/chat/rooms/{room}/messages")).await.status, 404);
    assert_eq!(fake.rooms().await.len(), 0);
    fake.line.set_profile(&user_id("ann"), "Ann the second");
    fake.say("ann", "Hello, I am new").await;
    fake.run().await;
    let rooms = fake.rooms().await;
    assert_eq!(rooms.len(), 1);
    let fresh = fake.room_of("ann").await;
    assert_ne!(fresh, room);
    let history = fake.history(&fresh).await;
    assert_eq!((history.len(), &history[0]["isFirstCustomerMessage"]), (1, &json!(true)));
    let there = app.get(&format!("/v1/chat/rooms/{fresh}/customer")).await;
    assert_eq!(there.data(), &json!({"customer": null, "suggestions": []}));
}

#[tokio::test]
async fn what_waits_to_be_sent_or_told_is_called_off() {
    let (fake, receiver) = hooked().await;
    let app = &fake.app;
    let room = rich(&fake, "ann", "Ann Quartz", "ann").await;
    receiver.always(Some(Received::Status(500)));
    fake.say("ann", "Nobody shall hear this").await;
    fake.run().await;
    let heard = receiver.got().len();
    let sent = fake.send(&room, "Too late").await;
    let id = ask(app, asked("erasure", "ann")).await;
    start(app, id).await;
    // The person is erased before the message goes out and the receiver is back.
    later(&fake).await;
    assert_eq!(request(app, id).await["state"], "done");
    receiver.always(None);
    now(&fake).await;
    assert!(!fake.texts("ann").contains(&"Too late".to_owned()));
    let message = app.get(&format!("/v1/chat/message/{sent}")).await;
    assert_eq!((&message.data()["deliveryStatus"], &message.data()["content"]), (&json!("failed"), &json!("")));
    let bodies: Vec<Value> =
        receiver.got()[heard..].iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    let told: Vec<&Value> = bodies.iter().map(|body| &body["Event"]).collect();
    assert_eq!(told, ["Erased"]);
}

#[tokio::test]
async fn an_erasure_that_runs_again_changes_nothing_more_and_a_long_conversation_is_emptied() {
    let (fake, _receiver) = hooked().await;
    let app = &fake.app;
    let room = rich(&fake, "ann", "Ann Quartz", "ann").await;
    for number in 0..1_100 {
        assert_eq!(app.send(&room, &format!("Quartz {number}")).await.status, 201);
    }
    let id = ask(app, asked("erasure", "ann")).await;
    start(app, id).await;
    later(&fake).await;
    let columns = columns(app).await;
    assert_eq!(places(app, &columns, "quartz").await, Vec::<String>::new());
    let counted = request(app, id).await["result"]["messages"].clone();
    assert_eq!(counted, 1_103);
    // The job comes once more, as after a node that was killed at the end.
    app.sql("update privacy_request set state = 'running' where kind = 'erasure'").await;
    app.sql("update job set run_at = 0 where kind = 'erase'").await;
    fake.run().await;
    let again = request(app, id).await;
    assert_eq!((&again["state"], &again["result"]["messages"]), (&json!("done"), &counted));
    assert_eq!(app.get("/v3/customers/ann").await.data()["customerName"], "(erased)");
}
