//! How much memory does a big cluster take, its facts and its Pods?

use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{body, pods};
use crate::apiserver::{FACTS, World, knows};
use crate::facts::claim;
use crate::resident::resident;
use crate::review::{asking_pod, review};
use crate::webhook::{Sidebox, host, until};

const NAMESPACES: usize = 5_000;
const PODS: usize = 20_000;

/// Pods of one namespace.
const IN_NAMESPACE: usize = 1_000;

/// Many, because the first claim of a namespace waits for lists of its LimitRanges and quotas, each for up to 100 ms without
/// any work: the API server asks etcd that often whether its cache is the newest.
const CONNECTIONS: usize = 64;

/// Where the replicas of these trials live.
const OWN: &str = "memory-own";

/// What an injected Pod says of itself.
const STATUS: &str = r#"{"version":"0.1.0","decision":"inject","mode":"tmp-and-pid","placement":"container","target":"app","user":"1654","claim":"monitor-azfiles","settings":"8f6a1c0d2b7e4f59","added":["containers/toolbox","volumes/sidebox-tmp","volumes/sidebox-data"]}"#;

/// What the whole process may have, in KiB.
const MOST: u64 = 64 << 10;

/// Namespaces as people have them: a few labels, and what `kubectl apply` leaves.
fn namespace(index: usize) -> Value {
    let labels = json!({"team": format!("team-{}", index % 40), "stage": "production", "cost-center": index.to_string(),
        "pod-security.kubernetes.io/enforce": "baseline"});
    let applied =
        format!("{{\"metadata\":{{\"labels\":{labels},\"name\":\"many-{index}\"}}}}").repeat(4);
    let annotations = json!({"kubectl.kubernetes.io/last-applied-configuration": applied,
        "sidebox.dev/memory-limit": "128Mi"});
    json!({"metadata": {"name": format!("many-{index}"), "labels": labels, "annotations": annotations}})
}

async fn create_all(world: &World) {
    let namespaces = (0..NAMESPACES).map(|index| {
        let path = Arc::from("/api/v1/namespaces");
        (path, body(&namespace(index)))
    });
    create(world, namespaces.collect()).await;
    let claims = (0..NAMESPACES).map(|index| {
        let path = format!("/api/v1/namespaces/many-{index}/persistentvolumeclaims");
        (path.into(), body(&claim(&["ReadWriteMany"])))
    });
    create(world, claims.collect()).await;
}

async fn create(world: &World, all: Vec<(Arc<str>, Bytes)>) {
    for reply in world.api.post_all(all, CONNECTIONS).await {
        assert!(reply.accepted(), "{}", reply.message());
    }
}

/// Resident memory now and at its highest, in KiB.
fn memory(sidebox: &Sidebox) -> (u64, u64) {
    resident(Path::new(&format!("/proc/{}", sidebox.pid())))
}

/// A replica as the chart starts it: facts, Events, missed Pods, claims and certificates are all its own business.
async fn replica(world: &World, settings: &str) -> Sidebox {
    let (kubeconfig, host) = (world.cluster.kubeconfig(), host());
    let environment: [(&str, &Path); 1] = [("KUBECONFIG", &kubeconfig)];
    let flags = [
        ["--cluster", "always"],
        ["--pod-namespace", OWN],
        ["--service-name", "memory"],
        ["--tls-name", &host],
        ["--config", settings],
    ];
    let sidebox = Sidebox::start_self_managed(&flags.concat(), &environment).await;
    until("all facts are read", async || knows(&sidebox, &FACTS).await).await;
    let secret = format!("/api/v1/namespaces/{OWN}/secrets/memory-ca");
    let authority = async || {
        let reply = world.api.call("GET", &secret, &Value::Null).await;
        let text = STANDARD.decode(reply.body["data"]["ca.crt"].as_str()?);
        text.ok()
    };
    until("there is an authority", async || {
        authority().await.is_some()
    })
    .await;
    fs::write(sidebox.file("ca.crt"), authority().await.unwrap()).unwrap();
    until("it is ready", async || {
        sidebox.get("/readyz").await.0 == 200
    })
    .await;
    sidebox
}

