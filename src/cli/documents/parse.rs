//! From text to tree. Bounded in depth and size, so that no document can exhaust memory or stack.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, StrInput, StructureStyle, Tag};

use super::tree::{Node, Scalar, Style};

/// Deeper than any Kubernetes object.
const DEPTH_MAX: usize = 128;
/// More than an object of 3 MiB, the API's limit, can hold; aliases count each time they are used.
const NODES_MAX: usize = 2_000_000;

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {why}")]
pub struct ParseError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, (Node, usize)>,
    depth: usize,
    nodes: usize,
    line: usize,
}

/// Reads the text of one document, whose first line is line `first` of its file. None is a document
/// without content.
///
/// # Errors
/// [`ParseError`] with the file's line.
pub fn parse(text: &str, first: usize) -> Result<Option<Node>, ParseError> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        depth: 0,
        nodes: 0,
        line: 1,
    };
    reader.document().map_err(|mut error| {
        error.line += first.saturating_sub(1);
        error
    })
}

/// Reads JSON that Sidebox wrote itself.
///
/// # Errors
/// [`ParseError`] if it is none.
pub fn json(text: &str) -> Result<Node, ParseError> {
    parse(text, 1).map(|node| node.unwrap_or_else(Node::null))
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Option<Node>, ParseError> {
        let mut found = None;
        loop {
            match self.next()? {
                Event::StreamEnd => return Ok(found),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ if found.is_some() => return Err(self.error("a second document begins here")),
                event => found = Some(self.node(event)?),
            }
        }
    }

    fn next(&mut self) -> Result<Event<'t>, ParseError> {
        match self.events.next() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => {
                self.line = error.marker().line();
                Err(self.error(&format!("not YAML: {}", error.info())))
            }
            None => Ok(Event::StreamEnd),
        }
    }

    fn error(&self, why: &str) -> ParseError {
        ParseError {
            line: self.line,
            why: why.to_owned(),
        }
    }

    fn node(&mut self, event: Event<'t>) -> Result<Node, ParseError> {
        let before = self.nodes;
        self.count(1)?;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (Node::Scalar(scalar(&text, style, tag.as_deref())), anchor)
            }
            Event::SequenceStart(style, anchor, _) => {
                let items = self.nested(Self::items)?;
                (
                    Node::Sequence {
                        items,
                        flow: style == StructureStyle::Flow,
                    },
                    anchor,
                )
            }
            Event::MappingStart(style, anchor, _) => {
                let members = self.nested(Self::members)?;
                (
                    Node::Mapping {
                        members,
                        flow: style == StructureStyle::Flow,
                    },
                    anchor,
                )
            }
            Event::Alias(anchor) => {
                let (node, size) = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| self.error("an unknown alias"))?;
                self.count(size)?;
                return Ok(node);
            }
            _ => return Err(self.error("expected a value")),
        };
        if anchor != 0 {
            self.anchors
                .insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize) -> Result<(), ParseError> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            Err(self.error("more values than any object may have"))
        } else {
            Ok(())
        }
    }

    fn nested<T>(&mut self, read: fn(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(&format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn items(&mut self) -> Result<Vec<Node>, ParseError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.node(event)?),
            }
        }
    }

    fn members(&mut self) -> Result<Vec<(Scalar, Node)>, ParseError> {
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        let mut merges = Vec::new();
        loop {
            let event = self.next()?;
            if event == Event::MappingEnd {
                merge(&mut members, &seen, merges);
                return Ok(members);
            }
            let key = match self.node(event)? {
                Node::Scalar(key) => key,
                Node::Sequence { .. } | Node::Mapping { .. } => {
                    return Err(self.error("a key that is no text"));
                }
            };
            let line = self.line;
            let event = self.next()?;
            let value = self.node(event)?;
            if key.text == "<<" && key.style == Style::Plain {
                merges.push(value);
            } else if seen.insert(key.text.clone()) {
                members.push((key, value));
            } else {
                return Err(ParseError {
                    line,
                    why: format!("key {:?} stands twice", key.text),
                });
            }
        }
    }
}

/// Merge keys: what they bring comes after the mapping's own members and never replaces them.
fn merge(members: &mut Vec<(Scalar, Node)>, own: &HashSet<String>, merges: Vec<Node>) {
    let mut seen = own.clone();
    for merged in merges {
        let maps = match merged {
            Node::Sequence { items, .. } => items,
            one => vec![one],
        };
        for (key, value) in maps.iter().flat_map(Node::members) {
            if seen.insert(key.text.clone()) {
                members.push((key.clone(), value.clone()));
            }
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Scalar {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    };
    let string = tag.is_some_and(|tag| matches!(tag.suffix(), "str" | "binary"));
    // A value left out is null; the parser writes it `~`, but not where a tag or anchor stands.
    let left_out = text.is_empty() && style == Style::Plain && !string;
    Scalar {
        text: if left_out { "~" } else { text }.to_owned(),
        style,
        string,
    }
}
