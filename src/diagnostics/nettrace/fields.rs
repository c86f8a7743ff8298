//! Which fields does an event have, and which values stand in its payload?
//!
//! Only events of event sources describe their fields; those of the runtime itself have none, and are read by whoever
//! knows their layout.

use crate::diagnostics::payload::{Payload, PayloadError};

/// How deep fields may be nested; event counters nest two deep.
const DEEPEST: usize = 8;

/// A field of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name; empty for the one that holds all others.
    pub name: Box<str>,
    /// What its value is.
    pub kind: Type,
}

/// What the value of a field is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Fields of its own.
    Struct(Vec<Field>),
    /// True or false, four bytes.
    Bool,
    /// A whole number of so many bytes.
    Unsigned(u8),
    /// A whole number with a sign, of so many bytes.
    Signed(u8),
    /// A number of four bytes.
    Single,
    /// A number of eight bytes.
    Double,
    /// A time: units of 100 ns since 1601.
    FileTime,
    /// Sixteen bytes.
    Guid,
    /// A text that ends with a zero.
    Text,
    /// Something of an unknown form: the values from here on cannot be told apart.
    Unknown(u32),
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Unsigned(u64),
    /// A whole number with a sign; a time, too.
    Signed(i64),
    /// A number.
    Number(f64),
    /// Sixteen bytes.
    Guid([u8; 16]),
    /// A text.
    Text(String),
}

/// The bytes that fields take.
pub(super) fn weight(fields: &[Field]) -> usize {
    let own = |field: &Field| {
        let inner = match &field.kind {
            Type::Struct(inner) => weight(inner),
            _ => 0,
        };
        size_of::<Field>() + field.name.len() + inner
    };
    fields.iter().map(own).sum()
}

/// Reads the descriptions of fields; `deep` is how many fields these are inside of.
pub(super) fn describe(from: &mut Payload<'_>, deep: usize) -> Result<Vec<Field>, PayloadError> {
    let count = from.u32("the number of fields")?;
    let mut fields = Vec::new();
    for _ in 0..count {
        let code = from.u32("the type of a field")?;
        let kind = match code {
            1 if deep < DEEPEST => Type::Struct(describe(from, deep + 1)?),
            3 => Type::Bool,
            5 => Type::Signed(1),
            6 => Type::Unsigned(1),
            7 => Type::Signed(2),
            4 | 8 => Type::Unsigned(2),
            9 => Type::Signed(4),
            10 => Type::Unsigned(4),
            11 => Type::Signed(8),
            12 => Type::Unsigned(8),
            13 => Type::Single,
            14 => Type::Double,
            16 => Type::FileTime,
            17 => Type::Guid,
            18 => Type::Text,
            other => Type::Unknown(other),
        };
        let known = !matches!(kind, Type::Unknown(_));
        let name = from.text("the name of a field")?.into();
        fields.push(Field { name, kind });
        if !known {
            break;
        }
    }
    Ok(fields)
}

/// Hands every value of a payload over, with the name of its field. Structs hand over their fields.
///
/// # Errors
/// The payload ends too early.
pub fn values(
    fields: &[Field],
    payload: &mut Payload<'_>,
    take: &mut impl FnMut(&str, Value),
) -> Result<(), PayloadError> {
    for field in fields {
        let value = match &field.kind {
            Type::Struct(inner) => {
                values(inner, payload, take)?;
                continue;
            }
            Type::Bool => Value::Bool(payload.u32("a truth value")? != 0),
            Type::Unsigned(bytes) => Value::Unsigned(unsigned(payload, *bytes)?),
            Type::Signed(bytes) => Value::Signed(signed(payload, *bytes)?),
            Type::FileTime => Value::Signed(signed(payload, 8)?),
            Type::Single => Value::Number(f32::from_bits(payload.u32("a number")?).into()),
            Type::Double => Value::Number(f64::from_bits(payload.u64("a number")?)),
            Type::Guid => Value::Guid(payload.array("a guid")?),
            Type::Text => Value::Text(payload.text("a text")?),
            Type::Unknown(_) => return Ok(()),
        };
        take(&field.name, value);
    }
    Ok(())
}

fn unsigned(payload: &mut Payload<'_>, bytes: u8) -> Result<u64, PayloadError> {
    const PART: &str = "a whole number";
    Ok(match bytes {
        1 => payload.u8(PART)?.into(),
        2 => payload.u16(PART)?.into(),
        4 => payload.u32(PART)?.into(),
        _ => payload.u64(PART)?,
    })
}

fn signed(payload: &mut Payload<'_>, bytes: u8) -> Result<i64, PayloadError> {
    const PART: &str = "a whole number";
    Ok(match bytes {
        1 => payload.u8(PART)?.cast_signed().into(),
        2 => payload.u16(PART)?.cast_signed().into(),
        4 => payload.u32(PART)?.cast_signed().into(),
        _ => payload.u64(PART)?.cast_signed(),
    })
}
