//! Pods and facts with which an injection could do harm: each must be refused, spared or told.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it must be"
)]

use serde_json::{Value, json};
use sidebox::inject::decide::{Decision, Origin, Request};
use sidebox::inject::facts::Facts;
use sidebox::inject::facts::objects::{Completeness, read};
use sidebox::inject::inject;
use sidebox::inject::pod::Pod;
use sidebox::inject::settings::{Injection, Settings};

/// What became of a Pod.
struct Done {
    decision: &'static str,
    /// The reason or the notes, as sentences with their codes.
    said: Vec<String>,
    pod: Value,
}

impl Done {
    fn says(&self, text: &str) -> bool {
        self.said.iter().any(|said| said.contains(text))
    }

    fn toolbox(&self) -> &Value {
        let all = ["containers", "initContainers"].map(|list| self.pod["spec"][list].as_array());
        let mut all = all.into_iter().flatten().flatten();
        all.find(|c| c["name"] == "toolbox").unwrap()
    }
}

fn run(pod: &Value, facts: &[Value], injection: Injection) -> Done {
    let text = pod.to_string();
    let view: Pod<'_> = serde_json::from_str(&text).unwrap();
    let facts = read(facts, Completeness::Part).unwrap();
    let facts = facts.get("default").cloned().unwrap_or_else(Facts::default);
    let settings = Settings {
        injection,
        ..Settings::default()
    };
    let request = Request {
        pod: &view,
        namespace: "default",
        label: None,
        origin: Origin::Admission,
    };
    let injection = inject(&request, &facts, &settings);
    let mut pod = pod.clone();
    if let (Decision::Inject(_), Some(patch)) = (&injection.outcome.decision, &injection.patch) {
        let patch: json_patch::Patch = serde_json::from_str(patch.as_str()).unwrap();
        json_patch::patch(&mut pod, &patch).unwrap();
    }
    let outcome = injection.outcome;
    let findings = outcome.decision.reason().into_iter().chain(&outcome.notes);
    Done {
        decision: outcome.decision.as_str(),
        said: findings.map(|f| format!("{}: {f}", f.code())).collect(),
        pod,
    }
}

/// A Pod that asks, with these members over its container and its spec.
fn asking(container: &Value, spec: &Value) -> Value {
    let mut pod = json!({"metadata": {"annotations": {"sidebox.dev/inject": "true"}},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]}});
    for (place, members) in [("/spec/containers/0", container), ("/spec", spec)] {
        for (key, value) in members.as_object().into_iter().flatten() {
            pod.pointer_mut(place).unwrap()[key] = value.clone();
        }
    }
    pod
}

/// The same Pod without the annotation.
fn silent(container: &Value, spec: &Value) -> Value {
    let mut pod = asking(container, spec);
    pod["metadata"] = json!({});
    pod
}

fn explicit(container: &Value, spec: &Value, facts: &[Value]) -> Done {
    run(&asking(container, spec), facts, Injection::Annotated)
}

fn annotated(container: &Value, annotations: &Value) -> Done {
    let mut pod = asking(container, &json!({}));
    for (key, value) in annotations.as_object().into_iter().flatten() {
        pod["metadata"]["annotations"][format!("sidebox.dev/{key}")] = value.clone();
    }
    run(&pod, &[], Injection::Annotated)
}

#[test]
fn no_toolbox_takes_capabilities_that_the_api_or_common_sense_forbids() {
    for name in ["CAP_SYS_ADMIN", "sys_ptrace", "ALL"] {
        let target = json!({"securityContext": {"capabilities": {"add": [name]}},
            "env": [{"name": "TMPDIR", "value": "/diag"}]});
        let done = explicit(&target, &json!({}), &[]);
        assert_eq!(done.decision, "refuse", "{name}");
        assert!(
            done.says("cannot reach container web: pid-only would give"),
            "{:?}",
            done.said
        );
    }
    let target = json!({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
        "env": [{"name": "TMPDIR", "value": "/diag"}]});
    let done = explicit(&target, &json!({}), &[]);
    let taken = &done.toolbox()["securityContext"]["capabilities"]["add"];
    assert_eq!(*taken, json!(["NET_ADMIN"]));
}

fn limit_range(kind: &str, bounds: &Value) -> Value {
    let mut item = bounds.clone();
    item["type"] = kind.into();
    json!({"kind": "LimitRange", "metadata": {"name": "bounds"}, "spec": {"limits": [item]}})
}

#[test]
fn a_pod_without_requests_stays_out_of_the_quota_that_would_reject_it() {
    let quota = json!({"kind": "ResourceQuota", "metadata": {"name": "counted"},
        "spec": {"hard": {"requests.cpu": "4"}, "scopes": ["NotBestEffort"]}});
    let facts = [quota];
    let done = explicit(&json!({}), &json!({}), &facts);
    let sentence =
        "quota: ResourceQuota counted counts cpu or memory; the Pod's own containers state none";
    assert_eq!((done.decision, &*done.said[0]), ("refuse", sentence));
    let states = json!({"resources": {"requests": {"cpu": "1"}}});
    assert_eq!(explicit(&states, &json!({}), &facts).decision, "inject");
}

