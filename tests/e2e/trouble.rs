//! Is what cannot work said before it is tried? Findings at admission, and what the person in the toolbox then sees.
//! The documented effects of docs/operations.md are shown here.

use std::fs;

use serde_json::{Value, json};

use crate::pods::{self, app};
use crate::reach::Reach;
use crate::world::{Place, Volume, World};

pub(crate) const WRONG_USER: &[Place] = &[Place::open("wrong-user")];
pub(crate) const WRONG_USER_PID_ONLY: &[Place] = &[Place::open("wrong-user-pid-only")];
pub(crate) const ROOT_WITHOUT_POWER: &[Place] = &[Place::open("root-without-power")];
pub(crate) const NOT_WRITABLE: &[Place] = &[Place {
    volume: Volume::OfRoot,
    ..Place::open("not-writable")
}];
pub(crate) const NO_IMAGE: &[Place] = &[Place::open("no-image"), Place::open("no-image-native")];

/// FACTS' row "root / 1654": the socket of root opens to nobody else.
pub(crate) fn another_user_is_a_finding(world: &World) {
    refused(
        world,
        "wrong-user",
        &[("run-as-user", "1654")],
        &json!({"securityContext": {"runAsUser": 0}}),
        "belongs to uid 0 and this tool runs as uid 1654",
    );
}

/// The row "pid-only, other users": root without the right to trace does not get through /proc.
pub(crate) fn root_beside_another_user_is_a_finding(world: &World) {
    refused(
        world,
        "wrong-user-pid-only",
        &[("run-as-user", "root"), ("mode", "pid-only")],
        &json!({}),
        "the process runs as uid 1654, this tool as uid 0",
    );
}

/// The same row for one uid: root that dropped its capabilities does not get to root that kept them.
pub(crate) fn root_without_power_is_a_finding(world: &World) {
    refused(
        world,
        "root-without-power",
        &[("run-as-user", "unset"), ("mode", "pid-only")],
        &json!({"securityContext": {"runAsUser": 0}}),
        "it needs the same uid and all capabilities of the process",
    );
}

/// Told at `kubectl apply`, kept on the Pod, and true; the tool says the same.
fn refused(
    world: &World,
    namespace: &str,
    annotations: &[(&str, &str)],
    change: &Value,
    seen: &str,
) {
    let warned = world.apply(&pods::pod(namespace, annotations, change));
    assert!(warned.contains("may not open the socket"), "{warned}");
    let pod = world.until(namespace, ("pod", "app"), "both containers run", pods::runs);
    assert!(pods::findings(&pod).contains(&"user_mismatch".to_owned()));
    let said = Reach::Ps.failure(world, namespace, "app");
    assert!(said.contains("cannot be reached"), "{said}");
    assert!(said.contains(seen), "{said}");
    println!("{namespace}: {}", said.trim());
}

/// The stand-in for a share mounted 0755: only its owner writes, and the settings know the owner.
pub(crate) fn a_volume_of_root_is_a_finding(world: &World) {
    let namespace = "not-writable";
    let warned = world.apply(&pods::pod(namespace, &[], &json!({})));
    assert!(
        warned.contains("1654 may not write to claim monitor-azfiles"),
        "{warned}"
    );
    let pod = world.until(namespace, ("pod", "app"), "both containers run", pods::runs);
    assert_eq!(pods::findings(&pod), ["data_not_writable"]);
    let said = Reach::Ps.failure(world, namespace, "app");
    let seen = "cannot make /data/trace.json: Permission denied";
    assert!(said.contains(seen), "{said}");
    println!("{namespace}: {}", said.trim());
    let there = "pid=$(dotnet-trace ps | awk '/HelloAks/ {print $1}')
        dotnet-trace collect -p $pid --duration 00:00:02 --buffersize 16 -o /tmp/trace.nettrace </dev/null
        test -s /tmp/trace.nettrace";
    world.exec(namespace, "app", "toolbox", there);
    let empty = fs::read_dir(world.result(namespace, "app", "")).unwrap();
    assert_eq!(empty.count(), 0);
}

/// In `containers` the application runs and the Pod is not ready; a native toolbox keeps the application waiting.
pub(crate) fn an_image_that_cannot_be_pulled(world: &World) {
    let image = ("image", "ghcr.io/sidebox-dev/toolbox:no-such-tag");
    let waits = |pod: &Value| {
        let reason = &pods::container(pod, "toolbox")["state"]["waiting"]["reason"];
        reason == "ErrImagePull" || reason == "ImagePullBackOff"
    };
    let spec = json!({"containers": [app(&json!({}))]});

    world.apply(&pods::pod("no-image", &[image], &spec));
    let pod = world.until(
        "no-image",
        ("pod", "app"),
        "only the application runs",
        |pod| waits(pod) && pods::container(pod, "app")["state"]["running"].is_object(),
    );
    assert_eq!(pods::container(&pod, "app")["ready"], true);
    assert_eq!(
        condition(&pod, "Ready"),
        "False",
        "no traffic from Services"
    );

    let native = [image, ("placement", "native")];
    world.apply(&pods::pod("no-image-native", &native, &spec));
    let pod = world.until(
        "no-image-native",
        ("pod", "app"),
        "the toolbox waits",
        waits,
    );
    let reason = &pods::container(&pod, "app")["state"]["waiting"]["reason"];
    assert_eq!(reason, "PodInitializing", "the application waits with it");
}

fn condition<'a>(pod: &'a Value, kind: &str) -> &'a Value {
    let mut all = pod["status"]["conditions"].as_array().unwrap().iter();
    all.find(|condition| condition["type"] == kind)
        .map_or(&Value::Null, |found| &found["status"])
}
