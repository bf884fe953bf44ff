//! The published vectors, the published reports of totals that were off, and properties of random documents.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

/// Published documents and what they come to; the head of the file says how a line is read.
const VECTORS: &str = include_str!("vectors.txt");

fn number(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn money(text: &str) -> Amount {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn off(text: &str) -> Discount {
    match text.strip_suffix('%') {
        Some(percent) => Discount::Percent(number(percent)),
        None => Discount::Amount(number(text)),
    }
}

/// `12x3.5 -10% @7 w3`: quantity, price, discount, VAT, withholding.
fn line(text: &str) -> Line {
    let mut words = text.split(' ');
    let (quantity, price) = words.next().unwrap().split_once('x').unwrap();
    let mut line = Line { quantity: number(quantity), price: number(price), ..Line::default() };
    for word in words {
        let rest = &word[1..];
        match &word[..1] {
            "-" => line.discount = off(rest),
            "@" => line.vat = Some(number(rest)),
            "w" => line.withholding = Some(number(rest)),
            _ => panic!("{text}"),
        }
    }
    line
}

fn document(rule: Rule, lines: &str, includes_vat: bool) -> Document {
    let lines = lines.split("; ").map(line).collect();
    Document { places: 2, includes_vat, rule, lines, discount: Discount::None }
}

/// Prices without VAT, by the usual rule.
fn without(lines: &str) -> Totals {
    total(&document(Rule::Document, lines, false)).unwrap()
}

/// Prices with VAT, by the usual rule.
fn with(lines: &str) -> Totals {
    total(&document(Rule::Document, lines, true)).unwrap()
}

struct Vector<'a> {
    name: &'a str,
    rules: &'a str,
    document: Document,
    expected: Vec<(&'a str, &'a str)>,
    usual: (&'a str, &'a str),
}

fn vectors() -> Vec<Vector<'static>> {
    let lines = VECTORS.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|text| {
            let [name, rules, places, vat, lines, discount, expected, usual] =
                text.split(" | ").collect::<Vec<_>>().try_into().unwrap();
            let mut document = document(Rule::Document, lines, vat == "in");
            document.places = places.parse().unwrap();
            if discount != "-" {
                document.discount = off(discount);
            }
            let expected = expected.split(' ').map(|pair| pair.split_once('=').unwrap()).collect();
            Vector { name, rules, document, expected, usual: usual.split_once(' ').unwrap() }
        })
        .collect()
}

fn amounts(list: &str) -> Vec<Amount> {
    list.split(',').map(money).collect()
}

fn check_vector(vector: &Vector<'_>, rule: Rule) {
    let document = Document { rule, ..vector.document.clone() };
    let totals = total(&document).unwrap();
    for (what, expected) in &vector.expected {
        let of_lines = |of: fn(&LineTotals) -> Amount| totals.lines.iter().map(of).collect::<Vec<_>>();
        let about = format!("{} by {rule:?}: {what}", vector.name);
        match *what {
            // Other systems call the sum before VAT so, where prices contain it.
            "sub" if document.includes_vat => assert_eq!(totals.net, money(expected), "{about}"),
            "sub" => assert_eq!(totals.sub_total, money(expected), "{about}"),
            "net" => assert_eq!(totals.net, money(expected), "{about}"),
            "vat" => assert_eq!(totals.total_vat, money(expected), "{about}"),
            "grand" => assert_eq!(totals.grand_total, money(expected), "{about}"),
            "wht" => assert_eq!(totals.withholding, money(expected), "{about}"),
            "receive" => assert_eq!(totals.net_to_receive, money(expected), "{about}"),
            "lines" => {
                let expected = amounts(expected);
                assert_eq!(of_lines(|line| line.total)[..expected.len()], expected, "{about}");
            }
            "lineVats" => assert_eq!(of_lines(|line| line.vat), amounts(expected), "{about}"),
            "shares" => {
                // Which of equal lines takes the last unit is one's own choice.
                let (mut shares, mut expected) = (of_lines(|line| line.share), amounts(expected));
                shares.sort();
                expected.sort();
                assert_eq!(shares, expected, "{about}");
            }
            _ => {
                let rate = number(what.strip_prefix("rate").unwrap());
                let (base, vat) = expected.split_once('+').unwrap();
                let found = totals.rates.iter().find(|found| found.rate == Some(rate)).unwrap();
                assert_eq!((found.base, found.vat), (money(base), money(vat)), "{about}");
            }
        }
    }
}

