//! Imports: files of records, CSV or workbooks, loaded row by row, reported row by row, and taken back as one.

mod activity;
mod amount;
mod case;
mod cell;
mod customer;
mod day;
mod deal;
mod employee;
mod header;
mod kind;
mod left;
mod offer;
mod order;
mod product;
mod record;
mod report;
mod run;
pub mod sheet;
mod stock;
mod store;
mod task;
mod undo;
mod upload;
pub(crate) mod venio;
mod zeros;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::header::{FileColumn, check_mapping};
use self::left::{LeftOut, left_out};
use self::store::Import as Row;
use crate::app::App;
use crate::http::caller::Range;
use crate::http::{Caller, Code, Envelope, Error, Fault, Faults, Page, Paging, Path, Query, Reply, language};
use crate::job::{self, Kind as JobKind};
use crate::time::{self, Zone};

pub(crate) use self::header::Mapping;
pub use self::kind::Kind;
pub(crate) use self::report::report;
pub(crate) use self::run::{give_up, run};
pub(crate) use self::store::{New, find};
pub(crate) use self::upload::{keep, read_mapping};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// An import can be taken back, and its faults be read, for so long.
const KEPT: i64 = 90 * DAY;

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(offer::routes())
        .routes(routes!(create_import, list_imports))
        .routes(routes!(get_import))
        .routes(routes!(get_import_errors))
        .routes(routes!(undo_import))
}

/// Forgets what is past its time.
pub(crate) async fn purge(tx: &mut Conn, now: i64, most: i64) -> Result<u64, db::Error> {
    store::purge(tx, now - KEPT, most).await
}

/// A file of records, and how far it is loaded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Import {
    /// The import.
    import_id: Uuid,
    /// `customers`, `employees`, `products` or `stock`.
    #[schema(example = "customers")]
    kind: String,
    /// `waiting`, `running`, `done`, `failed` (as a whole; see `problem`), `undoing`, `undone`.
    #[schema(example = "done")]
    pub(crate) state: &'static str,
    /// Nothing was written: the counts say what would be.
    dry_run: bool,
    /// The file's name.
    #[schema(example = "customers.xlsx")]
    file_name: String,
    /// Percent of the work that is done.
    #[schema(example = 100)]
    pub(crate) progress: i64,
    /// Rows with something in them, below the header; null before the file was read.
    #[schema(example = 1000)]
    pub(crate) rows: Option<i64>,
    /// Rows that are dealt with.
    #[schema(example = 1000)]
    pub(crate) rows_done: i64,
    /// Records that were made.
    #[schema(example = 880)]
    pub(crate) created: i64,
    /// Records that were changed.
    #[schema(example = 100)]
    pub(crate) updated: i64,
    /// Records that were as the file says.
    #[schema(example = 10)]
    pub(crate) unchanged: i64,
    /// Rows that were refused.
    #[schema(example = 10)]
    pub(crate) failed: i64,
    /// Rows in which something was put right or looks wrong.
    #[schema(example = 3)]
    pub(crate) warned: i64,
    /// Records that were put back when the import was taken back.
    pub(crate) undone: i64,
    /// Records that were left as they are then, because somebody has changed them since.
    pub(crate) kept: i64,
    /// The columns of the file, and what each is taken for.
    columns: Vec<FileColumn>,
    /// The sheet of a workbook that was read.
    #[schema(example = "Customers")]
    sheet: Option<String>,
    /// The encoding of a text: the one that was named, or the one that was found.
    #[schema(example = "utf-8")]
    encoding: Option<String>,
    /// What of the file was left out.
    pub(crate) left_out: Vec<LeftOut>,
    /// Why the import failed as a whole.
    pub(crate) problem: Option<Problem>,
    /// The first rows that were refused, in the order of the file: at most 20.
    errors: Vec<RowError>,
    /// The first rows in which something was put right or looks wrong: at most 20.
    pub(crate) warnings: Vec<RowError>,
    /// The first records that were left as they are when the import was taken back: at most 20.
    left: Vec<Left>,
    /// Who asked for it: the id of an API client, or `system` for the command line.
    created_by_user_id: String,
    /// When it was asked for.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    date_created: String,
    /// When it came to its end.
    #[schema(example = "2025-01-29T15:39:02+0700")]
    date_ended: Option<String>,
    /// Until when it can be taken back.
    #[schema(example = "2025-04-29T15:39:02+0700")]
    undo_until: Option<String>,
}

