//! Is the application what it was? The same Pod without and with Sidebox, seen as its owner sees it; and what does change:
//! the utilisation that an autoscaler computes.

use serde_json::{Value, json};

use crate::pods::{self, app};
use crate::world::{Place, Volume, World};

const fn plain(name: &'static str) -> Place {
    Place {
        volume: Volume::Unseen,
        ..Place::open(name)
    }
}

pub(crate) const PLACES: &[Place] = &[
    plain("best-effort-plain"),
    Place::open("best-effort"),
    plain("burstable-plain"),
    Place::open("burstable"),
    plain("guaranteed-plain"),
    Place::open("guaranteed"),
];
pub(crate) const SCALED: &[Place] = &[plain("scaled-plain"), Place::open("scaled")];

/// What the owner of an application sees of it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    user: String,
    image: String,
    restarts: Value,
    /// `kubectl exec` and `kubectl logs` without `-c`.
    default_exec: String,
    default_logs: bool,
    environment: String,
    command: String,
}

pub(crate) fn nothing_changed(world: &World) {
    let guaranteed = json!({"requests": {"cpu": "300m", "memory": "256Mi"}});
    for (name, resources, classes) in [
        ("burstable", json!({}), ["Burstable", "Burstable"]),
        ("guaranteed", guaranteed, ["Guaranteed", "Guaranteed"]),
        // The toolbox has requests, so a Pod without any moves up: the one class that cannot stay.
        ("best-effort", Value::Null, ["BestEffort", "Burstable"]),
    ] {
        let change = json!({"containers": [app(&json!({"resources": resources}))]});
        let seen = [format!("{name}-plain"), name.to_owned()].map(|namespace| {
            world.apply(&pods::pod(&namespace, &[], &change));
            look(world, &namespace)
        });
        let found = [0, 1].map(|index: usize| seen[index].0.clone());
        assert_eq!(found, classes);
        let [(_, without), (_, with)] = seen;
        assert_eq!(without, with);
        let owner = with.user.lines().next();
        assert_eq!(owner, Some("1654"));
    }
}

/// The class of service, and the rest.
fn look(world: &World, namespace: &str) -> (Value, Seen) {
    let pod = world.until(namespace, ("pod", "app"), "the Pod is ready", |pod| {
        let (_, log, _) = world.attempt(namespace, &["logs", "app"]);
        pod["status"]["phase"] == "Running" && log.contains("Application started")
    });
    let run = |script: &str| {
        world
            .kubectl(namespace, &["exec", "app", "--", "bash", "-c", script])
            .trim()
            .to_owned()
    };
    let seen = Seen {
        user: run("id -u; id -g"),
        image: pods::container(&pod, "app")["image"]
            .as_str()
            .unwrap()
            .into(),
        restarts: pods::container(&pod, "app")["restartCount"].clone(),
        default_exec: run("ls /app"),
        default_logs: world
            .kubectl(namespace, &["logs", "app"])
            .contains("Application started"),
        // Addresses and the Pod's own shell differ from Pod to Pod.
        environment: run("env | cut -d= -f1 | sort | tr '\\n' ' '"),
        command: run("cat /proc/*/cmdline | tr '\\0' ' ' | grep -o 'dotnet HelloAk[s].dll'"),
    };
    (pod["status"]["qosClass"].clone(), seen)
}

/// No metrics server here: what the autoscaler does with its numbers is done with the kubelet's, which they are made of.
pub(crate) fn utilisation(world: &World) {
    let requests = ["scaled-plain", "scaled"].map(|namespace| {
        world.apply(&pods::pod(namespace, &[], &json!({})));
        let pod = world.until(namespace, ("pod", "app"), "the application runs", |pod| {
            pods::container(pod, "app")["state"]["running"].is_object()
        });
        let containers = pod["spec"]["containers"].as_array().unwrap();
        let millicores = containers.iter().map(|container| {
            let text = container["resources"]["requests"]["cpu"].as_str().unwrap();
            text.strip_suffix('m').unwrap().parse::<u64>().unwrap()
        });
        millicores.sum::<u64>()
    });
    assert_eq!(requests, [20, 25], "the toolbox asks for 5m and no more");
    let [without, with] = ["scaled-plain", "scaled"].map(|namespace| usage(world, namespace));
    let toolbox = with.iter().find(|(name, _)| name == "toolbox").unwrap().1;
    let application = with.iter().find(|(name, _)| name == "app").unwrap().1;
    let alone: u64 = without.iter().map(|(_, nanocores)| nanocores).sum();
    let percent = |nanocores: u64, millicores: u64| nanocores / 10_000 / millicores;
    println!(
        "utilisation of the Pod: {} % without the toolbox ({alone} ns/s of {}m); {} % with it (application {application} ns/s \
         and toolbox {toolbox} ns/s, of {}m); the application of that Pod alone would be at {} %",
        percent(alone, requests[0]),
        requests[0],
        percent(application + toolbox, requests[1]),
        requests[1],
        percent(application, requests[0]),
    );
    // Who asks for 20m and gets 5m beside it is seen at four fifths of what it was; at 100m it would be 95 %.
    assert!(
        percent(application + toolbox, requests[1]) <= percent(application + toolbox, requests[0])
    );
    assert!(
        toolbox < application,
        "an idle toolbox uses next to nothing"
    );
}

/// What the kubelet measured of each container of the Pod, once it has.
fn usage(world: &World, namespace: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    world.until(
        namespace,
        ("pod", "app"),
        "the kubelet has measured",
        |pod| {
            let stats = world.kubectl(
                namespace,
                &["get", "--raw", "/api/v1/nodes/node/proxy/stats/summary"],
            );
            let stats: Value = serde_json::from_str(&stats).unwrap();
            let mut pods = stats["pods"].as_array().into_iter().flatten();
            let Some(own) = pods.find(|known| known["podRef"]["namespace"] == namespace) else {
                return false;
            };
            let containers = own["containers"].as_array().into_iter().flatten();
            found = containers
                .filter_map(|container| {
                    let name = container["name"].as_str()?.to_owned();
                    Some((name, container["cpu"]["usageNanoCores"].as_u64()?))
                })
                .collect();
            found.len() == pod["spec"]["containers"].as_array().unwrap().len()
        },
    );
    found
}