#[test]
fn published_documents_come_out_by_the_rules_that_they_name() {
    let vectors = vectors();
    assert!(vectors.len() >= 71);
    for vector in &vectors {
        for rule in vector.rules.chars() {
            match rule {
                'A' => check_vector(vector, Rule::Document),
                'B' => check_vector(vector, Rule::Line),
                'C' => check_vector(vector, Rule::Sum),
                _ => {}
            }
        }
        let totals = total(&vector.document).unwrap();
        let usual = (totals.total_vat, totals.grand_total);
        assert_eq!(usual, (money(vector.usual.0), money(vector.usual.1)), "{} by the usual rule", vector.name);
    }
}

#[test]
fn a_total_is_the_gross_price_times_the_quantity() {
    // Dolibarr 22872: the net price was rounded first, 31411.75.
    assert_eq!(with("45197x0.695 @21").grand_total, money("31411.92"));
    // dolibarr-community-modules 505: the discounted price was cut at the fifth place.
    assert_eq!(without("2000x9.99 -33.333% @20").grand_total, money("15984.08"));
}

#[test]
fn few_lines_and_many_come_to_the_same() {
    // Dolibarr 14166 and 35382: a deposit in one line against an order in many; odoo 155833: ten pieces on ten lines.
    let pairs = [("10x3.60 @5.5", ["1x3.60 @5.5"; 10].join("; ")), ("1x30.03 @20", ["1x10.01 @20"; 3].join("; "))];
    for (one, many) in pairs {
        assert_eq!(without(one).grand_total, without(&many).grand_total);
        assert_eq!(without(one).total_vat, without(&many).total_vat);
    }
    assert_eq!(without("10x3.60 @5.5").grand_total, money("37.98"));
    // dolibarr-community-modules 504.
    assert_eq!(without(&["1x10.01 @20"; 3].join("; ")).grand_total, money("36.04"));
}

#[test]
fn vat_is_that_of_the_sum_of_the_lines() {
    // Dolibarr 3347: two cents too much, because VAT was rounded on each line.
    let totals = without("1198x0.195 @20; 766x0.195 @20; 107x0.195 @20; 1163x0.195 @20; 2428x-0.095 @20");
    assert_eq!((totals.sub_total, totals.total_vat), (money("399.98"), money("80.00")));
    // odoo 37896: the base was not rounded before the tax, 6527.80.
    assert_eq!(without("16x348.35 -4% @22").grand_total, money("6527.81"));
    // eInvoicing-EN16931 143: the VAT of a category is that of its sum, whatever the lines say.
    let totals = without("2x348.11 @25; 2x348.11 @25");
    assert_eq!((totals.net, totals.total_vat), (money("1392.44"), money("348.11")));
}

#[test]
fn a_converted_price_is_never_multiplied_back() {
    // Dolibarr 12248: 4.40 at a rate of 4.8 became 0.92 and then 4.42.
    let totals = without("1x4.40");
    assert_eq!(totals.grand_total, money("4.40"));
    assert_eq!(converted(totals.grand_total, number("4.8"), 2).unwrap(), money("21.12"));
    assert_eq!(converted(money("-0.125"), number("1"), 2).unwrap(), money("-0.13"));
    assert_eq!(converted(money("900000000000000"), number("30"), 2), None);
}

#[test]
fn discounts_leave_nothing_over() {
    // ERPNext 52001: a net total of 0.01 was left by a discount of a hundred percent.
    let mut free = document(Rule::Document, "1x1300 @7", true);
    free.discount = Discount::Percent(Decimal::HUNDRED);
    let totals = total(&free).unwrap();
    assert_eq!((totals.net, totals.total_vat, totals.grand_total), (Amount::ZERO, Amount::ZERO, Amount::ZERO));
    // ERPNext 58042 and statamic-cargo 168: ten over three equal lines came to 9.98 and 9.99.
    let mut thirds = document(Rule::Document, "1x100 @0; 1x100 @0; 1x100 @0", false);
    thirds.discount = Discount::Amount(number("10"));
    let shares: Vec<Amount> = total(&thirds).unwrap().lines.iter().map(|line| line.share).collect();
    assert_eq!(shares, amounts("3.34,3.33,3.33"));
}

