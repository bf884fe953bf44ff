//! Activities: planned, done, listed, recurring, shared as a calendar; and the timeline of a customer.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, TestApp, request};
use crate::case::{CLERK, people};
use crate::customer::plain;
use crate::import::{counts, import, undo};

/// A server with the people and the customer of the examples.
async fn ready() -> TestApp {
    let app = TestApp::new().await;
    people(&app).await;
    let mut customer = plain("C000154", "Chao Phraya Foods");
    customer["addresses"] = json!([{"address": "1 ถนนพระราม 1", "latitude": "13.7465", "longitude": "100.5348"}]);
    assert_eq!(app.post("/v3/customers", customer).await.status, 200);
    app
}

/// A visit with other values.
fn visit(change: Value) -> Value {
    let mut body =
        json!({"subject": "เข้าพบลูกค้า", "dateAppointmentStart": "2025-02-05T10:00:00", "assignToUserId": CLERK});
    for (name, value) in change.as_object().unwrap() {
        body[name.as_str()] = value.clone();
    }
    body
}

async fn planned(app: &TestApp, change: Value) -> Value {
    let made = app.post("/v1/activity", visit(change)).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.data().clone()
}

async fn listed(app: &TestApp, filter: Value) -> String {
    let answer = app.post("/v1/activities/enquiry", filter).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.data().as_array().unwrap().clone();
    rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_activity_is_entered_read_by_both_names_and_changed() {
    let app = ready().await;
    let body = json!({
        "activityNo": null, "subject": "เข้าพบลูกค้า", "activityTypeId": 1, "keyActivityIds": [2, 1, 2], "customerCode": "c000154",
        "dealNos": ["D241200044"], "dateAppointmentStart": "2025-02-05T10:00:00", "dateAppointmentEnd": "2025-02-05T11:30:00",
        "assignToUserId": CLERK, "visitLatitude": 13.746_512_3, "visitLongitude": "100.5348", "visitLocation": "ถนนพระราม 1",
        "visitLocationName": "สำนักงานใหญ่", "note": "เอาตัวอย่างไปด้วย", "participantUserIds": ["EMP002"],
    });
    let made = app.post("/v1/activity", body).await;
    let data = made.data().clone();
    let no = data["activityNo"].as_str().unwrap().to_owned();
    assert!(no.len() == 12 && no.starts_with("A20") && no.ends_with("00001"), "{no}");
    for (name, value) in [
        ("activityId", json!(1)),
        ("statusId", json!(1)),
        ("state", json!("planned")),
        ("isActive", json!(true)),
        ("isAdHoc", json!(false)),
        ("assignToUserId", json!(CLERK)),
        ("dateAppointmentEnd", json!("2025-02-05T11:30:00+0700")),
        ("visitLatitude", json!(13.746_512)),
        ("visitLongitude", json!(100.5348)),
        ("keyActivityIds", json!([1, 2])),
        ("customerCode", json!("C000154")),
        ("dealNos", json!(["D241200044"])),
        ("warnings", json!([])),
    ] {
        assert_eq!(data[name], value, "{name}");
    }
    for path in
        ["/v1/activities/1", "/v1/Activity/1", &format!("/v1/activity/{no}"), &format!("/v1/activities/no/{no}")]
    {
        assert_eq!(app.get(path).await.data()["activityNo"], json!(no), "{path}");
    }
    let (head, rest) = made.text.split_once("\"visitPlaceId\"").unwrap();
    assert!(
        head.contains("{\"activityId\":1,\"teamId\":3,\"activityNo\"") && rest.starts_with(":null,\"dateCheckIn\"")
    );
    // The number makes it an update; what is absent stays, and an end moves with its begin.
    let change = json!({"activityNo": no.to_lowercase(), "dateAppointmentStart": "2025-02-06T10:00:00", "note": null});
    let changed = app.post("/v1/activities", change).await;
    assert_eq!((&changed.data()["activityId"], &changed.data()["note"]), (&json!(1), &Value::Null));
    assert_eq!(changed.data()["dateAppointmentEnd"], "2025-02-06T11:30:00+0700");
    assert_eq!(changed.data()["subject"], "เข้าพบลูกค้า");
    // A number that is not known is that of a new one.
    assert_eq!(planned(&app, json!({"activityNo": "A20250200028"})).await["activityNo"], "A20250200028");
    let history = app.get(&format!("/v1/audit?ref=activity/{no}")).await;
    assert_eq!(history.data()["value"][0]["action"], "updated");
    let path = format!("/v1/activities/{no}");
    assert_eq!(app.request(Method::DELETE, &path, &[], None).await.status, 200);
    assert_eq!(app.get(&path).await.errors(), [("not_found", "activity")]);
    assert_eq!(app.post(&format!("{path}/restore"), json!({})).await.data()["activityNo"], json!(no));
}

#[tokio::test]
async fn look_up_lists_are_answered() {
    let app = ready().await;
    for path in ["/v1/activity/key-activities", "/v1/activities/key-activities", "/v1/activities/KeyActivities"] {
        let keys = app.get(path).await;
        assert!(
            keys.data()[0]["keyActivityId"] == 1 && keys.data()[0]["keyActivityName"].is_string(),
            "{path}: {keys:?}"
        );
    }
    assert_eq!(app.get("/v1/activity/types").await.data()[0]["activityTypeNameEn"], "Visit");
    let statuses = app.get("/v1/activities/statuses").await;
    assert_eq!((&statuses.data()[2]["state"], &statuses.data()[2]["statusId"]), (&json!("done"), &json!(3)));
    let wrong = json!({"name": "รอ", "detail": {"state": "asleep"}});
    assert_eq!(app.post("/v1/setting/activity-statuses", wrong).await.errors(), [("invalid_value", "detail.state")]);
}

#[tokio::test]
async fn what_is_wrong_with_an_activity_is_named() {
    let app = ready().await;
    let wrong = json!({
        "activityNo": "12", "subject": " ", "activityTypeId": 99, "keyActivityIds": [99], "customerCode": "nobody",
        "dateAppointmentStart": "2025-02-05", "dateAppointmentEnd": "2025-02-04", "assignToUserId": "EMP999",
        "visitLatitude": 91, "statusId": 99, "roomId": CLERK, "recurrence": "often", "participantUserIds": ["EMP998"],
        "teamId": 99,
    });
    let refused = app.post("/v1/activity", wrong).await;
    let mut fields: Vec<&str> = refused.errors().into_iter().map(|(_, field)| field).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "activityNo",
            "activityTypeId",
            "assignToUserId",
            "customerCode",
            "dateAppointmentEnd",
            "keyActivityIds[0]",
            "participantUserIds[0]",
            "recurrence",
            "roomId",
            "statusId",
            "subject",
            "teamId",
            "visitLatitude",
        ]
    );
    let never = visit(json!({"recurrence": "FREQ=DAILY;COUNT=0", "dateAppointmentStart": "0001-01-01T00:00:00"}));
    let refused = app.post("/v1/activity", never).await;
    assert_eq!(refused.errors(), [("required", "dateAppointmentStart"), ("invalid_format", "recurrence")]);
    let made = planned(&app, json!({"dateNextStep": "0001-01-01T00:00:00"})).await;
    assert_eq!(made["dateNextStep"], Value::Null);
    let nothing = app.post("/v1/activity", json!({})).await;
    assert_eq!(nothing.errors(), [("required", "subject"), ("required", "dateAppointmentStart")]);
}

