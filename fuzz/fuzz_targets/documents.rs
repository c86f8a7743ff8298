//! A file of manifests: splitting loses no byte, and what was read is written back equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use sidebox::cli::documents::{Document, Node, emit, json, parse, rewrite, split, to_json};

fuzz_target!(|text: &str| {
    let documents = split(text);
    let whole: String = documents.iter().map(|document| document.text).collect();
    assert_eq!(whole, text, "all documents make the source");
    for document in documents {
        yaml(document);
    }
});

fn yaml(document: Document<'_>) {
    let Ok(Some(node)) = parse(document.text, document.line) else {
        return;
    };
    let written = emit(&node, document.text);
    let read = parse(&written, 1).ok().flatten();
    assert_eq!(read.as_ref(), Some(&node), "emitted:\n{written}");
    as_json(&node);
    // A document that cannot be written back is an error for its reader, never a panic.
    let _ = rewrite(document, &node);
}

/// What is written as JSON is JSON, and reads back as what was meant.
fn as_json(node: &Node) {
    let written = to_json(node);
    let strict = serde_json::from_str::<&RawValue>(&written);
    assert!(strict.is_ok(), "{strict:?}: {written}");
    let read = json(&written).map(|node| to_json(&node));
    assert_eq!(read.as_ref(), Ok(&written));
}
