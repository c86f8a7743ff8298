//! What does a monitor show? The last value of every counter, as lines of a given width and height.
//!
//! Knows no terminal: it makes text. Values come from processes that nobody vouches for, so the number of
//! counters is bounded, and control characters of names stay out of the text.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::column::{COLUMN, column};
use super::row::{Kind, Row};

/// Counters that are kept; a runtime's own bound is 1000 series for each session.
const MOST: usize = 20_000;
/// Bytes of their names.
const MOST_TEXT: usize = 32 << 20;
/// What indents a counter under its provider, and tags under their counter.
const INDENT: &str = "    ";

/// How a screen looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Lines; the last counters are left out where they do not fit.
    pub height: usize,
    /// Whether the change since the value before is shown.
    pub deltas: bool,
}

/// The last values of all counters.
#[derive(Debug, Default)]
pub struct Screen {
    cells: BTreeMap<Place, Cell>,
    /// Bytes of names.
    text: usize,
    left_out: usize,
}

/// Where a value stands: the order of lines.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    process: Box<str>,
    provider: Box<str>,
    name: Box<str>,
    kind: Kind,
    tags: Box<str>,
}

impl Place {
    fn text(&self) -> usize {
        self.process.len() + self.provider.len() + self.name.len() + self.tags.len()
    }
}

#[derive(Debug)]
struct Cell {
    value: f64,
    before: Option<f64>,
}

impl Screen {
    /// Takes a value; `process` is what tells processes apart, empty where there is one.
    pub fn take(&mut self, process: &str, row: &Row) {
        let place = Place {
            process: printable(process),
            provider: printable(&row.provider),
            name: printable(&row.name),
            kind: row.kind,
            tags: printable(&row.tags.joined()),
        };
        if let Some(cell) = self.cells.get_mut(&place) {
            cell.before = Some(cell.value);
            cell.value = row.value;
        } else if self.cells.len() < MOST && self.text < MOST_TEXT {
            self.text += place.text();
            let value = row.value;
            self.cells.insert(
                place,
                Cell {
                    value,
                    before: None,
                },
            );
        } else {
            self.left_out += 1;
        }
    }

    /// Forgets a process that has ended.
    pub fn forget(&mut self, process: &str) {
        let process = printable(process);
        self.cells.retain(|place, _| place.process != process);
        self.text = self.cells.keys().map(Place::text).sum();
    }

    /// Whether there is nothing to show yet.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The lines below a first one that says how things are.
    pub fn lines(&self, status: &str, look: Look) -> Vec<String> {
        let mut table = Table::new(look);
        table.line(status);
        table.line("");
        table.row("Name", "Current Value", "Last Delta");
        let mut last: Option<&Place> = None;
        for (place, cell) in &self.cells {
            if !table.has_room() {
                break;
            }
            headings(&mut table, last, place);
            let value = column(cell.value);
            let delta = cell.before.map(|before| column(cell.value - before));
            let name = if place.tags.is_empty() {
                format!("{INDENT}{}", place.name)
            } else {
                format!("{INDENT}{INDENT}{}", place.tags)
            };
            table.row(&name, &value, delta.as_deref().unwrap_or_default());
            last = Some(place);
        }
        self.note(&mut table);
        table.lines
    }

    fn note(&self, table: &mut Table) {
        if self.left_out > 0 {
            table.line(&format!(
                "{} counters, and more that are left out",
                self.cells.len()
            ));
        }
    }
}

/// The lines that say of what the next ones are, where that changes.
fn headings(table: &mut Table, last: Option<&Place>, place: &Place) {
    let process = last.map(|last| &last.process) != Some(&place.process);
    if process && !place.process.is_empty() {
        table.line(&place.process);
    }
    let provider = process || last.map(|last| &last.provider) != Some(&place.provider);
    if provider {
        table.line(&format!("[{}]", place.provider));
    }
    let name = provider || last.map(|last| &last.name) != Some(&place.name);
    if name && !place.tags.is_empty() {
        table.line(&format!("{INDENT}{}", place.name));
    }
}

