//! Which files changed since they were last read?
//!
//! By polling and comparing contents: modification times lie, and inotify misses the symlink swap
//! by which the kubelet replaces Secrets and ConfigMaps. Knows nothing of what the files mean.

use std::convert::Infallible;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::metrics::Reloads;

/// No file that is followed may be bigger: what is read on a timer must be bounded.
const MOST_BYTES: u64 = 16 << 20;

/// Why the files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// One of them cannot be opened or read.
    #[error("cannot read the {what} file {}: {why}", .path.display())]
    Read {
        /// What the file is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// One of them is too big to be what it should be.
    #[error("the {what} file {} is over {MOST_BYTES} bytes", .path.display())]
    TooBig {
        /// What the file is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
}

/// Files that are read and replaced together.
#[derive(Debug, Clone)]
pub struct FileSet {
    what: &'static str,
    paths: Vec<PathBuf>,
    seen: [u8; 32],
}

impl FileSet {
    /// Reads the files for the first time; `what` says in messages what they are for.
    ///
    /// # Errors
    /// [`ReloadError`] when one of them cannot be read.
    pub fn open(
        what: &'static str,
        paths: Vec<PathBuf>,
    ) -> Result<(Self, Vec<Vec<u8>>), ReloadError> {
        let mut files = Self {
            what,
            paths,
            seen: [0; 32],
        };
        let contents = files.read()?;
        files.seen = digest(&contents);
        Ok((files, contents))
    }

    /// The contents, in the order of the paths, if they differ from those last returned.
    ///
    /// Reads twice: files that are just being replaced count as unchanged until the next call.
    ///
    /// # Errors
    /// [`ReloadError`] when one of them cannot be read.
    pub fn changed(&mut self) -> Result<Option<Vec<Vec<u8>>>, ReloadError> {
        let contents = self.read()?;
        let now = digest(&contents);
        if now == self.seen || now != digest(&self.read()?) {
            return Ok(None);
        }
        self.seen = now;
        Ok(Some(contents))
    }

    /// Small local files: read on the spot, a thread for it would cost more.
    fn read(&self) -> Result<Vec<Vec<u8>>, ReloadError> {
        self.paths.iter().map(|path| self.read_one(path)).collect()
    }

    fn read_one(&self, path: &Path) -> Result<Vec<u8>, ReloadError> {
        let mut content = Vec::new();
        let read = File::open(path)
            .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut content))
            .map_err(|why| ReloadError::Read {
                what: self.what,
                path: path.into(),
                why,
            })?;
        if read as u64 > MOST_BYTES {
            return Err(ReloadError::TooBig {
                what: self.what,
                path: path.into(),
            });
        }
        Ok(content)
    }
}

/// Gives changed contents to `apply` for ever. What cannot be read or applied leaves the last
/// good in force, with one log line and one count per change.
pub async fn follow<E: Display>(
    mut files: FileSet,
    interval: Duration,
    reloads: Reloads,
    mut apply: impl FnMut(Vec<Vec<u8>>) -> Result<(), E>,
) -> Infallible {
    let mut unreadable = None;
    loop {
        tokio::time::sleep(interval).await;
        let changed = files.changed().map_err(|error| error.to_string());
        let outcome = match changed {
            Ok(None) => {
                unreadable = None;
                continue;
            }
            Err(error) if unreadable.as_ref() == Some(&error) => continue,
            Err(error) => Err(unreadable.insert(error).clone()),
            Ok(Some(contents)) => {
                unreadable = None;
                apply(contents).map_err(|error| error.to_string())
            }
        };
        report(files.what, &reloads, outcome);
    }
}

fn report(what: &str, reloads: &Reloads, outcome: Result<(), String>) {
    match outcome {
        Ok(()) => {
            reloads.loaded.inc();
            tracing::info!(file = what, "loaded the changed {what}");
        }
        Err(error) => {
            reloads.failed.inc();
            tracing::error!(file = what, %error, "kept the last good {what}: {error}");
        }
    }
}

/// Over lengths and contents, so that bytes cannot move from one file to the next unseen.
fn digest(contents: &[Vec<u8>]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for content in contents {
        digest.update((content.len() as u64).to_be_bytes());
        digest.update(content);
    }
    digest.finalize().into()
}
