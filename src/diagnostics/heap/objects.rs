//! The objects of a walk and what they point at, until their types are known.
//!
//! References come in one row for all objects: the next ones belong to the next object. Both wait
//! in queues that empty while the graph grows out of them.

use std::collections::HashMap;

use super::build::{Builder, Full};
use super::events::Object;
use super::graph::UNKNOWN;
use super::names::{BIG, size_class};
use super::queue::Queue;

/// What is known of an object beside its address.
#[derive(Clone, Copy)]
struct Detail {
    /// Bytes, in two halves: an object takes four bytes less than with one number.
    size: [u32; 2],
    /// The number of its type.
    kind: u32,
    edges: u32,
}

/// All objects that a stream brought so far.
pub(super) struct Objects {
    addresses: Queue<u64>,
    details: Queue<Detail>,
    edges: Queue<u64>,
    /// Numbers of the ids of types: an object holds four bytes of it.
    kinds: HashMap<u64, u32>,
    count: u64,
    declared: u64,
    delivered: u64,
}

impl Objects {
    pub(super) fn new() -> Self {
        Self {
            addresses: Queue::new(),
            details: Queue::new(),
            edges: Queue::new(),
            kinds: HashMap::new(),
            count: 0,
            declared: 0,
            delivered: 0,
        }
    }

    /// The bytes that objects and references take.
    pub(super) fn weight(&self) -> usize {
        let kinds = self.kinds.capacity() * size_of::<(u64, u32)>();
        self.addresses.weight() + self.details.weight() + self.edges.weight() + kinds
    }

    /// How many objects there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// References that the objects say they have, and those that came.
    pub(super) fn references(&self) -> (u64, u64) {
        (self.declared, self.delivered)
    }

    pub(super) fn add(&mut self, object: &Object) {
        let next = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        let kind = *self.kinds.entry(object.kind).or_insert(next);
        self.count += 1;
        self.declared = self.declared.saturating_add(object.edges);
        self.addresses.push(object.address);
        self.details.push(Detail {
            size: halves(object.size),
            kind,
            edges: u32::try_from(object.edges).unwrap_or(u32::MAX),
        });
    }

    pub(super) fn connect(&mut self, target: u64) {
        self.edges.push(target);
        self.delivered += 1;
    }

    /// Describes all objects as nodes, in the order in which they were walked.
    pub(super) fn describe(
        mut self,
        builder: &mut Builder,
        defined: HashMap<u64, i32>,
    ) -> Result<(), Full> {
        let mut kinds = Kinds::new(&self.kinds, defined);
        let mut children = Vec::new();
        while let (Some(address), Some(detail)) = (self.addresses.pop(), self.details.pop()) {
            let node = builder.object(address)?;
            let [low, high] = detail.size.map(u64::from);
            let bytes = high << 32 | low;
            let kind = kinds.of(builder, detail.kind, bytes)?;
            children.clear();
            for _ in 0..detail.edges {
                let Some(target) = self.edges.pop() else {
                    break;
                };
                children.push(builder.object(target)?);
            }
            builder.describe(node, kind, bytes, &children)?;
        }
        Ok(())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves of a number are what is asked for"
)]
fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

/// The types in the graph of the numbers that objects have.
struct Kinds {
    /// The id of each number.
    ids: Vec<u64>,
    /// The type in the graph of each id that the stream defined, or that was asked for.
    defined: HashMap<u64, i32>,
    /// The types of big objects, by name alone: so does dotnet-gcdump.
    big: HashMap<Box<str>, i32>,
}

impl Kinds {
    fn new(numbers: &HashMap<u64, u32>, defined: HashMap<u64, i32>) -> Self {
        let mut ids = vec![0; numbers.len()];
        for (id, number) in numbers {
            if let Some(place) = ids.get_mut(*number as usize) {
                *place = *id;
            }
        }
        Self {
            ids,
            defined,
            big: HashMap::new(),
        }
    }

    /// The type of an object of this many bytes.
    fn of(&mut self, builder: &mut Builder, number: u32, bytes: u64) -> Result<i32, Full> {
        let id = self.ids.get(number as usize).copied().unwrap_or_default();
        let kind = match self.defined.get(&id) {
            Some(kind) => *kind,
            None => self.unknown(builder, id)?,
        };
        let size = i32::try_from(bytes).unwrap_or(i32::MAX);
        if size > BIG {
            self.big(builder, kind, size)
        } else {
            Ok(kind)
        }
    }

    fn unknown(&mut self, builder: &mut Builder, id: u64) -> Result<i32, Full> {
        let kind = builder.named(&format!("{UNKNOWN}{id:x}"), None)?;
        self.defined.insert(id, kind);
        Ok(kind)
    }

    fn big(&mut self, builder: &mut Builder, kind: i32, size: i32) -> Result<i32, Full> {
        let Some(plain) = builder.kind_at(kind) else {
            return Ok(kind);
        };
        let name = format!("{}{}", plain.name, size_class(size));
        if let Some(known) = self.big.get(name.as_str()) {
            return Ok(*known);
        }
        let module = plain.module.clone();
        let made = builder.named(&name, module.as_deref())?;
        self.big.insert(name.into(), made);
        Ok(made)
    }
}
