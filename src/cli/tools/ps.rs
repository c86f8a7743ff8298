//! `sidebox ps`: which .NET processes are there?

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::output::{page, printable};
use super::place::Place;
use super::target::name;
use crate::diagnostics::process::{Found, Process, Wanted, find};

pub(super) const EXAMPLES: &str = "\
Every way to a runtime is tried: sockets of the shared temporary folder, those behind /proc/PID/root, and in access \
mode `port` the connection that the runtime opens. PID is the number that the other tools take with -p.

Costs the application: one short answer of its diagnostics thread; its own threads are not stopped.

Examples:
  sidebox ps
  sidebox ps --stale";

/// The flags of `sidebox ps`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PsArgs {
    /// Also list the sockets that ended processes left behind
    #[arg(long)]
    stale: bool,
}

/// Prints a table; processes that cannot be reached come last, each with the reason.
pub(super) fn run(args: &PsArgs) -> anyhow::Result<ExitCode> {
    let found = find(&Place::of_process().sight, Wanted::All);
    let mut text = table(&found);
    if args.stale {
        for path in &found.stale {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "stale: {}", printable(&path.to_string_lossy()));
        }
    }
    page(&text)?;
    Ok(ExitCode::SUCCESS)
}

const HEAD: [&str; 6] = ["PID", "CONTAINER", "NAME", "RUNTIME", "ARCH", "COMMAND"];

fn table(found: &Found) -> String {
    let rows: Vec<_> = found.processes.iter().filter_map(row).collect();
    let mut page = String::new();
    if rows.is_empty() {
        page.push_str("no .NET process can be reached\n");
    } else {
        let head = HEAD.map(str::to_owned);
        let all: Vec<_> = std::iter::once(&head).chain(&rows).collect();
        for row in &all {
            line(&mut page, row, &all);
        }
    }
    for process in &found.processes {
        if let Err(obstacle) = &process.state {
            let program = process
                .visible
                .as_ref()
                .map(|seen| seen.command_line().join(" "));
            let container = process
                .container
                .as_ref()
                .map(|name| format!(" in container {name}"));
            let _ = writeln!(
                page,
                "{}{}: cannot be reached: {}{}",
                process.pid,
                printable(&container.unwrap_or_default()),
                printable(&obstacle.to_string()),
                program.map_or_else(String::new, |program| format!(
                    "\n    {}",
                    printable(&program)
                ))
            );
        }
    }
    page
}

fn row(process: &Process) -> Option<[String; 6]> {
    let runtime = process.state.as_ref().ok()?;
    let info = runtime.info();
    let unknown =
        |text: Option<&String>| text.map_or_else(|| "-".to_owned(), |text| printable(text));
    Some([
        process.pid.to_string(),
        unknown(process.container.as_ref()),
        printable(name(runtime)),
        unknown(info.version.as_ref()),
        printable(&info.arch),
        printable(&info.command_line),
    ])
}

/// One row, each column but the last as wide as its widest entry.
fn line(page: &mut String, row: &[String; 6], all: &[&[String; 6]]) {
    for (column, cell) in row.iter().enumerate() {
        let width = all
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0);
        let last = column + 1 == row.len();
        let _ = if last {
            write!(page, "{cell}")
        } else {
            write!(page, "{cell:width$}  ")
        };
    }
    page.push('\n');
}
