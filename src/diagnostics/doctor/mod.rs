//! What stands between this toolbox and a process? Looked at in the order in which tools meet it, each with the fact that
//! was seen and, where something is wrong, the way out.
//!
//! Costs the process one short answer of its diagnostics thread. Knows nothing of how the findings are printed.

mod dumps;
mod reach;
mod room;

use std::path::Path;

use super::process::{Process, Visible};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, in a word or two.
    pub what: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// The fact, and behind it the way out if one is needed.
    pub text: String,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing is in the way here.
    Good,
    /// It cannot be seen from here.
    Unknown,
    /// Some tools or some results lack something.
    Limited,
    /// No tool reaches the process.
    Blocked,
}

/// What is examined, and from where.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The process, reached or not.
    pub process: &'a Process,
    /// This process itself.
    pub own: Option<&'a Visible>,
    /// Where results go.
    pub results: &'a Path,
}

impl Subject<'_> {
    /// What `/proc` says of it, where it can be seen.
    fn visible(&self) -> Option<&Visible> {
        self.process.visible.as_ref()
    }

    /// Whether its runtime has answered.
    fn answers(&self) -> bool {
        self.process.state.is_ok()
    }

    /// What is wrong and yet did not keep the runtime from answering limits; else it may be what blocks.
    fn wrong(&self, what: &'static str, text: String) -> Check {
        let verdict = if self.answers() {
            Verdict::Limited
        } else {
            Verdict::Blocked
        };
        Check::new(what, verdict, text)
    }
}

impl Check {
    const fn new(what: &'static str, verdict: Verdict, text: String) -> Self {
        Self {
            what,
            verdict,
            text,
        }
    }

    fn good(what: &'static str, text: String) -> Self {
        Self::new(what, Verdict::Good, text)
    }

    fn limited(what: &'static str, text: String) -> Self {
        Self::new(what, Verdict::Limited, text)
    }

    fn unknown(what: &'static str, text: String) -> Self {
        Self::new(what, Verdict::Unknown, text)
    }
}

/// Looks at everything that can be seen of a process.
pub fn examine(subject: &Subject<'_>) -> Vec<Check> {
    let checks = [
        Some(reach::process(subject)),
        reach::runtime(subject),
        reach::switches(subject),
        reach::folder(subject),
        reach::user(subject),
        reach::file_system(subject),
        Some(reach::answer(subject)),
        dumps::writer(subject),
        dumps::tracing(),
        dumps::filter(subject),
        room::stage(subject),
        room::results(subject),
        room::memory(subject),
    ];
    checks.into_iter().flatten().collect()
}
