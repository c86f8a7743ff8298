//! What does an event stream say? A reader of nettrace, format 4, as .NET 5 and later write it.
//!
//! The stream is read once, block by block: memory is that of one block, the events' descriptions and the stacks
//! since the last sequence point, whatever the length. Every length is held against a bound and grows no buffer before
//! its bytes came. Knows nothing of what the events mean.
//! (microsoft/perfview, TraceEvent/EventPipe/NetTraceFormat_v5.md; dotnet/runtime, ep-block.c.)
//!
//! ```no_run
//! use sidebox::diagnostics::nettrace::Reader;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = std::io::BufReader::new(std::fs::File::open("trace.nettrace")?);
//! let mut reader = Reader::new(file)?;
//! while let Some(event) = reader.next()? {
//!     println!("{} {}", event.kind.provider, event.kind.id);
//! }
//! println!("{} events lost, {:?}", reader.lost(), reader.end());
//! # Ok(())
//! # }
//! ```

mod block;
mod error;
mod event;
mod fields;
mod header;
mod metadata;
mod reader;
mod sequence;
mod source;
mod stacks;

pub use error::NettraceError;
pub use event::{End, Event, Trace};
pub use fields::{Field, Type, Value, values};
pub use metadata::EventKind;
pub use reader::Reader;
