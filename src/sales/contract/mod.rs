//! Contracts: what was agreed with a customer for how long, what services it promises, and when these are due.

mod enquiry;
mod file;
mod lookup;
mod put;
mod row;
mod run;
mod send;
mod service;
mod taken;

use axum::extract::State;
use db::{Amount, Conn};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::lookup::first_template;
pub use self::row::Contract;
pub(crate) use self::row::Row;
pub(crate) use self::run::run;
pub use self::service::ContractServiceDto;
pub(crate) use self::taken::take;

use crate::app::App;
use crate::http::reply::One;
use crate::http::{Caller, Checked, Conditions, Envelope, Error, Faults, Patch, Path, Reply, lenient};
use crate::record::{self, Actor};
use crate::search;
use crate::time;

/// What stands in paths where the number of a contract may: no new contract gets it.
const PATH_WORDS: [&str; 9] = [
    "attach-files",
    "contract-templates",
    "contract-types",
    "enquiry",
    "send",
    "send-document",
    "service-agreement",
    "templates",
    "types",
];

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_contract))
        .routes(routes!(put_contract))
        .routes(routes!(put_service_agreement))
        .routes(routes!(cancel_contract))
        .routes(routes!(get_contract_visits))
        .merge(lookup::routes())
        .merge(send::routes())
        .merge(enquiry::routes())
        .merge(file::routes())
}

/// A contract to create, or to change when its number is known: what is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractWrite {
    /// Its number; the next one when absent or null.
    #[schema(example = "CONT250600006")]
    contract_no: Option<String>,
    /// What it is called.
    #[schema(value_type = String, example = "test contract open api 3")]
    contract_name: Option<String>,
    /// Name of its type; a new one is made.
    #[schema(value_type = String, example = "MA")]
    contract_type: Option<String>,
    /// What it is worth.
    #[schema(value_type = Option<f64>, example = 2000)]
    contract_value: Patch<Amount>,
    /// The customer's code.
    #[schema(value_type = String, example = "L000308")]
    customer_code: Option<String>,
    /// Its first day; without an offset it is the company's time.
    #[schema(value_type = String, example = "2025-06-18 00:00:00")]
    date_start: Option<String>,
    /// Its last day: midnight is the whole day.
    #[schema(value_type = String, example = "2026-06-18 21:37:51")]
    date_end: Option<String>,
    /// Description.
    #[schema(value_type = Option<String>)]
    description: Patch<String>,
    /// Staff code of the employee whose contract it is.
    #[schema(value_type = String, example = "UAT007")]
    owner: Option<String>,
    /// A service agreement: that of the same subject is changed, any other is added.
    contract_service: Option<ContractServiceWrite>,
    /// So many days before its end its owner is reminded: 30 unless told, 0 for never.
    #[schema(example = 30)]
    remind_days_before_end: Option<i64>,
}

/// A service agreement of a contract.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractServiceWrite {
    /// 260001 yearly, 260002 quarterly, 260003 monthly, 260004 weekly, 260005 custom.
    #[schema(value_type = i64, example = 260_001)]
    frequency: Option<i64>,
    /// What is done.
    #[schema(value_type = String, example = "test frequency open api")]
    subject: Option<String>,
    /// How many times in each of these periods; of a custom one, in all.
    #[schema(value_type = i64, example = 1)]
    number_of_times: Option<i64>,
    /// Note of the agreement.
    agreement_note: Option<String>,
}

/// A service agreement to add, or to change when its id is given.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractServiceAgreementWrite {
    /// Number of the contract.
    #[schema(value_type = String, example = "CONT250600006")]
    contract_no: Option<String>,
    /// Id of the agreement to change; absent or null adds one.
    contract_service_id: Option<i64>,
    /// 260001 yearly, 260002 quarterly, 260003 monthly, 260004 weekly, 260005 custom.
    #[schema(value_type = i64, example = 260_001)]
    frequency: Option<i64>,
    /// What is done.
    #[schema(value_type = String)]
    subject: Option<String>,
    /// How many times in each of these periods; of a custom one, in all.
    #[schema(value_type = i64, example = 1)]
    number_of_times: Option<i64>,
    /// Note of the agreement.
    agreement_note: Option<String>,
}

/// Why a contract ends before its time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractCancel {
    /// In words.
    #[schema(example = "The customer has closed the branch")]
    reason: Option<String>,
}

/// A visit that a service agreement promises.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContractVisit {
    /// Id of the agreement.
    contract_service_id: i64,
    /// What is done.
    subject: String,
    /// Its day.
    #[schema(example = "2025-06-18 00:00:00")]
    date_due: String,
    /// Number of its task, which is made 30 days before its day.
    task_no: Option<String>,
    /// Status of that task.
    #[schema(example = "open")]
    task_status: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ContractPath {
    /// Number of the contract, in any letter case.
    #[param(example = "CONT250600006")]
    no: String,
}

/// Read one contract by its number.
#[utoipa::path(
    get,
    path = "/v1/contract/{no}",
    operation_id = "getContractByNo",
    tag = "Contract",
    params(ContractPath, Conditions),
    responses((status = 200, description = "The contract.", body = Envelope<Contract>)),
    security(("bearerAuth" = ["contract:read"]))
)]
async fn get_contract(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ContractPath>,
) -> Result<Reply<Contract>, Error> {
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, &caller, &path.no).await?;
    let view = file::with_files(&app, &mut conn, row.clone()).await?;
    Ok(Reply::ok(view).version(row.version, &conditions))
}

/// The contract of this number; 404 without.
async fn find(conn: &mut Conn, caller: &Caller, number: &str) -> Result<Row, Error> {
    record::find(conn, caller, "number_key", put::number_key(number)).await
}

