//! Chat: rooms, messages, channel accounts, what comes in and what goes out.

pub mod account;
mod attempt;
pub mod conversation;
pub mod delivery;
pub mod inbound;
pub mod line;
pub(crate) mod lookup;
pub mod message;
mod passport;
pub mod queue;
mod refused;
pub mod room;
pub mod sandbox;
pub(crate) mod stray;
pub mod texts;
mod told;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(message::routes())
        .merge(room::routes())
        .merge(conversation::routes())
        .merge(line::routes())
        .merge(sandbox::routes())
}
