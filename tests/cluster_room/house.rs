//! Two replicas of Sidebox that make their own certificates, behind a Service, with webhook configurations that
//! name no authority. Must not know what happens to them.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::apiserver::World;
use crate::load::{Load, has_toolbox};
use crate::review::asking_pod;
use crate::service::Service;
use crate::webhook::{Sidebox, host, until};

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// Both kinds of configurations, as in a path.
const KINDS: [&str; 2] = [
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
];

/// The replicas and what is theirs; all of it has the name of the house.
pub(crate) struct House {
    pub(crate) name: String,
    pub(crate) service: Service,
    pub(crate) replicas: Vec<Sidebox>,
    flags: Vec<String>,
    environment: Vec<(String, PathBuf)>,
}

impl House {
    /// Everything but the replicas.
    pub(crate) async fn empty(world: &World, name: &str, flags: &[&str]) -> Self {
        for (namespace, label) in [(name.to_owned(), name), (own(name), "none")] {
            let labels = json!({"webhooks": label});
            let object = json!({"metadata": {"name": namespace, "labels": labels}});
            world.api.create("/api/v1/namespaces", &object).await;
            let account = json!({"metadata": {"name": "default"}});
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
            world.api.create(&path, &account).await;
        }
        let service = Service::start().await;
        for kind in KINDS {
            let object = configuration(kind, name, &service);
            world
                .api
                .create(&format!("{ADMISSION}/{kind}"), &object)
                .await;
        }
        Self {
            name: name.to_owned(),
            service,
            replicas: Vec::new(),
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            environment: Vec::new(),
        }
    }

    /// With two replicas that answer.
    pub(crate) async fn start(world: &World, name: &str, flags: &[&str]) -> Self {
        Self::start_in(world, name, flags, &[]).await
    }

    /// The same, with more in the environment of each.
    pub(crate) async fn start_in(
        world: &World,
        name: &str,
        flags: &[&str],
        environment: &[(&str, &Path)],
    ) -> Self {
        let mut house = Self::empty(world, name, flags).await;
        let owned = environment.iter();
        let owned = owned.map(|&(key, value)| (key.to_owned(), value.to_owned()));
        house.environment = owned.collect();
        for _ in 0..2 {
            house.add_replica(world).await;
        }
        house.answers(world).await;
        house
    }

    /// One more replica; it need not be ready.
    pub(crate) async fn add_replica(&mut self, world: &World) {
        let (own, host) = (own(&self.name), host());
        let fixed = [
            "--cluster",
            "never",
            "--pod-namespace",
            &own,
            "--service-name",
            &self.name,
        ];
        let flags: Vec<_> = fixed.into_iter().chain(["--tls-name", &host]).collect();
        let flags: Vec<_> = flags
            .into_iter()
            .chain(self.flags.iter().map(String::as_str))
            .collect();
        let kubeconfig = world.cluster.kubeconfig();
        let more = self.environment.iter();
        let more = more.map(|(key, value)| (key.as_str(), value.as_path()));
        let environment: Vec<_> = more.chain([("KUBECONFIG", kubeconfig.as_path())]).collect();
        let sidebox = Sidebox::start_self_managed(&flags, &environment).await;
        self.service.add(&sidebox);
        self.replicas.push(sidebox);
    }

    /// Waits until all replicas are ready and Pods get their toolboxes.
    pub(crate) async fn answers(&self, world: &World) {
        until("the Service sends to all replicas", async || {
            self.service
                .sends_to(&self.replicas.iter().collect::<Vec<_>>())
        })
        .await;
        self.injects(world).await;
    }

    /// Waits until a Pod gets its toolbox.
    pub(crate) async fn injects(&self, world: &World) {
        until("a Pod gets its toolbox", async || {
            has_toolbox(&world.api.try_pod(&self.name, &asking_pod()).await.body)
        })
        .await;
    }

