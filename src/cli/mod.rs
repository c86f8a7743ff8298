//! What a person can type: the subcommands, their exit codes and how errors are shown.
//!
//! The only room that prints, and the one that nobody else imports.

mod certs;
mod check;
mod completions;
pub mod config;
mod connection;
pub mod documents;
mod explain;
mod facts;
mod init;
mod inject;
mod links;
mod manifests;
mod serve;
mod tools;
mod uninject;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use tools::output::printable_lines;
use tools::{CalledAs, microsoft};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  error: something could not be read or written
  2  done, but something that asked for the toolbox was refused";

const INJECT_EXAMPLES: &str = "\
Examples:
  sidebox inject -f deployment.yaml | kubectl apply -f -
  sidebox inject -f manifests/ -o diff
  helm template shop | sidebox inject -f - > injected.yaml
  sidebox inject -f deployment.yaml -o patch

Namespaces, PersistentVolumeClaims, LimitRanges and ResourceQuotas among the manifests are facts.

Exit codes:
  0  done
  1  error: something could not be read or written; everything else was done
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
    /// Inject the toolbox into manifests, as the webhook would
    #[command(after_help = INJECT_EXAMPLES)]
    Inject(inject::InjectArgs),
    /// Take an injection back: the manifests as they were before
    #[command(after_help = uninject::EXIT_CODES)]
    Uninject(uninject::UninjectArgs),
    /// Show why a Pod has no toolbox: every rule that is asked, in a cluster every link of the chain
    #[command(after_help = explain::EXAMPLES, mut_args = explain::of_both)]
    Explain(explain::ExplainArgs),
    /// Test an installation in a cluster, with a Pod that is created as a dry run
    #[command(after_help = check::EXAMPLES, mut_args = check::of_a_cluster)]
    Check(check::CheckArgs),
    /// Print the default settings file with its documentation, or check one
    Config(config::ConfigArgs),
    /// Make a development authority and a server certificate signed by it
    Certs(certs::CertsArgs),
    /// Answer admission reviews over HTTPS
    Serve(Box<serve::ServeArgs>),
    #[command(flatten)]
    Tool(tools::Tool),
    /// Keep a toolbox running, as its first process
    #[command(after_help = init::EXAMPLES)]
    Init(init::InitArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
}

/// Runs the command line: 0 done, 1 error, 2 done but something that asked was refused.
pub fn main() -> ExitCode {
    let program = std::env::args_os().next();
    let done = match microsoft::called(program.as_deref()) {
        Some(name) => name
            .parse(std::env::args_os())
            .map(|tool| tools::run(&tool, CalledAs::Microsoft)),
        None => Cli::try_parse().map(|cli| run(cli.command)),
    };
    match done {
        Err(error) => usage(&error),
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let success = |()| ExitCode::SUCCESS;
    match command {
        Command::Inject(args) => inject::run(&args),
        Command::Uninject(args) => uninject::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Config(args) => config::run(&args, &mut std::io::stdout()).map(success),
        Command::Certs(args) => certs::run(&args).map(success),
        Command::Serve(args) => serve::run(&args).map(success),
        Command::Tool(tool) => tools::run(&tool, CalledAs::Sidebox),
        Command::Init(args) => init::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
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
    // What a process says of itself is part of some errors.
    eprintln!("sidebox: {}", printable_lines(&format!("{error:#}")));
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
