//! Which processes may have a runtime, and where would its socket be? From names and `/proc`; nobody is asked yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::obstacle::Obstacle;
use super::proc::{Visible, pids};
use super::socket::{self, Socket};
use super::{Sight, Wanted};

/// A process that may be reached through a socket, or an obvious runtime without one.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) pid: u32,
    pub(super) visible: Option<Visible>,
    pub(super) container: Option<String>,
    pub(super) socket: Result<PathBuf, Obstacle>,
}

/// The sockets of the shared folder that no process was found for yet.
type Unclaimed = BTreeMap<(u32, u64), PathBuf>;

/// Processes first, since they know which socket is theirs; then the sockets of processes that cannot be seen.
pub(super) fn all(sight: &Sight, wanted: Wanted) -> Vec<Candidate> {
    let sockets = socket::list(&sight.temporary);
    let mut unclaimed: Unclaimed = sockets
        .into_iter()
        .map(|s| ((s.pid, s.key), s.path))
        .collect();
    let pids = match wanted {
        Wanted::All => pids(&sight.proc),
        Wanted::Pid(pid) => vec![pid],
    };
    let own = std::process::id();
    let others = pids.into_iter().filter(|pid| *pid != own);
    let visible = others.filter_map(|pid| Visible::read(&sight.proc, pid));
    let mut candidates: Vec<Candidate> = visible
        .filter_map(|process| of_process(sight, process, &mut unclaimed))
        .collect();
    if wanted == Wanted::All || candidates.is_empty() {
        let alone = unclaimed
            .into_iter()
            .map(|((pid, _), path)| of_socket(sight, pid, path));
        candidates.extend(
            alone.filter(|found| wanted == Wanted::All || wanted == Wanted::Pid(found.pid)),
        );
    }
    candidates
}

fn of_process(sight: &Sight, process: Visible, unclaimed: &mut Unclaimed) -> Option<Candidate> {
    let shared = unclaimed.remove(&(process.own_pid, process.start));
    let is_shared = shared.is_some();
    let socket = match shared.or_else(|| own_socket(&process)) {
        Some(path) => Ok(path),
        None if looks_like_dotnet(&process) => Err(Obstacle::without_socket(&process)),
        None => return None,
    };
    let known = || sight.container.clone().filter(|_| is_shared);
    let container = process.container().or_else(known);
    Some(Candidate {
        pid: process.pid,
        container,
        socket,
        visible: Some(process),
    })
}

fn of_socket(sight: &Sight, pid: u32, path: PathBuf) -> Candidate {
    Candidate {
        pid,
        visible: None,
        container: sight.container.clone(),
        socket: Ok(path),
    }
}

/// The socket in the file system of the process itself.
fn own_socket(process: &Visible) -> Option<PathBuf> {
    let folder = process
        .temporary()
        .unwrap_or_else(|_| PathBuf::from("/tmp"));
    let path = Socket::path(&process.path(&folder), process.own_pid, process.start);
    path.exists().then_some(path)
}

/// Whether a process without a socket is worth a line: its memory says so, or where that is closed, its command.
fn looks_like_dotnet(process: &Visible) -> bool {
    process.has_coreclr().unwrap_or_else(|_| {
        let command = process.command_line();
        let program = command.first().map(Path::new).and_then(Path::file_name);
        program.is_some_and(|name| name == "dotnet")
    })
}
