//! The API's document and its page.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

use crate::app::{Answer, TestApp};
use crate::every_endpoint::document;

async fn open(app: &TestApp, path: &str) -> Answer {
    app.call(Request::get(path).body(Body::empty()).unwrap()).await
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((format!("{method} {path}"), operation));
        }
    }
    operations
}

/// Every object below a value.
fn objects<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            found.push(value);
            members.values().for_each(|member| objects(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        _ => {}
    }
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")).unwrap();
    let generated = sala::http::document().to_pretty_json().unwrap();
    assert!(committed.trim_end() == generated, "openapi.json is not the document of this program; run: make openapi");
}

#[test]
fn every_operation_is_named_told_and_grouped() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no operation_id"));
        assert!(ids.insert(id), "{id} names two operations");
        assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{name} has no summary");
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        assert!(tags.contains(tag), "{name}: the tag {tag:?} is not described");
        for (place, parameter) in operation["parameters"].as_array().into_iter().flatten().enumerate() {
            let described = !parameter["description"].as_str().unwrap_or_default().is_empty();
            assert!(described, "{name}: parameter {place} has no description");
        }
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    // What an envelope holds is described by the answer that it is.
    for (name, schema) in schemas.iter().filter(|(name, _)| !name.starts_with("Envelope_")) {
        for (property, described) in schema["properties"].as_object().into_iter().flatten() {
            // OpenAPI 3.1 lets a description stand beside a reference; where there is none the target's own serves.
            // A property that may be null has both within its alternatives.
            let told = |one: &Value| one["description"].is_string() || one.get("$ref").is_some();
            let told = told(described) || described["oneOf"].as_array().into_iter().flatten().any(told);
            assert!(told, "{name}.{property} has no description");
        }
    }
}

#[test]
fn every_operation_lists_the_refusals_that_it_gives() {
    let document = document();
    for (name, operation) in operations(&document) {
        let answers = &operation["responses"];
        let has = |status: &str| assert!(answers.get(status).is_some(), "{name} does not list {status}");
        let scopes = operation["security"][0].get("bearerAuth");
        if scopes.is_some() {
            ["400", "401", "403", "429", "503"].iter().for_each(|status| has(status));
            if name.contains('{') {
                has("404");
            }
            if name.starts_with("post ") {
                has("409");
                has("422");
            }
        }
        if operation.get("requestBody").is_some() {
            has("413");
            if scopes.is_some() {
                has("415");
            }
        }
        // What a browser itself opens leads it on.
        let succeeds = |status: &String| status.starts_with('2') || status == "303";
        assert!(answers.as_object().unwrap().keys().any(succeeds), "{name} never succeeds");
    }
}

#[test]
fn what_generated_clients_need_is_said() {
    let document = document();
    for (name, operation) in operations(&document) {
        let summary = operation["summary"].as_str().unwrap();
        assert!(summary.split(' ').count() <= 8 && !summary.ends_with('.'), "{name}: {summary} is no title");
        assert!(!operation["description"].as_str().unwrap_or_default().is_empty(), "{name} has no sentence");
        let mut conditional = false;
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (place, known) = (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap());
            conditional |= known == "If-Match";
            if place == "header" {
                assert_eq!(parameter["schema"]["type"], "string", "{name}: a header is never null");
            }
            if place == "query" && ["skip", "take", "pageLength"].contains(&known) {
                assert!(parameter["schema"]["minimum"].is_i64(), "{name}: {known} has no minimum");
            }
        }
        assert_eq!(operation["responses"].get("412").is_some(), conditional, "{name}: 412 goes with If-Match");
        let ways: Vec<Vec<&str>> = operation["security"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|way| way.as_object().unwrap().keys().map(String::as_str).collect())
            .collect();
        if ways.first().is_some_and(|way| way.contains(&"bearerAuth")) {
            assert!(ways.contains(&vec!["bearerAuth"]), "{name}: the key is not demanded everywhere");
            assert!(ways.contains(&vec!["clientCredentials"]), "{name}: a page cannot get a token");
        }
    }
    // What serde writes is what the document says.
    for (schema, names) in
        [("Linked", ["customerCode", "customerId", "customerName"].as_slice()), ("SalesRow", &["netTotal"])]
    {
        let properties = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
        assert!(names.iter().all(|name| properties.contains_key(*name)), "{schema}: {properties:?}");
    }
    for (path, method) in [("/v3/products/serials/status", "get"), ("/v3/products/serials/verification", "post")] {
        assert!(document["paths"][path][method]["responses"].get("404").is_some(), "{path}");
    }
    let file =
        &document["paths"]["/v1/imports"]["post"]["requestBody"]["content"]["application/octet-stream"]["schema"];
    assert_eq!(file["type"], "string", "bytes are no list of numbers");
    let flow = &document["components"]["securitySchemes"]["clientCredentials"]["flows"]["clientCredentials"];
    assert_eq!(flow["tokenUrl"], "/authorization/connect/token");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut all = Vec::new();
    objects(&document, &mut all);
    let references: Vec<&str> = all.iter().filter_map(|object| object.get("$ref")?.as_str()).collect();
    assert!(references.len() > 20);
    for reference in references {
        let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
        assert!(target.is_some(), "{reference} leads nowhere");
    }
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for (name, operation) in operations(&document) {
        let named =
            operation["security"].as_array().into_iter().flatten().flat_map(|one| one.as_object().unwrap().keys());
        named.for_each(|scheme| assert!(schemes.contains_key(scheme), "{name}: {scheme} is no security scheme"));
    }
}

