//! How much of each product there is, and where. Other code sells, takes back and reserves through the functions here;
//! every change goes through the ledger.

mod change;
mod item;
mod ledger;
mod movement;
pub(crate) mod reservation;
pub(crate) mod set;
mod warehouse;

use std::collections::{BTreeMap, HashMap, HashSet};

use db::{Amount, Conn};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;

pub(crate) use self::item::{Item, Line, by_ids as items, codes_of};
pub(crate) use self::ledger::{By, Cause, Movement, Reason, Taken, taken};
use self::ledger::{Ledger, Refusal};
pub(super) use self::set::ProductItemError;
use self::warehouse::OWN;
pub(crate) use self::warehouse::Warehouses;
use crate::app::App;
use crate::http::{Code, Error, Fault};
use crate::search;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(set::routes())
        .merge(movement::routes())
        .merge(change::routes())
        .merge(reservation::routes())
}

/// A quantity in the company's own warehouse that was changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    /// What there was of it.
    pub(super) was: Amount,
    /// What there is in all warehouses now.
    pub(super) total: Amount,
}

/// Makes the quantities in the company's own warehouse be what products were written with; a product whose variants or
/// parts have the stock is passed over. Answers those for which that is a change; `note` is written down with them.
pub(super) async fn initial(
    tx: &mut Conn,
    by: &By<'_>,
    mut quantities: Vec<(Item, Amount)>,
    note: Option<&str>,
) -> Result<HashMap<i64, Moved>, Error> {
    quantities.retain(|(item, _)| item.without_stock().is_none());
    if quantities.is_empty() {
        return Ok(HashMap::new());
    }
    // Most who write a product again say what is there already: that needs no lock.
    let ids: Vec<i64> = quantities.iter().map(|(item, _)| item.id).collect();
    let there = own(tx, by.company, &ids).await?;
    quantities.retain(|(item, quantity)| there.get(&item.id) != Some(quantity));
    if quantities.is_empty() {
        return Ok(HashMap::new());
    }
    let items: Vec<&Item> = quantities.iter().map(|(item, _)| item).collect();
    // Such a quantity is never below zero.
    let mut ledger = Ledger::hold(tx, by, &items, false).await?;
    for (item, quantity) in &quantities {
        let reason = if ledger.is_new(item.id) { Reason::Initial } else { Reason::Set };
        let refused = |why| Error::Conflict(fault(why, "qty", item, OWN, *quantity));
        ledger.set(item.id, OWN, *quantity, &Cause { note, ..Cause::of(reason) }).map_err(refused)?;
    }
    let totals = ledger.totals();
    let moved = ledger.close(tx, by).await?.into_iter().map(|movement| {
        let was = movement.balance.checked_sub(movement.delta).unwrap_or_default();
        (movement.product, Moved { was, total: totals.get(&movement.product).copied().unwrap_or_default() })
    });
    Ok(moved.collect())
}

/// How much there is in the company's own warehouse, of those of which there ever was something.
pub(super) async fn own(conn: &mut Conn, company: i64, ids: &[i64]) -> Result<HashMap<i64, Amount>, db::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(i64, Amount)> = conn
        .sql("select stock.product, stock.quantity from ")
        .push_ids(ids)
        .push(" as input cross join product_stock as stock where stock.product = input.id and stock.company = ")
        .push_bind(company)
        .push(" and stock.warehouse = ")
        .push_bind(OWN)
        .all()
        .await?;
    Ok(found.into_iter().collect())
}

/// The last movement of a product.
#[derive(Debug, Deserialize)]
pub(crate) struct Last {
    pub(crate) number: i64,
    warehouse: i64,
    pub(crate) note: Option<String>,
    pub(crate) at: i64,
}

/// The last movement of a product that counts, whose stock is held until the unit of work ends.
pub(crate) async fn last(tx: &mut Conn, company: i64, product: i64) -> Result<Option<Last>, db::Error> {
    tx.sql("update stock_level set moves = moves where company = $1 and product = $2")
        .bind(company)
        .bind(product)
        .exec()
        .await?;
    standing(tx, company, product, None).await
}

/// What is noted at a movement that takes another one back, before what is noted there.
pub(crate) const UNDO: &str = "undo of ";

