//! PromptPay: what stands in the QR code that a Thai bank's app pays, and what stands in the one on its slip.
//!
//! EMV merchant-presented mode: fields of two digits of name, two of length, and a value. Tag 29 pays a person or a
//! company by telephone, tax or wallet number; tag 30 pays a bill and carries references, so that the payer's bank tells
//! which document was paid.

use db::Amount;

const TRANSFER: &str = "A000000677010111";
const BILL: &str = "A000000677010112";
/// TrueMoney's wallets are named by its own prefix and a telephone number.
const TRUE_MONEY: &str = "14000";

/// Whom a code pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payee {
    /// A mobile telephone number, as people write it.
    Mobile(String),
    /// A national id or a tax number: 13 digits.
    TaxNumber(String),
    /// An e-wallet: 15 digits, or a telephone number, which means one of TrueMoney.
    Wallet(String),
    /// A bill of a company.
    Bill {
        /// Its tax number and a suffix of two digits: 13 or 15 digits.
        biller: String,
        /// What is paid; letters and digits, 1 to 20 of them are used.
        reference1: String,
        /// More of it.
        reference2: Option<String>,
        /// Where it is paid (tag 62-07).
        reference3: Option<String>,
    },
}

/// Why there is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpayable {
    /// The number names nobody.
    #[error("the PromptPay number has not the digits that its kind has")]
    Payee,
    /// A reference without letters or digits, or with more than 20.
    #[error("a PromptPay reference must have 1 to 20 letters or digits")]
    Reference,
    /// Nothing, less than nothing, more than a code can carry, or parts of a satang.
    #[error("a PromptPay amount is more than 0, less than 10,000,000,000 and whole in satang")]
    Amount,
}

/// The text of a code. With an amount it is for one payment, without one the payer enters it.
pub fn payload(payee: &Payee, amount: Option<Amount>) -> Result<String, Unpayable> {
    let mut text = field("00", "01");
    text += &field("01", if amount.is_some() { "12" } else { "11" });
    let mut additional = None;
    text += &match payee {
        Payee::Mobile(number) => {
            let digits = digits(number);
            // A national number begins with one zero, which stands for the country.
            let national = digits.strip_prefix("66").or_else(|| digits.strip_prefix('0')).unwrap_or(&digits);
            if national.len() != 9 {
                return Err(Unpayable::Payee);
            }
            transfer("01", &format!("0066{national}"))
        }
        Payee::TaxNumber(number) => transfer("02", &exactly(number, &[13])?),
        Payee::Wallet(number) => match exactly(number, &[10, 15])? {
            mobile if mobile.len() == 10 => transfer("03", &format!("{TRUE_MONEY}{mobile}")),
            wallet => transfer("03", &wallet),
        },
        Payee::Bill { biller, reference1, reference2, reference3 } => {
            let mut value = field("00", BILL) + &field("01", &exactly(biller, &[13, 15])?);
            value += &field("02", &reference(reference1)?);
            if let Some(second) = reference2 {
                value += &field("03", &reference(second)?);
            }
            if let Some(third) = reference3 {
                additional = Some(field("07", &reference(third)?));
            }
            field("30", &value)
        }
    };
    text += &field("53", "764");
    text += &field("58", "TH");
    if let Some(amount) = amount {
        text += &field("54", &satang(amount)?);
    }
    if let Some(additional) = additional {
        text += &field("62", &additional);
    }
    text += "6304";
    let sum = checksum(&text);
    Ok(format!("{text}{sum:04X}"))
}

/// The text of the bar code that bank counters read: the same as a bill's code.
pub fn barcode(biller: &str, one: &str, two: Option<&str>, amount: Option<Amount>) -> Result<String, Unpayable> {
    let biller = exactly(biller, &[13, 15])?;
    let two = two.map(reference).transpose()?.unwrap_or_default();
    let amount = match amount {
        Some(amount) => satang(amount)?.replace('.', ""),
        None => "0".to_owned(),
    };
    Ok(format!("|{biller}\r{}\r{two}\r{amount}", reference(one)?))
}

/// A field of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its two digits.
    pub id: String,
    /// Its value; [`parse`] reads the fields in it where it has any.
    pub value: String,
}

