//! Why an event stream cannot be read on, with the place.

use std::io;

use crate::diagnostics::payload::PayloadError;

/// Why an event stream cannot be read on. A stream that just ends is no error: see [`End`](super::End).
#[derive(Debug, thiserror::Error)]
pub enum NettraceError {
    /// The bytes could not be had.
    #[error("cannot read on at byte {offset}")]
    Io {
        /// Bytes read before.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Not the start of an event stream.
    #[error("this is no event stream: it does not begin with `Nettrace`")]
    Foreign,
    /// The stream ended before it said anything.
    #[error(
        "the event stream ends at byte {0}, before its first event: the process ended, or the file was cut"
    )]
    Empty(u64),
    /// An event stream of another format.
    #[error(
        "this event stream has format {0}; formats 4 and 5, which the runtime writes, are read"
    )]
    Format(u32),
    /// A value that no such stream has.
    #[error("byte {offset}: {part} is {found}, expected {expected}")]
    Wrong {
        /// Where.
        offset: u64,
        /// What.
        part: &'static str,
        /// The value.
        found: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// A block whose inside cannot be read.
    #[error("the {block} at byte {offset} cannot be read")]
    Block {
        /// Where its content starts.
        offset: u64,
        /// Its name.
        block: &'static str,
        /// What is wrong: of a block it is said what is said of an event's payload.
        source: PayloadError,
    },
    /// More than is kept.
    #[error("byte {offset}: more than {limit} {what}")]
    Many {
        /// Where.
        offset: u64,
        /// Of what.
        what: &'static str,
        /// How many are kept.
        limit: usize,
    },
}
