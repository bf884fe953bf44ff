//! Files, to whoever holds a signed link.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{by_id, link};
use crate::app::App;
use crate::chat::account::company_of;
use crate::http::{Error, Path, Query};
use crate::media;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_file)).routes(routes!(get_image))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct FilePath {
    /// The file's id.
    id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Signed {
    /// Until when the link is good, in Unix seconds.
    expires: i64,
    /// The signature over id and time.
    signature: String,
}

/// Get a file by a signed link.
///
/// The link, which `fileUrl` of a file's record or `POST …/link` gives, is the permission. One that has expired, was
/// revoked or was changed is answered 404.
#[utoipa::path(
    get,
    path = "/files/{id}",
    operation_id = "getFile",
    tag = "Customer",
    params(FilePath, Signed),
    responses(
        (status = 200, description = "The file.", content_type = "application/octet-stream"),
        (status = 400, response = inline(crate::http::openapi::BadRequest)),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn get_file(
    State(app): State<App>,
    Path(path): Path<FilePath>,
    Query(query): Query<Signed>,
) -> Result<Response, Error> {
    let missing = Error::NotFound("file");
    let company = company_of(&path.id).ok_or(Error::NotFound("file"))?;
    let row = by_id(&mut app.db.read().await?, company, &path.id).await?.ok_or(missing)?;
    let is_good = link::is_good(&row.id, &row.link_key, query.expires, &query.signature);
    if !is_good || query.expires <= app.now() / 1000 || row.state != "stored" {
        return Err(Error::NotFound("file"));
    }
    let object = app.media.get(&row.id).await?;
    let kind = row.content_type.unwrap_or_default();
    Ok(media::respond(object, &kind, row.size, Some(&row.name), "private, no-store"))
}

/// Get a product's picture.
///
/// The address stands in `productImage` and lasts until the picture is deleted.
#[utoipa::path(
    get,
    path = "/images/{id}",
    operation_id = "getImage",
    tag = "Product",
    params(FilePath),
    responses(
        (status = 200, description = "The picture.", content_type = "application/octet-stream"),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn get_image(State(app): State<App>, Path(path): Path<FilePath>) -> Result<Response, Error> {
    let company = company_of(&path.id).ok_or(Error::NotFound("picture"))?;
    let row = by_id(&mut app.db.read().await?, company, &path.id).await?;
    let row = row.filter(|row| row.is_public() && row.state == "stored").ok_or(Error::NotFound("picture"))?;
    let object = app.media.get(&row.id).await?;
    let kind = row.content_type.unwrap_or_default();
    // A deleted picture is not shown for long.
    Ok(media::respond(object, &kind, row.size, Some(&row.name), "public, max-age=300"))
}
