//! The API's document, and what it says of each operation: its scope, and whether it asks for the subscription key.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::Method;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, ClientCredentials, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Scopes, SecurityRequirement,
    SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

use crate::config::Config;

use super::error::{ErrorEnvelope, Fault, GatewayError, Status};
use super::sheet::{self, ListLayout};
use crate::telemetry::Meter;

/// The parts of the document that no handler owns.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sala API",
        description = "Omnichannel chat, CRM and sales documents. Compatible with the Venio Open API: a client of that API \
            works when its base URL is changed.\n\nEvery answer is an envelope `{status, data}`; `status.code` is `1000` \
            on success, `4001` with one error and `4002` with several, each listed in `errors`. Property names and paths \
            match in any letter case.\n\nMessages are in Thai with \
            `Accept-Language: th`, else in English. Properties that an operation does not have are ignored; the header \
            `X-Ignored-Properties` names them. Get a token from `POST /authorization/connect/token` with the id and \
            secret of an API client, and send it as `Authorization: Bearer …`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "Authentication API", description = "Exchange client credentials for a bearer token"),
        (name = "Chat", description = "Messages to and from customers"),
        (name = "Conversation", description = "Rooms, newest first"),
        (name = "Customer", description = "Customers, what happened with them, and their files"),
        (name = "Product", description = "Products, stock, serial numbers, and their lists"),
        (name = "Quotation", description = "Offers to customers: approval, revisions, acceptance, conversion to an order"),
        (name = "SalesOrder", description = "What customers have ordered: stock, deliveries, payments"),
        (name = "Deal", description = "What may be sold to a customer, and how far it has come on its board"),
        (name = "Employee", description = "Who works here, and to whom they report"),
        (name = "Contract", description = "What was agreed with a customer for how long, and the services that it promises"),
        (name = "Expense", description = "What employees claim, and its approval"),
        (name = "Activity", description = "Visits, calls and meetings: as they are planned, and as they went"),
        (name = "Case", description = "What customers ask for or complain of, who sees to it, and by when"),
        (name = "Task", description = "What somebody is to do, by when, and for whom"),
        (name = "Setting", description = "The company's profile, its look-up lists, and the audit trail"),
        (name = "Privacy", description = "What persons asked for under a privacy law: export of their data, or erasure"),
        (name = "Mail", description = "E-mails: what they say, which there are, and what became of each"),
        (name = "Webhooks", description = "Subscriptions to events, and what became of each delivery"),
        (name = "Report", description = "Figures of a period, as JSON, CSV or XLSX"),
        (name = "Import", description = "Files of records: loading them, and taking that back"),
        (name = "Sign-in", description = "People: signing in and out, passwords, second factors"),
        (name = "Users", description = "Who may sign in, and as what; which programs may call"),
        (name = "Inbox", description = "Who answers which room, and what colleagues keep about it"),
        (name = "Live", description = "What happens, as it happens"),
        (name = "Channels", description = "Channel accounts, and the callbacks of LINE and other providers"),
        (name = "Operations", description = "Health, metrics, and jobs that failed")
    ),
    components(schemas(ErrorEnvelope, Fault, GatewayError, Status))
)]
pub struct Document;

/// The name of the bearer scheme; its scopes are what an operation demands.
pub const BEARER: &str = "bearerAuth";
const SUBSCRIPTION_KEY: &str = "subscriptionKey";

/// The name of the scheme of a person's session.
pub const COOKIE: &str = "cookieAuth";

/// The name of the scheme by which a page gets a token itself.
const TOKEN: &str = "clientCredentials";

/// The extension by which an operation says that it takes many records at once.
const BULK: &str = "x-bulk";

/// Error answers that operations share: name, statuses, and when it happens.
const SHARED: [(&str, &str, &str); 10] = [
    ("400", "BadRequest", "The input is at fault: `4001` with one error, `4002` with several."),
    ("401", "Unauthorized", "No token, or one that is unknown, expired or revoked; or a wrong subscription key."),
    ("403", "Forbidden", "The token lacks the operation's scope."),
    ("404", "NotFound", "No such record in the caller's company."),
    (
        "409",
        "Conflict",
        "The record's state does not allow it, or the first request with this idempotency key still runs.",
    ),
    ("412", "Changed", "The record has another version than the one that `If-Match` names."),
    ("413", "TooLarge", "The body is larger than the server takes."),
    ("415", "MediaType", "The body is of another media type."),
    ("422", "KeyReused", "The idempotency key was used for another request."),
    ("429", "TooManyRequests", "Too many requests; `Retry-After` says when to come back."),
];

