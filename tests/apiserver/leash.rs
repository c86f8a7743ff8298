//! Does the kernel end a server whose test is killed? Must not know Sidebox or Kubernetes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;

/// A shell that is killed takes its program along, as a killed test does its server.
pub(crate) fn holds() -> Result<(), Failed> {
    let leash = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/leash");
    let script = format!("'{leash}' $$ /bin/sleep infinity & echo $!; wait");
    let mut shell = Command::new("sh")
        .args(["-c", &script])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut pid = String::new();
    let output = shell.stdout.take().ok_or("no output")?;
    BufReader::new(output).read_line(&mut pid)?;
    let line = PathBuf::from(format!("/proc/{}/cmdline", pid.trim()));
    let runs = || fs::read(&line).is_ok_and(|line| line.starts_with(b"/bin/sleep"));
    while line.exists() && !runs() {
        std::thread::yield_now();
    }
    assert!(runs(), "{} became no program", pid.trim());
    shell.kill()?;
    shell.wait()?;
    while runs() {
        std::thread::yield_now();
    }
    Ok(())
}
