//! Writing products: one call for an item or for a product with its variants, planned first and then carried out, so
//! that what is wrong with one product is known before anything of it is written.

use std::collections::HashMap;

use db::{Amount, Conn, Rows, Type};
use serde_json::{Value, json};

use super::input::ProductWrite;
use super::links::{self, Full, Links};
use super::names::Names;
use super::plan::{Demand, Piece, Plan};
use super::stock::{self, By, Item, Moved};
use super::store::{self, Row};
use crate::audit::{self, Change};
use crate::http::{Caller, Error, Faults};
use crate::record::{Outcome, Written};
use crate::setting::choice;
use crate::setting::list::List;
use crate::setting::number::{self, Pattern};
use crate::setting::profile;
use crate::time::{self, Zone};

/// Creates a product, or updates the one whose code (or whose variants' codes) is given. What a new product lacks has the
/// usual values. After the commit, wake the webhook job.
pub(crate) async fn put(tx: &mut Conn, caller: &Caller, input: &ProductWrite, now: i64) -> Result<Written<Row>, Error> {
    Batch::open(tx, caller, now).await?.put(tx, input).await
}

/// What products that are written in one unit of work share.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(super) caller: &'a Caller,
    pub(super) zone: Zone,
    pub(super) names: Names,
    pub(super) now: i64,
    pattern: Pattern,
    /// What is written down with movements of stock.
    note: Option<&'a str>,
    /// Products that were read for the plans that follow, and codes that no product has.
    pub(super) gathered: HashMap<String, Option<Full>>,
    /// How much of the gathered products there is in the company's own warehouse.
    own: HashMap<i64, Amount>,
}

