//! How a spreadsheet shows a number: as far as what is shown says something that the number alone does not.

use super::super::cell::{Shown, fifteen};

/// What a number format makes of a number (ECMA-376, 18.8.31).
pub(super) fn shown(number: f64, format: &str) -> Shown {
    let sections = sections(format);
    let place = if number < 0.0 { 1 } else { usize::from(number == 0.0) * 2 };
    let section = sections.get(place).or_else(|| sections.first()).map_or(&[][..], Vec::as_slice);
    let has = |wanted: fn(&Part) -> bool| section.iter().any(wanted);
    if has(|part| matches!(part, Part::Percent)) {
        return Shown::Percent;
    }
    if has(|part| matches!(part, Part::Exponent)) {
        return Shown::Rounded;
    }
    // Thousands apart and currencies are how sums are shown: they are no part of a code.
    if number < 0.0 || has(|part| matches!(part, Part::Group | Part::Currency | Part::Other)) {
        return Shown::Plain;
    }
    let text = match has(|part| matches!(part, Part::General)) {
        true => section.iter().map(|part| part.literal(&fifteen(number))).collect::<Option<String>>(),
        false => written(section, number),
    };
    match text {
        Some(text) if !text.trim().is_empty() && text.trim() != fifteen(number) => Shown::As(text.trim().to_owned()),
        _ => Shown::Plain,
    }
}

/// The number formats of Excel in Thai, which a workbook names by their numbers only (ECMA-376, 18.8.30); the letters of
/// days and times are those of English. Those of East Asia (27 to 36, 50 to 58) are days or times of day by the language of
/// the program that wrote them, so that the number itself says which.
pub(super) fn thai(number: u32) -> Option<&'static str> {
    Some(match number {
        59 => "t0",
        60 => "t0.00",
        61 => "t#,##0",
        62 => "t#,##0.00",
        67 => "t0%",
        68 => "t0.00%",
        69 => "t# ?/?",
        70 => "t# ??/??",
        71 => "d/m/yyyy",
        72 => "d-mmm-yy",
        73 => "d-mmm",
        74 => "mmm-yy",
        75 => "h:mm",
        76 => "h:mm:ss",
        77 => "d/m/yyyy h:mm",
        78 => "mm:ss",
        79 => "[h]:mm:ss",
        80 => "mm:ss.0",
        81 => "d/m/bb",
        _ => return None,
    })
}

/// Which parts of a moment a number format shows: its day, its time of day.
pub(super) fn shows(format: &str) -> (bool, bool) {
    let first = sections(format).into_iter().next().unwrap_or_default();
    let has =
        |letters: &[char]| first.iter().any(|part| matches!(part, Part::Time(letter) if letters.contains(letter)));
    let is_clock = has(&['h', 's']);
    // `m` is a month unless hours or seconds make it minutes.
    (has(&['d', 'y', 'b', 'g', 'e']) || !is_clock && has(&['m']), is_clock)
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// A digit that is always shown, or only where there is one.
    Digit(bool),
    Point,
    Group,
    Percent,
    Exponent,
    Currency,
    General,
    /// A letter of a day or a time of day, in lower case.
    Time(char),
    Literal(String),
    /// Something that is not understood, such as a fraction.
    Other,
}

