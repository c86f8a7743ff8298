//! What does a scalar mean? The rules by which Kubernetes' own clients read YAML.
//!
//! kubectl reads with sigs.k8s.io/yaml over goyaml v2 (its `resolve` function): YAML 1.1's
//! booleans, hexadecimal, octal and binary integers, floats without a leading digit; timestamps
//! and base 60 stay text. Nothing here knows of trees or pointers.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

use super::tree::{Key, Quotes, Scalar, TagKind};

/// A scalar as JSON sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as JSON text; the source's own text wherever that is valid JSON.
    Number(Cow<'a, str>),
    /// A string.
    Text(Cow<'a, str>),
}

/// A scalar that JSON cannot hold or that contradicts its own tag.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScalarError {
    /// `.inf`, `.nan` and their like.
    #[error("`{0}` is not a number that JSON can hold: quote it to keep it as text")]
    NotFinite(String),
    /// `!!int x`
    #[error("`{text}` is not what its tag {tag} says")]
    TagMismatch {
        /// The scalar's text.
        text: String,
        /// The tag as written.
        tag: String,
    },
    /// A key that is null.
    #[error("a key is null: a member needs a name")]
    NullKey,
}

/// The value of a scalar.
///
/// # Errors
/// [`ScalarError`] where Kubernetes' reader refuses the scalar too.
pub fn resolve(scalar: &Scalar) -> Result<Value<'_>, ScalarError> {
    let text = scalar.text.as_str();
    let Some(tag) = &scalar.tag else {
        return match scalar.quotes {
            Quotes::Plain => untagged(text),
            _ => Ok(Value::Text(text.into())),
        };
    };
    let mismatch = || ScalarError::TagMismatch {
        text: text.to_owned(),
        tag: tag.raw.clone(),
    };
    let value = match tag.kind {
        TagKind::Str | TagKind::Other | TagKind::Timestamp | TagKind::Merge => {
            return Ok(Value::Text(text.into()));
        }
        TagKind::Binary => return binary(text).map(Value::Text).ok_or_else(mismatch),
        TagKind::Bool | TagKind::Int | TagKind::Float | TagKind::Null => untagged(text)?,
    };
    let fits = match (tag.kind, &value) {
        (TagKind::Bool, Value::Bool(_))
        | (TagKind::Null, Value::Null)
        | (TagKind::Float, Value::Number(_)) => true,
        (TagKind::Int, Value::Number(_)) => integer(&text.replace('_', "")).is_some(),
        _ => false,
    };
    if fits { Ok(value) } else { Err(mismatch()) }
}

/// The name of a key in JSON.
///
/// # Errors
/// [`ScalarError`] for a null key or a value that JSON cannot hold.
pub fn key(scalar: Scalar) -> Result<Key, ScalarError> {
    let name = match resolve(&scalar)? {
        Value::Null => return Err(ScalarError::NullKey),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => match integer(&scalar.text.replace('_', "")) {
            Some(whole) => whole.to_string(),
            None => short_float(&number),
        },
        Value::Text(text) => text.into_owned(),
    };
    Ok(Key { name, scalar })
}

/// Whether a plain text is a boolean, a null or a number to Kubernetes' reader.
pub(super) fn is_text(text: &str) -> bool {
    matches!(untagged(text), Ok(Value::Text(_)))
}

fn untagged(text: &str) -> Result<Value<'_>, ScalarError> {
    if let Some(value) = word(text)? {
        return Ok(value);
    }
    let number = match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-') => number(&text.replace('_', "")),
        Some(b'.') => float(&text.replace('_', "")),
        _ => None,
    };
    Ok(match number {
        Some(_) if is_json_number(text) => Value::Number(text.into()),
        Some(number) => Value::Number(number.into()),
        None => Value::Text(text.into()),
    })
}

fn word(text: &str) -> Result<Option<Value<'static>>, ScalarError> {
    Ok(Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return Err(ScalarError::NotFinite(text.to_owned())),
        _ => return Ok(None),
    }))
}

fn number(plain: &str) -> Option<String> {
    if is_json_number(plain) && plain.parse::<f64>().is_ok_and(f64::is_finite) {
        return Some(plain.to_owned());
    }
    integer(plain)
        .map(|whole| whole.to_string())
        .or_else(|| float(plain))
}

/// An integer by Go's base prefixes (a leading zero alone means octal), 64 bits wide.
fn integer(plain: &str) -> Option<i128> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match prefix.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let size = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -size } else { size };
    let most = if plain.starts_with('+') {
        i128::from(i64::MAX)
    } else {
        i128::from(u64::MAX)
    };
    (i128::from(i64::MIN)..=most)
        .contains(&value)
        .then_some(value)
}

/// A decimal float whose text is not JSON (`.5`, `5.`, `+1e3`, `08`), as JSON.
fn float(plain: &str) -> Option<String> {
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let decimal = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !decimal || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value = plain
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())?;
    Some(value.to_string())
}

/// Whether JSON itself would read the text as a number.
fn is_json_number(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_digit())
        && text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn binary(text: &str) -> Option<Cow<'_, str>> {
    let packed: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(packed).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned().into())
}

/// A float as Kubernetes' reader writes it into a key: Go's `%g` at single precision.
fn short_float(number: &str) -> String {
    const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..6;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "single precision is the foreign rule"
    )]
    let value = number.parse::<f64>().unwrap_or_default() as f32;
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if PLAIN_EXPONENTS.contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Value<'_> {
        untagged(text).unwrap()
    }

    #[test]
    fn words_and_numbers_follow_kubernetes_reader() {
        for (text, json) in [
            ("0o17", "15"),
            ("017", "15"),
            ("1_000", "1000"),
            ("0x1F", "31"),
            ("+5", "5"),
            ("5.", "5"),
            (".5", "0.5"),
            (".5_0", "0.5"),
            ("+.5", "0.5"),
            ("0.10", "0.10"),
            ("1e3", "1e3"),
            ("-0b11", "-3"),
            ("08", "8"),
            ("-0", "-0"),
            ("1_0.5", "10.5"),
            ("0777_7", "4095"),
            ("18446744073709551616", "18446744073709551616"),
            ("-9223372036854775809", "-9223372036854775809"),
        ] {
            assert_eq!(plain(text), Value::Number(json.into()), "{text}");
        }
        for text in [
            "1e400",
            "2001-01-01",
            "0b12",
            "1:30",
            "0x",
            "0x1p4",
            "_1",
            "+.inf2",
            "0o8",
            "0xFFFFFFFFFFFFFFFFFF",
            "5m",
            "256Mi",
            "<<",
            "=",
            "-",
            "+",
            ".",
            "1.2.3",
            "yEs",
            "0x-1",
        ] {
            assert_eq!(plain(text), Value::Text(text.into()), "{text}");
        }
        assert_eq!(plain("y"), Value::Bool(true));
        assert_eq!(plain("Off"), Value::Bool(false));
        assert_eq!(plain("~"), Value::Null);
        assert!(matches!(untagged(".inf"), Err(ScalarError::NotFinite(_))));
    }

    #[test]
    fn keys_become_names() {
        let names = ["yes", "1.50", "0x10", "1e3", "1e10", "1234567.0", "8080"]
            .map(|text| key(Scalar::plain(text.to_owned())).unwrap().name);
        assert_eq!(
            names,
            ["true", "1.5", "16", "1000", "1e+10", "1.234567e+06", "8080"]
        );
        assert_eq!(key(Scalar::plain(String::new())), Err(ScalarError::NullKey));
    }
}
