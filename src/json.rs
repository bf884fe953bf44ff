//! JSON as serde writes it, compact, taken apart without a value for each part of it.

use serde_json::value::RawValue;

/// The fields of an object in their order: each name, in the escapes of JSON, and its value. Of what is no object there are none.
pub(crate) fn fields(json: &RawValue) -> impl Iterator<Item = (&str, &str)> {
    let inside = json.get().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inside.unwrap_or_default();
    std::iter::from_fn(move || {
        let string = rest.strip_prefix('"')?;
        let (name, after) = string.split_at(string_length(string));
        let after = after.strip_prefix("\":")?;
        let (value, after) = after.split_at(value_length(after));
        rest = after.strip_prefix(',').unwrap_or_default();
        Some((name, value))
    })
}

/// How long a string is, behind its opening quotation mark.
pub(crate) fn string_length(string: &str) -> usize {
    let bytes = string.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    string.len()
}

/// How long a value is, in front of the comma behind it.
fn value_length(json: &str) -> usize {
    let bytes = json.as_bytes();
    let (mut depth, mut at) = (0_u32, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at += json.get(at..).map_or(0, string_length) + 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at - 1,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::to_raw_value;
    use serde_json::{Map, Value};

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let text = r#"[a-c,:\[\]{}"\\ \n\u{e01}]{0,6}"#;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text, inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn fields_are_those_of_the_object(value in any_json()) {
            let written = to_raw_value(&value).unwrap();
            let read = fields(&written).map(|(name, value)| {
                let name: String = serde_json::from_str(&format!("\"{name}\"")).unwrap();
                (name, serde_json::from_str(value).unwrap())
            });
            let read: Map<String, Value> = read.collect();
            prop_assert_eq!(read, value.as_object().cloned().unwrap_or_default());
        }
    }
}
