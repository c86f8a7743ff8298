//! Is there room for a dump? What a file system has free, and whether it is made of memory.
//!
//! What cannot be seen from inside a container: the limit of an emptyDir and that of ephemeral storage, but where the
//! node keeps them by quotas of its file system, which then has only that free.

use std::io;
use std::path::Path;

use crate::diagnostics::ipc::DumpType;
use crate::diagnostics::process::Visible;

/// A file system on which a dump is to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that are free.
    pub free: u64,
    /// Whether what lies there takes memory, of the container that wrote it.
    pub memory: bool,
}

impl Room {
    /// Looks at the file system of a path.
    ///
    /// # Errors
    /// The path is not there, or closed to this process.
    pub fn of(path: &Path) -> io::Result<Self> {
        const TMPFS: u64 = 0x0102_1994;
        const RAMFS: u64 = 0x8584_58F6;
        let disk = rustix::fs::statfs(path)?;
        let block = u64::try_from(disk.f_bsize).unwrap_or(0);
        let kind = u64::from_ne_bytes(disk.f_type.to_ne_bytes());
        Ok(Self {
            free: disk.f_bavail.saturating_mul(block),
            memory: kind == TMPFS || kind == RAMFS,
        })
    }
}

/// What a dump of a process takes at most, in bytes; none if the process cannot be seen.
///
/// Heap and full dumps have all memory that is writable and private, touched or not; full ones also what is mapped of
/// files. Measured on .NET 8 and 10: of 113 MB private a heap dump takes 125 and a full one 176, the small ones 10.
pub fn likely_size(process: &Visible, kind: DumpType) -> Option<u64> {
    const SMALL: u64 = 32 << 20;
    let private = process.status("VmData")?;
    let files = process.status("RssFile").unwrap_or(0);
    Some(match kind {
        DumpType::Mini | DumpType::Triage => SMALL,
        DumpType::Heap => private + SMALL,
        DumpType::Full => private + SMALL + 2 * files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_from_disks() {
        assert!(Room::of(Path::new("/dev/shm")).unwrap().memory);
        let here = Room::of(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(!here.memory && here.free > 0);
        assert!(Room::of(Path::new("/no/such/folder")).is_err());
    }
}