#[tokio::test]
async fn a_visit_is_checked_in_and_out_with_place_time_and_distance() {
    let app = ready().await;
    let made = planned(&app, json!({"customerCode": "C000154"})).await;
    let path = format!("/v1/activity/{}", made["activityNo"].as_str().unwrap());
    let early = app.post(&format!("{path}/check-out"), json!({})).await;
    assert_eq!((early.status, early.errors()), (409, vec![("conflict", "dateCheckOut")]));
    let half = app.post(&format!("{path}/check-in"), json!({"latitude": 13.7})).await;
    assert_eq!(half.errors(), [("required", "longitude")]);
    let arrival = json!({"latitude": 13.7475, "longitude": 100.5348, "locationName": "หน้าร้าน", "dateCheckIn": "2025-02-05T10:03:00"});
    let arrived = app.post(&format!("{path}/check-in"), arrival.clone()).await;
    let data = arrived.data();
    assert_eq!((&data["state"], &data["statusId"]), (&json!("started"), &json!(2)));
    assert_eq!(
        data["checkIn"],
        json!({"date": "2025-02-05T10:03:00+0700", "latitude": 13.7475, "longitude": 100.5348,
                                       "location": null, "locationName": "หน้าร้าน", "distanceMeters": 111})
    );
    assert_eq!(app.post(&format!("{path}/check-in"), arrival).await.status, 409);
    let before = app.post(&format!("{path}/check-out"), json!({"dateCheckOut": "2025-02-05T10:00:00"})).await;
    assert_eq!(before.errors(), [("invalid_value", "dateCheckOut")]);
    let report = json!({"dateCheckOut": "2025-02-05T10:48:30", "report": "ลูกค้าสนใจรุ่นใหม่", "outcome": "สนใจ",
                        "nextStep": "ส่งใบเสนอราคา", "dateNextStep": "2025-02-10"});
    let left = app.post(&format!("/v1/activities/{}/check-out", made["activityId"]), report).await;
    let data = left.data();
    assert_eq!((&data["state"], &data["minutesSpent"], &data["outcome"]), (&json!("done"), &json!(45), &json!("สนใจ")));
    assert_eq!(data["dateNextStep"], "2025-02-10T00:00:00+0700");
    let history = app.get(&format!("/v1/audit?ref=activity/{}", made["activityNo"].as_str().unwrap())).await;
    let actions = history.data()["value"].as_array().unwrap().clone();
    let actions: Vec<&str> = actions.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["checkedout", "checkedin", "created"]);
    // Without a plan: one call makes the activity and checks in.
    let bare = app.post("/v1/activity/check-in", json!({"assignToUserId": "EMP001", "customerCode": "C000154"})).await;
    let data = bare.data();
    assert_eq!(
        (&data["isAdHoc"], &data["state"], &data["checkIn"]["distanceMeters"]),
        (&json!(true), &json!("started"), &Value::Null)
    );
    assert_eq!(listed(&app, json!({"isAdHoc": true, "states": ["started"]})).await, data["subject"].as_str().unwrap());
}

