//! The fields of an event, one after the other.
//!
//! Payloads come from a process that nobody vouches for: whatever does not fit is an error with its place.

/// Why a payload is not that of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its payload of {length} bytes ends inside {part} at byte {at}")]
pub struct PayloadError {
    /// What could not be read.
    pub part: &'static str,
    /// Where it starts within the payload.
    pub at: usize,
    /// Bytes of the payload.
    pub length: usize,
}

/// A payload that is read from front to back.
#[derive(Debug, Clone)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Payload<'a> {
    /// Nothing read yet.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next bytes as they are.
    pub fn bytes(&mut self, count: usize, part: &'static str) -> Result<&'a [u8], PayloadError> {
        let rest = &self.bytes[self.at..];
        let bytes = rest.get(..count).ok_or_else(|| self.short(part))?;
        self.at += count;
        Ok(bytes)
    }

    /// The next bytes, of a fixed number.
    pub fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], PayloadError> {
        let rest = &self.bytes[self.at..];
        let bytes = rest.first_chunk::<N>().ok_or_else(|| self.short(part))?;
        self.at += N;
        Ok(*bytes)
    }

    fn short(&self, part: &'static str) -> PayloadError {
        PayloadError {
            part,
            at: self.at,
            length: self.bytes.len(),
        }
    }

    /// A byte.
    pub fn u8(&mut self, part: &'static str) -> Result<u8, PayloadError> {
        self.array::<1>(part).map(|[byte]| byte)
    }

    /// Two bytes.
    pub fn u16(&mut self, part: &'static str) -> Result<u16, PayloadError> {
        self.array(part).map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self, part: &'static str) -> Result<u32, PayloadError> {
        self.array(part).map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self, part: &'static str) -> Result<u64, PayloadError> {
        self.array(part).map(u64::from_le_bytes)
    }

    /// UTF-16 up to a zero unit; what is no text becomes the replacement character.
    pub fn text(&mut self, part: &'static str) -> Result<String, PayloadError> {
        let (units, _) = self.bytes[self.at..].as_chunks::<2>();
        let end = units.iter().position(|unit| *unit == [0, 0]);
        let end = end.ok_or_else(|| self.short(part))?;
        self.at += (end + 1) * 2;
        let units = units.iter().take(end).map(|unit| u16::from_le_bytes(*unit));
        Ok(char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect())
    }
}
