//! Times as the API writes them: `2025-01-29T15:38:43+0700`, in the company's zone.

use db::Conn;
use jiff::Timestamp;
pub use jiff::tz::TimeZone as Zone;

/// The zone of a company.
pub async fn zone(conn: &mut Conn, company: i64) -> Result<Zone, db::Error> {
    let name: Option<String> =
        conn.sql("select time_zone from company where company = $1").bind(company).optional().await?;
    Ok(name.and_then(|name| Zone::get(&name).ok()).unwrap_or(Zone::UTC))
}

/// Unix milliseconds as the API's text.
pub fn text(at: i64, zone: &Zone) -> String {
    let time = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(zone.clone());
    time.strftime("%Y-%m-%dT%H:%M:%S%z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_offset_without_a_colon() {
        let zone = Zone::get("Asia/Bangkok").expect("zone");
        assert_eq!(text(1_738_139_923_000, &zone), "2025-01-29T15:38:43+0700");
    }
}
