//! Telephone numbers: kept as people type them, compared as E.164 says.

/// Calling code and trunk prefix of the countries in which Sala's users are (ITU-T E.164, assigned country codes).
const COUNTRIES: [(&str, &str); 16] = [
    ("TH", "66"),
    ("LA", "856"),
    ("KH", "855"),
    ("MM", "95"),
    ("VN", "84"),
    ("MY", "60"),
    ("SG", "65"),
    ("ID", "62"),
    ("PH", "63"),
    ("CN", "86"),
    ("HK", "852"),
    ("TW", "886"),
    ("JP", "81"),
    ("KR", "82"),
    ("IN", "91"),
    ("US", "1"),
];

/// Whether a country is one whose numbers can be read.
pub fn is_country(country: &str) -> bool {
    COUNTRIES.iter().any(|(known, _)| *known == country)
}

/// A number in the form of E.164 (`+66812345678`), as far as it can be told: `None` when it holds letters, or too few or
/// too many digits. A number without a country's code is taken to be of `country` (ISO 3166); its trunk 0 falls away.
pub fn e164(text: &str, country: &str) -> Option<String> {
    let text = text.trim();
    if text.chars().any(|letter| !letter.is_ascii_digit() && !matches!(letter, ' ' | '-' | '.' | '(' | ')' | '+')) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let number = if text.starts_with('+') {
        digits
    } else if let Some(international) = digits.strip_prefix("00") {
        international.to_owned()
    } else {
        let (_, code) = COUNTRIES.iter().find(|(known, _)| *known == country)?;
        match digits.strip_prefix('0') {
            Some(national) => format!("{code}{national}"),
            // `66812345678` lacks only its plus.
            None if digits.starts_with(code) && digits.len() > 9 => digits,
            None => format!("{code}{digits}"),
        }
    };
    // At most 15 digits (E.164, section 6); fewer than 7 are an extension or a short code.
    (7..=15).contains(&number.len()).then(|| format!("+{number}"))
}

/// A number in E.164 as it is dialled in its own country: with the trunk 0; `None` when it is of another country.
pub fn national(e164: &str, country: &str) -> Option<String> {
    let (_, code) = COUNTRIES.iter().find(|(known, _)| *known == country)?;
    e164.strip_prefix('+')?.strip_prefix(code).map(|rest| format!("0{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_telephone_is_the_same_number() {
        for same in ["081-234-5678", "+66 81 234 5678", "0066812345678", "66812345678", "(081) 234.5678"] {
            assert_eq!(e164(same, "TH").as_deref(), Some("+66812345678"), "{same}");
        }
        assert_eq!(national("+66812345678", "TH").as_deref(), Some("0812345678"));
        assert_eq!(e164("2055512345", "LA").as_deref(), Some("+8562055512345"));
        for none in ["", "1234", "call me", "+1234567890123456", "081 234 5678 ext 9"] {
            assert_eq!(e164(none, "TH"), None, "{none}");
        }
    }
}
