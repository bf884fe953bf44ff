//! Lenient in: one decoder that takes what real clients of this API send.
//!
//! Property names match the struct's own field list in any letter case, scalars are converted (`"507"` is an integer,
//! `0` a boolean, `12` a string), `null` and an absent property are the same for an optional field, and empty members
//! of a list (`[""]`) are dropped. Nothing is guessed beyond that: what cannot be read is a fault that names its field,
//! and decoding goes on so that every fault is found, not only the first.

mod reader;

use std::cell::RefCell;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use self::reader::{Node, Path, Reader};
use super::check::MOST_FAULTS;
use super::error::{Code, Fault};

/// Stands in for a value that was at fault, so that decoding can go on. It holds a NUL, which no caller can send; a
/// type with its own parser answers its default to it.
pub const POISON: &str = "\0";

/// A value is read so often at most: each time one more field with its own parser can be found to be at fault.
const MOST_PASSES: usize = 5;

/// Decodes a JSON body; an empty one reads as an object without properties.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Vec<Fault>> {
    without_fault(decode_all(body))
}

/// The same for a caller that has more to check: what could be read comes beside its faults, with stand-ins in the
/// fields that are at fault.
pub fn decode_all<T: DeserializeOwned>(body: &[u8]) -> Result<(T, Vec<Fault>), Vec<Fault>> {
    // Some libraries of Windows begin a text with a byte order mark.
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let value = if body.iter().all(u8::is_ascii_whitespace) {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice(body)
            .map_err(|error| vec![Fault::new(Code::InvalidBody, "", format!("The body is not valid JSON: {error}"))])?
    };
    if !value.is_object() {
        return Err(vec![Fault::new(Code::InvalidBody, "", "The body must be a JSON object")]);
    }
    let (read, ignored) = read_telling(&value);
    crate::telemetry::tell(|work| work.ignored = ignored);
    read
}

/// Decodes a value that is already parsed: query and path parameters come as objects of strings.
pub fn decode_value<T: DeserializeOwned>(value: &Value) -> Result<T, Vec<Fault>> {
    without_fault(read(value))
}

/// The same for a caller that has more to check, as [`decode_all`].
pub fn decode_value_all<T: DeserializeOwned>(value: &Value) -> Result<(T, Vec<Fault>), Vec<Fault>> {
    read(value)
}

fn without_fault<T>(decoded: Result<(T, Vec<Fault>), Vec<Fault>>) -> Result<T, Vec<Fault>> {
    let (value, faults) = decoded?;
    if faults.is_empty() { Ok(value) } else { Err(faults) }
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<(T, Vec<Fault>), Vec<Fault>> {
    read_telling(value).0
}

/// What was read, or its faults; and the members that no field takes.
type Told<T> = (Result<(T, Vec<Fault>), Vec<Fault>>, Vec<Ignored>);

fn read_telling<T: DeserializeOwned>(value: &Value) -> Told<T> {
    // A type with its own parser (a date, an id) can only refuse a value once its visitor is used up. Such a field is
    // noted and the whole value read again with that field poisoned, until nothing new turns up.
    let mut refused: Vec<Fault> = Vec::new();
    loop {
        let context = Context {
            faults: RefCell::default(),
            refused: refused.iter().map(|f| f.field.clone()).collect(),
            ignored: RefCell::default(),
        };
        let decoded = T::deserialize(Reader { node: Node::Value(value), path: Path::Root, context: &context });
        let mut faults = context.faults.into_inner();
        let again = match &decoded {
            Ok(_) => false,
            Err(failure) => {
                let field = failure.path.clone().unwrap_or_default();
                let new = !refused.iter().chain(&faults).any(|known| known.field == field);
                if new {
                    // What the parser of ids says is for whoever writes programs.
                    let what = match failure.message.starts_with("UUID parsing failed") {
                        true => "must be an id like 01234567-89ab-7cde-8f01-23456789abcd",
                        false => failure.message.as_str(),
                    };
                    refused.push(Fault::new(Code::InvalidValue, &field, format!("{field} {what}")));
                }
                new && refused.len() < MOST_PASSES
            }
        };
        if again {
            continue;
        }
        faults.extend(refused);
        faults.truncate(MOST_FAULTS);
        let read = match decoded {
            Ok(decoded) => Ok((decoded, faults)),
            Err(_) => Err(faults),
        };
        return (read, context.ignored.into_inner());
    }
}

struct Context {
    faults: RefCell<Vec<Fault>>,
    refused: Vec<String>,
    /// Members that no field takes, with the field that is likest.
    ignored: RefCell<Vec<Ignored>>,
}

/// A property of a body that is not one here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Its path, as it was sent.
    pub path: String,
    /// The property that was probably meant.
    pub meant: Option<&'static str>,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a property here, and was ignored", self.path)?;
        self.meant.map_or(Ok(()), |meant| write!(f, "; did you mean {meant}?"))
    }
}

