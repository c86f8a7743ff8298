//! The head of an event within a block: only what differs from the event before is written.

use crate::diagnostics::payload::{Payload, PayloadError};

/// Bits that say which parts follow.
mod flag {
    pub(super) const METADATA: u8 = 0x01;
    pub(super) const CAPTURE: u8 = 0x02;
    pub(super) const THREAD: u8 = 0x04;
    pub(super) const STACK: u8 = 0x08;
    pub(super) const ACTIVITY: u8 = 0x10;
    pub(super) const RELATED: u8 = 0x20;
    pub(super) const SORTED: u8 = 0x40;
    pub(super) const LENGTH: u8 = 0x80;
}

/// What is known of an event beside its payload. All is zero before the first event of a block.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Header {
    pub(super) metadata: u32,
    pub(super) sequence: u32,
    pub(super) capture_thread: u64,
    pub(super) thread: u64,
    pub(super) stack: u32,
    pub(super) time: u64,
    /// No later event is older.
    pub(super) sorted: bool,
    length: u32,
}

impl Header {
    /// Reads a head; the payload follows.
    pub(super) fn next(&mut self, from: &mut Payload<'_>) -> Result<usize, PayloadError> {
        let flags = from.u8("the flags of an event")?;
        let has = |flag| flags & flag != 0;
        if has(flag::METADATA) {
            self.metadata = varint32(from, "the kind of an event")?;
        }
        if has(flag::CAPTURE) {
            let more = varint32(from, "the sequence number of an event")?;
            self.sequence = self.sequence.wrapping_add(more);
            self.capture_thread = varint64(from, "the writing thread of an event")?;
            varint32(from, "the processor of an event")?;
        }
        if self.metadata != 0 {
            self.sequence = self.sequence.wrapping_add(1);
        }
        if has(flag::THREAD) {
            self.thread = varint64(from, "the thread of an event")?;
        }
        if has(flag::STACK) {
            self.stack = varint32(from, "the stack of an event")?;
        }
        // Events of several threads share a block, so that the difference is often negative: it wraps.
        let later = varint64(from, "the time of an event")?;
        self.time = self.time.wrapping_add(later);
        for (flag, part) in [
            (flag::ACTIVITY, "the activity of an event"),
            (flag::RELATED, "the related activity of an event"),
        ] {
            if has(flag) {
                from.array::<16>(part)?;
            }
        }
        self.sorted = has(flag::SORTED);
        if has(flag::LENGTH) {
            self.length = varint32(from, "the length of an event")?;
        }
        Ok(self.length as usize)
    }

    /// Reads a head that is written in full; the payload follows, padded to four bytes.
    pub(super) fn full(from: &mut Payload<'_>) -> Result<(Self, usize), PayloadError> {
        /// Of the kind of an event: set if the event may be older than one before.
        const UNSORTED: u32 = 1 << 31;
        from.u32("the size of an event")?;
        let metadata = from.u32("the kind of an event")?;
        let sequence = from.u32("the sequence number of an event")?;
        let thread = from.u64("the thread of an event")?;
        let capture_thread = from.u64("the writing thread of an event")?;
        from.u32("the processor of an event")?;
        let stack = from.u32("the stack of an event")?;
        let time = from.u64("the time of an event")?;
        from.array::<32>("the activities of an event")?;
        let length = from.u32("the length of an event")?;
        let header = Self {
            metadata: metadata & !UNSORTED,
            sequence,
            capture_thread,
            thread,
            stack,
            time,
            sorted: metadata & UNSORTED == 0,
            length,
        };
        Ok((header, length as usize))
    }
}

/// Seven bits a byte, the lowest first; 0x80 says that more follow.
fn varint64(from: &mut Payload<'_>, part: &'static str) -> Result<u64, PayloadError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = from.u8(part)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(value)
}

/// What is above 32 bits is cut off, as the runtime's own reader does.
#[expect(
    clippy::cast_possible_truncation,
    reason = "numbers of 32 bits take at most 35 bits here"
)]
fn varint32(from: &mut Payload<'_>, part: &'static str) -> Result<u32, PayloadError> {
    varint64(from, part).map(|value| value as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_stays_as_before_and_times_wrap() {
        // Kind 5, sequence +1, thread 7; then a second event of the same, 3 ticks earlier.
        let mut bytes = vec![0x87, 5, 1, 7, 0, 8, 100, 2];
        bytes.extend([0, 0]);
        bytes.extend([
            0x00, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        ]);
        let mut from = Payload::new(&bytes);
        let mut header = Header::default();
        assert_eq!(header.next(&mut from).unwrap(), 2);
        assert_eq!((header.metadata, header.sequence), (5, 2));
        assert_eq!(
            (header.capture_thread, header.thread, header.time),
            (7, 8, 100)
        );
        from.bytes(2, "the payload").unwrap();
        assert_eq!(header.next(&mut from).unwrap(), 2);
        assert_eq!(
            (header.sequence, header.time, header.sorted),
            (3, 97, false)
        );
        assert_eq!(from.left(), 0);
    }
}
