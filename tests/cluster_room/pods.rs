//! What one replica does for all Pods: does the missing claim appear, and are missed Pods seen?

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::apiserver::{FACTS, World, knows};
use crate::review::{Reviewed, asking_pod, quiet_pod, review};
use crate::webhook::{Sidebox, until};

const SETTINGS: &str = "excludedNamespaces: [keeper-excluded]
data: {claim: results, create: true, storageClass: shared, size: 3Gi, labels: {team: payments}}
";

/// The claim of a Pod that asked is made; nobody else's is, and none is changed.
pub(crate) async fn get_their_claims(world: &World) {
    for name in [
        "keeper",
        "keeper-excluded",
        "keeper-quiet",
        "keeper-there",
        "keeper-none",
    ] {
        world.namespace(name).await;
        let account = json!({"metadata": {"name": "default"}});
        let path = format!("/api/v1/namespaces/{name}/serviceaccounts");
        world.api.create(&path, &account).await;
    }
    let there = claims("keeper-there");
    world.api.create(&there, &claim_of("1Gi")).await;
    let (_folder, sidebox) = keeper(world).await;

    let asked = review(&sidebox, "/mutate", "keeper", &asking_pod()).await;
    assert_eq!(asked.data(), "claim");
    assert!(asked.warnings[0].contains("claim_being_made"), "{asked:?}");
    let labelled = review(&sidebox, "/mutate/labelled", "keeper-quiet", &quiet_pod()).await;
    assert_eq!(labelled.data(), "emptyDir", "an automatic Pod never waits");
    let mut none = asking_pod();
    none["metadata"]["annotations"]["sidebox.dev/data"] = json!("none");
    let none = review(&sidebox, "/mutate", "keeper-none", &none).await;
    for (namespace, pod) in [
        ("keeper-none", &none),
        ("keeper-excluded", &asked),
        ("keeper-there", &asked),
        ("keeper-quiet", &labelled),
        ("keeper", &asked),
    ] {
        make(world, namespace, pod).await;
    }
    for namespace in ["keeper", "keeper-quiet"] {
        until("the claim is made", async || {
            claim(world, namespace).await.is_some()
        })
        .await;
        let claim = claim(world, namespace).await.unwrap();
        assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteMany"]));
        assert_eq!(claim["spec"]["storageClassName"], "shared");
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "3Gi");
        assert_eq!(
            claim["metadata"]["labels"],
            json!({"app.kubernetes.io/managed-by": "sidebox", "team": "payments"})
        );
        told(world, namespace, "claim_made", "Normal").await;
    }
    assert!(claim(world, "keeper-none").await.is_none());
    assert!(claim(world, "keeper-excluded").await.is_none());
    let kept = claim(world, "keeper-there").await.unwrap();
    assert_eq!(kept["spec"]["resources"]["requests"]["storage"], "1Gi");
    a_claim_that_cannot_be_made(world, &asked).await;
    missed(world, &sidebox).await;
}

/// A quota forbids it: the owner hears why, and it is made once there is room.
async fn a_claim_that_cannot_be_made(world: &World, pod: &Reviewed) {
    let namespace = "keeper-full";
    world.namespace(namespace).await;
    let account = json!({"metadata": {"name": "default"}});
    let base = format!("/api/v1/namespaces/{namespace}");
    world
        .api
        .create(&format!("{base}/serviceaccounts"), &account)
        .await;
    let hard = json!({"persistentvolumeclaims": "0"});
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": hard}});
    let quotas = format!("{base}/resourcequotas");
    world.api.create(&quotas, &quota).await;
    // No controller is here that would count.
    let counted = json!({"status": {"hard": hard, "used": hard}});
    world
        .patch(&format!("{quotas}/none/status"), &counted)
        .await;
    // The API server hears of it like everybody else: until then it would let a claim in.
    let offered = format!("{}?dryRun=All", claims(namespace));
    until("the quota is in force", async || {
        let reply = world.api.call("POST", &offered, &claim_of("1Gi")).await;
        !reply.accepted()
    })
    .await;
    make(world, namespace, pod).await;
    let event = told(world, namespace, "claim_not_made", "Warning").await;
    let message = event["message"].as_str().unwrap();
    assert!(message.contains("results"), "{message}");
    assert!(claim(world, namespace).await.is_none());
}

/// A Pod that asked and that no review has reached.
async fn missed(world: &World, sidebox: &Sidebox) {
    let pod = Reviewed {
        pod: asking_pod(),
        warnings: Vec::new(),
    };
    let namespace = "keeper-none";
    world
        .delete(&format!(
            "/api/v1/namespaces/{namespace}/pods/p?gracePeriodSeconds=0"
        ))
        .await;
    make(world, namespace, &pod).await;
    until("the Pod is seen", async || {
        sidebox.metric("sidebox_missed_pods").await == 1
    })
    .await;
    told(world, namespace, "missed", "Warning").await;
    world
        .delete(&format!(
            "/api/v1/namespaces/{namespace}/pods/p?gracePeriodSeconds=0"
        ))
        .await;
    until("it is gone", async || {
        sidebox.metric("sidebox_missed_pods").await == 0
    })
    .await;
}

/// A replica that holds the Lease and has read everything.
async fn keeper(world: &World) -> (TempDir, Sidebox) {
    let folder = TempDir::new().unwrap();
    let settings = folder.path().join("settings.yaml");
    fs::write(&settings, SETTINGS).unwrap();
    let sidebox = world
        .sidebox(&["--config", settings.to_str().unwrap()])
        .await;
    until("all is read, Pods too", async || {
        knows(&sidebox, &FACTS).await && knows(&sidebox, &["pods"]).await
    })
    .await;
    (folder, sidebox)
}

fn claims(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims")
}

fn claim_of(size: &str) -> Value {
    json!({"metadata": {"name": "results"}, "spec": {"accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": size}}}})
}

async fn claim(world: &World, namespace: &str) -> Option<Value> {
    let path = format!("{}/results", claims(namespace));
    let reply = world.api.call("GET", &path, &Value::Null).await;
    reply.accepted().then_some(reply.body)
}

/// Creates a Pod as it was reviewed.
async fn make(world: &World, namespace: &str, reviewed: &Reviewed) {
    let mut pod = reviewed.pod.clone();
    pod["spec"]["automountServiceAccountToken"] = json!(false);
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let reply = world.api.call("POST", &path, &pod).await;
    assert!(reply.accepted(), "{path}: {}", reply.message());
}

/// Waits for an Event of the Pod.
async fn told(world: &World, namespace: &str, reason: &str, kind: &str) -> Value {
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let find = async || {
        let reply = world.api.call("GET", &path, &Value::Null).await;
        let all = reply.body["items"].as_array().unwrap().clone();
        all.into_iter().find(|event| event["reason"] == reason)
    };
    until(&format!("an Event {reason}"), async || {
        find().await.is_some()
    })
    .await;
    let event = find().await.unwrap();
    assert_eq!(event["type"], kind, "{event:#}");
    assert_eq!(event["involvedObject"]["name"], "p");
    event
}
