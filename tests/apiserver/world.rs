//! Where do the tests of this suite live? One cluster, and pairs of namespaces that are alike but for
//! the webhook. Must not know what is tested there.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sidebox::inject::names::is_dns_subdomain;

use crate::api::Api;
use crate::audit::Audit;
use crate::cluster::{Cluster, LABEL, Level};
use crate::webhook::counted;

/// The cluster of the whole suite.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) api: Api,
}

/// Two namespaces with the same labels and objects; webhooks see one of them.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) without: String,
    pub(crate) with: String,
    /// The value of the label `webhooks` of the second.
    pub(crate) name: String,
    /// What `sidebox serve --facts` is to know of the second.
    pub(crate) facts: Value,
}

impl World {
    /// Starts the cluster, with the classes that generated Pods name.
    pub(crate) async fn start() -> Self {
        let cluster = Cluster::given_or_start(Level::ApiServer, &[]);
        let api = Api::of(&cluster.kubeconfig());
        let world = Self { cluster, api };
        let labels = json!({LABEL: "true"});
        let priority = json!({"metadata": {"name": "high", "labels": labels}, "value": 1000});
        world
            .api
            .create("/apis/scheduling.k8s.io/v1/priorityclasses", &priority)
            .await;
        for name in ["kata", "kata-cc", "kata-mshv-vm-isolation", "runc"] {
            let runtime = json!({"metadata": {"name": name, "labels": labels}, "handler": name});
            let path = "/apis/node.k8s.io/v1/runtimeclasses";
            world.api.create(path, &runtime).await;
        }
        world
    }

    /// The minor version of this Kubernetes, 37 of 1.37; providers write it as `34+`, too.
    pub(crate) async fn minor(&self) -> u32 {
        let version = self.api.call("GET", "/version", &json!({})).await.body;
        let minor = version["minor"].as_str().unwrap();
        minor.trim_end_matches('+').parse().unwrap()
    }

    /// How often the API server went on without Sidebox's webhook because that failed.
    pub(crate) async fn failed_open(&self) -> u64 {
        let reply = self.api.call("GET", "/metrics", &json!({})).await;
        let name = "apiserver_admission_webhook_fail_open_count";
        let ours = r#"name="pods.sidebox.dev""#;
        counted(reply.body.as_str().unwrap(), name, ours)
    }

    /// The audit log from here on.
    pub(crate) fn audit(&self) -> Audit {
        if self.cluster.is_given() {
            return Audit::hidden();
        }
        Audit::from_now(&self.cluster.audit_log())
    }

    /// Makes the pair; each object is a path below the namespace and what is created there.
    pub(crate) async fn arena(
        &self,
        name: &str,
        labels: &Value,
        objects: &[(&str, Value)],
    ) -> Arena {
        let without = format!("{name}-without");
        let metadata = json!({"name": without, "labels": labels});
        self.furnish(metadata, "none", objects).await;
        self.beside(&without, name, labels, objects).await
    }

    /// One more namespace like an earlier one, with webhooks of its own.
    pub(crate) async fn beside(
        &self,
        without: &str,
        name: &str,
        labels: &Value,
        objects: &[(&str, Value)],
    ) -> Arena {
        let with = format!("{name}-with");
        let metadata = json!({"name": with, "labels": labels});
        let known = self.furnish(metadata, name, objects).await;
        Arena {
            without: without.to_owned(),
            with,
            name: name.to_owned(),
            facts: list(&known),
        }
    }

    /// A namespace in which Pods are accepted, with the service account that nothing makes at this level;
    /// returns it and its objects, as facts. The label `webhooks` says which webhooks see its Pods.
    pub(crate) async fn furnish(
        &self,
        metadata: Value,
        webhooks: &str,
        objects: &[(&str, Value)],
    ) -> Vec<Value> {
        let mut object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        object["metadata"]["labels"]["webhooks"] = webhooks.into();
        object["metadata"]["labels"][LABEL] = "true".into();
        self.api.create("/api/v1/namespaces", &object).await;
        let namespace = metadata["name"].as_str().unwrap();
        let account = json!({"metadata": {"name": "default"}});
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        self.api.create(&path, &account).await;
        let mut known = vec![object];
        for (path, object) in objects {
            let path = format!("{path}/namespaces/{namespace}/{}", plural(object));
            self.api.create(&path, object).await;
            if object["kind"] == "ResourceQuota" {
                self.measure(&path, object).await;
            }
            let mut fact = object.clone();
            fact["metadata"]["namespace"] = namespace.into();
            known.push(fact);
        }
        known
    }

    /// The quota controller's work, which is absent at this level: nothing is used yet.
    async fn measure(&self, path: &str, quota: &Value) {
        let hard = &quota["spec"]["hard"];
        let keys = hard.as_object().unwrap().keys();
        let used: Map<_, _> = keys.map(|key| (key.clone(), "0".into())).collect();
        let path = format!(
            "{path}/{}/status",
            quota["metadata"]["name"].as_str().unwrap()
        );
        let change = json!({"status": {"hard": hard, "used": used}});
        let reply = self.api.call("PATCH", &path, &change).await;
        assert!(reply.accepted(), "{path}: {}", reply.message());
    }

    /// Makes the service accounts that Pods name.
    pub(crate) async fn accounts(&self, arena: &Arena, pods: &[Value]) {
        let account_of = |pod: &Value| {
            let keys = ["serviceAccountName", "serviceAccount"];
            let named = keys.map(|key| pod["spec"][key].as_str());
            named.into_iter().flatten().next().map(str::to_owned)
        };
        let names: BTreeSet<_> = pods
            .iter()
            .filter_map(account_of)
            .filter(|name| is_dns_subdomain(name))
            .collect();
        for name in names {
            for namespace in [&arena.without, &arena.with] {
                let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
                let account = json!({"metadata": {"name": name}});
                self.api.create(&path, &account).await;
            }
        }
    }
}

/// Objects as a file of facts has them.
pub(crate) fn list(objects: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": objects})
}

fn plural(object: &Value) -> String {
    format!("{}s", object["kind"].as_str().unwrap().to_lowercase())
}
