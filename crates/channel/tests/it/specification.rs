//! LINE's own OpenAPI files: found, made into JSON Schema, and made into examples.
//!
//! The files (<https://github.com/line/line-openapi>) are not part of this repository. They are looked for in the folder
//! that `SALA_PROVIDER_SPECS` names, or else in `shared/channels` beside the repository.

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::PathBuf;

const SCHEMAS: &str = "#/components/schemas/";

/// One OpenAPI file.
pub(crate) struct Specification {
    document: Value,
    definitions: Value,
}

/// Reads a file of LINE's, or says that it is not there. Where tests are the gate (`CI`), and where the folder was named,
/// a missing file is a failure: a check that did not run must not look like one that passed.
pub(crate) fn line(file: &str) -> Option<Specification> {
    let named = env::var_os("SALA_PROVIDER_SPECS").map(PathBuf::from);
    let must_be_there = named.is_some() || env::var_os("CI").is_some();
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/channels");
    let path = named.unwrap_or_else(beside).join("line").join(file);
    match fs::read_to_string(&path) {
        Ok(text) => {
            // Otherwise `y`, a member of areas, would be read as the boolean of old YAML.
            let options = serde_saphyr::options! { strict_booleans: true };
            let document: Value = serde_saphyr::from_str_with_options(&text, options).unwrap();
            let definitions = definitions(document["components"]["schemas"].as_object().unwrap());
            Some(Specification { document, definitions })
        }
        Err(error) if must_be_there => panic!("{} is needed: {error}", path.display()),
        Err(_) => {
            eprintln!("NOT CHECKED against LINE's {file}: put it into the folder that SALA_PROVIDER_SPECS names");
            None
        }
    }
}

impl Specification {
    /// The kinds that a schema tells apart, each with the schema of that kind.
    pub(crate) fn kinds(&self, schema: &str) -> Vec<(String, String)> {
        let mapping = self.schema(schema)["discriminator"]["mapping"].as_object().unwrap();
        mapping.iter().map(|(kind, target)| (kind.clone(), name(target.as_str().unwrap()).to_owned())).collect()
    }

    /// A validator for one schema, which also refuses members that the schema does not name.
    pub(crate) fn validator(&self, schema: &str) -> Validator {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/$defs/{}", target(schema, &self.document["components"]["schemas"])),
            "unevaluatedProperties": false,
            "$defs": self.definitions,
        });
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    /// Examples of a schema that together show every kind and every word it allows: with all members, or only with those
    /// that must be there.
    pub(crate) fn examples(&self, schema: &str, full: bool) -> Vec<Value> {
        self.build(&json!({ "$ref": format!("{SCHEMAS}{schema}") }), full)
    }

    /// The operation of a request: its servers, and the operation itself.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Option<(String, &Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        // A path without variables is meant before one with them.
        let found = paths
            .get(path)
            .or_else(|| paths.iter().find(|(template, _)| matches(template, path)).map(|(_, operations)| operations))?;
        let operation = found.get(method.to_lowercase())?;
        let servers = operation.get("servers").unwrap_or(&self.document["servers"]);
        Some((servers[0]["url"].as_str()?.to_owned(), operation))
    }

    fn schema(&self, name: &str) -> &Value {
        &self.document["components"]["schemas"][name]
    }

    fn build(&self, schema: &Value, full: bool) -> Vec<Value> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.schema(name(reference));
            let Some(discriminator) = target.get("discriminator") else { return self.build(target, full) };
            let member = discriminator["propertyName"].as_str().unwrap();
            let kinds = self.kinds(name(reference));
            return kinds
                .iter()
                .flat_map(|(kind, child)| {
                    let mut examples = self.build_object(self.schema(child), full);
                    examples.iter_mut().for_each(|example| example[member] = json!(kind));
                    examples
                })
                .collect();
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return words.clone();
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => vec![match (schema.get("pattern"), schema.get("format").and_then(Value::as_str)) {
                (Some(pattern), _) if pattern == "^U[0-9a-f]{32}$" => json!(format!("U{:032x}", 7)),
                (Some(pattern), _) => panic!("no example of {pattern} yet"),
                (None, Some("uri")) => json!("https://example.com/a"),
                _ => json!("x"),
            }],
            Some("integer") => vec![schema.get("minimum").cloned().unwrap_or(json!(1))],
            Some("number") => vec![json!(1.5)],
            Some("boolean") => vec![json!(true), json!(false)],
            Some("array") => vec![self.build(&schema["items"], full).into()],
            _ => self.build_object(schema, full),
        }
    }

    /// The first example has the first choice of every member; each other choice of a member gets an example more.
    fn build_object(&self, schema: &Value, full: bool) -> Vec<Value> {
        let (mut members, mut required) = (BTreeMap::new(), BTreeSet::new());
        self.collect(schema, &mut members, &mut required);
        let mut first = Map::new();
        let mut others = Vec::new();
        for (member, schema) in members {
            if full || required.contains(member.as_str()) {
                let mut choices = self.build(schema, full).into_iter();
                first.insert(member.clone(), choices.next().unwrap());
                others.extend(choices.map(|choice| (member.clone(), choice)));
            }
        }
        if let (true, Some(value)) = (full, schema.get("additionalProperties")) {
            first.insert("key".into(), self.build(value, full).remove(0));
        }
        let others = others.into_iter().map(|(member, choice)| {
            let mut other = first.clone();
            other.insert(member, choice);
            Value::Object(other)
        });
        std::iter::once(Value::Object(first.clone())).chain(others).collect()
    }

    /// The members of a schema and of all that it is made of.
    fn collect<'a>(
        &'a self,
        schema: &'a Value,
        members: &mut BTreeMap<String, &'a Value>,
        required: &mut BTreeSet<&'a str>,
    ) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            self.collect(self.schema(name(reference)), members, required);
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.collect(part, members, required);
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        members.extend(properties.into_iter().flatten().map(|(name, schema)| (name.clone(), schema)));
        required
            .extend(schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str));
    }
}

