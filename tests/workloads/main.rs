//! Do the controllers of Kubernetes make injected Pods, and a thousand of them at once? A real control plane with
//! fake nodes, the real `sidebox serve`. Nothing runs here: what containers do is asked on the node.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed trial, and counts are shown"
)]

#[path = "../apiserver/api.rs"]
#[expect(dead_code, reason = "the API server's judge uses more of it")]
mod api;
#[path = "../cluster/mod.rs"]
mod cluster;
#[path = "../apiserver/webhook.rs"]
#[expect(dead_code, reason = "the API server's judge uses more of it")]
mod webhook;

use std::process::ExitCode;

use api::Api;
use cluster::{Cluster, Level};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use webhook::{Registration, Sidebox, until};

/// A node of kwok takes 110 Pods at most; this leaves room.
const NODES: &str = "20";
const BURST: usize = 1000;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let run = || {
        let cluster = Cluster::start(Level::Workloads, &["--nodes", NODES]);
        let api = Api::of(&cluster.kubeconfig());
        Runtime::new()?.block_on(async {
            let sidebox = Sidebox::start(&[]).await;
            Registration::of(&sidebox, "on").register(&api).await;
            in_force(&api, &sidebox).await;
            every_kind(&api).await;
            burst(&api).await;
        });
        Ok(())
    };
    let trial = Trial::test("controllers_make_injected_pods", run).with_ignored_flag(true);
    libtest_mimic::run(&arguments, vec![trial]).exit_code()
}

async fn namespace(api: &Api, name: &str) {
    let object = json!({"metadata": {"name": name, "labels": {"webhooks": "on"}}});
    api.create("/api/v1/namespaces", &object).await;
    let account = json!({"metadata": {"name": "default"}});
    let path = format!("/api/v1/namespaces/{name}/serviceaccounts");
    api.create(&path, &account).await;
}

async fn in_force(api: &Api, sidebox: &Sidebox) {
    namespace(api, "in-force").await;
    let mut pod = template("probe", "Always");
    pod["metadata"]["name"] = "probe".into();
    until("Pods are sent", async || {
        let reply = api.try_pod("in-force", &pod).await;
        assert!(reply.accepted(), "{}", reply.message());
        sidebox.reviews().await > 0
    })
    .await;
}

fn template(name: &str, restart: &str) -> Value {
    json!({"metadata": {"labels": {"app": name}, "annotations": {"sidebox.dev/inject": "true"}},
        "spec": {"restartPolicy": restart, "containers": [{"name": "app", "image": "app:1"}]}})
}

fn replicated(name: &str, replicas: Option<usize>) -> Value {
    let mut object = json!({"metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": name}}, "template": template(name, "Always")}});
    if let Some(replicas) = replicas {
        object["spec"]["replicas"] = replicas.into();
    }
    object
}

async fn every_kind(api: &Api) {
    namespace(api, "kinds").await;
    let job = |name: &str| json!({"template": template(name, "Never")});
    let mut stateful = replicated("statefulset", Some(2));
    stateful["spec"]["serviceName"] = "statefulset".into();
    let cron = json!({"metadata": {"name": "cronjob"}, "spec": {"schedule": "* * * * *",
        "jobTemplate": {"spec": job("cronjob")}}});
    let all = [
        ("apps", "deployment", replicated("deployment", Some(2)), 2),
        ("apps", "statefulset", stateful, 2),
        ("apps", "daemonset", replicated("daemonset", None), 20),
        (
            "batch",
            "job",
            json!({"metadata": {"name": "job"}, "spec": job("job")}),
            1,
        ),
        ("batch", "cronjob", cron, 1),
    ];
    for (group, kind, object, _) in &all {
        let path = format!("/apis/{group}/v1/namespaces/kinds/{kind}s");
        api.create(&path, object).await;
    }
    for (group, kind, _, wanted) in &all {
        until(&format!("{kind} has {wanted} Pods"), async || {
            pods(api, "kinds", kind).await.len() >= *wanted
        })
        .await;
        let made = pods(api, "kinds", kind).await;
        let list = if *group == "batch" {
            "initContainers"
        } else {
            "containers"
        };
        for pod in &made {
            let toolbox = toolbox(pod, list).unwrap_or_else(|| panic!("{kind}: no toolbox: {pod}"));
            if *group == "batch" {
                assert_eq!(toolbox["restartPolicy"], "Always", "{kind}: {pod}");
            }
        }
        println!("{kind}: {} Pods, all injected", made.len());
    }
}

async fn burst(api: &Api) {
    namespace(api, "burst").await;
    let path = "/apis/apps/v1/namespaces/burst/deployments";
    api.create(path, &replicated("burst", Some(BURST))).await;
    let count =
        |all: &[Value], phase: &str| all.iter().filter(|p| p["status"]["phase"] == phase).count();
    until("every Pod of the burst runs", async || {
        count(&pods(api, "burst", "burst").await, "Running") >= BURST
    })
    .await;
    let all = pods(api, "burst", "burst").await;
    let injected = all
        .iter()
        .filter(|pod| toolbox(pod, "containers").is_some())
        .count();
    let (running, failed) = (count(&all, "Running"), count(&all, "Failed"));
    println!(
        "{} Pods: {injected} injected, {running} running, {failed} failed",
        all.len()
    );
    assert_eq!(
        (all.len(), injected, running, failed),
        (BURST, BURST, BURST, 0)
    );
}

fn toolbox<'a>(pod: &'a Value, list: &str) -> Option<&'a Value> {
    let containers = pod["spec"][list].as_array()?;
    containers
        .iter()
        .find(|container| container["name"] == "toolbox")
}

async fn pods(api: &Api, namespace: &str, app: &str) -> Vec<Value> {
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}");
    let reply = api.call("GET", &path, &Value::Null).await;
    assert!(reply.accepted(), "{}", reply.message());
    reply.body["items"].as_array().cloned().unwrap_or_default()
}
