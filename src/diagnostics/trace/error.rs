//! Why a trace does not become a profile.

use std::io;

use crate::diagnostics::nettrace::NettraceError;

/// Why a trace does not become a profile.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The stream cannot be read.
    #[error(transparent)]
    Stream(#[from] NettraceError),
    /// The trace cannot be read a second time.
    #[error("the trace cannot be read from its start")]
    Rewind(#[source] io::Error),
    /// The result cannot be written.
    #[error("the result cannot be written")]
    Write(#[source] io::Error),
    /// What does not fit into memory cannot be put aside.
    #[error("no room for {needed} bytes beside the result")]
    Aside {
        /// Bytes that were to be put aside.
        needed: usize,
        /// What the system said.
        source: io::Error,
    },
    /// More methods than are kept.
    #[error("the trace names more methods than {limit} bytes hold: it is damaged")]
    Names {
        /// Bytes that are kept.
        limit: usize,
    },
    /// More threads than are followed.
    #[error("the trace has samples of more than {limit} threads: it is damaged")]
    Threads {
        /// Threads that are followed.
        limit: usize,
    },
}
