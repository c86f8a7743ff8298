//! Texts that borrow, and members that may be missing or null.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

/// A text that borrows from the request wherever it holds no escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<'a>(pub Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Accepts a string; with `NUMBERS`, a number too (quantities may be YAML numbers).
struct TextVisitor<const NUMBERS: bool>;

impl<'de, const NUMBERS: bool> Visitor<'de> for TextVisitor<NUMBERS> {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if NUMBERS {
            "a string or a number"
        } else {
            "a string"
        })
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(v)))
    }

    fn visit_str<E>(self, v: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(v.to_owned())))
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Text<'de>, E> {
        number::<NUMBERS, E>(v, serde::de::Unexpected::Unsigned(v))
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Text<'de>, E> {
        number::<NUMBERS, E>(v, serde::de::Unexpected::Signed(v))
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Text<'de>, E> {
        number::<NUMBERS, E>(v, serde::de::Unexpected::Float(v))
    }
}

fn number<'de, const NUMBERS: bool, E: serde::de::Error>(
    value: impl fmt::Display,
    unexpected: serde::de::Unexpected<'_>,
) -> Result<Text<'de>, E> {
    if NUMBERS {
        Ok(Text(Cow::Owned(value.to_string())))
    } else {
        Err(E::invalid_type(unexpected, &TextVisitor::<false>))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor::<false>)
    }
}

/// The text of a quantity, written as a string or a number.
#[derive(Debug, Clone)]
pub struct QuantityText<'a>(pub Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for QuantityText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor::<true>).map(Self)
    }
}

/// A member that may be missing or null: both mean "not set" to the API, but `uninject` must tell
/// them apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Presence<T> {
    /// No such member.
    #[default]
    Missing,
    /// The member is there and null.
    Null,
    /// The member has a value.
    Value(T),
}

impl<T> Presence<T> {
    /// The value, if there is one.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Null => None,
        }
    }

    /// The same, of a borrowed value.
    pub const fn as_ref(&self) -> Presence<&T> {
        match self {
            Self::Missing => Presence::Missing,
            Self::Null => Presence::Null,
            Self::Value(value) => Presence::Value(value),
        }
    }

    /// The same presence of something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Presence<U> {
        match self {
            Self::Missing => Presence::Missing,
            Self::Null => Presence::Null,
            Self::Value(value) => Presence::Value(f(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Presence<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// The elements of a list that may be missing or null.
pub fn elements<T>(list: &Presence<Vec<T>>) -> &[T] {
    list.get().map_or(&[], Vec::as_slice)
}