impl Import {
    /// What became of it, in a line for people.
    pub(crate) fn summary(&self) -> String {
        let would = if self.dry_run { "a dry run, nothing is written: " } else { "" };
        let counts = format!(
            "{} rows: {} created, {} updated, {} unchanged, {} refused, {} with warnings",
            self.rows.unwrap_or_default(),
            self.created,
            self.updated,
            self.unchanged,
            self.failed,
            self.warned
        );
        match self.state {
            "undone" => format!("taken back: {} records restored, {} left as they are", self.undone, self.kept),
            state => format!("{state}: {would}{counts}"),
        }
    }
}

/// Why an import failed as a whole.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Problem {
    /// `unreadable`, `too_many_faults`, `file`, `crashed`.
    #[schema(example = "unreadable")]
    code: String,
    /// The same for people.
    pub(crate) message: String,
}

/// What is wrong with a row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowError {
    /// The row, as a spreadsheet numbers it.
    #[schema(example = 12)]
    pub(crate) row: i64,
    /// The column's header.
    #[schema(example = "อีเมล")]
    pub(crate) column: String,
    /// Stable code, as in `errors`; for warnings `repaired` or `warning`.
    #[schema(example = "invalid_format")]
    code: String,
    /// The same for people.
    #[schema(example = "customerEmail is not an e-mail address")]
    pub(crate) message: String,
}

/// A record that was left as it is.
#[derive(Debug, Serialize, ToSchema)]
struct Left {
    /// The row that it came from.
    row: i64,
    /// The record: a customer's or product's number, an employee's code; of stock the numbers of product and warehouse.
    record: String,
    /// Why.
    reason: String,
}

/// How a file is to be loaded.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// `customers`, `employees`, `products` or `stock`; required here or in the form.
    kind: Option<String>,
    /// True: nothing is written, and the import tells what would be.
    dry_run: Option<bool>,
    /// JSON from headers of the file to fields: `{"Score": "customFields.Score", "Remark": null}`. Null leaves a column out.
    mapping: Option<String>,
    /// The encoding of a text, such as `windows-1252` or `shift_jis`, where it is neither UTF-8 nor UTF-16 nor Windows-874.
    encoding: Option<String>,
    /// The file's name, where it is not in a form.
    file_name: Option<String>,
}

