//! What is rendered and read here, held against LINE's own OpenAPI files.

use crate::send::{account, rendered_contents};
use crate::specification::{self, Specification};
use channel::Content;
use channel::line::{self, Event, EventKind, Media, Outcome, Route, Source, receive};
use http::{HeaderMap, Request};
use jsonschema::Validator;
use serde_json::{Value, json};
use uuid::Uuid;

const WEBHOOK: &str = "webhook.yml";
const API: &str = "messaging-api.yml";

fn assert_valid(validator: &Validator, instance: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(instance).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{instance:#}");
}

fn receive_one(event: &Value) -> Event {
    let body = json!({ "destination": "U", "events": [event] }).to_string();
    let mut events = receive(body.as_bytes()).unwrap().events;
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// Every event of LINE's file: with all members and with as few as may be, and one for each word it allows.
fn every_event(webhook: &Specification) -> Vec<Value> {
    let mut events = webhook.examples("Event", true);
    events.extend(webhook.examples("Event", false));
    events
}

#[test]
fn every_event_of_line_is_read() {
    let Some(webhook) = specification::line(WEBHOOK) else { return };
    let validator = webhook.validator("Event");
    let events = every_event(&webhook);
    for (kind, _) in webhook.kinds("Event") {
        let count = events.iter().filter(|event| event["type"] == json!(kind)).count();
        assert!(count > 1, "no example of {kind}");
    }
    for event in &events {
        assert_valid(&validator, event);
        let read = receive_one(event);
        let word = event["type"].as_str().unwrap();

        // The names of the kinds are LINE's words with a large first letter.
        let (first, rest) = word.split_at(1);
        let name = format!("{}{rest}", first.to_uppercase());
        let shown = format!("{:?}", read.kind);
        assert_eq!(shown.split([' ', '(', '{']).next(), Some(name.as_str()), "{event:#}");

        assert_eq!(read.id, event["webhookEventId"].as_str().unwrap());
        assert_eq!(read.at, event["timestamp"].as_i64().unwrap());
        assert_eq!(read.active, event["mode"] == "active");
        assert_eq!(json!(read.redelivery), event["deliveryContext"]["isRedelivery"]);
        assert_eq!(read.reply_token.as_deref(), event["replyToken"].as_str());
        assert_eq!(read.mark_as_read_token.as_deref(), event["message"]["markAsReadToken"].as_str());
        assert_eq!(read.source.user(), event["source"]["userId"].as_str());
        if event["source"].get("userId").is_some() {
            let chat = match event["source"]["type"].as_str().unwrap() {
                "user" => "userId",
                "group" => "groupId",
                "room" => "roomId",
                other => panic!("a new source: {other}"),
            };
            assert_eq!(read.source.chat(), event["source"][chat].as_str());
        } else if event.get("source").is_none() {
            assert_eq!(read.source, Source::Unknown);
        }
    }
}

#[test]
fn every_message_of_line_is_read() {
    let Some(webhook) = specification::line(WEBHOOK) else { return };
    let events = every_event(&webhook);
    for (kind, _) in webhook.kinds("MessageContent") {
        let messages: Vec<&Value> = events.iter().filter(|event| event["message"]["type"] == json!(kind)).collect();
        assert!(messages.len() > 1, "no example of {kind}");
        for event in messages {
            let EventKind::Message { id, content, media, quote_token, quoted_message_id, image_set, .. } =
                receive_one(event).kind
            else {
                panic!("not a message: {event:#}")
            };
            let message = &event["message"];
            assert_eq!(id, message["id"].as_str().unwrap());
            assert_eq!(content.kind(), if kind == "text" { "message" } else { kind.as_str() });
            assert!(!matches!(content, Content::Unsupported { .. }), "{event:#}");
            assert_eq!(quote_token.as_deref(), message["quoteToken"].as_str());
            assert_eq!(quoted_message_id.as_deref(), message["quotedMessageId"].as_str());
            assert_eq!(image_set.map(|set| set.id).as_deref(), message["imageSet"]["id"].as_str());

            // Files have no address in this file of LINE's, and come from LINE like the others.
            let has_media = ["image", "video", "audio", "file"].contains(&kind.as_str());
            assert_eq!(media.is_some(), has_media, "{event:#}");
            if let Some(Media::External { url, preview }) = media {
                assert_eq!(message["contentProvider"]["type"], "external");
                assert_eq!(Some(url.as_str()), message["contentProvider"]["originalContentUrl"].as_str());
                assert_eq!(preview.as_deref(), message["contentProvider"]["previewImageUrl"].as_str());
                assert_eq!(content.text(), url);
            }
        }
    }
}

#[test]
fn every_webhook_of_line_is_read_whole() {
    let Some(webhook) = specification::line(WEBHOOK) else { return };
    let validator = webhook.validator("CallbackRequest");
    for full in [true, false] {
        for callback in webhook.examples("CallbackRequest", full) {
            assert_valid(&validator, &callback);
            let read = receive(callback.to_string().as_bytes()).unwrap();
            assert_eq!(read.destination, callback["destination"].as_str().unwrap());
            assert_eq!(read.events.len(), callback["events"].as_array().unwrap().len());
            assert!(!read.events.iter().any(|event| matches!(event.kind, EventKind::Unknown { .. })));
        }
    }
}

#[test]
fn a_damaged_event_is_still_an_event() {
    let Some(webhook) = specification::line(WEBHOOK) else { return };
    for event in every_event(&webhook) {
        for pointer in pointers(&event) {
            for damage in [Value::Null, json!(-1), json!("?"), json!([]), json!({}), json!(1e300), json!(true)] {
                let mut damaged = event.clone();
                *damaged.pointer_mut(&pointer).unwrap() = damage;
                let read = receive_one(&damaged);
                assert!(!read.id.is_empty());
                if let EventKind::Unknown { kind, fault } = read.kind {
                    // Either the kind is another word now, or it is told what is missing.
                    assert!(fault.is_some() || kind != event["type"].as_str().unwrap(), "{damaged:#}");
                }
            }
        }
    }
}

/// Where every value of a document is.
fn pointers(value: &Value) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => vec![],
    };
    below
        .into_iter()
        .flat_map(|(name, value)| {
            let inner = pointers(value).into_iter().map(|pointer| format!("/{name}{pointer}")).collect::<Vec<_>>();
            std::iter::once(format!("/{name}")).chain(inner)
        })
        .collect()
}

