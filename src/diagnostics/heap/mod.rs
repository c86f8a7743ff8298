//! What is on the heap of a .NET process? The graph of its objects, from an event stream or a
//! `.gcdump` file, written as such a file or as a report.
//!
//! Knows nothing of how a process is found, nor of how its events are sent. (WIRE: .gcdump; dotnet/diagnostics, dotnet-gcdump.)

mod addresses;
mod build;
mod cint;
mod events;
mod gcdump;
mod graph;
mod names;
mod objects;
mod queue;
mod report;
mod roots;
mod snapshot;
mod stream;
mod turn;
mod walk;

pub use gcdump::{GcdumpError, read, write};
pub use graph::{Children, Graph, GraphError, HeapType, Node};
pub use report::{Column, Report};
pub use snapshot::{Snapshot, SnapshotError, Walk};
pub use stream::{StreamError, graph};
pub use turn::{Turn, TurnError};
pub use walk::{Limits, WalkError, Walked, walk};
