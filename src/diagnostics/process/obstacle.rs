//! Why can a process that was found not be reached? With the fact seen, and the way out.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::proc::Visible;
use crate::diagnostics::ipc::{ConnectFailure, IpcError};

/// What stands between a tool and a runtime.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// The socket opens to another user.
    #[error(
        "{socket} belongs to uid {owner} and this tool runs as uid {own}: run the toolbox as uid {owner} \
         (annotation sidebox.dev/run-as-user), or as root with the capability DAC_OVERRIDE"
    )]
    OtherUser {
        /// The socket.
        socket: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        own: u32,
    },
    /// Its files cannot be looked at.
    #[error(
        "{path} cannot be looked into: the process runs as uid {owner}, this tool as uid {own}; it needs the same uid \
         and all capabilities of the process, or a shared temporary folder"
    )]
    Hidden {
        /// What was looked at.
        path: PathBuf,
        /// Whose process it is.
        owner: u32,
        /// Who asks.
        own: u32,
    },
    /// Its diagnostics are switched off.
    #[error("its diagnostics are switched off: it was started with {variable}={value}")]
    SwitchedOff {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
    },
    /// It has no socket where it should be.
    #[error(
        "it has no socket in its {folder}: the folder is read-only or missing there, something deleted the socket, or the \
         runtime is still starting"
    )]
    NoSocket {
        /// The folder, in the file system of the process.
        folder: PathBuf,
    },
    /// Nothing of it speaks of a runtime.
    #[error("it shows no runtime: it has no socket and has not loaded libcoreclr.so")]
    NoRuntime,
    /// A port that cannot be listened on.
    #[error("{path}: {failure}")]
    Port {
        /// The port.
        path: PathBuf,
        /// Why.
        #[source]
        failure: ConnectFailure,
    },
    /// The runtime does not answer as it should.
    #[error(transparent)]
    Ipc(IpcError),
}

/// The variables that switch diagnostics off with the value 0.
pub const SWITCHES: [&str; 4] = [
    "DOTNET_EnableDiagnostics",
    "DOTNET_EnableDiagnostics_IPC",
    "COMPlus_EnableDiagnostics",
    "COMPlus_EnableDiagnostics_IPC",
];

impl Obstacle {
    /// Why a socket that is there did not lead to a runtime.
    pub(super) fn of(error: IpcError, socket: &Path, visible: Option<&Visible>) -> Self {
        if !matches!(
            error,
            IpcError::Unreachable {
                failure: ConnectFailure::Denied,
                ..
            }
        ) {
            return Self::Ipc(error);
        }
        let socket = socket.to_owned();
        match (fs::symlink_metadata(&socket), visible) {
            (Ok(metadata), _) => Self::OtherUser {
                socket,
                owner: metadata.uid(),
                own: own_uid(),
            },
            (Err(_), Some(process)) => Self::Hidden {
                path: socket,
                owner: process.uid,
                own: own_uid(),
            },
            (Err(_), None) => Self::Ipc(error),
        }
    }

    /// Why a process has no socket that could be found in its folder.
    pub(super) fn without_socket(process: &Visible) -> Self {
        let hidden = |file: &str| Self::Hidden {
            path: process.folder().join(file),
            owner: process.uid,
            own: own_uid(),
        };
        for variable in SWITCHES {
            match process.variable(variable) {
                Ok(Some(value)) if value == b"0" => {
                    let (variable, value) = (variable.to_owned(), "0".to_owned());
                    return Self::SwitchedOff { variable, value };
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return hidden("environ");
                }
                _ => {}
            }
        }
        let folder = process
            .temporary()
            .unwrap_or_else(|_| PathBuf::from("/tmp"));
        match fs::read_dir(process.path(&folder)) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => hidden("root"),
            _ => Self::NoSocket { folder },
        }
    }
}

/// Whether nobody listens to a socket any more.
pub(super) fn is_stale(error: &IpcError) -> bool {
    matches!(
        error,
        IpcError::Unreachable {
            failure: ConnectFailure::Stale | ConnectFailure::Missing,
            ..
        }
    )
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
