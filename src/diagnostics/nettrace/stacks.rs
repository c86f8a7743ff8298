//! Which addresses are on a stack? Stacks are written once and named by number until the next sequence point.

use crate::diagnostics::payload::{Payload, PayloadError};

/// Bytes of stacks that are kept between two sequence points. The runtime writes one about every 10 MB.
pub(super) const MOST: usize = 256 << 20;

/// The stacks since the last sequence point.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    blocks: Vec<Block>,
    weight: usize,
}

/// Stacks of consecutive numbers.
#[derive(Debug)]
struct Block {
    first: u32,
    /// Where each stack ends in the addresses.
    ends: Vec<u32>,
    addresses: Vec<u8>,
}

impl Stacks {
    /// Forgets all: their numbers are given again.
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        self.weight = 0;
    }

    /// The bytes that all take.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Takes a block of stacks.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), PayloadError> {
        let mut from = Payload::new(bytes);
        let first = from.u32("the first stack")?;
        let count = from.u32("the number of stacks")?;
        let mut block = Block {
            first,
            ends: Vec::new(),
            addresses: Vec::new(),
        };
        for _ in 0..count {
            let length = from.u32("the length of a stack")?;
            let addresses = from.bytes(length as usize, "a stack")?;
            block.addresses.extend_from_slice(addresses);
            // A block is shorter than 4 GiB.
            block
                .ends
                .push(u32::try_from(block.addresses.len()).unwrap_or(u32::MAX));
        }
        let room = block.addresses.capacity() + block.ends.capacity() * size_of::<u32>();
        self.weight += size_of::<Block>() + room;
        self.blocks.push(block);
        Ok(())
    }

    /// The addresses of a stack as they are written, the innermost first; empty if it is not known.
    pub(super) fn get(&self, number: u32) -> &[u8] {
        let after = self.blocks.partition_point(|block| block.first <= number);
        let found = after.checked_sub(1).and_then(|at| self.blocks.get(at));
        found
            .and_then(|block| block.get(number))
            .unwrap_or_default()
    }
}

impl Block {
    fn get(&self, number: u32) -> Option<&[u8]> {
        let at = number.checked_sub(self.first)? as usize;
        let end = *self.ends.get(at)? as usize;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before));
        self.addresses
            .get(start.map_or(0, |start| *start as usize)..end)
    }
}
