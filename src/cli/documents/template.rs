//! Where in a document are the objects, and where in an object are its Pods?
//!
//! Knows the shapes of Kubernetes' workloads, not what is done with a Pod.

use super::scalar::{self, Value};
use super::tree::Node;
use crate::workload::{POD_TEMPLATE, TEMPLATES};

/// One Kubernetes object of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// `apps/v1`
    pub api_version: String,
    /// `Deployment`
    pub kind: String,
    /// `metadata.name`, else `metadata.generateName`, else empty.
    pub name: String,
    /// `metadata.namespace`, if it is written.
    pub namespace: Option<String>,
    /// JSON pointer of the object in its document; empty unless it stands in a List.
    pub pointer: String,
}

/// A Pod or a template of Pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// The object that holds it: itself, or the workload.
    pub owner: Object,
    /// The namespace it will live in: the owner's own, else the one that was asked for.
    pub namespace: String,
    /// JSON pointer of the Pod in its document.
    pub pointer: String,
    /// JSON pointer of the workload's own annotations, which do not count for its Pods; `None`
    /// for a Pod.
    pub workload_annotations: Option<String>,
}

/// The objects of a document, those of Lists one by one.
pub fn objects(root: &Node) -> Vec<Object> {
    let mut found = Vec::new();
    collect(root, String::new(), &mut found);
    found
}

/// The Pods of an object.
pub fn pods(root: &Node, owner: &Object, default_namespace: &str) -> Vec<Pod> {
    let Some(object) = root.at(&owner.pointer) else {
        return Vec::new();
    };
    let is_core = owner.api_version == "v1";
    let places = match owner.kind.as_str() {
        "Pod" if is_core => vec![""],
        "PodTemplate" if is_core => vec![POD_TEMPLATE],
        _ => TEMPLATES.to_vec(),
    };
    let bears = |place: &&str| place.is_empty() || object.at(place).is_some_and(is_template);
    let pod = |place: &str| Pod {
        owner: owner.clone(),
        namespace: owner
            .namespace
            .clone()
            .unwrap_or_else(|| default_namespace.to_owned()),
        pointer: format!("{}{place}", owner.pointer),
        workload_annotations: (!place.is_empty())
            .then(|| format!("{}/metadata/annotations", owner.pointer)),
    };
    places.into_iter().filter(bears).map(pod).collect()
}

fn collect(node: &Node, pointer: String, found: &mut Vec<Object>) {
    let (Some(api_version), Some(kind)) = (text(node, "/apiVersion"), text(node, "/kind")) else {
        return;
    };
    if let (true, Some(Node::Sequence(items))) = (kind.ends_with("List"), node.get("items")) {
        for (index, item) in items.items.iter().enumerate() {
            collect(item, format!("{pointer}/items/{index}"), found);
        }
        return;
    }
    let name = text(node, "/metadata/name").or_else(|| text(node, "/metadata/generateName"));
    found.push(Object {
        api_version,
        kind,
        name: name.unwrap_or_default(),
        namespace: text(node, "/metadata/namespace").filter(|namespace| !namespace.is_empty()),
        pointer,
    });
}

/// A template counts when it could make a Pod: other kinds call other things a template.
fn is_template(node: &Node) -> bool {
    matches!(node.at("/spec/containers"), Some(Node::Sequence(_)))
}

/// The text at a pointer, as JSON has it; `None` for what is not a string.
fn text(node: &Node, pointer: &str) -> Option<String> {
    match node.at(pointer)? {
        Node::Scalar(scalar) => match scalar::resolve(scalar) {
            Ok(Value::Text(text)) => Some(text.into_owned()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::documents::parse::{Syntax, parse};

    fn pointers(yaml: &str) -> Vec<String> {
        let root = parse(yaml, Syntax::Yaml).unwrap().root.unwrap();
        let pods = |object: &Object| pods(&root, object, "shop");
        objects(&root)
            .iter()
            .flat_map(pods)
            .map(|pod| pod.pointer)
            .collect()
    }

    #[test]
    fn every_kind_shows_its_template() {
        let template = "{spec: {containers: []}}";
        for kind in ["ReplicationController", "Deployment", "Job", "Rollout"] {
            let yaml = format!("apiVersion: x/v1\nkind: {kind}\nspec: {{template: {template}}}");
            assert_eq!(pointers(&yaml), ["/spec/template"], "{kind}");
        }
        for (kind, yaml, expected) in [
            ("Pod", "spec: {}", vec![""]),
            (
                "PodTemplate",
                "template: {spec: {containers: []}}",
                vec!["/template"],
            ),
            (
                "CronJob",
                "spec: {jobTemplate: {spec: {template: {spec: {containers: []}}}}}",
                vec!["/spec/jobTemplate/spec/template"],
            ),
            ("Widget", "spec: {template: {spec: {image: x}}}", vec![]),
            ("Widget", "spec: {template: text}", vec![]),
            (
                "Widget",
                "spec: {template: {spec: {containers: 3}}}",
                vec![],
            ),
        ] {
            assert_eq!(
                pointers(&format!("apiVersion: v1\nkind: {kind}\n{yaml}")),
                expected,
                "{kind}"
            );
        }
        assert_eq!(
            pointers("kind: Pod\nspec: {containers: []}"),
            [""; 0],
            "no apiVersion"
        );
    }

    #[test]
    fn lists_are_opened_with_lists_in_them() {
        let root = parse(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: PodList\n  items:\n  \
             - {apiVersion: v1, kind: Pod, metadata: {generateName: a-, namespace: own}}\n- 3\n\
             - {apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
            Syntax::Yaml,
        );
        let root = root.unwrap().root.unwrap();
        let found: Vec<_> = objects(&root)
            .iter()
            .flat_map(|object| pods(&root, object, "shop"))
            .map(|pod| (pod.owner.name, pod.namespace, pod.pointer))
            .collect();
        let expected = [("a-", "own", "/items/0/items/0"), ("b", "shop", "/items/2")]
            .map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_workload_s_own_annotations_are_pointed_at() {
        let yaml =
            "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: []}}}";
        let root = parse(yaml, Syntax::Yaml).unwrap().root.unwrap();
        let pod = pods(&root, &objects(&root)[0], "default").remove(0);
        assert_eq!(
            pod.workload_annotations.as_deref(),
            Some("/metadata/annotations")
        );
    }
}
