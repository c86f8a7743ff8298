//! Another mutating webhook beside Sidebox, before it and after it: both get their way, and one that
//! breaks the toolbox is repaired or makes the Pod invalid at once, never a Pod that hangs.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::api::Reply;
use crate::failure::asking_pod;
use crate::judged::Place;
use crate::law::{is_injected, toolboxes};
use crate::stand_in::{Behaviour, StandIn};
use crate::webhook::{Registration, Sidebox, until};
use crate::world::{Arena, World};

/// An arena with Sidebox and another webhook, both in force.
struct Pair {
    arena: Arena,
    other: StandIn,
    sidebox: Sidebox,
}

/// Webhooks are called in the order of their names; Sidebox's begins with m.
const BEFORE: &str = "a-other";
const AFTER: &str = "z-other";

impl Pair {
    async fn start(
        world: &World,
        name: &str,
        order: &str,
        reinvocation: &str,
        change: fn(&Value) -> Vec<Value>,
    ) -> Self {
        let place = Place {
            name,
            ..Place::default()
        };
        let (arena, sidebox) = place.open(world).await;
        let other = StandIn::start(Behaviour::Patch(change)).await;
        let registration = Registration {
            name: order,
            reinvocation,
            ..Registration::to(other.address, other.ca.clone(), name)
        };
        registration.register(&world.api).await;
        until("the other webhook is called", async || {
            world.api.try_pod(&arena.with, &asking_pod()).await;
            other.calls() > 0
        })
        .await;
        Self {
            arena,
            other,
            sidebox,
        }
    }

    async fn offer(&self, world: &World, pod: &Value) -> Reply {
        let before = self.other.calls();
        let reply = world.api.try_pod(&self.arena.with, pod).await;
        assert!(
            self.other.calls() > before,
            "the other webhook was not called"
        );
        reply
    }
}

fn has(list: &Value, name: &str) -> bool {
    list.as_array()
        .is_some_and(|all| all.iter().any(|element| element["name"] == name))
}

fn add(path: &str, value: &Value) -> Value {
    json!({"op": "add", "path": path, "value": value})
}

/// A mesh: its own container and volume, and a mount in the application. Once.
fn mesh(pod: &Value) -> Vec<Value> {
    if has(&pod["spec"]["containers"], "mesh") {
        return Vec::new();
    }
    let mount = json!({"name": "mesh", "mountPath": "/mesh"});
    vec![
        add("/spec/volumes/-", &json!({"name": "mesh", "emptyDir": {}})),
        add("/spec/containers/0/volumeMounts/-", &mount),
        add(
            "/spec/containers/-",
            &json!({"name": "mesh", "image": "mesh:1", "volumeMounts": [mount]}),
        ),
    ]
}

/// Gives the application a /tmp of its own, unless it has one.
fn own_tmp(pod: &Value) -> Vec<Value> {
    let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array();
    let taken = mounts.is_some_and(|all| all.iter().any(|mount| mount["mountPath"] == "/tmp"));
    if taken {
        return Vec::new();
    }
    vec![
        add(
            "/spec/volumes/-",
            &json!({"name": "scratch", "emptyDir": {}}),
        ),
        add(
            "/spec/containers/0/volumeMounts/-",
            &json!({"name": "scratch", "mountPath": "/tmp"}),
        ),
    ]
}

/// As a webhook does whose Pod type is older than native sidecars.
fn strip(pod: &Value) -> Vec<Value> {
    let all = pod["spec"]["initContainers"]
        .as_array()
        .into_iter()
        .flatten();
    let stripped = all
        .enumerate()
        .filter(|(_, one)| one["restartPolicy"].is_string());
    let remove = stripped.map(|(index, _)| {
        json!({"op": "remove", "path": format!("/spec/initContainers/{index}/restartPolicy")})
    });
    remove.collect()
}

fn native_pod() -> Value {
    let mut pod = asking_pod();
    pod["metadata"]["annotations"]["sidebox.dev/placement"] = "native".into();
    pod
}

/// Whoever comes first: one toolbox, the other's container, volume and mounts.
pub(crate) async fn both_get_their_way(world: &World) {
    for (name, order, change) in [
        ("mesh-before", BEFORE, mesh as fn(&Value) -> Vec<Value>),
        ("mesh-after", AFTER, mesh),
        ("tmp-before", BEFORE, own_tmp),
        ("tmp-after", AFTER, own_tmp),
    ] {
        let pair = Pair::start(world, name, order, "IfNeeded", change).await;
        for pod in [asking_pod(), native_pod()] {
            let before = pair.sidebox.reviews().await;
            let reply = pair.offer(world, &pod).await;
            // Whatever changed after the first call, a webhook or a plugin of the server, brings the Pod back.
            let reviews = pair.sidebox.reviews().await - before;
            assert!(reviews >= 2, "{name}: {reviews} calls of Sidebox");
            assert!(reply.accepted(), "{name}: {}", reply.message());
            assert!(is_injected(&reply.body), "{name}: {}", reply.body);
            let left = change(&reply.body);
            assert!(
                left.is_empty(),
                "{name}: the other did not get its way: {left:?}"
            );
        }
        println!("{name}: both got their way");
    }
}

/// A webhook that strips `restartPolicy` is repaired wherever Sidebox has the last word, and is loud where not.
pub(crate) async fn a_stripped_toolbox_is_repaired_or_loud(world: &World) {
    let before = injected_before(world).await;
    for (name, order, reinvocation, repaired) in [
        ("strip-before-never", BEFORE, "Never", true),
        ("strip-before-again", BEFORE, "IfNeeded", true),
        ("strip-after-never", AFTER, "Never", true),
        ("strip-after-again", AFTER, "IfNeeded", false),
    ] {
        let pair = Pair::start(world, name, order, reinvocation, strip).await;
        for pod in [&native_pod(), &before] {
            let reply = pair.offer(world, pod).await;
            assert_eq!(reply.accepted(), repaired, "{name}: {}", reply.message());
            if repaired {
                assert_eq!(toolboxes(&reply.body), 1, "{name}");
                let toolbox = &reply.body["spec"]["initContainers"][0];
                assert_eq!(toolbox["restartPolicy"], "Always", "{name}: {toolbox}");
            } else {
                assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
                let why = "without restartPolicy=Always";
                assert!(reply.message().contains(why), "{name}: {}", reply.message());
                println!("{name}: {}", reply.message());
            }
        }
    }
}

/// A Pod that was injected before it came, as `sidebox inject` does it in files.
async fn injected_before(world: &World) -> Value {
    let place = Place {
        name: "files",
        ..Place::default()
    };
    let (arena, _sidebox) = place.open(world).await;
    let made = world.api.try_pod(&arena.with, &native_pod()).await.body;
    let (metadata, spec) = (&made["metadata"], &made["spec"]);
    let metadata =
        json!({"name": "p", "labels": metadata["labels"], "annotations": metadata["annotations"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}
