//! Kubernetes resource quantities: `500m`, `32Mi`, `1e3`, `.5`.
//!
//! Grammar: apimachinery, `resource.Quantity`. It does not know which resource a quantity is of.

use std::fmt;

use serde::{Serialize, Serializer};

/// An amount in nano units (of a core, of a byte): exact for everything the grammar allows down
/// to `n`, saturating at the type's ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

const NANOS: i128 = 1_000_000_000;

/// Suffixes and their factor in nano units.
const SUFFIXES: [(&str, i128); 16] = [
    ("Ki", NANOS << 10),
    ("Mi", NANOS << 20),
    ("Gi", NANOS << 30),
    ("Ti", NANOS << 40),
    ("Pi", NANOS << 50),
    ("Ei", NANOS << 60),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", 1_000 * NANOS),
    ("M", 1_000_000 * NANOS),
    ("G", 1_000_000_000 * NANOS),
    ("T", 1_000_000_000_000 * NANOS),
    ("P", 1_000_000_000_000_000 * NANOS),
    ("E", 1_000_000_000_000_000_000 * NANOS),
    ("", NANOS),
];

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads a quantity; none if it is not one. Parts below a nano unit round up, as the API does.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return None;
        }
        let value = scaled(whole, fraction, suffix)?;
        Some(Self(if negative { -value } else { value }))
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The amount divided by a ratio, rounded up; a ratio of zero or less divides nothing.
    #[must_use]
    pub fn divided_by(self, ratio: Self) -> Self {
        if ratio.0 <= 0 {
            return self;
        }
        // Both sides count nano units; amounts near the end of the type lose nothing that matters.
        let (quotient, remainder) = match self.0.checked_mul(NANOS) {
            Some(scaled) => (scaled / ratio.0, scaled % ratio.0),
            None => ((self.0 / ratio.0).saturating_mul(NANOS), 0),
        };
        Self(quotient.saturating_add(i128::from(remainder > 0)))
    }
}

fn scaled(whole: &str, fraction: &str, suffix: &str) -> Option<i128> {
    if let Some((_, factor)) = SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        return Some(multiplied(whole, fraction, *factor));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let mut factor = NANOS;
    for _ in 0..exponent.clamp(0, 30) {
        factor = factor.saturating_mul(10);
    }
    let value = multiplied(whole, fraction, factor);
    let divisor = 10_i128
        .checked_pow(exponent.min(0).unsigned_abs().min(38))
        .unwrap_or(i128::MAX);
    Some(value / divisor + i128::from(value % divisor != 0))
}

fn multiplied(whole: &str, fraction: &str, factor: i128) -> i128 {
    let number = |digits: &str| {
        digits.bytes().fold(0_i128, |sum, b| {
            sum.saturating_mul(10).saturating_add(i128::from(b - b'0'))
        })
    };
    // Twenty decimals are more than any unit can show.
    let fraction = &fraction[..fraction.len().min(18)];
    let divisor = fraction.bytes().fold(1_i128, |divisor, _| divisor * 10);
    let part = number(fraction).saturating_mul(factor);
    let part = part / divisor + i128::from(part % divisor != 0);
    number(whole).saturating_mul(factor).saturating_add(part)
}

/// A quantity: its amount and the text that says it.
#[derive(Debug, Clone)]
pub struct Quantity {
    amount: Amount,
    text: Box<str>,
}

/// A text that is no quantity.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a quantity such as 500m, 1, 256Mi or 2G")]
pub struct QuantityError(pub String);

impl Quantity {
    /// Reads a quantity.
    ///
    /// # Errors
    /// [`QuantityError`] with the text that is none.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let amount = Amount::parse(text).ok_or_else(|| QuantityError(text.to_owned()))?;
        Ok(Self {
            amount,
            text: text.into(),
        })
    }

    /// Writes an amount in the shortest exact form.
    pub fn from_amount(amount: Amount) -> Self {
        let candidates = ["Ei", "Pi", "Ti", "Gi", "Mi", "Ki", "", "m", "u", "n"];
        let factor = |name: &str| {
            SUFFIXES
                .iter()
                .find(|(n, _)| *n == name)
                .map_or(1, |(_, f)| *f)
        };
        let exact = |name: &&str| amount.0 % factor(name) == 0;
        let name = candidates
            .into_iter()
            .find(|name| exact(&name))
            .unwrap_or("n");
        Self {
            amount,
            text: format!("{}{name}", amount.0 / factor(name)).into(),
        }
    }

    /// The amount, to compare and compute with.
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// The text as written.
    pub const fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is below zero.
    pub const fn is_negative(&self) -> bool {
        self.amount.0 < 0
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.amount == other.amount
    }
}

impl Eq for Quantity {}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_amount_are_equal() {
        for (one, other) in [
            ("1", "1000m"),
            (".5", "500m"),
            ("1e3", "1k"),
            ("1E3", "1000"),
            ("1Ki", "1024"),
            ("0.1Gi", "107374182.4"),
            ("+1", "1.0"),
            ("1e-3", "1m"),
            ("-1", "-1000m"),
        ] {
            assert_eq!(Amount::parse(one), Amount::parse(other), "{one} {other}");
            assert!(Amount::parse(one).is_some(), "{one}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "", ".", "m", "1 ", "1mm", "1.2.3", "e3", "1e", "0x10", "1,5", "1KiB", "--1",
        ] {
            assert_eq!(Amount::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn ends_of_the_range_saturate() {
        let huge = "9".repeat(60);
        assert!(Amount::parse(&huge) > Amount::parse("8Ei"));
        assert!(Amount::parse("1e99").is_some());
        assert!(Amount::parse("1e-99") > Some(Amount::ZERO));
    }

    #[test]
    fn computed_amounts_read_back() {
        for text in ["128Mi", "250m", "1", "1500u", "3n", "0"] {
            let amount = Amount::parse(text).unwrap();
            assert_eq!(
                Amount::parse(Quantity::from_amount(amount).as_str()),
                Some(amount)
            );
        }
        assert_eq!(
            Quantity::from_amount(Amount::parse("131072Ki").unwrap()).as_str(),
            "128Mi"
        );
    }
}
