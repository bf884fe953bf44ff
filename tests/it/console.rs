//! The console's page: served with its guards, with a console built in or without.

use axum::body::Body;
use axum::http::Request;

use crate::app::{Answer, TestApp};

async fn open(app: &TestApp, path: &str) -> Answer {
    app.call(Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_console_is_served_or_says_that_it_was_not_built() {
    let app = TestApp::new().await;
    let status = if sala::console::is_built() { 200 } else { 404 };
    for path in ["/console/", "/console/rooms/26259b2c", "/console/link/abc"] {
        let page = open(&app, path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
    let short = open(&app, "/console").await;
    assert_eq!((short.status, short.header("location")), (302, "/console/"));
    let start = open(&app, "/").await;
    assert_eq!(start.status == 302, sala::console::is_built());
}