#[tokio::test]
async fn photos_are_attached_to_an_activity() {
    let app = ready().await;
    let made = planned(&app, json!({})).await;
    let path = format!("/v1/activity/{}/files", made["activityNo"].as_str().unwrap());
    assert_eq!(app.post(&path, json!({"files": []})).await.errors(), [("required", "files")]);
    let attached = app.post(&path, json!({"files": ["data:image/gif;base64,R0lGODlhAQABAAAAACw="]})).await;
    let file = attached.data()[0]["fileId"].as_str().unwrap().to_owned();
    assert_eq!(attached.data()[0]["contentType"], "image/gif");
    let history = app.get(&path.replace("/v1/activity/", "/v1/audit?ref=activity/").replace("/files", "")).await;
    assert!(history.text.contains("file attached"), "{}", history.text);
    assert_eq!(app.get(&format!("/v1/activities/{}/files", made["activityId"])).await.data()["total"], 1);
    let foreign = planned(&app, json!({})).await;
    let other = format!("/v1/activity/{}/files/{file}", foreign["activityNo"].as_str().unwrap());
    assert_eq!(app.request(Method::DELETE, &other, &[], None).await.status, 404);
    assert_eq!(app.request(Method::DELETE, &format!("{path}/{file}"), &[], None).await.status, 200);
    assert_eq!(app.get(&path).await.data()["total"], 0);
}

#[tokio::test]
async fn overlaps_are_warned_of() {
    let app = ready().await;
    let first = planned(&app, json!({"dateAppointmentEnd": "2025-02-05T12:00:00"})).await;
    for (begin, end, who, warned) in [
        ("11:59:00", "13:00:00", CLERK, true),
        ("09:00:00", "10:00:00", CLERK, false),
        ("12:00:00", "12:30:00", "EMP002", false),
        ("09:00:00", "19:00:00", "EMP002", true),
    ] {
        let change = json!({"dateAppointmentStart": format!("2025-02-05T{begin}"), "assignToUserId": who,
                            "dateAppointmentEnd": format!("2025-02-05T{end}")});
        let warnings = planned(&app, change).await["warnings"].clone();
        assert_eq!(!warnings.as_array().unwrap().is_empty(), warned, "{begin}: {warnings}");
    }
    let cancelled = json!({"activityNo": first["activityNo"], "statusId": 4});
    assert_eq!(app.post("/v1/activity", cancelled).await.data()["warnings"], json!([]));
}

