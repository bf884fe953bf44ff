//! The ledger of stock. A unit of work opens it for some products, which holds them; changes are judged and entered in
//! memory; closing it writes the quantities, a movement for each change, and what subscribers are told: a handful of
//! statements, however many products there are.

use std::collections::{BTreeMap, HashMap};

use db::{Amount, Conn, Rows, Type};
use serde::{Deserialize, Serialize};

use super::item::Item;
use crate::event::{self, Event};
use crate::http::{Caller, Error};
use crate::setting::profile;

/// In whose name, and when, stock is changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    /// The tenant.
    pub(crate) company: i64,
    /// The id of an API client.
    pub(crate) actor: &'a str,
    /// Unix milliseconds.
    pub(crate) now: i64,
}

impl<'a> By<'a> {
    /// The caller of a request.
    pub(crate) fn caller(caller: &'a Caller, now: i64) -> By<'a> {
        By { company: caller.company, actor: &caller.id, now }
    }
}

/// Why a quantity changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Initial,
    Set,
    Sale,
    Return,
    Receipt,
    Transfer,
    Count,
    Damage,
    Loss,
    Adjustment,
}

impl Reason {
    /// Every reason.
    pub(crate) const ALL: [Reason; 10] = [
        Reason::Initial,
        Reason::Set,
        Reason::Sale,
        Reason::Return,
        Reason::Receipt,
        Reason::Transfer,
        Reason::Count,
        Reason::Damage,
        Reason::Loss,
        Reason::Adjustment,
    ];

    /// The word in the database and in the API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Reason::Initial => "initial",
            Reason::Set => "set",
            Reason::Sale => "sale",
            Reason::Return => "return",
            Reason::Receipt => "receipt",
            Reason::Transfer => "transfer",
            Reason::Count => "count",
            Reason::Damage => "damage",
            Reason::Loss => "loss",
            Reason::Adjustment => "adjustment",
        }
    }

    /// The reason of a word, in any letter case.
    pub(crate) fn read(word: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.word().eq_ignore_ascii_case(word.trim()))
    }
}

/// What is written down of a change beside the quantity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) reason: Reason,
    pub(crate) document: Option<&'a str>,
    pub(crate) note: Option<&'a str>,
    /// The bundle that the product moves in.
    pub(crate) bundle: Option<i64>,
}

impl Cause<'_> {
    /// A change that needs no more than its reason.
    pub(crate) fn of(reason: Reason) -> Cause<'static> {
        Cause { reason, document: None, note: None, bundle: None }
    }
}

/// Why a change is not entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Fewer are there, or free, than are wanted.
    Short {
        /// As many as there are.
        available: Amount,
    },
    /// The number cannot be stored.
    TooLarge,
}

/// A change that was entered.
#[derive(Debug, Clone)]
pub(crate) struct Movement {
    pub(crate) product: i64,
    pub(crate) number: i64,
    pub(crate) warehouse: i64,
    pub(crate) delta: Amount,
    pub(crate) balance: Amount,
    pub(crate) reason: Reason,
    pub(crate) document: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) bundle: Option<i64>,
}

/// What is in a warehouse, and how much of that is reserved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) quantity: Amount,
    pub(crate) reserved: Amount,
}

impl Balance {
    /// What can still be sold; less than nothing when a count found less than is reserved.
    pub(crate) fn available(self) -> Amount {
        self.quantity.checked_sub(self.reserved).unwrap_or(Amount::ZERO)
    }

    /// Both together.
    pub(crate) fn plus(self, other: Balance) -> Balance {
        let add = |one: Amount, other: Amount| one.checked_add(other).unwrap_or(one);
        Balance { quantity: add(self.quantity, other.quantity), reserved: add(self.reserved, other.reserved) }
    }
}

#[derive(Debug)]
struct Level {
    item: Item,
    /// The number of the last movement.
    moves: i64,
    /// The same when the ledger was opened.
    moves_before: i64,
    was_low: bool,
}

/// Stock of some products, held until the unit of work ends.
#[derive(Debug)]
pub(crate) struct Ledger {
    levels: HashMap<i64, Level>,
    balances: HashMap<(i64, i64), Balance>,
    movements: Vec<Movement>,
    may_be_negative: bool,
}

impl Ledger {
    /// Holds these products under the company's rule of whether stock may fall below zero.
    pub(crate) async fn open(tx: &mut Conn, by: &By<'_>, items: &[&Item]) -> Result<Ledger, Error> {
        let may_be_negative = profile::of(tx, by.company).await?.allow_negative_stock;
        Ledger::hold(tx, by, items, may_be_negative).await
    }

