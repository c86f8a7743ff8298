//! Heap graphs and their files, against what dotnet-gcdump wrote, and against bytes that lie.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be read or made fails the test"
)]

#[path = "../dotnet/mod.rs"]
mod dotnet;
mod hostile;

use std::fs;
use std::path::PathBuf;

use dotnet::{Dotnet, Version};
use sidebox::diagnostics::heap::{Column, Graph, Report, read, write};

/// The reference files of both versions; none where there are none.
fn references() -> Vec<PathBuf> {
    let Some(dotnet) = Dotnet::find() else {
        return Vec::new();
    };
    Version::ALL
        .into_iter()
        .filter_map(|version| dotnet.reference(version))
        .collect()
}

fn written(graph: &Graph) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(graph, &mut bytes).unwrap();
    bytes
}

#[test]
fn files_of_dotnet_gcdump_are_read_and_reported_as_it_does() {
    for folder in references() {
        for name in ["heap", "gcheap"] {
            let graph =
                read(&*fs::read(folder.join(name).with_extension("gcdump")).unwrap()).unwrap();
            let expected =
                fs::read_to_string(folder.join(name).with_extension("report.txt")).unwrap();
            let report = Report::of(&graph, Column::FirstObject).to_string();
            assert_eq!(report, expected, "{name} of {}", folder.display());
        }
    }
}

#[test]
fn a_file_that_was_read_is_written_byte_for_byte() {
    for folder in references() {
        let bytes = fs::read(folder.join("heap.gcdump")).unwrap();
        let again = written(&read(&*bytes).unwrap());
        assert!(again == bytes, "{}", folder.display());
    }
}

#[test]
fn the_heap_of_an_event_stream_is_that_of_microsofts_reader() {
    for folder in references() {
        let stream = fs::File::open(folder.join("gcheap.nettrace")).unwrap();
        let graph = sidebox::diagnostics::heap::graph(stream, 64 << 20).unwrap();
        let expected = fs::read(folder.join("gcheap.gcdump")).unwrap();
        assert!(written(&graph) == expected, "{}", folder.display());
        let report = Report::of(&graph, Column::FirstObject).to_string();
        assert_eq!(
            report,
            fs::read_to_string(folder.join("gcheap.report.txt")).unwrap()
        );
    }
}

#[test]
fn sums_of_types_are_the_size_of_the_heap() {
    for folder in references() {
        let graph = read(&*fs::read(folder.join("heap.gcdump")).unwrap()).unwrap();
        let report = Report::of(&graph, Column::Sum).to_string();
        let rows: Vec<_> = report.lines().skip(4).collect();
        let bytes = |row: &str| -> i64 {
            let first = row.split_whitespace().next().unwrap();
            first.replace(',', "").parse().unwrap()
        };
        let sum: i64 = rows.iter().map(|row| bytes(row)).sum();
        assert_eq!(sum, graph.total_size());
        assert!(rows.is_sorted_by(|a, b| bytes(a) >= bytes(b)));
        // Strings take more than any other type, although the first of them is small.
        assert!(
            rows[..3]
                .iter()
                .any(|row| row.contains("  System.String  "))
        );
        assert!(!report.contains("(Bytes >"));
    }
}
