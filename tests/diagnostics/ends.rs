//! However a trace ends, the application, the tool or the disk: the file can be read.

use std::fs;

use super::case::BUSY;
use super::collect::{collect, is_traced_whole, traced};
use super::dotnet::{Version, await_some, is_root};
use super::is_whole;
use super::tool::{await_size, finish, run, sidebox, signal, spawn, through};

#[test]
fn a_killed_application_leaves_a_readable_file() {
    for version in Version::ALL {
        let Some(mut case) = traced(version) else {
            return;
        };
        let child = spawn(&mut collect(&case, sidebox()));
        await_size(&case.file, 100_000);
        case.app.kill();
        let ran = finish(child);
        assert_eq!(ran.code, Some(1));
        assert!(
            ran.err
                .contains("the application ended or stopped answering"),
            "{}",
            ran.err
        );
        assert!(is_whole(&case.bytes()));
        assert!(
            case.report().contains("Functions (Exclusive)"),
            "{}",
            case.report()
        );
    }
}

#[test]
fn an_application_that_ends_in_order_ends_the_trace_in_order() {
    for version in Version::ALL {
        let Some(mut case) = traced(version) else {
            return;
        };
        let child = spawn(&mut collect(&case, sidebox()));
        await_size(&case.file, 50_000);
        case.app.signal("TERM");
        assert_eq!(case.app.await_end(), Some(0));
        let ran = finish(child);
        is_traced_whole(&case, &ran);
    }
}

#[test]
fn a_frozen_application_is_given_up_at_the_second_signal() {
    let Some(case) = traced(Version::Net8) else {
        return;
    };
    let child = spawn(&mut collect(&case, sidebox()));
    await_size(&case.file, 100_000);
    case.app.freeze();
    signal(&child, "INT");
    // Which of the two comes first is the kernel's choice: the second is sent until it was seen.
    let mut child = child;
    await_some(
        || {
            let ended = child.try_wait().unwrap();
            if ended.is_none() {
                signal(&child, "INT");
            }
            ended
        },
        || "it does not end".into(),
    );
    let ran = finish(child);
    assert_eq!(ran.code, Some(1));
    assert!(is_whole(&case.bytes()));
    assert!(case.report().contains("Functions (Exclusive)"));
    case.app.signal("CONT");
    let again = run(collect(&case, sidebox()).args(["--force", "--duration", "1s"]));
    is_traced_whole(&case, &again);
}

#[test]
fn a_killed_tool_costs_the_application_nothing() {
    for version in Version::ALL {
        let Some(mut case) = traced(version) else {
            return;
        };
        let mut child = spawn(&mut collect(&case, sidebox()));
        await_size(&case.file, 20_000);
        child.kill().unwrap();
        child.wait().unwrap();
        let ran = run(collect(&case, sidebox()).args(["--force", "--duration", "1s"]));
        is_traced_whole(&case, &ran);
        case.app.signal("TERM");
        assert_eq!(case.app.await_end(), Some(0), "{version:?}");
    }
}

#[test]
fn a_file_that_takes_no_more_is_readable() {
    let Some(case) = traced(Version::Net10) else {
        return;
    };
    let ran = run(&mut collect(&case, through(&["prlimit", "--fsize=300000"])));
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("takes no more: ") && ran.err.contains("File too large"),
        "{}",
        ran.err
    );
    let bytes = case.bytes();
    assert!(
        is_whole(&bytes) && bytes.len() > 100_000,
        "{} bytes",
        bytes.len()
    );
    assert!(case.report().contains("Functions (Exclusive)"));
}

/// The end of the trace, with the names, still fits: it is stopped before the disk is full.
#[test]
fn a_disk_that_runs_low_ends_the_trace_whole() {
    let Some(mut case) = traced(Version::Net8).filter(|_| is_root()) else {
        return;
    };
    let disk = case.folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let small = case.file.clone();
    let script = format!(
        "mount -t tmpfs -o size=3m small {0} && \"$@\"; code=$?; cp {0}/t.nettrace {1}; exit $code",
        disk.display(),
        small.display()
    );
    case.file = disk.join("t.nettrace");
    let ran = run(&mut collect(
        &case,
        through(&["unshare", "--mount", "sh", "-c", &script, "sh"]),
    ));
    assert!(ran.err.contains("the disk is nearly full"), "{}", ran.err);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    case.file = small;
    assert!(is_whole(&case.bytes()));
    assert!(case.report().contains(BUSY));
}

/// A buffer of 1 MB, a reader that may not run: the file says what it lacks, and so does the tool.
#[test]
fn lost_events_are_counted() {
    let Some(case) = traced(Version::Net8) else {
        return;
    };
    let mut collect = collect(&case, sidebox());
    collect.args([
        "--buffersize",
        "1",
        "--profile",
        "dotnet-sampled-thread-time",
    ]);
    let child = spawn(collect.args([
        "--providers",
        "Microsoft-Windows-DotNETRuntime:FFFFFFFFFFFFFFFF:5",
    ]));
    await_size(&case.file, 20_000);
    signal(&child, "STOP");
    let lines = case.app.output().lines().count();
    await_some(
        || (case.app.output().lines().count() > lines + 60).then_some(()),
        || "the application does not go on".into(),
    );
    signal(&child, "CONT");
    signal(&child, "INT");
    let ran = finish(child);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.err
            .contains(" events were lost: the application's buffer was full"),
        "{}",
        ran.err
    );
}
