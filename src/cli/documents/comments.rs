//! Where do the comments of an old text stand in the new one? Beside the lines they stood beside.
//!
//! A tree holds no comments, but a changed document is written so much like the old one that a
//! comparison by lines shows their places. Whoever calls must read the result again: text that
//! became a comment, or a comment that became text, must not stay.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::split;

/// Longer texts are not compared.
const MOST_LINES: usize = 50_000;

/// A text with comments put back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Restored {
    pub(super) text: String,
    /// How many comments found no place.
    pub(super) lost: usize,
}

/// One line of the old text.
#[derive(Debug)]
struct Line<'a> {
    /// All of it but its break.
    text: &'a str,
    /// What of it is not comment.
    value: &'a str,
    comment: bool,
}

/// Puts comments, and blank lines if wanted, of the old text into the new one.
///
/// `comments` are where they begin, from the old text's first byte, in order.
pub(super) fn restore(old: &str, comments: &[usize], new: &str, blank_lines: bool) -> Restored {
    let lines = old_lines(old, comments);
    let values: Vec<_> = lines.iter().map(|line| line.value).collect();
    let new: Vec<_> = new.lines().collect();
    let mut restored = Restored {
        text: String::new(),
        lost: 0,
    };
    if lines.len().max(new.len()) > MOST_LINES {
        return restored.with(new.iter().copied(), comments.len());
    }
    for stretch in stretches(&values, &new) {
        let (old, new) = (&lines[stretch.old], &new[stretch.new]);
        if stretch.equal {
            restored = restored.with(old.iter().map(|line| line.text), 0);
            continue;
        }
        let next = lines.get(stretch.next).map_or(0, Line::indent);
        let (before, after) = old.split_at(border(old, next));
        let lost = old.iter().filter(|line| line.comment && line.is_value());
        restored = restored
            .with(alone(before, blank_lines), lost.count())
            .with(new.iter().copied(), 0)
            .with(alone(after, blank_lines), 0);
    }
    restored
}

/// How many of the lines stand above what replaces them: those up to the last value, and comments
/// further right than the next line, as they speak of what comes before.
fn border(lines: &[Line<'_>], next: usize) -> usize {
    let above = |line: &Line<'_>| line.is_value() || (line.comment && line.indent() > next);
    lines.iter().rposition(above).map_or(0, |at| at + 1)
}

/// The comments, and blank lines if wanted, that stand on lines of their own.
fn alone<'a>(lines: &[Line<'a>], blank_lines: bool) -> impl Iterator<Item = &'a str> {
    let alone = move |line: &&Line<'a>| !line.is_value() && (line.comment || blank_lines);
    lines.iter().filter(alone).map(|line| line.text)
}

impl Restored {
    fn with<'a>(mut self, lines: impl Iterator<Item = &'a str>, lost: usize) -> Self {
        for line in lines {
            self.text.push_str(line);
            self.text.push('\n');
        }
        self.lost += lost;
        self
    }
}

impl Line<'_> {
    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }

    fn is_value(&self) -> bool {
        !self.value.is_empty()
    }
}

/// Lines that are the same in both texts, or that stand between such.
struct Stretch {
    equal: bool,
    old: Range<usize>,
    new: Range<usize>,
    /// The old line after it.
    next: usize,
}

fn stretches(old: &[&str], new: &[&str]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        let equal = matches!(op, DiffOp::Equal { .. });
        match stretches.last_mut() {
            Some(last) if !equal && !last.equal => {
                last.old.end = op.old_range().end;
                last.new.end = op.new_range().end;
                last.next = last.old.end;
            }
            _ => stretches.push(Stretch {
                equal,
                old: op.old_range(),
                new: op.new_range(),
                next: op.old_range().end,
            }),
        }
    }
    stretches
}

fn old_lines<'a>(old: &'a str, comments: &[usize]) -> Vec<Line<'a>> {
    let mut comments = comments.iter().copied().peekable();
    split::lines(old.as_bytes())
        .map(|(_, range)| {
            let text = old[range.clone()].trim_end_matches(['\n', '\r']);
            let comment = comments.next_if(|at| range.contains(at));
            let value = comment.map_or(text, |at| &old[range.start..at]);
            Line {
                text,
                value: value.trim_end(),
                comment: comment.is_some(),
            }
        })
        .collect()
}
