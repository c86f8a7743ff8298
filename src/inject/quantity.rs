//! What is a Kubernetes quantity worth? Reads and compares `500m`, `128Mi`, `.5` or `1e3`.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/api/resource.Quantity`; so is its rounding: what
//! is finer than a billionth counts as a billionth. Knows nothing of containers or limits.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Sub};

/// Billionths in one whole unit.
const NANO: i128 = 1_000_000_000;
/// The largest value of a binary suffix: the API server caps there, at 2^63 - 1.
const BINARY_CAP: i128 = (i64::MAX as i128) * NANO;
/// Digits are kept one by one up to here; the 36 that fit are more than any quantity in use has.
const MANTISSA_FULL: i128 = 10_i128.pow(36);

/// A text that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a quantity (expected a number with an optional suffix, such as 500m, 2, 128Mi or 1e3)"
)]
pub struct QuantityError {
    text: Box<str>,
}

/// The value of a quantity in billionths of its unit (cores, bytes). Sums saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(pub i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A whole number of units: cores or bytes.
    pub const fn whole(units: i64) -> Self {
        Self(units as i128 * NANO)
    }

    /// Thousandths of a unit: millicores.
    pub const fn milli(thousandths: i64) -> Self {
        Self(thousandths as i128 * (NANO / 1000))
    }

    /// 1,048,576 units each: mebibytes.
    pub const fn mebi(mebis: i32) -> Self {
        Self(mebis as i128 * 1_048_576 * NANO)
    }

    /// Reads the value of a quantity without keeping its text; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (number, suffix) = Number::read(unsigned)?;
        let value = number.scaled(Scale::read(suffix)?);
        Some(Self(if negative { -value } else { value }))
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The next multiple of a step above zero, upwards.
    #[must_use]
    pub const fn rounded_up(self, step: Self) -> Self {
        let rest = self.0.rem_euclid(step.0);
        if rest == 0 {
            self
        } else {
            Self(self.0.saturating_add(step.0 - rest))
        }
    }

    /// The amount divided by a ratio, rounded up; a ratio of zero or less divides nothing.
    #[must_use]
    pub fn divided_by(self, ratio: Self) -> Self {
        if ratio.0 <= 0 {
            return self;
        }
        // Beyond the type's range the remainder no longer matters.
        let (quotient, remainder) = match self.0.checked_mul(NANO) {
            Some(scaled) => (scaled / ratio.0, scaled % ratio.0),
            None => ((self.0 / ratio.0).saturating_mul(NANO), 0),
        };
        Self(quotient.saturating_add(i128::from(remainder > 0)))
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Writes the shortest exact text: no fraction, the largest suffix that divides the value.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        if self.0 == 0 {
            return f.write_str("0");
        }
        let (units, fraction) = (self.0 / NANO, self.0 % NANO);
        if fraction == 0 && units % 1024 == 0 {
            let (value, suffix) = divided(units, 1024, &BINARY);
            return write!(f, "{value}{suffix}");
        }
        let (value, suffix) = divided(self.0, 1000, &DECIMAL);
        write!(f, "{value}{suffix}")
    }
}

/// Divides by `base` while it divides exactly and a larger suffix is left.
fn divided(mut value: i128, base: i128, suffixes: &[&'static str]) -> (i128, &'static str) {
    let (mut suffix, larger) = suffixes
        .split_first()
        .map_or(("", suffixes), |(s, l)| (*s, l));
    for next in larger {
        if value % base != 0 {
            break;
        }
        value /= base;
        suffix = next;
    }
    (value, suffix)
}

/// The unsigned digits of a quantity: `mantissa × 10^exponent`, and a little more if `sticky`.
#[derive(Clone, Copy)]
struct Number {
    mantissa: i128,
    exponent: i32,
    sticky: bool,
}

impl Number {
    /// Reads `digits`, `digits.`, `digits.digits` or `.digits`; gives the rest of the text too.
    fn read(text: &str) -> Option<(Self, &str)> {
        let mut number = Self {
            mantissa: 0,
            exponent: 0,
            sticky: false,
        };
        let (mut digits, mut point, mut end) = (false, false, text.len());
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    digits = true;
                    number.push(i128::from(byte - b'0'), point);
                }
                b'.' if !point => point = true,
                _ => {
                    end = at;
                    break;
                }
            }
        }
        digits.then_some((number, &text[end..]))
    }

    fn push(&mut self, digit: i128, fraction: bool) {
        if self.mantissa >= MANTISSA_FULL {
            self.sticky |= digit != 0;
            self.exponent = self.exponent.saturating_add(i32::from(!fraction));
        } else {
            self.mantissa = self.mantissa * 10 + digit;
            self.exponent = self.exponent.saturating_sub(i32::from(fraction));
        }
    }

    /// The value in billionths, rounded up, at most `i128::MAX`.
    fn scaled(mut self, scale: Scale) -> i128 {
        match scale {
            Scale::Ten(exponent) => self.billionths(exponent),
            Scale::Two(bits) => {
                while self.mantissa > i128::MAX >> bits {
                    self.sticky |= self.mantissa % 10 != 0;
                    self.mantissa /= 10;
                    self.exponent = self.exponent.saturating_add(1);
                }
                self.mantissa <<= bits;
                self.billionths(0).min(BINARY_CAP)
            }
        }
    }

    fn billionths(self, exponent: i32) -> i128 {
        if self.mantissa == 0 {
            return 0;
        }
        let exponent = self.exponent.saturating_add(exponent).saturating_add(9);
        let power = 10_i128.checked_pow(exponent.unsigned_abs());
        if exponent >= 0 {
            let value = power.and_then(|power| self.mantissa.checked_mul(power));
            return value.map_or(i128::MAX, |v| v.saturating_add(i128::from(self.sticky)));
        }
        let Some(power) = power else { return 1 };
        let more = self.mantissa % power != 0 || self.sticky;
        (self.mantissa / power).saturating_add(i128::from(more))
    }
}

/// What a suffix multiplies with.
#[derive(Clone, Copy)]
enum Scale {
    /// A power of ten.
    Ten(i32),
    /// A power of two.
    Two(u32),
}

impl Scale {
    fn read(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "n" => Self::Ten(-9),
            "u" => Self::Ten(-6),
            "m" => Self::Ten(-3),
            "" => Self::Ten(0),
            "k" => Self::Ten(3),
            "M" => Self::Ten(6),
            "G" => Self::Ten(9),
            "T" => Self::Ten(12),
            "P" => Self::Ten(15),
            "E" => Self::Ten(18),
            "Ki" => Self::Two(10),
            "Mi" => Self::Two(20),
            "Gi" => Self::Two(30),
            "Ti" => Self::Two(40),
            "Pi" => Self::Two(50),
            "Ei" => Self::Two(60),
            _ => Self::Ten(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
        })
    }
}

/// A quantity as somebody wrote it, with its value. Compared by value: `1000m` equals `1`.
#[derive(Debug, Clone)]
pub struct Quantity {
    amount: Amount,
    text: Box<str>,
}

impl Quantity {
    /// Reads a quantity, keeping the text.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        match Amount::parse(text) {
            Some(amount) => Ok(Self {
                amount,
                text: text.into(),
            }),
            None => Err(QuantityError { text: text.into() }),
        }
    }

    /// A computed value, with its shortest exact text.
    pub fn from_value(amount: Amount) -> Self {
        Self {
            amount,
            text: amount.to_string().into(),
        }
    }

    /// The value.
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the value is zero.
    pub const fn is_zero(&self) -> bool {
        self.amount.is_zero()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.amount == other.amount
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.amount.cmp(&other.amount)
    }
}
