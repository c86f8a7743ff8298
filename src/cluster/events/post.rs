//! How does a notice become an Event? Finds who is at the top (a Deployment above its ReplicaSet, a
//! CronJob above its Job), and writes. Knows nothing of how often.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::notice::{Notice, Object};
use crate::cluster::connect::Cluster;
use crate::cluster::deadline::within;
use crate::cluster::watch::problem::Problem;

/// An API server that takes longer is away.
const ANSWER: Duration = Duration::from_secs(10);

/// Who writes, as `kubectl describe` shows it.
const COMPONENT: &str = "sidebox";

/// Writes Events.
#[derive(Debug)]
pub(super) struct Post {
    cluster: Cluster,
}

impl Post {
    pub(super) fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    /// Writes an Event, or counts on in the one that is there already.
    pub(super) async fn write(&self, notice: &Notice, times: u32) -> Result<(), Problem> {
        let object = self.top(&notice.namespace, &notice.object).await;
        let now = now();
        let events: Api<Event> = Api::namespaced(self.cluster.client.clone(), &notice.namespace);
        if times > 1 {
            let name = name(&object, notice);
            let more = Patch::Merge(json!({"count": times, "lastTimestamp": now}));
            match within(ANSWER, events.patch(&name, &PatchParams::default(), &more)).await {
                Err(Problem::Missing(_)) => {}
                done => return done.map(drop),
            }
        }
        let event = self.event(notice, &object, &now, times)?;
        match within(ANSWER, events.create(&PostParams::default(), &event)).await {
            // Another replica was faster: it has been said.
            Ok(_) | Err(Problem::Conflict(_)) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    fn event(
        &self,
        notice: &Notice,
        object: &Object,
        now: &str,
        times: u32,
    ) -> Result<Event, Problem> {
        let mut involved = json!({"apiVersion": object.api_version, "kind": object.kind,
            "name": object.name, "namespace": notice.namespace});
        if !object.uid.is_empty() {
            involved["uid"] = object.uid.as_str().into();
        }
        let event = json!({"metadata": {"name": name(object, notice), "namespace": notice.namespace},
            "involvedObject": involved,
            "type": if notice.refused { "Warning" } else { "Normal" },
            "reason": notice.code, "message": notice.message, "count": times,
            "firstTimestamp": now, "lastTimestamp": now,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT, "reportingInstance": self.cluster.identity});
        serde_json::from_value(event).map_err(|error| Problem::Garbled(error.to_string()))
    }

    /// Who made the object that makes the Pods, if that is known and can be asked; else the object.
    async fn top(&self, namespace: &str, object: &Object) -> Object {
        let above = match (object.api_version.as_str(), object.kind.as_str()) {
            ("apps/v1", "ReplicaSet") => self.above::<ReplicaSet>(namespace, &object.name).await,
            ("batch/v1", "Job") => self.above::<Job>(namespace, &object.name).await,
            _ => None,
        };
        above.unwrap_or_else(|| object.clone())
    }

    async fn above<K>(&self, namespace: &str, name: &str) -> Option<Object>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.cluster.client.clone(), namespace);
        let found = within(ANSWER, api.get_metadata(name)).await.ok()?;
        let owners = found.metadata.owner_references?;
        let owner = owners
            .into_iter()
            .find(|one| one.controller == Some(true))?;
        Some(Object {
            api_version: owner.api_version,
            kind: owner.kind,
            name: owner.name,
            uid: owner.uid,
        })
    }
}

/// The same for every replica, so that they write one Event together; another message is another one.
fn name(object: &Object, notice: &Notice) -> String {
    let mut hash = Sha256::new();
    for part in [&object.kind, &object.uid, notice.code, &notice.message] {
        hash.update(part);
        hash.update([0]);
    }
    let digest = hash.finalize();
    let digits = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
    let digest = digits.collect::<Vec<_>>().concat();
    let most = 253 - 1 - digest.len();
    let start: String = object.name.chars().take(most).collect();
    format!("{}.{digest}", start.trim_end_matches(['.', '-']))
}

fn now() -> String {
    let now = OffsetDateTime::from(SystemTime::now());
    let seconds = now.replace_nanosecond(0).unwrap_or(now);
    seconds.format(&Rfc3339).unwrap_or_default()
}
