//! What does a server process cost? Starts one, reads its CPU time and memory, ends it.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::Failure;

/// A running server; it ends with this value.
pub(crate) struct Process {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl Process {
    /// `sidebox serve`, as shipped or with another `--log`.
    pub(crate) fn sidebox(program: &str, certs: &Path, log: &str) -> Result<Self, Failure> {
        let addr = free()?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--log", log, "--health-listen", "127.0.0.1:0"])
            .args(["--listen", &addr.to_string()])
            .arg("--tls-cert")
            .arg(certs.join("tls.crt"))
            .arg("--tls-key")
            .arg(certs.join("tls.key"));
        Self::start(command, addr)
    }

    /// The empty webhook.
    pub(crate) fn empty(program: &str, certs: &Path) -> Result<Self, Failure> {
        let addr = free()?;
        let mut command = Command::new(program);
        command
            .arg(certs.join("tls.crt"))
            .arg(certs.join("tls.key"))
            .arg(addr.to_string());
        Self::start(command, addr)
    }

    fn start(mut command: Command, addr: SocketAddr) -> Result<Self, Failure> {
        // Not a pipe: waking its reader would be most of the line's cost.
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, addr })
    }

    /// Nanoseconds of CPU that all its threads have used, in user space and in the kernel.
    pub(crate) fn cpu(&self) -> Result<u64, Failure> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let ran = text.split(' ').next().unwrap_or_default();
            sum += ran.parse::<u64>()?;
        }
        Ok(sum)
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> Result<u64, Failure> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("the server is gone")?.parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; both are fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of loopback that nobody listens on.
fn free() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
