//! `docs/troubleshooting.md`, from the tables of links and faults.

use std::fmt::Write;

use super::faults::{FAULTS, LINKS};

const LEAD: &str = include_str!("troubleshooting.md");

/// `docs/troubleshooting.md`.
pub fn troubleshooting() -> String {
    let mut page = String::from(LEAD);
    for link in LINKS {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n### {}\n\nHolds when {}.\n", link.code, link.holds);
        let faults: Vec<_> = FAULTS.iter().filter(|row| row.link == link.kind).collect();
        if !faults.is_empty() {
            page.push_str("\n| broken | what is seen | way out |\n|---|---|---|\n");
        }
        for row in faults {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} |",
                row.code, row.sentence, row.way_out
            );
        }
    }
    page
}
