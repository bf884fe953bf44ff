//! Thai tax and branch numbers.

/// Whether a text is a Thai tax number: 13 digits, the last of which checks the others. Spaces and hyphens between the
/// groups are not looked at. Companies' numbers begin with 0, persons' do not.
pub fn is_tax_number(text: &str) -> bool {
    let digits: Vec<u32> =
        text.chars().filter(|letter| !matches!(letter, ' ' | '-')).filter_map(|l| l.to_digit(10)).collect();
    let others = text.chars().any(|letter| !matches!(letter, ' ' | '-') && !letter.is_ascii_digit());
    if others || digits.len() != 13 {
        return false;
    }
    // Weights 13 down to 2; the check digit is (11 - sum mod 11) mod 10.
    let sum: u32 = digits.iter().take(12).zip((2..=13).rev()).map(|(digit, weight)| digit * weight).sum();
    (11 - sum % 11) % 10 == digits[12]
}

/// Whether a text is a branch code: five digits, `00000` for the head office.
pub fn is_branch(text: &str) -> bool {
    text.len() == 5 && text.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_decides() {
        assert!(is_tax_number("1101700230708"));
        assert!(is_tax_number("1-1017-00230-70-8"));
        for wrong in ["1101700230707", "110170023070", "11017002307080", "", "110170023070x"] {
            assert!(!is_tax_number(wrong), "{wrong}");
        }
        assert!(is_branch("00000") && !is_branch("0000") && !is_branch("0000a"));
    }
}
