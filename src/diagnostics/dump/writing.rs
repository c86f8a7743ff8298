//! A dump that is being written: how far is it, and for how long has the application stood still?

use std::io;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::diagnostics::ipc::{DumpRequest, IpcError, Runtime};
use crate::diagnostics::process::Visible;

/// How long a dump may take: a day. Heaps of hundreds of gigabytes take hours, and nothing is won by not waiting.
const PATIENCE: Duration = Duration::from_hours(24);

/// For how long an application stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen {
    /// As seen from outside, to some milliseconds.
    Seen(Duration),
    /// Its process cannot be seen: not longer than the command took.
    AtMost(Duration),
}

/// A dump that an application was told to write.
#[derive(Debug)]
pub struct Writing {
    file: PathBuf,
    process: Option<Visible>,
    answer: Option<JoinHandle<Result<(), IpcError>>>,
    start: Instant,
    still: Option<(Instant, Instant)>,
}

impl Writing {
    /// Tells the application to write. From here on it cannot be told otherwise: it stands still until it is done.
    /// `file` is what this process calls the dump, `process` the application where it can be seen.
    pub fn start(
        runtime: &Runtime,
        request: DumpRequest,
        file: PathBuf,
        process: Option<Visible>,
    ) -> Self {
        let runtime = runtime.clone();
        // Nobody waits for this thread: whoever has no patience left ends the program, and the dump is written anyway.
        let answer = thread::spawn(move || runtime.write_dump(&request, PATIENCE));
        Self {
            file,
            process,
            answer: Some(answer),
            start: Instant::now(),
            still: None,
        }
    }

    /// Looks whether it is done, and whether the application stands still now. To be called often.
    pub fn look(&mut self) -> Option<Result<(), IpcError>> {
        if self.process.as_ref().is_some_and(Visible::is_traced) {
            let now = Instant::now();
            self.still.get_or_insert((now, now)).1 = now;
        }
        let ended = self.answer.take_if(|answer| answer.is_finished())?;
        let broken = |_| {
            Err(IpcError::Broken {
                endpoint: self.file.display().to_string(),
                command: "GenerateCoreDump",
                source: io::ErrorKind::Other.into(),
            })
        };
        Some(ended.join().unwrap_or_else(broken))
    }

    /// Bytes that are in the file.
    pub fn written(&self) -> u64 {
        self.file.metadata().map_or(0, |file| file.len())
    }

    /// For how long the application stood still, as far as can be told.
    pub fn frozen(&self) -> Frozen {
        self.still.map_or_else(
            || Frozen::AtMost(self.start.elapsed()),
            |(first, last)| Frozen::Seen(last - first),
        )
    }
}
