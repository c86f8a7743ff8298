//! Traces of living processes, read by both tools: ours by dotnet-trace, dotnet-trace's by ours.

use std::fs;
use std::path::Path;

use super::case::Case;
use super::cli::{printed, sidebox};
use super::dotnet::Version;
use super::tool::{self, await_size, finish, named, run, spawn};
use super::viewers::{assert_chromium, assert_speedscope};
use super::{MICROSOFT, assert_same};

/// What dotnet-trace says of the application or of files in a folder.
#[track_caller]
fn theirs(case: &Case, folder: &Path, words: &[&str]) -> String {
    let mut tool = case.dotnet.dotnet_trace();
    tool.args(words).env("TMPDIR", case.app.tmp());
    let ran = run(tool.current_dir(folder));
    assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.err);
    ran.out
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
        let Some(case) = Case::busy(version, "trace.json") else {
            return;
        };
        let at = case.folder.path();
        let words = ["collect", "--duration", "00:00:01", "--format", "Chromium"];
        let ran = run(&mut case.result_of(named(&case.folder, "dotnet-trace"), &words));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let viewed = at.join("trace.chromium.json");
        let told = format!("{}\n{}\n", case.file.display(), viewed.display());
        assert_eq!(ran.out, told);
        assert!(assert_chromium(&viewed) > 0);
        assert_busy_first(at, "trace.json");

        let other = at.join("theirs");
        fs::create_dir(&other).unwrap();
        fs::copy(&case.file, other.join("trace.nettrace")).unwrap();
        let convert = ["convert", "trace.nettrace", "--format", "Chromium"];
        theirs(&case, &other, &convert);
        assert_same_file(&viewed, &other.join("trace.chromium.json"));
        let table = theirs(&case, &other, &["report", "trace.nettrace", "topN"]);
        assert!(table.contains("Functions (Exclusive)"), "{table}");
    }
}

#[test]
fn theirs_is_read_by_ours() {
    for version in Version::ALL {
        let Some(case) = Case::busy(version, "t.nettrace") else {
            return;
        };
        let at = case.folder.path();
        let pid = case.app.pid().to_string();
        let words = ["collect", "-p", &pid, "--duration", "00:00:00:01"];
        let more = ["--format", "Speedscope", "-o", "t.nettrace"];
        theirs(&case, at, &[&words[..], &more].concat());
        let other = at.join("ours");
        fs::create_dir(&other).unwrap();
        let convert = ["trace", "convert", "../t.nettrace", "-o", "t"];
        printed(&sidebox(
            &other,
            &[&convert[..], &["--format", "Speedscope"]].concat(),
        ));
        assert!(assert_speedscope(&other.join("t.speedscope.json")) > 0);
        let file = "t.speedscope.json";
        assert_same_file(&other.join(file), &at.join(file));
        assert_busy_first(at, "t.nettrace");
    }
}

/// What was received until then is shown all the same.
#[test]
fn a_killed_application_leaves_a_file_for_the_viewer() {
    let Some(mut case) = Case::busy(Version::Net10, "t.nettrace") else {
        return;
    };
    let words = ["trace", "collect", "--format", "Speedscope"];
    let child = spawn(&mut case.result_of(tool::sidebox(), &words));
    await_size(&case.file, 300_000);
    case.app.kill();
    let ran = finish(child);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let viewed = case.folder.path().join("t.speedscope.json");
    let told = format!("{}\n{}\n", case.file.display(), viewed.display());
    assert_eq!(ran.out, told);
    assert!(assert_speedscope(&viewed) > 0);
}
