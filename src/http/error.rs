//! What can go wrong with a request, and the one shape in which the caller hears of it.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use metrics::counter;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::check::MOST_FAULTS;
use super::language::{self, Language};
use crate::telemetry::{self, Sparse};

/// Lines about requests that were answered 503.
static UNAVAILABLE: Sparse = Sparse::new();

/// Why a request was refused. Each variant has one HTTP status and one business code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 400: the input is at fault; every fault is listed.
    #[error("invalid input")]
    Invalid(Vec<Fault>),
    /// 401: no bearer token was sent.
    #[error("no bearer token")]
    TokenMissing,
    /// 401: the bearer token is unknown, expired or revoked.
    #[error("bad bearer token")]
    TokenRefused,
    /// 401 in the gateway's own shape: the subscription key is absent though demanded.
    #[error("no subscription key")]
    KeyMissing,
    /// 401 in the gateway's own shape: the subscription key is wrong.
    #[error("bad subscription key")]
    KeyRefused,
    /// 401: a channel callback whose signature does not fit its body.
    #[error("bad signature")]
    SignatureRefused,
    /// 403: the token lacks the scope that the operation declares.
    #[error("missing scope {0}")]
    Forbidden(String),
    /// 403: the operation is about more records than the caller may see; the message says what is left.
    #[error("beyond the caller's range")]
    BeyondRange(&'static str),
    /// 403: a change that a cookie vouches for was asked for by a page of another server.
    #[error("foreign origin")]
    ForeignOrigin,
    /// 403: an operation about the signed-in person, called with a token.
    #[error("for people only")]
    PeopleOnly,
    /// 404: no such record in the caller's company.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// 404: parts of the request name records that the caller's company does not have.
    #[error("named records not found")]
    Unknown(Vec<Fault>),
    /// 404: no such operation.
    #[error("no such operation")]
    NoRoute,
    /// 404: this node works in the background, and offers its health alone.
    #[error("no operation of this node")]
    NotServed,
    /// 405: the path exists, the method does not.
    #[error("method not allowed")]
    Method,
    /// 409: the request contradicts the record's present state.
    #[error("conflict")]
    Conflict(Fault),
    /// 409: several parts of the request contradict the present state.
    #[error("conflicts")]
    Conflicts(Vec<Fault>),
    /// 412: the record has another version than the one that the request names.
    #[error("the record was changed meanwhile")]
    Changed,
    /// 413: the body is larger than the operation takes.
    #[error("body too large")]
    TooLarge {
        /// The largest body, in bytes.
        limit: usize,
    },
    /// 413: a file of the body is larger than one may be; the fault names it.
    #[error("file too large")]
    FileTooLarge(Fault),
    /// 415: the body is not of the media type that the operation reads.
    #[error("unsupported media type")]
    MediaType(&'static str),
    /// 409: the first request with this idempotency key has not ended.
    #[error("still running")]
    StillRunning {
        /// Whole seconds until it has, or counts as dead.
        retry_after: u64,
    },
    /// 422: an idempotency key was used again with another request.
    #[error("idempotency key reused")]
    KeyReused,
    /// 429: more requests than allowed.
    #[error("too many requests")]
    TooMany {
        /// Whole seconds until the next request can succeed.
        retry_after: u64,
    },
    /// 429: as many lists are being exported as may be at once.
    #[error("too many exports")]
    TooManyExports {
        /// Whole seconds until it is worth asking again.
        retry_after: u64,
    },
    /// 503: the server cannot do it now; nothing was changed.
    #[error("busy: {0}")]
    Busy(&'static str),
    /// 503: too many requests are in progress on this node.
    #[error("too many requests in progress")]
    Shed,
    /// 503: the request took longer than its time limit.
    #[error("the request took too long")]
    Slow,
    /// The database's own errors; which answer they are is decided in [`Error::status`].
    #[error(transparent)]
    Db(#[from] db::Error),
    /// 500: a defect of the server. The text is for the log only.
    #[error("internal: {0}")]
    Internal(String),
}

/// One fault of a request: a stable code, the field at fault, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// What is wrong, in stable snake_case.
    #[schema(value_type = String, example = "required")]
    pub code: Code,
    /// The field at fault, dotted as in the body (`user.name`, `items[2].price`); empty when no field is.
    #[schema(example = "roomId")]
    pub field: String,
    /// The same for people: in Thai for who asks for it by `Accept-Language`, else in English.
    #[schema(example = "roomId is required")]
    pub message: String,
}

/// Every fault code that the API can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A required field is absent, null or empty.
    Required,
    /// The value has a type that cannot be read as the declared one.
    InvalidType,
    /// The type is right, the value is not.
    InvalidValue,
    /// The value is longer than allowed.
    TooLong,
    /// No https address that a platform can fetch.
    InvalidUrl,
    /// Not in the form that this kind of value has.
    InvalidFormat,
    /// A number outside its range.
    OutOfRange,
    /// The body is no JSON, or not of the expected outer shape.
    InvalidBody,
    /// The `companyId` is not that of the token.
    WrongCompany,
    /// The platform is not that of the room.
    WrongPlatform,
    /// The platform's name or number is unknown.
    UnknownPlatform,
    /// No such room in this company.
    UnknownRoom,
    /// No such record.
    NotFound,
    /// The kind of message is unknown, or the platform cannot carry it.
    UnsupportedType,
    /// The record's present state does not allow this.
    Conflict,
    /// The record has another version than the one that the request names.
    Changed,
    /// The server lacks what this needs: its operator has not set it up.
    NotConfigured,
    /// The name or code belongs to another record.
    Taken,
    /// The record is in use.
    InUse,
    /// Fewer are in stock, or free, than are wanted.
    InsufficientStock,
    /// The first request with this idempotency key has not ended.
    StillRunning,
    /// The idempotency key belongs to another request.
    KeyReused,
    /// No token, or one that is no longer good.
    Unauthorized,
    /// The e-mail or the password is wrong.
    InvalidCredentials,
    /// The code of the second factor is wrong, used, or over.
    InvalidCode,
    /// The sign-in that waited for its second factor is over.
    ChallengeEnded,
    /// The company's people sign in through its identity provider, not by password.
    SsoRequired,
    /// The password is too easily guessed.
    WeakPassword,
    /// The request came from a page of another server, or without the console's own header.
    ForeignOrigin,
    /// Only a person who is signed in can do this.
    PeopleOnly,
    /// The token lacks a scope.
    MissingScope,
    /// The body is too large.
    TooLarge,
    /// The media type is not read here.
    MediaType,
    /// The method is not offered here.
    MethodNotAllowed,
    /// Too many requests.
    RateLimited,
    /// The server cannot do it now.
    Busy,
    /// A defect of the server.
    Internal,
}

impl Code {
    /// Every code there is.
    pub const ALL: [Code; 37] = [
        Code::Required,
        Code::InvalidType,
        Code::InvalidValue,
        Code::TooLong,
        Code::InvalidUrl,
        Code::InvalidFormat,
        Code::OutOfRange,
        Code::InvalidBody,
        Code::WrongCompany,
        Code::WrongPlatform,
        Code::UnknownPlatform,
        Code::UnknownRoom,
        Code::NotFound,
        Code::UnsupportedType,
        Code::Conflict,
        Code::Changed,
        Code::NotConfigured,
        Code::Taken,
        Code::InUse,
        Code::InsufficientStock,
        Code::StillRunning,
        Code::KeyReused,
        Code::Unauthorized,
        Code::InvalidCredentials,
        Code::InvalidCode,
        Code::ChallengeEnded,
        Code::SsoRequired,
        Code::WeakPassword,
        Code::ForeignOrigin,
        Code::PeopleOnly,
        Code::MissingScope,
        Code::TooLarge,
        Code::MediaType,
        Code::MethodNotAllowed,
        Code::RateLimited,
        Code::Busy,
        Code::Internal,
    ];
}

impl Fault {
    /// A fault of `field`.
    pub fn new(code: Code, field: impl Into<String>, message: impl Into<String>) -> Fault {
        Fault { code, field: field.into(), message: message.into() }
    }
}

/// The status part of every answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// `1000` success; `4001` exactly one error; `4002` more than one error. A number for clients that were made so.
    #[schema(example = "1000")]
    #[serde(serialize_with = "text_or_number")]
    pub code: &'static str,
    /// The same in words; `Success` with `1000`.
    #[schema(example = "Success")]
    pub description: String,
}

