//! A trace as a profile: what every thread did, from interval to interval.
//!
//! Names come last in a stream and samples first, so that it is read twice. Memory is that of the names, of the stacks
//! between two sequence points and of one stack for each thread, whatever the length.

use std::io::{BufReader, Read, Seek};

use super::error::TraceError;
use super::frames::Frames;
use super::order::Waiting;
use super::process::Process;
use super::roles::Roles;
use super::sample::{Activity, Sample};
use super::stacks::Stacks;
use super::symbols::{self, Symbols};
use super::threads::{Interval, Threads};
use crate::diagnostics::nettrace::{End, Event, Reader, Trace};

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// Which time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All: what waits counts as much as what runs.
    Wall,
    /// Only what runs managed code.
    Cpu,
}

/// A trace that was read once, for its names.
#[derive(Debug)]
pub struct Profile<R> {
    input: R,
    symbols: Symbols,
    roles: Roles,
    process: Process,
    summary: Summary,
}

/// What a trace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Samples of stacks.
    pub samples: u64,
    /// Events that the process dropped.
    pub lost: u64,
    /// How the stream ended.
    pub end: End,
    /// Whether all methods have names: the session was stopped in order, with its rundown.
    pub named: bool,
}

impl<R: Read + Seek> Profile<R> {
    /// Reads a trace to its end.
    ///
    /// # Errors
    /// It is not an event stream, or a damaged one, with the place.
    pub fn read(mut input: R) -> Result<Self, TraceError> {
        input.rewind().map_err(TraceError::Rewind)?;
        let mut reader = Reader::new(BufReader::with_capacity(PIECE, &mut input))?;
        let mut symbols = Symbols::default();
        let mut process = Process::new(reader.trace());
        let mut roles = Roles::default();
        let mut samples = 0;
        while let Some(event) = reader.next()? {
            if Sample::of(&event).is_some() {
                samples += 1;
            } else {
                symbols.event(&event)?;
                process.event(&event);
                roles.event(&event);
            }
        }
        symbols.sort();
        let summary = Summary {
            samples,
            lost: reader.lost(),
            end: reader.end().unwrap_or(End::Cut),
            named: symbols.is_complete(),
        };
        Ok(Self {
            input,
            symbols,
            roles,
            process,
            summary,
        })
    }

    /// What the trace holds.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// The process that was traced.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Hands every interval over, in the order of their ends.
    ///
    /// # Errors
    /// The trace cannot be read again, or an error of the one who takes them.
    pub fn intervals(
        &mut self,
        view: View,
        frames: &mut Frames,
        mut sink: impl FnMut(&mut Frames, &Interval<'_>) -> Result<(), TraceError>,
    ) -> Result<(), TraceError> {
        self.input.rewind().map_err(TraceError::Rewind)?;
        let reader = Reader::new(BufReader::with_capacity(PIECE, &mut self.input))?;
        let mut pass = Pass {
            clock: Clock::of(reader.trace()),
            stacks: Stacks::new(&self.symbols),
            threads: Threads::new(&self.roles),
            frames,
            sink: |frames: &mut Frames, interval: &Interval<'_>| {
                let counts = view == View::Wall || interval.activity == Activity::Managed;
                if counts {
                    sink(frames, interval)
                } else {
                    Ok(())
                }
            },
        };
        pass.read(reader)
    }
}

/// Ticks to milliseconds.
#[derive(Debug, Clone, Copy)]
struct Clock {
    start: u64,
    per_second: u64,
}

impl Clock {
    fn of(trace: &Trace) -> Self {
        Self {
            start: trace.start_ticks,
            per_second: trace.ticks_per_second,
        }
    }

    /// Milliseconds after the start of the session, rounded as dotnet-trace does it.
    #[expect(
        clippy::cast_precision_loss,
        reason = "2^53 nanoseconds are a hundred days"
    )]
    fn time(self, ticks: u64) -> f64 {
        let since = ticks.wrapping_sub(self.start).cast_signed();
        since as f64 * 1000.0 / self.per_second as f64
    }
}

/// The second reading.
struct Pass<'a, S> {
    clock: Clock,
    stacks: Stacks<'a>,
    threads: Threads<'a>,
    frames: &'a mut Frames,
    sink: S,
}

impl<S: FnMut(&mut Frames, &Interval<'_>) -> Result<(), TraceError>> Pass<'_, S> {
    fn read(&mut self, mut reader: Reader<impl Read>) -> Result<(), TraceError> {
        let width = reader.trace().pointer as usize;
        let mut waiting = Waiting::default();
        let mut point = 0;
        while let Some(event) = reader.next()? {
            if event.point != point {
                // Everything before a sequence point is older, and the numbers of stacks begin anew.
                self.take(waiting.all())?;
                self.stacks.clear();
                point = event.point;
            }
            self.event(&event, width, &mut waiting)?;
        }
        self.take(waiting.all())
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        width: usize,
        waiting: &mut Waiting,
    ) -> Result<(), TraceError> {
        if let Some(sample) = Sample::of(event) {
            self.stacks
                .add(sample.stack, (event.stack, width), self.frames);
            // Each method may have a short name and a long module.
            if self.frames.weight() > symbols::MOST {
                let limit = symbols::MOST;
                return Err(TraceError::Names { limit });
            }
            if waiting.add(sample) {
                self.take(waiting.half())?;
            }
        }
        if event.sorted {
            self.take(waiting.until(event.ticks))?;
        }
        Ok(())
    }

    fn take(&mut self, samples: impl Iterator<Item = Sample>) -> Result<(), TraceError> {
        for sample in samples {
            let time = self.clock.time(sample.ticks);
            let stack = self.stacks.get(sample.stack);
            let (frames, sink) = (&mut *self.frames, &mut self.sink);
            self.threads
                .take((sample, time), stack, |interval| sink(frames, interval))?;
        }
        Ok(())
    }
}