#[tokio::test]
async fn the_next_of_a_series_follows_when_one_has_ended() {
    let app = ready().await;
    let made = planned(&app, json!({"recurrence": "FREQ=WEEKLY;COUNT=2", "customerCode": "C000154"})).await;
    let done = json!({"activityNo": made["activityNo"], "statusId": 3, "report": "เรียบร้อย"});
    // Once, however often it is opened and done again.
    let open = json!({"activityNo": made["activityNo"], "statusId": 1});
    for body in [&done, &done, &open, &done] {
        assert_eq!(app.post("/v1/activity", body.clone()).await.status, 200);
    }
    let rows = app.post("/v1/activities/enquiry", json!({"states": ["planned"]})).await;
    assert_eq!(rows.body["total"], 1);
    let next = rows.data()[0].clone();
    assert_eq!(next["dateAppointmentStart"], "2025-02-12T10:00:00+0700");
    assert_eq!((&next["report"], &next["customerCode"]), (&Value::Null, &json!("C000154")));
    // The rule ends after two.
    app.post("/v1/activity", json!({"activityNo": next["activityNo"], "statusId": 4})).await;
    assert_eq!(app.post("/v1/activities/enquiry", json!({})).await.body["total"], 2);
}

#[tokio::test]
async fn activities_are_listed_by_filters_and_in_stated_orders() {
    let app = ready().await;
    let room = app.sandbox_room().await;
    for change in [
        json!({"subject": "ก", "dateAppointmentStart": "2025-01-03", "customerCode": "C000154", "roomId": room}),
        json!({"subject": "ข", "dateAppointmentStart": "2025-01-02", "activityTypeId": 2, "dealNos": ["D1"], "isActive": false}),
        json!({"subject": "ค", "dateAppointmentStart": "2025-01-01", "assignToUserId": "EMP002", "statusId": 3}),
    ] {
        planned(&app, change).await;
    }
    for (filter, expected) in [
        (json!({}), "กขค"),
        (json!({"orderBy": "-dateAppointmentStart"}), "คขก"),
        (json!({"orderBy": 2}), "คขก"),
        (json!({"take": 1, "skip": 1}), "ข"),
        (json!({"pageLength": 2}), "กข"),
        (json!({"customerCode": "C000154"}), "ก"),
        (json!({"staffCodes": ["emp001"]}), "กข"),
        (json!({"assignToUserIds": [CLERK], "isActive": true}), "ก"),
        (json!({"statusIds": [3]}), "ค"),
        (json!({"states": ["Planned"]}), "กข"),
        (json!({"activityTypeIds": [2]}), "ข"),
        (json!({"dealNo": "d1"}), "ข"),
        (json!({"roomId": room}), "ก"),
        (json!({"dateStart": "2025-01-02", "dateEnd": "2025-01-02T23:00:00"}), "ข"),
        (json!({"keyword": "ค"}), "ค"),
        (json!({"teamIds": [999]}), ""),
    ] {
        assert_eq!(listed(&app, filter.clone()).await, expected, "{filter}");
    }
    let same = app.post("/v1/activity/enquiry", json!({"take": 2})).await;
    let rest = listed(&app, json!({"cursor": same.body["next"]})).await;
    assert_eq!(rest, "ค");
    let wrong = json!({"orderBy": "x", "states": ["asleep"], "staffCodes": ["EMP999"], "dateEnd": "soon"});
    assert_eq!(app.post("/v1/activities/enquiry", wrong).await.errors().len(), 4);
}

