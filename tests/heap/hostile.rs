//! Files that lie: every one gives an error that tells where, takes memory by its true size only, and ends.

use std::path::Path;

use proptest::prelude::*;
use sidebox::diagnostics::heap::{Column, GcdumpError, Graph, Report, Snapshot, read};

use super::{references, written};

/// A small heap, built from the events of a walk.
pub(crate) fn small() -> Graph {
    let mut snapshot = Snapshot::new(1 << 20);
    for (id, payload) in events() {
        snapshot.event(id, &payload).unwrap();
    }
    snapshot.module(0x50, "/app/Shop.dll");
    snapshot.graph().unwrap()
}

/// Bytes of a payload, part after part.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    fn text(mut self, text: &str) -> Self {
        self.0
            .extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        self.u16(0)
    }
    fn bulk(self, count: u32) -> Self {
        self.u32(0).u32(count).u16(0)
    }
    fn kind(self, id: u64, name: &str) -> Self {
        self.u64(id)
            .u64(0x50)
            .u32(7)
            .u32(0)
            .u8(0)
            .text(name)
            .u32(1)
            .u64(9)
    }
    fn object(self, address: u64, size: u64, kind: u64, edges: u64) -> Self {
        self.u64(address).u64(size).u64(kind).u64(edges)
    }
}

/// A walk: two orders that point at each other, a big array, a static variable, a weak and a strong handle.
pub(crate) fn events() -> Vec<(u32, Vec<u8>)> {
    let new = Bytes::default;
    let root = |bytes: Bytes, address, flags| bytes.u64(address).u8(2).u32(flags).u64(1);
    vec![
        (1, new().u32(5).u32(2).u32(1).u32(0).u16(0).u64(0).0),
        (16, root(root(new().bulk(2), 0x1000, 0), 0x2000, 2).0),
        (17, new().bulk(1).u64(0x1000).u64(0x2000).u64(0).0),
        (
            38,
            new()
                .u32(1)
                .u64(0)
                .u16(0)
                .u64(3)
                .u64(0x3000)
                .u64(0xb0)
                .u32(0)
                .text("orders")
                .0,
        ),
        (
            15,
            new()
                .u32(2)
                .u16(0)
                .kind(0xa0, "Shop.Order`1[System.Int32]")
                .kind(0xb0, "Shop.Order[]")
                .0,
        ),
        (
            18,
            new()
                .bulk(3)
                .object(0x1000, 24, 0xa0, 1)
                .object(0x2000, 32, 0xa0, 1)
                .object(0x3000, 2000, 0xb0, 2)
                .0,
        ),
        (
            19,
            new()
                .bulk(4)
                .u64(0x2000)
                .u32(0)
                .u64(0x1000)
                .u32(0)
                .u64(0x1000)
                .u32(0)
                .u64(0x2000)
                .u32(0)
                .0,
        ),
        (2, new().u32(5).u32(2).u16(0).0),
    ]
}

#[test]
fn the_small_heap_is_what_its_events_say() {
    let graph = small();
    let report = Report::of(&graph, Column::Sum)
        .with_references(&graph)
        .to_string();
    let expected = "          2,056  GC Heap bytes
             10  GC Heap objects
             13  Total references

    Total Bytes     Count  Type
          2,000         1  Shop.Order[]  [Shop.dll]
             56         2  Shop.Order<System.Int32>  [Shop.dll]
";
    assert_eq!(report, expected);
    assert_eq!(read(&*written(&graph)).unwrap(), graph);
}

/// The seeds of the fuzz targets are this heap: they are held against it, and written anew with UPDATE_SEEDS=1.
#[test]
fn seeds_of_the_fuzz_targets_are_this_heap() {
    let mut walk = Vec::new();
    for (id, payload) in events() {
        walk.push(u8::try_from(id).unwrap());
        walk.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
        walk.extend(payload);
    }
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (name, bytes) in [
        ("gcdump/small.gcdump", written(&small())),
        ("heap/walk", walk),
    ] {
        let path = seeds.join(name);
        if std::env::var_os("UPDATE_SEEDS").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == bytes, "{}", path.display());
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error_with_the_place() {
    let bytes = written(&small());
    for length in 0..bytes.len() {
        let error = read(&bytes[..length]).unwrap_err();
        let GcdumpError::Cut { offset, .. } = error else {
            panic!("cut at {length}: {error}");
        };
        assert_eq!(offset, length as u64);
    }
}

#[test]
fn a_count_that_lies_takes_no_memory() {
    let bytes = written(&small());
    // Each number of the file in turn claims two thousand million things.
    for at in 0..bytes.len() - 4 {
        let mut lie = bytes.clone();
        lie[at..at + 4].copy_from_slice(&i32::MAX.to_le_bytes());
        if let Ok(graph) = read(&*lie) {
            assert!(graph.len() <= bytes.len());
        }
    }
}

proptest! {
    #[test]
    fn bytes_that_were_changed_give_a_graph_or_an_error(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = written(&small());
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(graph) = read(&*bytes) {
            // What was accepted can be looked at whole and written again.
            let references: usize = graph.nodes().map(|node| node.children.count()).sum();
            prop_assert!(references <= bytes.len());
            prop_assert_eq!(graph.nodes().count(), graph.len());
            prop_assert_eq!(&read(&*written(&graph)).unwrap(), &graph);
        }
    }

    #[test]
    fn payloads_that_were_changed_give_a_heap_or_an_error(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut events = events();
        for (event, at, value) in changes {
            let event = event.index(events.len());
            let payload = &mut events[event].1;
            let at = at.index(payload.len());
            payload[at] = value;
        }
        let mut snapshot = Snapshot::new(1 << 20);
        let shorter = cut.index(events.len());
        events[shorter].1.pop();
        let taken = events.iter().try_for_each(|(id, payload)| snapshot.event(*id, payload));
        if taken.is_ok() && let Ok(graph) = snapshot.graph() {
            prop_assert_eq!(&read(&*written(&graph)).unwrap(), &graph);
        }
    }
}

#[test]
fn a_reference_file_cut_in_many_places_is_never_whole() {
    for folder in references() {
        let bytes = std::fs::read(folder.join("heap.gcdump")).unwrap();
        for length in (0..bytes.len()).step_by(bytes.len() / 40) {
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
    }
}