#[test]
fn a_limit_range_of_containers_and_resources_of_the_pod_do_not_go_together() {
    let own = json!({"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}});
    let range = limit_range("Container", &json!({"min": {"memory": "8Mi"}}));
    let done = explicit(&json!({}), &own, &[range]);
    assert_eq!(done.decision, "refuse");
    assert!(
        done.says("limit_range: LimitRange bounds: cpu would fill in"),
        "{:?}",
        done.said
    );
    assert_eq!(explicit(&json!({}), &own, &[]).decision, "inject");
}

#[test]
fn a_toolbox_that_could_not_start_is_refused() {
    let app = json!({"resources": {"limits": {"cpu": "100m", "memory": "1020Mi"}}});
    let range = limit_range("Pod", &json!({"max": {"memory": "1Gi"}}));
    let done = explicit(&app, &json!({}), &[range]);
    assert_eq!(done.decision, "refuse");
    assert!(done.says("memory leaves less than 16Mi"), "{:?}", done.said);
    for (key, value) in [
        ("memory-limit", "0"),
        ("memory-limit", "1"),
        ("cpu-limit", "0"),
    ] {
        let done = annotated(&json!({}), &json!({ key: value }));
        assert_eq!(done.decision, "refuse", "{key}: {value}");
        assert!(done.says(&format!(
            "sidebox.dev/{key} is \"{value}\", expected at least"
        )));
    }
}

#[test]
fn fitted_amounts_are_whole_bytes_and_thousandths() {
    let ratio = json!({"maxLimitRequestRatio": {"cpu": "7", "memory": "3"}});
    let done = explicit(&json!({}), &json!({}), &[limit_range("Container", &ratio)]);
    let requests = &done.toolbox()["resources"]["requests"];
    assert_eq!(*requests, json!({"cpu": "72m", "memory": "89478486"}));
}

#[test]
fn asked_resources_that_cannot_count_are_told() {
    let limits = json!({"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}});
    let asks = json!({"cpu-request": "7m"});
    let done = annotated(&limits, &asks);
    assert!(
        done.says("sidebox.dev/cpu-request has no effect: a Guaranteed Pod"),
        "{:?}",
        done.said
    );
    let mut pod = asking(&json!({}), &limits);
    pod["metadata"]["annotations"]["sidebox.dev/cpu-limit"] = "7m".into();
    let done = run(&pod, &[], Injection::Annotated);
    assert!(
        done.says("sidebox.dev/cpu-limit has no effect: the Pod's own"),
        "{:?}",
        done.said
    );
}

#[test]
fn a_bad_value_is_told_even_where_nobody_asked() {
    let mut pod = silent(&json!({}), &json!({}));
    pod["metadata"]["annotations"] = json!({"sidebox.dev/mode": "everything"});
    let done = run(&pod, &[], Injection::Annotated);
    assert_eq!(done.decision, "skip");
    assert!(
        done.says("invalid_annotation: annotation sidebox.dev/mode"),
        "{:?}",
        done.said
    );
}

#[test]
fn unknown_annotations_are_told_up_to_a_handful() {
    let many: serde_json::Map<_, _> = (0..30_000)
        .map(|at| (format!("sidebox.dev/unknown-{at:050}"), json!("")))
        .collect();
    let mut pod = silent(&json!({}), &json!({}));
    pod["metadata"]["annotations"] = many.into();
    assert!(run(&pod, &[], Injection::Annotated).said.len() < 12);
}

#[test]
fn only_a_job_that_asks_for_it_is_kept_from_ending() {
    let job = json!({"restartPolicy": "Never"});
    let mut pod = asking(&json!({}), &job);
    pod["metadata"]["annotations"]["sidebox.dev/placement"] = "container".into();
    let done = run(&pod, &[], Injection::Annotated);
    assert!(
        done.says("never_ends: restartPolicy is Never"),
        "{:?}",
        done.said
    );
    let namespace = json!({"kind": "Namespace", "metadata": {"name": "default",
        "labels": {"sidebox.dev/inject": "true"},
        "annotations": {"sidebox.dev/placement": "container"}}});
    let text = silent(&json!({}), &job).to_string();
    let view: Pod<'_> = serde_json::from_str(&text).unwrap();
    let facts = read([&namespace], Completeness::Part).unwrap();
    let mut settings = Settings::default();
    settings.automatic.jobs = true;
    let request = Request {
        pod: &view,
        namespace: "default",
        label: None,
        origin: Origin::Admission,
    };
    let injection = inject(&request, &facts["default"], &settings);
    let Decision::Inject(intent) = &injection.outcome.decision else {
        panic!("{:?}", injection.outcome.decision)
    };
    assert_eq!(intent.placement.as_str(), "native");
}

#[test]
fn windows_pods_are_known_by_their_nodes() {
    let term = json!([{"matchExpressions": [
        {"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}]}]);
    let required = json!({"nodeSelectorTerms": term});
    for spec in [
        json!({"nodeSelector": {"beta.kubernetes.io/os": "windows"}}),
        json!({"affinity": {"nodeAffinity":
            {"requiredDuringSchedulingIgnoredDuringExecution": required}}}),
    ] {
        let done = explicit(&json!({}), &spec, &[]);
        assert!(done.says("windows: "), "{spec} {:?}", done.said);
    }
}

#[test]
fn where_no_socket_can_be_it_is_told() {
    let diag = json!([{"name": "TMPDIR", "value": "/diag"}]);
    let fixed = json!({"env": diag, "securityContext": {"readOnlyRootFilesystem": true}});
    let done = explicit(&fixed, &json!({}), &[]);
    let sentence =
        "tmp_read_only: /diag of container web is read-only: the runtime opens no socket there";
    assert!(done.says(sentence), "{:?}", done.said);
    let mounted = json!({"volumeMounts": [{"name": "c", "mountPath": "/tmp"}]});
    let volumes = json!({"volumes": [{"name": "c", "configMap": {"name": "c"}}]});
    assert!(explicit(&mounted, &volumes, &[]).says("tmp_read_only: /tmp"));
    let volumes = json!({"volumes": [{"name": "c", "persistentVolumeClaim": {"claimName": "c"}}]});
    assert!(!explicit(&mounted, &volumes, &[]).says("tmp_read_only"));
}

#[test]
fn a_group_of_the_target_is_the_toolboxs_too() {
    let group = |done: &Done| done.toolbox()["securityContext"]["runAsGroup"].clone();
    let target = json!({"securityContext": {"runAsUser": 1000, "runAsGroup": 3000}});
    assert_eq!(group(&explicit(&target, &json!({}), &[])), 3000);
    let other = annotated(&target, &json!({"run-as-user": "2000"}));
    assert_eq!(group(&other), Value::Null);
}

#[test]
fn folders_that_the_kubelet_or_the_runtime_would_read_otherwise() {
    for value in ["/tmp/$(HOME)", "/tmp/$$x", "tmp"] {
        let target = json!({"env": [{"name": "TMPDIR", "value": value}]});
        let done = explicit(&target, &json!({}), &[]);
        assert!(
            done.says("TMPDIR of container web is no literal"),
            "{value} {:?}",
            done.said
        );
    }
    let target = json!({"env": [{"name": "TMPDIR", "value": "/tmp/100%p"}]});
    let done = annotated(&target, &json!({"crash-dumps": "mini"}));
    let names = done.pod["spec"]["containers"][0]["env"].to_string();
    assert!(names.contains("/tmp/100%%p/crash-%h-%p-%t.dmp"), "{names}");
}

#[test]
fn what_stands_in_the_way_fits_into_a_warning() {
    let probe = json!({"exec": {"command": ["cat", "/proc/1/status"]}});
    let mount = json!([{"name": "tmp", "mountPath": "/tmp"}]);
    let target = json!({"livenessProbe": probe, "volumeMounts": mount});
    let volumes = json!({"volumes": [{"name": "tmp", "configMap": {"name": "c"}}]});
    let done = explicit(&target, &volumes, &[]);
    let sentence = "no_access: cannot reach container web: /tmp is volume tmp, no writable \
        emptyDir; the livenessProbe needs PID 1";
    assert_eq!((done.decision, &*done.said[0]), ("refuse", sentence));
    assert!(
        "sidebox ".len() + sentence.len() <= 120,
        "{}",
        sentence.len()
    );
}

#[test]
fn a_reused_volume_hides_no_program_of_the_toolbox() {
    let mode = |path: &str| {
        let target = json!({"volumeMounts": [{"name": "t", "mountPath": path}],
            "env": [{"name": "TMPDIR", "value": format!("{path}/tmp")}]});
        let done = explicit(
            &target,
            &json!({"volumes": [{"name": "t", "emptyDir": {}}]}),
            &[],
        );
        let env = done.toolbox()["env"].as_array().unwrap();
        let mode = env.iter().find(|v| v["name"] == "SIDEBOX_MODE").unwrap();
        mode["value"].as_str().unwrap().to_owned()
    };
    for path in ["/usr", "/usr/local", "/bin", "/etc", "/dev", "/data", "/"] {
        assert_eq!(mode(path), "pid-only", "{path}");
    }
    for path in ["/app", "/dev/shm", "/var", "/etc/app"] {
        assert_eq!(mode(path), "tmp-and-pid", "{path}");
    }
}
