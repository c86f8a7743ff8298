//! Traces of living processes, read by both tools: ours by dotnet-trace, dotnet-trace's by ours.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::cli::{SIDEBOX, printed, sidebox};
use super::dotnet::{App, Dotnet, Version, await_some};
use super::viewers::{assert_chromium, assert_speedscope};
use super::{MICROSOFT, assert_same};

/// An application and a folder for results.
fn case(version: Version) -> Option<(Dotnet, App, TempDir)> {
    let dotnet = Dotnet::find()?;
    let app = dotnet
        .hello(version)
        .env("PAUSE_MILLISECONDS", "10")
        .start();
    Some((dotnet, app, TempDir::new().unwrap()))
}

#[track_caller]
fn theirs(dotnet: &Dotnet, app: &App, folder: &Path, words: &[&str]) -> String {
    let mut tool = dotnet.dotnet_trace();
    let output = tool
        .args(words)
        .env("TMPDIR", app.tmp())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether our file is that of dotnet-trace but for who wrote it.
#[track_caller]
fn assert_same_file(ours: &Path, theirs: &Path) {
    let exporter = concat!("sidebox@", env!("CARGO_PKG_VERSION"));
    let ours = fs::read_to_string(ours)
        .unwrap()
        .replacen(exporter, MICROSOFT, 1);
    assert_same(ours.as_bytes(), &fs::read(theirs).unwrap());
}

/// What keeps the application busy stands before all others.
#[track_caller]
fn assert_busy_first(folder: &Path, trace: &str) {
    let words = ["trace", "report", trace, "topN", "--view", "cpu"];
    let table = printed(&sidebox(folder, &words));
    let first = table.lines().nth(1).unwrap();
    assert!(first.starts_with("1. PrimeFinder."), "{table}");
}

#[test]
fn ours_is_read_by_dotnet_trace() {
    for version in Version::ALL {
        let Some((dotnet, app, folder)) = case(version) else {
            return;
        };
        let at = folder.path();
        let link = at.join("dotnet-trace");
        std::os::unix::fs::symlink(SIDEBOX, &link).unwrap();
        let pid = app.pid().to_string();
        let words = [
            "collect",
            "-p",
            &pid,
            "--duration",
            "00:00:01",
            "--format",
            "Chromium",
            "-o",
            "trace.json",
        ];
        let output = Command::new(&link)
            .args(words)
            .current_dir(at)
            .output()
            .unwrap();
        assert_eq!(printed(&output), "trace.json\ntrace.chromium.json\n");
        assert!(assert_chromium(&at.join("trace.chromium.json")) > 0);
        assert_busy_first(at, "trace.json");

        let other = at.join("theirs");
        fs::create_dir(&other).unwrap();
        fs::copy(at.join("trace.json"), other.join("trace.nettrace")).unwrap();
        theirs(
            &dotnet,
            &app,
            &other,
            &["convert", "trace.nettrace", "--format", "Chromium"],
        );
        assert_same_file(
            &at.join("trace.chromium.json"),
            &other.join("trace.chromium.json"),
        );
        let table = theirs(&dotnet, &app, &other, &["report", "trace.nettrace", "topN"]);
        assert!(table.contains("Functions (Exclusive)"), "{table}");
    }
}

#[test]
fn theirs_is_read_by_ours() {
    for version in Version::ALL {
        let Some((dotnet, app, folder)) = case(version) else {
            return;
        };
        let at = folder.path();
        let pid = app.pid().to_string();
        let words = [
            "collect",
            "-p",
            &pid,
            "--duration",
            "00:00:00:01",
            "--format",
            "Speedscope",
            "-o",
            "t.nettrace",
        ];
        theirs(&dotnet, &app, at, &words);
        let other = at.join("ours");
        fs::create_dir(&other).unwrap();
        let words = [
            "trace",
            "convert",
            "../t.nettrace",
            "--format",
            "Speedscope",
            "-o",
            "t",
        ];
        printed(&sidebox(&other, &words));
        assert!(assert_speedscope(&other.join("t.speedscope.json")) > 0);
        assert_same_file(
            &other.join("t.speedscope.json"),
            &at.join("t.speedscope.json"),
        );
        assert_busy_first(at, "t.nettrace");
    }
}

/// What was received until then is shown all the same.
#[test]
fn a_killed_application_leaves_a_file_for_the_viewer() {
    let Some((_, mut app, folder)) = case(Version::Net10) else {
        return;
    };
    let at = folder.path();
    let pid = app.pid().to_string();
    let words = [
        "trace",
        "collect",
        "-p",
        &pid,
        "--format",
        "Speedscope",
        "-o",
        "t.nettrace",
    ];
    let child = Command::new(SIDEBOX)
        .args(words)
        .current_dir(at)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let long = || {
        fs::metadata(at.join("t.nettrace"))
            .is_ok_and(|file| file.len() > 300_000)
            .then_some(())
    };
    await_some(long, || "the trace does not grow".to_owned());
    app.kill();
    let output: Output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "t.nettrace\nt.speedscope.json\n"
    );
    assert!(assert_speedscope(&at.join("t.speedscope.json")) > 0);
}
