//! What does `/proc` say about a process? Each file is read on its own: some are open to all, others only to the
//! same user with the same capabilities.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How much of a file of `/proc` is read.
const MAX_FILE: u64 = 4 << 20;

/// A process that can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// Its pid in this PID namespace.
    pub pid: u32,
    /// Its pid in its own, innermost namespace.
    pub own_pid: u32,
    /// When it started, in ticks since the machine started: the same number in every namespace.
    pub start: u64,
    /// Its effective user.
    pub uid: u32,
    folder: PathBuf,
}

impl Visible {
    /// Reads what is open to everybody; none if the process is gone.
    pub fn read(proc: &Path, pid: u32) -> Option<Self> {
        let folder = proc.join(pid.to_string());
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let field = |name: &str| {
            let mut lines = status.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        };
        let own_pid = field("NSpid").and_then(|pids| pids.split_whitespace().last()?.parse().ok());
        let uid = field("Uid")?.split_whitespace().nth(1)?.parse().ok()?;
        let start = start_time(&fs::read_to_string(folder.join("stat")).ok()?)?;
        Some(Self {
            pid,
            own_pid: own_pid.unwrap_or(pid),
            start,
            uid,
            folder,
        })
    }

    /// Its folder in `/proc`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path of its file system, as this process reaches it: through `/proc/PID/root`. Needs the same user, and
    /// capabilities that cover its own.
    pub fn path(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix("/").unwrap_or(path);
        self.folder.join("root").join(below)
    }

    /// Whether it is still the process that was read, and not another with its pid.
    pub fn still_there(&self) -> bool {
        let stat = fs::read_to_string(self.folder.join("stat"));
        stat.ok().and_then(|stat| start_time(&stat)) == Some(self.start)
    }

    /// Its arguments; open to everybody.
    pub fn command_line(&self) -> Vec<String> {
        let bytes = self.bytes("cmdline").unwrap_or_default();
        split(&bytes)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect()
    }

    /// A variable of the environment it was started with; the error is that of its file.
    pub fn variable(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.bytes("environ")?;
        let mut variables = split(&bytes);
        let value = |entry: &[u8]| {
            entry
                .strip_prefix(name.as_bytes())?
                .strip_prefix(b"=")
                .map(<[u8]>::to_vec)
        };
        Ok(variables.find_map(value))
    }

    /// Its folder for temporary files, in its own file system; the error is that of reading its environment.
    pub fn temporary(&self) -> io::Result<PathBuf> {
        let value = self.variable("TMPDIR")?.filter(|value| !value.is_empty());
        Ok(value.map_or_else(
            || PathBuf::from("/tmp"),
            |value| PathBuf::from(OsStr::from_bytes(&value)),
        ))
    }

    /// Whether the runtime's library is loaded; the error is that of the list of its memory.
    pub fn has_coreclr(&self) -> io::Result<bool> {
        let maps = self.bytes("maps")?;
        Ok(maps
            .split(|byte| *byte == b'\n')
            .any(|line| line.ends_with(b"/libcoreclr.so")))
    }

    /// The container's name in its Pod: the kubelet mounts files whose path holds it.
    pub fn container(&self) -> Option<String> {
        let mounts = self.bytes("mountinfo").ok()?;
        String::from_utf8_lossy(&mounts)
            .lines()
            .find_map(container_of_mount)
    }

    /// The memory that it has in use, in bytes; open to everybody.
    pub fn resident(&self) -> Option<u64> {
        self.status("VmRSS")
    }

    /// Bytes of a kind of its memory, by the name that its status file gives it; open to everybody.
    pub fn status(&self, name: &str) -> Option<u64> {
        let status = String::from_utf8(self.bytes("status").ok()?).ok()?;
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kilobytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
        kilobytes.checked_mul(1024)
    }

