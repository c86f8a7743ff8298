//! Is the first Pod of a new namespace ever missed? Namespace and Deployment in one `kubectl apply`, with the
//! controllers that make Pods of it as fast as they can.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::accepted::fed;
use crate::api::Api;
use crate::cluster::{Cluster, Level};
use crate::helm;
use crate::served::{Served, deployment, is_injected};
use crate::webhook::until;

const NAMESPACES: usize = 200;

/// How many people apply at once, each one file with many of them.
const AT_ONCE: usize = 4;

#[test]
#[ignore = "needs helm and Kubernetes: make test-deploy"]
fn no_first_pod_is_missed() {
    let cluster = Cluster::start(Level::Workloads, &["--nodes", "4"]);
    let api = Api::of(&cluster.kubeconfig());
    Runtime::new().unwrap().block_on(async {
        let served = Served::start(&api, &helm::objects(&[], &[])).await;
        std::thread::scope(|scope| {
            for first in 0..AT_ONCE {
                let cluster = &cluster;
                let texts = (first..NAMESPACES).step_by(AT_ONCE).map(together);
                let text: String = texts.collect();
                scope.spawn(move || apply(cluster, &text));
            }
        });
        until("every Deployment has its Pod", async || {
            pods(&api).await.len() >= NAMESPACES
        })
        .await;
        let pods = pods(&api).await;
        let injected = pods.iter().filter(|pod| is_injected(pod)).count();
        println!("{injected} of {} first Pods have their toolbox", pods.len());
        assert_eq!((injected, pods.len()), (NAMESPACES, NAMESPACES));
        drop(served);
    });
}

/// Both, one after the other, as people write it.
fn together(number: usize) -> String {
    let name = format!("together-{number}");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"sidebox.dev/inject": "true"}}});
    let mut web = deployment("web", &json!({}));
    web["metadata"]["namespace"] = name.into();
    format!("---\n{namespace}\n---\n{web}\n")
}

fn apply(cluster: &Cluster, text: &str) {
    let mut kubectl = cluster.kubectl();
    let done = fed(kubectl.args(["apply", "-f", "-"]), text);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

async fn pods(api: &Api) -> Vec<Value> {
    let reply = api
        .call("GET", "/api/v1/pods?labelSelector=app%3Dweb", &Value::Null)
        .await;
    reply.body["items"].as_array().cloned().unwrap_or_default()
}
