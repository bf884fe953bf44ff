//! Lenient in: one decoder that takes what real clients of this API send.
//!
//! Property names match the struct's own field list in any letter case, scalars are converted (`"507"` is an integer,
//! `0` a boolean, `12` a string), `null` and an absent property are the same for an optional field, and empty members
//! of a list (`[""]`) are dropped. Nothing is guessed beyond that: what cannot be read is a fault that names its field,
//! and decoding goes on so that every fault is found, not only the first.

use std::cell::RefCell;
use std::fmt;

use db::Amount;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde_json::{Map, Value};

use super::check::MOST_FAULTS;
use super::error::{Code, Fault};
use crate::sales::decimal::Decimal;

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
                    refused.push(Fault::new(Code::InvalidValue, &field, format!("{field} {}", failure.message)));
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

/// Of a longer name no more is told (characters).
const LONGEST_NAME: usize = 100;

/// More ignored properties than this are not told.
const MOST_IGNORED: usize = 20;

/// The field that somebody probably meant: one that has the name in it, or is a slip away from it.
fn likest(name: &str, fields: &'static [&'static str]) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let near = |field: &&&'static str| {
        let field = field.to_ascii_lowercase();
        let within = name.len() >= 4 && (field.contains(&name) || name.contains(&field) && field.len() >= 4);
        within || name.len() >= 4 && strsim::levenshtein(&name, &field) <= 2
    };
    fields.iter().filter(near).min_by_key(|field| strsim::levenshtein(&name, &field.to_ascii_lowercase())).copied()
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Value(&'a Value),
    /// The property is not there.
    Absent,
    /// The value was at fault, and said so; anything will do.
    Poison,
}

#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => f.write_str(name),
            Path::Field(parent, name) => write!(f, "{parent}.{name}"),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// A visitor's refusal on its way up; the innermost field that it passes writes its path on it.
#[derive(Debug)]
struct Failure {
    path: Option<String>,
    message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Failure {
        Failure { path: None, message: message.to_string() }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: Node<'a>,
    path: Path<'a>,
    context: &'a Context,
}

impl<'a> Reader<'a> {
    fn fault(&self, code: Code, what: &str) {
        let mut faults = self.context.faults.borrow_mut();
        if faults.len() < MOST_FAULTS {
            let field = self.path.to_string();
            let message = format!("{} {what}", if field.is_empty() { "The body" } else { &field });
            faults.push(Fault::new(code, field, message));
        }
    }

    /// The value, or a fault and nothing: absent and null are both `required`.
    fn present(&self) -> Option<&'a Value> {
        match self.node {
            Node::Value(Value::Null) | Node::Absent => {
                self.fault(Code::Required, "is required");
                None
            }
            Node::Poison => None,
            Node::Value(value) => Some(value),
        }
    }

    fn integer<T: TryFrom<i128> + Default>(&self) -> T {
        let Some(value) = self.present() else { return T::default() };
        let number: Option<i128> = match value {
            Value::Number(number) => number.as_i128().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number.map(T::try_from) {
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                self.fault(Code::InvalidValue, "is too large or too small");
                T::default()
            }
            None => {
                self.fault(Code::InvalidType, "must be a whole number");
                T::default()
            }
        }
    }

