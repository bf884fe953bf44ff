//! From what was asked for to the row of a deal: every name is looked up, every fault gathered.

use std::collections::HashMap;

use db::{Amount, Conn, Rows, Type};
use uuid::Uuid;

use super::input::DealUpdate;
use super::stage::{self, Spot, Stage};
use super::store::{self, Numbers, Row};
use super::{MISSED, OPEN, WON};
use crate::http::{Code, Error, Faults, Patch};
use crate::record::{self, Actor, Outcome, Saved};
use crate::search;
use crate::setting::choice;
use crate::setting::list::List;
use crate::setting::number;
use crate::staff::known;
use crate::time::{self, Zone};

/// A deal of which nothing is known yet.
pub(super) fn blank(by: &Actor) -> Row {
    Row {
        company: by.caller.company,
        id: 0,
        number: String::new(),
        number_key: String::new(),
        name: String::new(),
        name_key: String::new(),
        customer: 0,
        board: 0,
        stage: 0,
        status: OPEN,
        place: 0,
        value: Amount::ZERO,
        probability: 0,
        quantity: None,
        unit: None,
        interests: Numbers::default(),
        labels: Numbers::default(),
        deal_at: by.now,
        close_at: by.now,
        note: None,
        owner: Uuid::nil(),
        participants: Vec::new(),
        follow_up_at: None,
        follow_up_note: None,
        remark: None,
        reason: None,
        stage_at: by.now,
        closed_at: None,
        search_key: String::new(),
        created_by: by.caller.id.clone(),
        created_at: by.now,
        modified_by: by.caller.id.clone(),
        modified_at: by.now,
        version: 0,
        deleted_at: None,
    }
}

/// Puts what was asked for into a row, all but its stage.
pub(super) async fn fill(
    tx: &mut Conn,
    by: &Actor,
    row: &mut Row,
    wanted: &DealUpdate,
    faults: &mut Faults,
) -> Result<(), Error> {
    let company = by.caller.company;
    let zone = time::zone(tx, company).await?;
    if let Some(name) = &wanted.deal_name {
        row.name = search::trimmed(name).to_owned();
        row.name_key = search::fold(&row.name);
    }
    row.probability = wanted.probability.unwrap_or(row.probability);
    row.value = wanted.deal_value.unwrap_or(row.value);
    row.quantity = wanted.deal_quantity.clone().over(row.quantity);
    row.unit = faults.text("dealQuantityUnit", &wanted.deal_quantity_unit, row.unit.take(), 100);
    row.note = faults.text("note", &wanted.note, row.note.take(), 10_000);
    row.remark = faults.text("remark", &wanted.remark, row.remark.take(), 10_000);
    row.follow_up_note = faults.text("followUpNotes", &wanted.follow_up_notes, row.follow_up_note.take(), 10_000);
    row.follow_up_at = faults.patched_time("dateFollowUp", &wanted.date_follow_up, row.follow_up_at, &zone);
    let moment = |faults: &mut Faults, field: &str, text: &Option<String>, zone: &Zone, stored: i64| {
        faults.time(field, text.as_deref(), zone).unwrap_or(stored)
    };
    row.deal_at = moment(faults, "dealDate", &wanted.deal_date, &zone, row.deal_at);
    row.close_at = moment(faults, "expectedCloseDate", &wanted.expected_close_date, &zone, row.close_at);
    people(tx, company, row, wanted, faults).await?;
    lists(tx, company, row, wanted, faults).await?;
    row.reason = wanted.reason_category_id.clone().over(row.reason).filter(|id| *id != 0);
    Ok(())
}

/// Who is in charge, and who takes part.
async fn people(
    tx: &mut Conn,
    company: i64,
    row: &mut Row,
    wanted: &DealUpdate,
    faults: &mut Faults,
) -> Result<(), Error> {
    let owner: Vec<(String, &str)> =
        wanted.assign_to.iter().map(|code| ("assignTo".to_owned(), code.as_str())).collect();
    let others = wanted.participant_codes.iter().flatten().enumerate();
    let others: Vec<(String, &str)> =
        others.map(|(index, code)| (format!("participantCodes[{index}]"), code.as_str())).collect();
    let codes = owner.iter().chain(&others).map(|(_, code)| *code);
    let found = known::by_codes(tx, company, codes).await?;
    if let Some(owner) = known::ids_in(&found, faults, &owner).first() {
        row.owner = *owner;
    }
    if wanted.participant_codes.is_some() {
        row.participants = known::ids_in(&found, faults, &others);
    }
    Ok(())
}

