//! Which files are read? Files, folders with all below them, and standard input.
//!
//! Knows nothing of what stands in them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read; far more than a cluster's objects as text.
const LARGEST: u64 = 256 << 20;
/// The endings of files that a folder is read for.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];
/// How many folders deep a folder is read.
const DEEPEST: usize = 64;

/// A file, or standard input, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path as messages name it; `-` for standard input.
    pub name: String,
    /// All its bytes.
    pub bytes: Vec<u8>,
}

/// A source that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system's own error.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// More than [`LARGEST`] bytes.
    #[error("{} is larger than {} MiB, the most that is read of one file", .0.display(), LARGEST >> 20)]
    TooLarge(PathBuf),
    /// Folders within folders without end.
    #[error("{} lies more than {DEEPEST} folders deep", .0.display())]
    TooDeep(PathBuf),
    /// A folder without manifests.
    #[error("{} has no file that ends in .yaml, .yml or .json", .0.display())]
    NoManifests(PathBuf),
    /// `-` given more than once.
    #[error("standard input (`-`) can be read only once")]
    StdinTwice,
}

/// Reads everything named, in the order given; the files of a folder by the order of their paths.
///
/// Within folders, names that begin with a dot and links to other folders are left out (a mounted
/// ConfigMap holds each file once more behind them).
///
/// # Errors
/// [`SourceError`] for the first thing that cannot be read.
pub fn read(paths: &[PathBuf], stdin: impl Read) -> Result<Vec<Source>, SourceError> {
    let mut sources = Vec::new();
    let mut stdin = Some(stdin);
    for path in paths {
        if path.as_os_str() == "-" {
            let input = stdin.take().ok_or(SourceError::StdinTwice)?;
            sources.push(read_from(path, input)?);
        } else if path.is_dir() {
            let mut files = Vec::new();
            walk(path, DEEPEST, &mut files)?;
            if files.is_empty() {
                return Err(SourceError::NoManifests(path.clone()));
            }
            for file in files {
                sources.push(read_file(&file)?);
            }
        } else {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    if depth == 0 {
        return Err(SourceError::TooDeep(folder.to_owned()));
    }
    let failed = |source| SourceError::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&path, depth - 1, files)?;
        } else if is_manifest(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(ending))
    })
}

fn read_file(path: &Path) -> Result<Source, SourceError> {
    let file = fs::File::open(path).map_err(|source| SourceError::Read {
        path: path.to_owned(),
        source,
    })?;
    read_from(path, file)
}

fn read_from(path: &Path, input: impl Read) -> Result<Source, SourceError> {
    let mut bytes = Vec::new();
    input
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| SourceError::Read {
            path: path.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > LARGEST {
        return Err(SourceError::TooLarge(path.to_owned()));
    }
    Ok(Source {
        name: path.display().to_string(),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_in_order_and_hidden_ones_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in ["b.yaml", "a/z.json", "a/y.txt", ".git/c.yaml", "c.YML"] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), file).unwrap();
        }
        std::os::unix::fs::symlink("b.yaml", root.join("d.yaml")).unwrap();
        std::os::unix::fs::symlink(".", root.join("loop")).unwrap();
        let sources = read(&[root.to_owned(), "-".into()], &b"input"[..]).unwrap();
        let bytes: Vec<_> = sources
            .iter()
            .map(|s| String::from_utf8_lossy(&s.bytes))
            .collect();
        assert_eq!(bytes, ["a/z.json", "b.yaml", "c.YML", "b.yaml", "input"]);
        assert_eq!(sources.last().unwrap().name, "-");
    }

    #[test]
    fn what_is_missing_is_named() {
        let empty = tempfile::tempdir().unwrap();
        for (paths, part) in [
            (vec!["-".into(), "-".into()], "only once"),
            (vec![empty.path().join("none.yaml")], "none.yaml"),
            (vec![empty.path().to_owned()], ".yml"),
        ] {
            let error = read(&paths, io::empty()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
