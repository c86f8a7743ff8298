//! Marks of many threads, kept apart until each thread's turn comes. What is more than a little lies in a file without a
//! name, beside the result.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::error::TraceError;
use super::frames::Frame;
use super::track::Mark;

/// Bytes that are kept in memory, over all threads.
const MOST: usize = 1 << 20;
/// A mark's length: the number of its frame, which way, and the time.
const MARK: usize = 12;

/// Marks by thread.
#[derive(Debug)]
pub(super) struct Aside {
    folder: PathBuf,
    file: Option<File>,
    length: u64,
    kept: usize,
    threads: Vec<Thread>,
}

/// The marks of a thread: first those in the file, then those in memory.
#[derive(Debug, Default)]
struct Thread {
    /// Where they lie, and how many bytes.
    pieces: Vec<(u64, u64)>,
    recent: Vec<u8>,
}

impl Aside {
    /// `folder` has room for what does not fit into memory.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            file: None,
            length: 0,
            kept: 0,
            threads: Vec::new(),
        }
    }

    /// Takes the next mark of a thread.
    pub(super) fn add(&mut self, thread: usize, mark: Mark<Frame>) -> Result<(), TraceError> {
        if thread >= self.threads.len() {
            self.threads.resize_with(thread + 1, Thread::default);
        }
        if let Some(thread) = self.threads.get_mut(thread) {
            // There are fewer frames than 2^31: names and threads are bounded.
            let code = mark.frame.code() << 1 | u32::from(mark.opens);
            thread.recent.extend(code.to_le_bytes());
            thread.recent.extend(mark.time.to_le_bytes());
            self.kept += MARK;
        }
        if self.kept < MOST {
            return Ok(());
        }
        self.put_aside().map_err(|source| TraceError::Aside {
            needed: MOST,
            source,
        })
    }

    fn put_aside(&mut self) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => nameless(&self.folder)?,
        };
        for thread in &mut self.threads {
            if thread.recent.is_empty() {
                continue;
            }
            file.write_all(&thread.recent)?;
            let bytes = thread.recent.len() as u64;
            thread.pieces.push((self.length, bytes));
            self.length += bytes;
            thread.recent = Vec::new();
        }
        self.kept = 0;
        self.file = Some(file);
        Ok(())
    }

    /// Hands the marks of a thread over, in order.
    pub(super) fn each(
        &self,
        thread: usize,
        mut take: impl FnMut(Mark<Frame>) -> Result<(), TraceError>,
    ) -> Result<(), TraceError> {
        let Some(thread) = self.threads.get(thread) else {
            return Ok(());
        };
        let mut marks = |input: &mut dyn Read, count| marks(input, count, &mut take);
        if let Some(mut file) = self.file.as_ref() {
            for (start, bytes) in &thread.pieces {
                let broken = |source| TraceError::Aside { needed: 0, source };
                file.seek(SeekFrom::Start(*start)).map_err(broken)?;
                marks(&mut BufReader::new(file.take(*bytes)), *bytes)?;
            }
        }
        marks(&mut &*thread.recent, thread.recent.len() as u64)
    }
}

fn marks(
    input: &mut dyn Read,
    bytes: u64,
    take: &mut impl FnMut(Mark<Frame>) -> Result<(), TraceError>,
) -> Result<(), TraceError> {
    for _ in 0..bytes / MARK as u64 {
        let (mut code, mut time) = ([0; 4], [0; 8]);
        let read = input
            .read_exact(&mut code)
            .and_then(|()| input.read_exact(&mut time));
        read.map_err(|source| TraceError::Aside { needed: 0, source })?;
        let code = u32::from_le_bytes(code);
        take(Mark {
            frame: Frame::of_code(code >> 1),
            opens: code & 1 != 0,
            time: f64::from_le_bytes(time),
        })?;
    }
    Ok(())
}

/// A file that nobody sees and that is gone when it is closed, however the program ends.
fn nameless(folder: &std::path::Path) -> io::Result<File> {
    let id = std::process::id();
    for turn in 0..1000 {
        let path = folder.join(format!(".sidebox-{id}-{turn}"));
        match File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
        {
            Ok(file) => {
                fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