impl Part {
    fn literal(&self, number: &str) -> Option<String> {
        match self {
            Part::General => Some(number.to_owned()),
            Part::Literal(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// The sections of a format: for numbers above zero, below it, and zero.
fn sections(format: &str) -> Vec<Vec<Part>> {
    let mut sections = vec![Vec::new()];
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        let part = match letter {
            ';' => {
                sections.push(Vec::new());
                continue;
            }
            '"' => Part::Literal(letters.by_ref().take_while(|letter| *letter != '"').collect()),
            '\\' => Part::Literal(letters.next().into_iter().collect()),
            '_' => {
                letters.next();
                Part::Literal(" ".to_owned())
            }
            '*' => {
                letters.next();
                continue;
            }
            '[' => {
                let inside: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                match inside.chars().next() {
                    // `[$฿-41E]` is a currency, `[$-41E]` only a language.
                    Some('$') if !inside.starts_with("$-") => Part::Currency,
                    Some('h' | 'H' | 's' | 'S') => Part::Time('h'),
                    Some('<' | '>' | '=') => Part::Other,
                    _ => continue,
                }
            }
            '0' => Part::Digit(true),
            '#' | '?' => Part::Digit(false),
            '.' => Part::Point,
            ',' => Part::Group,
            '%' => Part::Percent,
            'E' | 'e' if matches!(letters.peek(), Some('+' | '-')) => {
                letters.next();
                Part::Exponent
            }
            'G' | 'g' if follows(&letters, "eneral") => {
                letters.by_ref().take(6).for_each(drop);
                Part::General
            }
            'A' | 'a' if follows(&letters, "M/PM") => {
                letters.by_ref().take(4).for_each(drop);
                Part::Time('h')
            }
            'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' | 'b' | 'B' | 'g' | 'e' => {
                Part::Time(letter.to_ascii_lowercase())
            }
            // In Thai digits.
            't' | 'T' if matches!(letters.peek(), Some('0' | '#' | '?')) => continue,
            '/' | '@' => Part::Other,
            '$' | '฿' | '€' | '£' | '¥' | '₭' => Part::Currency,
            letter => Part::Literal(letter.to_string()),
        };
        if let Some(section) = sections.last_mut() {
            section.push(part);
        }
    }
    sections
}

fn follows(letters: &std::iter::Peekable<std::str::Chars<'_>>, word: &str) -> bool {
    let next: String = letters.clone().take(word.len()).collect();
    next.eq_ignore_ascii_case(word)
}

/// A number with the zeros and the literals of its format; nothing where the format shows less than there is.
fn written(section: &[Part], number: f64) -> Option<String> {
    if section.iter().any(|part| matches!(part, Part::Time(_))) {
        return None;
    }
    let point = section.iter().position(|part| *part == Part::Point).unwrap_or(section.len());
    let (before, after) = section.split_at(point);
    let places = after.iter().filter(|part| matches!(part, Part::Digit(_))).count();
    let text = format!("{number:.places$}");
    if !before.iter().any(|part| matches!(part, Part::Digit(_))) || text.parse() != fifteen(number).parse::<f64>() {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    // From the right: the places take the digits, and the first of them what is left.
    let mut digits: Vec<char> = if whole == "0" { Vec::new() } else { whole.chars().collect() };
    let mut left = before.iter().filter(|part| matches!(part, Part::Digit(_))).count();
    let mut backwards: Vec<String> = Vec::new();
    for part in before.iter().rev() {
        match part {
            Part::Digit(always) => {
                left -= 1;
                match (digits.pop(), left) {
                    (Some(digit), 0) => {
                        digits.push(digit);
                        backwards.push(std::mem::take(&mut digits).into_iter().collect());
                    }
                    (Some(digit), _) => backwards.push(digit.to_string()),
                    (None, _) if *always => backwards.push("0".to_owned()),
                    (None, _) => {}
                }
            }
            Part::Literal(text) => backwards.push(text.clone()),
            _ => return None,
        }
    }
    let mut written: String = backwards.into_iter().rev().collect();
    let (mut fraction, mut ended) = (fraction.chars(), String::new());
    for part in after {
        match part {
            Part::Point => {}
            Part::Digit(_) => ended.extend(fraction.next()),
            Part::Literal(text) if ended.len() == places => {
                // What stands behind the last digit, such as a unit.
                if places > 0 {
                    written.push('.');
                    written.push_str(&std::mem::take(&mut ended));
                }
                written.push_str(text);
            }
            _ => return None,
        }
    }
    if !ended.is_empty() {
        written.push('.');
        written.push_str(&ended);
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_and_words_of_a_format_are_part_of_what_is_shown() {
        for (number, format, expected) in [
            (123.0, "00000", "00123"),
            (7.0, "\"SKU-\"0000", "SKU-0007"),
            (7.0, "\\S\\K\\U\\-0000", "SKU-0007"),
            (1_234_567.0, "0000000000000", "0001234567"),
            (812_345_678.0, "000-000-0000", "081-234-5678"),
            (812_345_678.0, "0##-###-####", "081-234-5678"),
            (5.0, "[$-41E]000", "005"),
            (1.5, "0.00", "1.50"),
            (12.0, "General\" kg\"", "12 kg"),
            (0.0, "000", "000"),
            (42.0, "000;-000;\"none\"", "042"),
            (12.0, "A-000", "A-012"),
        ] {
            let expected = if expected == "0001234567" { "0000001234567" } else { expected };
            assert_eq!(shown(number, format), Shown::As(expected.to_owned()), "{format}");
        }
        for (number, format) in [
            (123.0, "General"),
            (123.0, "t0"),
            (123.0, "0"),
            (1234.0, "#,##0"),
            (1234.5, "#,##0.00"),
            (12.0, "[$฿-41E]0.00"),
            (4126.65, "0"),
            (-5.0, "000"),
            (1.5, "# ?/?"),
            (123.0, "@"),
        ] {
            assert_eq!(shown(number, format), Shown::Plain, "{format}");
        }
        assert_eq!(shown(1.0, "0%"), Shown::Percent);
        assert_eq!(shown(100_000.0, "0.00E+00"), Shown::Rounded);
        assert_eq!(shows("yyyy-mm-dd"), (true, false));
        for (number, shown) in [
            (59, (false, false)),
            (70, (false, false)),
            (71, (true, false)),
            (74, (true, false)),
            (75, (false, true)),
            (76, (false, true)),
            (77, (true, true)),
            (79, (false, true)),
            (81, (true, false)),
        ] {
            assert_eq!(thai(number).map(shows), Some(shown), "{number}");
        }
        assert_eq!((thai(63), thai(82)), (None, None));
        assert_eq!(thai(67).map(|format| super::shown(0.1, format)), Some(Shown::Percent));
        assert_eq!(shows("h:mm:ss AM/PM"), (false, true));
        assert_eq!(shows("m/d/yy h:mm"), (true, true));
        assert_eq!(shows("[$-41E]d mmmm yyyy;@"), (true, false));
    }
}
