//! How does a result come to its name without destroying another? It is made beside it, and takes the name when it is
//! worth it: a file that was there before stays until then, and nothing is left of a result that never came.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use time::OffsetDateTime;
use time::macros::format_description;

use super::CalledAs;
use super::place::Place;
use super::target::Target;

/// The options of every tool that makes a file.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// The file. Left out, its name tells what it is and it lies in /data where that is mounted, or beside what it is made of
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it is there, once there is a new one
    #[arg(long)]
    force: bool,
}

impl OutputArgs {
    /// The file, as it was typed.
    pub(super) fn asked(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// Whether the person insists.
    pub(super) fn is_forced(&self) -> bool {
        self.force
    }

    /// What becomes of a file that is there: it is replaced only if somebody said so, or called by Microsoft's name and
    /// knows it from there.
    pub(super) fn manners(&self, called: CalledAs) -> Manners {
        if self.force || called == CalledAs::Microsoft {
            Manners::Replace
        } else {
            Manners::Ask
        }
    }
}

/// What becomes of a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// It stays, and the person is told.
    Ask,
    /// A new one takes its place.
    Replace,
}

impl Manners {
    /// Whether a result may have this name: told before the application is put to any cost.
    pub(super) fn allow(self, path: &Path) -> anyhow::Result<()> {
        if self == Self::Ask && path.symlink_metadata().is_ok() {
            bail!("{} is there already: --force replaces it", path.display());
        }
        Ok(())
    }
}

/// What a result of its own name is called after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) place: &'a Place,
    pub(super) target: &'a Target,
    /// `trace`, `counters`, …
    pub(super) kind: &'a str,
    pub(super) extension: &'a str,
}

/// A file on its way to its name. Dropped before [`keep`](Self::keep), it is gone.
#[derive(Debug)]
pub(super) struct Draft {
    /// The name that it is to have.
    path: PathBuf,
    /// Where it is made; none for a device or a pipe, which is written to as it is.
    part: Option<PathBuf>,
    /// Whether an empty file of ours holds the name meanwhile.
    holds: bool,
    file: File,
}

impl Draft {
    /// Begins the file that was asked for, or one whose name tells Pod, process, kind and time.
    pub(super) fn begin(
        asked: Option<&Path>,
        manners: Manners,
        subject: Subject<'_>,
    ) -> anyhow::Result<Self> {
        match asked {
            Some(path) => Self::of(path, manners),
            None => Self::named(subject),
        }
    }

