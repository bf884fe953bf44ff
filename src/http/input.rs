//! Extractors: JSON bodies, query and path parameters, all through the lenient decoder, all with one error shape.

use std::fmt;
use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::error::{Code, Error, Fault};
use super::lenient;
use crate::app::App;

/// A JSON body, decoded leniently; every fault of it is a 400 that names the field.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Json<T>, Error> {
        lenient::decode(&json_body(request, app).await?).map(Json).map_err(Error::Invalid)
    }
}

/// A JSON body and what is wrong with it, for a handler that looks for further faults: its caller hears of all at once.
#[derive(Debug)]
pub struct Checked<T> {
    /// What could be read, with stand-ins in the fields that are at fault.
    pub value: T,
    /// What is wrong so far.
    pub faults: Vec<Fault>,
}

impl<T: DeserializeOwned> FromRequest<App> for Checked<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Checked<T>, Error> {
        let (value, faults) = lenient::decode_all(&json_body(request, app).await?).map_err(Error::Invalid)?;
        Ok(Checked { value, faults })
    }
}

/// The JSON body of an operation that takes many records at once, as it came: it is taken apart record by record, so that
/// one that is at fault does not spoil the others. The operation declares `extensions(("x-bulk" = json!(true)))`.
#[derive(Debug)]
pub struct Bulk(pub Bytes);

impl FromRequest<App> for Bulk {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Bulk, Error> {
        json_bytes(request, app.config.bulk_body_limit).await.map(Bulk)
    }
}

/// A JSON body as it came, within the limit of bodies.
pub(crate) async fn json_body(request: Request, app: &App) -> Result<Bytes, Error> {
    json_bytes(request, app.config.body_limit).await
}

async fn json_bytes(request: Request, limit: usize) -> Result<Bytes, Error> {
    // The original page calls Content-Type optional; only a type that says something else is refused.
    if let Some(kind) = request.headers().get(CONTENT_TYPE)
        && !is_json(kind.to_str().unwrap_or_default())
    {
        return Err(Error::MediaType("application/json"));
    }
    body(request, limit).await
}

/// Whether a content type is JSON's.
pub(crate) fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind == "text/json" || kind.ends_with("+json")
}

/// Whether a content type is that of a form with files.
pub(crate) fn is_multipart(kind: &str) -> bool {
    kind.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"))
}

/// Query parameters, decoded as a JSON object of strings would be.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query<T>, Error> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        let mut map: Map<String, Value> = Map::new();
        for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
            // A parameter that is repeated is a list, as one with commas is.
            let value = match map.get(name.as_ref()).and_then(Value::as_str) {
                Some(before) => format!("{before},{value}"),
                None => value.into_owned(),
            };
            map.insert(name.into_owned(), Value::String(value));
        }
        lenient::decode_value(&Value::Object(map)).map(Query).map_err(Error::Invalid)
    }
}

/// Path parameters, decoded as a JSON object of strings would be.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Path<T>, Error> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Error::invalid(Code::InvalidValue, "", "The path is not valid UTF-8"))?;
        let map: Map<String, Value> = params.iter().map(|(k, v)| (k.to_owned(), Value::String(v.to_owned()))).collect();
        lenient::decode_value(&Value::Object(map)).map(Path).map_err(Error::Invalid)
    }
}

/// The whole body, or 413 when it is larger than `limit` bytes.
pub async fn body(request: Request, limit: usize) -> Result<Bytes, Error> {
    let declared = request.headers().get(axum::http::header::CONTENT_LENGTH);
    let declared: Option<usize> = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Error::TooLarge { limit });
    }
    axum::body::to_bytes(request.into_body(), limit).await.map_err(|error| {
        let too_large =
            std::error::Error::source(&error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        match too_large {
            true => Error::TooLarge { limit },
            false => Error::Invalid(vec![Fault::new(Code::InvalidBody, "", "The body ended too early")]),
        }
    })
}

/// Part of a list: `skip` records are left out and at most `take` (also spelled `pageLength`) are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// Records left out.
    pub skip: i64,
    /// Records given; 20 unless told, at most 200.
    pub take: i64,
}

impl Paging {
    /// The most records that one page holds.
    pub const MOST: i64 = 200;

    /// Reads the three properties; what is out of range is a fault.
    pub fn read(skip: Option<i64>, take: Option<i64>, page_length: Option<i64>, faults: &mut Vec<Fault>) -> Paging {
        // What could not be read has its fault, and a stand-in that is out of range.
        let mut refuse = |field: &str, what: &str| {
            if !faults.iter().any(|known| known.field == field) {
                faults.push(Fault::new(Code::InvalidValue, field, format!("{field} must be {what}")));
            }
        };
        let skip = skip.unwrap_or(0);
        if skip < 0 {
            refuse("skip", "0 or more");
        }
        let (field, asked) = match (page_length, take) {
            (Some(length), _) => ("pageLength", length),
            (None, Some(take)) => ("take", take),
            (None, None) => ("take", 20),
        };
        if asked < 1 {
            refuse(field, "1 or more");
        }
        Paging { skip: skip.max(0), take: asked.clamp(1, Paging::MOST) }
    }
}

/// A property that an update may leave out: absent keeps the stored value, `null` clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The property is absent.
    #[default]
    Keep,
    /// The property is `null`.
    Clear,
    /// The property has a value.
    Set(T),
}

impl<T> Patch<T> {
    /// The value after the update of what was stored.
    pub fn over(self, stored: Option<T>) -> Option<T> {
        match self {
            Patch::Keep => stored,
            Patch::Clear => None,
            Patch::Set(value) => Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Patch<T>, D::Error> {
        struct Told<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Told<T> {
            type Value = Patch<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }

            // The lenient decoder says unit for a property that is not there, none for null.
            fn visit_unit<E>(self) -> Result<Patch<T>, E> {
                Ok(Patch::Keep)
            }

            fn visit_none<E>(self) -> Result<Patch<T>, E> {
                Ok(Patch::Clear)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Patch<T>, D::Error> {
                T::deserialize(deserializer).map(Patch::Set)
            }
        }

        deserializer.deserialize_option(Told(PhantomData))
    }
}
