//! What will become of a product that is written: found, judged and drafted, with nothing written yet.

use db::{Amount, Conn};

use super::input::{self, ProductPriceWrite, ProductVariantAttribute, ProductVariantWrite, ProductWrite, Texts};
use super::links::{self, Full, Links, Price};
use super::names;
use super::put::Batch;
use super::store::{self, BUNDLE, Details, PRODUCT, Row};
use crate::http::{Code, Error, Fault, Faults, Patch};
use crate::search;
use crate::time::{self, Zone};

/// How much a new product must say of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// All that the original's page marks as required.
    Whole,
    /// Its name and code; the rest has usual values.
    Usual,
}

/// What will be written of one product.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) top: Piece,
    /// Those that are named, and those that are there and have the product's common values.
    pub(super) variants: Vec<Piece>,
}

/// A row to be written.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) old: Option<Full>,
    pub(super) row: Row,
    pub(super) links: Links,
    pub(super) qty: Option<Amount>,
    /// Whether it says itself whether it is in use.
    pub(super) says_active: bool,
}

impl Batch<'_> {
    /// Finds the rows that a product is about, holds them until the unit ends, and says what will become of them; writes
    /// nothing. `faults` is what is wrong with the input so far.
    pub(crate) async fn plan(
        &mut self,
        tx: &mut Conn,
        input: &ProductWrite,
        mut faults: Faults,
        demand: Demand,
    ) -> Result<Plan, Error> {
        let known = self.known(tx, input, &mut faults).await?;
        let variants = input.variants();
        if known.top.is_none() {
            if demand == Demand::Whole {
                input.check_new(&mut faults);
            } else if !matches!(input.product_name, Patch::Set(_)) {
                faults.add(Code::Required, "productName", "productName is required in a new product");
            }
        }
        if let Patch::Set(unit) = &input.product_unit_name
            && !unit.trim().is_empty()
            && self.names.unit(unit).is_none()
        {
            let message = format!("productUnitName “{unit}” is not in the list units");
            faults.add(Code::NotFound, "productUnitName", message);
        }
        let prices = self.prices("", &input.prices, &mut faults);
        let mut own = Vec::with_capacity(variants.len());
        for (index, variant) in variants.iter().enumerate() {
            let path = format!("productVariant[{index}]");
            if known.of(&variant.product_code).is_none() && demand == Demand::Whole {
                variant.check_new(&path, &mut faults);
            }
            let prices = self.prices(&format!("{path}."), &variant.prices, &mut faults);
            own.push(Own { prices, attributes: self.attributes(&path, variant, &mut faults) });
        }
        let top = self.top(input, known.top.clone(), prices);
        check_levels(&top.links, &mut faults);
        faults.end()?;
        let variants = self.variants(variants, own, &known, &top);
        Ok(Plan { top, variants })
    }

    /// The rows that are there already, with what stands in other tables.
    async fn known(&mut self, tx: &mut Conn, input: &ProductWrite, faults: &mut Faults) -> Result<Known, Error> {
        let company = self.caller.company;
        let variants = input.variants();
        if let Some(top) = self.of_lot(input) {
            if let Some((row, _)) = &top {
                refuse_deleted(row)?;
            }
            return Ok(Known { top, variants: Vec::new() });
        }
        // What becomes of these is not what was gathered.
        variants.iter().for_each(|variant| self.forget(&variant.product_code));
        let codes: Vec<&str> =
            input.code().into_iter().chain(variants.iter().map(|variant| variant.product_code.as_str())).collect();
        let rows = match store::hold(tx, company, &codes).await? {
            0 => Vec::new(),
            _ => store::by_codes(tx, company, &codes).await?,
        };
        let find = |code: &str| rows.iter().find(|row| store::key(&row.code) == store::key(code));
        let found: Vec<Option<&Row>> = variants.iter().map(|variant| find(&variant.product_code)).collect();
        let top = match input.code() {
            Some(code) => find(code).cloned(),
            None => self.parent_of(tx, &found, faults).await?,
        };
        if let Some(top) = &top {
            refuse_deleted(top)?;
            if !variants.is_empty() && !top.is_parent {
                let message = format!("Product {} is a single item, so it cannot get variants", top.code);
                faults.add(Code::Conflict, "productVariant", message);
            }
        }
        let parent = top.as_ref().map(|top| top.id);
        for (index, row) in found.iter().enumerate() {
            let Some(row) = row else { continue };
            let why = match row {
                row if row.deleted_at.is_some() => "was deleted; restore it first",
                row if row.is_parent => "has variants itself",
                row if row.parent.is_none() && row.kind == BUNDLE => "is a bundle",
                row if row.parent.is_some() && row.parent != parent => "is a variant of another product",
                _ => continue,
            };
            let message = format!("Product {} {why}", row.code);
            faults.add(Code::Conflict, format!("productVariant[{index}].productCode"), message);
        }
        let mut all: Vec<Row> = top.iter().cloned().collect();
        if let Some(top) = top.as_ref().filter(|top| top.is_parent) {
            store::hold_variants(tx, company, top.id).await?;
            all.extend(store::variants(tx, company, &[top.id], false).await?);
        }
        let more = found.into_iter().flatten().filter(|row| !all.iter().any(|known| known.id == row.id));
        let more: Vec<Row> = more.cloned().collect();
        all.extend(more);
        let mut all = links::full(tx, company, all).await?;
        let top = (top.is_some() && !all.is_empty()).then(|| all.remove(0));
        Ok(Known { top, variants: all })
    }

    /// The product as it was gathered, once: an item of its own, which nothing but its own row changes, or none.
    fn of_lot(&mut self, input: &ProductWrite) -> Option<Option<Full>> {
        let code = input.code().filter(|_| input.variants().is_empty())?;
        let is_item = |(row, _): &Full| !row.is_parent && row.parent.is_none();
        self.gathered.remove(&store::key(code)).filter(|found| found.as_ref().is_none_or(is_item))
    }

    /// The product that variants belong to, where it is given no code of its own.
    async fn parent_of(
        &self,
        tx: &mut Conn,
        variants: &[Option<&Row>],
        faults: &mut Faults,
    ) -> Result<Option<Row>, Error> {
        let mut parents: Vec<i64> = variants.iter().flatten().filter_map(|row| row.parent).collect();
        parents.sort_unstable();
        parents.dedup();
        match parents.as_slice() {
            [] => Ok(None),
            [parent] => {
                let company = self.caller.company;
                let Some(row) = store::by_id(tx, company, *parent).await? else { return Ok(None) };
                store::hold(tx, company, &[&row.code]).await?;
                Ok(store::by_id(tx, company, *parent).await?)
            }
            _ => {
                let message = "These variants belong to different products; give the productCode of one";
                faults.add(Code::Conflict, "productVariant", message);
                Ok(None)
            }
        }
    }

    /// The row of the product itself.
    fn top(&self, input: &ProductWrite, old: Option<Full>, prices: Option<Vec<Price>>) -> Piece {
        let nothing = Links::default();
        let (was, links) = match &old {
            Some((row, links)) => (Some(row), links),
            None => (None, &nothing),
        };
        let no_details = Details::default();
        let details = was.map_or(&no_details, |was| &was.details);
        let is_parent = !input.variants().is_empty() || was.is_some_and(|was| was.is_parent);
        let category = text(&input.category, links.category.as_deref());
        // Another category has other parts.
        let moved = same(links.category.as_deref(), category.as_deref());
        let sub_category = text(&input.sub_category, links.sub_category.as_deref().filter(|_| moved));
        let kept = moved && same(links.sub_category.as_deref(), sub_category.as_deref());
        let sub_sub_category = text(&input.sub_sub_category, links.sub_sub_category.as_deref().filter(|_| kept));
        let unit = match &input.product_unit_name {
            Patch::Keep => was.and_then(|was| Some((was.unit?, links.unit.clone()?))),
            Patch::Clear => None,
            Patch::Set(name) => self.names.unit(name),
        };
        let (unit, unit_name) = unit.unzip();
        let row = Row {
            company: self.caller.company,
            id: was.map_or(0, |was| was.id),
            code: was.map_or_else(|| input.code().unwrap_or_default().to_owned(), |was| was.code.clone()),
            name: text(&input.product_name, was.map(|was| was.name.as_str())).unwrap_or_default(),
            kind: was.map_or(PRODUCT, |was| was.kind),
            parent: was.and_then(|was| was.parent),
            position: was.map_or(0, |was| was.position),
            is_parent,
            barcode: text(&input.product_barcode, was.and_then(|was| was.barcode.as_deref())),
            category: None,
            sub_category: None,
            sub_sub_category: None,
            unit,
            brand: None,
            cost: input.cost.clone().over(was.and_then(|was| was.cost)).filter(|_| !is_parent),
            track_inventory: flag(&input.track_inventory, was.map(|was| was.track_inventory), false),
            low_stock_alert: input.low_stock_alert.clone().over(was.and_then(|was| was.low_stock_alert)),
            use_warranty: flag(&input.use_warranty, was.map(|was| was.use_warranty), false),
            warranty_value: match &input.time_warranty_value {
                Patch::Keep => was.and_then(|was| was.warranty_value),
                Patch::Clear => None,
                Patch::Set(text) => input::whole(text),
            },
            warranty_unit: text(&input.time_warranty_unit, was.and_then(|was| was.warranty_unit.as_deref()))
                .map(|unit| unit.to_lowercase()),
            visibility: flag(&input.visibility, was.map(|was| was.visibility), true),
            active: flag(&input.active, was.map(|was| was.active), true),
            details: Details {
                description: text(&input.product_description, details.description.as_deref()),
                weight: input.product_weight.clone().over(details.weight),
                weight_unit: text(&input.product_weight_unit, details.weight_unit.as_deref()),
                images: texts(&input.product_image, &details.images, str::to_owned),
                warranty_note: text(&input.warranty_note, details.warranty_note.as_deref()),
                notes: text(&input.notes, details.notes.as_deref()),
            },
            created_by: was.map_or_else(|| self.caller.id.clone(), |was| was.created_by.clone()),
            created_at: was.map_or(self.now, |was| was.created_at),
            modified_by: self.caller.id.clone(),
            modified_at: self.now,
            version: was.map_or(1, |was| was.version + 1),
            deleted_at: None,
        };
        let links = Links {
            category,
            sub_category,
            sub_sub_category,
            unit: unit_name,
            brand: text(&input.brand_name, links.brand.as_deref()),
            tags: texts(&input.product_tag, &links.tags, search::fold),
            prices: prices.unwrap_or_else(|| links.prices.clone()),
            ..links.clone()
        };
        let qty = quantity(&input.qty).filter(|_| !is_parent);
        Piece { old, row, links, qty, says_active: true }
    }

    /// The rows of the variants: those that are named, then those that are there besides. What they have in common with
    /// the product is written into them when the product's own row is ready.
    fn variants(&self, named: &[ProductVariantWrite], own: Vec<Own>, known: &Known, top: &Piece) -> Vec<Piece> {
        let mut last = known.variants.iter().map(|(row, _)| row.position).max().unwrap_or(0);
        let mut pieces = Vec::with_capacity(named.len());
        for (variant, Own { prices, attributes }) in named.iter().zip(own) {
            let old = known.of(&variant.product_code).cloned();
            let was = old.as_ref().map(|(row, _)| row);
            let links = old.as_ref().map(|(_, links)| links.clone()).unwrap_or_default();
            if was.is_none_or(|was| was.parent.is_none()) {
                last += 1;
            }
            let details = was.map(|was| was.details.clone()).unwrap_or_default();
            let row = Row {
                id: was.map_or(0, |was| was.id),
                code: was.map_or_else(|| search::seen(&variant.product_code), |was| was.code.clone()),
                name: search::trimmed(&variant.product_name).to_owned(),
                kind: was.map_or(PRODUCT, |was| was.kind),
                position: was.filter(|was| was.parent.is_some()).map_or(last, |was| was.position),
                is_parent: false,
                barcode: text(&variant.product_barcode, was.and_then(|was| was.barcode.as_deref())),
                cost: variant.cost.clone().over(was.and_then(|was| was.cost)),
                low_stock_alert: variant.low_stock_alert.clone().over(was.and_then(|was| was.low_stock_alert)),
                active: flag(&variant.active, was.map(|was| was.active), top.row.active),
                details: Details {
                    description: text(&variant.product_description, details.description.as_deref()),
                    images: texts(&variant.product_image, &details.images, str::to_owned),
                    ..details
                },
                created_by: was.map_or_else(|| self.caller.id.clone(), |was| was.created_by.clone()),
                created_at: was.map_or(self.now, |was| was.created_at),
                version: was.map_or(1, |was| was.version + 1),
                ..top.row.clone()
            };
            let links = Links {
                prices: prices.unwrap_or_else(|| links.prices.clone()),
                attributes: attributes.unwrap_or_else(|| links.attributes.clone()),
                ..links
            };
            let says_active = matches!(variant.active, Patch::Set(_));
            pieces.push(Piece { old, row, links, qty: quantity(&variant.qty), says_active });
        }
        for (old, links) in &known.variants {
            if !pieces.iter().any(|piece| piece.row.id == old.id) {
                let row = Row {
                    version: old.version + 1,
                    modified_by: self.caller.id.clone(),
                    modified_at: self.now,
                    ..old.clone()
                };
                let old = Some((old.clone(), links.clone()));
                pieces.push(Piece { old, row, links: links.clone(), qty: None, says_active: false });
            }
        }
        pieces
    }

    /// Prices as they are stored; none when they stay as they are.
    fn prices(&self, path: &str, given: &Patch<Vec<ProductPriceWrite>>, faults: &mut Faults) -> Option<Vec<Price>> {
        let given = match given {
            Patch::Keep => return None,
            Patch::Clear => return Some(Vec::new()),
            Patch::Set(prices) => prices,
        };
        let mut prices = Vec::with_capacity(given.len());
        for (index, price) in given.iter().enumerate() {
            let path = format!("{path}prices[{index}]");
            let mut at = |name: &str, text: &Option<String>, read: fn(&str, &Zone) -> Option<i64>| {
                let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty() && !time::is_unset(text))?;
                let at = read(text, &self.zone);
                if at.is_none() {
                    let field = format!("{path}.{name}");
                    let message = format!("{field} must be a time such as 2025-01-29T15:38:43");
                    faults.add(Code::InvalidFormat, field, message);
                }
                at
            };
            let starts_at = at("startsAt", &price.starts_at, time::read);
            let ends_at = at("endsAt", &price.ends_at, time::read_end);
            if starts_at.zip(ends_at).is_some_and(|(starts_at, ends_at)| ends_at < starts_at) {
                let field = format!("{path}.endsAt");
                faults.add(Code::InvalidValue, field.as_str(), format!("{field} must not be before startsAt"));
            }
            prices.push(Price {
                tier: search::trimmed(&price.price_tier_name).to_owned(),
                regular_price: price.regular_price,
                sale_price: price.sale_price,
                vat: price.vat_value.or(price.vat),
                use_default_vat: price.use_default_vat.unwrap_or(false),
                starts_at,
                ends_at,
            });
        }
        Some(prices)
    }

    /// Attributes in the lists' own spelling; none when they stay as they are.
    fn attributes(
        &self,
        path: &str,
        variant: &ProductVariantWrite,
        faults: &mut Faults,
    ) -> Option<Vec<ProductVariantAttribute>> {
        let given = match &variant.attribute {
            Patch::Keep => return None,
            Patch::Clear => return Some(Vec::new()),
            Patch::Set(attributes) => attributes,
        };
        let mut found: Vec<ProductVariantAttribute> = Vec::with_capacity(given.len());
        for (index, wanted) in given.iter().enumerate() {
            let path = format!("{path}.attribute[{index}]");
            let (name, value) = (wanted.attribute_name.as_str(), wanted.attribute_value_name.as_str());
            let Some(attribute) = self.names.attribute(name) else {
                let message = format!("“{name}” is not in the list attributes");
                faults.add(Code::NotFound, format!("{path}.attributeName"), message);
                continue;
            };
            if found.iter().any(|known| known.attribute_name == attribute.name) {
                let field = format!("{path}.attributeName");
                faults.add(Code::InvalidValue, field.as_str(), format!("{field} “{name}” appears twice"));
                continue;
            }
            match names::value_of(attribute, value) {
                Some(value) => found.push(ProductVariantAttribute {
                    attribute_name: attribute.name.clone(),
                    attribute_value_name: value,
                }),
                None => {
                    let message = format!("“{value}” is not a value of the attribute {}", attribute.name);
                    faults.add(Code::NotFound, format!("{path}.attributeValueName"), message);
                }
            }
        }
        Some(found)
    }
}

