//! The chains from plain data: what is seen of a cluster goes in, the links come out, compared whole with files.
//!
//! `make golden` writes the files anew.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../deploy/objects.rs"]
#[expect(dead_code, reason = "the tests of the deployment use more of it")]
mod objects;
mod scenes;
mod world;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use sidebox::chain::faults::{FAULTS, LINKS};
use sidebox::chain::{Chain, State, Verdict};

fn page(chain: &Chain) -> String {
    let mut page = String::new();
    for link in chain.links() {
        let (state, code, fact) = (link.state.as_str(), link.kind.code(), link.state.fact());
        match &link.state {
            State::Broken(fault) => {
                writeln!(page, "{state} {code}: {} {fact}", fault.code()).unwrap();
            }
            State::Holds(_) | State::Unknown(_) | State::Idle(_) => {
                writeln!(page, "{state} {code}: {fact}").unwrap();
            }
        }
    }
    writeln!(page, "{:?}", chain.verdict()).unwrap();
    page
}

#[test]
fn every_scene_is_its_file() {
    let mut names = BTreeSet::new();
    for (name, chain) in scenes::all() {
        let path = objects::at("tests/chain").join(format!("{name}.txt"));
        let page = page(chain);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &page).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            page, written,
            "{name}: see the difference, then `make golden`"
        );
        names.insert(format!("{name}.txt"));
    }
    let files = fs::read_dir(objects::at("tests/chain")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let orphans: Vec<_> = files
        .filter(|name| !name.ends_with("rs") && !names.contains(name))
        .collect();
    assert!(orphans.is_empty(), "files without a scene: {orphans:?}");
}

#[test]
fn every_link_and_fault_has_its_scene() {
    let (mut links, mut faults) = (BTreeSet::new(), BTreeSet::new());
    for (_, chain) in scenes::all() {
        for link in chain.links() {
            links.insert(link.kind.code());
            if let State::Broken(fault) = &link.state {
                assert_eq!(fault.link(), link.kind);
                faults.insert(fault.code());
            }
        }
    }
    assert_eq!(links.len(), LINKS.len(), "{links:?}");
    let missing: Vec<_> = FAULTS
        .iter()
        .filter(|row| !faults.contains(row.code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn codes_are_unique_and_every_link_can_break() {
    let codes: BTreeSet<_> = FAULTS.iter().map(|row| row.code).collect();
    assert_eq!(codes.len(), FAULTS.len());
    for link in LINKS {
        assert!(
            FAULTS.iter().any(|row| row.link == link.kind),
            "{}",
            link.code
        );
    }
}

#[test]
fn the_committed_installation_is_whole() {
    let chain = scenes::all()
        .iter()
        .find(|(name, _)| *name == "check-whole");
    assert_eq!(chain.unwrap().1.verdict(), Verdict::Whole);
}
