//! Do Pods stay valid with these settings? Injects built-in Pods and holds the results against the
//! API's rules, before a Pod of somebody's cluster meets the settings.
//!
//! The readers of the single settings are strict already; this is the net below them. It knows
//! neither keys nor lines.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Settings;
use super::error::Problem;
use crate::inject::decide::{Decision, Origin, Request};
use crate::inject::facts::Facts;
use crate::inject::finding::Finding;
use crate::inject::inject;
use crate::inject::paths::normalised;
use crate::inject::pod::Pod;
use crate::inject::quantity::Amount;

/// Pods as clusters have them, each with its name for people. All of them ask.
const PODS: [(&str, &str); 7] = [
    (
        "a bare Pod",
        r#"{"metadata": {"annotations": {"sidebox.dev/inject": "true"}},
            "spec": {"containers": [{"name": "app", "image": "app"}]}}"#,
    ),
    (
        "a restricted Pod",
        r#"{"metadata": {"annotations": {"sidebox.dev/inject": "true"}},
            "spec": {"securityContext": {"runAsNonRoot": true, "runAsUser": 1654,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "app", "image": "app", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}"#,
    ),
    (
        "a Guaranteed Pod",
        r#"{"metadata": {"annotations": {"sidebox.dev/inject": "true"}},
            "spec": {"containers": [{"name": "app", "image": "app", "resources": {
                "requests": {"cpu": "1", "memory": "1Gi"},
                "limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}}}]}}"#,
    ),
    (
        "a Job's Pod",
        r#"{"metadata": {"annotations": {"sidebox.dev/inject": "true"}},
            "spec": {"restartPolicy": "Never", "initContainers": [{"name": "init", "image": "init"}],
            "containers": [{"name": "app", "image": "app"}]}}"#,
    ),
    (
        "a Pod with its own /tmp",
        r#"{"metadata": {"annotations": {"sidebox.dev/inject": "true"}},
            "spec": {"volumes": [{"name": "app-tmp", "emptyDir": {}}], "containers": [{"name": "app",
                "image": "app", "volumeMounts": [{"name": "app-tmp", "mountPath": "/tmp/"}]}]}}"#,
    ),
    (
        "a Pod with TMPDIR elsewhere",
        r#"{"metadata": {"annotations": {"sidebox.dev/inject": "true"}},
            "spec": {"containers": [{"name": "app", "image": "app",
                "env": [{"name": "TMPDIR", "value": "/var/lib/app"}]}]}}"#,
    ),
    (
        "a Pod in mode port",
        r#"{"metadata": {"annotations": {"sidebox.dev/inject": "true", "sidebox.dev/mode": "port",
                "sidebox.dev/crash-dumps": "mini"}},
            "spec": {"containers": [{"name": "app", "image": "app",
                "env": [{"name": "ASPNETCORE_URLS", "value": "http://+:80"}]}]}}"#,
    ),
];

/// The first built-in Pod that the settings would break, and how.
pub(super) fn problem(settings: &Settings) -> Option<Problem> {
    PODS.iter().find_map(|(name, pod)| {
        let wrong = stays_valid(pod, settings).err()?;
        Some(Problem {
            line: 1,
            key: String::new(),
            message: format!("with these settings {name} would be broken: {wrong}"),
        })
    })
}

/// Injects one Pod. A refusal breaks nothing.
fn stays_valid(text: &str, settings: &Settings) -> Result<(), String> {
    let wrong = |error: serde_json::Error| error.to_string();
    let pod: Pod<'_> = serde_json::from_str(text).map_err(wrong)?;
    let request = Request {
        pod: &pod,
        namespace: "",
        label: None,
        origin: Origin::Admission,
    };
    let facts = Facts::default();
    let injection = inject(&request, &facts, settings);
    let patch = match (&injection.outcome.decision, &injection.patch) {
        (Decision::Refuse(finding), _) if *finding != (Finding::InternalError {}) => return Ok(()),
        (Decision::Inject(_), Some(patch)) => patch,
        (decision, _) => return Err(format!("it was decided to {}", decision.as_str())),
    };
    let before: Value = serde_json::from_str(text).map_err(wrong)?;
    let mut after = before.clone();
    let patch: json_patch::Patch = serde_json::from_str(patch.as_str()).map_err(wrong)?;
    json_patch::patch(&mut after, &patch).map_err(|error| error.to_string())?;
    kept(&before, &after, "")?;
    valid(&after["spec"])
}

/// Every value of `before` is still there: members kept, lists kept as the start of longer ones.
fn kept(before: &Value, after: &Value, path: &str) -> Result<(), String> {
    match (before, after) {
        (Value::Object(one), Value::Object(two)) => one.iter().try_for_each(|(key, value)| {
            let path = format!("{path}/{key}");
            kept(value, two.get(key).unwrap_or(&Value::Null), &path)
        }),
        (Value::Array(one), Value::Array(two)) if one.len() <= two.len() => one
            .iter()
            .zip(two)
            .enumerate()
            .try_for_each(|(at, (a, b))| kept(a, b, &format!("{path}/{at}"))),
        (one, two) if one == two => Ok(()),
        (one, two) => Err(format!("{path} was {one} and became {two}")),
    }
}

