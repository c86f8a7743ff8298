//! From tree to text: YAML in the document's own style, or JSON.

use std::fmt::Write;

use super::scalar::Meaning;
use super::tree::{Node, Scalar, Style};
use crate::inject::quantity::Amount;

/// Layout of a document, read off its text.
#[derive(Debug, Clone, Copy)]
struct Layout {
    step: usize,
    /// Lists are indented under their key.
    lists: bool,
}

/// Writes a document; `like` is the text it was read from, whose layout is kept.
pub fn emit(node: &Node, like: &str) -> String {
    let mut out = String::new();
    block(&mut out, node, 0, layout(like));
    out
}

fn layout(text: &str) -> Layout {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .collect();
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let mut layout = Layout {
        step: 2,
        lists: false,
    };
    let opens = |line: &str| line.trim_end().ends_with(':');
    let step = lines.windows(2).find(|pair| {
        opens(pair[0])
            && indent(pair[1]) > indent(pair[0])
            && !pair[1].trim_start().starts_with('-')
            && !pair[0].trim_start().starts_with('-')
    });
    if let Some(pair) = step {
        layout.step = (indent(pair[1]) - indent(pair[0])).clamp(1, 8);
    }
    let list = lines.windows(2).find(|pair| {
        opens(pair[0])
            && !pair[0].trim_start().starts_with('-')
            && pair[1].trim_start().starts_with("- ")
    });
    if let Some(pair) = list {
        layout.lists = indent(pair[1]) > indent(pair[0]);
    }
    layout
}

fn block(out: &mut String, node: &Node, indent: usize, layout: Layout) {
    match node {
        Node::Mapping {
            members,
            flow: false,
        } if !members.is_empty() => mapping(out, members, indent, layout),
        Node::Sequence { items, flow: false } if !items.is_empty() => {
            for item in items {
                pad(out, indent);
                element(out, item, indent, layout);
            }
        }
        other => {
            pad(out, indent);
            inline(out, other, indent, layout);
            out.push('\n');
        }
    }
}

fn mapping(out: &mut String, members: &[(Scalar, Node)], indent: usize, layout: Layout) {
    for (index, (key, value)) in members.iter().enumerate() {
        if index > 0 || out.is_empty() || out.ends_with('\n') {
            pad(out, indent);
        }
        flow_scalar(out, key);
        out.push(':');
        match value {
            Node::Mapping {
                members,
                flow: false,
            } if !members.is_empty() => {
                out.push('\n');
                block(out, value, indent + layout.step, layout);
            }
            Node::Sequence { items, flow: false } if !items.is_empty() => {
                out.push('\n');
                let deeper = if layout.lists { layout.step } else { 0 };
                block(out, value, indent + deeper, layout);
            }
            Node::Scalar(scalar) if scalar.text.is_empty() && scalar.style == Style::Plain => {
                out.push('\n');
            }
            other => {
                out.push(' ');
                inline(out, other, indent, layout);
                out.push('\n');
            }
        }
    }
}

/// An element after its padding: `- ` and a mapping's first member on the same line.
fn element(out: &mut String, item: &Node, indent: usize, layout: Layout) {
    out.push('-');
    match item {
        Node::Mapping {
            members,
            flow: false,
        } if !members.is_empty() => {
            out.push(' ');
            mapping(out, members, indent + 2, layout);
        }
        Node::Sequence { items, flow: false } if !items.is_empty() => {
            out.push('\n');
            block(out, item, indent + 2, layout);
        }
        Node::Scalar(scalar) if scalar.text.is_empty() && scalar.style == Style::Plain => {
            out.push('\n');
        }
        other => {
            out.push(' ');
            inline(out, other, indent, layout);
            out.push('\n');
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A value on the line that is begun; a block scalar goes on below.
fn inline(out: &mut String, node: &Node, indent: usize, layout: Layout) {
    match node {
        Node::Scalar(scalar) if scalar.style == Style::Block && is_block_safe(&scalar.text) => {
            block_scalar(out, &scalar.text, indent + layout.step);
        }
        other => flow(out, other),
    }
}

/// Whether a literal block reads back as the same text.
fn is_block_safe(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with([' ', '\n', '\t'])
        && !text.chars().any(|c| {
            (c.is_control() && c != '\n' && c != '\t')
                || matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}')
        })
        && text
            .trim_end_matches('\n')
            .lines()
            .all(|line| line.is_empty() || !line.trim().is_empty())
        && !text.trim_end_matches('\n').is_empty()
}

fn block_scalar(out: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    out.push_str(match text.len() - body.len() {
        0 => "|-\n",
        1 => "|\n",
        _ => "|+\n",
    });
    for line in body.split('\n') {
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
    // The caller ends the line; what is left are the empty lines that `|+` keeps.
    out.extend(std::iter::repeat_n(
        '\n',
        (text.len() - body.len()).saturating_sub(1),
    ));
    out.pop();
}

fn flow(out: &mut String, node: &Node) {
    match node {
        Node::Scalar(scalar) => flow_scalar(out, scalar),
        Node::Sequence { items, .. } => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                flow(out, item);
            }
            out.push(']');
        }
        Node::Mapping { members, .. } => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                flow_scalar(out, key);
                out.push_str(": ");
                flow(out, value);
            }
            out.push('}');
        }
    }
}

