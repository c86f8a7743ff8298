//! `sidebox dump`: the memory of a process in a file.

mod collect;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{CalledAs, ps};

/// The commands of `sidebox dump` and of `dotnet-dump`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(in crate::cli) struct DumpArgs {
    #[command(subcommand)]
    command: DumpCommand,
}

#[derive(Debug, Subcommand)]
enum DumpCommand {
    /// Have a process write a dump, and bring it to its place
    #[command(after_help = collect::EXAMPLES)]
    Collect(collect::CollectArgs),
    /// List the .NET processes in sight, and why some cannot be reached
    #[command(visible_alias = "list-processes", after_help = ps::EXAMPLES)]
    Ps(ps::PsArgs),
}

/// Runs one of the commands.
pub(super) fn run(args: &DumpArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    match &args.command {
        DumpCommand::Collect(args) => collect::run(args, called),
        DumpCommand::Ps(args) => ps::run(args),
    }
}
