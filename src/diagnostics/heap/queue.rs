//! Many small values that are put in one end and taken out of the other, in memory that is given back
//! while they leave. So a graph can grow out of the objects of a stream without both standing there whole.

use std::collections::VecDeque;

/// Values of a piece: large enough to cost nothing, small enough to be given back soon.
const PIECE: usize = 4096;

pub(super) struct Queue<T> {
    pieces: VecDeque<Vec<T>>,
    /// How many values of the first piece are out.
    taken: usize,
}

impl<T: Copy> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            pieces: VecDeque::new(),
            taken: 0,
        }
    }

    /// The bytes that all pieces take.
    pub(super) fn weight(&self) -> usize {
        self.pieces.len() * PIECE * size_of::<T>()
    }

    pub(super) fn push(&mut self, value: T) {
        let room = self.pieces.back().is_some_and(|piece| piece.len() < PIECE);
        if !room {
            self.pieces.push_back(Vec::with_capacity(PIECE));
        }
        if let Some(piece) = self.pieces.back_mut() {
            piece.push(value);
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let first = self.pieces.front()?;
        let value = first.get(self.taken).copied()?;
        self.taken += 1;
        if self.taken == PIECE {
            self.pieces.pop_front();
            self.taken = 0;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out_over_several_pieces() {
        let mut queue = Queue::new();
        for value in 0..PIECE * 2 + 3 {
            queue.push(value);
        }
        let full = queue.weight();
        for value in 0..=PIECE {
            assert_eq!(queue.pop(), Some(value));
        }
        assert!(queue.weight() < full, "the first piece is given back");
        queue.push(7);
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest.len(), PIECE + 3);
        assert_eq!(rest.last(), Some(&7));
    }
}
