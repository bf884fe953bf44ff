//! The kinds of record that can be imported: for each its columns, what a row is known by, how one is written and taken
//! back. A further kind is a file beside this one and an arm in each function here.

use std::collections::HashMap;

use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::header::{Column, Layout};
use super::record::Record;
use super::{activity, case, customer, deal, employee, order, product, stock, task, undo};
use crate::http::{Caller, Error};
pub(super) use crate::record::Outcome as Change;
use crate::record::Saved;
use crate::sales::deal::Row as Deal;
use crate::service::{Activity, Case};
use crate::task::Row as TaskRow;

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Customers.
    Customers,
    /// Employees.
    Employees,
    /// Products.
    Products,
    /// How much there is of products.
    Stock,
    /// Tasks.
    Tasks,
    /// Sales orders, a row for each line.
    Orders,
    /// Deals.
    Deals,
    /// Activities.
    Activities,
    /// Cases.
    Cases,
}

/// What became of a row.
#[derive(Debug)]
pub(super) struct Written {
    /// The record, by what it is found again when the import is taken back.
    pub(super) record: String,
    /// What the row did to it.
    pub(super) change: Change,
    /// The record's version afterwards.
    pub(super) version: i64,
    /// What looks wrong though it was taken: field and sentence.
    pub(super) warnings: Vec<(&'static str, String)>,
}

impl<R: crate::record::Record> From<Saved<R>> for Written {
    fn from(Saved { row, outcome, .. }: Saved<R>) -> Written {
        let head = row.head();
        Written { record: head.name.to_owned(), change: outcome, version: head.version, warnings: Vec::new() }
    }
}

impl Written {
    /// A record that was brought back is this import's own, as one that it made: taking it back deletes it again.
    pub(super) fn again(mut self, is_back: bool) -> Written {
        if is_back {
            self.change = Change::Created;
        }
        self
    }
}

/// A record that an import has written.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) record: String,
    pub(super) created: bool,
    pub(super) version: i64,
    /// The version that the import found.
    pub(super) was: i64,
    pub(super) before: Option<Value>,
}

/// What became of a record when its import was taken back.
#[derive(Debug)]
pub(super) enum Undone {
    /// It is as it was, in this version now.
    Restored(i64),
    /// It was left as it is.
    Kept(&'static str),
}

/// What is read once for a lot of rows.
#[derive(Debug)]
pub(super) enum Lot<'a> {
    Customers(customer::Lot),
    Employees(employee::Lot),
    Products(product::Lot<'a>),
    Stock(stock::Lot),
    /// With what was deleted of them, here and below.
    Tasks(HashMap<String, TaskRow>),
    Orders,
    Deals(HashMap<String, Deal>),
    Activities(HashMap<String, Activity>),
    Cases(HashMap<String, Case>),
}

/// What a row is written with.
pub(super) struct Task<'a> {
    pub(super) caller: &'a Caller,
    /// What is written down with movements of stock: it names the import.
    pub(super) note: &'a str,
    /// The second run through the file, in which rows are linked that came before what they name.
    pub(super) is_second: bool,
    /// Whether some row of the file is known by this key.
    pub(super) in_file: &'a (dyn Fn(&(&'static str, String)) -> bool + Sync),
    pub(super) now: i64,
}

/// What a record is taken back with.
pub(super) struct Undo<'a> {
    pub(super) caller: &'a Caller,
    /// What was written down with the import's movements of stock.
    pub(super) note: &'a str,
    /// When the import was asked for.
    pub(super) began: i64,
    pub(super) now: i64,
}

impl Kind {
    /// Every kind.
    pub(super) const ALL: [Kind; 9] = [
        Kind::Customers,
        Kind::Employees,
        Kind::Products,
        Kind::Stock,
        Kind::Tasks,
        Kind::Orders,
        Kind::Deals,
        Kind::Activities,
        Kind::Cases,
    ];

