//! Golden cases: the folders of `tests/cases`, through the `inject` command and the webhook.
//!
//! | file | what it is |
//! |---|---|
//! | `pod.yaml` | a Pod or a workload, with made-up fields at Pod, spec and container level |
//! | `namespace.yaml` | facts: Namespace, claims, LimitRanges, quotas |
//! | `settings.yaml` | settings |
//! | `lane.yaml` | `only: review` or `only: inject`, and `why` the two differ there by design |
//! | `expect.yaml` | what is decided and told |
//! | `patched.yaml` | the object after; absent where nothing changes |
//!
//! `make golden` writes the last two anew. The objects of `namespace.yaml` are all there is in its
//! namespace where `only: review` stands, as for `serve --facts`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a case that cannot be read fails"
)]

#[path = "support/golden.rs"]
mod golden;
#[path = "support/patches.rs"]
mod patches;
#[path = "support/pod_security.rs"]
mod pod_security;
#[path = "support/sample.rs"]
mod sample;
#[path = "support/surfaces.rs"]
mod surfaces;
#[path = "support/validity.rs"]
mod validity;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use sidebox::inject::finding::TABLE;

const FILES: [&str; 6] = [
    "pod.yaml",
    "namespace.yaml",
    "settings.yaml",
    "lane.yaml",
    "expect.yaml",
    "patched.yaml",
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    let mut trials: Vec<Trial> = folders.into_iter().map(trial).collect();
    trials.push(Trial::test("every_finding_has_a_case", move || {
        every_code(&root)
    }));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    trials.push(Trial::test("every_finding_is_explained", move || {
        every_code_is_explained(&root)
    }));
    trials.push(Trial::test("the_sample_is_as_by_hand", sample::as_by_hand));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(folder: PathBuf) -> Trial {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    Trial::test(name, move || {
        orphans(&folder)?;
        golden::check(&folder)
    })
}

/// Tested with input that is no Pod at all.
const WITHOUT_CASE: [&str; 3] = ["internal_error", "not_a_pod_creation", "unreadable_pod"];

fn every_code(root: &Path) -> Result<(), Failed> {
    let mut expected = String::new();
    for entry in fs::read_dir(root)? {
        expected += &fs::read_to_string(entry?.path().join("expect.yaml"))?;
    }
    let known = |code: &str| {
        expected.contains(&format!("\"{code}\"")) || expected.contains(&format!("sidebox {code}:"))
    };
    let missing: Vec<_> = TABLE
        .iter()
        .map(|row| row.code)
        .filter(|code| !WITHOUT_CASE.contains(code) && !known(code))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("no case has {missing:?}").into())
}

/// Files never know that a claim is missing; `tests/live` has `explain` tell these of what lives in a cluster.
const NOT_IN_FILES: [&str; 2] = ["claim_being_made", "claim_missing"];

/// What a file can have, `explain -f` is seen to tell.
fn every_code_is_explained(root: &Path) -> Result<(), Failed> {
    let mut expected = String::new();
    for entry in fs::read_dir(root)? {
        let folder = entry?.path();
        if !folder.join("lane.yaml").exists() {
            expected += &fs::read_to_string(folder.join("expect.yaml"))?;
        }
    }
    let codes = TABLE.iter().map(|row| row.code);
    let missing: Vec<_> = codes
        .filter(|code| !WITHOUT_CASE.contains(code) && !expected.contains(code))
        .collect();
    if missing == NOT_IN_FILES {
        return Ok(());
    }
    Err(format!("not explained on files: {missing:?}").into())
}

/// Files that no case reads are mistakes: a typing error would hide a fact.
fn orphans(folder: &Path) -> Result<(), Failed> {
    if !folder.join("pod.yaml").is_file() {
        return Err(format!("{} has no pod.yaml", folder.display()).into());
    }
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !FILES.iter().any(|known| name == *known) {
            return Err(format!("{} belongs to no case", folder.join(name).display()).into());
        }
    }
    Ok(())
}
