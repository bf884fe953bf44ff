//! Telephone numbers: kept as people type them, compared as E.164 says.

use phonenumber::country::Id;
use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, PhoneNumber, Type};

use crate::search;

/// Whether a country is one whose numbers can be read.
pub fn is_country(country: &str) -> bool {
    country.parse::<Id>().is_ok()
}

/// A number in the form of E.164 (`+66812345678`), as far as it can be told: `None` when a text holds none. A number without a
/// country's code is taken to be of `country` (ISO 3166); its trunk 0 falls away. Of several numbers the first.
pub fn e164(text: &str, country: &str) -> Option<String> {
    numbers(text, country).into_iter().next()
}

/// So many letters of a text are looked through.
const MOST: usize = 500;

/// Every number that a text holds, in the form of E.164: people type several into one field, words around them, and
/// extensions behind them. A run of digits and of what stands between them is a number when the plan of its country has it;
/// one that stands alone, or behind a word for a telephone, also when the plan may be newer than what is known of it here.
pub fn numbers(text: &str, country: &str) -> Vec<String> {
    let text: String = text.chars().take(MOST).collect();
    // Full width, dashes and digits of all scripts, marks of direction: the fold knows them.
    let folded = without_days(&search::fold(&text));
    let plan = Plan::of(country);
    let either = search::fold("หรือ");
    let mut found: Vec<String> = Vec::new();
    for part in folded.split([',', ';', '|', '\n']).flat_map(|part| part.split(" or ")) {
        for part in part.split(either.as_str()) {
            let letters: Vec<char> = part.trim().trim_start_matches(['=', '\'']).chars().collect();
            for run in runs(&letters) {
                let numbers = plan.numbers(&run);
                found.extend(numbers.into_iter().filter(|number| !found.contains(number)).collect::<Vec<_>>());
            }
        }
    }
    found
}

/// A run of telephone characters: `text` begins with its `+` or its first digit and ends with its last digit.
#[derive(Debug)]
struct Run {
    text: String,
    trust: Trust,
}

/// How much is asked of a run before it is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// It is called a telephone, or nothing else is there.
    Called,
    /// Words stand around it: it is one that is dialled so.
    Among,
    /// It is part of a longer word, as `SO-0251-10001`: it is the number of a mobile telephone that is dialled so.
    Joined,
}

/// Words for a telephone: what is joined to one is a number, as `tel0812345678`.
const WORDS: [&str; 13] =
    ["tel", "telephone", "phone", "mobile", "mob", "cell", "call", "fax", "hotline", "โทร", "มือถือ", "แฟกซ์", "ໂທ"];

/// Words that may be joined to a number, though they may stand before others, too.
const PLACES: [&str; 5] = ["line", "whatsapp", "viber", "office", "home"];

fn is_telephonic(letter: char) -> bool {
    letter.is_ascii_digit() || matches!(letter, ' ' | '-' | '.' | '(' | ')' | '/' | '_' | '~')
}

/// The runs of a text that may be numbers.
fn runs(letters: &[char]) -> Vec<Run> {
    let is_alone = letters.iter().all(|letter| *letter == '+' || is_telephonic(*letter));
    let mut runs = Vec::new();
    let mut place = 0;
    while let Some(begin) = letters.iter().skip(place).position(|letter| *letter == '+' || letter.is_ascii_digit()) {
        let begin = place + begin;
        let rest = letters.get(begin + 1..).unwrap_or_default();
        let length = rest.iter().position(|letter| !is_telephonic(*letter)).unwrap_or(rest.len());
        let digits = rest.iter().take(length).rposition(char::is_ascii_digit).map_or(0, |last| last + 1);
        place = begin + 1 + length;
        let end = begin + 1 + digits;
        let (before, text) = letters.split_at(begin);
        let (text, after) = text.split_at(end - begin);
        if text.iter().filter(|letter| letter.is_ascii_digit()).count() < 7 {
            continue;
        }
        let trust = if is_alone { Some(Trust::Called) } else { trust(before, after) };
        runs.extend(trust.map(|trust| Run { text: text.iter().collect(), trust }));
    }
    runs
}

