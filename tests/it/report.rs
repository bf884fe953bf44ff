//! Reports: figures that are added up while things happen, and equal a count over the records.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use sala::report::tally;
use serde_json::{Value, json};

use crate::app::{COMPANY, TestApp};

async fn say(app: &TestApp, account: &str, customer: &str) -> String {
    let request = Request::post(format!("/channels/sandbox/{account}/{customer}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({"content": "Hello"}).to_string()));
    let stored = app.call(request.unwrap()).await;
    assert_eq!(stored.status, 201, "{stored:?}");
    stored.data()["roomId"].as_str().unwrap().to_owned()
}

/// The figures of a report: group and figure, count and average.
async fn report(app: &TestApp, query: &str) -> BTreeMap<(String, String), (i64, Value)> {
    let answer = app.get(&format!("/v1/reports/{query}")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = answer.data()["value"].as_array().unwrap().clone();
    rows.iter()
        .map(|row| {
            ((text(&row["group"]), text(&row["figure"])), (row["count"].as_i64().unwrap(), row["average"].clone()))
        })
        .collect()
}

fn count(rows: &BTreeMap<(String, String), (i64, Value)>, figure: &str) -> i64 {
    rows.iter().filter(|((_, name), _)| name == figure).map(|(_, (count, _))| count).sum()
}

/// Lets enough time pass for what was said to be added up, and adds it up.
async fn add_up(app: &mut TestApp) {
    app.advance(Duration::from_secs(10 * 60));
    tally::run(&app.app).await.unwrap();
    app.token = app.token_for(&app.client).await;
}

/// Customers in three rooms write over some days and are answered after some time, or not.
async fn history(app: &mut TestApp) {
    let account = app.sandbox().await;
    for day in 0..3 {
        for (customer, wait) in [("ann", Some(60)), ("bob", Some(40 * 60)), ("cy", None)] {
            let room = say(app, &account, customer).await;
            say(app, &account, customer).await;
            app.advance(Duration::from_secs(wait.unwrap_or(1)));
            app.token = app.token_for(&app.client).await;
            if wait.is_some() || day == 2 {
                assert_eq!(app.send(&room, "Hi").await.status, 201);
                assert_eq!(app.send(&room, "How are you?").await.status, 201);
            }
        }
        app.advance(Duration::from_secs(24 * 60 * 60));
        app.token = app.token_for(&app.client).await;
    }
}

#[tokio::test]
async fn figures_equal_a_count_over_the_records_however_they_came_about() {
    let mut app = TestApp::new().await;
    let began = app.app.now();
    history(&mut app).await;
    add_up(&mut app).await;
    let today = |app: &TestApp| sala::time::text(app.app.now(), &sala::time::Zone::UTC)[..10].to_owned();
    let from = sala::time::text(began - 86_400_000, &sala::time::Zone::UTC)[..10].to_owned();
    let to = today(&app);
    let span = format!("from={from}&to={to}");
    let (from_customers, to_customers): (i64, i64) = {
        let mut conn = app.app.db.read().await.unwrap();
        conn.sql("select count(contact), count(client) from message where company = $1")
            .bind(COMPANY)
            .one()
            .await
            .unwrap()
    };
    assert_eq!((from_customers, to_customers), (18, 14));
    let mut before = Vec::new();
    for by in ["day", "hour", "weekday", "week", "month", "channel", "none"] {
        let rows = report(&app, &format!("messages?{span}&groupBy={by}")).await;
        assert_eq!((count(&rows, "fromCustomers"), count(&rows, "toCustomers")), (18, 14), "{by}");
        before.push(rows);
    }
    assert_eq!(before[5].keys().next().unwrap().0, "line");

    // Seven waits were ended: by answers after a minute, after forty minutes, and once two days late.
    let waits = report(&app, &format!("first-response?{span}&groupBy=none")).await;
    let figure = |name: &str| waits.iter().find(|((_, figure), _)| figure == name).unwrap().1.clone();
    assert_eq!(figure("responses").0, 7);
    assert_eq!((figure("within5Minutes").0, figure("withinHour").0, figure("withinDay").0), (3, 6, 6));
    let naive = naive_waits(&app).await;
    assert_eq!(figure("responses").1, json!(naive));

    // Cy waited from the first day to the last.
    let open = report(&app, &format!("open-rooms?{span}")).await;
    let counts: Vec<i64> = open.values().map(|(count, _)| *count).collect();
    assert!(counts.contains(&1), "{open:?}");
    assert_eq!(*counts.last().unwrap(), 0, "{open:?}");
    assert_eq!(count(&report(&app, &format!("open-rooms?{span}&groupBy=channel")).await, "open"), 0);

    // Adding up again adds nothing, and making everything anew comes to the same.
    tally::run(&app.app).await.unwrap();
    tally::rebuild(&app.app, COMPANY).await.unwrap();
    for (at, by) in ["day", "hour", "weekday", "week", "month", "channel", "none"].into_iter().enumerate() {
        assert_eq!(report(&app, &format!("messages?{span}&groupBy={by}")).await, before[at], "{by}");
    }
    assert_eq!(report(&app, &format!("open-rooms?{span}")).await, open);
}

#[tokio::test]
async fn answers_with_ids_of_another_time_are_counted_once() {
    let mut app = TestApp::new().await;
    let account = app.sandbox().await;
    let room = say(&app, &account, "ann").await;
    let agent = app.signed_in("Agent", "nok@example.com").await;
    app.advance(Duration::from_secs(60));
    for id in ["01890000-0000-7000-8000-000000000001", "f1890000-0000-7000-8000-000000000002"] {
        let body = json!({"id": id, "type": "message", "content": "Hi"});
        let sent = app.as_person(&agent, Method::POST, &format!("/v1/console/rooms/{room}/messages"), Some(body)).await;
        assert_eq!(sent.status, 201, "{sent:?}");
    }
    add_up(&mut app).await;
    for round in 0..2 {
        let rows = report(&app, "messages?groupBy=none").await;
        assert_eq!((count(&rows, "fromCustomers"), count(&rows, "toCustomers")), (1, 2), "{round}");
        let waits = report(&app, "first-response?groupBy=none").await;
        assert_eq!((count(&waits, "responses"), count(&waits, "within5Minutes")), (1, 1), "{round}");
        tally::rebuild(&app.app, COMPANY).await.unwrap();
    }
}

/// The average wait, by going through all messages.
async fn naive_waits(app: &TestApp) -> f64 {
    let mut conn = app.app.db.read().await.unwrap();
    let said: Vec<(uuid::Uuid, i64, bool)> = conn
        .sql("select room, sent_at, contact is not null from message where company = $1 order by id")
        .bind(COMPANY)
        .all()
        .await
        .unwrap();
    let mut since: BTreeMap<uuid::Uuid, i64> = BTreeMap::new();
    let mut waits = Vec::new();
    for (room, at, is_customer) in said {
        if is_customer {
            since.entry(room).or_insert(at);
        } else if let Some(begin) = since.remove(&room) {
            waits.push((at - begin) / 1000);
        }
    }
    let average = waits.iter().sum::<i64>() as f64 / waits.len() as f64;
    (average * 100.0).round() / 100.0
}

#[tokio::test]
async fn answers_of_customers_are_added_up() {
    let mut app = TestApp::new().await;
    let shop = json!({"customerCode": "C1", "customerName": "Shop", "customerState": 3, "customerStatus": 0});
    assert_eq!(app.post("/v3/customers", shop).await.status, 200);
    let add =
        "insert into satisfaction (company, id, customer, source, kind, point, answered_at, created_by, created_at)
               select company, 1, id, 1, 1, 5, created_at, 'x', created_at from customer union all
               select company, 2, id, 1, 1, 2, created_at, 'x', created_at from customer union all
               select company, 3, id, 1, 2, 10, created_at, 'x', created_at from customer union all
               select company, 4, id, 1, 2, 3, created_at, 'x', created_at from customer";
    app.sql(add).await;
    add_up(&mut app).await;
    let rows = report(&app, "satisfaction?groupBy=none").await;
    let figure = |name: &str| rows.iter().find(|((_, figure), _)| figure == name).unwrap().1.clone();
    assert_eq!((figure("csat"), figure("csatContent").0), ((2, json!(3.5)), 1));
    assert_eq!((figure("nps"), figure("npsPromoters").0, figure("npsDetractors").0), ((2, json!(6.5)), 1, 1));
}

#[tokio::test]
async fn a_report_can_be_had_as_a_file_and_says_what_is_wrong_with_a_request() {
    let mut app = TestApp::new().await;
    let account = app.sandbox().await;
    say(&app, &account, "ann").await;
    add_up(&mut app).await;
    let csv = app.request(Method::GET, "/v1/reports/messages?groupBy=none", &[("accept", "text/csv")], None).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.text.contains("fromCustomers") && csv.text.contains("group"), "{}", csv.text);
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let workbook = app.request(Method::GET, "/v1/reports/messages", &[("accept", kind)], None).await;
    assert_eq!((workbook.status, workbook.header("content-type")), (200, kind));
    let wrong = app.get("/v1/reports/messages?from=soon&to=2025-01-01&groupBy=moon").await;
    let fields: Vec<&str> = wrong.errors().into_iter().map(|(_, field)| field).collect();
    assert_eq!(fields, ["from", "groupBy"]);
    let turned = app.get("/v1/reports/messages?from=2025-02-01&to=2025-01-01").await;
    assert_eq!(turned.errors(), [("invalid_value", "to")]);
    assert_eq!(app.get("/v1/reports/weather").await.status, 404);
    let kinds = app.get("/v1/reports").await;
    assert_eq!(kinds.data()["value"].as_array().unwrap().len(), 10);
    let other = app.tenant(508, &["report:read", "chat:read"]).await;
    let foreign = app.request_as(&other.token, Method::GET, "/v1/reports/messages", None).await;
    assert_eq!(foreign.data()["value"], json!([]));
}

#[tokio::test]
async fn records_that_change_are_counted_as_they_are_now() {
    let mut app = crate::sales::market().await;
    let board = crate::deal::entry(&app, "boards", None, "B", json!(null)).await;
    let stage = async |name: &str, kind: &str| {
        crate::deal::entry(&app, "stages", None, name, json!({"boardId": board, "kind": kind})).await
    };
    let (offer, talk, won, missed) = (
        stage("Offer", "open").await,
        stage("Talk", "open").await,
        stage("Won", "won").await,
        stage("Missed", "missed").await,
    );
    let reason = crate::deal::entry(&app, "missed-reasons", None, "Too dear", json!(null)).await;
    let mut deals = Vec::new();
    for value in [100, 200, 300, 400] {
        let day = &sala::time::text(app.app.now(), &sala::time::Zone::UTC)[..10];
        let body = json!({"customerCodes": ["daisy"], "boardId": board, "dealName": "Chairs", "probability": 20, "dealValue": value,
                          "dealDate": day, "expectedCloseDate": "2099-01-01", "assignTo": "Admin01", "dealStageId": offer});
        let made = app.post("/v1/deals", body).await;
        deals.push(made.data()["value"]["dealsId"].clone());
    }
    let go = async |app: &TestApp, deal: &Value, stage: i64| {
        let body = json!({"dealStageId": stage, "reasonCategoryId": reason});
        let moved = app.request(Method::PUT, &format!("/v1/deals/{deal}"), &[], Some(body)).await;
        assert_eq!(moved.status, 200, "{moved:?}");
    };
    go(&app, &deals[0], talk).await;
    go(&app, &deals[1], talk).await;
    add_up(&mut app).await;
    let stages = report(&app, "pipeline").await;
    let at = |rows: &BTreeMap<(String, String), (i64, Value)>, group: i64, figure: &str| {
        rows.get(&(group.to_string(), figure.to_owned())).cloned().unwrap_or_default()
    };
    assert_eq!((at(&stages, offer, "entered"), at(&stages, offer, "inStage").0), ((4, json!(250.0)), 2), "{stages:?}");
    assert_eq!((at(&stages, talk, "inStage").0, at(&stages, offer, "conversion")), (2, (2, json!(100.0))));

    go(&app, &deals[0], won).await;
    go(&app, &deals[1], missed).await;
    go(&app, &deals[2], missed).await;
    assert_eq!(app.request(Method::DELETE, &format!("/v1/deals/{}", deals[3]), &[], None).await.status, 200);
    add_up(&mut app).await;
    let stages = report(&app, "pipeline").await;
    assert_eq!((at(&stages, offer, "entered").0, at(&stages, offer, "inStage").0), (3, 0), "{stages:?}");
    assert_eq!(at(&stages, offer, "conversion"), (3, json!(66.67)));
    assert_eq!(at(&stages, talk, "conversion"), (2, json!(50.0)));
    let people = report(&app, "deals").await;
    let of = |figure: &str| people.iter().find(|((_, name), _)| name == figure).unwrap().1.clone();
    assert_eq!((of("created").0, of("won"), of("missed").0), (3, (1, json!(100.0)), 2), "{people:?}");
    assert_eq!(of("conversion"), (3, json!(33.33)));
    let answer = app.get("/v1/reports/deals").await;
    let row = &answer.data()["value"][0];
    assert_eq!((&row["groupName"], &row["total"]), (&json!("Arun Saelim"), &json!(600)), "{row}");

    let before = (stages, people);
    tally::run(&app.app).await.unwrap();
    assert_eq!((report(&app, "pipeline").await, report(&app, "deals").await), before, "nothing is counted twice");
    tally::rebuild(&app.app, COMPANY).await.unwrap();
    assert_eq!((report(&app, "pipeline").await, report(&app, "deals").await), before);
}

#[tokio::test]
async fn a_report_is_of_the_records_that_the_caller_may_read() {
    let mut app = TestApp::new().await;
    let head = app.signed_in("Supervisor", "head@example.com").await;
    let me = app.as_person(&head, Method::GET, "/v1/auth/me", None).await;
    crate::reach::stranger(&app).await;
    crate::customer::put(&app, crate::customer::plain("daisy", "Daisy")).await;
    let board = crate::deal::entry(&app, "boards", None, "B", json!(null)).await;
    crate::deal::entry(&app, "stages", None, "Offer", json!({"boardId": board, "kind": "open"})).await;
    let day = sala::time::text(app.app.now(), &sala::time::Zone::UTC)[..10].to_owned();
    for owner in [&me.data()["user"]["staffCode"], &json!("stranger")] {
        let body = json!({"customerCodes": ["daisy"], "boardId": board, "dealName": "Chairs", "probability": 20, "dealValue": 10,
                          "dealDate": day, "expectedCloseDate": "2099-01-01", "assignTo": owner});
        assert_eq!(app.post("/v1/deals", body).await.status, 200);
    }
    add_up(&mut app).await;
    let ask = async |path: &str| app.as_person(&head, Method::GET, path, None).await;
    let rows = ask("/v1/reports/deals").await.data()["value"].as_array().unwrap().clone();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["group"] == head.id.as_str()), "{rows:?}");
    for path in ["deals?groupBy=month", "pipeline", "messages", "expenses", "cases"] {
        let refused = ask(&format!("/v1/reports/{path}")).await;
        assert_eq!((refused.status, refused.errors()), (403, vec![("missing_scope", "")]), "{path}: {refused:?}");
    }
    let kinds = ask("/v1/reports").await;
    let kinds = kinds.data()["value"].as_array().unwrap().clone();
    let told: Vec<(&Value, &Value)> = kinds.iter().map(|kind| (&kind["name"], &kind["groupBy"])).collect();
    assert_eq!(told, [(&json!("activities"), &json!(["person"])), (&json!("deals"), &json!(["person"]))]);

    // The scope of what is counted, besides that of reports.
    let narrow = app.tenant(COMPANY, &["report:read", "case:read"]).await;
    for (path, status) in [("cases", 200), ("deals", 403), ("satisfaction", 403), ("first-response", 403)] {
        let answer = app.request_as(&narrow.token, Method::GET, &format!("/v1/reports/{path}"), None).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn an_expense_is_counted_once_whatever_types_its_lines_have() {
    let mut app = TestApp::new().await;
    let lines = json!([{"expenseTypeId": 1002, "amount": 100}, {"expenseTypeId": 1004, "amount": 200},
                       {"expenseTypeId": 1008, "amount": 300}]);
    let made = app.post("/v1/Expenses", json!({"subject": "Fair", "expenseDetails": lines})).await;
    assert_eq!(made.status, 200, "{made:?}");
    add_up(&mut app).await;
    let right = async |app: &TestApp| {
        for by in ["none", "day", "week", "month"] {
            let rows = report(app, &format!("expenses?groupBy={by}")).await;
            let claimed: Vec<_> = rows.values().filter(|(count, _)| *count > 0).collect();
            assert_eq!(claimed, [&(1, json!(600.0))], "{by}: {rows:?}");
        }
        let rows = report(app, "expenses?groupBy=type").await;
        let claimed = rows.iter().map(|((kind, _), (count, average))| (kind.as_str(), *count, average.clone()));
        let claimed: Vec<_> = claimed.filter(|(_, count, _)| *count > 0).collect();
        let each = [("1002", 1, json!(100.0)), ("1004", 1, json!(200.0)), ("1008", 1, json!(300.0))];
        assert_eq!(claimed, each);
    };
    right(&app).await;
    assert_eq!(app.post("/v1/expenses/1/approve", json!({})).await.status, 200);
    add_up(&mut app).await;
    let approved = report(&app, "expenses?groupBy=month").await;
    assert_eq!(count(&approved, "approved"), 1, "{approved:?}");
    tally::rebuild(&app.app, COMPANY).await.unwrap();
    assert_eq!(report(&app, "expenses?groupBy=month").await, approved);
}

#[tokio::test]
async fn cases_and_activities_are_counted_by_category_and_person() {
    let mut app = crate::sales::market().await;
    let category =
        crate::deal::entry(&app, "case-categories", None, "Delivery", json!({"resolutionMinutes": 60})).await;
    let mut cases = Vec::new();
    for _ in 0..3 {
        let now = sala::time::text(app.app.now(), &sala::time::Zone::UTC);
        let body = json!({"caseType": 1, "subject": "late", "categoryId": category, "dateCase": now, "dateDue": now,
                          "assignedToUserId": "Admin01", "customerCode": "daisy"});
        let made = app.post("/v1/case", body).await;
        assert_eq!(made.status, 200, "{made:?}");
        cases.push(made.data()["caseNo"].as_str().unwrap().to_owned());
        let body = json!({"subject": "visit", "assignToUserId": "Admin01", "dateAppointmentStart": now, "dateAppointmentEnd": now});
        let made = app.post("/v1/activity", body).await;
        assert_eq!(made.status, 200, "{made:?}");
    }
    app.advance(Duration::from_secs(600));
    app.token = app.token_for(&app.client).await;
    let closed = app
        .request(Method::PUT, &format!("/v1/case/{}/status", cases[0]), &[], Some(json!({"status": "resolved"})))
        .await;
    assert_eq!(closed.status, 200, "{closed:?}");
    add_up(&mut app).await;
    let rows = report(&app, "cases").await;
    let of = |rows: &BTreeMap<(String, String), (i64, Value)>, figure: &str| {
        rows.iter().find(|((_, name), _)| name == figure).unwrap().1.clone()
    };
    assert_eq!((of(&rows, "raised").0, of(&rows, "resolved").0, of(&rows, "open").0), (3, 1, 2), "{rows:?}");
    assert_eq!(of(&rows, "resolved").1, json!(600.0), "it was resolved after ten minutes");
    let (raised, open): (i64, i64) = {
        let mut conn = app.app.db.read().await.unwrap();
        conn.sql(
            "select count(*), count(case when status in ('new', 'open', 'waiting') then 1 end) from service_case where company = $1",
        )
        .bind(COMPANY)
        .one()
        .await
        .unwrap()
    };
    assert_eq!((raised, open), (3, 2), "as a count over the records has it");
    let people = report(&app, "activities").await;
    assert_eq!(of(&people, "planned").0, 3, "{people:?}");
    let csv = app.request(Method::GET, "/v1/reports/cases?groupBy=none", &[("accept", "text/csv")], None).await;
    assert!(csv.text.contains("resolutionInTime") && csv.text.contains("groupName"), "{}", csv.text);
}

/// What was sold by one of these, and what is owed, by going through the lines and the orders.
async fn naive_sales(app: &TestApp, by: &str, from: &str, to: &str) -> Vec<Value> {
    let text = match by {
        "product" => {
            "select product.code, count(distinct line.sales_order), cast(sum(line.net) as bigint) from sales_line as line
             join product on product.company = line.company and product.id = line.product
             where line.company = $1 and line.is_sold and line.dated >= $2 and line.dated <= $3
             group by product.code order by 3 desc, 1"
        }
        "customer" => {
            "select customer.code, count(distinct line.sales_order), cast(sum(line.net) as bigint) from sales_line as line
             join sales_order as document on document.company = line.company and document.id = line.sales_order
             join customer on customer.company = line.company and customer.id = document.customer
             where line.company = $1 and line.is_sold and line.dated >= $2 and line.dated <= $3
             group by customer.code order by 3 desc, 1"
        }
        "employee" => {
            "select employee.staff_code, count(distinct line.sales_order), cast(sum(line.net) as bigint) from sales_line as line
             join sales_order as document on document.company = line.company and document.id = line.sales_order
             join employee on employee.company = line.company and employee.id = document.owner
             where line.company = $1 and line.is_sold and line.dated >= $2 and line.dated <= $3
             group by employee.staff_code order by 3 desc, 1"
        }
        _ => {
            "select substr(line.dated, 1, 7), count(distinct line.sales_order), cast(sum(line.net) as bigint)
             from sales_line as line
             where line.company = $1 and line.is_sold and line.dated >= $2 and line.dated <= $3
             group by substr(line.dated, 1, 7) order by 1"
        }
    };
    let mut conn = app.app.db.read().await.unwrap();
    let rows: Vec<(String, i64, i64)> = conn.sql(text).bind(COMPANY).bind(from).bind(to).all().await.unwrap();
    rows.into_iter().map(|(code, orders, net)| json!([code, orders, net as f64 / 10_000.0])).collect()
}

/// Every answer of the reports of sales is what a count over the lines says.
async fn sales_are_right(app: &TestApp, when: &str) {
    for (from, to) in [("0001-01-01", "9999-12-31"), ("2025-12-10", "2026-03-10"), ("2026-01-01", "2026-01-31")] {
        for by in ["product", "customer", "employee", "month"] {
            let found = app.get(&format!("/v1/sales/report?by={by}&dateFrom={from}&dateTo={to}")).await;
            let rows = found.data()["value"].as_array().unwrap_or_else(|| panic!("{found:?}")).clone();
            let row = |row: &Value| json!([row["code"], row["orders"], row["netTotal"].as_f64().unwrap()]);
            let told: Vec<Value> = rows.iter().map(row).collect();
            assert_eq!(told, naive_sales(app, by, from, to).await, "{when}: {by} from {from} to {to}");
        }
    }
    let owed: i64 = {
        let mut conn = app.app.db.read().await.unwrap();
        conn.sql(
            "select cast(coalesce(sum(grand_total - paid), 0) as bigint) from sales_order
             where company = $1 and status in (2, 3) and payment_state in ('unpaid', 'partly')",
        )
        .bind(COMPANY)
        .one()
        .await
        .unwrap()
    };
    let told = app.get("/v1/sales/receivables").await;
    let total: f64 = told.data()["value"].as_array().unwrap().iter().map(|row| row["total"].as_f64().unwrap()).sum();
    assert_eq!((total * 10_000.0).round() as i64, owed, "{when}");
}

#[tokio::test]
async fn sales_are_added_up_and_tell_at_once_what_changed() {
    let mut app = crate::sales::market().await;
    for code in ["C2", "C3"] {
        let body = json!({"customerCode": code, "customerName": code, "customerState": 3, "customerType": 1});
        app.post("/v3/customers", body).await.data();
    }
    let sell = async |app: &TestApp, day: &str, customer: &str, price: i64, status: i64| {
        let line = |code: &str, price: i64| json!({"productCode": code, "qty": 1, "price": price, "vatTaxValue": 7});
        let body = json!({"salesOrderDate": day, "customerCode": customer, "salesOrderStatus": status,
                          "salesOrderDetails": [line("AB00025dddd", price), line("AB00025dddd", 1)]});
        let made = crate::sales::sell(app, body).await;
        crate::sales::text(&made, "salesOrderNo")
    };
    let first = sell(&app, "2025-12-15", "daisy", 100, 2).await;
    let second = sell(&app, "2026-01-31", "C2", 100, 2).await;
    sell(&app, "2026-02-01", "C3", 300, 1).await;
    sales_are_right(&app, "before anything was added up").await;
    add_up(&mut app).await;
    sales_are_right(&app, "added up").await;

    // What happens from now on is told at once.
    let third = sell(&app, "2026-03-10", "C2", 70, 2).await;
    let pay = json!({"amount": 50, "paidDate": "2026-03-11"});
    app.post(&format!("/v2/salesorder/{first}/payments"), pay).await.data();
    app.post(&format!("/v2/salesorder/{second}/cancel"), json!({"reason": "x"})).await.data();
    sales_are_right(&app, "changed").await;
    add_up(&mut app).await;
    sales_are_right(&app, "added up again").await;

    // Whose customer took another's place is counted as that one, before and after the next change.
    app.post("/v3/customers/daisy/merge", json!({"mergedCustomerCode": "C2"})).await.data();
    sales_are_right(&app, "merged").await;
    app.post("/v2/salesorder", json!({"salesOrderNo": third, "remark": "again"})).await.data();
    sales_are_right(&app, "merged and changed").await;
    add_up(&mut app).await;
    tally::run(&app.app).await.unwrap();
    sales_are_right(&app, "added up twice").await;
    tally::rebuild(&app.app, COMPANY).await.unwrap();
    sales_are_right(&app, "made anew").await;
    app.sql("update tally_cursor set place = 'anew' where source = 'orders'").await;
    sales_are_right(&app, "while they are made anew").await;
}
