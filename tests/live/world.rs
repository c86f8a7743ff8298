//! An installation as the committed manifests make it, with a real `sidebox serve` behind it. Its Pods are fake: a
//! forwarder on loopback stands for them, for the API server's calls and for port-forwards alike. Must not know what is broken.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sidebox::pki::{Ca, Validity};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::api::{Api, Reply};
use crate::cluster::{Cluster, Level};
use crate::objects;
use crate::service::Service;
use crate::webhook::{Sidebox, until};

pub(crate) const MUTATING: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/sidebox";
pub(crate) const VALIDATING: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sidebox";
pub(crate) const SETTINGS: &str = "/api/v1/namespaces/sidebox/configmaps/sidebox-settings";
pub(crate) const SERVICE: &str = "/api/v1/namespaces/sidebox/services/sidebox";
pub(crate) const SLICE: &str =
    "/apis/discovery.k8s.io/v1/namespaces/sidebox/endpointslices/sidebox-by-hand";

/// The name that the API server expects of the certificate.
const HOST: &str = "sidebox.sidebox.svc";

/// The port of the fake Pods; kwok leads each of them to the forwarder.
const PORT: u16 = 8443;

/// What the replica knows: a namespace in which the toolbox has no room beside the Pod of `check`.
const FACTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: small}
---
apiVersion: v1
kind: LimitRange
metadata: {name: tight, namespace: small}
spec: {limits: [{type: Pod, max: {memory: 64Mi}}]}
";

