//! What graph does a `.gcdump` file hold?
//!
//! What stands behind the graph (tool, machine, times) is skipped: no report shows it. The end of
//! the file is checked all the same, so that a file that was cut off is never taken for a whole one.

use std::io::Read;

use super::super::graph::{Graph, HeapType};
use super::source::{GcdumpError, Source};
use super::{DUMP, GRAPH, MAGIC, Type, tag};

/// Reads a file, best through a buffer. Memory stays below about twice the bytes that were read.
///
/// # Errors
/// With the offset at which the file is not what it says, or ends.
pub fn read(input: impl Read) -> Result<Graph, GcdumpError> {
    let mut source = Source::new(input);
    source.expect(&20_i32.to_le_bytes(), "the length of the first string")?;
    source.expect(MAGIC.as_bytes(), "the first string")?;
    kind(&mut source, &DUMP)?;
    kind(&mut source, &GRAPH)?;
    let graph = graph(&mut source)?;
    end(&mut source)?;
    Ok(graph)
}

/// The header of an object: its type.
fn kind<R: Read>(source: &mut Source<R>, expected: &Type) -> Result<(), GcdumpError> {
    const OPENING: [u8; 3] = [tag::BEGIN, tag::BEGIN, tag::NULL];
    source.expect(&OPENING, "the start of an object")?;
    source.i32("a version")?;
    let readable_by = source.i32("the oldest version that can read on")?;
    if readable_by > expected.readable_by {
        let known = format!(
            "{} or less, as dotnet-gcdump writes it",
            expected.readable_by
        );
        return Err(source.wrong(
            "the oldest version that can read on",
            4,
            readable_by.to_string(),
            known,
        ));
    }
    let name = source.string("the type of an object")?.unwrap_or_default();
    if *name != *expected.name {
        let length = name.len() as u64;
        return Err(source.wrong("the type of an object", length, name, expected.name));
    }
    source.expect(&[tag::END], "the end of a type")
}

fn graph<R: Read>(source: &mut Source<R>) -> Result<Graph, GcdumpError> {
    let total_size = source.i64("the size of all objects")?;
    let root = source.i32("the root")?;
    let types = types(source)?;
    let count = source.count("the number of nodes")?;
    let offsets = list(source, count, "the places of the nodes", u32::from_le_bytes)?;
    let length = source.count("the length of the records")?;
    let blob = source.bytes(length, "the records of the nodes")?;
    let records = source.offset();
    let count = source.count("the number of addresses")?;
    let addresses = list(source, count, "the addresses", u64::from_le_bytes)?;
    source.expect(&[tag::BYTE], "the tag of the width of an address")?;
    source.u8("the width of an address")?;
    source.expect(&[tag::END], "the end of the graph")?;
    let graph = Graph {
        total_size,
        root,
        types,
        offsets,
        blob,
        addresses,
    };
    graph.checked().map_err(|source| GcdumpError::Graph {
        offset: records,
        source,
    })
}

fn types<R: Read>(source: &mut Source<R>) -> Result<Vec<HeapType>, GcdumpError> {
    let count = source.count("the number of types")?;
    let mut types = Vec::new();
    for _ in 0..count {
        let name = source.string("the name of a type")?.unwrap_or_default();
        let size = source.i32("the size of a type")?;
        let module = source.string("the module of a type")?;
        types.push(HeapType { name, module, size });
    }
    Ok(types)
}

fn list<R: Read, T, const N: usize>(
    source: &mut Source<R>,
    count: usize,
    part: &'static str,
    value: fn([u8; N]) -> T,
) -> Result<Vec<T>, GcdumpError> {
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(value(source.array(part)?));
    }
    list.shrink_to_fit();
    Ok(list)
}

/// Goes to the end of the file, whose last number is the place eight bytes before it.
fn end<R: Read>(source: &mut Source<R>) -> Result<(), GcdumpError> {
    const PART: &str = "what stands behind the graph";
    let mut last = [0; 4];
    let mut room = [0; 512];
    loop {
        let read = source.part(&mut room)?;
        if read == 0 {
            break;
        }
        let both = [&last[..], &room[..read]].concat();
        last.copy_from_slice(&both[both.len() - 4..]);
    }
    let place = u64::from(u32::from_le_bytes(last));
    if source.offset().checked_sub(8) == Some(place) {
        return Ok(());
    }
    Err(GcdumpError::Cut {
        offset: source.offset(),
        part: PART,
    })
}
