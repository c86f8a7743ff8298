//! `sidebox config`: prints the documented default settings, or checks a settings file.

use crate::inject::settings::{Settings, default_file};
use anyhow::Context;
use std::io::Write;
use std::path::PathBuf;

/// Prints the default settings file with its documentation, or checks one.
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    /// Check this settings file instead and tell everything that is wrong in it.
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}

/// Runs the command; an invalid file is an error that holds all its problems.
pub fn run(args: &ConfigArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let Some(path) = &args.check else {
        out.write_all(default_file().as_bytes())?;
        return Ok(());
    };
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the settings file {file}"))?;
    let settings = Settings::parse(&file, &text)?;
    writeln!(out, "{file}: valid, hash {}", settings.hash)?;
    Ok(())
}
