//! What customers answer when they are asked how satisfied they are.

use axum::extract::State;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{CodePath, find, store};
use crate::app::App;
use crate::http::{Caller, Checked, Code, Envelope, Error, Faults, Page, Paging, Path, Query, Reply};
use crate::setting::list::List;
use crate::setting::{choice, number};
use crate::time;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_customer_satisfaction)).routes(routes!(list_customer_satisfaction))
}

/// An answer of a customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SatisfactionWrite {
    /// Who answered.
    #[schema(example = "Bob Name")]
    answer_by: Option<String>,
    /// The survey; a name that is new opens a new category.
    #[schema(example = "NPS [Venio]")]
    source_name: String,
    /// 1 CSAT, 2 NPS.
    #[schema(example = 2)]
    source_type: i64,
    /// 1 to 5 for CSAT, 1 to 10 for NPS.
    #[schema(example = 9)]
    point: i64,
    /// Free text.
    #[schema(example = "good")]
    comment: Option<String>,
    /// The customer's code.
    #[schema(example = "C000349")]
    customer_code: String,
    /// When it was answered; without an offset it is the company's time.
    #[schema(example = "2024-02-01 10:00:00")]
    date_created: String,
}

/// An answer of a customer, as it is kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Satisfaction {
    /// Its number.
    satisfaction_id: i64,
    /// Who answered.
    answer_by: Option<String>,
    /// The survey.
    #[schema(example = "NPS [Venio]")]
    source_name: String,
    /// 1 CSAT, 2 NPS.
    #[schema(example = 2)]
    source_type: i64,
    /// Points.
    #[schema(example = 9)]
    point: i64,
    /// Free text.
    comment: Option<String>,
    /// When it was answered.
    #[schema(example = "2024-02-01T10:00:00+0700")]
    date_created: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct SatisfactionQuery {
    /// Number of an answer: only older ones are given. The `next` of a page is the `before` of the following one.
    before: Option<i64>,
    /// Answers a page: at most 200, default 20.
    take: Option<i64>,
}

/// Record one satisfaction answer (CSAT or NPS) of a customer.
#[utoipa::path(
    post,
    path = "/v3/customers/satisfaction",
    operation_id = "createCustomerSatisfaction",
    tag = "Customer",
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters; kept for 24 hours, per client")),
    request_body = SatisfactionWrite,
    responses((status = 200, description = "It is stored.", body = Envelope<Option<String>>)),
    security(("bearerAuth" = ["customer:write"], "subscriptionKey" = []))
)]
async fn create_customer_satisfaction(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<SatisfactionWrite>,
) -> Result<Reply<Option<String>>, Error> {
    let zone = time::zone(&mut app.db.read().await?, caller.company).await?;
    let answered_at = time::read(&input.date_created, &zone);
    check(&input, answered_at, Faults::new(faults))?;
    caller
        .write(&app, async |mut tx| {
            let customer = store::named_to_add(&mut tx, &caller, "CustomerCode", &input.customer_code, None).await?;
            let source = choice::ensure(&mut tx, caller.company, List::SatisfactionSources, &input.source_name).await?;
            insert(&mut tx, &caller, &input, (customer.id, source.id), answered_at.unwrap_or_default(), app.now())
                .await?;
            tx.reply(Reply::ok(None)).await
        })
        .await
}

/// List what a customer answered, the latest stored first.
#[utoipa::path(
    get,
    path = "/v3/customers/{customerCode}/satisfaction",
    operation_id = "listCustomerSatisfaction",
    tag = "Customer",
    params(CodePath, SatisfactionQuery),
    responses((status = 200, description = "One page of answers.", body = Envelope<Page<Satisfaction>>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn list_customer_satisfaction(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<CodePath>,
    Query(query): Query<SatisfactionQuery>,
) -> Result<Reply<Page<Satisfaction>>, Error> {
    let mut faults = Faults::default();
    let paging = Paging::read(None, query.take, None, faults.list());
    faults.end()?;
    let mut conn = app.db.read().await?;
    let customer = find(&mut conn, &caller, &path.customer_code).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let mut select = conn
        .sql(
            "select satisfaction.id, satisfaction.answer_by, choice.name as source, satisfaction.kind, satisfaction.point,
                    satisfaction.comment, satisfaction.answered_at
             from satisfaction
             join choice on choice.company = satisfaction.company and choice.list = 'satisfaction-sources'
                        and choice.id = satisfaction.source
             where satisfaction.company = $1 and satisfaction.customer = $2",
        )
        .bind(caller.company)
        .bind(customer.id);
    if let Some(before) = query.before {
        select = select.push(" and satisfaction.id < ").push_bind(before);
    }
    let rows: Vec<Row> = select.push(" order by satisfaction.id desc limit ").push_bind(paging.take + 1).all().await?;
    let value = rows.into_iter().map(|row| Satisfaction {
        satisfaction_id: row.id,
        answer_by: row.answer_by,
        source_name: row.source,
        source_type: row.kind,
        point: row.point,
        comment: row.comment,
        date_created: time::text(row.answered_at, &zone),
    });
    Ok(Reply::ok(Page::cut(value.collect(), paging.take, |answer| answer.satisfaction_id.to_string())))
}

#[derive(Debug, Deserialize)]
struct Row {
    id: i64,
    answer_by: Option<String>,
    source: String,
    kind: i64,
    point: i64,
    comment: Option<String>,
    answered_at: i64,
}

fn check(input: &SatisfactionWrite, answered_at: Option<i64>, mut faults: Faults) -> Result<(), Error> {
    faults.required("SourceName", &input.source_name, 200);
    faults.required("CustomerCode", &input.customer_code, 50);
    faults.required("DateCreated", &input.date_created, 50);
    faults.longest("AnswerBy", input.answer_by.as_deref().unwrap_or_default(), 300);
    faults.longest("Comment", input.comment.as_deref().unwrap_or_default(), 10_000);
    faults.one_of("SourceType", input.source_type, &[1, 2]);
    let most = if input.source_type == 1 { 5 } else { 10 };
    if !(1..=most).contains(&input.point) {
        faults.add(Code::OutOfRange, "Point", format!("Point must be from 1 to {most}"));
    }
    if answered_at.is_none() {
        faults.add(Code::InvalidFormat, "DateCreated", "DateCreated must be a time such as 2024-02-01 10:00:00");
    }
    faults.end()
}

async fn insert(
    tx: &mut Conn,
    caller: &Caller,
    input: &SatisfactionWrite,
    (customer, source): (i64, i64),
    answered_at: i64,
    now: i64,
) -> Result<(), db::Error> {
    let id = number::next(tx, caller.company, "satisfaction").await?;
    tx.sql(
        "insert into satisfaction (company, id, customer, source, kind, point, answer_by, comment, answered_at, created_by,
                                   created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(caller.company)
    .bind(id)
    .bind(customer)
    .bind(source)
    .bind(input.source_type)
    .bind(input.point)
    .bind(input.answer_by.as_deref())
    .bind(input.comment.as_deref())
    .bind(answered_at)
    .bind(&caller.id)
    .bind(now)
    .later()
    .await
}
