//! Photos and other files of activities.

use axum::extract::State as Shared;
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NoPath, find, held};
use crate::app::App;
use crate::attachment::{self, AttachedFile, Record, Upload};
use crate::http::{Caller, Code, Conditions, Envelope, Error, Faults, Listing, Paging, Path, Query, Reply};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(attach_activity_files, list_activity_files))
        .routes(routes!(delete_activity_file))
}

/// Files to attach.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivityFileAttach {
    /// At most 20. In a form: file parts. In JSON: addresses, which are fetched in the background, `data:` URLs, or objects
    /// `{"url", "fileName"}` or `{"content", "fileName"}` with the content in Base64.
    #[schema(value_type = Option<Vec<String>>, example = json!(["data:image/gif;base64,R0lGODlhAQABAAAAACw="]))]
    #[expect(dead_code, reason = "the intake reads the files; this is their place in the document")]
    files: Option<IgnoredAny>,
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's picture of the form, which the intake reads part by part")]
struct ActivityFileForm {
    /// The files: every part that has a file name is one, whatever its field is called. At most 20.
    files: Option<Vec<PhotoPart>>,
}

/// A file of a form.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the document's picture of a file")]
struct PhotoPart(String);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct FilePath {
    /// The activity's number; its id, when there are only digits.
    #[param(example = "A20250200028")]
    no: String,
    /// The file's id.
    file_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct FileQuery {
    /// Files left out.
    skip: Option<i64>,
    /// Files a page: 1 to 200, default 20.
    take: Option<i64>,
    /// The same as `take`.
    page_length: Option<i64>,
}

/// Attach photos and other files to an activity.
#[utoipa::path(
    post,
    path = "/v1/activity/{no}/files",
    operation_id = "attachActivityFiles",
    tag = "Activity",
    params(NoPath),
    request_body(content((ActivityFileAttach = "application/json"), (ActivityFileForm = "multipart/form-data"))),
    responses((status = 200, description = "The files.", body = Envelope<Vec<AttachedFile>>)),
    security(("bearerAuth" = ["activity:write"]))
)]
async fn attach_activity_files(
    Shared(app): Shared<App>,
    caller: Caller,
    Path(path): Path<NoPath>,
    upload: Upload<ActivityFileAttach>,
) -> Result<Reply<Vec<AttachedFile>>, Error> {
    let attached = attach(&app, &caller, &path.no, &upload).await;
    upload.settled(&app, &caller, attached).await
}

async fn attach(
    app: &App,
    caller: &Caller,
    no: &str,
    upload: &Upload<ActivityFileAttach>,
) -> Result<Reply<Vec<AttachedFile>>, Error> {
    let mut faults = upload.faults.clone();
    if upload.files.is_empty() && faults.list().is_empty() {
        faults.add(Code::Required, "files", "files is required: at least one file");
    }
    faults.end()?;
    caller
        .write(app, async |mut tx| {
            let row = held(&mut tx, caller, no, &Conditions::default()).await?;
            let files = attachment::attach(app, &mut tx, caller, Record::activity(row.id), None, &upload.files).await?;
            tx.reply(Reply::ok(files)).await
        })
        .await
}

/// List the files of an activity, the newest first.
#[utoipa::path(
    get,
    path = "/v1/activity/{no}/files",
    operation_id = "listActivityFiles",
    tag = "Activity",
    params(NoPath, FileQuery),
    responses((status = 200, description = "One page of files.", body = Envelope<Listing<AttachedFile>>)),
    security(("bearerAuth" = ["activity:read"]))
)]
async fn list_activity_files(
    Shared(app): Shared<App>,
    caller: Caller,
    Path(path): Path<NoPath>,
    Query(query): Query<FileQuery>,
) -> Result<Reply<Listing<AttachedFile>>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(query.skip, query.take, query.page_length, faults.list());
    faults.end()?;
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, &caller, &path.no).await?;
    let (rows, counted) = attachment::list(&mut conn, caller.company, Record::activity(row.id), None, paging).await?;
    let files = attachment::views(&app, &mut conn, caller.company, rows).await?;
    Ok(Reply::ok(Listing::new(files, counted)))
}

/// Delete a file of an activity.
#[utoipa::path(
    delete,
    path = "/v1/activity/{no}/files/{fileId}",
    operation_id = "deleteActivityFile",
    tag = "Activity",
    params(FilePath),
    responses((status = 200, description = "It is gone.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["activity:write"]))
)]
async fn delete_activity_file(
    Shared(app): Shared<App>,
    caller: Caller,
    Path(path): Path<FilePath>,
) -> Result<Reply<Option<String>>, Error> {
    caller
        .write(&app, async |mut tx| {
            let row = held(&mut tx, &caller, &path.no, &Conditions::default()).await?;
            attachment::remove(&app, &mut tx, &caller, Record::activity(row.id), &path.file_id).await?;
            tx.reply(Reply::ok(None)).await
        })
        .await
}
