//! What records point at: a case at its activities, deals and chat rooms, an activity at its deals and its room. The record itself shows its links; these rows
//! are their other direction, by which the cases of a room are found.

use db::{Conn, Rows, Type};

use crate::search;

/// What is pointed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// An activity, by its number.
    Activity,
    /// A deal, by its number.
    Deal,
    /// A chat room, by its id.
    Room,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Target::Activity => "activity",
            Target::Deal => "deal",
            Target::Room => "room",
        }
    }
}

/// A number as it is compared.
pub(crate) fn key(number: &str) -> String {
    search::fold(search::trimmed(number))
}

/// Writes what a record points at, in the place of what it pointed at before.
pub(crate) async fn write(
    tx: &mut Conn,
    company: i64,
    (source, id): (&'static str, i64),
    links: impl Iterator<Item = (Target, String)>,
) -> Result<(), db::Error> {
    tx.sql("delete from record_link where company = $1 and source = $2 and source_id = $3")
        .bind(company)
        .bind(source)
        .bind(id)
        .later()
        .await?;
    let mut rows = Rows::new(&[
        ("company", Type::BigInt),
        ("source", Type::Text),
        ("source_id", Type::BigInt),
        ("target", Type::Text),
        ("reference", Type::Text),
    ]);
    for (target, reference) in links {
        rows.push([company.into(), source.into(), id.into(), target.name().into(), reference.into()]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.sql("insert into record_link (company, source, source_id, target, reference) select company, source, source_id, target, reference from ")
        .push_rows(&rows)
        .push(" as input where true on conflict (company, source, source_id, target, reference) do nothing")
        .later()
        .await
}
