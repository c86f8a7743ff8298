//! Who asked and got a finding: does the owner of the Pod tell it in `kubectl describe`?

use serde_json::{Value, json};

use crate::apiserver::World;
use crate::review::{asking_pod, quiet_pod, review, send};
use crate::webhook::{Sidebox, until};

const NAMESPACE: &str = "events";
const PLAIN: &str = "/mutate";
const LABELLED: &str = "/mutate/labelled";

/// A finding becomes one Event on the Deployment, however many Pods have it; what is no business of
/// anybody becomes none.
pub(crate) async fn are_written(world: &World) {
    world.namespace(NAMESPACE).await;
    let owner = replica_set(world).await;
    let sidebox = world.informed_sidebox(&[]).await;
    let (off, quiet) = (refused(asking_pod(), &owner), refused(quiet_pod(), &owner));
    send(&sidebox, PLAIN, NAMESPACE, &off, true).await;
    review(&sidebox, LABELLED, NAMESPACE, &quiet).await;
    for _ in 0..5 {
        let reviewed = review(&sidebox, PLAIN, NAMESPACE, &off).await;
        assert_eq!(reviewed.warnings.len(), 1, "{reviewed:?}");
    }
    written(&sidebox, 1).await;
    let all = events(world).await;
    let [event] = all.as_slice() else {
        panic!("one Event: {all:#?}");
    };
    assert_eq!(event["involvedObject"]["kind"], "Deployment", "{event:#}");
    assert_eq!(event["involvedObject"]["name"], "web");
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["reason"], "diagnostics_off");
    let message = event["message"].as_str().unwrap();
    assert!(message.contains("DOTNET_EnableDiagnostics=0"), "{message}");
    a_note(world, &sidebox).await;
}

/// An injected Pod whose claim is missing; it has no owner.
async fn a_note(world: &World, sidebox: &Sidebox) {
    review(sidebox, PLAIN, NAMESPACE, &asking_pod()).await;
    written(sidebox, 2).await;
    let all = events(world).await;
    let note = all
        .iter()
        .find(|event| event["involvedObject"]["kind"] == "Pod");
    let note = note.unwrap_or_else(|| panic!("an Event of a Pod: {all:#?}"));
    assert_eq!(
        (&note["type"], &note["reason"]),
        (&json!("Normal"), &json!("claim_missing"))
    );
    assert_eq!(note["involvedObject"]["name"], "p");
}

/// Waits until so many have been written and nothing waits.
async fn written(sidebox: &Sidebox, count: u64) {
    until("the Events are written", async || {
        let (_, text) = sidebox.get("/metrics").await;
        text.contains(&format!(
            "sidebox_events_total{{result=\"written\"}} {count}\n"
        ))
    })
    .await;
}

async fn events(world: &World) -> Vec<Value> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/events");
    let reply = world.api.call("GET", &path, &Value::Null).await;
    reply.body["items"].as_array().unwrap().clone()
}

/// A ReplicaSet below a Deployment, as an owner reference of its Pods.
async fn replica_set(world: &World) -> Value {
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": quiet_pod()["spec"]});
    let spec = json!({"selector": {"matchLabels": {"app": "web"}}, "template": template});
    let apps = format!("/apis/apps/v1/namespaces/{NAMESPACE}");
    let deployment = json!({"metadata": {"name": "web"}, "spec": spec});
    let made = create(world, &format!("{apps}/deployments"), &deployment).await;
    let above = reference("Deployment", "web", &made);
    let set = json!({"metadata": {"name": "web-1", "ownerReferences": [above]}, "spec": spec});
    let made = create(world, &format!("{apps}/replicasets"), &set).await;
    reference("ReplicaSet", "web-1", &made)
}

async fn create(world: &World, path: &str, object: &Value) -> Value {
    let reply = world.api.call("POST", path, object).await;
    assert!(reply.accepted(), "{path}: {}", reply.message());
    reply.body
}

fn reference(kind: &str, name: &str, made: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true,
        "uid": made["metadata"]["uid"]})
}

/// A Pod of this owner whose diagnostics are switched off.
fn refused(mut pod: Value, owner: &Value) -> Value {
    let variables = pod["spec"]["containers"][0]["env"].as_array_mut().unwrap();
    variables.push(json!({"name": "DOTNET_EnableDiagnostics", "value": "0"}));
    pod["metadata"] = json!({"generateName": "web-1-", "annotations": pod["metadata"]["annotations"],
        "ownerReferences": [owner]});
    pod
}