impl<'a> Batch<'a> {
    /// Reads what all products need.
    pub(crate) async fn open(tx: &mut Conn, caller: &'a Caller, now: i64) -> Result<Batch<'a>, Error> {
        let setting = profile::of(tx, caller.company).await?;
        let pattern = setting.numbers.get("product").cloned().unwrap_or_else(|| Pattern::code("PRD"));
        let zone = time::zone(tx, caller.company).await?;
        let names = Names::open(tx, caller.company).await?;
        let (gathered, own) = (HashMap::new(), HashMap::new());
        Ok(Batch { caller, zone, names, now, pattern, note: None, gathered, own })
    }

    /// Writes this down with every movement of stock.
    pub(crate) fn noting(self, note: &'a str) -> Batch<'a> {
        Batch { note: Some(note), ..self }
    }

    /// Holds and reads the products of these codes at once, for plans that follow: a handful of statements for all of them.
    pub(crate) async fn gather(&mut self, tx: &mut Conn, codes: &[&str]) -> Result<(), Error> {
        if codes.is_empty() {
            return Ok(());
        }
        let company = self.caller.company;
        let rows = match store::hold(tx, company, codes).await? {
            0 => Vec::new(),
            _ => store::by_codes(tx, company, codes).await?,
        };
        if codes.len() > 1 {
            // Locks are taken in one order: records, look-up lists, running numbers.
            choice::hold_lists(tx, company).await?;
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        self.own = stock::own(tx, company, &ids).await?;
        self.gathered = codes.iter().map(|code| (store::key(code), None)).collect();
        for full in links::full(tx, company, rows).await? {
            self.gathered.insert(store::key(&full.0.code), Some(full));
        }
        Ok(())
    }

    /// The product of this code, deleted or not, as it was gathered; none once it was planned.
    pub(crate) fn gathered(&self, code: &str) -> Option<&Full> {
        self.gathered.get(&store::key(code))?.as_ref()
    }

    /// Has the product of this code read again when it is planned.
    pub(crate) fn forget(&mut self, code: &str) {
        self.gathered.remove(&store::key(code));
    }

    /// What people entered of a product, in the words of the request.
    pub(crate) fn entered(&self, (row, links): &Full) -> Value {
        store::entered(row, links, &self.zone)
    }

    /// Writes a product as it was once: what was allowed then is not judged again.
    pub(crate) async fn put_back(&mut self, tx: &mut Conn, input: &ProductWrite) -> Result<Written<Row>, Error> {
        let plan = self.plan(tx, input, Faults::default(), Demand::Usual).await?;
        self.carry_out(tx, plan).await
    }

    /// [`put`] for one of many products.
    pub(crate) async fn put(&mut self, tx: &mut Conn, input: &ProductWrite) -> Result<Written<Row>, Error> {
        let plan = self.plan(tx, input, input.check(Vec::new()), Demand::Usual).await?;
        self.carry_out(tx, plan).await
    }

    /// Writes what was planned, in this unit of work: rows, history and event.
    pub(crate) async fn carry_out(&mut self, tx: &mut Conn, plan: Plan) -> Result<Written<Row>, Error> {
        let company = self.caller.company;
        let Plan { mut top, mut variants } = plan;
        self.name_groups(tx, &mut top).await?;
        self.name_prices(tx, &mut top).await?;
        for variant in &mut variants {
            self.name_prices(tx, variant).await?;
        }
        let was_active = top.old.as_ref().map(|(old, _)| old.active);
        let turned = was_active.is_some_and(|was| was != top.row.active);
        let mut changed = false;
        if top.old.is_none() {
            if top.row.code.is_empty() {
                top.row.code = self.next_code(tx).await?;
            }
            changed = self.save(tx, &mut top, false).await?;
        }
        for variant in &mut variants {
            inherit(variant, &top);
            if turned && !variant.says_active {
                variant.row.active = top.row.active;
            }
            changed |= self.save(tx, variant, false).await?;
        }
        if top.old.is_some() {
            // What is said of its variants is said of the product, too: whoever has read it must read it again.
            changed |= self.save(tx, &mut top, changed).await?;
        }
        let moved = self.set_quantities(tx, &mut top, &mut variants).await?;
        let outcome = match &top.old {
            None => Outcome::Created,
            Some(old) if changed || !moved.is_empty() => {
                let mut before = self.entered(old);
                // Of the quantity only what was changed.
                if let Some(moved) = moved.get(&top.row.id) {
                    before["qty"] = json!(moved.was);
                }
                Outcome::Updated(before)
            }
            Some(_) => Outcome::Unchanged,
        };
        let row = top.row.clone();
        if changed {
            if let Some(parent) = row.parent {
                store::touch(tx, &row, parent).await?;
            }
            let variants = variants.into_iter().map(|piece| (piece.row, piece.links)).collect();
            let name = if top.old.is_some() { "Updated" } else { "Created" };
            let view = top.row.view(top.links, variants, &self.zone);
            store::announce(tx, company, &view, row.version, name, self.now).await?;
        }
        Ok(Written { row, outcome })
    }

    /// The look-up entries of a product, in their own spelling; those that are new are made.
    async fn name_groups(&mut self, tx: &mut Conn, piece: &mut Piece) -> Result<(), Error> {
        let levels =
            |links: &Links| [links.category.clone(), links.sub_category.clone(), links.sub_sub_category.clone()];
        let kept = piece.old.as_ref().filter(|(_, was)| levels(was) == levels(&piece.links)).map(|(old, _)| old);
        let ids = match kept {
            // What is not changed stays where it is, even when a group was moved meanwhile.
            Some(old) => [old.category, old.sub_category, old.sub_sub_category],
            None => self.groups(tx, &mut piece.links).await?,
        };
        [piece.row.category, piece.row.sub_category, piece.row.sub_sub_category] = ids;
        if let Some(name) = &mut piece.links.brand {
            let entry = self.names.ensure(tx, List::Brands, name).await?;
            (piece.row.brand, *name) = (Some(entry.0), entry.1);
        }
        for name in &mut piece.links.tags {
            *name = self.names.ensure(tx, List::ProductTags, name).await?.1;
        }
        Ok(())
    }

    async fn groups(&mut self, tx: &mut Conn, links: &mut Links) -> Result<[Option<i64>; 3], Error> {
        let mut ids = [None; 3];
        let mut parent = None;
        let levels = [&mut links.category, &mut links.sub_category, &mut links.sub_sub_category];
        for (name, id) in levels.into_iter().zip(&mut ids) {
            let Some(name) = name else { break };
            let entry = self.names.ensure_below(tx, List::ProductGroups, parent, name).await?;
            parent = Some(entry.0);
            (*id, *name) = (parent, entry.1);
        }
        Ok(ids)
    }

    async fn name_prices(&mut self, tx: &mut Conn, piece: &mut Piece) -> Result<(), Error> {
        for price in &mut piece.links.prices {
            price.tier = self.names.ensure(tx, List::PriceTiers, &price.tier).await?.1;
            if let Some(rate) = price.vat {
                self.names.ensure_rate(tx, rate).await?;
            }
        }
        Ok(())
    }

    /// Enters the quantities that are given; the answers show at once what there is then. Those that were so already are
    /// left out of what is answered.
    async fn set_quantities(
        &mut self,
        tx: &mut Conn,
        top: &mut Piece,
        variants: &mut [Piece],
    ) -> Result<HashMap<i64, Moved>, Error> {
        let mut pieces: Vec<&mut Piece> = std::iter::once(top).chain(variants).collect();
        let given = pieces.iter().filter_map(|piece| Some((Item::from(&piece.row), piece.qty?)));
        let given = given.filter(|(item, quantity)| self.own.get(&item.id) != Some(quantity));
        let by = By::caller(self.caller, self.now);
        let moved = stock::initial(tx, &by, given.collect(), self.note).await?;
        for piece in &mut pieces {
            if let Some(moved) = moved.get(&piece.row.id) {
                piece.links.qty = moved.total;
                // What was gathered is what there was.
                self.own.remove(&piece.row.id);
            }
        }
        Ok(moved)
    }

    /// Writes a row and its history; false when there is nothing to write. `anyway` gives it a new version even so.
    async fn save(&mut self, tx: &mut Conn, piece: &mut Piece, anyway: bool) -> Result<bool, Error> {
        let Piece { old, row, links, .. } = piece;
        if old.is_none() {
            row.id = number::next(tx, row.company, "product").await?;
        }
        let change = Change {
            company: row.company,
            reference: format!("product/{}", row.id),
            actor: &self.caller.id,
            action: if old.is_some() { "updated" } else { "created" },
            at: self.now,
        };
        let after = store::entered(row, links, &self.zone);
        let nothing = Links::default();
        let (before, found_by, was) = match &*old {
            Some((old, was)) => (store::entered(old, was, &self.zone), store::search_text(old, was), was),
            None => (json!({}), String::new(), &nothing),
        };
        let differs = audit::record(tx, &change, &before, &after).await?;
        if !differs && !anyway && found_by == store::search_text(row, links) {
            if let Some((old, _)) = old {
                *row = old.clone();
            }
            return Ok(false);
        }
        if old.is_some() {
            store::update(tx, row, links, &found_by).await?;
        } else {
            store::insert(tx, row, links).await?;
        }
        self.link(tx, row, was, links, old.is_some()).await?;
        Ok(differs || anyway)
    }

    /// Writes prices, tags and attributes, where they differ.
    async fn link(
        &mut self,
        tx: &mut Conn,
        row: &Row,
        was: &Links,
        links: &Links,
        is_there: bool,
    ) -> Result<(), Error> {
        if was.prices != links.prices {
            if is_there {
                clear(tx, "delete from product_price where company = $1 and product = $2", row).await?;
            }
            let mut rows = Rows::new(&[
                ("position", Type::BigInt),
                ("tier", Type::BigInt),
                ("regular_price", Type::BigInt),
                ("sale_price", Type::BigInt),
                ("vat", Type::BigInt),
                ("use_default_vat", Type::Boolean),
                ("starts_at", Type::BigInt),
                ("ends_at", Type::BigInt),
            ]);
            for (position, price) in (0_i64..).zip(&links.prices) {
                let (tier, _) = self.names.ensure(tx, List::PriceTiers, &price.tier).await?;
                rows.push([
                    position.into(),
                    tier.into(),
                    price.regular_price.into(),
                    price.sale_price.into(),
                    price.vat.into(),
                    price.use_default_vat.into(),
                    price.starts_at.into(),
                    price.ends_at.into(),
                ]);
            }
            tx.sql("insert into product_price (company, product, position, tier, regular_price, sale_price, vat, use_default_vat, starts_at, ends_at) select ")
                .push_bind(row.company)
                .push(", ")
                .push_bind(row.id)
                .push(", position, tier, regular_price, sale_price, vat, use_default_vat, starts_at, ends_at from ")
                .push_rows(&rows)
                .push(" as input")
                .later()
                .await?;
        }
        if was.tags != links.tags {
            if is_there {
                clear(tx, "delete from product_tag where company = $1 and product = $2", row).await?;
            }
            let mut rows = Rows::new(&[("tag", Type::BigInt), ("position", Type::BigInt)]);
            for (position, tag) in (0_i64..).zip(&links.tags) {
                let (tag, _) = self.names.ensure(tx, List::ProductTags, tag).await?;
                rows.push([tag.into(), position.into()]);
            }
            tx.sql("insert into product_tag (company, product, tag, position) select ")
                .push_bind(row.company)
                .push(", ")
                .push_bind(row.id)
                .push(", tag, position from ")
                .push_rows(&rows)
                .push(" as input where true on conflict (company, product, tag) do nothing")
                .later()
                .await?;
        }
        if was.attributes != links.attributes {
            if is_there {
                clear(tx, "delete from product_attribute where company = $1 and product = $2", row).await?;
            }
            let mut rows = Rows::new(&[("attribute", Type::BigInt), ("value", Type::Text), ("position", Type::BigInt)]);
            for (position, used) in (0_i64..).zip(&links.attributes) {
                let attribute = self.names.attribute(&used.attribute_name).ok_or(Error::NotFound("attribute"))?;
                rows.push([attribute.id.into(), used.attribute_value_name.as_str().into(), position.into()]);
            }
            tx.sql("insert into product_attribute (company, product, attribute, value, position) select ")
                .push_bind(row.company)
                .push(", ")
                .push_bind(row.id)
                .push(", attribute, value, position from ")
                .push_rows(&rows)
                .push(" as input")
                .later()
                .await?;
        }
        Ok(())
    }

    /// The next free code: somebody may have given one of the series by hand.
    async fn next_code(&self, tx: &mut Conn) -> Result<String, Error> {
        let company = self.caller.company;
        let today = jiff::Timestamp::from_millisecond(self.now).unwrap_or_default().to_zoned(self.zone.clone()).date();
        loop {
            let code = number::assign(tx, company, "product", &self.pattern, today, "").await?;
            if store::by_code(tx, company, &code).await?.is_none() {
                return Ok(code);
            }
        }
    }
}

/// Writes a row that is held and was changed outside of a product's own request: a new version, its history (`what` was
/// done, and the state before and after), and the event, by its name. Nothing when the states are the same.
pub(super) async fn revise(
    tx: &mut Conn,
    caller: &Caller,
    mut row: Row,
    (what, name): (&'static str, &'static str),
    (before, after): (Value, Value),
    now: i64,
) -> Result<Row, Error> {
    let (company, reference) = (caller.company, format!("product/{}", row.id));
    let change = Change { company, reference, actor: &caller.id, action: what, at: now };
    if !audit::record(tx, &change, &before, &after).await? {
        return Ok(row);
    }
    (row.version, row.modified_at) = (row.version + 1, now);
    row.modified_by.clone_from(&caller.id);
    // What a keyword finds it by stays as it is.
    tx.replace_held(store::TABLE, &row).await?;
    if let Some(parent) = row.parent {
        store::touch(tx, &row, parent).await?;
    }
    let view = links::view(tx, row.clone()).await?;
    store::announce(tx, company, &view, row.version, name, now).await?;
    Ok(row)
}

/// Writes what a product's variants have in common with it into one of them.
fn inherit(variant: &mut Piece, top: &Piece) {
    let (row, links) = (&mut variant.row, &mut variant.links);
    row.parent = Some(top.row.id);
    row.category = top.row.category;
    row.sub_category = top.row.sub_category;
    row.sub_sub_category = top.row.sub_sub_category;
    row.unit = top.row.unit;
    row.brand = top.row.brand;
    row.track_inventory = top.row.track_inventory;
    row.use_warranty = top.row.use_warranty;
    row.warranty_value = top.row.warranty_value;
    row.warranty_unit = top.row.warranty_unit.clone();
    row.visibility = top.row.visibility;
    row.details.weight = top.row.details.weight;
    row.details.weight_unit = top.row.details.weight_unit.clone();
    row.details.warranty_note = top.row.details.warranty_note.clone();
    links.category = top.links.category.clone();
    links.sub_category = top.links.sub_category.clone();
    links.sub_sub_category = top.links.sub_sub_category.clone();
    links.unit = top.links.unit.clone();
    links.brand = top.links.brand.clone();
    links.tags = top.links.tags.clone();
    links.parent = Some((top.row.code.clone(), top.row.name.clone()));
}

async fn clear(tx: &mut Conn, text: &'static str, row: &Row) -> Result<(), db::Error> {
    tx.sql(text).bind(row.company).bind(row.id).later().await
}