/// Completes the collected document: security schemes, shared error answers, and headers that every POST takes.
pub fn complete(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("Access token of POST /authorization/connect/token, valid for an hour."))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    let key = ApiKeyValue::with_description(
        "Ocp-Apim-Subscription-Key",
        "The company's subscription key: checked when sent, demanded when the server says so.",
    );
    components.add_security_scheme(SUBSCRIPTION_KEY, SecurityScheme::ApiKey(ApiKey::Header(key)));
    let cookie = ApiKeyValue::with_description(
        "__Host-sala",
        "A person's session, set by POST /v1/auth/sessions; over plain HTTP its name is sala. Changes need the header X-Sala-Console and a page of this server.",
    );
    components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let scopes = scopes_of(&document.paths);
    let flow = ClientCredentials::new("/authorization/connect/token", Scopes::from_iter(scopes));
    components.add_security_scheme(TOKEN, SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)])));
    for schema in components.schemas.values_mut() {
        bound_pages(schema);
    }
    for (status, name, description) in SHARED.into_iter().chain([UNAVAILABLE]) {
        components.responses.insert(name.to_owned(), RefOr::T(error_answer(status, description)));
    }
    crate::event::document::add(document);
    // The shapes of answers are read as JSON: a reference leads out of the operation that is being completed.
    let described = serde_json::to_value(&*document).unwrap_or_default();
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (&mut item.get, (false, true)),
            (&mut item.post, (true, false)),
            (&mut item.put, (false, false)),
            (&mut item.patch, (false, false)),
            (&mut item.delete, (false, false)),
        ];
        for (operation, (is_post, is_get)) in operations {
            if let Some(operation) = operation {
                ask_for_key(operation);
                let_people_in(operation);
                name_shortly(operation);
                share_headers(operation, is_post, is_get);
                describe_parameters(operation);
                share_answers(operation, is_post, path.contains('{'));
                offer_files(&described, operation);
            }
        }
    }
}

/// Every scope that an operation names, with the operations that do.
fn scopes_of(paths: &utoipa::openapi::Paths) -> Vec<(String, String)> {
    let told = serde_json::to_value(paths).unwrap_or_default();
    let operations = told.as_object().into_iter().flat_map(serde_json::Map::values);
    let operations = operations.filter_map(serde_json::Value::as_object).flat_map(serde_json::Map::values);
    let scope = |operation: &serde_json::Value| {
        let scope = operation.pointer("/security/0/bearerAuth/0")?.as_str()?;
        let (what, right) = scope.split_once(':').unwrap_or((scope, "read"));
        let right = if right == "read" { "Read" } else { "Change" };
        Some((scope.to_owned(), format!("{right}: {what}")))
    };
    operations.filter_map(scope).collect()
}

/// A title of a few words, made of the operation's name; its sentence begins the description.
fn name_shortly(operation: &mut Operation) {
    let Some(id) = operation.operation_id.as_deref() else { return };
    let mut title = String::new();
    for (place, letter) in id.chars().enumerate() {
        match letter.is_ascii_uppercase() {
            true => {
                title.push(' ');
                title.push(letter.to_ascii_lowercase());
            }
            false if place == 0 => title.push(letter.to_ascii_uppercase()),
            false => title.push(letter),
        }
    }
    let sentence = operation.summary.replace(title).unwrap_or_default();
    let more = operation.description.take().filter(|more| *more != sentence).unwrap_or_default();
    let both: Vec<String> = [sentence, more].into_iter().filter(|text| !text.trim().is_empty()).collect();
    operation.description = Some(both.join("\n\n")).filter(|text| !text.is_empty());
}

/// What headers and pages of lists are: a header is never null, a page never less than nothing.
fn describe_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Header, name) => {
                let text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
                let text = match name == IDEMPOTENCY_KEY {
                    true => text.min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$")),
                    false => text,
                };
                parameter.schema = Some(text.into());
            }
            (ParameterIn::Query, "skip" | "take" | "pageLength") => {
                let least: usize = usize::from(parameter.name != "skip");
                let number = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(least));
                parameter.schema = Some(number.into());
            }
            _ => {}
        }
    }
}

/// The same for the pages that bodies ask for.
fn bound_pages(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    for (name, least) in [("skip", 0_usize), ("take", 1), ("pageLength", 1)] {
        if let Some(RefOr::T(Schema::Object(number))) = object.properties.get_mut(name) {
            number.minimum = Some(least.into());
        }
    }
}

/// The header that makes a request safe to repeat.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

const UNAVAILABLE: (&str, &str, &str) = ("503", "Unavailable", "The server cannot do it now; nothing was changed.");

/// Whether an operation asks for a token or a session.
fn is_secured(operation: &Operation) -> bool {
    let of_person = |security: serde_json::Value| security.pointer("/0/cookieAuth").is_some();
    is_secured_by(&operation.security) || serde_json::to_value(&operation.security).is_ok_and(of_person)
}

