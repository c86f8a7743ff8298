//! Many tools on one application at the same time, of every kind: each gets what is its own, and nothing is left behind.

use std::path::{Path, PathBuf};
use std::process::Child;

use super::case::Case;
use super::counters::events;
use super::dotnet::Version;
use super::tool::{Ran, finish, sidebox, spawn};
use super::{is_whole, quiet, runtime};

/// What one tool of the crowd does, and the words with which it is called.
const KINDS: [(&str, &[&str]); 3] = [
    ("nettrace", &["trace", "collect", "--duration", "00:00:03"]),
    (
        "json",
        &[
            "counters",
            "collect",
            "--format",
            "json",
            "--duration",
            "00:00:05",
        ],
    ),
    ("gcdump", &["gcdump", "collect"]),
];
/// Twelve traces, eight times counters and four heaps.
const CROWD: usize = 24;

fn kind(at: usize) -> usize {
    if at % 6 == 5 { 2 } else { at % 2 }
}

/// Starts one of the crowd; its file tells which.
fn start(case: &Case, at: usize) -> (PathBuf, Child) {
    let (extension, words) = KINDS[kind(at)];
    let file = case.folder.path().join(format!("{at}.{extension}"));
    let mut tool = case.tool(sidebox(), words);
    let child = spawn(tool.arg("-o").arg(&file));
    (file, child)
}

/// Whether a tool has done its work; heaps are walked one at a time, so that one may be refused.
fn did(at: usize, file: &Path, ran: &Ran) -> bool {
    let is_heap = kind(at) == 2;
    if is_heap && ran.code == Some(1) {
        assert!(ran.err.contains("another `gcdump`"), "{}", ran.err);
        assert!(!file.exists());
        return false;
    }
    assert_eq!(ran.code, Some(0), "{at}: {}", ran.err);
    match kind(at) {
        0 => assert!(is_whole(&std::fs::read(file).unwrap()), "{at}"),
        1 => assert!(events(file).len() >= 27, "{at}"),
        _ => {}
    }
    true
}

#[test]
fn twenty_four_tools_of_every_kind_share_one_application() {
    for version in Version::ALL {
        let Some(mut case) = Case::hello(version, "unused") else {
            return;
        };
        let crowd: Vec<_> = (0..CROWD).map(|at| start(&case, at)).collect();
        let mut done = [0; 3];
        for (at, (file, child)) in crowd.into_iter().enumerate() {
            done[kind(at)] += usize::from(did(at, &file, &finish(child)));
        }
        assert_eq!(done[..2], [12, 8], "{version:?}");
        assert!(done[2] >= 1, "one heap at least: {version:?}");
        // Of the runtime's 64 places for sessions each is free again.
        let runtime = runtime(&case.app);
        let all: Vec<_> = (0..64)
            .map(|_| runtime.collect(&quiet()).unwrap())
            .collect();
        drop(all);
        case.app.signal("TERM");
        assert_eq!(case.app.await_end(), Some(0), "{version:?}");
    }
}
