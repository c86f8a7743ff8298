//! Which diagnostics sockets lie in a folder? Names alone; nobody is connected to.

use std::fs;
use std::path::{Path, PathBuf};

/// How many entries of a folder are looked at: /tmp belongs to the application, which may fill it.
const MAX_ENTRIES: usize = 100_000;
/// How many sockets of one folder are taken.
const MAX_SOCKETS: usize = 256;

/// What the name of a socket says: `dotnet-diagnostic-PID-KEY-socket`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) path: PathBuf,
    /// The pid in the namespace of the process.
    pub(super) pid: u32,
    /// Its start time, in ticks since the machine started.
    pub(super) key: u64,
}

impl Socket {
    /// Where the socket of a process lies in a folder.
    pub(super) fn path(folder: &Path, pid: u32, key: u64) -> PathBuf {
        folder.join(format!("dotnet-diagnostic-{pid}-{key}-socket"))
    }

    fn parse(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let inner = name
            .strip_prefix("dotnet-diagnostic-")?
            .strip_suffix("-socket")?;
        let (pid, key) = inner.split_once('-')?;
        let (pid, key) = (pid.parse().ok()?, key.parse().ok()?);
        Some(Self { path, pid, key })
    }
}

/// The sockets of a folder, the newest process first: of several with one pid that is the one that may live.
pub(super) fn list(folder: &Path) -> Vec<Socket> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries
        .take(MAX_ENTRIES)
        .filter_map(|entry| Some(entry.ok()?.path()));
    let mut sockets: Vec<Socket> = paths.filter_map(Socket::parse).collect();
    sockets.sort_by_key(|socket| std::cmp::Reverse((socket.key, socket.pid)));
    sockets.truncate(MAX_SOCKETS);
    sockets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_count() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "dotnet-diagnostic-7-100-socket",
            "dotnet-diagnostic-7-99-socket",
            "dotnet-diagnostic-x-99-socket",
            "dotnet-diagnostic-7-socket",
            "dotnet-diagnostic-4294967296-1-socket",
            "clr-debug-pipe-7-100-in",
            "dotnet-diagnostic-7-100-socket.bak",
        ];
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found: Vec<_> = list(folder.path())
            .into_iter()
            .map(|s| (s.pid, s.key))
            .collect();
        assert_eq!(found, [(7, 100), (7, 99)]);
        assert_eq!(list(&folder.path().join("nowhere")), []);
        assert_eq!(
            Socket::parse(Socket::path(folder.path(), 7, 100)).map(|s| s.key),
            Some(100)
        );
    }

    #[test]
    fn a_folder_full_of_sockets_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        for key in 0..300 {
            fs::write(Socket::path(folder.path(), 1, key), "").unwrap();
        }
        let found = list(folder.path());
        assert_eq!((found.len(), found[0].key), (MAX_SOCKETS, 299));
    }
}
