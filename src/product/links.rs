//! What stands beside a product's row: names of look-up entries, prices, quantities, parts, variants; and the answers that
//! are put together from all of it.

use std::collections::HashMap;

use db::{Amount, Conn, Rows, Type};
use serde::Deserialize;

use super::input::ProductVariantAttribute;
use super::store::{self, BUNDLE, Row};
use super::{Product, ProductPrice, part, stock};
use crate::http::Error;
use crate::setting::list::List;
use crate::time::{self, Zone};

/// A price of a tier, with the tier's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) tier: String,
    pub(crate) regular_price: Amount,
    pub(crate) sale_price: Option<Amount>,
    pub(crate) vat: Option<Amount>,
    pub(crate) use_default_vat: bool,
    pub(crate) starts_at: Option<i64>,
    pub(crate) ends_at: Option<i64>,
}

/// What stands in other tables, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) category: Option<String>,
    pub(crate) sub_category: Option<String>,
    pub(crate) sub_sub_category: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) brand: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) attributes: Vec<ProductVariantAttribute>,
    pub(crate) prices: Vec<Price>,
    pub(crate) parts: Vec<part::Part>,
    pub(crate) qty: Amount,
    /// Code and name of the product that this is a variant of.
    pub(crate) parent: Option<(String, String)>,
}

/// A row with what stands in other tables.
pub(crate) type Full = (Row, Links);

impl Price {
    pub(super) fn view(self, zone: &Zone) -> ProductPrice {
        ProductPrice {
            price_tier_name: self.tier,
            regular_price: self.regular_price,
            sale_price: self.sale_price,
            vat_value: self.vat,
            vat: self.vat,
            use_default_vat: self.use_default_vat,
            starts_at: self.starts_at.map(|at| time::text(at, zone)),
            ends_at: self.ends_at.map(|at| time::text(at, zone)),
        }
    }
}

/// What stands in other tables, of each of these products: a handful of statements for any number of them.
pub(crate) async fn links(conn: &mut Conn, company: i64, rows: &[Row]) -> Result<Vec<Links>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut all: HashMap<i64, Links> = named(conn, company, rows, &ids).await?;
    add_prices(conn, company, &ids, &mut all).await?;
    for (id, quantity) in stock::quantities(conn, company, &ids).await? {
        all.entry(id).or_default().qty = quantity;
    }
    let bundles: Vec<i64> = rows.iter().filter(|row| row.kind == BUNDLE).map(|row| row.id).collect();
    for (bundle, part) in part::of(conn, company, &bundles).await? {
        all.entry(bundle).or_default().parts.push(part);
    }
    let parents: Vec<i64> = rows.iter().filter_map(|row| row.parent).collect();
    let parents = names_of(conn, company, &parents).await?;
    for row in rows {
        if let Some(parent) = row.parent.and_then(|parent| parents.get(&parent)) {
            all.entry(row.id).or_default().parent = Some(parent.clone());
        }
    }
    Ok(rows.iter().map(|row| all.remove(&row.id).unwrap_or_default()).collect())
}

/// The entries of look-up lists that products name.
async fn named(conn: &mut Conn, company: i64, rows: &[Row], ids: &[i64]) -> Result<HashMap<i64, Links>, db::Error> {
    #[derive(Deserialize)]
    struct Link {
        product: i64,
        place: i64,
        name: String,
        value: Option<String>,
    }
    let mut wanted = Rows::new(&[
        ("product", Type::BigInt),
        ("place", Type::BigInt),
        ("list", Type::Text),
        ("choice", Type::BigInt),
    ]);
    for row in rows {
        let single = [
            (List::ProductGroups, row.category),
            (List::ProductGroups, row.sub_category),
            (List::ProductGroups, row.sub_sub_category),
            (List::Units, row.unit),
            (List::Brands, row.brand),
        ];
        for (place, (list, choice)) in (0_i64..).zip(single) {
            if let Some(choice) = choice {
                wanted.push([row.id.into(), place.into(), list.path().into(), choice.into()]);
            }
        }
    }
    let found: Vec<Link> = conn
        .sql("select product, place, name, value from (select input.product, input.place, choice.name, null as value, 0 as position from ")
        .push_rows(&wanted)
        .push(" as input cross join choice where choice.company = ")
        .push_bind(company)
        .push(
            " and choice.list = input.list and choice.id = input.choice
             union all
             select tag.product, 5 as place, choice.name, null as value, tag.position from ",
        )
        .push_ids(ids)
        .push(" as input cross join product_tag as tag cross join choice where tag.product = input.id and tag.company = ")
        .push_bind(company)
        .push(
            " and choice.company = tag.company and choice.list = 'product-tags' and choice.id = tag.tag
             union all
             select used.product, 6 as place, choice.name, used.value, used.position from ",
        )
        .push_ids(ids)
        .push(" as input cross join product_attribute as used cross join choice where used.product = input.id and used.company = ")
        .push_bind(company)
        .push(
            " and choice.company = used.company and choice.list = 'attributes' and choice.id = used.attribute
             ) as named order by product, place, position",
        )
        .all()
        .await?;
    let mut all: HashMap<i64, Links> = HashMap::with_capacity(rows.len());
    for Link { product, place, name, value } in found {
        let links = all.entry(product).or_default();
        match place {
            0 => links.category = Some(name),
            1 => links.sub_category = Some(name),
            2 => links.sub_sub_category = Some(name),
            3 => links.unit = Some(name),
            4 => links.brand = Some(name),
            5 => links.tags.push(name),
            _ => links.attributes.push(ProductVariantAttribute {
                attribute_name: name,
                attribute_value_name: value.unwrap_or_default(),
            }),
        }
    }
    Ok(all)
}

