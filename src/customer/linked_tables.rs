//! What belongs to a customer: the one list by which a merge moves records on, its undo moves them back, and erasure
//! empties them. A new resource adds a line; a table with a `customer` column that has none fails a test.

use db::{Conn, Query, Rows, Type};
use uuid::Uuid;

/// Records that carry a customer's number in a column.
#[derive(Debug)]
pub struct LinkedTable {
    /// The table; its key is `company` and `id` where its rows move one by one.
    pub table: &'static str,
    /// The column with the customer's number.
    pub column: &'static str,
    /// Which rows are meant, where the table holds others too: begins with ` and `.
    pub(crate) condition: &'static str,
    /// What a merge calls them when it counts them.
    pub(crate) word: &'static str,
    pub(crate) merge: Merge,
    pub(crate) erase: Erase,
    /// What the audit trail and events call these records where they speak of them by themselves, and the column with the name
    /// by which they know each: `task/TK2511-0001`.
    pub(crate) name: Option<(&'static str, &'static str)>,
}

/// What becomes of the records of a customer that is merged into another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Merge {
    /// They become the survivor's, and go back when the merge is undone.
    Moves(Key),
    /// The survivor gets what it lacks; code of its own (`merge/join.rs`).
    Joins,
    /// They stay with the number for which they were written.
    Stays,
}

/// What becomes of the records of a customer whose person is erased.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Erase {
    /// Nothing in them is the person's.
    Keep,
    /// They go: a record has no more than a few hundred of these.
    Delete,
    /// They stay without what the person said or was called.
    Blank {
        /// The assignments.
        set: &'static str,
        /// True of a row that is still to be done.
        left: &'static str,
    },
    /// Code of its own (`privacy/erase.rs`).
    Apart,
}

/// The type of a table's `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Number,
    Uuid,
    Text,
}

const fn line(
    table: &'static str,
    column: &'static str,
    word: &'static str,
    merge: Merge,
    erase: Erase,
) -> LinkedTable {
    LinkedTable { table, column, condition: "", word, merge, erase, name: None }
}

const NO_PERSON_OFFERED: &str = "subject = '', contact_name = null, recipient_name = null, recipient_address = null, \
    note = null, remark = null, private_note = null, acceptance = null, reason = null, search_key = ''";

const NO_PERSON_ORDERED: &str = "subject = '', contact_name = null, recipient_name = null, recipient_address = null, \
    note = null, remark = null, private_note = null, tracking_no = null, shipping_url = null, reason = null, search_key = ''";

