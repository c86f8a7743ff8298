//! What can a runtime be asked? One typed function for each command; nothing else makes a [`Request`].
//!
//! A malformed request can end the application: an empty payload, a null path, a buffer of 0 MB or an unknown format are
//! not answered with an error by every version but with a crash. So none of these can be said in the types here.
//! The layouts: dotnet/diagnostics, documentation/design-docs/ipc-protocol.md; dotnet/runtime, ds-*-protocol.c.

use super::config::{self, Rundown, SessionConfig};
use super::frame::{Code, MAX_PAYLOAD, message};
use super::reply::InfoVersion;
use super::wire::Writer;

/// What cannot be asked, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The message would not fit into the 16 bits of its length.
    #[error(
        "{command} would be {payload} bytes long, the protocol ends at {MAX_PAYLOAD}: ask for fewer providers"
    )]
    TooLong {
        /// Name of the command.
        command: &'static str,
        /// Length of what it carries, in bytes.
        payload: usize,
    },
    /// Zero ends a text for the runtime, which would see only a part.
    #[error("{what} {text:?} has a zero character, with which the runtime would end it")]
    ZeroCharacter {
        /// Which text.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// A session without providers.
    #[error("a session needs at least one provider of events")]
    NoProviders,
    /// A provider without a name.
    #[error("a provider of events needs a name")]
    EmptyProvider,
    /// A dump's path that is not absolute: the runtime would take it from its own working directory.
    #[error(
        "the path {path:?} of a dump is not absolute: the application writes it, in its own file system"
    )]
    RelativePath {
        /// The path.
        path: String,
    },
}

/// An encoded command, ready to be written at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Request {
    /// The command's name in the protocol's document.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Header and payload.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn new(name: &'static str, code: Code, payload: Writer) -> Result<Self, InvalidRequest> {
        let payload = payload.into_bytes();
        let too_long = || InvalidRequest::TooLong {
            command: name,
            payload: payload.len(),
        };
        let bytes = message(code, &payload).ok_or_else(too_long)?;
        Ok(Self { name, bytes })
    }

    /// A command without a payload always fits.
    fn bare(name: &'static str, set: u8, id: u8) -> Self {
        let bytes = message(Code { set, id }, &[]).unwrap_or_default();
        Self { name, bytes }
    }
}

/// Who are you?
pub(super) fn process_info(version: InfoVersion) -> Request {
    match version {
        InfoVersion::One => Request::bare("ProcessInfo", 0x04, 0x00),
        InfoVersion::Two => Request::bare("ProcessInfo2", 0x04, 0x04),
        InfoVersion::Three => Request::bare("ProcessInfo3", 0x04, 0x08),
    }
}

/// Your environment variables?
pub(super) fn process_environment() -> Request {
    Request::bare("ProcessEnvironment", 0x04, 0x02)
}

/// Go on, if you were started suspended; harmless else.
pub(super) fn resume_runtime() -> Request {
    Request::bare("ResumeRuntime", 0x04, 0x01)
}

/// End a session. The runtime answers OK to an id that it does not know, too.
pub(super) fn stop_tracing(session: u64) -> Result<Request, InvalidRequest> {
    let code = Code {
        set: 0x02,
        id: 0x01,
    };
    Request::new("StopTracing", code, Writer::default().u64(session))
}

/// Start a session: the commands that can say what is asked, the newest first. One that the runtime does not know is
/// followed by an older one, which every version knows and which says somewhat more than was asked.
pub(super) fn collect_tracing(config: &SessionConfig) -> Result<Vec<Request>, InvalidRequest> {
    let two = collect_tracing_2(config)?;
    match (config.rundown(), config.stacks()) {
        (Rundown::Keywords(keywords) | Rundown::KeywordsOrNone(keywords), _) => {
            Ok(vec![collect_tracing_4(config, keywords)?, two])
        }
        (_, false) => Ok(vec![collect_tracing_3(config)?, two]),
        (_, true) => Ok(vec![two]),
    }
}

fn collect_tracing_2(config: &SessionConfig) -> Result<Request, InvalidRequest> {
    let rundown = matches!(config.rundown(), Rundown::Full | Rundown::Keywords(1..));
    let payload = config.end(config.begin().bool(rundown));
    Request::new(
        "CollectTracing2",
        Code {
            set: 0x02,
            id: 0x03,
        },
        payload,
    )
}

fn collect_tracing_3(config: &SessionConfig) -> Result<Request, InvalidRequest> {
    let rundown = config.rundown() == Rundown::Full;
    let payload = config.end(config.begin().bool(rundown).bool(config.stacks()));
    Request::new(
        "CollectTracing3",
        Code {
            set: 0x02,
            id: 0x04,
        },
        payload,
    )
}

fn collect_tracing_4(config: &SessionConfig, keywords: u64) -> Result<Request, InvalidRequest> {
    let payload = config.end(config.begin().u64(keywords).bool(config.stacks()));
    Request::new(
        "CollectTracing4",
        Code {
            set: 0x02,
            id: 0x05,
        },
        payload,
    )
}

/// How much of the process a dump holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpType {
    /// Stacks and modules.
    Mini = 1,
    /// Mini and the managed heap.
    Heap = 2,
    /// Mini without what may be personal.
    Triage = 3,
    /// All memory.
    Full = 4,
}

/// What else is written with a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DumpFlags {
    /// The writer's own log, on the standard output of the application.
    pub log: bool,
    /// A crash report in `PATH.crashreport.json` beside the dump.
    pub crash_report: bool,
}

impl DumpFlags {
    fn bits(self) -> u32 {
        u32::from(self.log) | u32::from(self.crash_report) << 2
    }
}

/// A dump that the application is to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpRequest {
    path: String,
    kind: DumpType,
    flags: DumpFlags,
}

impl DumpRequest {
    /// A dump into a file of the *application's* file system, written as its user; `%p` in the path becomes its pid.
    pub fn new(path: &str, kind: DumpType) -> Result<Self, InvalidRequest> {
        let path = config::without_zero("the path", path)?;
        if !path.starts_with('/') {
            return Err(InvalidRequest::RelativePath { path });
        }
        Ok(Self {
            path,
            kind,
            flags: DumpFlags::default(),
        })
    }

    /// The same with more beside it.
    #[must_use]
    pub fn with_flags(mut self, flags: DumpFlags) -> Self {
        self.flags = flags;
        self
    }

    /// The path, as the application knows it.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Write a dump: the command that answers with a text (.NET 7 and later), then the one that every version knows and that
/// has neither text nor, before .NET 6, other flags than the log's.
pub(super) fn generate_core_dump(dump: &DumpRequest) -> Result<Vec<Request>, InvalidRequest> {
    let encode = |name, id| {
        let payload = Writer::default().text(&dump.path).u32(dump.kind as u32);
        Request::new(name, Code { set: 0x01, id }, payload.u32(dump.flags.bits()))
    };
    Ok(vec![
        encode("GenerateCoreDump3", 0x03)?,
        encode("GenerateCoreDump2", 0x02)?,
        encode("GenerateCoreDump", 0x01)?,
    ])
}

#[cfg(test)]
mod tests;
