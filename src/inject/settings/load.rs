//! How does a text become settings? The only way there is. Walks the YAML tree along the table and collects what is wrong.

use super::error::{Problem, SettingsError};
use super::fields::{FIELDS, Field, fingerprint};
use super::place::Place;
use super::tree::{Node, Value};
use super::{Settings, check, self_check};
use std::collections::BTreeMap;

/// The lines of all keys that a file holds, list items included.
pub(super) type Lines = BTreeMap<String, usize>;

impl Settings {
    /// Reads a settings file; what it leaves out has its default. The name is for messages.
    ///
    /// # Errors
    /// Everything that is wrong in the file; a file whose every setting is right is still refused
    /// when one of the built-in Pods would not stay valid with it.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, SettingsError> {
        let root = Node::parse(text).map_err(|p| SettingsError::new(file_name, vec![p]))?;
        let mut load = Load {
            settings: Self::default(),
            fields: FIELDS.iter().map(|field| (field.key(), field)).collect(),
            problems: Vec::new(),
            lines: Lines::new(),
        };
        load.section(&Place {
            key: String::new(),
            line: root.line,
            node: &root,
        });
        let Load {
            mut settings,
            mut problems,
            lines,
            ..
        } = load;
        if problems.is_empty() {
            problems = check::problems(&settings, &lines);
        }
        if problems.is_empty() {
            problems.extend(self_check::problem(&settings));
        }
        if !problems.is_empty() {
            return Err(SettingsError::new(file_name, problems));
        }
        settings.hash = fingerprint(&settings);
        Ok(settings)
    }
}

struct Load {
    settings: Settings,
    fields: Vec<(String, &'static Field)>,
    problems: Vec<Problem>,
    lines: Lines,
}

impl Load {
    /// Reads a mapping whose keys are settings or further sections.
    fn section(&mut self, at: &Place<'_>) {
        let entries = match &at.node.value {
            Value::Map(entries) => entries,
            Value::Null => return,
            _ => return self.problems.push(at.expected("a mapping of settings")),
        };
        for entry in entries {
            let place = at.child(entry);
            self.lines.insert(place.key.clone(), place.line);
            let section = format!("{}.", place.key);
            let found = self.fields.iter().find(|(key, _)| *key == place.key);
            if let Some((_, field)) = found {
                self.field(field, &place);
            } else if self.fields.iter().any(|(key, _)| key.starts_with(&section)) {
                self.section(&place);
            } else {
                let unknown = place.unknown(&entry.key, &self.known(&at.key));
                self.problems.push(unknown);
            }
        }
    }

    /// Reads one setting; a key without a value keeps the default.
    fn field(&mut self, field: &Field, at: &Place<'_>) {
        self.note_items(&at.key, at.node);
        if matches!(at.node.value, Value::Null) {
            return;
        }
        if let Err(problem) = (field.read)(&mut self.settings, at) {
            self.problems.push(problem);
        }
    }

    fn note_items(&mut self, key: &str, node: &Node) {
        if let Value::List(items) = &node.value {
            for (at, item) in items.iter().enumerate() {
                self.lines.insert(format!("{key}[{at}]"), item.line);
            }
        }
    }

    /// The names that may stand in a section.
    fn known(&self, section: &str) -> Vec<&str> {
        let prefix = if section.is_empty() {
            String::new()
        } else {
            format!("{section}.")
        };
        let names = self
            .fields
            .iter()
            .filter_map(|(key, _)| key.strip_prefix(&prefix));
        let mut names: Vec<&str> = names.map(|n| n.split('.').next().unwrap_or(n)).collect();
        names.dedup();
        names
    }
}
