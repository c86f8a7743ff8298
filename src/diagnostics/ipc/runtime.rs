//! A runtime that answered: who it is, and what it can be asked.

use std::time::Duration;

use super::commands::{self, DumpRequest, InvalidRequest, Request};
use super::config::SessionConfig;
use super::connection::{Answered, Endpoint};
use super::error::IpcError;
use super::reply::{self, InfoVersion, ProcessInfo};
use super::session::Session;

/// How long a runtime may take for what it answers from memory. A container that is throttled to a small share of a
/// core can take seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long starting a session may take: providers are switched on by the application's own code.
const STARTING: Duration = Duration::from_secs(30);
/// The biggest environment that is believed, in bytes: the kernel's own limit, twice for UTF-16.
const MAX_ENVIRONMENT: u32 = 16 << 20;

/// A runtime that has told who it is.
#[derive(Debug, Clone)]
pub struct Runtime {
    endpoint: Endpoint,
    info: ProcessInfo,
}

impl Runtime {
    /// Asks a runtime who it is. From then on a port means this run of it alone.
    pub fn connect(endpoint: Endpoint) -> Result<Self, IpcError> {
        Self::connect_within(endpoint, PATIENCE)
    }

    /// The same with a deadline of the caller's, in which everything must be answered.
    pub fn connect_within(endpoint: Endpoint, patience: Duration) -> Result<Self, IpcError> {
        let info = process_info(&endpoint, patience)?;
        let endpoint = match endpoint {
            Endpoint::Port(port) => Endpoint::Port(port.of(info.cookie)),
            socket @ Endpoint::Socket(_) => socket,
        };
        Ok(Self { endpoint, info })
    }

    /// Who it is.
    pub fn info(&self) -> &ProcessInfo {
        &self.info
    }

    /// Where it is met.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its environment as it was when it started, in its order.
    pub fn environment(&self) -> Result<Vec<(String, String)>, IpcError> {
        let answered = self
            .endpoint
            .ask(&commands::process_environment(), PATIENCE)?;
        let length = answered.read(reply::environment_length)?;
        let bytes = answered.continuation(length, MAX_ENVIRONMENT)?;
        reply::environment(&bytes).map_err(|error| answered.malformed(&error))
    }

    /// Lets a runtime go on that waits for its start; does nothing to any other.
    pub fn resume(&self) -> Result<(), IpcError> {
        self.endpoint
            .ask(&commands::resume_runtime(), PATIENCE)
            .map(drop)
    }

    /// Starts a session of events. Costs the application what its providers cost, until it is stopped.
    pub fn collect(&self, config: &SessionConfig) -> Result<Session, IpcError> {
        let requests = commands::collect_tracing(config)?;
        let answered = ask_newest(&self.endpoint, &requests, STARTING)?;
        let id = answered.read(reply::session_id)?;
        Session::new(self.endpoint.clone(), id, answered.stream)
    }

    /// Has the application write a dump of itself, which stops it until the file is complete: for `patience` at most
    /// this call waits, while the writing goes on.
    pub fn write_dump(&self, dump: &DumpRequest, patience: Duration) -> Result<(), IpcError> {
        let requests = commands::generate_core_dump(dump)?;
        ask_newest(&self.endpoint, &requests, patience).map(drop)
    }
}

fn process_info(endpoint: &Endpoint, patience: Duration) -> Result<ProcessInfo, IpcError> {
    let ask = |version| -> Result<ProcessInfo, IpcError> {
        let answered = endpoint.ask(&commands::process_info(version), patience)?;
        answered.read(|payload| ProcessInfo::read(version, payload))
    };
    or_older(ask(InfoVersion::Three), || {
        or_older(ask(InfoVersion::Two), || ask(InfoVersion::One))
    })
}

/// The older command, where the runtime does not know the newer one.
fn or_older<T>(
    newer: Result<T, IpcError>,
    older: impl FnOnce() -> Result<T, IpcError>,
) -> Result<T, IpcError> {
    match newer {
        Err(error) if error.is_unknown_command() => older(),
        other => other,
    }
}

/// Sends commands that say the same, the newest first, until the runtime knows one.
fn ask_newest(
    endpoint: &Endpoint,
    requests: &[Request],
    patience: Duration,
) -> Result<Answered, IpcError> {
    let Some((request, older)) = requests.split_first() else {
        return Err(IpcError::Invalid(InvalidRequest::NoProviders));
    };
    let answer = endpoint.ask(request, patience);
    if older.is_empty() {
        answer
    } else {
        or_older(answer, || ask_newest(endpoint, older, patience))
    }
}
