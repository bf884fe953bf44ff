//! Reads a JSON body and collects everything that is wrong with it, as LINE does.

use serde_json::{Map, Value};

use super::answer::{Answer, Detail};

/// Collects the faults of one body.
///
/// LINE tells two kinds apart: a value of the wrong JSON type stops its decoder and is named alone, while values that
/// break a rule are listed together. The wording of some rules is not published; the property is always right.
pub(crate) struct Check {
    details: Vec<Detail>,
    wrong_type: Option<String>,
    pub(crate) allow_http: bool,
}

/// Lengths are in UTF-16 code units, which is how LINE counts characters (guide, "Character counting in a text").
pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

impl Check {
    pub(crate) fn new(allow_http: bool) -> Check {
        Check { details: Vec::new(), wrong_type: None, allow_http }
    }

    /// The answer for what was found, if anything was.
    pub(crate) fn refusal(&self) -> Option<Answer> {
        if let Some(property) = &self.wrong_type {
            return Some(Answer::invalid_property(property));
        }
        (!self.details.is_empty()).then(|| Answer::invalid(&self.details))
    }

    pub(crate) fn fail(&mut self, property: impl Into<String>, message: impl Into<String>) {
        self.details.push(Detail { message: message.into(), property: property.into() });
    }

    pub(crate) fn wrong_type(&mut self, property: impl Into<String>) {
        self.wrong_type.get_or_insert(property.into());
    }

    pub(crate) fn object<'a>(&mut self, value: Option<&'a Value>, at: &str) -> Option<&'a Map<String, Value>> {
        match value {
            Some(Value::Object(object)) => Some(object),
            None | Some(Value::Null) => {
                self.fail(at, "May not be null");
                None
            }
            Some(_) => {
                self.wrong_type(at);
                None
            }
        }
    }

    /// An array with its allowed number of items; an array of the wrong length is still returned.
    pub(crate) fn array<'a>(
        &mut self,
        value: Option<&'a Value>,
        at: &str,
        (least, most): (usize, usize),
    ) -> Option<&'a [Value]> {
        match value {
            Some(Value::Array(items)) => {
                if items.len() < least || items.len() > most {
                    self.fail(at, format!("Size must be between {least} and {most}"));
                }
                Some(items)
            }
            None | Some(Value::Null) => {
                self.fail(at, "May not be empty");
                None
            }
            Some(_) => {
                self.wrong_type(at);
                None
            }
        }
    }

    /// A text that must be there, of at most `most` units.
    pub(crate) fn text<'a>(&mut self, value: Option<&'a Value>, at: &str, most: usize) -> Option<&'a str> {
        match value {
            Some(Value::String(text)) if !text.is_empty() => {
                self.length(text, at, most);
                Some(text)
            }
            None | Some(Value::Null | Value::String(_)) => {
                self.fail(at, "May not be empty");
                None
            }
            Some(_) => {
                self.wrong_type(at);
                None
            }
        }
    }

    /// A text that may be absent.
    pub(crate) fn text_if_given<'a>(&mut self, value: Option<&'a Value>, at: &str, most: usize) -> Option<&'a str> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => {
                self.length(text, at, most);
                Some(text)
            }
            Some(_) => {
                self.wrong_type(at);
                None
            }
        }
    }

    fn length(&mut self, text: &str, at: &str, most: usize) {
        if units(text) > most {
            self.fail(at, format!("Length must be between 0 and {most}"));
        }
    }

    pub(crate) fn flag_if_given(&mut self, value: Option<&Value>, at: &str) {
        if !matches!(value, None | Some(Value::Null | Value::Bool(_))) {
            self.wrong_type(at);
        }
    }

    pub(crate) fn integer(&mut self, value: Option<&Value>, at: &str, least: i64, most: i64) {
        match value {
            Some(Value::Number(number)) => match number.as_i64() {
                Some(number) if (least..=most).contains(&number) => {}
                Some(_) => self.fail(at, format!("Must be between {least} and {most}")),
                None => self.wrong_type(at),
            },
            None | Some(Value::Null) => self.fail(at, "May not be null"),
            Some(_) => self.wrong_type(at),
        }
    }

    pub(crate) fn number(&mut self, value: Option<&Value>, at: &str, most: f64) {
        match value {
            Some(Value::Number(number)) => {
                if number.as_f64().is_none_or(|number| number.abs() > most) {
                    self.fail(at, format!("Must be between -{most} and {most}"));
                }
            }
            None | Some(Value::Null) => self.fail(at, "May not be null"),
            Some(_) => self.wrong_type(at),
        }
    }

    pub(crate) fn one_of(&mut self, text: Option<&str>, at: &str, allowed: &[&str]) {
        if let Some(text) = text
            && !allowed.contains(&text)
        {
            self.fail(at, format!("Must be one of the following values: [{}]", allowed.join(", ")));
        }
    }

    /// An `https` link of at most 2,000 units, the limit that LINE sets on every link to a medium.
    pub(crate) fn link(&mut self, value: Option<&Value>, at: &str) {
        let link = self.text(value, at, 2000);
        self.scheme(link, at);
    }

    pub(crate) fn link_if_given(&mut self, value: Option<&Value>, at: &str) {
        let link = self.text_if_given(value, at, 2000);
        self.scheme(link, at);
    }

    fn scheme(&mut self, link: Option<&str>, at: &str) {
        if let Some(link) = link
            && !is_web_address(link, self.allow_http)
        {
            self.fail(at, "Must be a valid HTTPS URL");
        }
    }
}

/// Whether this is an absolute address with a host, of a scheme that LINE would open.
pub(crate) fn is_web_address(link: &str, allow_http: bool) -> bool {
    // LINE wants everything percent-encoded, so a space or a letter beyond ASCII is an error as well.
    let uri = link.bytes().all(|byte| byte.is_ascii_graphic()).then(|| link.parse::<http::Uri>().ok());
    uri.flatten().is_some_and(|uri| {
        let scheme = uri.scheme_str();
        let allowed = scheme == Some("https") || (allow_http && scheme == Some("http"));
        allowed && uri.host().is_some_and(|host| !host.is_empty())
    })
}
