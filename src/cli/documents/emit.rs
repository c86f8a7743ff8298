//! How is a tree written as YAML, so that reading it gives the same tree?
//!
//! Keeps order, texts, quotes, tags, brackets and indentation. Comments are not part of a tree.
//! How single scalars look is `write_scalar`'s business.

use super::layout::Layout;
use super::tree::{Key, Mapping, Node, Sequence, Style, Tag};
use super::write_scalar;

/// Collections in brackets go onto lines of their own beyond this width.
const WIDTH: usize = 100;
/// YAML takes `key:` without a question mark up to 1024 characters; stay clear of it.
const LONGEST_KEY: usize = 1000;

/// Writes a tree as the value of a document; ends with a line break unless empty.
pub fn emit(root: &Node, layout: Layout) -> String {
    let mut emitter = Emitter {
        out: String::new(),
        layout,
    };
    match root {
        Node::Mapping(_) | Node::Sequence(_) if is_block(root) => {
            if let Some(tag) = tag_of(root) {
                emitter.out.push_str(&tag.raw);
                emitter.out.push('\n');
            }
            emitter.block(root, 0);
        }
        // A mark such as `---` may be the text of a scalar, but not in the first column.
        Node::Scalar(_) => emitter.inline(root, 0),
        _ => {
            emitter.out.push_str(&flow(root, 0));
            emitter.out.push('\n');
        }
    }
    emitter.out
}

struct Emitter {
    out: String,
    layout: Layout,
}

impl Emitter {
    /// A collection whose first entry begins here, at that column.
    fn block(&mut self, node: &Node, column: usize) {
        match node {
            Node::Mapping(mapping) => {
                for (index, (key, value)) in mapping.entries.iter().enumerate() {
                    if index > 0 {
                        self.indent(column);
                    }
                    self.key(key, column);
                    self.member(value, column);
                }
            }
            Node::Sequence(sequence) => {
                for (index, item) in sequence.items.iter().enumerate() {
                    if index > 0 {
                        self.indent(column);
                    }
                    self.out.push('-');
                    self.item(item, column);
                }
            }
            Node::Scalar(_) => {}
        }
    }

    fn key(&mut self, key: &Key, column: usize) {
        let text = write_scalar::inline(&key.scalar, column);
        if text.len() > LONGEST_KEY {
            self.out.push_str("? ");
            self.out.push_str(&text);
            self.out.push('\n');
            self.indent(column);
        } else {
            self.out.push_str(&text);
            // A tag would swallow the colon.
            if key.scalar.text.is_empty() && text.starts_with('!') {
                self.out.push(' ');
            }
        }
        self.out.push(':');
    }

    /// The value after a key's colon.
    fn member(&mut self, value: &Node, column: usize) {
        if !is_block(value) {
            return self.inline(value, column);
        }
        self.tag(tag_of(value));
        self.out.push('\n');
        let child = column + self.layout.offset_in_mapping(value);
        self.indent(child);
        self.block(value, child);
    }

    /// What follows a dash.
    fn item(&mut self, item: &Node, column: usize) {
        if !is_block(item) {
            return self.inline(item, column);
        }
        let offset = self.layout.offset_in_sequence(item);
        if let Some(tag) = tag_of(item) {
            self.tag(Some(tag));
            self.out.push('\n');
            self.indent(column + offset);
        } else {
            self.indent(offset - 1);
        }
        self.block(item, column + offset);
    }

    /// A scalar or brackets after a colon or dash, with the line's end.
    fn inline(&mut self, node: &Node, column: usize) {
        if let Node::Scalar(scalar) = node {
            write_scalar::value(&mut self.out, scalar, column);
        } else {
            self.out.push(' ');
            self.out.push_str(&flow(node, column));
            self.out.push('\n');
        }
    }

    fn tag(&mut self, tag: Option<&Tag>) {
        if let Some(tag) = tag {
            self.out.push(' ');
            self.out.push_str(&tag.raw);
        }
    }

    fn indent(&mut self, columns: usize) {
        write_scalar::indent(&mut self.out, columns);
    }
}

/// A collection in brackets: on one line, or an entry a line where that is too wide.
fn flow(node: &Node, column: usize) -> String {
    let (open, close, entries) = match node {
        Node::Scalar(scalar) => return write_scalar::inline(scalar, column),
        Node::Mapping(mapping) => ('{', '}', members(mapping, column)),
        Node::Sequence(sequence) => ('[', ']', items(sequence, column)),
    };
    let mut out = tag_of(node).map_or_else(String::new, |tag| format!("{} ", tag.raw));
    out.push(open);
    let width = entries.iter().map(|entry| entry.len() + 2).sum::<usize>();
    if column + width <= WIDTH {
        out.push_str(&entries.join(", "));
    } else {
        for (index, entry) in entries.iter().enumerate() {
            out.push_str(if index > 0 { ",\n" } else { "\n" });
            write_scalar::indent(&mut out, column + 4);
            out.push_str(entry);
        }
        out.push('\n');
        write_scalar::indent(&mut out, column + 2);
    }
    out.push(close);
    out
}

fn members(mapping: &Mapping, column: usize) -> Vec<String> {
    let member = |(key, value): &(Key, Node)| {
        let name = write_scalar::inline(&key.scalar, column + 2);
        let mark = if name.len() > LONGEST_KEY { "? " } else { "" };
        let space = if key.scalar.text.is_empty() && name.starts_with('!') {
            " "
        } else {
            ""
        };
        format!("{mark}{name}{space}: {}", flow(value, column + 2))
    };
    mapping.entries.iter().map(member).collect()
}

fn items(sequence: &Sequence, column: usize) -> Vec<String> {
    sequence
        .items
        .iter()
        .map(|item| flow(item, column + 2))
        .collect()
}

/// Whether the node takes lines of its own.
fn is_block(node: &Node) -> bool {
    match node {
        Node::Mapping(mapping) => mapping.style != Style::Flow && !mapping.entries.is_empty(),
        Node::Sequence(sequence) => sequence.style != Style::Flow && !sequence.items.is_empty(),
        Node::Scalar(_) => false,
    }
}

fn tag_of(node: &Node) -> Option<&Tag> {
    match node {
        Node::Mapping(mapping) => mapping.tag.as_ref(),
        Node::Sequence(sequence) => sequence.tag.as_ref(),
        Node::Scalar(scalar) => scalar.tag.as_ref(),
    }
}
