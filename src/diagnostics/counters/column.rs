//! How does a column of a screen show a value?

use std::fmt::Write;

use crate::diagnostics::number::Invariant;

/// The width of [`column`].
pub(super) const COLUMN: usize = 15;

/// A value right-aligned to the decimal point: up to three decimals, thousands apart, and an exponent
/// where that does not fit.
pub(super) fn column(value: f64) -> String {
    const WIDEST: f64 = 1e8;
    if !value.is_finite() {
        return format!("{:>COLUMN$}", Invariant(value).to_string());
    }
    if value.abs() >= WIDEST {
        return format!("{:>COLUMN$}", format!("{}   ", short_exponent(value)));
    }
    let fixed = format!("{value:.3}");
    let (whole, decimals) = fixed.split_once('.').unwrap_or((&fixed, ""));
    let decimals = decimals.trim_end_matches('0');
    let mut text = grouped(whole);
    if !decimals.is_empty() {
        text.push('.');
        text.push_str(decimals);
    }
    let blank = if decimals.is_empty() {
        4
    } else {
        3 - decimals.len()
    };
    text.extend(std::iter::repeat_n(' ', blank));
    format!("{text:>COLUMN$}")
}

/// `4.9012e+25`: up to four decimals.
fn short_exponent(value: f64) -> String {
    let text = format!("{value:.4e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// Commas between each three digits.
fn grouped(whole: &str) -> String {
    let digits = whole.trim_start_matches('-');
    let mut text = String::new();
    if digits.len() < whole.len() {
        text.push('-');
    }
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        // Writing to a string never fails.
        let _ = text.write_char(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_at_the_decimal_point() {
        let cases = [
            (0.0, "          0    "),
            (7.25, "          7.25 "),
            (-0.125, "         -0.125"),
            (1_421_893.21, "  1,421,893.21 "),
            (99_999_999.0, " 99,999,999    "),
            (1e8, "       1e+08   "),
            (4.901_23e25, "  4.9012e+25   "),
            (f64::NAN, "            NaN"),
        ];
        for (value, text) in cases {
            assert_eq!(column(value), text, "{value}");
            assert_eq!(text.len(), COLUMN);
        }
    }
}
