//! Which runtimes are there, and why can some not be reached?
//!
//! In every access mode the same question is asked of several places:
//!
//! | seen | where the socket is | mode |
//! |---|---|---|
//! | a process in `/proc` | the temporary folder that toolbox and application share | `tmp-and-pid` |
//! | a process in `/proc` | `/proc/PID/root` and its own `TMPDIR` | `pid-only`; a `TMPDIR` elsewhere |
//! | a socket alone | the shared folder; its process is in another PID namespace | `tmp-only` |
//! | a runtime that connects | the port on which the tool listens | `port` |
//!
//! The name of a socket holds the process's own pid and its start time. A socket whose process has another start time,
//! or to which nobody listens, was left by one that is gone.
//!
//! ```no_run
//! use sidebox::diagnostics::process::{Sight, Wanted, find};
//!
//! for process in find(&Sight::new("/tmp"), Wanted::All).processes {
//!     match &process.state {
//!         Ok(runtime) => println!("{} {:?}", process.pid, runtime.info().entry_assembly),
//!         Err(obstacle) => println!("{} cannot be reached: {obstacle}", process.pid),
//!     }
//! }
//! ```
//!
//! Knows nothing of what a runtime is asked then.

mod candidate;
mod details;
mod obstacle;
mod proc;
mod socket;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

pub use obstacle::{Obstacle, SWITCHES};
pub use proc::Visible;

use super::ipc::{Endpoint, Port, Runtime};
use candidate::Candidate;

/// How long each runtime may take to say who it is, where all are looked for.
const INTRODUCTION: Duration = Duration::from_secs(3);
/// How long the one that somebody named may take: it answers one tool at a time, and others may be before us.
const NAMED: Duration = Duration::from_secs(15);
/// How long a port is listened on: a runtime dials at least twice a second.
const DIALLING: Duration = Duration::from_secs(2);
/// How many runtimes are asked at a time.
const AT_A_TIME: usize = 16;

/// The place from which processes are looked for.
#[derive(Debug, Clone)]
pub struct Sight {
    /// The temporary folder of this process, which it perhaps shares with the application.
    pub temporary: PathBuf,
    /// Where the processes are; `/proc`.
    pub proc: PathBuf,
    /// The container that `temporary` is shared with, if that is known.
    pub container: Option<String>,
    /// Where runtimes connect to, if they do.
    pub port: Option<PathBuf>,
}

impl Sight {
    /// Looks into this temporary folder and into `/proc`.
    pub fn new(temporary: impl Into<PathBuf>) -> Self {
        Self {
            temporary: temporary.into(),
            proc: PathBuf::from("/proc"),
            container: None,
            port: None,
        }
    }
}

/// Which processes are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    All,
    /// The one of this pid: that of this PID namespace, or the application's own where its process cannot be seen.
    Pid(u32),
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Living processes, by pid.
    pub processes: Vec<Process>,
    /// Sockets that nobody listens to any more.
    pub stale: Vec<PathBuf>,
}

/// A process with a .NET runtime.
#[derive(Debug)]
pub struct Process {
    /// Its pid: that of this PID namespace, or its own where it cannot be seen.
    pub pid: u32,
    /// What `/proc` says, where it can be seen.
    pub visible: Option<Visible>,
    /// The container it runs in, if that can be known.
    pub container: Option<String>,
    /// The runtime, or why it cannot be reached.
    pub state: Result<Runtime, Obstacle>,
}

/// The processes of this PID namespace, whatever they are.
pub fn visible(proc: &Path) -> impl Iterator<Item = Visible> {
    let pids = proc::pids(proc).into_iter();
    pids.filter_map(move |pid| Visible::read(proc, pid))
}

/// Looks for runtimes and asks each who it is. Takes seconds only if one does not answer, or for a port.
pub fn find(sight: &Sight, wanted: Wanted) -> Found {
    let candidates = candidate::all(sight, wanted);
    let mut found = Found::default();
    let patience = match wanted {
        Wanted::All => INTRODUCTION,
        Wanted::Pid(_) => NAMED,
    };
    for asked in ask_all(candidates, patience) {
        match asked {
            Asked::Process(process) => found.processes.push(*process),
            Asked::Stale(path) => found.stale.push(path),
        }
    }
    let alone = |found: &Found| wanted != Wanted::All && !found.processes.is_empty();
    if let Some(path) = sight.port.as_ref().filter(|_| !alone(&found)) {
        found.processes.extend(dialling(sight, path, wanted));
    }
    without_doubles(&mut found.processes);
    found.processes.sort_by_key(|process| process.pid);
    found.stale.sort();
    found
}

enum Asked {
    Process(Box<Process>),
    Stale(PathBuf),
}

/// Asks several at a time, so that one that is frozen does not hold up the others.
fn ask_all(candidates: Vec<Candidate>, patience: Duration) -> Vec<Asked> {
    let ask = |candidate| ask(candidate, patience);
    let threads = candidates.len().min(AT_A_TIME);
    if threads <= 1 {
        return candidates.into_iter().map(ask).collect();
    }
    let waiting = Mutex::new(candidates);
    let next = || waiting.lock().ok()?.pop();
    thread::scope(|scope| {
        let work = || std::iter::from_fn(next).map(ask).collect::<Vec<_>>();
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .flatten()
            .collect()
    })
}

fn ask(candidate: Candidate, patience: Duration) -> Asked {
    let Candidate {
        pid,
        visible,
        container,
        socket,
    } = candidate;
    let state = match socket {
        Err(obstacle) => Err(obstacle),
        Ok(path) => match Runtime::connect_within(Endpoint::socket(&path), patience) {
            Err(error) if visible.is_none() && obstacle::is_stale(&error) => {
                return Asked::Stale(path);
            }
            Err(error) => Err(Obstacle::of(error, &path, visible.as_ref())),
            Ok(runtime) => Ok(runtime),
        },
    };
    Asked::Process(Box::new(Process {
        pid,
        visible,
        container,
        state,
    }))
}

/// The runtimes that connect to a port.
fn dialling(sight: &Sight, path: &Path, wanted: Wanted) -> Vec<Process> {
    let port = Port::new(path);
    let process = |pid, state| Process {
        pid,
        visible: None,
        container: sight.container.clone(),
        state,
    };
    let cookies = match port.runtimes(DIALLING) {
        Ok(cookies) => cookies,
        Err(failure) => {
            return vec![process(
                0,
                Err(Obstacle::Port {
                    path: path.to_owned(),
                    failure,
                }),
            )];
        }
    };
    let connect =
        |cookie| Runtime::connect_within(Endpoint::Port(port.of(cookie)), INTRODUCTION).ok();
    let runtimes = cookies.into_iter().filter_map(connect);
    let all = runtimes.filter_map(|runtime| {
        let pid = u32::try_from(runtime.info().pid).ok()?;
        Some(process(pid, Ok(runtime)))
    });
    all.filter(|process| wanted == Wanted::All || wanted == Wanted::Pid(process.pid))
        .collect()
}

/// One runtime can be met in several ways: the first stays.
fn without_doubles(processes: &mut Vec<Process>) {
    let mut known = BTreeSet::new();
    processes.retain(|process| match &process.state {
        Ok(runtime) => known.insert(runtime.info().cookie),
        Err(_) => true,
    });
}
