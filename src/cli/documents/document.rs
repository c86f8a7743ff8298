//! What stands in one file? Documents with their exact text, read or not, and how a changed one
//! is put back between the comments around it.
//!
//! Knows nothing of Pods, of standard output or of reports.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::comments;
use super::edit::{self, EditError};
use super::emit::emit;
use super::json::{self, Spacing};
use super::layout::Layout;
use super::parse::{Duplicate, Parsed, Syntax, Unreadable, parse};
use super::source::Source;
use super::split::{self, Piece};
use super::tree::Node;

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// The file it stands in.
    pub source: &'a Source,
    /// Its part of the file, with the marks and comments that belong to it.
    pub bytes: Range<usize>,
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
    form: Form,
}

/// How the text around a value is laid out; offsets count from the document's first byte.
#[derive(Debug, Clone)]
enum Form {
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

/// The documents of a file, in order; their bytes together are the file.
pub fn read(source: &Source) -> Vec<Document<'_>> {
    split::split(&source.bytes)
        .iter()
        .flat_map(|piece| read_piece(source, piece))
        .collect()
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

fn read_piece<'a>(source: &'a Source, piece: &Piece) -> Vec<Document<'a>> {
    let document = |line, content| {
        vec![Document {
            source,
            bytes: piece.bytes.clone(),
            line,
            content,
        }]
    };
    let bytes = &source.bytes[piece.bytes.clone()];
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = piece.line
                + split::lines(&bytes[..error.valid_up_to()])
                    .count()
                    .saturating_sub(1);
            let reason = "bytes that are not UTF-8 text".to_owned();
            return document(line, Content::Unreadable(Unreadable { line, reason }));
        }
    };
    let start = split::prefix(bytes);
    let not_json = match read_json(source, piece, text, start) {
        Ok(documents) => return documents,
        Err(error) => error,
    };
    match parse(text, Syntax::Yaml) {
        Ok(parsed) => {
            let line = piece.line + parsed.line - 1;
            document(line, yaml(parsed, piece.line, start))
        }
        Err(error) => {
            // Of two readers, the one that came further says what is wrong.
            let error = not_json
                .filter(|other| other.line > error.line)
                .unwrap_or(error);
            let error = error.moved(piece.line);
            document(error.line, Content::Unreadable(error))
        }
    }
}

fn yaml(parsed: Parsed, line: usize, start: usize) -> Content {
    let Some(tree) = parsed.root else {
        return Content::Empty;
    };
    Content::Value(Box::new(Readable {
        tree,
        duplicates: moved(parsed.duplicates, line),
        form: Form::Yaml {
            value: start..parsed.end.max(start),
            comments: parsed.comments,
            ends_in_block: parsed.ends_in_block,
        },
    }))
}

/// Reads JSON values, one document each. The error is `None` for what does not look like JSON.
fn read_json<'a>(
    source: &'a Source,
    piece: &Piece,
    text: &str,
    start: usize,
) -> Result<Vec<Document<'a>>, Option<Unreadable>> {
    let values = &text[start..];
    if !values.trim_start().starts_with(['{', '[']) {
        return Err(None);
    }
    let mut stream = serde_json::Deserializer::from_str(values).into_iter::<IgnoredAny>();
    let mut ends = Vec::new();
    while let Some(value) = stream.next() {
        value.map_err(|error| {
            Some(Unreadable {
                line: line_at(text, start) + error.line() - 1,
                reason: error.to_string(),
            })
        })?;
        ends.push(start + stream.byte_offset());
    }
    let mut begin = 0;
    let mut documents = Vec::new();
    for (index, &end) in ends.iter().enumerate() {
        let value = skip_blanks(text, begin.max(start))..end;
        let whole = begin..if index + 1 == ends.len() {
            text.len()
        } else {
            end
        };
        documents.push(json_document(source, piece, text, (value, whole)));
        begin = end;
    }
    Ok(documents)
}

/// `value` and `whole` count from the piece's first byte.
fn json_document<'a>(
    source: &'a Source,
    piece: &Piece,
    text: &str,
    (value, whole): (Range<usize>, Range<usize>),
) -> Document<'a> {
    let line = piece.line + line_at(text, value.start) - 1;
    let content = match parse(&text[value.clone()], Syntax::Json) {
        Ok(parsed) => Content::Value(Box::new(Readable {
            tree: parsed.root.unwrap_or_else(Node::null),
            duplicates: moved(parsed.duplicates, line),
            form: Form::Json {
                spacing: Spacing::of(&text[value.clone()]),
                value: value.start - whole.start..value.end - whole.start,
            },
        })),
        Err(error) => Content::Unreadable(error.moved(line)),
    };
    let base = piece.bytes.start;
    Document {
        source,
        bytes: base + whole.start..base + whole.end,
        line,
        content,
    }
}

fn skip_blanks(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

/// The number of the line, from 1, that the byte stands in.
fn line_at(text: &str, byte: usize) -> usize {
    let before = &text.as_bytes()[..byte];
    let complete = before.is_empty() || before.ends_with(b"\n") || before.ends_with(b"\r");
    split::lines(before).count() + usize::from(complete)
}

fn moved(duplicates: Vec<Duplicate>, line: usize) -> Vec<Duplicate> {
    let shift = |twice: Duplicate| Duplicate {
        first: twice.first + line - 1,
        second: twice.second + line - 1,
        ..twice
    };
    duplicates.into_iter().map(shift).collect()
}

impl Unreadable {
    fn moved(mut self, line: usize) -> Self {
        self.line += line - 1;
        self
    }
}
