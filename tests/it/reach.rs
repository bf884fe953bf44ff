//! Whose customers a person sees and changes: those that he or his team looks after or has entered, and those of nobody.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::app::{Answer, COMPANY, Session, TestApp};
use crate::deal::{employee, entry};
use crate::import::import;
use crate::privacy;
use crate::receiver::Receiver;

async fn customer(app: &TestApp, code: &str, owners: &[&str]) {
    let branch: u64 = code.bytes().map(u64::from).sum();
    let body = json!({"customerCode": code, "customerName": format!("Customer {code}"), "customerState": 3, "customerType": 1,
                      "customerTaxNo": "0105536000017", "branchCode": format!("{branch:05}"), "customerPhone": "0812345678", "owners": owners});
    let made = app.post("/v3/customers", body).await;
    assert_eq!(made.status, 200, "{made:?}");
}

/// A person of a role, whose staff code others may use.
async fn person(app: &TestApp, role: &str, email: &str) -> (Session, String) {
    let session = app.signed_in(role, email).await;
    let me = app.as_person(&session, Method::GET, "/v1/auth/me", None).await;
    (session, me.data()["user"]["staffCode"].as_str().unwrap().to_owned())
}

/// An employee of a team in which nobody else is, with the staff code `stranger`.
pub async fn stranger(app: &TestApp) {
    let body = json!({"staffCode": "stranger", "email": "stranger@example.com", "firstname": "Som", "lastname": "Jaidee",
                      "roleName": "Admin", "teamName": "Another team"});
    assert_eq!(app.request(Method::PUT, "/v1/Employees", &[], Some(body)).await.status, 200);
}

async fn ask(app: &TestApp, who: &Session, method: Method, path: &str, body: Value) -> Answer {
    app.as_person(who, method, path, Some(body)).await
}

async fn codes(app: &TestApp, who: &Session, path: &str, body: Value) -> Vec<String> {
    let found = ask(app, who, Method::POST, path, body).await;
    let rows = if found.body.is_array() { found.body.clone() } else { found.data().clone() };
    let rows = rows.as_array().unwrap_or_else(|| panic!("{path}: {found:?}")).clone();
    let mut codes: Vec<String> = rows.iter().map(|row| row["customerCode"].as_str().unwrap().to_owned()).collect();
    codes.sort_unstable();
    codes
}

