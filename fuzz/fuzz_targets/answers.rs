//! Any bytes as the answer of a runtime: read or refused, never a panic, and no more kept than came.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidebox::diagnostics::ipc::{InfoVersion, ProcessInfo, environment};

fuzz_target!(|bytes: &[u8]| {
    for version in [InfoVersion::One, InfoVersion::Two, InfoVersion::Three] {
        if let Ok(info) = ProcessInfo::read(version, bytes) {
            // A unit of UTF-16 becomes up to three bytes.
            assert!(info.command_line.len() <= 2 * bytes.len());
        }
    }
    if let Ok(variables) = environment(bytes) {
        let kept: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(kept <= 2 * bytes.len());
    }
});