async fn add_prices(
    conn: &mut Conn,
    company: i64,
    ids: &[i64],
    all: &mut HashMap<i64, Links>,
) -> Result<(), db::Error> {
    type Of = (i64, String, Amount, Option<Amount>, Option<Amount>, bool, Option<i64>, Option<i64>);
    let prices: Vec<Of> = conn
        .sql(
            "select price.product, choice.name, price.regular_price, price.sale_price, price.vat, price.use_default_vat,
                    price.starts_at, price.ends_at from ",
        )
        .push_ids(ids)
        .push(" as input cross join product_price as price cross join choice where price.product = input.id and price.company = ")
        .push_bind(company)
        .push(
            " and choice.company = price.company and choice.list = 'price-tiers' and choice.id = price.tier
             order by price.product, price.position",
        )
        .all()
        .await?;
    for (product, tier, regular_price, sale_price, vat, use_default_vat, starts_at, ends_at) in prices {
        let price = Price { tier, regular_price, sale_price, vat, use_default_vat, starts_at, ends_at };
        all.entry(product).or_default().prices.push(price);
    }
    Ok(())
}

/// Code and name of products by their numbers.
async fn names_of(conn: &mut Conn, company: i64, ids: &[i64]) -> Result<HashMap<i64, (String, String)>, db::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let query = conn.sql("select distinct product.id, product.code, product.name from ").push_ids(ids);
    let query = query
        .push(" as input cross join product where product.id = input.id and product.company = ")
        .push_bind(company);
    let found: Vec<(i64, String, String)> = query.all().await?;
    Ok(found.into_iter().map(|(id, code, name)| (id, (code, name))).collect())
}

/// Rows with what stands in other tables, in their order.
pub(crate) async fn full(conn: &mut Conn, company: i64, rows: Vec<Row>) -> Result<Vec<Full>, Error> {
    let links = links(conn, company, &rows).await?;
    Ok(rows.into_iter().zip(links).collect())
}

/// Products as the API shows them, in their order: each with its living variants.
pub(crate) async fn views(conn: &mut Conn, company: i64, rows: Vec<Row>) -> Result<Vec<Product>, Error> {
    let zone = time::zone(conn, company).await?;
    let parents: Vec<i64> = rows.iter().filter(|row| row.is_parent).map(|row| row.id).collect();
    let variants = store::variants(conn, company, &parents, false).await?;
    let mut by_parent: HashMap<i64, Vec<Full>> = HashMap::new();
    for (row, links) in full(conn, company, variants).await? {
        by_parent.entry(row.parent.unwrap_or_default()).or_default().push((row, links));
    }
    let all = full(conn, company, rows).await?.into_iter();
    Ok(all
        .map(|(row, links)| {
            let variants = by_parent.remove(&row.id).unwrap_or_default();
            row.view(links, variants, &zone)
        })
        .collect())
}

/// The same of one product.
pub(crate) async fn view(conn: &mut Conn, row: Row) -> Result<Product, Error> {
    let views = views(conn, row.company, vec![row]).await?;
    views.into_iter().next().ok_or(Error::NotFound("product"))
}
