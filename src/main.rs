//! The `sidebox` command: everything is in the library.

use std::process::ExitCode;

/// The C library of the static binary takes one lock for all threads: see benches/README.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sidebox::cli::main()
}