#[tokio::test]
async fn a_person_sees_and_changes_no_customer_beyond_his_range() {
    let app = TestApp::new().await;
    employee(&app, "other", None).await;
    let (agent, staff) = person(&app, "Agent", "nok@example.com").await;
    customer(&app, "MINE", &[&staff]).await;
    customer(&app, "FREE", &[]).await;
    customer(&app, "THEIRS", &["other"]).await;
    let event = json!({"eventName": "Secret", "eventType": 1, "eventDate": "2025-01-01", "customerCode": "THEIRS"});
    let event_id = app.post("/v1/customerEvent", event).await.data()["eventId"].clone();
    let id = app.get("/v3/customers/THEIRS").await.data()["customerId"].clone();

    // A name that is taken tells nobody whose it is.
    let taken = json!({"customerName": "Customer THEIRS", "customerState": 3});
    let refused = ask(&app, &agent, Method::POST, "/v3/customers", taken).await;
    assert_eq!((refused.status, refused.errors()), (409, vec![("taken", "customerName")]));
    assert!(!refused.text.contains("THEIRS"), "{refused:?}");

    // Lists, in each of their orders and by each of their ways.
    let seen = ["FREE".to_owned(), "MINE".to_owned()];
    for order in ["dateCreated", "dateModified", "customerName", "customerCode", "customerName desc"] {
        let body = json!({"orderBy": order});
        assert_eq!(codes(&app, &agent, "/v3/customers/enquiry", body).await, seen, "{order}");
    }
    for filter in [
        json!({"keyword": "customer"}),
        json!({"customerState": 3}),
        json!({"customerTaxNo": "0105536000017"}),
        json!({"customerPhone": "0812345678"}),
        json!({"dateFrom": "2000-01-01"}),
        json!({"modifiedFrom": "2000-01-01", "customerState": 3}),
    ] {
        assert_eq!(codes(&app, &agent, "/v3/customers/enquiry", filter.clone()).await, seen, "{filter}");
    }
    for filter in
        [json!({"customerCode": "THEIRS"}), json!({"owners": ["other"]}), json!({"customerName": "Customer THEIRS"})]
    {
        let none: [String; 0] = [];
        assert_eq!(codes(&app, &agent, "/v3/customers/enquiry", filter.clone()).await, none, "{filter}");
    }
    assert_eq!(codes(&app, &agent, "/v3/customers/search", json!({"keyword": "customer"})).await, seen);
    let legacy = json!({"customerType": 11_300, "pageLength": 20});
    assert_eq!(codes(&app, &agent, "/v1/Customers/Enquiry", legacy).await, seen);
    let total = ask(&app, &agent, Method::POST, "/v3/customers/enquiry", json!({})).await;
    assert_eq!(total.body["total"], 2, "{total:?}");
    let tax = app.as_person(&agent, Method::GET, "/v3/customers/tax/0105536000017", None).await;
    assert_eq!(tax.data().as_array().unwrap().len(), 2);
    let known =
        ask(&app, &agent, Method::POST, "/v3/customers/existence", json!({"customerPhone": "0812345678"})).await;
    assert_eq!(known.data()["customers"].as_array().unwrap().len(), 2, "{known:?}");
    let csv = agent.request(Method::POST, "/v3/customers/enquiry", Some(json!({})));
    let (mut parts, body) = csv.into_parts();
    parts.headers.insert("accept", "text/csv".parse().unwrap());
    let (_, _, bytes) = app.file(axum::http::Request::from_parts(parts, body)).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("MINE") && !text.contains("THEIRS"), "{text}");

    // One customer, its pages, and what changes it.
    let write = json!({"customerCode": "theirs", "customerName": "Taken over", "customerState": 3, "customerType": 1});
    let body = |body: Value| Some(body);
    for (method, path, sent) in [
        (Method::GET, "/v3/customers/THEIRS".to_owned(), None),
        (Method::GET, format!("/v3/customers/id/{id}"), None),
        (Method::GET, "/v3/customers/name/Customer%20THEIRS".to_owned(), None),
        (Method::GET, "/v1/Customers/THEIRS".to_owned(), None),
        (Method::GET, "/v3/customers/THEIRS/timeline".to_owned(), None),
        (Method::GET, "/v3/customers/THEIRS/files".to_owned(), None),
        (Method::GET, "/v3/customers/THEIRS/merges".to_owned(), None),
        (Method::GET, "/v3/customers/THEIRS/satisfaction".to_owned(), None),
        (Method::POST, "/v3/customers".to_owned(), body(write)),
        (Method::DELETE, "/v3/customers/THEIRS".to_owned(), None),
        (Method::POST, "/v3/customers/THEIRS/merge".to_owned(), body(json!({"mergedCustomerCode": "MINE"}))),
        (Method::DELETE, format!("/v1/customerEvent/{event_id}"), None),
    ] {
        let answer = app.as_person(&agent, method.clone(), &path, sent).await;
        assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
    }
    for (path, sent) in [
        ("/v3/customers/MINE/merge", json!({"mergedCustomerCode": "THEIRS"})),
        (
            "/v1/customerEvent",
            json!({"eventName": "x", "eventType": 1, "eventDate": "2025-01-01", "customerCode": "THEIRS"}),
        ),
        ("/v1/task", json!({"subject": "x", "customerCode": "THEIRS"})),
    ] {
        let answer = ask(&app, &agent, Method::POST, path, sent).await;
        assert_eq!(answer.errors().first().map(|(code, _)| *code), Some("not_found"), "{path}: {answer:?}");
    }
    assert_eq!(app.get("/v3/customers/THEIRS").await.data()["customerName"], "Customer THEIRS");
    let events = app.as_person(&agent, Method::GET, "/v1/customerEvent/filter?customerCode=THEIRS", None).await;
    assert_eq!(events.errors(), [("not_found", "customerCode")]);

    // What is his or nobody's he reads and changes; what he enters is his.
    for code in ["MINE", "FREE"] {
        let read = app.as_person(&agent, Method::GET, &format!("/v3/customers/{code}"), None).await;
        assert_eq!(read.status, 200, "{read:?}");
        let page = app.as_person(&agent, Method::GET, &format!("/v3/customers/{code}/timeline"), None).await;
        assert_eq!(page.status, 200, "{page:?}");
    }
    let new = json!({"customerCode": "NEW", "customerName": "New", "customerState": 3, "customerType": 1, "owners": ["other"]});
    assert_eq!(ask(&app, &agent, Method::POST, "/v3/customers", new).await.status, 200);
    assert_eq!(app.as_person(&agent, Method::GET, "/v3/customers/NEW", None).await.status, 200);

    // A task of his that names another's customer keeps it.
    let me = app.as_person(&agent, Method::GET, "/v1/auth/me", None).await;
    let task = json!({"subject": "call", "customerCode": "THEIRS", "assignedToUserId": me.data()["user"]["id"]});
    let task_no = app.post("/v1/task", task).await.data()["taskNo"].clone();
    let again = json!({"taskNo": task_no, "subject": "call again", "customerCode": "THEIRS"});
    let kept = ask(&app, &agent, Method::POST, "/v1/task", again).await;
    assert_eq!(kept.data()["customerCode"], "THEIRS", "{kept:?}");

    // Administrators see all.
    let (admin, _) = person(&app, "Administrator", "admin@example.com").await;
    assert_eq!(codes(&app, &admin, "/v3/customers/enquiry", json!({})).await.len(), 4);
}