/// The last movement of a product, in one warehouse or all, that counts: what an import moved and what its undoing moved back
/// cancel each other.
async fn standing(
    conn: &mut Conn,
    company: i64,
    product: i64,
    warehouse: Option<i64>,
) -> Result<Option<Last>, db::Error> {
    const PAGE: i64 = 50;
    // More of them than this have not been taken back by anybody.
    const PAGES: usize = 20;
    let mut undone: HashSet<(i64, String)> = HashSet::new();
    let (mut below, mut newest) = (i64::MAX, None);
    for _ in 0..PAGES {
        let mut query =
            conn.sql("select number, warehouse, note, at from stock_movement where company = $1 and product = $2");
        query = query.bind(company).bind(product).push(" and number < ").push_bind(below);
        if let Some(warehouse) = warehouse {
            query = query.push(" and warehouse = ").push_bind(warehouse);
        }
        let page: Vec<Last> = query.push(" order by number desc limit ").push_bind(PAGE).all().await?;
        let is_last = search::number(page.len()) < PAGE;
        for movement in page {
            below = movement.number;
            let note = movement.note.clone().unwrap_or_default();
            if let Some(taken_back) = note.strip_prefix(UNDO) {
                undone.insert((movement.warehouse, taken_back.to_owned()));
            } else if !undone.contains(&(movement.warehouse, note)) {
                return Ok(Some(movement));
            }
            newest = newest.or(Some(movement));
        }
        if is_last {
            return Ok(None);
        }
    }
    Ok(newest)
}

/// How much there is of each of these products, in all warehouses; one that is not named has none.
pub(super) async fn quantities(conn: &mut Conn, company: i64, ids: &[i64]) -> Result<HashMap<i64, Amount>, db::Error> {
    let found: Vec<(i64, Amount)> = conn
        .sql("select stock.product, cast(sum(stock.quantity) as bigint) from ")
        .push_ids(ids)
        .push(" as input cross join product_stock as stock where stock.product = input.id and stock.company = ")
        .push_bind(company)
        .push(" group by stock.product")
        .all()
        .await?;
    Ok(found.into_iter().collect())
}

/// 409 that names each line of which more is wanted than is there: nothing is kept, so it may be gone a moment later.
pub(crate) async fn must_have(conn: &mut Conn, by: &By<'_>, lines: Vec<Line>) -> Result<(), Error> {
    let lines = item::take_apart(conn, by.company, lines).await?;
    let products: Vec<i64> = lines.iter().map(|line| line.item.id).collect();
    let mut left = ledger::balances(conn, by.company, &products, by.now).await?;
    each(&lines, |line| {
        let there = &mut left.entry((line.item.id, line.warehouse)).or_default().quantity;
        if line.quantity > *there {
            return Err(Refusal::Short { available: *there });
        }
        *there = there.checked_sub(line.quantity).ok_or(Refusal::TooLarge)?;
        Ok(())
    })
}

/// Takes what a document sells: bundles as their parts, and only what is not reserved for others. All of it or nothing:
/// 409 that names each line of which there are not enough.
pub(crate) async fn sell(
    tx: &mut Conn,
    by: &By<'_>,
    document: Option<&str>,
    lines: Vec<Line>,
) -> Result<Vec<Movement>, Error> {
    let lines = item::take_apart(tx, by.company, lines).await?;
    let mut ledger = open(tx, by, &lines).await?;
    let cause = Cause { document, ..Cause::of(Reason::Sale) };
    each(&lines, |line| {
        let cause = Cause { bundle: line.item.bundle, ..cause };
        ledger.take(line.item.id, line.warehouse, line.quantity, &cause)
    })?;
    ledger.close(tx, by).await
}

/// Puts back what a document had sold: bundles as their parts.
pub(crate) async fn take_back(
    tx: &mut Conn,
    by: &By<'_>,
    document: Option<&str>,
    lines: Vec<Line>,
) -> Result<Vec<Movement>, Error> {
    let lines = item::take_apart(tx, by.company, lines).await?;
    put_back(tx, by, document, &lines).await
}

