//! May a toolbox join a Pod under LimitRanges where it would change what the API server makes of the
//! Pod? Found by a real API server (tests/apiserver); here without one.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

use serde_json::{Value, json};
use sidebox::inject::decide::{Origin, Request};
use sidebox::inject::facts::objects::{Completeness, read};
use sidebox::inject::inject;
use sidebox::inject::pod::Pod;
use sidebox::inject::settings::Settings;

/// The decision on a Pod that asks, and its reason's code.
fn decision(spec: &Value, limits: &Value) -> (&'static str, Option<&'static str>) {
    let range = json!({"apiVersion": "v1", "kind": "LimitRange",
        "metadata": {"name": "limits", "namespace": "shop"}, "spec": {"limits": [limits]}});
    let facts = read(&[range], Completeness::Part).unwrap();
    let pod = json!({"metadata": {"annotations": {"sidebox.dev/inject": "true"}}, "spec": spec});
    let text = pod.to_string();
    let pod: Pod<'_> = serde_json::from_str(&text).unwrap();
    let request = Request {
        pod: &pod,
        namespace: "shop",
        label: None,
        origin: Origin::Admission,
    };
    let settings = Settings::default();
    let decision = inject(&request, &facts["shop"], &settings).outcome.decision;
    (
        decision.as_str(),
        decision
            .reason()
            .map(sidebox::inject::finding::Finding::code),
    )
}

#[test]
fn defaults_for_containers_and_pod_level_resources_refuse() {
    let limits = json!({"cpu": "150m", "memory": "100Mi"});
    let spec =
        json!({"containers": [{"name": "c", "image": "c"}], "resources": {"limits": limits}});
    let filling = json!({"type": "Container", "default": {"cpu": "100m"}});
    assert_eq!(decision(&spec, &filling), ("refuse", Some("limit_range")));
    let bounding = json!({"type": "Pod", "max": {"cpu": "1"}});
    assert_eq!(decision(&spec, &bounding), ("inject", None));
}

#[test]
fn a_toolbox_never_states_what_a_pod_must_state_itself() {
    let silent = json!({"containers": [{"name": "c", "image": "c"}]});
    let speaking = json!({"containers": [{"name": "c", "image": "c",
        "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}}]});
    for rule in ["min", "max", "maxLimitRequestRatio"] {
        let limits = json!({"type": "Pod", rule: {"cpu": if rule == "min" { "10m" } else { "4" }}});
        assert_eq!(
            decision(&silent, &limits),
            ("refuse", Some("limit_range")),
            "{rule}"
        );
        assert_eq!(decision(&speaking, &limits), ("inject", None), "{rule}");
    }
}
