//! The `webhooks` of the API's document, out of the catalogue: one operation of the receiver for each event.

use serde_json::{Map, Value, json};
use utoipa::openapi::path::{PathItem, Paths};
use utoipa::openapi::{OpenApi, RefOr, Schema};

use super::capital;
use super::catalogue::{self, Told};

/// What stands before the names of schemas that are another one in PascalCase.
const PREFIX: &str = "Webhook";

const SCHEMAS: &str = "#/components/schemas/";

/// Adds the receiver's operations, and the schemas of what they get.
pub fn add(document: &mut OpenApi) {
    let schemas = document.components.as_ref().map(|components| &components.schemas);
    let known = match serde_json::to_value(schemas).unwrap_or_default() {
        Value::Object(known) => known,
        _ => Map::new(),
    };
    let mut needed = Vec::new();
    let mut paths = Paths::new();
    for told in catalogue::all() {
        let item = item(told, &known, &mut needed);
        if let Ok(item) = serde_json::from_value::<PathItem>(item) {
            paths.paths.insert(key(told), item);
        }
    }
    let components = document.components.get_or_insert_default();
    let mut done: Vec<String> = Vec::new();
    while let Some(name) = needed.pop() {
        if done.contains(&name) {
            continue;
        }
        let Some(schema) = known.get(&name) else { continue };
        let schema = pascal(schema, &mut needed);
        if let Ok(schema) = serde_json::from_value::<RefOr<Schema>>(schema) {
            components.schemas.insert(format!("{PREFIX}{name}"), schema);
        }
        done.push(name);
    }
    document.webhooks = Some(paths);
    for tag in document.tags.iter_mut().flatten().filter(|tag| tag.name == "Webhooks") {
        tag.description = Some(catalogue::page());
    }
}

/// `chatMessage`, `salesOrderCreated`.
fn key(told: &Told) -> String {
    let mut letters = told.topic.chars();
    let first = letters.next().map(|first| first.to_lowercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}{}", letters.as_str(), told.name)
}

fn item(told: &Told, known: &Map<String, Value>, needed: &mut Vec<String>) -> Value {
    let mut record = json!({"type": "object"});
    if known.contains_key(told.schema) {
        record = json!({"$ref": format!("{SCHEMAS}{PREFIX}{}", told.schema)});
        needed.push(told.schema.to_owned());
    }
    let mut data = json!({told.data: record});
    let mut required = vec![told.data];
    if told.topic == "SalesOrder" {
        data["SaleOrderNo"] =
            json!({"type": "string", "description": "The sales order's number", "examples": ["SO23080001"]});
        required.push("SaleOrderNo");
    }
    let header = |name: &str, description: &str| json!({"name": name, "in": "header", "required": true, "description": description, "schema": {"type": "string"}});
    json!({"post": {
        "operationId": format!("on{}{}", told.topic, told.name),
        "summary": told.when.trim_end_matches('.'),
        "description": format!("{} Topic `{}`, event `{}`.", told.when, told.topic, told.name),
        "tags": ["Webhooks"],
        "parameters": [
            header("webhook-id", "The event's id: the same at every try, and to every subscription"),
            header("webhook-timestamp", "When this try was made, in Unix seconds"),
            header("webhook-signature", "`v1,` and a signature in Base64, for each secret that is valid, separated by spaces"),
        ],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {
            "type": "object",
            "required": ["Topic", "Event", "Data"],
            "properties": {
                "Topic": {"type": "string", "enum": [told.topic]},
                "Event": {"type": "string", "enum": [told.name]},
                "Data": {"type": "object", "required": required, "properties": data},
            },
        }}}},
        "responses": {
            "200": {"description": "Received; any answer from 200 to 299 is as good, with any body."},
            "410": {"description": "Ends the subscription."},
            "429": {"description": "Comes again, not before `Retry-After`."},
        },
    }})
}

/// A schema with the names of its properties in PascalCase, and references to others like it.
fn pascal(schema: &Value, needed: &mut Vec<String>) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut told = Map::new();
            for (name, value) in fields {
                let value = match (name.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        let properties = properties.iter().map(|(name, value)| (capital(name), pascal(value, needed)));
                        Value::Object(properties.collect())
                    }
                    ("required", Value::Array(names)) => {
                        names.iter().filter_map(Value::as_str).map(|name| Value::String(capital(name))).collect()
                    }
                    ("$ref", Value::String(target)) => match target.strip_prefix(SCHEMAS) {
                        Some(name) => {
                            needed.push(name.to_owned());
                            Value::String(format!("{SCHEMAS}{PREFIX}{name}"))
                        }
                        None => value.clone(),
                    },
                    ("example" | "examples" | "default" | "enum" | "const", value) => value.clone(),
                    (_, value) => pascal(value, needed),
                };
                told.insert(name.clone(), value);
            }
            Value::Object(told)
        }
        Value::Array(items) => items.iter().map(|item| pascal(item, needed)).collect(),
        other => other.clone(),
    }
}
