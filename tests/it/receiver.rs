//! A webhook's receiver, which keeps what it gets and answers as it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

/// How the receiver answers.
#[derive(Debug, Clone)]
pub enum Answer {
    Status(u16),
    /// A status with a header.
    With(u16, &'static str, String),
    /// 200, once it is told to.
    After(Arc<Notify>),
    /// Never.
    Hang,
    /// It closes the connection.
    Cut,
}

/// One request it got.
#[derive(Debug, Clone)]
pub struct Got {
    pub headers: HeaderMap,
    pub body: String,
    /// What the message's own address answered while the request was being handled.
    pub read: Option<(u16, Value)>,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The body's `Data.ChatMessage`.
    pub fn message(&self) -> Value {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["Data"]["ChatMessage"].clone()
    }

    pub fn content(&self) -> String {
        self.message()["Content"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct State {
    got: Mutex<Vec<Got>>,
    next: Mutex<VecDeque<Answer>>,
    always: Mutex<Option<Answer>>,
    poison: Mutex<Option<&'static str>>,
    api: Mutex<Option<(String, String)>>,
    count: watch::Sender<usize>,
}

/// A receiver that listens.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    pub port: u16,
    state: Arc<State>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&serving);
                tokio::spawn(async move {
                    let service = service_fn(|request| handle(Arc::clone(&state), request));
                    let connection = hyper::server::conn::http1::Builder::new();
                    // An error is a connection that was cut, here or there.
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Receiver { url: format!("http://127.0.0.1:{port}/hook"), port, state }
    }

    /// Everything it got, in order.
    pub fn got(&self) -> Vec<Got> {
        self.state.got.lock().unwrap().clone()
    }

    /// The contents of the messages it got.
    pub fn contents(&self) -> Vec<String> {
        self.got().iter().map(Got::content).collect()
    }

    /// The answers to the next requests.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.next.lock().unwrap().extend(answers);
    }

    /// The answer to every further request; none is 200.
    pub fn always(&self, answer: Option<Answer>) {
        *self.state.always.lock().unwrap() = answer;
    }

    /// Answers 500 to whatever holds this text.
    pub fn refuse(&self, text: &'static str) {
        *self.state.poison.lock().unwrap() = Some(text);
    }

    /// Reads each message from the API while it handles its event.
    pub fn read_back(&self, base: &str, token: &str) {
        *self.state.api.lock().unwrap() = Some((base.to_owned(), token.to_owned()));
    }

    /// Waits until it got so many.
    pub async fn wait(&self, count: usize) -> Vec<Got> {
        let mut counted = self.state.count.subscribe();
        let _ = counted.wait_for(|got| *got >= count).await;
        self.got()
    }
}

async fn handle(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, &'static str> {
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.map_err(|_| "the sender went away")?.to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let api = state.api.lock().unwrap().clone();
    let mut got = Got { headers, body, read: None };
    if let Some((base, token)) = api {
        let id = got.message()["Id"].as_str().unwrap().to_owned();
        let request = reqwest::Client::new().get(format!("{base}/v1/chat/message/{id}")).bearer_auth(token);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        got.read = Some((status, serde_json::from_str(&answer.text().await.unwrap()).unwrap()));
    }
    let poisoned = state.poison.lock().unwrap().is_some_and(|text| got.body.contains(text));
    let always = state.always.lock().unwrap().clone().unwrap_or(Answer::Status(200));
    let answer = state.next.lock().unwrap().pop_front().unwrap_or(always);
    let answer = if poisoned { Answer::Status(500) } else { answer };
    {
        let mut all = state.got.lock().unwrap();
        all.push(got);
        state.count.send_replace(all.len());
    }
    match answer {
        Answer::Status(status) => Ok(respond(status)),
        Answer::With(status, name, value) => {
            let mut response = respond(status);
            response.headers_mut().insert(name, value.parse().unwrap());
            Ok(response)
        }
        Answer::After(told) => {
            told.notified().await;
            Ok(respond(200))
        }
        Answer::Hang => {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        Answer::Cut => Err("cut"),
    }
}

fn respond(status: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"{\"ok\":true}")));
    *response.status_mut() = status.try_into().unwrap();
    response
}
