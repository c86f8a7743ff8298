//! The application freezes, is killed or starts anew while its counters are collected or its heap is walked: the tool ends,
//! leaves what is whole or nothing, and the next call finds the application as it is then.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::case::Case;
use super::counters::{self, await_values, events};
use super::dotnet::{App, Dotnet, Version, await_some};
use super::gcdump::{self, count, known};
use super::tool::{files, finish, run, sidebox, signal, spawn};

/// So many that a walk takes longer than to see that it has begun.
const MANY: u32 = 1_000_000;

/// Waits until a walk of the heap has its turn.
fn await_turn(folder: &Path) {
    let has = || {
        let found = fs::read_dir(folder).unwrap();
        let mut names = found.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.find(|name| name.starts_with(".sidebox-gcdump-"))
    };
    await_some(has, || "no walk begins".to_owned());
}

#[test]
fn a_heap_of_an_application_that_freezes_is_refused_and_there_when_it_thaws() {
    let Some(case) = known(Version::Net10, MANY) else {
        return;
    };
    let child = spawn(gcdump::collect(&case).args(["--timeout", "2"]));
    await_turn(case.app.tmp());
    case.app.freeze();
    let ran = finish(child);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(files(case.folder.path(), "gcdump").is_empty());
    assert!(files(case.folder.path(), "part").is_empty());
    case.app.signal("CONT");
    // What was left of the first walk may still be on its way.
    let walked = || (run(&mut gcdump::collect(&case)).code == Some(0)).then_some(());
    await_some(walked, || "no heap after the thaw".to_owned());
    let orders = count(&gcdump::graph(&case), "KnownHeap.Order");
    assert_eq!(orders, MANY as usize);
}

#[test]
fn a_heap_of_an_application_that_is_killed_is_none() {
    for version in Version::ALL {
        let Some(mut case) = known(version, MANY) else {
            return;
        };
        let child = spawn(&mut gcdump::collect(&case));
        await_turn(case.app.tmp());
        case.app.kill();
        let ran = finish(child);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(files(case.folder.path(), "gcdump").is_empty());
        assert!(files(case.folder.path(), "part").is_empty());
        assert!(files(case.app.tmp(), "lock").is_empty());
    }
}

#[test]
fn counters_of_an_application_that_freezes_go_on_when_it_thaws() {
    for version in Version::ALL {
        let Some(case) = Case::hello(version, "c.json") else {
            return;
        };
        let child = counters::collecting(&case);
        case.app.freeze();
        let before = events(&case.file).len();
        case.app.signal("CONT");
        let more = || (events(&case.file).len() > before + 27).then_some(());
        await_some(more, || "no values after the thaw".to_owned());
        signal(&child, "INT");
        case.is_done(&finish(child));
    }
}

/// An application that dials the port; after a restart another one does.
fn dialling(dotnet: &Dotnet, version: Version, port: &Path) -> App {
    let ports = format!("{},connect,nosuspend", port.display());
    let app = dotnet.app(version, "KnownHeap").arg("5000");
    app.env("DOTNET_DiagnosticPorts", ports).start()
}

fn tool(words: &[&str], port: &Path, file: &Path) -> Command {
    let mut tool = sidebox();
    tool.args(words).arg("--diagnostic-port").arg(port);
    tool.arg("-o").arg(file);
    tool
}

#[test]
fn a_restart_ends_the_one_run_and_the_next_has_its_own() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let folder = TempDir::new().unwrap();
        let at = |name| folder.path().join(name);
        let port = at("diagnostics.sock");
        let collect = ["counters", "collect", "--format", "json"];
        let first = dialling(&dotnet, version, &port);
        let child = spawn(&mut tool(&collect, &port, &at("first.json")));
        let child = await_values(child, &at("first.json"));
        drop(first);
        let second = dialling(&dotnet, version, &port);
        let ran = finish(child);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains("ended before it was time"), "{}", ran.err);
        assert!(!events(&at("first.json")).is_empty());

        let mut again = tool(&collect, &port, &at("second.json"));
        let ran = run(again.args(["--duration", "4s"]));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(ran.err.contains(&format!("process {}", second.pid())));
        assert!(!events(&at("second.json")).is_empty());
        let ran = run(&mut tool(&["gcdump", "collect"], &port, &at("h.gcdump")));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        drop(second);
        let third = dialling(&dotnet, version, &port);
        let mut walk = tool(&["gcdump", "collect", "--force"], &port, &at("h.gcdump"));
        let ran = run(&mut walk);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        drop(third);
    }
}