/// How much is asked of a run that stands between these; nothing when it is no telephone's, as in an e-mail address.
fn trust(before: &[char], after: &[char]) -> Option<Trust> {
    let ends_token = |letter: &char| letter.is_whitespace() || matches!(letter, '/' | '(' | ')' | ':' | '<' | '>');
    let beside = |letter: &&char| !ends_token(letter);
    let mut token = before.iter().rev().take_while(beside).chain(after.iter().take_while(beside));
    let mut link = before.iter().rev().take_while(|letter| !letter.is_whitespace());
    if token.any(|letter| *letter == '@') || link.clone().zip(link.by_ref().skip(1)).any(|pair| pair == (&'/', &'/')) {
        return None;
    }
    let text: String = before.iter().collect();
    let said = text.trim_end_matches([' ', '.', ':', '-', '(', '_', '/']);
    let ends_with = |word: &str| {
        let rest = said.strip_suffix(word);
        rest.is_some_and(|rest| !word.is_ascii() || !rest.ends_with(|letter: char| letter.is_ascii_alphanumeric()))
    };
    let is_called = WORDS.iter().any(|word| ends_with(&search::fold(word)));
    let joined = text.trim_end_matches(['-', '_']);
    let is_joined = joined.ends_with(|letter: char| letter.is_ascii_alphanumeric());
    match (is_called, is_joined) {
        (true, _) => Some(Trust::Called),
        (false, false) => Some(Trust::Among),
        (false, true) if PLACES.iter().any(|word| ends_with(word)) => Some(Trust::Among),
        (false, true) if joined.len() < text.len() => Some(Trust::Joined),
        (false, true) => None,
    }
}

/// A text without its days, as 28/11/2026 and 2026-11-28: they are no numbers, and end what stands beside them.
fn without_days(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut place = 0;
    while let Some(letter) = letters.get(place) {
        let follows = matches!(kept.chars().last(), Some('0'..='9' | '+'))
            || kept.ends_with(['-', '/', '.', ' '])
                && kept.chars().rev().nth(1).is_some_and(|last| last.is_ascii_digit());
        match (!follows).then(|| day(letters.get(place..).unwrap_or_default())).flatten() {
            Some(length) => {
                kept.push(',');
                place += length;
            }
            None => {
                kept.push(*letter);
                place += 1;
            }
        }
    }
    kept
}

/// How many letters of the beginning of a text are a day.
fn day(letters: &[char]) -> Option<usize> {
    let number = |from: usize| {
        let digits = letters.get(from..)?.iter().take_while(|letter| letter.is_ascii_digit());
        let digits: String = digits.take(5).collect();
        Some((digits.len(), digits.parse::<u32>().ok()?))
    };
    let (first, one) = number(0)?;
    let separator = *letters.get(first)?;
    let (second, month) = number(first + 1)?;
    let third_at = first + 1 + second;
    if !matches!(separator, '-' | '/' | '.' | ' ') || letters.get(third_at) != Some(&separator) {
        return None;
    }
    let (third, last) = number(third_at + 1)?;
    let end = third_at + 1 + third;
    // More groups behind it: a number that is written in pairs.
    let goes_on = letters.get(end) == Some(&separator) && letters.get(end + 1).is_some_and(char::is_ascii_digit);
    let is_year = |length, year| length == 4 && (1900..=2700).contains(&year) || length == 2 && separator == '/';
    let is_day = |one: u32, other: u32| (1..=31).contains(&one) && (1..=12).contains(&other);
    let are_short = |one: usize, other: usize| (1..=2).contains(&one) && (1..=2).contains(&other);
    let is_day_first = are_short(first, second) && is_year(third, last) && (is_day(one, month) || is_day(month, one));
    let is_year_first = first == 4 && is_year(first, one) && are_short(second, third) && is_day(last, month);
    (!goes_on && (is_day_first || is_year_first)).then_some(end)
}

/// The plan of a country's numbers.
#[derive(Debug)]
struct Plan {
    country: Option<Id>,
    /// Its numbers are dialled with a 0 before them at home.
    has_trunk: bool,
    /// Digits of a number without that 0.
    lengths: Vec<u16>,
}

impl Plan {
    fn of(country: &str) -> Plan {
        let known = DATABASE.by_id(country);
        let lengths = known.map(|known| {
            let general = known.descriptors().general();
            general.possible_length().iter().chain(general.possible_local_length()).copied().collect()
        });
        Plan {
            country: country.parse().ok(),
            has_trunk: known.and_then(|known| known.national_prefix()) == Some("0"),
            lengths: lengths.unwrap_or_default(),
        }
    }