/// Every request that is rendered, each with the schema of its body where LINE's file gives one.
fn every_request() -> Vec<Request<Vec<u8>>> {
    let account = account();
    let reply = Route::Reply { token: "t0k" };
    let push = Route::Push { to: "U1", retry_key: Uuid::from_u128(7) };
    let contents: Vec<Content> = rendered_contents().into_iter().map(|(content, _)| content).collect();
    let group = Source::Group { group: "C1".into(), user: Some("U1".into()) };
    let room = Source::Room { room: "R1".into(), user: Some("U1".into()) };
    let mut requests = vec![
        line::quota(&account),
        line::consumption(&account),
        line::profile(&account, "U1"),
        line::member(&account, &group),
        line::member(&account, &room),
        line::media(&account, "1"),
        line::transcoding(&account, "1"),
        line::bot_info(&account),
        line::webhook_endpoint(&account),
        line::set_webhook_endpoint(&account, "https://example.com/channels/line/507-k3j9x2mqw7ha"),
        line::test_webhook(&account),
        line::mark_as_read(&account, "t0k"),
        line::loading(&account, "U1", 1),
        line::loading(&account, "U1", 255),
    ];
    for route in [reply, push] {
        requests.extend(contents.iter().map(|content| line::send(&account, route, std::slice::from_ref(content))));
        requests.extend(contents.chunks(5).map(|contents| line::send(&account, route, contents)));
    }
    requests.into_iter().map(|request| request.unwrap()).collect()
}

#[test]
fn every_request_is_one_that_line_describes() {
    let Some(api) = specification::line(API) else { return };
    for request in every_request() {
        let (method, uri) = (request.method().as_str(), request.uri());
        let (server, operation) =
            api.operation(method, uri.path()).unwrap_or_else(|| panic!("{method} {uri} is unknown"));
        assert_eq!(format!("https://{}", uri.host().unwrap()), server, "{uri}");

        let body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
        assert_eq!(body.is_some(), !request.body().is_empty(), "{uri}");
        if let Some(schema) = body {
            let validator = api.validator(schema.strip_prefix("#/components/schemas/").unwrap());
            assert_valid(&validator, &serde_json::from_slice(request.body()).unwrap());
        }

        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for name in request.headers().keys().filter(|name| *name != "authorization" && *name != "content-type") {
            let declared = |parameter: &Value| {
                parameter["in"] == "header" && name.as_str().eq_ignore_ascii_case(parameter["name"].as_str().unwrap())
            };
            assert!(parameters.iter().any(declared), "{uri} does not take the header {name}");
        }
    }
}

