//! Where a workload keeps its Pod template, and what can be told of it before its Pods exist.

use serde_json::Value;

use crate::inject::annotations;
use crate::inject::decide::{self, Asked, Decision, Origin, Request};
use crate::inject::facts::Facts;
use crate::inject::finding::Finding;
use crate::inject::pod::{Pod, is_crowded};
use crate::inject::settings::Settings;

/// Where workloads keep a template, whatever their kind: JSON pointers.
pub const TEMPLATES: [&str; 2] = ["/spec/template", "/spec/jobTemplate/spec/template"];
/// Where a PodTemplate keeps it.
pub const POD_TEMPLATE: &str = "/template";

/// The JSON pointer of the Pod (template) in an object of this kind, if it has one.
pub fn pod_pointer(kind: &str, has_containers: impl Fn(&str) -> bool) -> Option<&'static str> {
    if kind == "Pod" {
        return Some("");
    }
    TEMPLATES
        .into_iter()
        .chain([POD_TEMPLATE])
        .find(|pointer| has_containers(&format!("{pointer}/spec/containers")))
}

/// Findings about a workload's template, as its Pods would have them. Objects with a controlling
/// owner get none, since their owner was advised, and neither do those that take too much memory to read.
pub fn advise(object: &str, namespace: &str, facts: &Facts, settings: &Settings) -> Vec<Finding> {
    if is_crowded(object) {
        return Vec::new();
    }
    let Ok(object) = serde_json::from_str::<Value>(object) else {
        return Vec::new();
    };
    if controller(&object).is_some() {
        return Vec::new();
    }
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or("");
    let Some(pointer) = pod_pointer(kind, |path| object.pointer(path).is_some()) else {
        return Vec::new();
    };
    let mut findings = if pointer.is_empty() {
        Vec::new()
    } else {
        misplaced(&object, kind)
    };
    let text = object
        .pointer(pointer)
        .map(Value::to_string)
        .unwrap_or_default();
    let Ok(pod) = serde_json::from_str::<Pod<'_>>(&text) else {
        return findings;
    };
    let request = Request {
        pod: &pod,
        namespace,
        label: None,
        origin: Origin::File,
    };
    let outcome = decide::decide(&request, facts, settings);
    match outcome.decision {
        Decision::Refuse(finding) if outcome.asked == Asked::Explicit => findings.push(finding),
        Decision::Refuse(_) => return findings,
        Decision::Skip(
            finding @ (Finding::ExcludedNamespace { .. } | Finding::SystemNamespace { .. }),
        ) if outcome.asked == Asked::Explicit => findings.push(finding),
        Decision::Skip(_) | Decision::Inject(_) | Decision::Repair(_) => {}
    }
    findings.extend(outcome.notes);
    findings
}

/// The reference to the owner that controls an object, of which there is one at most.
pub fn controller(object: &Value) -> Option<&Value> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let controls = |owner: &&Value| owner.get("controller") == Some(&Value::Bool(true));
    owners.iter().find(controls)
}

/// Annotations of ours on the workload itself, where nothing reads them.
pub fn misplaced(object: &Value, kind: &str) -> Vec<Finding> {
    let annotations = object
        .pointer("/metadata/annotations")
        .and_then(Value::as_object);
    let keys = annotations
        .into_iter()
        .flat_map(|map| map.keys().map(String::as_str));
    annotations::misplaced(keys, &format!("the {kind}"))
}
