//! Where are the manifests of real projects? Beside the package, or where SIDEBOX_SHARED says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;

use sidebox::cli::documents::source::{self, Source};

#[path = "../support/skip.rs"]
mod skip;

fn folder() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("SIDEBOX_SHARED")
        .map_or_else(beside, PathBuf::from)
        .join("corpus")
}

/// Whether there are none on this machine; `all` says so.
pub(crate) fn missing() -> bool {
    let missing = !folder().is_dir();
    let required = std::env::var_os("SIDEBOX_REQUIRE_SHARED").is_some_and(|value| value == "1");
    assert!(
        !(missing && required),
        "{} is not there",
        folder().display()
    );
    missing
}

/// All of them.
pub(crate) fn all() -> Vec<Source> {
    if missing() {
        skip::skipped(&format!(
            "manifests of real projects: there are none in {}",
            folder().display()
        ));
        return Vec::new();
    }
    source::read(&[folder()], std::io::empty()).unwrap()
}
