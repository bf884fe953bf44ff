//! What administrators look after: channel accounts, API clients, jobs that failed, and the server itself. The console's
//! screens are made of these operations, and a client with the scope reaches each of them, too.

mod account;
mod client;
mod provider;
mod system;

use db::Conn;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Error};

/// The routes of this group.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(account::routes()).merge(client::routes()).merge(system::routes())
}

/// Writes into the audit trail what was done to the record of this reference.
async fn note(
    tx: &mut Conn,
    caller: &Caller,
    reference: String,
    action: &'static str,
    (from, to): (&Value, &Value),
    at: i64,
) -> Result<(), Error> {
    let change = Change { company: caller.company, reference, actor: &caller.id, action, at };
    audit::record(tx, &change, from, to).await?;
    Ok(())
}
