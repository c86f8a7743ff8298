//! A .gcdump file: read or refused with a place; what was read is looked at whole and written back equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidebox::diagnostics::heap::{Column, Report, read, write};

fuzz_target!(|bytes: &[u8]| {
    let Ok(graph) = read(bytes) else {
        return;
    };
    let references: usize = graph.nodes().map(|node| node.children.count()).sum();
    assert!(references <= bytes.len(), "each reference is a byte of the file");
    assert_eq!(graph.nodes().count(), graph.len(), "every node can be read");
    for column in [Column::FirstObject, Column::Sum] {
        let report = Report::of(&graph, column).with_references(&graph).to_string();
        assert!(report.contains("GC Heap bytes"));
    }
    let mut written = Vec::new();
    write(&graph, &mut written).expect("a graph that fits into a file");
    assert_eq!(read(&*written).as_ref().ok(), Some(&graph));
});
