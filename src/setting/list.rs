//! The look-up lists there are: their names, what their entries hold, who uses them, and what a new company begins with.

use db::Conn;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::choice::{self, New};
use crate::http::{Code, Error, Fault};
use crate::person::role;

/// A look-up list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each name is the list's own")]
pub enum List {
    Teams,
    Roles,
    CustomerGroups,
    Sources,
    Classifications,
    Tags,
    Interests,
    UnqualifiedReasons,
    EventTypes,
    SatisfactionSources,
    FileCategories,
    Boards,
    Stages,
    Labels,
    MissedReasons,
    CaseCategories,
    ActivityTypes,
    ActivityStatuses,
    KeyActivities,
    ContractTypes,
    ContractTemplates,
    ExpenseLimits,
    HeaderTemplates,
    ProductGroups,
    ProductTags,
    Brands,
    Units,
    Attributes,
    PriceTiers,
    VatRates,
    WithholdingRates,
    Warehouses,
}

impl List {
    /// Its name in paths, in the database and in the audit trail.
    pub fn path(self) -> &'static str {
        match self {
            List::Teams => "teams",
            List::Roles => "roles",
            List::CustomerGroups => "customer-groups",
            List::Sources => "sources",
            List::Classifications => "classifications",
            List::Tags => "tags",
            List::Interests => "interests",
            List::UnqualifiedReasons => "unqualified-reasons",
            List::EventTypes => "event-types",
            List::SatisfactionSources => "satisfaction-sources",
            List::FileCategories => "file-categories",
            List::Boards => "boards",
            List::Stages => "stages",
            List::Labels => "labels",
            List::MissedReasons => "missed-reasons",
            List::CaseCategories => "case-categories",
            List::ActivityTypes => "activity-types",
            List::ActivityStatuses => "activity-statuses",
            List::KeyActivities => "key-activities",
            List::ContractTypes => "contract-types",
            List::ContractTemplates => "contract-templates",
            List::ExpenseLimits => "expense-limits",
            List::HeaderTemplates => "header-templates",
            List::ProductGroups => "product-groups",
            List::ProductTags => "product-tags",
            List::Brands => "brands",
            List::Units => "units",
            List::Attributes => "attributes",
            List::PriceTiers => "price-tiers",
            List::VatRates => "vat-rates",
            List::WithholdingRates => "withholding-rates",
            List::Warehouses => "warehouses",
        }
    }

    /// Whether an entry may have this name: an index of names takes no longer ones.
    pub fn takes(self, name: &str) -> bool {
        !name.trim().is_empty() && !name.contains('\0') && name.chars().count() <= self.longest_name()
    }

    /// How many characters a name may have. A classification has at most three (the original's page of customers).
    pub fn longest_name(self) -> usize {
        if self == List::Classifications { 3 } else { 200 }
    }

    /// The faults of what an entry holds beyond its name.
    pub fn check_detail(self, detail: &Value) -> Vec<Fault> {
        if !detail.is_object() {
            return vec![Fault::new(Code::InvalidType, "detail", "detail must be an object")];
        }
        let mut faults = Vec::new();
        let mut need = |name: &str, ok: bool, form: &str| {
            if !ok {
                let field = format!("detail.{name}");
                faults.push(Fault::new(Code::InvalidValue, field.as_str(), format!("{field} must be {form}")));
            }
        };
        match self {
            List::Roles => {
                let scopes = detail["scopes"].as_array();
                need("scopes", scopes.is_some_and(|scopes| scopes.iter().all(Value::is_string)), "a list of scopes");
                let range = &detail["range"];
                let known = range.is_null() || matches!(range.as_str(), Some("own" | "team" | "all"));
                need("range", known, "own, team or all");
            }
            List::Stages => {
                need("boardId", detail["boardId"].is_i64(), "the number of a board");
                let kind = &detail["kind"];
                let known = ["open", "won", "missed"].iter().any(|word| kind == word);
                need("kind", kind.is_null() || known, "open, won or missed");
                let chance = &detail["probability"];
                let is_percent = chance.as_i64().is_some_and(|chance| (0..=100).contains(&chance));
                need("probability", chance.is_null() || is_percent, "a percentage from 0 to 100");
            }
            List::ExpenseLimits => {
                let kind = detail["expenseTypeId"].as_i64();
                need(
                    "expenseTypeId",
                    kind.is_some_and(|kind| (1001..=1008).contains(&kind)),
                    "a type from 1001 to 1008",
                );
                let most = &detail["upTo"];
                need(
                    "upTo",
                    most.is_null() || most.as_f64().is_some_and(|most| most >= 0.0),
                    "an amount, or null for no end",
                );
                let level = &detail["approveLevel"];
                let is_level = level.as_i64().is_some_and(|level| (1..=9).contains(&level));
                need("approveLevel", level.is_null() || is_level, "a number from 1 to 9");
            }
            List::Labels => {
                let color = &detail["color"];
                need("color", color.is_null() || color.is_string(), "a text");
            }
            List::ProductGroups => {
                let parent = &detail["parentId"];
                need("parentId", parent.is_null() || parent.is_i64(), "the number of an existing group, or null");
            }
            List::Attributes => {
                let values = detail["values"].as_array();
                need("values", values.is_some_and(|values| values.iter().all(Value::is_string)), "a list of texts");
            }
            List::ActivityStatuses => {
                let state = detail["state"].as_str().unwrap_or_default();
                let ok = ["planned", "started", "done", "cancelled"].contains(&state);
                need("state", ok, "one of planned, started, done, cancelled");
            }
            List::CaseCategories => {
                for name in ["responseMinutes", "resolutionMinutes", "warnMinutes"] {
                    let minutes = &detail[name];
                    let ok =
                        minutes.is_null() || minutes.as_i64().is_some_and(|minutes| (1..=525_600).contains(&minutes));
                    need(name, ok, "a whole number of minutes from 1 to 525600, or null");
                }
                let clock = &detail["aroundTheClock"];
                need("aroundTheClock", clock.is_null() || clock.is_boolean(), "true or false");
                let assignee = &detail["assignee"];
                need("assignee", assignee.is_null() || assignee.is_string(), "a user id or a staff code");
            }
            List::VatRates | List::WithholdingRates => {
                let rate = detail["rate"].as_f64();
                need("rate", rate.is_some_and(|rate| (0.0..=100.0).contains(&rate)), "a percentage from 0 to 100");
            }
            _ => {}
        }
        faults
    }

    /// How many records use an entry. A list whose users are not there yet has none.
    pub async fn uses(self, conn: &mut Conn, company: i64, id: i64) -> Result<i64, db::Error> {
        let text = match self {
            List::Teams => "select count(*) from employee where company = $1 and team = $2",
            List::Roles => "select count(*) from employee where company = $1 and role = $2",
            List::CustomerGroups => {
                "select count(*) from customer where company = $1 and customer_group = $2 and deleted_at is null"
            }
            List::Sources => "select count(*) from customer where company = $1 and source = $2 and deleted_at is null",
            List::Classifications => {
                "select count(*) from customer where company = $1 and classification = $2 and deleted_at is null"
            }
            List::UnqualifiedReasons => "select count(*) from customer where company = $1 and reason = $2",
            List::Interests => {
                "select (select count(*) from customer_choice where company = $1 and list = 'interests' and choice = $2)
                      + (select count(*) from deal_choice where company = $1 and list = 'interests' and choice = $2)"
            }
            List::Boards => "select count(*) from deal where company = $1 and board = $2 and deleted_at is null",
            List::Stages => "select count(*) from deal where company = $1 and stage = $2 and deleted_at is null",
            List::Labels => "select count(*) from deal_choice where company = $1 and list = 'labels' and choice = $2",
            List::MissedReasons => "select count(*) from deal where company = $1 and reason = $2",
            List::ContractTypes => "select count(*) from contract where company = $1 and kind = $2 and deleted_at is null",
            List::Tags => "select count(*) from customer_choice where company = $1 and list = 'tags' and choice = $2",
            List::EventTypes => "select count(*) from customer_event where company = $1 and kind = $2",
            List::SatisfactionSources => "select count(*) from satisfaction where company = $1 and source = $2",
            List::ActivityTypes => {
                "select count(*) from activity where company = $1 and kind = $2 and deleted_at is null"
            }
            List::ActivityStatuses => {
                "select count(*) from activity where company = $1 and status = $2 and deleted_at is null"
            }
            List::CaseCategories => {
                "select count(*) from service_case where company = $1 and category = $2 and deleted_at is null"
            }
            List::FileCategories => "select count(*) from attachment where company = $1 and category = $2",
            List::ProductGroups => {
                "select (select count(*) from product where company = $1 and category = $2 and deleted_at is null and not is_parent)
                      + (select count(*) from product where company = $1 and sub_category = $2 and deleted_at is null and not is_parent)
                      + (select count(*) from product where company = $1 and sub_sub_category = $2 and deleted_at is null and not is_parent)"
            }
            List::ProductTags => "select count(*) from product_tag where company = $1 and tag = $2",
            List::Brands => "select count(*) from product where company = $1 and brand = $2 and deleted_at is null",
            List::Units => "select count(*) from product where company = $1 and unit = $2 and deleted_at is null",
            List::Attributes => "select count(*) from product_attribute where company = $1 and attribute = $2",
            List::PriceTiers => "select count(*) from product_price where company = $1 and tier = $2",
            List::Warehouses => {
                "select (select count(*) from product_stock where company = $1 and warehouse = $2 and quantity <> 0)
                      + (select count(*) from stock_reservation_line where company = $1 and warehouse = $2 and is_open)"
            }
            _ => return Ok(0),
        };
        conn.sql(text).bind(company).bind(id).one().await
    }

    /// Whether another entry can simply take the place of one. A warehouse's stock is moved by a transfer, which the
    /// ledger shows, and a deal by a move, which its history shows.
    pub fn can_reassign(self) -> bool {
        !matches!(self, List::Warehouses | List::Boards | List::Stages)
    }

    /// Gives the records that use an entry another one.
    pub async fn reassign(self, tx: &mut Conn, company: i64, from: i64, to: i64) -> Result<(), db::Error> {
        let text = match self {
            List::Teams => "update employee set team = $1, version = version + 1 where company = $2 and team = $3",
            List::Roles => "update employee set role = $1, version = version + 1 where company = $2 and role = $3",
            List::CustomerGroups => {
                "update customer set customer_group = $1, version = version + 1 where company = $2 and customer_group = $3"
            }
            List::Sources => {
                "update customer set source = $1, version = version + 1 where company = $2 and source = $3"
            }
            List::Classifications => {
                "update customer set classification = $1, version = version + 1 where company = $2 and classification = $3"
            }
            List::UnqualifiedReasons => {
                "update customer set reason = $1, version = version + 1 where company = $2 and reason = $3"
            }
            List::Interests => {
                reassign_of_deals(tx, company, self, from, to).await?;
                return reassign_choice(tx, company, self, from, to).await;
            }
            List::Labels => return reassign_of_deals(tx, company, self, from, to).await,
            List::Tags => return reassign_choice(tx, company, self, from, to).await,
            List::ContractTypes => {
                "update contract set kind = $1, version = version + 1 where company = $2 and kind = $3"
            }
            List::MissedReasons => {
                "update deal set reason = $1, version = version + 1 where company = $2 and reason = $3"
            }
            List::ProductGroups | List::ProductTags | List::Attributes => {
                return reassign_of_products(tx, company, self, from, to).await;
            }
            List::Brands => "update product set brand = $1, version = version + 1 where company = $2 and brand = $3",
            List::Units => "update product set unit = $1, version = version + 1 where company = $2 and unit = $3",
            List::PriceTiers => "update product_price set tier = $1 where company = $2 and tier = $3",
            List::EventTypes => {
                "update customer_event set kind = $1, version = version + 1 where company = $2 and kind = $3"
            }
            List::ActivityTypes => {
                "update activity set kind = $1, version = version + 1 where company = $2 and kind = $3"
            }
            List::ActivityStatuses => {
                "update activity set status = $1, version = version + 1 where company = $2 and status = $3"
            }
            List::CaseCategories => {
                "update service_case set category = $1, version = version + 1 where company = $2 and category = $3"
            }
            List::SatisfactionSources => "update satisfaction set source = $1 where company = $2 and source = $3",
            List::FileCategories => "update attachment set category = $1 where company = $2 and category = $3",
            _ => return Ok(()),
        };
        tx.sql(text).bind(to).bind(company).bind(from).exec().await?;
        let source = match self {
            List::CaseCategories => "cases",
            List::ActivityTypes => "activities",
            _ => return Ok(()),
        };
        // Reports count by this entry and follow the time of a change, which stays: their figures are made anew.
        tx.sql("update tally_cursor set place = 'anew' where company = $1 and source = $2")
            .bind(company)
            .bind(source)
            .exec()
            .await
            .map(drop)
    }
}

