//! Objects of the stream, one after the other, and the events in them.

use std::io::Read;
use std::ops::{Range, RangeInclusive};

use super::block::Block;
use super::error::NettraceError;
use super::event::{End, Event, Trace};
use super::header::Header;
use super::metadata::{self, Kinds};
use super::sequence::Sequences;
use super::source::{Source, Stop};
use super::stacks::{self, Stacks};
use crate::diagnostics::payload::{Payload, PayloadError};

const MAGIC: &[u8; 8] = b"Nettrace";
const SERIALIZATION: &[u8; 20] = b"!FastSerialization.1";
/// The biggest block that is read; the runtime's have up to 100 KiB of events.
const BIGGEST: u32 = 64 << 20;
/// The longest payload of an event that is read; the runtime's have up to 64 KiB.
const LONGEST_EVENT: usize = 1 << 20;
/// The longest name of an object.
const LONGEST_NAME: u32 = 64;
/// The formats that are read, by the version of the first object.
const FORMATS: RangeInclusive<u32> = 4..=5;

/// Tags between and around objects.
mod tag {
    pub(super) const END_OF_STREAM: u8 = 1;
    pub(super) const END: u8 = 6;
    /// Begins an object, its type, and no type of the type.
    pub(super) const BEGIN: [u8; 3] = [5, 5, 1];
}

/// A reader of an event stream.
pub struct Reader<R> {
    source: Source<R>,
    trace: Trace,
    kinds: Kinds,
    stacks: Stacks,
    sequences: Sequences,
    /// Sequence points so far.
    points: u64,
    /// The block whose events are handed out.
    block: Block,
    end: Option<End>,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Trace,
    Events,
    Metadata,
    Stacks,
    Sequence,
    /// One of a newer format, which is passed over.
    Other,
}

impl Name {
    fn word(self) -> &'static str {
        match self {
            Self::Trace => "Trace",
            Self::Events => "EventBlock",
            Self::Metadata => "MetadataBlock",
            Self::Stacks => "StackBlock",
            Self::Sequence => "SPBlock",
            Self::Other => "block",
        }
    }
}

impl<R: Read> Reader<R> {
    /// Reads the start of a stream. A buffer around the input makes no difference: blocks are read whole.
    ///
    /// # Errors
    /// It is not an event stream, or of another format.
    pub fn new(input: R) -> Result<Self, NettraceError> {
        let mut source = Source::new(input);
        let trace = match start(&mut source) {
            Ok(trace) => trace,
            Err(Stop::Broken(error)) => return Err(error),
            Err(Stop::Cut) => {
                let offset = source.offset();
                return Err(NettraceError::Empty(offset));
            }
        };
        Ok(Self {
            source,
            trace,
            kinds: Kinds::default(),
            stacks: Stacks::default(),
            sequences: Sequences::default(),
            points: 0,
            block: Block::default(),
            end: None,
        })
    }

    /// What the stream says of itself.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Events that the process dropped, as far as the stream was read.
    pub fn lost(&self) -> u64 {
        self.sequences.lost()
    }

