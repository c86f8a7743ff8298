//! The reversed connection: tools listen one after the other, applications come and go.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use sidebox::diagnostics::ipc::{ConnectFailure, Endpoint, Port, Runtime};
use tempfile::TempDir;

use super::dotnet::{App, Dotnet, Version};
use super::{is_whole, read_some, sampling};

const PATIENCE: Duration = Duration::from_mins(1);

fn dialling(dotnet: &Dotnet, version: Version, path: &Path) -> App {
    let ports = format!("{},connect,nosuspend", path.display());
    let app = dotnet.hello(version).env("DOTNET_DiagnosticPorts", ports);
    app.start()
}

fn connect(path: &Path) -> Runtime {
    Runtime::connect_within(Endpoint::port(path), PATIENCE).unwrap()
}

#[test]
fn every_command_works_and_survives_a_restart() {
    let Some(dotnet) = Dotnet::find() else { return };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("diagnostics.sock");
    for version in Version::ALL {
        let app = dialling(&dotnet, version, &path);
        let runtime = connect(&path);
        assert_eq!(runtime.info().pid, u64::from(app.pid()));
        assert!(!runtime.environment().unwrap().is_empty());
        let mut session = runtime.collect(&sampling()).unwrap();
        let mut bytes = read_some(&mut session, 20_000);
        // Another tool on the same path, in the middle of the trace.
        assert_eq!(connect(&path).info(), runtime.info());
        let stopper = session.stopper();
        let stopping = thread::spawn(move || stopper.stop());
        session.read_to_end(&mut bytes).unwrap();
        stopping.join().unwrap().unwrap();
        assert!(is_whole(&bytes), "{version:?}");
        drop(app);

        let again = dialling(&dotnet, version, &path);
        assert_eq!(connect(&path).info().pid, u64::from(again.pid()));
        assert!(!path.exists(), "a tool that has ended leaves nothing");
    }
}

#[test]
fn several_runtimes_on_one_path_are_told_apart() {
    let Some(dotnet) = Dotnet::find() else { return };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("diagnostics.sock");
    let apps = Version::ALL.map(|version| dialling(&dotnet, version, &path));
    let port = Port::new(&path);
    let cookies = super::dotnet::await_some(
        || {
            port.runtimes(PATIENCE)
                .ok()
                .filter(|found| found.len() == 2)
        },
        || "both dial".into(),
    );
    let mut pids = Vec::new();
    for cookie in cookies {
        let runtime = Runtime::connect_within(Endpoint::Port(port.of(cookie)), PATIENCE).unwrap();
        assert_eq!(runtime.info().cookie, cookie);
        assert_eq!(
            runtime.environment().unwrap().len(),
            runtime.environment().unwrap().len()
        );
        pids.push(runtime.info().pid);
    }
    pids.sort_unstable();
    let mut expected = apps.each_ref().map(|app| u64::from(app.pid()));
    expected.sort_unstable();
    assert_eq!(pids, expected);
}

#[test]
fn a_suspended_application_starts_when_told() {
    let Some(dotnet) = Dotnet::find() else { return };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("diagnostics.sock");
    let ports = format!("{},connect,suspend", path.display());
    let mut app = dotnet
        .hello(Version::Net10)
        .env("DOTNET_DiagnosticPorts", ports)
        .spawn();
    let runtime = connect(&path);
    let mut session = runtime.collect(&sampling()).unwrap();
    assert_eq!(app.output().matches("prime").count(), 0);
    runtime.resume().unwrap();
    app.await_output(|text| text.contains("prime"));
    read_some(&mut session, 20_000);
}

#[test]
fn tools_take_turns() {
    let Some(dotnet) = Dotnet::find() else { return };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("diagnostics.sock");
    let app = dialling(&dotnet, Version::Net10, &path);
    thread::scope(|scope| {
        let tools: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| connect(&path).info().pid))
            .collect();
        for tool in tools {
            assert_eq!(tool.join().unwrap(), u64::from(app.pid()));
        }
    });
}

#[test]
fn what_a_killed_tool_left_is_replaced_and_anything_else_is_not() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("diagnostics.sock");
    let listen = |wait| Port::new(&path).runtimes(Duration::from_millis(wait));

    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "a socket without a listener");
    assert_eq!(listen(20).unwrap(), []);
    assert!(!path.exists());

    let other = UnixListener::bind(&path).unwrap();
    assert!(matches!(listen(20), Err(ConnectFailure::InUse)));
    drop(other);
    fs::remove_file(&path).unwrap();

    fs::write(&path, "years of work").unwrap();
    assert!(matches!(listen(20), Err(ConnectFailure::NotASocket)));
    assert_eq!(fs::read_to_string(&path).unwrap(), "years of work");
}

/// Somebody who connects and says nothing, or nonsense, delays a tool but does not stop it.
#[test]
fn strangers_do_not_stand_in_the_way() {
    let Some(dotnet) = Dotnet::find() else { return };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("diagnostics.sock");
    let strangers = {
        let path = path.clone();
        thread::spawn(move || {
            let dial = || UnixStream::connect(&path).ok();
            let held: Vec<_> = (0..3)
                .map(|turn| {
                    let mut stream = super::dotnet::await_some(dial, || "nobody listens".into());
                    if turn > 0 {
                        stream.write_all(&[b'x'; 40]).ok();
                    }
                    stream
                })
                .collect();
            thread::sleep(Duration::from_millis(100));
            held.len()
        })
    };
    let app = dialling(&dotnet, Version::Net8, &path);
    assert_eq!(connect(&path).info().pid, u64::from(app.pid()));
    // Whichever came first, the runtime was found; the others may still wait for a listener.
    while !strangers.is_finished() {
        let _ = Port::new(&path).runtimes(Duration::from_millis(50));
    }
    assert_eq!(strangers.join().unwrap(), 3);
}
