//! How does an event stream become a file that is valid whatever happens?
//!
//! [`Recording`] is a reader: what is read through it, by a parser or by nobody in particular, is in the file. When the
//! file cannot take more, reading goes on, since the runtime must be drained. A stream that was cut off
//! (the application was killed, the disk is full) is ended behind its last whole object, so that every reader takes it.
//!
//! Knows nothing of events, nor of how a session is stopped.

mod objects;
mod space;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use objects::{END, Objects};
use space::Space;

/// A stream that is written to a file as it is read.
#[derive(Debug)]
pub struct Recording<R> {
    source: R,
    file: File,
    objects: Objects,
    space: Space,
    failure: Option<io::Error>,
    progress: Arc<Progress>,
}

/// How far a recording is, for another thread to look at.
#[derive(Debug, Default)]
pub struct Progress {
    written: AtomicU64,
    failed: AtomicBool,
    low: AtomicBool,
    ended: AtomicBool,
}

impl Progress {
    /// Bytes in the file.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether the file takes nothing more: the session should be stopped.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether the disk has little more room than the end of the stream needs: the session should be stopped.
    pub fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    /// Whether the stream is at its end.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// What became of a recording.
#[derive(Debug)]
pub struct Recorded {
    /// Length of the file.
    pub bytes: u64,
    /// How the stream ended.
    pub end: End,
}

/// How a stream ended.
#[derive(Debug)]
pub enum End {
    /// In order: everything is in the file, with the names of methods if they were asked for.
    Whole,
    /// It broke off: the application ended at once, or no longer answered. What came before is in the file.
    Cut,
    /// The file could take no more. What came before is in it.
    Full(io::Error),
    /// It is no stream of the known form; the file has it as it came.
    Unknown,
}

impl<R: Read> Recording<R> {
    /// Records what is read from `source` into an empty file.
    pub fn new(source: R, file: File) -> Self {
        let progress = Arc::default();
        let space = Space::of(&file);
        Self {
            source,
            file,
            objects: Objects::new(),
            space,
            failure: None,
            progress,
        }
    }

    /// A view of how far it is.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Ends the file, after the stream has ended or was given up.
    pub fn finish(mut self) -> io::Result<Recorded> {
        let written = self.progress.written();
        if !self.objects.is_known() {
            let end = self.failure.map_or(End::Unknown, End::Full);
            return Ok(Recorded {
                bytes: written,
                end,
            });
        }
        if self.objects.has_ended() {
            return Ok(Recorded {
                bytes: written,
                end: End::Whole,
            });
        }
        let bytes = self.close()?;
        let end = self.failure.map_or(End::Cut, End::Full);
        Ok(Recorded { bytes, end })
    }

    /// Takes the last, incomplete object away and ends the stream behind the one before it.
    fn close(&mut self) -> io::Result<u64> {
        let whole = self.objects.whole();
        self.file.set_len(whole)?;
        self.file.seek(SeekFrom::Start(whole))?;
        match self.file.write_all(&[END]) {
            Ok(()) => Ok(whole + 1),
            // A full disk may lack even this byte; readers take a stream that just ends there, too.
            Err(_) if self.failure.is_some() => Ok(whole),
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() && self.failure.is_none() {
            match self.file.write(left) {
                Ok(0) => self.failure = Some(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.objects.follow(&left[..count]);
                    self.progress
                        .written
                        .fetch_add(count as u64, Ordering::Relaxed);
                    left = &left[count..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failure = Some(error),
            }
        }
        if self.space.is_low(&self.file, self.progress.written()) {
            self.progress.low.store(true, Ordering::Relaxed);
        }
        self.progress
            .failed
            .store(self.failure.is_some(), Ordering::Relaxed);
    }
}

impl<R: Read> Read for Recording<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer);
        match &read {
            Ok(0) if buffer.is_empty() => {}
            Ok(0) | Err(_) => self.progress.ended.store(true, Ordering::Release),
            Ok(count) => self.write(&buffer[..*count]),
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREAMBLE: &[u8] = b"Nettrace\x14\0\0\0!FastSerialization.1";

    fn block(size: u8) -> Vec<u8> {
        let mut bytes = b"\x05\x05\x01\x02\0\0\0\x02\0\0\0\x07\0\0\0SPBlock\x06".to_vec();
        bytes.extend([size, 0, 0, 0]);
        bytes
    }

    fn record(stream: &[u8]) -> (Vec<u8>, Recorded) {
        let mut file = tempfile::tempfile().unwrap();
        let mut recording = Recording::new(stream, file.try_clone().unwrap());
        let progress = recording.progress();
        io::copy(&mut recording, &mut io::sink()).unwrap();
        assert!(progress.has_ended() && !progress.has_failed());
        let recorded = recording.finish().unwrap();
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        (bytes, recorded)
    }

    #[test]
    fn a_stream_that_ends_in_order_is_written_as_it_is() {
        let stream = [PREAMBLE, &[1]].concat();
        let (bytes, recorded) = record(&stream);
        assert_eq!(bytes, stream);
        assert!(matches!(
            recorded,
            Recorded {
                bytes: 33,
                end: End::Whole
            }
        ));
    }

    #[test]
    fn a_cut_stream_ends_behind_its_last_whole_object() {
        let stream = [PREAMBLE, &block(200), &[7; 20]].concat();
        let (bytes, recorded) = record(&stream);
        assert_eq!(bytes, [PREAMBLE, &[1]].concat());
        assert!(matches!(
            recorded,
            Recorded {
                bytes: 33,
                end: End::Cut
            }
        ));
    }

    #[test]
    fn what_is_not_known_stays_as_it_came() {
        let (bytes, recorded) =
            record(b"Nettrace\0\0\0\0\x06\0\0\0\0\0\0\0and so on and on and on and on");
        assert!(bytes.ends_with(b"on and on"));
        assert!(matches!(recorded.end, End::Unknown));
    }

    /// `/dev/full` has no room: reading goes on all the same.
    #[test]
    fn a_full_disk_does_not_stop_the_reading() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let stream = vec![0; 500_000];
        let mut recording = Recording::new(&stream[..], full);
        assert_eq!(io::copy(&mut recording, &mut io::sink()).unwrap(), 500_000);
        assert!(recording.progress().has_failed());
        assert_eq!(recording.progress().written(), 0);
        let error = recording.finish().unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::InvalidInput,
            "/dev/full cannot be cut either"
        );
    }
}