/// A session reaches what a token reaches.
fn let_people_in(operation: &mut Operation) {
    let Some(security) = &mut operation.security else { return };
    let told = serde_json::to_value(&*security).unwrap_or_default();
    if told.pointer("/0/bearerAuth/0").is_some() {
        security.push(SecurityRequirement::new(COOKIE, Vec::<String>::new()));
        // The key is demanded only where the server says so; and a page may get the token itself.
        if let Some(scope) = told.pointer("/0/bearerAuth/0").and_then(serde_json::Value::as_str) {
            security.push(SecurityRequirement::new(BEARER, [scope]));
            security.push(SecurityRequirement::new(TOKEN, [scope]));
        }
    }
}

fn is_secured_by(security: &Option<Vec<SecurityRequirement>>) -> bool {
    serde_json::to_value(security).is_ok_and(|security| security.pointer("/0/bearerAuth/0").is_some())
}

/// The extension by which an operation says that the gateway demands no subscription key for it.
const NO_KEY: &str = "x-no-subscription-key";

/// Every operation with a scope asks for the gateway's key, unless it says otherwise.
fn ask_for_key(operation: &mut Operation) {
    let spared = operation.extensions.as_ref().is_some_and(|extensions| extensions.contains_key(NO_KEY));
    let told = serde_json::to_value(&operation.security).unwrap_or_default();
    let scope = told.pointer("/0/bearerAuth/0").and_then(|scope| scope.as_str());
    if let Some(scope) = scope.filter(|_| !spared) {
        let requirement = SecurityRequirement::new(BEARER, [scope]).add(SUBSCRIPTION_KEY, [] as [&str; 0]);
        operation.security = Some(vec![requirement]);
    }
}

/// Headers that follow from the method: an operation names [`super::Conditions`] as its parameters, and a POST with a token
/// takes an idempotency key.
fn share_headers(operation: &mut Operation, is_post: bool, is_get: bool) {
    let unfitting = if is_get { "If-Match" } else { "If-None-Match" };
    let parameters = operation.parameters.get_or_insert_default();
    let is = |known: &RefOr<Parameter>, name: &str| matches!(known, RefOr::T(known) if known.name == name);
    let has = |name: &str, parameters: &[RefOr<Parameter>]| parameters.iter().any(|known| is(known, name));
    if has("If-Match", parameters) && has("If-None-Match", parameters) {
        parameters.retain(|known| !is(known, unfitting));
    }
    if is_post && is_secured_by(&operation.security) && !has(IDEMPOTENCY_KEY, parameters) {
        let key = ParameterBuilder::new()
            .name(IDEMPOTENCY_KEY)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("At most 255 characters; kept for 24 hours, per client"))
            .schema(Some(ObjectBuilder::new().schema_type(SchemaType::new(Type::String))))
            .build();
        parameters.push(RefOr::T(key));
    }
    if parameters.is_empty() {
        operation.parameters = None;
    }
}

fn share_answers(operation: &mut Operation, is_post: bool, has_id: bool) {
    let secured = is_secured(operation);
    let has_body = operation.request_body.is_some();
    let named = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(known) if known.name == "If-Match");
    let has_condition = operation.parameters.iter().flatten().any(named);
    for (status, name, _) in SHARED.into_iter().chain([UNAVAILABLE]) {
        let applies = match status {
            "413" => has_body,
            // A form says in the words of OAuth that it is of another type.
            "415" => has_body && secured,
            "404" => secured && has_id,
            "412" => has_condition,
            // A POST may carry an idempotency key.
            "409" | "422" => secured && is_post,
            _ => secured,
        };
        if applies {
            let shared = RefOr::Ref(Ref::from_response_name(name));
            operation.responses.responses.entry(status.to_owned()).or_insert(shared);
        }
    }
}

/// Says that a list can be had as a file.
fn offer_files(document: &serde_json::Value, operation: &mut Operation) {
    let told = serde_json::to_value(&*operation).unwrap_or_default();
    if ListLayout::of(document, &told).is_none() {
        return;
    }
    if let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") {
        for kind in [sheet::CSV, sheet::XLSX] {
            answer.content.insert(kind.to_owned(), ContentBuilder::new().build().into());
        }
    }
}