/// Everything that belongs to a customer.
pub const LINKED_TABLES: &[LinkedTable] = &[
    // Records that were merged into it before: they point at the last survivor, so that no chain grows.
    line("customer", "merged_into", "formerCustomers", Merge::Moves(Key::Number), Erase::Apart),
    line("customer_name", "customer", "names", Merge::Stays, Erase::Delete),
    line("customer_owner", "customer", "owners", Merge::Joins, Erase::Keep),
    line("customer_choice", "customer", "choices", Merge::Joins, Erase::Delete),
    line("customer_identity", "customer", "identities", Merge::Joins, Erase::Delete),
    line("room", "customer", "rooms", Merge::Moves(Key::Uuid), Erase::Apart),
    line(
        "customer_event",
        "customer",
        "events",
        Merge::Moves(Key::Number),
        Erase::Blank { set: "name = '', description = null", left: "name <> '' or description is not null" },
    ),
    LinkedTable {
        name: Some(("contract", "number")),
        ..line(
            "contract",
            "customer",
            "contracts",
            Merge::Moves(Key::Number),
            Erase::Blank {
                set: "name = number, name_key = number_key, description = null, services = null, cancel_reason = null, search_key = ''",
                left: "search_key <> ''",
            },
        )
    },
    LinkedTable {
        name: Some(("deal", "number")),
        ..line(
            "deal",
            "customer",
            "deals",
            Merge::Moves(Key::Number),
            Erase::Blank {
                set: "name = number, name_key = number_key, note = null, remark = null, follow_up_note = null, search_key = ''",
                left: "search_key <> ''",
            },
        )
    },
    line(
        "product_serial",
        "customer",
        "serials",
        Merge::Moves(Key::Uuid),
        Erase::Blank {
            set: "latitude = null, longitude = null, note = null",
            left: "latitude is not null or longitude is not null or note is not null",
        },
    ),
    line(
        "satisfaction",
        "customer",
        "satisfactions",
        Merge::Moves(Key::Number),
        Erase::Blank { set: "answer_by = null, comment = null", left: "answer_by is not null or comment is not null" },
    ),
    // What was offered and sold stays, for the books; who received it does not, nor the texts in their JSON
    // (`privacy/erase/sales.rs`).
    LinkedTable {
        name: Some(("quotation", "number")),
        ..line(
            "quotation",
            "customer",
            "quotations",
            Merge::Moves(Key::Number),
            Erase::Blank { set: NO_PERSON_OFFERED, left: "search_key <> ''" },
        )
    },
    line("quotation_revision", "customer", "quotationRevisions", Merge::Stays, Erase::Delete),
    LinkedTable {
        name: Some(("sales_order", "number")),
        ..line(
            "sales_order",
            "customer",
            "salesOrders",
            Merge::Moves(Key::Number),
            Erase::Blank { set: NO_PERSON_ORDERED, left: "search_key <> ''" },
        )
    },
    line(
        "sales_payment",
        "customer",
        "payments",
        Merge::Moves(Key::Number),
        Erase::Blank { set: "note = null", left: "note is not null" },
    ),
    // The law keeps these as they were issued (Revenue Code, section 87/3), with whom they name.
    LinkedTable {
        name: Some(("tax_document", "number")),
        ..line("tax_document", "customer", "taxDocuments", Merge::Stays, Erase::Keep)
    },
    LinkedTable {
        name: Some(("activity", "no")),
        ..line(
            "activity",
            "customer",
            "activities",
            Merge::Moves(Key::Number),
            Erase::Blank {
                set: "subject = '', contact = null, note = null, report = null, outcome = null, next_step = null,
                      visit_location = null, visit_location_name = null, visit_place_id = null, visit_latitude = null,
                      visit_longitude = null, start_location = null, start_location_name = null, check_in = null,
                      check_out = null, search_key = '', version = version + 1",
                left: "subject <> ''",
            },
        )
    },
    LinkedTable {
        name: Some(("case", "no")),
        ..line(
            "service_case",
            "customer",
            "cases",
            Merge::Moves(Key::Number),
            Erase::Blank {
                set: "subject = '', note = null, search_key = '', version = version + 1",
                left: "subject <> '' or note is not null",
            },
        )
    },
    line(
        "case_comment",
        "customer",
        "caseComments",
        Merge::Moves(Key::Number),
        Erase::Blank { set: "body = ''", left: "body <> ''" },
    ),
    LinkedTable {
        condition: " and record_kind = 'customer'",
        ..line("attachment", "record", "attachments", Merge::Moves(Key::Text), Erase::Apart)
    },
    LinkedTable {
        name: Some(("task", "number")),
        ..line(
            "task",
            "customer",
            "tasks",
            Merge::Moves(Key::Number),
            Erase::Blank {
                set: "subject = '', note = null, checklist = null, labels = null, search_key = ''",
                left: "subject <> '' or note is not null or checklist is not null or labels is not null",
            },
        )
    },
    line(
        "mail",
        "customer",
        "mails",
        Merge::Moves(Key::Number),
        Erase::Blank {
            set: "recipients = '[]', copies = '[]', subject = '', body = '', attachments = '[]', message = null, answer = null,
                  state = case when state = 'queued' then 'failed' else state end,
                  done_at = case when state = 'queued' then next_at else done_at end, search_key = '', version = version + 1",
            left: "search_key <> ''",
        },
    ),
    line("privacy_request", "customer", "privacyRequests", Merge::Stays, Erase::Apart),
];

