//! Is the application what it was? The same Pod without and with Sidebox, seen as its owner sees it.

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
