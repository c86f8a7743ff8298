//! A value at its place in the settings file: reads it as one of a few shapes, or says which key on
//! which line holds what instead. Knows shapes, not settings.

use super::error::{Problem, nearest};
use super::tree::{Entry, Node, Value};

/// A value of the file, with its full key.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// The full key, such as `toolbox.container.env[0].name`.
    pub(super) key: String,
    /// The line of the key.
    pub(super) line: usize,
    pub(super) node: &'a Node,
}

/// What a value looks like to a person, for messages.
fn described(value: &Value) -> String {
    match value {
        Value::Null => "an empty value".into(),
        Value::Text(text) => quoted(text),
        Value::List(_) => "a list".into(),
        Value::Map(_) => "a mapping".into(),
    }
}

/// A value in a message: on one line and not too long.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    let short: String = text.chars().take(SHOWN).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!(
        "`{}{more}`",
        short
            .escape_debug()
            .to_string()
            .replace("\\'", "'")
            .replace("\\\"", "\"")
    )
}

impl<'a> Place<'a> {
    /// The place of a key of this mapping.
    pub(super) fn child(&self, entry: &'a Entry) -> Self {
        let dot = if self.key.is_empty() { "" } else { "." };
        let key = format!("{}{dot}{}", self.key, entry.key);
        Self {
            key,
            line: entry.line,
            node: &entry.node,
        }
    }

    /// A problem of this place, in free words.
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem {
            line: self.line,
            key: self.key.clone(),
            message: message.into(),
        }
    }

    /// The problem that another value was expected here.
    pub(super) fn expected(&self, what: &str) -> Problem {
        self.problem(format!("{}: expected {what}", described(&self.node.value)))
    }

    /// The text of a scalar.
    pub(super) fn text(&self, what: &str) -> Result<&'a str, Problem> {
        match &self.node.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.expected(what)),
        }
    }

    /// The text of a scalar that passes a check.
    pub(super) fn checked(&self, ok: fn(&str) -> bool, what: &str) -> Result<String, Problem> {
        let text = self.text(what)?;
        if ok(text) {
            Ok(text.to_owned())
        } else {
            Err(self.expected(what))
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool, Problem> {
        match self.text("true or false")? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.expected("true or false")),
        }
    }

    /// A list, each of whose items is read.
    pub(super) fn list<T>(
        &self,
        what: &str,
        mut read: impl FnMut(&Self) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let Value::List(items) = &self.node.value else {
            return Err(self.expected(what));
        };
        let place = |(at, node): (usize, &'a Node)| Place {
            key: format!("{}[{at}]", self.key),
            line: node.line,
            node,
        };
        items
            .iter()
            .enumerate()
            .map(|item| read(&place(item)))
            .collect()
    }

    /// The keys of a mapping, none of them unknown; keys without a value are left out.
    pub(super) fn entries(&self, known: &[&str]) -> Result<Vec<(&'a str, Self)>, Problem> {
        let Value::Map(entries) = &self.node.value else {
            return Err(self.expected(&format!("a mapping with the keys {}", known.join(", "))));
        };
        let mut found = Vec::new();
        for entry in entries {
            let place = self.child(entry);
            if !known.contains(&entry.key.as_str()) {
                return Err(place.unknown(&entry.key, known));
            }
            if !matches!(entry.node.value, Value::Null) {
                found.push((entry.key.as_str(), place));
            }
        }
        Ok(found)
    }

    /// The problem that nobody knows this key.
    pub(super) fn unknown(&self, name: &str, known: &[&str]) -> Problem {
        self.problem(match nearest(name, known) {
            Some(meant) => format!("unknown key; did you mean `{meant}`?"),
            None => format!("unknown key; expected one of {}", known.join(", ")),
        })
    }

    /// The value of a key that must be there.
    pub(super) fn required<'p>(
        &self,
        entries: &'p [(&'a str, Self)],
        name: &str,
    ) -> Result<&'p Self, Problem> {
        let found = entries.iter().find(|(key, _)| *key == name);
        found
            .map(|(_, place)| place)
            .ok_or_else(|| self.problem(format!("`{name}` is missing")))
    }
}
