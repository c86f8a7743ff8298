//! `sidebox trace collect`: a file that Microsoft's tool reads, whatever happens while it is made.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use tempfile::TempDir;

use super::cli::{
    Ran, await_size, files, finish, is_root, named, run, sidebox, signal, spawn, through,
};
use super::dotnet::{App, Dotnet, Start, Version};
use super::is_whole;

/// The class in which the sample spends its time.
const BUSY: &str = "PrimeFinder.";

fn resting(dotnet: &Dotnet, version: Version) -> Start {
    dotnet.hello(version).env("PAUSE_MILLISECONDS", "10")
}

/// A folder for results and an application to trace.
struct Case {
    dotnet: Dotnet,
    app: App,
    folder: TempDir,
    file: PathBuf,
}

impl Case {
    fn new(version: Version) -> Option<Self> {
        let dotnet = Dotnet::find()?;
        let app = resting(&dotnet, version).start();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("t.nettrace");
        Some(Self {
            dotnet,
            app,
            folder,
            file,
        })
    }

    /// A call that traces the application into the file.
    fn collect(&self, mut command: Command) -> Command {
        command
            .args(["trace", "collect", "-p"])
            .arg(self.app.pid().to_string());
        command.arg("-o").arg(&self.file);
        command
    }

    /// What Microsoft's tool finds in the file.
    fn report(&self) -> String {
        report(&self.dotnet, &self.file)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).unwrap()
    }

    fn is_traced_whole(&self, ran: &Ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(ran.out, format!("{}\n", self.file.display()));
        assert!(is_whole(&self.bytes()));
        assert!(self.report().contains(BUSY), "{}", self.report());
    }
}

