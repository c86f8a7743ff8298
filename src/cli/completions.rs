//! How does a shell learn to complete `sidebox`? `sidebox completions SHELL`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;

const EXAMPLES: &str = "Examples:
  # bash, for this session
  source <(sidebox completions bash)

  # bash, for good
  sidebox completions bash > ~/.local/share/bash-completion/completions/sidebox

  # zsh, into a folder of $fpath
  sidebox completions zsh > \"${fpath[1]}/_sidebox\"

  # fish
  sidebox completions fish > ~/.config/fish/completions/sidebox.fish";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the completions of one shell.
pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sidebox", &mut script);
    match io::stdout().write_all(&script) {
        // Whoever reads may stop reading.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write the completions")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
