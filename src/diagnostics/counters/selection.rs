//! Which counters were asked for? `System.Runtime[cpu-usage,working-set],MyMeter,EventCounters\MySource`.

use std::fmt;

/// Before a name: its event counters alone, though it may also be a meter's.
const ONLY_EVENT_COUNTERS: &str = "EventCounters\\";
/// What is shown when nothing was asked for.
const DEFAULT: &str = "System.Runtime";

/// A list of counters that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A bracket is missing or one too many.
    #[error("`{0}`: brackets do not match (expected NAME or NAME[counter,counter])")]
    Brackets(String),
    /// A name is empty.
    #[error(
        "`{0}`: a provider has no name (expected NAME or NAME[counter,counter], separated by commas)"
    )]
    Nameless(String),
    /// A character would change the meaning of the session's arguments.
    #[error("`{text}`: `{character}` cannot stand in the name of a provider or counter")]
    Character {
        /// The list.
        text: String,
        /// The character.
        character: char,
    },
}

/// One provider and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The name of an event source or meter.
    pub name: Box<str>,
    /// Whether a meter of that name does not count.
    pub only_event_counters: bool,
    /// The counters of it; empty for all.
    pub counters: Vec<Box<str>>,
}

impl Selected {
    /// What the provider of all meters is asked for: the name, or each instrument of it.
    pub(super) fn metrics(&self) -> Vec<String> {
        if self.counters.is_empty() {
            return vec![self.name.to_string()];
        }
        let instruments = self.counters.iter();
        instruments
            .map(|counter| format!("{}\\{counter}", self.name))
            .collect()
    }

    fn has(&self, counter: &str) -> bool {
        self.counters.is_empty() || self.counters.iter().any(|name| &**name == counter)
    }
}

/// All that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(Vec<Selected>);

impl Selection {
    /// Reads the list that a person typed.
    ///
    /// # Errors
    /// With the list and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, SelectionError> {
        // `;` and `=` separate arguments of a provider; none of these stands in the name of a counter.
        let wrong = |c: &char| matches!(c, ';' | '=' | '"') || c.is_control();
        if let Some(character) = text.chars().find(wrong) {
            let text = text.to_owned();
            return Err(SelectionError::Character { text, character });
        }
        let entries = split(text)?;
        let selected: Result<_, _> = entries.into_iter().map(|entry| one(entry, text)).collect();
        Ok(Self(selected?))
    }

    /// The providers, in the order in which they were named.
    pub fn providers(&self) -> &[Selected] {
        &self.0
    }

    /// Whether a counter of an event source was asked for.
    pub(super) fn has(&self, provider: &str, counter: &str) -> bool {
        self.named(provider).any(|selected| selected.has(counter))
    }

    /// Whether an instrument of a meter was asked for.
    pub(super) fn has_meter(&self, meter: &str, instrument: &str) -> bool {
        let mut named = self
            .named(meter)
            .filter(|selected| !selected.only_event_counters);
        named.any(|selected| selected.has(instrument))
    }

    /// Whether a meter of this name does not count.
    pub(super) fn leaves_meters_out(&self, provider: &str) -> bool {
        self.named(provider)
            .all(|selected| selected.only_event_counters)
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Selected> {
        self.0
            .iter()
            .filter(move |selected| &*selected.name == name)
    }
}

impl Default for Selection {
    fn default() -> Self {
        Self(vec![Selected {
            name: DEFAULT.into(),
            only_event_counters: false,
            counters: Vec::new(),
        }])
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, selected) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            if selected.only_event_counters {
                f.write_str(ONLY_EVENT_COUNTERS)?;
            }
            f.write_str(&selected.name)?;
            if !selected.counters.is_empty() {
                write!(f, "[{}]", selected.counters.join(","))?;
            }
        }
        Ok(())
    }
}

/// Splits at the commas outside brackets.
fn split(text: &str) -> Result<Vec<&str>, SelectionError> {
    let unmatched = || SelectionError::Brackets(text.to_owned());
    let mut entries = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (at, c) in text.char_indices() {
        match (c, inside) {
            ('[', false) => inside = true,
            (']', true) => inside = false,
            ('[', true) | (']', false) => return Err(unmatched()),
            (',', false) => {
                entries.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(unmatched());
    }
    entries.push(&text[start..]);
    Ok(entries)
}

fn one(entry: &str, text: &str) -> Result<Selected, SelectionError> {
    let entry = entry.trim();
    let (name, counters) = match entry.split_once('[') {
        Some((name, rest)) => {
            let counters = rest
                .strip_suffix(']')
                .filter(|list| !list.contains([']', '[']));
            let unmatched = || SelectionError::Brackets(text.to_owned());
            (name, counters.ok_or_else(unmatched)?)
        }
        None => (entry, ""),
    };
    let only = name.strip_prefix(ONLY_EVENT_COUNTERS);
    let name = only.unwrap_or(name).trim();
    if name.is_empty() {
        return Err(SelectionError::Nameless(text.to_owned()));
    }
    let counters = counters
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    Ok(Selected {
        name: name.into(),
        only_event_counters: only.is_some(),
        counters: counters.map(Into::into).collect(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_that_people_type() {
        let cases = [
            ("System.Runtime", "System.Runtime"),
            ("A,B[x,y],EventCounters\\C", "A,B[x,y],EventCounters\\C"),
            (" A , B[ x , y ] ", "A,B[x,y]"),
            ("A[]", "A"),
        ];
        for (text, expected) in cases {
            assert_eq!(Selection::parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn lists_that_cannot_be_read() {
        for text in ["A[x", "A]x", "A[x][y]", "A[[x]]", "A[x]y"] {
            let error = Selection::parse(text).unwrap_err();
            assert_eq!(error, SelectionError::Brackets(text.to_owned()));
        }
        for text in ["", "A,,B", "[x]", "EventCounters\\"] {
            let error = Selection::parse(text).unwrap_err();
            assert_eq!(error, SelectionError::Nameless(text.to_owned()));
        }
        assert!(Selection::parse("A;B").is_err());
    }

    #[test]
    fn brackets_choose_counters_and_the_prefix_leaves_meters_out() {
        let selection = Selection::parse("A[x],EventCounters\\B").unwrap();
        assert!(selection.has("A", "x") && selection.has_meter("A", "x"));
        assert!(!selection.has("A", "y") && !selection.has_meter("A", "y"));
        assert!(selection.has("B", "y") && !selection.has_meter("B", "y"));
        assert!(!selection.has("C", "x"));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(text in r"[AB\[\], \\.]{0,12}") {
            if let Ok(selection) = Selection::parse(&text) {
                let again = Selection::parse(&selection.to_string()).unwrap();
                prop_assert_eq!(again, selection);
            }
        }
    }
}