/// What a variant says of its own prices and attributes; none of what stays as it is.
#[derive(Debug)]
struct Own {
    prices: Option<Vec<Price>>,
    attributes: Option<Vec<ProductVariantAttribute>>,
}

/// The rows that a product is about and that are there already.
#[derive(Debug)]
struct Known {
    top: Option<Full>,
    variants: Vec<Full>,
}

impl Known {
    /// The variant of this code.
    fn of(&self, code: &str) -> Option<&Full> {
        let key = store::key(code);
        self.variants.iter().find(|(row, _)| store::key(&row.code) == key)
    }
}

fn refuse_deleted(row: &Row) -> Result<(), Error> {
    if row.deleted_at.is_none() {
        return Ok(());
    }
    let message = format!("Product {} was deleted; restore it first", row.code);
    Err(Error::Conflict(Fault::new(Code::Conflict, "productCode", message)))
}

/// A part of a category is one of a category that is there.
fn check_levels(links: &Links, faults: &mut Faults) {
    if links.category.is_none() && links.sub_category.is_some() {
        faults.add(Code::Required, "category", "category is required with subCategory");
    }
    if links.sub_category.is_none() && links.sub_sub_category.is_some() {
        faults.add(Code::Required, "subCategory", "subCategory is required with sub_SubCategory");
    }
}

