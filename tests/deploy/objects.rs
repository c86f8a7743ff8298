//! How are manifests read? By Sidebox's own reader of documents, as JSON values. Must not know what is in them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sidebox::cli::documents::json::{self, Spacing};
use sidebox::cli::documents::reading;
use sidebox::cli::documents::source::Source;

/// A path below the repository's root.
pub(crate) fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file below the repository's root.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All documents of a YAML or JSON text that hold anything.
pub(crate) fn read(text: &str) -> Vec<Value> {
    let source = Source {
        name: "text".into(),
        bytes: text.into(),
    };
    let values = reading::read(&source).into_iter().filter_map(|document| {
        let tree = document.tree()?;
        let value = serde_json::from_str(&json::write(tree, &Spacing::Compact)).unwrap();
        (value != Value::Null).then_some(value)
    });
    values.collect()
}

/// The one document of a text.
pub(crate) fn one(text: &str) -> Value {
    let mut all = read(text);
    assert_eq!(all.len(), 1, "one document is expected in {text}");
    all.remove(0)
}

/// The only object of a kind and name.
pub(crate) fn find<'a>(all: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let mut found = all
        .iter()
        .filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let first = found
        .next()
        .unwrap_or_else(|| panic!("there is no {kind} {name}"));
    assert!(found.next().is_none(), "there are two of {kind} {name}");
    first
}

/// Objects in one order, to compare two sources of them.
pub(crate) fn sorted(mut all: Vec<Value>) -> Vec<Value> {
    all.sort_by_key(|object| {
        let part = |key: &str| object["metadata"][key].to_string();
        format!("{} {} {}", object["kind"], part("namespace"), part("name"))
    });
    all
}