    /// The word in the database, in paths and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Customers => "customers",
            Kind::Employees => "employees",
            Kind::Products => "products",
            Kind::Stock => "stock",
            Kind::Tasks => "tasks",
            Kind::Orders => "orders",
            Kind::Deals => "deals",
            Kind::Activities => "activities",
            Kind::Cases => "cases",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name.trim()))
    }

    /// What a token must be allowed to do besides importing.
    pub(super) fn scope(self) -> &'static str {
        match self {
            Kind::Customers => "customer:write",
            Kind::Employees => "employee:write",
            Kind::Products | Kind::Stock => "product:write",
            Kind::Tasks => "task:write",
            Kind::Orders => "salesorder:write",
            Kind::Deals => "deal:write",
            Kind::Activities => "activity:write",
            Kind::Cases => "case:write",
        }
    }

    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Kind::Customers => customer::COLUMNS,
            Kind::Employees => employee::COLUMNS,
            Kind::Products => product::COLUMNS,
            Kind::Stock => stock::COLUMNS,
            Kind::Tasks => task::COLUMNS,
            Kind::Orders => order::COLUMNS,
            Kind::Deals => deal::COLUMNS,
            Kind::Activities => activity::COLUMNS,
            Kind::Cases => case::COLUMNS,
        }
    }

    /// The columns by which a file is read in the place of all, where those that were understood say so.
    pub(super) fn columns_beside(self, layout: &Layout) -> Option<&'static [Column]> {
        (self == Kind::Orders).then(|| order::columns_beside(layout))?
    }

    /// Whether a sheet is to be read before others in which more columns are understood.
    pub(super) fn is_first(self, layout: &Layout) -> bool {
        self == Kind::Orders && order::carries_lines(layout)
    }

    /// The field below which a mapping may name fields of the caller's own.
    pub(super) fn custom(self) -> Option<&'static str> {
        match self {
            Kind::Customers => Some("customFields"),
            // Prices by tier.
            Kind::Products => Some("prices"),
            Kind::Employees
            | Kind::Stock
            | Kind::Tasks
            | Kind::Orders
            | Kind::Deals
            | Kind::Activities
            | Kind::Cases => None,
        }
    }

    /// How many times the file is gone through.
    pub(super) fn passes(self) -> i64 {
        match self {
            Kind::Customers
            | Kind::Products
            | Kind::Stock
            | Kind::Tasks
            | Kind::Orders
            | Kind::Deals
            | Kind::Activities
            | Kind::Cases => 1,
            // An employee may stand above his superior in the file.
            Kind::Employees => 2,
        }
    }

    /// What a record is known by: no two rows of a file may have the same.
    pub(super) fn keys(self, record: &Record) -> Vec<(&'static str, String)> {
        match self {
            Kind::Customers => customer::keys(record),
            Kind::Employees => employee::keys(record),
            Kind::Products => product::keys(record),
            Kind::Stock => stock::keys(record),
            Kind::Tasks => task::keys(record),
            // Every line of an order is a row.
            Kind::Orders => Vec::new(),
            Kind::Deals => deal::keys(record),
            Kind::Activities => activity::keys(record),
            Kind::Cases => case::keys(record),
        }
    }

    /// What rows of a file may have in common all the same: they are counted, so that each is known by its place among them.
    pub(super) fn counted(self, record: &Record) -> Vec<(&'static str, String)> {
        match self {
            Kind::Orders => order::counted(record),
            Kind::Customers
            | Kind::Employees
            | Kind::Products
            | Kind::Stock
            | Kind::Tasks
            | Kind::Deals
            | Kind::Activities
            | Kind::Cases => Vec::new(),
        }
    }

    /// The field of the number by which alone a record of this kind is found again.
    pub(super) fn number(self) -> Option<&'static str> {
        match self {
            Kind::Tasks => Some("taskNo"),
            Kind::Deals => Some("dealNo"),
            Kind::Activities => Some("activityNo"),
            Kind::Cases => Some("caseNo"),
            Kind::Customers | Kind::Employees | Kind::Products | Kind::Stock | Kind::Orders => None,
        }
    }

    /// Reads what a lot of rows needs, in a few statements for all of them.
    pub(super) async fn prepare<'a>(
        self,
        tx: &mut Conn,
        task: &Task<'a>,
        records: &[&Record],
    ) -> Result<Lot<'a>, Error> {
        let company = task.caller.company;
        let keys = || records.iter().flat_map(|record| self.keys(record)).map(|(_, key)| key).collect();
        match self {
            Kind::Customers => Box::pin(customer::prepare(tx, company, records)).await.map(Lot::Customers),
            Kind::Employees => Box::pin(employee::prepare(tx, company, records)).await.map(Lot::Employees),
            Kind::Products => Box::pin(product::prepare(tx, task, records)).await.map(Lot::Products),
            Kind::Stock => Box::pin(stock::prepare(tx, task, records)).await.map(Lot::Stock),
            Kind::Tasks => undo::gone(tx, company, "number_key", keys()).await.map(Lot::Tasks),
            Kind::Orders => Ok(Lot::Orders),
            Kind::Deals => undo::gone(tx, company, "number_key", keys()).await.map(Lot::Deals),
            Kind::Activities => undo::gone(tx, company, "no_key", keys()).await.map(Lot::Activities),
            Kind::Cases => undo::gone(tx, company, "no_key", keys()).await.map(Lot::Cases),
        }
    }

    /// Puts a record that an import wrote back to what it was, unless somebody has changed it since.
    pub(super) async fn undo(self, tx: &mut Conn, undo: &Undo<'_>, line: &Line) -> Result<Undone, Error> {
        match self {
            Kind::Customers => Box::pin(customer::undo(tx, undo.caller, line, undo.now)).await,
            Kind::Employees => Box::pin(employee::undo(tx, undo.caller, line, undo.now)).await,
            Kind::Products => Box::pin(product::undo(tx, undo, line)).await,
            Kind::Stock => Box::pin(stock::undo(tx, undo, line)).await,
            Kind::Tasks => Box::pin(task::undo(tx, undo.caller, line, undo.now)).await,
            Kind::Orders => Box::pin(order::undo(tx, undo.caller, line, undo.now)).await,
            Kind::Deals => Box::pin(deal::undo(tx, undo.caller, line, undo.now)).await,
            Kind::Activities => Box::pin(activity::undo(tx, undo.caller, line, undo.now)).await,
            Kind::Cases => Box::pin(case::undo(tx, undo.caller, line, undo.now)).await,
        }
    }
}

