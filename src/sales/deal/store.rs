//! Deals in the database: the row, its view, and what stands in other tables.

use std::collections::HashMap;

use db::{Amount, Conn, Rows, Type};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::{Deal, DealCustomer, DealStage, DealsInterest, DealsLabel};
use crate::customer::erased;
use crate::http::Error;
use crate::record::{Head, Record, Stamp};
use crate::setting::list::List;
use crate::staff::known::{self, Known};
use crate::time::{self, Zone};

/// A deal as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) company: i64,
    pub(crate) id: i64,
    pub(crate) number: String,
    pub(super) number_key: String,
    pub(crate) name: String,
    pub(super) name_key: String,
    pub(crate) customer: i64,
    pub(crate) board: i64,
    pub(crate) stage: i64,
    pub(crate) status: i64,
    pub(super) place: i64,
    pub(crate) value: Amount,
    pub(crate) probability: i64,
    pub(super) quantity: Option<Amount>,
    pub(super) unit: Option<String>,
    pub(super) interests: Numbers,
    pub(super) labels: Numbers,
    pub(super) deal_at: i64,
    pub(super) close_at: i64,
    pub(super) note: Option<String>,
    pub(crate) owner: Uuid,
    pub(super) participants: Vec<Uuid>,
    pub(super) follow_up_at: Option<i64>,
    pub(super) follow_up_note: Option<String>,
    pub(super) remark: Option<String>,
    pub(super) reason: Option<i64>,
    pub(super) stage_at: i64,
    pub(super) closed_at: Option<i64>,
    pub(super) search_key: String,
    pub(crate) created_by: String,
    pub(crate) created_at: i64,
    pub(super) modified_by: String,
    pub(super) modified_at: i64,
    pub(crate) version: i64,
    pub(crate) deleted_at: Option<i64>,
}

/// Entries of a look-up list, as text in a column: ` 3 7 `, in which an entry can be looked for and replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Numbers(pub(crate) Vec<i64>);

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::from(" ");
        for number in &self.0 {
            text.push_str(&number.to_string());
            text.push(' ');
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Numbers, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut numbers = Vec::new();
        for number in text.split_whitespace().filter_map(|word| word.parse().ok()) {
            // An entry that took another's place may have been there already.
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        Ok(Numbers(numbers))
    }
}

impl Row {
    /// Value times chance.
    pub(super) fn weighted(&self) -> Amount {
        Amount::from_units(self.value.units().saturating_mul(self.probability) / 100)
    }

    fn view(self, names: &Names, zone: &Zone) -> Deal {
        let (customer_code, customer_name) = names.customer(self.customer);
        let weighted_value = self.weighted();
        Deal {
            deals_id: self.id,
            customer_id: self.customer,
            deal_no: self.number,
            deals_name: self.name,
            deals_value: self.value,
            weighted_value,
            status_id: self.status,
            status_name: status_name(self.status),
            deal_stage_id: self.stage,
            deals_index: self.place,
            deals_date: time::text(self.deal_at, zone),
            expected_close_date: time::text(self.close_at, zone),
            date_closed: self.closed_at.map(|at| time::text(at, zone)),
            probability: self.probability,
            notes: self.note,
            is_active: self.deleted_at.is_none(),
            board_id: self.board,
            board_name: names.of(List::Boards, self.board),
            date_created: time::text(self.created_at, zone),
            create_by_user_id: self.created_by,
            date_modified: time::text(self.modified_at, zone),
            modified_by_user_id: Some(self.modified_by),
            measure: whole(self.quantity),
            deal_quantity: self.quantity,
            deal_quantity_unit: self.unit,
            customer: DealCustomer { customer_id: self.customer, customer_code, customer_name },
            deal_stage: names.stage(self.stage, self.board),
            deals_interests: self
                .interests
                .0
                .iter()
                .map(|id| DealsInterest { interest_id: *id, interest_name: names.of(List::Interests, *id) })
                .collect(),
            deals_labels: self
                .labels
                .0
                .iter()
                .map(|id| DealsLabel { label_id: *id, label_name: names.of(List::Labels, *id) })
                .collect(),
            assign_to: names.code(self.owner),
            assign_to_name: names.fullname(self.owner),
            participant_codes: self.participants.iter().map(|id| names.code(*id)).collect(),
            date_follow_up: self.follow_up_at.map(|at| time::text(at, zone)),
            follow_up_notes: self.follow_up_note,
            remark: self.remark,
            reason_category_id: self.reason,
            reason_category_name: self.reason.map(|id| names.of(List::MissedReasons, id)),
            is_action: self.status == super::OPEN,
            is_edit: self.deleted_at.is_none(),
        }
    }
}

/// The whole part of a quantity.
pub(super) fn whole(quantity: Option<Amount>) -> i64 {
    quantity.map_or(0, |quantity| quantity.units() / 10_000)
}

/// The word for a status.
pub(super) fn status_name(status: i64) -> String {
    match status {
        super::WON => "Won",
        super::MISSED => "Missed",
        _ => "Open",
    }
    .to_owned()
}

/// What stands in other tables, for any number of deals: three statements.
#[derive(Debug, Default)]
pub(super) struct Names {
    customers: HashMap<i64, (String, String)>,
    choices: HashMap<(String, i64), (String, i64)>,
    employees: HashMap<Uuid, Known>,
}