fn settings(folder: &TempDir) -> String {
    let file = folder.path().join("settings.yaml");
    fs::write(&file, "data: {create: true}\n").unwrap();
    file.to_str().unwrap().to_owned()
}

/// 5,000 namespaces and as many claims, read by a fresh start and heard one by one.
pub(crate) async fn of_five_thousand(world: &World) {
    let folder = TempDir::new().unwrap();
    let settings = settings(&folder);
    world.namespace(OWN).await;
    let witness = replica(world, &settings).await;
    let idle = memory(&witness);
    create_all(world).await;
    let last = format!("many-{}", NAMESPACES - 1);
    let known = async |sidebox: &Sidebox| {
        review(sidebox, "/mutate", &last, &asking_pod())
            .await
            .data()
            == "claim"
    };
    until("all of it is heard", async || known(&witness).await).await;
    let heard = memory(&witness);
    let fresh = replica(world, &settings).await;
    assert!(known(&fresh).await);
    let read = memory(&fresh);
    println!(
        "resident (highest), self-managed certificates on: idle {} ({}) KiB, {NAMESPACES} namespaces and claims heard {} ({}) KiB, \
         read at the start {} ({}) KiB",
        idle.0, idle.1, heard.0, heard.1, read.0, read.1
    );
    assert!(heard.1 <= MOST && read.1 <= MOST);
}

/// 20,000 Pods in the same way, one in a hundred of them missed; whatever the cluster has else is known, too.
pub(crate) async fn of_twenty_thousand_pods(world: &World) {
    let folder = TempDir::new().unwrap();
    let settings = settings(&folder);
    world.namespace(OWN).await;
    let mut witness = replica(world, &settings).await;
    let idle = memory(&witness);
    let counts = async |sidebox: &Sidebox| {
        until("all missed Pods are counted", async || {
            sidebox.metric("sidebox_missed_pods").await == (PODS / 100) as u64
        })
        .await;
    };
    create_pods(world).await;
    counts(&witness).await;
    let heard = memory(&witness);
    // In good order: the Lease is free at once.
    witness.terminate();
    witness.ended().await;
    let fresh = replica(world, &settings).await;
    counts(&fresh).await;
    let read = memory(&fresh);
    println!(
        "resident (highest), all on: idle {} ({}) KiB, {PODS} Pods heard {} ({}) KiB, read at the start {} ({}) KiB",
        idle.0, idle.1, heard.0, heard.1, read.0, read.1
    );
    assert!(heard.1 <= MOST && read.1 <= MOST);
}

/// Pods as a ReplicaSet makes them, with what Sidebox says of most.
fn pod(number: usize) -> Value {
    let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("web-{}", number / 10),
        "uid": "3f4c5e0a-8a5e-4c50-9b58-1df0e6a3c9d1", "controller": true, "blockOwnerDeletion": true}]);
    let labels = json!({"app": "web", "pod-template-hash": "6d4cf56db6", "team": "checkout", "stage": "production"});
    let mut annotations = json!({"sidebox.dev/inject": "true",
        "prometheus.io/scrape": "true", "checksum/config": "0".repeat(64)});
    if !number.is_multiple_of(100) {
        annotations["sidebox.dev/status"] = STATUS.into();
    }
    json!({"metadata": {"name": format!("web-6d4cf56db6-{number}"), "labels": labels, "annotations": annotations,
            "ownerReferences": owner},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]}})
}

async fn create_pods(world: &World) {
    for part in 0..PODS / IN_NAMESPACE {
        let namespace = format!("crowd-{part}");
        world.namespace(&namespace).await;
        let account = json!({"metadata": {"name": "default"}});
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        world.api.create(&path, &account).await;
        let numbers = part * IN_NAMESPACE..(part + 1) * IN_NAMESPACE;
        let path: Arc<str> = pods(&namespace, false).into();
        let all = numbers.map(|number| (Arc::clone(&path), body(&pod(number))));
        create(world, all.collect()).await;
    }
}
