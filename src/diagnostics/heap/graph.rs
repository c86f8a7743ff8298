//! What stands on a heap, and what points at what? The graph, in the compact form of a `.gcdump`.
//!
//! Nodes stay records of a blob, about eight bytes each, and are decoded when looked at. Knows
//! neither files nor event streams; whoever makes a graph out of bytes has it checked first.

use super::cint;

/// The index of the type of what is pointed at but described nowhere.
const UNDEFINED: usize = 0;

/// What the name of a type begins with that nobody described; its id follows.
pub(super) const UNKNOWN: &str = "UNKNOWN 0x";

/// A type of objects, or a made-up one of the nodes that group the roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeapType {
    /// The name as it is shown; big objects have types of their own, `… (Bytes > 1K)`.
    pub name: Box<str>,
    /// The path of the assembly, or `Module(0x…)` where that is unknown; none for made-up types.
    pub module: Option<Box<str>>,
    /// Bytes of the first object of the type; -1 if there is none.
    pub size: i32,
}

impl HeapType {
    /// A type without objects so far.
    pub(super) fn new(name: &str, module: Option<&str>) -> Self {
        Self {
            name: name.into(),
            module: module.map(Into::into),
            size: -1,
        }
    }
}

/// One object, or one node that groups roots.
#[derive(Debug, Clone)]
pub struct Node<'g> {
    /// The index of its type.
    pub kind: usize,
    /// Bytes.
    pub size: i32,
    /// The indexes of the nodes that it points at.
    pub children: Children<'g>,
}

/// The indexes of the nodes that a node points at.
#[derive(Debug, Clone)]
pub struct Children<'g> {
    of: i32,
    left: i32,
    bytes: &'g [u8],
}

impl Iterator for Children<'_> {
    type Item = i32;

    fn next(&mut self) -> Option<i32> {
        self.left = self.left.checked_sub(1).filter(|left| *left >= 0)?;
        Some(self.of.wrapping_add(cint::read(&mut self.bytes)?))
    }
}

/// A heap: types, nodes with what they point at, and addresses.
#[derive(Debug, PartialEq, Eq)]
pub struct Graph {
    pub(super) total_size: i64,
    pub(super) root: i32,
    pub(super) types: Vec<HeapType>,
    /// Where the record of each node starts in the blob.
    pub(super) offsets: Vec<u32>,
    pub(super) blob: Vec<u8>,
    /// Where each object stood; 0 for a node that groups roots.
    pub(super) addresses: Vec<u64>,
}

/// Why bytes are no graph.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GraphError {
    /// A record that cannot be decoded.
    #[error("the record of node {node} at {offset} of {length} bytes is cut off or no record")]
    Record {
        /// The index of the node.
        node: usize,
        /// Where its record starts.
        offset: usize,
        /// Bytes of all records.
        length: usize,
    },
    /// A record that points out of the graph.
    #[error("node {node} has {what} {value}, but there are {count}")]
    Outside {
        /// The index of the node.
        node: usize,
        /// What is wrong with it.
        what: &'static str,
        /// The index in question.
        value: i32,
        /// How many there are.
        count: usize,
    },
    /// A node with a negative size, or with that of a type that has none.
    #[error("node {node} of type {kind} has no size, or one below zero")]
    Size {
        /// The index of the node.
        node: usize,
        /// The index of the type.
        kind: usize,
    },
    /// Many nodes that share the bytes of few records: reading them all could take for ever.
    #[error(
        "the records of the nodes overlap: up to node {node} they take more than all {length} bytes"
    )]
    Overlap {
        /// The node at which it shows.
        node: usize,
        /// Bytes of all records.
        length: usize,
    },
    /// A number of addresses other than that of nodes.
    #[error("there are {addresses} addresses for {nodes} nodes")]
    Addresses {
        /// How many addresses.
        addresses: usize,
        /// How many nodes.
        nodes: usize,
    },
    /// A root that is no node.
    #[error("the root is node {root}, but there are {nodes} nodes")]
    Root {
        /// The index of the root.
        root: i32,
        /// How many nodes.
        nodes: usize,
    },
}

impl Graph {
    /// Bytes of all objects, as the one who made the graph summed them.
    pub fn total_size(&self) -> i64 {
        self.total_size
    }

    /// The node from which the roots are reached.
    pub fn root(&self) -> i32 {
        self.root
    }

    /// All types, in the order of their indexes.
    pub fn types(&self) -> &[HeapType] {
        &self.types
    }

    /// How many nodes there are, those that group roots among them.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Where each node's object stood, in the order of their indexes.
    pub fn addresses(&self) -> &[u64] {
        &self.addresses
    }

    /// How many types nobody described: the stream had lost them, or another session got them.
    pub fn unknown_types(&self) -> usize {
        let unknown = |kind: &&HeapType| kind.module.is_none() && kind.name.starts_with(UNKNOWN);
        self.types.iter().filter(unknown).count()
    }

