//! How much memory has a process?

use std::fs;
use std::path::Path;

/// Resident memory now and at its highest, in KiB, of a process by its folder in `/proc`.
pub(crate) fn resident(process: &Path) -> (u64, u64) {
    let status = fs::read_to_string(process.join("status")).unwrap();
    let value = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let kib = line.unwrap().split_whitespace().next().unwrap();
        kib.parse().unwrap()
    };
    (value("VmRSS:"), value("VmHWM:"))
}
