//! The tools inside the toolbox: `sidebox ps`, `sidebox trace` and so on, which also answer to the names of Microsoft's
//! tools.
//!
//! A tool is one file with its clap arguments and a `run`. To add one: a variant of [`Tool`] here, and a row in
//! [`microsoft`] if Microsoft has a tool of that name. What they share: [`target`] finds the process, [`draft`] names
//! and makes files, [`output`] tells, [`stop`] knows when a person has enough, [`place`] knows the toolbox.

mod counters;
mod doctor;
mod draft;
mod dump;
mod gcdump;
mod greet;
mod memory;
pub(super) mod microsoft;
pub(super) mod output;
mod place;
mod ps;
mod stop;
mod target;
mod targets;
mod trace;

use std::process::ExitCode;

use clap::Subcommand;

/// Who called, which decides what Microsoft's users may expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CalledAs {
    /// `sidebox trace …`.
    Sidebox,
    /// `dotnet-trace …` and the like.
    Microsoft,
}

/// The tools, beside the commands of the injector.
#[derive(Debug, Subcommand)]
pub(super) enum Tool {
    /// List the .NET processes in sight, and why some cannot be reached
    #[command(visible_alias = "list-processes", after_help = ps::EXAMPLES)]
    Ps(ps::PsArgs),
    /// Record what a .NET process does
    Trace(trace::TraceArgs),
    /// Watch how much, how many, how often
    Counters(counters::CountersArgs),
    /// Show which objects are on the heap, and what keeps them there
    Gcdump(gcdump::GcdumpArgs),
    /// What a shell of the toolbox says first: what is here, which process is the target, what to try
    #[command(hide = true)]
    Greet,
    /// Tell what stands between this toolbox and a process, and the way out
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::DoctorArgs),
    /// Have a .NET process write a dump of its memory
    Dump(dump::DumpArgs),
}

/// Runs a tool.
pub(super) fn run(tool: &Tool, called: CalledAs) -> anyhow::Result<ExitCode> {
    match tool {
        Tool::Ps(args) => ps::run(args),
        Tool::Trace(args) => trace::run(args, called),
        Tool::Counters(args) => counters::run(args, called),
        Tool::Gcdump(args) => gcdump::run(args, called),
        Tool::Greet => greet::run(),
        Tool::Dump(args) => dump::run(args, called),
        Tool::Doctor(args) => doctor::run(args),
    }
}
