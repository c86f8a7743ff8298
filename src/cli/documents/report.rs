//! What is said on standard error about each object, and which exit code follows?

use std::fmt;
use std::io::{self, IsTerminal, Write};

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It has the toolbox now.
    Injected,
    /// It is without the toolbox again.
    Removed,
    /// Nobody asked, or it needs nothing.
    Skipped,
    /// Somebody asked, it cannot be done.
    Refused,
    /// It could not be read or changed.
    Failed,
}

/// One line about an object, or about a document that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What became of it.
    pub outcome: Outcome,
    /// `Kind/name`; `None` for a document that cannot be read.
    pub object: Option<String>,
    /// The namespace that counts for it.
    pub namespace: Option<String>,
    /// The file, as named on the command line.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
    /// The stable code of the reason or finding, where there is one.
    pub code: Option<&'static str>,
    /// The reason in words.
    pub sentence: String,
}

/// Everything that is to be said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order of the input.
    pub entries: Vec<Entry>,
    /// Further remarks, such as comments that went.
    pub notes: Vec<String>,
}

impl Report {
    /// Writes a line per entry, the notes and a summary.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, mut out: impl Write, colour: bool) -> io::Result<()> {
        for entry in &self.entries {
            entry.write(&mut out, colour)?;
        }
        for note in &self.notes {
            writeln!(out, "note      {note}")?;
        }
        writeln!(out, "{}", self.summary())
    }

    /// `2 injected, 1 refused`
    pub fn summary(&self) -> String {
        let counts: Vec<_> = Outcome::ALL
            .iter()
            .map(|outcome| (self.count(*outcome), outcome))
            .filter(|(count, _)| *count > 0)
            .map(|(count, outcome)| format!("{count} {outcome}"))
            .collect();
        if counts.is_empty() {
            "no object has a Pod".to_owned()
        } else {
            counts.join(", ")
        }
    }

    /// 0: done; 1: something could not be read or changed; 2: something that asked was refused.
    pub fn exit_code(&self) -> u8 {
        if self.count(Outcome::Failed) > 0 {
            1
        } else if self.count(Outcome::Refused) > 0 {
            2
        } else {
            0
        }
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.outcome == outcome)
            .count()
    }
}

impl Entry {
    fn write(&self, out: &mut impl Write, colour: bool) -> io::Result<()> {
        // Padded before it is coloured: escape sequences would count as width.
        let word = format!("{:<9}", self.outcome.to_string());
        let word = self.outcome.painted(&word, colour);
        write!(out, "{word}")?;
        if let Some(object) = &self.object {
            write!(out, " {object}")?;
        }
        if let Some(namespace) = &self.namespace {
            write!(out, " ({namespace})")?;
        }
        write!(out, " {}:{} ", self.file, self.line)?;
        match self.code {
            Some(code) => writeln!(out, " {code}: {}", self.sentence),
            None => writeln!(out, " {}", self.sentence),
        }
    }
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Injected,
        Self::Removed,
        Self::Skipped,
        Self::Refused,
        Self::Failed,
    ];

    fn painted(self, word: &str, colour: bool) -> String {
        let code = match self {
            Self::Injected | Self::Removed => 32,
            Self::Skipped => 2,
            Self::Refused => 33,
            Self::Failed => 31,
        };
        if colour {
            format!("\u{1b}[{code}m{word}\u{1b}[0m")
        } else {
            word.to_owned()
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Injected => "injected",
            Self::Removed => "removed",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
            Self::Failed => "failed",
        })
    }
}

/// Whether to colour what goes there: a terminal, and nobody set NO_COLOR (no-color.org).
pub fn colour(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !unwanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(outcome: Outcome, code: Option<&'static str>) -> Entry {
        Entry {
            outcome,
            object: Some("Deployment/net-worker".into()),
            namespace: Some("shop".into()),
            file: "a.yaml".into(),
            line: 3,
            code,
            sentence: "nobody asked".into(),
        }
    }

    #[test]
    fn lines_summary_and_exit_code() {
        let unreadable = Entry {
            object: None,
            namespace: None,
            ..entry(Outcome::Failed, None)
        };
        let mut report = Report {
            entries: vec![entry(Outcome::Skipped, Some("not_asked")), unreadable],
            notes: vec!["a.yaml: comments went".into()],
        };
        let mut out = Vec::new();
        report.write(&mut out, false).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "skipped   Deployment/net-worker (shop) a.yaml:3  not_asked: nobody asked\n\
             failed    a.yaml:3  nobody asked\n\
             note      a.yaml: comments went\n1 skipped, 1 failed\n"
        );
        assert_eq!(report.exit_code(), 1);
        report.entries.pop();
        assert_eq!(report.exit_code(), 0);
        report
            .entries
            .push(entry(Outcome::Refused, Some("windows")));
        assert_eq!(report.exit_code(), 2);
        assert_eq!(Report::default().summary(), "no object has a Pod");
    }

    #[test]
    fn colour_surrounds_the_padded_word() {
        let mut out = Vec::new();
        let report = Report {
            entries: vec![entry(Outcome::Injected, None)],
            notes: Vec::new(),
        };
        report.write(&mut out, true).unwrap();
        assert!(out.starts_with(b"\x1b[32minjected \x1b[0m Deployment/"));
    }
}
