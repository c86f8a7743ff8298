//! `sidebox trace collect`: a file that Microsoft's tool reads, named and made as it was asked for.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::case::{BUSY, Case, report};
use super::dotnet::{Dotnet, Version};
use super::is_whole;
use super::tool::{Ran, await_size, files, finish, named, run, sidebox, signal, spawn};

/// An application to trace.
pub(crate) fn traced(version: Version) -> Option<Case> {
    Case::busy(version, "t.nettrace")
}

/// A call that traces the application into the file.
pub(crate) fn collect(case: &Case, command: Command) -> Command {
    case.result_of(command, &["trace", "collect"])
}

#[track_caller]
pub(crate) fn is_traced_whole(case: &Case, ran: &Ran) {
    case.is_done(ran);
    assert!(is_whole(&case.bytes()));
    let report = case.report();
    assert!(report.contains(BUSY), "{report}");
}

#[test]
fn a_trace_of_a_second_is_read_by_microsofts_tool() {
    for version in Version::ALL {
        let Some(case) = traced(version) else {
            return;
        };
        let ran = run(collect(&case, sidebox()).args(["--duration", "00:00:01"]));
        is_traced_whole(&case, &ran);
        let mut convert = case.dotnet.dotnet_trace();
        let convert = convert
            .arg("convert")
            .arg(&case.file)
            .args(["--format", "Speedscope"]);
        assert!(convert.output().unwrap().status.success());
        let speedscope = fs::read_to_string(case.folder.path().join("t.speedscope.json")).unwrap();
        let frame = "HelloAks!HelloAks.PrimeFinder.FindPrimeAt(int32,value class System.Threading.CancellationToken)";
        assert!(speedscope.contains(frame), "{version:?}");
    }
}

#[test]
fn signals_end_it_in_order() {
    let Some(case) = traced(Version::Net10) else {
        return;
    };
    for name in ["INT", "TERM", "HUP"] {
        let child = spawn(&mut collect(&case, sidebox()));
        await_size(&case.file, 20_000);
        signal(&child, "TSTP");
        signal(&child, name);
        is_traced_whole(&case, &finish(child));
        fs::remove_file(&case.file).unwrap();
    }
}

#[test]
fn enter_ends_it_on_a_terminal() {
    let Some(case) = traced(Version::Net8) else {
        return;
    };
    let line = format!(
        "{} trace collect -p {} -o {}",
        env!("CARGO_BIN_EXE_sidebox"),
        case.app.pid(),
        case.file.display()
    );
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let mut child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    await_size(&case.file, 20_000);
    child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let ran = finish(child);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert!(
        ran.out
            .contains("recorded, 0 events lost   Enter or Ctrl+C ends the trace"),
        "{}",
        ran.out
    );
    assert!(is_whole(&case.bytes()));
}

#[test]
fn a_port_named_by_hand_waits_for_its_application() {
    let Some(dotnet) = Dotnet::find() else { return };
    let folder = TempDir::new().unwrap();
    let (port, file) = (
        folder.path().join("p.sock"),
        folder.path().join("t.nettrace"),
    );
    let mut collect = sidebox();
    collect
        .args(["trace", "collect", "--diagnostic-port"])
        .arg(&port)
        .arg("-o")
        .arg(&file);
    let child = spawn(&mut collect);
    let ports = format!("{},connect,suspend", port.display());
    let mut app = dotnet
        .busy(Version::Net10)
        .env("DOTNET_DiagnosticPorts", ports)
        .spawn();
    app.await_output(|text| text.matches("prime").count() > 20);
    signal(&child, "INT");
    let ran = finish(child);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(report(&dotnet, &file).contains(BUSY));
}

#[test]
fn files_are_named_and_never_lost() {
    let Some(case) = traced(Version::Net8) else {
        return;
    };
    let collect_here = |mut command: Command| {
        command
            .args(["collect", "--duration", "1s", "-p"])
            .arg(case.app.pid().to_string());
        command
            .current_dir(case.folder.path())
            .env("POD_NAME", "web-7c");
        command
    };
    let traced = |command: Command| {
        let mut tool = command;
        tool.arg("trace");
        collect_here(tool)
    };
    let ran = run(&mut traced(sidebox()));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let made = files(case.folder.path(), "nettrace");
    let name = made[0].file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with(&format!("web-7c_HelloAks_{}_trace_20", case.app.pid())),
        "{name}"
    );
    assert_eq!(ran.out, format!("{name}\n"));

    fs::write(&case.file, "years of work").unwrap();
    let ran = run(traced(sidebox()).arg("-o").arg(&case.file));
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("is there already: --force replaces it"),
        "{}",
        ran.err
    );
    assert_eq!(case.bytes(), b"years of work");
    let ran = run(collect_here(named(&case.folder, "dotnet-trace"))
        .arg("-o")
        .arg(&case.file));
    is_traced_whole(&case, &ran);
}