    /// Whether another process holds it still, as debuggers and dump writers do; open to everybody.
    pub fn is_traced(&self) -> bool {
        let stat = fs::read_to_string(self.folder.join("stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('t'))
    }

    /// The memory that its container may use, in bytes; none if there is no limit, or it cannot be seen.
    pub fn memory_limit(&self) -> Option<u64> {
        let own = self.path(Path::new("/sys/fs/cgroup"));
        let groups = fs::read_to_string(self.folder.join("cgroup")).unwrap_or_default();
        let unified = groups.lines().find_map(|line| line.strip_prefix("0::/"));
        let mut below = unified
            .filter(|path| !path.contains(".."))
            .map(PathBuf::from)
            .unwrap_or_default();
        loop {
            let files = ["memory.max", "memory/memory.limit_in_bytes"];
            let limits = files
                .iter()
                .filter_map(|file| limit(&own.join(&below).join(file)));
            if let Some(limit) = limits.min() {
                return Some(limit);
            }
            if !below.pop() {
                return None;
            }
        }
    }

    pub(super) fn bytes(&self, file: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(self.folder.join(file))?
            .take(MAX_FILE)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The processes of this namespace.
pub(super) fn pids(proc: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(proc) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect()
}

/// Field 22 of a `stat` file. The second is the program's name in parentheses, which may hold anything.
fn start_time(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()
}

fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
}

/// `…/pods/UID/containers/NAME/…` as the source of a mount.
fn container_of_mount(line: &str) -> Option<String> {
    let source = line.split(' ').nth(3)?;
    let parts: Vec<&str> = source.split('/').collect();
    let found = parts
        .windows(4)
        .find(|part| part[0] == "pods" && part[2] == "containers")?;
    Some(found[3].to_owned())
}

/// A limit of a control group. Version 1 writes the biggest number of pages for none.
fn limit(file: &Path) -> Option<u64> {
    let bytes = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    (bytes < i64::MAX as u64 / 2).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fake(files: &[(&str, &str)]) -> tempfile::TempDir {
        let proc = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = proc.path().join("7").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        proc
    }

    const STAT: &str = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 9 0 4711 270 8 9";
    const STATUS: &str = "Name:\ta\nUid:\t0\t1654\t0\t0\nNSpid:\t7\t1\n";

    #[test]
    fn the_innermost_pid_and_the_start_time_name_a_socket() {
        let proc = fake(&[("stat", STAT), ("status", STATUS)]);
        let seen = Visible::read(proc.path(), 7).unwrap();
        assert_eq!(
            (seen.pid, seen.own_pid, seen.start, seen.uid),
            (7, 1, 4711, 1654)
        );
        assert!(seen.still_there());
        fs::write(proc.path().join("7/stat"), STAT.replace("4711", "4712")).unwrap();
        assert!(!seen.still_there());
        assert_eq!(Visible::read(proc.path(), 8), None);
        assert_eq!(pids(proc.path()), [7]);
    }

    #[test]
    fn memory_in_use_is_in_the_status() {
        let status = format!("{STATUS}VmHWM:\t  90 kB\nVmRSS:\t   81920 kB\n");
        let proc = fake(&[("stat", STAT), ("status", &status)]);
        let seen = Visible::read(proc.path(), 7).unwrap();
        assert_eq!(seen.resident(), Some(80 << 20));
    }

    #[test]
    fn a_folder_that_is_not_tmp_is_in_the_environment() {
        let environ = "A=1\0TMPDIRS=no\0TMPDIR=/var/tmp/x\0";
        let proc = fake(&[("stat", STAT), ("status", STATUS), ("environ", environ)]);
        let seen = Visible::read(proc.path(), 7).unwrap();
        assert_eq!(seen.temporary().unwrap(), Path::new("/var/tmp/x"));
        assert_eq!(seen.variable("A").unwrap().as_deref(), Some(&b"1"[..]));
        assert_eq!(seen.path(Path::new("/var")), proc.path().join("7/root/var"));
        fs::write(proc.path().join("7/environ"), "TMPDIR=\0").unwrap();
        assert_eq!(seen.temporary().unwrap(), Path::new("/tmp"));
    }

    #[test]
    fn the_kubelets_mounts_name_the_container() {
        let line = "830 812 8:1 /var/lib/kubelet/pods/1f/containers/web/0a /dev/termination-log rw - ext4 /dev/sda1 rw";
        let mounts = format!("812 700 0:55 / / ro - overlay overlay rw\n{line}\n");
        let proc = fake(&[("stat", STAT), ("status", STATUS), ("mountinfo", &mounts)]);
        let seen = Visible::read(proc.path(), 7).unwrap();
        assert_eq!(seen.container().as_deref(), Some("web"));
        assert_eq!(
            container_of_mount("1 2 8:1 /pods/1f/etc-hosts /etc/hosts rw"),
            None
        );
        assert_eq!(container_of_mount("nonsense"), None);
    }

    #[test]
    fn the_nearest_limit_counts() {
        let group = "root/sys/fs/cgroup";
        let proc = fake(&[
            ("stat", STAT),
            ("status", STATUS),
            ("cgroup", "0::/a/b\n"),
            (&format!("{group}/a/b/memory.max"), "max\n"),
            (&format!("{group}/a/memory.max"), "268435456\n"),
        ]);
        let seen = Visible::read(proc.path(), 7).unwrap();
        assert_eq!(seen.memory_limit(), Some(268_435_456));
        fs::write(proc.path().join("7/cgroup"), "0::/../other\n").unwrap();
        assert_eq!(seen.memory_limit(), None);
        fs::write(
            proc.path().join("7").join(group).join("memory.max"),
            "1000\n",
        )
        .unwrap();
        assert_eq!(
            seen.memory_limit(),
            Some(1000),
            "a container sees its own group as the root"
        );
        let old = proc.path().join("7").join(group).join("memory");
        fs::create_dir(&old).unwrap();
        fs::write(old.join("memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        assert_eq!(seen.memory_limit(), Some(1000));
    }
}