impl Names {
    pub(super) async fn of_rows(conn: &mut Conn, company: i64, rows: &[Row]) -> Result<Names, Error> {
        if rows.is_empty() {
            return Ok(Names::default());
        }
        #[derive(Deserialize)]
        struct Customer {
            id: i64,
            code: String,
            name: String,
            is_erased: bool,
        }
        let mut ids: Vec<i64> = rows.iter().map(|row| row.customer).collect();
        ids.sort_unstable();
        ids.dedup();
        let customers: Vec<Customer> = conn
            .sql(
                "select id, code, name, erased_at is not null as is_erased from customer where company = $1 and id in ",
            )
            .bind(company)
            .push_ids(&ids)
            .all()
            .await?;
        let customers = customers.into_iter().map(|one| {
            let name = if one.is_erased { erased::NAME.to_owned() } else { one.name };
            (one.id, (one.code, name))
        });
        let mut wanted: Vec<(List, i64)> = Vec::new();
        for row in rows {
            wanted.extend([(List::Boards, row.board), (List::Stages, row.stage)]);
            wanted.extend(row.interests.0.iter().map(|id| (List::Interests, *id)));
            wanted.extend(row.labels.0.iter().map(|id| (List::Labels, *id)));
            wanted.extend(row.reason.map(|id| (List::MissedReasons, id)));
        }
        let people = rows.iter().flat_map(|row| std::iter::once(row.owner).chain(row.participants.iter().copied()));
        let employees = known::by_ids(conn, company, people).await?;
        Ok(Names { customers: customers.collect(), choices: choices(conn, company, wanted).await?, employees })
    }

    pub(super) fn customer(&self, id: i64) -> (String, String) {
        self.customers.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn of(&self, list: List, id: i64) -> String {
        self.choices.get(&(list.path().to_owned(), id)).map(|(name, _)| name.clone()).unwrap_or_default()
    }

    fn stage(&self, id: i64, board: i64) -> DealStage {
        let found = self.choices.get(&(List::Stages.path().to_owned(), id)).cloned();
        let (deal_stage_name, deal_stage_index) = found.unwrap_or_default();
        DealStage { deal_stage_id: id, deal_stage_name, board_id: board, deal_stage_index }
    }

    pub(super) fn code(&self, id: Uuid) -> String {
        self.employees.get(&id).map(|known| known.staff_code.clone()).unwrap_or_default()
    }

    pub(super) fn fullname(&self, id: Uuid) -> String {
        self.employees.get(&id).map(Known::fullname).unwrap_or_default()
    }
}

/// Names and places of entries of look-up lists.
async fn choices(
    conn: &mut Conn,
    company: i64,
    mut wanted: Vec<(List, i64)>,
) -> Result<HashMap<(String, i64), (String, i64)>, Error> {
    #[derive(Deserialize)]
    struct Found {
        list: String,
        id: i64,
        name: String,
        position: i64,
    }
    wanted.sort_unstable_by_key(|(list, id)| (list.path(), *id));
    wanted.dedup();
    let mut rows = Rows::new(&[("list", Type::Text), ("id", Type::BigInt)]);
    for (list, id) in wanted {
        rows.push([list.path().into(), id.into()]);
    }
    let found: Vec<Found> = conn
        .sql("select choice.list, choice.id, choice.name, choice.position from ")
        .push_rows(&rows)
        .push(
            " as input cross join choice where choice.list = input.list and choice.id = input.id and choice.company = ",
        )
        .push_bind(company)
        .all()
        .await?;
    Ok(found.into_iter().map(|one| ((one.list, one.id), (one.name, one.position))).collect())
}

impl Record for Row {
    const TABLE: &'static str = "deal";
    const TOPIC: &'static str = "Deal";
    const OWNER: Option<&'static str> = Some("owner");
    type View = Deal;

    fn head(&self) -> Head<'_> {
        Head { company: self.company, name: &self.number, version: self.version, deleted_at: self.deleted_at }
    }

    fn stamp(&mut self) -> Stamp<'_> {
        let Row { version, modified_by, modified_at, deleted_at, search_key, .. } = self;
        Stamp { version, modified_by, modified_at, deleted_at, search_key }
    }

    fn words(&self) -> Vec<&str> {
        let texts = [self.note.as_deref(), self.remark.as_deref(), self.unit.as_deref()];
        [self.number.as_str(), self.name.as_str()].into_iter().chain(texts.into_iter().flatten()).collect()
    }

    async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>, zone: &Zone) -> Result<Vec<Deal>, Error> {
        let names = Names::of_rows(conn, company, &rows).await?;
        Ok(rows.into_iter().map(|row| row.view(&names, zone)).collect())
    }
}

/// Keeps `deal_choice` as the row says it: by it deals are found, and entries are known to be in use.
pub(super) async fn link(tx: &mut Conn, old: Option<&Row>, new: &Row) -> Result<(), db::Error> {
    let lists = [
        (List::Interests, old.map(|old| &old.interests), &new.interests),
        (List::Labels, old.map(|old| &old.labels), &new.labels),
    ];
    for (list, before, after) in lists {
        if before.is_some_and(|before| before == after) {
            continue;
        }
        if before.is_some_and(|before| !before.0.is_empty()) {
            tx.sql("delete from deal_choice where company = $1 and deal = $2 and list = $3")
                .bind(new.company)
                .bind(new.id)
                .bind(list.path())
                .later()
                .await?;
        }
        if after.0.is_empty() {
            continue;
        }
        let columns =
            [("deal", Type::BigInt), ("list", Type::Text), ("choice", Type::BigInt), ("company", Type::BigInt)];
        let mut rows = Rows::new(&columns);
        for id in &after.0 {
            rows.push([new.id.into(), list.path().into(), (*id).into(), new.company.into()]);
        }
        tx.sql("insert into deal_choice (company, deal, list, choice) ")
            .push_values("input.company, input.deal, input.list, input.choice", rows)
            .later()
            .await?;
    }
    Ok(())
}
