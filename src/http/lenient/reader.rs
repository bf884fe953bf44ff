//! A JSON value as serde reads it, leniently: what does not fit is converted, or noted as a fault and passed over.

use std::fmt;

use db::Amount;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde_json::{Map, Number, Value};

use super::super::check::MOST_FAULTS;
use super::super::error::{Code, Fault};
use super::{Context, Ignored, POISON};
use crate::sales::decimal::Decimal;
use crate::search;

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
pub(super) enum Node<'a> {
    Value(&'a Value),
    /// The property is not there.
    Absent,
    /// The value was at fault, and said so; anything will do.
    Poison,
}

#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

/// What the names of fields end with that hold codes and numbers of any kind: they have no control characters.
const CODES: [&str; 12] =
    ["code", "codes", "no", "nos", "number", "numbers", "serial", "serials", "barcode", "barcodes", "email", "emails"];

/// The same of telephones, several of which may stand in lines.
const PHONES: [&str; 2] = ["phone", "mobile"];

impl Path<'_> {
    /// A control character that a text in this place must not hold, where it is a code or a number.
    fn control_in(&self, text: &str) -> Option<char> {
        let name = match self {
            Path::Root => return None,
            Path::Index(parent, _) => return parent.control_in(text),
            Path::Field(_, name) => *name,
        };
        // `taskNo` ends with a word, `casino` does not.
        let start = name.rfind(|letter: char| letter.is_ascii_uppercase()).unwrap_or(0);
        let word = name.get(start..).unwrap_or(name).to_ascii_lowercase();
        match (CODES.contains(&word.as_str()), PHONES.contains(&word.as_str())) {
            (true, _) => search::control(text, false),
            (_, true) => search::control(text, true),
            _ => None,
        }
    }
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
pub(super) struct Failure {
    pub(super) path: Option<String>,
    pub(super) message: String,
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
pub(super) struct Reader<'a> {
    pub(super) node: Node<'a>,
    pub(super) path: Path<'a>,
    pub(super) context: &'a Context,
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
            Value::Number(number) => digits(number),
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
            Value::Number(number) => digits(number),
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
            Value::String(text) => match self.path.control_in(text) {
                Some(letter) => {
                    let what = format!("must not contain the control character U+{:04X}", u32::from(letter));
                    self.fault(Code::InvalidValue, &what);
                    POISON.to_owned()
                }
                None => text.clone(),
            },
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

/// The digits of a number as people see it. A float holds fifteen of them; behind those stands what computing has left, as in
/// 19.990000000000002. More are read of a whole number, and of a text.
fn digits(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if !number.is_i64() && !number.is_u64() => format!("{float:.14e}"),
        _ => number.to_string(),
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
            if matches!(reader.node, Node::Poison) {
                // Its fault is known; without it the others can be read.
                continue;
            }
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
