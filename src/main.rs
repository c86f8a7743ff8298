//! The `sidebox` command: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    sidebox::cli::main()
}
