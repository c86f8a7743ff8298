//! `sidebox gcdump report`: the types on a heap, one line each.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::collect::{PATIENCE, WalkArgs};
use crate::cli::tools::output;
use crate::cli::tools::place::Place;
use crate::diagnostics::heap::{self, Column, Report};

pub(super) const EXAMPLES: &str = "\
heapstat is the report of dotnet-gcdump, line for line. Its column of bytes is the size of the first object of each \
type, not of all: a million strings of 40 bytes stand far below one array. sums adds up all objects, big ones \
included, and puts first what takes the most memory.

With a process instead of a file its heap is walked first, which stops it for a moment: see `gcdump collect --help`.

Examples:
  sidebox gcdump report heap.gcdump
  sidebox gcdump report heap.gcdump --report-type sums
  sidebox gcdump report -p 7 -t sums";

/// The flags of `gcdump report`, named as those of dotnet-gcdump.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// A .gcdump file; a process if left out
    #[arg(value_name = "FILE", conflicts_with_all = ["process_id", "name", "diagnostic_port"])]
    file: Option<PathBuf>,
    /// What the column of bytes holds
    #[arg(
        long,
        short = 't',
        value_name = "TYPE",
        default_value = "heapstat",
        ignore_case = true
    )]
    report_type: ReportType,
    #[command(flatten)]
    walk: WalkArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ReportType {
    /// The size of the first object of each type, as dotnet-gcdump has it
    #[value(name = "heapstat", alias = "HeapStat")]
    HeapStat,
    /// The size of all objects of each type
    Sums,
}

/// Prints the report of a file or of a process.
pub(super) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let column = match args.report_type {
        ReportType::HeapStat => Column::FirstObject,
        ReportType::Sums => Column::Sum,
    };
    let report = if let Some(path) = &args.file {
        Report::of(&read(path)?, column)
    } else {
        let target = args.walk.target.find(&Place::of_process())?;
        let graph = args.walk.heap(&target, PATIENCE)?;
        Report::of(&graph, column).with_references(&graph)
    };
    let mut out = BufWriter::new(stdout().lock());
    let written = write!(out, "{report}").and_then(|()| out.flush());
    written.or_else(output::without_reader)?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<heap::Graph> {
    let wrong = || format!("cannot report {}", path.display());
    let file = File::open(path).with_context(wrong)?;
    heap::read(BufReader::new(file)).with_context(wrong)
}
