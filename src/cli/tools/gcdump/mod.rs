//! `sidebox gcdump`: which objects are on the heap, and what keeps them there.

mod collect;
mod convert;
mod report;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{CalledAs, ps};

/// The commands of `sidebox gcdump` and of `dotnet-gcdump`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(in crate::cli) struct GcdumpArgs {
    #[command(subcommand)]
    command: GcdumpCommand,
}

#[derive(Debug, Subcommand)]
enum GcdumpCommand {
    /// Write the heap of a process into a .gcdump file
    #[command(after_help = collect::EXAMPLES)]
    Collect(collect::CollectArgs),
    /// Print the types on a heap, of a file or of a process
    #[command(after_help = report::EXAMPLES)]
    Report(report::ReportArgs),
    /// Make a .gcdump file of a .nettrace file that holds a heap
    #[command(after_help = convert::EXAMPLES)]
    Convert(convert::ConvertArgs),
    /// List the .NET processes in sight, and why some cannot be reached
    #[command(visible_alias = "list-processes", after_help = ps::EXAMPLES)]
    Ps(ps::PsArgs),
}

/// Runs one of the commands.
pub(super) fn run(args: &GcdumpArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    match &args.command {
        GcdumpCommand::Collect(args) => collect::run(args, called),
        GcdumpCommand::Report(args) => report::run(args),
        GcdumpCommand::Convert(args) => convert::run(args, called),
        GcdumpCommand::Ps(args) => ps::run(args),
    }
}

/// The file's name with the ending that viewers want, added where it is not there, as dotnet-gcdump does.
fn with_ending(path: &Path) -> PathBuf {
    if path.extension() == Some(OsStr::new("gcdump")) {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".gcdump");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_is_added_once() {
        let rows = [
            ("/data/heap", "/data/heap.gcdump"),
            ("/data/heap.gcdump", "/data/heap.gcdump"),
            ("/data/heap.bin", "/data/heap.bin.gcdump"),
        ];
        for (path, expected) in rows {
            assert_eq!(with_ending(Path::new(path)), Path::new(expected));
        }
    }
}
