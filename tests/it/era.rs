//! Days of the Buddhist era, wherever a day can be given: they are those of the Gregorian year, and no day 543 years off.

use axum::http::Method;
use serde_json::{Value, json};

use crate::import_chain::ready;

/// Where a record is made with a day in each property of these, and where in its answer they are read.
struct Place {
    method: Method,
    path: &'static str,
    body: Value,
    read: &'static [&'static str],
}

fn places() -> Vec<Place> {
    let place = |path, body, read| Place { method: Method::POST, path, body, read };
    vec![
        place(
            "/v1/contract",
            json!({"contractName": "MA", "customerCode": "daisy", "contractType": "MA", "contractValue": 1,
                   "dateStart": "2569-12-01", "dateEnd": "2570-11-30 00:00:00", "owner": "Admin01"}),
            &["/dateStart", "/dateEnd"],
        ),
        place(
            "/v1/Expenses",
            json!({"ExpenseDetails": [{"expenseTypeId": 1004, "amount": 1, "note": "paper"}], "subject": "Paper",
                   "dateTransaction": "2569-12-01T10:00:00Z"}),
            &["/value/dateTransaction"],
        ),
        place(
            "/v1/activity",
            json!({"subject": "Visit", "assignToUserId": "EMP001", "dateAppointmentStart": "2569-12-01T10:00:00",
                   "dateAppointmentEnd": "2569-12-01T11:00:00"}),
            &["/dateAppointmentStart", "/dateAppointmentEnd"],
        ),
        place(
            "/v1/deals",
            json!({"customerCodes": ["daisy"], "dealName": "Pumps", "probability": 50, "dealValue": 1, "assignTo": "Admin01",
                   "dealDate": "2569-12-01", "expectedCloseDate": "2569-12-31T17:32:49"}),
            &["/value/dealsDate", "/value/expectedCloseDate"],
        ),
        place(
            "/v1/task",
            json!({"subject": "Call", "dateDue": "2569-12-01", "dateRemind": "2569-12-01T09:00:00+0700"}),
            &["/dateDue", "/dateRemind"],
        ),
        place(
            "/v1/case",
            json!({"caseType": 1, "subject": "Leak", "customerCode": "daisy", "categoryId": 77, "dateCase": "2569-12-01T09:00:00",
                   "dateDue": "2569-12-02", "assignedToUserId": "EMP001"}),
            &["/dateCase", "/dateDue"],
        ),
        place(
            "/v3/customers",
            json!({"customerCode": "ERA", "customerName": "Era", "customerState": 3, "customerType": 2,
                   "customerBirthdate": "2567-02-29"}),
            &["/customerBirthdate"],
        ),
    ]
}

#[tokio::test]
async fn a_buddhist_year_is_read_as_the_year_that_it_is() {
    let app = ready().await;
    for Place { method, path, body, read } in places() {
        let made = app.request(method, path, &[], Some(body)).await;
        assert!(matches!(made.status, 200 | 201), "{path}: {made:?}");
        // A customer is not told back to whoever saved it.
        let made = if path == "/v3/customers" { app.get("/v3/customers/ERA").await } else { made };
        for field in read {
            let day = made.data().pointer(field).and_then(Value::as_str).unwrap_or_else(|| panic!("{field}: {made:?}"));
            assert!(
                ["2024-02-29", "2026-12-", "2027-11-30"].iter().any(|year| day.starts_with(year)),
                "{path}{field}: {day}"
            );
        }
    }
    // Lists are filtered by them, too.
    let within = json!({"dateFrom": "2569-12-01", "dateTo": "2569-12-31"});
    let found = app.post("/v1/activities/enquiry", within).await;
    assert_eq!(found.status, 200, "{found:?}");
}
