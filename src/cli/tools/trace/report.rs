//! `sidebox trace report`: which methods took the time, as a table.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::convert::{Shown, check_samples, read};
use crate::cli::tools::output::{note, page};
use crate::diagnostics::trace::{By, Names, Top, View};

pub(super) const EXAMPLES: &str = "\
Costs the application nothing: it reads a file.

The wall-clock view is that of dotnet-trace: every thread counts all the time, so that four waiting threads stand above one \
that works. The view cpu counts the samples in which managed code ran, each the same, and shows what works first, whatever its \
name. Code that is not managed (the kernel, native libraries, the runtime itself) counts in the wall-clock view alone: the \
runtime cannot tell whether it ran. A thread that spins for a lock runs.

Examples:
  sidebox trace report /data/trace.nettrace topN
  sidebox trace report /data/trace.nettrace topN -n 20 --view cpu
  sidebox trace report /data/trace.nettrace topN --inclusive -v";

/// The arguments of `trace report`, named as those of dotnet-trace.
#[derive(Debug, Args)]
#[command(subcommand_required = true)]
pub(super) struct ReportArgs {
    /// The trace, as `collect` wrote it
    #[arg(value_name = "FILE")]
    input: PathBuf,
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// The methods that took the most time
    #[command(name = "topN", alias = "topn", after_help = EXAMPLES)]
    Top(TopArgs),
}

#[derive(Debug, Args)]
struct TopArgs {
    /// How many methods
    #[arg(short, long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    number: u32,
    /// Sort by the time in a method and in what it called, instead of that in the method alone
    #[arg(long)]
    inclusive: bool,
    /// Show long names in full, on several lines
    #[arg(short, long)]
    verbose: bool,
    /// Which time counts
    #[arg(long, value_enum, default_value = "wall")]
    view: Shown,
    /// Show methods with "Process" or "ROOT" in their names, too, which dotnet-trace hides; the view cpu shows them anyway
    #[arg(long)]
    all: bool,
}

/// Prints the table.
pub(super) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let Kind::Top(asked) = &args.kind;
    let mut profile = read(&args.input)?;
    check_samples(&profile, &args.input)?;
    let top = Top::of(&mut profile, asked.view.into());
    let top = top.with_context(|| format!("{}", args.input.display()))?;
    let by = if asked.inclusive {
        By::Inclusive
    } else {
        By::Exclusive
    };
    let names = if asked.all {
        Names::All
    } else {
        Names::AsDotnetTrace
    };
    let count = asked.number as usize;
    let table = top.table((by, names), count, asked.verbose);
    page(&table)?;
    tell(&top, asked, count);
    Ok(ExitCode::SUCCESS)
}

/// What the table does not say.
fn tell(top: &Top, asked: &TopArgs, count: usize) {
    if View::from(asked.view) == View::Cpu {
        return;
    }
    note("wall-clock time, waiting included; --view cpu shows what ran");
    if asked.all {
        return;
    }
    let rows = |names| top.rows((By::Exclusive, names), count);
    let shown = rows(Names::AsDotnetTrace);
    let hidden: Vec<_> = rows(Names::All)
        .into_iter()
        .filter(|row| !shown.contains(row))
        .collect();
    if let [first, ..] = hidden.as_slice() {
        let share = first.exclusive * 100.0 / top.total();
        note(&format!(
            "hidden for its name, as in dotnet-trace: {} ({share:.2} %); --all shows such methods",
            first.name
        ));
    }
}
