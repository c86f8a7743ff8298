//! Does the published recipe work, from the plain annotated Deployment to a trace that outlives its Pod? The sample's own
//! manifests, applied as they stand: with the toolbox that comes by itself, and for .NET 8 with Microsoft's tools.

use std::fs;

use serde_json::Value;

use crate::pods;
use crate::reach::{Reach, named};
use crate::world::{Place, World};

/// The namespace that the sample's manifests name.
pub(crate) const PLACES: &[Place] = &[Place::open("net-worker")];
pub(crate) const MICROSOFTS: &[Place] = &[Place::open("net-worker-8")];

const DEPLOYMENT: &str = "samples/helloaks/k8s/deployment.yaml";

/// What the recipe has a person type, letter by letter but for the number of the process. Ctrl+C comes by `timeout`, which
/// tells so by 124 in some userlands.
const RECIPE: &str = r#"set -e
stopped() { "$@" || [ $? = 124 ]; }
until dotnet-trace ps | grep -q HelloAks; do sleep 0.2; done
dotnet-trace ps
PID=$(dotnet-trace ps | awk '/HelloAks/ {print $1; exit}')
stopped timeout -s INT 25 dotnet-counters collect --process-id $PID --refresh-interval 10 --output /data/counters --format json &
stopped timeout -s INT 5 dotnet-trace collect -p $PID --format Chromium -o /data/trace.json
wait $!
ls -l /data"#;

/// With the small toolbox: every command works without .NET, and what it wrote outlives the Pod.
pub(crate) fn from_manifest_to_trace(world: &World) {
    let namespace = "net-worker";
    world.apply_file(namespace, DEPLOYMENT, &[]);
    let first = running_pod(world, namespace);
    let said = world.exec(namespace, &first, "toolbox", RECIPE);
    println!("{said}");
    let trace = world.result(namespace, &first, "trace.chromium.json");
    named(&trace, "FindPrimeAt", &said);
    named(
        &world.result(namespace, &first, "trace.json"),
        "Nettrace",
        &said,
    );
    let counters = fs::read(world.result(namespace, &first, "counters.json")).unwrap();
    let counters: Value = serde_json::from_slice(&counters).unwrap();
    let events = counters["Events"].as_array().unwrap();
    assert!(!events.is_empty(), "{counters}; the tool said: {said}");

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
}

/// With Microsoft's `dotnet-trace`; each tool reads what the other wrote.
pub(crate) fn with_microsofts_tool(world: &World) {
    let namespace = "net-worker-8";
    let image = format!(
        "sidebox.dev/inject: \"true\"\n        sidebox.dev/image: {}",
        pods::TOOLBOX_DOTNET
    );
    let changes = [
        ("namespace: net-worker", "namespace: net-worker-8"),
        ("helloaks:1.0.0", "helloaks:1.0.0-net8"),
        ("sidebox.dev/inject: \"true\"", &image),
    ];
    world.apply_file(namespace, DEPLOYMENT, &changes);
    let pod = running_pod(world, namespace);
    Reach::Ps.trace(world, namespace, &pod);
    Reach::Sidebox.trace(world, namespace, &pod);
}

/// The Pod of the Deployment, once it is available.
fn running_pod(world: &World, namespace: &str) -> String {
    let deployment = "deployment/net-worker";
    let rollout = ["rollout", "status", deployment, "--timeout=120s"];
    world.kubectl(namespace, &rollout);
    world.kubectl(
        namespace,
        &["wait", "--for=condition=Available", deployment],
    );
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
