//! Which operations answer lists, and how their pages are asked for: read out of the document.

use serde_json::Value;

use super::table::Node;

/// How a list operation is asked and how it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListLayout {
    /// Where the records lie in the answer.
    at: At,
    /// Whether the page is named in the body, or in the query.
    pub(super) in_body: bool,
    /// The parameters that say how many records a page has.
    pub(super) sizes: Vec<&'static str>,
    /// Whether records can be skipped.
    pub(super) skips: bool,
    /// The parameter that says where a page begins.
    pub(super) cursor: Option<&'static str>,
    /// The properties of a record, for a list without any.
    pub(super) columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// `[…]`
    Root,
    /// `{"data": […], "next": …}`
    Data,
    /// `{"data": {"value": […], "next": …}}`
    Value,
}

impl ListLayout {
    /// The list that an operation answers, if it answers one. `document` and `operation` are the document's JSON.
    pub fn of(document: &Value, operation: &Value) -> Option<ListLayout> {
        let answer = resolve(document, operation.pointer("/responses/200/content/application~1json/schema")?);
        let data = property(document, answer, "data");
        let places = [
            (At::Root, Some(answer)),
            (At::Data, data),
            (At::Value, data.and_then(|data| property(document, data, "value"))),
        ];
        let (at, list) =
            places.into_iter().find_map(|(at, schema)| Some((at, schema.filter(|schema| is_list(schema))?)))?;
        let record = resolve(document, list.get("items")?);
        let columns = names(document, record);
        if columns.is_empty() {
            return None;
        }

        let body = operation.pointer("/requestBody/content/application~1json/schema");
        let members = body.and_then(|body| resolve(document, body).get("properties")?.as_object());
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let has = |name: &str| match members {
            Some(members) => members.contains_key(name),
            None => parameters.is_some_and(|all| all.iter().any(|one| one["name"] == name && one["in"] == "query")),
        };
        Some(ListLayout {
            at,
            in_body: members.is_some(),
            sizes: ["take", "pageLength"].into_iter().filter(|name| has(name)).collect(),
            skips: has("skip"),
            cursor: ["cursor", "before"].into_iter().find(|name| has(name)),
            columns,
        })
    }

    /// The records of an answer, and where the next page begins.
    pub(super) fn read(&self, answer: Node) -> Option<(Vec<Node>, Option<String>)> {
        let next = |outer: &mut Node| outer.take("next").and_then(Node::into_text);
        match self.at {
            At::Root => Some((answer.into_list()?, None)),
            At::Data => {
                let mut answer = answer;
                let next = next(&mut answer);
                Some((answer.take("data")?.into_list()?, next))
            }
            At::Value => {
                let mut data = { answer }.take("data")?;
                let next = next(&mut data);
                Some((data.take("value")?.into_list()?, next))
            }
        }
    }
}

/// The properties of a record, also of one that is put together.
fn names(document: &Value, record: &Value) -> Vec<String> {
    let own = record.get("properties").and_then(Value::as_object);
    let mut names: Vec<String> = own.map(|own| own.keys().cloned().collect()).unwrap_or_default();
    for part in record.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        names.extend(self::names(document, resolve(document, part)));
    }
    names
}

fn is_list(schema: &Value) -> bool {
    schema["type"] == "array"
}

/// A property of a schema, without references.
fn property<'d>(document: &'d Value, schema: &'d Value, name: &str) -> Option<&'d Value> {
    Some(resolve(document, schema.get("properties")?.get(name)?))
}

fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).map_or(schema, |found| resolve(document, found))
}