#[tokio::test]
async fn an_employees_calendar_is_read_by_a_secret_address_until_it_is_taken_back() {
    let app = ready().await;
    let now = app.app.now();
    let text = |at: i64| sala::time::text(at, &sala::time::Zone::UTC);
    let series = json!({"subject": "ประชุม, ทีม; ขาย", "dateAppointmentStart": text(now), "recurrence": "FREQ=DAILY;COUNT=3",
                        "customerCode": "C000154", "visitLocationName": "ชั้น 2"});
    let series = planned(&app, series).await;
    planned(&app, json!({"subject": "ของคนอื่น", "dateAppointmentStart": text(now), "assignToUserId": "EMP002"})).await;
    let made = app.post("/v1/activity/calendars", json!({"userId": "emp001"})).await;
    assert_eq!((made.status, &made.data()["staffCode"]), (201, &json!("EMP001")));
    let url = made.data()["url"].as_str().unwrap();
    let path = &url[url.find("/calendars/").unwrap()..];
    let read = async |path: &str| -> Answer { app.call(Request::get(path).body(Body::empty()).unwrap()).await };
    let calendar = read(&format!("{path}.ics")).await;
    assert_eq!((calendar.status, calendar.header("content-type")), (200, "text/calendar; charset=utf-8"));
    // Long lines are folded: a line that begins with a space goes on with the one before it.
    let text = calendar.text.replace("\r\n ", "");
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 3, "{text}");
    assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.contains("X-WR-CALNAME:Malee EMP001\r\n"), "{text}");
    assert!(text.contains("SUMMARY:ประชุม\\, ทีม\\; ขาย (Chao Phraya Foods)\r\n"), "{text}");
    assert!(text.contains("LOCATION:ชั้น 2\r\n") && text.contains("STATUS:CONFIRMED\r\n"), "{text}");
    assert!(!text.contains("ของคนอื่น"));
    // The first is done, and opened again: the series is the next one's by then.
    for status in [3, 1] {
        let body = json!({"activityNo": series["activityNo"], "statusId": status});
        assert_eq!(app.post("/v1/activity", body).await.status, 200);
    }
    assert_eq!(read(path).await.text.matches("BEGIN:VEVENT").count(), 3);
    let listed = app.get("/v1/activity/calendars").await;
    assert_eq!((&listed.data()[0]["calendarId"], &listed.data()[0]["url"]), (&json!(1), &Value::Null));
    let stranger = app.tenant(COMPANY + 1, &["activity:read"]).await;
    let foreign = app.request_as(&stranger.token, Method::DELETE, "/v1/activity/calendars/1", None).await;
    assert_eq!(foreign.status, 404);
    assert_eq!(app.request(Method::DELETE, "/v1/activity/calendars/1", &[], None).await.status, 200);
    for path in [path, "/calendars/507-wrong", "/calendars/x"] {
        assert_eq!(read(path).await.errors(), [("not_found", "calendar")], "{path}");
    }
    assert_eq!(app.post("/v1/activity/calendars", json!({})).await.errors(), [("required", "userId")]);

    // Somebody who may not sign in any more has no calendar either.
    let person = app.signed_in("Agent", "shut.out@example.com").await;
    let made = app.post("/v1/activity/calendars", json!({"userId": person.id})).await;
    let url = made.data()["url"].as_str().unwrap();
    let path = &url[url.find("/calendars/").unwrap()..];
    for (is_active, status) in [(true, 200), (false, 404), (true, 200)] {
        let user = format!("/v1/console/users/{}", person.id);
        app.request(Method::PATCH, &user, &[], Some(json!({"isActive": is_active}))).await.data();
        assert_eq!(read(path).await.status, status, "{is_active}");
    }
}

#[tokio::test]
async fn cases_and_activities_point_at_each_other() {
    let app = ready().await;
    for no in ["A20250200028", "A20250200029"] {
        planned(&app, json!({"activityNo": no})).await;
    }
    let case = json!({"caseType": 1, "subject": "x", "categoryId": 1, "dateCase": "2025-02-05", "dateDue": "2025-02-06",
                      "assignedToUserId": CLERK, "activityNos": ["a20250200028", "A20250200028", "A20250200029"]});
    let made = app.post("/v1/case", case.clone()).await;
    assert_eq!(made.data()["activityNos"], json!(["A20250200028", "A20250200029"]));
    let activity = app.get("/v1/activity/A20250200028").await;
    assert_eq!(activity.data()["caseNos"], json!([made.data()["caseNo"]]));
    let mut unknown = case;
    unknown["activityNos"] = json!(["A1"]);
    assert_eq!(app.post("/v1/case", unknown).await.errors(), [("not_found", "activityNos")]);
}

