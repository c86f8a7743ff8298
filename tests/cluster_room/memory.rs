//! How much memory do the facts of a big cluster take?

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::apiserver::World;
use crate::facts::claim;
use crate::review::{asking_pod, review};
use crate::webhook::{Sidebox, until};

const NAMESPACES: usize = 5_000;

/// Callers at once.
const CALLERS: usize = 8;

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
    let next = Arc::new(AtomicUsize::new(0));
    let callers = (0..CALLERS).map(|_| {
        let (api, next) = (world.api.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::SeqCst);
                if index >= NAMESPACES {
                    return;
                }
                api.create("/api/v1/namespaces", &namespace(index)).await;
                let path = format!("/api/v1/namespaces/many-{index}/persistentvolumeclaims");
                api.create(&path, &claim(&["ReadWriteMany"])).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

/// Resident memory now and at its highest, in KiB.
fn memory(sidebox: &Sidebox) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", sidebox.pid())).unwrap();
    let value = |key: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    (value("VmRSS:"), value("VmHWM:"))
}

/// 5,000 namespaces and as many claims, read by a fresh start and heard one by one.
pub(crate) async fn of_five_thousand(world: &World) {
    let witness = world.informed_sidebox(&[]).await;
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
    let fresh = world.informed_sidebox(&[]).await;
    assert!(known(&fresh).await);
    let read = memory(&fresh);
    println!(
        "resident (highest): idle {} ({}) KiB, {NAMESPACES} namespaces and claims heard {} ({}) KiB, read at the start {} ({}) KiB",
        idle.0, idle.1, heard.0, heard.1, read.0, read.1
    );
    assert!(heard.1 <= MOST && read.1 <= MOST);
}
