//! Which kinds of records have changed: whoever looks at such records reads them anew.
//!
//! The audit trail has an entry for each change of a record, so that nothing more is written for those who look on. What is
//! told is the kind alone, not the record: that there is a record is for those who may see it. A thousand changes at once,
//! such as those of an import, are told as one.

use std::collections::BTreeSet;

use bytes::Bytes;
use db::{Conn, Rows, Type};
use serde_json::json;
use uuid::Uuid;

use super::hub::Told;
use super::{Audience, first_id, id, time_of};
use crate::audit;

/// Entries of the trail that one look goes through, the newest: with as many, every kind may have changed.
const MOST: i64 = 2_000;

/// What the log of changes tells by itself, one by one.
const TOLD: [&str; 4] = ["chat", "reply", "room", "view"];

/// The kinds of which something was changed since this id, but for the entries that were seen: one change for each.
pub(super) async fn changed(
    conn: &mut Conn,
    company: i64,
    (from, seen): (Uuid, &mut BTreeSet<Uuid>),
    now: i64,
) -> Result<Vec<Told>, db::Error> {
    let ids: Vec<Uuid> = conn
        .sql("select id from audit where company = $1 and id >= $2 order by id desc limit $3")
        .bind(company)
        .bind(from)
        .bind(MOST)
        .all()
        .await?;
    let fresh: Vec<Uuid> = ids.into_iter().filter(|id| !seen.contains(id)).collect();
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let kinds: BTreeSet<String> = if i64::try_from(fresh.len()).is_ok_and(|found| found >= MOST) {
        audit::vocabulary::KINDS.iter().map(|kind| (*kind).to_owned()).collect()
    } else {
        let mut wanted = Rows::new(&[("id", Type::Uuid)]);
        for id in &fresh {
            wanted.push([(*id).into()]);
        }
        let references: Vec<String> = conn
            .sql("select distinct audit.ref from ")
            .push_rows(&wanted)
            .push(" as input cross join audit where audit.id = input.id and audit.company = ")
            .push_bind(company)
            // Whoever signs in or out changes no record.
            .push(" and audit.action not in ('signed_in', 'signed_out')")
            .all()
            .await?;
        references.iter().map(|one| audit::kind_of(one).to_owned()).collect()
    };
    seen.extend(fresh);
    let told = kinds.into_iter().filter(|kind| !TOLD.contains(&kind.as_str())).map(|kind| {
        let data = json!({"kind": kind, "at": now}).to_string();
        let to = Audience::Scope(audit::scope_of(&kind).to_owned());
        // No id: it is no row of the log, and nobody goes on from it.
        let event = Bytes::from(format!("event: change\ndata: {data}\n\n"));
        Told { id: id(now), kind, items: vec![(to, data, event)] }
    });
    Ok(told.collect())
}

/// Where a look at the trail begins that is to find all that was written in the last milliseconds. The trail's ids are of the
/// clock of this machine, whatever time the server goes by.
pub(super) fn back(by: i64) -> Uuid {
    first_id(time_of(Uuid::now_v7()).unwrap_or_default() - by)
}