#[test]
fn nothing_has_more_places_than_its_currency() {
    // Medusa 14817, 13734 and 13972: 34.116425, 1.06465 and 10.285 were kept.
    assert_eq!(without("1x24.99 @10.75; 1x6.44").grand_total, money("34.12"));
    assert_eq!(without("0.5x1.99 @7").grand_total, money("1.07"));
    assert_eq!(without("1x8.50 @21").grand_total, money("10.29"));
    // josemmo/einvoicing 63: a net price is too coarse for a round gross total; gross prices are not.
    assert_eq!(without("2x1.73 @13; 2x0.03 @24").grand_total, money("3.98"));
    assert_eq!(with("2x1.96 @13; 2x0.04 @24").grand_total, money("4.00"));
    let mut yen = document(Rule::Document, "3x333.5 @10", false);
    yen.places = places("JPY");
    assert_eq!(total(&yen).unwrap().grand_total, money("1101"));
    let mut dinar = document(Rule::Document, "3x0.3335 @5", false);
    dinar.places = places("KWD");
    assert_eq!(total(&dinar).unwrap().grand_total, money("1.051"));
}

#[test]
fn the_two_published_orders_come_out() {
    let mut first = document(Rule::Document, "2x1000 -50 @7 w3; 5x500 -175 @7", false);
    first.discount = Discount::Amount(number("100"));
    let totals = total(&first).unwrap();
    let amounts = [totals.sub_total, totals.sub_total_with_discount, totals.total_vat, totals.grand_total];
    assert_eq!(amounts, ["4275", "4175", "292.25", "4467.25"].map(money));
    // 1950 less 45.61 of the discount, at 3 %.
    assert_eq!((totals.withholding, totals.net_to_receive), (money("57.13"), money("4410.12")));
    let mut second = document(Rule::Document, "2x800 -20% @7; 1x1600 @7", true);
    second.discount = Discount::Percent(number("20"));
    let totals = total(&second).unwrap();
    assert_eq!(totals.sub_total_with_discount, totals.grand_total);
    assert_eq!((totals.grand_total, totals.total_vat), (money("2304"), money("150.73")));
}

#[test]
fn several_rates_of_withholding_stand_side_by_side() {
    let totals = without("1x5490 @7 w3; 1x2000 @7 w5; 1x100 @7");
    assert_eq!(totals.withholding, money("264.70"));
    let lines: Vec<Amount> = totals.lines.iter().map(|line| line.withholding).collect();
    assert_eq!(lines, amounts("164.70,100,0"));
    assert_eq!(totals.net_to_receive, money("7856.60"));
}

#[test]
fn the_discount_goes_over_rates_first() {
    let mut mixed = document(Rule::Document, "1x10.00 @7; 1x10.05 @0; 1x33.33 @7", false);
    mixed.discount = Discount::Amount(number("10"));
    assert_eq!(total(&mixed).unwrap().grand_total, money("45.84"));
    mixed.lines.rotate_left(1);
    assert_eq!(total(&mixed).unwrap().grand_total, money("45.84"));
}

#[test]
fn what_is_wrong_is_said_of_each_field() {
    let faults = |lines: &str, discount: Discount| {
        let document = Document { discount, ..document(Rule::Document, lines, false) };
        total(&document)
            .unwrap_err()
            .into_iter()
            .map(|wrong| (wrong.line, wrong.field, wrong.problem))
            .collect::<Vec<_>>()
    };
    use {Field as F, Problem as P};
    assert_eq!(faults("1x10 -10.01", Discount::None), [(Some(0), F::Discount, P::Limit)]);
    assert_eq!(faults("-1x10 -1", Discount::None), [(Some(0), F::Discount, P::Limit)]);
    assert_eq!(faults("1x10; 1x10 -101%", Discount::None), [(Some(1), F::Discount, P::Percent)]);
    assert_eq!(faults("1x10 --1%", Discount::None), [(Some(0), F::Discount, P::Percent)]);
    assert_eq!(faults("1x10", Discount::Amount(number("10.01"))), [(None, F::Discount, P::Limit)]);
    assert_eq!(faults("1x10; -1x10", Discount::Amount(number("1"))), [(None, F::Discount, P::Limit)]);
    assert_eq!(faults("1x10", Discount::Percent(number("100.1"))), [(None, F::Discount, P::Percent)]);
    assert_eq!(
        faults("1.0000001x10 @101 w-1", Discount::None),
        [(Some(0), F::Quantity, P::Places), (Some(0), F::Vat, P::Percent), (Some(0), F::Withholding, P::Percent)]
    );
    assert_eq!(faults("10000000x1000000.1", Discount::None), [(Some(0), F::Price, P::Large)]);
    assert_eq!(faults("1x0.0000001", Discount::None), [(Some(0), F::Price, P::Places)]);
    let most = ["10000000x1000000 @7"; 100].join("; ");
    assert_eq!(faults(&most, Discount::None), [(None, F::Lines, P::Large)]);
    let many = ["1x1"; MOST_LINES + 1].join("; ");
    assert_eq!(faults(&many, Discount::None), [(None, F::Lines, P::Many)]);
    assert_eq!(without("0x10 @7; 1x0 -0 @7").grand_total, Amount::ZERO);
}

