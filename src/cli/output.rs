//! What a command writes to standard output: documents, JSON, patches or differences.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use similar::TextDiff;

use super::documents::{Node, PodPlace, rewrite, rewrite_json, to_json, to_pretty_json};
use super::manifests::Manifest;
use super::report::wants_colour;

/// The forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The documents; those that do not change byte for byte
    Yaml,
    /// One object, or a List of several
    Json,
    /// The JSON patch of each changed object
    Patch,
    /// The differences
    Diff,
}

/// A changed object's patch, as JSON text.
#[derive(Debug)]
pub(super) struct ObjectPatch {
    pub(super) file: String,
    pub(super) place: PodPlace,
    pub(super) operations: String,
}

/// A document after the command.
#[derive(Debug)]
pub(super) struct Outgoing<'m, 's> {
    pub(super) manifest: &'m Manifest<'s>,
    /// The changed content.
    pub(super) changed: Option<Node>,
}

impl Outgoing<'_, '_> {
    /// The document's text, and whether comments are gone.
    ///
    /// # Errors
    /// When a changed document would not read back the same.
    pub(super) fn text(&self) -> anyhow::Result<(String, bool)> {
        let manifest = self.manifest;
        match &self.changed {
            None => Ok((manifest.document.text.to_owned(), false)),
            Some(node) if manifest.source.is_json() => {
                Ok((rewrite_json(manifest.document.text, node), false))
            }
            Some(node) => {
                let rewritten = rewrite(manifest.document, node)?;
                Ok((rewritten.text, rewritten.comments_lost))
            }
        }
    }
}

/// Documents one after the other; between two sources a marker, where there is none.
pub(super) fn yaml(texts: &[(String, usize)], out: &mut impl Write) -> io::Result<()> {
    let mut last: Option<&(String, usize)> = None;
    for next in texts {
        if let Some((before, source)) = last
            && *source != next.1
        {
            let newline = if before.is_empty() || before.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            let marker = if next.0.trim_start_matches('\u{feff}').starts_with("---") {
                ""
            } else {
                "---\n"
            };
            write!(out, "{newline}{marker}")?;
        }
        out.write_all(next.0.as_bytes())?;
        last = Some(next);
    }
    Ok(())
}

/// One object as it is, several as a List.
pub(super) fn json(outgoing: &[Outgoing<'_, '_>], out: &mut impl Write) -> io::Result<()> {
    let nodes = outgoing
        .iter()
        .filter_map(|o| o.changed.as_ref().or_else(|| o.manifest.node()));
    let objects: Vec<&Node> = nodes.collect();
    if let [only] = objects.as_slice() {
        return writeln!(out, "{}", to_pretty_json(only, 2));
    }
    let items: Vec<String> = objects
        .into_iter()
        .flat_map(flattened)
        .map(to_json)
        .collect();
    let list = format!(
        r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#,
        items.join(",")
    );
    let list = super::documents::json(&list).map_err(io::Error::other)?;
    writeln!(out, "{}", to_pretty_json(&list, 2))
}

/// The objects of a List, else the object.
fn flattened(node: &Node) -> Vec<&Node> {
    let list = node.get("kind").and_then(Node::text) == Some("List");
    match node.get("items").filter(|_| list) {
        Some(items) => items.items().iter().collect(),
        None => vec![node],
    }
}

/// One object's patch as it is, several with the names of their objects.
pub(super) fn patches(patches: &[ObjectPatch], out: &mut impl Write) -> io::Result<()> {
    if let [only] = patches {
        return writeln!(out, "{}", only.operations);
    }
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let entries: Vec<String> = patches
        .iter()
        .map(|patch| {
            let workload = &patch.place.workload;
            format!(
                r#"{{"file":{},"kind":{},"namespace":{},"name":{},"patch":{}}}"#,
                text(&patch.file),
                text(&workload.kind),
                workload
                    .namespace
                    .as_deref()
                    .map_or_else(|| "null".to_owned(), text),
                text(&workload.name),
                patch.operations
            )
        })
        .collect();
    writeln!(out, "[{}]", entries.join(",\n"))
}

/// Unified differences, with colour on a terminal.
pub(super) fn diff(file: &str, before: &str, after: &str, out: &mut impl Write) -> io::Result<()> {
    let diff = TextDiff::from_lines(before, after);
    let unified = diff
        .unified_diff()
        .context_radius(3)
        .header(file, file)
        .to_string();
    let colour = wants_colour(io::stdout().is_terminal());
    for line in unified.lines() {
        let on = match line.as_bytes().first() {
            Some(b'+') if colour => "\x1b[32m",
            Some(b'-') if colour => "\x1b[31m",
            Some(b'@') if colour => "\x1b[36m",
            _ => "",
        };
        let off = if on.is_empty() { "" } else { "\x1b[0m" };
        writeln!(out, "{on}{line}{off}")?;
    }
    Ok(())
}
