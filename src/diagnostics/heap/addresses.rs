//! Which node stands at an address? Numbers addresses in the order in which they are first named.
//!
//! A table of our own: it holds indexes into the list of addresses that the graph needs anyway, four
//! bytes instead of a map's seventeen. Addresses come from another process, so the hash is keyed.

use std::hash::{BuildHasher, RandomState};

/// Slots of the first table; a power of two.
const FIRST: usize = 1 << 10;

/// The addresses of all nodes by index, and the way back for those that are objects.
pub(super) struct Addresses {
    list: Vec<u64>,
    /// Index + 1 of the address that hashes here or before; 0 for none.
    slots: Vec<u32>,
    used: usize,
    multiplier: u64,
}

impl Addresses {
    pub(super) fn new() -> Self {
        Self {
            list: Vec::new(),
            slots: vec![0; FIRST],
            used: 0,
            multiplier: RandomState::new().hash_one(0_u8) | 1,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The bytes that list and table take.
    pub(super) fn weight(&self) -> usize {
        self.list.capacity() * size_of::<u64>() + self.slots.capacity() * size_of::<u32>()
    }

    pub(super) fn into_list(self) -> Vec<u64> {
        self.list
    }

    /// A node without an address; `None` when all indexes are taken.
    pub(super) fn unplaced(&mut self) -> Option<i32> {
        let index = i32::try_from(self.list.len()).ok()?;
        self.list.push(0);
        Some(index)
    }

    /// The node at an address, a new one if it was never named; `None` when all indexes are taken.
    pub(super) fn at(&mut self, address: u64) -> Option<i32> {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let slot = self.slot(address);
        if let Some(known) = self.slots.get(slot).and_then(|mark| mark.checked_sub(1)) {
            return i32::try_from(known).ok();
        }
        let index = i32::try_from(self.list.len()).ok()?;
        self.list.push(address);
        self.fill(slot, index.unsigned_abs());
        Some(index)
    }

    /// The slot that holds the address, or the empty one where it belongs.
    fn slot(&self, address: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hash(address) & mask;
        while let Some(index) = self.slots.get(slot).and_then(|mark| mark.checked_sub(1)) {
            if self.list.get(index as usize) == Some(&address) {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    /// Multiply and shift: the upper bits depend on all of the address.
    fn hash(&self, address: u64) -> usize {
        (address.wrapping_mul(self.multiplier) >> 32) as usize
    }

    fn fill(&mut self, slot: usize, index: u32) {
        if let Some(mark) = self.slots.get_mut(slot) {
            *mark = index + 1;
            self.used += 1;
        }
    }

    fn grow(&mut self) {
        let twice = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![0; twice]);
        self.used = 0;
        for index in old.into_iter().filter_map(|mark| mark.checked_sub(1)) {
            if let Some(address) = self.list.get(index as usize) {
                self.fill(self.slot(*address), index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn indexes_are_those_of_first_mention(
            addresses in prop::collection::vec(0_u64..3000, 0..6000),
        ) {
            let mut table = Addresses::new();
            let mut known = HashMap::new();
            for address in addresses {
                let next = i32::try_from(known.len()).unwrap();
                let expected = *known.entry(address * 8).or_insert(next);
                prop_assert_eq!(table.at(address * 8), Some(expected));
            }
            prop_assert_eq!(table.len(), known.len());
            let list = table.into_list();
            prop_assert!(known.iter().all(|(address, at)| list[usize::try_from(*at).unwrap()] == *address));
        }
    }

    #[test]
    fn a_node_without_an_address_is_not_the_one_at_zero() {
        let mut table = Addresses::new();
        assert_eq!(table.unplaced(), Some(0));
        assert_eq!(table.at(0), Some(1));
        assert_eq!(table.at(0), Some(1));
        assert_eq!(table.unplaced(), Some(2));
    }
}
