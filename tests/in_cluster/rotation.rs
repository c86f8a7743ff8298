//! Does anybody notice that the authority changes, where API server and replicas meet in a real Service?

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use crate::install::show_memory;
use crate::load::Load;
use crate::world::{World, asking_pod};

/// At least as many Pods are created.
const PODS: usize = 5_000;

/// Authorities that have signed, the first and the year-long one before it included.
const AUTHORITIES: usize = 3;

const SHORT: &str = "helm upgrade sidebox deploy/chart/sidebox --namespace sidebox --reset-then-reuse-values \
     --set certificates.selfManaged.caLifetimeSeconds=36 --set certificates.selfManaged.certLifetimeSeconds=10 \
     --set certificates.selfManaged.caMarginSeconds=5";

/// Short-lived authorities after the one of a year, which is told to go by deleting its Secret.
pub(crate) async fn misses_no_pod(world: &World) {
    world.namespace("rotation", &json!({})).await;
    world.types(SHORT);
    world.rolled_out().await;
    // The holder of the Lease may have been one that knows of years only.
    world.nobody_leaves().await;
    let load = Load::start(&world.api, "rotation", asking_pod());
    let began = Instant::now();
    let first = signing(world).await;
    world.types("kubectl -n sidebox delete secret sidebox-ca");
    let mut seen = BTreeSet::from([first.clone()]);
    world
        .until("authorities come and go", async || {
            seen.extend(Some(signing(world).await).filter(|cert| !cert.is_empty()));
            seen.len() >= AUTHORITIES
        })
        .await;
    world
        .until("enough Pods", async || load.created() >= PODS)
        .await;
    show_memory(world, "under load").await;
    let shown = certificates(world).await;
    let (created, missed) = load.stop().await;
    println!(
        "{created} Pods in {:.0} s, {} authorities and {shown} server certificates of 2 replicas: {} missed",
        began.elapsed().as_secs_f32(),
        seen.len(),
        missed.len()
    );
    assert!(missed.is_empty(), "{:?}", missed.first());
}

/// The authority that signs, as it stands in the Secret; empty for the moment in which there is none.
async fn signing(world: &World) -> String {
    let secret = world
        .get("/api/v1/namespaces/sidebox/secrets/sidebox-ca")
        .await;
    let cert: &Value = &secret["data"]["ca.crt"];
    cert.as_str().unwrap_or_default().to_owned()
}

/// How many server certificates the replicas have shown.
async fn certificates(world: &World) -> u64 {
    let mut sum = 0;
    for replica in world.replicas().await {
        let series = "sidebox_certificate_acts_total{act=\"show\"}";
        sum += replica.metric(series).await.unwrap();
    }
    sum
}
