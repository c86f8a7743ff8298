//! Event streams made by hand: what a runtime would write of given events.

#![allow(
    dead_code,
    reason = "each test crate that includes this module uses its own part of it"
)]

/// Bytes of a stream that grows.
pub(crate) struct Stream(Vec<u8>);

/// An event to be written.
pub(crate) struct Written<'a> {
    /// Number of its kind in the stream.
    pub(crate) kind: u8,
    /// Its thread.
    pub(crate) thread: u8,
    /// Its number within the thread.
    pub(crate) sequence: u8,
    /// Its stack.
    pub(crate) stack: u8,
    /// Its payload.
    pub(crate) payload: &'a [u8],
}

impl Stream {
    /// The start of a stream: 64 bits, nanoseconds, 2026-11-23 15:34:49.065.
    pub(crate) fn new() -> Self {
        let mut stream = Self(b"Nettrace\x14\0\0\0!FastSerialization.1".to_vec());
        stream.begin("Trace", 4);
        for part in [2026_u16, 11, 1, 23, 15, 34, 49, 65] {
            stream.0.extend(part.to_le_bytes());
        }
        stream.0.extend(1000_u64.to_le_bytes());
        stream.0.extend(1_000_000_000_u64.to_le_bytes());
        for part in [8_u32, 1, 2, 1_000_000] {
            stream.0.extend(part.to_le_bytes());
        }
        stream.0.push(6);
        stream
    }

    fn begin(&mut self, name: &str, version: u32) {
        self.0.extend([5, 5, 1]);
        self.0.extend(version.to_le_bytes());
        self.0.extend(version.to_le_bytes());
        self.0
            .extend(u32::try_from(name.len()).unwrap().to_le_bytes());
        self.0.extend(name.as_bytes());
        self.0.push(6);
    }

    /// A block of any content.
    pub(crate) fn block(mut self, name: &str, content: &[u8]) -> Self {
        self.begin(name, 2);
        self.0
            .extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.0.extend(content);
        self.0.push(6);
        self
    }

    /// A kind of event without fields.
    pub(crate) fn kind(self, number: u8, provider: &str, id: u32) -> Self {
        self.described(number, provider, id, ("", &[0; 4]))
    }

    /// A kind of event without fields, of a version.
    pub(crate) fn versioned(self, number: u8, provider: &str, id: u32, version: u8) -> Self {
        self.metadata(number, provider, id, (version, "", &[0; 4]))
    }

    /// A kind of event with a name and the description of its fields.
    pub(crate) fn described(
        self,
        number: u8,
        provider: &str,
        id: u32,
        (name, fields): (&str, &[u8]),
    ) -> Self {
        self.metadata(number, provider, id, (0, name, fields))
    }

    fn metadata(
        self,
        number: u8,
        provider: &str,
        id: u32,
        (version, name, fields): (u8, &str, &[u8]),
    ) -> Self {
        let mut payload = u32::from(number).to_le_bytes().to_vec();
        payload.extend(text(provider));
        payload.extend(id.to_le_bytes());
        payload.extend(text(name));
        payload.extend([0; 8]);
        payload.extend(u32::from(version).to_le_bytes());
        payload.extend([0; 4]);
        payload.extend(fields);
        let mut block = head();
        block.extend([0x80, 0]);
        block.extend(varint(payload.len()));
        block.extend(payload);
        self.block("MetadataBlock", &block)
    }

    /// A block of events, each a tick after the one before.
    pub(crate) fn events(self, events: &[Written<'_>]) -> Self {
        let mut block = head();
        let mut before = 0_u32;
        for event in events {
            // The sequence is a difference, which wraps, and of which every event takes one by itself.
            let sequence = u32::from(event.sequence);
            let more = varint(sequence.wrapping_sub(before).wrapping_sub(1) as usize);
            before = sequence;
            block.extend([0x8f, event.kind]);
            block.extend(more);
            block.extend([event.thread, 0, event.thread, event.stack, 1]);
            block.extend(varint(event.payload.len()));
            block.extend(event.payload);
        }
        self.block("EventBlock", &block)
    }

    /// A sequence point: threads with the numbers that they have reached.
    pub(crate) fn point(self, threads: &[(u64, u32)]) -> Self {
        let mut content = 0_u64.to_le_bytes().to_vec();
        content.extend(u32::try_from(threads.len()).unwrap().to_le_bytes());
        for (thread, number) in threads {
            content.extend(thread.to_le_bytes());
            content.extend(number.to_le_bytes());
        }
        self.block("SPBlock", &content)
    }

    /// The whole stream.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.push(1);
        self.0
    }
}

/// The head of a block of compressed events.
fn head() -> Vec<u8> {
    let mut head = vec![20, 0, 1, 0];
    head.extend([0; 16]);
    head
}

/// UTF-16 with its zero.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().chain([0]);
    units.flat_map(u16::to_le_bytes).collect()
}

/// A number in as many bytes as it needs.
pub(crate) fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
