//! E-mail: what people wait for (invitations, new passwords) and what customers get (quotations, contracts), as the company's
//! own words say it; stored before it is acknowledged, handed to an SMTP server by a job, with a log of what became of it.

mod letter;
mod log;
pub(crate) mod run;
pub mod smtp;
mod template;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use self::letter::{Attachment, Letter, MOST_FILES, Wishes, address, post, purpose};
pub(crate) use self::log::Row;
pub(crate) use self::template::{Language, Template};

use self::smtp::Mailer;
use crate::app::App;
use crate::http::{Code, Error, Fault};

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(log::routes()).merge(template::routes())
}

/// What sends e-mail: the one place that says whether this server can; 409 that says so when it cannot.
pub(crate) fn transport(app: &App) -> Result<&Mailer, Error> {
    let message = "E-mail is not set up on this server (SALA_SMTP_HOST); nothing was sent";
    app.mail.as_ref().ok_or_else(|| Error::Conflict(Fault::new(Code::NotConfigured, "mail", message)))
}