/// The fields of a text, when it is made of nothing else.
pub fn parse(text: &str) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (id, length) = (rest.get(..2)?, rest.get(2..4)?);
        if !id.bytes().chain(length.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let end = 4 + length.parse::<usize>().ok()?;
        tags.push(Tag { id: id.to_owned(), value: rest.get(4..end)?.to_owned() });
        rest = rest.get(end..)?;
    }
    Some(tags)
}

/// The fields of a payment's code, when its check sum is right.
pub fn read(text: &str) -> Option<Vec<Tag>> {
    checked(text, "63")
}

/// What a slip's code says: which bank sent the money, and the bank's own reference of it. It names a payment and proves
/// none; only the receiving bank knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// Three digits.
    pub bank: String,
    /// The bank's reference.
    pub reference: String,
}

/// Reads the code of a slip.
pub fn slip(text: &str) -> Option<Slip> {
    let tags = checked(text, "91")?;
    let inner = parse(&tags.iter().find(|tag| tag.id == "00")?.value)?;
    let value = |id: &str| inner.iter().find(|tag| tag.id == id).map(|tag| tag.value.clone());
    Some(Slip { bank: value("01")?, reference: value("02")? })
}

fn checked(text: &str, last: &str) -> Option<Vec<Tag>> {
    let tags = parse(text)?;
    let sum = tags.last().filter(|tag| tag.id == last && tag.value.len() == 4)?;
    let covered = text.get(..text.len() - 4)?;
    let right = format!("{:04X}", checksum(covered));
    sum.value.eq_ignore_ascii_case(&right).then_some(tags)
}

fn field(id: &str, value: &str) -> String {
    format!("{id}{:02}{value}", value.len())
}