    /// The numbers of a run. `02-123-4567/8` is one number whose last digit may be another one, and `081/234/5678` is
    /// written with slashes for dashes.
    fn numbers(&self, run: &Run) -> Vec<String> {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
        let sides: Vec<&str> = run.text.split('/').filter(|side| digits(side) > 0).collect();
        let is_list = sides.first().is_some_and(|first| self.valid(first, run.trust).is_some())
            || sides.iter().skip(1).any(|side| digits(side) >= 7);
        match sides.len() {
            0 | 1 => self.of_side(&run.text, run.trust),
            _ if is_list => {
                let long = sides.into_iter().filter(|side| digits(side) >= 7);
                long.flat_map(|side| self.of_side(side, run.trust)).collect()
            }
            _ => self.of_side(&sides.join(" "), run.trust),
        }
    }

    /// The numbers of a text without slashes: as a whole; or those that its groups make, as of two numbers with a space between
    /// them, and of a range (`02-123-4501-5`), whose first is taken.
    fn of_side(&self, text: &str, trust: Trust) -> Vec<String> {
        if let Some(number) = self.valid(text, trust) {
            return vec![number];
        }
        let groups: Vec<&str> = text.split(' ').filter(|group| !group.is_empty()).collect();
        let (mut found, mut begin) = (Vec::new(), 0);
        // A part of a run is a number only if it is dialled so.
        let part = if trust == Trust::Joined { trust } else { Trust::Among };
        while begin < groups.len() {
            let most = groups.len().min(begin + 8);
            let fits = |end: usize| {
                let text = groups.get(begin..end)?.join(" ");
                let range = text.rsplit_once(['-', '~']).filter(|(_, last)| last.len() <= 4);
                self.valid(&text, part).or_else(|| self.valid(range?.0, part)).map(|number| (end, number))
            };
            match (begin + 1..=most).rev().find_map(fits) {
                Some((end, number)) => {
                    found.push(number);
                    begin = end;
                }
                None => begin += 1,
            }
        }
        if found.is_empty() && trust == Trust::Called {
            found.extend(self.possible(text));
        }
        found
    }

    /// The number that a text is in the plan of its country, in E.164.
    fn valid(&self, text: &str, trust: Trust) -> Option<String> {
        let text = plain(text);
        // `00` is how most of the world dials abroad, whatever the country's own prefix is.
        let abroad = text.strip_prefix("00").map(|rest| format!("+{rest}"));
        let read = |text: &str| phonenumber::parse(self.country, text).ok().filter(phonenumber::is_valid);
        let number = read(&text).or_else(|| read(abroad.as_deref()?))?;
        let e164 = e164_of(&number)?;
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let is_dialled = !self.has_trunk || text.starts_with(['+', '0']) || e164.get(1..) == Some(digits.as_str());
        let kind = number.number_type(&DATABASE);
        match trust {
            Trust::Called => Some(e164),
            Trust::Among => is_dialled.then_some(e164),
            Trust::Joined => (is_dialled && matches!(kind, Type::Mobile | Type::FixedLineOrMobile)).then_some(e164),
        }
    }

    /// The number that a text may be, though what is known of its country's plan does not have it: the plan may be newer.
    fn possible(&self, text: &str) -> Option<String> {
        let text = plain(text);
        let abroad = text.strip_prefix("00").map(|rest| format!("+{rest}"));
        let read = |text: &str| phonenumber::parse(self.country, text).ok();
        let number = read(&text).or_else(|| read(abroad.as_deref()?))?;
        let length = u16::try_from(number.national().to_string().len()).ok()?;
        // Thirteen digits are a tax number or that of a person.
        let is_possible = text.starts_with('+') || length < 13 && self.lengths.contains(&length);
        is_possible.then(|| e164_of(&number)).flatten()
    }
}

/// A run with spaces and dashes only between its digits.
fn plain(text: &str) -> String {
    let separated = text.trim().chars().map(|letter| match letter {
        '_' | '~' => '-',
        '(' | ')' => ' ',
        letter => letter,
    });
    separated.collect::<String>().trim().to_owned()
}

/// A number in E.164: at most 15 digits (section 6); fewer than 7 are an extension or a short code.
fn e164_of(number: &PhoneNumber) -> Option<String> {
    let text = number.format().mode(Mode::E164).to_string();
    (7..=15).contains(&(text.len() - 1)).then_some(text)
}

