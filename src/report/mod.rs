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
use crate::http::caller::Range;
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
    /// The scope that reads what it counts.
    scope: &'static str,
    /// What it tells, in a sentence.
    about: &'static str,
    /// What its rows may be told apart by; the first is what they are told apart by unless asked otherwise.
    groups: &'static [By],
    figures: &'static [Figure],
}

impl Report {
    /// What its rows may be told apart by for this caller; by nothing when it counts records that the caller may not see.
    /// Whoever sees some people's records gets the figures of those people.
    fn groups_for(&self, caller: &Caller) -> Vec<By> {
        let kept = caller.person.as_ref().is_some_and(|person| person.accounts.is_some());
        match caller.range() {
            _ if kept && self.scope == "chat:read" => Vec::new(),
            Range::All => self.groups.to_vec(),
            _ => self.groups.iter().copied().filter(|by| *by == By::Person).collect(),
        }
    }
}

/// Every report.
const REPORTS: &[Report] = &[
    Report {
        name: "messages",
        scope: "chat:read",
        about: "Messages from customers and to them.",
        groups: &[By::Day, By::Hour, By::Weekday, By::Week, By::Month, By::Channel, By::Nothing],
        figures: chat::MESSAGES,
    },
    Report {
        name: "first-response",
        scope: "chat:read",
        about: "How long customers waited for the first answer, counted when it was given.",
        groups: &[By::Day, By::Hour, By::Weekday, By::Week, By::Month, By::Channel, By::Nothing],
        figures: chat::RESPONSES,
    },
    Report {
        name: "open-rooms",
        scope: "chat:read",
        about: "Rooms in which a customer waits for an answer, at the end of each day or period.",
        groups: &[By::Day, By::Week, By::Month, By::Channel, By::Nothing],
        figures: chat::OPEN,
    },
    Report {
        name: "satisfaction",
        scope: "customer:read",
        about: "What customers think, by their answers: CSAT from 1 to 5, NPS from 1 to 10.",
        groups: &[By::Month, By::Day, By::Week, By::Nothing],
        figures: satisfaction::FIGURES,
    },
    Report {
        name: "cases",
        scope: "case:read",
        about: "Cases by category: raised, resolved (on average after so many seconds), open, and whether their targets were kept.",
        groups: &[By::Entry("category", List::CaseCategories), By::Day, By::Week, By::Month, By::Weekday, By::Nothing],
        figures: records::OF_CASES,
    },
    Report {
        name: "activities",
        scope: "activity:read",
        about: "Activities by person, at their time: planned, done, cancelled, made without a plan; visits with their average seconds.",
        groups: &[By::Person, By::Day, By::Week, By::Month, By::Weekday, By::Hour, By::Nothing],
        figures: records::OF_ACTIVITIES,
    },
    Report {
        name: "activity-types",
        scope: "activity:read",
        about: "Activities by type, at their time: planned, done, cancelled.",
        groups: &[By::Entry("type", List::ActivityTypes), By::Day, By::Week, By::Month, By::Nothing],
        figures: records::OF_KINDS,
    },
    Report {
        name: "deals",
        scope: "deal:read",
        about: "Deals by person in charge: offered, won and missed with their value; of those that ended the percentage that was won.",
        groups: &[By::Person, By::Day, By::Week, By::Month, By::Nothing],
        figures: records::OF_DEALS,
    },
    Report {
        name: "pipeline",
        scope: "deal:read",
        about: "Deals by stage: entered with their value, in it at the end of the period; of those that left it the percentage that went on.",
        groups: &[By::Entry("stage", List::Stages), By::Day, By::Week, By::Month, By::Nothing],
        figures: records::OF_STAGES,
    },
    Report {
        name: "expenses",
        scope: "expense:read",
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

/// List the reports that the caller may read.
#[utoipa::path(
    get,
    path = "/v1/reports",
    operation_id = "listReports",
    tag = "Report",
    responses((status = 200, description = "The reports.", body = Envelope<Listing<ReportKind>>)),
    security(("bearerAuth" = ["report:read"]))
)]
async fn list_reports(caller: Caller) -> Result<Reply<Listing<ReportKind>>, Error> {
    let kinds: Vec<ReportKind> = REPORTS
        .iter()
        .filter(|report| caller.scopes.iter().any(|scope| scope == report.scope))
        .map(|report| (report, report.groups_for(&caller)))
        .filter(|(_, groups)| !groups.is_empty())
        .map(|(report, groups)| ReportKind {
            name: report.name,
            description: report.about,
            group_by: groups.into_iter().map(By::word).collect(),
            figures: report.figures.iter().map(|figure| figure.name).collect(),
        })
        .collect();
    let total = i64::try_from(kinds.len()).unwrap_or_default();
    Ok(Reply::ok(Listing::new(kinds, total)))
}

/// Read a report: the figures of a period, group by group. What happened in the last minute or two is not in it yet.
///
/// It needs the scope to read what is counted as well: `deal:read`, `chat:read`, … A person who does not see everybody's
/// records gets activities and deals by person, of those people whose records he sees; anything else is 403.
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
    if !caller.scopes.iter().any(|scope| scope == report.scope) {
        return Err(Error::Forbidden(report.scope.to_owned()));
    }
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
    if !report.groups_for(&caller).contains(&by) {
        return Err(Error::BeyondRange(
            "The report counts records that you may not see; of activities and deals you may read the figures by person",
        ));
    }
    let mut rows = figures::read(&mut conn, caller.company, report.figures, by, Span { from, to }).await?;
    name_groups(&mut conn, &caller, by, &mut rows).await?;
    let total = i64::try_from(rows.len()).unwrap_or_default();
    Ok(Reply::ok(Listing::new(rows, total)))
}

/// Says what the groups are called, where they are entries of a list or people; of people only those within the range.
async fn name_groups(conn: &mut Conn, caller: &Caller, by: By, rows: &mut Vec<ReportRow>) -> Result<(), Error> {
    let company = caller.company;
    let names: HashMap<String, String> = match by {
        By::Entry(_, list) => {
            let all = choice::all(conn, company, list).await?;
            all.into_iter().map(|entry| (entry.id.to_string(), entry.name)).collect()
        }
        By::Person => {
            let people = rows.iter().filter_map(|row| Uuid::parse_str(&row.group).ok());
            let mut known = known::by_ids(conn, company, people).await?;
            match caller.range() {
                Range::All => {}
                Range::Own { user } => known.retain(|id, _| *id == user),
                Range::Team { user, team } => known.retain(|id, known| *id == user || known.team == team),
            }
            if caller.range() != Range::All {
                rows.retain(|row| Uuid::parse_str(&row.group).is_ok_and(|id| known.contains_key(&id)));
            }
            known.into_iter().map(|(id, known)| (id.to_string(), known.fullname())).collect()
        }
        _ => return Ok(()),
    };
    for row in rows {
        row.group_name = names.get(&row.group).cloned();
    }
    Ok(())
}
