//! `sidebox gcdump` on heaps that are known: whole or refused, one at a time, also by Microsoft's name.

use std::fs::{self, File};
use std::process::Command;

use sidebox::diagnostics::heap::{self, Graph, Snapshot, Walk};
use sidebox::diagnostics::ipc::{Level, Provider, SessionConfig};
use sidebox::diagnostics::nettrace::Reader;
use tempfile::TempDir;

use super::case::Case;
use super::dotnet::{Dotnet, Version, await_some};
use super::runtime;
use super::tool::{Ran, files, named, run, sidebox, spawn, through};

/// An application with so many orders.
pub(crate) fn known(version: Version, orders: u32) -> Option<Case> {
    Case::new("h.gcdump", |dotnet| {
        dotnet.app(version, "KnownHeap").arg(orders.to_string())
    })
}

/// A call that writes its heap into the file.
pub(crate) fn collect(case: &Case) -> Command {
    case.result_of(sidebox(), &["gcdump", "collect"])
}

pub(crate) fn graph(case: &Case) -> Graph {
    heap::read(File::open(&case.file).unwrap()).unwrap()
}

#[track_caller]
fn is_walked_whole(case: &Case, ran: &Ran, orders: usize) {
    case.is_done(ran);
    assert_eq!(count(&graph(case), "KnownHeap.Order"), orders);
}

/// How many objects of a type there are.
pub(crate) fn count(graph: &Graph, name: &str) -> usize {
    let is = |kind: usize| &*graph.types()[kind].name == name;
    graph.nodes().filter(|node| is(node.kind)).count()
}

#[test]
fn a_known_heap_is_there_whole_with_what_keeps_it() {
    for version in Version::ALL {
        let Some(case) = known(version, 20_000) else {
            return;
        };
        let ran = run(&mut collect(&case));
        is_walked_whole(&case, &ran, 20_000);
        assert!(
            ran.err.contains("the application stood still for "),
            "{}",
            ran.err
        );
        let graph = graph(&case);
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
        let Some(case) = known(version, 5_000) else {
            return;
        };
        let ran = run(&mut case.tool(sidebox(), &["gcdump", "report", "-t", "sums"]));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(ran.out.contains("  Total references\n"), "{}", ran.out);
        let row = "        160,000     5,000  KnownHeap.Order  [KnownHeap.dll]\n";
        assert!(ran.out.contains(row), "{}", ran.out);
        run(&mut collect(&case));
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
        let Some(case) = known(version, 5_000) else {
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
        is_walked_whole(&case, &ran, 5_000);
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
        let Some(case) = known(version, 200_000) else {
            return;
        };
        let ran = run(collect(&case).args(["--buffersize", "1"]));
        assert_eq!(ran.code, Some(1));
        assert!(ran.err.contains("would have holes"), "{}", ran.err);
        assert!(files(case.folder.path(), "gcdump").is_empty());
        // With a buffer of its own choice it is whole at once.
        let ran = run(&mut collect(&case));
        is_walked_whole(&case, &ran, 200_000);
        assert!(!ran.err.contains("again"), "{}", ran.err);
    }
}

#[test]
fn a_file_that_takes_no_more_is_an_error_and_goes() {
    let Some(case) = known(Version::Net8, 5_000) else {
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
    let Some(case) = known(Version::Net10, 200_000) else {
        return;
    };
    let mut first = spawn(&mut collect(&case));
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
    assert_eq!(count(&graph(&case), "KnownHeap.Order"), 200_000);
    assert_eq!(lock(), None);
}

#[test]
fn a_walk_that_another_tool_spoils_is_refused() {
    let Some(case) = known(Version::Net10, 1_000) else {
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
    let ran = run(&mut collect(&case));
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.err.contains("another tool walked the heap"),
        "{}",
        ran.err
    );
    drop(other);
    let ran = run(&mut collect(&case));
    is_walked_whole(&case, &ran, 1_000);
}

#[test]
fn an_old_heap_stays_until_there_is_a_new_one() {
    let Some(case) = known(Version::Net10, 200_000) else {
        return;
    };
    fs::write(&case.file, "years of work").unwrap();
    let ran = run(collect(&case).args(["--force", "--buffersize", "1"]));
    assert_eq!(ran.code, Some(1));
    assert_eq!(case.bytes(), b"years of work");
    assert!(files(case.folder.path(), "part").is_empty());
    let ran = run(collect(&case).arg("--force"));
    is_walked_whole(&case, &ran, 200_000);
}

#[test]
fn the_name_of_microsofts_tool_means_its_manners() {
    let Some(case) = known(Version::Net10, 1_000) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let mut command = case.tool(named(&folder, "dotnet-gcdump"), &["collect", "-v"]);
    command.arg("--output").arg(case.folder.path().join("h"));
    is_walked_whole(&case, &run(&mut command), 1_000);
    is_walked_whole(&case, &run(&mut command), 1_000);
    // Our own name asks before it replaces.
    let ran = run(&mut collect(&case));
    assert!(ran.err.contains("--force replaces it"), "{}", ran.err);
    let folder = TempDir::new().unwrap();
    let ran = run(named(&folder, "dotnet-gcdump").args(["collect", "--dsrouter", "ios"]));
    assert!(ran.err.contains("the image toolbox-dotnet"), "{}", ran.err);
}
