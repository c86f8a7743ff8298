//! What a thread was seen doing at a moment.

use crate::diagnostics::nettrace::Event;
use crate::diagnostics::payload::Payload;

/// The provider of samples.
const SAMPLER: &str = "Microsoft-DotNETCore-SampleProfiler";

/// What a thread does, as far as the runtime knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It runs managed code.
    Managed,
    /// It waits, or runs native code: the runtime cannot tell which.
    Elsewhere,
}

/// A sample, with its stack by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) ticks: u64,
    pub(super) thread: u64,
    pub(super) activity: Activity,
    pub(super) stack: u32,
}

impl Sample {
    /// The sample that an event is.
    pub(super) fn of(event: &Event<'_>) -> Option<Self> {
        const MANAGED: u32 = 2;
        let kind = event.kind;
        if kind.id != 0 || &*kind.provider != SAMPLER {
            return None;
        }
        let code = Payload::new(event.payload)
            .u32("the kind of a sample")
            .ok()?;
        let managed = code == MANAGED;
        Some(Self {
            ticks: event.ticks,
            thread: event.thread,
            activity: if managed {
                Activity::Managed
            } else {
                Activity::Elsewhere
            },
            stack: event.stack_number,
        })
    }
}
