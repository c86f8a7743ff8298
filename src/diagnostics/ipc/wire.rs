//! How do single values look on the wire? Little-endian, packed; text is UTF-16 with its length.
//!
//! Reading is bounded by the message; every error has the offset where it happened.

/// A message that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at offset {offset}")]
pub struct Unreadable {
    what: &'static str,
    offset: usize,
}

/// Values of a payload, written one after the other.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn bool(self, value: bool) -> Self {
        self.byte(u8::from(value))
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    /// The count of units includes the final zero, which is there for empty text too: no text at all (count 0) means
    /// null, which kills some runtimes.
    pub(super) fn text(mut self, value: &str) -> Self {
        let units = value.encode_utf16().chain([0]);
        let count = u32::try_from(units.clone().count()).unwrap_or(u32::MAX);
        self = self.u32(count);
        self.0.extend(units.flat_map(u16::to_le_bytes));
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Values of a payload, read one after the other.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    fn error(&self, what: &'static str) -> Unreadable {
        Unreadable {
            what,
            offset: self.offset,
        }
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Unreadable> {
        let rest = self.bytes.get(self.offset..).unwrap_or(&[]);
        let taken = rest.get(..count).ok_or_else(|| self.error(what))?;
        self.offset += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let taken = self.take(N, "the message ends too early")?;
        taken
            .try_into()
            .map_err(|_| self.error("the message ends too early"))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Unreadable> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Unreadable> {
        self.array().map(u64::from_le_bytes)
    }

    /// Text without its final zero; what is no valid UTF-16 becomes the replacement character.
    pub(super) fn text(&mut self) -> Result<String, Unreadable> {
        let count = self.u32()? as usize;
        let size = count
            .checked_mul(2)
            .ok_or_else(|| self.error("a text too long to be true"))?;
        let taken = self.take(size, "a text that is longer than its message")?;
        let mut units: Vec<u16> = taken
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
            .collect();
        if units.last() == Some(&0) {
            units.pop();
        }
        Ok(String::from_utf16_lossy(&units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_counted_with_its_final_zero() {
        let bytes = Writer::default().text("aé").text("").into_bytes();
        assert_eq!(
            bytes,
            [3, 0, 0, 0, 0x61, 0, 0xe9, 0, 0, 0, 1, 0, 0, 0, 0, 0]
        );
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.text().unwrap(), "aé");
        assert_eq!(reader.text().unwrap(), "");
        assert_eq!(
            reader.u32().unwrap_err().to_string(),
            "the message ends too early at offset 16"
        );
    }

    #[test]
    fn lengths_that_lie_are_errors_with_their_place() {
        let rows: [(&[u8], &str); 3] = [
            (&[1], "the message ends too early at offset 0"),
            (
                &[2, 0, 0, 0, 0x61, 0, 0],
                "a text that is longer than its message at offset 4",
            ),
            (
                &[0xff; 8],
                "a text that is longer than its message at offset 4",
            ),
        ];
        for (bytes, expected) in rows {
            assert_eq!(Reader::new(bytes).text().unwrap_err().to_string(), expected);
        }
        assert_eq!(
            Reader::new(&[0, 0, 0, 0]).text().unwrap(),
            "",
            "null is no text"
        );
        let lone = Reader::new(&[1, 0, 0, 0, 0, 0xd8]).text().unwrap();
        assert_eq!(lone, "\u{fffd}", "half a pair is replaced");
    }
}
