//! Which Pods are offered? The manifests of real projects, the fixtures of Kubernetes' own modules,
//! and generated ones. Must not know what is done with them.

use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::judged::small_pod;
use crate::pods;

/// The Pods of all manifests below folders, the Pod templates of workloads among them.
pub(crate) fn manifests(cluster: &Cluster, folders: &[PathBuf]) -> Vec<Value> {
    let mut kubectl = cluster.kubectl();
    // The one local command that turns any kind, known to the server or not, into JSON.
    kubectl.args([
        "annotate",
        "--local",
        "--overwrite",
        "-o",
        "json",
        "-R",
        "converted=1",
    ]);
    for folder in folders {
        kubectl.arg("-f").arg(folder);
    }
    let done = kubectl.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let documents = serde_json::Deserializer::from_slice(&done.stdout).into_iter::<Value>();
    documents
        .filter_map(|object| pod_of(&object.unwrap()))
        .collect()
}

/// The Pod that an object is or would make.
pub(crate) fn pod_of(object: &Value) -> Option<Value> {
    let template = match object["kind"].as_str()? {
        "Pod" => object,
        "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
        "PodTemplate" => &object["template"],
        _ => &object["spec"]["template"],
    };
    template["spec"]["containers"].as_array()?;
    let metadata = &template["metadata"];
    let mut annotations = metadata["annotations"].clone();
    if let Some(map) = annotations.as_object_mut() {
        map.remove("converted");
    }
    let metadata = json!({"name": "p", "labels": metadata["labels"], "annotations": annotations});
    let mut spec = template["spec"].clone();
    // The API's populated objects name an account that no account can have.
    for key in ["serviceAccountName", "serviceAccount"] {
        if let Some(name) = spec[key].as_str().map(str::to_lowercase) {
            spec[key] = name.into();
        }
    }
    // As the controller of stateful sets does it.
    for claim in object["spec"]["volumeClaimTemplates"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let name = &claim["metadata"]["name"];
        let volume = json!({"name": name, "persistentVolumeClaim": {"claimName": name}});
        match &mut spec["volumes"] {
            Value::Array(volumes) => {
                volumes.retain(|volume| volume["name"] != *name);
                volumes.push(volume);
            }
            missing => *missing = json!([volume]),
        }
    }
    Some(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
}

/// The folder of a module of the pinned Kubernetes in Go's module cache, which gets what it lacks.
pub(crate) fn module(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster");
    let done = Command::new("go")
        .args(["mod", "download", "-json", name])
        .current_dir(folder)
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
    let folder = said["Dir"].as_str().unwrap_or_else(|| panic!("{done:?}"));
    PathBuf::from(folder)
}

/// A small Pod with one member of another at a time: of its spec, of its first container, and of its first volume.
pub(crate) fn members(populated: &Value) -> Vec<Value> {
    let members = |value: &Value, but: &[&str]| {
        let all = value.as_object().cloned().unwrap_or_default();
        let wanted = all
            .into_iter()
            .filter(|(key, _)| !but.contains(&key.as_str()));
        wanted.collect::<Vec<_>>()
    };
    let spec = &populated["spec"];
    let lists = [
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
    ];
    let of_spec = members(spec, &lists).into_iter().map(|(key, value)| {
        let mut pod = small_pod();
        pod["spec"][key] = value;
        pod
    });
    let container = members(&spec["containers"][0], &["name", "image"]);
    let of_container = container.into_iter().map(|(key, value)| {
        let mut pod = small_pod();
        pod["spec"]["containers"][0][key] = value;
        pod
    });
    let volume = members(&spec["volumes"][0], &["name"]);
    let of_volume = volume.into_iter().map(|(key, value)| {
        let mut pod = small_pod();
        pod["spec"]["volumes"] = json!([{"name": "member", key: value}]);
        pod
    });
    of_spec.chain(of_container).chain(of_volume).collect()
}

/// Asks for a toolbox in every way that annotations can.
pub(crate) fn asking(pod: &Value) -> Vec<Value> {
    let ways = [
        json!({}),
        json!({"mode": "tmp-only"}),
        json!({"mode": "pid-only", "data": "none"}),
        json!({"mode": "port", "data": "empty-dir"}),
        json!({"placement": "native"}),
        json!({"placement": "native", "mode": "port", "run-as-user": "0"}),
        json!({"run-as-user": "unset", "crash-dumps": "full"}),
        json!({"run-as-user": "1000", "cpu-limit": "1", "memory-limit": "1Gi", "claim": "results"}),
    ];
    let asking = ways.iter().map(|way| {
        let mut pod = pod.clone();
        let annotations = &mut pod["metadata"]["annotations"];
        annotations["sidebox.dev/inject"] = "true".into();
        for (key, value) in way.as_object().into_iter().flatten() {
            annotations[format!("sidebox.dev/{key}")] = value.clone();
        }
        pod
    });
    asking.collect()
}

/// Generated Pods, always the same; nine of ten without what every server rejects, and
/// most ask for themselves.
pub(crate) fn generated(count: usize) -> Vec<Value> {
    let mut runner = TestRunner::deterministic();
    let pods = pods::pod();
    let all = (0..count).map(|index| {
        let pod = pods.new_tree(&mut runner).unwrap().current();
        match index % 10 {
            0 => pod,
            1..=3 => mended(pod),
            _ => asked(mended(pod)),
        }
    });
    all.collect()
}

/// Four of five Pods as the `restricted` Pod Security level wants them.
pub(crate) fn hardened(all: Vec<Value>) -> Vec<Value> {
    most(all, |_, pod| pods::harden(&mut pod["spec"]))
}

/// Four of five Pods with these requests and limits in their containers, in turn; all as they are, if there are none.
pub(crate) fn fitting(all: Vec<Value>, amounts: &[Value]) -> Vec<Value> {
    most(all, |index, pod| {
        let Some(fits) = amounts.get(index % amounts.len().max(1)) else {
            return;
        };
        if let Some(spec) = pod["spec"].as_object_mut() {
            spec.remove("resources");
        }
        for list in ["containers", "initContainers"] {
            let all = pod["spec"].get_mut(list).and_then(Value::as_array_mut);
            for container in all.into_iter().flatten() {
                container["resources"] = fits.clone();
            }
        }
    })
}

fn most(mut all: Vec<Value>, change: impl Fn(usize, &mut Value)) -> Vec<Value> {
    for (index, pod) in all.iter_mut().enumerate() {
        if index % 5 != 0 {
            change(index, pod);
        }
    }
    all
}

fn asked(mut pod: Value) -> Value {
    pod["metadata"]["annotations"]["sidebox.dev/inject"] = "true".into();
    pod
}

fn mended(mut pod: Value) -> Value {
    let spec = &mut pod["spec"];
    if spec["containers"].as_array().is_none_or(Vec::is_empty) {
        spec["containers"] = json!([{"name": "c0", "image": "app:1"}]);
    }
    if let Some(map) = spec.as_object_mut()
        && map.get("hostPID").is_some()
    {
        map.remove("shareProcessNamespace");
        map.remove("hostUsers");
    }
    pod
}
