//! `sidebox doctor`: what stands between this toolbox and the application?

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, printable};
use super::place::Place;
use super::target::name;
use crate::diagnostics::doctor::{Check, Subject, Verdict, examine};
use crate::diagnostics::process::{Found, Obstacle, Process, Visible, Wanted, find, visible};

pub(super) const EXAMPLES: &str = "\
Looks at everything that tools need, in the order in which they meet it, and says of each what was seen and, where \
something is wrong, the way out:

  ok        nothing is in the way here
  ?         it cannot be seen from here
  limited   some tools or some results lack something
  BLOCKED   no tool reaches the process

Costs the application: one short answer of its diagnostics thread; its own threads are not stopped.

Examples:
  sidebox doctor
  sidebox doctor -p 7

Exit codes:
  0  every process that was looked at can be reached
  1  one cannot, or there is none";

/// The flags of `sidebox doctor`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArgs {
    /// This process alone, also one that does not look like .NET
    #[arg(short = 'p', long, value_name = "PID")]
    process_id: Option<u32>,
}

/// Examines, and prints a page.
pub(super) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let place = Place::of_process();
    let mut found = find(
        &place.sight,
        args.process_id.map_or(Wanted::All, Wanted::Pid),
    );
    if let (Some(pid), []) = (args.process_id, found.processes.as_slice()) {
        found.processes.extend(without_runtime(&place, pid));
    }
    let own = Visible::read(&place.sight.proc, std::process::id());
    let mut page = String::new();
    let mut worst = Verdict::Good;
    for process in &found.processes {
        let checks = examine(&Subject {
            process,
            own: own.as_ref(),
            results: &place.results,
        });
        worst = checks
            .iter()
            .map(|check| check.verdict)
            .fold(worst, Ord::max);
        of_process(&mut page, process, &checks);
    }
    if found.processes.is_empty() {
        worst = Verdict::Blocked;
        nobody(&mut page, &place, args.process_id);
    }
    stale(&mut page, &found);
    output::page(&page)?;
    Ok(ExitCode::from(u8::from(worst == Verdict::Blocked)))
}

/// A process that nothing but its number speaks for.
fn without_runtime(place: &Place, pid: u32) -> Option<Process> {
    let visible = Visible::read(&place.sight.proc, pid)?;
    Some(Process {
        pid,
        container: visible.container(),
        visible: Some(visible),
        state: Err(Obstacle::NoRuntime),
    })
}

fn of_process(page: &mut String, process: &Process, checks: &[Check]) {
    let words = process.visible.as_ref().map(Visible::command_line);
    let command = words.map_or(String::new(), |words| format!(": {}", words.join(" ")));
    let called = process.state.as_ref().map_or("", |runtime| name(runtime));
    let container = process.container.as_deref().unwrap_or("");
    let head = [called, container].into_iter();
    let head: Vec<_> = head.filter(|word| !word.is_empty()).collect();
    let head = [process.pid.to_string(), head.join(", ")].join(" ");
    let title = format!("process {}{command}", head.trim_end());
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{}", printable(&title));
    for check in checks {
        line(page, check.verdict, check.what, &check.text);
    }
}

fn line(page: &mut String, verdict: Verdict, what: &str, text: &str) {
    let word = match verdict {
        Verdict::Good => "ok",
        Verdict::Unknown => "?",
        Verdict::Limited => "limited",
        Verdict::Blocked => "BLOCKED",
    };
    let _ = writeln!(page, "  {word:<7}  {what:<13}  {}", printable(text));
}

/// Where was looked, when nobody was found.
fn nobody(page: &mut String, place: &Place, asked: Option<u32>) {
    let _ = match asked {
        Some(pid) => writeln!(page, "process {pid} is not in sight"),
        None => writeln!(page, "no .NET process is in sight"),
    };
    let folder = &place.sight.temporary;
    let shown = folder.display();
    let text = match std::fs::read_dir(folder) {
        Ok(_) => format!(
            "{shown} is looked through and has no live socket: another TMPDIR in the application, a folder that is not \
             shared with it, or a program that has not started yet"
        ),
        Err(error) => format!("{shown} cannot be looked through: {error}"),
    };
    line(page, Verdict::Blocked, "TMPDIR", &text);
    let others = others(&place.sight.proc);
    let text = if others == 0 {
        "no process of another container is visible: shareProcessNamespace is not set (annotation sidebox.dev/mode)"
            .to_owned()
    } else {
        format!(
            "{others} of other containers are visible, none of them shows a runtime: is the application .NET, and \
             does it run?"
        )
    };
    line(page, Verdict::Blocked, "processes", &text);
    if let Some(port) = &place.sight.port {
        let text = format!(
            "nobody connects to {}: the application was started without DOTNET_DiagnosticPorts, or has ended",
            port.display()
        );
        line(page, Verdict::Blocked, "port", &text);
    }
}

/// How many processes belong to other containers of the Pod.
fn others(proc: &Path) -> usize {
    let own = Visible::read(proc, std::process::id()).and_then(|own| own.container());
    visible(proc)
        .filter_map(|process| process.container())
        .filter(|container| Some(container) != own.as_ref())
        .count()
}

fn stale(page: &mut String, found: &Found) {
    for path in &found.stale {
        let text = format!(
            "{} was left by a process that has ended; it may be removed",
            path.display()
        );
        line(page, Verdict::Good, "stale socket", &text);
    }
}
