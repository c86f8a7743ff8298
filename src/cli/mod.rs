//! What a person can type: the subcommands, their exit codes and how errors are shown.
//!
//! One file per subcommand. The only room that prints, and the one that nobody imports.

mod completions;
pub mod documents;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What every `--help` ends with.
const EXIT_CODES: &str = "Exit codes:
  0  done
  1  something could not be read, parsed or done; the message says what
  2  done, but something that asked for the toolbox was refused";

/// Puts a .NET diagnostics toolbox beside .NET applications on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "sidebox", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
}

/// Runs the command line and tells how it went: 0 done, 1 error, 2 done but something was refused.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let done = match cli.command {
        Command::Completions(args) => completions::run(&args),
    };
    done.unwrap_or_else(|error| {
        report(&error);
        ExitCode::FAILURE
    })
}

/// Help and version are answers; anything else is an error, whose code must not be that of a refusal.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print().is_ok();
    if printed && !error.use_stderr() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[expect(
    clippy::print_stderr,
    reason = "errors of the command line go to the person who typed"
)]
fn report(error: &anyhow::Error) {
    eprintln!("sidebox: {error:#}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
