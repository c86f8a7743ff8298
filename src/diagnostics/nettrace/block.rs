//! A block of events: its bytes, and how far they are read.

use std::ops::Range;

use super::header::Header;
use crate::diagnostics::payload::{Payload, PayloadError};

/// The content of a block, and how far it is read.
#[derive(Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Where the content starts in the stream.
    pub(super) offset: u64,
    at: usize,
    header: Header,
    compressed: bool,
}

impl Block {
    /// Passes over all of the content.
    pub(super) fn close(&mut self) {
        self.at = self.bytes.len();
    }

    /// Reads the head of the block: events follow.
    pub(super) fn open(&mut self) -> Result<(), PayloadError> {
        const COMPRESSED: u16 = 1;
        let mut from = Payload::new(&self.bytes);
        let length = from.u16("the length of the block's head")?;
        self.compressed = from.u16("the flags of the block")? & COMPRESSED != 0;
        from.bytes(usize::from(length).saturating_sub(4), "the block's head")?;
        self.at = self.bytes.len() - from.left();
        self.header = Header::default();
        Ok(())
    }

    /// The next event: its head, and where its payload lies.
    pub(super) fn next(&mut self) -> Result<Option<(Header, Range<usize>)>, PayloadError> {
        let mut from = Payload::new(&self.bytes);
        from.bytes(self.at, "the block")?;
        if from.left() == 0 {
            return Ok(None);
        }
        let length = if self.compressed {
            self.header.next(&mut from)?
        } else {
            let (header, length) = Header::full(&mut from)?;
            self.header = header;
            length
        };
        let start = self.bytes.len() - from.left();
        from.bytes(length, "the payload of an event")?;
        let end = start + length;
        let padded = if self.compressed {
            end
        } else {
            end.next_multiple_of(4).min(self.bytes.len())
        };
        self.at = padded;
        Ok(Some((self.header, start..end)))
    }
}
