//! Quantities: the API's grammar as a table, and laws over generated ones.

use proptest::prelude::*;
use sidebox::inject::quantity::{Amount, Quantity};

const NANO: i128 = 1_000_000_000;

fn nano(text: &str) -> Option<i128> {
    Amount::parse(text).map(|amount| amount.0)
}

#[test]
fn every_form_has_its_value() {
    let rows = [
        ("0", 0),
        ("-0", 0),
        ("1", NANO),
        ("+1", NANO),
        ("-1", -NANO),
        ("1.", NANO),
        (".5", NANO / 2),
        ("0.5", NANO / 2),
        ("00012", 12 * NANO),
        ("1n", 1),
        ("1u", 1_000),
        ("1m", 1_000_000),
        ("500m", NANO / 2),
        ("1k", 1_000 * NANO),
        ("1M", 1_000_000 * NANO),
        ("1G", 1_000_000_000 * NANO),
        ("1T", 1_000_000_000_000 * NANO),
        ("1P", 1_000_000_000_000_000 * NANO),
        ("1E", 1_000_000_000_000_000_000 * NANO),
        ("1Ki", 1024 * NANO),
        ("1.5Mi", 1_572_864 * NANO),
        ("1Gi", (1 << 30) * NANO),
        ("1Ti", (1 << 40) * NANO),
        ("1Pi", (1 << 50) * NANO),
        ("1Ei", (1 << 60) * NANO),
        ("1e3", 1_000 * NANO),
        ("1E3", 1_000 * NANO),
        ("1e+3", 1_000 * NANO),
        ("12e-1", 1_200_000_000),
        ("1E-9", 1),
    ];
    for (text, value) in rows {
        assert_eq!(nano(text), Some(value), "{text}");
    }
}

#[test]
fn what_is_too_fine_is_rounded_away_from_zero_and_what_is_too_large_is_capped() {
    let largest_binary = i128::from(i64::MAX) * NANO;
    let rows = [
        ("0.1n", 1),
        ("-0.1n", -1),
        ("1.0000000001", NANO + 1),
        (
            "1.00000000000000000000000000000000000000000000001",
            NANO + 1,
        ),
        ("1e-400", 1),
        ("0e-400", 0),
        ("0.0000000001Ki", 103),
        ("8Ei", largest_binary),
        (
            "9999999999999999999999999999999999999999999Ei",
            largest_binary,
        ),
        ("-8Ei", -largest_binary),
        ("1e2147483647", i128::MAX),
        ("0e2147483647", 0),
        (
            "1000000000000000000000000000000000000000000000000000",
            i128::MAX,
        ),
    ];
    for (text, value) in rows {
        assert_eq!(nano(text), Some(value), "{text}");
    }
}

#[test]
fn everything_else_is_refused() {
    let rows = [
        "",
        " ",
        "+",
        "-",
        ".",
        "k",
        "Ki",
        "m",
        "1 ",
        " 1",
        "1 Gi",
        "1.1.1",
        "1+1.0M",
        "0.1mi",
        "0.1am",
        "aoeu",
        ".5i",
        "1i",
        "-3.01i",
        "-3.01e-",
        "1e",
        "1e1.5",
        "1ee3",
        "1KiB",
        "1MB",
        "1K",
        "--1",
        "+-1",
        "1e99999999999",
        "１",
        "0x10",
        "1_000",
        "∞",
        "NaN",
        "1ki",
        "1mi",
    ];
    for text in rows {
        assert_eq!(nano(text), None, "{text}");
        let error = Quantity::parse(text).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("`{text}` is not a quantity")),
            "{error}"
        );
    }
}

#[test]
fn values_compare_and_texts_stay() {
    let quantity = |text: &str| Quantity::parse(text).unwrap();
    assert_eq!(quantity("1000m"), quantity("1"));
    assert!(quantity("128Mi") < quantity("135M"));
    assert_eq!(quantity("0.50").as_str(), "0.50");
    assert!(quantity("0Ki").is_zero());
}

#[test]
fn sums_saturate_and_computed_values_are_short() {
    assert_eq!(Amount(i128::MAX) + Amount(1), Amount(i128::MAX));
    assert_eq!(Amount(i128::MIN) - Amount(1), Amount(i128::MIN));
    let rows = [
        (Amount::ZERO, "0"),
        (Amount::milli(5), "5m"),
        (Amount::milli(1500), "1500m"),
        (Amount::milli(2000), "2"),
        (Amount::mebi(32), "32Mi"),
        (Amount::mebi(2048), "2Gi"),
        (Amount::whole(1000), "1k"),
        (Amount::whole(-3), "-3"),
        (Amount::mebi(-1), "-1Mi"),
        (Amount(1), "1n"),
        (Amount::milli(100) + Amount(1), "100000001n"),
    ];
    for (amount, text) in rows {
        assert_eq!(Quantity::from_value(amount).as_str(), text);
    }
}

proptest! {
    #[test]
    fn a_written_value_reads_back(value in any::<i64>(), shift in 0_u32..29) {
        let amount = Amount(i128::from(value) << shift);
        prop_assert_eq!(Amount::parse(&amount.to_string()), Some(amount));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _ = Amount::parse(&text);
    }

    #[test]
    fn near_quantities_never_panic(text in "[-+]?[0-9]{0,50}\\.?[0-9]{0,50}([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]{1,12})?") {
        let _ = Amount::parse(&text);
    }

    #[test]
    fn decimals_agree_with_integers(whole in 0_u32.., milli in 0_u32..1000) {
        let decimal = Amount::parse(&format!("{whole}.{milli:03}"));
        let thousandths = i64::from(whole) * 1000 + i64::from(milli);
        prop_assert_eq!(decimal, Amount::parse(&format!("{thousandths}m")));
        prop_assert_eq!(decimal, Some(Amount::milli(thousandths)));
    }

    #[test]
    fn order_is_that_of_the_numbers(a in any::<i32>(), b in any::<i32>()) {
        let quantity = |n: i32| Quantity::parse(&format!("{n}Ki")).unwrap();
        prop_assert_eq!(quantity(a).cmp(&quantity(b)), a.cmp(&b));
    }

    #[test]
    fn signs_mirror(text in "[0-9]{1,20}\\.[0-9]{0,12}(m|k|Mi|e3)?") {
        let (plus, minus) = (nano(&text).unwrap(), nano(&format!("-{text}")).unwrap());
        prop_assert_eq!(plus, -minus);
    }
}
