//! The primitives of a serialised file, and the errors of reading it.
//!
//! A length in the file never decides how much memory is taken: room grows with the bytes that come.

use std::io::{self, ErrorKind, Read};

use super::super::graph::GraphError;

/// The longest string that is read: names of types and paths stay far below.
const LONGEST_STRING: usize = 1 << 20;

/// Why a `.gcdump` file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GcdumpError {
    /// The file could not be read at all.
    #[error("cannot read on at byte {offset}")]
    Io {
        /// Where it happened, in bytes from the start.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file is shorter than it says.
    #[error("the file ends at byte {offset}, inside {part}: it was cut off")]
    Cut {
        /// The length of the file.
        offset: u64,
        /// What is incomplete.
        part: &'static str,
    },
    /// A value that no such file has.
    #[error("byte {offset}: {part} is {found}, expected {expected}")]
    Wrong {
        /// Where the value starts.
        offset: u64,
        /// What it is the value of.
        part: &'static str,
        /// The value.
        found: String,
        /// What it should have been.
        expected: String,
    },
    /// Records that make no graph.
    #[error("the records that end at byte {offset} make no graph")]
    Graph {
        /// Where the last record ends.
        offset: u64,
        /// What is wrong with them.
        source: GraphError,
    },
}

/// Bytes that are read once, in order, with the offset of the next.
pub(super) struct Source<R> {
    input: R,
    offset: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, offset: 0 }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// An error about the value that ended just now.
    pub(super) fn wrong(
        &self,
        part: &'static str,
        length: u64,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> GcdumpError {
        GcdumpError::Wrong {
            offset: self.offset.saturating_sub(length),
            part,
            found: found.into(),
            expected: expected.into(),
        }
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        part: &'static str,
    ) -> Result<[u8; N], GcdumpError> {
        let mut bytes = [0; N];
        let mut filled = 0;
        while filled < N {
            filled += self.some(&mut bytes[filled..], part)?;
        }
        Ok(bytes)
    }

    /// At least one byte; the end of the file is an error.
    fn some(&mut self, room: &mut [u8], part: &'static str) -> Result<usize, GcdumpError> {
        match self.part(room)? {
            0 => Err(GcdumpError::Cut {
                offset: self.offset,
                part,
            }),
            read => Ok(read),
        }
    }

    /// As many bytes as come at once: none at the end of the file.
    pub(super) fn part(&mut self, room: &mut [u8]) -> Result<usize, GcdumpError> {
        loop {
            match self.input.read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    let offset = self.offset;
                    return Err(GcdumpError::Io { offset, source });
                }
                Ok(read) => {
                    self.offset += read as u64;
                    return Ok(read);
                }
            }
        }
    }

    pub(super) fn u8(&mut self, part: &'static str) -> Result<u8, GcdumpError> {
        self.array::<1>(part).map(|[byte]| byte)
    }

    pub(super) fn i32(&mut self, part: &'static str) -> Result<i32, GcdumpError> {
        self.array(part).map(i32::from_le_bytes)
    }

    pub(super) fn i64(&mut self, part: &'static str) -> Result<i64, GcdumpError> {
        self.array(part).map(i64::from_le_bytes)
    }

    /// A number of things to come.
    pub(super) fn count(&mut self, part: &'static str) -> Result<usize, GcdumpError> {
        let count = self.i32(part)?;
        usize::try_from(count)
            .map_err(|_| self.wrong(part, 4, count.to_string(), "a number from zero on"))
    }

    pub(super) fn expect(&mut self, bytes: &[u8], part: &'static str) -> Result<(), GcdumpError> {
        for expected in bytes {
            let found = self.u8(part)?;
            if found != *expected {
                return Err(self.wrong(part, 1, found.to_string(), expected.to_string()));
            }
        }
        Ok(())
    }

    /// `count` bytes.
    pub(super) fn bytes(
        &mut self,
        count: usize,
        part: &'static str,
    ) -> Result<Vec<u8>, GcdumpError> {
        let mut bytes = Vec::new();
        let mut room = [0; 8192];
        while bytes.len() < count {
            let most = room.len().min(count - bytes.len());
            let read = self.some(&mut room[..most], part)?;
            bytes.extend_from_slice(&room[..read]);
        }
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// A string with its length in bytes before it; -1 is none.
    pub(super) fn string(&mut self, part: &'static str) -> Result<Option<Box<str>>, GcdumpError> {
        let length = self.i32(part)?;
        if length == -1 {
            return Ok(None);
        }
        let fits = usize::try_from(length).ok();
        let length = fits
            .filter(|length| *length <= LONGEST_STRING)
            .ok_or_else(|| {
                let expected = format!("a length of at most {LONGEST_STRING} bytes, or -1");
                self.wrong(part, 4, length.to_string(), expected)
            })?;
        let bytes = self.bytes(length, part)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            self.wrong(part, length as u64, error.utf8_error().to_string(), "UTF-8")
        })?;
        Ok(Some(text.into()))
    }
}