/// The same in a form.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the document's picture of the form, which is read field by field")]
struct ImportForm {
    /// The file: CSV (UTF-8, UTF-16 or Windows-874; comma, semicolon, tab or bar), .xlsx, .xlsb, .xls or .ods.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// `customers`, `employees`, `products` or `stock`.
    #[schema(example = "customers")]
    kind: String,
    /// True: nothing is written, and the import tells what would be.
    dry_run: Option<bool>,
    /// JSON from headers of the file to fields; null leaves a column out.
    mapping: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct ImportPath {
    /// The import.
    import_id: Uuid,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportsQuery {
    /// Id of an import: only older ones are given.
    before: Option<Uuid>,
    /// Imports a page: 1 to 200, default 20.
    take: Option<i64>,
}

/// Load a file of records.
///
/// The file comes in a form or is the body itself. It is loaded in the background: `GET /v1/imports/{importId}` tells how
/// far it is. A token needs the scope to write the records as well. What the columns may be called, and which row is which
/// record, stands in docs/API.md.
#[utoipa::path(
    post,
    path = "/v1/imports",
    operation_id = "createImport",
    tag = "Import",
    params(
        ImportQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client"),
    ),
    request_body(content((ImportForm = "multipart/form-data"), (String = "text/csv"), (String = "application/octet-stream"))),
    responses((status = 202, description = "The import, which waits.", body = Envelope<Import>)),
    security(("bearerAuth" = ["import:write"], "subscriptionKey" = []))
)]
async fn create_import(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Reply<Import>, Error> {
    // What the address says is judged before a long file is received.
    if let Some(kind) = &query.kind {
        allowed(&caller, kind)?;
    }
    let received = upload::receive(&app, caller.company, request).await?;
    let file = (received.file.as_str(), received.size);
    let new = described(&caller, &query, &received);
    let reply = match new {
        Ok(new) => {
            caller
                .write(&app, async |mut tx| {
                    let id = begin(&mut tx, caller.company, &caller.id, &new, file, app.now()).await?;
                    let row = find(&mut tx, caller.company, id).await?.ok_or(Error::NotFound("import"))?;
                    let mut reply = Reply::ok(view(&mut tx, row).await?);
                    reply.status = StatusCode::ACCEPTED;
                    tx.reply(reply).await
                })
                .await
        }
        Err(error) => Err(error),
    };
    // After a COMMIT of which nobody knows, the import may be there, and needs its file; if not, its age deletes it.
    if reply.as_ref().is_err_and(|error| !matches!(error, Error::Db(db::Error::Unknown))) {
        upload::drop_file(&app, &received.file).await;
    }
    app.wakes.wake(JobKind::Import);
    reply
}

/// The kind of this name, if the caller may write its records.
fn allowed(caller: &Caller, kind: &str) -> Result<Kind, Error> {
    let kind = Kind::named(kind).ok_or_else(|| {
        let known = Kind::ALL.map(Kind::name).join(", ");
        Error::invalid(Code::InvalidValue, "kind", format!("kind “{kind}” is not one of {known}"))
    })?;
    match caller.scopes.iter().any(|scope| scope == kind.scope()) {
        true => Ok(kind),
        false => Err(Error::Forbidden(kind.scope().to_owned())),
    }
}

/// The import that a request describes, in its address or in its form.
fn described(caller: &Caller, query: &ImportQuery, upload: &upload::Upload) -> Result<New, Error> {
    let mut faults = Faults::default();
    let field = |name: &str| upload.fields.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let kind = field("kind").or(query.kind.as_deref());
    let kind = match kind {
        Some(kind) => Some(allowed(caller, kind)?),
        None => {
            faults.add(Code::Required, "kind", "kind is required");
            None
        }
    };
    let dry_run = match field("dryrun").map(str::to_ascii_lowercase).as_deref() {
        None => query.dry_run.unwrap_or(false),
        Some("true" | "1") => true,
        Some("false" | "0") => false,
        Some(_) => {
            faults.add(Code::InvalidType, "dryRun", "dryRun must be true or false");
            false
        }
    };
    let mapping = field("mapping").or(query.mapping.as_deref());
    let mapping = mapping.map(|text| read_mapping(text, &mut faults)).unwrap_or_default();
    let encoding = field("encoding").or(query.encoding.as_deref());
    let encoding =
        encoding.map(str::trim).filter(|name| !name.is_empty()).inspect(|name| check_encoding(name, &mut faults));
    let encoding = encoding.map(str::to_owned);
    let name = query.file_name.as_deref().or(upload.name.as_deref()).unwrap_or("file");
    faults.longest("fileName", name, 255);
    if name.contains('\0') || mapping.iter().any(|(header, field)| format!("{header}{field:?}").contains('\0')) {
        faults.add(Code::InvalidValue, "fileName", "A text must not contain a NUL character");
    }
    if let Some(kind) = kind {
        faults.list().extend(check_mapping(&mapping, kind.columns(), kind.custom()));
    }
    faults.end()?;
    let kind = kind.ok_or_else(|| Error::invalid(Code::Required, "kind", "kind is required"))?;
    Ok(New { kind, dry_run, file_name: name.to_owned(), mapping, encoding })
}

/// An encoding must be one that is known.
pub(crate) fn check_encoding(name: &str, faults: &mut Faults) {
    if sheet::encoding_named(name).is_none() {
        let message =
            format!("“{name}” is not a known encoding: utf-8, utf-16le, windows-874, windows-1252, shift_jis, …");
        faults.add(Code::InvalidValue, "encoding", message);
    }
}

/// Writes down an import whose file is stored, and asks for the work. A mapping that names no field is refused.
pub(crate) async fn begin(
    tx: &mut Conn,
    company: i64,
    actor: &str,
    new: &New,
    file: (&str, i64),
    now: i64,
) -> Result<Uuid, Error> {
    let faults = check_mapping(&new.mapping, new.kind.columns(), new.kind.custom());
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let id = store::create(tx, company, actor, new, file, now).await?;
    job::enqueue(tx, company, JobKind::Import, &id.to_string(), now).await?;
    Ok(id)
}

/// Whose imports the caller sees and takes back: everybody's, or only his own when he does not see every record.
fn whose(caller: &Caller) -> Option<&str> {
    (caller.range() != Range::All).then_some(caller.id.as_str())
}

/// The import of this id, when the caller may see it; 404 otherwise.
async fn seen(conn: &mut Conn, caller: &Caller, id: Uuid) -> Result<Row, Error> {
    let found = find(conn, caller.company, id).await?;
    found.filter(|row| whose(caller).is_none_or(|own| row.actor == own)).ok_or(Error::NotFound("import"))
}

/// List the imports, newest first.
///
/// A person who does not see everybody's records sees, reads and takes back only imports of his own.
#[utoipa::path(
    get,
    path = "/v1/imports",
    operation_id = "listImports",
    tag = "Import",
    params(ImportsQuery),
    responses((status = 200, description = "One page of imports.", body = Envelope<Page<Import>>)),
    security(("bearerAuth" = ["import:read"], "subscriptionKey" = []))
)]
async fn list_imports(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ImportsQuery>,
) -> Result<Reply<Page<Import>>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(None, query.take, None, faults.list());
    faults.end()?;
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let rows = store::list(&mut conn, caller.company, whose(&caller), query.before, paging).await?;
    let imports = rows.into_iter().map(|row| plain(row, &zone)).collect();
    Ok(Reply::ok(Page::cut(imports, paging.take, |import| import.import_id.to_string())))
}

