//! A session on its way into a file: one thread reads, another looks after the end.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::Context;

use super::stopping::Stopping;
use crate::cli::tools::output::{Line, clock, note, size};
use crate::cli::tools::stop::{Asked, LOOK, Stop};
use crate::diagnostics::ipc::{IpcError, Session, Stopper};
use crate::diagnostics::nettrace::Reader;
use crate::diagnostics::recording::{Progress, Recorded, Recording};

/// What became of a trace.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) recorded: Recorded,
    /// Events that the application dropped.
    pub(super) lost: u64,
}

/// What the reader has seen so far, for the other thread to look at.
#[derive(Debug, Default)]
struct Seen {
    lost: AtomicU64,
    stopping: AtomicBool,
}

/// Records until the end. Reading never waits for anything else: the application would wait with it.
pub(super) fn record(
    session: Session,
    file: File,
    stop: Stop,
    stopping: Option<&Stopping>,
) -> anyhow::Result<Trace> {
    let stopper = Guard(session.stopper());
    let mut recording = Recording::new(session, file);
    let progress = recording.progress();
    let seen = Seen::default();
    thread::scope(|scope| {
        let watch = Watch {
            stop,
            stopper,
            line: Line::new(),
            progress: &progress,
            seen: &seen,
        };
        scope.spawn(move || watch.until_end());
        follow(&mut recording, stopping, &seen)
    })
    .context("cannot read the events")?;
    let recorded = recording
        .finish()
        .context("cannot end the file of the trace")?;
    Ok(Trace {
        recorded,
        lost: seen.lost.into_inner(),
    })
}

/// Looks at every event as it passes by. What cannot be understood is recorded all the same.
fn follow(
    recording: &mut Recording<Session>,
    stopping: Option<&Stopping>,
    seen: &Seen,
) -> io::Result<()> {
    if let Ok(mut reader) = Reader::new(&mut *recording) {
        while let Ok(Some(event)) = reader.next() {
            if stopping.is_some_and(|stopping| stopping.is(&event)) {
                seen.stopping.store(true, Ordering::Relaxed);
            }
            seen.lost.store(reader.lost(), Ordering::Relaxed);
        }
    }
    let mut buffer = vec![0; 16 * 1024];
    while recording.read(&mut buffer)? > 0 {}
    Ok(())
}

/// A stopper that does its work however its owner ends.
struct Guard(Stopper);

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0.stop().is_err() {
            self.0.abandon();
        }
    }
}

/// Looks after the end of a trace.
struct Watch<'a> {
    stop: Stop,
    stopper: Guard,
    line: Line,
    progress: &'a Progress,
    seen: &'a Seen,
}

impl Watch<'_> {
    fn until_end(mut self) {
        let start = Instant::now();
        while !self.stopper.0.has_ended() {
            thread::sleep(LOOK);
            self.show(start);
            if let Some(reason) = self.reason() {
                self.line.end();
                note(&format!(
                    "{reason}; the application now writes the names of its methods"
                ));
                return self.end();
            }
        }
        self.line.end();
    }

    fn show(&mut self, start: Instant) {
        let clock = clock(start.elapsed());
        let written = size(self.progress.written());
        let lost = self.seen.lost.load(Ordering::Relaxed);
        self.line.show(&format!(
            "[{clock}]  {written} recorded, {lost} events lost   Enter or Ctrl+C ends the trace"
        ));
    }

    fn reason(&mut self) -> Option<&'static str> {
        if self.progress.has_failed() {
            return Some("the file takes no more");
        }
        if self.progress.is_low() {
            return Some("the disk is nearly full: what is left is kept for the end of the trace");
        }
        if self.seen.stopping.load(Ordering::Relaxed) {
            return Some("the event came that ends the trace");
        }
        Some(match self.stop.asked()? {
            Asked::Enter | Asked::Signal => "stopping",
            Asked::Time => "the time is over",
        })
    }

    /// Stops; a second Ctrl+C does without the rest.
    fn end(mut self) {
        let stopper = self.stopper.0.clone();
        let mut stopping = Some(thread::spawn(move || stopper.stop()));
        // Until the reader has seen the end: only then does nobody ask any more.
        while !self.stopper.0.has_ended() {
            thread::sleep(LOOK);
            if self.stop.asked() == Some(Asked::Signal) {
                note("given up: names are missing");
                self.stopper.0.abandon();
            }
            let answer = stopping.take_if(|stopping| stopping.is_finished());
            if let Some(Ok(Err(error))) = answer.map(JoinHandle::join) {
                give_up(&self.stopper.0, &error);
            }
        }
    }
}

fn give_up(stopper: &Stopper, error: &IpcError) {
    note(&format!("the application does not stop the trace: {error}"));
    stopper.abandon();
}
