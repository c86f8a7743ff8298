//! `sidebox gcdump convert`: the heap that an event stream holds, as a .gcdump file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::collect::write;
use super::with_ending;
use crate::cli::tools::CalledAs;
use crate::cli::tools::draft::{Draft, OutputArgs};
use crate::cli::tools::memory;
use crate::cli::tools::output::{self, note};
use crate::diagnostics::heap::{self, Graph};

pub(super) const EXAMPLES: &str = "\
The stream must hold a whole heap walk: one that was recorded with the groups 0x1980001 of the runtime's events.

Examples:
  sidebox trace collect -p 7 --providers Microsoft-Windows-DotNETRuntime:0x1980001:5 -o heap.nettrace --duration 5s
  sidebox gcdump convert heap.nettrace
  sidebox gcdump convert heap.nettrace -o /data/heap.gcdump";

/// The flags of `gcdump convert`, named as those of dotnet-gcdump.
#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    /// A .nettrace file
    #[arg(value_name = "FILE")]
    input: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
    /// Tell what happens
    #[arg(short, long)]
    verbose: bool,
}

/// Converts, and tells where.
pub(super) fn run(args: &ConvertArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    let asked = args.output.asked();
    let path = asked.map_or_else(|| args.input.with_extension("gcdump"), with_ending);
    let manners = args.output.manners(called);
    manners.allow(&path)?;
    let graph = read(args)?;
    write(&graph, Draft::of(&path, manners)?)
}

fn read(args: &ConvertArgs) -> anyhow::Result<Graph> {
    let path: &Path = &args.input;
    let room = memory::room();
    if args.verbose {
        note(&format!(
            "the graph may take {} here",
            output::size(room as u64)
        ));
    }
    let wrong = || format!("cannot convert {}", path.display());
    let file = File::open(path).with_context(wrong)?;
    let graph = heap::graph(file, room).with_context(wrong)?;
    let types = graph.unknown_types();
    if types > 0 {
        note(&format!(
            "{types} types have no names: the stream does not describe them"
        ));
    }
    Ok(graph)
}