fn flow_scalar(out: &mut String, scalar: &Scalar) {
    if scalar.string {
        out.push_str("!!str ");
    }
    let one_line = !scalar
        .text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}'));
    match scalar.style {
        Style::Plain if one_line => out.push_str(&scalar.text),
        Style::Single if one_line => {
            out.push('\'');
            out.push_str(&scalar.text.replace('\'', "''"));
            out.push('\'');
        }
        Style::Plain | Style::Single | Style::Double | Style::Block => quoted(out, &scalar.text),
    }
}

/// A text in double quotes: JSON's escapes are YAML's.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}') => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The tree as compact JSON, with the meaning that Kubernetes gives its scalars.
pub fn to_json(node: &Node) -> String {
    let mut out = String::new();
    json(&mut out, node, None);
    out
}

/// The tree as JSON on many lines.
pub fn to_pretty_json(node: &Node, step: usize) -> String {
    let mut out = String::new();
    json(&mut out, node, Some((step, 0)));
    out
}

type Indent = Option<(usize, usize)>;

fn json(out: &mut String, node: &Node, indent: Indent) {
    match node {
        Node::Scalar(scalar) => match scalar.meaning() {
            Meaning::Null => out.push_str("null"),
            Meaning::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
            Meaning::Number(number) => out.push_str(&number),
            Meaning::Text => quoted(out, &scalar.text),
        },
        Node::Sequence { items, .. } => {
            let write = |out: &mut String, item: &Node, indent| json(out, item, indent);
            list(out, ['[', ']'], items, (indent, &write));
        }
        Node::Mapping { members, .. } => {
            let write = |out: &mut String, (key, value): &(Scalar, Node), indent: Indent| {
                quoted(out, &key.text);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                json(out, value, indent);
            };
            list(out, ['{', '}'], members, (indent, &write));
        }
    }
}

type Writer<'w, T> = &'w dyn Fn(&mut String, &T, Indent);

fn list<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: &[T],
    (indent, write): (Indent, Writer<'_, T>),
) {
    out.push(open);
    let inner = indent.map(|(step, depth)| (step, depth + 1));
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index > 0 { "," } else { "" });
        new_line(out, inner);
        write(out, item, inner);
    }
    if !items.is_empty() {
        new_line(out, indent);
    }
    out.push(close);
}

fn new_line(out: &mut String, indent: Indent) {
    if let Some((step, depth)) = indent {
        out.push('\n');
        pad(out, step * depth);
    }
}

impl Node {
    /// The tree with every string written as a person would: without quotes where it can only be
    /// read as a string, lists and mappings in blocks.
    #[must_use]
    pub fn plain(self) -> Self {
        match self {
            Self::Scalar(mut scalar) => {
                if scalar.style == Style::Double && is_plain_safe(&scalar.text) {
                    scalar.style = Style::Plain;
                }
                Self::Scalar(scalar)
            }
            Self::Sequence { items, .. } => Self::Sequence {
                items: items.into_iter().map(Self::plain).collect(),
                flow: false,
            },
            Self::Mapping { members, .. } => {
                let plain = |(key, value): (Scalar, Self)| match Self::Scalar(key.clone()).plain() {
                    Self::Scalar(key) => (key, value.plain()),
                    Self::Sequence { .. } | Self::Mapping { .. } => (key, value.plain()),
                };
                Self::Mapping {
                    members: members.into_iter().map(plain).collect(),
                    flow: false,
                }
            }
        }
    }
}

/// Letters first and nothing but letters, digits and `-._/:` after, and no word of YAML 1.1 or 1.2;
/// or a quantity with a suffix.
fn is_plain_safe(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/' | ':');
    let plain = Scalar {
        text: text.to_owned(),
        style: Style::Plain,
        string: false,
    };
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(inner)
        && !text.ends_with(':');
    let quantity = text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_alphabetic())
        && Amount::parse(text).is_some();
    (word || quantity) && plain.meaning() == Meaning::Text
}
