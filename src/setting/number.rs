//! Running numbers of a company: integer ids, and later the numbers of documents.

use db::Conn;

/// The next number of this name. Gapless: the counter moves in the caller's transaction and goes back with it.
pub async fn next(tx: &mut Conn, company: i64, name: &'static str) -> Result<i64, db::Error> {
    tx.sql(
        "insert into counter (company, name, value) values ($1, $2, 1)
         on conflict (company, name) do update set value = counter.value + 1
         returning value",
    )
    .bind(company)
    .bind(name)
    .one()
    .await
}
