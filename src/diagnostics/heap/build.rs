//! How does a graph grow? Node by node, in the order that decides its indexes and records.
//!
//! Knows nothing of events: whoever calls decides the order.

use std::collections::HashMap;

use super::addresses::Addresses;
use super::cint;
use super::graph::{Graph, HeapType};

/// The heap has more than the format of the graph can hold: 2^31 nodes or types, 2 GiB of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// A graph that grows.
pub(super) struct Builder {
    addresses: Addresses,
    offsets: Vec<u32>,
    blob: Vec<u8>,
    types: Vec<HeapType>,
    named: HashMap<(Box<str>, Option<Box<str>>), i32>,
    total_size: i64,
}

impl Builder {
    /// A graph of nothing but the record and type that stand for what is described nowhere.
    pub(super) fn new() -> Self {
        let undefined = HeapType {
            size: 0,
            ..HeapType::new("UNDEFINED", None)
        };
        Self {
            addresses: Addresses::new(),
            offsets: Vec::new(),
            blob: vec![0, 0],
            types: vec![undefined],
            named: HashMap::new(),
            total_size: 0,
        }
    }

    /// The bytes that the graph takes so far, types aside.
    pub(super) fn weight(&self) -> usize {
        let offsets = self.offsets.capacity() * size_of::<u32>();
        self.addresses.weight() + self.blob.capacity() + offsets
    }

    /// A node that is no object.
    pub(super) fn group(&mut self) -> Result<i32, Full> {
        self.addresses.unplaced().ok_or(Full)
    }

    /// The node of the object at an address.
    pub(super) fn object(&mut self, address: u64) -> Result<i32, Full> {
        self.addresses.at(address).ok_or(Full)
    }

    /// The type of a name and module, made when it is first asked for.
    pub(super) fn named(&mut self, name: &str, module: Option<&str>) -> Result<i32, Full> {
        let key = (name.into(), module.map(Into::into));
        if let Some(known) = self.named.get(&key) {
            return Ok(*known);
        }
        let made = self.kind(name, module)?;
        self.named.insert(key, made);
        Ok(made)
    }

    /// A new type, whether there is one of that name or not.
    pub(super) fn kind(&mut self, name: &str, module: Option<&str>) -> Result<i32, Full> {
        // A record holds twice the index in 32 bits.
        let index = i32::try_from(self.types.len()).ok();
        let index = index.filter(|index| *index < i32::MAX / 2).ok_or(Full)?;
        self.types.push(HeapType::new(name, module));
        Ok(index)
    }

    /// A type by its index.
    pub(super) fn kind_at(&self, index: i32) -> Option<&HeapType> {
        self.types.get(usize::try_from(index).ok()?)
    }

    /// Describes a node. `bytes` is its true size; a record holds at most 2 GiB - 1.
    pub(super) fn describe(
        &mut self,
        node: i32,
        kind: i32,
        bytes: u64,
        children: &[i32],
    ) -> Result<(), Full> {
        let offset = i32::try_from(self.blob.len()).map_err(|_| Full)?;
        let size = i32::try_from(bytes).unwrap_or(i32::MAX);
        self.place(node, offset.unsigned_abs());
        let of_kind = self.own_size(kind, size);
        if of_kind == size {
            cint::write(&mut self.blob, kind << 1);
        } else {
            cint::write(&mut self.blob, kind << 1 | 1);
            cint::write(&mut self.blob, size);
        }
        let count = i32::try_from(children.len()).map_err(|_| Full)?;
        cint::write(&mut self.blob, count);
        for child in children {
            cint::write(&mut self.blob, child.wrapping_sub(node));
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.total_size = self.total_size.saturating_add(bytes);
        Ok(())
    }

    /// Remembers where the record of a node starts.
    fn place(&mut self, node: i32, offset: u32) {
        let Ok(at) = usize::try_from(node) else {
            return;
        };
        if self.offsets.len() <= at {
            self.offsets.resize(at + 1, 0);
        }
        if let Some(place) = self.offsets.get_mut(at) {
            *place = offset;
        }
    }

    /// The size of a type: that of its first object.
    fn own_size(&mut self, kind: i32, size: i32) -> i32 {
        let index = usize::try_from(kind).ok();
        let Some(kind) = index.and_then(|index| self.types.get_mut(index)) else {
            return -1;
        };
        if kind.size < 0 {
            kind.size = size;
        }
        kind.size
    }

    /// The whole graph.
    pub(super) fn finish(mut self, root: i32) -> Graph {
        self.offsets.resize(self.addresses.len(), 0);
        Graph {
            total_size: self.total_size,
            root,
            types: self.types,
            offsets: self.offsets,
            blob: self.blob,
            addresses: self.addresses.into_list(),
        }
    }
}
