//! Service: cases that customers bring, and the activities in which people see to them.

pub(crate) mod activity;
pub(crate) mod case;
pub(crate) mod hours;
pub(crate) mod link;
pub(crate) mod names;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub use self::activity::Row as Activity;
pub use self::case::Row as Case;

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(activity::routes()).merge(case::routes())
}
