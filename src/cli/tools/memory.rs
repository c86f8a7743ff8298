//! How much memory may a tool take, here and in the application? What is free under the limits, with a margin.

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use crate::diagnostics::process::Visible;

const MEGABYTE: u64 = 1 << 20;

/// Bytes that this process may still take: three quarters of what its container's limit leaves, or half of what the
/// machine has free.
pub(super) fn room() -> usize {
    /// Where nothing can be known.
    const UNKNOWN: u64 = 512 * MEGABYTE;
    let own = Visible::read(Path::new("/proc"), std::process::id());
    let under_limit = own.and_then(|own| {
        let left = own.memory_limit()?.saturating_sub(own.resident()?);
        Some(left / 4 * 3)
    });
    let room = under_limit.or_else(|| available().map(|free| free / 2));
    usize::try_from(room.unwrap_or(UNKNOWN)).unwrap_or(usize::MAX)
}

/// What the machine has free.
fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The buffers of heap walks in an application, in megabytes: that of the first, and the biggest that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buffers {
    pub(super) first: NonZeroU32,
    pub(super) most: NonZeroU32,
}

/// What a heap walk may take in an application with so much memory in use, under a limit.
///
/// The events take 32 bytes for each object and 12 for each reference. That is less than the heap itself but for heaps
/// of tiny objects, and the heap is less than what is in use.
pub(super) fn buffers(resident: Option<u64>, limit: Option<u64>) -> Buffers {
    const UNKNOWN: u64 = 256;
    const LEAST: u64 = 16;
    const MOST: u64 = 4096;
    let free = match (limit, resident) {
        (Some(limit), Some(resident)) => limit.saturating_sub(resident) / 4 * 3 / MEGABYTE,
        (Some(limit), None) => limit / 4 / MEGABYTE,
        (None, _) => MOST,
    };
    let most = free.clamp(LEAST, MOST);
    let likely = resident.map_or(UNKNOWN, |resident| resident / MEGABYTE);
    let megabytes = |value: u64| {
        let value = u32::try_from(value).ok().and_then(NonZeroU32::new);
        value.unwrap_or(NonZeroU32::MIN)
    };
    Buffers {
        first: megabytes(likely.clamp(LEAST, most)),
        most: megabytes(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_stays_under_the_limit_of_the_application() {
        let gigabyte = Some(1024 * MEGABYTE);
        let rows = [
            // In use, limit, first, most.
            (None, None, 256, 4096),
            (Some(70 * MEGABYTE), None, 70, 4096),
            (Some(10_000 * MEGABYTE), None, 4096, 4096),
            (Some(100 * MEGABYTE), gigabyte, 100, 693),
            (Some(800 * MEGABYTE), gigabyte, 168, 168),
            (Some(1020 * MEGABYTE), gigabyte, 16, 16),
            (None, gigabyte, 256, 256),
        ];
        for (resident, limit, first, most) in rows {
            let found = buffers(resident, limit);
            assert_eq!((found.first.get(), found.most.get()), (first, most));
        }
    }

    #[test]
    fn there_is_room_here() {
        assert!(room() > 1 << 20);
    }
}
