//! A private Kubernetes for one test: where is it, and how does it end? Knows the launcher beside this
//! file; must not know what is tested.
//!
//! A test crate says `mod cluster;` and then `Cluster::start(Level::ApiServer, &[])`. The cluster ends when
//! the value is dropped, also by a panic, and when the test process is killed: the launcher ends it as soon
//! as the pipe to its standard input closes.

#![allow(
    dead_code,
    reason = "each test crate that includes this module uses its own part of it"
)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "support of tests: a failure here is a failed test, and is told as one"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::{env, fs, thread};

use tempfile::TempDir;

/// Which programs run (README.md beside this file).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    /// Level 1: etcd and kube-apiserver. Admission is real; nothing makes Pods or service accounts.
    ApiServer,
    /// Level 2: also controller manager, scheduler and kwok's fake nodes. Nothing runs, all looks so.
    Workloads,
    /// Level 3: a real node instead of kwok's; containers run. Needs root, and is alone on its machine.
    Node,
}

/// Names the file of a cluster that is there already (README.md, "On a cluster of your own").
const GIVEN: &str = "SIDEBOX_KUBECONFIG";

/// How an image archive comes into the nodes of such a cluster.
const LOAD: &str = "SIDEBOX_LOAD";

/// Every object of a suite on such a cluster that lies in no namespace carries this label, for its end.
pub(crate) const LABEL: &str = "sidebox-test";

/// A running cluster of this test alone, or one that was given. The folder is kept, with the logs, when the test panics.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// None, if the cluster was given.
    launcher: Option<Child>,
    folder: Option<TempDir>,
    path: PathBuf,
}

impl Cluster {
    /// Starts a cluster and waits until it is ready; the first start on a machine builds Kubernetes (minutes).
    ///
    /// `arguments` are those of `launch hold`, for example `--apiserver-arg=--v=4`.
    ///
    /// # Panics
    /// If the cluster does not get ready; the launcher has then said why on standard error.
    pub(crate) fn start(level: Level, arguments: &[&str]) -> Self {
        let folder = TempDir::with_prefix_in("cluster-", env!("CARGO_TARGET_TMPDIR"))
            .expect("a folder below target/tmp");
        let path = folder.path().to_path_buf();
        let mut launcher = launch("hold")
            .args(["--level", level.number()])
            .arg("--dir")
            .arg(&path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/cluster/launch starts: it needs python3");
        let output = launcher.stdout.take().expect("standard output is piped");
        let cluster = Self {
            launcher: Some(launcher),
            folder: Some(folder),
            path,
        };
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("one line from the launcher");
        assert_eq!(
            Path::new(line.trim_end()),
            cluster.kubeconfig(),
            "the launcher reports readiness"
        );
        cluster
    }

    /// The cluster of `$SIDEBOX_KUBECONFIG` if that is set, else one of this test alone.
    pub(crate) fn given_or_start(level: Level, arguments: &[&str]) -> Self {
        match env::var_os(GIVEN) {
            Some(file) => Self::given(Path::new(&file)),
            None => Self::start(level, arguments),
        }
    }

    fn given(kubeconfig: &Path) -> Self {
        let folder = TempDir::with_prefix_in("given-", env!("CARGO_TARGET_TMPDIR"))
            .expect("a folder below target/tmp");
        let path = folder.path().to_path_buf();
        fs::copy(kubeconfig, path.join("kubeconfig"))
            .unwrap_or_else(|error| panic!("{GIVEN}={}: {error}", kubeconfig.display()));
        let cluster = Self {
            launcher: None,
            folder: Some(folder),
            path,
        };
        cluster.clean();
        cluster
    }

    /// Whether this is somebody's cluster: it has nodes and controllers of its own, and shows no audit log.
    pub(crate) fn is_given(&self) -> bool {
        self.launcher.is_none()
    }

    /// Removes what an earlier suite, or this one, left on a given cluster, and waits until it is gone.
    fn clean(&self) {
        let kinds = "mutatingwebhookconfigurations,namespaces,priorityclasses,runtimeclasses,persistentvolumes";
        let label = format!("{LABEL}=true");
        let mut delete = self.kubectl();
        output(delete.args(["delete", kinds, "-l", &label, "--ignore-not-found"]));
    }

    /// The admin's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path.join("kubeconfig")
    }

