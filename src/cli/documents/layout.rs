//! How does a document indent? What is added follows what is already there.

use super::tree::{Node, Style};

/// The widest indentation that is imitated, as a number of different offsets.
const OFFSETS: usize = 16;

/// The indentation of a document, in columns right of the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Of an object below its key.
    pub mapping: u8,
    /// Of a list below its key; 0 where dashes stand below the key's first letter.
    pub sequence: u8,
    /// Of what follows a dash.
    pub item: u8,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            mapping: 2,
            sequence: 0,
            item: 2,
        }
    }
}

/// How often each offset occurs.
#[derive(Default)]
struct Votes([usize; OFFSETS]);

impl Layout {
    /// The indentation that most of a document's collections have.
    pub fn of(root: &Node) -> Self {
        let mut mapping = Votes::default();
        let mut sequence = Votes::default();
        let mut item = Votes::default();
        count(root, &mut [&mut mapping, &mut sequence, &mut item]);
        let usual = Self::default();
        Self {
            mapping: mapping.winner(usual.mapping).max(1),
            sequence: sequence.winner(usual.sequence),
            item: item.winner(usual.item).max(2),
        }
    }

    /// Columns from a key to the collection below it.
    pub(super) fn offset_in_mapping(self, value: &Node) -> usize {
        match value {
            Node::Sequence(_) => usize::from(own(value).unwrap_or(self.sequence)),
            _ => usize::from(own(value).unwrap_or(self.mapping).max(1)),
        }
    }

    /// Columns from a dash to the collection after it.
    pub(super) fn offset_in_sequence(self, item: &Node) -> usize {
        usize::from(own(item).unwrap_or(self.item).max(2))
    }
}

impl Votes {
    fn add(&mut self, node: &Node) {
        let slot = own(node).and_then(|offset| self.0.get_mut(usize::from(offset)));
        if let Some(votes) = slot {
            *votes += 1;
        }
    }

    fn winner(&self, usual: u8) -> u8 {
        let most = (0u8..).zip(self.0).max_by_key(|(_, votes)| *votes);
        most.filter(|(_, votes)| *votes > 0)
            .map_or(usual, |(offset, _)| offset)
    }
}

/// `votes`: of objects below keys, of lists below keys, of collections after dashes.
fn count(node: &Node, votes: &mut [&mut Votes; 3]) {
    match node {
        Node::Mapping(mapping) => {
            for (_, value) in &mapping.entries {
                match value {
                    Node::Mapping(_) => votes[0].add(value),
                    Node::Sequence(_) => votes[1].add(value),
                    Node::Scalar(_) => {}
                }
                count(value, votes);
            }
        }
        Node::Sequence(sequence) => {
            for item in &sequence.items {
                votes[2].add(item);
                count(item, votes);
            }
        }
        Node::Scalar(_) => {}
    }
}

/// The offset a collection had in its source.
fn own(node: &Node) -> Option<u8> {
    let style = match node {
        Node::Mapping(mapping) => mapping.style,
        Node::Sequence(sequence) => sequence.style,
        Node::Scalar(_) => return None,
    };
    match style {
        Style::Block(offset) => offset,
        Style::Flow => None,
    }
}
