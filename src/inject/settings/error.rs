//! What is wrong with a settings file, where, and what was expected instead?

use crate::inject::names::distance;
use std::fmt;

/// A settings file that cannot be used, with everything that was found wrong in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// The file's name as the caller gave it.
    pub file: String,
    /// In the order of their lines, at least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The full key, such as `toolbox.limits.memory`; empty where the file is no YAML mapping.
    pub key: String,
    /// The value and what was expected.
    pub message: String,
}

impl SettingsError {
    pub(super) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.line);
        Self {
            file: file.to_owned(),
            problems,
        }
    }
}

/// One line for each problem: `FILE:LINE: KEY: what is wrong`.
impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Problem { line, key, message }) in self.problems.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            let colon = if key.is_empty() { "" } else { ": " };
            write!(f, "{newline}{}:{line}: {key}{colon}{message}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

/// The name in `known` that was probably meant by `word`: at most a third of it differs.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let ranked = known.iter().map(|name| (distance(word, name), *name));
    let (differing, name) = ranked.min_by_key(|(differing, _)| *differing)?;
    (differing * 3 <= name.chars().count().max(word.chars().count())).then_some(name)
}