#[tokio::test]
async fn a_team_sees_what_its_people_look_after() {
    let app = TestApp::new().await;
    let (head, staff) = person(&app, "Supervisor", "head@example.com").await;
    let team = app.get(&format!("/v1/Employees/{staff}")).await;
    let team = team.data()["value"]["teamName"].clone();
    for (code, team) in [("mate", team), ("stranger", json!("Another team"))] {
        let body = json!({"staffCode": code, "email": format!("{code}@example.com"), "firstname": code, "lastname": "Jaidee",
                          "roleName": "Admin", "teamName": team});
        assert_eq!(app.request(Method::PUT, "/v1/Employees", &[], Some(body)).await.status, 200);
        customer(&app, &code.to_uppercase(), &[code]).await;
    }
    assert_eq!(codes(&app, &head, "/v3/customers/enquiry", json!({})).await, ["MATE"]);
    assert_eq!(app.as_person(&head, Method::GET, "/v3/customers/STRANGER", None).await.status, 404);
    for (code, status) in [("MATE", 200), ("STRANGER", 404)] {
        let id = app.get(&format!("/v3/customers/{code}")).await.data()["customerId"].clone();
        let history = app.as_person(&head, Method::GET, &format!("/v1/audit?ref=customer/{id}"), None).await;
        assert_eq!(history.status, status, "{history:?}");
    }
}

