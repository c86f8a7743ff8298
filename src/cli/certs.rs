//! How does somebody without a certificate manager get certificates? `sidebox certs`.
//!
//! Writes files; what stands in them is `pki`'s business.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use time::OffsetDateTime;

use crate::pki::{Ca, Validity};

/// Readable by everybody: a certificate is public.
const PUBLIC: u32 = 0o644;
/// Readable by the owner alone: a private key.
const SECRET: u32 = 0o600;

#[derive(Debug, Args)]
pub(super) struct CertsArgs {
    /// Folder for ca.crt, ca.key, tls.crt and tls.key
    #[arg(long, value_name = "DIR", default_value = "certs")]
    out: PathBuf,
    /// A DNS name or IP address of the server; may be given more than once
    #[arg(
        long = "name",
        value_name = "DNS|IP",
        default_values = ["localhost", "127.0.0.1", "::1", "sidebox.sidebox.svc"]
    )]
    names: Vec<String>,
    /// How many days the certificates are valid
    #[arg(long, value_name = "N", default_value_t = 365)]
    days: u32,
    /// Replace files that are already there
    #[arg(long)]
    force: bool,
}

/// Writes a fresh authority and a server certificate signed by it.
pub(super) fn run(args: &CertsArgs) -> anyhow::Result<()> {
    let validity = Validity::days(OffsetDateTime::now_utc(), args.days)?;
    let ca = Ca::generate("sidebox development authority", validity)?;
    let leaf = ca.issue(&args.names, validity)?;
    let files = [
        ("ca.crt", ca.cert_pem(), PUBLIC),
        ("ca.key", ca.key_pem(), SECRET),
        ("tls.crt", leaf.cert_pem, PUBLIC),
        ("tls.key", leaf.key_pem, SECRET),
    ];
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    clear(
        &args.out,
        files.each_ref().map(|(name, ..)| *name),
        args.force,
    )?;
    for (name, pem, mode) in files {
        let path = args.out.join(name);
        write_new(&path, &pem, mode).with_context(|| format!("cannot write {}", path.display()))?;
    }
    say(args);
    Ok(())
}

/// Makes room for new files; an existing one stops everything unless `force` says otherwise.
fn clear(out: &Path, names: [&str; 4], force: bool) -> anyhow::Result<()> {
    for path in names.map(|name| out.join(name)) {
        if !force && path.symlink_metadata().is_ok() {
            bail!(
                "{} is already there and was left as it is: \
                 use --force to replace all four files, or --out for another folder",
                path.display()
            );
        }
    }
    for path in names.map(|name| out.join(name)) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot replace {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Creates the file with its mode from the start, so that a key is at no moment readable.
fn write_new(path: &Path, pem: &str, mode: u32) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?
        .write_all(pem.as_bytes())
}

#[expect(
    clippy::print_stdout,
    reason = "what was made is this command's result"
)]
fn say(args: &CertsArgs) {
    println!(
        "made ca.crt, ca.key, tls.crt and tls.key in {} for {}, valid for {} days",
        args.out.display(),
        args.names.join(", "),
        args.days
    );
}
