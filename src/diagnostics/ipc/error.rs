//! What can go wrong between a tool and a runtime, in words for the one who typed.

use std::io;
use std::time::Duration;

use super::commands::InvalidRequest;
use super::reply::Hresult;

/// Why a command had no result.
#[derive(Debug, thiserror::Error)]
pub enum IpcError {
    /// It was never sent: the protocol cannot say it, or it would harm the runtime.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// Nobody could be reached.
    #[error("{endpoint}: {failure}")]
    Unreachable {
        /// The socket or port.
        endpoint: String,
        /// Why.
        failure: ConnectFailure,
    },
    /// Reached, but no answer came in time.
    #[error(
        "{endpoint}: no answer to {command} within {seconds} s: the process is stopped, frozen by a dump, \
         starved of CPU, or busy with another tool's command",
        seconds = .after.as_secs_f32()
    )]
    Silent {
        /// The socket or port.
        endpoint: String,
        /// Name of the command.
        command: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The connection ended or failed while a command was under way.
    #[error("{endpoint}: the connection broke during {command}: the process has perhaps ended")]
    Broken {
        /// The socket or port.
        endpoint: String,
        /// Name of the command.
        command: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The answer is none of the protocol's.
    #[error("{endpoint}: the answer to {command} cannot be read: {reason}")]
    Malformed {
        /// The socket or port.
        endpoint: String,
        /// Name of the command.
        command: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The runtime answered with an error.
    #[error("the runtime refused {command}: {code}{}", told(.text.as_ref()))]
    Refused {
        /// Name of the command.
        command: &'static str,
        /// Its code.
        code: Hresult,
        /// Its words, which only some commands have.
        text: Option<String>,
    },
}

fn told(text: Option<&String>) -> String {
    text.map_or_else(String::new, |text| format!(": {}", text.trim_end()))
}

impl IpcError {
    /// Whether the runtime does not know the command, so that an older one may do.
    pub(super) fn is_unknown_command(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: Hresult::UNKNOWN_COMMAND,
                ..
            }
        )
    }
}

/// Why nobody could be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFailure {
    /// The file is not there.
    #[error("there is no such socket: the process has ended, or has its diagnostics switched off")]
    Missing,
    /// The file permissions say no.
    #[error("permission denied: the socket opens to the application's user alone")]
    Denied,
    /// Nobody listens: the socket outlived its process.
    #[error("nobody listens: the socket was left by a process that has ended")]
    Stale,
    /// The queue of the socket stayed full.
    #[error("too many tools wait for it: the process does not answer")]
    Crowded,
    /// No runtime connected to the port in time.
    #[error(
        "no runtime connected to this port within {} s: is the path in the application's DOTNET_DiagnosticPorts \
         (PATH,connect,nosuspend), and did the application start?", .0.as_secs_f32()
    )]
    NotDialled(Duration),
    /// The port's path is in use by another program.
    #[error("another program listens there: end it, or use another path")]
    InUse,
    /// The port's path is a file of another kind.
    #[error("the file there is not a socket: choose another path")]
    NotASocket,
    /// Anything else.
    #[error("{0}")]
    Other(#[source] io::Error),
}

impl ConnectFailure {
    pub(super) fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::ConnectionRefused => Self::Stale,
            io::ErrorKind::WouldBlock => Self::Crowded,
            io::ErrorKind::AddrInUse => Self::InUse,
            _ => Self::Other(error),
        }
    }
}
