//! Where the Pods are in a document.

use super::tree::Node;
use crate::workload::pod_pointer;

/// An object of a document, and its name for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its kind.
    pub kind: String,
    /// Its name, or its generateName.
    pub name: String,
    /// Its namespace, if it says one.
    pub namespace: Option<String>,
}

/// A Pod or Pod template of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPlace {
    /// JSON pointer of the object that has it: not empty in a List.
    pub object: String,
    /// JSON pointer of the Pod itself.
    pub pod: String,
    /// The object.
    pub workload: Workload,
}

/// Names an object; none if it has no kind.
pub fn workload(object: &Node) -> Option<Workload> {
    let text = |path: &[&str]| object.at(path).and_then(Node::text).map(str::to_owned);
    let name = text(&["metadata", "name"]).or_else(|| text(&["metadata", "generateName"]));
    Some(Workload {
        kind: text(&["kind"])?,
        name: name.unwrap_or_default(),
        namespace: text(&["metadata", "namespace"]),
    })
}

/// All Pods of a document, in order; those of a `List` too.
pub fn pods(document: &Node) -> Vec<PodPlace> {
    let mut found = Vec::new();
    collect(document, String::new(), &mut found);
    found
}

fn collect(object: &Node, pointer: String, found: &mut Vec<PodPlace>) {
    let Some(workload) = workload(object) else {
        return;
    };
    if workload.kind.ends_with("List")
        && let Some(items) = object.get("items")
    {
        for (index, item) in items.items().iter().enumerate() {
            collect(item, format!("{pointer}/items/{index}"), found);
        }
        return;
    }
    let has = |path: &str| {
        object
            .pointer(path)
            .is_some_and(|node| matches!(node, Node::Sequence { .. }))
    };
    if let Some(path) = pod_pointer(&workload.kind, has) {
        found.push(PodPlace {
            pod: format!("{pointer}{path}"),
            object: pointer,
            workload,
        });
    }
}
