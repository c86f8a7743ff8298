//! The first process of a toolbox, run as the program it is: what ends it, with which exit code, and what it leaves.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be run or read fails the test"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

#[path = "support/skip.rs"]
mod skip;

const SIDEBOX: &str = env!("CARGO_BIN_EXE_sidebox");

/// A started `sidebox init`, ended with the test.
struct Init(Child);

impl Init {
    fn start(command: &[&str]) -> Self {
        let child = Command::new(SIDEBOX)
            .args(["init", "--"])
            .args(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Until it would catch this signal instead of dying of it.
    fn await_catching(&self, signal: Signal) {
        let path = format!("/proc/{}/status", self.0.id());
        let catches = || {
            let status = fs::read_to_string(&path).unwrap();
            let mask = status.lines().find_map(|l| l.strip_prefix("SigCgt:"));
            let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
            mask & (1 << (signal.as_raw() - 1)) != 0
        };
        while !catches() {
            thread::yield_now();
        }
    }

    /// The next line that the command prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        line.trim().to_owned()
    }

    fn end(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_signal_to_end_ends_the_waiting_with_success() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        let mut init = Init::start(&[]);
        init.await_catching(signal);
        init.signal(signal);
        let status = init.end();
        assert_eq!(status.code(), Some(0), "{signal:?}: {status}");
    }
}

#[test]
fn other_signals_do_not_end_the_waiting() {
    let mut init = Init::start(&[]);
    init.await_catching(Signal::CHILD);
    init.signal(Signal::CHILD);
    init.signal(Signal::WINCH);
    init.signal(Signal::TERM);
    assert_eq!(init.end().code(), Some(0));
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    for (command, code) in [
        (&["sh", "-c", "exit 7"][..], 7),
        (&["true"], 0),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["sidebox-no-such-command"], 127),
        (&["/"], 126),
    ] {
        assert_eq!(Init::start(command).end().code(), Some(code), "{command:?}");
    }
}

#[test]
fn a_command_hears_the_signal_and_has_its_say() {
    let script = "trap 'kill $!; exit 3' TERM; sleep 1000 & echo ready; wait";
    let mut init = Init::start(&["sh", "-c", script]);
    assert_eq!(init.line(), "ready");
    init.signal(Signal::TERM);
    let status = init.end();
    assert_eq!((status.code(), status.signal()), (Some(3), None));
}

#[test]
fn a_second_signal_ends_a_command_that_does_not_listen() {
    let script = "trap '' TERM INT; echo $$; exec sleep 1000";
    let mut init = Init::start(&["sh", "-c", script]);
    let command = Pid::from_raw(init.line().parse().unwrap()).unwrap();
    init.signal(Signal::TERM);
    init.signal(Signal::INT);
    let code = init.end().code().unwrap();
    assert!([143, 130].contains(&code), "{code}");
    // Killed, and cleared away by whoever inherits it.
    let dead = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", command.as_raw_pid()));
        test_kill_process(command).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
    };
    while !dead() {
        thread::yield_now();
    }
}

/// As process 1 of a PID namespace it inherits orphans, which would stay zombies for ever.
#[test]
fn as_process_1_it_clears_away_what_others_leave() {
    let namespace = [
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--mount-proc",
    ];
    let possible = Command::new("unshare").args(namespace).arg("true").output();
    if !possible.is_ok_and(|output| output.status.success()) {
        skip::skipped("this machine gives no PID namespaces");
        return;
    }
    let script = "\
        orphan=$(sh -c 'sleep 0 >/dev/null & echo $!')
        for try in $(seq 2000); do
          [ -e /proc/$orphan ] || exit 42
          sleep 0.01
        done";
    let status = Command::new("unshare")
        .args(namespace)
        .args([SIDEBOX, "init", "--", "sh", "-c", script])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(42));
}

/// A runtime that is frozen accepts connections and answers nothing.
#[test]
fn the_greeting_comes_though_a_runtime_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("dotnet-diagnostic-4194304-1-socket");
    let _silent = UnixListener::bind(socket).unwrap();
    let output = Command::new(SIDEBOX)
        .arg("greet")
        .env("TMPDIR", folder.path())
        .env("SIDEBOX_IMAGE", "toolbox")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("toolbox "), "{text}");
    assert_eq!(lines[1], "target: nothing answered yet");
    assert_eq!(output.status.code(), Some(0));
}

/// The image has a link for each of Microsoft's names that the program answers to, and for no other.
#[test]
fn the_image_has_the_names_that_the_program_answers_to() {
    let folder = tempfile::tempdir().unwrap();
    let answers = |name: &&str| {
        let link = folder.path().join(name);
        symlink(SIDEBOX, &link).unwrap();
        let help = Command::new(link).arg("--help").output().unwrap();
        String::from_utf8_lossy(&help.stdout).contains(&format!("What Microsoft's {name} does"))
    };
    let names = [
        "dotnet-trace",
        "dotnet-counters",
        "dotnet-dump",
        "dotnet-gcdump",
    ];
    let wanted: Vec<_> = names.into_iter().filter(answers).collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/images/files/userland");
    let script = fs::read_to_string(script).unwrap();
    let line = script
        .lines()
        .find_map(|line| line.strip_prefix("tools='")?.strip_suffix('\''));
    let linked: Vec<_> = line.unwrap().split(' ').collect();
    assert_eq!(linked, wanted, "`tools` in images/files/userland");
}
