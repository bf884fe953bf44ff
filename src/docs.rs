//! The pages of the program's documents: the API's document with its page, and the texts of `docs/`.
//!
//! The page begins small: every operation by group, as plain HTML. The interactive reference, whose script has five
//! megabytes (1.4 compressed), is fetched when somebody opens it, or follows a link into it.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::app::App;
use crate::console;
use crate::http::Error;
use crate::http::page::Page;

/// The texts that are served beside the API's document.
const TEXTS: &[(&str, &str)] = &[
    ("GETTING-STARTED.md", include_str!("../docs/GETTING-STARTED.md")),
    ("GETTING-STARTED.th.md", include_str!("../docs/GETTING-STARTED.th.md")),
    ("CONCEPTS.md", include_str!("../docs/CONCEPTS.md")),
    ("API.md", include_str!("../docs/API.md")),
    ("MOVING-FROM-VENIO.md", include_str!("../docs/MOVING-FROM-VENIO.md")),
    ("SIMULATOR.md", include_str!("../docs/SIMULATOR.md")),
    ("DEPLOYING.md", include_str!("../docs/DEPLOYING.md")),
    ("OPERATIONS.md", include_str!("../docs/OPERATIONS.md")),
    ("TROUBLESHOOTING.md", include_str!("../docs/TROUBLESHOOTING.md")),
    ("COMMANDS.md", include_str!("../docs/COMMANDS.md")),
    ("COMPATIBILITY.md", include_str!("../docs/COMPATIBILITY.md")),
];

/// The page at `/` and `/docs`, which needs no outside network, what it shows, and the texts.
pub(crate) fn pages(document: &utoipa::openapi::OpenApi) -> Router<App> {
    let text = Bytes::from(document.to_json().unwrap_or_default());
    let source = text.clone();
    let html = Page::new("text/html; charset=utf-8", move || {
        Bytes::from(page(&serde_json::from_slice(&source).unwrap_or_default()))
    });
    let script = Page::new("application/javascript", || {
        Bytes::from(scalar_api_reference::get_asset("scalar.js").unwrap_or_default())
    });
    let text = Page::new("application/json", move || text.clone());
    let texts: Vec<(&str, Arc<Page>)> = TEXTS
        .iter()
        .map(|(name, text)| {
            (*name, Page::new("text/plain; charset=utf-8", move || Bytes::from_static(text.as_bytes())))
        })
        .collect();
    let serve = |page: Arc<Page>| get(async move |headers: HeaderMap| page.answer(headers).await);
    let start = Arc::clone(&html);
    Router::new()
        .route(
            "/",
            get(async move |headers: HeaderMap| match console::is_built() {
                true => console::home(),
                false => start.answer(headers).await,
            }),
        )
        .route("/docs", serve(html))
        .route("/docs/scalar.js", serve(script))
        .route("/openapi.json", serve(text))
        .route(
            "/docs/{name}",
            get(async move |Path(name): Path<String>, headers: HeaderMap| {
                match texts.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                    Some((_, page)) => Arc::clone(page).answer(headers).await,
                    None => Error::NoRoute.into_response(),
                }
            }),
        )
}

/// The page: what the document has, and the reference in a template until it is opened.
fn page(document: &Value) -> String {
    let settings = json!({
        "url": "/openapi.json",
        "theme": "default",
        "hideClientButton": true,
        "hiddenClients": [],
        "defaultHttpClient": {"targetKey": "shell", "clientKey": "curl"},
        "telemetry": false,
        "withDefaultFonts": false,
        // The page stays on this machine: no assistants, no hosting offers.
        "agent": {"disabled": true},
        "mcp": {"disabled": true},
        "showDeveloperTools": "never",
        "metaData": {"title": "Sala API"},
    });
    let reference = scalar_api_reference::scalar_html(&settings, Some("/docs/scalar.js"));
    let body = reference.split_once("<body>").and_then(|(_, rest)| rest.split_once("</body>")).unwrap_or_default().0;
    let texts = TEXTS.iter().fold(String::new(), |text, (name, _)| {
        text + &format!("<a href=\"/docs/{name}\">{}</a> ", name.trim_end_matches(".md"))
    });
    let operations = operations(document);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sala API</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"icon\" href=\"data:,\">\
         <style>{STYLE}</style></head><body>\n<main id=\"index\"><h1>Sala API</h1>\
         <p>Get a token from <code>POST /authorization/connect/token</code> and send it as \
         <code>Authorization: Bearer …</code>. Every answer is <code>{{\"status\", \"data\"}}</code>; a refusal has \
         <code>errors</code>, in Thai with <code>Accept-Language: th</code>.</p>\
         <p><button id=\"open\">Open the interactive reference</button> <span id=\"state\">with samples in every language \
         and a way to try each call</span></p><noscript><p>The reference needs JavaScript; the list below does not.</p></noscript>\
         <nav>{texts}<a href=\"/openapi.json\">openapi.json</a></nav>{operations}</main>\n\
         <template id=\"reference\">{body}</template>\n<script>{SCRIPT}</script></body></html>\n"
    )
}

/// Puts the reference into the place of the list: on a click, or when the address leads into it.
const SCRIPT: &str = "const open=()=>{document.getElementById('state').textContent='Loading…';\
    const all=[...document.getElementById('reference').content.cloneNode(true).childNodes];\
    const put=()=>{const one=all.shift();if(!one){document.getElementById('index').remove();return}\
    if(one.nodeName!=='SCRIPT'){document.body.append(one);return put()}\
    const script=document.createElement('script');script.textContent=one.textContent;\
    if(one.src){script.src=one.getAttribute('src');script.onload=put;document.body.append(script)}\
    else{document.body.append(script);put()}};put()};\
    document.getElementById('open').onclick=open;if(location.hash.length>1)open();";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1a1a1a}main{max-width:60rem;margin:0 auto;\
    padding:1rem}nav a{margin-right:.75rem}table{border-collapse:collapse;width:100%}td{padding:.15rem .5rem .15rem 0;\
    vertical-align:top}td:first-child{width:4.5rem;font-weight:600}code{overflow-wrap:anywhere}button{font:inherit;\
    padding:.5rem 1rem;cursor:pointer}@media(prefers-color-scheme:dark){body{background:#16181c;color:#e6e6e6}a{color:#8ab4f8}}";

/// Every operation by group, in the document's order.
fn operations(document: &Value) -> String {
    let mut groups: Vec<(String, String)> = Vec::new();
    for tag in document["tags"].as_array().into_iter().flatten() {
        groups.push((tag["name"].as_str().unwrap_or_default().to_owned(), String::new()));
    }
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let (Some(tag), summary) = (operation["tags"][0].as_str(), operation["summary"].as_str()) else { continue };
            let place = groups.iter().position(|(name, _)| name == tag).unwrap_or_else(|| {
                groups.push((tag.to_owned(), String::new()));
                groups.len() - 1
            });
            if let Some((_, rows)) = groups.get_mut(place) {
                // Writing to a String cannot fail.
                let _ = write!(
                    rows,
                    "<tr><td>{}</td><td><code>{}</code><br>{}</td></tr>",
                    method.to_uppercase(),
                    escaped(path),
                    escaped(summary.unwrap_or_default())
                );
            }
        }
    }
    let mut text = String::new();
    for (name, rows) in groups.iter().filter(|(_, rows)| !rows.is_empty()) {
        let _ = write!(text, "<h2>{}</h2><table>{rows}</table>", escaped(name));
    }
    text
}

/// A text within HTML. An address in it is no link: the page names no other server.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace("://", "&#58;//")
}
