//! Up to which byte is an event stream whole? Follows the frames of its objects, without looking into them.
//!
//! A stream is `Nettrace`, `!FastSerialization.1` and then objects: `05 05 01`, version, least reader, name, `06`, body,
//! `06`. Every body but that of `Trace` has its size before it and begins at a multiple of 4 of the stream's offset.
//! (PerfView, TraceEvent/EventPipe/NetTraceFormat_v5.md)

/// The tag behind the last object.
pub(super) const END: u8 = 1;
const BEGIN_OBJECT: u8 = 5;
const END_OBJECT: u8 = 6;
/// `Nettrace`, the length of the next word, `!FastSerialization.1`.
const PREAMBLE: usize = 32;
/// Tags, version, least reader and the name's length.
const HEAD: usize = 15;
/// The longest name that is believed; the real ones have up to 13 characters.
const MAX_NAME: usize = 64;
/// The body of `Trace`, the only one without a size.
const TRACE_BODY: u64 = 48;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Preamble,
    Tag,
    Head,
    Name,
    Size,
    Body(u64),
    Close,
    /// Nothing more: the stream has ended in order.
    Nothing,
    /// This is no stream of the known form.
    Unknown,
}

/// Follows a stream as it passes by.
#[derive(Debug)]
pub(super) struct Objects {
    next: Next,
    /// The part of a frame that has come so far.
    frame: Vec<u8>,
    offset: u64,
    whole: u64,
}

impl Objects {
    pub(super) fn new() -> Self {
        Self {
            next: Next::Preamble,
            frame: Vec::with_capacity(MAX_NAME + 1),
            offset: 0,
            whole: 0,
        }
    }

    /// The length of the stream up to the end of its last whole object.
    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Whether the stream has ended in order.
    pub(super) fn has_ended(&self) -> bool {
        self.next == Next::Nothing
    }

    /// Whether the stream has the form that is known here.
    pub(super) fn is_known(&self) -> bool {
        self.next != Next::Unknown
    }

    /// Takes the next bytes of the stream.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = match self.next {
                Next::Nothing | Next::Unknown => return,
                Next::Body(left) => self.skip(left, bytes.len()),
                _ => self.collect(bytes),
            };
            bytes = &bytes[taken..];
        }
    }

    fn skip(&mut self, left: u64, available: usize) -> usize {
        let taken = available.min(usize::try_from(left).unwrap_or(usize::MAX));
        self.offset += taken as u64;
        let left = left - taken as u64;
        self.next = if left == 0 {
            Next::Close
        } else {
            Next::Body(left)
        };
        taken
    }

    /// Adds to the frame, and reads it when it is complete.
    fn collect(&mut self, bytes: &[u8]) -> usize {
        let wanted = match self.next {
            Next::Preamble => PREAMBLE,
            Next::Head => HEAD,
            Next::Name => HEAD + self.name_length() + 1,
            Next::Size => 4,
            _ => 1,
        };
        let taken = bytes.len().min(wanted - self.frame.len());
        self.frame.extend_from_slice(&bytes[..taken]);
        self.offset += taken as u64;
        if self.frame.len() == wanted {
            self.next = self.after();
            if !matches!(self.next, Next::Head | Next::Name) {
                self.frame.clear();
            }
        }
        taken
    }

    fn name_length(&self) -> usize {
        usize::from(self.frame[11])
    }

    /// What follows the frame that is now complete.
    fn after(&mut self) -> Next {
        match self.next {
            Next::Preamble if self.frame == *b"Nettrace\x14\0\0\0!FastSerialization.1" => {
                self.between()
            }
            Next::Tag if self.frame == [BEGIN_OBJECT] => Next::Head,
            Next::Tag if self.frame == [END] => {
                self.whole = self.offset;
                Next::Nothing
            }
            Next::Head if self.is_head() => Next::Name,
            Next::Name if self.frame.ends_with(&[END_OBJECT]) => self.body(),
            Next::Size => self.sized(),
            Next::Close if self.frame == [END_OBJECT] => self.between(),
            _ => Next::Unknown,
        }
    }

    fn between(&mut self) -> Next {
        self.whole = self.offset;
        Next::Tag
    }

    fn is_head(&self) -> bool {
        let length = u32::from_le_bytes([
            self.frame[11],
            self.frame[12],
            self.frame[13],
            self.frame[14],
        ]);
        self.frame.starts_with(&[BEGIN_OBJECT, BEGIN_OBJECT, 1]) && length as usize <= MAX_NAME
    }

    fn body(&self) -> Next {
        let name = &self.frame[HEAD..self.frame.len() - 1];
        if name == b"Trace" {
            Next::Body(TRACE_BODY)
        } else {
            Next::Size
        }
    }

    fn sized(&self) -> Next {
        let size = u32::from_le_bytes([self.frame[0], self.frame[1], self.frame[2], self.frame[3]]);
        let padding = self.offset.next_multiple_of(4) - self.offset;
        match padding + u64::from(size) {
            0 => Next::Close,
            left => Next::Body(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A stream of these blocks, with the offsets at which it is whole.
    fn stream(blocks: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = b"Nettrace\x14\0\0\0!FastSerialization.1".to_vec();
        let mut whole = vec![bytes.len()];
        let head = |bytes: &mut Vec<u8>, name: &[u8]| {
            bytes.extend([5, 5, 1, 2, 0, 0, 0, 2, 0, 0, 0]);
            bytes.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
            bytes.extend(name);
            bytes.push(6);
        };
        head(&mut bytes, b"Trace");
        bytes.extend([9; 48]);
        bytes.push(6);
        whole.push(bytes.len());
        for block in blocks {
            head(&mut bytes, b"EventBlock");
            bytes.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(*block);
            bytes.push(6);
            whole.push(bytes.len());
        }
        bytes.push(1);
        whole.push(bytes.len());
        (bytes, whole)
    }

    #[test]
    fn it_knows_at_every_byte_what_is_whole() {
        let (bytes, whole) = stream(&[b"abc", b"", b"12345", &[6; 300]]);
        for step in [1, 2, 3, 7, 1000] {
            let mut objects = Objects::new();
            let mut followed = 0;
            for part in bytes.chunks(step) {
                objects.follow(part);
                followed += part.len();
                let expected = whole
                    .iter()
                    .rfind(|end| **end <= followed)
                    .copied()
                    .unwrap_or(0);
                assert_eq!(
                    objects.whole(),
                    expected as u64,
                    "after {followed} bytes in steps of {step}"
                );
            }
            assert!(objects.has_ended() && objects.is_known());
        }
    }

    #[test]
    fn another_form_is_not_followed() {
        let (good, _) = stream(&[b"abc"]);
        for change in [0, 30, 33, 34, 46, 101] {
            let mut bytes = good.clone();
            bytes[change] ^= 0x40;
            let mut objects = Objects::new();
            objects.follow(&bytes);
            assert!(!objects.has_ended(), "byte {change}");
        }
        let mut objects = Objects::new();
        objects.follow(b"Nettrace\0\0\0\0\x06\0\0\0\0\0\0\0 and what format 6 has behind it");
        assert!(!objects.is_known());
        assert_eq!(objects.whole(), 0);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_or_go_backwards(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..99), 0..9)) {
            let mut objects = Objects::new();
            let (good, _) = stream(&[b"x"]);
            objects.follow(&good[..good.len() - 1]);
            for part in parts {
                let before = objects.whole();
                objects.follow(&part);
                prop_assert!(objects.whole() >= before);
            }
        }
    }
}
