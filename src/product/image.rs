//! Pictures of products that are uploaded: each is a file of the product, and its lasting address one of `productImage`.

use axum::extract::State;
use db::Conn;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Row};
use super::{CodePath, input, put, removal};
use crate::app::App;
use crate::attachment::{self, AttachedFile, Record, Upload};
use crate::http::{Caller, Code, Envelope, Error, Faults, Listing, Paging, Path, Query, Reply};
use crate::job::Kind;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(attach_product_images, list_product_images))
        .routes(routes!(delete_product_image))
}

/// Pictures of a product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductImageAttach {
    /// At most 20. In a form: file parts. In JSON: `data:` URLs, or objects `{"content", "fileName"}` with the content in Base64.
    #[schema(value_type = Option<Vec<String>>, example = json!(["data:image/gif;base64,R0lGODlhAQABAAAAACw="]))]
    #[expect(dead_code, reason = "the intake reads the files; this is their place in the document")]
    files: Option<IgnoredAny>,
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's picture of the form, which the intake reads part by part")]
struct ProductImageForm {
    /// The pictures: every part that has a file name is one, whatever its field is called. At most 20.
    files: Option<Vec<ImagePart>>,
}

/// A file of a form.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the document's picture of a file")]
struct ImagePart(String);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct ImagePath {
    /// The product's code, in any letter case.
    product_code: String,
    /// The picture's id.
    file_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ImageQuery {
    /// Pictures left out.
    skip: Option<i64>,
    /// Pictures a page: 1 to 200, default 20.
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
}

/// Upload pictures of a product.
///
/// They are on disk when the answer leaves, and `productImage` ends with their addresses, which anyone can open until the picture
/// is deleted. Addresses of pictures elsewhere are written into `productImage` itself.
#[utoipa::path(
    post,
    path = "/v1/products/{productCode}/images",
    operation_id = "attachProductImages",
    tag = "Product",
    params(
        CodePath,
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client"),
    ),
    request_body(content((ProductImageAttach = "application/json"), (ProductImageForm = "multipart/form-data"))),
    responses((status = 200, description = "The pictures; `fileUrl` is the address in `productImage`.", body = Envelope<Vec<AttachedFile>>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn attach_product_images(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
    upload: Upload<ProductImageAttach>,
) -> Result<Reply<Vec<AttachedFile>>, Error> {
    let attached = attach(&app, &caller, &path.product_code, &upload).await;
    upload.settled(&app, &caller, attached).await
}

/// List the uploaded pictures of a product, the newest first.
#[utoipa::path(
    get,
    path = "/v1/products/{productCode}/images",
    operation_id = "listProductImages",
    tag = "Product",
    params(CodePath, ImageQuery),
    responses((status = 200, description = "One page of pictures.", body = Envelope<Listing<AttachedFile>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn list_product_images(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
    Query(query): Query<ImageQuery>,
) -> Result<Reply<Listing<AttachedFile>>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(query.skip, query.take, query.page_length, faults.list());
    faults.end()?;
    let mut conn = app.db.read().await?;
    let row = store::by_code(&mut conn, caller.company, &path.product_code).await?;
    let row = row.filter(|row| row.deleted_at.is_none()).ok_or(Error::NotFound("product"))?;
    let (rows, counted) = attachment::list(&mut conn, caller.company, Record::product(row.id), None, paging).await?;
    let files = attachment::views(&app, &mut conn, caller.company, rows).await?;
    Ok(Reply::ok(Listing::new(files, counted)))
}

/// Delete an uploaded picture: its address is worthless at once, and `productImage` has it no more.
#[utoipa::path(
    delete,
    path = "/v1/products/{productCode}/images/{fileId}",
    operation_id = "deleteProductImage",
    tag = "Product",
    params(ImagePath),
    responses((status = 200, description = "It is gone.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["product:write"], "subscriptionKey" = []))
)]
async fn delete_product_image(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ImagePath>,
) -> Result<Reply<Option<String>>, Error> {
    let deleted = caller
        .write(&app, async |mut tx| {
            let row = living(&mut tx, caller.company, &path.product_code).await?;
            attachment::remove(&app, &mut tx, &caller, Record::product(row.id), &path.file_id).await?;
            let images = row.details.images.clone();
            let left = images.into_iter().filter(|image| attachment::public_id(image) != Some(&path.file_id)).collect();
            show(&mut tx, &caller, row, left, app.now()).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await?;
    [Kind::File, Kind::Webhook].into_iter().for_each(|kind| app.wakes.wake(kind));
    Ok(deleted)
}

/// The product of this code, kept from others until the unit ends.
async fn living(tx: &mut Conn, company: i64, code: &str) -> Result<Row, Error> {
    let row = removal::held(tx, company, code).await?;
    if row.deleted_at.is_some() { Err(Error::NotFound("product")) } else { Ok(row) }
}

async fn attach(
    app: &App,
    caller: &Caller,
    code: &str,
    upload: &Upload<ProductImageAttach>,
) -> Result<Reply<Vec<AttachedFile>>, Error> {
    let mut faults = upload.faults.clone();
    if upload.files.is_empty() && faults.list().is_empty() {
        faults.add(Code::Required, "files", "files is required: at least one picture");
    }
    for (place, file) in upload.files.iter().enumerate() {
        let field = format!("files[{place}]");
        match file.content_type() {
            Some(kind) if kind.starts_with("image/") => {}
            Some(kind) => {
                faults.add(Code::InvalidFormat, field.as_str(), format!("{field} is not a picture but {kind}"))
            }
            None => {
                let message = format!("{field} is an address; addresses are written into productImage");
                faults.add(Code::InvalidValue, field.as_str(), message);
            }
        }
    }
    faults.end()?;
    caller
        .write(app, async |mut tx| {
            let row = living(&mut tx, caller.company, code).await?;
            let mut images = row.details.images.clone();
            if images.len() + upload.files.len() > input::MOST_ITEMS {
                let message = format!("files: a product may have {} pictures", input::MOST_ITEMS);
                return Err(Error::invalid(Code::OutOfRange, "files", message));
            }
            let record = Record::product(row.id);
            let files = attachment::attach(app, &mut tx, caller, record, None, &upload.files).await?;
            images.extend(files.iter().filter_map(|file| file.file_url.clone()));
            show(&mut tx, caller, row, images, app.now()).await?;
            tx.reply(Reply::ok(files)).await
        })
        .await
}

/// Makes these the pictures of a product; nothing is written when they are already.
async fn show(tx: &mut Conn, caller: &Caller, mut row: Row, images: Vec<String>, now: i64) -> Result<Row, Error> {
    let pictures = |images: &[String]| json!({"productImage": images});
    let (before, after) = (pictures(&row.details.images), pictures(&images));
    row.details.images = images;
    put::revise(tx, caller, row, ("updated", "Updated"), (before, after), now).await
}