/// The same for interests and tags, of which a customer may have both entries already.
async fn reassign_choice(tx: &mut Conn, company: i64, list: List, from: i64, to: i64) -> Result<(), db::Error> {
    tx.sql(
        "insert into customer_choice (company, customer, list, choice, position)
         select company, customer, list, $1, position from customer_choice
         where company = $2 and list = $3 and choice = $4
         on conflict (company, customer, list, choice) do nothing",
    )
    .bind(to)
    .bind(company)
    .bind(list.path())
    .bind(from)
    .exec()
    .await?;
    tx.sql("delete from customer_choice where company = $1 and list = $2 and choice = $3")
        .bind(company)
        .bind(list.path())
        .bind(from)
        .exec()
        .await
        .map(drop)
}

/// The same for interests and labels of deals, which stand in the deal as well as beside it.
async fn reassign_of_deals(tx: &mut Conn, company: i64, list: List, from: i64, to: i64) -> Result<(), db::Error> {
    let column = if list == List::Labels { "labels" } else { "interests" };
    tx.sql("update deal set version = version + 1, ")
        .push(column)
        .push(" = replace(")
        .push(column)
        .push(", $1, $2) where company = $3 and id in (select deal from deal_choice where company = $3 and list = $4 and choice = $5)")
        .bind(format!(" {from} "))
        .bind(format!(" {to} "))
        .bind(company)
        .bind(list.path())
        .bind(from)
        .exec()
        .await?;
    tx.sql(
        "insert into deal_choice (company, deal, list, choice)
         select company, deal, list, $1 from deal_choice where company = $2 and list = $3 and choice = $4
         on conflict (company, deal, list, choice) do nothing",
    )
    .bind(to)
    .bind(company)
    .bind(list.path())
    .bind(from)
    .exec()
    .await?;
    tx.sql("delete from deal_choice where company = $1 and list = $2 and choice = $3")
        .bind(company)
        .bind(list.path())
        .bind(from)
        .exec()
        .await
        .map(drop)
}