    /// The API server's audit log, one JSON event in each line, complete once a request is answered.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.path.join("logs/audit.log")
    }

    /// The cluster's own folder (its parts: launcher/cluster.py).
    pub(crate) fn folder(&self) -> &Path {
        &self.path
    }

    /// The pinned kubectl, as admin of this cluster.
    ///
    /// For a given cluster the machine's own kubectl, with the home that a plugin of the kubeconfig may need.
    pub(crate) fn kubectl(&self) -> Command {
        if !self.is_given() {
            return kubectl(&self.path);
        }
        let mut kubectl = Command::new("kubectl");
        kubectl.env("KUBECONFIG", self.kubeconfig());
        kubectl
    }

    /// Imports image archives: into the node of level 3, or as `$SIDEBOX_LOAD` does it for a given cluster.
    pub(crate) fn load(&self, archives: &[PathBuf]) {
        for archive in archives {
            let mut load = if self.is_given() {
                given_load()
            } else {
                let mut load = launch("load");
                load.arg("--dir").arg(&self.path);
                load
            };
            let loaded = load.arg(archive).status();
            let loaded = loaded.unwrap_or_else(|error| panic!("{load:?}: {error}"));
            assert!(loaded.success(), "{load:?}: {loaded}");
        }
    }

    /// Ends the cluster; the launcher says on standard error what it left behind, and then this is false.
    pub(crate) fn end(mut self) -> bool {
        self.ended().is_none_or(|ended| ended.success())
    }

    /// How the launcher ended, if there is one.
    fn ended(&mut self) -> Option<ExitStatus> {
        let launcher = self.launcher.as_mut()?;
        drop(launcher.stdin.take());
        Some(launcher.wait().expect("the launcher is our child"))
    }

    /// Kills the launcher without a chance to clean up, as the kernel does when memory runs out.
    pub(crate) fn kill_launcher(&mut self) {
        let launcher = self.launcher.as_mut().expect("a cluster of our own");
        launcher.kill().expect("the launcher still runs");
        launcher.wait().expect("the launcher is our child");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let ended = self.ended();
        if self.is_given() {
            self.clean();
        }
        if thread::panicking() {
            let kept = self.folder.take().map(TempDir::keep);
            eprintln!("the cluster's logs are kept: {kept:?}; its launcher: {ended:?}");
        }
    }
}

impl Level {
    fn number(self) -> &'static str {
        match self {
            Self::ApiServer => "1",
            Self::Workloads => "2",
            Self::Node => "3",
        }
    }
}

/// The words of `$SIDEBOX_LOAD`, to which an archive is added.
fn given_load() -> Command {
    let words = env::var(LOAD).unwrap_or_else(|_| {
        panic!("{LOAD} must say how images come into the nodes, such as `kind load image-archive`")
    });
    let mut words = words.split_whitespace();
    let mut load = Command::new(words.next().unwrap_or_default());
    load.args(words);
    load
}

/// One call of the launcher.
pub(crate) fn launch(command: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/launch");
    let mut launch = Command::new(script);
    launch.arg(command);
    launch
}

/// The pinned kubectl, as admin of the cluster of a folder, with its caches there too.
pub(crate) fn kubectl(folder: &Path) -> Command {
    let mut kubectl = Command::new(folder.join("kubectl"));
    kubectl
        .env("HOME", folder)
        .env("KUBECONFIG", folder.join("kubeconfig"));
    kubectl
}

/// Runs a command that must succeed; returns its standard output.
pub(crate) fn output(command: &mut Command) -> String {
    let done = command.output().expect("the command starts");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{command:?} ended with {}: {errors}",
        done.status
    );
    String::from_utf8(done.stdout).expect("output is text")
}

/// Runs a command that must fail; returns its standard error.
pub(crate) fn refusal(command: &mut Command) -> String {
    let done = command.output().expect("the command starts");
    assert!(!done.status.success(), "{command:?} was expected to fail");
    String::from_utf8(done.stderr).expect("errors are text")
}
