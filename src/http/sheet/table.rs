//! Records as rows: what is nested becomes columns of its own or one text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::layout::ListLayout;

/// A JSON value whose properties keep their order, because it is that of the columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Flag(bool),
    Whole(i64),
    Fraction(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// A property, taken out.
    pub(super) fn take(&mut self, name: &str) -> Option<Node> {
        let Node::Object(members) = self else { return None };
        let place = members.iter().position(|(member, _)| member == name)?;
        Some(members.swap_remove(place).1)
    }

    /// An object with the properties of another before its own, all but those of the same names.
    pub(super) fn behind(self, other: &Node) -> Node {
        let (Node::Object(own), Node::Object(others)) = (&self, other) else { return self };
        let is_new = |name: &str| own.iter().all(|(known, _)| known != name);
        let before = others.iter().filter(|(name, _)| is_new(name));
        Node::Object(before.chain(own).cloned().collect())
    }

    pub(super) fn into_list(self) -> Option<Vec<Node>> {
        if let Node::List(items) = self { Some(items) } else { None }
    }

    pub(super) fn into_text(self) -> Option<String> {
        if let Node::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn list(&self) -> Option<&[Node]> {
        if let Node::List(items) = self { Some(items) } else { None }
    }

    /// The names of its properties, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let members: &[(String, Node)] = if let Node::Object(members) = self { members } else { &[] };
        members.iter().map(|(name, _)| name.as_str())
    }

    /// The first property whose name fits.
    pub(super) fn member(&self, fits: impl Fn(&str) -> bool) -> Option<(&str, &Node)> {
        let Node::Object(members) = self else { return None };
        members.iter().find(|(name, _)| fits(name)).map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        let Node::Object(members) = self else { return None };
        members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// The value as one text: the members of a list apart by `; `, of an object as `name: value`.
    pub(super) fn text(&self) -> String {
        match self {
            Node::Null => String::new(),
            Node::Flag(flag) => flag.to_string(),
            Node::Whole(number) => number.to_string(),
            Node::Fraction(number) => number.to_string(),
            Node::Text(text) => text.clone(),
            Node::List(items) => items.iter().map(Node::text).collect::<Vec<_>>().join("; "),
            Node::Object(members) => {
                let told =
                    members.iter().map(|(name, value)| (name, value.text())).filter(|(_, text)| !text.is_empty());
                told.map(|(name, text)| format!("{name}: {text}")).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// The columns of a list.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Vec<String>>,
}

impl Table {
    /// The columns by the first record; every record of a list has the same properties. An object's members are columns
    /// of their own, `customerSocialAccount.line`, unless each record has others.
    pub(super) fn of(rows: &[Node], layout: &ListLayout) -> Table {
        let mut columns = Vec::new();
        match rows.first() {
            Some(Node::Object(members)) => {
                for (name, value) in members {
                    match layout.free.contains(name) {
                        true => columns.push(vec![name.clone()]),
                        false => columns_of(vec![name.clone()], value, &mut columns),
                    }
                }
            }
            Some(_) => columns.push(Vec::new()),
            None => columns.extend(layout.columns.iter().map(|name| vec![name.clone()])),
        }
        Table { columns }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|path| if path.is_empty() { "value".to_owned() } else { path.join(".") }).collect()
    }

    /// A record's values, column by column.
    pub(super) fn row<'n>(&self, record: &'n Node) -> impl Iterator<Item = &'n Node> {
        self.columns
            .iter()
            .map(move |path| path.iter().try_fold(record, |node, name| node.get(name)).unwrap_or(&Node::Null))
    }
}

fn columns_of(path: Vec<String>, value: &Node, columns: &mut Vec<Vec<String>>) {
    match value {
        Node::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let mut path = path.clone();
                path.push(name.clone());
                columns_of(path, value, columns);
            }
        }
        _ => columns.push(path),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
                Ok(Node::Flag(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
                Ok(Node::Whole(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
                Ok(i64::try_from(number).map_or_else(|_| Node::Text(number.to_string()), Node::Whole))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
                Ok(Node::Fraction(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Node, E> {
                Ok(Node::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Node, E> {
                Ok(Node::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Node::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
                let mut object = Vec::new();
                while let Some(member) = members.next_entry()? {
                    object.push(member);
                }
                Ok(Node::Object(object))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_becomes_columns_or_one_text() {
        let json =
            r#"{"z": 1, "a": {"line": "x", "wechat": null}, "tags": ["b", "a"], "list": [{"n": "p", "v": [1, 2]}]}"#;
        let record: Node = serde_json::from_str(json).expect("json");
        let layout = ListLayout::of(
            &serde_json::Value::Null,
            &serde_json::json!({"responses": {"200": {"content": {"application/json": {"schema":
                {"type": "array", "items": {"properties": {"n": {}}}}}}}}}),
        );
        let table = Table::of(std::slice::from_ref(&record), &layout.expect("a list"));
        assert_eq!(table.names(), ["z", "a.line", "a.wechat", "tags", "list"]);
        let texts: Vec<String> = table.row(&record).map(Node::text).collect();
        assert_eq!(texts, ["1", "x", "", "b; a", "n: p, v: 1; 2"]);
    }
}