fn quantity(given: &Patch<Amount>) -> Option<Amount> {
    match given {
        Patch::Set(quantity) => Some(*quantity),
        Patch::Keep | Patch::Clear => None,
    }
}

fn flag(given: &Patch<bool>, was: Option<bool>, usual: bool) -> bool {
    match given {
        Patch::Set(flag) => *flag,
        Patch::Keep | Patch::Clear => was.unwrap_or(usual),
    }
}

/// A text after an update: trimmed, and none when nothing is left of it.
fn text(patch: &Patch<String>, was: Option<&str>) -> Option<String> {
    match patch {
        Patch::Keep => was.map(str::to_owned),
        Patch::Clear => None,
        Patch::Set(text) => Some(search::trimmed(text).to_owned()).filter(|text| !text.is_empty()),
    }
}

/// A list of texts after an update: trimmed, without blanks, each once as `key` compares them.
fn texts(patch: &Patch<Texts>, was: &[String], key: fn(&str) -> String) -> Vec<String> {
    let given = match patch {
        Patch::Keep => return was.to_vec(),
        Patch::Clear => return Vec::new(),
        Patch::Set(Texts(given)) => given,
    };
    let mut texts: Vec<String> = Vec::with_capacity(given.len());
    for text in given.iter().map(|text| search::trimmed(text)).filter(|text| !text.is_empty()) {
        if !texts.iter().any(|known| key(known) == key(text)) {
            texts.push(text.to_owned());
        }
    }
    texts
}

fn same(one: Option<&str>, other: Option<&str>) -> bool {
    one.map(search::fold) == other.map(search::fold)
}