    /// Holds these products, in the order of their numbers so that two units wait for each other and never in a circle.
    pub(crate) async fn hold(
        tx: &mut Conn,
        by: &By<'_>,
        items: &[&Item],
        may_be_negative: bool,
    ) -> Result<Ledger, Error> {
        let mut items: Vec<&Item> = items.to_vec();
        items.sort_unstable_by_key(|item| item.id);
        items.dedup_by_key(|item| item.id);
        let ids: Vec<i64> = items.iter().map(|item| item.id).collect();
        let mut ledger =
            Ledger { levels: HashMap::new(), balances: HashMap::new(), movements: Vec::new(), may_be_negative };
        if ids.is_empty() {
            return Ok(ledger);
        }
        let held: Vec<(i64, i64, bool)> = tx
            .sql("insert into stock_level (company, product, moves, is_low) select ")
            .push_bind(by.company)
            .push(", id, 0, false from ")
            .push_ids(&ids)
            .push(
                " as input where true order by id
                 on conflict (company, product) do update set moves = stock_level.moves
                 returning product, moves, is_low",
            )
            .all()
            .await?;
        let mut by_id: HashMap<i64, &Item> = items.into_iter().map(|item| (item.id, item)).collect();
        for (product, moves, was_low) in held {
            if let Some(item) = by_id.remove(&product) {
                ledger.levels.insert(product, Level { item: item.clone(), moves, moves_before: moves, was_low });
            }
        }
        ledger.balances = balances(tx, by.company, &ids, by.now).await?;
        Ok(ledger)
    }

    /// What is in a warehouse now.
    pub(crate) fn balance(&self, product: i64, warehouse: i64) -> Balance {
        self.balances.get(&(product, warehouse)).copied().unwrap_or_default()
    }

    /// The number of a product's last movement.
    pub(crate) fn moves(&self, product: i64) -> i64 {
        self.levels.get(&product).map_or(0, |level| level.moves)
    }

    /// Whether a product's stock has never been written before.
    pub(crate) fn is_new(&self, product: i64) -> bool {
        self.levels.get(&product).is_none_or(|level| level.moves_before == 0)
    }

    /// What is in all warehouses now, product by product.
    pub(crate) fn totals(&self) -> HashMap<i64, Amount> {
        let mut totals: HashMap<i64, Amount> = HashMap::with_capacity(self.levels.len());
        for ((product, _), balance) in &self.balances {
            let total = totals.entry(*product).or_default();
            *total = total.checked_add(balance.quantity).unwrap_or(*total);
        }
        totals
    }

    /// Makes the quantity in a warehouse be this; what is there already is no movement.
    pub(crate) fn set(
        &mut self,
        product: i64,
        warehouse: i64,
        quantity: Amount,
        cause: &Cause<'_>,
    ) -> Result<(), Refusal> {
        let there = self.balance(product, warehouse).quantity;
        if quantity < Amount::ZERO && quantity < there && !self.may_be_negative {
            return Err(Refusal::Short { available: there });
        }
        let delta = quantity.checked_sub(there).ok_or(Refusal::TooLarge)?;
        self.enter(product, warehouse, delta, cause)
    }

    /// Puts so many more there, or takes them away: a fact, which reservations do not hinder.
    pub(crate) fn add(
        &mut self,
        product: i64,
        warehouse: i64,
        delta: Amount,
        cause: &Cause<'_>,
    ) -> Result<(), Refusal> {
        let there = self.balance(product, warehouse).quantity;
        let after = there.checked_add(delta).ok_or(Refusal::TooLarge)?;
        if delta < Amount::ZERO && after < Amount::ZERO && !self.may_be_negative {
            return Err(Refusal::Short { available: there });
        }
        self.enter(product, warehouse, delta, cause)
    }

    /// Takes so many of those that are not reserved.
    pub(crate) fn take(
        &mut self,
        product: i64,
        warehouse: i64,
        quantity: Amount,
        cause: &Cause<'_>,
    ) -> Result<(), Refusal> {
        self.must_have(product, warehouse, quantity)?;
        let delta = Amount::ZERO.checked_sub(quantity).ok_or(Refusal::TooLarge)?;
        self.enter(product, warehouse, delta, cause)
    }

    /// Keeps so many for somebody; the caller writes the reservation.
    pub(crate) fn reserve(&mut self, product: i64, warehouse: i64, quantity: Amount) -> Result<(), Refusal> {
        self.must_have(product, warehouse, quantity)?;
        let balance = self.balances.entry((product, warehouse)).or_default();
        balance.reserved = balance.reserved.checked_add(quantity).ok_or(Refusal::TooLarge)?;
        Ok(())
    }