fn discount(most: i128) -> impl Strategy<Value = Discount> {
    prop_oneof![
        4 => Just(Discount::None),
        1 => (0_i128..=100_000).prop_map(|units| Discount::Percent(Decimal::new(units, 3))),
        1 => (0..=most).prop_map(|units| Discount::Amount(Decimal::new(units, 2))),
    ]
}

fn a_line() -> impl Strategy<Value = Line> {
    let rate = |rates: &'static [Option<i128>]| {
        proptest::sample::select(rates).prop_map(|rate| rate.map(|units| Decimal::new(units, 2)))
    };
    let quantity = prop_oneof![4 => 1_i128..20, 1 => -3_i128..3].prop_map(|whole| Decimal::new(whole, 0));
    let part = (0_i128..5_000).prop_map(|units| Decimal::new(units, 3));
    (
        prop_oneof![4 => quantity.boxed(), 1 => part.boxed()],
        prop_oneof![
            8 => (0_i128..100_000).prop_map(|units| Decimal::new(units, 2)),
            2 => (0_i128..10_000_000).prop_map(|units| Decimal::new(units, 4)),
            1 => (-10_000_i128..0).prop_map(|units| Decimal::new(units, 2)),
        ],
        discount(300),
        rate(&[Some(700), Some(700), Some(0), Some(1_000), Some(550), None]),
        rate(&[None, None, Some(300), Some(500), Some(100)]),
    )
        .prop_map(|(quantity, price, discount, vat, withholding)| Line {
            quantity,
            price,
            discount,
            vat,
            withholding,
        })
}

fn a_document() -> impl Strategy<Value = Document> {
    (
        proptest::sample::select(&[2_u32, 2, 2, 0, 3][..]),
        any::<bool>(),
        proptest::sample::select(&[Rule::Document, Rule::Document, Rule::Line, Rule::Sum][..]),
        prop_oneof![3 => proptest::collection::vec(a_line(), 1..6), 1 => twins()],
        discount(5_000),
    )
        .prop_map(|(places, includes_vat, rule, lines, discount)| Document {
            places,
            includes_vat,
            rule,
            lines,
            discount,
        })
}

/// Many lines of the same worth and different rates: what rounding leaves has several places to go.
fn twins() -> impl Strategy<Value = Vec<Line>> {
    (a_line(), proptest::collection::vec(a_line(), 2..7)).prop_map(|(one, others)| {
        let price = one.price;
        others.into_iter().map(|line| Line { price, quantity: one.quantity, discount: one.discount, ..line }).collect()
    })
}

fn sum(amounts: impl Iterator<Item = Amount>) -> i64 {
    amounts.map(Amount::units).sum()
}

/// The lines in another order; `turn` chooses which.
fn shuffled(lines: &[Line], turn: u64) -> Vec<(usize, Line)> {
    let mut lines: Vec<(usize, Line)> = lines.iter().cloned().enumerate().collect();
    let mut state = turn | 1;
    for index in (1..lines.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from((state >> 33) % (index as u64 + 1)).unwrap();
        lines.swap(index, other);
    }
    lines
}

fn negated(discount: Discount) -> Discount {
    match discount {
        Discount::Amount(value) => Discount::Amount(value.negated()),
        other => other,
    }
}

