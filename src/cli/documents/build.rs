//! How does a tree grow from events? A stack of open collections, anchors, merges, bounds.
//!
//! Knows nothing of the parser's events nor of source positions but their lines and columns.

use std::collections::HashMap;

use super::parse::{Duplicate, Refused};
use super::scalar;
use super::tree::{Key, MAX_DEPTH, Mapping, Node, Quotes, Scalar, Sequence, Style, Tag, TagKind};

/// What all copies that anchors and aliases make may weigh together.
const COPIES_MIB: usize = 64;
/// Indentation beyond this is not imitated.
const WIDEST_OFFSET: usize = 12;

/// What kind of collection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Mapping,
    Sequence,
}

/// A collection that begins.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) shape: Shape,
    pub(super) style: Style,
    pub(super) tag: Option<Tag>,
    pub(super) column: usize,
}

/// A collection that has begun and not ended.
#[derive(Debug)]
struct Frame {
    open: Open,
    anchor: usize,
    key: Option<(Scalar, usize)>,
    entries: Vec<(Key, Node)>,
    /// Where each name stands in `entries`, and its line; lines of merged members are `None`.
    names: HashMap<String, (usize, Option<usize>)>,
    items: Vec<Node>,
}

/// A tree that grows.
#[derive(Debug, Default)]
pub(super) struct Builder {
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    copied: usize,
    root: Option<Node>,
    duplicates: Vec<Duplicate>,
}

impl Builder {
    /// How many columns right of its parent a collection at that column begins.
    pub(super) fn offset(&self, column: usize) -> Option<u8> {
        let parent = self.frames.last()?.open.column;
        let offset = column.checked_sub(parent)?;
        u8::try_from(offset)
            .ok()
            .filter(|_| offset <= WIDEST_OFFSET)
    }

    /// Whether the innermost open collection is a mapping at that column.
    pub(super) fn is_column(&self, column: usize) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| frame.open.shape == Shape::Mapping && frame.open.column == column)
    }

    pub(super) fn open(&mut self, open: Open, anchor: usize) -> Result<(), Refused> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(Refused::TooDeep);
        }
        let key_follows = |frame: &Frame| frame.open.shape == Shape::Mapping && frame.key.is_none();
        if self.frames.last().is_some_and(key_follows) {
            return Err(Refused::KeyNotScalar);
        }
        self.frames.push(Frame {
            open,
            anchor,
            key: None,
            entries: Vec::new(),
            names: HashMap::new(),
            items: Vec::new(),
        });
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), Refused> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let Open {
            shape, style, tag, ..
        } = frame.open;
        let node = match shape {
            Shape::Mapping => Node::Mapping(Mapping {
                style: style.unless_empty(frame.entries.is_empty()),
                entries: frame.entries,
                tag,
            }),
            Shape::Sequence => Node::Sequence(Sequence {
                style: style.unless_empty(frame.items.is_empty()),
                items: frame.items,
                tag,
            }),
        };
        self.remember(frame.anchor, &node)?;
        self.attach(node)
    }

    pub(super) fn scalar(
        &mut self,
        scalar: Scalar,
        anchor: usize,
        line: usize,
    ) -> Result<(), Refused> {
        scalar::resolve(&scalar)?;
        let node = Node::Scalar(scalar);
        self.remember(anchor, &node)?;
        self.place(node, line)
    }

    /// Puts a copy of what the anchor names in the alias' place.
    pub(super) fn alias(&mut self, anchor: usize, line: usize) -> Result<(), Refused> {
        let node = self.anchors.get(&anchor).ok_or(Refused::Endless)?.clone();
        self.pay(&node)?;
        if self.frames.len() + node.depth() > MAX_DEPTH {
            return Err(Refused::TooDeep);
        }
        let in_flow = self
            .frames
            .last()
            .is_some_and(|frame| frame.open.style == Style::Flow);
        self.place(if in_flow { node.into_flow() } else { node }, line)
    }

    pub(super) fn finish(self) -> (Option<Node>, Vec<Duplicate>) {
        (self.root, self.duplicates)
    }

    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), Refused> {
        if anchor != 0 {
            self.pay(node)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(())
    }

    fn pay(&mut self, node: &Node) -> Result<(), Refused> {
        self.copied = self.copied.saturating_add(node.weight());
        if self.copied > COPIES_MIB << 20 {
            return Err(Refused::TooMuch(COPIES_MIB));
        }
        Ok(())
    }

    /// A scalar or an alias: a key where a key is due.
    fn place(&mut self, node: Node, line: usize) -> Result<(), Refused> {
        match self.frames.last_mut() {
            Some(frame) if frame.open.shape == Shape::Mapping && frame.key.is_none() => {
                let Node::Scalar(scalar) = node else {
                    return Err(Refused::KeyNotScalar);
                };
                frame.key = Some((scalar, line));
                Ok(())
            }
            _ => self.attach(node),
        }
    }

    fn attach(&mut self, node: Node) -> Result<(), Refused> {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match frame.key.take() {
            None => {
                frame.items.push(node);
                Ok(())
            }
            Some((key, _)) if is_merge(&key) => self.merge(node),
            Some((key, line)) => {
                let key = scalar::key(one_line(key))?;
                self.duplicates.extend(frame.insert(key, node, Some(line)));
                Ok(())
            }
        }
    }

    /// `<<`: Kubernetes' reader takes members in the order of the text, so that the last one
    /// counts; of a list of objects the first counts.
    fn merge(&mut self, node: Node) -> Result<(), Refused> {
        let sources = match node {
            Node::Sequence(sequence) => sequence.items.into_iter().rev().collect(),
            single => vec![single],
        };
        for source in sources {
            let Node::Mapping(mapping) = source else {
                return Err(Refused::MergeNotMapping);
            };
            if let Some(frame) = self.frames.last_mut() {
                for (key, value) in mapping.entries {
                    frame.insert(key, value, None);
                }
            }
        }
        Ok(())
    }
}

impl Frame {
    /// Adds a member, or gives an earlier one of that name this value; tells when both were written.
    fn insert(&mut self, key: Key, node: Node, line: Option<usize>) -> Option<Duplicate> {
        let Some(&(position, before)) = self.names.get(&key.name) else {
            self.names
                .insert(key.name.clone(), (self.entries.len(), line));
            self.entries.push((key, node));
            return None;
        };
        let name = key.name.clone();
        if let Some(entry) = self.entries.get_mut(position) {
            *entry = (key, node);
        }
        self.names.insert(name.clone(), (position, line.or(before)));
        Some(Duplicate {
            key: name,
            first: before?,
            second: line?,
        })
    }
}

impl Style {
    /// Empty collections have no block form.
    pub(super) fn unless_empty(self, empty: bool) -> Self {
        if empty { Self::Flow } else { self }
    }
}

fn is_merge(key: &Scalar) -> bool {
    let tagged = key.tag.as_ref().map(|tag| tag.kind);
    key.text == "<<"
        && (tagged == Some(TagKind::Merge) || (tagged.is_none() && key.quotes == Quotes::Plain))
}

/// A key written so that it fits on one line and is no document mark.
fn one_line(mut key: Scalar) -> Scalar {
    let block = matches!(key.quotes, Quotes::Literal | Quotes::Folded);
    if block || key.text.contains('\n') {
        key.quotes = Quotes::Double;
    } else if key.quotes == Quotes::Plain
        && (key.text.starts_with("---") || key.text.starts_with("..."))
    {
        key.quotes = Quotes::Single;
    }
    key
}