    /// How the stream ended; none before its end.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.source.offset()
    }

    /// The next event, in the order in which they are written; none at the end. Events of one thread are in the order
    /// of their times, those of several are not.
    ///
    /// # Errors
    /// The stream is not what it says, with the place. Nothing more comes then.
    #[expect(
        clippy::should_implement_trait,
        reason = "an event borrows from the reader, which an iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, NettraceError> {
        let Some((header, payload)) = self.advance()? else {
            return Ok(None);
        };
        let unknown = || NettraceError::Wrong {
            offset: self.block.offset + payload.start as u64,
            part: "the kind of an event",
            found: header.metadata.to_string(),
            expected: "one that was described before",
        };
        Ok(Some(Event {
            kind: self.kinds.get(header.metadata).ok_or_else(unknown)?,
            thread: header.thread,
            capture_thread: header.capture_thread,
            ticks: header.time,
            sorted: header.sorted,
            stack: self.stacks.get(header.stack),
            stack_number: header.stack,
            point: self.points,
            payload: self.block.bytes.get(payload).unwrap_or_default(),
        }))
    }

    /// Goes to the next event, through as many objects as it takes.
    fn advance(&mut self) -> Result<Option<(Header, Range<usize>)>, NettraceError> {
        while self.end.is_none() {
            match self.step() {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(Stop::Cut) => self.end = Some(End::Cut),
                Err(Stop::Broken(error)) => {
                    self.end = Some(End::Cut);
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// The next event of the block, or else the next object.
    fn step(&mut self) -> Result<Option<(Header, Range<usize>)>, Stop> {
        let found = self.block.next();
        if let Some(found) = found.map_err(|source| self.broken(Name::Events, source))? {
            let (header, payload) = &found;
            if payload.len() > LONGEST_EVENT {
                let length = payload.len().to_string();
                return Err(self.wrong("the length of an event", length, "at most 1 MiB"));
            }
            self.sequences.event(header.capture_thread, header.sequence);
            return Ok(Some(found));
        }
        let Some((name, _)) = object(&mut self.source)? else {
            self.end = Some(End::Whole);
            return Ok(None);
        };
        if name == Name::Trace {
            return Err(self.wrong("an object", "a second Trace".to_owned(), "a block"));
        }
        let length = self.source.u32()?;
        if length > BIGGEST {
            return Err(self.wrong(
                "the length of a block",
                length.to_string(),
                "at most 64 MiB",
            ));
        }
        self.source.align()?;
        self.block.offset = self.source.offset();
        self.source.block(&mut self.block.bytes, length as usize)?;
        self.block.close();
        let found = self.source.array()?;
        if found != [tag::END] {
            return Err(self.wrong("the end of an object", format!("{found:?}"), "6"));
        }
        self.take(name)?;
        Ok(None)
    }

    fn take(&mut self, name: Name) -> Result<(), Stop> {
        let taken = match name {
            Name::Events => self.block.open(),
            Name::Metadata => self.describe(),
            Name::Stacks => self.stacks.add(&self.block.bytes),
            Name::Sequence => self.point(),
            Name::Trace | Name::Other => Ok(()),
        };
        taken.map_err(|source| self.broken(name, source))?;
        self.bounded("bytes of descriptions", self.kinds.weight(), metadata::MOST)?;
        self.bounded("bytes of stacks", self.stacks.weight(), stacks::MOST)
    }

    /// Takes the descriptions of a metadata block.
    fn describe(&mut self) -> Result<(), PayloadError> {
        self.block.open()?;
        while let Some((_, payload)) = self.block.next()? {
            let bytes = self.block.bytes.get(payload).unwrap_or_default();
            self.kinds.add(bytes)?;
            // That it is too much is told behind the block.
            if self.kinds.weight() > metadata::MOST {
                break;
            }
        }
        Ok(())
    }

    /// Takes the numbers that all threads have reached. Stacks begin anew behind them.
    fn point(&mut self) -> Result<(), PayloadError> {
        let mut from = Payload::new(&self.block.bytes);
        from.u64("the time of a sequence point")?;
        let count = from.u32("the number of threads")?;
        let mut numbers = Vec::new();
        for _ in 0..count {
            let thread = from.u64("a thread")?;
            numbers.push((thread, from.u32("the sequence number of a thread")?));
        }
        self.sequences.point(numbers.into_iter());
        self.stacks.clear();
        self.points += 1;
        Ok(())
    }

    fn bounded(&self, what: &'static str, count: usize, limit: usize) -> Result<(), Stop> {
        if count <= limit {
            return Ok(());
        }
        let offset = self.block.offset;
        Err(NettraceError::Many {
            offset,
            what,
            limit,
        }
        .into())
    }

    fn broken(&self, name: Name, source: PayloadError) -> Stop {
        NettraceError::Block {
            offset: self.block.offset,
            block: name.word(),
            source,
        }
        .into()
    }

    fn wrong(&self, part: &'static str, found: String, expected: &'static str) -> Stop {
        wrong(&self.source, part, found, expected)
    }
}

fn wrong<R: Read>(
    source: &Source<R>,
    part: &'static str,
    found: String,
    expected: &'static str,
) -> Stop {
    NettraceError::Wrong {
        offset: source.offset(),
        part,
        found,
        expected,
    }
    .into()
}

/// The first bytes, and the first object.
fn start<R: Read>(source: &mut Source<R>) -> Result<Trace, Stop> {
    if source.array()? != *MAGIC {
        return Err(NettraceError::Foreign.into());
    }
    // Newer formats have a zero here, and then their number.
    let length = source.u32()?;
    if length == 0 {
        return Err(NettraceError::Format(source.u32()?).into());
    }
    if length != 20 || source.array()? != *SERIALIZATION {
        return Err(NettraceError::Foreign.into());
    }
    let Some((Name::Trace, version)) = object(source)? else {
        return Err(NettraceError::Foreign.into());
    };
    if !FORMATS.contains(&version) {
        return Err(NettraceError::Format(version).into());
    }
    let offset = source.offset();
    let trace = Trace::read(&source.array()?, offset)?;
    if source.array()? != [tag::END] {
        return Err(NettraceError::Foreign.into());
    }
    Ok(trace)
}

/// The head of the next object: what it is, and its version. None at the end of the stream.
fn object<R: Read>(source: &mut Source<R>) -> Result<Option<(Name, u32)>, Stop> {
    let [first] = source.array()?;
    if first == tag::END_OF_STREAM {
        return Ok(None);
    }
    let [second, third] = source.array()?;
    let opening = [first, second, third];
    if opening != tag::BEGIN {
        let found = format!("{opening:?}");
        return Err(wrong(source, "the start of an object", found, "[5, 5, 1]"));
    }
    let version = source.u32()?;
    source.u32()?;
    let length = source.u32()?;
    if length > LONGEST_NAME {
        let found = length.to_string();
        return Err(wrong(
            source,
            "the length of an object's name",
            found,
            "at most 64",
        ));
    }
    let mut name = Vec::new();
    source.block(&mut name, length as usize)?;
    let [end] = source.array()?;
    if end != tag::END {
        return Err(wrong(
            source,
            "the end of an object's type",
            end.to_string(),
            "6",
        ));
    }
    let name = match name.as_slice() {
        b"Trace" => Name::Trace,
        b"EventBlock" => Name::Events,
        b"MetadataBlock" => Name::Metadata,
        b"StackBlock" => Name::Stacks,
        b"SPBlock" => Name::Sequence,
        _ => Name::Other,
    };
    Ok(Some((name, version)))
}
