//! How is the chart rendered? By helm itself, which the launcher of the tests builds. Must not know what comes out.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::launch;
use crate::objects::{self, at};

/// The oldest Kubernetes that the chart is for; what is committed is rendered for it.
const OLDEST: &str = "1.30.0";

/// What a command prints; whatever it says on failure fails the test.
pub(crate) fn output(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

/// What a command says when it refuses.
pub(crate) fn refusal(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(!done.status.success(), "{command:?} did not fail");
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// helm, with a home of its own, so that a person's plugins and repositories play no part.
pub(crate) fn helm() -> Command {
    static PROGRAM: OnceLock<(PathBuf, TempDir)> = OnceLock::new();
    let (program, home) = PROGRAM.get_or_init(|| {
        let path = output(launch("tool").arg("helm"));
        (PathBuf::from(path.trim_end()), TempDir::new().unwrap())
    });
    let mut helm = Command::new(program);
    helm.env("HOME", home.path());
    for part in ["CACHE", "CONFIG", "DATA"] {
        helm.env(format!("HELM_{part}_HOME"), home.path().join(part));
    }
    helm
}

/// The folder of the chart.
pub(crate) fn chart() -> PathBuf {
    at("deploy/chart/sidebox")
}

/// `helm template` with files of deploy/values and with `--set` of each of `sets`.
pub(crate) fn template(values: &[&str], sets: &[&str]) -> String {
    output(&mut templating(values, sets))
}

/// The same as a command, for what must fail.
pub(crate) fn templating(values: &[&str], sets: &[&str]) -> Command {
    let mut helm = helm();
    helm.args(["template", "sidebox"]).arg(chart());
    helm.args(["--namespace", "sidebox", "--kube-version", OLDEST]);
    for file in values {
        helm.arg("--values")
            .arg(at("deploy/values").join(format!("{file}.yaml")));
    }
    for set in sets {
        helm.args(["--set", set]);
    }
    helm
}

/// The rendered objects.
pub(crate) fn objects(values: &[&str], sets: &[&str]) -> Vec<Value> {
    objects::read(&template(values, sets))
}
