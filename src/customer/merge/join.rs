//! What two customers have as sets: owners, interests, tags, identities. The survivor gets what it lacks; the merged
//! record keeps its own, so that it is whole again when the merge is undone.

use std::collections::BTreeMap;

use db::Conn;
use serde::Deserialize;

use super::note;
use crate::customer::identity::FROM_RECORD;
use crate::http::Error;

/// Under what the survivor's new owners are written down.
const OWNER: &str = "owner";
/// Under what identities are that came with their room, or with an earlier merge.
const IDENTITY: &str = "identity";

/// Where an identity comes from that the merged record's own fields said.
fn source(merge: i64) -> String {
    format!("merge:{merge}")
}

/// Gives the survivor what it lacks, and writes down what that is.
pub(super) async fn unite(
    tx: &mut Conn,
    company: i64,
    merge: i64,
    (from, to): (i64, i64),
    now: i64,
    moved: &mut BTreeMap<&'static str, i64>,
) -> Result<(), Error> {
    let mut count = |word: &'static str, number: usize| {
        if number > 0 {
            *moved.entry(word).or_default() += i64::try_from(number).unwrap_or_default();
        }
    };
    // Behind the survivor's own: no record has a thousand owners.
    let owners: Vec<String> = tx
        .sql(
            "insert into customer_owner (company, customer, staff_key, staff_code, position)
             select company, $3, staff_key, staff_code, position + 1000 from customer_owner
             where company = $1 and customer = $2
             on conflict (company, customer, staff_key) do nothing returning staff_key",
        )
        .bind(company)
        .bind(from)
        .bind(to)
        .all()
        .await?;
    note(tx, company, merge, OWNER, &owners).await?;
    count("owners", owners.len());
    #[derive(Deserialize)]
    struct Choice {
        list: String,
        choice: i64,
    }
    let choices: Vec<Choice> = tx
        .sql(
            "insert into customer_choice (company, customer, list, choice, position)
             select company, $3, list, choice, position + 1000 from customer_choice
             where company = $1 and customer = $2
             on conflict (company, customer, list, choice) do nothing returning list, choice",
        )
        .bind(company)
        .bind(from)
        .bind(to)
        .all()
        .await?;
    for list in ["interests", "tags"] {
        let refs: Vec<String> =
            choices.iter().filter(|one| one.list == list).map(|one| one.choice.to_string()).collect();
        note(tx, company, merge, list, &refs).await?;
        count(list, refs.len());
    }
    let mut sources: Vec<String> = tx
        .sql(
            "update customer_identity set customer = $3 where company = $1 and customer = $2 and source <> $4
             returning source",
        )
        .bind(company)
        .bind(from)
        .bind(to)
        .bind(FROM_RECORD)
        .all()
        .await?;
    count("identities", sources.len());
    sources.sort_unstable();
    sources.dedup();
    note(tx, company, merge, IDENTITY, &sources).await?;
    let known = tx
        .sql(
            "insert into customer_identity (company, customer, kind, value, source, created_at)
             select company, $3, kind, value, $4, $5 from customer_identity
             where company = $1 and customer = $2 and source = $6
             on conflict (company, customer, kind, value, source) do nothing",
        )
        .bind(company)
        .bind(from)
        .bind(to)
        .bind(source(merge))
        .bind(now)
        .bind(FROM_RECORD)
        .exec()
        .await?;
    count("identities", usize::try_from(known).unwrap_or_default());
    Ok(())
}

/// Takes away what the merge gave, and lets identities go back with their rooms.
pub(super) async fn part(
    tx: &mut Conn,
    company: i64,
    merge: i64,
    (survivor, merged): (i64, i64),
) -> Result<(), db::Error> {
    tx.sql(
        "delete from customer_owner where company = $1 and customer = $2 and staff_key in
           (select ref from customer_merge_item where company = $1 and merge = $3 and kind = $4)",
    )
    .bind(company)
    .bind(survivor)
    .bind(merge)
    .bind(OWNER)
    .later()
    .await?;
    tx.sql(
        "delete from customer_choice where company = $1 and customer = $2 and exists
           (select 1 from customer_merge_item as item
            where item.company = $1 and item.merge = $3 and item.kind = customer_choice.list
              and item.ref = cast(customer_choice.choice as text))",
    )
    .bind(company)
    .bind(survivor)
    .bind(merge)
    .later()
    .await?;
    tx.sql("delete from customer_identity where company = $1 and customer = $2 and source = $3")
        .bind(company)
        .bind(survivor)
        .bind(source(merge))
        .later()
        .await?;
    tx.sql(
        "update customer_identity set customer = $3 where company = $1 and customer = $2 and source in
           (select ref from customer_merge_item where company = $1 and merge = $4 and kind = $5)",
    )
    .bind(company)
    .bind(survivor)
    .bind(merged)
    .bind(merge)
    .bind(IDENTITY)
    .later()
    .await
}
