//! How much, how many, how often? Counters of a .NET process as rows, for a file or a screen.
//!
//! Two kinds of source: `EventCounters` of event sources, and instruments of meters. Rows and files are
//! those of dotnet-counters. Knows nothing of processes and sockets.

mod column;
mod event_counters;
mod files;
mod meters;
mod row;
mod screen;
mod selection;
mod session;

pub use files::{Format, Table};
pub use row::{Kind, Row, Tags};
pub use screen::{Look, Screen};
pub use selection::{Selected, Selection, SelectionError};
pub use session::{Counters, Update, Wish};
