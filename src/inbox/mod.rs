//! The inbox: who answers which room, and what colleagues keep about it. Rooms and messages themselves are `chat`'s.

pub(crate) mod assign;
mod count;
mod draft;
mod enquiry;
mod note;
mod reply;
pub(crate) mod rights;
mod room;
mod search;
mod seek;
mod state;
mod thread;
mod view;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use state::{before, delivered, wake, written};

use crate::app::App;

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(enquiry::routes())
        .merge(count::routes())
        .merge(room::routes())
        .merge(thread::routes())
        .merge(note::routes())
        .merge(draft::routes())
        .merge(reply::routes())
        .merge(view::routes())
        .merge(search::routes())
        .merge(assign::routes())
}
