//! A file of manifests: splitting loses no byte, and what was read is written back equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidebox::cli::documents::{Document, emit, json, parse, rewrite, split, to_json};

fuzz_target!(|text: &str| {
    let documents = split(text);
    let whole: String = documents.iter().map(|document| document.text).collect();
    assert_eq!(whole, text, "all documents make the source");
    for document in documents {
        yaml(document);
    }
    if let Ok(node) = json(text) {
        let written = to_json(&node);
        assert_eq!(json(&written).as_ref(), Ok(&node), "{written}");
    }
});

fn yaml(document: Document<'_>) {
    let Ok(Some(node)) = parse(document.text, document.line) else {
        return;
    };
    let written = emit(&node, document.text);
    let read = parse(&written, 1).ok().flatten();
    assert_eq!(read.as_ref(), Some(&node), "emitted:\n{written}");
    // A document that cannot be written back is an error for its reader, never a panic.
    let _ = rewrite(document, &node);
}
