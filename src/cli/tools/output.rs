//! Where do words go? Notes for the person, and nothing in them that a terminal would obey.

use std::io::{self, IsTerminal, Write, stderr, stdout};
use std::path::Path;
use std::time::Duration;

/// What becomes of a write to standard output: that nobody reads any more is no error.
pub(super) fn without_reader(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Ok(())
    } else {
        Err(error)
    }
}

/// Tells the path of a result, on standard output, where nothing else goes.
pub(super) fn result(path: &Path) -> io::Result<()> {
    writeln!(stdout(), "{}", path.display()).or_else(without_reader)
}

/// Prints a page that is the result itself.
pub(super) fn page(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    printed.or_else(without_reader)
}

/// Tells the person something; results alone go to standard output.
pub(super) fn note(text: &str) {
    // Whoever reads may have gone; the work goes on.
    let _ = writeln!(stderr(), "{}", printable_lines(text));
}

/// One line: the process decides what it is called.
pub(super) fn printable(text: &str) -> String {
    let shown = |sign: char| if sign.is_control() { '\u{fffd}' } else { sign };
    text.chars().map(shown).collect()
}

/// The same for a text that may have several lines.
pub(in crate::cli) fn printable_lines(text: &str) -> String {
    let obeyed = |sign: char| sign.is_control() && sign != '\n' && sign != '\t';
    let shown = |sign: char| if obeyed(sign) { '\u{fffd}' } else { sign };
    text.chars().map(shown).collect()
}

/// A line that is written over and over where a person watches, and not at all elsewhere.
#[derive(Debug)]
pub(super) struct Line {
    watched: bool,
    shown: bool,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            watched: stderr().is_terminal(),
            shown: false,
        }
    }

    /// Shows the line anew.
    pub(super) fn show(&mut self, text: &str) {
        if self.watched {
            self.shown = true;
            let _ = write!(stderr(), "\r{text}\x1b[K");
        }
    }

    /// Leaves the line as it is and goes on below it.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = writeln!(stderr());
        }
    }
}

/// A time since the beginning for people: `00:01:30`.
pub(super) fn clock(time: Duration) -> String {
    let time = time.as_secs();
    format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60)
}

/// A count of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    let mut tenths = u128::from(bytes) * 10;
    for unit in ["bytes", "KB", "MB", "GB"] {
        if tenths < 10_000 {
            let part = if unit == "bytes" {
                String::new()
            } else {
                format!(".{}", tenths % 10)
            };
            return format!("{}{part} {unit}", tenths / 10);
        }
        tenths /= 1000;
    }
    format!("{}.{} TB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        let rows = [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_234, "1.2 KB"),
            (5_000_000_000, "5.0 GB"),
        ];
        for (bytes, shown) in rows {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn no_word_commands_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[2J\nb\u{9b}c"),
            "a\u{fffd}[2J\u{fffd}b\u{fffd}c"
        );
        assert_eq!(printable_lines("a\u{1b}[2J\n\tb"), "a\u{fffd}[2J\n\tb");
    }
}
