//! Products in the database: finding one, what stands in other tables, inserting and updating a row.

use db::{Amount, Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::links::{Full, Links};
use super::{Product, ProductPrice, ProductVariant};
use crate::event::{self, Event};
use crate::http::{Code, Error, Fault};
use crate::search;
use crate::time::{self, Zone};

/// The table.
pub(crate) const TABLE: &str = "product";

/// A product as it is stored: an item that is sold, or what its variants have in common. The fields are columns of its table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) company: i64,
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) kind: i64,
    pub(crate) parent: Option<i64>,
    pub(crate) position: i64,
    pub(crate) is_parent: bool,
    pub(crate) barcode: Option<String>,
    pub(crate) category: Option<i64>,
    pub(crate) sub_category: Option<i64>,
    pub(crate) sub_sub_category: Option<i64>,
    pub(crate) unit: Option<i64>,
    pub(crate) brand: Option<i64>,
    pub(crate) cost: Option<Amount>,
    pub(crate) track_inventory: bool,
    pub(crate) low_stock_alert: Option<Amount>,
    pub(crate) use_warranty: bool,
    pub(crate) warranty_value: Option<i64>,
    pub(crate) warranty_unit: Option<String>,
    pub(crate) visibility: bool,
    pub(crate) active: bool,
    pub(crate) details: Details,
    pub(crate) created_by: String,
    pub(crate) created_at: i64,
    pub(crate) modified_by: String,
    pub(crate) modified_at: i64,
    pub(crate) version: i64,
    pub(crate) deleted_at: Option<i64>,
}

/// What is kept as entered, in one JSON column: nothing is looked for by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    pub(crate) description: Option<String>,
    pub(crate) weight: Option<Amount>,
    pub(crate) weight_unit: Option<String>,
    pub(crate) images: Vec<String>,
    pub(crate) warranty_note: Option<String>,
    pub(crate) notes: Option<String>,
}

/// An item.
pub(crate) const PRODUCT: i64 = 1;

/// A bundle, which sells its parts.
pub(crate) const BUNDLE: i64 = 2;

/// The columns that follow from others.
#[derive(Debug, Serialize)]
struct Keys<'a> {
    /// Written once: the code never changes, and a key that another product has under a newer fold stays as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_key: Option<String>,
    name_key: String,
    barcode_key: Option<String>,
    search_key: &'a str,
}

impl Keys<'_> {
    fn of<'a>(row: &Row, search_key: &'a str, code_key: Option<String>) -> Keys<'a> {
        Keys { code_key, name_key: key(&row.name), barcode_key: row.barcode.as_deref().map(key), search_key }
    }
}

impl Row {
    /// The product as the API shows it.
    pub(crate) fn view(self, links: Links, variants: Vec<Full>, zone: &Zone) -> Product {
        let details = self.details;
        // Of a product with variants as much is there as of all of them.
        let add = |sum: Amount, variant: &Full| sum.checked_add(variant.1.qty).unwrap_or(sum);
        let qty = if self.is_parent { variants.iter().fold(Amount::ZERO, add) } else { links.qty };
        Product {
            product_id: self.id,
            product_code: self.code,
            product_barcode: self.barcode,
            product_name: self.name,
            product_description: details.description,
            product_type: legacy_kind(self.kind),
            category: links.category,
            sub_category: links.sub_category,
            sub_sub_category: links.sub_sub_category,
            cost: self.cost,
            prices: links.prices.into_iter().map(|price| price.view(zone)).collect(),
            product_unit_name: links.unit,
            product_weight: details.weight,
            product_weight_unit: details.weight_unit,
            product_tag: links.tags,
            product_image: details.images,
            track_inventory: self.track_inventory,
            qty,
            low_stock_alert: self.low_stock_alert,
            use_warranty: self.use_warranty,
            time_warranty_value: self.warranty_value,
            time_warranty_unit: self.warranty_unit,
            warranty_note: details.warranty_note,
            visibility: self.visibility,
            active: self.active,
            product_variant: variants.into_iter().map(|(row, links)| row.variant(links, zone)).collect(),
            brand_name: links.brand,
            parent_code: links.parent.map(|(code, _)| code),
            attribute: links.attributes,
            parts: links.parts,
            created_by_user_id: self.created_by,
            date_created: time::text(self.created_at, zone),
            modified_by_user_id: self.modified_by,
            date_modified: time::text(self.modified_at, zone),
        }
    }