#[tokio::test]
async fn the_timeline_has_the_documents_that_the_caller_may_see() {
    let app = crate::sales::market().await;
    let board = entry(&app, "boards", None, "B", json!(null)).await;
    entry(&app, "stages", None, "Offer", json!({"boardId": board, "kind": "open"})).await;
    let deal = json!({"customerCodes": ["daisy"], "boardId": board, "dealName": "Chairs", "probability": 20, "dealValue": 10,
                      "dealDate": "2025-01-01", "expectedCloseDate": "2025-02-01", "assignTo": "Admin01"});
    assert_eq!(app.post("/v1/deals", deal).await.status, 200);
    crate::sales::quote(&app, json!({})).await.data();
    crate::sales::sell(&app, json!({})).await.data();
    let kinds = async |who: Option<&Session>, query: &str| {
        let path = format!("/v3/customers/daisy/timeline{query}");
        let page = match who {
            Some(who) => app.as_person(who, Method::GET, &path, None).await,
            None => app.get(&path).await,
        };
        let rows = page.data()["value"].as_array().unwrap_or_else(|| panic!("{page:?}")).clone();
        let text = |row: &Value| format!("{}/{}", row["kind"].as_str().unwrap(), row["status"].as_str().unwrap_or(""));
        let mut kinds: Vec<String> = rows.iter().map(text).collect();
        kinds.sort_unstable();
        kinds
    };
    // An e-mail is of the customer whose record it is about; one that is about nobody is in no timeline.
    for insert in [
        "insert into mail (company, id, kind, record, customer, language, recipients, copies, subject, body, attachments,
                           message_id, size, state, attempts, tries, since, next_at, search_key, created_by, created_at,
                           modified_by, modified_at, version)
         select company, 1, 'quotation', 'quotation/QT1', id, 'th', '[]', '[]', 'Your quotation', '', '[]', 'a', 1, 'sent',
                1, 1, 0, 0, '', 'x', created_at, 'x', created_at, 1 from customer where code = 'daisy'",
        "insert into mail (company, id, kind, record, customer, language, recipients, copies, subject, body, attachments,
                           message_id, size, state, attempts, tries, since, next_at, search_key, created_by, created_at,
                           modified_by, modified_at, version)
         select company, 2, 'test', 'user/x', null, 'th', '[]', '[]', 'A trial', '', '[]', 'b', 1, 'sent',
                1, 1, 0, 0, '', 'x', created_at, 'x', created_at, 1 from customer where code = 'daisy'",
    ] {
        app.sql(insert).await;
    }
    assert_eq!(kinds(None, "").await, ["deal/open", "mail/sent", "order/open", "quotation/draft"]);
    let mail = app.get("/v3/customers/daisy/timeline?kinds=mail").await;
    let row = &mail.data()["value"][0];
    assert_eq!(
        (&row["reference"], &row["title"], &row["text"]),
        (&json!("1"), &json!("Your quotation"), &json!("quotation/QT1"))
    );
    assert_eq!(kinds(None, "?kinds=deal").await, ["deal/open"]);
    let agent = app.signed_in("Agent", "nok@example.com").await;
    let none: [String; 0] = [];
    assert_eq!(kinds(Some(&agent), "").await, none, "they are another salesperson's");
}

