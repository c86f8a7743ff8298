//! What goes to standard output? The documents as YAML, as JSON, as patches or as a difference.
//!
//! Decides nothing about Pods: it is told which documents changed.

use super::diff;
use super::document::{Changed, Document};
use super::edit::{EditError, rebase};
use super::json::{self, Spacing, string};
use super::template::Object;
use super::tree::Node;

/// The spacing of JSON that this program writes of its own.
const INDENT: &str = "  ";

/// The form of the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Every document: unchanged ones byte for byte, JSON as JSON
    #[default]
    Yaml,
    /// One object as it is, several as a List
    Json,
    /// The JSON patch (RFC 6902) of each object that changes
    Patch,
    /// What changes, line by line
    Diff,
}

/// A document on its way out.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// As it came in.
    pub document: Document<'a>,
    /// As it goes out, if it changed.
    pub changed: Option<Changed>,
    /// The patches of its objects, where there are any.
    pub patches: Vec<ObjectPatch>,
}

/// The patch of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPatch {
    /// The object.
    pub object: Object,
    /// The namespace that counts for it.
    pub namespace: String,
    /// JSON pointer, in its document, of the value that the patch is about.
    pub pointer: String,
    /// The JSON patch of that value, as text.
    pub patch: String,
}

/// All documents, one file after the other, as one stream.
pub fn yaml(documents: &[Outgoing<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut before: Option<&Document<'_>> = None;
    for outgoing in documents {
        let document = &outgoing.document;
        let text = match &outgoing.changed {
            Some(changed) => changed.text.as_bytes(),
            None => document.raw(),
        };
        let next_file = before.filter(|before| !std::ptr::eq(before.source, document.source));
        match next_file {
            Some(before) => join_files(&mut out, text, before.is_json() && document.is_json()),
            None => out.extend_from_slice(text),
        }
        before = Some(document);
    }
    out
}

/// Puts a mark between files where the second does not begin with one; JSON values need none.
fn join_files(out: &mut Vec<u8>, text: &[u8], json: bool) {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    if !json && !text.starts_with(b"---") {
        // A directive must not stand inside of the document before it.
        let mark: &[u8] = if text.starts_with(b"%") {
            b"...\n"
        } else {
            b"---\n"
        };
        out.extend_from_slice(mark);
    }
    out.extend_from_slice(text);
}

/// All readable documents as JSON: one object as it is, several as a `List`.
pub fn json(documents: &[Outgoing<'_>]) -> String {
    let trees: Vec<_> = documents
        .iter()
        .filter_map(|outgoing| match &outgoing.changed {
            Some(changed) => Some(&changed.tree),
            None => outgoing.document.tree(),
        })
        .collect();
    let text = match trees.as_slice() {
        [only] => json::write(only, &Spacing::Indented(INDENT.to_owned())),
        several => list(several),
    };
    text + "\n"
}

/// A `List` with the items of `List`s among the objects opened.
fn list(trees: &[&Node]) -> String {
    let mut items = Vec::new();
    for tree in trees {
        match (tree.get("kind"), tree.get("items")) {
            (Some(Node::Scalar(kind)), Some(Node::Sequence(inner))) if kind.text == "List" => {
                items.extend(inner.items.iter());
            }
            _ => items.push(*tree),
        }
    }
    let items: Vec<_> = items
        .iter()
        .map(|item| json::write(item, &Spacing::Compact))
        .collect();
    pretty(&format!(
        r#"{{"apiVersion":"v1","kind":"List","items":{}}}"#,
        array(&items)
    ))
}

/// The patches: of one object the patch alone, of several a list that names each object.
///
/// # Errors
/// [`EditError::BadPatch`] when a patch is none.
pub fn patch(documents: &[Outgoing<'_>]) -> Result<String, EditError> {
    let mut patches = Vec::new();
    for outgoing in documents {
        for patch in &outgoing.patches {
            patches.push((outgoing.document.source.name.as_str(), patch));
        }
    }
    let text = match patches.as_slice() {
        [(_, only)] => of_object(only)?,
        several => {
            let entries = several.iter().map(|(file, patch)| entry(file, patch));
            array(&entries.collect::<Result<Vec<_>, _>>()?)
        }
    };
    Ok(pretty(&text) + "\n")
}

fn entry(file: &str, patch: &ObjectPatch) -> Result<String, EditError> {
    Ok(format!(
        r#"{{"file":{},"kind":{},"namespace":{},"name":{},"patch":{}}}"#,
        string(file),
        string(&patch.object.kind),
        string(&patch.namespace),
        string(&patch.object.name),
        of_object(patch)?
    ))
}

/// The patch with paths from the object's root.
fn of_object(patch: &ObjectPatch) -> Result<String, EditError> {
    let base = patch
        .pointer
        .strip_prefix(&patch.object.pointer)
        .unwrap_or(&patch.pointer);
    Ok(json::write(&rebase(base, &patch.patch)?, &Spacing::Compact))
}

/// The changed documents as unified differences.
pub fn difference(documents: &[Outgoing<'_>], colour: bool) -> String {
    documents
        .iter()
        .filter_map(|outgoing| {
            let changed = outgoing.changed.as_ref()?;
            let names: Vec<_> = outgoing
                .patches
                .iter()
                .map(|patch| format!("{}/{}", patch.object.kind, patch.object.name))
                .collect();
            Some(diff::unified(
                &outgoing.document,
                &changed.text,
                &names.join(" "),
                colour,
            ))
        })
        .collect()
}

fn array(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// JSON text made above, laid out for reading.
fn pretty(text: &str) -> String {
    let spacing = Spacing::Indented(INDENT.to_owned());
    json::read(text).map_or_else(|_| text.to_owned(), |tree| json::write(&tree, &spacing))
}
