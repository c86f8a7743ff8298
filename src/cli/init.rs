//! `sidebox init`: what keeps a toolbox running, and ends with it at once?
//!
//! The first process of the toolbox images. It signals its own children alone: in a Pod whose containers share their
//! processes, any other may be the application. Knows nothing of .NET.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, wait};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

pub(super) const EXAMPLES: &str = "\
Without a command it waits until it is told to end (SIGTERM, SIGINT, SIGQUIT, SIGHUP), ends at once, and exits with 0.
With a command it ends when that ends, with its exit code, or 128 and the number of the signal that ended it. A signal to \
end is passed on; the command has 5 s, or until a second signal. What other processes leave behind is cleared away.

Examples:
  sidebox init
  sidebox init -- bash";

/// How long a command may take to end after it was told to: a trace that is being written is finished by then.
const GRACE: Duration = Duration::from_secs(5);
/// The signals that mean the end.
const ENDING: [i32; 4] = [SIGTERM, SIGINT, SIGQUIT, SIGHUP];
/// How many signals may wait; the kernel merges those of one kind anyway.
const WAITING: usize = 16;
/// How much of the list of children is read: some thousands of them.
const CHILDREN: u64 = 64 * 1024;

/// What shells answer when a command cannot be run, or is not there.
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The flags of `sidebox init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Run this and end with it, instead of waiting
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,
}

/// Waits for the end.
pub(super) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    // Before the command starts, so that its end is not missed.
    let signals = listen()?;
    let command = match args.command.split_first() {
        None => None,
        Some((program, arguments)) => match start(program, arguments) {
            Ok(pid) => Some(pid),
            Err((code, error)) => {
                super::report(&error);
                return Ok(ExitCode::from(code));
            }
        },
    };
    Ok(ExitCode::from(stay(&signals, command)))
}

/// From now on signals do not end the process, which as process 1 most would not do anyway.
fn listen() -> anyhow::Result<Receiver<i32>> {
    let mut all = ENDING.to_vec();
    all.push(SIGCHLD);
    let signals = Signals::new(all).context("the system gives no signals")?;
    let (sender, receiver) = sync_channel(WAITING);
    thread::spawn(move || hand_over(signals, &sender));
    Ok(receiver)
}

fn hand_over(mut signals: Signals, sender: &SyncSender<i32>) {
    for signal in signals.forever() {
        if sender.send(signal).is_err() {
            return;
        }
    }
}

fn start(program: &OsString, arguments: &[OsString]) -> Result<Pid, (u8, anyhow::Error)> {
    match Command::new(program).args(arguments).spawn() {
        Ok(child) => Ok(Pid::from_child(&child)),
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::NotFound => NOT_FOUND,
                _ => NOT_RUN,
            };
            let failed = format!("{} cannot be run", program.display());
            Err((code, anyhow::Error::new(error).context(failed)))
        }
    }
}

/// Until the command ends, or somebody asks to.
fn stay(signals: &Receiver<i32>, command: Option<Pid>) -> u8 {
    loop {
        if let Some(code) = clear(command) {
            return code;
        }
        match signals.recv() {
            Ok(SIGCHLD) => {}
            Ok(signal) => return end(signal, signals, command),
            // The thread that hands signals over never ends; without it nobody could end this process in order.
            Err(_) => return NOT_RUN,
        }
    }
}

/// Passes the signal on, and waits for the command alone: what else there is ends with the container.
fn end(signal: i32, signals: &Receiver<i32>, command: Option<Pid>) -> u8 {
    pass_on(signal, command);
    let Some(pid) = command else { return 0 };
    let deadline = Instant::now() + GRACE;
    loop {
        if let Some(code) = clear(command) {
            return code;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if !matches!(signals.recv_timeout(left), Ok(SIGCHLD)) {
            // Told twice, or out of time. If it is gone by now there is nothing to kill.
            let _ = kill_process(pid, Signal::KILL);
            return after(signal);
        }
    }
}

/// Clears away ended children; the exit code of the command if it is among them.
fn clear(command: Option<Pid>) -> Option<u8> {
    let mut code = None;
    // An error means that there are no children.
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if Some(pid) == command {
            let exited = status
                .exit_status()
                .map(|code| u8::try_from(code).unwrap_or(NOT_RUN));
            code = exited.or_else(|| status.terminating_signal().map(after));
        }
    }
    code
}

/// The exit code that tells of a signal.
fn after(signal: i32) -> u8 {
    u8::try_from(signal).map_or(NOT_RUN, |signal| 128_u8.saturating_add(signal))
}

fn pass_on(signal: i32, command: Option<Pid>) {
    let Some(signal) = Signal::from_named_raw(signal) else {
        return;
    };
    let children = children().unwrap_or_else(|| command.into_iter().collect());
    for pid in children {
        // One that has ended meanwhile needs no signal.
        let _ = kill_process(pid, signal);
    }
}

/// The kernel's list of this process's children, if it keeps one.
fn children() -> Option<Vec<Pid>> {
    let own = getpid();
    let path = format!("/proc/self/task/{own}/children");
    let mut list = String::new();
    let file = File::open(path).ok()?;
    file.take(CHILDREN).read_to_string(&mut list).ok()?;
    let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
    Some(pids.filter_map(Pid::from_raw).collect())
}
