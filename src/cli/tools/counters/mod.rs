//! `sidebox counters`: how much, how many, how often, as a table that is redrawn or as a file.

mod collect;
mod monitor;
mod watch;
mod wish;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{CalledAs, ps};

/// The commands of `sidebox counters` and of `dotnet-counters`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(in crate::cli) struct CountersArgs {
    #[command(subcommand)]
    command: CountersCommand,
}

#[derive(Debug, Subcommand)]
enum CountersCommand {
    /// Show the values of now, again and again
    #[command(after_help = monitor::EXAMPLES)]
    Monitor(monitor::MonitorArgs),
    /// Write values into a file
    #[command(after_help = collect::EXAMPLES)]
    Collect(collect::CollectArgs),
    /// List the .NET processes in sight, and why some cannot be reached
    #[command(visible_alias = "list-processes", after_help = ps::EXAMPLES)]
    Ps(ps::PsArgs),
}

/// Runs one of the commands.
pub(super) fn run(args: &CountersArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    match &args.command {
        CountersCommand::Monitor(args) => monitor::run(args),
        CountersCommand::Collect(args) => collect::run(args, called),
        CountersCommand::Ps(args) => ps::run(args),
    }
}
