//! The rooms of the house and what each must not import.

#![expect(
    clippy::unwrap_used,
    reason = "a source that cannot be read fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// What the pure rooms never touch: I/O, time, other people's runtimes.
const IMPURE: &[&str] = &[
    "tokio",
    "async ",
    "async_",
    "kube::",
    "kube_",
    "axum",
    "hyper",
    "rustls",
    "tracing",
    "clap",
    "anyhow",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "Instant",
    "SystemTime",
    "now()",
];

/// Room (a file or a folder of `src`) and the texts that must not stand in it.
const ROOMS: &[(&str, &[&str])] = &[
    ("inject", IMPURE),
    (
        "inject",
        &[
            "crate::admission",
            "crate::server",
            "crate::cli",
            "crate::review",
            "crate::pki",
        ],
    ),
    ("review.rs", IMPURE),
    (
        "review.rs",
        &[
            "crate::admission",
            "crate::server",
            "crate::cli",
            "crate::pki",
        ],
    ),
    ("workload.rs", IMPURE),
    (
        "workload.rs",
        &[
            "crate::admission",
            "crate::server",
            "crate::cli",
            "crate::pki",
        ],
    ),
    ("chain", IMPURE),
    (
        "chain",
        &[
            "crate::admission",
            "crate::server",
            "crate::cli",
            "crate::cluster",
            "crate::review",
        ],
    ),
    ("pki.rs", IMPURE),
    ("pki.rs", &["crate::"]),
    (
        "admission.rs",
        &[
            "axum",
            "hyper",
            "rustls",
            "clap",
            "kube::",
            "crate::server",
            "crate::cli",
        ],
    ),
    (
        "server",
        &[
            "kube::",
            "k8s_openapi",
            "crate::inject",
            "crate::cli",
            "clap",
            "anyhow",
        ],
    ),
    (
        "cluster",
        &["axum", "hyper", "clap", "crate::server", "crate::cli"],
    ),
    (
        "diagnostics",
        &[
            "tokio",
            "async ",
            "kube::",
            "axum",
            "hyper",
            "tracing::",
            "clap",
            "anyhow",
            "crate::admission",
            "crate::cli",
            "crate::cluster",
            "crate::inject",
            "crate::pki",
            "crate::review",
            "crate::server",
            "crate::workload",
        ],
    ),
];

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.flat_map(|path| sources(&path)).collect()
}

/// The code of a file: without comments and without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or("");
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn rooms_import_only_what_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (room, forbidden) in ROOMS {
        for path in sources(&src.join(room)) {
            let code = code(&path);
            let found = forbidden.iter().filter(|text| code.contains(**text));
            wrong.extend(found.map(|text| format!("{} has {text}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_under_four_hundred_lines() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lines = |path: &PathBuf| fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<_> = sources(&src)
        .into_iter()
        .filter(|path| lines(path) > 400)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}
