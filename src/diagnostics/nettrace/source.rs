//! Bytes of the stream in order, with the offset of the next.

use std::io::{ErrorKind, Read};

use super::error::NettraceError;

/// What is read at a time of a block: no length grows a buffer before its bytes came.
const PIECE: usize = 64 * 1024;

pub(super) struct Source<R> {
    input: R,
    offset: u64,
}

/// Why there is nothing more to read.
pub(super) enum Stop {
    /// The stream ended where more was due.
    Cut,
    /// The stream is not what it says, or cannot be had.
    Broken(NettraceError),
}

impl From<NettraceError> for Stop {
    fn from(error: NettraceError) -> Self {
        Self::Broken(error)
    }
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, offset: 0 }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Fills all of the room.
    pub(super) fn fill(&mut self, room: &mut [u8]) -> Result<(), Stop> {
        let mut filled = 0;
        while filled < room.len() {
            match self.input.read(&mut room[filled..]) {
                Ok(0) => return Err(Stop::Cut),
                Ok(read) => {
                    filled += read;
                    self.offset += read as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    let offset = self.offset;
                    return Err(NettraceError::Io { offset, source }.into());
                }
            }
        }
        Ok(())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        self.array().map(u32::from_le_bytes)
    }

    /// Replaces the buffer by so many bytes.
    pub(super) fn block(&mut self, buffer: &mut Vec<u8>, length: usize) -> Result<(), Stop> {
        buffer.clear();
        while buffer.len() < length {
            let start = buffer.len();
            buffer.resize(length.min(start + PIECE), 0);
            if let Err(stop) = self.fill(&mut buffer[start..]) {
                buffer.clear();
                return Err(stop);
            }
        }
        Ok(())
    }

    /// Goes to the next multiple of four of the stream's offset.
    pub(super) fn align(&mut self) -> Result<(), Stop> {
        while !self.offset.is_multiple_of(4) {
            self.array::<1>()?;
        }
        Ok(())
    }
}
