//! How is a value written? As .NET writes a double without a format, and as a column of a screen shows it.

use std::fmt::{self, Write};

/// A double as .NET's invariant culture writes it: the shortest text that reads back as the same value,
/// with an exponent from `1E+17` on and below `0.0001`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Invariant(pub f64);

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
        }
        let scientific = format!("{value:e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if (-4..17).contains(&exponent) {
            return write!(f, "{value}");
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(f, "{mantissa}E{sign}{:02}", exponent.abs())
    }
}

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

    /// Printed by .NET 10.0.12.
    #[test]
    fn doubles_read_as_those_of_dotnet() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (1.5, "1.5"),
            (0.1, "0.1"),
            (1e15, "1000000000000000"),
            (1e16, "10000000000000000"),
            (9.99e16, "99900000000000000"),
            (1e17, "1E+17"),
            (123_456_789_012_345_678.0, "1.2345678901234568E+17"),
            (1e-4, "0.0001"),
            (1.5e-4, "0.00015"),
            (1e-5, "1E-05"),
            (1.234e-5, "1.234E-05"),
            (-1e-7, "-1E-07"),
            (f64::MAX, "1.7976931348623157E+308"),
            (5e-324, "5E-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (0.047_236_099_999_999_89, "0.04723609999999989"),
        ];
        for (value, text) in cases {
            assert_eq!(Invariant(value).to_string(), text);
        }
    }

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
