//! Facts from a file of Kubernetes objects.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;

use super::documents::json::{self, Spacing};
use super::documents::reading;
use super::documents::source::Source;
use super::documents::template::objects;
use super::documents::tree::Node;
use super::manifests::unreadable;
use crate::inject::facts::Facts;
use crate::inject::facts::objects::{self as from_objects, Completeness};

/// Reads a file of Namespaces, claims, LimitRanges and ResourceQuotas. Of a namespace whose
/// Namespace is in the file everything is in it: a claim that is not is missing.
pub(super) fn parse_file(file: &str, content: &[u8]) -> anyhow::Result<BTreeMap<String, Facts>> {
    let source = Source {
        name: file.to_owned(),
        bytes: content.to_owned(),
    };
    let documents = reading::read(&source);
    if let Some((line, reason)) = documents.iter().find_map(unreadable) {
        bail!("{file}:{line}: {reason}");
    }
    let values: Vec<_> = documents
        .iter()
        .filter_map(|d| d.tree())
        .flat_map(objects_of)
        .collect();
    from_objects::read(&values, Completeness::Whole).with_context(|| file.to_owned())
}

/// The objects of a document, those of Lists one by one.
pub(super) fn objects_of(tree: &Node) -> Vec<Value> {
    let nodes = objects(tree)
        .into_iter()
        .filter_map(|object| tree.at(&object.pointer));
    nodes
        .filter_map(|node| serde_json::from_str(&json::write(node, &Spacing::Compact)).ok())
        .collect()
}
