//! The events of a heap walk, out of their payloads.
//!
//! Payloads come from a process that nobody vouches for: a number of elements is believed only as far
//! as bytes are there. (dotnet/runtime ClrEtwAll.man; microsoft/perfview ClrTraceEventParser.)

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
pub(super) struct Payload<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Payload<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
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

    pub(super) fn u8(&mut self, part: &'static str) -> Result<u8, PayloadError> {
        self.array::<1>(part).map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self, part: &'static str) -> Result<u16, PayloadError> {
        self.array(part).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, part: &'static str) -> Result<u32, PayloadError> {
        self.array(part).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, part: &'static str) -> Result<u64, PayloadError> {
        self.array(part).map(u64::from_le_bytes)
    }

    /// UTF-16 up to a zero unit; what is no text becomes the replacement character.
    pub(super) fn text(&mut self, part: &'static str) -> Result<String, PayloadError> {
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

    /// The head of a bulk event: its number of elements.
    pub(super) fn bulk(&mut self) -> Result<u32, PayloadError> {
        self.u32("the index of the event")?;
        let count = self.u32("the number of elements")?;
        self.u16("the number of the runtime")?;
        Ok(count)
    }
}

/// The start of a garbage collection.
pub(super) struct Start {
    pub(super) count: u32,
    pub(super) depth: u32,
    pub(super) reason: u32,
    pub(super) kind: u32,
}

impl Start {
    /// A full, blocking collection that somebody asked for: the kind within which a heap is walked.
    pub(super) fn may_walk(&self) -> bool {
        const INDUCED: u32 = 1;
        const BLOCKING: u32 = 0;
        self.depth >= 2 && self.reason == INDUCED && self.kind == BLOCKING
    }

    pub(super) fn read(payload: &mut Payload<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            count: payload.u32("the number of the collection")?,
            depth: payload.u32("the generation")?,
            reason: payload.u32("the reason")?,
            kind: payload.u32("the kind of the collection")?,
        })
    }
}

/// A type of objects.
pub(super) struct Type {
    pub(super) id: u64,
    pub(super) module: u64,
    pub(super) token: u32,
    pub(super) flags: u32,
    pub(super) name: String,
}

impl Type {
    pub(super) fn read(payload: &mut Payload<'_>) -> Result<Self, PayloadError> {
        let kind = Self {
            id: payload.u64("the id of a type")?,
            module: payload.u64("the module of a type")?,
            token: payload.u32("the token of a type")?,
            flags: payload.u32("the flags of a type")?,
            name: {
                payload.u8("the element type of a type")?;
                payload.text("the name of a type")?
            },
        };
        for _ in 0..payload.u32("the number of type parameters")? {
            payload.u64("a type parameter")?;
        }
        Ok(kind)
    }
}

/// An object.
pub(super) struct Object {
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) kind: u64,
    pub(super) edges: u64,
}

impl Object {
    pub(super) fn read(payload: &mut Payload<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            address: payload.u64("the address of an object")?,
            size: payload.u64("the size of an object")?,
            kind: payload.u64("the type of an object")?,
            edges: payload.u64("the number of references of an object")?,
        })
    }
}

/// What an object points at.
pub(super) fn edge(payload: &mut Payload<'_>) -> Result<u64, PayloadError> {
    let target = payload.u64("the target of a reference")?;
    payload.u32("the field of a reference")?;
    Ok(target)
}

/// What a root points at.
pub(super) struct Root {
    pub(super) address: u64,
    pub(super) kind: u8,
    pub(super) flags: u32,
}

impl Root {
    pub(super) fn read(payload: &mut Payload<'_>) -> Result<Self, PayloadError> {
        let root = Self {
            address: payload.u64("the target of a root")?,
            kind: payload.u8("the kind of a root")?,
            flags: payload.u32("the flags of a root")?,
        };
        payload.u64("the id of a root")?;
        Ok(root)
    }
}

/// An object that lives as long as another; none if that one is gone.
pub(super) fn dependent(payload: &mut Payload<'_>) -> Result<Option<u64>, PayloadError> {
    let key = payload.u64("the key of a dependent handle")?;
    let value = payload.u64("the value of a dependent handle")?;
    payload.u64("the id of a dependent handle")?;
    Ok(Some(value).filter(|_| key != 0))
}

/// A static variable.
#[derive(Debug)]
pub(super) struct Static {
    pub(super) object: u64,
    pub(super) kind: u64,
    pub(super) of_thread: bool,
    pub(super) field: Box<str>,
}

impl Static {
    pub(super) fn read(payload: &mut Payload<'_>) -> Result<Self, PayloadError> {
        payload.u64("the id of a static variable")?;
        Ok(Self {
            object: payload.u64("the object of a static variable")?,
            kind: payload.u64("the type of a static variable")?,
            of_thread: payload.u32("the flags of a static variable")? & 1 != 0,
            field: payload.text("the name of a static variable")?.into(),
        })
    }
}
