//! How many events were lost? Every thread numbers what it writes; a number that is left out is an event that was
//! dropped, since the buffer in the process was full.

use std::collections::HashMap;

/// Threads that are followed between two sequence points.
const MOST: usize = 100_000;

/// The last number of every thread that wrote.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    last: HashMap<u64, u32>,
    lost: u64,
}

impl Sequences {
    /// Events that were lost so far.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Takes the number of an event.
    pub(super) fn event(&mut self, thread: u64, number: u32) {
        if self.last.len() >= MOST && !self.last.contains_key(&thread) {
            return;
        }
        let last = self.last.insert(thread, number).unwrap_or(0);
        // A new thread that has the id of one that ended starts at one again.
        if number != 1 {
            self.miss(last.wrapping_add(1), number);
        }
    }

    /// Takes the number that a thread has reached. Threads that are not named have ended.
    pub(super) fn point(&mut self, numbers: impl Iterator<Item = (u64, u32)>) {
        let before = std::mem::take(&mut self.last);
        for (thread, number) in numbers.take(MOST) {
            let last = before.get(&thread).copied().unwrap_or(0);
            self.miss(last, number);
            self.last.insert(thread, number);
        }
    }

    /// Numbers from `due` up to before `number` did not come.
    fn miss(&mut self, due: u32, number: u32) {
        let missing = number.wrapping_sub(due);
        // A number that goes back is no gap of four thousand million.
        if missing < u32::MAX / 2 {
            self.lost += u64::from(missing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(numbers: &[(u64, u32)], point: &[(u64, u32)]) -> u64 {
        let mut sequences = Sequences::default();
        for (thread, number) in numbers {
            sequences.event(*thread, *number);
        }
        sequences.point(point.iter().copied());
        sequences.lost()
    }

    #[test]
    fn numbers_that_are_left_out_are_events_that_were_lost() {
        assert_eq!(
            lost(&[(1, 1), (1, 2), (2, 1), (1, 3)], &[(1, 3), (2, 1)]),
            0
        );
        assert_eq!(lost(&[(1, 1), (1, 4)], &[(1, 4)]), 2);
        assert_eq!(lost(&[(1, 3)], &[(1, 3)]), 2, "the first ones");
        assert_eq!(lost(&[(1, 1)], &[(1, 5)]), 4, "the last ones");
        assert_eq!(lost(&[], &[(9, 7)]), 7, "all of a thread");
        assert_eq!(
            lost(&[(1, 1), (1, 2), (1, 1), (1, 2)], &[(1, 2)]),
            0,
            "an id used again"
        );
        assert_eq!(
            lost(&[(1, 1), (1, 2), (1, 3), (1, 2)], &[]),
            0,
            "a number that goes back"
        );
    }
}