    pub(crate) fn load(&self, world: &World) -> Load {
        Load::start(&world.api, &self.name, asking_pod())
    }

    /// How often something was done, by all replicas that live.
    pub(crate) async fn done(&self, act: &str) -> u64 {
        let mut count = 0;
        for replica in &self.replicas {
            let (_, text) = replica.get("/metrics").await;
            let line = format!("sidebox_certificate_acts_total{{act=\"{act}\"}} ");
            let found = text
                .lines()
                .find_map(|text| text.strip_prefix(&line)?.parse::<u64>().ok());
            count += found.unwrap_or(0);
        }
        count
    }

    /// The place of the replica that holds the Lease, if one does.
    pub(crate) async fn holder(&self) -> Option<usize> {
        for (index, replica) in self.replicas.iter().enumerate() {
            if replica.metric("sidebox_lease_held").await == 1 {
                return Some(index);
            }
        }
        None
    }

    pub(crate) fn secret(&self) -> String {
        format!(
            "/api/v1/namespaces/{}/secrets/{}-ca",
            own(&self.name),
            self.name
        )
    }

    /// One value of the Secret, decoded.
    pub(crate) async fn authority(&self, world: &World, key: &str) -> Option<String> {
        let reply = world.api.call("GET", &self.secret(), &Value::Null).await;
        let text = STANDARD.decode(reply.body["data"][key].as_str()?).unwrap();
        Some(String::from_utf8(text).unwrap())
    }

    /// The caBundle of each entry of both configurations.
    pub(crate) async fn bundles(&self, world: &World) -> Vec<String> {
        let mut bundles = Vec::new();
        for kind in KINDS {
            let path = format!("{ADMISSION}/{kind}/{}", self.name);
            let reply = world.api.call("GET", &path, &Value::Null).await;
            for webhook in reply.body["webhooks"].as_array().unwrap() {
                let bundle = webhook["clientConfig"]["caBundle"]
                    .as_str()
                    .unwrap_or_default();
                bundles.push(String::from_utf8(STANDARD.decode(bundle).unwrap()).unwrap());
            }
        }
        bundles
    }

    /// Applies the configurations as somebody would who does not know of the caBundle.
    pub(crate) async fn wipe_bundles(&self, world: &World) {
        for kind in KINDS {
            let change = configuration(kind, &self.name, &self.service);
            let change = json!({"webhooks": change["webhooks"]});
            world
                .patch(&format!("{ADMISSION}/{kind}/{}", self.name), &change)
                .await;
        }
    }
}

/// The namespace of the replicas of a house.
fn own(name: &str) -> String {
    format!("{name}-own")
}

/// As the chart's, but for the URL.
fn configuration(kind: &str, name: &str, service: &Service) -> Value {
    let (paths, resource): (&[&str], _) = if kind == KINDS[0] {
        (
            &["/mutate", "/mutate/labelled", "/mutate/opted-out"],
            json!({"apiGroups": [""], "resources": ["pods"]}),
        )
    } else {
        (
            &["/advise"],
            json!({"apiGroups": ["apps"], "resources": ["deployments"]}),
        )
    };
    let entries = paths.iter().enumerate().map(|(index, path)| {
        // Only the first is called; the others are kept all the same.
        let label = if index == 0 {
            name.to_owned()
        } else {
            format!("{name}-{index}")
        };
        let mut rule = resource.clone();
        rule["apiVersions"] = json!(["v1"]);
        rule["operations"] = json!(["CREATE"]);
        json!({"name": format!("e{index}.sidebox.dev"), "rules": [rule],
            "clientConfig": {"url": format!("https://{}{path}", service.address)},
            "namespaceSelector": {"matchLabels": {"webhooks": label}},
            "failurePolicy": "Ignore", "timeoutSeconds": 3, "sideEffects": "None",
            "admissionReviewVersions": ["v1"]})
    });
    json!({"metadata": {"name": name}, "webhooks": entries.collect::<Vec<_>>()})
}
