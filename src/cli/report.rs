//! What a person is told on standard error: a line for each object, and a summary.

use std::io::{IsTerminal, stderr};

use super::documents::PodPlace;
use crate::inject::finding::Finding;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Injected,
    Uninjected,
    Skipped,
    Refused,
    Unreadable,
}

impl Done {
    const fn word(self) -> &'static str {
        match self {
            Self::Injected => "injected",
            Self::Uninjected => "uninjected",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Self::Injected | Self::Uninjected => "\x1b[32m",
            Self::Skipped => "\x1b[2m",
            Self::Refused => "\x1b[33m",
            Self::Unreadable => "\x1b[31m",
        }
    }
}

/// Writes the report and counts.
#[derive(Debug)]
pub(super) struct Report {
    colour: bool,
    counts: Vec<(Done, usize)>,
}

/// Whether a stream takes colour: a terminal, and nobody said NO_COLOR.
pub(super) fn wants_colour(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            colour: wants_colour(stderr().is_terminal()),
            counts: Vec::new(),
        }
    }

    /// One object: what happened, to whom, where it stands and why.
    pub(super) fn object(&mut self, done: Done, place: &PodPlace, location: &str, why: &str) {
        let workload = &place.workload;
        let namespace = workload
            .namespace
            .as_deref()
            .map(|name| format!(" ({name})"))
            .unwrap_or_default();
        self.line(
            done,
            &format!(
                "{}/{}{namespace}  {location}  {why}",
                workload.kind, workload.name
            ),
        );
    }

    /// Anything else that is counted.
    #[expect(clippy::print_stderr, reason = "the report goes to standard error")]
    pub(super) fn line(&mut self, done: Done, text: &str) {
        match self.counts.iter_mut().find(|(known, _)| *known == done) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((done, 1)),
        }
        let (on, off) = if self.colour {
            (done.colour(), "\x1b[0m")
        } else {
            ("", "")
        };
        eprintln!("{on}{:<10}{off} {text}", done.word());
    }

    /// A finding below its object.
    pub(super) fn note(&self, finding: &Finding) {
        self.remark(&format!("{}: {finding}", finding.code()));
    }

    /// Something worth knowing about the text.
    #[expect(clippy::print_stderr, reason = "the report goes to standard error")]
    pub(super) fn remark(&self, text: &str) {
        let (on, off) = if self.colour {
            ("\x1b[2m", "\x1b[0m")
        } else {
            ("", "")
        };
        eprintln!("           {on}{text}{off}");
    }

    /// How many of what.
    #[expect(clippy::print_stderr, reason = "the report goes to standard error")]
    pub(super) fn summary(&self) {
        let counts: Vec<_> = self
            .counts
            .iter()
            .map(|(done, count)| format!("{count} {}", done.word()))
            .collect();
        eprintln!(
            "{}",
            if counts.is_empty() {
                "no Pods found".to_owned()
            } else {
                counts.join(", ")
            }
        );
    }

    /// How often something happened.
    pub(super) fn count(&self, done: Done) -> usize {
        self.counts
            .iter()
            .find(|(known, _)| *known == done)
            .map_or(0, |(_, count)| *count)
    }
}
