//! Products: what a company sells, one item or in variants, with prices, parts and stock.

mod lookup;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(lookup::routes())
}
