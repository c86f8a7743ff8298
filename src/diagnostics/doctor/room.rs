//! Is there room for results? On disks, and in memory under the limit.

use std::path::Path;

use rustix::fs::{Access, access};

use super::{Check, Subject};
use crate::diagnostics::dump::{Room, Stage, likely_size};
use crate::diagnostics::ipc::DumpType;

const MEGABYTE: u64 = 1 << 20;
/// What is little: a trace of a minute and its names.
const LITTLE: u64 = 64 * MEGABYTE;

/// The folder in which the application writes dumps.
pub(super) fn stage(subject: &Subject<'_>) -> Option<Check> {
    let what = "dump's folder";
    let runtime = subject.process.state.as_ref().ok()?;
    let stage = match Stage::of(runtime) {
        Ok(stage) => stage,
        Err(error) => return Some(Check::limited(what, format!("no dumps: {error}"))),
    };
    let here = stage.here().display();
    let room = match Room::of(stage.here()) {
        Ok(room) => room,
        Err(error) => return Some(Check::unknown(what, format!("{here}: {error}"))),
    };
    let full = subject
        .visible()
        .and_then(|process| likely_size(process, DumpType::Full));
    let free = megabytes(room.free);
    let memory = if room.memory { ", made of memory" } else { "" };
    Some(match full {
        Some(full) if full > room.free => Check::limited(
            what,
            format!(
                "{here} has {free} free{memory}, a full dump takes up to {}: take --type Mini, or give the emptyDir more room",
                megabytes(full)
            ),
        ),
        _ => Check::good(
            what,
            format!("{here} has {free} free{memory}; limits of emptyDirs cannot be seen from here"),
        ),
    })
}

/// The folder into which results go.
pub(super) fn results(subject: &Subject<'_>) -> Option<Check> {
    let what = "results";
    let folder = if subject.results.as_os_str().is_empty() {
        Path::new(".")
    } else {
        subject.results
    };
    let shown = folder.display();
    if let Err(error) = access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        let text = format!(
            "{shown} cannot be written to ({error}): the volume belongs to another user; write to /tmp with -o, or see \
             data.uid of the settings"
        );
        return Some(Check::limited(what, text));
    }
    let free = Room::of(folder).ok()?.free;
    let text = format!("{shown} has {} free", megabytes(free));
    Some(if free < LITTLE {
        Check::limited(
            what,
            format!("{text}: remove old results, or say -o elsewhere"),
        )
    } else {
        Check::good(what, text)
    })
}

/// What the application may still take: buffers of traces and heap walks lie in it.
pub(super) fn memory(subject: &Subject<'_>) -> Option<Check> {
    let what = "memory";
    let process = subject.visible()?;
    let resident = process.resident()?;
    let Some(limit) = process.memory_limit() else {
        return Some(Check::good(
            what,
            format!("{} in use, no limit in sight", megabytes(resident)),
        ));
    };
    let left = limit.saturating_sub(resident);
    let text = format!("{} in use of {}", megabytes(resident), megabytes(limit));
    Some(if left < LITTLE {
        Check::limited(
            what,
            format!(
                "{text}: the buffers of a trace or a heap walk may end it; small --buffersize, or a higher limit"
            ),
        )
    } else {
        Check::good(what, text)
    })
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / MEGABYTE)
}
