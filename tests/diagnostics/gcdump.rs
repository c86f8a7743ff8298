//! `sidebox gcdump` on heaps that are known: whole or refused, one at a time, also by Microsoft's name.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use sidebox::diagnostics::heap::{self, Graph, Snapshot, Walk};
use sidebox::diagnostics::ipc::{Level, Provider, SessionConfig};
use sidebox::diagnostics::nettrace::Reader;
use tempfile::TempDir;

use super::cli::{Ran, files, named, run, sidebox, spawn, through};
use super::dotnet::{App, Dotnet, Version, await_some};
use super::runtime;

/// An application with so many orders, and a folder for results.
struct Case {
    app: App,
    folder: TempDir,
    file: PathBuf,
}

impl Case {
    fn new(version: Version, orders: u32) -> Option<Self> {
        let app = Dotnet::find()?
            .app(version, "KnownHeap")
            .arg(orders.to_string())
            .start();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("h.gcdump");
        Some(Self { app, folder, file })
    }

    fn tool(&self, mut command: Command, words: &[&str]) -> Command {
        command.env("TMPDIR", self.app.tmp()).args(words);
        command.arg("-p").arg(self.app.pid().to_string());
        command
    }

    fn collect(&self) -> Command {
        let mut command = self.tool(sidebox(), &["gcdump", "collect"]);
        command.arg("-o").arg(&self.file);
        command
    }

    fn graph(&self) -> Graph {
        heap::read(File::open(&self.file).unwrap()).unwrap()
    }

    fn is_whole(&self, ran: &Ran, orders: usize) {
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(ran.out, format!("{}\n", self.file.display()));
        assert_eq!(count(&self.graph(), "KnownHeap.Order"), orders);
    }
}

/// How many objects of a type there are.
fn count(graph: &Graph, name: &str) -> usize {
    let is = |kind: usize| &*graph.types()[kind].name == name;
    graph.nodes().filter(|node| is(node.kind)).count()
}

#[test]
fn a_known_heap_is_there_whole_with_what_keeps_it() {
    for version in Version::ALL {
        let Some(case) = Case::new(version, 20_000) else {
            return;
        };
        let ran = run(&mut case.collect());
        case.is_whole(&ran, 20_000);
        assert!(
            ran.err.contains("the application stood still for "),
            "{}",
            ran.err
        );
        let graph = case.graph();
        assert_eq!(count(&graph, "KnownHeap.Customer"), 1);
        assert_eq!(graph.unknown_types(), 0);
        // Every order points at the customer, and the static variable at the array of all.
        let customer = graph
            .nodes()
            .position(|node| &*graph.types()[node.kind].name == "KnownHeap.Customer")
            .unwrap();
        let customer = i32::try_from(customer).unwrap();
        let mut points = 0;
        for node in graph.nodes() {
            let kind = &graph.types()[node.kind];
            let mut children = node.children.clone();
            match &*kind.name {
                "KnownHeap.Order" => points += usize::from(children.any(|child| child == customer)),
                "[static var KnownHeap.Order[].orders]" => {
                    let array = usize::try_from(children.next().unwrap()).unwrap();
                    assert_eq!(graph.node(array).unwrap().children.count(), 20_000);
                }
                _ => {}
            }
        }
        assert_eq!(points, 20_000);
        assert_eq!(count(&graph, "[static var KnownHeap.Order[].orders]"), 1);
        let order = graph
            .types()
            .iter()
            .find(|kind| &*kind.name == "KnownHeap.Order")
            .unwrap();
        assert!(order.module.as_deref().unwrap().ends_with("/KnownHeap.dll"));
    }
}

#[test]
fn a_report_of_a_process_is_that_of_its_file_with_the_references() {
    for version in Version::ALL {
        let Some(case) = Case::new(version, 5_000) else {
            return;
        };
        let ran = run(&mut case.tool(sidebox(), &["gcdump", "report", "-t", "sums"]));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(ran.out.contains("  Total references\n"), "{}", ran.out);
        let row = "        160,000     5,000  KnownHeap.Order  [KnownHeap.dll]\n";
        assert!(ran.out.contains(row), "{}", ran.out);
        run(&mut case.collect());
        let mut report = sidebox();
        report
            .args(["gcdump", "report", "--report-type", "HeapStat"])
            .arg(&case.file);
        let ran = run(&mut report);
        let row = "             32     5,000  KnownHeap.Order  [KnownHeap.dll]\n";
        assert!(
            ran.out.contains(row) && !ran.out.contains("references"),
            "{}",
            ran.out
        );
    }
}

#[test]
fn a_recorded_stream_converts_to_the_same_heap() {
    for version in Version::ALL {
        let Some(case) = Case::new(version, 5_000) else {
            return;
        };
        let stream = case.folder.path().join("h.nettrace");
        let mut trace = case.tool(sidebox(), &["trace", "collect", "--duration", "2s"]);
        trace.args([
            "--providers",
            "Microsoft-Windows-DotNETRuntime:0x1980001:5",
            "-o",
        ]);
        let traced = run(trace.arg(&stream));
        assert_eq!(traced.code, Some(0), "{}", traced.err);
        let mut convert = named(&case.folder, "dotnet-gcdump");
        let ran = run(convert.arg("convert").arg(&stream));
        case.is_whole(&ran, 5_000);
    }
}