    fn must_have(&self, product: i64, warehouse: i64, quantity: Amount) -> Result<(), Refusal> {
        let available = self.balance(product, warehouse).available();
        if quantity > available && !self.may_be_negative { Err(Refusal::Short { available }) } else { Ok(()) }
    }

    fn enter(&mut self, product: i64, warehouse: i64, delta: Amount, cause: &Cause<'_>) -> Result<(), Refusal> {
        let balance = self.balances.entry((product, warehouse)).or_default();
        let after = balance.quantity.checked_add(delta).ok_or(Refusal::TooLarge)?;
        let Some(level) = self.levels.get_mut(&product).filter(|_| delta != Amount::ZERO) else { return Ok(()) };
        balance.quantity = after;
        level.moves += 1;
        self.movements.push(Movement {
            product,
            number: level.moves,
            warehouse,
            delta,
            balance: after,
            reason: cause.reason,
            document: cause.document.map(str::to_owned),
            note: cause.note.map(str::to_owned),
            bundle: cause.bundle,
        });
        Ok(())
    }

    /// Writes what was entered, and tells subscribers. After the commit, wake the webhook job.
    pub(crate) async fn close(self, tx: &mut Conn, by: &By<'_>) -> Result<Vec<Movement>, Error> {
        if self.movements.is_empty() {
            return Ok(self.movements);
        }
        self.write_quantities(tx, by.company).await?;
        self.write_movements(tx, by).await?;
        self.write_levels(tx, by).await?;
        Ok(self.movements)
    }

    async fn write_quantities(&self, tx: &mut Conn, company: i64) -> Result<(), db::Error> {
        // The last movement of each product in each warehouse says what is there.
        let last: BTreeMap<(i64, i64), Amount> =
            self.movements.iter().map(|movement| ((movement.product, movement.warehouse), movement.balance)).collect();
        let mut rows = Rows::new(&[("product", Type::BigInt), ("warehouse", Type::BigInt), ("quantity", Type::BigInt)]);
        for ((product, warehouse), quantity) in last {
            rows.push([product.into(), warehouse.into(), quantity.into()]);
        }
        tx.sql("insert into product_stock (company, product, warehouse, quantity) select ")
            .push_bind(company)
            .push(", product, warehouse, quantity from ")
            .push_rows(&rows)
            .push(
                " as input where true
                 on conflict (company, product, warehouse) do update set quantity = excluded.quantity",
            )
            .later()
            .await
    }

    async fn write_movements(&self, tx: &mut Conn, by: &By<'_>) -> Result<(), db::Error> {
        let mut rows = Rows::new(&[
            ("product", Type::BigInt),
            ("number", Type::BigInt),
            ("warehouse", Type::BigInt),
            ("delta", Type::BigInt),
            ("balance", Type::BigInt),
            ("reason", Type::Text),
            ("document", Type::Text),
            ("note", Type::Text),
            ("bundle", Type::BigInt),
        ]);
        for movement in &self.movements {
            rows.push([
                movement.product.into(),
                movement.number.into(),
                movement.warehouse.into(),
                movement.delta.into(),
                movement.balance.into(),
                movement.reason.word().into(),
                movement.document.as_deref().into(),
                movement.note.as_deref().into(),
                movement.bundle.into(),
            ]);
        }
        tx.sql(
            "insert into stock_movement (company, product, number, warehouse, delta, balance, reason, document, note, bundle,
                                         actor, at)
             select ",
        )
        .push_bind(by.company)
        .push(", product, number, warehouse, delta, balance, reason, document, note, bundle, ")
        .push_bind(by.actor)
        .push(", ")
        .push_bind(by.now)
        .push(" from ")
        .push_rows(&rows)
        .push(" as input")
        .later()
        .await
    }

    /// Counts the movements, and says once that a product has become low: not again before it was above its level.
    async fn write_levels(&self, tx: &mut Conn, by: &By<'_>) -> Result<(), Error> {
        let mut rows = Rows::new(&[
            ("company", Type::BigInt),
            ("product", Type::BigInt),
            ("moves", Type::BigInt),
            ("is_low", Type::Boolean),
        ]);
        let mut told: Vec<(String, &'static str, i64, String)> = Vec::new();
        let mut changes: BTreeMap<i64, Vec<Change>> = BTreeMap::new();
        for movement in &self.movements {
            changes.entry(movement.product).or_default().push(Change::of(movement));
        }
        let totals = self.totals();
        for (product, changes) in changes {
            let Some(level) = self.levels.get(&product) else { continue };
            let (item, qty) = (&level.item, totals.get(&product).copied().unwrap_or_default());
            let is_low = item.track_inventory && item.low_stock_alert.is_some_and(|alert| qty <= alert);
            rows.push([by.company.into(), product.into(), level.moves.into(), is_low.into()]);
            // A product's first quantity is where it begins, and a new product's own event tells of it.
            let is_new = level.moves_before == 0;
            let subject = format!("stock/{product}");
            if !(is_new && changes.iter().all(|change| change.reason == Reason::Initial.word())) {
                let body = StockChanged {
                    product_id: product,
                    product_code: &item.code,
                    qty,
                    low_stock_alert: item.low_stock_alert,
                    changes,
                };
                let body = event::body("Product", "StockChanged", "Stock", &body)?;
                told.push((subject.clone(), "StockChanged", level.moves * 2, body));
            }
            if is_low && !level.was_low && !is_new {
                let low = LowStock {
                    product_id: product,
                    product_code: &item.code,
                    product_name: &item.name,
                    qty,
                    low_stock_alert: item.low_stock_alert,
                };
                let body = event::body("Product", "LowStock", "Stock", &low)?;
                told.push((subject, "LowStock", level.moves * 2 + 1, body));
            }
        }
        tx.sql("update stock_level set moves = input.moves, is_low = input.is_low")
            .push_each(rows)
            .push(" where stock_level.company = input.company and stock_level.product = input.product")
            .later()
            .await?;
        let events: Vec<Event<'_>> = told
            .iter()
            .map(|(subject, name, place, body)| Event {
                company: by.company,
                topic: "Product",
                name,
                subject,
                place: *place,
                body: body.clone(),
                at: by.now,
            })
            .collect();
        Ok(event::emit_all(tx, &events).await?)
    }
}

