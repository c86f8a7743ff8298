//! How does a heap graph lie in a `.gcdump` file? Reads and writes what dotnet-gcdump does.
//!
//! The file is a FastSerialization of `GCHeapDump` 10 around `Graphs.MemoryGraph` 1, little-endian,
//! with labels of 32 bits. Knows nothing of how a graph is made or shown.
//! (dotnet/diagnostics, DotNetHeapDump; microsoft/perfview, FastSerialization.cs.)

mod read;
mod source;
mod write;

pub use read::read;
pub use source::GcdumpError;
pub use write::write;

/// The first string of the file.
const MAGIC: &str = "!FastSerialization.1";

/// A serialised type: its name, the version that was written, and the oldest that can read it.
struct Type {
    name: &'static str,
    version: i32,
    readable_by: i32,
}

const DUMP: Type = Type {
    name: "GCHeapDump",
    version: 10,
    readable_by: 8,
};
const GRAPH: Type = Type {
    name: "Graphs.MemoryGraph",
    version: 1,
    readable_by: 0,
};

/// Tags of FastSerialization.
mod tag {
    pub(super) const NULL: u8 = 1;
    pub(super) const BEGIN: u8 = 4;
    pub(super) const END: u8 = 6;
    pub(super) const BYTE: u8 = 8;
    pub(super) const INT64: u8 = 12;
    pub(super) const STRING: u8 = 13;
}
