//! Reports: figures of a period, out of what is added up while things happen, never by going through the records.
//!
//! A report is data: figures over measures. What adds a measure up is a source ([`tally`]); a new report over measures that
//! are there is a few lines in `REPORTS`, and one over other records a file like `satisfaction` besides.

mod chat;
mod figures;
mod records;
mod satisfaction;
pub(crate) mod sold;
pub mod tally;

use std::collections::HashMap;

use axum::extract::State;
use db::{Amount, Conn};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::check::Faults;
use crate::http::{Caller, Code, Envelope, Error, Listing, Path, Query, Reply};
use crate::setting::choice;
use crate::setting::list::List;
use crate::staff::known;
use crate::time;
use figures::{By, Figure, Span};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_reports)).routes(routes!(get_report))
}

/// A report.
#[derive(Debug)]
struct Report {
    /// Its name in the path.
    name: &'static str,
    /// What it tells, in a sentence.
    about: &'static str,
    /// What its rows may be told apart by; the first is what they are told apart by unless asked otherwise.
    groups: &'static [By],
    figures: &'static [Figure],
}

/// Every report.
const REPORTS: &[Report] = &[
    Report {
        name: "messages",
        about: "Messages from customers and to them.",
        groups: &[By::Day, By::Hour, By::Weekday, By::Week, By::Month, By::Channel, By::Nothing],
        figures: chat::MESSAGES,
    },
    Report {
        name: "first-response",
        about: "How long customers waited for the first answer, counted when it was given.",
        groups: &[By::Day, By::Hour, By::Weekday, By::Week, By::Month, By::Channel, By::Nothing],
        figures: chat::RESPONSES,
    },
    Report {
        name: "open-rooms",
        about: "Rooms in which a customer waits for an answer, at the end of each day or period.",
        groups: &[By::Day, By::Week, By::Month, By::Channel, By::Nothing],
        figures: chat::OPEN,
    },
    Report {
        name: "satisfaction",
        about: "What customers think, by their answers: CSAT from 1 to 5, NPS from 1 to 10.",
        groups: &[By::Month, By::Day, By::Week, By::Nothing],
        figures: satisfaction::FIGURES,
    },
    Report {
        name: "cases",
        about: "Cases by category: raised, resolved (on average after so many seconds), open, and whether their targets were kept.",
        groups: &[By::Entry("category", List::CaseCategories), By::Day, By::Week, By::Month, By::Weekday, By::Nothing],
        figures: records::OF_CASES,
    },
    Report {
        name: "activities",
        about: "Activities by person, at their time: planned, done, cancelled, made without a plan; visits with their average seconds.",
        groups: &[By::Person, By::Day, By::Week, By::Month, By::Weekday, By::Hour, By::Nothing],
        figures: records::OF_ACTIVITIES,
    },
    Report {
        name: "activity-types",
        about: "Activities by type, at their time: planned, done, cancelled.",
        groups: &[By::Entry("type", List::ActivityTypes), By::Day, By::Week, By::Month, By::Nothing],
        figures: records::OF_KINDS,
    },
    Report {
        name: "deals",
        about: "Deals by person in charge: offered, won and missed with their value; of those that ended the percentage that was won.",
        groups: &[By::Person, By::Day, By::Week, By::Month, By::Nothing],
        figures: records::OF_DEALS,
    },
    Report {
        name: "pipeline",
        about: "Deals by stage: entered with their value, in it at the end of the period; of those that left it the percentage that went on.",
        groups: &[By::Entry("stage", List::Stages), By::Day, By::Week, By::Month, By::Nothing],
        figures: records::OF_STAGES,
    },
    Report {
        name: "expenses",
        about: "Expenses by type, at the day on which the money was spent: claimed and approved.",
        groups: &[By::Number("type"), By::Day, By::Week, By::Month, By::Nothing],
        figures: records::OF_EXPENSES,
    },
];

/// The longest period, in days.
const LONGEST: i64 = 5 * 366;

/// A report that can be asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReportKind {
    /// Its name.
    #[schema(example = "messages")]
    name: &'static str,
    /// What it tells.
    #[schema(example = "Messages from customers and to them.")]
    description: &'static str,
    /// What its rows may be told apart by; the first one unless asked otherwise.
    #[schema(example = json!(["day", "hour", "channel"]))]
    group_by: Vec<&'static str>,
    /// Its figures.
    #[schema(example = json!(["fromCustomers", "toCustomers"]))]
    figures: Vec<&'static str>,
}

