//! Which processes are meant, where a tool can watch several? As with one, nothing is guessed: several are named, or
//! all of them asked for.

use clap::Args;

use super::output::note;
use super::place::Place;
use super::target::{Target, by_pid, by_port, is_named, only};
use crate::diagnostics::process::{Found, Wanted, find};

/// The options by which a tool is told its processes.
#[derive(Debug, Args)]
pub(super) struct TargetsArgs {
    /// The process, as `ps` shows it; several with commas between them; may be left out if there is only one
    #[arg(short = 'p', long, value_name = "PID", value_delimiter = ',', conflicts_with_all = ["name", "diagnostic_port", "all"])]
    process_id: Vec<u32>,
    /// The process, by the name of its entry assembly or program
    #[arg(short, long, value_name = "NAME", conflicts_with = "diagnostic_port")]
    name: Option<String>,
    /// A socket to connect to (PATH,connect), or a port on which to wait for the runtime (PATH)
    #[arg(
        long,
        visible_alias = "dport",
        value_name = "PATH[,connect|,listen]",
        conflicts_with = "all"
    )]
    diagnostic_port: Option<String>,
    /// All processes that can be reached, or all of the name
    #[arg(long)]
    all: bool,
}

impl TargetsArgs {
    /// Finds the processes and asks them who they are: one at least.
    pub(super) fn find(&self, place: &Place) -> anyhow::Result<Vec<Target>> {
        if let Some(port) = &self.diagnostic_port {
            return by_port(port).map(|target| vec![target]);
        }
        if !self.process_id.is_empty() {
            return self.by_pids(place);
        }
        let mut found = find(&place.sight, Wanted::All);
        if let Some(asked) = &self.name {
            found.processes.retain(|process| is_named(process, asked));
        }
        if !self.all {
            return only(found, self.name.as_deref()).map(|target| vec![target]);
        }
        self.reachable(found)
    }

    fn by_pids(&self, place: &Place) -> anyhow::Result<Vec<Target>> {
        let mut pids = self.process_id.clone();
        pids.sort_unstable();
        pids.dedup();
        pids.into_iter()
            .map(|pid| by_pid(pid, find(&place.sight, Wanted::Pid(pid))))
            .collect()
    }

    /// Those that can be reached; the others are told.
    fn reachable(&self, found: Found) -> anyhow::Result<Vec<Target>> {
        let mut targets = Vec::new();
        let mut others = Vec::new();
        for process in found.processes {
            if process.state.is_ok() {
                targets.push(Target::of(process)?);
            } else {
                others.push(process);
            }
        }
        if targets.is_empty() {
            let found = Found {
                processes: others,
                stale: found.stale,
            };
            return only(found, self.name.as_deref()).map(|target| vec![target]);
        }
        for process in others {
            if let Err(obstacle) = process.state {
                note(&format!("without process {}: {obstacle}", process.pid));
            }
        }
        Ok(targets)
    }
}
