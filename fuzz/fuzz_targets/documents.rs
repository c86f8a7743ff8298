//! A file of manifests: splitting loses no byte, and what was read is written back equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use sidebox::cli::documents::emit::emit;
use sidebox::cli::documents::json::{self, Spacing};
use sidebox::cli::documents::layout::Layout;
use sidebox::cli::documents::parse::{Syntax, parse};
use sidebox::cli::documents::reading;
use sidebox::cli::documents::source::Source;
use sidebox::cli::documents::tree::Node;

fuzz_target!(|bytes: &[u8]| {
    let source = Source {
        name: "fuzz".to_owned(),
        bytes: bytes.to_owned(),
    };
    let documents = reading::read(&source);
    let whole: Vec<u8> = documents.iter().flat_map(|d| d.raw().to_owned()).collect();
    assert_eq!(whole, bytes, "all documents make the source");
    for tree in documents.iter().filter_map(|document| document.tree()) {
        written(tree);
        as_json(tree);
    }
});

fn written(tree: &Node) {
    let text = emit(tree, Layout::of(tree));
    let read = parse(&text, Syntax::Yaml).ok().and_then(|parsed| parsed.root);
    assert!(read.is_some_and(|read| read.same(tree)), "emitted:\n{text}");
}

/// What is written as JSON is JSON, and reads back as what was meant.
fn as_json(tree: &Node) {
    let text = json::write(tree, &Spacing::Compact);
    let strict = serde_json::from_str::<&RawValue>(&text);
    assert!(strict.is_ok(), "{strict:?}: {text}");
    let read = json::read(&text).map(|node| json::write(&node, &Spacing::Compact));
    assert_eq!(read.as_ref(), Ok(&text));
}
