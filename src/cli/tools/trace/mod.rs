//! `sidebox trace`: what a process does, recorded.

mod collect;
mod convert;
mod profiles;
mod providers;
mod record;
mod report;
mod stopping;

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{CalledAs, output, ps};
use profiles::PROFILES;

/// The commands of `sidebox trace` and of `dotnet-trace`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(in crate::cli) struct TraceArgs {
    #[command(subcommand)]
    command: TraceCommand,
}

#[derive(Debug, Subcommand)]
enum TraceCommand {
    /// Record a trace into a file, until Enter, Ctrl+C or the end of the time given
    #[command(after_help = collect::EXAMPLES)]
    Collect(Box<collect::CollectArgs>),
    /// Make a recorded trace a file for a viewer
    #[command(after_help = convert::EXAMPLES)]
    Convert(convert::ConvertArgs),
    /// Tell which methods took the time of a recorded trace
    #[command(after_help = report::EXAMPLES)]
    Report(report::ReportArgs),
    /// List the .NET processes in sight, and why some cannot be reached
    #[command(visible_alias = "list-processes", after_help = ps::EXAMPLES)]
    Ps(ps::PsArgs),
    /// List the named sets of providers
    ListProfiles,
}

/// Runs one of the commands.
pub(super) fn run(args: &TraceArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    match &args.command {
        TraceCommand::Collect(args) => collect::run(args, called),
        TraceCommand::Convert(args) => convert::run(args, called),
        TraceCommand::Report(args) => report::run(args),
        TraceCommand::Ps(args) => ps::run(args),
        TraceCommand::ListProfiles => list_profiles(),
    }
}

fn list_profiles() -> anyhow::Result<ExitCode> {
    let mut page = String::new();
    for profile in PROFILES {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{}\n    {}", profile.name, profile.about);
        for wish in profile.wishes {
            let _ = writeln!(
                page,
                "    {}:0x{:X}:{}",
                wish.name, wish.keywords, wish.level as u32
            );
        }
    }
    output::page(&page)?;
    Ok(ExitCode::SUCCESS)
}
