//! How much of each product there is.

use std::collections::HashMap;

use db::{Amount, Conn, Rows, Type};

/// The warehouse of a company that keeps no others.
const OWN: i64 = 0;

/// Makes the quantities of products be what they were written with.
pub(super) async fn initial(tx: &mut Conn, company: i64, quantities: &[(i64, Amount)]) -> Result<(), db::Error> {
    if quantities.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::new(&[("product", Type::BigInt), ("quantity", Type::BigInt)]);
    for (product, quantity) in quantities {
        rows.push([(*product).into(), (*quantity).into()]);
    }
    tx.sql("insert into product_stock (company, product, warehouse, quantity) select ")
        .push_bind(company)
        .push(", product, ")
        .push_bind(OWN)
        .push(", quantity from ")
        .push_rows(&rows)
        .push(
            " as input where true
             on conflict (company, product, warehouse) do update set quantity = excluded.quantity",
        )
        .later()
        .await
}

/// How much there is of each of these products, in all warehouses; one that is not named has none.
pub(super) async fn quantities(conn: &mut Conn, company: i64, ids: &[i64]) -> Result<HashMap<i64, Amount>, db::Error> {
    let found: Vec<(i64, Amount)> = conn
        .sql("select stock.product, cast(sum(stock.quantity) as bigint) from ")
        .push_ids(ids)
        .push(" as input join product_stock as stock on stock.product = input.id and stock.company = ")
        .push_bind(company)
        .push(" group by stock.product")
        .all()
        .await?;
    Ok(found.into_iter().collect())
}