fn name(reference: &str) -> &str {
    reference.strip_prefix(SCHEMAS).unwrap()
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(path).all(|(template, path)| template.starts_with('{') || *template == path)
}

/// The definition a reference means. A schema with kinds has two: itself, which its kinds are made of, and "any", which
/// is one of its kinds. OpenAPI writes both the same way.
fn target(name: &str, schemas: &Value) -> String {
    if schemas[name].get("discriminator").is_some() { format!("{name}.any") } else { name.to_owned() }
}

/// Makes OpenAPI 3.0 schemas into definitions of JSON Schema.
fn definitions(schemas: &Map<String, Value>) -> Value {
    let all = Value::Object(schemas.clone());
    let mut definitions = Map::new();
    for (name, schema) in schemas {
        if let Some(discriminator) = schema.get("discriminator") {
            definitions.insert(format!("{name}.any"), any_kind(discriminator, &all));
        }
        definitions.insert(name.clone(), convert(schema, &all, false));
    }
    Value::Object(definitions)
}

fn any_kind(discriminator: &Value, all: &Value) -> Value {
    let member = discriminator["propertyName"].as_str().unwrap();
    let mapping = discriminator["mapping"].as_object().unwrap();
    let kinds: Vec<&String> = mapping.keys().collect();
    let rules: Vec<Value> = mapping
        .iter()
        .map(|(kind, child)| {
            let child = target(name(child.as_str().unwrap()), all);
            json!({
                "if": { "properties": { member: { "const": kind } } },
                "then": { "$ref": format!("#/$defs/{child}"), "unevaluatedProperties": false },
            })
        })
        .collect();
    json!({ "type": "object", "required": [member], "properties": { member: { "enum": kinds } }, "allOf": rules })
}

fn convert(schema: &Value, all: &Value, is_part: bool) -> Value {
    match schema {
        Value::Object(schema) => {
            let mut converted = Map::new();
            for (key, value) in schema {
                let value = match key.as_str() {
                    "discriminator" | "example" | "externalDocs" | "nullable" | "xml" => continue,
                    "$ref" if value.is_string() => {
                        let name = name(value.as_str().unwrap());
                        let target = if is_part { name.to_owned() } else { target(name, all) };
                        json!(format!("#/$defs/{target}"))
                    }
                    "allOf" => value.as_array().unwrap().iter().map(|part| convert(part, all, true)).collect(),
                    "type" if schema.get("nullable") == Some(&json!(true)) => json!([value, "null"]),
                    _ => convert(value, all, false),
                };
                converted.insert(key.clone(), value);
            }
            Value::Object(converted)
        }
        Value::Array(parts) => parts.iter().map(|part| convert(part, all, false)).collect(),
        other => other.clone(),
    }
}
