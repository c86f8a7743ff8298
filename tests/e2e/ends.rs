//! Do Pods with a toolbox end as they did without? Jobs, kills and deletions.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::pods;
use crate::reach::Reach;
use crate::world::{Place, Volume, World};

pub(crate) const JOB: &[Place] = &[Place::open("job")];
pub(crate) const KILLED: &[Place] = &[Place::open("killed")];
pub(crate) const DELETION: &[Place] = &[
    Place::open("deletion"),
    Place::open("deletion-native"),
    Place {
        volume: Volume::Unseen,
        ..Place::open("deletion-plain")
    },
];

/// A Job's Pod gets a native toolbox by itself, is traced, and completes when its application ends.
pub(crate) fn a_job_completes(world: &World) {
    let namespace = "job";
    // The sample never ends; this ends it as the kubelet would, and it leaves with 0.
    let mut template = pods::pod(namespace, &[], &json!({"restartPolicy": "Never"}));
    template["metadata"] = json!({"annotations": template["metadata"]["annotations"]});
    world.apply(&json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "job", "namespace": namespace},
        "spec": {"backoffLimit": 0, "template": {"metadata": template["metadata"], "spec": template["spec"]}}}));
    let first = |list: &Value| list["items"][0].clone();
    let list = ["get", "pods", "-l", "job-name=job", "-o", "json"];
    world.kubectl(
        namespace,
        &["wait", "--for=create", "pod", "-l", "job-name=job"],
    );
    let pods: Value = serde_json::from_str(&world.kubectl(namespace, &list)).unwrap();
    let name = first(&pods)["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let pod = world.until(namespace, ("pod", &name), "both containers run", pods::runs);
    assert_eq!(pods::status(&pod)["placement"], "native");
    Reach::Ps.trace(world, namespace, &name);
    // The sample never ends by itself; on SIGTERM it leaves with 0.
    let end = "kill -TERM $(dotnet-trace ps | awk '/HelloAks/ {print $1}')";
    world.exec(namespace, &name, "toolbox", end);
    let job = world.until(namespace, ("job", "job"), "the Job is done", |job| {
        job["status"]["completionTime"].is_string() || job["status"]["failed"].is_number()
    });
    assert_eq!(job["status"]["succeeded"], 1, "{}", job["status"]);
}

/// After SIGKILL a dead socket lies beside the new one; the tools find the process that lives.
pub(crate) fn a_killed_application_comes_back(world: &World) {
    let namespace = "killed";
    world.apply(&pods::pod(namespace, &[], &json!({})));
    world.until(namespace, ("pod", "app"), "both containers run", pods::runs);
    Reach::Ps.trace(world, namespace, "app");
    let kill = "kill -9 $(dotnet-trace ps | awk '/HelloAks/ {print $1}')";
    world.exec(namespace, "app", "toolbox", kill);
    let again = world.until(namespace, ("pod", "app"), "it runs again", |pod| {
        pods::runs(pod) && pods::container(pod, "app")["restartCount"] == 1
    });
    assert_eq!(
        pods::container(&again, "app")["lastState"]["terminated"]["exitCode"],
        137
    );
    assert_eq!(pods::container(&again, "toolbox")["restartCount"], 0);
    Reach::Ps.trace(world, namespace, "app");
    let sockets = world.exec(
        namespace,
        "app",
        "toolbox",
        "ls /tmp/dotnet-diagnostic-*-socket | wc -l",
    );
    assert_eq!(sockets.trim(), "2", "SIGKILL leaves its socket behind");
}

/// All containers end by themselves on SIGTERM: nobody waits for the grace period to be over, and not for the toolbox.
pub(crate) fn a_deletion_takes_no_longer(world: &World) {
    let native = &[("placement", "native")];
    let plain = deletion(world, "deletion-plain", &[]);
    for (namespace, annotations) in [("deletion", &[][..]), ("deletion-native", native)] {
        let took = deletion(world, namespace, annotations);
        // Far less than the 30 s that a container costs which does not heed SIGTERM, and more than a busy machine does.
        assert!(
            took < plain + Duration::seconds(10),
            "{namespace}: {took}, without a toolbox {plain}"
        );
    }
}

/// The grace period of a Pod that names none.
const GRACE: Duration = Duration::seconds(30);

/// How long the containers of a Pod take to end after its deletion; each ends by itself.
fn deletion(world: &World, namespace: &str, annotations: &[(&str, &str)]) -> Duration {
    let mut pod = pods::pod(namespace, annotations, &json!({}));
    // Keeps the Pod in view until it was looked at.
    pod["metadata"]["finalizers"] = json!(["sidebox.test/seen"]);
    world.apply(&pod);
    world.until(namespace, ("pod", "app"), "the application runs", |pod| {
        pods::container(pod, "app")["state"]["running"].is_object()
    });
    // Its host handles signals once it says so.
    world.until(namespace, ("pod", "app"), "all is ready", |pod| {
        let (_, log, _) = world.attempt(namespace, &["logs", "app", "-c", "app"]);
        log.contains("Application started") && pod["status"]["phase"] == "Running"
    });
    let deleted = OffsetDateTime::now_utc();
    world.kubectl(namespace, &["delete", "pod", "app", "--wait=false"]);
    let pod = world.until(namespace, ("pod", "app"), "all containers ended", |pod| {
        containers(pod).all(|status| status["state"]["terminated"].is_object())
    });
    let drop = json!([{"op": "remove", "path": "/metadata/finalizers"}]).to_string();
    let patch = ["patch", "pod", "app", "--type=json", "-p", &drop];
    world.kubectl(namespace, &patch);
    for status in containers(&pod) {
        assert_eq!(
            status["state"]["terminated"]["exitCode"], 0,
            "it ended by itself: {status}"
        );
    }
    let ends = containers(&pod).map(|status| moment(&status["state"]["terminated"]["finishedAt"]));
    let took = ends.max().unwrap() - deleted;
    assert!(
        took < GRACE,
        "{namespace}: {took}, the grace period was over"
    );
    let count = containers(&pod).count();
    let seconds = took.as_seconds_f32().max(0.0);
    println!(
        "{namespace}: {count} containers ended after {seconds:.0} s, as exact as the API's times"
    );
    took
}

/// The statuses of all containers, native toolboxes among them.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["containerStatuses", "initContainerStatuses"];
    let lists = lists.map(|list| pod["status"][list].as_array());
    lists.into_iter().flatten().flatten()
}

/// A time of the API; whole seconds.
fn moment(text: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(text.as_str().unwrap(), &Rfc3339).unwrap()
}