    fn variant(self, links: Links, zone: &Zone) -> ProductVariant {
        ProductVariant {
            product_id: self.id,
            product_code: self.code,
            product_name: self.name,
            product_barcode: self.barcode,
            product_description: self.details.description,
            cost: self.cost,
            prices: links.prices.into_iter().map(|price| price.view(zone)).collect(),
            product_image: self.details.images,
            qty: links.qty,
            low_stock_alert: self.low_stock_alert,
            active: self.active,
            attribute: links.attributes,
        }
    }

    /// 404 for a product that was deleted.
    pub(crate) fn living(self) -> Result<Row, Error> {
        if self.deleted_at.is_some() { Err(Error::NotFound("product")) } else { Ok(self) }
    }
}

/// 1031 a product, 1032 a bundle, as the legacy portal numbers them.
pub(crate) fn legacy_kind(kind: i64) -> i64 {
    1030 + kind
}

/// A code or barcode as it is compared.
pub(crate) fn key(code: &str) -> String {
    search::fold(search::trimmed(code))
}

/// The product of this code, deleted or not.
pub(crate) async fn by_code(conn: &mut Conn, company: i64, code: &str) -> Result<Option<Row>, db::Error> {
    let query = conn.rows::<Row>(TABLE).push(" where company = $1 and code_key = $2");
    query.bind(company).bind(key(code)).optional().await
}

/// The product of this number, deleted or not.
pub(crate) async fn by_id(conn: &mut Conn, company: i64, id: i64) -> Result<Option<Row>, db::Error> {
    conn.rows::<Row>(TABLE).push(" where company = $1 and id = $2").bind(company).bind(id).optional().await
}

/// The living product of this code; 404 when there is none.
pub(crate) async fn find(conn: &mut Conn, company: i64, code: &str) -> Result<Row, Error> {
    by_code(conn, company, code).await?.ok_or(Error::NotFound("product"))?.living()
}

/// The products of these codes, deleted or not: one statement for any number of them.
pub(crate) async fn by_codes(conn: &mut Conn, company: i64, codes: &[&str]) -> Result<Vec<Row>, db::Error> {
    let query = conn.select::<Row>(TABLE).push(" from ").push_rows(&keys(codes));
    query
        .push(" as input cross join product where product.code_key = input.code_key and product.company = ")
        .push_bind(company)
        .all()
        .await
}

fn keys(codes: &[&str]) -> Rows {
    let mut rows = Rows::new(&[("code_key", Type::Text)]);
    for code in codes {
        rows.push([key(code).into()]);
    }
    rows
}

/// The most products that carry one barcode and are answered.
const MOST_FOUND: i64 = 200;

/// The living products that carry this barcode, those in use first.
pub(crate) async fn by_barcode(conn: &mut Conn, company: i64, barcode: &str) -> Result<Vec<Row>, db::Error> {
    conn.rows::<Row>(TABLE)
        .push(" where company = $1 and barcode_key = $2 and deleted_at is null order by active desc, id limit $3")
        .bind(company)
        .bind(key(barcode))
        .bind(MOST_FOUND)
        .all()
        .await
}

/// The variants of these products, deleted ones left out unless asked for, in their order.
pub(crate) async fn variants(
    conn: &mut Conn,
    company: i64,
    parents: &[i64],
    deleted_too: bool,
) -> Result<Vec<Row>, db::Error> {
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let query = conn.select::<Row>(TABLE).push(" from ").push_ids(parents);
    let query = query
        .push(" as top cross join product where product.parent = top.id and product.company = ")
        .push_bind(company);
    let query = if deleted_too { query } else { query.push(" and product.deleted_at is null") };
    query.push(" order by product.parent, product.position, product.id").all().await
}

/// Keeps others from changing products until the unit of work ends, and from making those that are not there yet: of two who
/// make one at once the second finds it.
pub(crate) async fn hold(tx: &mut Conn, company: i64, codes: &[&str]) -> Result<u64, db::Error> {
    let mut names: Vec<String> = codes.iter().map(|code| key(code)).filter(|code| !code.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        tx.lock(&format!("product/{company}/{name}")).await?;
    }
    tx.sql("update product set version = version where company = $1 and code_key in (select code_key from ")
        .bind(company)
        .push_rows(&keys(codes))
        .push(" as wanted)")
        .exec()
        .await
}

