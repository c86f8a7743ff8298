//! From samples to intervals: what a thread was seen doing it did until it was seen again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::error::TraceError;
use super::frames::Frame;
use super::roles::Roles;
use super::sample::{Activity, Sample};

/// Threads that are followed.
pub(super) const MOST: usize = 1 << 16;

/// What a thread did for a while.
#[derive(Debug, Clone, Copy)]
pub struct Interval<'a> {
    /// The thread, counted from 0 in the order of first samples.
    pub thread: usize,
    /// The thread's id in the traced process.
    pub id: u64,
    /// What the thread is for, if it showed that.
    pub role: Option<&'static str>,
    /// When it began, in milliseconds after the session.
    pub start: f64,
    /// How long it took, in milliseconds; as coarse as in dotnet-trace.
    pub duration: f32,
    /// What the thread did.
    pub activity: Activity,
    /// Its stack, outermost frame first.
    pub stack: &'a [Frame],
}

/// The last sample of a thread.
#[derive(Debug)]
struct Seen {
    thread: usize,
    role: Option<&'static str>,
    time: f64,
    activity: Activity,
    stack: Vec<Frame>,
}

/// All threads so far.
#[derive(Debug)]
pub(super) struct Threads<'a> {
    roles: &'a Roles,
    seen: HashMap<u64, Seen>,
}

impl<'a> Threads<'a> {
    pub(super) fn new(roles: &'a Roles) -> Self {
        let seen = HashMap::new();
        Self { roles, seen }
    }

    /// Takes a sample; gives the interval that it ends.
    pub(super) fn take<T>(
        &mut self,
        (sample, time): (Sample, f64),
        stack: &[Frame],
        sink: impl FnOnce(&Interval<'_>) -> Result<T, TraceError>,
    ) -> Result<(), TraceError> {
        let count = self.seen.len();
        let seen = match self.seen.entry(sample.thread) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(_) if count >= MOST => return Err(TraceError::Threads { limit: MOST }),
            Entry::Vacant(entry) => {
                entry.insert(Seen {
                    thread: count,
                    role: self.roles.of(sample.thread),
                    time,
                    activity: sample.activity,
                    stack: stack.to_vec(),
                });
                return Ok(());
            }
        };
        sink(&Interval {
            thread: seen.thread,
            id: sample.thread,
            role: seen.role,
            start: seen.time,
            duration: narrow(time - seen.time),
            activity: seen.activity,
            stack: &seen.stack,
        })?;
        seen.time = time;
        seen.activity = sample.activity;
        seen.stack.clear();
        seen.stack.extend_from_slice(stack);
        Ok(())
    }
}

/// Samples of one thread come in order; a stream that says otherwise gives nothing rather than a negative time.
#[expect(
    clippy::cast_possible_truncation,
    reason = "dotnet-trace keeps durations in 32 bits, and sums show it"
)]
fn narrow(milliseconds: f64) -> f32 {
    milliseconds.max(0.0) as f32
}