    /// Begins a file of a name that somebody chose.
    pub(super) fn of(path: &Path, manners: Manners) -> anyhow::Result<Self> {
        let wrong = || format!("cannot make {}", path.display());
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                let file = File::options().read(true).write(true).open(path);
                Ok(Self {
                    path: path.to_owned(),
                    part: None,
                    holds: false,
                    file: file.with_context(wrong)?,
                })
            }
            Ok(_) => {
                manners.allow(path)?;
                // Through links: they stay, and what they lead to is replaced.
                let path = fs::canonicalize(path).with_context(wrong)?;
                Self::beside(path, false)
            }
            Err(_) => match hold(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    bail!("{} is there already: --force replaces it", path.display())
                }
                held => {
                    held.with_context(wrong)?;
                    Self::beside(path.to_owned(), true)
                }
            },
        }
    }

    fn named(subject: Subject<'_>) -> anyhow::Result<Self> {
        let Subject {
            place,
            target,
            kind,
            extension,
        } = subject;
        let stamp = format_description!("[year][month][day]_[hour][minute][second]");
        let time = OffsetDateTime::now_utc().format(stamp)?;
        let pid = target.pid.to_string();
        let words = [&place.pod, target.name(), &pid, kind, &time].map(plain);
        let stem = words.join("_");
        for attempt in 1..100 {
            let again = if attempt == 1 {
                String::new()
            } else {
                format!("_{attempt}")
            };
            let path = place.results.join(format!("{stem}{again}.{extension}"));
            match hold(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let told = format!("cannot make {}: say where with -o", path.display());
                    return Err(error).context(told);
                }
                Ok(()) => return Self::beside(path, true),
            }
        }
        bail!("{stem}.{extension} and ninety-nine more are there already")
    }

    /// Opens the file that takes the name later.
    fn beside(path: PathBuf, holds: bool) -> anyhow::Result<Self> {
        let made = part(&path).inspect_err(|_| drop(holds.then(|| fs::remove_file(&path))));
        let (part, file) =
            made.with_context(|| format!("cannot make a file beside {}", path.display()))?;
        Ok(Self {
            path,
            part: Some(part),
            holds,
            file,
        })
    }

    /// The name that it is to have.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it lies until it has its name.
    pub(super) fn made_at(&self) -> &Path {
        self.part.as_deref().unwrap_or(&self.path)
    }

    /// The file, open for reading and writing, and empty; it stays the same when it gets its name.
    pub(super) fn file(&self) -> anyhow::Result<File> {
        let again = self.file.try_clone();
        again.with_context(|| format!("cannot open {} once more", self.made_at().display()))
    }

    /// Gives the file its name, in place of what had it.
    pub(super) fn keep(mut self) -> anyhow::Result<PathBuf> {
        if let Some(part) = &self.part {
            fs::rename(part, &self.path)
                .with_context(|| format!("cannot make {}", self.path.display()))?;
        }
        self.part = None;
        self.holds = false;
        Ok(self.path.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What is not there needs no removal, and that there is no result is told anyway.
        if let Some(part) = &self.part {
            let _ = fs::remove_file(part);
        }
        if self.holds {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A new file beside another. What a killed tool left there stays, since it may be somebody's.
fn part(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = |attempt: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(match attempt {
            1 => ".part".to_owned(),
            again => format!(".{again}.part"),
        });
        PathBuf::from(name)
    };
    for attempt in 1..100 {
        let part = name(attempt);
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        match options.open(&part) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return Ok((part, opened?)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Takes a name that nobody has.
fn hold(path: &Path) -> io::Result<()> {
    File::create_new(path).map(drop)
}

/// Part of a file's name: the process says what it is called.
fn plain(text: &str) -> String {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || ".-".contains(sign);
    text.chars()
        .take(64)
        .map(|sign| if fits(sign) { sign } else { '-' })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_process_cannot_choose_where_its_file_lies() {
        assert_eq!(plain("../../etc/p\u{1b}[31m x"), "..-..-etc-p--31m-x");
        assert_eq!(plain(&"x".repeat(900)).len(), 64);
    }

    #[test]
    fn a_result_that_never_came_leaves_nothing() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        drop(Draft::of(&path, Manners::Ask).unwrap());
        assert_eq!(names(&folder), [] as [&str; 0]);
        Draft::of(&folder.path().join("none/a"), Manners::Ask).unwrap_err();
    }

    #[test]
    fn an_old_file_stays_until_there_is_a_new_one() {
        let folder = TempDir::new().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("link"));
        fs::write(&path, "years of work").unwrap();
        symlink("a", &link).unwrap();
        let error = Draft::of(&path, Manners::Ask).unwrap_err().to_string();
        assert!(error.contains("--force replaces it"), "{error}");
        // What a killed tool left is no obstacle, and stays.
        fs::write(folder.path().join("a.part"), "half").unwrap();
        let draft = Draft::of(&link, Manners::Replace).unwrap();
        draft.file().unwrap().write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"years of work");
        drop(draft);
        assert_eq!(fs::read(&path).unwrap(), b"years of work");
        let draft = Draft::of(&link, Manners::Replace).unwrap();
        let mut file = draft.file().unwrap();
        file.write_all(b"new").unwrap();
        draft.keep().unwrap();
        file.write_all(b"er").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        assert_eq!(names(&folder), ["a", "a.part", "link"]);
        assert!(link.symlink_metadata().unwrap().is_symlink());
    }

    #[test]
    fn a_name_is_taken_while_its_file_is_made() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        let draft = Draft::of(&path, Manners::Ask).unwrap();
        Draft::of(&path, Manners::Ask).unwrap_err();
        assert_eq!(names(&folder), ["a", "a.part"]);
        assert_eq!(draft.keep().unwrap(), path);
        assert_eq!(names(&folder), ["a"]);
    }

    #[test]
    fn a_device_is_written_to_and_stays_one() {
        let draft = Draft::of(Path::new("/dev/null"), Manners::Replace).unwrap();
        assert_eq!(draft.made_at(), Path::new("/dev/null"));
        draft.keep().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
