//! What else does `/proc` say about a process? Rights, libraries and mounts, as far as they are open.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::proc::Visible;

impl Visible {
    /// A line of its status file by its name; open to everybody.
    pub fn status_line(&self, name: &str) -> Option<String> {
        let status = self.bytes("status").ok()?;
        let status = String::from_utf8_lossy(&status);
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(value.trim().to_owned())
    }

    /// Its capabilities as bits, as Linux numbers them; open to everybody.
    pub fn capabilities(&self) -> Option<u64> {
        u64::from_str_radix(&self.status_line("CapEff")?, 16).ok()
    }

    /// The runtime's library in its file system, if it has loaded it; the error is that of the list of its memory.
    pub fn coreclr(&self) -> io::Result<Option<PathBuf>> {
        let maps = self.bytes("maps")?;
        let path = |line: &[u8]| {
            let start = line.iter().position(|byte| *byte == b'/')?;
            let path = Path::new(OsStr::from_bytes(&line[start..]));
            path.ends_with("libcoreclr.so").then(|| path.to_owned())
        };
        Ok(maps.split(|byte| *byte == b'\n').find_map(path))
    }

    /// Whether a folder of its file system lies on a mount that is read-only to it; none if its mounts cannot be seen.
    pub fn is_read_only(&self, folder: &Path) -> Option<bool> {
        let mounts = self.bytes("mountinfo").ok()?;
        let mounts = String::from_utf8_lossy(&mounts).into_owned();
        let mount = |line: &str| {
            let mut words = line.split(' ').skip(4);
            let (point, options) = (words.next()?, words.next()?);
            let holds = folder.starts_with(point);
            holds.then(|| (point.len(), options.split(',').any(|option| option == "ro")))
        };
        // Of several on one point the last one is seen.
        let nearest = mounts
            .lines()
            .filter_map(mount)
            .max_by_key(|(length, _)| *length);
        nearest.map(|(_, read_only)| read_only)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn rights_libraries_and_mounts_are_read() {
        let proc = tempfile::tempdir().unwrap();
        let folder = proc.path().join("7");
        fs::create_dir(&folder).unwrap();
        let stat = "7 (a) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 9 0 4711 270 8 9";
        fs::write(folder.join("stat"), stat).unwrap();
        let status = "Uid:\t0\t5\t0\t0\nCapEff:\t0000000000000402\nSeccomp:\t2\n";
        fs::write(folder.join("status"), status).unwrap();
        let maps = "7f00-7f10 r-xp 00000000 08:01 42   /usr/share/dot net/libcoreclr.so\n7f20-7f30 rw-p 0 0:0 0\n";
        fs::write(folder.join("maps"), maps).unwrap();
        let mounts = "1 0 0:1 / / ro,relatime - overlay overlay ro\n2 1 0:2 / /tmp rw - ext4 a rw\n3 1 0:3 / /tmp/x ro - ext4 a rw\n";
        fs::write(folder.join("mountinfo"), mounts).unwrap();
        let seen = Visible::read(proc.path(), 7).unwrap();
        assert_eq!(seen.capabilities(), Some(0x402));
        assert_eq!(seen.status_line("Seccomp").as_deref(), Some("2"));
        let library = seen.coreclr().unwrap();
        assert_eq!(
            library.as_deref(),
            Some(Path::new("/usr/share/dot net/libcoreclr.so"))
        );
        let read_only = |path| seen.is_read_only(Path::new(path));
        assert_eq!(read_only("/var"), Some(true));
        assert_eq!(read_only("/tmp"), Some(false));
        assert_eq!(read_only("/tmp/x/y"), Some(true));
        assert_eq!(read_only("/tmpfile"), Some(true));
    }
}
