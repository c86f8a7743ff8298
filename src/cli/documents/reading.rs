//! What stands in one file? Its documents, read or not, with the bytes of each.
//!
//! Each document is read on its own: YAML, or JSON values one behind the other. Knows nothing of
//! how documents change.

use serde::de::IgnoredAny;

use super::document::{Content, Document, Form, Readable};
use super::json::Spacing;
use super::parse::{Duplicate, Parsed, Syntax, Unreadable, parse};
use super::source::Source;
use super::split::{self, Piece};
use super::tree::Node;

/// The documents of a file, in order; their bytes together are the file.
pub fn read(source: &Source) -> Vec<Document<'_>> {
    split::split(&source.bytes)
        .iter()
        .flat_map(|piece| read_piece(source, piece))
        .collect()
}

fn read_piece<'a>(source: &'a Source, piece: &Piece) -> Vec<Document<'a>> {
    let document = |line, content| {
        vec![Document {
            source,
            bytes: piece.bytes.clone(),
            first_line: piece.line,
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
                line: breaks(&text[..start]) + error.line(),
                reason: error.to_string(),
            })
        })?;
        ends.push(start + stream.byte_offset());
    }
    let mut begin = 0;
    let mut line = piece.line;
    let mut documents = Vec::new();
    for (index, &end) in ends.iter().enumerate() {
        let value = skip_blanks(text, begin.max(start))..end;
        let last = index + 1 == ends.len();
        let bytes = begin..if last { text.len() } else { end };
        let value_line = line + breaks(&text[begin..value.start]);
        let content = json(&text[value.clone()], value.start - begin, value_line);
        documents.push(Document {
            source,
            bytes: piece.bytes.start + bytes.start..piece.bytes.start + bytes.end,
            first_line: line,
            line: value_line,
            content,
        });
        line = value_line + breaks(&text[value]);
        begin = end;
    }
    Ok(documents)
}

/// A JSON value that begins at byte `start` of its document, in that line of the file.
fn json(text: &str, start: usize, line: usize) -> Content {
    match parse(text, Syntax::Json) {
        Ok(parsed) => Content::Value(Box::new(Readable {
            tree: parsed.root.unwrap_or_else(Node::null),
            duplicates: moved(parsed.duplicates, line),
            form: Form::Json {
                spacing: Spacing::of(text),
                value: start..start + text.len(),
            },
        })),
        Err(error) => Content::Unreadable(error.moved(line)),
    }
}

fn skip_blanks(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

/// How many line breaks a text has.
fn breaks(text: &str) -> usize {
    let open = !text.is_empty() && !text.ends_with(['\n', '\r']);
    split::lines(text.as_bytes()).count() - usize::from(open)
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
