//! What a scalar means to Kubernetes: a string, number, boolean or null.
//!
//! kubectl reads YAML 1.1 (goyaml v2 under sigs.k8s.io/yaml): `yes` and `off` are booleans, `010`
//! is octal, timestamps stay strings.

use super::tree::{Scalar, Style};

/// The meaning of a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Null,
    Boolean(bool),
    /// A number, as JSON writes it.
    Number(String),
    Text,
}

impl Scalar {
    pub(super) fn meaning(&self) -> Meaning {
        if self.style != Style::Plain || self.string {
            return Meaning::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
                Meaning::Boolean(true)
            }
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n"
            | "N" => Meaning::Boolean(false),
            text => number(text).map_or(Meaning::Text, Meaning::Number),
        }
    }
}

fn number(text: &str) -> Option<String> {
    let digits = text.replace('_', "");
    let (sign, rest) = match digits.as_bytes().first()? {
        b'-' => ("-", &digits[1..]),
        b'+' => ("", &digits[1..]),
        _ => ("", digits.as_str()),
    };
    if !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some(value) = other_base(rest) {
        return Some(format!("{sign}{value}"));
    }
    decimal(rest).map(|number| format!("{sign}{number}"))
}

/// `0x1f`, `0o17`, `0b11` and the octal `017` of YAML 1.1.
fn other_base(text: &str) -> Option<u64> {
    for (prefix, base) in [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2), ("0", 8)] {
        if let Some(digits) = text
            .strip_prefix(prefix)
            .filter(|digits| !digits.is_empty())
        {
            return u64::from_str_radix(digits, base).ok();
        }
    }
    None
}

/// A decimal number in JSON's form: a digit before the point and one after it.
fn decimal(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], &text[at..]),
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let power = exponent.get(1..).unwrap_or("");
    let power = power.strip_prefix(['+', '-']).unwrap_or(power);
    if !exponent.is_empty() && (power.is_empty() || !digits(power)) {
        return None;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let trimmed = whole.trim_start_matches('0');
    let whole = if trimmed.is_empty() { "0" } else { trimmed };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{whole}{point}{fraction}{exponent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(text: &str) -> Meaning {
        Scalar {
            text: text.into(),
            style: Style::Plain,
            string: false,
        }
        .meaning()
    }

    #[test]
    fn plain_texts_mean_what_kubectl_reads() {
        let number = |text: &str| Meaning::Number(text.into());
        for (text, expected) in [
            ("yes", Meaning::Boolean(true)),
            ("off", Meaning::Boolean(false)),
            ("~", Meaning::Null),
            ("1", number("1")),
            (".5", number("0.5")),
            ("1.50", number("1.50")),
            ("1e3", number("1e3")),
            ("0x1F", number("31")),
            ("010", number("8")),
            ("-7", number("-7")),
            ("1_000", number("1000")),
            ("500m", Meaning::Text),
            ("1.2.3", Meaning::Text),
            ("2020-01-01", Meaning::Text),
            ("-", Meaning::Text),
            ("e3", Meaning::Text),
        ] {
            assert_eq!(meaning(text), expected, "{text}");
        }
    }
}
