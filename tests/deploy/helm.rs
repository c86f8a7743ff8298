//! How is the chart rendered? By helm itself, which the launcher of the tests builds. Must not know what comes out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

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
    static PROGRAM: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    let (program, home) = PROGRAM.get_or_init(|| {
        let path = output(launch("tool").arg("helm"));
        (PathBuf::from(path.trim_end()), empty_home())
    });
    let mut helm = Command::new(program);
    helm.env("HOME", home);
    for part in ["CACHE", "CONFIG", "DATA"] {
        helm.env(format!("HELM_{part}_HOME"), home.join(part));
    }
    helm
}

/// One folder for all runs: what lives as long as the process is not dropped at its end. What the run before
/// learned of an API server may be wrong for the one that has its port now.
fn empty_home() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helm");
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).unwrap();
    home
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
