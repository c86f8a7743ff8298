//! What a trace asks of the runtime, and which event ends it: as with dotnet-trace.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use super::collect::{collect, traced};
use super::dotnet::{Dotnet, Version};
use super::tool::{finish, named, run, sidebox, spawn};

/// Events of event sources, by the names and fields that they describe.
#[test]
fn an_event_ends_it() {
    let Some(case) = traced(Version::Net10) else {
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
        let ran = run(collect(&case, sidebox()).arg("--force").args(options));
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
        let app = dotnet
            .busy(version)
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
