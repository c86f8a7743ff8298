//! How does a test say that it was left out? Past the harness, which shows what tests print only if they fail.

use std::io::{Write, stderr};

/// Says why a test was left out.
pub(crate) fn skipped(why: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(stderr(), "skipped: {why}");
}
