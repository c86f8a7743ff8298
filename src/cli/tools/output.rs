//! Where do results and words go? Files with telling names, made without destroying others; notes for the person.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use time::OffsetDateTime;
use time::macros::format_description;

use super::CalledAs;
use super::place::Place;
use super::target::Target;

/// A result that is about to be written.
#[derive(Debug)]
pub(super) struct Result<'a> {
    /// Where it was asked to go.
    pub(super) asked: Option<&'a Path>,
    /// Whether a file that is there may be replaced.
    pub(super) force: bool,
    /// What it is: `trace`, `counters`, …
    pub(super) kind: &'a str,
    /// The extension of its name.
    pub(super) extension: &'a str,
}

impl Result<'_> {
    /// Makes the file. Without a path its name tells Pod, process, kind and time; one that is there is replaced
    /// only if somebody said so, or called by Microsoft's name and knows it from there.
    pub(super) fn create(
        &self,
        place: &Place,
        target: &Target,
        called: CalledAs,
    ) -> anyhow::Result<(PathBuf, File)> {
        let Some(asked) = self.asked else {
            return self.create_named(place, target);
        };
        create(asked, self.force, called).map(|file| (asked.to_owned(), file))
    }

    fn create_named(&self, place: &Place, target: &Target) -> anyhow::Result<(PathBuf, File)> {
        let stamp = format_description!("[year][month][day]_[hour][minute][second]");
        let time = OffsetDateTime::now_utc().format(stamp)?;
        let words = [
            &place.pod,
            target.name(),
            &target.pid.to_string(),
            self.kind,
            &time,
        ]
        .map(plain);
        let stem = words.join("_");
        for attempt in 1..100 {
            let again = if attempt == 1 {
                String::new()
            } else {
                format!("_{attempt}")
            };
            let path = place
                .results
                .join(format!("{stem}{again}.{}", self.extension));
            match File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)
            {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let told = format!("cannot make {}: say where with -o", path.display());
                    return Err(error).context(told);
                }
                Ok(file) => return Ok((path, file)),
            }
        }
        bail!(
            "{stem}.{} and ninety-nine more are there already",
            self.extension
        )
    }
}

/// Makes a file of a name that somebody chose; one that is there is replaced only if somebody said so, or called by
/// Microsoft's name and knows it from there.
pub(super) fn create(path: &Path, force: bool, called: CalledAs) -> anyhow::Result<File> {
    let replace = force || called == CalledAs::Microsoft;
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .truncate(replace)
        .create(replace)
        .create_new(!replace);
    match options.open(path) {
        Ok(file) => Ok(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} is there already: --force replaces it", path.display())
        }
        Err(error) => Err(error).with_context(|| format!("cannot make {}", path.display())),
    }
}

/// Part of a file's name: the process says what it is called.
fn plain(text: &str) -> String {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || ".-".contains(sign);
    text.chars()
        .take(64)
        .map(|sign| if fits(sign) { sign } else { '-' })
        .collect()
}

/// What becomes of a write to standard output: that nobody reads any more is no error.
pub(super) fn without_reader(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Ok(())
    } else {
        Err(error)
    }
}

/// Tells the person something; results alone go to standard output.
pub(super) fn note(text: &str) {
    // Whoever reads may have gone; the work goes on.
    let _ = writeln!(stderr(), "{text}");
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
    fn a_process_cannot_choose_where_its_file_lies() {
        assert_eq!(plain("../../etc/p\u{1b}[31m x"), "..-..-etc-p--31m-x");
        assert_eq!(plain(&"x".repeat(900)).len(), 64);
    }
}
