//! What a person can type: the subcommands, their exit codes and how errors are shown.
//!
//! The only room that everybody else must not import.

mod certs;
pub mod config;
pub mod documents;
mod facts;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Puts a .NET diagnostics toolbox beside .NET applications on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "sidebox", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer admission reviews over HTTPS
    Serve(Box<serve::ServeArgs>),
    /// Print the default settings file with its documentation, or check one
    Config(config::ConfigArgs),
    /// Make a development authority and a server certificate signed by it
    Certs(certs::CertsArgs),
}

/// Runs the command line: 0 done, 1 error.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Certs(args) => certs::run(&args),
        Command::Config(args) => config::run(&args, &mut std::io::stdout()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
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
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
