//! Files of expenses: photographs of receipts, by upload or by address.

use axum::extract::State;
use db::Conn;
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{ExpenseAttachmentWrite, Wanted};
use super::row::{Expense, Row};
use crate::app::App;
use crate::attachment::{self, AttachedFile, AttachmentDto, New, Record, Upload};
use crate::http::reply::One;
use crate::http::{Caller, Code, Envelope, Error, Paging, Reply};
use crate::record;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(attach_expense_files))
}

/// What files of an expense are in the original API.
const KIND: i64 = 2;

/// The most files that an answer lists.
const MOST: Paging = Paging { skip: 0, take: 100 };

/// Files to attach, and to which expense.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExpenseFileAttach {
    /// Id of the expense.
    #[schema(example = 1)]
    expense_id: i64,
    /// At most 20. In a form: file parts. In JSON: addresses, which are fetched in the background, `data:` URLs, or objects
    /// `{"url", "fileName"}` or `{"content", "fileName"}` with the content in Base64.
    #[schema(value_type = Option<Vec<String>>, example = json!(["https://example.com/receipt.jpg"]))]
    #[expect(dead_code, reason = "the intake reads the files; this is their place in the document")]
    files: Option<IgnoredAny>,
}

/// The same as a form.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the document's picture of the form, which the intake reads part by part")]
struct ExpenseFileForm {
    /// Id of the expense.
    expense_id: i64,
    /// The files: every part that has a file name is one.
    files: Option<Vec<ExpenseFilePart>>,
}

/// A file of a form.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the document's picture of a file")]
struct ExpenseFilePart(String);

/// Attach files to an expense, such as photographs of receipts.
#[utoipa::path(
    post,
    path = "/v1/Expenses/attach-files",
    operation_id = "attachExpenseFiles",
    tag = "Expense",
    request_body(content((ExpenseFileAttach = "application/json"), (ExpenseFileForm = "multipart/form-data"))),
    responses((status = 200, description = "The expense with its files.", body = Envelope<One<Expense>>)),
    security(("bearerAuth" = ["expense:write"]))
)]
async fn attach_expense_files(
    State(app): State<App>,
    caller: Caller,
    mut upload: Upload<ExpenseFileAttach>,
) -> Result<Reply<One<Expense>>, Error> {
    if upload.files.is_empty() {
        upload.faults.add(Code::Required, "files", "files: at least one file is required");
    }
    let attached = async {
        upload.faults.clone().end()?;
        caller
            .write(&app, async |mut tx| {
                let row: Row = record::find(&mut tx, &caller, "id", upload.value.expense_id).await.map_err(named)?;
                row.changeable("expenseId")?;
                attachment::attach(&app, &mut tx, &caller, Record::expense(row.id), None, &upload.files).await?;
                let view = record::view(&mut tx, row).await?;
                let value = with_files(&app, &mut tx, view).await?;
                tx.reply(Reply::ok(One { value })).await
            })
            .await
    };
    let answer = attached.await;
    upload.settled(&app, &caller, answer).await
}

/// What a body names and is not there is a fault of the body.
fn named(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::invalid(Code::NotFound, "expenseId", "expenseId is not a known expense"),
        other => other,
    }
}

/// An expense with its files.
pub(super) async fn with_files(app: &App, conn: &mut Conn, mut expense: Expense) -> Result<Expense, Error> {
    let record = Record::expense(expense.expense_id);
    let (rows, _) = attachment::list(conn, expense.company_id, record, None, MOST).await?;
    let files = attachment::views(app, conn, expense.company_id, rows).await?;
    let view = |file: AttachedFile| AttachmentDto::new(file, expense.company_id, expense.expense_id, KIND);
    expense.attachments = files.into_iter().map(view).collect();
    Ok(expense)
}

/// Does with the files what a body says, and answers the expense with what it has then.
pub(super) async fn write(
    app: &App,
    tx: &mut Conn,
    caller: &Caller,
    expense: Expense,
    wanted: &Wanted,
) -> Result<Expense, Error> {
    let expense = with_files(app, tx, expense).await?;
    if wanted.attachments.is_empty() {
        return Ok(expense);
    }
    let record = Record::expense(expense.expense_id);
    let mut new: Vec<New> = Vec::new();
    for (index, file) in wanted.attachments.iter().enumerate() {
        let known = expense.attachments.iter().find(|known| Some(known.attachment_id) == file.attachment_id);
        match (known, file.is_active) {
            (Some(known), Some(false)) => attachment::remove(app, tx, caller, record, &known.file_id).await?,
            (Some(_), _) | (None, Some(false)) => {}
            (None, _) => new.extend(to_fetch(app, caller, index, file)?),
        }
    }
    if !new.is_empty() {
        attachment::attach(app, tx, caller, record, None, &new).await?;
    }
    with_files(app, tx, expense).await
}

/// A file that is to be fetched from its address; what has none, such as the example's `string`, says nothing.
fn to_fetch(app: &App, caller: &Caller, index: usize, file: &ExpenseAttachmentWrite) -> Result<Option<New>, Error> {
    let is_address = |text: &&str| text.starts_with("http://") || text.starts_with("https://");
    let given = [file.url.as_deref(), file.resource_url.as_deref()].into_iter().flatten().map(str::trim);
    let Some(address) = given.into_iter().find(is_address) else { return Ok(None) };
    let name = file.filename.as_deref().map(|name| {
        let extension = file.extension.as_deref().unwrap_or_default();
        if name.contains('.') { name.to_owned() } else { format!("{name}{extension}") }
    });
    let field = format!("attachments[{index}].url");
    New::at(app, caller.company, address, name.as_deref())?
        .map(Some)
        .map_err(|why| Error::invalid(Code::InvalidUrl, field.as_str(), format!("{field} {why}")))
}