/// Interests, labels and the reason: numbers must be there, names of labels are made when they are new.
async fn lists(
    tx: &mut Conn,
    company: i64,
    row: &mut Row,
    wanted: &DealUpdate,
    faults: &mut Faults,
) -> Result<(), Error> {
    let mut named: Vec<(String, List, i64)> = Vec::new();
    for (field, list, ids) in
        [("dealInterests", List::Interests, &wanted.deal_interests), ("dealLabels", List::Labels, &wanted.deal_labels)]
    {
        let ids = ids.iter().flatten().enumerate().filter(|(_, id)| **id != 0);
        named.extend(ids.map(|(index, id)| (format!("{field}[{index}]"), list, *id)));
    }
    if let Patch::Set(reason) = wanted.reason_category_id
        && reason != 0
    {
        named.push(("reasonCategoryId".to_owned(), List::MissedReasons, reason));
    }
    let there = entries(tx, company, &named).await?;
    for (field, list, id) in &named {
        // A client sends back what it has read: what the deal has already may be out of use by now.
        let has = match list {
            List::Interests => row.interests.0.contains(id),
            List::Labels => row.labels.0.contains(id),
            _ => row.reason == Some(*id),
        };
        match there.get(&(list.path().to_owned(), *id)) {
            None => {
                let message = format!("{field} {id} is not an entry of {}", list.path());
                faults.add(Code::NotFound, field.as_str(), message);
            }
            Some(false) if !has => {
                faults.add(Code::InvalidValue, field.as_str(), format!("{field} {id} is out of use"));
            }
            Some(_) => {}
        }
    }
    let of = |wanted: List| {
        let mut ids: Vec<i64> = Vec::new();
        for (_, _, id) in named.iter().filter(|(_, list, _)| *list == wanted) {
            if !ids.contains(id) {
                ids.push(*id);
            }
        }
        ids
    };
    if wanted.deal_interests.is_some() {
        row.interests = Numbers(of(List::Interests));
    }
    if wanted.deal_labels.is_some() || wanted.label_names.is_some() {
        let mut labels = of(List::Labels);
        let names = wanted.label_names.iter().flatten().enumerate();
        for (index, name) in names.filter(|(_, name)| List::Labels.takes(name)) {
            let label = choice::ensure(tx, company, List::Labels, name).await?;
            if !label.is_active && !row.labels.0.contains(&label.id) {
                let field = format!("labelNames[{index}]");
                let message = format!("{field} “{name}” is out of use");
                faults.add(Code::InvalidValue, field, message);
            }
            if !labels.contains(&label.id) {
                labels.push(label.id);
            }
        }
        row.labels = Numbers(labels);
    }
    Ok(())
}

/// Which of these entries there are, and whether each is in use.
async fn entries(
    tx: &mut Conn,
    company: i64,
    named: &[(String, List, i64)],
) -> Result<HashMap<(String, i64), bool>, Error> {
    if named.is_empty() {
        return Ok(HashMap::new());
    }
    let mut rows = Rows::new(&[("list", Type::Text), ("id", Type::BigInt)]);
    for (_, list, id) in named {
        rows.push([list.path().into(), (*id).into()]);
    }
    let found: Vec<(String, i64, bool)> = tx
        .sql("select choice.list, choice.id, choice.active from ")
        .push_rows(&rows)
        .push(
            " as input cross join choice where choice.list = input.list and choice.id = input.id and choice.company = ",
        )
        .push_bind(company)
        .all()
        .await?;
    Ok(found.into_iter().map(|(list, id, is_active)| ((list, id), is_active)).collect())
}

