//! How is one scalar written, and which quotes does a new text need?
//!
//! Old scalars keep their quotes; new ones get quotes where a reader of YAML 1.1 or 1.2 would
//! take the plain text for something else.

use std::fmt::Write as _;

use super::scalar;
use super::tree::{Quotes, Scalar};

/// Columns from a collection to the lines of a block scalar in it.
const STEP: usize = 2;

/// Writes a scalar after a colon or dash at that column, with the line's end.
pub(super) fn value(out: &mut String, scalar: &Scalar, column: usize) {
    let absent = scalar.text.is_empty() && scalar.quotes == Quotes::Plain && scalar.tag.is_none();
    match scalar.quotes {
        Quotes::Literal | Quotes::Folded => {
            out.push(' ');
            if let Some(tag) = &scalar.tag {
                out.push_str(&tag.raw);
                out.push(' ');
            }
            block(out, scalar, column + STEP);
        }
        _ if absent => out.push('\n'),
        _ => {
            out.push(' ');
            out.push_str(&inline(scalar, column));
            out.push('\n');
        }
    }
}

/// A scalar that is not in block style, with its tag; continuation lines are right of `column`.
pub(super) fn inline(scalar: &Scalar, column: usize) -> String {
    let text = match scalar.quotes {
        Quotes::Plain => unfold(&scalar.text, column + STEP),
        Quotes::Single => {
            format!(
                "'{}'",
                unfold(&scalar.text.replace('\'', "''"), column + STEP)
            )
        }
        _ => double(&scalar.text),
    };
    match &scalar.tag {
        None => text,
        Some(tag) if text.is_empty() => tag.raw.clone(),
        Some(tag) => format!("{} {text}", tag.raw),
    }
}

/// Writes that many blanks.
pub(super) fn indent(out: &mut String, columns: usize) {
    out.extend(std::iter::repeat_n(' ', columns));
}

/// A new text with the quotes that it needs.
pub fn quoted(text: String, in_flow: bool) -> Scalar {
    let quotes = if is_plain(&text) {
        Quotes::Plain
    } else if !in_flow && is_script(&text) {
        Quotes::Literal
    } else if text.contains(['"', '\\']) && text.chars().all(is_visible) {
        Quotes::Single
    } else {
        Quotes::Double
    };
    Scalar {
        text,
        quotes,
        tag: None,
    }
}

/// Whether every reader takes the text as it stands, in brackets too.
fn is_plain(text: &str) -> bool {
    let starts = |c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '.' | '$' | '(');
    let option = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let start = match text.strip_prefix('-') {
        Some(rest) => rest.starts_with(option) && !text.starts_with("---"),
        None => text.starts_with(starts) && !text.starts_with("..."),
    };
    start
        && text
            .chars()
            .all(|c| is_visible(c) && !matches!(c, ',' | '[' | ']' | '{' | '}'))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && scalar::is_text(text)
        && !is_sexagesimal(text)
        && !is_date(text)
        && !is_other_number(text)
}

/// YAML 1.1 reads `1:30` as ninety.
fn is_sexagesimal(text: &str) -> bool {
    text.contains(':')
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || "+-:._".contains(c))
}

/// YAML 1.1 reads `2001-01-01` as a date.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.get(4) == Some(&b'-') && bytes.iter().take(4).all(u8::is_ascii_digit)
}

/// Numbers that are out of Kubernetes' reader's range or shape, but not out of every other's.
fn is_other_number(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | 'e' | 'E' | '+' | '-');
    let radix = ["0x", "0X", "0o", "0O", "0b", "0B"]
        .iter()
        .any(|prefix| text.starts_with(prefix));
    let dots = text.matches('.').count();
    radix
        || (text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && dots < 2
            && text.chars().all(numeric))
}

/// Whether a text of several lines reads well as a literal block.
fn is_script(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with(char::is_whitespace)
        && text
            .lines()
            .all(|line| line.chars().all(is_visible) && !line.ends_with(' '))
}

fn is_visible(c: char) -> bool {
    (' '..='~').contains(&c) || c.is_alphanumeric()
}

fn double(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if is_raw(c) => out.push(c),
            _ => escape(&mut out, u32::from(c)),
        }
    }
    out.push('"');
    out
}

/// A character by its number, in the shortest of YAML's three forms.
fn escape(out: &mut String, number: u32) {
    // Writing into a String cannot fail.
    let _ = match number {
        ..=0xff => write!(out, "\\x{number:02X}"),
        0x100..=0xffff => write!(out, "\\u{number:04X}"),
        _ => write!(out, "\\U{number:08X}"),
    };
}

/// Whether the character may stand in a document as it is: printable, and no line break of
/// YAML 1.1 (YAML 1.2.2, rule `c-printable`).
fn is_raw(c: char) -> bool {
    match c {
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => c >= ' ' && !('\u{7f}'..='\u{9f}').contains(&c),
    }
}

/// Line breaks of a plain or quoted text: one more break than the text has, as reading folds one.
fn unfold(text: &str, column: usize) -> String {
    let mut lines = text.split('\n').peekable();
    let mut out = lines.next().unwrap_or_default().to_owned();
    let mut breaks = 0;
    while let Some(line) = lines.next() {
        breaks += 1;
        if !line.is_empty() || lines.peek().is_none() {
            out.extend(std::iter::repeat_n('\n', breaks + 1));
            indent(&mut out, column);
            out.push_str(line);
            breaks = 0;
        }
    }
    out
}

/// A literal or folded scalar from its mark on.
fn block(out: &mut String, scalar: &Scalar, column: usize) {
    let body = scalar.text.trim_end_matches('\n');
    let trailing = scalar.text.len() - body.len();
    out.push(if scalar.quotes == Quotes::Literal {
        '|'
    } else {
        '>'
    });
    // Without the indicator, readers would take leading blanks for indentation.
    if body.starts_with([' ', '\n', '\t']) {
        out.push_str(&STEP.to_string());
    }
    match (trailing, body.is_empty()) {
        (0, _) => out.push('-'),
        (1, false) => {}
        _ => out.push('+'),
    }
    out.push('\n');
    let mut blank_lines = trailing;
    if !body.is_empty() {
        lines(out, body, column, scalar.quotes == Quotes::Folded);
        blank_lines = trailing.saturating_sub(1);
    }
    out.extend(std::iter::repeat_n('\n', blank_lines));
}

/// The lines of a block scalar. In a folded one, a break between two lines that begin with text
/// is doubled, as reading folds it into a blank.
fn lines(out: &mut String, body: &str, column: usize, folded: bool) {
    let mut after_text = false;
    for line in body.split('\n') {
        let text = !line.is_empty() && !line.starts_with([' ', '\t']);
        if folded && after_text && text {
            out.push('\n');
        }
        if !line.is_empty() {
            indent(out, column);
            after_text = text;
        }
        out.push_str(line);
        out.push('\n');
    }
}
