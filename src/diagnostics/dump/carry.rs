//! A file from one place to another, without a moment in which it could be lost: the first copy goes when the second was
//! read back and is the same.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 20;

/// What became of a file.
#[derive(Debug)]
pub struct Carried {
    /// Its length.
    pub bytes: u64,
    /// Why the first copy is still there, if it is.
    pub left: Option<io::Error>,
}

/// Why a file stayed where it was.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its new place does not take it.
    #[error("{} cannot be written; the dump stays in {}", path.display(), kept.display())]
    Write {
        /// The new place.
        path: PathBuf,
        /// Where the file still is.
        kept: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The copy is not what was copied.
    #[error("{} is not what was written there: read again it has another hash; the dump stays in {}", path.display(), kept.display())]
    Differs {
        /// The new place.
        path: PathBuf,
        /// Where the file still is.
        kept: PathBuf,
    },
}

/// Brings `from` to `to`, where an empty file lies already. `progress` is told how many bytes were copied.
///
/// # Errors
/// One of the two cannot be read or written, or the copy is not the same: then `from` is still there.
pub fn carry(from: &Path, to: &Path, progress: impl FnMut(u64)) -> Result<Carried, CarryError> {
    let read = |source| CarryError::Read {
        path: from.to_owned(),
        source,
    };
    let write = |source| CarryError::Write {
        path: to.to_owned(),
        kept: from.to_owned(),
        source,
    };
    // The application's folder may hold anything under this name: no link is followed, no pipe waited for.
    let found = fs::symlink_metadata(from).map_err(read)?;
    if !found.is_file() {
        return Err(read(io::ErrorKind::InvalidInput.into()));
    }
    let place = fs::metadata(to).map_err(write)?;
    if found.dev() == place.dev() && fs::rename(from, to).is_ok() {
        return Ok(Carried {
            bytes: found.len(),
            left: None,
        });
    }
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let source = File::options().read(true).custom_flags(flags).open(from);
    let source = source.map_err(read)?;
    let target = File::options().write(true).open(to).map_err(write)?;
    // The file holds what the process held: for nobody else, where the file system knows such things. A device is everybody's.
    if place.is_file() {
        let _ = target.set_permissions(Permissions::from_mode(0o600));
    }
    let (bytes, hash) = copy(source, &target, progress).map_err(|failure| match failure {
        Failure::Read(error) => read(error),
        Failure::Write(error) => write(error),
    })?;
    drop(target);
    let again = File::open(to).and_then(|file| digest(file).map(|found| found == hash));
    match again {
        Ok(true) => Ok(Carried {
            bytes,
            left: fs::remove_file(from).err(),
        }),
        Ok(false) => Err(CarryError::Differs {
            path: to.to_owned(),
            kept: from.to_owned(),
        }),
        Err(error) => Err(write(error)),
    }
}

enum Failure {
    Read(io::Error),
    Write(io::Error),
}

fn copy(
    mut source: File,
    mut target: &File,
    mut progress: impl FnMut(u64),
) -> Result<(u64, [u8; 32]), Failure> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Read(error)),
        };
        hash.update(&buffer[..count]);
        target.write_all(&buffer[..count]).map_err(Failure::Write)?;
        bytes += count as u64;
        progress(bytes);
    }
    match target.sync_all() {
        // Devices and pipes keep nothing that could be lost.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
        synced => synced.map_err(Failure::Write)?,
    }
    Ok((bytes, hash.finalize().into()))
}

fn digest(mut file: File) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Two file systems, where the machine has both.
    fn folders() -> (TempDir, TempDir) {
        (
            TempDir::new().unwrap(),
            TempDir::new_in("/dev/shm").unwrap(),
        )
    }

    #[test]
    fn a_file_is_renamed_or_copied_and_is_the_same() {
        let (disk, memory) = folders();
        let bytes: Vec<u8> = (0..3_000_000_u32)
            .map(|at| u8::try_from(at % 251).unwrap())
            .collect();
        for folder in [&disk, &memory] {
            let from = disk.path().join("from");
            let to = folder.path().join("to");
            fs::write(&from, &bytes).unwrap();
            File::create(&to).unwrap();
            let carried = carry(&from, &to, |_| {}).unwrap();
            assert_eq!(carried.bytes, 3_000_000);
            assert!(carried.left.is_none() && !from.exists());
            assert_eq!(fs::read(&to).unwrap(), bytes);
        }
    }

    #[test]
    fn what_cannot_be_brought_stays() {
        let (disk, _) = folders();
        let from = disk.path().join("from");
        fs::write(&from, "years").unwrap();
        let told = carry(&from, Path::new("/dev/full"), |_| {})
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("/dev/full cannot be written; the dump stays in "),
            "{told}"
        );
        let mode = fs::metadata("/dev/full").unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o666, "a device is still everybody's");
        // What was written there is not what can be read there.
        let told = carry(&from, Path::new("/dev/null"), |_| {})
            .unwrap_err()
            .to_string();
        assert!(told.contains("read again it has another hash"), "{told}");
        assert_eq!(fs::read(&from).unwrap(), b"years");
    }

    /// Who owns the folder may have put something else there.
    #[test]
    fn links_and_pipes_are_no_dumps() {
        let (disk, memory) = folders();
        let (from, to) = (disk.path().join("from"), memory.path().join("to"));
        File::create(&to).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &from).unwrap();
        assert!(matches!(
            carry(&from, &to, |_| {}),
            Err(CarryError::Read { .. })
        ));
        fs::remove_file(&from).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&from).status();
        assert!(made.unwrap().success());
        assert!(matches!(
            carry(&from, &to, |_| {}),
            Err(CarryError::Read { .. })
        ));
        assert_eq!(fs::read(&to).unwrap(), b"");
    }
}
