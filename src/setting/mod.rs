//! The company and its settings.

pub mod block;
pub mod choice;
pub mod company;
pub mod inbox;
mod known;
pub mod list;
pub mod mail;
pub mod number;
pub mod phone;
pub mod profile;
pub mod retention;
pub mod tax;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(profile::routes()).merge(choice::routes())
}
