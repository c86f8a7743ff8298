//! What happens when a thousand Pods are created at once? Each is injected, and none fails for it.

use std::time::Instant;

use serde_json::{Value, json};

use crate::webhook::counted;
use crate::world::{PODS_ASK, World, asking, in_time, toolbox};

const PODS: usize = 1_000;

/// A Deployment of a thousand replicas, from nothing to all of them running.
pub(crate) async fn all_are_injected(world: &World) {
    world.namespace("burst", PODS_ASK).await;
    let deployment = json!({"metadata": {"name": "burst"}, "spec": {"replicas": PODS,
        "selector": {"matchLabels": {"app": "burst"}}, "template": asking(world.template("burst", "Always"))}});
    let path = "/apis/apps/v1/namespaces/burst/deployments";
    let (reviews, began) = (world.sidebox.reviews().await, Instant::now());
    world.api.create(path, &deployment).await;
    let path = format!("{path}/burst");
    let count = if world.runs_pods() {
        "readyReplicas"
    } else {
        "replicas"
    };
    in_time("every Pod of the burst is there", async || {
        world.get(&path).await["status"][count] == PODS
    })
    .await;
    let took = began.elapsed();
    let all = world.pods("burst", "burst").await;
    let injected = |pod: &&Value| toolbox(pod, "containers").is_some();
    let injected = all.iter().filter(injected).count();
    let running = |pod: &&Value| pod["status"]["phase"] == "Running";
    let running = all.iter().filter(running).count();
    let failures = world.failures("burst").await;
    println!(
        "{} Pods in {took:?}: {injected} injected, {running} running",
        all.len()
    );
    assert_eq!((all.len(), injected), (PODS, PODS));
    assert_eq!(running, if world.runs_pods() { PODS } else { 0 });
    assert!(failures.is_empty(), "{:?}", failures.first());
    let answered = world.sidebox.reviews().await - reviews;
    assert!(answered >= PODS as u64, "{answered} reviews");
    // What the manifests allow, and this suite does not ask for.
    let (_, metrics) = world.sidebox.get("/metrics").await;
    let quick = counted(
        &metrics,
        "sidebox_admission_duration_seconds_bucket",
        r#"le="3.0""#,
    );
    let all = counted(&metrics, "sidebox_admission_duration_seconds_count", "");
    println!("{quick} of all {all} answers so far within 3 s");
}
