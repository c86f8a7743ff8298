//! The reversed connection: the runtime connects, the tool listens.
//!
//! A runtime with `DOTNET_DiagnosticPorts=PATH,connect,nosuspend` dials PATH for as long as it lives, at least twice a
//! second. It says who it is and then waits for one command; as soon as it has that it dials again. So nothing is kept
//! here between commands: each listens, takes the connection of the runtime that it wants, and stops listening. This
//! survives restarts of the application, and several tools can use one path: a lock on its folder lets them
//! listen one after the other.
//!
//! (dotnet/diagnostics, documentation/design-docs/ipc-protocol.md, "Advertise"; dotnet/runtime, ds-ipc.c)

use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags};

use super::connection::{connect, readable};
use super::error::ConnectFailure;
use super::reply::Cookie;

/// What a runtime says first: this, its cookie, its pid and two bytes of zero.
const ADVERTISE: &[u8; 8] = b"ADVR_V1\0";
const ADVERTISE_LENGTH: usize = 34;
/// How long somebody who connected may keep silent: a runtime speaks at once.
const INTRODUCTION: Duration = Duration::from_millis(500);
/// How long a lock or a listener of another tool is waited for between two looks.
const TURN: Duration = Duration::from_millis(10);
/// How many runtimes are kept apart on one path.
const MAX_RUNTIMES: usize = 64;

/// A path to which runtimes connect, and perhaps the one that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    path: PathBuf,
    wanted: Option<Cookie>,
}

impl Port {
    /// The port for whichever runtime connects first.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            wanted: None,
        }
    }

    /// The same port for one run of one runtime.
    #[must_use]
    pub fn of(&self, cookie: Cookie) -> Self {
        Self {
            path: self.path.clone(),
            wanted: Some(cookie),
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The runtimes that dial within this time, each once; the first one shortens the wait to what the others need.
    pub fn runtimes(&self, patience: Duration) -> Result<Vec<Cookie>, ConnectFailure> {
        let listening = Listening::start(&self.path, Instant::now() + patience)?;
        let mut deadline = Instant::now() + patience;
        let mut held: Vec<(Cookie, UnixStream)> = Vec::new();
        // A connection is held until the end: a runtime whose connection is closed would only dial again.
        while let Some((cookie, stream)) = listening.next(deadline)? {
            // Each dials twice a second at least.
            deadline = deadline.min(Instant::now() + Duration::from_millis(600));
            if held.len() < MAX_RUNTIMES && held.iter().all(|(known, _)| *known != cookie) {
                held.push((cookie, stream));
            }
        }
        Ok(held.into_iter().map(|(cookie, _)| cookie).collect())
    }

    /// A connection of the wanted runtime, ready for one command.
    pub(super) fn accept(&self, patience: Duration) -> Result<UnixStream, ConnectFailure> {
        let deadline = Instant::now() + patience;
        let listening = Listening::start(&self.path, deadline)?;
        let mut others = Vec::new();
        while let Some((cookie, stream)) = listening.next(deadline)? {
            if self.wanted.is_none_or(|wanted| wanted == cookie) {
                return Ok(stream);
            }
            if others.len() < MAX_RUNTIMES {
                others.push(stream);
            }
        }
        Err(ConnectFailure::NotDialled(patience))
    }
}

/// The right to listen on a path, and the listener.
#[derive(Debug)]
struct Listening {
    listener: UnixListener,
    path: PathBuf,
    _turn: OwnedFd,
}

impl Listening {
    fn start(path: &Path, deadline: Instant) -> Result<Self, ConnectFailure> {
        let turn = turn(path, deadline)?;
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(ConnectFailure::of)?;
        let listening = Self {
            listener,
            path: path.to_owned(),
            _turn: turn,
        };
        // The application may run as another user than the tool.
        fs::set_permissions(path, fs::Permissions::from_mode(0o666))
            .map_err(ConnectFailure::Other)?;
        listening
            .listener
            .set_nonblocking(true)
            .map_err(ConnectFailure::Other)?;
        Ok(listening)
    }

    /// The next runtime that connects and says who it is; none when the time is over.
    fn next(&self, deadline: Instant) -> Result<Option<(Cookie, UnixStream)>, ConnectFailure> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let mut polled = [PollFd::new(&self.listener, PollFlags::IN)];
            let left = Timespec::try_from(left).ok();
            match poll(&mut polled, left.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(ConnectFailure::Other(error.into())),
            }
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if let Some(runtime) = introduced(stream) {
                        return Ok(Some(runtime));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(ConnectFailure::Other(error)),
            }
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Nothing can be done about an error: the next one to listen removes what was left.
        let _ = fs::remove_file(&self.path);
    }
}

/// Waits for the lock on the folder of a path, which the kernel frees when its holder ends.
fn turn(path: &Path, deadline: Instant) -> Result<OwnedFd, ConnectFailure> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder =
        rustix::fs::open(folder, flags, Mode::empty()).map_err(|e| ConnectFailure::of(e.into()))?;
    loop {
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(folder),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR)
                if Instant::now() < deadline =>
            {
                thread::sleep(TURN);
            }
            Err(rustix::io::Errno::AGAIN) => return Err(ConnectFailure::InUse),
            Err(error) => return Err(ConnectFailure::Other(error.into())),
        }
    }
}

/// Removes the socket that a killed tool left; anything else that lies there stays.
fn remove_stale(path: &Path) -> Result<(), ConnectFailure> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(ConnectFailure::NotASocket);
    }
    match connect(path, Instant::now()) {
        Err(ConnectFailure::Stale) => fs::remove_file(path).map_err(ConnectFailure::of),
        Err(ConnectFailure::Missing) => Ok(()),
        Ok(_) | Err(_) => Err(ConnectFailure::InUse),
    }
}

/// Reads what a runtime says when it connects; none if this is something else, or has already ended.
fn introduced(mut stream: UnixStream) -> Option<(Cookie, UnixStream)> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(INTRODUCTION)).ok()?;
    let mut said = [0; ADVERTISE_LENGTH];
    stream.read_exact(&mut said).ok()?;
    let cookie = Cookie(said[8..24].try_into().ok()?);
    // After its introduction a runtime waits: more to read now can only be its end.
    (said.starts_with(ADVERTISE) && !readable(&stream, Duration::ZERO)).then_some((cookie, stream))
}