/// The same for all variants of a product.
pub(crate) async fn hold_variants(tx: &mut Conn, company: i64, parent: i64) -> Result<(), db::Error> {
    tx.sql("update product set version = version where company = $1 and parent = $2")
        .bind(company)
        .bind(parent)
        .exec()
        .await
        .map(drop)
}

/// What the audit trail compares: what people entered.
pub(crate) fn entered(row: &Row, links: &Links, zone: &Zone) -> Value {
    let prices: Vec<ProductPrice> = links.prices.iter().map(|price| price.clone().view(zone)).collect();
    let details = &row.details;
    json!({
        "productCode": row.code, "productBarcode": row.barcode, "productName": row.name,
        "productDescription": details.description, "category": links.category, "subCategory": links.sub_category,
        "sub_SubCategory": links.sub_sub_category, "cost": row.cost, "prices": prices, "productUnitName": links.unit,
        "productWeight": details.weight, "productWeightUnit": details.weight_unit, "productTag": links.tags,
        "productImage": details.images, "trackInventory": row.track_inventory, "lowStockAlert": row.low_stock_alert,
        "useWarranty": row.use_warranty, "timeWarrantyValue": row.warranty_value, "timeWarrantyUnit": row.warranty_unit,
        "warrantyNote": details.warranty_note, "visibility": row.visibility, "active": row.active,
        "brandName": links.brand, "attribute": links.attributes, "parentCode": links.parent.as_ref().map(|(code, _)| code),
        "parts": links.parts, "notes": details.notes,
    })
}

/// What a keyword is looked for in: name, code, barcode, and the name of the product that it is a variant of.
pub(crate) fn search_text(row: &Row, links: &Links) -> String {
    let parent = links.parent.as_ref().map(|(_, name)| name.as_str());
    let words = [Some(row.name.as_str()), Some(&row.code), row.barcode.as_deref(), parent];
    let mut seen: Vec<String> = Vec::with_capacity(words.len());
    for word in words.into_iter().flatten().map(key).filter(|word| !word.is_empty()) {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen.join("\n")
}

/// Writes a new row; 409 when another request has just made one of this code.
pub(crate) async fn insert(tx: &mut Conn, row: &Row, links: &Links) -> Result<(), Error> {
    let text = search_text(row, links);
    if !tx.insert_new(TABLE, &(row, Keys::of(row, &text, Some(key(&row.code))))).await? {
        let message = format!("Product {} is being created by another request; repeat this one to update it", row.code);
        return Err(Error::Conflict(Fault::new(Code::Taken, "productCode", message)));
    }
    tx.index_text("product_text", row.company, row.id, &text).await?;
    Ok(())
}

/// Writes the whole row over the stored one, which is held; `was` is what a keyword found it by before.
pub(crate) async fn update(tx: &mut Conn, row: &Row, links: &Links, was: &str) -> Result<(), Error> {
    let text = search_text(row, links);
    tx.replace_held(TABLE, &(row, Keys::of(row, &text, None))).await?;
    if was != text {
        tx.index_text("product_text", row.company, row.id, &text).await?;
    }
    Ok(())
}

/// Gives the product that a variant belongs to a new version, when the variant is changed alone.
pub(crate) async fn touch(tx: &mut Conn, row: &Row, parent: i64) -> Result<(), db::Error> {
    tx.sql(
        "update product set version = version + 1, modified_by = $3, modified_at = $4 where company = $1 and id = $2",
    )
    .bind(row.company)
    .bind(parent)
    .bind(&row.modified_by)
    .bind(row.modified_at)
    .later()
    .await
}

/// Tells subscriptions, in the PascalCase of the original API's events. After the commit, wake the webhook job.
pub(crate) async fn announce(
    tx: &mut Conn,
    company: i64,
    product: &Product,
    version: i64,
    name: &'static str,
    now: i64,
) -> Result<(), Error> {
    let subject = format!("product/{}", product.product_id);
    let body = event::body("Product", name, "Product", product)?;
    event::emit(tx, &Event { company, topic: "Product", name, subject: &subject, place: version, body, at: now })
        .await?;
    Ok(())
}
