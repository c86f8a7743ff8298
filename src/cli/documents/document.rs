//! What is a document, and how is a changed one put back between the comments around it?
//!
//! A changed YAML document keeps its marks, and comments where they find their place; a changed
//! JSON document stays JSON with its own indentation. Knows nothing of Pods or of output.

use std::borrow::Cow;
use std::ops::Range;

use super::comments;
use super::edit::{self, EditError};
use super::emit::emit;
use super::json::{self, Spacing};
use super::layout::Layout;
use super::parse::{Duplicate, Syntax, Unreadable, parse};
use super::source::Source;
use super::split;
use super::tree::Node;

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// The file it stands in.
    pub source: &'a Source,
    /// Its part of the file, with the marks and comments that belong to it.
    pub bytes: Range<usize>,
    /// The line its bytes begin in, from 1.
    pub first_line: usize,
    /// The line its value begins in, from 1.
    pub line: usize,
    /// What it holds.
    pub content: Content,
}

/// What a document holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Nothing but blanks and comments.
    Empty,
    /// Something that is not YAML or JSON; its line counts from the top of the file.
    Unreadable(Unreadable),
    /// A value.
    Value(Box<Readable>),
}

/// A document that was read.
#[derive(Debug, Clone)]
pub struct Readable {
    /// Its value.
    pub tree: Node,
    /// Keys that stand twice in one mapping; such a document cannot be changed. Lines of the file.
    pub duplicates: Vec<Duplicate>,
    pub(super) form: Form,
}

/// How the text around a value is laid out; offsets count from the document's first byte.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Yaml {
        value: Range<usize>,
        comments: Vec<usize>,
        ends_in_block: bool,
    },
    Json {
        value: Range<usize>,
        spacing: Spacing,
    },
}

/// A document with changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The changed value.
    pub tree: Node,
    /// The whole document's new text.
    pub text: String,
    /// Whether comments of the old text are missing in the new one.
    pub comments_lost: bool,
}

impl Document<'_> {
    /// The exact bytes of the document.
    pub fn raw(&self) -> &[u8] {
        self.source
            .bytes
            .get(self.bytes.clone())
            .unwrap_or_default()
    }

    /// The value, if the document has a readable one.
    pub fn tree(&self) -> Option<&Node> {
        match &self.content {
            Content::Value(readable) => Some(&readable.tree),
            _ => None,
        }
    }

    /// Whether the document is JSON, and will be when it changes.
    pub fn is_json(&self) -> bool {
        matches!(&self.content, Content::Value(readable) if matches!(readable.form, Form::Json { .. }))
    }

    /// The document after JSON patches, each with the pointer of the value that it is about.
    ///
    /// # Errors
    /// [`EditError`] when the document cannot be changed or a patch does not fit it.
    pub fn patch(&self, patches: &[(&str, &str)]) -> Result<Changed, EditError> {
        let Content::Value(readable) = &self.content else {
            return Err(EditError::NoValue);
        };
        if let Some(twice) = readable.duplicates.first() {
            return Err(EditError::Duplicate(twice.clone()));
        }
        let mut tree = readable.tree.clone();
        for (pointer, patch) in patches {
            edit::apply_patch(&mut tree, pointer, patch)?;
        }
        let raw = self.raw();
        let text = String::from_utf8_lossy(raw);
        let (text, comments_lost) = readable.rewrite(&text, &tree);
        Ok(Changed {
            tree,
            text,
            comments_lost,
        })
    }
}

impl Readable {
    /// The document's text with another value, and whether comments went.
    fn rewrite(&self, old: &str, tree: &Node) -> (String, bool) {
        match &self.form {
            Form::Json { value, spacing } => {
                let body = with_breaks_of(old, json::write(tree, spacing));
                (
                    format!("{}{body}{}", &old[..value.start], &old[value.end..]),
                    false,
                )
            }
            Form::Yaml {
                value,
                comments,
                ends_in_block,
            } => {
                let after = value_end(old, value.end);
                let tail = tail(&old[after..], *ends_in_block);
                let dropped = tail.is_none() && comments.iter().any(|at| *at >= after);
                let inside: Vec<_> = comments
                    .iter()
                    .filter(|at| (value.start..after).contains(at))
                    .map(|at| at - value.start)
                    .collect();
                let body = emit(tree, Layout::of(&self.tree));
                let (body, lost) = with_comments(&old[value.start..after], &inside, body, tree);
                let body = with_breaks_of(old, body);
                // `--- {a: 1}`: the mark stands in the value's own line.
                let mark = if old[value.start..].starts_with("---") {
                    "---\n"
                } else {
                    ""
                };
                let text = format!(
                    "{}{mark}{body}{}",
                    &old[..value.start],
                    tail.unwrap_or_default()
                );
                (text, lost || dropped)
            }
        }
    }
}

/// The new value's text with the old one's comments and blank lines, if it still reads as the
/// same tree; and whether comments went.
fn with_comments(old: &str, comments: &[usize], body: String, tree: &Node) -> (String, bool) {
    for blank_lines in [true, false] {
        let restored = comments::restore(old, comments, &body, blank_lines);
        let reads = parse(&restored.text, Syntax::Yaml);
        if reads.is_ok_and(|parsed| parsed.root.is_some_and(|root| root.same(tree))) {
            return (restored.text, restored.lost > 0);
        }
    }
    (body, !comments.is_empty())
}

/// Where the line ends that the value ends in.
fn value_end(text: &str, end: usize) -> usize {
    if text[..end].ends_with(['\n', '\r']) {
        return end;
    }
    let rest = &text.as_bytes()[end..];
    end + split::lines(rest).next().map_or(0, |(_, line)| line.end)
}

/// What stands below a value, if it is comments, blanks and an end mark alone. After a block
/// scalar, comments go to the first column: further right they could become its text.
fn tail(text: &str, after_block: bool) -> Option<Cow<'_, str>> {
    let lines = || split::lines(text.as_bytes()).map(|(_, line)| &text[line]);
    let outside = |line: &str| split::is_blank(line.as_bytes()) || line.starts_with("...");
    if !lines().all(outside) {
        return None;
    }
    Some(if after_block {
        let left = |line: &str| {
            if line.trim().is_empty() {
                "\n"
            } else {
                line.trim_start()
            }
            .to_owned()
        };
        lines().map(left).collect::<String>().into()
    } else {
        text.into()
    })
}

fn with_breaks_of(old: &str, text: String) -> String {
    if old.contains("\r\n") {
        text.replace('\n', "\r\n")
    } else {
        text
    }
}
