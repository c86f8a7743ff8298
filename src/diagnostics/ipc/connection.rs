//! How does one command reach a runtime and its answer come back, within a deadline?

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::commands::Request;
use super::error::{ConnectFailure, IpcError};
use super::frame::{self, HEADER};
use super::port::Port;
use super::reply;
use super::wire::Unreadable;

/// How often a full queue is tried again.
const CROWDED: Duration = Duration::from_millis(5);

/// Where a runtime is to be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Its own socket, to which tools connect.
    Socket(PathBuf),
    /// A path to which it connects, and where a tool listens.
    Port(Port),
}

impl Endpoint {
    /// The socket of this path.
    pub fn socket(path: impl Into<PathBuf>) -> Self {
        Self::Socket(path.into())
    }

    /// The port of this path, for whichever runtime connects first.
    pub fn port(path: impl Into<PathBuf>) -> Self {
        Self::Port(Port::new(path))
    }

    fn open(&self, patience: Duration) -> Result<UnixStream, IpcError> {
        match self {
            Self::Socket(path) => connect(path, Instant::now() + patience),
            Self::Port(port) => port.accept(patience),
        }
        .map_err(|failure| IpcError::Unreachable {
            endpoint: self.to_string(),
            failure,
        })
    }

    /// Sends one command on a connection of its own and reads the answer; `patience` bounds the whole.
    pub(super) fn ask(&self, request: &Request, patience: Duration) -> Result<Answered, IpcError> {
        self.send(request, patience)?.answer()
    }

    /// Sends one command; the answer is still to come.
    pub(super) fn send(&self, request: &Request, patience: Duration) -> Result<Asked, IpcError> {
        let deadline = Instant::now() + patience;
        let stream = self.open(patience)?;
        let exchange = Exchange {
            endpoint: self.to_string(),
            command: request.name(),
            deadline,
            patience,
        };
        exchange.write(&stream, request.bytes())?;
        Ok(Asked { stream, exchange })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Port(port) => port.path().display().fmt(f),
        }
    }
}

/// Connects without ever blocking longer than the deadline: a stopped process whose queue is full would hold a
/// plain `connect` for ever.
pub(super) fn connect(path: &Path, deadline: Instant) -> Result<UnixStream, ConnectFailure> {
    let close = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, close, None)
        .map_err(|error| ConnectFailure::Other(error.into()))?;
    let (address, _folder) = address(path).map_err(ConnectFailure::of)?;
    loop {
        match rustix::net::connect(&socket, &address) {
            Ok(()) => break,
            Err(rustix::io::Errno::AGAIN) if Instant::now() < deadline => thread::sleep(CROWDED),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(ConnectFailure::of(error.into())),
        }
    }
    let stream = UnixStream::from(socket);
    stream
        .set_nonblocking(false)
        .map_err(ConnectFailure::Other)?;
    Ok(stream)
}

/// The address of a path. An address holds 107 bytes; a longer path goes through its open folder, which the second
/// value keeps open.
fn address(path: &Path) -> io::Result<(SocketAddrUnix, Option<rustix::fd::OwnedFd>)> {
    if let Ok(address) = SocketAddrUnix::new(path) {
        return Ok((address, None));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let short = Path::new("/proc/self/fd")
        .join(folder.as_raw_fd().to_string())
        .join(name);
    Ok((SocketAddrUnix::new(short)?, Some(folder)))
}

/// What is under way, for messages and its deadline.
#[derive(Debug)]
struct Exchange {
    endpoint: String,
    command: &'static str,
    deadline: Instant,
    patience: Duration,
}

impl Exchange {
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            Ok(left)
        }
    }

    fn write(&self, mut stream: &UnixStream, bytes: &[u8]) -> Result<(), IpcError> {
        let mut write = || {
            stream.set_write_timeout(Some(self.left()?))?;
            stream.write_all(bytes)
        };
        write().map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> IpcError {
        let endpoint = self.endpoint.clone();
        let command = self.command;
        match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => IpcError::Silent {
                endpoint,
                command,
                after: self.patience,
            },
            _ => IpcError::Broken {
                endpoint,
                command,
                source,
            },
        }
    }

    fn malformed(&self, reason: impl Into<String>) -> IpcError {
        IpcError::Malformed {
            endpoint: self.endpoint.clone(),
            command: self.command,
            reason: reason.into(),
        }
    }
}