/// Lines of one width, up to a height.
struct Table {
    look: Look,
    lines: Vec<String>,
}

impl Table {
    fn new(look: Look) -> Self {
        Self {
            look,
            lines: Vec::new(),
        }
    }

    fn has_room(&self) -> bool {
        self.lines.len() < self.look.height
    }

    fn line(&mut self, text: &str) {
        if self.has_room() {
            let line: String = text.chars().take(self.look.width).collect();
            self.lines.push(line.trim_end().to_owned());
        }
    }

    fn row(&mut self, name: &str, value: &str, delta: &str) {
        let columns = if self.look.deltas { 2 } else { 1 };
        let width = self.look.width.saturating_sub(columns * (COLUMN + 1));
        let mut line: String = name.chars().take(width).collect();
        let blank = width - line.chars().count();
        // Writing to a string never fails.
        let _ = write!(line, "{:blank$} {value:>COLUMN$}", "");
        if self.look.deltas {
            let _ = write!(line, " {delta:>COLUMN$}");
        }
        self.line(&line);
    }
}

/// Text without what could command a terminal.
fn printable(text: &str) -> Box<str> {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::super::row::Tags;
    use super::*;

    fn row(provider: &str, name: &str, tags: &str, value: f64) -> Row {
        Row {
            time: OffsetDateTime::UNIX_EPOCH,
            provider: provider.into(),
            name: name.into(),
            kind: Kind::Metric,
            tags: Tags {
                value: tags.into(),
                ..Tags::default()
            },
            value,
        }
    }

    fn filled() -> Screen {
        let mut screen = Screen::default();
        screen.take("", &row("Shop", "Wait (ms)", "route=/", 10.0));
        screen.take("", &row("Shop", "Wait (ms)", "route=/b", 2.5));
        screen.take("", &row("Shop", "Level", "", 42.5));
        screen.take("", &row("App", "Odd \u{1b}[2J", "", 1.0));
        screen.take("", &row("Shop", "Level", "", 41.0));
        screen
    }

    const LOOK: Look = Look {
        width: 60,
        height: 40,
        deltas: true,
    };

    #[test]
    fn one_line_for_each_value_under_its_provider() {
        let expected = "\
Running

Name                           Current Value      Last Delta
[App]
    Odd \u{fffd}[2J                           1
[Shop]
    Level                             41              -1.5
    Wait (ms)
        route=/                       10
        route=/b                       2.5";
        let text = filled().lines("Running", LOOK).join("\n");
        assert_eq!(text, expected);
    }

    #[test]
    fn a_small_terminal_is_never_overrun() {
        for width in [0, 1, 16, 20, 33] {
            for height in 0..12 {
                let look = Look {
                    width,
                    height,
                    deltas: true,
                };
                let lines = filled().lines("Running", look);
                assert!(lines.len() <= height);
                assert!(lines.iter().all(|line| line.chars().count() <= width));
            }
        }
    }

    #[test]
    fn processes_are_told_apart() {
        let mut screen = Screen::default();
        screen.take("7 shop", &row("A", "x", "", 1.0));
        screen.take("8 till", &row("A", "x", "", 2.0));
        let lines = screen.lines("Running", LOOK);
        let headings = ["7 shop", "[A]", "8 till"];
        assert!(
            headings
                .iter()
                .all(|text| lines.iter().any(|line| line == text))
        );
        screen.forget("7 shop");
        assert!(!screen.lines("", LOOK).iter().any(|line| line == "7 shop"));
    }

    #[test]
    fn endless_counters_take_bounded_memory() {
        let mut screen = Screen::default();
        for at in 0..MOST + 5 {
            screen.take("", &row("A", &at.to_string(), "", 1.0));
        }
        assert_eq!(screen.cells.len(), MOST);
        let look = Look {
            height: MOST * 2,
            ..LOOK
        };
        let last = screen.lines("", look).pop().unwrap();
        assert_eq!(last, "20000 counters, and more that are left out");
    }
}
