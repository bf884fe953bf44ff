//! Small things that people reported of other products, as they are here.

use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn a_name_with_an_apostrophe_of_its_own_comes_back_as_it_was() {
    for name in ["'-Bar", "-Bar", "'Bar", "''=x", "=x", "O'-x"] {
        let shown = sala::http::sheet::neutral(name).into_owned();
        let app = TestApp::new().await;
        let file = format!("code,name\nA1,\"{}\"\n", shown.replace('"', "\"\""));
        let request = axum::http::Request::post("/v1/imports?kind=customers")
            .header("authorization", format!("Bearer {}", app.token))
            // What curl calls a file that it sends as it is.
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(file))
            .unwrap();
        assert_eq!(app.call(request).await.status, 202);
        app.run_jobs().await;
        assert_eq!(app.get("/v3/customers/A1").await.data()["customerName"], name, "as {shown}");
    }
}

#[tokio::test]
async fn a_body_that_begins_with_a_byte_order_mark_is_read() {
    let app = TestApp::new().await;
    let body = format!("\u{feff}{}", json!({"customerCode": "B1", "customerName": "B", "customerState": 3}));
    let request = axum::http::Request::post("/v3/customers")
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "application/json")
        .body(axum::body::Body::from(body))
        .unwrap();
    assert_eq!(app.call(request).await.status, 200);
}
