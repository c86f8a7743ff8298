//! Is there still room on the disk for the end of a trace?

use std::fs::File;

/// The most that is kept: the rundown of a big application.
const MOST: u64 = 32 << 20;
/// What the rundown of a small application needs, with some to spare.
const LEAST: u64 = 4 << 20;
/// How much is written between two looks.
const STEP: u64 = 128 << 10;

/// The free space of the disk on which a file lies, of which some is kept.
#[derive(Debug)]
pub(super) struct Space {
    kept: u64,
    next_look: u64,
}

impl Space {
    /// Keeps a quarter of what is free now, within what rundowns need; of very little a half.
    pub(super) fn of(file: &File) -> Self {
        let share = |free: u64| (free / 2).min((free / 4).clamp(LEAST, MOST));
        let kept = free(file).map_or(0, share);
        Self { kept, next_look: 0 }
    }

    /// Whether only the kept part is left, after this many bytes were written.
    pub(super) fn is_low(&mut self, file: &File, written: u64) -> bool {
        if written < self.next_look {
            return false;
        }
        self.next_look = written + STEP;
        free(file).is_some_and(|free| free < self.kept)
    }
}

fn free(file: &File) -> Option<u64> {
    let disk = rustix::fs::fstatvfs(file).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}
