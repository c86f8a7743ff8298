//! Facts from a file of Kubernetes objects.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use super::documents::{Node, parse, split, to_json};
use crate::inject::facts::Facts;
use crate::inject::facts::objects::{self, Completeness};

/// Reads a file of Namespaces, claims, LimitRanges and ResourceQuotas. Of a namespace whose
/// Namespace is in the file everything is in it: a claim that is not is missing.
pub(super) fn parse_file(file: &str, content: &[u8]) -> anyhow::Result<BTreeMap<String, Facts>> {
    let text = std::str::from_utf8(content).with_context(|| format!("{file} is not UTF-8"))?;
    let mut values = Vec::new();
    for document in split(text) {
        let node = parse(document.text, document.line).with_context(|| file.to_owned())?;
        values.extend(node.iter().flat_map(values_of));
    }
    objects::read(&values, Completeness::Whole).with_context(|| file.to_owned())
}

/// The objects of a document, those of a `List` one by one.
pub(super) fn values_of(node: &Node) -> Vec<Value> {
    let is_list = node
        .get("kind")
        .and_then(Node::text)
        .is_some_and(|kind| kind.ends_with("List"));
    match node.get("items").filter(|_| is_list) {
        Some(items) => items.items().iter().flat_map(values_of).collect(),
        None => serde_json::from_str(&to_json(node)).into_iter().collect(),
    }
}
