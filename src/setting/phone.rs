//! Telephone numbers: kept as people type them, compared as E.164 says.

use phonenumber::country::Id;
use phonenumber::{Mode, PhoneNumber};

use crate::search;

/// Whether a country is one whose numbers can be read.
pub fn is_country(country: &str) -> bool {
    country.parse::<Id>().is_ok()
}

/// A number in the form of E.164 (`+66812345678`), as far as it can be told: `None` when it holds letters, or too few or
/// too many digits. A number without a country's code is taken to be of `country` (ISO 3166); its trunk 0 falls away. Of several
/// numbers the first.
pub fn e164(text: &str, country: &str) -> Option<String> {
    numbers(text, country).into_iter().next()
}

/// Every number that a text holds, in the form of E.164: people type several into one field, and extensions behind them.
pub fn numbers(text: &str, country: &str) -> Vec<String> {
    // Full width, dashes and digits of all scripts, marks of direction: the fold knows them.
    let folded = search::fold(search::trimmed(text));
    let mut found = Vec::new();
    for part in folded.split([',', ';', '|', '\n']).flat_map(|part| part.split(" or ")).flat_map(alternatives) {
        found.extend(number(&part, country).filter(|number| !found.contains(number)));
    }
    found
}

/// What people put before a number, and between it and its extension, folded.
const BEFORE: [&str; 10] = ["=", "'", "tel:", "tel.", "tel", "phone", "mobile", "m:", "t:", "call"];
const BEHIND: [&str; 4] = ["ext", "x", "#", ";ext"];

/// The numbers on the sides of slashes and of the Thai word for `or`. `02-123-4567/8` is one number whose last digit may be
/// another one, and `081/234/5678` is written with slashes for dashes.
fn alternatives(part: &str) -> Vec<String> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let word = search::fold("หรือ");
    part.split(word.as_str())
        .flat_map(|part| {
            let sides: Vec<&str> = part.split('/').collect();
            let rest = sides.get(1..).unwrap_or_default();
            match sides.first() {
                Some(first) if !rest.is_empty() && rest.iter().all(|side| digits(side) <= 2) => {
                    vec![(*first).to_owned()]
                }
                _ if rest.iter().any(|side| digits(side) >= 7) => sides.iter().map(|side| (*side).to_owned()).collect(),
                _ => vec![part.replace('/', " ")],
            }
        })
        .collect()
}

fn number(text: &str, country: &str) -> Option<String> {
    let mut text = text.trim();
    for word in BEFORE.iter().map(|word| (*word).to_owned()).chain(["โทร.", "โทร", "มือถือ"].map(search::fold))
    {
        text = text.strip_prefix(word.as_str()).unwrap_or(text).trim_start_matches([':', ' ']);
    }
    let ends = BEHIND.iter().map(|word| (*word).to_owned()).chain([search::fold("ต่อ")]);
    let end = ends.filter_map(|word| text.find(&word).filter(|place| *place > 0)).min().unwrap_or(text.len());
    let text = text.get(..end)?.trim();
    if text.chars().any(|letter| !letter.is_ascii_digit() && !matches!(letter, ' ' | '-' | '.' | '(' | ')' | '+')) {
        return None;
    }
    let country = country.parse::<Id>().ok();
    let read = |text: &str| phonenumber::parse(country, text).ok();
    // `00` is how most of the world dials abroad, whatever the country's own prefix is.
    let abroad = text.strip_prefix("00").map(|rest| format!("+{rest}"));
    let number = match (read(text), abroad.as_deref().and_then(read)) {
        (Some(number), _) if phonenumber::is_valid(&number) => number,
        (_, Some(number)) if phonenumber::is_valid(&number) => number,
        // A plan of numbers may be newer than what is known of it here.
        (number, _) => number?,
    };
    let number = number.format().mode(Mode::E164).to_string();
    // At most 15 digits (E.164, section 6); fewer than 7 are an extension or a short code.
    (7..=15).contains(&(number.len() - 1)).then_some(number)
}

/// A number in E.164 as it is dialled in its own country, in digits; `None` when it is of another country.
pub fn national(e164: &str, country: &str) -> Option<String> {
    let number: PhoneNumber = phonenumber::parse(None, e164).ok()?;
    let own = phonenumber::metadata::DATABASE.by_id(country)?.country_code();
    let text = number.format().mode(Mode::National).to_string();
    (number.code().value() == own).then(|| text.chars().filter(char::is_ascii_digit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_telephone_is_the_same_number() {
        for same in [
            "081-234-5678",
            "+66 81 234 5678",
            "0066812345678",
            "66812345678",
            "(081) 234.5678",
            "+66 (0)81 234 5678",
            "+66 081 234 5678",
            "tel:+66812345678",
            "โทร. 081-234-5678",
            "=+66812345678",
            "081–234–5678",
            "081\u{a0}234\u{a0}5678",
            "０８１２３４５６７８",
            "๐๘๑-๒๓๔-๕๖๗๘",
            "\u{202a}+66812345678\u{202c}",
            "081/234/5678",
            "081 234 5678 ต่อ 12",
            "081-234-5678 ext. 9",
            "081-234-5678 #9",
            "081-234-5678 x9",
            "081-234-5678/9",
        ] {
            assert_eq!(e164(same, "TH").as_deref(), Some("+66812345678"), "{same}");
        }
        for list in [
            "081-234-5678, 02-123-4567",
            "081-234-5678/02-123-4567",
            "081 234 5678 หรือ 02-123-4567 ต่อ 12",
            "081-234-5678\n021234567",
        ] {
            assert_eq!(numbers(list, "TH"), ["+66812345678", "+6621234567"], "{list}");
        }
        assert_eq!(national("+66812345678", "TH").as_deref(), Some("0812345678"));
        assert_eq!(e164("2055512345", "LA").as_deref(), Some("+8562055512345"));
        assert_eq!(e164("(212) 555-1234", "US").as_deref(), Some("+12125551234"));
        assert_eq!(e164("1 212 555 1234", "US").as_deref(), Some("+12125551234"));
        assert_eq!(e164("+44 (0)20 7946 0958", "TH").as_deref(), Some("+442079460958"));
        assert_eq!(e164("020 7946 0958", "GB").as_deref(), Some("+442079460958"));
        assert_eq!(e164("06 1234 5678", "IT").as_deref(), Some("+390612345678"), "Italy dials its 0 from abroad, too");
        assert_eq!(e164("001 66 81 234 5678", "TH").as_deref(), Some("+66812345678"), "as it is dialled in Thailand");
        for none in ["", "1234", "call me", "+1234567890123456", "-", "ext 12"] {
            assert_eq!(e164(none, "TH"), None, "{none}");
        }
    }
}
