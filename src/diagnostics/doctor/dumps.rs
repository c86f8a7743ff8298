//! Could the process be dumped? It starts a program that looks into its memory, which the system may refuse.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use super::{Check, Subject};

/// The program that writes dumps lies beside the runtime.
pub(super) fn writer(subject: &Subject<'_>) -> Option<Check> {
    let what = "dump writer";
    let process = subject.visible()?;
    let library = process.coreclr().ok().flatten()?;
    let program = library.with_file_name("createdump");
    let shown = program.display();
    Some(match fs::metadata(process.path(&program)) {
        Ok(found) if found.permissions().mode() & 0o111 != 0 => {
            Check::good(what, format!("{shown} is there"))
        }
        Ok(_) => Check::limited(
            what,
            format!("{shown} is not executable, so that there are no dumps: chmod +x in its image"),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Check::limited(
            what,
            format!(
                "{shown} is not there, so that there are no dumps: a trimmed image; take a whole runtime"
            ),
        ),
        Err(error) => Check::unknown(what, format!("{shown} cannot be looked at: {error}")),
    })
}

/// Yama, which keeps processes from looking into others. The runtime allows its own dump writer, which 2 and 3 ignore.
pub(super) fn tracing() -> Option<Check> {
    const FILE: &str = "/proc/sys/kernel/yama/ptrace_scope";
    let what = "ptrace";
    let scope = fs::read_to_string(FILE).ok()?;
    Some(match scope.trim() {
        "0" | "1" => Check::good(
            what,
            format!("ptrace_scope of the node is {}", scope.trim()),
        ),
        scope => Check::limited(
            what,
            format!(
                "{FILE} is {scope}: a process without SYS_PTRACE is not dumped on this node; traces and counters work"
            ),
        ),
    })
}

/// A filter of system calls. Its rules cannot be read; the usual ones allow what a dump needs from Linux 4.8 on.
pub(super) fn filter(subject: &Subject<'_>) -> Option<Check> {
    let what = "seccomp";
    let process = subject.visible()?;
    let mode = process.status_line("Seccomp")?;
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy().into_owned();
    Some(match mode.trim() {
        "0" => Check::good(what, "no filter of system calls".to_owned()),
        _ if is_older(&release, (4, 8)) => Check::limited(
            what,
            format!(
                "a filter of system calls on Linux {release}: before 4.8 it keeps processes from being dumped"
            ),
        ),
        _ => Check::good(
            what,
            format!(
                "a filter of system calls on Linux {release}; RuntimeDefault allows dumps, others may not"
            ),
        ),
    })
}

fn is_older(release: &str, (major, minor): (u32, u32)) -> bool {
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    let found = numbers.next().zip(numbers.next());
    found.is_some_and(|found| found < (major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        let rows = [
            ("4.7.0", true),
            ("4.19.1-gke", false),
            ("3.10.0-1160.el7", true),
            ("6.1", false),
            ("odd", false),
        ];
        for (release, older) in rows {
            assert_eq!(is_older(release, (4, 8)), older, "{release}");
        }
    }
}
