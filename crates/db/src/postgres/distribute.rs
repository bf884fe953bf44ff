//! Citus: spreading the tables over several servers by one column.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Client;

use super::{Postgres, error};
use crate::Error;

/// Whether the server is the coordinator of a Citus cluster.
pub(super) async fn is_citus(client: &Client) -> Result<bool, Error> {
    let found = client.query_one("select to_regclass('pg_dist_partition') is not null", &[]).await;
    let row = found.map_err(|fault| error(&fault))?;
    row.try_get(0).map_err(|fault| error(&fault))
}

/// Distributes each table that has this column and is not distributed yet, all of them together, those that others point
/// to before those that point to them. Answers their names.
pub(crate) async fn distribute(database: &Postgres, column: &str) -> Result<Vec<String>, Error> {
    let client = database.connection().await?;
    if !is_citus(&client).await? {
        return Err(Error::Unavailable("the server has no Citus extension: create extension citus".into()));
    }
    let wrong = |fault: tokio_postgres::Error| error(&fault);
    let tables = client
        .query(
            "select c.relname::text, p.logicalrelid is not null
             from pg_class as c
             join pg_attribute as a on a.attrelid = c.oid and a.attname = $1 and not a.attisdropped
             left join pg_dist_partition as p on p.logicalrelid = c.oid
             where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace order by c.relname",
            &[&column],
        )
        .await
        .map_err(wrong)?;
    let tables: Vec<(String, bool)> =
        tables.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, _>>().map_err(wrong)?;
    let links = client
        .query(
            "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint
             where contype = 'f' and conrelid <> confrelid",
            &[],
        )
        .await
        .map_err(wrong)?;
    let links: Vec<(String, String)> =
        links.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, _>>().map_err(wrong)?;
    let names: Vec<&str> = tables.iter().map(|(name, _)| name.as_str()).collect();
    let done: HashSet<&str> = tables.iter().filter(|(_, done)| *done).map(|(name, _)| name.as_str()).collect();
    let order: Vec<&str> = ordered(&names, &links).into_iter().filter(|name| !done.contains(name)).collect();
    // One column means one place for all: rows of the same value lie on the same server.
    let mut together: Option<&str> = names.iter().copied().find(|name| done.contains(name));
    for name in &order {
        let with = together.unwrap_or("default");
        client
            .execute(
                "select create_distributed_table($1::text::regclass, $2, colocate_with => $3)",
                &[name, &column, &with],
            )
            .await
            .map_err(wrong)?;
        together = together.or(Some(*name));
    }
    Ok(order.into_iter().map(str::to_owned).collect())
}

/// Tables in an order in which each stands behind those that it points to.
fn ordered<'n>(names: &[&'n str], links: &[(String, String)]) -> Vec<&'n str> {
    let mut before: HashMap<&str, Vec<&str>> = HashMap::new();
    for (from, to) in links {
        before.entry(from).or_default().push(to);
    }
    let (mut order, mut left) = (Vec::with_capacity(names.len()), names.to_vec());
    while !left.is_empty() {
        let waits = |name: &str| before.get(name).is_some_and(|to| to.iter().any(|to| left.contains(to)));
        let (later, next): (Vec<&str>, Vec<&str>) = left.iter().partition(|name| waits(name));
        if next.is_empty() {
            // A circle: the database says what it does not like about it.
            order.extend(later);
            break;
        }
        order.extend(next);
        left = later;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::ordered;

    #[test]
    fn tables_stand_behind_those_that_they_point_to() {
        let link = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let links = [link("a", "c"), link("c", "company"), link("b", "company"), link("b", "elsewhere")];
        assert_eq!(ordered(&["a", "b", "c", "company"], &links), ["company", "b", "c", "a"]);
    }
}
