//! The events of a heap walk, out of their payloads.
//!
//! Payloads come from a process that nobody vouches for: a number of elements is believed only as far
//! as bytes are there. (dotnet/runtime ClrEtwAll.man; microsoft/perfview ClrTraceEventParser.)

use crate::diagnostics::payload::{Payload, PayloadError};

/// The head of a bulk event: its number of elements.
pub(super) fn bulk(payload: &mut Payload<'_>) -> Result<u32, PayloadError> {
    payload.u32("the index of the event")?;
    let count = payload.u32("the number of elements")?;
    payload.u16("the number of the runtime")?;
    Ok(count)
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
