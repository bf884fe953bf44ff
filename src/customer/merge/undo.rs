//! Undoing a merge: in the order in which merges were made, for 30 days.

use db::Conn;
use serde_json::json;

use super::fill::{self, Taken};
use super::{Merge, UNDO, end, find, hold, join, linked_tables, noted, record};
use crate::audit::{self, Change};
use crate::customer::linked_tables::LINKED_TABLES;
use crate::customer::store::{self, Row};
use crate::customer::{erased, identity};
use crate::http::{Caller, Code, Conditions, Error, Fault};
use crate::setting::profile;

/// Undoes a merge; answers the survivor's new version.
pub(super) async fn undo(
    tx: &mut Conn,
    caller: &Caller,
    id: i64,
    conditions: &Conditions,
    now: i64,
) -> Result<i64, Error> {
    let company = caller.company;
    let merge = find(tx, company, id).await?.ok_or(Error::NotFound("merge"))?;
    let (survivor, merged) = hold(tx, company, merge.survivor, merge.merged).await?;
    store::must_see(tx, caller, survivor.id).await?;
    // Read again: an undo or an erasure at the same moment has ended by now.
    let merge = find(tx, company, id).await?.ok_or(Error::NotFound("merge"))?;
    let taken = check(merge, &survivor, &merged, now)?;
    conditions.allow_change(Some(survivor.version))?;
    store::claim_name(tx, caller, merged.id, &merged.name).await?;
    let setting = profile::of(tx, company).await?;
    let was = store::links_of(tx, &survivor).await?;
    let mut row = fill::give_back(&survivor, &taken, id);
    row.version += 1;
    row.modified_at = now;
    row.modified_by.clone_from(&caller.id);
    move_back(tx, company, id, (survivor.id, merged.id)).await?;
    join::part(tx, company, id, (survivor.id, merged.id)).await?;
    close(tx, company, id, now).await?;
    end(tx, caller, &merged, None, now).await?;
    store::update(tx, &row, &setting).await?;
    identity::derive(tx, &row, &setting.country, now).await?;
    let links = store::links_of(tx, &row).await?;
    record(tx, caller, (&survivor, &was), (&row, &links), ("merge undone", &merged.code), now).await?;
    let change = Change {
        company,
        reference: format!("customer/{}", merged.id),
        actor: &caller.id,
        action: "restored",
        at: now,
    };
    audit::record(tx, &change, &json!({"mergedInto": survivor.code}), &json!({"mergedInto": null})).await?;
    let version = row.version;
    let other = json!({"mergedCustomerId": merged.id, "mergedCustomerCode": merged.code});
    store::announce_with(tx, row, links, "MergeUndone", other, now).await?;
    let back = Row { deleted_at: None, merged_into: None, version: merged.version + 1, modified_at: now, ..merged };
    let links = store::links_of(tx, &back).await?;
    store::announce(tx, back, links, "Restored", now).await?;
    Ok(version)
}

/// Whether a merge can be undone now; what it took over.
fn check(merge: Merge, survivor: &Row, merged: &Row, now: i64) -> Result<Taken, Error> {
    let refuse = |message: String| Err(Error::Conflict(Fault::new(Code::Conflict, "mergeId", message)));
    if survivor.erased_at.is_some() || merged.erased_at.is_some() {
        return Err(erased::refusal(&survivor.code));
    }
    if merge.undone_at.is_some() {
        return refuse(format!("Merge {} has already been undone", merge.id));
    }
    // Without it the purge has been here already.
    let Some(taken) = merge.detail.filter(|_| now < merge.at + UNDO) else {
        return refuse(format!("Merge {} is older than 30 days", merge.id));
    };
    if survivor.merged_into.is_some() {
        return refuse(format!("Customer {} was merged into another since; undo that merge first", survivor.code));
    }
    if survivor.deleted_at.is_some() {
        return refuse(format!("Customer {} was deleted since; restore it first", survivor.code));
    }
    Ok(taken)
}

/// Gives back what was moved, as far as it is still the survivor's.
async fn move_back(tx: &mut Conn, company: i64, merge: i64, (from, to): (i64, i64)) -> Result<(), Error> {
    for line in LINKED_TABLES {
        let linked_tables::Merge::Moves(key) = line.merge else { continue };
        let mut after = String::new();
        loop {
            let (ids, last) = noted(tx, company, merge, line.table, &after, key).await?;
            let Some(last) = last else { break };
            line.give(tx, company, (from, to), &ids).await?;
            after = last;
        }
    }
    Ok(())
}

/// Notes that it is undone; what it moved is of no more use.
async fn close(tx: &mut Conn, company: i64, merge: i64, now: i64) -> Result<(), db::Error> {
    tx.sql("update customer_merge set undone_at = $3, detail = null where company = $1 and id = $2")
        .bind(company)
        .bind(merge)
        .bind(now)
        .later()
        .await?;
    tx.sql("delete from customer_merge_item where company = $1 and merge = $2").bind(company).bind(merge).later().await
}

/// Forgets what merges moved that cannot be undone any more: `most` merges' fields and `most` moved records at once.
pub(crate) async fn purge(tx: &mut Conn, now: i64, most: i64) -> Result<u64, db::Error> {
    let old: Vec<(i64, i64)> = tx
        .sql("select company, id from customer_merge where detail is not null and at <= $1 order by at limit 100")
        .bind(now - UNDO)
        .all()
        .await?;
    let mut deleted = 0;
    for (company, merge) in old {
        let items = tx
            .sql(
                "delete from customer_merge_item where (company, merge, kind, ref) in
                   (select company, merge, kind, ref from customer_merge_item
                    where company = $1 and merge = $2 order by kind, ref limit $3)",
            )
            .bind(company)
            .bind(merge)
            .bind(most)
            .exec()
            .await?;
        if i64::try_from(items).is_ok_and(|items| items < most) {
            deleted += tx
                .sql("update customer_merge set detail = null where company = $1 and id = $2")
                .bind(company)
                .bind(merge)
                .exec()
                .await?;
        }
        deleted += items;
    }
    Ok(deleted)
}