/// The newest imports of a company, without their faults.
pub(crate) async fn listed(conn: &mut Conn, company: i64, take: i64) -> Result<Vec<Import>, db::Error> {
    let zone = time::zone(conn, company).await?;
    let mut rows = store::list(conn, company, None, None, Paging { skip: 0, take }).await?;
    rows.truncate(usize::try_from(take).unwrap_or_default());
    Ok(rows.into_iter().map(|row| plain(row, &zone)).collect())
}

/// Tell how far an import is, and what is wrong with its first rows.
#[utoipa::path(
    get,
    path = "/v1/imports/{importId}",
    operation_id = "getImport",
    tag = "Import",
    params(ImportPath),
    responses((status = 200, description = "The import.", body = Envelope<Import>)),
    security(("bearerAuth" = ["import:read"], "subscriptionKey" = []))
)]
async fn get_import(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ImportPath>,
) -> Result<Reply<Import>, Error> {
    let mut conn = app.db.read().await?;
    let row = seen(&mut conn, &caller, path.import_id).await?;
    Ok(Reply::ok(view(&mut conn, row).await?))
}

/// Get the rows that were refused, as a file that can be corrected and handed in again.
///
/// Before the file's own columns stand the row's number, the columns at fault, and why. At most 10,000 rows are kept.
#[utoipa::path(
    get,
    path = "/v1/imports/{importId}/errors",
    operation_id = "getImportErrors",
    tag = "Import",
    params(ImportPath),
    responses((status = 200, description = "CSV in UTF-8 with a byte order mark.", body = String, content_type = "text/csv")),
    security(("bearerAuth" = ["import:read"], "subscriptionKey" = []))
)]
async fn get_import_errors(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ImportPath>,
) -> Result<Response, Error> {
    let row = seen(&mut app.db.read().await?, &caller, path.import_id).await?;
    Ok(report::answer(&app, row))
}

/// Take an import back: delete what it made and restore what it changed.
///
/// Records that somebody has changed since are left as they are and counted in `kept`. An import that still runs is stopped
/// first. Employees that it made are taken out of use, because the API deletes none; quantities are put back where nothing
/// has moved them since.
#[utoipa::path(
    post,
    path = "/v1/imports/{importId}/undo",
    operation_id = "undoImport",
    tag = "Import",
    params(ImportPath, ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    responses((status = 202, description = "The import, which is being taken back.", body = Envelope<Import>)),
    security(("bearerAuth" = ["import:write"], "subscriptionKey" = []))
)]
async fn undo_import(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ImportPath>,
) -> Result<Reply<Import>, Error> {
    let reply = caller
        .write(&app, async |mut tx| {
            let row = seen(&mut tx, &caller, path.import_id).await?;
            allowed(&caller, &row.kind)?;
            ask_undo(&mut tx, &row, &caller.id, app.now()).await?;
            let row = find(&mut tx, caller.company, path.import_id).await?.ok_or(Error::NotFound("import"))?;
            let mut reply = Reply::ok(view(&mut tx, row).await?);
            reply.status = StatusCode::ACCEPTED;
            tx.reply(reply).await
        })
        .await?;
    app.wakes.wake(JobKind::Import);
    Ok(reply)
}