#[tokio::test]
async fn the_timeline_has_everything_of_a_customer_newest_first() {
    let app = ready().await;
    let mut expected = Vec::new();
    for day in 1..=9 {
        let date = format!("2025-01-{day:02}T10:00:00");
        let event =
            json!({"eventName": format!("e{day}"), "eventType": 1, "eventDate": date, "customerCode": "C000154"});
        assert_eq!(app.post("/v1/customerEvent", event).await.status, 200);
        planned(&app, json!({"subject": format!("a{day}"), "dateAppointmentStart": date, "customerCode": "C000154"}))
            .await;
        let case = json!({"caseType": 1, "subject": format!("c{day}"), "categoryId": 1, "dateCase": date, "dateDue": date,
                          "assignedToUserId": CLERK, "customerCode": "C000154"});
        assert_eq!(app.post("/v1/case", case).await.status, 200);
        // Within a moment the kinds have their own order.
        expected.splice(0..0, [format!("e{day}"), format!("a{day}"), format!("c{day}")]);
    }
    let room = app.sandbox_room().await;
    let link = json!({"customerCode": "C000154"});
    app.request(Method::PUT, &format!("/v1/chat/rooms/{room}/customer"), &[], Some(link)).await;
    app.advance(Duration::from_secs(1));
    let task = json!({"subject": "โทรกลับ", "customerCode": "C000154"});
    assert_eq!(app.post("/v1/task", task).await.status, 200);
    expected.splice(0..0, ["โทรกลับ".to_owned(), "Somchai".to_owned()]);
    let other = json!({"subject": "ของคนอื่น", "dateAppointmentStart": "2025-01-05", "customerCode": null});
    planned(&app, other).await;
    for take in [1, 2, 7, 50] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("/v3/customers/c000154/timeline?take={take}&cursor={cursor}")).await;
            let rows = page.data()["value"].as_array().unwrap_or_else(|| panic!("{page:?}")).clone();
            assert!(rows.len() <= take);
            seen.extend(rows.iter().map(|row| row["title"].as_str().unwrap().to_owned()));
            match page.data()["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, expected, "{take}");
    }
    let some = app.get("/v3/customers/C000154/timeline?kinds=case,room&take=2").await;
    let first = &some.data()["value"][1];
    assert_eq!(
        (&first["kind"], &first["status"], &first["assignedToUserId"]),
        (&json!("case"), &json!("new"), &json!(CLERK))
    );
    assert!(first["reference"].as_str().unwrap().starts_with('T'));
    let wrong = app.get("/v3/customers/C000154/timeline?kinds=x&cursor=x").await;
    assert_eq!(wrong.errors(), [("invalid_value", "kinds"), ("invalid_value", "cursor")]);
    assert_eq!(app.get("/v3/customers/nobody/timeline").await.errors(), [("not_found", "customer")]);
}

#[tokio::test]
async fn lists_are_had_as_files() {
    let app = ready().await;
    planned(&app, json!({})).await;
    let asked = request(&app.token, Method::POST, "/v1/activities/enquiry", &[("accept", "text/csv")], Some(json!({})));
    let (status, _, bytes) = app.file(asked).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(status == 200 && text.lines().count() == 2 && text.contains("activityNo"), "{text}");
}

#[tokio::test]
async fn a_file_of_activities_is_loaded() {
    let app = ready().await;
    let file = "เลขที่,หัวข้อ,รหัสลูกค้า,วันที่,ผู้รับผิดชอบ,รายงาน\n\
                A20240100001,เข้าพบ,C000154,2024-01-05 10:00,EMP001,ดี\n\
                ,โทร,,2024-01-06 10:00,EMP999,\n";
    let request = Request::post("/v1/imports?kind=activities")
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "text/csv")
        .body(Body::from(file));
    let begun = app.call(request.unwrap()).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    app.run_jobs().await;
    let done = app.get(&format!("/v1/imports/{}", begun.data()["importId"].as_str().unwrap())).await;
    assert_eq!((&done.data()["created"], &done.data()["failed"]), (&json!(1), &json!(1)), "{done:?}");
    let loaded = app.get("/v1/activity/a20240100001").await;
    assert_eq!((&loaded.data()["report"], &loaded.data()["customerCode"]), (&json!("ดี"), &json!("C000154")));
    let file = "เลขที่,หัวข้อ,วันที่,ผู้รับผิดชอบ\nA20240100002,พบ,5/1/2567 9:05,EMP001\n";
    for _ in 0..2 {
        let done = import(&app, "kind=activities", file).await;
        assert_eq!(counts(&done), (1, 0, 0, 0), "{done:#}");
        let loaded = app.get("/v1/activity/A20240100002").await;
        assert_eq!(loaded.data()["dateAppointmentStart"], "2024-01-05T09:05:00+0700");
        undo(&app, &done).await;
        assert_eq!(app.get("/v1/activity/A20240100002").await.status, 404);
    }
}
