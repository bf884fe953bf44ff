//! Files that are fetched from an address.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Response;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::refused::{PAUSE, refuse, relent};
use super::{PDF, PNG, Part, attach_json, file, jobs, kept, later, open, send, shop, shop_with, subscribed};
use crate::app::TestApp;

/// How a server answers a path: `Some` status, headers, pieces of the body; nothing of it when it hangs.
#[derive(Clone, Default)]
struct Page {
    status: u16,
    location: Option<String>,
    pieces: Vec<Bytes>,
    /// Whether it stands still after the pieces.
    hangs: bool,
}

impl Page {
    fn body(status: u16, content: &[u8]) -> Page {
        Page { status, pieces: vec![Bytes::copy_from_slice(content)], ..Page::default() }
    }

    fn redirect(location: impl Into<String>) -> Page {
        Page { status: 302, location: Some(location.into()), ..Page::default() }
    }
}

/// A server that files are fetched from; answers are given in their order, the last one for ever.
#[derive(Clone)]
struct Source {
    url: String,
    port: u16,
    pages: Arc<Mutex<Vec<Page>>>,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Source {
    async fn start() -> Source {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let source = Source { url, port, pages: Arc::default(), paths: Arc::default() };
        let serving = source.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let source = serving.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request: http::Request<Incoming>| {
                        let answer = source.answer(request.uri().path());
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        source
    }

    fn give(&self, pages: impl IntoIterator<Item = Page>) {
        *self.pages.lock().unwrap() = pages.into_iter().collect();
        self.paths.lock().unwrap().clear();
    }

    fn asked(&self) -> usize {
        self.paths.lock().unwrap().len()
    }

    fn answer(&self, path: &str) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
        self.paths.lock().unwrap().push(path.to_owned());
        let mut pages = self.pages.lock().unwrap();
        let page = if pages.len() > 1 { pages.remove(0) } else { pages[0].clone() };
        let pieces = stream::iter(page.pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece))));
        let end = if page.hangs { stream::pending().left_stream() } else { stream::empty().right_stream() };
        let mut response = Response::builder().status(page.status);
        if let Some(location) = page.location {
            response = response.header("location", location);
        }
        response.body(StreamBody::new(pieces.chain(end)).boxed_unsync()).unwrap()
    }
}