#[test]
fn a_runtime_that_dials_the_tool_is_walked_too() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let folder = TempDir::new().unwrap();
        let port = folder.path().join("diagnostics.sock");
        let ports = format!("{},connect,nosuspend", port.display());
        let app = dotnet.app(version, "KnownHeap").arg("5000");
        let _app = app.env("DOTNET_DiagnosticPorts", ports).start();
        let mut report = sidebox();
        report.args(["gcdump", "report", "-t", "sums", "--diagnostic-port"]);
        let ran = run(report.arg(&port));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let row = "        160,000     5,000  KnownHeap.Order  [KnownHeap.dll]\n";
        assert!(ran.out.contains(row), "{}", ran.out);
        assert!(files(folder.path(), "lock").is_empty() && !port.exists());
    }
}

#[test]
fn what_did_not_fit_is_refused_and_leaves_no_file() {
    for version in Version::ALL {
        let Some(case) = Case::new(version, 200_000) else {
            return;
        };
        let ran = run(case.collect().args(["--buffersize", "1"]));
        assert_eq!(ran.code, Some(1));
        assert!(ran.err.contains("would have holes"), "{}", ran.err);
        assert!(files(case.folder.path(), "gcdump").is_empty());
        // With a buffer of its own choice it is whole at once.
        let ran = run(&mut case.collect());
        case.is_whole(&ran, 200_000);
        assert!(!ran.err.contains("again"), "{}", ran.err);
    }
}

#[test]
fn a_file_that_takes_no_more_is_an_error_and_goes() {
    let Some(case) = Case::new(Version::Net8, 5_000) else {
        return;
    };
    let mut collect = case.tool(
        through(&["prlimit", "--fsize=20000"]),
        &["gcdump", "collect"],
    );
    let ran = run(collect.arg("-o").arg(&case.file));
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("cannot write "), "{}", ran.err);
    assert!(files(case.folder.path(), "gcdump").is_empty());
}

#[test]
fn two_at_a_time_are_one_heap_and_one_refusal() {
    let Some(case) = Case::new(Version::Net10, 200_000) else {
        return;
    };
    let mut first = spawn(&mut case.collect());
    let lock = || {
        let found = fs::read_dir(case.app.tmp()).unwrap();
        let mut names = found.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.find(|name| name.starts_with(".sidebox-gcdump-"))
    };
    await_some(lock, || "no lock".to_owned());
    let second = run(&mut case.tool(sidebox(), &["gcdump", "report"]));
    assert_eq!(second.code, Some(1), "{}", second.out);
    assert!(
        second.err.contains("another `gcdump` of this process"),
        "{}",
        second.err
    );
    assert!(first.wait().unwrap().success());
    assert_eq!(count(&case.graph(), "KnownHeap.Order"), 200_000);
    assert_eq!(lock(), None);
}

#[test]
fn a_walk_that_another_tool_spoils_is_refused() {
    let Some(case) = Case::new(Version::Net10, 1_000) else {
        return;
    };
    // Another tool's session with the names of types, which has them all by now and is still open.
    let name = "Microsoft-Windows-DotNETRuntime";
    let provider = Provider::new(name, 0x0198_0001, Level::Verbose).unwrap();
    let mut other = runtime(&case.app)
        .collect(&SessionConfig::new(vec![provider]).unwrap())
        .unwrap();
    let mut reader = Reader::new(&mut other).unwrap();
    let mut snapshot = Snapshot::new(1 << 30);
    while snapshot.walk() != Walk::Done {
        snapshot
            .take_event(&reader.next().unwrap().unwrap())
            .unwrap();
    }
    let ran = run(&mut case.collect());
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.err.contains("another tool walked the heap"),
        "{}",
        ran.err
    );
    drop(other);
    let ran = run(&mut case.collect());
    case.is_whole(&ran, 1_000);
}

#[test]
fn an_application_that_is_killed_or_frozen_gives_no_half_of_a_heap() {
    let Some(mut case) = Case::new(Version::Net8, 400_000) else {
        return;
    };
    case.app.signal("STOP");
    let ran = run(case.collect().args(["--timeout", "2"]));
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    case.app.signal("CONT");
    let child = spawn(&mut case.collect());
    case.app.kill();
    let ran = super::cli::finish(child);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(files(case.folder.path(), "gcdump").is_empty());
}

#[test]
fn the_name_of_microsofts_tool_means_its_manners() {
    let Some(case) = Case::new(Version::Net10, 1_000) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let mut command = case.tool(named(&folder, "dotnet-gcdump"), &["collect", "-v"]);
    command.arg("--output").arg(case.folder.path().join("h"));
    case.is_whole(&run(&mut command), 1_000);
    case.is_whole(&run(&mut command), 1_000);
    // Our own name asks before it replaces.
    let ran = run(&mut case.collect());
    assert!(ran.err.contains("--force replaces it"), "{}", ran.err);
    let folder = TempDir::new().unwrap();
    let ran = run(named(&folder, "dotnet-gcdump").args(["collect", "--dsrouter", "ios"]));
    assert!(ran.err.contains("the image toolbox-dotnet"), "{}", ran.err);
}