/// Asks for an import to be taken back; 409 when it cannot be.
pub(crate) async fn ask_undo(tx: &mut Conn, row: &Row, actor: &str, now: i64) -> Result<(), Error> {
    let is_late = row.ended_at.is_some_and(|ended| ended + KEPT <= now);
    if is_late || !undo::ask(tx, row, actor).await? {
        let why = match (is_late, row.dry_run) {
            (true, _) => "its rows are no longer stored",
            (_, true) => "it was a dry run and wrote nothing",
            _ => "it has already been undone",
        };
        let message = format!("The import cannot be undone: {why}");
        return Err(Error::Conflict(Fault::new(Code::Conflict, "importId", message)));
    }
    Ok(job::enqueue(tx, row.company, JobKind::Import, &row.id.to_string(), now).await?)
}

/// How many faults and warnings are told with an import.
const TOLD: i64 = 20;

/// An import with the first of its faults.
pub(crate) async fn view(conn: &mut Conn, row: Row) -> Result<Import, Error> {
    let zone = time::zone(conn, row.company).await?;
    let told = |fault: store::Fault| RowError {
        row: fault.line,
        column: fault.header,
        message: language::told_stored(&fault.code, &fault.message),
        code: fault.code,
    };
    let errors = store::faults(conn, &row, false, (0, 0), TOLD).await?.into_iter().map(told).collect();
    let warnings = store::faults(conn, &row, true, (0, 0), TOLD).await?.into_iter().map(told).collect();
    let mut left = Vec::new();
    if row.kept > 0 {
        let kept = undo::kept(conn, &row, TOLD).await?;
        left.extend(kept.into_iter().map(|kept| Left { row: kept.line, record: kept.record, reason: kept.undo }));
    }
    Ok(Import { errors, warnings, left, ..plain(row, &zone) })
}

/// An import without its faults.
pub(crate) fn plain(row: Row, zone: &Zone) -> Import {
    let passes = Kind::named(&row.kind).filter(|_| !row.dry_run).map_or(1, Kind::passes);
    let progress = match row.rows_total {
        _ if row.state.is_settled() => 100,
        Some(total) if total > 0 => ((row.pass - 1) * total + row.rows_done) * 100 / (total * passes),
        _ => 0,
    };
    let text = |at: i64| time::text(at, zone);
    let left_out = left_out(&row);
    Import {
        import_id: row.id,
        kind: row.kind,
        state: row.state.name(),
        dry_run: row.dry_run,
        file_name: row.file_name,
        progress: progress.clamp(0, 100),
        rows: row.rows_total,
        rows_done: if row.pass > 1 { row.rows_total.unwrap_or_default() } else { row.rows_done },
        created: row.created,
        updated: row.updated,
        unchanged: row.unchanged,
        failed: row.failed,
        warned: row.warned,
        undone: row.undone,
        kept: row.kept,
        left_out,
        columns: row.layout.map(|layout| layout.columns).unwrap_or_default(),
        sheet: row.source.as_ref().and_then(|source| source.sheet.clone()),
        encoding: row.source.and_then(|source| source.encoding).or(row.encoding),
        problem: row.problem.and_then(|problem| serde_json::from_value(problem).ok()),
        errors: Vec::new(),
        warnings: Vec::new(),
        left: Vec::new(),
        created_by_user_id: row.actor,
        date_created: text(row.created_at),
        date_ended: row.ended_at.map(text),
        undo_until: row
            .ended_at
            .filter(|_| !row.dry_run && row.state != store::State::Undone)
            .map(|at| text(at + KEPT)),
    }
}