/// Asks for a file by its address; answers its id.
async fn by_url(app: &TestApp, url: &str) -> Value {
    let answer = attach_json(app, json!([url])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((&answer.data()[0]["state"], &answer.data()[0]["fileUrl"]), (&json!("waiting"), &Value::Null));
    answer.data()[0]["fileId"].clone()
}

#[tokio::test]
async fn a_file_is_fetched_from_its_address_through_redirects() {
    let app = shop().await;
    let (source, receiver) = (Source::start().await, subscribed(&app).await);
    source.give([Page::redirect("/there"), Page::redirect(format!("{}/at/last", source.url)), Page::body(200, PNG)]);
    let id = by_url(&app, &format!("{}/%E0%B8%A3%E0%B8%B9%E0%B8%9B.jpg?token=secret", source.url)).await;
    app.run_jobs().await;
    let fetched = file(&app, &id).await;
    assert_eq!((&fetched["state"], &fetched["fileName"]), (&json!("stored"), &json!("รูป.jpg")), "{fetched}");
    assert_eq!((&fetched["contentType"], &fetched["reason"]), (&json!("image/png"), &Value::Null));
    assert_eq!(open(&app, &fetched["fileUrl"]).await.status, 200);
    let mut conn = app.app.db.read().await.unwrap();
    let left: Option<String> = conn.sql("select source from attachment").one().await.unwrap();
    assert_eq!(left, None, "an address may hold a secret: it is not kept");
    assert_eq!(receiver.got().len(), 1, "told when it is here");
    let named = attach_json(&app, json!({"url": format!("{}/x", source.url), "fileName": "สัญญา.png"})).await;
    assert_eq!(named.data()[0]["fileName"], "สัญญา.png");
    let parts: [Part<'_>; 2] = [("customerCode", None, "", b"C1"), ("files", None, "", source.url.as_bytes())];
    assert_eq!(send(&app, &parts, &[]).await.data()[0]["state"], "waiting", "a form may name an address too");
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_and_one_that_refuses_is_not() {
    let mut app = shop().await;
    let source = Source::start().await;
    let unavailable = Page::body(503, b"later");
    source.give([
        unavailable,
        Page { status: 200, pieces: vec![Bytes::from_static(b"half")], hangs: true, location: None },
        Page::body(200, PDF),
    ]);
    let id = by_url(&app, &source.url).await;
    app.run_jobs().await;
    let waiting = file(&app, &id).await;
    assert_eq!((&waiting["state"], &waiting["reason"]), (&json!("waiting"), &json!("its server answers 503")));
    assert_eq!(source.asked(), 1, "with a pause before the next try");
    app.advance(Duration::from_secs(20));
    app.run_jobs().await;
    assert_eq!(file(&app, &id).await["reason"], "its server was silent for 1 seconds");
    app.advance(Duration::from_secs(40));
    app.run_jobs().await;
    assert_eq!(file(&app, &id).await["state"], "stored");

    for (page, reason) in [
        (Page::body(404, b""), "its server answers 404"),
        (Page::redirect("/loop"), "its server redirects more than 5 times"),
        (Page::redirect("file:///etc/passwd"), "the address it is redirected to is not an http or https address"),
    ] {
        source.give([page]);
        let id = by_url(&app, &source.url).await;
        app.run_jobs().await;
        let failed = file(&app, &id).await;
        assert_eq!((&failed["state"], &failed["reason"]), (&json!("failed"), &json!(reason)));
        let link = format!("/v3/customers/C1/files/{}/link", id.as_str().unwrap());
        assert_eq!(app.post(&link, json!({})).await.errors(), [("conflict", "fileId")]);
    }
    source.give([Page::body(500, b"")]);
    let id = by_url(&app, &source.url).await;
    for _ in 0..10 {
        later(&mut app, Duration::from_secs(2 * 60 * 60)).await;
    }
    assert_eq!((&file(&app, &id).await["state"], source.asked()), (&json!("failed"), 8), "given up in the end");
    assert_eq!(jobs(&app).await, 0);
    assert_eq!(kept(&app), 1);
}

#[tokio::test]
async fn a_file_for_which_there_is_no_room_waits_for_it() {
    let mut app = shop().await;
    let source = Source::start().await;
    source.give([Page::body(200, PDF)]);
    let id = by_url(&app, &source.url).await;
    refuse(&app);
    app.run_jobs().await;
    // More often than its server would be asked.
    for _ in 0..20 {
        later(&mut app, PAUSE).await;
    }
    let waiting = file(&app, &id).await;
    let why = "the media store cannot take files now";
    assert_eq!((&waiting["state"], &waiting["reason"]), (&json!("waiting"), &json!(why)));
    relent(&app);
    source.give([Page::body(503, b""), Page::body(200, PDF)]);
    later(&mut app, PAUSE).await;
    assert_eq!(file(&app, &id).await["reason"], "its server answers 503", "which is its first failure");
    later(&mut app, PAUSE).await;
    let stored = file(&app, &id).await;
    assert_eq!((&stored["state"], &stored["reason"]), (&json!("stored"), &Value::Null), "{stored}");
    assert_eq!(open(&app, &stored["fileUrl"]).await.bytes, PDF);
    assert_eq!((kept(&app), jobs(&app).await), (1, 0));
}

#[tokio::test]
async fn what_is_fetched_has_the_same_limit() {
    let app = shop_with(|config| config.max_file_size = 1000).await;
    let source = Source::start().await;
    let endless = Page { status: 200, pieces: vec![Bytes::from(vec![b'a'; 600]); 100], hangs: false, location: None };
    source.give([endless]);
    let id = by_url(&app, &source.url).await;
    app.run_jobs().await;
    let failed = file(&app, &id).await;
    assert_eq!((&failed["state"], &failed["reason"]), (&json!("failed"), &json!("it is larger than 1000 bytes")));
    assert_eq!(kept(&app), 0);
}

#[tokio::test]
async fn private_addresses_are_not_fetched_from() {
    let app = shop_with(|config| config.allow_private_webhooks = false).await;
    let source = Source::start().await;
    source.give([Page::body(200, PDF)]);
    for url in [&source.url, "http://[::1]/a", "http://10.0.0.1/a", "http://169.254.169.254/latest"] {
        let refused = attach_json(&app, json!([url])).await;
        assert_eq!((refused.status, refused.errors()), (400, vec![("invalid_url", "files[0]")]), "{url}");
    }
    // A name is known by its address only when it is connected to.
    let id = by_url(&app, &format!("http://localhost:{}/a", source.port)).await;
    app.run_jobs().await;
    let failed = file(&app, &id).await;
    assert_eq!((&failed["state"], &failed["reason"]), (&json!("failed"), &json!("its host has no public address")));
    // Whether a name exists inside is not told: one that nobody has is spoken of in the same words.
    let id = by_url(&app, "http://nowhere.invalid/a").await;
    app.run_jobs().await;
    assert_eq!(file(&app, &id).await["reason"], failed["reason"]);
    assert_eq!(source.asked(), 0);
}