fn error_answer(status: &str, description: &str) -> Response {
    let envelope = Ref::from_schema_name("ErrorEnvelope");
    let schema: RefOr<Schema> = match status {
        // The gateway's own shape for a wrong subscription key.
        "401" => OneOfBuilder::new().item(envelope).item(Ref::from_schema_name("GatewayError")).into(),
        _ => envelope.into(),
    };
    ResponseBuilder::new()
        .description(description)
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

/// 400, where an operation without security declares it itself.
#[derive(utoipa::ToResponse)]
#[response(description = "The input is at fault: `4001` with one error, `4002` with several.")]
#[expect(dead_code, reason = "the document's picture of the answer")]
pub struct BadRequest(ErrorEnvelope);

/// 404, where an operation without security declares it itself.
#[derive(utoipa::ToResponse)]
#[response(description = "No such record.")]
#[expect(dead_code, reason = "the document's picture of the answer")]
pub struct NotFound(ErrorEnvelope);

/// 415, where an operation without security declares it itself.
#[derive(utoipa::ToResponse)]
#[response(description = "The body is of another media type.")]
#[expect(dead_code, reason = "the document's picture of the answer")]
pub struct MediaType(ErrorEnvelope);

/// 503, where an operation without security declares it itself.
#[derive(utoipa::ToResponse)]
#[response(description = "The server cannot do it now; nothing was changed.")]
#[expect(dead_code, reason = "the document's picture of the answer")]
pub struct Unavailable(ErrorEnvelope);

/// What the server enforces of the document.
#[derive(Debug, Default)]
pub struct Operations {
    rules: HashMap<String, Vec<(Method, Arc<Rule>)>>,
    scopes: Vec<String>,
}

/// Who may call an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Open,
    /// A token or a session with this scope.
    Scope(String),
    /// A person who is signed in, whatever the role.
    Session,
}

/// The rule of one operation.
#[derive(Debug)]
pub struct Rule {
    /// The operation's id, as metrics name it.
    pub id: String,
    /// Who may call it.
    pub access: Access,
    /// Whether the subscription key is demanded on servers that demand it.
    pub subscription_key: bool,
    /// Whether it takes files, which are streamed and may take their time.
    pub upload: bool,
    /// The list that it answers, if it does.
    pub list: Option<ListLayout>,
    /// Whether it takes many records at once, in a body of [`Config::bulk_body_limit`].
    pub bulk: bool,
    /// Counts its answers.
    pub meter: Meter,
}

impl Rule {
    /// The largest body that the operation takes, in bytes.
    pub fn body_limit(&self, config: &Config) -> usize {
        if self.bulk { config.bulk_body_limit } else { config.body_limit }
    }
}

impl Operations {
    /// Reads the rules out of the document, the only place where they are declared.
    pub fn read(document: &utoipa::openapi::OpenApi) -> Operations {
        let described = serde_json::to_value(document).unwrap_or_default();
        let mut rules: HashMap<String, Vec<(Method, Arc<Rule>)>> = HashMap::new();
        for (path, item) in &document.paths.paths {
            let operations = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in operations {
                if let Some(operation) = operation {
                    rules.entry(path.clone()).or_default().push((method, Arc::new(rule(operation, &described))));
                }
            }
        }
        let scope = |(_, rule): &(Method, Arc<Rule>)| match &rule.access {
            Access::Scope(scope) => Some(scope.clone()),
            Access::Open | Access::Session => None,
        };
        let mut scopes: Vec<String> = rules.values().flatten().filter_map(scope).collect();
        scopes.sort();
        scopes.dedup();
        Operations { rules, scopes }
    }

    /// The rule of an operation by its method and path template.
    pub fn find(&self, method: &Method, path: &str) -> Option<&Arc<Rule>> {
        // A HEAD request is answered by the GET handler.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.rules.get(path)?.iter().find(|(known, _)| known == method).map(|(_, rule)| rule)
    }

    /// [`Operations::scopes`] without a copy.
    pub fn known_scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Every scope that some operation demands, in order.
    pub fn scopes(&self) -> Vec<String> {
        self.scopes.clone()
    }
}

/// Whether an operation's body may be a form with files.
fn takes_form(operation: &Operation) -> bool {
    match &operation.request_body {
        Some(RefOr::T(body)) => body.content.contains_key("multipart/form-data"),
        Some(RefOr::Ref(_)) | None => false,
    }
}

fn rule(operation: &Operation, document: &serde_json::Value) -> Rule {
    // The document's own words are read back as JSON: the types of the builder keep them private.
    let told = serde_json::to_value(operation).unwrap_or_default();
    let requirement = told.pointer("/security/0");
    let scope = requirement.and_then(|r| r.get(BEARER)?.get(0)?.as_str()).map(str::to_owned);
    let id = operation.operation_id.clone().unwrap_or_default();
    Rule {
        meter: Meter::new(&id),
        id,
        access: match scope {
            Some(scope) => Access::Scope(scope),
            None if requirement.is_some_and(|r| r.get(COOKIE).is_some()) => Access::Session,
            None => Access::Open,
        },
        subscription_key: requirement.is_some_and(|r| r.get(SUBSCRIPTION_KEY).is_some()),
        upload: takes_form(operation),
        list: ListLayout::of(document, &told),
        bulk: operation.extensions.as_ref().is_some_and(|extensions| extensions.contains_key(BULK)),
    }
}
