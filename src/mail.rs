//! E-mail: the one place that says whether this server can send any. There is no transport yet, so nothing is ever taken on to
//! be sent: whoever asks is told.

use crate::app::App;
use crate::http::{Code, Error, Fault};

/// What sends e-mail. There is none yet: the first transport is the first variant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Transport {}

/// The transport of this server; 409 that says so when it has none.
pub(crate) fn transport(_: &App) -> Result<Transport, Error> {
    let message = "This server has no transport for e-mail; nothing was sent";
    Err(Error::Conflict(Fault::new(Code::NotConfigured, "mail", message)))
}
