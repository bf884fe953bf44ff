//! Look-up lists that deals and documents choose from. Entries are known by their names; one that is here stays as it is.

use std::collections::HashMap;

use db::Conn;
use serde_json::{Value, json};

use super::kind::Outcome;
use super::source::Source;
use crate::http::{Code, Error};
use crate::sales::deal;
use crate::setting::choice::{self, New};
use crate::setting::list::List;

/// A list, and where else it can be read than among the settings: the operation, and how number and name are called there.
struct KnownList {
    list: List,
    other: Option<(&'static str, &'static str, &'static str)>,
}

/// The lists; boards come before their stages.
const KNOWN: [KnownList; 7] = [
    KnownList { list: List::Boards, other: Some(("/v1/deals/boards", "boardId", "boardName")) },
    KnownList { list: List::Stages, other: Some(("/v1/deals/stages", "dealStageId", "dealStageName")) },
    KnownList { list: List::Interests, other: Some(("/v1/deals/interests", "interestId", "interestName")) },
    KnownList { list: List::Labels, other: Some(("/v1/deals/labels", "labelId", "labelName")) },
    KnownList {
        list: List::MissedReasons,
        other: Some(("/v1/deals/missed-reason-categories", "reasonCategoryId", "reasonCategoryName")),
    },
    KnownList {
        list: List::HeaderTemplates,
        other: Some(("/v2/salesorder/headerTemplate", "headerTemplateId", "headerTemplateName")),
    },
    KnownList { list: List::Warehouses, other: None },
];

/// The entries of all these lists, as far as the server shows them.
pub(super) async fn rows(source: &mut Source) -> Result<Vec<Value>, Error> {
    let mut boards: HashMap<i64, String> = HashMap::new();
    let mut rows = Vec::new();
    for known in &KNOWN {
        let entries = match source.look(&format!("/v1/setting/{}", known.list.path())).await? {
            // The settings have what is out of use, too: deals may be on a board of that kind.
            Some(entries) => entries,
            None => match known.other {
                Some((path, id, name)) => {
                    let entries = source.look(path).await?.unwrap_or_default();
                    entries.iter().map(|entry| as_setting(entry, id, name)).collect()
                }
                None => Vec::new(),
            },
        };
        for mut entry in entries {
            let Some(name) = entry["name"].as_str().map(str::trim).filter(|name| !name.is_empty()) else { continue };
            let name = name.to_owned();
            if known.list == List::Boards {
                boards.extend(entry["id"].as_i64().map(|id| (id, name.clone())));
            }
            if known.list == List::Stages {
                entry["board"] = json!(entry["detail"]["boardId"].as_i64().and_then(|id| boards.get(&id)));
            }
            entry["list"] = json!(known.list.path());
            entry["code"] = json!(format!("{}/{name}", known.list.path()));
            rows.push(entry);
        }
    }
    Ok(rows)
}

/// An entry of a list of its own in the form of the settings.
fn as_setting(entry: &Value, id: &str, name: &str) -> Value {
    let mut detail = json!({});
    for field in ["boardId", "kind", "probability", "color"] {
        // A board's own number is that of the entry.
        if field != id && !entry[field].is_null() {
            detail[field] = entry[field].clone();
        }
    }
    json!({"id": entry[id], "name": entry[name], "position": entry["dealStageIndex"], "detail": detail})
}

/// Puts an entry into its list, unless there is one of its name.
pub(super) async fn put(tx: &mut Conn, company: i64, row: &Value) -> Result<Outcome, Error> {
    let list = KNOWN.iter().map(|known| known.list).find(|list| row["list"] == list.path());
    let list = list.ok_or(Error::NotFound("list"))?;
    let name = row["name"].as_str().unwrap_or_default();
    if list == List::Stages {
        return put_stage(tx, company, name, row).await;
    }
    if choice::by_name(tx, company, list, name).await?.is_some() {
        return Ok(Outcome::Unchanged);
    }
    let detail = Some(&row["detail"]).filter(|detail| detail.as_object().is_some_and(|fields| !fields.is_empty()));
    let new = New { name, name_en: row["nameEn"].as_str(), detail, ..New::default() };
    make(tx, company, list, &new, row).await
}

/// A stage belongs to a board. The name of one is unique in the list here, there perhaps only on its board.
async fn put_stage(tx: &mut Conn, company: i64, name: &str, row: &Value) -> Result<Outcome, Error> {
    let board = row["board"].as_str().unwrap_or_default();
    let board = choice::by_name(tx, company, List::Boards, board).await?.ok_or_else(|| {
        Error::invalid(Code::NotFound, "boardName", format!("boardName “{board}” is not in {}", List::Boards.path()))
    })?;
    let full = deal::name_on_board(name, &board.name);
    let mut is_taken = false;
    for name in [name, full.as_str()] {
        if let Some(known) = choice::by_name(tx, company, List::Stages, name).await? {
            if known.detail.as_ref().and_then(|detail| detail["boardId"].as_i64()) == Some(board.id) {
                return Ok(Outcome::Unchanged);
            }
            is_taken = true;
        }
    }
    let told = &row["detail"];
    let kind = told["kind"].as_str().filter(|kind| matches!(*kind, "open" | "won" | "missed"));
    let chance = told["probability"].as_i64().filter(|chance| (0..=100).contains(chance));
    let detail = json!({"boardId": board.id, "kind": kind.unwrap_or("open"), "probability": chance});
    let new = New {
        name: if is_taken { full.as_str() } else { name },
        name_en: row["nameEn"].as_str(),
        detail: Some(&detail),
        position: row["position"].as_i64(),
        ..New::default()
    };
    make(tx, company, List::Stages, &new, row).await
}

/// Makes an entry; one that is out of use there is so here.
async fn make(tx: &mut Conn, company: i64, list: List, new: &New<'_>, row: &Value) -> Result<Outcome, Error> {
    let made = choice::create(tx, company, list, new).await?;
    if row["isActive"] == false {
        tx.sql("update choice set active = false, version = version + 1 where company = $1 and list = $2 and id = $3")
            .bind(company)
            .bind(list.path())
            .bind(made.id)
            .exec()
            .await?;
    }
    Ok(Outcome::Created)
}