/// The rules of the API that an injection could break (kubernetes/pkg/apis/core/validation).
fn valid(spec: &Value) -> Result<(), String> {
    let containers = || list(spec, "containers").chain(list(spec, "initContainers"));
    unique("containers", containers().map(|c| text(c, "name")))?;
    unique("volumes", list(spec, "volumes").map(|v| text(v, "name")))?;
    let volumes: BTreeSet<_> = list(spec, "volumes").map(|v| text(v, "name")).collect();
    containers().try_for_each(|container| {
        let name = text(container, "name");
        container_valid(container, &volumes).map_err(|why| format!("container {name}: {why}"))
    })
}

fn container_valid(container: &Value, volumes: &BTreeSet<&str>) -> Result<(), String> {
    unique("variables", list(container, "env").map(|v| text(v, "name")))?;
    let paths: Vec<_> = list(container, "volumeMounts")
        .map(|mount| normalised(text(mount, "mountPath")))
        .collect();
    unique("mounts", paths.iter().map(AsRef::as_ref))?;
    for mount in list(container, "volumeMounts") {
        let (volume, path) = (text(mount, "name"), text(mount, "mountPath"));
        if !volumes.contains(volume) {
            return Err(format!("the mount on {path} names no volume: {volume}"));
        }
        if !path.starts_with('/') || path.contains(':') {
            return Err(format!("the mount path {path} is none"));
        }
    }
    let resources = &container["resources"];
    let amount = |kind: &str, resource: &str| Amount::parse(text(&resources[kind], resource));
    for resource in ["cpu", "memory", "ephemeral-storage"] {
        let (request, limit) = (amount("requests", resource), amount("limits", resource));
        if limit.is_some_and(|limit| request > Some(limit)) {
            return Err(format!("more {resource} is requested than its limit"));
        }
    }
    Ok(())
}

fn unique<'v>(what: &str, names: impl Iterator<Item = &'v str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() {
            return Err(format!("one of its {what} has no name"));
        }
        if !seen.insert(name) {
            return Err(format!("two {what} named {name}"));
        }
    }
    Ok(())
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value[key].as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inject::settings::{EnvVar, SettingsVolume, VolumeMount};

    fn said(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        problem(&settings).map_or(String::new(), |problem| problem.message)
    }

    fn volume(name: &str, json: &str) -> SettingsVolume {
        SettingsVolume {
            name: name.into(),
            json: serde_json::from_str(json).unwrap(),
        }
    }

    fn mount(name: &str, path: &str) -> VolumeMount {
        VolumeMount {
            name: name.into(),
            mount_path: path.into(),
            read_only: true,
            sub_path: None,
        }
    }

    #[test]
    fn the_defaults_break_nothing_and_inject_every_pod() {
        assert_eq!(said(|_| {}), "");
        for (name, pod) in PODS {
            let pod: Pod<'_> = serde_json::from_str(pod).unwrap();
            let request = Request {
                pod: &pod,
                namespace: "",
                label: None,
                origin: Origin::Admission,
            };
            let (facts, settings) = (Facts::default(), Settings::default());
            let injection = inject(&request, &facts, &settings);
            assert!(injection.patch.is_some(), "{name}");
            assert_eq!(injection.outcome.decision.as_str(), "inject", "{name}");
        }
    }

    #[test]
    fn what_would_break_a_pod_is_told() {
        let variable = |name: &str| EnvVar {
            name: name.into(),
            value: String::new(),
        };
        let twice = said(|s| s.toolbox.container.env = vec![variable("POD_NAME")]);
        let bare = "with these settings a bare Pod would be broken: container toolbox: ";
        assert_eq!(twice, format!("{bare}two variables named POD_NAME"));
        let nothing = said(|s| s.toolbox.container.volume_mounts = vec![mount("x", "/x")]);
        assert_eq!(nothing, format!("{bare}the mount on /x names no volume: x"));
        let over = said(|s| {
            s.toolbox.volumes = vec![volume("x", r#"{"name": "x", "emptyDir": {}}"#)];
            s.toolbox.container.volume_mounts = vec![mount("x", "/data/")];
        });
        assert_eq!(over, format!("{bare}two mounts named /data"));
        let relative = said(|s| {
            s.toolbox.volumes = vec![volume("x", r#"{"name": "x", "emptyDir": {}}"#)];
            s.toolbox.container.volume_mounts = vec![mount("x", "x")];
        });
        assert_eq!(relative, format!("{bare}the mount path x is none"));
        let twins = said(|s| {
            s.toolbox.volumes = vec![volume("x", r#"{"name": "sidebox-data", "emptyDir": {}}"#)];
        });
        assert!(
            twins.ends_with("broken: two volumes named sidebox-data"),
            "{twins}"
        );
    }

    #[test]
    fn only_the_pod_that_meets_the_setting_is_broken_by_it() {
        let socket = said(|s| {
            s.toolbox.volumes = vec![volume("x", r#"{"name": "x", "emptyDir": {}}"#)];
            s.toolbox.container.volume_mounts = vec![mount("x", "/run/sidebox")];
        });
        assert_eq!(
            socket,
            "with these settings a Pod in mode port would be broken: container toolbox: \
             two mounts named /run/sidebox"
        );
    }

    #[test]
    fn what_was_there_must_stay() {
        let one = serde_json::json!({"a": [1, {"b": 2}]});
        assert!(
            kept(
                &one,
                &serde_json::json!({"a": [1, {"b": 2, "c": 3}, 4]}),
                ""
            )
            .is_ok()
        );
        let gone = kept(&one, &serde_json::json!({"a": [1, {}]}), "").unwrap_err();
        assert_eq!(gone, "/a/1/b was 2 and became null");
        assert!(kept(&one, &serde_json::json!({"a": [1]}), "").is_err());
    }
}
