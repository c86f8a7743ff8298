//! Names of frames, each once: two bodies of a method are one frame, as in every report.

use std::collections::HashMap;
use std::rc::Rc;

/// A frame by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame(u32);

impl Frame {
    /// Numbers are given in order from 0.
    pub fn number(self) -> usize {
        self.0 as usize
    }

    pub(super) fn code(self) -> u32 {
        self.0
    }

    pub(super) fn of_code(code: u32) -> Self {
        Self(code)
    }
}

/// All frames so far.
#[derive(Debug, Default)]
pub struct Frames {
    names: Vec<Rc<str>>,
    known: HashMap<Rc<str>, Frame>,
    weight: usize,
}

impl Frames {
    /// The frame of a name.
    pub fn of(&mut self, name: &str) -> Frame {
        if let Some(frame) = self.known.get(name) {
            return *frame;
        }
        // There are fewer names than methods and threads, and both are bounded.
        let frame = Frame(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.weight += name.len() + size_of::<(Rc<str>, Rc<str>, Frame)>();
        let name: Rc<str> = name.into();
        self.names.push(Rc::clone(&name));
        self.known.insert(name, frame);
        frame
    }

    /// The bytes that all names take.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// The name of a frame.
    pub fn name(&self, frame: Frame) -> &str {
        self.names.get(frame.number()).map_or("", |name| &**name)
    }

    /// All names, in the order of their numbers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }
}
