//! `sidebox gcdump collect`: the heap of a process, whole or not at all.

use std::fs;
use std::io::BufWriter;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::with_ending;
use crate::cli::tools::CalledAs;
use crate::cli::tools::draft::{Draft, OutputArgs, Subject};
use crate::cli::tools::memory::{self, Buffers};
use crate::cli::tools::output::{self, note, size};
use crate::cli::tools::place::Place;
use crate::cli::tools::stop::Stop;
use crate::cli::tools::target::{Target, TargetArgs};
use crate::diagnostics::heap::{self, Graph, Limits, Turn, TurnError, Walked};
use crate::diagnostics::ipc::Endpoint;
use crate::diagnostics::process::Visible;

pub(super) const EXAMPLES: &str = "\
Costs the application: one full, blocking collection of garbage, in which it stands still until every object is told: \
0.1 to 0.3 ms for each 1000 objects, 30 to 100 ms for 300,000. Meanwhile its memory grows by about 32 bytes for each \
object and 12 for each reference, since nothing is sent while it stands still; the bound of that is estimated from \
the memory in use and kept under what the container's limit leaves. A walk whose events did not fit is \
refused and tried again with twice the buffer. The tool itself takes 5 MB, and 70 to 110 bytes for each object that \
points at one other.

Two at a time spoil each other: a second one is refused while the first runs.

Examples:
  sidebox gcdump collect
  sidebox gcdump collect -p 7 -o /data/heap.gcdump
  sidebox gcdump report heap.gcdump --report-type sums

Viewers of such files: Visual Studio, PerfView, dotnet-heapview.";

/// Seconds that a walk may take when nothing is said, as dotnet-gcdump has it.
pub(super) const PATIENCE: u32 = 30;

/// The flags of `gcdump collect`, named as those of dotnet-gcdump.
#[derive(Debug, Args)]
pub(super) struct CollectArgs {
    #[command(flatten)]
    walk: WalkArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Give up when it takes longer than this many seconds
    #[arg(short, long, value_name = "SECONDS", default_value_t = PATIENCE)]
    timeout: u32,
}

/// What every walk of a heap is told.
#[derive(Debug, Args)]
pub(super) struct WalkArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// The most that the application may keep of the events, in MB; estimated from its memory if left out
    #[arg(long, value_name = "MB")]
    buffersize: Option<NonZeroU32>,
    /// Tell what happens
    #[arg(short, long)]
    verbose: bool,
}

/// Collects, and tells where.
pub(super) fn run(args: &CollectArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    let place = Place::of_process();
    let target = args.walk.target.find(&place)?;
    let asked = args.output.asked().map(with_ending);
    let subject = Subject {
        place: &place,
        target: &target,
        kind: "heap",
        extension: "gcdump",
    };
    let draft = Draft::begin(asked.as_deref(), args.output.manners(called), subject)?;
    let graph = args.walk.heap(&target, args.timeout)?;
    write(&graph, draft)
}

/// Writes a graph, and tells where. Half of one helps nobody, and never has the name of a whole one.
pub(super) fn write(graph: &Graph, draft: Draft) -> anyhow::Result<ExitCode> {
    heap::write(graph, BufWriter::new(draft.file()?))
        .with_context(|| format!("cannot write {}", draft.path().display()))?;
    let path = draft.keep()?;
    let bytes = fs::metadata(&path).map_or(0, |file| file.len());
    note(&format!(
        "{} objects of {}, {} written",
        graph.len(),
        size(u64::try_from(graph.total_size()).unwrap_or(0)),
        size(bytes)
    ));
    output::result(&path)?;
    Ok(ExitCode::SUCCESS)
}

impl WalkArgs {
    /// The whole heap of a process, after as many walks as it takes.
    pub(super) fn heap(&self, target: &Target, seconds: u32) -> anyhow::Result<Graph> {
        let _turn = turn(target)?;
        let buffers = self.buffers(target);
        let mut stop = Stop::listen().context("cannot listen for signals")?;
        let mut limits = Limits {
            buffer: buffers.first,
            room: memory::room(),
            patience: Duration::from_secs(seconds.into()),
        };
        loop {
            self.tell(target, limits);
            match heap::walk(&target.runtime, limits, || stop.asked().is_some()) {
                Ok(walked) => return Ok(self.told(walked)),
                Err(error) if error.is_loss() && limits.buffer < buffers.most => {
                    let twice = limits
                        .buffer
                        .saturating_mul(NonZeroU32::MIN.saturating_add(1));
                    limits.buffer = twice.min(buffers.most);
                    note(&format!(
                        "{error}; again, with a buffer of {} MB",
                        limits.buffer
                    ));
                }
                Err(error) => return Err(error).with_context(|| refused(target, limits)),
            }
        }
    }

    fn buffers(&self, target: &Target) -> Buffers {
        if let Some(buffer) = self.buffersize {
            return Buffers {
                first: buffer,
                most: buffer,
            };
        }
        let visible = target.visible.as_ref();
        let resident = visible.and_then(Visible::resident);
        let limit = visible.and_then(Visible::memory_limit);
        memory::buffers(resident, limit)
    }

    fn tell(&self, target: &Target, limits: Limits) {
        if self.verbose {
            note(&format!(
                "walking the heap of {} (process {}), buffer {} MB there, at most {} here",
                target.name(),
                target.pid,
                limits.buffer,
                size(limits.room as u64)
            ));
        }
    }

    fn told(&self, walked: Walked) -> Graph {
        if let Some(pause) = walked.pause {
            note(&format!(
                "the application stood still for {:.1} ms",
                pause.as_secs_f64() * 1000.0
            ));
        }
        if self.verbose {
            note(&format!("{} of events", size(walked.received)));
        }
        walked.graph
    }
}

fn refused(target: &Target, limits: Limits) -> String {
    format!(
        "no heap of process {} (buffer {} MB, room for the graph {})",
        target.pid,
        limits.buffer,
        size(limits.room as u64)
    )
}

/// The lock beside the socket. Where none can be made, the walk goes on without.
fn turn(target: &Target) -> anyhow::Result<Option<Turn>> {
    let path = match target.runtime.endpoint() {
        Endpoint::Socket(path) => path.as_path(),
        Endpoint::Port(port) => port.path(),
    };
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    match Turn::take(folder, &format!("{:?}", target.runtime.info().cookie)) {
        Ok(turn) => Ok(Some(turn)),
        Err(taken @ TurnError::Taken(_)) => Err(taken.into()),
        Err(error @ TurnError::Lock { .. }) => {
            note(&format!(
                "{:#}; make sure that nobody else dumps this heap at the same time",
                anyhow::Error::from(error)
            ));
            Ok(None)
        }
    }
}