/// Everything of the suite.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) cluster: Cluster,
    pub(crate) service: Service,
    pub(crate) replica: Option<Sidebox>,
    pub(crate) ca: Ca,
    /// Codes of the faults that were named.
    pub(crate) named: BTreeSet<String>,
    _files: TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        let files = TempDir::new().unwrap();
        let service = Service::start().await;
        let config = files.path().join("forward.yaml");
        let forward = json!({"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward",
            "metadata": {"name": "all"}, "spec": {"forwards": [{"target":
                {"address": "127.0.0.1", "port": service.address.port()}}]}});
        fs::write(&config, forward.to_string()).unwrap();
        let config = config.to_str().unwrap();
        let cluster = Cluster::start(Level::Workloads, &["--kwok-config", config]);
        let now = OffsetDateTime::now_utc();
        let mut world = Self {
            api: Api::of(&cluster.kubeconfig()),
            cluster,
            service,
            replica: None,
            ca: Ca::generate("authority", Validity::days(now, 30).unwrap()).unwrap(),
            named: BTreeSet::new(),
            _files: files,
        };
        world
            .serve(now - Duration::HOUR, now + Duration::days(9))
            .await;
        world.install().await;
        world
    }

    /// A replica whose certificate is valid from then until then, in place of an earlier one.
    pub(crate) async fn serve(&mut self, from: OffsetDateTime, until_then: OffsetDateTime) {
        self.stop().await;
        let folder = TempDir::new().unwrap();
        let leaf = self
            .ca
            .issue(&[HOST.to_owned()], Validity::between(from, until_then))
            .unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("tls.crt"), leaf.cert_pem).unwrap();
        fs::write(file("tls.key"), leaf.key_pem).unwrap();
        let settings = objects::text("deploy/manifests/sidebox.yaml");
        let map = objects::read(&settings);
        let map = objects::find(&map, "ConfigMap", "sidebox-settings");
        fs::write(
            file("settings.yaml"),
            map["data"]["settings.yaml"].as_str().unwrap(),
        )
        .unwrap();
        fs::write(file("facts.yaml"), FACTS).unwrap();
        let path = |name: &str| file(name).to_str().unwrap().to_owned();
        let (settings, facts) = (path("settings.yaml"), path("facts.yaml"));
        let flags = ["--config", &settings, "--facts", &facts];
        let replica = Sidebox::start_in(folder, &flags).await;
        self.service.add(&replica);
        until("the forwarder knows the replica", async || {
            self.service.sends_to(&[&replica])
        })
        .await;
        self.replica = Some(replica);
    }

    /// No replica answers.
    pub(crate) async fn stop(&mut self) {
        if self.replica.take().is_some() {
            until("the forwarder knows nobody", async || {
                self.service.sends_to(&[])
            })
            .await;
        }
    }

    /// The committed manifests; the Service leads to the forwarder, and so do the webhooks.
    async fn install(&self) {
        let objects = objects::read(&objects::text("deploy/manifests/sidebox.yaml"));
        let port = self.service.address.port();
        let mut changed = objects.clone();
        for object in &mut changed {
            match object["kind"].as_str().unwrap() {
                "Service" => {
                    object["spec"] = json!({"type": "ExternalName", "externalName": "localhost",
                        "ports": [{"name": "webhook", "port": port, "protocol": "TCP"}]});
                }
                "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
                    for entry in object["webhooks"].as_array_mut().unwrap() {
                        entry["clientConfig"]["service"]["port"] = port.into();
                        entry["clientConfig"]["caBundle"] =
                            STANDARD.encode(self.ca.cert_pem()).into();
                    }
                }
                _ => {}
            }
        }
        self.apply(&json!({"apiVersion": "v1", "kind": "List", "items": changed}));
        let mut pods = Vec::new();
        until("the fake replicas are ready", async || {
            pods = self.ready_pods().await;
            pods.len() == 2
        })
        .await;
        self.slice(&pods, true).await;
        for name in ["shop", "asked", "opted-out", "unsent"] {
            self.namespace(name, &json!({})).await;
        }
        self.in_force().await;
    }

    async fn ready_pods(&self) -> Vec<String> {
        let path = "/api/v1/namespaces/sidebox/pods?labelSelector=app.kubernetes.io/name=sidebox";
        let pods = self.api.call("GET", path, &Value::Null).await.body;
        let all = pods["items"].as_array().unwrap().iter();
        all.filter(|pod| pod["status"]["phase"] == "Running")
            .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What the controller would write of a Service that is no ExternalName. Addresses that nobody has: RFC 5737.
    async fn slice(&self, pods: &[String], ready: bool) {
        let endpoint = |(index, name): (usize, &String)| {
            json!({"addresses": [format!("192.0.2.{}", index + 1)],
            "conditions": {"ready": ready},
            "targetRef": {"kind": "Pod", "namespace": "sidebox", "name": name}})
        };
        let slice = json!({"metadata": {"name": "sidebox-by-hand",
                "labels": {"kubernetes.io/service-name": "sidebox"}},
            "addressType": "IPv4", "ports": [{"name": "webhook", "port": PORT, "protocol": "TCP"}],
            "endpoints": pods.iter().enumerate().map(endpoint).collect::<Vec<_>>()});
        let path = SLICE.trim_end_matches("/sidebox-by-hand");
        self.api.create(path, &slice).await;
    }

    pub(crate) async fn namespace(&self, name: &str, labels: &Value) {
        let object = json!({"metadata": {"name": name, "labels": labels}});
        self.api.create("/api/v1/namespaces", &object).await;
        let path = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        until("the namespace has its account", async || {
            self.api.call("GET", &path, &Value::Null).await.accepted()
        })
        .await;
    }

    /// Waits until the API server calls the webhooks, and trusts them.
    pub(crate) async fn in_force(&self) {
        until("a Pod that asks is injected", async || {
            let reply = self.api.try_pod("shop", &asking("probe")).await;
            reply.body["spec"]["containers"]
                .as_array()
                .is_some_and(|all| all.len() == 2)
        })
        .await;
    }

    /// Waits until it does not.
    pub(crate) async fn out_of_force(&self) {
        until("a Pod that asks is not injected", async || {
            let reply = self.api.try_pod("shop", &asking("probe")).await;
            reply.accepted()
                && reply.body["spec"]["containers"]
                    .as_array()
                    .is_some_and(|all| all.len() == 1)
        })
        .await;
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.api.call("GET", path, &Value::Null).await;
        assert!(reply.accepted(), "{path}: {}", reply.message());
        reply.body
    }

    pub(crate) async fn patch(&self, path: &str, change: &Value) {
        let reply = self.api.call("PATCH", path, change).await;
        assert!(reply.accepted(), "{path}: {}", reply.message());
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.api.call("DELETE", path, &Value::Null).await
    }

    /// Deletes an object, and gives it back as it can be created again.
    pub(crate) async fn take(&self, path: &str) -> Value {
        let mut object = self.get(path).await;
        assert!(self.delete(path).await.accepted(), "{path}");
        for key in [
            "resourceVersion",
            "uid",
            "creationTimestamp",
            "managedFields",
            "generation",
        ] {
            object["metadata"].as_object_mut().unwrap().remove(key);
        }
        object
    }

    /// Creates what was taken.
    pub(crate) async fn give(&self, path: &str, object: &Value) {
        let (collection, _) = path.rsplit_once('/').unwrap();
        self.api.create(collection, object).await;
    }

    /// Changes every entry of a configuration, and gives back how they were.
    pub(crate) async fn change_entries(&self, path: &str, change: impl Fn(&mut Value)) -> Value {
        let before = self.get(path).await["webhooks"].clone();
        let mut after = before.clone();
        after.as_array_mut().unwrap().iter_mut().for_each(change);
        self.patch(path, &json!({"webhooks": after})).await;
        json!({"webhooks": before})
    }

    pub(crate) fn apply(&self, object: &Value) {
        let mut kubectl = self.cluster.kubectl();
        let mut child = kubectl
            .args(["apply", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, object.to_string().as_bytes()).unwrap();
        drop(stdin);
        let done = child.wait_with_output().unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    /// The command, as the admin.
    pub(crate) async fn sidebox(&self, arguments: &[&str]) -> Said {
        sidebox(&self.cluster.kubeconfig(), arguments).await
    }
}

/// The command, as the user of a kubeconfig.
pub(crate) async fn sidebox(kubeconfig: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidebox"));
    command.args(arguments).env("KUBECONFIG", kubeconfig);
    // The forwarder of this process must go on.
    let done = tokio::task::spawn_blocking(move || command.output().unwrap());
    let done = done.await.unwrap();
    Said {
        code: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// A Pod of one container, with annotations.
pub(crate) fn pod(name: &str, annotations: &Value) -> Value {
    json!({"metadata": {"name": name, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]}})
}

/// One that asks.
pub(crate) fn asking(name: &str) -> Value {
    pod(name, &json!({"sidebox.dev/inject": "true"}))
}