/// Create a contract, or change the one with the given number.
#[utoipa::path(
    post,
    path = "/v1/contract",
    operation_id = "createOrUpdateContract",
    tag = "Contract",
    params(Conditions),
    request_body = ContractWrite,
    responses((status = 200, description = "The contract.", body = Envelope<Contract>)),
    security(("bearerAuth" = ["contract:write"]))
)]
async fn put_contract(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Checked { value: input, faults }: Checked<ContractWrite>,
) -> Result<Reply<Contract>, Error> {
    let faults = Faults::new(faults);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let saved = put::put(&mut tx, &by, &input, &conditions, faults.clone()).await?;
            let version = saved.row.version;
            let view = file::with_files(&app, &mut tx, saved.row).await?;
            tx.reply(Reply::ok(view).version(version, &Conditions::default())).await
        })
        .await
}

/// Enters a contract as a request would, for who has no request.
pub(crate) async fn enter(tx: &mut Conn, by: &Actor, body: Value) -> Result<(), Error> {
    let input: ContractWrite = lenient::decode_value(&body).map_err(Error::Invalid)?;
    put::put(tx, by, &input, &Conditions::default(), Faults::default()).await.map(drop)
}

/// Add a service agreement to a contract, or change one.
#[utoipa::path(
    post,
    path = "/v1/contract/service-agreement",
    operation_id = "createOrUpdateContractServiceAgreement",
    tag = "Contract",
    request_body = ContractServiceAgreementWrite,
    responses((status = 200, description = "The agreement.", body = Envelope<ContractServiceDto>)),
    security(("bearerAuth" = ["contract:write"]))
)]
async fn put_service_agreement(
    State(app): State<App>,
    caller: Caller,
    Checked { value: input, faults }: Checked<ContractServiceAgreementWrite>,
) -> Result<Reply<ContractServiceDto>, Error> {
    let faults = Faults::new(faults);
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            let (saved, id) = put::put_service(&mut tx, &by, &input, faults.clone()).await?;
            let agreement = saved.row.services.into_iter().flatten().find(|service| service.id == id);
            let agreement = agreement.ok_or_else(|| Error::Internal(format!("agreement {id} was not saved")))?;
            tx.reply(Reply::ok(ContractServiceDto::from(agreement))).await
        })
        .await
}

/// End a contract before its time: its open tasks from today on are cancelled, that of its renewal as well.
#[utoipa::path(
    post,
    path = "/v1/contract/{no}/cancel",
    operation_id = "cancelContract",
    tag = "Contract",
    params(ContractPath, Conditions),
    request_body = ContractCancel,
    responses((status = 200, description = "The contract.", body = Envelope<Contract>)),
    security(("bearerAuth" = ["contract:write"]))
)]
async fn cancel_contract(
    State(app): State<App>,
    caller: Caller,
    conditions: Conditions,
    Path(path): Path<ContractPath>,
    Checked { value: input, faults }: Checked<ContractCancel>,
) -> Result<Reply<Contract>, Error> {
    let mut faults = Faults::new(faults);
    let reason = input.reason.map(|text| search::trimmed(&text).to_owned()).filter(|text| !text.is_empty());
    faults.longest("reason", reason.as_deref().unwrap_or_default(), 2000);
    faults.end()?;
    caller
        .write(&app, async |mut tx| {
            let by = tx.actor();
            put::hold_customer(&mut tx, caller.company, &path.no).await?;
            let number = put::number_key(&path.no);
            let old: Row = record::held(&mut tx, &caller, "number_key", number, &conditions).await?;
            let saved = put::cancel(&mut tx, &by, old, reason.clone()).await?;
            let version = saved.row.version;
            let view = file::with_files(&app, &mut tx, saved.row).await?;
            tx.reply(Reply::ok(view).version(version, &Conditions::default())).await
        })
        .await
}

/// List the visits that the service agreements of a contract promise, in the order of their days.
#[utoipa::path(
    get,
    path = "/v1/contract/{no}/visits",
    operation_id = "getContractVisits",
    tag = "Contract",
    params(ContractPath),
    responses((status = 200, description = "The visits: at most 2,000.", body = Envelope<One<Vec<ContractVisit>>>)),
    security(("bearerAuth" = ["contract:read"]))
)]
async fn get_contract_visits(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ContractPath>,
) -> Result<Reply<One<Vec<ContractVisit>>>, Error> {
    #[derive(Deserialize)]
    struct Found {
        service: i64,
        due_at: i64,
        task: Option<String>,
        status: Option<String>,
    }
    let mut conn = app.db.read().await?;
    let row = find(&mut conn, &caller, &path.no).await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let found: Vec<Found> = conn
        .sql(
            "select contract_visit.service, contract_visit.due_at, contract_visit.task, task.status
             from contract_visit
             left join task on task.company = contract_visit.company and task.number = contract_visit.task
             where contract_visit.company = $1 and contract_visit.contract = $2 and contract_visit.service <> $3
             order by contract_visit.due_at, contract_visit.service limit 2000",
        )
        .bind(caller.company)
        .bind(row.id)
        .bind(service::RENEWAL)
        .all()
        .await?;
    let subject = |id: i64| row.services.iter().flatten().find(|one| one.id == id).map(|one| one.subject.clone());
    let view = |found: Found| ContractVisit {
        contract_service_id: found.service,
        subject: subject(found.service).unwrap_or_default(),
        date_due: service::text(found.due_at, &zone),
        task_no: found.task,
        task_status: found.status,
    };
    Ok(Reply::ok(One { value: found.into_iter().map(view).collect() }))
}
