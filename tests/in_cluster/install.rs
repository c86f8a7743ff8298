//! Does what a new user types lead to a toolbox, and does uninstalling leave nothing?

use std::time::Instant;

use serde_json::{Value, json};

use crate::load::has_toolbox;
use crate::world::{World, asking_pod};

/// As docs/install.md has it.
pub(crate) const INSTALL: [&str; 3] = [
    "helm install sidebox deploy/chart/sidebox --namespace sidebox --create-namespace",
    "kubectl label namespace sidebox pod-security.kubernetes.io/enforce=restricted",
    "kubectl -n sidebox rollout status deployment/sidebox",
];

/// What each replica may have after whatever these trials do, in KiB.
const MOST: u64 = 64 << 10;

/// The sample's plain, annotated Deployment: injected through the Service, and traced.
pub(crate) async fn injects(world: &World) {
    assert_eq!(world.replicas().await.len(), 2);
    // Through port-forwards into the replicas, and a Pod that asks on a dry run.
    let checked = world.types("sidebox check -n default");
    assert!(
        !checked.contains("broken") && !checked.contains("unknown"),
        "{checked}"
    );
    show_memory(world, "idle").await;
    world.types("kubectl create namespace net-worker");
    world.types("kubectl apply -f samples/helloaks/k8s/deployment.yaml");
    world.types("kubectl -n net-worker rollout status deployment/net-worker --timeout=3m");
    world.types("kubectl -n net-worker get pods");
    let seen = "until kubectl -n net-worker exec deploy/net-worker -c toolbox -- dotnet-trace ps | grep HelloAks; do sleep 0.2; done";
    assert!(world.types(seen).contains("HelloAks"));
    let pods = world.get("/api/v1/namespaces/net-worker/pods").await;
    let status = &pods["items"][0]["metadata"]["annotations"]["sidebox.dev/status"];
    let status: Value = serde_json::from_str(status.as_str().unwrap()).unwrap();
    assert_eq!(status["decision"], "inject");
    world.types("sidebox explain deploy/net-worker -n net-worker");
    world.types("kubectl delete namespace net-worker");
}

/// The emergency stop of docs/install.md, and the way back: Sidebox itself fills in the caBundle again.
pub(crate) async fn stops_and_comes_back(world: &World) {
    world.namespace("stopped", &json!({})).await;
    let injected = async || {
        let made = world.api.try_pod("stopped", &asking_pod()).await;
        assert!(made.accepted(), "{}", made.message());
        has_toolbox(&made.body)
    };
    world.types(
        "kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration sidebox",
    );
    world
        .until("Pods are created without", async || !injected().await)
        .await;
    world.types(
        "helm upgrade sidebox deploy/chart/sidebox --namespace sidebox --reset-then-reuse-values",
    );
    let began = Instant::now();
    world
        .until("Pods get their toolboxes", async || injected().await)
        .await;
    println!(
        "injected again after {:.1} s",
        began.elapsed().as_secs_f32()
    );
}

/// Prints what the replicas take, and fails over the bound.
pub(crate) async fn show_memory(world: &World, when: &str) {
    for replica in world.replicas().await {
        let (now, highest) = replica.memory();
        println!(
            "memory, {when}: {}: {now} (highest {highest}) KiB",
            replica.name
        );
        assert!(highest <= MOST, "{}: {highest} KiB", replica.name);
    }
}

/// Everything of every kind that is there afterwards was there before.
pub(crate) fn leaves_nothing(world: &World) {
    world.clear();
    let there = world.inventory();
    let own = there.iter().filter(|name| name.contains("sidebox"));
    println!("{} objects of {} are Sidebox's", own.count(), there.len());
    world.types("helm uninstall sidebox --namespace sidebox --wait");
    // The Pods leave for some seconds more, and what is gone stays gone.
    let namespace = [
        "ConfigMap sidebox/kube-root-ca.crt",
        "Namespace /sidebox",
        "ServiceAccount sidebox/default",
    ];
    assert_eq!(settled(world, &namespace), namespace);
    world.types("kubectl delete namespace sidebox");
    assert_eq!(settled(world, &[]), Vec::<String>::new());
    let after = world.inventory();
    let gone = world.before.iter().filter(|name| !after.contains(name));
    assert_eq!(gone.collect::<Vec<_>>(), Vec::<&String>::new());
    println!("{} objects, those that were there before", after.len());
}

/// What is left, once it is as wanted or long after it should be: garbage collection comes a moment later.
fn settled(world: &World, wanted: &[&str]) -> Vec<String> {
    let mut left = world.left();
    for _ in 0..60 {
        if left == wanted {
            break;
        }
        left = world.left();
    }
    left
}
