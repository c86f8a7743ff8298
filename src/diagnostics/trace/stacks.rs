//! Stacks as frames. A stack is looked up once, and asked for by its number as long as the numbers stay.

use super::frames::{Frame, Frames};
use super::symbols::{self, Symbols};

/// Stacks as frames, by number.
#[derive(Debug)]
pub(super) struct Stacks<'a> {
    symbols: &'a Symbols,
    /// The frame of every method that was met.
    methods: Vec<Option<Frame>>,
    frames: Vec<Frame>,
    /// Where the stack of a number lies in `frames`.
    known: Vec<Option<(u32, u32)>>,
}

/// Frames of a stack that are kept, the innermost; the runtime writes a hundred at most.
const DEEPEST: usize = 1000;
/// Numbers up to here are remembered; the runtime counts from 1 after every sequence point.
const MOST: usize = 1 << 20;

impl<'a> Stacks<'a> {
    pub(super) fn new(symbols: &'a Symbols) -> Self {
        Self {
            symbols,
            methods: vec![None; symbols.count()],
            frames: Vec::new(),
            known: Vec::new(),
        }
    }

    /// Forgets the numbers: they are given again.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.known.clear();
    }

    /// Takes the stack of a number, as it is written: addresses of so many bytes, innermost first.
    pub(super) fn add(&mut self, number: u32, stack: (&[u8], usize), frames: &mut Frames) {
        let at = number as usize;
        if at >= MOST || self.known.get(at).is_some_and(Option::is_some) {
            return;
        }
        let start = self.frames.len();
        let (bytes, width) = stack;
        let end = bytes.len().min(DEEPEST * width);
        for address in bytes[..end].chunks_exact(width).rev() {
            let frame = self.frame(address, frames);
            self.frames.push(frame);
        }
        if at >= self.known.len() {
            self.known.resize(at + 1, None);
        }
        let range = (u32::try_from(start), u32::try_from(self.frames.len()));
        if let (Ok(start), Ok(end)) = range {
            self.known[at] = Some((start, end));
        }
    }

    fn frame(&mut self, address: &[u8], frames: &mut Frames) -> Frame {
        let address = address
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        let Some(method) = self.symbols.find(address) else {
            return frames.of(symbols::UNKNOWN);
        };
        let mut name = || frames.of(&self.symbols.name(method));
        match self.methods.get_mut(Symbols::number(method)) {
            Some(known) => *known.get_or_insert_with(name),
            None => name(),
        }
    }

    /// The stack of a number, outermost frame first; empty if it is not known.
    pub(super) fn get(&self, number: u32) -> &[Frame] {
        let range = self.known.get(number as usize).copied().flatten();
        let range = range.map(|(start, end)| start as usize..end as usize);
        range
            .and_then(|range| self.frames.get(range))
            .unwrap_or_default()
    }
}
