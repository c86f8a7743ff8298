//! Does anybody notice an upgrade or a restart? Pods are created all the while, through the real Service.

use std::time::Instant;

use serde_json::json;

use crate::install::show_memory;
use crate::load::Load;
use crate::world::{World, asking_pod};

/// At least as many Pods are created.
const PODS: usize = 2_000;

pub(crate) async fn misses_no_pod(world: &World) {
    world.namespace("stream", &json!({})).await;
    let load = Load::start(&world.api, "stream", asking_pod());
    let began = Instant::now();
    for change in [
        "helm upgrade sidebox deploy/chart/sidebox --namespace sidebox --reset-then-reuse-values --set podLabels.upgrade=first",
        "kubectl -n sidebox rollout restart deployment/sidebox",
    ] {
        world
            .until("Pods are created", async || load.created() >= 100)
            .await;
        world.types(change);
        world.rolled_out().await;
    }
    world.nobody_leaves().await;
    let so_far = load.created();
    world
        .until("enough Pods, and some for the last replicas", async || {
            load.created() >= PODS.max(so_far + 500)
        })
        .await;
    show_memory(world, "under load").await;
    let (created, missed) = load.stop().await;
    println!(
        "{created} Pods in {:.0} s through an upgrade and a restart: {} missed",
        began.elapsed().as_secs_f32(),
        missed.len()
    );
    assert!(missed.is_empty(), "{:?}", missed.first());
}