#[tokio::test]
async fn the_document_is_served() {
    let app = TestApp::new().await;
    let served = open(&app, "/openapi.json").await;
    assert_eq!((served.status, served.header("content-type")), (200, "application/json"));
    assert_eq!(served.body, document());
}

/// The settings that the page hands to its script.
fn settings(page: &str) -> Value {
    let (_, rest) = page.split_once("Scalar.createApiReference('#app', ").unwrap();
    let (settings, _) = rest.rsplit_once(")\n").unwrap();
    serde_json::from_str(settings).unwrap()
}

#[tokio::test]
async fn the_page_needs_no_other_server() {
    let app = TestApp::new().await;
    // With a console built in, `/` leads to that.
    let start = ["/"].into_iter().filter(|_| !sala::console::is_built());
    for path in start.chain(["/docs", "/Docs/"]) {
        let page = open(&app, path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").starts_with("text/html"));
        let outside: Vec<&str> = ["http://", "https://", "src=\"//", "href=\"//"]
            .into_iter()
            .filter(|address| page.text.contains(address))
            .collect();
        assert_eq!(outside, [""; 0], "the page names another server");
        assert!(page.text.contains("<script src=\"/docs/scalar.js\">"));
        let settings = settings(&page.text);
        assert_eq!(settings["url"], "/openapi.json");
        // Each of these would otherwise reach for a server of the page's makers.
        assert_eq!(settings["withDefaultFonts"], false);
        assert_eq!(settings["telemetry"], false);
        assert_eq!(settings["agent"]["disabled"], true);
        assert_eq!(settings["hideClientButton"], true);
        assert_eq!(settings["showDeveloperTools"], "never");
        assert!(settings.get("proxyUrl").is_none(), "calls from the page go straight to this server");
    }
    let script = open(&app, "/docs/scalar.js").await;
    assert_eq!((script.status, script.header("content-type")), (200, "application/javascript"));
    assert!(script.text.len() > 1_000_000 && script.text.contains("createApiReference"));
}

#[tokio::test]
async fn the_page_shows_samples_in_the_languages_of_the_original() {
    let app = TestApp::new().await;
    let page = open(&app, "/docs").await;
    let settings = settings(&page.text);
    assert_eq!(settings["hiddenClients"], Value::Array(Vec::new()), "none is hidden");
    assert_eq!(settings["defaultHttpClient"]["targetKey"], "shell");
    let script = open(&app, "/docs/scalar.js").await.text;
    for language in [
        "Shell",
        "JavaScript",
        "Java",
        "Swift",
        "Go",
        "PHP",
        "Python",
        "HTTP",
        "C",
        "C#",
        "Objective-C",
        "Ruby",
        "OCaml",
        "Dart",
        "R",
    ] {
        assert!(script.contains(&format!("title:`{language}`")), "the script has no samples in {language}");
    }
}
