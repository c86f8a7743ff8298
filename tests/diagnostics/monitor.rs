//! `sidebox counters monitor`: on a terminal, without one, of all processes in sight, and of one that dials the tool.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::dotnet::{Dotnet, Version, await_some, is_root};
use super::tool::{finish, run, sidebox, through};

/// Processes that cannot be seen, with their sockets in a shared folder, as in `tmp-only`.
#[test]
fn all_processes_in_sight_are_watched() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let shared = TempDir::new().unwrap();
    let start = |version| {
        let app = dotnet.app(version, "HelloAks").env("TMPDIR", shared.path());
        app.start()
    };
    let apps = Version::ALL.map(start);
    for app in &apps {
        app.socket_in(shared.path());
    }
    let alone = || {
        let mut command = through(&["unshare", "--pid", "--fork", "--mount-proc"]);
        command.env("TMPDIR", shared.path());
        command.args(["counters", "monitor", "--duration", "4s"]);
        command
    };
    let ran = run(&mut alone());
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("say which with -p"), "{}", ran.err);
    let ran = run(alone().arg("--all"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for app in &apps {
        let heading = format!("HelloAks (process {})\n[System.Runtime]\n", app.pid());
        assert!(ran.out.contains(&heading), "{}", ran.out);
    }
}

#[test]
fn a_monitor_redraws_a_terminal_until_q() {
    for version in Version::ALL {
        let Some(dotnet) = Dotnet::find() else { return };
        let app = dotnet.app(version, "HelloAks").start();
        let folder = TempDir::new().unwrap();
        let line = format!(
            "stty rows 40 cols 100; {} counters monitor -p {} --showDeltas; stty -a | grep -o ' icanon'",
            env!("CARGO_BIN_EXE_sidebox"),
            app.pid(),
        );
        let log = folder.path().join("screen");
        let mut script = Command::new("script");
        script.args(["--quiet", "--flush", "--return", "--command", &line]);
        let mut child = script
            .arg(&log)
            .env("TMPDIR", app.tmp())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let drawn = || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            (text.matches("\u{1b}[H").count() > 2 && text.contains("[System.Runtime]"))
                .then_some(())
        };
        await_some(drawn, || "nothing is drawn".to_owned());
        child.stdin.as_mut().unwrap().write_all(b"q").unwrap();
        let ran = finish(child);
        assert_eq!(ran.code, Some(0), "{}", ran.out);
        let (before, after) = ran.out.split_once("\u{1b}[?1049l").unwrap();
        assert!(before.contains("\u{1b}[?1049h"));
        // The last values stay, and the terminal is as it was.
        assert!(after.contains("[System.Runtime]"), "{after}");
        assert!(after.ends_with(" icanon\r\n"), "{after}");
    }
}

#[test]
fn a_runtime_that_dials_the_tool_is_watched_too() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let folder = TempDir::new().unwrap();
        let port = folder.path().join("diagnostics.sock");
        let ports = format!("{},connect,nosuspend", port.display());
        let app = dotnet.app(version, "HelloAks");
        let _app = app.env("DOTNET_DiagnosticPorts", ports).start();
        let mut monitor = sidebox();
        monitor.args(["counters", "monitor", "--duration", "4s"]);
        let ran = run(monitor.arg("--diagnostic-port").arg(&port));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(ran.out.contains("[System.Runtime]\n"), "{}", ran.out);
        assert!(!port.exists());
    }
}