/// What subscribers are told of a product whose stock has changed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StockChanged<'a> {
    product_id: i64,
    product_code: &'a str,
    qty: Amount,
    low_stock_alert: Option<Amount>,
    changes: Vec<Change<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    warehouse_id: i64,
    delta: Amount,
    balance: Amount,
    reason: &'static str,
    document: Option<&'a str>,
}

impl Change<'_> {
    fn of(movement: &Movement) -> Change<'_> {
        Change {
            warehouse_id: movement.warehouse,
            delta: movement.delta,
            balance: movement.balance,
            reason: movement.reason.word(),
            document: movement.document.as_deref(),
        }
    }
}

/// What subscribers are told of a product that has become low.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LowStock<'a> {
    product_id: i64,
    product_code: &'a str,
    product_name: &'a str,
    qty: Amount,
    low_stock_alert: Option<Amount>,
}

/// So many of a product that a document took and has not given back, by itself or in a bundle.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Taken {
    pub(super) product: i64,
    pub(super) warehouse: i64,
    pub(super) bundle: Option<i64>,
    pub(super) quantity: Amount,
}

/// What a document took from stock and has not given back.
pub(crate) async fn taken(conn: &mut Conn, company: i64, document: &str) -> Result<Vec<Taken>, db::Error> {
    conn.sql(
        "select product, warehouse, bundle, cast(-sum(delta) as bigint) as quantity from stock_movement
         where company = $1 and document = $2 and reason in ('sale', 'return')
         group by product, warehouse, bundle having sum(delta) < 0 order by product, warehouse, bundle",
    )
    .bind(company)
    .bind(document)
    .all()
    .await
}

/// What is there and what is reserved of these products, by product and warehouse.
pub(crate) async fn balances(
    conn: &mut Conn,
    company: i64,
    products: &[i64],
    now: i64,
) -> Result<HashMap<(i64, i64), Balance>, db::Error> {
    #[derive(Deserialize)]
    struct Found {
        product: i64,
        warehouse: i64,
        quantity: Amount,
        reserved: Amount,
    }
    let mut balances: HashMap<(i64, i64), Balance> = HashMap::with_capacity(products.len());
    if products.is_empty() {
        return Ok(balances);
    }
    let found: Vec<Found> = conn
        .sql("select stock.product, stock.warehouse, stock.quantity, cast(0 as bigint) as reserved from ")
        .push_ids(products)
        .push(" as input cross join product_stock as stock where stock.product = input.id and stock.company = ")
        .push_bind(company)
        .push(
            " union all
             select line.product, line.warehouse, cast(0 as bigint) as quantity, cast(sum(line.quantity) as bigint) as reserved from ",
        )
        .push_ids(products)
        .push(" as input cross join stock_reservation_line as line where line.product = input.id and line.company = ")
        .push_bind(company)
        .push(" and line.is_open and (line.expires_at is null or line.expires_at > ")
        .push_bind(now)
        .push(") group by line.product, line.warehouse")
        .all()
        .await?;
    for Found { product, warehouse, quantity, reserved } in found {
        let balance = balances.entry((product, warehouse)).or_default();
        *balance = balance.plus(Balance { quantity, reserved });
    }
    Ok(balances)
}
