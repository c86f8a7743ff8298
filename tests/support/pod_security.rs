//! The Pod Security level of a Pod. Source: the Pod Security Standards of the Kubernetes
//! documentation, as far as the generated Pods and the corpus reach.

use serde_json::Value;

/// From the freest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Privileged,
    Baseline,
    Restricted,
}

const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
const RESTRICTED_VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The strictest level that admits the Pod.
pub(crate) fn level(pod: &Value) -> Level {
    let spec = &pod["spec"];
    if !baseline(spec) {
        Level::Privileged
    } else if restricted(spec) {
        Level::Restricted
    } else {
        Level::Baseline
    }
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["containers", "initContainers"]
        .into_iter()
        .flat_map(|list| spec[list].as_array().into_iter().flatten())
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn baseline(spec: &Value) -> bool {
    let host = ["hostPID", "hostIPC", "hostNetwork"]
        .iter()
        .any(|key| spec[key] == true);
    let volumes = spec["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|v| v["hostPath"].is_object());
    let container = |c: &Value| {
        let context = &c["securityContext"];
        context["privileged"] != true
            && texts(&context["capabilities"]["add"])
                .iter()
                .all(|name| BASELINE_CAPABILITIES.contains(name))
            && c["ports"]
                .as_array()
                .into_iter()
                .flatten()
                .all(|port| port["hostPort"].as_u64().unwrap_or(0) == 0)
            && context["seccompProfile"]["type"] != "Unconfined"
    };
    !host && !volumes && containers(spec).all(container)
}

fn restricted(spec: &Value) -> bool {
    let pod = &spec["securityContext"];
    let user_namespace = spec["hostUsers"] == false;
    let volumes = spec["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .all(|volume| {
            volume.as_object().is_some_and(|map| {
                map.keys()
                    .any(|key| RESTRICTED_VOLUMES.contains(&key.as_str()))
            })
        });
    let container = |c: &Value| {
        let own = &c["securityContext"];
        let non_root = own["runAsNonRoot"]
            .as_bool()
            .or_else(|| pod["runAsNonRoot"].as_bool())
            == Some(true);
        let profile = own["seccompProfile"]["type"]
            .as_str()
            .or_else(|| pod["seccompProfile"]["type"].as_str());
        let capabilities = &own["capabilities"];
        own["allowPrivilegeEscalation"] == false
            && (non_root || user_namespace)
            && (own["runAsUser"] != 0 || user_namespace)
            && matches!(profile, Some("RuntimeDefault" | "Localhost"))
            && texts(&capabilities["drop"]).contains(&"ALL")
            && texts(&capabilities["add"])
                .iter()
                .all(|name| *name == "NET_BIND_SERVICE")
    };
    volumes && (pod["runAsUser"] != 0 || user_namespace) && containers(spec).all(container)
}
