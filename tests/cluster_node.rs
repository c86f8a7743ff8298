//! Does a node of the launcher keep its promises: containers that run, one node on a machine, a start after everything was
//! killed, and nothing left behind? Must not know Sidebox itself.
//!
//! `make e2e` runs it, as root; plain `cargo test` does not.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod cluster;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use cluster::{Cluster, Level, kubectl, launch, output, refusal};
use tempfile::TempDir;

/// Traces of nodes on this machine, by witnesses that are not the launcher.
fn traces() -> Vec<String> {
    let mut found = Vec::new();
    for name in names("/sys/class/net") {
        if name.starts_with("sidebox") || name.starts_with("veth") || name == "pods0" {
            found.push(format!("interface {name}"));
        }
    }
    for folder in [PathBuf::from("/sys/fs/cgroup")]
        .into_iter()
        .chain(names("/sys/fs/cgroup").map(|name| Path::new("/sys/fs/cgroup").join(name)))
    {
        if folder.join("sidebox-node").exists() {
            found.push(format!("cgroup {}", folder.display()));
        }
    }
    for pid in names("/proc").filter(|name| name.parse::<u32>().is_ok()) {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let marks = [
            "keeper.py",
            "--hostname-override=node",
            "node/containerd.toml",
            "/pause",
        ];
        if marks.iter().any(|mark| line.contains(mark)) || line.contains("containerd-shim") {
            found.push(format!("process {pid}: {line}"));
        }
    }
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let own = |line: &&str| line.contains("kubelet") || line.contains("io.containerd");
    found.extend(
        mounts
            .lines()
            .filter(own)
            .map(|line| format!("mount {line}")),
    );
    let rules = Command::new("nft").args(["list", "tables"]).output();
    let rules = rules.map(|done| String::from_utf8(done.stdout).unwrap());
    let tables = rules.unwrap_or_default();
    let own = tables.lines().filter(|line| line.contains("kube-proxy"));
    found.extend(own.map(|line| format!("firewall {line}")));
    let fences = output(Command::new("ip").args(["route", "show", "type", "unreachable"]));
    found.extend(fences.lines().map(|line| format!("route {line}")));
    found
}

fn names(folder: &str) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
}

/// Waits for the kernel, which ends what nobody ends any more.
fn await_nothing_runs() {
    let deadline = Instant::now() + Duration::from_mins(1);
    let kernels = ["process", "interface"];
    let there = || {
        let mut all = traces().into_iter();
        all.find(|trace| kernels.iter().any(|kind| trace.starts_with(kind)))
    };
    while let Some(trace) = there() {
        assert!(Instant::now() < deadline, "still there: {trace}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The kernel's settings that a kubelet changes.
fn settings() -> Vec<String> {
    let names = [
        "vm/overcommit_memory",
        "kernel/panic",
        "kernel/panic_on_oops",
        "fs/inotify/max_user_instances",
    ];
    names
        .map(|name| fs::read_to_string(format!("/proc/sys/{name}")).unwrap())
        .into()
}

/// A Pod that runs, and answers to the kubelet.
fn run_pod(mut kubectl: impl FnMut() -> Command) {
    let image = "--image=sidebox.test/pause:1";
    output(kubectl().args(["run", "probe", image]));
    output(kubectl().args([
        "wait",
        "--for=condition=Ready",
        "pod/probe",
        "--timeout=120s",
    ]));
    assert_eq!(output(kubectl().args(["logs", "probe"])), "");
}

#[test]
#[ignore = "starts nodes: make e2e"]
fn one_after_the_other_and_nothing_is_left() {
    if traces() != Vec::<String>::new() {
        // Of a node that was killed, which the next one tidies up after.
        assert!(Cluster::start(Level::Node, &[]).end());
    }
    assert_eq!(traces(), Vec::<String>::new(), "no other node runs here");
    let before = settings();
    let mut cluster = Cluster::start(Level::Node, &[]);
    run_pod(|| cluster.kubectl());
    assert_ne!(
        traces(),
        Vec::<String>::new(),
        "the witnesses see a node that runs"
    );

    let other = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let refused = refusal(
        launch("up")
            .args(["--level", "3", "--dir"])
            .arg(other.path()),
    );
    assert!(refused.contains("runs already, in"), "{refused}");
    assert!(
        refused.contains(cluster.folder().to_str().unwrap()),
        "{refused}"
    );

    // Killed with a Pod that runs: the kernel ends the processes, and the next start tidies up the rest.
    cluster.kill_launcher();
    await_nothing_runs();
    // A client that lives on must not look for the node in the machine's own network.
    for gone in ["10.243.77.1", "10.243.77.2", "10.244.77.5", "10.245.77.1"] {
        let said = refusal(Command::new("ip").args(["route", "get", gone]));
        assert!(said.contains("No route to host"), "{said}");
    }
    output(
        launch("up")
            .args(["--level", "3", "--dir"])
            .arg(other.path()),
    );
    run_pod(|| kubectl(other.path()));
    output(launch("status").arg("--dir").arg(other.path()));
    let ended = output(launch("down").arg("--dir").arg(other.path()));
    assert!(ended.contains("kubelet"), "{ended}");
    assert!(ended.contains("containerd"), "{ended}");
    assert_eq!(traces(), Vec::<String>::new());
    assert_eq!(
        settings(),
        before,
        "the machine's settings are what they were"
    );
    assert!(other.path().join("logs/kubelet.log").exists());
}
