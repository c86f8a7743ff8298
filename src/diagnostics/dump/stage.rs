//! Which folder do both sides see, and what does each call it?
//!
//! | how the runtime is met | the folder here | the same folder there |
//! |---|---|---|
//! | by its socket | the socket's | `TMPDIR` of its environment, else `/tmp`: that is where it made the socket |
//! | by a port | the port's | that of the same file in `DOTNET_DiagnosticPorts` |

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::diagnostics::ipc::{Endpoint, IpcError, Runtime};

/// A folder with its two names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    here: PathBuf,
    there: PathBuf,
}

/// A file on the stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Where it lies for this process.
    pub here: PathBuf,
    /// What the application is told: the path in its own file system, as its dump writer spells it.
    pub there: String,
}

/// Why no folder is known that both sides see.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The runtime does not tell its environment.
    #[error(transparent)]
    Ipc(#[from] IpcError),
    /// It has another socket than the one by which it is met.
    #[error(
        "{} is not the name that a runtime gives its socket: the folder that it writes into cannot be told from it; \
         name the process with -p, or its own socket dotnet-diagnostic-PID-KEY-socket", .0.display()
    )]
    OtherSocket(PathBuf),
    /// Its environment does not name the port.
    #[error(
        "DOTNET_DiagnosticPorts of the application has no port with the name of {}: where that is in its file system \
         cannot be told", .0.display()
    )]
    OtherPort(PathBuf),
    /// A folder that is no absolute path.
    #[error("the application's folder for temporary files is {0:?}, which is no absolute path")]
    Relative(String),
}

impl Stage {
    /// The folder that a runtime and this process share.
    ///
    /// # Errors
    /// None is known, with the reason.
    pub fn of(runtime: &Runtime) -> Result<Self, StageError> {
        Self::new(runtime.endpoint(), &runtime.environment()?)
    }

    fn new(endpoint: &Endpoint, environment: &[(String, String)]) -> Result<Self, StageError> {
        let value = |name: &str| {
            let found = environment.iter().find(|(known, _)| known == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let there = match endpoint {
            Endpoint::Socket(path) if !is_own_socket(path) => {
                return Err(StageError::OtherSocket(path.clone()));
            }
            Endpoint::Socket(_) => match value("TMPDIR") {
                "" => "/tmp",
                folder => folder,
            },
            Endpoint::Port(port) => folder_of_port(value("DOTNET_DiagnosticPorts"), port.path())
                .ok_or_else(|| StageError::OtherPort(port.path().to_owned()))?,
        };
        if !there.starts_with('/') {
            return Err(StageError::Relative(there.to_owned()));
        }
        let here = match endpoint {
            Endpoint::Socket(path) => path.as_path(),
            Endpoint::Port(port) => port.path(),
        };
        let here = here.parent().filter(|folder| *folder != Path::new(""));
        Ok(Self {
            here: here.unwrap_or_else(|| Path::new(".")).to_owned(),
            there: PathBuf::from(there),
        })
    }

    /// The folder, as this process knows it.
    pub fn here(&self) -> &Path {
        &self.here
    }

    /// The folder, as the application knows it.
    pub fn there(&self) -> &Path {
        &self.there
    }

    /// A file of a plain name in the folder.
    pub fn file(&self, name: &str) -> Staged {
        // A dump's writer replaces what stands behind a per cent sign; two of them are one.
        let there = self.there.join(name).to_string_lossy().replace('%', "%%");
        Staged {
            here: self.here.join(name),
            there,
        }
    }
}

fn is_own_socket(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    name.is_some_and(|name| name.starts_with("dotnet-diagnostic-") && name.ends_with("-socket"))
}

/// `PATH[,connect][,nosuspend][;…]`.
fn folder_of_port<'a>(ports: &'a str, here: &Path) -> Option<&'a str> {
    let paths = ports.split(';').filter_map(|port| port.split(',').next());
    let mut named = paths.filter(|path| Path::new(path.trim()).file_name() == here.file_name());
    Path::new(named.next()?.trim()).parent()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(endpoint: &Endpoint, name: &str, value: &str) -> Result<(String, String), String> {
        let environment = [("A".into(), "1".into()), (name.into(), value.into())];
        let stage = Stage::new(endpoint, &environment).map_err(|error| error.to_string())?;
        let staged = stage.file("a.dmp");
        Ok((staged.here.to_string_lossy().into_owned(), staged.there))
    }

    #[test]
    fn a_folder_has_two_names() {
        let socket = |path: &str| Endpoint::socket(path);
        let own = socket("/proc/7/root/tmp/dotnet-diagnostic-1-99-socket");
        let here = "/proc/7/root/tmp/a.dmp".to_owned();
        let both = |there: &str| Ok((here.clone(), there.to_owned()));
        assert_eq!(stage(&own, "B", "2"), both("/tmp/a.dmp"));
        assert_eq!(stage(&own, "TMPDIR", ""), both("/tmp/a.dmp"));
        assert_eq!(stage(&own, "TMPDIR", "/50%p"), both("/50%%p/a.dmp"));
        let told = stage(&own, "TMPDIR", "work").unwrap_err();
        assert!(
            told.contains("\"work\", which is no absolute path"),
            "{told}"
        );
        let told = stage(&socket("/tmp/wire.sock"), "B", "2").unwrap_err();
        assert!(told.contains("/tmp/wire.sock is not the name"), "{told}");
    }

    #[test]
    fn a_port_is_found_by_its_name() {
        let port = Endpoint::port("/run/sidebox/diagnostics.sock");
        let ports = "/a/b.sock,suspend; /mnt/x/diagnostics.sock,connect,nosuspend";
        let found = stage(&port, "DOTNET_DiagnosticPorts", ports).unwrap();
        assert_eq!(found.0, "/run/sidebox/a.dmp");
        assert_eq!(found.1, "/mnt/x/a.dmp");
        let told = stage(&port, "DOTNET_DiagnosticPorts", "/a/b.sock").unwrap_err();
        assert!(
            told.contains("no port with the name of /run/sidebox/diagnostics.sock"),
            "{told}"
        );
    }
}