fn parts_add_up(document: &Document, totals: &Totals) {
    let of = |of: fn(&LineTotals) -> Amount| sum(totals.lines.iter().map(of));
    assert_eq!(of(|line| line.share), totals.discount.units());
    assert_eq!(of(|line| line.vat), totals.total_vat.units());
    assert_eq!(of(|line| line.withholding), totals.withholding.units());
    assert_eq!(sum(totals.rates.iter().map(|rate| rate.base)), totals.net.units());
    assert_eq!(sum(totals.rates.iter().map(|rate| rate.vat)), totals.total_vat.units());
    assert_eq!(totals.net.units() + totals.total_vat.units(), totals.grand_total.units());
    assert_eq!(totals.sub_total.units() - totals.discount.units(), totals.sub_total_with_discount.units());
    assert_eq!(totals.grand_total.units() - totals.withholding.units(), totals.net_to_receive.units());
    let sub = totals.sub_total_with_discount.units();
    let grand = if document.includes_vat { sub } else { sub + totals.total_vat.units() };
    assert_eq!(grand, totals.grand_total.units());
    for line in &totals.lines {
        assert_eq!(line.gross.units() - line.discount.units(), line.total.units());
    }
    if document.rule != Rule::Sum {
        assert_eq!(of(|line| line.total), totals.sub_total.units());
    }
    let unit = 10_i64.pow(4 - document.places);
    if document.rule == Rule::Document {
        for rate in &totals.rates {
            // The tax of a rate is exact to half a unit of the currency.
            let (percent, places) = rate.rate.unwrap_or_default().parts();
            let whole = 100 * 10_i128.pow(places);
            let base = i128::from(rate.base.units());
            let off = if document.includes_vat {
                (base + i128::from(rate.vat.units())) * percent - i128::from(rate.vat.units()) * (whole + percent)
            } else {
                base * percent - i128::from(rate.vat.units()) * whole
            };
            let divisor = if document.includes_vat { whole + percent } else { whole };
            assert!(2 * off.abs() <= i128::from(unit) * divisor, "{rate:?}");
        }
    }
    for amount in [totals.grand_total, totals.total_vat, totals.withholding] {
        assert_eq!(amount.units() % unit, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_make_the_whole_and_the_order_of_lines_never_matters(document in a_document(), turn: u64) {
        let Ok(totals) = total(&document) else {
            return Ok(());
        };
        parts_add_up(&document, &totals);
        let lines = shuffled(&document.lines, turn);
        let other = Document { lines: lines.iter().map(|(_, line)| line.clone()).collect(), ..document.clone() };
        let mut moved = total(&other).unwrap();
        moved.lines.clone_from(&totals.lines);
        prop_assert_eq!(&moved, &totals);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_with_its_signs_turned_comes_to_the_opposite(document in a_document()) {
        let Ok(totals) = total(&document) else {
            return Ok(());
        };
        let lines = document.lines.iter().map(|line| Line {
            quantity: line.quantity.negated(),
            discount: negated(line.discount),
            ..line.clone()
        });
        let turned = Document { lines: lines.collect(), discount: negated(document.discount), ..document.clone() };
        let turned = total(&turned).unwrap();
        let pairs = totals.rates.iter().zip(&turned.rates);
        prop_assert!(pairs.clone().all(|(one, other)| one.base.units() == -other.base.units()));
        prop_assert!(pairs.clone().all(|(one, other)| one.vat.units() == -other.vat.units()));
        prop_assert_eq!(totals.grand_total.units(), -turned.grand_total.units());
        prop_assert_eq!(totals.withholding.units(), -turned.withholding.units());
        let pairs = totals.lines.iter().zip(&turned.lines);
        prop_assert!(pairs.clone().all(|(one, other)| one.total.units() == -other.total.units()));
        prop_assert!(pairs.clone().all(|(one, other)| one.share.units() == -other.share.units()));
    }

    #[test]
    fn nothing_overflows(
        lines in proptest::collection::vec((any::<i64>(), 0_u32..=18, any::<i64>(), 0_u32..=18, any::<i64>(), 0_u32..=18), 0..4),
        percent: bool,
        places in 0_u32..=4,
    ) {
        let lines = lines.into_iter().map(|(quantity, a, price, b, other, c)| {
            let other = Decimal::new(i128::from(other), c);
            let discount = if percent { Discount::Percent(other) } else { Discount::Amount(other) };
            let (quantity, price) = (Decimal::new(i128::from(quantity), a), Decimal::new(i128::from(price), b));
            Line { quantity, price, discount, vat: Some(other), withholding: Some(other) }
        });
        let document =
            Document { places, includes_vat: percent, rule: Rule::Sum, lines: lines.collect(), discount: Discount::None };
        if let Ok(totals) = total(&document) {
            parts_add_up(&document, &totals);
        }
    }
}
