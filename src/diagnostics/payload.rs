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
pub(in crate::diagnostics) struct Payload<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Payload<'a> {
    pub(in crate::diagnostics) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], PayloadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
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

    pub(in crate::diagnostics) fn u8(&mut self, part: &'static str) -> Result<u8, PayloadError> {
        self.array::<1>(part).map(|[byte]| byte)
    }

    pub(in crate::diagnostics) fn u16(&mut self, part: &'static str) -> Result<u16, PayloadError> {
        self.array(part).map(u16::from_le_bytes)
    }

    pub(in crate::diagnostics) fn u32(&mut self, part: &'static str) -> Result<u32, PayloadError> {
        self.array(part).map(u32::from_le_bytes)
    }

    pub(in crate::diagnostics) fn u64(&mut self, part: &'static str) -> Result<u64, PayloadError> {
        self.array(part).map(u64::from_le_bytes)
    }

    /// UTF-16 up to a zero unit; what is no text becomes the replacement character.
    pub(in crate::diagnostics) fn text(
        &mut self,
        part: &'static str,
    ) -> Result<String, PayloadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (units, _) = rest.as_chunks::<2>();
        let end = units.iter().position(|unit| *unit == [0, 0]);
        let end = end.ok_or_else(|| self.short(part))?;
        self.at += (end + 1) * 2;
        let units = units.iter().take(end).map(|unit| u16::from_le_bytes(*unit));
        Ok(char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect())
    }
}
