//! Products as far as stock is concerned, and bundles taken apart: they are sold as their parts.

use std::collections::HashMap;

use db::{Amount, Conn, Rows, Type};
use serde::Deserialize;

use crate::http::{Code, Error, Faults};
use crate::product::store::{self, BUNDLE};

/// A product, as much of it as stock needs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) kind: i64,
    pub(crate) is_parent: bool,
    pub(crate) track_inventory: bool,
    pub(crate) low_stock_alert: Option<Amount>,
    /// The bundle that it is a part of where it is moved; none where it moves by itself.
    #[serde(skip)]
    pub(crate) bundle: Option<i64>,
}

impl From<&store::Row> for Item {
    fn from(row: &store::Row) -> Item {
        Item {
            id: row.id,
            code: row.code.clone(),
            name: row.name.clone(),
            kind: row.kind,
            is_parent: row.is_parent,
            track_inventory: row.track_inventory,
            low_stock_alert: row.low_stock_alert,
            bundle: None,
        }
    }
}

impl Item {
    /// Why nothing of it can be in stock, if so.
    pub(crate) fn without_stock(&self) -> Option<String> {
        if self.is_parent {
            Some(format!("Product {} has variants: each of them has its own stock", self.code))
        } else if self.kind == BUNDLE {
            Some(format!("Product {} is a bundle: its parts have the stock", self.code))
        } else {
            None
        }
    }
}

/// The living products of these codes, by code as it is compared: one statement for any number of them.
pub(crate) async fn by_codes(
    conn: &mut Conn,
    company: i64,
    codes: impl Iterator<Item = &str>,
) -> Result<HashMap<String, Item>, db::Error> {
    let mut keys: Vec<String> = codes.map(store::key).filter(|key| !key.is_empty()).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let mut rows = Rows::new(&[("code_key", Type::Text)]);
    for key in keys {
        rows.push([key.into()]);
    }
    let found: Vec<Item> = conn
        .select::<Item>(store::TABLE)
        .push(" from ")
        .push_rows(&rows)
        .push(" as input cross join product where product.code_key = input.code_key and product.company = ")
        .push_bind(company)
        .push(" and product.deleted_at is null")
        .all()
        .await?;
    Ok(found.into_iter().map(|item| (store::key(&item.code), item)).collect())
}

/// The codes of the living products that carry these barcodes, by barcode as it is compared: one statement for all.
pub(crate) async fn codes_of(
    conn: &mut Conn,
    company: i64,
    barcodes: &[&str],
) -> Result<HashMap<String, Vec<String>>, db::Error> {
    let mut codes: HashMap<String, Vec<String>> = HashMap::new();
    if barcodes.is_empty() {
        return Ok(codes);
    }
    let mut keys: Vec<String> = barcodes.iter().map(|barcode| store::key(barcode)).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut rows = Rows::new(&[("barcode_key", Type::Text)]);
    for key in keys {
        rows.push([key.into()]);
    }
    let found: Vec<(String, String)> = conn
        .sql("select product.barcode_key, product.code from ")
        .push_rows(&rows)
        .push(" as input cross join product where product.barcode_key = input.barcode_key and product.company = ")
        .push_bind(company)
        .push(" and product.deleted_at is null")
        .all()
        .await?;
    for (barcode, code) in found {
        codes.entry(barcode).or_default().push(code);
    }
    Ok(codes)
}

/// The products of these numbers, deleted or not.
pub(crate) async fn by_ids(conn: &mut Conn, company: i64, ids: &[i64]) -> Result<HashMap<i64, Item>, db::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let found: Vec<Item> = conn
        .select::<Item>(store::TABLE)
        .push(" from ")
        .push_ids(&ids)
        .push(" as input cross join product where product.id = input.id and product.company = ")
        .push_bind(company)
        .all()
        .await?;
    Ok(found.into_iter().map(|item| (item.id, item)).collect())
}

