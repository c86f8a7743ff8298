//! Does each kind of workload make injected Pods? The controllers create them, so this is what users see.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::world::{NAMESPACE_ASKS, PODS_ASK, World, asking, in_time, toolbox};

/// A workload, and what becomes of its Pods.
struct Workload {
    group: &'static str,
    kind: &'static str,
    object: Value,
    /// How many Pods it makes.
    pods: usize,
    /// The list in which the toolbox stands; none, if its Pods are left alone.
    list: Option<&'static str>,
}

fn replicated(kind: &str, template: &Value) -> Value {
    json!({"metadata": {"name": kind}, "spec": {"replicas": 2, "serviceName": kind,
        "selector": {"matchLabels": {"app": kind}}, "template": template}})
}

/// One of each kind; `ask` makes the template of its Pods ask, or does not.
async fn all(
    world: &World,
    ask: fn(Value) -> Value,
    of_jobs: Option<&'static str>,
) -> Vec<Workload> {
    let forever = |kind: &str| replicated(kind, &ask(world.template(kind, "Always")));
    let once = |kind: &str| json!({"template": ask(world.template(kind, "Never"))});
    let cron = json!({"metadata": {"name": "cronjob"}, "spec": {
        "schedule": "* * * * *", "jobTemplate": {"spec": once("cronjob")}}});
    let mut daemons = forever("daemonset");
    let spec = daemons["spec"].as_object_mut().unwrap();
    spec.retain(|key, _| key != "replicas" && key != "serviceName");
    let mut deployment = forever("deployment");
    deployment["spec"]
        .as_object_mut()
        .unwrap()
        .remove("serviceName");
    let job = json!({"metadata": {"name": "job"}, "spec": once("job")});
    let workload = |group, kind, object, pods, list| Workload {
        group,
        kind,
        object,
        pods,
        list,
    };
    let last = Some("containers");
    // The second Pod of a StatefulSet waits until the first is ready.
    let ordered = if world.runs_pods() { 2 } else { 1 };
    vec![
        workload("apps", "deployment", deployment, 2, last),
        workload("apps", "statefulset", forever("statefulset"), ordered, last),
        workload("apps", "daemonset", daemons, world.nodes().await, last),
        workload("batch", "job", job, 1, of_jobs),
        workload("batch", "cronjob", cron, 1, of_jobs),
    ]
}

/// Pods that ask for themselves, Jobs' with the native placement.
pub(crate) async fn each_asks(world: &World) {
    world.namespace("kinds", PODS_ASK).await;
    let all = all(world, asking, Some("initContainers")).await;
    made(world, "kinds", &all).await;
}

/// Pods of a namespace that asks for them; its Jobs are left alone, as the default settings say.
pub(crate) async fn their_namespace_asks(world: &World) {
    world.namespace("labelled", NAMESPACE_ASKS).await;
    let all = all(world, |template| template, None).await;
    made(world, "labelled", &all).await;
}

async fn made(world: &World, namespace: &str, all: &[Workload]) {
    for workload in all {
        let Workload { group, kind, .. } = workload;
        let path = format!("/apis/{group}/v1/namespaces/{namespace}/{kind}s");
        world.api.create(&path, &workload.object).await;
        if *kind == "cronjob" {
            is_due(world, &format!("{path}/cronjob/status")).await;
        }
    }
    for workload in all {
        workload.judge(world, namespace).await;
    }
    let failures = world.failures(namespace).await;
    assert!(failures.is_empty(), "{namespace}: {failures:?}");
}

/// A schedule that was last kept two minutes ago is made up for at once; the next full minute is not waited for.
async fn is_due(world: &World, status: &str) {
    let before = OffsetDateTime::now_utc() - Duration::minutes(2);
    let before = before.replace_nanosecond(0).unwrap();
    let change = json!({"status": {"lastScheduleTime": before.format(&Rfc3339).unwrap()}});
    let reply = world.api.call("PATCH", status, &change).await;
    assert!(reply.accepted(), "{status}: {}", reply.message());
}

impl Workload {
    async fn judge(&self, world: &World, namespace: &str) {
        let kind = self.kind;
        in_time(&format!("{kind} has {} Pods", self.pods), async || {
            world.pods(namespace, kind).await.len() >= self.pods
        })
        .await;
        let made = world.pods(namespace, kind).await;
        for pod in &made {
            self.judge_pod(pod);
        }
        if kind == "job" && world.runs_pods() {
            self.completes(world, namespace).await;
        }
        let what = self.list.unwrap_or("no list");
        println!(
            "{namespace}, {kind}: {} Pods, toolbox in {what}",
            made.len()
        );
    }

    fn judge_pod(&self, pod: &Value) {
        for list in ["containers", "initContainers"] {
            let there = toolbox(pod, list).is_some();
            let wanted = self.list == Some(list);
            assert_eq!(there, wanted, "{}, {list}: {pod}", self.kind);
        }
        if let Some(native) = toolbox(pod, "initContainers") {
            assert_eq!(native["restartPolicy"], "Always", "{}: {pod}", self.kind);
        }
        let status = &pod["metadata"]["annotations"]["sidebox.dev/status"];
        assert_eq!(status.is_string(), self.list.is_some(), "{}", self.kind);
    }

    /// On fake nodes every Job completes: that a toolbox ends with its Job is asked on the real one.
    async fn completes(&self, world: &World, namespace: &str) {
        let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs/job");
        in_time("the Job completes", async || {
            world.get(&path).await["status"]["succeeded"] == 1
        })
        .await;
    }
}
