//! What happens, for those who look at it now: a log of changes, and streams that follow it.
//!
//! A unit of work writes its changes beside what it changes, and its node is woken after the commit. Each node follows the log
//! itself, so that whatever commits is seen, by whichever node or command it was made, and in whatever order: ids are times,
//! transactions commit in another order than they began, and so every look goes back by [`OVERLAP`], and readers drop what they
//! have by its version. Which kinds of records have changed is read off the audit trail (`records`).

mod hub;
mod presence;
mod records;
mod stream;

use db::Conn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa_axum::router::OpenApiRouter;
use uuid::{Builder, Uuid};

pub use self::hub::Hub;
pub(crate) use self::presence::is_present;
use crate::app::App;
use crate::http::Caller;
use crate::http::caller::Range;

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(stream::routes()).merge(presence::routes())
}

/// How far every look at the log goes back behind the last id seen, in milliseconds: longer than any unit of work may take
/// ([`db::Options::hold_limit`]), with room for the clocks of nodes that differ.
pub const OVERLAP: i64 = 15 * 1000;

/// How long changes are kept, in milliseconds.
const KEPT: i64 = 48 * 60 * 60 * 1000;

/// Who may hear of something.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Audience {
    /// Whoever may see the room: by its channel account, whom it is and was assigned to, and its team.
    Room {
        /// The channel account.
        account: String,
        /// Whom it is assigned to, and was before this change.
        assignees: Vec<Option<Uuid>>,
        /// Its team, and the one before this change.
        teams: Vec<Option<i64>>,
    },
    /// One caller alone: a user id, or the id of an API client.
    Who(String),
    /// Whoever has this scope.
    Scope(String),
}

/// One thing of a change.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    to: Audience,
    data: Box<RawValue>,
}

impl Item {
    /// What readers are told; the kind is written into it.
    pub(crate) fn new(to: Audience, data: &Value) -> Item {
        // Values made by this program have no key that is not text.
        let data = serde_json::value::to_raw_value(data).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Item { to, data }
    }
}

/// The id of a change at this time.
pub(crate) fn id(at: i64) -> Uuid {
    let mut random = [0; 10];
    // Without randomness two changes of one millisecond would collide, and the later would fail with its unit.
    let _ = getrandom::fill(&mut random);
    Builder::from_unix_timestamp_millis(u64::try_from(at).unwrap_or_default(), &random).into_uuid()
}

/// The first id that a change at this time can have.
pub(crate) fn first_id(at: i64) -> Uuid {
    Builder::from_unix_timestamp_millis(u64::try_from(at.max(0)).unwrap_or_default(), &[0; 10]).into_uuid()
}

/// When a change happened; none for an id that is no change's.
pub(crate) fn time_of(id: Uuid) -> Option<i64> {
    (id.get_version_num() == 7).then(|| i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX))
}

/// Writes down what readers will be told when the caller's unit commits; wake the hub after it.
pub(crate) async fn note(
    tx: &mut Conn,
    company: i64,
    kind: &'static str,
    items: &[Item],
    at: i64,
) -> Result<(), db::Error> {
    if items.is_empty() {
        return Ok(());
    }
    let body = serde_json::to_string(items).unwrap_or_else(|_| "[]".to_owned());
    tx.sql("insert into change (company, id, at, kind, body) values ($1, $2, $3, $4, $5)")
        .bind(company)
        .bind(id(at))
        .bind(at)
        .bind(kind)
        .bind(body)
        .later()
        .await
}

/// What a reader may hear of.
#[derive(Debug, Clone)]
pub(crate) struct Rights {
    who: String,
    range: Range,
    team: Option<i64>,
    accounts: Option<Vec<String>>,
    scopes: Vec<String>,
}

impl Rights {
    pub(crate) fn of(caller: &Caller) -> Rights {
        Rights {
            who: caller.id.clone(),
            range: caller.range(),
            team: caller.person.as_ref().map(|person| person.team),
            accounts: caller.person.as_ref().and_then(|person| person.accounts.clone()),
            scopes: caller.scopes.clone(),
        }
    }

    /// Whether a change is for this reader: the same rule as `inbox::rights` has for statements.
    pub(crate) fn hears(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Who(who) => *who == self.who,
            Audience::Scope(scope) => self.scopes.contains(scope),
            Audience::Room { account, assignees, teams } => {
                let in_account = self.accounts.as_ref().is_none_or(|accounts| accounts.contains(account));
                let has = |user: Uuid| assignees.contains(&Some(user));
                let free = assignees.contains(&None);
                let no_team = teams.contains(&None);
                in_account
                    && match self.range {
                        Range::All => true,
                        Range::Team { user, team } => has(user) || teams.contains(&Some(team)) || (free && no_team),
                        Range::Own { user } => has(user) || (free && (no_team || teams.contains(&self.team))),
                    }
            }
        }
    }
}

/// Forgets changes that are too old to be resumed from; at most `most` at once.
pub(crate) async fn purge(tx: &mut Conn, now: i64, most: i64) -> Result<u64, db::Error> {
    let companies: Vec<i64> = tx.sql("select company from company order by company limit 10000").all().await?;
    let mut gone = 0;
    for company in companies {
        gone += tx
            .sql(
                "delete from change where company = $1 and id in
                   (select id from change where company = $1 and id < $2 order by id limit $3)",
            )
            .bind(company)
            .bind(first_id(now - KEPT))
            .bind(most)
            .exec()
            .await?;
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_times() {
        let at = 1_764_000_000_123;
        assert_eq!(time_of(id(at)), Some(at));
        assert!(first_id(at) <= id(at) && id(at) < first_id(at + 1));
        assert_eq!(time_of(Uuid::new_v4()), None);
    }

    #[test]
    fn a_reader_hears_of_the_rooms_in_range() {
        let (me, other) = (Uuid::new_v4(), Uuid::new_v4());
        let room = |assignee: Option<Uuid>, team: Option<i64>| Audience::Room {
            account: "507-a".to_owned(),
            assignees: vec![assignee],
            teams: vec![team],
        };
        let rights = |range| Rights {
            who: me.to_string(),
            range,
            team: Some(1),
            accounts: Some(vec!["507-a".to_owned()]),
            scopes: vec!["chat:read".to_owned()],
        };
        let own = rights(Range::Own { user: me });
        let team = rights(Range::Team { user: me, team: 1 });
        for (audience, own_hears, team_hears) in [
            (room(Some(me), Some(2)), true, true),
            (room(Some(other), Some(1)), false, true),
            (room(Some(other), Some(2)), false, false),
            (room(None, None), true, true),
            (room(None, Some(1)), true, true),
            (room(None, Some(2)), false, false),
        ] {
            assert_eq!((own.hears(&audience), team.hears(&audience)), (own_hears, team_hears), "{audience:?}");
            assert!(rights(Range::All).hears(&audience));
        }
        let elsewhere = Rights { accounts: Some(Vec::new()), ..rights(Range::All) };
        assert!(!elsewhere.hears(&room(None, None)));
        assert!(own.hears(&Audience::Who(me.to_string())) && !own.hears(&Audience::Who(other.to_string())));
        assert!(
            own.hears(&Audience::Scope("chat:read".to_owned())) && !own.hears(&Audience::Scope("user:read".to_owned()))
        );
    }
}