/// Text, as documented; a number for clients that compare with one.
fn text_or_number<S: Serializer>(code: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    match code.parse::<u16>() {
        Ok(number) if telemetry::number_codes() => serializer.serialize_u16(number),
        _ => serializer.serialize_str(code),
    }
}

/// The body of every refusal: the envelope without data, and each error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorEnvelope {
    /// `4001` for one error, `4002` for several.
    pub status: Status,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    pub data: (),
    /// Every error found, not only the first.
    pub errors: Vec<Fault>,
    /// The request's trace id (W3C Trace Context), for the support desk.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: String,
}

/// A refusal in the shape of the original API's gateway (subscription keys only).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayError {
    /// The HTTP status again.
    #[schema(example = 401)]
    pub status_code: u16,
    /// Why, in words.
    pub message: String,
}

const MISSING_KEY: &str = "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.";
const WRONG_KEY: &str =
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.";

impl Error {
    /// One fault as a 400.
    pub fn invalid(code: Code, field: impl Into<String>, message: impl Into<String>) -> Error {
        Error::Invalid(vec![Fault::new(code, field, message)])
    }

    /// The HTTP status of this refusal.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::Invalid(_) => StatusCode::BAD_REQUEST,
            Error::TokenMissing
            | Error::TokenRefused
            | Error::KeyMissing
            | Error::KeyRefused
            | Error::SignatureRefused => StatusCode::UNAUTHORIZED,
            Error::Forbidden(_) | Error::BeyondRange(_) | Error::ForeignOrigin | Error::PeopleOnly => {
                StatusCode::FORBIDDEN
            }
            Error::NotFound(_) | Error::Unknown(_) | Error::NoRoute | Error::NotServed => StatusCode::NOT_FOUND,
            Error::Method => StatusCode::METHOD_NOT_ALLOWED,
            Error::Conflict(_) | Error::Conflicts(_) | Error::StillRunning { .. } => StatusCode::CONFLICT,
            Error::Changed => StatusCode::PRECONDITION_FAILED,
            Error::TooLarge { .. } | Error::FileTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Error::TooMany { .. } | Error::TooManyExports { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::Busy(_) | Error::Shed | Error::Slow => StatusCode::SERVICE_UNAVAILABLE,
            Error::Db(error) => match error {
                db::Error::Busy | db::Error::Unavailable(_) | db::Error::Full | db::Error::Unknown => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                db::Error::Invalid(_) => StatusCode::BAD_REQUEST,
                db::Error::Duplicate(_) => StatusCode::CONFLICT,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the caller is told, fault by fault.
    pub fn faults(&self) -> Vec<Fault> {
        let one = |code, message: &str| vec![Fault::new(code, "", message)];
        match self {
            Error::Invalid(faults) | Error::Unknown(faults) | Error::Conflicts(faults) => faults.clone(),
            Error::Conflict(fault) | Error::FileTooLarge(fault) => vec![fault.clone()],
            Error::TokenMissing => one(Code::Unauthorized, "Unauthorized"),
            Error::TokenRefused => one(Code::Unauthorized, "User authentication required"),
            Error::KeyMissing => one(Code::Unauthorized, MISSING_KEY),
            Error::KeyRefused => one(Code::Unauthorized, WRONG_KEY),
            Error::SignatureRefused => {
                one(Code::Unauthorized, "The signature does not match the body; check the channel secret")
            }
            Error::Forbidden(scope) => {
                vec![Fault::new(Code::MissingScope, "", format!("The token lacks the scope {scope}"))]
            }
            Error::BeyondRange(message) => one(Code::MissingScope, message),
            Error::ForeignOrigin => one(
                Code::ForeignOrigin,
                "A change with a cookie needs the header X-Sala-Console and must come from a page of this server",
            ),
            Error::PeopleOnly => one(Code::PeopleOnly, "Only a person who is signed in can do this"),
            Error::NotFound(what) => {
                let (field, words) = named(what);
                vec![Fault::new(Code::NotFound, field, format!("No such {words}"))]
            }
            Error::NoRoute => one(Code::NotFound, "No such operation; /docs lists them all"),
            Error::NotServed => one(Code::NotFound, "This node answers no requests: it works in the background"),
            Error::Method => one(Code::MethodNotAllowed, "This method is not allowed here"),
            Error::Changed => vec![Fault::new(
                Code::Changed,
                "If-Match",
                "The record was changed meanwhile; read it again, then repeat your change",
            )],
            Error::TooLarge { limit } => {
                vec![Fault::new(Code::TooLarge, "", format!("The body is larger than {limit} bytes"))]
            }
            Error::MediaType(wanted) => vec![Fault::new(Code::MediaType, "Content-Type", format!("Send {wanted}"))],
            Error::StillRunning { .. } => vec![Fault::new(
                Code::StillRunning,
                "Idempotency-Key",
                "The first request with this key is still running; try again in a moment",
            )],
            Error::KeyReused => vec![Fault::new(
                Code::KeyReused,
                "Idempotency-Key",
                "This key was used for another request; use a new key for a new request",
            )],
            Error::TooMany { retry_after } => {
                vec![Fault::new(Code::RateLimited, "", format!("Too many requests; try again in {retry_after} s"))]
            }
            Error::TooManyExports { retry_after } => {
                let message = format!("Too many lists are being exported at once; try again in {retry_after} s");
                vec![Fault::new(Code::RateLimited, "", message)]
            }
            Error::Busy(why) => one(Code::Busy, why),
            Error::Shed => one(Code::Busy, "The server has too many requests in progress"),
            Error::Slow => one(Code::Busy, "The request took too long; repeat it with the same Idempotency-Key"),
            Error::Db(db::Error::Full) => one(Code::Busy, "The disk is full; nothing was stored"),
            Error::Db(db::Error::Unknown) => {
                one(Code::Busy, "The database went away while storing; repeat with the same Idempotency-Key")
            }
            Error::Db(db::Error::Invalid(why)) => one(Code::InvalidValue, why),
            Error::Db(db::Error::Duplicate(columns)) => {
                let field = field_of(columns);
                vec![Fault::new(Code::Taken, field.as_str(), format!("{field} belongs to another record"))]
            }
            Error::Db(error) if error.is_transient() => {
                one(Code::Busy, "The database cannot be reached now; try again")
            }
            Error::Db(_) | Error::Internal(_) => {
                one(Code::Internal, "The server failed; the trace id names the log entry")
            }
        }
    }

    /// What a 503 is for want of, as metrics name it.
    fn shortage(&self) -> &'static str {
        match self {
            Error::Shed => "requests",
            Error::Slow => "time",
            Error::Db(db::Error::Full) => "disk",
            Error::Db(_) => "database",
            _ => "other",
        }
    }

    fn description(&self) -> &'static str {
        match self {
            Error::TokenRefused => "User authentication required",
            other => other.status().canonical_reason().unwrap_or("Error"),
        }
    }
}

