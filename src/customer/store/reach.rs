//! Whose customers a caller may see and change: one rule for every statement.
//!
//! A person with a range has the customers that he or his team looks after, and those that he has entered. One that nobody looks
//! after is everybody's to take, as a chat room is: whoever answers a new room sees the customer behind it.

use db::{Conn, Query};
use uuid::Uuid;

use crate::http::caller::Range;
use crate::http::{Caller, Error};

/// The range of a caller who may not see all customers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    user: Uuid,
    team: Option<i64>,
}

impl Reach {
    /// The range of this caller; none of one who may see all.
    pub(crate) fn of(caller: &Caller) -> Option<Reach> {
        match caller.range() {
            Range::All => None,
            Range::Team { user, team } => Some(Reach { user, team: Some(team) }),
            Range::Own { user } => Some(Reach { user, team: None }),
        }
    }

    /// Narrows a statement about `customer`.
    pub(crate) fn push(self, query: Query<'_>) -> Query<'_> {
        let query = query.push(" and (customer.created_by = ").push_bind(self.user.to_string());
        let query = query.push(
            " or not exists (select 1 from customer_owner as owner where owner.company = customer.company and owner.customer = customer.id)
              or exists (select 1 from customer_owner as owner
                         join employee on employee.company = owner.company and employee.staff_key = owner.staff_key
                         where owner.company = customer.company and owner.customer = customer.id and (employee.id = ",
        );
        let query = query.push_bind(self.user);
        match self.team {
            Some(team) => query.push(" or employee.team = ").push_bind(team).push(")))"),
            None => query.push(")))"),
        }
    }
}

/// Narrows a statement about `customer` to what the caller may see.
pub(crate) fn within<'c>(query: Query<'c>, caller: &Caller) -> Query<'c> {
    match Reach::of(caller) {
        Some(reach) => reach.push(query),
        None => query,
    }
}

/// Whether the caller may see and change this customer.
pub(crate) async fn is_seen(conn: &mut Conn, caller: &Caller, id: i64) -> Result<bool, db::Error> {
    let Some(reach) = Reach::of(caller) else { return Ok(true) };
    let query = conn.sql("select customer.id from customer where customer.company = $1 and customer.id = $2");
    let found: Option<i64> = reach.push(query.bind(caller.company).bind(id)).optional().await?;
    Ok(found.is_some())
}

/// Refuses a customer that the caller may not see, as if it were not there.
pub(crate) async fn must_see(conn: &mut Conn, caller: &Caller, id: i64) -> Result<(), Error> {
    match is_seen(conn, caller, id).await? {
        true => Ok(()),
        false => Err(Error::NotFound("customer")),
    }
}
