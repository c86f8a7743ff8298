//! Which process is meant? By pid, name or port; by nothing if there is only one.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use super::place::Place;
use crate::diagnostics::ipc::{Endpoint, Runtime};
use crate::diagnostics::process::{Found, Process, Visible, Wanted, find};

/// How long a named port waits for its application to start.
const START: Duration = Duration::from_hours(24);

/// The options by which every tool is told its process.
#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// The process, as `ps` shows it; may be left out if there is only one
    #[arg(short = 'p', long, value_name = "PID", conflicts_with_all = ["name", "diagnostic_port"])]
    process_id: Option<u32>,
    /// The process, by the name of its entry assembly or program
    #[arg(short, long, value_name = "NAME", conflicts_with = "diagnostic_port")]
    name: Option<String>,
    /// A socket to connect to (PATH,connect), or a port on which to wait for the runtime (PATH)
    #[arg(long, visible_alias = "dport", value_name = "PATH[,connect|,listen]")]
    diagnostic_port: Option<String>,
}

/// The process that was meant, and that answered.
#[derive(Debug)]
pub(super) struct Target {
    /// Its pid as the user knows it.
    pub(super) pid: u32,
    /// Its runtime.
    pub(super) runtime: Runtime,
    /// What `/proc` says about it, if it can be seen.
    pub(super) visible: Option<Visible>,
}

impl Target {
    /// What people call it: the entry assembly, or the program.
    pub(super) fn name(&self) -> &str {
        name(&self.runtime)
    }

    /// A process that was found, if it can be reached.
    pub(super) fn of(process: Process) -> anyhow::Result<Self> {
        let Process {
            pid,
            visible,
            state,
            ..
        } = process;
        let runtime = state.with_context(|| format!("process {pid} cannot be reached"))?;
        Ok(Self {
            pid,
            runtime,
            visible,
        })
    }
}

impl TargetArgs {
    /// Finds the process and asks it who it is.
    pub(super) fn find(&self, place: &Place) -> anyhow::Result<Target> {
        if let Some(port) = &self.diagnostic_port {
            return by_port(port);
        }
        let wanted = self.process_id.map_or(Wanted::All, Wanted::Pid);
        let mut found = find(&place.sight, wanted);
        if let Some(pid) = self.process_id {
            return by_pid(pid, found);
        }
        if let Some(asked) = &self.name {
            found.processes.retain(|process| is_named(process, asked));
        }
        only(found, self.name.as_deref())
    }
}

/// The process, if there is one and no more; the name is that by which they were chosen.
pub(super) fn only(found: Found, name: Option<&str>) -> anyhow::Result<Target> {
    let mut processes = found.processes;
    let named = name.map_or(String::new(), |name| format!(" with the name {name}"));
    match (processes.pop(), processes.is_empty()) {
        (None, _) => bail!(
            "there is no .NET process{named} in sight; `sidebox ps --stale` also lists what ended ones left"
        ),
        (Some(process), true) => Target::of(process),
        (Some(last), false) => {
            processes.push(last);
            bail!(
                "there are several .NET processes{named}: say which with -p PID{}",
                list(&processes)
            )
        }
    }
}

/// The process of this pid; where several places show it, the one that can be reached.
pub(super) fn by_pid(pid: u32, found: Found) -> anyhow::Result<Target> {
    let reachable = |process: &Process| process.state.is_ok();
    let mut processes = found.processes;
    let best = processes.iter().position(reachable).unwrap_or(0);
    if processes.is_empty() {
        bail!("process {pid} is no .NET process, or has ended: `sidebox ps` lists those in sight");
    }
    Target::of(processes.swap_remove(best))
}

/// `PATH` alone means to listen, as with Microsoft's tools.
pub(super) fn by_port(port: &str) -> anyhow::Result<Target> {
    let (path, kind) = port.rsplit_once(',').unwrap_or((port, "listen"));
    let path = PathBuf::from(path);
    let runtime = match kind {
        "connect" => Runtime::connect(Endpoint::socket(path))?,
        "listen" => {
            super::output::note(&format!(
                "waiting for a runtime with DOTNET_DiagnosticPorts={}",
                path.display()
            ));
            Runtime::connect_within(Endpoint::port(path), START)?
        }
        other => bail!(
            "--diagnostic-port {port}: after the comma stands {other:?}, expected connect or listen"
        ),
    };
    let pid = u32::try_from(runtime.info().pid).context("the runtime says an impossible pid")?;
    Ok(Target {
        pid,
        runtime,
        visible: None,
    })
}

/// The name that people know a runtime by.
pub(super) fn name(runtime: &Runtime) -> &str {
    let assembly = runtime.info().entry_assembly.as_deref();
    assembly.unwrap_or_else(|| program(runtime))
}

/// The file name of the program that a runtime runs in, mostly `dotnet`.
pub(super) fn program(runtime: &Runtime) -> &str {
    let line = &runtime.info().command_line;
    let first = line.split(' ').next().unwrap_or_default();
    first.rsplit('/').next().unwrap_or_default()
}

/// Whether people would call a process so.
pub(super) fn is_named(process: &Process, asked: &str) -> bool {
    let program = |visible: &Visible| {
        let first = visible
            .command_line()
            .into_iter()
            .next()
            .unwrap_or_default();
        first.rsplit('/').next().is_some_and(|name| name == asked)
    };
    let runtime = process.state.as_ref().ok();
    runtime.is_some_and(|runtime| name(runtime) == asked)
        || process.visible.as_ref().is_some_and(program)
}

fn list(processes: &[Process]) -> String {
    let mut lines = String::new();
    for process in processes {
        let name = process
            .state
            .as_ref()
            .map_or("cannot be reached", |runtime| name(runtime));
        let container = process.container.as_deref().unwrap_or("");
        // Writing to a String cannot fail.
        let _ = write!(lines, "\n  {}  {name}  {container}", process.pid);
    }
    lines
}