/// One figure of one group.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportRow {
    /// The day, the hour, the channel, or whatever the rows are told apart by.
    #[schema(example = "2025-01-29")]
    pub(crate) group: String,
    /// What a category, a type, a stage or a person is called; the group of a person is the user id.
    pub(crate) group_name: Option<String>,
    /// Which figure.
    #[schema(example = "fromCustomers")]
    pub(crate) figure: String,
    /// How many.
    #[schema(example = 42)]
    pub(crate) count: i64,
    /// The average: seconds of a time, points of an answer, percent of a conversion, money; null for what is only counted.
    #[schema(example = 95.5)]
    pub(crate) average: Option<f64>,
    /// The sum, of amounts of money.
    #[schema(value_type = Option<f64>)]
    pub(crate) total: Option<Amount>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ReportPath {
    /// The report's name: as the list of reports has it.
    name: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct ReportFilter {
    /// The first day, in the company's zone; 29 days before the last one when it is absent.
    from: Option<String>,
    /// The last day; today when it is absent.
    to: Option<String>,
    /// What the rows are told apart by.
    group_by: Option<String>,
}

/// List the reports.
#[utoipa::path(
    get,
    path = "/v1/reports",
    operation_id = "listReports",
    tag = "Report",
    responses((status = 200, description = "Every report.", body = Envelope<Listing<ReportKind>>)),
    security(("bearerAuth" = ["report:read"]))
)]
async fn list_reports(_: Caller) -> Result<Reply<Listing<ReportKind>>, Error> {
    let kinds: Vec<ReportKind> = REPORTS
        .iter()
        .map(|report| ReportKind {
            name: report.name,
            description: report.about,
            group_by: report.groups.iter().map(|by| by.word()).collect(),
            figures: report.figures.iter().map(|figure| figure.name).collect(),
        })
        .collect();
    let total = i64::try_from(kinds.len()).unwrap_or_default();
    Ok(Reply::ok(Listing::new(kinds, total)))
}

/// Read a report: the figures of a period, group by group. What happened in the last minute or two is not in it yet.
#[utoipa::path(
    get,
    path = "/v1/reports/{name}",
    operation_id = "getReport",
    tag = "Report",
    params(ReportPath, ReportFilter),
    responses((status = 200, description = "The figures.", body = Envelope<Listing<ReportRow>>)),
    security(("bearerAuth" = ["report:read"]))
)]
async fn get_report(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ReportPath>,
    Query(filter): Query<ReportFilter>,
) -> Result<Reply<Listing<ReportRow>>, Error> {
    let report = REPORTS.iter().find(|report| report.name.eq_ignore_ascii_case(path.name.trim()));
    let report = report.ok_or(Error::NotFound("report"))?;
    let mut conn = app.db.read().await?;
    let zone = time::zone(&mut conn, caller.company).await?;
    let today = time::day_of(app.now(), &zone);
    let mut faults = Faults::default();
    let mut day = |field: &str, text: &Option<String>| -> Option<Date> {
        let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
        let day = time::read_day(text);
        if day.is_none() {
            faults.add(Code::InvalidFormat, field, format!("{field} must be a day such as 2025-01-29"));
        }
        day
    };
    let (from, to) = (day("from", &filter.from), day("to", &filter.to).unwrap_or(today));
    let from = from.or_else(|| to.checked_sub(jiff::Span::new().days(29)).ok()).unwrap_or(to);
    let length = to.since(from).map_or(i64::MAX, |span| i64::from(span.get_days()));
    if !(0..LONGEST).contains(&length) {
        faults.add(
            Code::InvalidValue,
            "to",
            format!("to must not be before from, nor more than {LONGEST} days after it"),
        );
    }
    let words: Vec<(&str, By)> = report.groups.iter().map(|by| (by.word(), *by)).collect();
    let by = faults.choice("groupBy", filter.group_by.as_deref(), &words);
    faults.end()?;
    let by = by.or_else(|| report.groups.first().copied()).unwrap_or(By::Day);
    let mut rows = figures::read(&mut conn, caller.company, report.figures, by, Span { from, to }).await?;
    name_groups(&mut conn, caller.company, by, &mut rows).await?;
    let total = i64::try_from(rows.len()).unwrap_or_default();
    Ok(Reply::ok(Listing::new(rows, total)))
}

/// Says what the groups are called, where they are entries of a list or people.
async fn name_groups(conn: &mut Conn, company: i64, by: By, rows: &mut [ReportRow]) -> Result<(), Error> {
    let names: HashMap<String, String> = match by {
        By::Entry(_, list) => {
            let all = choice::all(conn, company, list).await?;
            all.into_iter().map(|entry| (entry.id.to_string(), entry.name)).collect()
        }
        By::Person => {
            let people = rows.iter().filter_map(|row| Uuid::parse_str(&row.group).ok());
            let known = known::by_ids(conn, company, people).await?;
            known.into_iter().map(|(id, known)| (id.to_string(), known.fullname())).collect()
        }
        _ => return Ok(()),
    };
    for row in rows {
        row.group_name = names.get(&row.group).cloned();
    }
    Ok(())
}