/// A number in E.164 as it is dialled in its own country, in digits; `None` when it is of another country.
pub fn national(e164: &str, country: &str) -> Option<String> {
    let number: PhoneNumber = phonenumber::parse(None, e164).ok()?;
    let own = DATABASE.by_id(country)?.country_code();
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
        for among in [
            "0817778831 (LINE)",
            "LINE 081-777-8831",
            "คุณเอ 081-777-8831",
            "081-777-8831 คุณเอ",
            "081-777-8831คุณเอ",
            "คุณเอ081-777-8831",
            "081_777_8831",
            "มือถือ: 0817778831",
            "มือถือ0817778831",
            "tel0817778831",
            "081 777 8831 (office hours)",
            "(+66) 81-777-8831 Somchai",
            "Somchai +66 81 777 8831 / LINE: @somchai",
            "081-777-8831 กด 3",
            "081-777-8831 press 3",
            "081-777-8831ext.3",
            "081-777-8831 * 3",
            "081-777-8831-5",
            "081-777-8831 - 35",
            "081-777-8831-8835",
            "081-777-8831/32",
            "Call: (081) 777 8831, after 28/11/2026 14:30",
            "28/11/2026 0817778831",
            "som@example.com 0817778831",
            "0817778831/som@example.com",
            "Somchai/0817778831",
            "Somchai-0817778831",
            "66817778831 (WhatsApp)",
            "0066817778831 (WhatsApp)",
            "๐๘๑-๗๗๗-๘๘๓๑ (ไลน์)",
            "0817778831LINE",
            "LINE0817778831",
        ] {
            assert_eq!(e164(among, "TH").as_deref(), Some("+66817778831"), "{among}");
            assert_eq!(numbers(among, "TH").len(), 1, "{among}");
        }
        for two in [
            "มือถือ: 0277788011 / บ้าน 027778802",
            "Tel 02-777-8801 Fax 02-777-8802",
            "02-777-8801 02-777-8802",
            "02-777-8801-5, 02-777-8802",
            "02-777-8801/02-777-8802 ต่อ 12",
            "027778801 Office 027778802 Home",
        ] {
            let two = two.replace("0277788011", "027778801");
            assert_eq!(numbers(&two, "TH"), ["+6627778801", "+6627778802"], "{two}");
        }
        assert_eq!(e164("02-777-8801-5", "TH").as_deref(), Some("+6627778801"), "a range");
        assert_eq!(e164("02-777-8811 กด 3", "TH").as_deref(), Some("+6627778811"));
        assert_eq!(e164("tel: 2055512345", "LA").as_deref(), Some("+8562055512345"));
        assert_eq!(e164("(212) 555-1234 (home)", "US").as_deref(), Some("+12125551234"));
        for none in [
            "28/11/2026",
            "2026-11-28",
            "28-11-2569",
            "28.11.2026",
            "28 11 2026",
            "28/11/2026 14:30",
            "28/11/2026 14.30",
            "28/11/26 14.30",
            "28/11/2026-30/11/2026",
            "เกิด 28/11/2026",
            "0105561000008",
            "0-1055-61000-00-8",
            "1103702123456",
            "1-1037-02123-45-6",
            "เลขผู้เสียภาษี 0105561000008",
            "@abc1234567",
            "@0817778831",
            "LINE: @0817778831",
            "LINE ID abc0817778831",
            "LINE: 12345678",
            "LINE id 20251234",
            "somchai0817778831@example.com",
            "0817778831@example.com",
            "mailto:0817778831.som@example.com",
            "https://example.com/0817778831",
            "SO2511-0001",
            "SO02511-0001",
            "PO-0251-10001",
            "INV-2568/00123",
            "INV 25680001",
            "IV6811-00012",
            "A0812345678",
            "4111 1111 1111 1111",
            "13.7563309, 100.5018",
            "฿1,500,000.00",
        ] {
            assert_eq!(numbers(none, "TH"), [""; 0], "{none}");
        }
        let long = "0 ".repeat(1_000_000);
        assert_eq!(numbers(&long, "TH"), [""; 0]);
        for none in ["", "1234", "call me", "+1234567890123456", "-", "ext 12"] {
            assert_eq!(e164(none, "TH"), None, "{none}");
        }
    }
}