    fn float(&self) -> f64 {
        let Some(value) = self.present() else { return 0.0 };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite()).unwrap_or_else(|| {
            self.fault(Code::InvalidType, "must be a number");
            0.0
        })
    }

    fn amount(&self) -> Amount {
        let Some(value) = self.present() else { return Amount::ZERO };
        let digits = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_owned(),
            _ => String::new(),
        };
        digits.parse().unwrap_or_else(|_| {
            self.fault(Code::InvalidType, "must be a number with at most four decimal places");
            Amount::ZERO
        })
    }

    /// The digits of a number of any length.
    fn decimal(&self) -> String {
        let Some(value) = self.present() else { return POISON.to_owned() };
        match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) if text.parse::<Decimal>().is_ok() => text.clone(),
            _ => {
                self.fault(
                    Code::InvalidType,
                    "must be a number of at most 18 digits before the point and 18 behind it",
                );
                POISON.to_owned()
            }
        }
    }

    fn text(&self) -> String {
        let Some(value) = self.present() else { return POISON.to_owned() };
        match value {
            Value::String(text) if text.contains('\0') => {
                self.fault(Code::InvalidValue, "must not contain a NUL character");
                POISON.to_owned()
            }
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => {
                self.fault(Code::InvalidType, "must be text");
                POISON.to_owned()
            }
        }
    }

    fn at(&'a self, name: &'a str, node: Node<'a>) -> Reader<'a> {
        self.step(Path::Field(&self.path, name), node)
    }

    fn step(&'a self, path: Path<'a>, node: Node<'a>) -> Reader<'a> {
        let refused = !self.context.refused.is_empty() && self.context.refused.contains(&path.to_string());
        Reader { node: if refused { Node::Poison } else { node }, path, context: self.context }
    }
}

/// A float that is a whole number within the range in which floats are exact.
fn whole(number: f64) -> Option<i128> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i128)
}

fn located<T>(reader: &Reader<'_>, result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|mut failure| {
        failure.path.get_or_insert_with(|| reader.path.to_string());
        failure
    })
}

