//! Files of customers, and the categories that they are filed under.

use axum::extract::State;
use db::Conn;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::CodePath;
use super::store::{self, Row};
use crate::app::App;
use crate::attachment::{self, AttachedFile, Link, Record, Upload};
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Listing, Paging, Path, Query, Reply};
use crate::job::Kind;
use crate::setting::choice;
use crate::setting::list::List;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_customer_file_categories))
        .routes(routes!(attach_customer_files))
        .routes(routes!(list_customer_files))
        .routes(routes!(get_customer_file, delete_customer_file))
        .routes(routes!(link_customer_file))
}

/// A category of files.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerFileCategory {
    /// Its number.
    #[schema(example = 1)]
    file_category_id: i64,
    /// Its name.
    #[schema(example = "Contract")]
    file_category_name: String,
}

/// Files to attach, and to whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerFileAttach {
    /// The customer's code, in any letter case.
    #[schema(value_type = Option<String>, example = "C000349")]
    customer_code: String,
    /// Number of a file category.
    #[schema(example = 1)]
    file_category_id: Option<i64>,
    /// Name of a file category, in Thai or English, where its number is not known.
    file_category_name: Option<String>,
    /// At most 20. In a form: file parts. In JSON: addresses, which are fetched in the background, `data:` URLs, or objects
    /// `{"url", "fileName"}` or `{"content", "fileName"}` with the content in Base64.
    #[schema(value_type = Option<Vec<String>>, example = json!(["https://example.com/contract.pdf"]))]
    #[expect(dead_code, reason = "the intake reads the files; this is their place in the document")]
    files: Option<IgnoredAny>,
}

/// The same as a form.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the document's picture of the form, which the intake reads part by part")]
struct CustomerFileForm {
    /// The customer's code, in any letter case.
    #[schema(example = "C000349")]
    customer_code: Option<String>,
    /// Number of a file category.
    #[schema(example = 1)]
    file_category_id: Option<i64>,
    /// Name of a file category, in Thai or English, where its number is not known.
    file_category_name: Option<String>,
    /// The files: every part that has a file name is one, whatever its field is called. At most 20.
    files: Option<Vec<FilePart>>,
}

/// A file of a form.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the document's picture of a file")]
struct FilePart(String);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct FilePath {
    /// The customer's code, in any letter case.
    customer_code: String,
    /// The file's id.
    file_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct FileQuery {
    /// Only files of this category.
    file_category_id: Option<i64>,
    /// Files left out.
    skip: Option<i64>,
    /// Files a page: 1 to 200, default 20.
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
}

/// How long a link is to be good.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FileLink {
    /// Seconds from now: 60 to 31,536,000 (a year); a day unless told.
    #[schema(example = 86_400)]
    expires_in: Option<i64>,
}