/// The stage in which a new deal begins, held: the one that is asked for, or the first of its board.
pub(super) async fn first_stage(
    tx: &mut Conn,
    company: i64,
    board: Option<i64>,
    stage: Option<i64>,
    faults: &mut Faults,
) -> Result<Option<Stage>, Error> {
    let (board, asked) = (board.filter(|board| *board != 0), stage.filter(|stage| *stage != 0));
    if let Some(board) = board {
        let known = choice::find(tx, company, List::Boards, board).await?;
        if known.is_none_or(|known| !known.is_active) {
            faults.add(Code::NotFound, "boardId", format!("boardId {board} is not a board that can be chosen"));
        }
    }
    if let Some(id) = asked {
        let found = stage::hold(tx, company, id).await?;
        return Ok(fitting(found, id, board, faults));
    }
    let boards = choice::all(tx, company, List::Boards).await?;
    let boards = boards.iter().filter(|entry| entry.is_active && board.is_none_or(|board| entry.id == board));
    let mut stages = stage::stages(tx, company, None).await?;
    stages.retain(|stage| stage.is_active);
    let first = boards.into_iter().find_map(|board| {
        let of_board = || stages.iter().filter(|stage| stage.board == board.id);
        of_board().find(|stage| stage.status == OPEN).or_else(|| of_board().next())
    });
    match first.map(|stage| stage.id) {
        Some(id) => stage::hold(tx, company, id).await,
        None => {
            faults.add(Code::InvalidValue, "boardId", "boardId: no board has an open stage");
            Ok(None)
        }
    }
}

/// A stage that was asked for, if a deal of this board can go there.
pub(super) fn fitting(found: Option<Stage>, id: i64, board: Option<i64>, faults: &mut Faults) -> Option<Stage> {
    let wrong = match &found {
        None => (Code::NotFound, "is not a known stage"),
        Some(stage) if !stage.is_active => (Code::InvalidValue, "is out of use"),
        Some(stage) if board.is_some_and(|board| board != stage.board) => {
            (Code::InvalidValue, "belongs to another board")
        }
        Some(_) => return found,
    };
    faults.add(wrong.0, "dealStageId", format!("dealStageId {id} {}", wrong.1));
    None
}

/// Puts a row into a stage, which is held.
pub(super) async fn settle(tx: &mut Conn, by: &Actor, row: &mut Row, stage: &Stage, spot: Spot) -> Result<(), Error> {
    let entered = row.stage != stage.id;
    // What has ended has no order that anybody keeps: it goes to the end, and its stage is never spread.
    let spot = if stage.status == OPEN { spot } else { Spot::End };
    if entered || spot != Spot::End {
        row.place = stage::place(tx, row.company, stage.id, row.id, spot).await?;
    }
    if entered {
        row.stage_at = by.now;
    }
    row.board = stage.board;
    row.stage = stage.id;
    if row.status != stage.status {
        row.closed_at = (stage.status != OPEN).then_some(by.now);
    }
    row.status = stage.status;
    Ok(())
}

/// What must hold of a row between its fields: a missed deal says why, and only a missed one does.
pub(super) fn judge(row: &mut Row, stage: Option<&Stage>, faults: &mut Faults) {
    if stage.map_or(row.status, |stage| stage.status) != MISSED {
        row.reason = None;
    } else if row.reason.is_none() {
        let message = "reasonCategoryId is required in a stage for missed deals";
        faults.add(Code::Required, "reasonCategoryId", message);
    }
}

/// Gives a new deal its id and its number.
pub(super) async fn number(tx: &mut Conn, row: &mut Row, given: Option<&str>) -> Result<(), Error> {
    row.id = number::next(tx, row.company, "deal").await?;
    row.number = match given {
        Some(number) => number.to_owned(),
        None => number::of_record(tx, row.company, "deal", ("deal", "number_key"), row.created_at).await?,
    };
    row.number_key = crate::search::fold(&row.number);
    Ok(())
}

/// Saves a deal, and what follows from it: the entries by which it is found, and the stage that it has entered.
pub(super) async fn save(tx: &mut Conn, by: &Actor, old: Option<Row>, new: Row) -> Result<Saved<Row>, Error> {
    let before = old.clone();
    let name = match before.as_ref().map(|old| (old.status, old.stage)) {
        None => "Created",
        Some((status, _)) if status != new.status && new.status == WON => "Won",
        Some((status, _)) if status != new.status && new.status == MISSED => "Missed",
        Some((status, _)) if status != new.status => "Reopened",
        Some((_, stage)) if stage != new.stage => "StageChanged",
        Some(_) => "Updated",
    };
    let saved = record::save_as(tx, by, old, new, name).await?;
    if saved.outcome != Outcome::Unchanged {
        store::link(tx, before.as_ref(), &saved.row).await?;
        if before.as_ref().is_none_or(|old| old.stage != saved.row.stage) {
            stage::enter(tx, by, &saved.row, before.is_none()).await?;
        }
    }
    Ok(saved)
}
