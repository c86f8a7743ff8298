//! What is a thread for? Some events are written by threads of one kind only, and dotnet-trace puts that behind the
//! thread's name: the finalizer's, and a measure of the thread pool. (PerfView, TraceEvent/TraceLog.cs, has more kinds
//! of threads; the runtime on Linux writes none of their events, or dotnet-trace does not know them for such.)

use std::collections::HashMap;
use std::fmt;

use super::symbols::RUNTIME;
use super::threads;
use crate::diagnostics::nettrace::Event;

/// The role of every thread that showed one.
#[derive(Debug, Default)]
pub(super) struct Roles(HashMap<u64, &'static str>);

/// The name of a thread, as reports show it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThreadName {
    pub(super) id: u64,
    pub(super) role: Option<&'static str>,
}

impl Roles {
    /// Takes an event. The first role of a thread holds.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        let role = match (&*event.kind.provider, event.kind.id) {
            (RUNTIME, 13 | 14) => ".NET Finalizer Thread",
            (RUNTIME, 54) => ".NET ThreadPool",
            _ => return,
        };
        if self.0.len() < threads::MOST {
            self.0.entry(event.thread).or_insert(role);
        }
    }

    pub(super) fn of(&self, thread: u64) -> Option<&'static str> {
        self.0.get(&thread).copied()
    }
}

impl fmt::Display for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thread ({})", self.id)?;
        self.role.map_or(Ok(()), |role| write!(f, " ({role})"))
    }
}