/// A command that was sent.
#[derive(Debug)]
pub(super) struct Asked {
    stream: UnixStream,
    exchange: Exchange,
}

/// A command that was carried out, with what its answer carried. More may follow on its stream.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) payload: Vec<u8>,
    pub(super) stream: UnixStream,
    exchange: Exchange,
}

impl Asked {
    /// Whether an answer, or the end, can be read; waits that long.
    pub(super) fn is_answered(&self, wait: Duration) -> bool {
        readable(&self.stream, wait)
    }

    /// Reads the answer within a new deadline.
    pub(super) fn answer_within(mut self, patience: Duration) -> Result<Answered, IpcError> {
        self.exchange.deadline = Instant::now() + patience;
        self.answer()
    }

    /// Reads the answer.
    pub(super) fn answer(self) -> Result<Answered, IpcError> {
        let Self { stream, exchange } = self;
        let mut header = [0; HEADER];
        let mut timed = Timed {
            stream: &stream,
            exchange: &exchange,
        };
        timed
            .read_exact(&mut header)
            .map_err(|error| exchange.failed(error))?;
        let answer = frame::answer(&header).map_err(|reason| exchange.malformed(reason))?;
        let mut payload = vec![0; answer.payload];
        timed
            .read_exact(&mut payload)
            .map_err(|error| exchange.failed(error))?;
        if answer.ok {
            return Ok(Answered {
                payload,
                stream,
                exchange,
            });
        }
        let (code, text) =
            reply::error(&payload).map_err(|error| exchange.malformed(error.to_string()))?;
        Err(IpcError::Refused {
            command: exchange.command,
            code,
            text,
        })
    }
}

impl Answered {
    /// What the payload says, by one of the readers of `reply`.
    pub(super) fn read<T>(
        &self,
        parse: impl FnOnce(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, IpcError> {
        parse(&self.payload).map_err(|error| self.exchange.malformed(error.to_string()))
    }

    /// Reads what follows the answer, `length` bytes that the runtime announced and `limit` that are believed.
    pub(super) fn continuation(&self, length: u32, limit: u32) -> Result<Vec<u8>, IpcError> {
        if length > limit {
            return Err(self
                .exchange
                .malformed(format!("it announces {length} bytes, {limit} are believed")));
        }
        let mut bytes = Vec::new();
        let timed = Timed {
            stream: &self.stream,
            exchange: &self.exchange,
        };
        let read = timed.take(length.into()).read_to_end(&mut bytes);
        read.map_err(|error| self.exchange.failed(error))?;
        if bytes.len() < length as usize {
            let reason = format!("it ends after {} of {length} bytes", bytes.len());
            return Err(self.exchange.malformed(reason));
        }
        Ok(bytes)
    }

    /// An error about what follows the answer.
    pub(super) fn malformed(&self, error: &Unreadable) -> IpcError {
        self.exchange.malformed(error.to_string())
    }
}

/// A stream that is read until the deadline of its exchange.
struct Timed<'a> {
    stream: &'a UnixStream,
    exchange: &'a Exchange,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.exchange.left()?))?;
        self.stream.read(buffer)
    }
}

/// Whether something, or the end, can be read from a stream; waits that long.
pub(super) fn readable(stream: &UnixStream, wait: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut polled = [PollFd::new(stream, PollFlags::IN)];
    let wait = rustix::event::Timespec::try_from(wait).ok();
    matches!(poll(&mut polled, wait.as_ref()), Ok(1..))
}
