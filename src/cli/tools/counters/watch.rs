//! Several sessions of counters at once: a thread reads each, and one takes what they say until all have ended.
//!
//! Reading never waits for a file or a terminal, since the application would wait with it: what cannot be taken in
//! time is dropped, and counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, Scope};

use crate::cli::tools::stop::{Asked, LOOK, Stop};
use crate::diagnostics::counters::{Counters, Row, Update, Wish};
use crate::diagnostics::ipc::{Session, Stopper};
use crate::diagnostics::nettrace::{NettraceError, Reader};

/// Updates that wait to be taken.
const QUEUE: usize = 4096;
/// Bytes of them.
const QUEUE_BYTES: usize = 32 << 20;

/// The one who takes what processes say; they are known by their place in the list of sessions.
pub(super) trait Sink {
    /// A process said something.
    fn take(&mut self, process: usize, update: Update) -> anyhow::Result<()>;
    /// Nothing more came for a moment.
    fn settle(&mut self) -> anyhow::Result<()>;
    /// A process ended by itself, or what it sends cannot be read.
    fn ended(&mut self, process: usize, error: Option<NettraceError>);
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Processes that ended before anybody asked to stop.
    pub(super) ended: usize,
    /// Updates that came faster than they could be taken.
    pub(super) dropped: u64,
}

/// What comes from a reading thread.
enum News {
    Update(Update),
    Ended(Option<NettraceError>),
}

/// Watches until somebody asks to stop, or until all processes have ended.
///
/// # Errors
/// Those of the sink, after all sessions were stopped.
pub(super) fn watch(
    sessions: Vec<Session>,
    wish: &Wish,
    stop: &mut Stop,
    sink: &mut dyn Sink,
) -> anyhow::Result<Outcome> {
    let dropped = AtomicU64::new(0);
    let queued = AtomicUsize::new(0);
    thread::scope(|scope| {
        let stoppers = Stoppers(sessions.iter().map(Session::stopper).collect());
        let (send, news) = sync_channel(QUEUE);
        for (process, session) in sessions.into_iter().enumerate() {
            let mouth = Mouth {
                process,
                send: send.clone(),
                dropped: &dropped,
                queued: &queued,
            };
            scope.spawn(move || mouth.read(session, wish));
        }
        drop(send);
        let mut attended = Attended {
            stoppers: &stoppers,
            queued: &queued,
            stopping: false,
            ended: 0,
        };
        attended.until_all_ended(scope, &news, stop, sink)?;
        Ok(Outcome {
            ended: attended.ended,
            dropped: dropped.load(Ordering::Relaxed),
        })
    })
}

/// All sessions; stopped when dropped, so that no reader waits for ever.
struct Stoppers(Vec<Stopper>);

impl Drop for Stoppers {
    fn drop(&mut self) {
        self.0.iter().for_each(end);
    }
}

fn end(stopper: &Stopper) {
    if stopper.stop().is_err() {
        stopper.abandon();
    }
}

/// What the attending thread knows.
struct Attended<'a> {
    stoppers: &'a Stoppers,
    /// Bytes of updates that wait.
    queued: &'a AtomicUsize,
    stopping: bool,
    ended: usize,
}

impl Attended<'_> {
    fn until_all_ended<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        news: &Receiver<(usize, News)>,
        stop: &mut Stop,
        sink: &mut dyn Sink,
    ) -> anyhow::Result<()> {
        loop {
            let came = news.recv_timeout(LOOK);
            if let Ok((_, News::Update(update))) = &came {
                self.queued.fetch_sub(weight(update), Ordering::Relaxed);
            }
            match came {
                Ok((_, News::Update(_))) if stop.is_paused() => {}
                Ok((process, News::Update(update))) => sink.take(process, update)?,
                Ok((process, News::Ended(error))) => self.one_ended(process, error, sink),
                Err(RecvTimeoutError::Timeout) => sink.settle()?,
                Err(RecvTimeoutError::Disconnected) => return sink.settle(),
            }
            match stop.asked() {
                Some(_) if !self.stopping => self.stop(scope),
                // The second time there is no patience left for an application that does not answer.
                Some(Asked::Signal) => self.stoppers.0.iter().for_each(Stopper::abandon),
                None | Some(Asked::Enter | Asked::Time) => {}
            }
        }
    }

    fn one_ended(&mut self, process: usize, error: Option<NettraceError>, sink: &mut dyn Sink) {
        if !self.stopping {
            self.ended += 1;
            sink.ended(process, error);
        }
    }

    fn stop<'scope>(&mut self, scope: &'scope Scope<'scope, '_>) {
        self.stopping = true;
        for stopper in &self.stoppers.0 {
            let stopper = stopper.clone();
            scope.spawn(move || end(&stopper));
        }
    }
}

/// Where the news of one process go.
struct Mouth<'a> {
    process: usize,
    send: SyncSender<(usize, News)>,
    dropped: &'a AtomicU64,
    queued: &'a AtomicUsize,
}

/// The bytes that an update takes.
fn weight(update: &Update) -> usize {
    match update {
        Update::Rows(rows) => rows.iter().map(Row::weight).sum(),
        Update::Note(text) | Update::Refused(text) => text.len(),
    }
}

impl Mouth<'_> {
    /// Reads a session to its end; an error drops the session, which stops it.
    fn read(&self, session: Session, wish: &Wish) {
        let error = self.updates(session, wish).err();
        // Nobody takes it any more where the watching has failed.
        let _ = self.send.send((self.process, News::Ended(error)));
    }

    fn updates(&self, session: Session, wish: &Wish) -> Result<(), NettraceError> {
        let mut reader = Reader::new(session)?;
        let trace = reader.trace().clone();
        let mut counters = Counters::new(wish.clone(), trace.start);
        let mut unreadable = false;
        while let Some(event) = reader.next()? {
            match counters.event(&event, trace.time(event.ticks)) {
                Ok(updates) => updates.into_iter().for_each(|update| self.say(update)),
                Err(error) if !unreadable => {
                    unreadable = true;
                    let kind = &event.kind;
                    let (provider, id) = (&kind.provider, kind.id);
                    self.say(Update::Note(format!(
                        "event {id} of {provider} cannot be read, and others may be left out: {error}"
                    )));
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn say(&self, update: Update) {
        let bytes = weight(&update);
        let waiting = self.queued.fetch_add(bytes, Ordering::Relaxed);
        let news = (self.process, News::Update(update));
        if waiting > QUEUE_BYTES || self.send.try_send(news).is_err() {
            self.queued.fetch_sub(bytes, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
