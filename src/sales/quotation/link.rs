//! Links to a quotation's page: whoever holds one may look at the quotation and answer it, until it expires or the quotation
//! is changed. A link is sealed with the server's key, so nobody can make one or lengthen it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::{Date, Time};

use super::row::Row;
use crate::app::App;
use crate::http::{Error, absolute};
use crate::time::Zone;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// What a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) company: i64,
    pub(super) quotation: i64,
    pub(super) revision: i64,
    /// Until when it is good, in Unix milliseconds.
    pub(super) until: i64,
}

impl Link {
    /// For so many days, and never longer than the quotation is valid.
    pub(super) fn new(row: &Row, days: i64, now: i64, zone: &Zone) -> Link {
        let last = row.valid_until.parse::<Date>().ok().and_then(|day| day.tomorrow().ok());
        let last = last.and_then(|day| day.to_datetime(Time::midnight()).to_zoned(zone.clone()).ok());
        let last = last.map_or(i64::MAX, |time| time.timestamp().as_millisecond());
        let until = last.min(now + days * DAY);
        Link { company: row.company, quotation: row.id, revision: row.revision, until }
    }

    /// The last part of its address; it begins with the company.
    pub(super) fn token(self, app: &App) -> Result<String, Error> {
        let plain = format!("{}.{}.{}", self.quotation, self.revision, self.until);
        let sealed = app.vault.seal(&purpose(self.company), plain.as_bytes());
        let sealed = sealed.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(format!("{}-{}", self.company, URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Its address.
    pub(super) fn address(self, app: &App) -> Result<String, Error> {
        Ok(absolute(app, &format!("/quotation/{}", self.token(app)?)))
    }

    /// Reads the last part of an address; none when this server did not make it.
    pub(super) fn read(app: &App, token: &str) -> Option<Link> {
        let (company, sealed) = token.split_once('-')?;
        let company: i64 = company.parse().ok()?;
        let plain = app.vault.open(&purpose(company), &URL_SAFE_NO_PAD.decode(sealed).ok()?).ok()?;
        let text = String::from_utf8(plain).ok()?;
        let [quotation, revision, until] = text.split('.').collect::<Vec<_>>()[..] else { return None };
        Some(Link {
            company,
            quotation: quotation.parse().ok()?,
            revision: revision.parse().ok()?,
            until: until.parse().ok()?,
        })
    }
}

fn purpose(company: i64) -> String {
    format!("{company}/quotation-link")
}
