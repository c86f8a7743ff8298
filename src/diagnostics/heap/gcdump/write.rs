//! Which bytes does a graph become? Those of dotnet-gcdump, so that its readers open the file.

use std::io::{self, Write};

use super::super::graph::Graph;
use super::{DUMP, GRAPH, MAGIC, Type, tag};

/// Who made the file: viewers choose their view by it, so it is the name that they know.
const TOOL: &str = "dotnet-gcdump";

/// Bytes on their way out, counted: labels are places in the file.
struct Sink<W> {
    output: W,
    offset: u64,
}

impl<W: Write> Sink<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.offset += bytes.len() as u64;
        self.output.write_all(bytes)
    }

    fn i32(&mut self, value: i32) -> io::Result<()> {
        self.put(&value.to_le_bytes())
    }

    fn i64(&mut self, value: i64) -> io::Result<()> {
        self.put(&value.to_le_bytes())
    }

    fn length(&mut self, value: usize) -> io::Result<()> {
        self.i32(i32::try_from(value).map_err(|_| too_big())?)
    }

    fn string(&mut self, text: Option<&str>) -> io::Result<()> {
        let Some(text) = text else {
            return self.i32(-1);
        };
        self.length(text.len())?;
        self.put(text.as_bytes())
    }

    fn kind(&mut self, kind: &Type) -> io::Result<()> {
        self.put(&[tag::BEGIN, tag::BEGIN, tag::NULL])?;
        self.i32(kind.version)?;
        self.i32(kind.readable_by)?;
        self.string(Some(kind.name))?;
        self.put(&[tag::END])
    }

    /// The place where the next byte goes.
    fn label(&self) -> io::Result<u32> {
        u32::try_from(self.offset).map_err(|_| too_big())
    }
}

fn too_big() -> io::Error {
    let why = "the heap is too big for a .gcdump file, whose lengths and places have 32 bits";
    io::Error::new(io::ErrorKind::FileTooLarge, why)
}

/// Writes a graph, best through a buffer.
///
/// # Errors
/// Those of the output; or the graph is too big for the format (4 GiB, 2^31 nodes).
pub fn write(graph: &Graph, output: impl Write) -> io::Result<()> {
    let mut sink = Sink { output, offset: 0 };
    sink.string(Some(MAGIC))?;
    sink.kind(&DUMP)?;
    sink.kind(&GRAPH)?;
    put_graph(&mut sink, graph)?;
    put_rest(&mut sink)?;
    put_end(&mut sink)?;
    sink.output.flush()
}

fn put_graph(sink: &mut Sink<impl Write>, graph: &Graph) -> io::Result<()> {
    sink.i64(graph.total_size)?;
    sink.i32(graph.root)?;
    sink.length(graph.types.len())?;
    for kind in &graph.types {
        sink.string(Some(&kind.name))?;
        sink.i32(kind.size)?;
        sink.string(kind.module.as_deref())?;
    }
    sink.length(graph.offsets.len())?;
    for offset in &graph.offsets {
        sink.put(&offset.to_le_bytes())?;
    }
    sink.length(graph.blob.len())?;
    sink.put(&graph.blob)?;
    sink.length(graph.addresses.len())?;
    for address in &graph.addresses {
        sink.put(&address.to_le_bytes())?;
    }
    // Addresses of 64 bits.
    sink.put(&[tag::BYTE, 1, tag::END])
}

/// What dotnet-gcdump leaves empty: multipliers of a sampled heap, log, machine, process, times.
fn put_rest(sink: &mut Sink<impl Write>) -> io::Result<()> {
    sink.put(&[1])?;
    sink.put(&1_f32.to_le_bytes())?;
    sink.put(&1_f32.to_le_bytes())?;
    sink.put(&[tag::NULL, tag::NULL])?;
    sink.string(None)?;
    sink.i64(0)?;
    sink.string(None)?;
    sink.string(None)?;
    sink.i32(0)?;
    sink.i64(0)?;
    sink.i64(0)?;
    sink.i32(0)
}

/// The tagged members and the table of references, of which the file has one.
fn put_end(sink: &mut Sink<impl Write>) -> io::Result<()> {
    sink.put(&[tag::INT64])?;
    sink.i32(0)?;
    sink.put(&[tag::NULL])?;
    let reference = sink.label()?;
    sink.put(&[tag::STRING])?;
    sink.string(Some(TOOL))?;
    sink.put(&[tag::END, tag::END])?;
    let table = sink.label()?;
    sink.i32(1)?;
    sink.put(&reference.to_le_bytes())?;
    let place = sink.label()?;
    sink.put(&table.to_le_bytes())?;
    sink.put(&place.to_le_bytes())
}