/// Columns of unique indexes whose field has another name.
const FIELDS: &[(&str, &str)] = &[
    ("employee.staff_key", "staffCode"),
    ("customer.code_key", "customerCode"),
    ("customer_name.name_key", "customerName"),
    ("product.code_key", "productCode"),
    ("quotation.number_key", "quotationNo"),
    ("sales_order.number_key", "salesOrderNo"),
    ("service_case.no_key", "caseNo"),
    ("activity.no_key", "activityNo"),
];

/// The field of a unique index by its last column: two requests at the same moment brought the same value.
fn field_of(columns: &str) -> String {
    let column = columns.rsplit(", ").next().unwrap_or_default();
    if let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == column) {
        return (*field).to_owned();
    }
    let name = column.rsplit('.').next().unwrap_or_default();
    let name = name.strip_suffix("_key").unwrap_or(name);
    let mut field = String::new();
    for (index, word) in name.split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if index > 0 => field.extend(first.to_uppercase().chain(letters)),
            first => field.extend(first.into_iter().chain(letters)),
        }
    }
    field
}

/// A record that is not there, as a field and in words: one that is called as its table is asked for by its number.
fn named(what: &str) -> (String, String) {
    if !what.contains('_') {
        return (what.to_owned(), what.to_owned());
    }
    let (name, field) = match what.strip_suffix("_id") {
        Some(name) => (name, field_of(what)),
        None => (what, field_of(&format!("{what}_no"))),
    };
    (field, name.replace('_', " "))
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        // The one place where an error is logged: where it becomes an answer.
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // Under overload every request may end so: each is counted, few are told of.
            counter!("sala_http_unavailable_total", "reason" => self.shortage()).increment(1);
            if let Some(left_out) = UNAVAILABLE.pass() {
                tracing::error!(error = %self, status = status.as_u16(), left_out, "request failed");
            }
        } else if status.is_server_error() {
            tracing::error!(error = %self, status = status.as_u16(), "request failed");
        }
        let mut response = match &self {
            Error::KeyMissing | Error::KeyRefused => gateway(&self),
            _ => {
                let mut errors = self.faults();
                errors.truncate(MOST_FAULTS);
                let errors = language::told(errors);
                let code = if errors.len() > 1 { "4002" } else { "4001" };
                let description = match errors.as_slice() {
                    [only] if status == StatusCode::BAD_REQUEST => only.message.clone(),
                    _ if Language::present() == Language::Thai => language::status(status.as_u16()).to_owned(),
                    _ => self.description().to_owned(),
                };
                let body = ErrorEnvelope {
                    status: Status { code, description },
                    data: (),
                    errors,
                    trace_id: telemetry::trace_id(),
                };
                (status, axum::Json(body)).into_response()
            }
        };
        let headers = response.headers_mut();
        match &self {
            Error::TokenMissing => drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Error::TokenRefused => {
                drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\"")))
            }
            Error::KeyMissing | Error::KeyRefused => drop(headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static(
                    "AzureApiManagementKey realm=\"sala\",name=\"Ocp-Apim-Subscription-Key\",type=\"header\"",
                ),
            )),
            Error::Forbidden(scope) => {
                if let Ok(value) =
                    HeaderValue::from_str(&format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""))
                {
                    headers.insert(WWW_AUTHENTICATE, value);
                }
            }
            Error::TooMany { retry_after }
            | Error::TooManyExports { retry_after }
            | Error::StillRunning { retry_after } => drop(headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after))),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => drop(headers.insert(RETRY_AFTER, HeaderValue::from(1))),
            _ => {}
        }
        response
    }
}

fn gateway(error: &Error) -> Response {
    let message = language::told(error.faults()).pop().map(|fault| fault.message).unwrap_or_default();
    let body = GatewayError { status_code: 401, message };
    (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response()
}
