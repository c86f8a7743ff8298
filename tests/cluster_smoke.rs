//! Does the launcher of tests/cluster keep its promises: a real cluster that starts side by side with others,
//! starts again whatever was killed, and leaves no process? Must not know Sidebox itself.
//!
//! `make cluster-smoke` runs it; plain `cargo test` does not, since it starts clusters.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod cluster;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cluster::{Cluster, Level, kubectl, launch, output, refusal};
use tempfile::TempDir;

const NONE: Vec<u32> = Vec::new();

/// The living processes whose command line names a folder: a witness that is not the launcher.
fn processes(folder: &Path) -> Vec<u32> {
    let name = folder.to_str().unwrap();
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .parse::<u32>()
            .ok()
    });
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(name)
    })
    .collect()
}

/// Waits for an end that nobody waits for: the kernel's or a stranger's.
fn await_no_process(folder: &Path) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !processes(folder).is_empty() {
        assert!(
            Instant::now() < deadline,
            "still running: {:?}",
            processes(folder)
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for a file that another process makes; the first start on a machine builds Kubernetes before.
fn await_file(file: &Path) {
    let deadline = Instant::now() + Duration::from_mins(30);
    while !file.exists() {
        assert!(
            Instant::now() < deadline,
            "{} does not appear",
            file.display()
        );
        thread::sleep(Duration::from_millis(10));
    }
}

fn dry_run(cluster: &Cluster, namespace: &str, show: &str) -> Command {
    let mut kubectl = cluster.kubectl();
    kubectl.args([
        "run",
        "probe",
        "--image=example.test/probe",
        "--dry-run=server",
        "-n",
        namespace,
    ]);
    kubectl.args(["-o", &format!("jsonpath={show}")]);
    kubectl
}

fn deploy(cluster: &Cluster, name: &str) {
    let image = "--image=example.test/web";
    output(
        cluster
            .kubectl()
            .args(["create", "deployment", name, image, "--replicas=3"]),
    );
    let deployment = format!("deployment/{name}");
    output(cluster.kubectl().args([
        "wait",
        "--for=condition=Available",
        &deployment,
        "--timeout=60s",
    ]));
}

#[test]
#[ignore = "starts a cluster: make cluster-smoke"]
fn level_one_admits_as_a_real_server() {
    let seconds = "--apiserver-arg=--default-not-ready-toleration-seconds=7";
    let cluster = Cluster::start(Level::ApiServer, &[seconds]);

    let account = "{.spec.serviceAccountName}";
    assert_eq!(
        output(&mut dry_run(&cluster, "default", account)),
        "default"
    );
    let toleration = "{.spec.tolerations[0].tolerationSeconds}";
    assert_eq!(
        output(&mut dry_run(&cluster, "default", toleration)),
        "7",
        "extra arguments are passed on"
    );

    output(cluster.kubectl().args(["create", "namespace", "team"]));
    let refused = refusal(&mut dry_run(&cluster, "team", account));
    assert!(
        refused.contains("serviceaccount \"default\" not found"),
        "{refused}"
    );
    output(
        cluster
            .kubectl()
            .args(["create", "serviceaccount", "default", "-n", "team"]),
    );
    assert_eq!(output(&mut dry_run(&cluster, "team", account)), "default");

    let audit = fs::read_to_string(cluster.audit_log()).unwrap();
    let created = audit
        .lines()
        .filter(|line| line.contains("\"requestObject\":{\"kind\":\"Pod\""));
    assert_eq!(
        created.count(),
        4,
        "each dry run is in the audit log with its body"
    );
}

#[test]
#[ignore = "starts two clusters: make cluster-smoke"]
fn level_two_runs_deployments_side_by_side() {
    let (left, right) = thread::scope(|scope| {
        let left = scope.spawn(|| Cluster::start(Level::Workloads, &[]));
        let right = scope.spawn(|| Cluster::start(Level::Workloads, &["--nodes", "2"]));
        (left.join().unwrap(), right.join().unwrap())
    });
    deploy(&left, "one");
    deploy(&right, "two");

    let nodes =
        output(
            left.kubectl()
                .args(["get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"]),
        );
    assert_eq!(nodes, "fake-0 fake-0 fake-0");
    let names = |cluster: &Cluster| {
        output(
            cluster
                .kubectl()
                .args(["get", "deployments,nodes", "-o", "name"]),
        )
    };
    assert_eq!(names(&left), "deployment.apps/one\nnode/fake-0\n");
    assert_eq!(
        names(&right),
        "deployment.apps/two\nnode/fake-0\nnode/fake-1\n"
    );

    let folders = [left.folder().to_path_buf(), right.folder().to_path_buf()];
    assert_eq!(
        folders.each_ref().map(|folder| processes(folder).len()),
        [6, 6],
        "launcher and five programs"
    );
    drop((left, right));
    assert_eq!(
        folders.each_ref().map(|folder| processes(folder).len()),
        [0, 0]
    );
    assert!(
        folders.iter().all(|folder| !folder.exists()),
        "nothing is left of a test that passed"
    );
}

/// A folder whose cluster outlives the launcher that started it, but not this value.
struct Place {
    root: TempDir,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let folder = root.path().join("cluster");
        Self { root, folder }
    }

    fn launch(&self, command: &str, arguments: &[&str]) -> Command {
        let mut launch = launch(command);
        launch.arg("--dir").arg(&self.folder).args(arguments);
        launch
    }

    fn down(&self) -> String {
        output(&mut self.launch("down", &[]))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.down();
    }
}

#[test]
#[ignore = "starts a cluster: make cluster-smoke"]
fn a_second_start_finds_the_first() {
    let place = Place::new();
    let policy = place.root.path().join("policy.yaml");
    let nothing = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n";
    fs::write(&policy, nothing).unwrap();
    let wishes = ["--level", "1", "--audit-policy", policy.to_str().unwrap()];

    let kubeconfig = output(&mut place.launch("up", &wishes));
    let first = processes(&place.folder);
    assert_eq!(first.len(), 2);
    assert_eq!(output(&mut place.launch("up", &wishes)), kubeconfig);
    assert_eq!(processes(&place.folder), first);
    let refused = refusal(&mut place.launch("up", &["--level", "2"]));
    assert!(refused.contains("another cluster runs in"), "{refused}");
    let audit = fs::read_to_string(place.folder.join("logs/audit.log")).unwrap();
    assert_eq!(audit, "", "the given policy logs nothing");
}

#[test]
#[ignore = "starts a cluster: make cluster-smoke"]
fn starts_again_after_everything_was_killed() {
    let place = Place::new();
    output(&mut place.launch("up", &["--level", "2"]));
    output(kubectl(&place.folder).args(["create", "namespace", "before"]));
    let first = processes(&place.folder);
    assert_eq!(first.len(), 5);
    output(
        Command::new("kill")
            .arg("-9")
            .args(first.iter().map(u32::to_string)),
    );
    await_no_process(&place.folder);
    let refused = refusal(&mut place.launch("status", &[]));
    assert!(refused.contains("no ready cluster"), "{refused}");

    output(&mut place.launch("up", &["--level", "2"]));
    assert!(output(&mut place.launch("status", &[])).contains("kube-scheduler: running"));
    let missing = refusal(kubectl(&place.folder).args(["get", "namespace", "before"]));
    assert!(
        missing.contains("NotFound"),
        "a start begins empty: {missing}"
    );

    let all = "ended kwok, kube-scheduler, kube-controller-manager, kube-apiserver, etcd\n";
    assert_eq!(place.down(), all);
    assert_eq!(processes(&place.folder), NONE);
    assert!(place.down().starts_with("nothing runs in"));
}

#[test]
#[ignore = "starts a cluster: make cluster-smoke"]
fn an_interrupted_start_leaves_nothing() {
    let place = Place::new();
    let refused = refusal(&mut place.launch("up", &["--apiserver-arg=--no-such-flag"]));
    assert!(
        refused.contains("kube-apiserver ended while it started"),
        "{refused}"
    );
    assert!(
        refused.contains("unknown flag: --no-such-flag"),
        "{refused}"
    );
    assert_eq!(processes(&place.folder), NONE, "a failed start cleans up");

    let mut up = place.launch("up", &["--level", "1"]).spawn().unwrap();
    await_file(&place.folder.join("pids/kube-apiserver"));
    up.kill().unwrap();
    up.wait().unwrap();
    assert_eq!(
        place.down(),
        "ended kube-apiserver, etcd\n",
        "what a killed start left is known"
    );
    assert_eq!(processes(&place.folder), NONE);
}

#[test]
#[ignore = "calls the launcher: make cluster-smoke"]
fn spares_a_process_that_got_the_pid_of_ours() {
    let place = Place::new();
    let mut stranger = Command::new("sleep").arg("infinity").spawn().unwrap();
    fs::create_dir_all(place.folder.join("pids")).unwrap();
    fs::write(place.folder.join(".lock"), "").unwrap();
    fs::write(
        place.folder.join("pids/etcd"),
        format!("{} 1", stranger.id()),
    )
    .unwrap();
    assert!(place.down().starts_with("nothing runs in"));
    assert!(
        stranger.try_wait().unwrap().is_none(),
        "the stranger still runs"
    );
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
#[ignore = "starts clusters: make cluster-smoke"]
fn ends_with_its_test_however_that_ends() {
    let mut place = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let cluster = Cluster::start(Level::ApiServer, &[]);
        place = Some(cluster.folder().to_path_buf());
        assert_eq!(processes(cluster.folder()).len(), 0, "a deliberate failure");
    }));
    assert!(panicked.is_err());
    let place = place.unwrap();
    assert_eq!(processes(&place), NONE);
    assert!(
        place.join("logs/kube-apiserver.log").exists(),
        "the logs of a failure are kept"
    );
    fs::remove_dir_all(&place).unwrap();

    let mut cluster = Cluster::start(Level::ApiServer, &[]);
    cluster.kill_launcher();
    await_no_process(cluster.folder());
}

#[test]
#[ignore = "starts a cluster: make cluster-smoke"]
fn ends_when_the_holder_of_the_pipe_is_killed() {
    let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut holder = Command::new("sleep")
        .arg("infinity")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut launcher = launch("hold")
        .args(["--level", "1", "--dir"])
        .arg(place.path())
        .stdin(holder.stdout.take().unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    await_file(&place.path().join("cluster.json"));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(launcher.wait().unwrap().success());
    assert_eq!(processes(place.path()), NONE);
}

#[test]
#[ignore = "needs the built programs: make cluster-smoke"]
fn refuses_a_folder_that_holds_something_else() {
    let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(place.path().join("thesis.txt"), "years of work").unwrap();
    let refused = refusal(
        launch("up")
            .args(["--level", "1", "--dir"])
            .arg(place.path()),
    );
    assert!(
        refused.contains("neither empty nor the folder of a cluster"),
        "{refused}"
    );
    assert!(place.path().join("thesis.txt").exists());
}
