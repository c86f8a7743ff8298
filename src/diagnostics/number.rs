//! How does .NET write a number? Files are to be the same, byte for byte.

use std::fmt;

/// A double as .NET's invariant culture writes it: the shortest text that reads back as the same value,
/// with an exponent from `1E+17` on and below `0.0001`. Of two such texts that are equally near the one with the even digit
/// is written, unlike by Rust's own formatting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Invariant(pub f64);

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() {
            return f.write_str("NaN");
        }
        if self.0.is_sign_negative() {
            f.write_str("-")?;
        }
        if self.0.is_infinite() {
            return f.write_str("Infinity");
        }
        if self.0 == 0.0 {
            return f.write_str("0");
        }
        Decimal::of(self.0.abs()).fmt(f)
    }
}

/// A number above zero.
struct Decimal {
    /// Without zeros at either end.
    digits: String,
    /// The power of ten that the first digit counts.
    power: i32,
}

impl Decimal {
    fn of(number: f64) -> Self {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(number);
        let (text, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let point = text.find('.').unwrap_or(text.len());
        let first = text
            .find(|letter| ('1'..='9').contains(&letter))
            .unwrap_or(0);
        // The first digit's distance from the point; behind it the point itself stands between.
        let distance = if first < point {
            point - first - 1
        } else {
            first - point
        };
        let distance = i32::try_from(distance).unwrap_or(0);
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let digits = text[first..].replace('.', "");
        Self {
            digits: digits.trim_end_matches('0').to_owned(),
            power: exponent + if first < point { distance } else { -distance },
        }
    }

    fn exponential(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = self.digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if self.power < 0 { '-' } else { '+' };
        write!(f, "{first}{point}{rest}E{sign}{:0>2}", self.power.abs())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digits, power } = self;
        match usize::try_from(*power) {
            Ok(17..) => self.exponential(f),
            Ok(power) if power + 1 < digits.len() => {
                let (whole, fraction) = digits.split_at(power + 1);
                write!(f, "{whole}.{fraction}")
            }
            Ok(power) => write!(f, "{digits:0<0$}", power + 1),
            Err(_) if *power < -4 => self.exponential(f),
            Err(_) => write!(f, "0.{:0<1$}{digits}", "", power.abs_diff(-1) as usize),
        }
    }
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
            (5_150.739_783_093_75, "5150.73978309375"),
            (12_345_678_901_234_567.0, "12345678901234568"),
            (-0.25, "-0.25"),
            (600.0, "600"),
            // Exactly between two.
            (964_495.0 + 1253.0 / 2048.0, "964495.6118164062"),
            (0.047_236_099_999_999_89, "0.04723609999999989"),
        ];
        for (value, text) in cases {
            assert_eq!(Invariant(value).to_string(), text);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for bits in (0..0x7ff0_0000_0000_0000).step_by(0x0003_1415_9265_3589) {
            for number in [f64::from_bits(bits), -f64::from_bits(bits)] {
                assert_eq!(Invariant(number).to_string().parse(), Ok(number));
            }
        }
    }
}
