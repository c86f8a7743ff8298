//! The events of a heap walk: `id u8, length u16, payload`, one after the other. A heap or an error, in bounded memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidebox::diagnostics::heap::{Snapshot, read, write};

/// Far above what the events of one input need.
const ROOM: usize = 16 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut snapshot = Snapshot::new(ROOM);
    let mut rest = bytes;
    while let Some(([id, low, high], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (payload, next) = after.split_at(length);
        if snapshot.event(u32::from(*id), payload).is_err() {
            return;
        }
        rest = next;
    }
    snapshot.module(0x50, "/app/Shop.dll");
    let Ok(graph) = snapshot.graph() else {
        return;
    };
    let mut written = Vec::new();
    write(&graph, &mut written).expect("a graph that fits into a file");
    assert_eq!(read(&*written).as_ref().ok(), Some(&graph));
});