impl Lot<'_> {
    /// Writes one row.
    pub(super) async fn write(&mut self, tx: &mut Conn, task: &Task<'_>, record: &Record) -> Result<Written, Error> {
        match self {
            Lot::Customers(lot) => Box::pin(lot.write(tx, task, record)).await,
            Lot::Employees(lot) => Box::pin(lot.write(tx, task, record)).await,
            Lot::Products(lot) => Box::pin(lot.write(tx, task, record)).await,
            Lot::Stock(lot) => lot.write(task, record),
            Lot::Tasks(gone) => Box::pin(super::task::write(tx, task, gone, record)).await,
            Lot::Orders => Box::pin(super::order::write(tx, task, record)).await,
            Lot::Deals(gone) => Box::pin(deal::write(tx, task, gone, record)).await,
            Lot::Activities(gone) => Box::pin(activity::write(tx, task, gone, record)).await,
            Lot::Cases(gone) => Box::pin(case::write(tx, task, gone, record)).await,
        }
    }

    /// Writes what was kept to be written at once.
    pub(super) async fn close(self, tx: &mut Conn, task: &Task<'_>) -> Result<(), Error> {
        match self {
            Lot::Customers(_) | Lot::Employees(_) | Lot::Products(_) => Ok(()),
            Lot::Tasks(_) | Lot::Orders | Lot::Deals(_) | Lot::Activities(_) | Lot::Cases(_) => Ok(()),
            Lot::Stock(lot) => lot.close(tx, task).await,
        }
    }
}
