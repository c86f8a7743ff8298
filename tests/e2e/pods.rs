//! What does a Pod of these tests look like? The sample as a bare Pod, and changes of it. Knows manifests only.

use json_patch::merge;
use serde_json::{Value, json};

/// The toolbox image with Microsoft's tools, for Pods that ask for it; without a word they get `toolbox`.
pub(crate) const TOOLBOX_DOTNET: &str = concat!(
    "ghcr.io/sidebox-dev/toolbox-dotnet:",
    env!("CARGO_PKG_VERSION")
);
/// The sample's image for .NET 10.
pub(crate) const HELLO: &str = "helloaks:1.0.0";

/// The sample's container, which rests between its primes so that many fit on a small machine.
pub(crate) fn app(change: &Value) -> Value {
    let mut container = json!({
        "name": "app", "image": HELLO, "env": [{"name": "PAUSE_MILLISECONDS", "value": "100"}],
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "300m", "memory": "256Mi"}},
    });
    merge(&mut container, change);
    container
}

/// A Pod that asks for a toolbox, as user 1654 unless the change says otherwise.
pub(crate) fn pod(namespace: &str, annotations: &[(&str, &str)], change: &Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "app", "namespace": namespace, "annotations": {"sidebox.dev/inject": "true"}},
        "spec": {"securityContext": {"runAsUser": 1654}, "containers": [app(&json!({}))]},
    });
    for (key, value) in annotations {
        pod["metadata"]["annotations"][format!("sidebox.dev/{key}")] = (*value).into();
    }
    merge(&mut pod["spec"], change);
    pod
}

/// What Sidebox wrote about its decision.
pub(crate) fn status(pod: &Value) -> Value {
    let text = pod["metadata"]["annotations"]["sidebox.dev/status"].as_str();
    serde_json::from_str(text.expect("the Pod was seen by the webhook")).unwrap()
}

/// The codes of the findings.
pub(crate) fn findings(pod: &Value) -> Vec<String> {
    let status = status(pod);
    let codes = status["findings"].as_array().into_iter().flatten();
    codes
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

/// The status of a container, whichever list it stands in.
pub(crate) fn container<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let lists = ["containerStatuses", "initContainerStatuses"];
    let mut all = lists
        .iter()
        .filter_map(|list| pod["status"][list].as_array())
        .flatten();
    all.find(|status| status["name"] == name)
        .unwrap_or(&Value::Null)
}

/// Whether each container that a trace needs runs.
pub(crate) fn runs(pod: &Value) -> bool {
    let running = |name| container(pod, name)["state"]["running"].is_object();
    running("app") && running("toolbox")
}
