//! An event, and what is known of the whole stream.

use time::{Duration, OffsetDateTime, UtcOffset};

use super::Value;
use super::error::NettraceError;
use super::fields;
use super::metadata::EventKind;
use crate::diagnostics::payload::{Payload, PayloadError};

/// What the stream says of itself at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// When the session began, in UTC.
    pub start: OffsetDateTime,
    /// The time of an event at that moment.
    pub start_ticks: u64,
    /// Ticks of events' times in a second.
    pub ticks_per_second: u64,
    /// Bytes of an address: 4 or 8.
    pub pointer: u32,
    /// The process, by its id in its own namespace.
    pub process: u32,
    /// How many processors it sees.
    pub processors: u32,
}

/// The length of the body of the first object.
pub(super) const TRACE: usize = 48;

impl Trace {
    pub(super) fn read(bytes: &[u8; TRACE], offset: u64) -> Result<Self, NettraceError> {
        let wrong = |part, found: u64, expected| NettraceError::Wrong {
            offset,
            part,
            found: found.to_string(),
            expected,
        };
        let mut from = Payload::new(bytes);
        let broken = |source| NettraceError::Block {
            offset,
            block: "Trace",
            source,
        };
        let trace = Self::fields(&mut from).map_err(broken)?;
        if trace.ticks_per_second == 0 {
            return Err(wrong(
                "the number of ticks in a second",
                0,
                "more than zero",
            ));
        }
        if !matches!(trace.pointer, 4 | 8) {
            let found = trace.pointer.into();
            return Err(wrong("the size of an address", found, "4 or 8"));
        }
        Ok(trace)
    }

    fn fields(from: &mut Payload<'_>) -> Result<Self, PayloadError> {
        let mut date = [0; 8];
        for part in &mut date {
            *part = from.u16("the time of the session")?;
        }
        Ok(Self {
            start: moment(date).unwrap_or(OffsetDateTime::UNIX_EPOCH),
            start_ticks: from.u64("the time of the session")?,
            ticks_per_second: from.u64("the number of ticks in a second")?,
            pointer: from.u32("the size of an address")?,
            process: from.u32("the process")?,
            processors: from.u32("the number of processors")?,
        })
    }

    /// When an event happened.
    pub fn time(&self, ticks: u64) -> OffsetDateTime {
        let since = i128::from(ticks) - i128::from(self.start_ticks);
        let nanoseconds = since * 1_000_000_000 / i128::from(self.ticks_per_second.max(1));
        let since = Duration::nanoseconds_i128(nanoseconds);
        self.start.checked_add(since).unwrap_or(self.start)
    }
}

/// Year, month, day of week, day, hour, minute, second, millisecond.
fn moment(date: [u16; 8]) -> Option<OffsetDateTime> {
    let [year, month, _, day, hour, minute, second, millisecond] = date;
    let small = |part: u16| u8::try_from(part).ok();
    let month = time::Month::try_from(small(month)?).ok()?;
    let date = time::Date::from_calendar_date(year.into(), month, small(day)?).ok()?;
    let time =
        time::Time::from_hms_milli(small(hour)?, small(minute)?, small(second)?, millisecond);
    Some(date.with_time(time.ok()?).assume_offset(UtcOffset::UTC))
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In order: the session was stopped, and nothing is missing behind.
    Whole,
    /// It broke off, within or between objects: the process died, or the file was cut.
    Cut,
}

/// An event.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// What kind of event it is.
    pub kind: &'a EventKind,
    /// The thread that it is about.
    pub thread: u64,
    /// The thread that wrote it: another one for samples.
    pub capture_thread: u64,
    /// When, in ticks: see [`Trace::time`].
    pub ticks: u64,
    /// Whether no later event is older.
    pub sorted: bool,
    /// Addresses of the stack as they are written, the innermost first: [`Trace::pointer`] bytes each.
    pub stack: &'a [u8],
    /// The number of that stack; 0 if there is none. It means the same only as long as [`Self::point`] does not change.
    pub stack_number: u32,
    /// How many sequence points came before.
    pub point: u64,
    /// The values of its fields.
    pub payload: &'a [u8],
}

impl Event<'_> {
    /// Hands every value over, with the name of its field, as far as the kind of event describes them.
    ///
    /// # Errors
    /// The payload ends too early.
    pub fn values(&self, take: &mut impl FnMut(&str, Value)) -> Result<(), PayloadError> {
        fields::values(&self.kind.fields, &mut Payload::new(self.payload), take)
    }
}
