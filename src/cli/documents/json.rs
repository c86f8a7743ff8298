//! How is a tree written as JSON, and JSON read as a tree?
//!
//! Numbers keep their text, members their order. Knows nothing of pointers or Pods.

use serde::de::IgnoredAny;

use super::parse::{Syntax, Unreadable, parse};
use super::scalar::{self, Value};
use super::tree::Node;

/// How JSON is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spacing {
    /// On one line.
    Compact,
    /// An entry a line, each level indented by this text.
    Indented(String),
}

/// Reads one JSON value.
///
/// # Errors
/// [`Unreadable`] where the text is not JSON or has one name twice in an object.
pub fn read(text: &str) -> Result<Node, Unreadable> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| Unreadable {
        line: error.line(),
        reason: error.to_string(),
    })?;
    let parsed = parse(text, Syntax::Json)?;
    if let Some(twice) = parsed.duplicates.first() {
        return Err(Unreadable {
            line: twice.second,
            reason: format!("the name `{}` stands twice in one object", twice.key),
        });
    }
    Ok(parsed.root.unwrap_or_else(Node::null))
}

/// Writes a tree as JSON, without a line break at the end.
pub fn write(node: &Node, spacing: &Spacing) -> String {
    let mut out = String::new();
    push(&mut out, node, spacing, 0);
    out
}

/// A text as a JSON string.
pub fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn push(out: &mut String, node: &Node, spacing: &Spacing, level: usize) {
    match node {
        Node::Scalar(scalar) => match scalar::resolve(scalar) {
            Ok(Value::Bool(flag)) => out.push_str(if flag { "true" } else { "false" }),
            Ok(Value::Number(number)) => out.push_str(&number),
            Ok(Value::Text(text)) => out.push_str(&string(&text)),
            // Trees hold no scalar that does not resolve: reading refuses it.
            Ok(Value::Null) | Err(_) => out.push_str("null"),
        },
        Node::Mapping(mapping) => {
            out.push('{');
            for (index, (key, value)) in mapping.entries.iter().enumerate() {
                separate(out, index, spacing, level + 1);
                out.push_str(&string(&key.name));
                out.push_str(if *spacing == Spacing::Compact {
                    ":"
                } else {
                    ": "
                });
                push(out, value, spacing, level + 1);
            }
            close(out, '}', mapping.entries.is_empty(), spacing, level);
        }
        Node::Sequence(sequence) => {
            out.push('[');
            for (index, item) in sequence.items.iter().enumerate() {
                separate(out, index, spacing, level + 1);
                push(out, item, spacing, level + 1);
            }
            close(out, ']', sequence.items.is_empty(), spacing, level);
        }
    }
}

fn separate(out: &mut String, index: usize, spacing: &Spacing, level: usize) {
    if index > 0 {
        out.push(',');
    }
    line(out, spacing, level);
}

fn close(out: &mut String, bracket: char, empty: bool, spacing: &Spacing, level: usize) {
    if !empty {
        line(out, spacing, level);
    }
    out.push(bracket);
}

fn line(out: &mut String, spacing: &Spacing, level: usize) {
    if let Spacing::Indented(unit) = spacing {
        out.push('\n');
        out.extend(std::iter::repeat_n(unit.as_str(), level));
    }
}

impl Spacing {
    /// The layout of a JSON text, by the blanks before its first entry.
    pub fn of(text: &str) -> Self {
        let entry = text.get(1..).unwrap_or_default();
        let blanks = &entry[..entry.len() - entry.trim_start().len()];
        match blanks.rsplit_once('\n') {
            Some((_, unit)) => Self::Indented(unit.to_owned()),
            None => Self::Compact,
        }
    }
}