    /// All nodes, in the order of their indexes.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.len()).filter_map(|index| self.node(index))
    }

    /// One node, if the index is one of this graph.
    pub fn node(&self, index: usize) -> Option<Node<'_>> {
        self.decode(index).ok()
    }

    /// Looks at every record once.
    pub(super) fn checked(self) -> Result<Self, GraphError> {
        let (nodes, addresses) = (self.len(), self.addresses.len());
        if addresses != nodes {
            return Err(GraphError::Addresses { addresses, nodes });
        }
        let root = self.root;
        if !self.has(root) {
            return Err(GraphError::Root { root, nodes });
        }
        let mut used = 0;
        for node in 0..nodes {
            used += self.check(node)?;
            if used > self.blob.len() {
                let length = self.blob.len();
                return Err(GraphError::Overlap { node, length });
            }
        }
        Ok(self)
    }

    fn has(&self, index: i32) -> bool {
        usize::try_from(index).is_ok_and(|index| index < self.len())
    }

    /// Checks one record; answers its length, or nothing where nodes may share it.
    fn check(&self, index: usize) -> Result<usize, GraphError> {
        let Node {
            kind, mut children, ..
        } = self.decode(index)?;
        while children.left > 0 {
            let child = children.next().ok_or_else(|| self.broken(index))?;
            if !self.has(child) {
                return Err(GraphError::Outside {
                    node: index,
                    what: "a child with the index",
                    value: child,
                    count: self.len(),
                });
            }
        }
        let offset = self.offset(index);
        // All nodes that are described nowhere share the first record.
        if offset == 0 && kind == UNDEFINED && self.blob.starts_with(&[0, 0]) {
            return Ok(0);
        }
        Ok(self.blob.len() - offset - children.bytes.len())
    }

    /// Reads the head of a record; its children are read when they are asked for.
    fn decode(&self, index: usize) -> Result<Node<'_>, GraphError> {
        let broken = || self.broken(index);
        let bytes = self.blob.get(self.offset(index)..);
        let mut bytes = bytes.ok_or_else(broken)?;
        let marked = cint::read(&mut bytes).ok_or_else(broken)?;
        let (kind, own) = self.kind(index, marked >> 1)?;
        let size = if marked & 1 == 1 {
            cint::read(&mut bytes).ok_or_else(broken)?
        } else {
            own.size
        };
        if size < 0 {
            return Err(GraphError::Size { node: index, kind });
        }
        let left = cint::read(&mut bytes).filter(|left| *left >= 0);
        Ok(Node {
            kind,
            size,
            children: Children {
                of: i32::try_from(index).map_err(|_| broken())?,
                left: left.ok_or_else(broken)?,
                bytes,
            },
        })
    }

    fn kind(&self, node: usize, value: i32) -> Result<(usize, &HeapType), GraphError> {
        let index = usize::try_from(value).ok();
        let known = index.and_then(|index| Some((index, self.types.get(index)?)));
        known.ok_or(GraphError::Outside {
            node,
            what: "a type with the index",
            value,
            count: self.types.len(),
        })
    }

    /// Where a record starts; behind the end for a node that there is not.
    fn offset(&self, index: usize) -> usize {
        self.offsets
            .get(index)
            .map_or(usize::MAX, |at| *at as usize)
    }

    fn broken(&self, node: usize) -> GraphError {
        GraphError::Record {
            node,
            offset: self.offset(node),
            length: self.blob.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes whose records all start at the same place.
    fn sharing(nodes: usize, blob: Vec<u8>) -> Graph {
        Graph {
            total_size: 0,
            root: 0,
            types: vec![HeapType {
                size: 8,
                ..HeapType::new("A", None)
            }],
            offsets: vec![2; nodes],
            blob,
            addresses: vec![0; nodes],
        }
    }

    /// The record of a node of a hundred references to the first nodes.
    fn long_record() -> Vec<u8> {
        let mut blob = vec![0, 0];
        cint::write(&mut blob, 0);
        cint::write(&mut blob, 100);
        blob.resize(blob.len() + 100, 0);
        blob
    }

    #[test]
    fn nodes_that_share_one_long_record_are_refused() {
        assert!(sharing(1, long_record()).checked().is_ok());
        let error = sharing(1000, long_record()).checked().unwrap_err();
        let length = long_record().len();
        assert_eq!(error, GraphError::Overlap { node: 1, length });
    }

    #[test]
    fn what_points_out_of_the_graph_is_refused() {
        let mut graph = sharing(1, vec![0, 0, 0, 1, 1]);
        let wrong = |graph: Graph| graph.checked().unwrap_err().to_string();
        graph.root = 1;
        assert_eq!(wrong(graph), "the root is node 1, but there are 1 nodes");
        let child = sharing(1, vec![0, 0, 0, 1, 1]);
        assert_eq!(
            wrong(child),
            "node 0 has a child with the index 1, but there are 1"
        );
        let kind = sharing(1, vec![0, 0, 2, 0]);
        assert_eq!(
            wrong(kind),
            "node 0 has a type with the index 1, but there are 1"
        );
        let mut sized = sharing(1, vec![0, 0, 0, 0]);
        sized.types[0].size = -1;
        let error = "node 0 of type 0 has no size, or one below zero";
        assert_eq!(wrong(sized), error);
    }
}