/// The same for what products have in several places, or may have both of already.
async fn reassign_of_products(tx: &mut Conn, company: i64, list: List, from: i64, to: i64) -> Result<(), db::Error> {
    let texts: &[&'static str] = match list {
        List::ProductGroups => &[
            "update product set category = $1, version = version + 1 where company = $2 and category = $3",
            "update product set sub_category = $1, version = version + 1 where company = $2 and sub_category = $3",
            "update product set sub_sub_category = $1, version = version + 1 where company = $2 and sub_sub_category = $3",
        ],
        List::ProductTags => &[
            "insert into product_tag (company, product, tag, position)
             select company, product, $1, position from product_tag where company = $2 and tag = $3
             on conflict (company, product, tag) do nothing",
            "delete from product_tag where company = $2 and tag = $3 and tag <> $1",
        ],
        _ => &[
            "insert into product_attribute (company, product, attribute, value, position)
             select company, product, $1, value, position from product_attribute where company = $2 and attribute = $3
             on conflict (company, product, attribute) do nothing",
            "delete from product_attribute where company = $2 and attribute = $3 and attribute <> $1",
        ],
    };
    for text in texts {
        tx.sql(text).bind(to).bind(company).bind(from).exec().await?;
    }
    Ok(())
}

/// What a company's lists begin with, in Thai and English.
pub async fn seed(tx: &mut Conn, company: i64) -> Result<(), Error> {
    let plain: [(List, &[(&str, &str)]); 14] = [
        (List::Teams, &[("ฝ่ายขาย", "Sales"), ("ฝ่ายบริการลูกค้า", "Support")]),
        (List::CustomerGroups, &[("ทั่วไป", "General")]),
        (List::Sources, &[("เว็บไซต์", "Website"), ("LINE", "LINE"), ("Facebook", "Facebook"), ("แนะนำต่อ", "Referral")]),
        (List::Classifications, &[("A", "A"), ("B", "B"), ("C", "C")]),
        (
            List::EventTypes,
            &[("ทั่วไป", "General"), ("วันเกิด", "Birthday"), ("วันครบรอบ", "Anniversary"), ("นัดหมาย", "Appointment")],
        ),
        (List::FileCategories, &[("ทั่วไป", "General"), ("สัญญา", "Contract"), ("ใบเสนอราคา", "Quotation")]),
        (List::Units, &[("ชิ้น", "Piece"), ("กล่อง", "Box"), ("ชั่วโมง", "Hour"), ("วัน", "Day")]),
        (List::HeaderTemplates, &[("มาตรฐาน", "Standard")]),
        (List::ContractTypes, &[("MA", "Maintenance"), ("เช่า", "Rental"), ("ซื้อขาย", "Sale"), ("บริการ", "Service")]),
        (List::ContractTemplates, &[("มาตรฐาน", "Standard")]),
        (
            List::ActivityTypes,
            &[("เข้าพบลูกค้า", "Visit"), ("โทรศัพท์", "Call"), ("ประชุมออนไลน์", "Online meeting"), ("อื่น ๆ", "Other")],
        ),
        (
            List::KeyActivities,
            &[
                ("นำเสนอสินค้า", "Presentation"),
                ("ติดตามงาน", "Follow-up"),
                ("เก็บเงิน", "Collection"),
                ("บริการหลังการขาย", "Service"),
            ],
        ),
        (
            List::CaseCategories,
            &[("สอบถาม", "Question"), ("แจ้งปัญหา", "Problem"), ("ร้องเรียน", "Complaint"), ("แจ้งซ่อม", "Repair")],
        ),
        (List::MissedReasons, &[("ราคา", "Price"), ("คู่แข่ง", "Competitor"), ("ไม่มีงบประมาณ", "No budget")]),
    ];
    for (list, entries) in plain {
        for (name, name_en) in entries {
            choice::create(tx, company, list, &New { name, name_en: Some(name_en), ..New::default() }).await?;
        }
    }
    let all = json!({"scopes": ["*"]});
    let staff = json!({"scopes": ["activity:read", "activity:write", "case:read", "case:write", "chat:read", "chat:write", "customer:read", "customer:write", "deal:read", "deal:write", "employee:read", "product:read", "quotation:read", "quotation:write", "salesorder:read", "salesorder:write", "setting:read", "task:read", "task:write"]});
    let roles = [
        ("ผู้ดูแลระบบ", "Admin", &all),
        ("ผู้จัดการ", "Manager", &all),
        ("พนักงานขาย", "Sales", &staff),
        ("พนักงานบริการ", "Support", &staff),
    ];
    let (vat, zero) = (json!({"rate": 7}), json!({"rate": 0}));
    let vats = [("VAT 7%", "VAT 7%", &vat), ("VAT 0%", "VAT 0%", &zero), ("ไม่มี VAT", "No VAT", &zero)];
    let rates = [1, 2, 3, 5].map(|rate| json!({"rate": rate}));
    let withholding = [
        ("ค่าขนส่ง 1%", "Transport 1%", &rates[0]),
        ("ค่าโฆษณา 2%", "Advertising 2%", &rates[1]),
        ("ค่าบริการ 3%", "Services 3%", &rates[2]),
        ("ค่าเช่า 5%", "Rent 5%", &rates[3]),
    ];
    let states = ["planned", "started", "done", "cancelled"].map(|state| json!({"state": state}));
    let statuses = [
        ("วางแผน", "Planned", &states[0]),
        ("กำลังดำเนินการ", "In progress", &states[1]),
        ("เสร็จสิ้น", "Done", &states[2]),
        ("ยกเลิก", "Cancelled", &states[3]),
    ];
    for (list, entries) in [
        (List::Roles, roles.as_slice()),
        (List::VatRates, &vats),
        (List::WithholdingRates, &withholding),
        (List::ActivityStatuses, &statuses),
    ] {
        for (name, name_en, detail) in entries {
            let new = New { name, name_en: Some(name_en), detail: Some(detail), ..New::default() };
            choice::create(tx, company, list, &new).await?;
        }
    }
    seed_board(tx, company).await?;
    role::ensure(tx, company).await
}

