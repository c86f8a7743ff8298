//! The law over everything that `sources` has.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::law::Tally;
use crate::sources::{self, asking, manifests, module};
use crate::webhook::{Registration, Sidebox, until};
use crate::world::{Arena, World};

/// An arena whose webhook is in force. Ends with the value.
async fn judged_by(world: &World, name: &str, path: &str, arguments: &[&str]) -> (Arena, Sidebox) {
    let arena = world.arena(name, &json!({}), &[]).await;
    let sidebox = Sidebox::start(arguments).await;
    let registration = Registration {
        path,
        ..Registration::of(&sidebox, name)
    };
    registration.register(&world.api).await;
    in_force(world, &arena, &sidebox).await;
    (arena, sidebox)
}

/// Waits until the API server calls the webhook.
pub(crate) async fn in_force(world: &World, arena: &Arena, sidebox: &Sidebox) {
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "c"}]}});
    let before = sidebox.reviews().await;
    until("the webhook is called", async || {
        world.api.try_pod(&arena.with, &pod).await;
        sidebox.reviews().await > before
    })
    .await;
}

/// `../shared`, or wherever it is; a clear line where there is none.
fn shared(part: &str) -> Option<PathBuf> {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let root = std::env::var("SIDEBOX_SHARED").unwrap_or_else(|_| here.to_owned());
    let path = PathBuf::from(root).join(part);
    if path.is_dir() {
        return Some(path);
    }
    let required = std::env::var("SIDEBOX_REQUIRE_SHARED").is_ok_and(|value| value == "1");
    assert!(!required, "{} is required and absent", path.display());
    println!("skipped: no {}", path.display());
    None
}

/// Every Pod of the manifests, plain and asking in every way.
pub(crate) async fn corpus(world: &World) {
    let Some(folder) = shared("corpus") else {
        return;
    };
    let plain = manifests(&world.cluster, &[folder]);
    println!("{} Pods in the manifests", plain.len());
    let all: Vec<Value> = plain.iter().flat_map(asking).chain(plain.clone()).collect();
    both_ways(world, "corpus", &all, "manifests of real projects", 80).await;
}

/// Ten thousand generated Pods.
pub(crate) async fn generated(world: &World) {
    let all = sources::generated(10_000);
    both_ways(world, "generated", &all, "generated Pods", 80).await;
}

/// The fully populated objects of the API's own round-trip tests.
pub(crate) async fn fixtures(world: &World) {
    let folder = module("k8s.io/pod-security-admission").join("test/testdata");
    let folders = ["restricted/v1.37", "baseline/v1.37"].map(|part| folder.join(part));
    let plain = manifests(&world.cluster, &folders);
    let all: Vec<Value> = plain.iter().flat_map(asking).chain(plain.clone()).collect();
    both_ways(world, "fixtures", &all, "Pod Security fixtures", 80).await;
}

/// First where Pods ask for themselves, then where the namespace does.
async fn both_ways(world: &World, name: &str, all: &[Value], what: &str, at_least: usize) {
    let mut audit = world.audit();
    let mut tally = Tally::default();
    for (way, path) in [("explicit", "/mutate"), ("automatic", "/mutate/labelled")] {
        let (arena, sidebox) = judged_by(world, &format!("{name}-{way}"), path, &[]).await;
        tally.judge(&world.api, &mut audit, &arena, all).await;
        drop(sidebox);
    }
    tally.conclude(what, at_least);
}
