//! `sidebox greet`: what does a shell of the toolbox say first?
//!
//! Three lines: what is here, which process is the target, what to try. Whatever the processes do, the shell comes: it
//! waits no longer than [`PATIENCE`].

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use super::output::{page, printable};
use super::place::Place;
use super::target::name;
use crate::diagnostics::process::{Found, Process, Wanted, find};

/// A little longer than a port is listened on.
const PATIENCE: Duration = Duration::from_millis(2500);
/// How many processes are named; `sidebox ps` shows all.
const NAMED: usize = 4;
/// The tools that people look for.
const TOOLS: [&str; 5] = [
    "sidebox",
    "dotnet-trace",
    "dotnet-counters",
    "dotnet-dump",
    "dotnet-gcdump",
];

/// Prints the three lines.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    let place = Place::of_process();
    let found = in_time(&place);
    let [target, first] = target(found.as_ref());
    page(&format!("{}\n{target}\n{first}\n", here(&place)))?;
    Ok(ExitCode::SUCCESS)
}

/// What is in sight, if that is known in time; the end of this process ends the look too.
fn in_time(place: &Place) -> Option<Found> {
    let (sender, receiver) = sync_channel(1);
    let sight = place.sight.clone();
    thread::spawn(move || sender.send(find(&sight, Wanted::All)));
    receiver.recv_timeout(PATIENCE).ok()
}

fn here(place: &Place) -> String {
    let image = env::var("SIDEBOX_IMAGE").unwrap_or_else(|_| "sidebox".to_owned());
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let is_here = |tool: &&str| folders.iter().any(|folder| folder.join(tool).is_file());
    let tools: Vec<_> = TOOLS.into_iter().filter(is_here).collect();
    let results = if place.results == Path::new("") {
        "no volume for results".to_owned()
    } else {
        format!("results go to {}", place.results.display())
    };
    format!(
        "{image} {}: {}; {results}",
        env!("CARGO_PKG_VERSION"),
        tools.join(", ")
    )
}

/// The second line and the third.
fn target(found: Option<&Found>) -> [String; 2] {
    let Some(found) = found else {
        return [
            "target: nothing answered yet".to_owned(),
            "try: sidebox ps, which waits longer".to_owned(),
        ];
    };
    let (reachable, hidden): (Vec<_>, Vec<_>) =
        found.processes.iter().partition(|p| p.state.is_ok());
    let names = named(&reachable);
    match (reachable.as_slice(), hidden.first()) {
        ([only], _) => [
            format!("target: {names}"),
            format!(
                "try: sidebox trace collect -p {} --duration 00:00:10",
                only.pid
            ),
        ],
        ([_, ..], _) => [
            format!("targets: {names}"),
            "try: sidebox trace collect --duration 00:00:10 -p PID, with one of these numbers"
                .to_owned(),
        ],
        ([], Some(process)) => [
            format!("target: process {} cannot be reached", process.pid),
            "try: sidebox ps, which says why".to_owned(),
        ],
        ([], None) => [
            "target: no .NET process is in sight".to_owned(),
            "try: sidebox ps, once the application has started".to_owned(),
        ],
    }
}

fn named(processes: &[&Process]) -> String {
    let mut names: Vec<_> = processes.iter().take(NAMED).map(|p| one(p)).collect();
    if processes.len() > NAMED {
        names.push(format!("and {} more", processes.len() - NAMED));
    }
    names.join(", ")
}

fn one(process: &Process) -> String {
    let Ok(runtime) = &process.state else {
        return format!("process {}", process.pid);
    };
    let mut text = format!("process {} {}", process.pid, printable(name(runtime)));
    if let Some(version) = &runtime.info().version {
        text = format!("{text}, .NET {}", printable(version));
    }
    if let Some(container) = &process.container {
        text = format!("{text}, container {}", printable(container));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_emptiness_and_obstacles_have_their_own_words() {
        let [second, third] = target(None);
        assert_eq!(second, "target: nothing answered yet");
        assert_eq!(third, "try: sidebox ps, which waits longer");
        let [second, _] = target(Some(&Found::default()));
        assert_eq!(second, "target: no .NET process is in sight");
        let hidden = Process {
            pid: 7,
            visible: None,
            container: None,
            state: Err(crate::diagnostics::process::Obstacle::NoSocket {
                folder: "/tmp".into(),
            }),
        };
        let found = Found {
            processes: vec![hidden],
            stale: Vec::new(),
        };
        let [second, third] = target(Some(&found));
        assert_eq!(second, "target: process 7 cannot be reached");
        assert_eq!(third, "try: sidebox ps, which says why");
    }
}
