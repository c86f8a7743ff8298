//! A session of events: its bytes, and its end.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::commands;
use super::connection::{Asked, Endpoint, readable};
use super::error::IpcError;

/// How long the way to the runtime may take for the command that stops a session.
const REACHING: Duration = Duration::from_secs(10);
/// How long a stopping session may send nothing. The rundown of a big application takes seconds, but flows.
const QUIET: Duration = Duration::from_secs(10);
/// How long the end may take behind the last event.
const GRACE: Duration = Duration::from_millis(20);
/// How often the end is looked for that comes with the answer.
const SHORT: Duration = Duration::from_millis(1);
/// How often the flow is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A running session. Reading gives the event stream, byte for byte as the runtime writes it, until its end: after a
/// [`Stopper::stop`], or when the application ends.
///
/// It must be read on until then, also while it is being stopped. Dropped before, it stops itself and throws the rest
/// away, which takes as long as the runtime needs for its rundown.
#[derive(Debug)]
pub struct Session {
    stream: UnixStream,
    shared: Arc<Shared>,
}

/// What reader and stopper both know.
#[derive(Debug)]
struct Shared {
    endpoint: Endpoint,
    id: u64,
    stream: UnixStream,
    received: AtomicU64,
    ended: AtomicBool,
    stopped: Mutex<Stopped>,
}

/// Whether the runtime was asked to stop. It is asked once: the number of a session that has ended is given to the next
/// one, which may be another tool's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Never,
    Answered,
    Unanswered,
}

impl Session {
    pub(super) fn new(endpoint: Endpoint, id: u64, stream: UnixStream) -> Result<Self, IpcError> {
        let broken = |source| IpcError::Broken {
            endpoint: endpoint.to_string(),
            command: "CollectTracing",
            source,
        };
        stream.set_read_timeout(None).map_err(broken)?;
        let second = stream.try_clone().map_err(broken)?;
        let shared = Arc::new(Shared {
            endpoint,
            id,
            stream: second,
            received: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            stopped: Mutex::new(Stopped::Never),
        });
        Ok(Self { stream, shared })
    }

    /// A handle that stops this session, from any thread and as often as one likes.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }
}

impl Session {
    /// Whether the end is on its way, behind a last event that was perhaps read: such a session must not be stopped.
    fn ends_by_itself(&mut self) -> bool {
        let deadline = Instant::now() + GRACE;
        let mut rest = [0; 16 * 1024];
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            if readable(&self.stream, left) && !matches!(self.read(&mut rest), Ok(1..)) {
                return true;
            }
        }
        false
    }
}

impl Read for Session {
    /// An application that was killed ends the stream like any other end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break Ok(0),
                other => break other,
            }
        };
        match read {
            Ok(count @ 1..) => {
                self.shared
                    .received
                    .fetch_add(count as u64, Ordering::Relaxed);
            }
            Ok(0) | Err(_) => self.shared.ended.store(true, Ordering::Release),
        }
        read
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.shared.ended.load(Ordering::Acquire) || self.ends_by_itself() {
            return;
        }
        let stopper = self.stopper();
        let stop = move || stopper.end();
        match thread::Builder::new().name("stop".into()).spawn(stop) {
            Ok(stopping) => {
                let mut rest = [0; 16 * 1024];
                while matches!(self.read(&mut rest), Ok(1..)) {}
                // It ends by itself, and has nothing to say.
                let _ = stopping.join();
            }
            Err(_) => self.stopper().abandon(),
        }
    }
}

/// Stops a session.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    /// Asks the runtime to end the session, and waits until it has: the reader gets the rundown and then the end. A
    /// session that has ended, or was asked before, is left alone, since its number may be another's by now.
    ///
    /// An error means that the runtime does not answer and nothing flows any more; only
    /// [`abandon`](Self::abandon) ends the reading then.
    pub fn stop(&self) -> Result<(), IpcError> {
        let shared = &*self.0;
        if self.has_ended() {
            return Ok(());
        }
        let mut stopped = shared
            .stopped
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match *stopped {
            Stopped::Answered => return Ok(()),
            Stopped::Unanswered if self.has_ended() => return Ok(()),
            Stopped::Unanswered => return Err(self.unanswered()),
            Stopped::Never => {}
        }
        let request = commands::stop_tracing(shared.id)?;
        let asked = match shared.endpoint.send(&request, REACHING) {
            Err(_) if self.has_ended() => return Ok(()),
            other => other?,
        };
        *stopped = Stopped::Unanswered;
        match self.await_answer(asked) {
            Err(error) if !self.has_ended() => Err(error),
            _ => {
                *stopped = Stopped::Answered;
                Ok(())
            }
        }
    }

    fn unanswered(&self) -> IpcError {
        IpcError::Silent {
            endpoint: self.0.endpoint.to_string(),
            command: "StopTracing",
            after: QUIET,
        }
    }

    /// Stops the session and sees to it that the reading ends, whatever the peer does: with its answer a runtime ends the
    /// stream, and what does not is no runtime.
    fn end(&self) {
        if self.stop().is_ok() {
            let answered = Instant::now();
            while !self.has_ended() && answered.elapsed() < QUIET {
                thread::sleep(SHORT);
            }
        }
        if !self.has_ended() {
            self.abandon();
        }
    }

    /// Ends the reading at this side, without a rundown. The runtime ends the session when it next has an event to send.
    pub fn abandon(&self) {
        self.0.ended.store(true, Ordering::Release);
        // An error means that there is no connection any more.
        let _ = self.0.stream.shutdown(Shutdown::Both);
    }

    /// Whether the reader has seen the end, or was told to see no more.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    /// How many bytes the reader has read.
    pub fn received(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    /// The answer comes after the rundown: as long as that flows, there is no reason to give up.
    fn await_answer(&self, asked: Asked) -> Result<(), IpcError> {
        let mut seen = self.received();
        let mut quiet_since = Instant::now();
        while !asked.is_answered(LOOK) && !self.has_ended() && quiet_since.elapsed() < QUIET {
            let received = self.received();
            if received != seen {
                seen = received;
                quiet_since = Instant::now();
            }
        }
        asked.answer_within(LOOK).map(drop)
    }
}
