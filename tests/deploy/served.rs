//! What is rendered, at work: the real `sidebox serve` with the rendered settings, called by a real API server
//! through the rendered webhook configurations. Only where it is called at differs: a loopback URL, since nothing
//! runs in Pods. Must not know what is tested.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{Api, Reply};
use crate::objects::find;
use crate::webhook::{Sidebox, until};

/// Group and version of webhook configurations, as a path.
pub(crate) const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// A server with its webhooks.
pub(crate) struct Served {
    pub(crate) sidebox: Sidebox,
    _settings: TempDir,
}

impl Served {
    /// Starts the server and puts the configurations in force, in place of those of an earlier one.
    pub(crate) async fn start(api: &Api, rendered: &[Value]) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("settings.yaml");
        let map = find(rendered, "ConfigMap", "sidebox-settings");
        fs::write(&file, map["data"]["settings.yaml"].as_str().unwrap()).unwrap();
        let sidebox = Sidebox::start(&["--config", file.to_str().unwrap()]).await;
        for kind in ["Mutating", "Validating"] {
            let kind = format!("{kind}WebhookConfiguration");
            let configuration = called_at(&sidebox, find(rendered, &kind, "sidebox"));
            put(api, &kind, &configuration).await;
        }
        let served = Self {
            sidebox,
            _settings: folder,
        };
        served.in_force(api).await;
        served
    }

    /// Waits until the API server calls this server through every entry.
    async fn in_force(&self, api: &Api) {
        for (label, name) in [(Some("true"), "yes"), (Some("false"), "no"), (None, "none")] {
            let namespace = format!("in-force-{name}");
            namespace_of(api, &namespace, label).await;
            self.awaits(&format!("Pods of {namespace} are sent"), async || {
                api.try_pod(&namespace, &pod(&json!({"sidebox.dev/inject": "true"})))
                    .await
            })
            .await;
        }
        self.awaits("workloads are sent", async || {
            let path = "/apis/apps/v1/namespaces/in-force-none/deployments?dryRun=All";
            api.call("POST", path, &deployment("probe", &json!({})))
                .await
        })
        .await;
    }

    async fn awaits(&self, what: &str, attempt: impl AsyncFn() -> Reply) {
        let before = self.sidebox.reviews().await;
        until(what, async || {
            let reply = attempt().await;
            assert!(reply.accepted(), "{what}: {}", reply.message());
            self.sidebox.reviews().await > before
        })
        .await;
    }

    /// One line of its metrics, by name and labels as they are printed; 0 where there is none yet.
    pub(crate) async fn metric(&self, line: &str) -> u64 {
        let (_, text) = self.sidebox.get("/metrics").await;
        let found = text
            .lines()
            .find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or(0)
    }
}

/// The configuration with URLs in place of the Service.
pub(crate) fn called_at(sidebox: &Sidebox, rendered: &Value) -> Value {
    let mut configuration = rendered.clone();
    for webhook in configuration["webhooks"].as_array_mut().unwrap() {
        let path = webhook["clientConfig"]["service"]["path"].as_str().unwrap();
        let url = format!("https://{}{path}", sidebox.webhook);
        webhook["clientConfig"] = json!({"url": url, "caBundle": STANDARD.encode(sidebox.ca())});
    }
    configuration
}

async fn put(api: &Api, kind: &str, configuration: &Value) {
    let path = format!("{ADMISSION}/{}s", kind.to_lowercase());
    api.create(&path, configuration).await;
    let name = configuration["metadata"]["name"].as_str().unwrap();
    let change = json!({"webhooks": configuration["webhooks"]});
    let reply = api.call("PATCH", &format!("{path}/{name}"), &change).await;
    assert!(reply.accepted(), "{}", reply.message());
}

/// A namespace that takes Pods, with the label of Sidebox or without.
pub(crate) async fn namespace_of(api: &Api, name: &str, label: Option<&str>) {
    let labels = label.map_or_else(|| json!({}), |value| json!({"sidebox.dev/inject": value}));
    let namespace = json!({"metadata": {"name": name, "labels": labels}});
    api.create("/api/v1/namespaces", &namespace).await;
    let account = json!({"metadata": {"name": "default"}});
    let path = format!("/api/v1/namespaces/{name}/serviceaccounts");
    api.create(&path, &account).await;
}

/// A Pod of one container, with annotations.
pub(crate) fn pod(annotations: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]}})
}

/// A Deployment of one such Pod, with annotations of its own.
pub(crate) fn deployment(name: &str, annotations: &Value) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "annotations": annotations},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "app", "image": "app:1"}]}}}})
}

/// Whether a Pod has its toolbox.
pub(crate) fn is_injected(pod: &Value) -> bool {
    let containers = pod["spec"]["containers"].as_array();
    let toolbox = containers
        .into_iter()
        .flatten()
        .any(|c| c["name"] == "toolbox");
    let labelled = pod["metadata"]["labels"]["sidebox.dev/injected"] == "true";
    assert_eq!(toolbox, labelled, "toolbox and label come together: {pod}");
    toolbox
}