#[cfg(test)]
mod tests {
    use db::Amount;
    use serde::Deserialize;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    struct Sample {
        date_from: Option<String>,
        count: i64,
        active: Option<bool>,
        names: Option<Vec<String>>,
        room: Option<Uuid>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    struct Inner {
        price: u32,
    }

    fn faults(value: Value) -> Vec<(String, Code)> {
        let faults = decode_value::<Sample>(&value).expect_err("is at fault");
        faults.into_iter().map(|fault| (fault.field, fault.code)).collect()
    }

    #[test]
    fn takes_other_letter_case_and_other_scalars() {
        let sample: Sample = decode_value(
            &json!({"DateFrom": 5, "COUNT": " 507 ", "active": 1, "names": ["", "a", null, 3], "extra": {"x": 1}}),
        )
        .expect("reads");
        let expected = Sample {
            date_from: Some("5".into()),
            count: 507,
            active: Some(true),
            names: Some(vec!["a".into(), "3".into()]),
            ..Sample::default()
        };
        assert_eq!(sample, expected);
    }

    #[test]
    fn null_is_absent_for_an_optional_field() {
        let sample: Sample = decode_value(&json!({"count": 1.0, "names": null, "room": null})).expect("reads");
        assert_eq!(sample, Sample { count: 1, ..Sample::default() });
    }

    #[test]
    fn lists_every_fault_with_its_path() {
        assert_eq!(
            faults(json!({"active": "maybe", "names": [{}], "room": "no-uuid", "inner": {"price": -1}})),
            [
                ("active".into(), Code::InvalidType),
                ("names[0]".into(), Code::InvalidType),
                ("inner.price".into(), Code::InvalidValue),
                ("count".into(), Code::Required),
                ("room".into(), Code::InvalidValue),
            ]
        );
    }

    #[test]
    fn refuses_a_nul_and_numbers_that_do_not_fit() {
        assert_eq!(
            faults(json!({"dateFrom": "a\0b", "count": 1e300})),
            [("dateFrom".into(), Code::InvalidValue), ("count".into(), Code::InvalidType)]
        );
        assert_eq!(faults(json!({"count": "9223372036854775808"})), [("count".into(), Code::InvalidValue)]);
    }

    #[test]
    fn amounts_are_read_digit_by_digit() {
        #[derive(Debug, Deserialize)]
        struct Priced {
            price: Amount,
            cost: Option<Amount>,
        }
        let read = decode_value::<Priced>(&json!({"price": " 12.5 ", "Cost": 18_500.0})).expect("reads");
        assert_eq!((read.price.units(), read.cost.map(Amount::units)), (125_000, Some(185_000_000)));
        for (sent, units) in [
            (json!(19.990000000000002), 199_900),
            (json!(33.300000000000004), 333_000),
            (json!(0.1 + 0.2), 3_000),
            (json!(-99_999_999_999.999_9), -999_999_999_999_999),
            (json!(12_345_678_901_234_i64), 123_456_789_012_340_000),
            (json!("12345678901234.5678"), 123_456_789_012_345_678),
        ] {
            let read = decode_value::<Priced>(&json!({"price": sent})).expect("reads");
            assert_eq!(read.price.units(), units, "{sent}");
        }
        let faults = decode_value::<Priced>(&json!({"price": null, "cost": 0.00001})).expect_err("is at fault");
        let faults: Vec<(&str, Code)> = faults.iter().map(|fault| (fault.field.as_str(), fault.code)).collect();
        assert_eq!(faults, [("price", Code::Required), ("cost", Code::InvalidType)]);
    }

    #[test]
    fn refuses_what_is_no_object() {
        assert!(decode::<Sample>(b"[]").is_err());
        assert!(decode::<Sample>(b"{\"count\": \"\\ud800\"}").is_err());
        assert!(decode::<Sample>("[".repeat(100_000).as_bytes()).is_err());
    }
}
