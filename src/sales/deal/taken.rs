//! A deal that comes from another server, as it is stored there. Board, stage, interests and reason are known by their names.

use db::{Amount, Conn};
use serde::Deserialize;
use serde_json::Value;

use super::stage::{self, Spot, Stage};
use super::store::{self, Numbers, Row};
use super::{MISSED, OPEN, WON, number_key, plan};
use crate::http::{Code, Error, Faults, lenient};
use crate::record::{self, Actor, Outcome};
use crate::sales::find_customer;
use crate::sales::taken::text;
use crate::setting::choice;
use crate::setting::list::List;
use crate::staff::known;
use crate::time::{self, Zone};

/// A deal in answers: in that for one, and in a list, which shows some of it under other names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DealTaken {
    deal_no: Option<String>,
    deals_name: Option<String>,
    deals_value: Option<Amount>,
    deal_quantity: Option<Amount>,
    measure: Option<Amount>,
    deal_quantity_unit: Option<String>,
    status_id: Option<i64>,
    deals_index: Option<i64>,
    probability: Option<i64>,
    deals_date: Option<String>,
    expected_close_date: Option<String>,
    date_closed: Option<String>,
    date_follow_up: Option<String>,
    follow_up_notes: Option<String>,
    notes: Option<String>,
    remark: Option<String>,
    board_name: Option<String>,
    deal_stage: Option<StageTaken>,
    deal_stage_name: Option<String>,
    customer: Option<CustomerTaken>,
    customer_code: Option<String>,
    deals_interests: Option<Vec<InterestTaken>>,
    deals_labels: Option<Vec<LabelTaken>>,
    labels: Option<Vec<String>>,
    reason_category_name: Option<String>,
    assign_to: Option<String>,
    participant_codes: Option<Vec<String>>,
    create_by_user_id: Option<String>,
    date_created: Option<String>,
    date_modified: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StageTaken {
    deal_stage_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomerTaken {
    customer_code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InterestTaken {
    interest_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LabelTaken {
    label_name: Option<String>,
}

/// How a stage is called here whose name is already that of a stage of another board.
pub(crate) fn name_on_board(stage: &str, board: &str) -> String {
    format!("{stage} ({board})")
}

/// Writes a deal as another server has it: its number, value, stage and dates stay, nobody is told, and no task to follow it
/// up is made.
pub(crate) async fn take(tx: &mut Conn, by: &Actor, record: &Value) -> Result<Outcome, Error> {
    let given: DealTaken = lenient::decode_value(record).map_err(Error::Invalid)?;
    let company = by.caller.company;
    let zone = time::zone(tx, company).await?;
    let mut faults = Faults::default();
    let number = text(given.deal_no.as_deref()).unwrap_or_default();
    faults.required("dealNo", &number, 50);
    let customer = given.customer.as_ref().and_then(|customer| customer.customer_code.as_deref());
    let customer = customer.or(given.customer_code.as_deref());
    let own: Option<i64> = tx
        .sql("select customer from deal where company = $1 and number_key = $2")
        .bind(company)
        .bind(number_key(&number))
        .optional()
        .await?;
    let customer = find_customer(tx, &by.caller, customer, own, &mut faults).await?;
    if customer.is_none() {
        faults.add(Code::Required, "customerCode", "customerCode is required");
    }
    let stage = find_stage(tx, company, &given, &mut faults).await?;
    let old: Option<Row> = record::held_to_take(tx, &by.caller, number_key(&number)).await?;
    let mut row = old.clone().unwrap_or_else(|| plan::blank(by));
    row.customer = customer.unwrap_or(row.customer);
    fill(&mut row, &given, &zone, &mut faults);
    people(tx, &mut row, &given, &mut faults).await?;
    lists(tx, &mut row, &given, &mut faults).await?;
    faults.end()?;
    let stage = stage.ok_or(Error::NotFound("stage"))?;
    if old.is_none() {
        plan::number(tx, &mut row, Some(&number)).await?;
    }
    let entered = settle(tx, by, &mut row, &given, &stage, &zone).await?;
    let saved = record::take_over(tx, by, old.clone(), row).await?;
    if saved.outcome != Outcome::Unchanged {
        store::link(tx, old.as_ref(), &saved.row).await?;
        if old.as_ref().is_none_or(|old| old.stage != saved.row.stage) {
            let then = Actor { caller: by.caller.clone(), now: entered };
            stage::enter(tx, &then, &saved.row, old.is_none()).await?;
        }
    }
    Ok(saved.outcome)
}

/// The stage of this name on the board of this name, held.
async fn find_stage(
    tx: &mut Conn,
    company: i64,
    given: &DealTaken,
    faults: &mut Faults,
) -> Result<Option<Stage>, Error> {
    let told = given.deal_stage.as_ref().and_then(|stage| text(stage.deal_stage_name.as_deref()));
    let Some(name) = told.or_else(|| text(given.deal_stage_name.as_deref())) else {
        faults.add(Code::Required, "dealStageName", "dealStageName is required");
        return Ok(None);
    };
    let board = match text(given.board_name.as_deref()) {
        Some(name) => {
            let known = choice::by_name(tx, company, List::Boards, &name).await?;
            if known.is_none() {
                faults.add(Code::NotFound, "boardName", format!("boardName “{name}” is not in boards"));
                return Ok(None);
            }
            known
        }
        None => None,
    };
    let names = [Some(name.clone()), board.as_ref().map(|board| name_on_board(&name, &board.name))];
    let names: Vec<String> = names.into_iter().flatten().map(|name| choice::key(&name)).collect();
    let stages = stage::stages(tx, company, board.map(|board| board.id)).await?;
    let found = stages.iter().find(|stage| names.contains(&choice::key(&stage.name)));
    match found {
        Some(stage) => stage::hold(tx, company, stage.id).await,
        None => {
            let message = format!("dealStageName “{name}” is not a stage of this board");
            faults.add(Code::NotFound, "dealStageName", message);
            Ok(None)
        }
    }
}

fn fill(row: &mut Row, given: &DealTaken, zone: &Zone, faults: &mut Faults) {
    row.name = text(given.deals_name.as_deref()).unwrap_or_default();
    faults.required("dealsName", &row.name, 300);
    row.name_key = crate::search::fold(&row.name);
    row.value = given.deals_value.unwrap_or_default();
    row.probability = given.probability.unwrap_or_default();
    faults.range("probability", given.probability, 0..=100);
    row.quantity = given.deal_quantity.or(given.measure.filter(|whole| *whole != Amount::ZERO));
    row.unit = text(given.deal_quantity_unit.as_deref());
    row.note = text(given.notes.as_deref());
    row.remark = text(given.remark.as_deref());
    row.follow_up_note = text(given.follow_up_notes.as_deref());
    row.follow_up_at = faults.time("dateFollowUp", given.date_follow_up.as_deref(), zone);
    row.deal_at = faults.time("dealsDate", given.deals_date.as_deref(), zone).unwrap_or(row.deal_at);
    let close = faults.time("expectedCloseDate", given.expected_close_date.as_deref(), zone);
    row.close_at = close.unwrap_or(row.close_at);
    row.created_at = faults.time("dateCreated", given.date_created.as_deref(), zone).unwrap_or(row.created_at);
}

async fn people(tx: &mut Conn, row: &mut Row, given: &DealTaken, faults: &mut Faults) -> Result<(), Error> {
    let owner: Vec<(String, &str)> =
        given.assign_to.iter().map(|code| ("assignTo".to_owned(), code.as_str())).collect();
    let others = given.participant_codes.iter().flatten().enumerate();
    let others: Vec<(String, &str)> =
        others.map(|(index, code)| (format!("participantCodes[{index}]"), code.as_str())).collect();
    let codes = owner.iter().chain(&others).map(|(_, code)| *code).chain(given.create_by_user_id.as_deref());
    let codes: Vec<&str> = codes.collect();
    let found = known::by_codes(tx, row.company, codes).await?;
    match known::ids_in(&found, faults, &owner).first() {
        Some(id) => row.owner = *id,
        None => faults.add(Code::Required, "assignTo", "assignTo is required"),
    }
    row.participants = known::ids_in(&found, faults, &others);
    if let Some(user) = known::maker(&found, given.create_by_user_id.as_deref()) {
        row.created_by = user.to_string();
    }
    Ok(())
}

/// Interests and the reason must be in their lists; labels are made when they are new, as always.
async fn lists(tx: &mut Conn, row: &mut Row, given: &DealTaken, faults: &mut Faults) -> Result<(), Error> {
    let company = row.company;
    let mut interests = Vec::new();
    for (index, one) in given.deals_interests.iter().flatten().enumerate() {
        let Some(name) = text(one.interest_name.as_deref()) else { continue };
        match choice::by_name(tx, company, List::Interests, &name).await? {
            Some(found) => interests.push(found.id),
            None => {
                let field = format!("dealsInterests[{index}]");
                let message = format!("{field} “{name}” is not in {}", List::Interests.path());
                faults.add(Code::NotFound, field, message);
            }
        }
    }
    let mut labels = Vec::new();
    let full = given.deals_labels.iter().flatten().filter_map(|one| text(one.label_name.as_deref()));
    let full: Vec<String> = full.collect();
    let names = if given.deals_labels.is_some() { full } else { given.labels.clone().unwrap_or_default() };
    for name in names.iter().filter(|name| List::Labels.takes(name)) {
        let label = choice::ensure(tx, company, List::Labels, name).await?.id;
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    (row.interests, row.labels) = (Numbers(interests), Numbers(labels));
    row.reason = match text(given.reason_category_name.as_deref()) {
        None => None,
        Some(name) => {
            let found = choice::by_name(tx, company, List::MissedReasons, &name).await?;
            if found.is_none() {
                let message = format!("reasonCategoryName “{name}” is not in {}", List::MissedReasons.path());
                faults.add(Code::NotFound, "reasonCategoryName", message);
            }
            found.map(|found| found.id)
        }
    };
    Ok(())
}

/// Puts a row into its stage, which is held, and answers since when it is there.
async fn settle(
    tx: &mut Conn,
    by: &Actor,
    row: &mut Row,
    given: &DealTaken,
    stage: &Stage,
    zone: &Zone,
) -> Result<i64, Error> {
    let entered = row.stage != stage.id;
    if entered {
        row.place = match given.deals_index {
            Some(place) if is_free(tx, row.company, stage.id, place).await? => place,
            _ => stage::place(tx, row.company, stage.id, row.id, Spot::End).await?,
        };
    }
    (row.board, row.stage) = (stage.board, stage.id);
    row.status = given.status_id.filter(|status| [OPEN, WON, MISSED].contains(status)).unwrap_or(stage.status);
    let read = |text: &Option<String>| text.as_deref().and_then(|text| time::read(text, zone));
    let changed = read(&given.date_modified).unwrap_or(row.created_at);
    row.closed_at = match (row.status, read(&given.date_closed)) {
        (OPEN, _) => None,
        (_, Some(closed)) => Some(closed),
        (_, None) => Some(row.closed_at.unwrap_or(changed)),
    };
    if entered {
        row.stage_at = row.closed_at.unwrap_or(changed).min(by.now);
    }
    Ok(row.stage_at)
}

/// Whether no deal has this place in a stage.
async fn is_free(tx: &mut Conn, company: i64, stage: i64, place: i64) -> Result<bool, Error> {
    let taken: i64 = tx
        .sql("select count(*) from deal where company = $1 and stage = $2 and place = $3 and deleted_at is null")
        .bind(company)
        .bind(stage)
        .bind(place)
        .one()
        .await?;
    Ok(taken == 0)
}
