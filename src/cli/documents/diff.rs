//! How does a change of a document read, line by line? As a unified difference.

use std::fmt::Write as _;

use similar::{ChangeTag, DiffOp, TextDiff};

use super::document::Document;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// The difference between a document and its new text. Lines are numbered as in the file.
pub fn unified(document: &Document<'_>, new: &str, objects: &str, colour: bool) -> String {
    let old = String::from_utf8_lossy(document.raw());
    let diff = TextDiff::from_lines(old.as_ref(), new);
    let name = &document.source.name;
    let mut out = String::new();
    line(
        &mut out,
        Ink::Bold,
        &format!("--- {name}\t{objects}\n"),
        colour,
    );
    line(
        &mut out,
        Ink::Bold,
        &format!("+++ {name}\t{objects}\n"),
        colour,
    );
    for hunk in diff.grouped_ops(CONTEXT) {
        line(
            &mut out,
            Ink::Cyan,
            &header(&hunk, document.first_line - 1),
            colour,
        );
        for change in hunk.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, ink) = match change.tag() {
                ChangeTag::Equal => (' ', Ink::None),
                ChangeTag::Delete => ('-', Ink::Red),
                ChangeTag::Insert => ('+', Ink::Green),
            };
            line(&mut out, ink, &format!("{sign}{}", change.value()), colour);
            if change.missing_newline() {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    out
}

/// `above`: lines of the file above the document.
fn header(hunk: &[DiffOp], above: usize) -> String {
    let (Some(begin), Some(end)) = (hunk.first(), hunk.last()) else {
        return String::new();
    };
    let old = begin.old_range().start..end.old_range().end;
    let new = begin.new_range().start..end.new_range().end;
    // An empty range is named by the line before it.
    let start =
        |range: &std::ops::Range<usize>| above + range.start + usize::from(!range.is_empty());
    format!(
        "@@ -{},{} +{},{} @@\n",
        start(&old),
        old.len(),
        start(&new),
        new.len()
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ink {
    None,
    Bold,
    Red,
    Green,
    Cyan,
}

/// Writes a line; colour ends before the line break, as terminals want it.
fn line(out: &mut String, ink: Ink, text: &str, colour: bool) {
    let code = match ink {
        Ink::Bold => 1,
        Ink::Red => 31,
        Ink::Green => 32,
        Ink::Cyan => 36,
        Ink::None => 0,
    };
    if !colour || code == 0 {
        out.push_str(text);
        return;
    }
    let body = text.trim_end_matches(['\n', '\r']);
    // Writing into a String cannot fail.
    let _ = write!(out, "\u{1b}[{code}m{body}\u{1b}[0m{}", &text[body.len()..]);
}