/// So many of a product in a warehouse.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) item: Item,
    pub(crate) warehouse: i64,
    pub(crate) quantity: Amount,
    /// The property of the request that is to blame when there are not enough.
    pub(crate) field: String,
}

/// What is really taken from stock: bundles become their parts, and what is not counted is left out.
pub(crate) async fn take_apart(conn: &mut Conn, company: i64, lines: Vec<Line>) -> Result<Vec<Line>, Error> {
    let mut taken = apart(conn, company, lines).await?;
    taken.retain(|line| line.item.track_inventory);
    Ok(taken)
}

/// The same with what is not counted.
pub(crate) async fn apart(conn: &mut Conn, company: i64, lines: Vec<Line>) -> Result<Vec<Line>, Error> {
    let bundles = lines.iter().filter(|line| line.item.kind == BUNDLE).map(|line| line.item.id);
    let parts = parts(conn, company, &bundles.collect::<Vec<i64>>()).await?;
    let mut faults = Faults::default();
    let mut taken = Vec::with_capacity(lines.len());
    for line in lines {
        if line.item.is_parent {
            let message = format!("Product {} has variants: name one of them", line.item.code);
            faults.add(Code::InvalidValue, line.field, message);
        } else if line.item.kind == BUNDLE {
            for (part, each) in parts.get(&line.item.id).into_iter().flatten() {
                match times(line.quantity, *each) {
                    Some(quantity) => {
                        let item = Item { bundle: Some(line.item.id), ..part.clone() };
                        taken.push(Line { item, quantity, ..line.clone() });
                    }
                    None => faults.add(Code::OutOfRange, line.field.as_str(), format!("{} is too large", line.field)),
                }
            }
        } else {
            taken.push(line);
        }
    }
    faults.end()?;
    Ok(taken)
}

/// The parts of each of these bundles, and how many of each are in one.
pub(crate) async fn parts(
    conn: &mut Conn,
    company: i64,
    bundles: &[i64],
) -> Result<HashMap<i64, Vec<(Item, Amount)>>, db::Error> {
    #[derive(Deserialize)]
    struct Part {
        bundle: i64,
        product: i64,
        each: Amount,
    }
    let mut all: HashMap<i64, Vec<(Item, Amount)>> = HashMap::new();
    if bundles.is_empty() {
        return Ok(all);
    }
    let mut bundles = bundles.to_vec();
    bundles.sort_unstable();
    bundles.dedup();
    let found: Vec<Part> = conn
        .sql("select part.bundle, part.product, part.quantity as each from ")
        .push_ids(&bundles)
        .push(" as input cross join product_part as part where part.bundle = input.id and part.company = ")
        .push_bind(company)
        .push(" order by part.bundle, part.position")
        .all()
        .await?;
    let ids: Vec<i64> = found.iter().map(|part| part.product).collect();
    let items = by_ids(conn, company, &ids).await?;
    for Part { bundle, product, each } in found {
        if let Some(item) = items.get(&product) {
            all.entry(bundle).or_default().push((item.clone(), each));
        }
    }
    Ok(all)
}

/// The product of two quantities, to four places, half away from zero; none when it is too large.
pub(crate) fn times(one: Amount, other: Amount) -> Option<Amount> {
    const SCALE: i128 = 10_000;
    let product = i128::from(one.units()) * i128::from(other.units());
    let rounded = (product + SCALE / 2 * product.signum()) / SCALE;
    i64::try_from(rounded).ok().map(Amount::from_units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_multiplied_to_four_places() {
        let units = |one, other| times(Amount::from_units(one), Amount::from_units(other)).map(Amount::units);
        assert_eq!(units(20_000, 30_000), Some(60_000));
        assert_eq!(units(15_000, 3_333), Some(5_000), "1.5 × 0.3333 is 0.49995");
        assert_eq!((units(1, 4_999), units(1, 5_000), units(-1, 5_000)), (Some(0), Some(1), Some(-1)));
        assert_eq!(units(i64::MAX, 20_000), None);
    }
}