macro_rules! integers {
    ($($method:ident => $visit:ident: $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            visitor.$visit(self.integer::<$type>())
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Failure;

    integers! {
        deserialize_i8 => visit_i8: i8, deserialize_i16 => visit_i16: i16, deserialize_i32 => visit_i32: i32,
        deserialize_i64 => visit_i64: i64, deserialize_u8 => visit_u8: u8, deserialize_u16 => visit_u16: u16,
        deserialize_u32 => visit_u32: u32, deserialize_u64 => visit_u64: u64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node {
            Node::Absent => visitor.visit_unit(),
            Node::Poison => visitor.visit_str(POISON),
            Node::Value(Value::Null) => visitor.visit_unit(),
            Node::Value(Value::Bool(flag)) => visitor.visit_bool(*flag),
            Node::Value(Value::Number(number)) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_i64(number),
                (_, Some(number), _) => visitor.visit_u64(number),
                (_, _, number) => visitor.visit_f64(number.unwrap_or_default()),
            },
            Node::Value(Value::String(_)) => visitor.visit_string(self.text()),
            Node::Value(Value::Array(_)) => self.deserialize_seq(visitor),
            Node::Value(Value::Object(_)) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let Some(value) = self.present() else { return visitor.visit_bool(false) };
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_i64().filter(|n| (0..=1).contains(n)).map(|n| n == 1),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        visitor.visit_bool(flag.unwrap_or_else(|| {
            self.fault(Code::InvalidType, "must be true or false");
            false
        }))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_f64(self.float())
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_f64(self.float())
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_string(self.text())
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_string(self.text())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_string(self.text())
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_string(self.text())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_string(self.text())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node {
            // Absent and null differ for a patch, which keeps on the one and clears on the other.
            Node::Absent | Node::Poison => visitor.visit_unit(),
            Node::Value(Value::Null) => visitor.visit_none(),
            Node::Value(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        if name == Amount::NEWTYPE {
            return visitor.visit_str(&self.amount().to_string());
        }
        if name == Decimal::NEWTYPE {
            return visitor.visit_str(&self.decimal());
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let items = match self.present() {
            Some(Value::Array(items)) => items.as_slice(),
            // One record where a list of them is meant: an older client of the original API sends `contacts` so.
            Some(item @ Value::Object(_)) => std::slice::from_ref(item),
            Some(_) => {
                self.fault(Code::InvalidType, "must be a list");
                &[]
            }
            None => &[],
        };
        visitor.visit_seq(Items { reader: &self, items, next: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let empty = Map::new();
        let map = self.object().unwrap_or(&empty);
        let entries = map.iter().map(|(name, value)| (name.as_str(), Node::Value(value))).collect();
        visitor.visit_map(Entries { reader: &self, entries, next: 0 })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let empty = Map::new();
        let (map, missing) = match self.object() {
            Some(map) => (map, Node::Absent),
            // The object itself was at fault; its fields are not reported one by one.
            None => (&empty, Node::Poison),
        };
        let find = |field: &str| {
            map.get(field)
                .or_else(|| map.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, value)| value))
        };
        for name in map.keys().filter(|name| !fields.iter().any(|field| name.eq_ignore_ascii_case(field))) {
            let mut ignored = self.context.ignored.borrow_mut();
            if ignored.len() < MOST_IGNORED {
                let path: String = Path::Field(&self.path, name).to_string().chars().take(LONGEST_NAME).collect();
                ignored.push(Ignored { path, meant: likest(name, fields) });
            }
        }
        // What is there is read before what is missing, so that its faults are found whatever the missing ones do.
        let mut entries: Vec<(&str, Node<'_>)> = Vec::with_capacity(fields.len());
        entries.extend(fields.iter().filter_map(|field| Some((*field, Node::Value(find(field)?)))));
        let absent = fields.iter().filter(|field| find(field).is_none() && !is_told(field, fields, find));
        entries.extend(absent.map(|field| (*field, missing)));
        visitor.visit_map(Entries { reader: &self, entries, next: 0 })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let first = variants.first().copied().unwrap_or_default();
        let name = match self.node {
            Node::Poison => first,
            _ => {
                let text = self.text();
                match variants.iter().find(|variant| variant.eq_ignore_ascii_case(text.trim())) {
                    Some(variant) => variant,
                    None if text == POISON => first,
                    None => {
                        self.fault(Code::InvalidValue, &format!("must be one of {}", variants.join(", ")));
                        first
                    }
                }
            }
        };
        visitor.visit_enum(name.into_deserializer())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_string(self.text())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}

impl<'a> Reader<'a> {
    fn object(&self) -> Option<&'a Map<String, Value>> {
        match self.present()? {
            Value::Object(map) => Some(map),
            _ => {
                self.fault(Code::InvalidType, "must be an object");
                None
            }
        }
    }
}

struct Items<'a> {
    reader: &'a Reader<'a>,
    items: &'a [Value],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        while let Some(item) = self.items.get(self.next) {
            let index = self.next;
            self.next += 1;
            if item.is_null() || item.as_str().is_some_and(str::is_empty) {
                continue;
            }
            let reader = self.reader.step(Path::Index(&self.reader.path, index), Node::Value(item));
            return located(&reader, seed.deserialize(reader)).map(Some);
        }
        Ok(None)
    }
}

struct Entries<'a> {
    reader: &'a Reader<'a>,
    entries: Vec<(&'a str, Node<'a>)>,
    next: usize,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        match self.entries.get(self.next) {
            Some((name, _)) => seed.deserialize((*name).into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some((name, node)) = self.entries.get(self.next).copied() else {
            return Err(de::Error::custom("value without a name"));
        };
        self.next += 1;
        let reader = self.reader.at(name, node);
        located(&reader, seed.deserialize(reader))
    }
}

/// Fields with two spellings, of which serde knows the second as an alias of the first or the other way round.
const SPELLINGS: [(&str, &str); 7] = [
    ("dealName", "dealsName"),
    ("dealValue", "dealsValue"),
    ("dealDate", "dealsDate"),
    ("note", "notes"),
    ("cancleAllOrder", "cancelAllOrder"),
    ("keyword", "searchText"),
    ("contacts", "contact"),
];

/// Whether a field that is absent is told of under its other spelling: to serde the two are one field, which comes once.
fn is_told<'v>(field: &str, fields: &[&str], find: impl Fn(&str) -> Option<&'v Value>) -> bool {
    SPELLINGS.iter().any(|(first, second)| {
        let both = fields.contains(first) && fields.contains(second);
        both && (field == *second || field == *first && find(second).is_some())
    })
}

#[cfg(test)]
mod tests {
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
