//! Where do the trials of this suite live? One cluster with fake nodes, one `sidebox serve`, and namespaces whose Pods it
//! sees. Must not know what is tried there.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Api;
use crate::cluster::{Cluster, LABEL, Level};
use crate::webhook::{Registration, Sidebox, until, until_every};

/// Fake nodes; each takes 110 Pods at most, so a burst of a thousand leaves room.
const NODES: usize = 20;

/// The claim of the default settings. Nothing is known of claims here, so only Pods that ask mount it.
const CLAIM: &str = "monitor-azfiles";

/// The value of the label `webhooks` of namespaces whose Pods speak for themselves.
pub(crate) const PODS_ASK: &str = "pods-ask";
/// And of those whose label speaks for their Pods.
pub(crate) const NAMESPACE_ASKS: &str = "namespace-asks";

/// The cluster of the whole suite, and the server its API server calls.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) sidebox: Sidebox,
    cluster: Cluster,
}

impl World {
    pub(crate) async fn start() -> Self {
        let nodes = NODES.to_string();
        let cluster = Cluster::given_or_start(Level::Workloads, &["--nodes", &nodes]);
        let api = Api::of(&cluster.kubeconfig());
        let sidebox = Sidebox::start(&[]).await;
        let world = Self {
            api,
            sidebox,
            cluster,
        };
        for (namespaces, path) in [(PODS_ASK, "/mutate"), (NAMESPACE_ASKS, "/mutate/labelled")] {
            let registration = Registration {
                path,
                // The longest that an API server waits: how fast a busy machine answers is not what is asked here.
                seconds: 30,
                ..Registration::of(&world.sidebox, namespaces)
            };
            registration.register(&world.api).await;
            world.in_force(namespaces).await;
        }
        world
    }

    /// Waits until the API server calls the webhook.
    async fn in_force(&self, webhooks: &str) {
        let name = format!("{webhooks}-in-force");
        self.namespace(&name, webhooks).await;
        let mut pod = self.template("probe", "Always");
        pod["metadata"]["name"] = "probe".into();
        let before = self.sidebox.reviews().await;
        until("Pods are sent", async || {
            let reply = self.api.try_pod(&name, &pod).await;
            assert!(reply.accepted(), "{}", reply.message());
            self.sidebox.reviews().await > before
        })
        .await;
    }

    /// A namespace, with its account before a controller can miss it, and the claim that Pods which ask mount.
    pub(crate) async fn namespace(&self, name: &str, webhooks: &str) {
        let object =
            json!({"metadata": {"name": name, "labels": {"webhooks": webhooks, LABEL: "true"}}});
        self.api.create("/api/v1/namespaces", &object).await;
        let below = |kind: &str| format!("/api/v1/namespaces/{name}/{kind}");
        let account = json!({"metadata": {"name": "default"}});
        self.api.create(&below("serviceaccounts"), &account).await;
        let shared = json!({"accessModes": ["ReadWriteMany"], "storageClassName": ""});
        let mut volume = json!({"metadata": {"name": format!("results-{name}"), "labels": {LABEL: "true"}}, "spec": shared});
        volume["spec"]["capacity"] = json!({"storage": "1Gi"});
        volume["spec"]["hostPath"] = json!({"path": "/results"});
        volume["spec"]["claimRef"] = json!({"namespace": name, "name": CLAIM});
        self.api.create("/api/v1/persistentvolumes", &volume).await;
        let mut claim = json!({"metadata": {"name": CLAIM}, "spec": shared});
        claim["spec"]["resources"] = json!({"requests": {"storage": "1Gi"}});
        self.api
            .create(&below("persistentvolumeclaims"), &claim)
            .await;
    }

    /// Whether Pods come to run. On a given cluster they are held back: its nodes would look for their images.
    pub(crate) fn runs_pods(&self) -> bool {
        !self.cluster.is_given()
    }

    /// How many nodes there are.
    pub(crate) async fn nodes(&self) -> usize {
        let list = self.get("/api/v1/nodes").await;
        list["items"].as_array().map_or(0, Vec::len)
    }

    /// A Pod template of one small container, labelled with a name.
    pub(crate) fn template(&self, name: &str, restart: &str) -> Value {
        let mut template = json!({"metadata": {"labels": {"app": name}},
            "spec": {"restartPolicy": restart, "containers": [{"name": "app", "image": "app:1"}]}});
        if !self.runs_pods() {
            template["spec"]["schedulingGates"] = json!([{"name": "sidebox.dev/test"}]);
        }
        template
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.api.call("GET", path, &Value::Null).await;
        assert!(reply.accepted(), "{path}: {}", reply.message());
        reply.body
    }

    /// The Pods of a workload that are not on their way out.
    pub(crate) async fn pods(&self, namespace: &str, app: &str) -> Vec<Value> {
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}");
        let mut list = self.get(&path).await["items"].take();
        let all = list.as_array_mut().map(std::mem::take).unwrap_or_default();
        let stays = |pod: &Value| pod["metadata"]["deletionTimestamp"].is_null();
        all.into_iter().filter(stays).collect()
    }

    /// What controllers complained of in a namespace.
    pub(crate) async fn failures(&self, namespace: &str) -> Vec<String> {
        let path =
            format!("/api/v1/namespaces/{namespace}/events?fieldSelector=reason%3DFailedCreate");
        let list = self.get(&path).await;
        let events = list["items"].as_array().into_iter().flatten();
        events.map(|event| event["message"].to_string()).collect()
    }
}

/// Waits for what controllers do, on a machine that may have other work.
pub(crate) async fn in_time(what: &str, condition: impl AsyncFnMut() -> bool) {
    let (pause, patience) = (Duration::from_millis(250), Duration::from_mins(10));
    until_every(pause, patience, what, condition).await;
}

/// A template that asks for a toolbox.
pub(crate) fn asking(mut template: Value) -> Value {
    template["metadata"]["annotations"] = json!({"sidebox.dev/inject": "true"});
    template
}

/// The toolbox in a list of a Pod's containers.
pub(crate) fn toolbox<'a>(pod: &'a Value, list: &str) -> Option<&'a Value> {
    let mut containers = pod["spec"][list].as_array()?.iter();
    containers.find(|container| container["name"] == "toolbox")
}
