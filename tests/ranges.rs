//! May a toolbox join a Pod under LimitRanges where it would change what the API server makes of the
//! Pod? Found by a real API server (tests/apiserver); here without one.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

use serde_json::{Value, json};
use sidebox::inject::decide::{Origin, Request};
use sidebox::inject::facts::objects::{Completeness, read};
use sidebox::inject::finding::Finding;
use sidebox::inject::pod::Pod;
use sidebox::inject::settings::Settings;
use sidebox::inject::{Injection, inject};

/// What a look at the injection of a Pod that asks finds.
fn injected<T>(spec: &Value, limits: &Value, look: impl FnOnce(&Injection<'_>) -> T) -> T {
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
    look(&inject(&request, &facts["shop"], &Settings::default()))
}

/// The decision, and its reason's code.
fn decision(spec: &Value, limits: &Value) -> (&'static str, Option<&'static str>) {
    injected(spec, limits, |injection| {
        let decision = &injection.outcome.decision;
        (decision.as_str(), decision.reason().map(Finding::code))
    })
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

#[test]
fn both_sums_of_a_pod_stay_between_min_and_max() {
    let spec = json!({"containers": [
        {"name": "c", "image": "c", "resources": {"requests": {"cpu": "1"}}},
        {"name": "d", "image": "d", "resources": {"requests": {"cpu": "10m"}, "limits": {"cpu": "10m"}}}]});
    let max = |cpu: &str| json!({"type": "Pod", "max": {"cpu": cpu}});
    assert_eq!(
        decision(&spec, &max("1010m")),
        ("refuse", Some("limit_range"))
    );
    assert_eq!(decision(&spec, &max("2")), ("inject", None));
    let min = json!({"type": "Pod", "min": {"cpu": "900m"}});
    assert_eq!(decision(&spec, &min), ("refuse", Some("limit_range")));
    let unlimited = json!({"containers": [
        {"name": "c", "image": "c", "resources": {"requests": {"cpu": "1"}}}]});
    assert_eq!(
        share(&unlimited, &min),
        ("5m".into(), "900m".into()),
        "the Pod's only limit is the toolbox's"
    );
}

#[test]
fn what_an_init_container_takes_is_what_the_pod_takes() {
    let cpu = |cpu: &str| json!({"requests": {"cpu": cpu}, "limits": {"cpu": cpu}});
    let container =
        |name: &str, amount: &str| json!({"name": name, "image": "c", "resources": cpu(amount)});
    let min = json!({"type": "Pod", "min": {"cpu": "900m"}});
    let mut spec = json!({"containers": [container("c", "100m")],
        "initContainers": [container("i", "700m"), container("s", "200m"), container("j", "700m")]});
    assert_eq!(decision(&spec, &min), ("refuse", Some("limit_range")));
    spec["initContainers"][1]["restartPolicy"] = "Always".into();
    let defaults = ("5m".into(), "500m".into());
    assert_eq!(share(&spec, &min), defaults, "j runs beside s");
}

/// Request and limit of cpu that the toolbox gets.
fn share(spec: &Value, limits: &Value) -> (String, String) {
    let patch = injected(spec, limits, |injection| {
        injection.patch.as_ref().unwrap().as_str().to_owned()
    });
    let operations: Vec<Value> = serde_json::from_str(&patch).unwrap();
    let toolbox = operations
        .iter()
        .find(|operation| operation["value"]["name"] == "toolbox")
        .unwrap();
    let resources = &toolbox["value"]["resources"];
    let cpu = |what: &str| resources[what]["cpu"].as_str().unwrap().to_owned();
    (cpu("requests"), cpu("limits"))
}