fn report(dotnet: &Dotnet, file: &Path) -> String {
    let mut report = dotnet.dotnet_trace();
    let done = report
        .arg("report")
        .arg(file)
        .args(["topN", "-n", "50", "-v"])
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_trace_of_a_second_is_read_by_microsofts_tool() {
    for version in Version::ALL {
        let Some(case) = Case::new(version) else {
            return;
        };
        let ran = run(case.collect(sidebox()).args(["--duration", "00:00:01"]));
        case.is_traced_whole(&ran);
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
    let Some(case) = Case::new(Version::Net10) else {
        return;
    };
    for name in ["INT", "TERM", "HUP"] {
        let child = spawn(&mut case.collect(sidebox()));
        await_size(&case.file, 20_000);
        signal(&child, "TSTP");
        signal(&child, name);
        case.is_traced_whole(&finish(child));
        fs::remove_file(&case.file).unwrap();
    }
}

#[test]
fn enter_ends_it_on_a_terminal() {
    let Some(case) = Case::new(Version::Net8) else {
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
fn a_killed_application_leaves_a_readable_file() {
    for version in Version::ALL {
        let Some(mut case) = Case::new(version) else {
            return;
        };
        let child = spawn(&mut case.collect(sidebox()));
        await_size(&case.file, 300_000);
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
        let Some(mut case) = Case::new(version) else {
            return;
        };
        let child = spawn(&mut case.collect(sidebox()));
        await_size(&case.file, 50_000);
        case.app.signal("TERM");
        assert_eq!(case.app.await_end(), Some(0));
        let ran = finish(child);
        case.is_traced_whole(&ran);
    }
}

#[test]
fn a_frozen_application_is_given_up_at_the_second_signal() {
    let Some(case) = Case::new(Version::Net8) else {
        return;
    };
    let child = spawn(&mut case.collect(sidebox()));
    await_size(&case.file, 100_000);
    case.app.freeze();
    signal(&child, "INT");
    // Which of the two comes first is the kernel's choice: the second is sent until it was seen.
    let mut child = child;
    super::dotnet::await_some(
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
    let again = run(case
        .collect(sidebox())
        .args(["--force", "--duration", "1s"]));
    case.is_traced_whole(&again);
}

#[test]
fn a_killed_tool_costs_the_application_nothing() {
    for version in Version::ALL {
        let Some(mut case) = Case::new(version) else {
            return;
        };
        let mut child = spawn(&mut case.collect(sidebox()));
        await_size(&case.file, 20_000);
        child.kill().unwrap();
        child.wait().unwrap();
        let ran = run(case
            .collect(sidebox())
            .args(["--force", "--duration", "1s"]));
        case.is_traced_whole(&ran);
        case.app.signal("TERM");
        assert_eq!(case.app.await_end(), Some(0), "{version:?}");
    }
}

#[test]
fn a_file_that_takes_no_more_is_readable() {
    let Some(case) = Case::new(Version::Net10) else {
        return;
    };
    let ran = run(&mut case.collect(through(&["prlimit", "--fsize=300000"])));
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
    let Some(mut case) = Case::new(Version::Net8).filter(|_| is_root()) else {
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
    let ran = run(&mut case.collect(through(&["unshare", "--mount", "sh", "-c", &script, "sh"])));
    assert!(ran.err.contains("the disk is nearly full"), "{}", ran.err);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    case.file = small;
    assert!(is_whole(&case.bytes()));
    assert!(case.report().contains(BUSY));
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
        .args(["trace", "collect", "--duration", "1s", "--diagnostic-port"])
        .arg(&port)
        .arg("-o")
        .arg(&file);
    let child = spawn(&mut collect);
    let ports = format!("{},connect,suspend", port.display());
    let mut app = resting(&dotnet, Version::Net10)
        .env("DOTNET_DiagnosticPorts", ports)
        .spawn();
    app.await_output(|text| text.contains("prime"));
    let ran = finish(child);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(report(&dotnet, &file).contains(BUSY));
}

/// Events of event sources, by the names and fields that they describe.
#[test]
fn an_event_ends_it() {
    let Some(case) = Case::new(Version::Net10) else {
        return;
    };
    let rows: [&[&str]; 2] = [
        &[
            "--providers",
            "System.Runtime:0:4:EventCounterIntervalSec=1",
            "--stopping-event-provider-name",
            "System.Runtime",
        ],
        &[
            "--providers",
            "System.Runtime:0:4:EventCounterIntervalSec=1",
            "--stopping-event-provider-name",
            "System.Runtime",
            "--stopping-event-event-name",
            "EventCounters",
            "--stopping-event-payload-filter",
            "Name:gc-heap-size,CounterType:Mean",
        ],
    ];
    for options in rows {
        let ran = run(case.collect(sidebox()).arg("--force").args(options));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(
            ran.err.contains("the event came that ends the trace"),
            "{}",
            ran.err
        );
    }
}

/// The runtime's own events, by the names and fields that Microsoft's tools show.
#[test]
fn an_event_of_the_runtime_ends_it() {
    for version in Version::ALL {
        let Some(dotnet) = Dotnet::find() else { return };
        let folder = TempDir::new().unwrap();
        let port = folder.path().join("p.sock");
        let mut collect = sidebox();
        collect.args([
            "trace",
            "collect",
            "--force",
            "--clrevents",
            "jit",
            "--clreventlevel",
            "verbose",
            "-o",
        ]);
        collect
            .arg(folder.path().join("t.nettrace"))
            .arg("--diagnostic-port")
            .arg(&port);
        collect.args([
            "--stopping-event-provider-name",
            "Microsoft-Windows-DotNETRuntime",
        ]);
        collect.args(["--stopping-event-event-name", "Method/JittingStarted"]);
        collect.args([
            "--stopping-event-payload-filter",
            "MethodNamespace:HelloAks.PrimeFinder,MethodName:FindPrimeAt",
        ]);
        let child = spawn(&mut collect);
        let ports = format!("{},connect,suspend", port.display());
        let app = resting(&dotnet, version)
            .env("DOTNET_DiagnosticPorts", ports)
            .spawn();
        let ran = finish(child);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(
            ran.err.contains("the event came that ends the trace"),
            "{}",
            ran.err
        );
        drop(app);
    }
}

/// A buffer of 1 MB, a reader that may not run: the file says what it lacks, and so does the tool.
#[test]
fn lost_events_are_counted() {
    let Some(case) = Case::new(Version::Net8) else {
        return;
    };
    let mut collect = case.collect(sidebox());
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
    super::dotnet::await_some(
        || (case.app.output().lines().count() > lines + 200).then_some(()),
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

#[test]
fn files_are_named_and_never_lost() {
    let Some(case) = Case::new(Version::Net8) else {
        return;
    };
    let collect = |mut command: Command| {
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
        collect(tool)
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
    let ran = run(collect(named(&case.folder, "dotnet-trace"))
        .arg("-o")
        .arg(&case.file));
    case.is_traced_whole(&ran);
}

/// A runtime that knows no command, but remembers what it was asked.
fn listening(path: &Path) -> std::sync::mpsc::Receiver<Vec<u8>> {
    let listener = UnixListener::bind(path).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let answer = move |mut stream: UnixStream| {
        let mut header = [0; 20];
        stream.read_exact(&mut header).unwrap();
        let mut rest = vec![0; usize::from(u16::from_le_bytes([header[14], header[15]])) - 20];
        stream.read_exact(&mut rest).unwrap();
        let asked = [&header[..], &rest].concat();
        let reply: &[u8] = if asked[16] == 4 && asked[17] == 8 {
            &super::hostile::info()
        } else {
            b"DOTNET_IPC_V1\0\x18\0\xff\xff\0\0\x85\x13\x13\x80"
        };
        stream.write_all(reply).unwrap();
        if asked[16] == 2 {
            tell.send(asked).unwrap();
        }
    };
    thread::spawn(move || {
        listener
            .incoming()
            .for_each(|stream| answer(stream.unwrap()));
    });
    told
}

/// The same options ask for the same session, byte for byte.
#[test]
fn sessions_are_those_of_dotnet_trace() {
    let Some(dotnet) = Dotnet::find() else { return };
    let folder = TempDir::new().unwrap();
    let port = folder.path().join("p.sock");
    let asked = listening(&port);
    let rows: [&[&str]; 10] = [
        &[],
        &["--profile", "gc-verbose"],
        &["--profile", "gc-collect"],
        &["--profile", "database"],
        &[
            "--profile",
            "gc-verbose,dotnet-common",
            "--buffersize",
            "32",
        ],
        &["--profile", "gc-collect", "--rundown", "false"],
        &["--profile", "gc-collect", "--rundown"],
        &[
            "--providers",
            "A:0x10:5:k=v;x=\"a;b=c\",B,c::Error",
            "--profile",
            "dotnet-common",
        ],
        &[
            "--providers",
            "A:1:1,a:2:3,Microsoft-Windows-DotNETRuntime:4",
            "--profile",
            "dotnet-common",
        ],
        &["--clrevents", "gc+jit+exception", "--clreventlevel", "5"],
    ];
    for options in rows {
        let port = format!("{},connect", port.display());
        let ask = |mut command: Command| {
            command.args(["collect", "--diagnostic-port", &port, "-o"]);
            // Neither knows how much the other may use.
            let buffer: &[&str] = if options.contains(&"--buffersize") {
                &[]
            } else {
                &["--buffersize", "256"]
            };
            command
                .arg(folder.path().join("t.nettrace"))
                .args(options)
                .args(buffer);
            let ran = run(&mut command);
            assert_ne!(ran.code, Some(0), "{options:?}: {}", ran.out);
            asked.try_iter().collect::<Vec<_>>()
        };
        let theirs = ask(dotnet.dotnet_trace());
        let tools = TempDir::new().unwrap();
        let ours = ask(named(&tools, "dotnet-trace"));
        assert!(!theirs.is_empty(), "{options:?}");
        assert_eq!(ours, theirs, "{options:?}");
    }
}