#[test]
fn the_check_itself_finds_what_is_wrong() {
    let Some(api) = specification::line(API) else { return };
    let validator = api.validator("ReplyMessageRequest");
    let text = json!({ "type": "text", "text": "a" });
    assert!(validator.is_valid(&json!({ "replyToken": "t", "messages": [text] })));
    for wrong in [
        json!({ "replyToken": "t", "messages": [] }),
        json!({ "replyToken": "t", "messages": vec![text.clone(); 6] }),
        json!({ "messages": [text] }),
        json!({ "replyToken": "t", "messages": [text], "retryKey": "u" }),
        json!({ "replyToken": "t", "messages": [{ "type": "file", "text": "a" }] }),
        json!({ "replyToken": "t", "messages": [{ "type": "text" }] }),
        json!({ "replyToken": "t", "messages": [{ "type": "text", "text": "a", "txt": "a" }] }),
        json!({ "replyToken": "t", "messages": [{ "type": "image", "originalContentUrl": "https://example.com/a" }] }),
        json!({
            "replyToken": "t",
            "messages": [{ "type": "audio", "originalContentUrl": "https://example.com/a", "duration": "1" }],
        }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong:#}");
    }
}

#[test]
fn every_answer_of_line_is_read() {
    let Some(api) = specification::line(API) else { return };
    let bytes = |value: &Value| value.to_string().into_bytes();
    for schema in ["ReplyMessageResponse", "PushMessageResponse"] {
        for answer in [true, false].into_iter().flat_map(|full| api.examples(schema, full)) {
            let outcome = line::outcome(false, 200, &HeaderMap::new(), &bytes(&answer));
            assert_eq!(outcome, Outcome::Sent { provider_ids: vec!["x".into()], request_id: None });
        }
    }
    for answer in [true, false].into_iter().flat_map(|full| api.examples("ErrorResponse", full)) {
        let outcome = line::outcome(false, 400, &HeaderMap::new(), &bytes(&answer));
        assert!(outcome.reason().unwrap().starts_with("HTTP 400 x"), "{outcome:?}");
    }
    for schema in ["UserProfileResponse", "GroupUserProfileResponse", "RoomUserProfileResponse"] {
        for answer in [true, false].into_iter().flat_map(|full| api.examples(schema, full)) {
            let profile = line::read_profile(&bytes(&answer)).unwrap();
            assert_eq!(profile.name, "x");
            assert_eq!(profile.picture.as_deref(), answer["pictureUrl"].as_str());
            assert_eq!(profile.status.as_deref(), answer["statusMessage"].as_str());
            assert_eq!(profile.language.as_deref(), answer["language"].as_str());
        }
    }
    for answer in [true, false].into_iter().flat_map(|full| api.examples("BotInfoResponse", full)) {
        let bot = line::read_bot_info(&bytes(&answer)).unwrap();
        assert_eq!(bot.chat, answer["chatMode"] == "chat");
        assert_eq!(bot.marks_as_read, answer["markAsReadMode"] == "auto");
    }
    // A limit without its value says nothing, so only whole examples are read.
    for answer in api.examples("MessageQuotaResponse", true) {
        line::read_quota(&bytes(&answer)).unwrap();
    }
    for answer in api.examples("QuotaConsumptionResponse", false) {
        assert_eq!(line::read_consumption(&bytes(&answer)).unwrap(), 1);
    }
    for answer in api.examples("GetMessageContentTranscodingResponse", false) {
        line::read_transcoding(&bytes(&answer)).unwrap();
    }
    for answer in api.examples("GetWebhookEndpointResponse", false) {
        line::read_webhook_endpoint(&bytes(&answer)).unwrap();
    }
    for answer in api.examples("TestWebhookEndpointResponse", false) {
        line::read_webhook_test(&bytes(&answer)).unwrap();
    }
}

#[test]
fn the_examples_that_line_wrote_itself_are_read() {
    let Some(api) = specification::line(API) else { return };
    type Read = fn(&[u8]) -> bool;
    let readers: [(&str, Read); 6] = [
        ("/v2/bot/message/quota", |body| line::read_quota(body).is_ok()),
        ("/v2/bot/message/quota/consumption", |body| line::read_consumption(body).is_ok()),
        ("/v2/bot/profile/{userId}", |body| line::read_profile(body).is_ok()),
        ("/v2/bot/info", |body| line::read_bot_info(body).is_ok()),
        ("/v2/bot/channel/webhook/endpoint", |body| line::read_webhook_endpoint(body).is_ok()),
        ("/v2/bot/message/{messageId}/content/transcoding", |body| line::read_transcoding(body).is_ok()),
    ];
    for (path, read) in readers {
        let (_, operation) = api.operation("GET", path).unwrap();
        let answer = &operation["responses"]["200"]["content"]["application/json"];
        let several = answer["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
        let examples: Vec<&Value> = answer.get("example").into_iter().chain(several).collect();
        assert!(!examples.is_empty(), "{path} has no example");
        for example in examples {
            assert!(read(example.to_string().as_bytes()), "{path}: {example}");
        }
    }
}
