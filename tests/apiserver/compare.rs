//! What is the difference between the Pod without the webhook, patched by hand, and the Pod with it?
//! Only defaults that the API server gives to what the patch added. Must not know how patches come about.

use serde_json::{Value, json};

/// Applies patches in turn.
pub(crate) fn patched(mut pod: Value, patches: Vec<Value>) -> Result<Value, String> {
    for patch in patches {
        let patch: json_patch::Patch =
            serde_json::from_value(patch).map_err(|error| error.to_string())?;
        json_patch::patch(&mut pod, &patch).map_err(|error| error.to_string())?;
    }
    Ok(pod)
}

/// The Pod without what differs between two creations of the same Pod: times, ids, the namespace,
/// generated names.
pub(crate) fn settled(mut pod: Value) -> Value {
    for key in [
        "uid",
        "creationTimestamp",
        "namespace",
        "managedFields",
        "resourceVersion",
        "generation",
    ] {
        pod["metadata"].as_object_mut().unwrap().remove(key);
    }
    if pod["metadata"]["generateName"].is_string() {
        pod["metadata"]["name"] = "generated".into();
    }
    // Pods with scheduling gates have one from the start.
    let conditions = pod["status"]["conditions"].as_array_mut();
    for condition in conditions.into_iter().flatten() {
        condition["lastTransitionTime"] = Value::Null;
    }
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let mut names = volumes.filter_map(|volume| volume["name"].as_str());
    if let Some(token) = names
        .find(|name| name.starts_with(TOKEN))
        .map(str::to_owned)
    {
        rename(&mut pod["spec"], &token);
    }
    pod
}

/// Gives the volume of the service account's token the same name in every Pod.
fn rename(value: &mut Value, token: &str) {
    match value {
        Value::String(text) if text == token => TOKEN.clone_into(text),
        Value::Array(all) => all.iter_mut().for_each(|one| rename(one, token)),
        Value::Object(map) => map.values_mut().for_each(|one| rename(one, token)),
        _ => {}
    }
}

const TOKEN: &str = "kube-api-access-";

/// What stood in the Pod without the webhook and stands no more in the one with it, but for what follows from all
/// containers together.
pub(crate) fn lost(without: &Value, with: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(without, with, "", &mut |path, without, with| {
        if !without.is_null() && !is_derived(path) {
            found.push(format!("{path}: {without} became {with}"));
        }
    });
    found
}

/// Where the server's answer differs from what was expected, but for its defaults.
pub(crate) fn surprises(without: &Value, expected: &Value, got: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(expected, got, "", &mut |path, expected, got| {
        if !is_default(without, path, expected, got) {
            found.push(format!("{path}: {expected} expected, {got} came"));
        }
    });
    found
}

fn walk(one: &Value, two: &Value, path: &str, tell: &mut impl FnMut(&str, &Value, &Value)) {
    // Most of a Pod is alike, and needs no path.
    if one == two {
        return;
    }
    match (one, two) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in b {
                let below = format!("{path}/{key}");
                walk(a.get(key).unwrap_or(&Value::Null), value, &below, tell);
            }
            for (key, value) in a.iter().filter(|(key, _)| !b.contains_key(*key)) {
                tell(&format!("{path}/{key}"), value, &Value::Null);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let [a, b] = [a, b].map(|list| list.get(index).unwrap_or(&Value::Null));
                walk(a, b, &format!("{path}/{index}"), tell);
            }
        }
        (one, two) => tell(path, one, two),
    }
}

/// Members that the server adds to an added container, and to nothing that was there before.
const DEFAULTS: [&str; 8] = [
    "terminationMessagePath",
    "terminationMessagePolicy",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
    "apiVersion",
    "defaultMode",
];

/// Sums over all containers, and LimitRanger's own remark on what it filled in.
fn is_derived(path: &str) -> bool {
    let derived = [
        "/status/qosClass",
        "/metadata/annotations/kubernetes.io/limit-ranger",
    ];
    derived.contains(&path) || path.starts_with("/spec/resources/requests/")
}

fn is_default(without: &Value, path: &str, expected: &Value, got: &Value) -> bool {
    if is_derived(path) {
        return true;
    }
    let was_there = without.pointer(&element(path)).is_some();
    if was_there || !path.starts_with("/spec/") {
        return false;
    }
    let last = path.rsplit('/').next().unwrap_or("");
    let token = json!({"name": TOKEN, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"});
    let amount = path.contains("/resources");
    expected.is_null() && (DEFAULTS.contains(&last) || amount || *got == token)
}

/// The pointer of the container, volume or other element of the spec that a path is in.
fn element(path: &str) -> String {
    path.split('/').take(4).collect::<Vec<_>>().join("/")
}
