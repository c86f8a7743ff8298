//! Sessions of events: streams that end whole, whatever happens to the one who reads or is read.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use sidebox::diagnostics::ipc::{ConnectFailure, Endpoint, IpcError, Rundown, Runtime};

use super::dotnet::{Dotnet, Version, await_some};
use super::{is_whole, quiet, read_some, runtime, sampling};

/// The application with a pause, so that tests beside each other get their share.
#[test]
fn a_runtime_says_who_it_is() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let app = dotnet
            .hello(version)
            .env("PAUSE_MILLISECONDS", "77")
            .start();
        let runtime = runtime(&app);
        let info = runtime.info();
        assert_eq!(info.pid, u64::from(app.pid()));
        assert_eq!(info.entry_assembly.as_deref(), Some("HelloAks"));
        assert_eq!(info.version.as_deref(), Some(version.full()));
        assert_eq!(
            (info.os.as_str(), info.rid.as_deref()),
            ("Linux", Some("linux-x64"))
        );
        assert!(
            info.command_line.ends_with("HelloAks.dll"),
            "{}",
            info.command_line
        );
        assert_eq!(
            super::runtime(&app).info(),
            info,
            "the same again, with the same cookie"
        );
        let environment = runtime.environment().unwrap();
        assert!(
            environment.contains(&("PAUSE_MILLISECONDS".into(), "77".into())),
            "{environment:?}"
        );
        runtime.resume().unwrap();
    }
}

#[test]
fn a_stopped_session_ends_whole_on_both_versions() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let app = dotnet.hello(version).start();
        for config in [
            sampling(),
            sampling().with_rundown(Rundown::Keywords(8)),
            sampling().without_stacks(),
        ] {
            let mut session = runtime(&app).collect(&config).unwrap();
            let mut bytes = read_some(&mut session, 20_000);
            let stopper = session.stopper();
            let stopping = thread::spawn(move || stopper.stop());
            session.read_to_end(&mut bytes).unwrap();
            stopping.join().unwrap().unwrap();
            assert!(
                is_whole(&bytes),
                "{version:?} {config:?}: {} bytes",
                bytes.len()
            );
            assert_eq!(session.stopper().received(), bytes.len() as u64);
            session.stopper().stop().unwrap();
        }
    }
}

/// The runtime has 64 places for sessions: none may be left behind.
#[test]
fn a_dropped_session_stops_itself_even_without_events() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let app = dotnet.hello(version).start();
        let runtime = runtime(&app);
        for _ in 0..65 {
            drop(runtime.collect(&quiet()).unwrap());
        }
        let started: Vec<_> = (0..64)
            .map_while(|_| runtime.collect(&quiet()).ok())
            .collect();
        assert_eq!(started.len(), 64, "{version:?}");
        let refused = runtime.collect(&quiet()).unwrap_err();
        let told = "has no room for another session (64 at most) (0x80004005)";
        assert!(refused.to_string().ends_with(told), "{refused}");
    }
}

#[test]
fn a_panic_stops_the_session_too() {
    let Some(dotnet) = Dotnet::find() else { return };
    let mut app = dotnet.hello(Version::Net8).start();
    let runtime = runtime(&app);
    let panicked = thread::spawn(move || {
        let mut session = runtime.collect(&sampling()).unwrap();
        read_some(&mut session, 5_000);
        panic!("a deliberate failure");
    });
    assert!(panicked.join().is_err());
    // A session that was left undrained would block the exit of .NET 8.
    app.signal("TERM");
    assert_eq!(app.await_end(), Some(0));
}

#[test]
fn twenty_four_sessions_at_a_time() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let app = dotnet.hello(version).start();
        let runtime = runtime(&app);
        thread::scope(|scope| {
            let all: Vec<_> = (0..24)
                .map(|_| {
                    scope.spawn(|| {
                        let mut session = runtime.collect(&sampling()).unwrap();
                        let mut bytes = read_some(&mut session, 4_000);
                        let stopper = session.stopper();
                        let stopping = thread::spawn(move || stopper.stop());
                        session.read_to_end(&mut bytes).unwrap();
                        stopping.join().unwrap().unwrap();
                        is_whole(&bytes)
                    })
                })
                .collect();
            assert!(
                all.into_iter().all(|one| one.join().unwrap()),
                "{version:?}"
            );
        });
    }
}

#[test]
fn a_killed_application_ends_the_stream() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let mut app = dotnet.hello(version).start();
        let mut session = runtime(&app).collect(&sampling()).unwrap();
        read_some(&mut session, 20_000);
        app.kill();
        let rest = io::copy(&mut session, &mut io::sink());
        assert!(rest.is_ok(), "{rest:?}");
        assert!(session.stopper().has_ended());
        let error = Runtime::connect(Endpoint::socket(app.socket())).unwrap_err();
        let stale = matches!(
            error,
            IpcError::Unreachable {
                failure: ConnectFailure::Stale,
                ..
            }
        );
        assert!(stale, "{error}");
    }
}

#[test]
fn a_frozen_application_is_reported_and_thaws_unharmed() {
    let Some(dotnet) = Dotnet::find() else { return };
    let app = dotnet.hello(Version::Net10).start();
    let runtime = runtime(&app);
    let mut session = runtime.collect(&sampling()).unwrap();
    read_some(&mut session, 20_000);
    app.freeze();
    let error = Runtime::connect_within(Endpoint::socket(app.socket()), Duration::from_millis(200))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no answer to ProcessInfo3 within 0.2 s"),
        "{error}"
    );
    app.signal("CONT");
    // The abandoned request must not have cost the runtime its server.
    await_some(
        || Runtime::connect(Endpoint::socket(app.socket())).ok(),
        || "no answer".into(),
    );
    drop(session);
}

/// The whole pipe stays full while the reader rests: the application goes on, and the end is still whole.
#[test]
fn a_slow_reader_gets_a_whole_stream() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let mut app = dotnet.hello(version).env("PAUSE_MILLISECONDS", "0").start();
        let config = sampling().with_buffer(std::num::NonZeroU32::MIN);
        let mut session = runtime(&app).collect(&config).unwrap();
        let lines = app.output().lines().count();
        app.await_output(|text| text.lines().count() > lines + 10);
        let stopper = session.stopper();
        let stopping = thread::spawn(move || stopper.stop());
        let mut bytes = Vec::new();
        let mut part = [0; 512];
        loop {
            let read = session.read(&mut part).unwrap();
            if read == 0 {
                break;
            }
            bytes.extend_from_slice(&part[..read]);
            if bytes.len() % 4096 < 512 {
                thread::sleep(Duration::from_micros(200));
            }
        }
        stopping.join().unwrap().unwrap();
        assert!(is_whole(&bytes), "{version:?}");
        assert!(app.runs());
    }
}
