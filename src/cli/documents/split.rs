//! Where does one document of a stream end and the next begin? Looks at lines alone.
//!
//! `---` and `...` in the first column are document marks wherever they stand (YAML 1.2.2,
//! section 9.1), so a stream can be cut without being understood, and a document that cannot be
//! read does not take the next one with it. The pieces together are the stream, byte for byte.

use std::ops::Range;

/// The byte-order mark that some editors write first.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// One document's part of a stream, with the comments, directives and marks that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands in the stream.
    pub bytes: Range<usize>,
    /// The number of its first line, from 1.
    pub line: usize,
}

/// What a line can mean for the borders of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Start,
    End,
    /// May stand before a document's `---`: blank, a comment, a directive.
    Prefix,
    Content,
}

/// Cuts a stream into its documents.
pub fn split(stream: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut open = Piece {
        bytes: 0..0,
        line: 1,
    };
    let mut before_document = true;
    for (number, line) in lines(stream) {
        let kind = Line::of(&stream[line.clone()]);
        if kind == Line::Start && !before_document {
            cut(&mut pieces, &mut open, line.start, number);
        }
        match kind {
            Line::End => {
                before_document = true;
                cut(&mut pieces, &mut open, line.end, number + 1);
            }
            Line::Prefix => {}
            Line::Start | Line::Content => before_document = false,
        }
    }
    let last_line = open.line;
    cut(&mut pieces, &mut open, stream.len(), last_line);
    pieces
}

/// Closes the open piece at `end` and opens the next one there.
fn cut(pieces: &mut Vec<Piece>, open: &mut Piece, end: usize, next_line: usize) {
    open.bytes.end = end;
    let next = Piece {
        bytes: end..end,
        line: next_line,
    };
    let closed = std::mem::replace(open, next);
    if !closed.bytes.is_empty() {
        pieces.push(closed);
    }
}

/// How many bytes of a piece come before its value: mark, comments, directives, blank lines.
pub fn prefix(piece: &[u8]) -> usize {
    let bom = if piece.starts_with(BOM) { BOM.len() } else { 0 };
    let mut marked = false;
    for (_, line) in lines(piece) {
        let bytes = &piece[line.clone()];
        let passes = match Line::of(bytes) {
            Line::Prefix => !(marked && bytes.starts_with(b"%")),
            Line::Start => !std::mem::replace(&mut marked, true) && is_blank(&trim_bom(bytes)[3..]),
            Line::End | Line::Content => false,
        };
        if !passes {
            return line.start.max(bom);
        }
    }
    piece.len()
}

/// The lines of a text with their breaks, numbered from 1; a lone carriage return is a break.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut start = 0;
    let mut number = 0;
    std::iter::from_fn(move || {
        if start >= text.len() {
            return None;
        }
        let rest = &text[start..];
        let length = match rest.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            Some(at) if rest[at..].starts_with(b"\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let line = start..start + length;
        start = line.end;
        number += 1;
        Some((number, line))
    })
}

impl Line {
    fn of(line: &[u8]) -> Self {
        let line = trim_bom(line);
        if is_mark(line, b"---") {
            Self::Start
        } else if is_mark(line, b"...") {
            Self::End
        } else if line.starts_with(b"%") || is_blank(line) {
            Self::Prefix
        } else {
            Self::Content
        }
    }
}

fn trim_bom(line: &[u8]) -> &[u8] {
    line.strip_prefix(BOM).unwrap_or(line)
}

fn is_mark(line: &[u8], mark: &[u8]) -> bool {
    line.strip_prefix(mark)
        .is_some_and(|rest| matches!(rest.first(), None | Some(b' ' | b'\t' | b'\r' | b'\n')))
}

/// Nothing but blanks and perhaps a comment.
pub(super) fn is_blank(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), None | Some(b'#'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(stream: &str) -> Vec<&str> {
        split(stream.as_bytes())
            .into_iter()
            .map(|piece| &stream[piece.bytes])
            .collect()
    }

    #[test]
    fn marks_cut_and_comments_stay_with_the_next_document() {
        assert_eq!(
            texts("# head\n---\na: 1\n---\n# only a comment\n---\nb: |\n  ---\n  x\n"),
            [
                "# head\n---\na: 1\n",
                "---\n# only a comment\n",
                "---\nb: |\n  ---\n  x\n"
            ]
        );
        assert_eq!(
            texts("\u{feff}%YAML 1.1\r\n---\r\na: 1\r\n...\r\n# x\r\n%TAG ! a\r\n--- {b: 1}"),
            [
                "\u{feff}%YAML 1.1\r\n---\r\na: 1\r\n...\r\n",
                "# x\r\n%TAG ! a\r\n--- {b: 1}"
            ]
        );
        assert_eq!(
            texts("a: 1\n---b: 2\n--- # c\n"),
            ["a: 1\n---b: 2\n", "--- # c\n"]
        );
        assert_eq!(texts(""), [""; 0]);
    }

    #[test]
    fn pieces_know_their_first_line() {
        let numbers: Vec<_> = split(b"# x\na: 1\r---\r\nb\n...\nc\n")
            .iter()
            .map(|piece| piece.line)
            .collect();
        assert_eq!(numbers, [1, 3, 6]);
    }

    #[test]
    fn the_prefix_ends_where_the_value_begins() {
        for (piece, length) in [
            ("a: 1\n", 0),
            ("# x\n\n---\n  # y\na: 1\n", 15),
            ("--- {a: 1}\n", 0),
            ("---\n---\n", 4),
            ("\u{feff}a: 1\n", 3),
            ("# nothing\n", 10),
            ("---\n%a\n", 4),
        ] {
            assert_eq!(prefix(piece.as_bytes()), length, "{piece:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_are_the_stream(lines in proptest::collection::vec(
            prop_oneof!["---", "\\.\\.\\.", "--- #", "%A", "a: 1", "", " # x", "\u{feff}", "\\PC*"],
            0..12,
        ), end in prop_oneof!["\n", "\r\n", "\r"]) {
            let stream = lines.join(&end);
            prop_assert_eq!(texts(&stream).concat(), stream);
        }
    }
}
