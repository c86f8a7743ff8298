//! Which events of a stream make a heap? Those of one walk, and the names of modules wherever they stand.

use std::io::Read;

use super::graph::Graph;
use super::snapshot::{Snapshot, SnapshotError};
use crate::diagnostics::nettrace::{Event, NettraceError, Reader};
use crate::diagnostics::payload::{Payload, PayloadError};

/// The runtime's own events.
pub(super) const RUNTIME: &str = "Microsoft-Windows-DotNETRuntime";
/// What the runtime writes at the end of a session.
const RUNDOWN: &str = "Microsoft-Windows-DotNETRuntimeRundown";

/// Events that name a module, by provider and id: loaded and unloaded, there at the start and at the end.
const MODULES: [(&str, u32); 4] = [
    (RUNTIME, 152),
    (RUNTIME, 153),
    (RUNDOWN, 153),
    (RUNDOWN, 154),
];

/// Why a stream gives no heap.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The stream cannot be read.
    #[error("the event stream cannot be read")]
    Stream(#[from] NettraceError),
    /// What was read is no whole heap.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl Snapshot {
    /// Takes an event of any provider.
    ///
    /// # Errors
    /// Those of [`Snapshot::event`].
    pub fn take_event(&mut self, event: &Event<'_>) -> Result<(), SnapshotError> {
        let kind = event.kind;
        if MODULES.contains(&(&*kind.provider, kind.id)) {
            let source = |source| SnapshotError::Event {
                id: kind.id,
                source,
            };
            return self.take_module(event.payload).map_err(source);
        }
        if &*kind.provider == RUNTIME {
            return self.event(kind.id, event.payload);
        }
        Ok(())
    }

    fn take_module(&mut self, payload: &[u8]) -> Result<(), PayloadError> {
        let mut from = Payload::new(payload);
        let id = from.u64("the id of a module")?;
        from.array::<16>("the assembly of a module")?;
        self.module(id, &from.text("the path of a module")?);
        Ok(())
    }
}

/// The first heap of a stream, read to its end: names of modules come last. `room` bounds the memory in bytes.
///
/// # Errors
/// The stream cannot be read, holds no heap, or only a part of one.
pub fn graph(input: impl Read, room: usize) -> Result<Graph, StreamError> {
    let mut reader = Reader::new(input)?;
    let mut snapshot = Snapshot::new(room);
    while let Some(event) = reader.next()? {
        snapshot.take_event(&event)?;
    }
    // What was lost within the walk shows with the next events of its thread, long after its end.
    snapshot.lost(reader.lost());
    Ok(snapshot.graph()?)
}
