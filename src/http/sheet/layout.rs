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
    /// The parameter that asks for what belongs to a record and is not in every list.
    pub(super) details: Option<&'static str>,
    /// The property in which the records lie, when the list is of groups of them.
    group: Option<String>,
    /// The properties that are objects of whatever members: each is one column.
    pub(super) free: Vec<String>,
    /// The properties of a record, for a list without any.
    pub(super) columns: Vec<String>,
}

/// The extension by which an operation that answers groups of records says in which property of a group they lie.
const GROUP: &str = "x-records";

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
        let mut properties = members(document, record);
        let group = operation.get(GROUP).and_then(Value::as_str);
        if let Some(group) = group {
            let own = members(document, resolve(document, property(document, record, group)?.get("items")?));
            properties.retain(|(name, _)| *name != group && own.iter().all(|(known, _)| known != name));
            properties.extend(own);
        }
        if properties.is_empty() {
            return None;
        }
        let name = |(name, _): &(&str, &Value)| (*name).to_owned();
        let columns = properties.iter().map(name).collect();
        let free = properties.iter().filter(|(_, schema)| is_free(resolve(document, schema))).map(name).collect();

        let body = operation.pointer("/requestBody/content/application~1json/schema");
        let asked = body.and_then(|body| resolve(document, body).get("properties")?.as_object());
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let has = |name: &str| match asked {
            Some(asked) => asked.contains_key(name),
            None => parameters.is_some_and(|all| all.iter().any(|one| one["name"] == name && one["in"] == "query")),
        };
        Some(ListLayout {
            at,
            in_body: asked.is_some(),
            sizes: ["take", "pageLength"].into_iter().filter(|name| has(name)).collect(),
            skips: has("skip"),
            cursor: ["cursor", "before"].into_iter().find(|name| has(name)),
            details: ["withDetails"].into_iter().find(|name| has(name)),
            group: group.map(str::to_owned),
            free,
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

    /// The records out of their groups: the properties of its group stand before a record's own.
    pub(super) fn records(&self, rows: Vec<Node>) -> Vec<Node> {
        let Some(name) = &self.group else { return rows };
        let of_group = |mut group: Node| {
            let records = group.take(name).and_then(Node::into_list).unwrap_or_default();
            records.into_iter().map(move |record| record.behind(&group))
        };
        rows.into_iter().flat_map(of_group).collect()
    }
}

/// The properties of a record with what each is, also of one that is put together.
fn members<'d>(document: &'d Value, record: &'d Value) -> Vec<(&'d str, &'d Value)> {
    let own = record.get("properties").and_then(Value::as_object);
    let mut found: Vec<(&str, &Value)> = own.into_iter().flatten().map(|(name, is)| (name.as_str(), is)).collect();
    for part in record.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        found.extend(members(document, resolve(document, part)));
    }
    found
}

/// Whether it is an object of which nothing says what members it has.
fn is_free(schema: &Value) -> bool {
    let kind = &schema["type"];
    let is_object = kind == "object" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"));
    is_object && schema.get("properties").is_none()
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
