//! The binary as a person, a script or the kubelet meets it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What a finished call said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The binary, without what this machine's environment may say about a toolbox.
pub(crate) fn sidebox() -> Command {
    through(&[])
}

/// The binary, called through another program such as `unshare` or `prlimit`.
pub(crate) fn through(words: &[&str]) -> Command {
    let binary = env!("CARGO_BIN_EXE_sidebox");
    let mut command = Command::new(words.first().copied().unwrap_or(binary));
    if !words.is_empty() {
        command.args(&words[1..]).arg(binary);
    }
    for name in ["SIDEBOX_TARGET", "SIDEBOX_MODE", "POD_NAME"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The binary under one of Microsoft's names, in a folder that everybody may read.
pub(crate) fn named(folder: &TempDir, name: &str) -> Command {
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let link = folder.path().join(name);
    symlink(env!("CARGO_BIN_EXE_sidebox"), &link).unwrap();
    let mut command = Command::new(link);
    command
        .env_remove("SIDEBOX_TARGET")
        .env_remove("SIDEBOX_MODE")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    finish(spawn(command))
}

/// Starts it.
pub(crate) fn spawn(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for its end.
pub(crate) fn finish(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Sends a signal to a running call.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .status();
    assert!(sent.unwrap().success());
}

/// Waits until a file is longer than this.
pub(crate) fn await_size(file: &Path, bytes: u64) {
    let long = || {
        fs::metadata(file)
            .is_ok_and(|found| found.len() > bytes)
            .then_some(())
    };
    super::dotnet::await_some(long, || format!("{} does not grow", file.display()));
}

/// The files of a folder with this extension.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension() == Some(OsStr::new(extension)))
        .collect()
}