/// A board to begin with, and its stages.
async fn seed_board(tx: &mut Conn, company: i64) -> Result<(), Error> {
    let new = New { name: "งานขาย", name_en: Some("Sales"), ..New::default() };
    let board = choice::create(tx, company, List::Boards, &new).await?.id;
    for (name, name_en, kind, probability) in [
        ("โอกาสใหม่", "New", "open", 10),
        ("นำเสนอ", "Proposal", "open", 30),
        ("เจรจา", "Negotiation", "open", 60),
        ("ปิดการขายได้", "Won", "won", 100),
        ("ปิดการขายไม่ได้", "Missed", "missed", 0),
    ] {
        let detail = json!({"boardId": board, "kind": kind, "probability": probability});
        let new = New { name, name_en: Some(name_en), detail: Some(&detail), ..New::default() };
        choice::create(tx, company, List::Stages, &new).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_checked_by_its_list() {
        assert!(List::Roles.check_detail(&json!({"scopes": ["chat:read"]})).is_empty());
        assert_eq!(List::Roles.check_detail(&json!({"scopes": "chat:read"}))[0].field, "detail.scopes");
        assert_eq!(List::VatRates.check_detail(&json!({"rate": 101}))[0].field, "detail.rate");
        assert!(List::Stages.check_detail(&json!({"boardId": 1})).is_empty());
    }
}
