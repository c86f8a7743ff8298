//! The API's own rules for Pods, as far as an injector could break them.
//! Source: kubernetes/pkg/apis/core/validation.

use std::collections::HashSet;

use serde_json::Value;
use sidebox::inject::names::{is_dns_label, is_dns_subdomain};
use sidebox::inject::quantity::Amount;

fn list<'v>(value: &'v Value, key: &str) -> Vec<&'v Value> {
    value[key]
        .as_array()
        .map(|all| all.iter().collect())
        .unwrap_or_default()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

fn volume_problems(volumes: &[&Value]) -> Vec<String> {
    let (mut found, mut claims) = (Vec::new(), HashSet::new());
    for volume in volumes {
        if volume.as_object().map_or(0, serde_json::Map::len) != 2 {
            found.push(format!(
                "volume {} has not one source",
                text(volume, "name")
            ));
        }
        let claim = &volume["persistentVolumeClaim"]["claimName"];
        if claim.as_str().is_some_and(|name| !is_dns_subdomain(name)) {
            found.push("a claim's name".into());
        }
        // The API takes it, and older kubelets wait for ever for the second.
        if claim.is_string() && !claims.insert(claim.as_str()) {
            found.push("two volumes of one claim".into());
        }
    }
    found
}

/// Everything that is wrong with a Pod; nothing if the API would take it.
pub(crate) fn problems(pod: &Value) -> Vec<String> {
    let spec = &pod["spec"];
    let mut found = Vec::new();
    let volumes = list(spec, "volumes");
    let names: HashSet<_> = volumes.iter().map(|volume| text(volume, "name")).collect();
    found.extend(volume_problems(&volumes));
    let mut say = |wrong: bool, what: String| {
        if wrong {
            found.push(what);
        }
    };
    say(
        names.len() != volumes.len(),
        "two volumes of one name".into(),
    );
    say(
        names.iter().any(|name| !is_dns_label(name)),
        "a volume's name".into(),
    );
    say(
        spec["hostPID"] == true && spec["shareProcessNamespace"] == true,
        "hostPID and shared processes".into(),
    );
    say(list(spec, "containers").is_empty(), "no containers".into());
    let all: Vec<_> = list(spec, "containers")
        .into_iter()
        .map(|c| (c, false))
        .chain(list(spec, "initContainers").into_iter().map(|c| (c, true)))
        .collect();
    let container_names: HashSet<_> = all.iter().map(|(c, _)| text(c, "name")).collect();
    say(
        container_names.len() != all.len(),
        "two containers of one name".into(),
    );
    let claimed = volumes
        .iter()
        .filter(|v| v["persistentVolumeClaim"].is_object());
    let claims: HashSet<_> = claimed.map(|volume| text(volume, "name")).collect();
    for (container, init) in &all {
        let mut problems = container_problems(container, *init, &names);
        problems.extend(device_problems(container, &claims));
        for problem in problems {
            say(true, format!("{}: {problem}", text(container, "name")));
        }
    }
    let annotations = pod["metadata"]["annotations"].as_object();
    let bytes: usize = annotations
        .into_iter()
        .flatten()
        .map(|(k, v)| k.len() + v.as_str().map_or(0, str::len))
        .sum();
    say(bytes > 262_144, "annotations too large".into());
    found
}

/// A raw block device is a claim's, and neither it nor its path is used twice in a container.
fn device_problems(container: &Value, claims: &HashSet<&str>) -> Vec<String> {
    let mounts = list(container, "volumeMounts");
    let mut names: HashSet<_> = mounts.iter().map(|mount| text(mount, "name")).collect();
    let mounted = mounts.iter().map(|mount| text(mount, "mountPath"));
    let mut paths: HashSet<_> = mounted.map(|path| path.trim_end_matches('/')).collect();
    let mut found = Vec::new();
    for device in list(container, "volumeDevices") {
        let (name, path) = (text(device, "name"), text(device, "devicePath"));
        if !claims.contains(name) || !names.insert(name) {
            found.push(format!("device {name}"));
        }
        if path.is_empty() || !paths.insert(path.trim_end_matches('/')) {
            found.push(format!("device path {path}"));
        }
    }
    found
}

fn container_problems(container: &Value, init: bool, volumes: &HashSet<&str>) -> Vec<String> {
    let mut found = Vec::new();
    if !is_dns_label(text(container, "name")) {
        found.push("name".into());
    }
    let mut paths = HashSet::new();
    for mount in list(container, "volumeMounts") {
        let path = text(mount, "mountPath");
        if !paths.insert(path.trim_end_matches('/')) {
            found.push(format!("two mounts on {path}"));
        }
        if path.is_empty() || path.contains(':') {
            found.push(format!("mount path {path}"));
        }
        if !volumes.contains(text(mount, "name")) {
            found.push(format!("no volume {}", text(mount, "name")));
        }
        if mount["subPath"].is_string() && mount["subPathExpr"].is_string() {
            found.push("subPath and subPathExpr".into());
        }
    }
    for variable in list(container, "env") {
        if text(variable, "name").is_empty() {
            found.push("a variable without a name".into());
        }
        if variable["value"].as_str().is_some_and(|v| !v.is_empty())
            && variable["valueFrom"].is_object()
        {
            found.push("value and valueFrom".into());
        }
    }
    let context = &container["securityContext"];
    let admin = list(&context["capabilities"], "add")
        .iter()
        .any(|name| **name == "CAP_SYS_ADMIN");
    if admin && context["allowPrivilegeEscalation"] == false {
        found.push("CAP_SYS_ADMIN without privilege escalation".into());
    }
    found.extend(resource_problems(&container["resources"]));
    let restarts = container["restartPolicy"].as_str() == Some("Always");
    let hooked = [
        "lifecycle",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
    ]
    .iter()
    .any(|key| container[key].is_object());
    if init && !restarts && hooked {
        found.push("hooks on a plain init container".into());
    }
    found
}

fn resource_problems(resources: &Value) -> Vec<String> {
    let amount = |value: &Value| {
        Amount::parse(
            &value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    };
    let mut found = Vec::new();
    for (resource, request) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][resource];
        if !limit.is_null() && amount(request) > amount(limit) {
            found.push(format!("{resource} request above limit"));
        }
    }
    found
}

/// The QoS class that the API gives a Pod without Pod-level resources.
pub(crate) fn qos(pod: &Value) -> &'static str {
    let spec = &pod["spec"];
    let all: Vec<_> = list(spec, "containers")
        .into_iter()
        .chain(list(spec, "initContainers"))
        .collect();
    let amount = |container: &Value, kind: &str, resource: &str| {
        let value = &container["resources"][kind][resource];
        Amount::parse(
            &value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
        .filter(|a| *a > Amount::ZERO)
    };
    let guaranteed = |container: &&Value| {
        ["cpu", "memory"].iter().all(|resource| {
            let limit = amount(container, "limits", resource);
            limit.is_some()
                && amount(container, "requests", resource)
                    .is_none_or(|request| Some(request) == limit)
        })
    };
    let some = |container: &&Value| {
        ["cpu", "memory"].iter().any(|r| {
            ["requests", "limits"]
                .iter()
                .any(|k| amount(container, k, r).is_some())
        })
    };
    if all.iter().all(guaranteed) {
        "Guaranteed"
    } else if all.iter().any(some) {
        "Burstable"
    } else {
        "BestEffort"
    }
}
