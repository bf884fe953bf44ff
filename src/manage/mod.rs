//! What administrators look after: channel accounts, API clients, jobs that failed, and the server itself. The console's
//! screens are made of these operations, and a client with the scope reaches each of them, too.

mod account;
mod client;
mod system;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes of this group.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(account::routes()).merge(client::routes()).merge(system::routes())
}
