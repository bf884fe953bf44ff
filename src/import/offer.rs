//! What can be imported: the kinds of record, and the columns that a file of each may have.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::kind::Kind;
use crate::app::App;
use crate::http::{Caller, Envelope, Error, Listing, Reply};

/// The route of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_import_kinds))
}

/// A kind of record that files may hold.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ImportKind {
    /// Its word: what an import names as `kind`.
    #[schema(example = "customers")]
    kind: &'static str,
    /// What a caller must be allowed to do besides importing.
    #[schema(example = "customer:write")]
    scope: &'static str,
    /// Whether this caller is.
    #[schema(example = true)]
    is_allowed: bool,
    /// The property below which columns may have any name (`customFields.colour`); null where there is none.
    #[schema(example = "customFields")]
    custom: Option<&'static str>,
    /// The columns that are understood.
    columns: Vec<ImportColumn>,
}

/// A column that is understood.
#[derive(Debug, Serialize, ToSchema)]
struct ImportColumn {
    /// The field that it is read as: what a mapping names.
    #[schema(example = "customerName")]
    field: &'static str,
    /// Headers that it is known by, besides the field's own name, in English and Thai.
    #[schema(value_type = Vec<String>, example = json!(["name", "ชื่อลูกค้า"]))]
    names: &'static [&'static str],
}

/// List the kinds of record that can be imported, with the columns of each.
#[utoipa::path(
    get,
    path = "/v1/imports/kinds",
    operation_id = "listImportKinds",
    tag = "Import",
    responses((status = 200, description = "Every kind.", body = Envelope<Listing<ImportKind>>)),
    security(("bearerAuth" = ["import:read"], "subscriptionKey" = []))
)]
async fn list_import_kinds(caller: Caller) -> Result<Reply<Listing<ImportKind>>, Error> {
    let kinds = Kind::ALL.into_iter().map(|kind| ImportKind {
        kind: kind.name(),
        scope: kind.scope(),
        is_allowed: caller.scopes.iter().any(|scope| scope == kind.scope()),
        custom: kind.custom(),
        columns: kind.columns().iter().map(|one| ImportColumn { field: one.field, names: one.names }).collect(),
    });
    let value: Vec<ImportKind> = kinds.collect();
    let total = i64::try_from(value.len()).unwrap_or_default();
    Ok(Reply::ok(Listing::new(value, total)))
}
