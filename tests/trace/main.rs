//! Profiles of recorded traces, against what dotnet-trace made of the same traces.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what cannot be read or made fails the test"
)]

#[path = "../dotnet/mod.rs"]
mod dotnet;

#[path = "../support/stream.rs"]
mod stream;

#[path = "../support/case.rs"]
#[allow(dead_code, reason = "the suite of the other tools uses the rest")]
mod case;
#[path = "../support/tool.rs"]
#[allow(dead_code, reason = "the suite of the other tools uses the rest")]
mod tool;

mod bounded;
mod cli;
mod live;
mod top;
mod viewers;

use std::fs::{self, File};
use std::io::Cursor;
use std::path::PathBuf;

use dotnet::{Dotnet, Version};
use proptest::prelude::*;
use sidebox::diagnostics::trace::{By, Names, Profile, Timeline, Titles, Top, TraceError, View};
use sidebox::diagnostics::trace::{chromium, speedscope};

/// The folders of reference files; none where there are none.
fn references() -> Vec<PathBuf> {
    let Some(dotnet) = Dotnet::find() else {
        return Vec::new();
    };
    Version::ALL
        .into_iter()
        .filter_map(|version| dotnet.reference(version))
        .collect()
}

/// What dotnet-trace calls itself in its files.
const MICROSOFT: &str = "Microsoft.Diagnostics.Tracing.TraceEvent@3.1.23.0";

fn timeline(file: File, view: View) -> Timeline {
    let mut profile = Profile::read(file).unwrap();
    Timeline::of(&mut profile, view, std::env::temp_dir()).unwrap()
}

fn titles(name: &str) -> Titles<'_> {
    Titles {
        exporter: MICROSOFT,
        name,
    }
}

#[track_caller]
fn assert_same(ours: &[u8], theirs: &[u8]) {
    let at = ours
        .iter()
        .zip(theirs)
        .position(|(a, b)| a != b)
        .unwrap_or_else(|| ours.len().min(theirs.len()));
    let around = |bytes: &[u8]| {
        String::from_utf8_lossy(
            &bytes[at.saturating_sub(60).min(bytes.len())..(at + 60).min(bytes.len())],
        )
        .into_owned()
    };
    assert!(
        ours == theirs,
        "{} and {} bytes, differing at {at}:\n  {}\n  {}",
        ours.len(),
        theirs.len(),
        around(ours),
        around(theirs)
    );
}

#[test]
fn speedscope_files_are_those_of_dotnet_trace() {
    for folder in references() {
        let timeline = timeline(
            File::open(folder.join("trace.nettrace")).unwrap(),
            View::Wall,
        );
        let mut bytes = Vec::new();
        speedscope::write(&timeline, titles("trace.speedscope"), &mut bytes).unwrap();
        assert_same(
            &bytes,
            &fs::read(folder.join("trace.speedscope.json")).unwrap(),
        );
    }
}

#[test]
fn chromium_files_are_those_of_dotnet_trace() {
    for folder in references() {
        let timeline = timeline(
            File::open(folder.join("trace.nettrace")).unwrap(),
            View::Wall,
        );
        let mut bytes = Vec::new();
        chromium::write(&timeline, titles("trace.chromium"), &mut bytes).unwrap();
        assert_same(
            &bytes,
            &fs::read(folder.join("trace.chromium.json")).unwrap(),
        );
    }
}

/// Everything that can be made of a trace; how long the results are.
fn all(bytes: &[u8]) -> Result<usize, TraceError> {
    let mut profile = Profile::read(Cursor::new(bytes))?;
    let mut length = 0;
    for view in [View::Wall, View::Cpu] {
        let timeline = Timeline::of(&mut profile, view, std::env::temp_dir())?;
        let mut written = Vec::new();
        speedscope::write(&timeline, titles("a"), &mut written)?;
        chromium::write(&timeline, titles("a"), &mut written)?;
        let top = Top::of(&mut profile, view)?;
        length += written.len() + top.table((By::Inclusive, Names::All), 5, true).len();
    }
    Ok(length)
}

proptest! {
    #[test]
    fn bytes_that_were_changed_give_results_or_an_error(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = cli::small();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(length) = all(&bytes) {
            prop_assert!(length < 100 * bytes.len());
        }
    }
}
