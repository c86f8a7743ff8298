//! What does an autoscaler make of a Pod with a toolbox? Real HorizontalPodAutoscalers, with the figures that the kubelet
//! measured of the same application without and with it.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Runtime;

use crate::metrics_api::{GROUP_VERSION, MetricsApi, Sample};
use crate::pods;
use crate::world::{Place, Volume, World};

/// A figure counts for an autoscaler once its window lies behind the moment in which the Pod became ready.
const WINDOW: Duration = Duration::from_secs(15);

pub(crate) const SCALED: &[Place] = &[
    Place {
        volume: Volume::Unseen,
        ..Place::open("scaled-plain")
    },
    Place::open("scaled"),
];

/// Percent of what was asked for, as the autoscaler says.
#[derive(Debug, PartialEq, Eq)]
struct Utilisation {
    /// Of all containers: type `Resource`, what most people write.
    pod: u64,
    /// Of the application alone: type `ContainerResource`.
    application: u64,
}

pub(crate) fn utilisation(world: &World) {
    if world.is_given() {
        println!(
            "skipped: figures come from a metrics API at an address that the launcher's API server reaches"
        );
        return;
    }
    let runtime = Runtime::new().unwrap();
    let metrics = runtime.block_on(MetricsApi::start(WINDOW));
    for object in metrics.registration() {
        world.apply(&object);
    }
    let [(plain, without), (sample, with)] = ["scaled-plain", "scaled"].map(|namespace| {
        world.apply(&deployment(namespace));
        world.apply(&autoscaler(namespace));
        let sample = measured(world, namespace);
        metrics.serve(namespace, &sample);
        let seen = seen(world, namespace);
        (sample, seen)
    });
    // Whoever lists all kinds would wait for a server that is gone.
    world.kubectl("scaled", &["delete", "apiservice", GROUP_VERSION]);
    println!(
        "HorizontalPodAutoscaler without the toolbox: {} % (Resource), {} % (ContainerResource), of {:?}",
        without.pod,
        without.application,
        plain.millicores()
    );
    println!(
        "HorizontalPodAutoscaler with the toolbox: {} % (Resource), {} % (ContainerResource), of {:?}",
        with.pod,
        with.application,
        sample.millicores()
    );
    // The application asks for 20m, the toolbox for 5m.
    assert_eq!(without.pod, plain.sum() * 100 / 20);
    assert_eq!(without.application, without.pod);
    assert_eq!(with.pod, sample.sum() * 100 / 25);
    assert_eq!(with.application, sample.of_container("app") * 100 / 20);
    assert!(
        with.pod < with.application,
        "an idle toolbox dilutes the utilisation of the Pod: {with:?}"
    );
}

fn deployment(namespace: &str) -> Value {
    let pod = pods::pod(namespace, &[], &json!({}));
    let labels = json!({"app": "app"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "app", "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels, "annotations": pod["metadata"]["annotations"]}, "spec": pod["spec"]}}})
}

/// One that looks at both ways of counting and never scales.
fn autoscaler(namespace: &str) -> Value {
    let target = json!({"type": "Utilization", "averageUtilization": 80});
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "app", "namespace": namespace},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
            "minReplicas": 1, "maxReplicas": 1, "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": target}},
                {"type": "ContainerResource",
                    "containerResource": {"name": "cpu", "container": "app", "target": target}}]}})
}

/// What the autoscaler says, once it does.
fn seen(world: &World, namespace: &str) -> Utilisation {
    let mut found = None;
    world.until(
        namespace,
        ("hpa", "app"),
        "the autoscaler has computed",
        |hpa| {
            let current = &hpa["status"]["currentMetrics"];
            let percent = |index: usize, kind: &str| {
                current[index][kind]["current"]["averageUtilization"].as_u64()
            };
            let both = percent(0, "resource").zip(percent(1, "containerResource"));
            found = both.map(|(pod, application)| Utilisation { pod, application });
            found.is_some()
        },
    );
    found.unwrap()
}

/// What the kubelet measured of each container of the Pod, over a window in which it was ready all the while.
fn measured(world: &World, namespace: &str) -> Sample {
    let rollout = ["rollout", "status", "deployment/app", "--timeout=4m"];
    world.kubectl(namespace, &rollout);
    let list = ["get", "pods", "-o", "json"];
    let mut found = None;
    world.until(
        namespace,
        ("deployment", "app"),
        "the kubelet has measured",
        |_| {
            let pods: Value = serde_json::from_str(&world.kubectl(namespace, &list)).unwrap();
            let pod = &pods["items"][0];
            let stats = world.kubectl(
                namespace,
                &["get", "--raw", "/api/v1/nodes/node/proxy/stats/summary"],
            );
            let stats: Value = serde_json::from_str(&stats).unwrap();
            found = Sample::of(pod, &stats).filter(|sample| {
                ready_since(pod).is_some_and(|since| sample.time >= since + WINDOW)
            });
            found.is_some()
        },
    );
    found.unwrap()
}

fn ready_since(pod: &Value) -> Option<OffsetDateTime> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let ready = conditions
        .iter()
        .find(|condition| condition["type"] == "Ready" && condition["status"] == "True")?;
    OffsetDateTime::parse(ready["lastTransitionTime"].as_str()?, &Rfc3339).ok()
}
