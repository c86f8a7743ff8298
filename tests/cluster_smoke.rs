//! Does the launcher of tests/cluster keep its promises: a real cluster that starts side by side with others,
//! starts again whatever was killed, and leaves no process? Must not know Sidebox itself.
//!
//! `make cluster-smoke` runs it; plain `cargo test` does not, since it starts clusters.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod cluster;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cluster::{Cluster, Level, kubectl, launch};
use tempfile::TempDir;

/// Runs a command that must succeed; returns its standard output.
fn output(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{command:?} ended with {}: {errors}",
        done.status
    );
    String::from_utf8(done.stdout).unwrap()
}

/// Runs a command that must fail; returns its standard error.
fn refusal(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(!done.status.success(), "{command:?} was expected to fail");
    String::from_utf8(done.stderr).unwrap()
}

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
        [7, 7],
        "launcher and six programs"
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

#[test]
#[ignore = "starts a cluster: make cluster-smoke"]
fn starts_again_after_everything_was_killed() {
    let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = place.path().join("cluster");
    let policy = place.path().join("policy.yaml");
    fs::write(
        &policy,
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n",
    )
    .unwrap();
    let call = |command: &str| {
        let mut call = launch(command);
        call.arg("--dir").arg(&folder);
        call
    };
    let up = || {
        output(
            call("up")
                .args(["--level", "2"])
                .arg("--audit-policy")
                .arg(&policy),
        )
    };

    up();
    let first = processes(&folder);
    assert_eq!(first.len(), 6);
    up();
    assert_eq!(processes(&folder), first, "a second start finds the first");
    let refused = refusal(call("up").args(["--level", "1"]));
    assert!(refused.contains("another cluster runs in"), "{refused}");
    assert_eq!(
        fs::read_to_string(folder.join("logs/audit.log")).unwrap(),
        "",
        "our policy logs nothing"
    );

    output(kubectl(&folder).args(["create", "namespace", "before"]));
    output(
        Command::new("kill")
            .arg("-9")
            .args(first.iter().map(u32::to_string)),
    );
    await_no_process(&folder);
    assert!(refusal(&mut call("status")).contains("no ready cluster"));
    up();
    assert!(output(&mut call("status")).contains("kube-scheduler: running"));
    let missing = refusal(kubectl(&folder).args(["get", "namespace", "before"]));
    assert!(
        missing.contains("NotFound"),
        "a start begins empty: {missing}"
    );

    let ended = output(&mut call("down"));
    assert_eq!(
        ended,
        "ended kwok, kube-scheduler, kube-controller-manager, kube-apiserver, etcd\n"
    );
    assert_eq!(processes(&folder), Vec::<u32>::new());
    assert!(output(&mut call("down")).starts_with("nothing runs in"));
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
    assert_eq!(processes(&place), Vec::<u32>::new());
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
    let deadline = Instant::now() + Duration::from_mins(30);
    while !place.path().join("cluster.json").exists() {
        assert!(
            Instant::now() < deadline && launcher.try_wait().unwrap().is_none(),
            "not ready"
        );
        thread::sleep(Duration::from_millis(50));
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(launcher.wait().unwrap().success());
    assert_eq!(processes(place.path()), Vec::<u32>::new());
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