/// List the categories that customer files can be filed under.
#[utoipa::path(
    get,
    path = "/v1/customer/file-categories",
    operation_id = "getCustomerFileCategories",
    tag = "Customer",
    responses((status = 200, description = "The categories that can be chosen.", body = Envelope<Vec<CustomerFileCategory>>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn get_customer_file_categories(
    State(app): State<App>,
    caller: Caller,
) -> Result<Reply<Vec<CustomerFileCategory>>, Error> {
    let all = choice::all(&mut app.db.read().await?, caller.company, List::FileCategories).await?;
    let active = all.into_iter().filter(|choice| choice.is_active);
    let categories =
        active.map(|choice| CustomerFileCategory { file_category_id: choice.id, file_category_name: choice.name });
    Ok(Reply::ok(categories.collect()))
}

/// Attach files to a customer under a category.
///
/// Files of a form are on disk when the answer leaves. Files that are given by their address are `waiting` then; their
/// state says when they are `stored`, or that they `failed` and why.
#[utoipa::path(
    post,
    path = "/v1/customer/attach-files",
    operation_id = "attachCustomerFilesToCategory",
    tag = "Customer",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body(content((CustomerFileAttach = "application/json"), (CustomerFileForm = "multipart/form-data"))),
    responses((status = 200, description = "The files.", body = Envelope<Vec<AttachedFile>>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn attach_customer_files(
    State(app): State<App>,
    caller: Caller,
    upload: Upload<CustomerFileAttach>,
) -> Result<Reply<Vec<AttachedFile>>, Error> {
    let attached = attach(&app, &caller, &upload).await;
    upload.settled(&app, &caller, attached).await
}

/// List the files of a customer, the newest first.
#[utoipa::path(
    get,
    path = "/v3/customers/{customerCode}/files",
    operation_id = "listCustomerFiles",
    tag = "Customer",
    params(CodePath, FileQuery),
    responses((status = 200, description = "One page of files.", body = Envelope<Listing<AttachedFile>>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn list_customer_files(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
    Query(query): Query<FileQuery>,
) -> Result<Reply<Listing<AttachedFile>>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(query.skip, query.take, query.page_length, faults.list());
    faults.end()?;
    let mut conn = app.db.read().await?;
    let record = record(&mut conn, &caller, &path.customer_code).await?;
    let (rows, counted) = attachment::list(&mut conn, caller.company, record, query.file_category_id, paging).await?;
    let files = attachment::views(&app, &mut conn, caller.company, rows).await?;
    Ok(Reply::ok(Listing::new(files, counted)))
}

/// Get a file of a customer: what it is, and whether it is here.
#[utoipa::path(
    get,
    path = "/v3/customers/{customerCode}/files/{fileId}",
    operation_id = "getCustomerFile",
    tag = "Customer",
    params(FilePath),
    responses((status = 200, description = "The file.", body = Envelope<AttachedFile>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn get_customer_file(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FilePath>,
) -> Result<Reply<AttachedFile>, Error> {
    let mut conn = app.db.read().await?;
    let record = record(&mut conn, &caller, &path.customer_code).await?;
    let row = attachment::find(&mut conn, caller.company, record, &path.file_id).await?;
    let file = attachment::views(&app, &mut conn, caller.company, vec![row]).await?.pop();
    Ok(Reply::ok(file.ok_or(Error::NotFound("file"))?))
}

/// Delete a file of a customer; its links are worthless at once.
#[utoipa::path(
    delete,
    path = "/v3/customers/{customerCode}/files/{fileId}",
    operation_id = "deleteCustomerFile",
    tag = "Customer",
    params(FilePath),
    responses((status = 200, description = "It is gone.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn delete_customer_file(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FilePath>,
) -> Result<Reply<Option<String>>, Error> {
    let deleted = caller
        .write(&app, async |mut tx| {
            let record = record(&mut tx, &caller, &path.customer_code).await?;
            attachment::remove(&app, &mut tx, &caller, record, &path.file_id).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await?;
    app.wakes.wake(Kind::File);
    app.wakes.wake(Kind::Webhook);
    Ok(deleted)
}

/// Make a link to a file of a customer; every earlier link to it is worthless from now on.
#[utoipa::path(
    post,
    path = "/v3/customers/{customerCode}/files/{fileId}/link",
    operation_id = "linkCustomerFile",
    tag = "Customer",
    params(
        FilePath,
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client"),
    ),
    request_body = FileLink,
    responses((status = 200, description = "The link.", body = Envelope<Link>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn link_customer_file(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<FilePath>,
    Checked { value: input, faults }: Checked<FileLink>,
) -> Result<Reply<Link>, Error> {
    let mut faults = Faults::new(faults);
    let seconds = input.expires_in.unwrap_or(24 * 60 * 60);
    if !(60..=365 * 24 * 60 * 60).contains(&seconds) {
        faults.add(Code::OutOfRange, "expiresIn", "expiresIn must be from 60 to 31536000 seconds");
    }
    faults.end()?;
    caller
        .write(&app, async |mut tx| {
            let record = record(&mut tx, &caller, &path.customer_code).await?;
            let link = attachment::relink(&app, &mut tx, &caller, record, &path.file_id, seconds).await?;
            tx.reply(Reply::ok(link)).await
        })
        .await
}

/// The living customer of this code, as what files are attached to.
async fn record(conn: &mut Conn, caller: &Caller, code: &str) -> Result<Record, Error> {
    Ok(Record::customer(store::find(conn, caller, code).await?.id))
}

async fn attach(
    app: &App,
    caller: &Caller,
    upload: &Upload<CustomerFileAttach>,
) -> Result<Reply<Vec<AttachedFile>>, Error> {
    caller
        .write(app, async |mut tx| {
            let (customer, category) = target(&mut tx, caller, upload).await?;
            // Whoever deletes or merges the customer at this moment waits, or is waited for.
            store::hold(&mut tx, caller.company, customer.id).await?;
            let record = Record::customer(customer.id);
            let files = attachment::attach(app, &mut tx, caller, record, category, &upload.files).await?;
            tx.reply(Reply::ok(files)).await
        })
        .await
}

/// The customer and the category that a request names; every fault of the request is named.
async fn target(
    conn: &mut Conn,
    caller: &Caller,
    upload: &Upload<CustomerFileAttach>,
) -> Result<(Row, Option<i64>), Error> {
    let (input, mut faults) = (&upload.value, upload.faults.clone());
    if upload.files.is_empty() && faults.list().is_empty() {
        faults.add(Code::Required, "files", "files is required: at least one file");
    }
    faults.required("customerCode", &input.customer_code, 50);
    faults.end()?;
    let mut faults = Faults::default();
    let mut customer =
        store::by_code(conn, caller.company, &input.customer_code).await?.filter(|row| row.deleted_at.is_none());
    if let Some(found) = &customer
        && !store::is_seen(conn, caller, found.id).await?
    {
        customer = None;
    }
    if customer.is_none() {
        let message = format!("customerCode “{}” is not a known customer", input.customer_code);
        faults.add(Code::NotFound, "customerCode", message);
    }
    let category = category(conn, caller.company, input, &mut faults).await?;
    faults.end()?;
    Ok((customer.ok_or(Error::NotFound("customer"))?, category))
}

async fn category(
    conn: &mut Conn,
    company: i64,
    input: &CustomerFileAttach,
    faults: &mut Faults,
) -> Result<Option<i64>, Error> {
    let name = input.file_category_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let (field, wanted) = match (input.file_category_id, name) {
        (Some(id), _) => ("fileCategoryId", id.to_string()),
        (None, Some(name)) => ("fileCategoryName", format!("“{name}”")),
        (None, None) => return Ok(None),
    };
    let all = choice::all(conn, company, List::FileCategories).await?;
    let same = |known: Option<&str>| known.map(choice::key) == name.map(choice::key);
    let found = all.into_iter().filter(|choice| choice.is_active).find(|choice| match input.file_category_id {
        Some(id) => choice.id == id,
        None => same(Some(&choice.name)) || same(choice.name_en.as_deref()),
    });
    if found.is_none() {
        faults.add(Code::NotFound, field, format!("{field} {wanted} is not a known file category"));
    }
    Ok(found.map(|choice| choice.id))
}