#[tokio::test]
async fn the_timeline_leaves_out_what_the_caller_has_no_scope_for() {
    let app = crate::sales::market().await;
    let room = app.sandbox_room().await;
    app.request(Method::PUT, &format!("/v1/chat/rooms/{room}/customer"), &[], Some(json!({"customerCode": "daisy"})))
        .await
        .data();
    app.post("/v1/task", json!({"subject": "Call", "customerCode": "daisy"})).await.data();
    let event = json!({"eventName": "Fair", "eventType": 1, "eventDate": "2025-01-05", "customerCode": "daisy"});
    app.post("/v1/customerEvent", event).await.data();
    crate::sales::quote(&app, json!({})).await.data();
    let kinds = [("chat:read", "room"), ("task:read", "task"), ("quotation:read", "quotation")];
    for held in 0..=kinds.len() {
        let own: Vec<&str> = kinds.iter().take(held).map(|(scope, _)| *scope).chain(["customer:read"]).collect();
        let caller = app.tenant(COMPANY, &own).await;
        let page = app.request_as(&caller.token, Method::GET, "/v3/customers/daisy/timeline", None).await;
        let mut seen: Vec<&str> =
            page.data()["value"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect();
        seen.sort_unstable();
        let mut wanted: Vec<&str> = kinds.iter().take(held).map(|(_, kind)| *kind).chain(["event"]).collect();
        wanted.sort_unstable();
        assert_eq!(seen, wanted, "{own:?}");
        let path = "/v3/customers/daisy/timeline?kinds=quotation";
        let page = app.request_as(&caller.token, Method::GET, path, None).await;
        assert_eq!(page.data()["value"].as_array().unwrap().len(), usize::from(held == kinds.len()), "{own:?}");
    }
}

/// The status of the history of a record.
async fn history(app: &TestApp, who: &Session, reference: &str) -> u16 {
    app.as_person(who, Method::GET, &format!("/v1/audit?ref={reference}"), None).await.status
}

#[tokio::test]
async fn the_history_of_a_record_is_for_whoever_may_read_the_record() {
    let app = crate::sales::market().await;
    let narrow = app.tenant(COMPANY, &["setting:read"]).await;
    let kinds = "account activity case client contract customer deal employee expense mail mail_template privacy product \
                 quotation reply room sales_order serial sso system task tax_document user view webhook";
    for kind in kinds.split(' ') {
        let path = format!("/v1/audit?ref={kind}/1");
        let refused = app.request_as(&narrow.token, Method::GET, &path, None).await;
        assert_eq!((refused.status, refused.errors()), (403, vec![("missing_scope", "")]), "{kind}: {refused:?}");
    }
    for reference in ["setting/507", "teams/1", "assignment", "documentLogo", "documentTemplate/quotation"] {
        let path = format!("/v1/audit?ref={reference}");
        assert_eq!(app.request_as(&narrow.token, Method::GET, &path, None).await.status, 200, "{reference}");
    }
    assert_eq!(app.request_as(&narrow.token, Method::GET, "/v1/audit", None).await.status, 403, "of the whole company");

    let head = app.signed_in("Supervisor", "head@example.com").await;
    stranger(&app).await;
    let expense = json!({"subject": "Trip", "dateTransaction": "2021-09-17T10:42:31.981Z", "activityId": null,
                         "ExpenseDetails": [{"expenseTypeId": 1004, "amount": 10, "note": "paper"}]});
    let expense = app.post("/v1/Expenses", expense).await.data()["value"]["expenseNo"].clone();
    let seller =
        json!({"taxNo": "0105561000003", "address": "99 Silom", "branches": [{"code": "00000", "name": "Head"}]});
    app.request(Method::PUT, "/v1/setting", &[], Some(seller)).await.data();
    let lines = json!([{"productCode": "10001", "qty": 1, "price": 100, "vatTaxValue": 7}]);
    let sold = crate::sales::sell(&app, json!({"staffCode": "stranger", "salesOrderDetails": lines})).await;
    let order = crate::sales::text(&sold, "salesOrderNo");
    let invoice = json!({"issueDate": "2026-01-15", "buyerTaxNo": "0105561000003"});
    let invoice = app.post(&format!("/v2/salesorder/{order}/tax-invoice"), invoice).await;
    let invoice = invoice.data()["taxDocumentNo"].clone();
    for (kind, no) in [("expense", expense), ("sales_order", order.into()), ("tax_document", invoice)] {
        let reference = format!("{kind}/{}", no.as_str().unwrap());
        assert_eq!(history(&app, &head, &reference).await, 404, "{reference}");
        let all = app.get(&format!("/v1/audit?ref={reference}")).await;
        assert!(!all.data()["value"].as_array().unwrap().is_empty(), "{all:?}");
    }
    assert_eq!(history(&app, &head, "product/1").await, 200, "products are everybody's");
    assert_eq!(history(&app, &head, "teams/1").await, 200);
    assert_eq!(history(&app, &head, "unheard/1").await, 404);
}

#[tokio::test]
async fn a_person_reads_and_takes_back_his_own_imports_only() {
    let app = TestApp::new().await;
    let theirs = import(&app, "kind=customers", "name,phone\nTheirs,0812345678\n").await;
    let head = app.signed_in("Supervisor", "head@example.com").await;
    let (mut parts, _) = head.request(Method::POST, "/v1/imports?kind=customers", None).into_parts();
    parts.headers.insert("content-type", "text/csv".parse().unwrap());
    let own = app.call(Request::from_parts(parts, Body::from("name,phone\nMine,0812345679\n"))).await;
    assert_eq!(own.status, 202, "{own:?}");
    app.run_jobs().await;
    let listed = app.as_person(&head, Method::GET, "/v1/imports", None).await;
    let ids: Vec<&Value> = listed.data()["value"].as_array().unwrap().iter().map(|one| &one["importId"]).collect();
    assert_eq!(ids, [&own.data()["importId"]]);
    for (import, statuses) in [(&theirs, [404, 404, 404]), (own.data(), [200, 200, 202])] {
        let path = format!("/v1/imports/{}", import["importId"].as_str().unwrap());
        for ((method, rest), status) in
            [(Method::GET, ""), (Method::GET, "/errors"), (Method::POST, "/undo")].into_iter().zip(statuses)
        {
            let answer = app.as_person(&head, method, &format!("{path}{rest}"), None).await;
            assert_eq!(answer.status, status, "{path}{rest}: {answer:?}");
        }
    }
    assert_eq!(app.get("/v1/imports").await.data()["value"].as_array().unwrap().len(), 2);
    // His file changes no customer that he does not see, and what it made is taken back.
    app.run_jobs().await;
    stranger(&app).await;
    customer(&app, "FOREIGN", &["stranger"]).await;
    let before = app.get("/v3/customers/FOREIGN").await.data().clone();
    let (mut parts, _) = head.request(Method::POST, "/v1/imports?kind=customers", None).into_parts();
    parts.headers.insert("content-type", "text/csv".parse().unwrap());
    let file = "code,name,phone\nFOREIGN,Taken,0812345678\nOWN-1,Mine too,0812345670\n";
    let made = app.call(Request::from_parts(parts, Body::from(file))).await;
    app.run_jobs().await;
    let path = format!("/v1/imports/{}", made.data()["importId"].as_str().unwrap());
    let done = app.get(&path).await;
    assert_eq!((&done.data()["created"], &done.data()["failed"]), (&json!(1), &json!(1)), "{done:?}");
    assert_eq!(*app.get("/v3/customers/FOREIGN").await.data(), before);
    assert_eq!(app.as_person(&head, Method::POST, &format!("{path}/undo"), None).await.status, 202);
    app.run_jobs().await;
    assert_eq!(app.get("/v3/customers/OWN-1").await.status, 404);
}

#[tokio::test]
async fn a_privacy_request_is_seen_by_whoever_sees_the_customer() {
    let app = TestApp::new().await;
    let head = app.signed_in("Supervisor", "head@example.com").await;
    stranger(&app).await;
    let mut requests = Vec::new();
    for (code, owners) in [("THEIRS", vec!["stranger"]), ("FREE", vec![])] {
        customer(&app, code, &owners).await;
        let id = privacy::ask(&app, privacy::asked("export", code)).await;
        assert_eq!(privacy::start(&app, id).await.status, 200);
        requests.push(id);
    }
    app.run_jobs().await;
    let listed = app.as_person(&head, Method::GET, "/v1/privacy/requests", None).await;
    let ids: Vec<&Value> = listed.data()["value"].as_array().unwrap().iter().map(|one| &one["requestId"]).collect();
    assert_eq!(ids, [&json!(requests[1])]);
    for (id, status) in requests.into_iter().zip([404, 200]) {
        for path in [format!("/v1/privacy/requests/{id}"), format!("/v1/privacy/requests/{id}/archive")] {
            assert_eq!(app.as_person(&head, Method::GET, &path, None).await.status, status, "{path}");
        }
        assert_eq!(history(&app, &head, &format!("privacy/{id}")).await, status);
        assert_eq!(privacy::download(&app, id).await.status, 200);
    }
}

#[tokio::test]
async fn what_a_webhook_was_sent_is_shown_to_whoever_sees_every_record() {
    let app = TestApp::with(|config| config.allow_private_webhooks = true).await;
    let receiver = Receiver::start().await;
    assert_eq!(app.post("/v1/webhooks", json!({"url": receiver.url})).await.status, 201);
    customer(&app, "FREE", &[]).await;
    app.run_jobs().await;
    let (head, _) = person(&app, "Supervisor", "head@example.com").await;
    let (admin, _) = person(&app, "Administrator", "admin@example.com").await;
    for (who, is_shown) in [(&head, false), (&admin, true)] {
        let page = app.as_person(who, Method::GET, "/v1/webhooks/1/deliveries?state=delivered", None).await;
        let delivery = page.data()["value"].as_array().unwrap().last().unwrap_or_else(|| panic!("{page:?}")).clone();
        assert_eq!(delivery["answer"]["status"], 200, "{delivery}");
        for body in [&delivery["request"]["body"], &delivery["answer"]["body"]] {
            assert_eq!(!body.is_null(), is_shown, "{delivery}");
        }
    }
}

/// A subscription sends what happens to everybody's records: whoever sees some of them makes none.
#[tokio::test]
async fn nobody_subscribes_to_more_than_he_may_see() {
    let app = TestApp::new().await;
    assert_eq!(app.post("/v1/webhooks", json!({"url": "https://hooks.example/1"})).await.status, 201);
    let role = json!({"scopes": ["webhook:read", "webhook:write", "client:write"], "range": "team"});
    entry(&app, "roles", None, "Technician", role).await;
    let technician = app.signed_in("Technician", "tech@example.com").await;
    for (method, path) in [
        (Method::POST, "/v1/webhooks"),
        (Method::PUT, "/v1/webhooks/1"),
        (Method::POST, "/v1/webhooks/1/rotate-secret"),
    ] {
        let body = json!({"url": "https://elsewhere.example/1"});
        let refused = app.as_person(&technician, method.clone(), path, Some(body)).await;
        assert_eq!((refused.status, refused.errors()), (403, vec![("missing_scope", "")]), "{method} {path}");
    }
    let listed = app.as_person(&technician, Method::GET, "/v1/webhooks", None).await;
    assert_eq!(listed.data()["value"][0]["url"], "https://hooks.example/1", "what there is stays as it was");
}

#[tokio::test]
async fn an_import_of_a_client_whose_id_is_a_uuid_sees_every_record() {
    let app = TestApp::new().await;
    stranger(&app).await;
    customer(&app, "FOREIGN", &["stranger"]).await;
    let given =
        sala::oauth::Given { id: Some("0b9f4c1e-7d2a-4c55-9f0e-2a6d8c1b3e47".to_owned()), ..Default::default() };
    let scopes = ["import:write", "customer:write", "customer:read"].map(str::to_owned);
    let now = app.app.now();
    let client = sala::oauth::create_client_as(&app.app.db, COMPANY, "Moved", &scopes, given, now).await.unwrap();
    let request = Request::post("/v1/imports?kind=customers")
        .header("authorization", format!("Bearer {}", app.token_for(&client).await))
        .header("content-type", "text/csv");
    let made = app.call(request.body(Body::from("code,name\nFOREIGN,Moved along\n")).unwrap()).await;
    assert_eq!(made.status, 202, "{made:?}");
    app.run_jobs().await;
    assert_eq!(app.get("/v3/customers/FOREIGN").await.data()["customerName"], "Moved along");
}