/// Ids of records, of one of the three types.
#[derive(Debug)]
pub(crate) enum Ids {
    Numbers(Vec<i64>),
    Uuids(Vec<Uuid>),
    Texts(Vec<String>),
}

impl Ids {
    /// Runs a query whose only column is such an id.
    pub(crate) async fn fetch(query: Query<'_>, key: Key) -> Result<Ids, db::Error> {
        Ok(match key {
            Key::Number => Ids::Numbers(query.all().await?),
            Key::Uuid => Ids::Uuids(query.all().await?),
            Key::Text => Ids::Texts(query.all().await?),
        })
    }

    /// Out of the text in which they are written down; what is of another type is left out.
    pub(crate) fn read(texts: &[String], key: Key) -> Ids {
        match key {
            Key::Number => Ids::Numbers(texts.iter().filter_map(|text| text.parse().ok()).collect()),
            Key::Uuid => Ids::Uuids(texts.iter().filter_map(|text| text.parse().ok()).collect()),
            Key::Text => Ids::Texts(texts.to_vec()),
        }
    }

    /// As text.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self {
            Ids::Numbers(ids) => ids.iter().map(i64::to_string).collect(),
            Ids::Uuids(ids) => ids.iter().map(Uuid::to_string).collect(),
            Ids::Texts(ids) => ids.clone(),
        }
    }

    /// As rows of one column, `id`.
    pub(crate) fn rows(&self) -> Rows {
        let of = |kind| Rows::new(&[("id", kind)]);
        match self {
            Ids::Numbers(ids) => ids.iter().fold(of(Type::BigInt), |mut rows, id| {
                rows.push([(*id).into()]);
                rows
            }),
            Ids::Uuids(ids) => ids.iter().fold(of(Type::Uuid), |mut rows, id| {
                rows.push([(*id).into()]);
                rows
            }),
            Ids::Texts(ids) => ids.iter().fold(of(Type::Text), |mut rows, id| {
                rows.push([id.as_str().into()]);
                rows
            }),
        }
    }

    /// In lots of at most `most`.
    pub(crate) fn lots(&self, most: usize) -> Vec<Ids> {
        match self {
            Ids::Numbers(ids) => ids.chunks(most).map(|lot| Ids::Numbers(lot.to_vec())).collect(),
            Ids::Uuids(ids) => ids.chunks(most).map(|lot| Ids::Uuids(lot.to_vec())).collect(),
            Ids::Texts(ids) => ids.chunks(most).map(|lot| Ids::Texts(lot.to_vec())).collect(),
        }
    }
}

impl LinkedTable {
    /// The records of a customer. All at once: looked for lot by lot, each look would pass what the lots before it moved.
    pub(crate) async fn all(&self, tx: &mut Conn, company: i64, customer: i64, key: Key) -> Result<Ids, db::Error> {
        let query = tx
            .sql("select id from ")
            .push(self.table)
            .push(" where company = $1 and ")
            .push(self.column)
            .push(" = $2")
            .push(self.condition)
            .push(" order by id")
            .bind(company)
            .bind(customer);
        Ids::fetch(query, key).await
    }

    /// Gives those of these records that are one customer's to another.
    pub(crate) async fn give(
        &self,
        tx: &mut Conn,
        company: i64,
        (from, to): (i64, i64),
        ids: &Ids,
    ) -> Result<u64, db::Error> {
        tx.sql("update ")
            .push(self.table)
            .push(" set ")
            .push(self.column)
            .push(" = ")
            .push_bind(to)
            .push(" where company = ")
            .push_bind(company)
            .push(" and ")
            .push(self.column)
            // The sum keeps PostgreSQL from walking through all of the customer's rows for each of the ids.
            .push(" + 0 = ")
            .push_bind(from)
            .push(self.condition)
            .push(" and id in (select id from ")
            .push_rows(&ids.rows())
            .push(" as input)")
            .exec()
            .await
    }
}
