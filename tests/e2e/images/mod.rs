//! The images that a node runs, made once. Must not know who runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// As archives are named.
pub(crate) const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "amd64"
};
/// What the script ends with when there is no .NET.
const ABSENT: i32 = 3;

static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(prepare);

/// The folder of the archives; none, which is said, if there is no .NET to run.
pub(crate) fn folder() -> Option<&'static Path> {
    if FOLDER.is_none() {
        println!("skipped: needs a .NET, and tests/dotnet/prepare found none");
    }
    FOLDER.as_deref()
}

fn prepare() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/images/prepare");
    let done = Command::new(script)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let required = std::env::var_os("SIDEBOX_REQUIRE_SHARED").is_some_and(|value| value == "1");
    if done.status.code() == Some(ABSENT) && !required {
        return None;
    }
    assert!(done.status.success(), "tests/e2e/images/prepare");
    Some(String::from_utf8(done.stdout).unwrap().trim_end().into())
}
