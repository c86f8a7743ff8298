//! What did a process do? A recorded trace as a profile: every thread's stacks over time, for viewers and as a table.
//!
//! [`Profile`] reads a trace twice, in memory that does not grow with its length. [`Timeline`] makes it a file for
//! [`speedscope`] or the [`chromium`] viewers; [`Top`] tells which methods took the time. Frames, files and tables are
//! those of dotnet-trace, byte for byte. Knows nothing of processes that still run.

mod aside;
pub mod chromium;
mod error;
mod frames;
mod json;
mod order;
mod process;
mod profile;
mod roles;
mod sample;
pub mod speedscope;
mod stacks;
mod symbols;
mod threads;
mod timeline;
mod top;
mod track;

pub use error::TraceError;
pub use frames::{Frame, Frames};
pub use process::Process;
pub use profile::{Profile, Summary, View};
pub use sample::Activity;
pub use speedscope::Titles;
pub use threads::Interval;
pub use timeline::Timeline;
pub use top::{By, Names, Row, Top};
