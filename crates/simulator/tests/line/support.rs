//! A client, a webhook receiver and the few lines that every test begins with.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use simulator::line::{Config, Line, user_id};
use tokio::net::TcpListener;

/// A running fake LINE and a client with a token.
pub(crate) struct Fake {
    pub(crate) line: Line,
    client: Client<HttpConnector, Full<Bytes>>,
}

pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) fn here() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub(crate) async fn fake() -> Fake {
    fake_with(Config::default()).await
}

pub(crate) async fn fake_with(config: Config) -> Fake {
    let line = Line::start(here(), config).await.unwrap();
    Fake { line, client: Client::builder(TokioExecutor::new()).build_http() }
}

impl Fake {
    /// Sends a request as it is; an error means that no answer came.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Got, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.line.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Got { status: head.status.as_u16(), headers: head.headers, bytes })
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Got {
        self.post_with(path, &[], body).await.unwrap()
    }

    pub(crate) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: Value) -> Result<Got, String> {
        let mut all = vec![("authorization", "Bearer token"), ("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.raw("POST", path, &all, body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Got {
        let headers = [("authorization", "Bearer token"), ("content-type", "application/json")];
        self.raw("PUT", path, &headers, body.to_string()).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.raw("GET", path, &[("authorization", "Bearer token")], "").await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Got {
        self.raw("DELETE", path, &[], "").await.unwrap()
    }

    pub(crate) async fn push(&self, text: &str) -> Got {
        self.post(PUSH, push_body(text)).await
    }

    pub(crate) async fn push_with_key(&self, key: &str, text: &str) -> Result<Got, String> {
        self.post_with(PUSH, &[("x-line-retry-key", key)], push_body(text)).await
    }
}

pub(crate) const PUSH: &str = "/v2/bot/message/push";
pub(crate) const REPLY: &str = "/v2/bot/message/reply";
pub(crate) const KEY: &str = "123e4567-e89b-12d3-a456-426614174000";

pub(crate) fn ann() -> String {
    user_id("ann")
}

pub(crate) fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

pub(crate) fn push_body(words: &str) -> Value {
    json!({ "to": ann(), "messages": [text(words)] })
}

/// One request that a webhook received.
#[derive(Clone)]
pub(crate) struct Posted {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Posted {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.json()["events"].as_array().unwrap().clone()
    }
}

/// A webhook that answers always the same and remembers what it got.
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Posted>>>,
}

impl Receiver {
    /// Status 0 means that it never answers.
    pub(crate) async fn start(status: u16) -> Receiver {
        let listener = TcpListener::bind(here()).await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let inbox = Arc::clone(&got);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let inbox = Arc::clone(&inbox);
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let inbox = Arc::clone(&inbox);
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        inbox.lock().unwrap().push(Posted { headers: head.headers, body });
                        if status == 0 {
                            std::future::pending::<()>().await;
                        }
                        let answer = Response::builder().status(status).body(Full::new(Bytes::from("heard")));
                        Ok::<_, hyper::Error>(answer.unwrap())
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Receiver { url, got }
    }

    pub(crate) fn got(&self) -> Vec<Posted> {
        self.got.lock().unwrap().clone()
    }
}
