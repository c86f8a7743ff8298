//! Does the published recipe work, from the plain annotated Deployment to a trace that outlives its Pod? For .NET 8 and 10.
//! The sample's own manifests, applied as they stand.

use std::fs;

use crate::pods;
use crate::reach::Reach;
use crate::world::{Place, World};

/// The namespaces that the sample's manifests name, and the same for .NET 8.
pub(crate) const PLACES: &[Place] = &[Place::open("net-worker"), Place::open("net-worker-8")];

const DEPLOYMENT: &str = "samples/helloaks/k8s/deployment.yaml";

pub(crate) fn from_manifest_to_trace(world: &World) {
    let older = [
        ("namespace: net-worker", "namespace: net-worker-8"),
        ("helloaks:1.0.0", "helloaks:1.0.0-net8"),
    ];
    for (namespace, changes) in [("net-worker", &[][..]), ("net-worker-8", &older)] {
        world.apply_file(namespace, DEPLOYMENT, changes);
        let first = running_pod(world, namespace);
        Reach::Ps.trace(world, namespace, &first);
        let trace = world.result(namespace, &first, "trace.chromium.json");
        let bytes = fs::read(&trace).unwrap();

        world.kubectl(namespace, &["delete", "pod", &first]);
        let second = running_pod(world, namespace);
        assert_ne!(first, second);
        Reach::Ps.trace(world, namespace, &second);
        assert_eq!(
            fs::read(&trace).unwrap(),
            bytes,
            "the first Pod's file outlives it, and the second Pod writes beside it"
        );
        world.kubectl(namespace, &["delete", "deployment", "net-worker"]);
    }
}

/// The Pod of the Deployment, once it is available.
fn running_pod(world: &World, namespace: &str) -> String {
    let available = ["wait", "--for=condition=Available", "deployment/net-worker"];
    let rollout = [
        "rollout",
        "status",
        "deployment/net-worker",
        "--timeout=120s",
    ];
    world.kubectl(namespace, &rollout);
    world.kubectl(namespace, &available);
    let name = "jsonpath={.items[0].metadata.name}";
    let live = [
        "get",
        "pods",
        "--field-selector=status.phase=Running",
        "-o",
        name,
    ];
    let name = world.kubectl(namespace, &live);
    world.until(namespace, ("pod", &name), "both containers run", pods::runs);
    name
}