fn transfer(kind: &str, number: &str) -> String {
    field("29", &(field("00", TRANSFER) + &field(kind, number)))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn exactly(text: &str, lengths: &[usize]) -> Result<String, Unpayable> {
    let digits = digits(text);
    if lengths.contains(&digits.len()) { Ok(digits) } else { Err(Unpayable::Payee) }
}

/// Banks take capital letters and digits only; a document's number loses its hyphens.
fn reference(text: &str) -> Result<String, Unpayable> {
    let text: String =
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    if (1..=20).contains(&text.len()) { Ok(text) } else { Err(Unpayable::Reference) }
}

fn satang(amount: Amount) -> Result<String, Unpayable> {
    let units = amount.units();
    if units <= 0 || units % 100 != 0 || units >= 100_000_000_000_000 {
        return Err(Unpayable::Amount);
    }
    let satang = units / 100;
    Ok(format!("{}.{:02}", satang / 100, satang % 100))
}

/// CRC-16 with polynomial 1021 (hexadecimal), beginning with FFFF.
fn checksum(text: &str) -> u16 {
    let mut sum: u16 = 0xFFFF;
    for byte in text.bytes() {
        sum ^= u16::from(byte) << 8;
        for _ in 0..8 {
            sum = if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 };
        }
    }
    sum
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn mobile(number: &str) -> Payee {
        Payee::Mobile(number.to_owned())
    }

    fn bill(biller: &str, one: &str, two: Option<&str>, three: Option<&str>) -> Payee {
        Payee::Bill {
            biller: biller.to_owned(),
            reference1: one.to_owned(),
            reference2: two.map(str::to_owned),
            reference3: three.map(str::to_owned),
        }
    }

    fn published() -> Vec<(Payee, Option<&'static str>, &'static str)> {
        let tax = |number: &str| Payee::TaxNumber(number.to_owned());
        let wallet = |number: &str| Payee::Wallet(number.to_owned());
        vec![
            (mobile("0801234567"), None, "00020101021129370016A000000677010111011300668012345675802TH530376463046197"),
            (
                mobile("+66-89-123-4567"),
                None,
                "00020101021129370016A000000677010111011300668912345675802TH5303764630429C1",
            ),
            (
                tax("1-1111-11111-11-1"),
                None,
                "00020101021129370016A000000677010111021311111111111115802TH530376463047B5A",
            ),
            (tax("0123456789012"), None, "00020101021129370016A000000677010111021301234567890125802TH530376463040CBD"),
            (
                wallet("012345678901234"),
                None,
                "00020101021129390016A00000067701011103150123456789012345802TH530376463049781",
            ),
            (
                mobile("000-000-0000"),
                Some("4.22"),
                "00020101021229370016A000000677010111011300660000000005802TH530376454044.226304E469",
            ),
            (mobile("0812223333"), None, "00020101021129370016A0000006770101110113006681222333353037645802TH63041DCF"),
            (
                mobile("0812223333"),
                Some("30.00"),
                "00020101021229370016A0000006770101110113006681222333353037645802TH540530.0063043CAD",
            ),
            (
                mobile("0801111111"),
                Some("20.15"),
                "00020101021229370016A0000006770101110113006680111111153037645802TH540520.15630442BE",
            ),
            (
                wallet("0801111111"),
                None,
                "00020101021129390016A000000677010111031514000080111111153037645802TH63047C0F",
            ),
            (
                bill("0112233445566", "CUSTOMER001", Some("INV001"), Some("SCB")),
                None,
                "00020101021130620016A000000677010112011301122334455660211CUSTOMER0010306INV00153037645802TH62070703SCB6304780E",
            ),
            (
                bill("099999999999990", "111222333444", None, None),
                None,
                "00020101021130550016A0000006770101120115099999999999990021211122233344453037645802TH63043EE7",
            ),
            (
                bill("099400016550100", "123456789012", Some("670429"), None),
                Some("3649.22"),
                "00020101021230650016A00000067701011201150994000165501000212123456789012030667042953037645802TH54073649.2263044534",
            ),
        ]
    }

    #[test]
    fn published_codes_are_read_and_made() {
        for (payee, amount, text) in published() {
            let made = payload(&payee, amount.map(|amount| amount.parse().unwrap())).unwrap();
            // Programs differ in where they put the country; everything else is the same, and so is one's own order.
            let sorted = |text: &str| {
                let mut tags = read(text).unwrap_or_else(|| panic!("{text}"));
                tags.pop();
                tags.sort_by(|one, other| one.id.cmp(&other.id));
                tags
            };
            assert_eq!(sorted(&made), sorted(text), "{text}");
            if text.contains("53037645802TH") {
                assert_eq!(made, text);
            }
        }
    }

    #[test]
    fn wrong_codes_are_not_read() {
        for text in [
            "00020101021129370016A000000677010111011300669141854015303764540550.005802TH630401F8",
            "00020101021129370016A0000006770101110113006681222333353037645802TH6304FFFF",
            "|099400016550100\r123456789012\r670429",
            "",
            "0002",
            "00ไท01",
            "000201",
        ] {
            assert_eq!(read(text), None, "{text}");
            assert_eq!(slip(text), None, "{text}");
        }
    }

    #[test]
    fn slips_name_the_bank_and_its_reference() {
        for (text, bank, reference) in [
            ("004000060000010103002021900021231231212000115102TH91049C30", "002", "0002123123121200011"),
            ("004100060000010103014022000111222233344ABCD125102TH910417DF", "014", "00111222233344ABCD12"),
        ] {
            assert_eq!(slip(text), Some(Slip { bank: bank.to_owned(), reference: reference.to_owned() }));
        }
    }

    #[test]
    fn counters_read_bars() {
        let amount = Some("3649.22".parse().unwrap());
        assert_eq!(
            barcode("099400016550100", "123456789012", Some("670429"), amount).unwrap(),
            "|099400016550100\r123456789012\r670429\r364922"
        );
        assert_eq!(
            barcode("099999999999990", "111222333444", None, None).unwrap(),
            "|099999999999990\r111222333444\r\r0"
        );
    }

    #[test]
    fn what_cannot_be_paid_is_refused() {
        let amount = |text: &str| Some(text.parse().unwrap());
        for (payee, paid, why) in [
            (mobile("12345"), None, Unpayable::Payee),
            (Payee::TaxNumber("123".to_owned()), None, Unpayable::Payee),
            (Payee::Wallet("123456789012".to_owned()), None, Unpayable::Payee),
            (bill("0112233445566", "---", None, None), None, Unpayable::Reference),
            (bill("0112233445566", &"A".repeat(21), None, None), None, Unpayable::Reference),
            (mobile("0812223333"), amount("0"), Unpayable::Amount),
            (mobile("0812223333"), amount("-1"), Unpayable::Amount),
            (mobile("0812223333"), amount("0.001"), Unpayable::Amount),
            (mobile("0812223333"), amount("10000000000"), Unpayable::Amount),
        ] {
            assert_eq!(payload(&payee, paid), Err(why), "{payee:?}");
        }
        let made = payload(&bill("0112233445566", "so2511-0001", None, None), amount("1e3")).unwrap();
        assert!(made.contains("0210SO25110001") && made.contains("54071000.00"));
    }
}
