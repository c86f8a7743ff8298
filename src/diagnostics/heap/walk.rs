//! How does the heap of a running process come here? One session, in which the runtime collects all garbage
//! and tells every object; the process stands still meanwhile.
//!
//! The buffer in the process must hold all of it, since nothing is sent while it stands still. (WIRE: gcdump.)

use std::io::Read;
use std::num::NonZeroU32;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::graph::Graph;
use super::snapshot::{Snapshot, SnapshotError, Walk};
use super::stream::{RUNTIME, StreamError};
use crate::diagnostics::ipc::{
    IpcError, Level, Provider, Rundown, Runtime, Session, SessionConfig, Stopper,
};
use crate::diagnostics::nettrace::{End, Reader};

/// Groups of events: collections, types and their names, and the heap when a collection was asked for, which
/// this does at once.
const KEYWORDS: u64 = 0x0198_0001;
/// The group of the runtime's last events that names modules.
const MODULES: u64 = 0x8;
/// How often the one who asked is asked whether it is enough.
const LOOK: Duration = Duration::from_millis(50);

/// How often the end of a stopped session is looked for.
const SHORT: Duration = Duration::from_millis(1);

/// Ids of events between which the process stands still.
const SUSPENDING: u32 = 9;
const RESTARTED: u32 = 3;

/// What a walk may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The bound of the buffer in the process, in megabytes.
    pub buffer: NonZeroU32,
    /// The memory that the graph may take here, in bytes.
    pub room: usize,
    /// How long until the walk must be done.
    pub patience: Duration,
}

/// A heap that was walked.
#[derive(Debug)]
pub struct Walked {
    /// The objects.
    pub graph: Graph,
    /// How long the process stood still, by its own clock.
    pub pause: Option<Duration>,
    /// Bytes of events.
    pub received: u64,
}

/// Why there is no heap.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The session could not be had.
    #[error(transparent)]
    Session(#[from] IpcError),
    /// What came is no whole heap.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Types are missing, which another session got in our place.
    #[error(
        "{types} types have no names: another tool walked the heap at the same time and got them; try again when \
         it has ended"
    )]
    Overlap {
        /// How many.
        types: usize,
    },
    /// The time is over.
    #[error(
        "the heap was not walked within {} s: the process is very busy, or its runtime has no heap walk (Native AOT, Mono)",
        .0.as_secs()
    )]
    Late(Duration),
    /// The process is gone.
    #[error("the process ended, or stopped answering, before its heap was here")]
    Ended,
    /// The one who asked has enough.
    #[error("given up")]
    GivenUp,
}

impl WalkError {
    /// Whether a bigger buffer in the process would help.
    pub fn is_loss(&self) -> bool {
        use SnapshotError::{Edges, Lost, Unfinished};
        matches!(
            self,
            Self::Stream(StreamError::Snapshot(
                Lost { .. } | Edges { .. } | Unfinished { .. }
            ))
        )
    }
}

/// Walks the heap of a process: it collects all its garbage, and stands still until every object is told.
///
/// # Errors
/// Anything less than the whole heap is an error.
pub fn walk(
    runtime: &Runtime,
    limits: Limits,
    enough: impl FnMut() -> bool + Send,
) -> Result<Walked, WalkError> {
    let provider = Provider::new(RUNTIME, KEYWORDS, Level::Verbose).map_err(IpcError::from)?;
    let config = SessionConfig::new(vec![provider])
        .map_err(IpcError::from)?
        .with_buffer(limits.buffer)
        .with_rundown(Rundown::Keywords(MODULES))
        .without_stacks();
    let session = runtime.collect(&config)?;
    let stopper = session.stopper();
    thread::scope(|scope| {
        let (done, walked) = channel();
        let watch = scope.spawn(move || watch(&stopper, &walked, limits.patience, enough));
        let read = read(session, limits.room, done);
        let told = watch.join().unwrap_or(Some(WalkError::GivenUp));
        // What stopped the session early explains what is missing of it.
        told.map_or(read, Err)
    })
}

/// Stops the session when the walk is done, when its time is over, or when the one who asked has enough.
fn watch(
    stopper: &Stopper,
    walked: &Receiver<()>,
    patience: Duration,
    mut enough: impl FnMut() -> bool,
) -> Option<WalkError> {
    let start = Instant::now();
    let reason = loop {
        match walked.recv_timeout(LOOK) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) if enough() => break Some(WalkError::GivenUp),
            Err(RecvTimeoutError::Timeout) if start.elapsed() > patience => {
                break Some(WalkError::Late(patience));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    };
    if stopper.stop().is_err() {
        stopper.abandon();
    }
    // With its answer a runtime ends the stream; another peer may not.
    let answered = Instant::now();
    while !stopper.has_ended() {
        thread::sleep(SHORT);
        if enough() || answered.elapsed() > patience {
            stopper.abandon();
        }
    }
    reason
}

/// Reads to the end of the session, and says when the walk is done. An error drops the session, which ends it.
fn read(session: Session, room: usize, done: Sender<()>) -> Result<Walked, WalkError> {
    let mut reader = Reader::new(session).map_err(StreamError::from)?;
    let mut snapshot = Snapshot::new(room);
    let mut still = Still::default();
    let mut done = Some(done);
    while let Some(event) = reader.next().map_err(StreamError::from)? {
        if &*event.kind.provider == RUNTIME {
            still.event(event.kind.id, event.ticks, snapshot.walk());
        }
        snapshot.take_event(&event).map_err(StreamError::from)?;
        if snapshot.walk() == Walk::Done {
            // The receiver may have answered already, for another reason.
            let _ = done.take().map(|done| done.send(()));
        }
    }
    let pause = still.pause(reader.trace().ticks_per_second);
    whole(snapshot, pause, &reader)
}

fn whole<R: Read>(
    mut snapshot: Snapshot,
    pause: Option<Duration>,
    reader: &Reader<R>,
) -> Result<Walked, WalkError> {
    if reader.end() == Some(End::Cut) {
        return Err(WalkError::Ended);
    }
    snapshot.lost(reader.lost());
    let graph = snapshot.graph().map_err(StreamError::from)?;
    let types = graph.unknown_types();
    if types > 0 {
        return Err(WalkError::Overlap { types });
    }
    Ok(Walked {
        graph,
        pause,
        received: reader.offset(),
    })
}

/// From when to when the process stood still for the walk.
#[derive(Default)]
struct Still {
    from: Option<u64>,
    to: Option<u64>,
}

impl Still {
    fn event(&mut self, id: u32, ticks: u64, walk: Walk) {
        match (id, walk) {
            (SUSPENDING, Walk::Awaited) => self.from = Some(ticks),
            (RESTARTED, Walk::Done) if self.to.is_none() => self.to = Some(ticks),
            _ => {}
        }
    }

    fn pause(&self, ticks_per_second: u64) -> Option<Duration> {
        let ticks = u128::from(self.to?.checked_sub(self.from?)?);
        let nanoseconds = ticks * 1_000_000_000 / u128::from(ticks_per_second.max(1));
        Some(Duration::from_nanos(u64::try_from(nanoseconds).ok()?))
    }
}