/// Puts back what a document took for its lines ([`taken`]): a bundle may have other parts by now, and stock may be kept
/// of a product of which none was. `out` is how many of each line are away, those that come back included.
pub(crate) async fn give_back(
    tx: &mut Conn,
    by: &By<'_>,
    document: &str,
    taken: &[Taken],
    out: Vec<Line>,
    back: Vec<Line>,
) -> Result<Vec<Movement>, Error> {
    let items = item::by_ids(tx, by.company, &taken.iter().map(|part| part.product).collect::<Vec<i64>>()).await?;
    let out = together(out);
    let (mut lines, mut single): (Vec<Line>, Vec<Line>) = (Vec::new(), Vec::new());
    for (key, line) in together(back) {
        let whole = out.get(&key).map_or(line.quantity, |out| out.quantity);
        let parts = taken.iter().filter(|part| (part.bundle, part.warehouse) == (Some(line.item.id), line.warehouse));
        let parts = parts.filter_map(|part| {
            let item = Item { bundle: part.bundle, ..items.get(&part.product)?.clone() };
            let quantity = share(part.quantity, line.quantity, whole)?;
            Some(Line { item, quantity, ..line.clone() })
        });
        let parts: Vec<Line> = parts.collect();
        if parts.is_empty() {
            single.push(line);
        } else {
            lines.extend(parts);
        }
    }
    // Nothing else comes back that was not taken; what bundles took was once not told apart.
    let by_themselves = taken.iter().filter(|part| part.bundle.is_none());
    let mut left: HashMap<(i64, i64), Amount> =
        by_themselves.map(|part| ((part.product, part.warehouse), part.quantity)).collect();
    for mut line in item::apart(tx, by.company, single).await? {
        let left = left.entry((line.item.id, line.warehouse)).or_default();
        line.quantity = line.quantity.min(*left);
        *left = left.checked_sub(line.quantity).unwrap_or_default();
        line.item.bundle = None;
        lines.push(line);
    }
    put_back(tx, by, Some(document), &lines).await
}

async fn put_back(tx: &mut Conn, by: &By<'_>, document: Option<&str>, lines: &[Line]) -> Result<Vec<Movement>, Error> {
    let mut ledger = open(tx, by, lines).await?;
    let cause = Cause { document, ..Cause::of(Reason::Return) };
    each(lines, |line| {
        let cause = Cause { bundle: line.item.bundle, ..cause };
        ledger.add(line.item.id, line.warehouse, line.quantity, &cause)
    })?;
    ledger.close(tx, by).await
}

/// One line for each product in each warehouse.
fn together(lines: Vec<Line>) -> BTreeMap<(i64, i64), Line> {
    let mut all: BTreeMap<(i64, i64), Line> = BTreeMap::new();
    for line in lines {
        let more = line.quantity;
        all.entry((line.item.id, line.warehouse))
            .and_modify(|known| known.quantity = known.quantity.checked_add(more).unwrap_or(known.quantity))
            .or_insert(line);
    }
    all
}

/// As much of a quantity as `part` is of `whole`, to four places; all of it with the last.
fn share(quantity: Amount, part: Amount, whole: Amount) -> Option<Amount> {
    if part >= whole {
        return Some(quantity);
    }
    let units = i128::from(quantity.units()) * i128::from(part.units()) / i128::from(whole.units());
    i64::try_from(units).ok().map(Amount::from_units)
}

async fn open(tx: &mut Conn, by: &By<'_>, lines: &[Line]) -> Result<Ledger, Error> {
    let items: Vec<&Item> = lines.iter().map(|line| &line.item).collect();
    Ledger::open(tx, by, &items).await
}

/// Enters each line; 409 with every line that was refused.
fn each(lines: &[Line], mut enter: impl FnMut(&Line) -> Result<(), Refusal>) -> Result<(), Error> {
    let mut faults: Vec<Fault> = Vec::new();
    for line in lines {
        if let Err(why) = enter(line)
            && !faults.iter().any(|known| known.field == line.field)
        {
            faults.push(fault(why, &line.field, &line.item, line.warehouse, line.quantity));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Conflicts(faults)) }
}

/// A refusal in words.
fn fault(why: Refusal, field: &str, item: &Item, warehouse: i64, wanted: Amount) -> Fault {
    match why {
        Refusal::Short { available } => {
            let message = format!("{available} of {} are available in warehouse {warehouse}, not {wanted}", item.code);
            Fault::new(Code::InsufficientStock, field, message)
        }
        Refusal::TooLarge => Fault::new(Code::OutOfRange, field, format!("{field} is too large")),
    }
}
