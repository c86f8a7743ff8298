//! Which kinds of events are in the stream? What it says of each before the first event of the kind.

use std::collections::HashMap;

use super::fields::{self, Field};
use crate::diagnostics::payload::{Payload, PayloadError};

/// Bytes of descriptions that are kept; a runtime with all its providers has some hundred, of some hundred bytes each.
pub(super) const MOST: usize = 64 << 20;

/// A kind of event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventKind {
    /// The provider, such as `Microsoft-Windows-DotNETRuntime`.
    pub provider: Box<str>,
    /// The id within the provider.
    pub id: u32,
    /// The name; the runtime's own events have none.
    pub name: Box<str>,
    /// The groups that it belongs to.
    pub keywords: u64,
    /// The version of its layout.
    pub version: u32,
    /// How important it is: 1 critical to 5 verbose.
    pub level: u32,
    /// Its fields; the runtime's own events describe none.
    pub fields: Vec<Field>,
    /// Start, stop and the like; 0 where nothing is said.
    pub opcode: u8,
}

/// All kinds so far, by their number in the stream.
#[derive(Default)]
pub(super) struct Kinds {
    known: HashMap<u32, EventKind>,
    weight: usize,
}

impl Kinds {
    /// The kind of a number.
    pub(super) fn get(&self, number: u32) -> Option<&EventKind> {
        self.known.get(&number)
    }

    /// The bytes that all take.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Takes the payload of a metadata event. The last description of a number holds.
    pub(super) fn add(&mut self, payload: &[u8]) -> Result<(), PayloadError> {
        let (number, kind) = read(payload)?;
        self.weight += weight(&kind);
        if let Some(before) = self.known.insert(number, kind) {
            self.weight -= weight(&before);
        }
        Ok(())
    }
}

fn weight(kind: &EventKind) -> usize {
    let names = kind.provider.len() + kind.name.len();
    size_of::<EventKind>() + names + fields::weight(&kind.fields)
}

/// Reads the payload of a metadata event.
fn read(payload: &[u8]) -> Result<(u32, EventKind), PayloadError> {
    let mut from = Payload::new(payload);
    let number = from.u32("the number of a kind of event")?;
    let mut kind = EventKind {
        provider: from.text("the provider of a kind of event")?.into(),
        id: from.u32("the id of a kind of event")?,
        name: from.text("the name of a kind of event")?.into(),
        keywords: from.u64("the keywords of a kind of event")?,
        version: from.u32("the version of a kind of event")?,
        level: from.u32("the level of a kind of event")?,
        fields: fields::describe(&mut from, 0)?,
        opcode: 0,
    };
    tags(&mut from, &mut kind);
    Ok((number, kind))
}

/// What newer runtimes add: tagged parts. The first one that cannot be read ends them.
fn tags(from: &mut Payload<'_>, kind: &mut EventKind) {
    const OPCODE: u8 = 1;
    while let (Ok(length), Ok(tag)) = (from.u32("a length"), from.u8("a tag")) {
        let Ok(bytes) = from.bytes(length as usize, "a tagged part") else {
            return;
        };
        if let (OPCODE, [opcode]) = (tag, bytes) {
            kind.opcode = *opcode;
        }
    }
}
