//! Whose turn is it? A heap walk that overlaps another of the same process spoils it, so there is a lock beside
//! the process's socket, in the folder that all toolboxes see which can reach it.
//!
//! Microsoft's tools know nothing of it; a walk that overlaps one of theirs is found out by its missing types.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, stat};
use rustix::io::Errno;

/// Why it is not our turn.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// Somebody else is at it.
    #[error(
        "another `gcdump` of this process is under way ({} is locked): two at a time spoil each other, try again when \
         it has ended", .0.display()
    )]
    Taken(PathBuf),
    /// The lock cannot be made.
    #[error("cannot make the lock {}", path.display())]
    Lock {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The right to walk the heap of a process; given back when dropped, or when this process ends.
#[derive(Debug)]
pub struct Turn {
    path: PathBuf,
    _held: OwnedFd,
}

impl Turn {
    /// Takes the turn for the process of this name, such as its cookie, in a folder.
    ///
    /// # Errors
    /// Somebody else has it, or there can be no lock in the folder.
    pub fn take(folder: &Path, process: &str) -> Result<Self, TurnError> {
        let path = folder.join(format!(".sidebox-gcdump-{process}.lock"));
        let wrong = |errno: Errno| TurnError::Lock {
            path: path.clone(),
            source: errno.into(),
        };
        loop {
            let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            // Toolboxes of other users lock it, too.
            let mode = Mode::from_raw_mode(0o666);
            let file = rustix::fs::open(&path, flags, mode).map_err(wrong)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::AGAIN) => return Err(TurnError::Taken(path)),
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(wrong(errno)),
            }
            // The one before may have removed the file between our opening and locking it.
            let (ours, there) = (fstat(&file).map_err(wrong)?, stat(&path));
            let same = |there: rustix::fs::Stat| {
                (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)
            };
            if there.is_ok_and(same) {
                return Ok(Self { path, _held: file });
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // The file is removed while it is still locked; an error leaves an empty file that hinders nobody.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let turn = Turn::take(folder.path(), "7").unwrap();
        let error = Turn::take(folder.path(), "7").unwrap_err();
        assert!(matches!(error, TurnError::Taken(_)), "{error}");
        Turn::take(folder.path(), "8").unwrap();
        drop(turn);
        Turn::take(folder.path(), "7").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_tool_left_is_taken_over_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".sidebox-gcdump-7.lock");
        fs::write(&path, "").unwrap();
        drop(Turn::take(folder.path(), "7").unwrap());
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let error = Turn::take(folder.path(), "7").unwrap_err();
        assert!(matches!(error, TurnError::Lock { .. }), "{error}");
    }

    #[test]
    fn many_at_once_get_it_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicU32::new(0);
        let work = || {
            for _ in 0..200 {
                if let Ok(turn) = Turn::take(folder.path(), "7") {
                    assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                    inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    drop(turn);
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
    }
}
