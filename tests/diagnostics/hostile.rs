//! Peers that are no runtimes: silent, cut off, lying, endless. Each gives an error in bounded time and memory.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use sidebox::diagnostics::ipc::{Endpoint, Runtime};
use tempfile::TempDir;

use super::{quiet, sampling};

/// A socket whose every connection is answered by a function, with the number of the connection.
struct Peer {
    path: PathBuf,
    _folder: TempDir,
}

impl Peer {
    fn new(answer: impl Fn(usize, UnixStream) + Send + 'static) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("dotnet-diagnostic-1-1-socket");
        let listener = UnixListener::bind(&path).unwrap();
        // It waits in `accept` until the process of the tests ends.
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                answer(number, stream.unwrap());
            }
        });
        Self {
            path,
            _folder: folder,
        }
    }

    fn connect(&self) -> String {
        let patience = Duration::from_millis(300);
        let error = Runtime::connect_within(Endpoint::socket(&self.path), patience).unwrap_err();
        error.to_string().split_once(": ").unwrap().1.to_owned()
    }
}

/// Reads a request of the protocol, so that closing does not reset the connection.
fn take_request(stream: &mut UnixStream) -> Vec<u8> {
    let mut header = [0; 20];
    stream.read_exact(&mut header).unwrap();
    let mut rest = vec![0; usize::from(u16::from_le_bytes([header[14], header[15]])) - 20];
    stream.read_exact(&mut rest).unwrap();
    header.iter().chain(&rest).copied().collect()
}

fn message(size: u16, ok: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"DOTNET_IPC_V1\0".to_vec();
    bytes.extend(size.to_le_bytes());
    bytes.extend([0xff, ok, 0, 0]);
    bytes.extend(payload);
    bytes
}

fn answering(bytes: Vec<u8>) -> Peer {
    Peer::new(move |_, mut stream| {
        take_request(&mut stream);
        // The tool may have gone.
        let _ = stream.write_all(&bytes);
    })
}

#[test]
fn a_silent_peer_is_left_at_the_deadline() {
    let (keep, kept) = std::sync::mpsc::channel();
    let peer = Peer::new(move |_, stream| keep.send(stream).unwrap());
    let said = peer.connect();
    assert!(
        said.starts_with("no answer to ProcessInfo3 within 0.3 s"),
        "{said}"
    );
    drop(kept);
}

#[test]
fn answers_that_lie_are_errors() {
    let rows = [
        (
            message(20, 0, &[]),
            "the answer to ProcessInfo3 cannot be read: the message ends too early at offset 0",
        ),
        (
            message(24, 0, &[1, 0, 0, 0]),
            "the answer to ProcessInfo3 cannot be read: the message ends too early at offset 4",
        ),
        (
            message(0, 0, &[]),
            "the answer to ProcessInfo3 cannot be read: its length is less than that of its own header",
        ),
        (
            message(60_000, 0, &[7; 99]),
            "the connection broke during ProcessInfo3: the process has perhaps ended",
        ),
        (
            message(22, 0xff, &[1, 2]),
            "the answer to ProcessInfo3 cannot be read: the message ends too early at offset 0",
        ),
        (
            message(20, 7, &[]),
            "the answer to ProcessInfo3 cannot be read: it is neither an OK nor an error",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            "the answer to ProcessInfo3 cannot be read: it does not begin with DOTNET_IPC_V1: this is no diagnostics socket of a .NET runtime",
        ),
        (
            vec![],
            "the connection broke during ProcessInfo3: the process has perhaps ended",
        ),
    ];
    for (bytes, expected) in rows {
        assert_eq!(answering(bytes).connect(), expected);
    }
    let endless_text = [&[1, 0, 0, 0][..], &[0; 24], &[0xff; 4], &[b'x'; 100]].concat();
    let size = u16::try_from(endless_text.len() + 20).unwrap();
    let said = answering(message(size, 0, &endless_text)).connect();
    assert_eq!(
        said,
        "the answer to ProcessInfo3 cannot be read: a text that is longer than its message at offset 32"
    );
}

/// Answers byte by byte, each in time: the deadline is for the whole.
#[test]
fn a_trickle_does_not_move_the_deadline() {
    let peer = Peer::new(|_, mut stream| {
        take_request(&mut stream);
        for byte in message(60_000, 0, &[0; 9_000]) {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    let said = peer.connect();
    assert!(
        said.starts_with("no answer to ProcessInfo3 within 0.3 s"),
        "{said}"
    );
}

pub(crate) fn info() -> Vec<u8> {
    let mut payload = vec![1, 0, 0, 0];
    payload.extend([9, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend([5; 16]);
    for _ in 0..6 {
        payload.extend([2, 0, 0, 0, b'x', 0, 0, 0]);
    }
    message(u16::try_from(payload.len() + 20).unwrap(), 0, &payload)
}

/// Who a runtime before .NET 6 says it is.
pub(crate) fn old_info() -> Vec<u8> {
    let mut payload = vec![0; 24];
    (0..3).for_each(|_| payload.extend([1, 0, 0, 0, 0, 0]));
    message(u16::try_from(payload.len() + 20).unwrap(), 0, &payload)
}

#[test]
fn an_environment_of_gigabytes_is_not_believed() {
    let peer = Peer::new(|number, mut stream| {
        take_request(&mut stream);
        let answer = if number == 0 {
            info()
        } else {
            message(26, 0, &[0xff, 0xff, 0xff, 0xff, 0, 0])
        };
        let _ = stream.write_all(&answer);
    });
    let runtime = Runtime::connect(Endpoint::socket(&peer.path)).unwrap();
    let said = runtime.environment().unwrap_err().to_string();
    assert!(
        said.ends_with("it announces 4294967295 bytes, 16777216 are believed"),
        "{said}"
    );
}

/// The newest command that says what is wanted is tried first, then the one that every version knows.
#[test]
fn an_old_runtime_is_asked_again_with_an_older_command() {
    let unknown = message(24, 0xff, &0x8013_1385_u32.to_le_bytes());
    let (tell, told) = std::sync::mpsc::channel();
    let peer = Peer::new(move |number, mut stream| {
        let request = take_request(&mut stream);
        tell.send((request[16], request[17])).unwrap();
        let answer = match number {
            2 => old_info(),
            4 => message(28, 0, &[1; 8]),
            _ => unknown.clone(),
        };
        let _ = stream.write_all(&answer);
    });
    let runtime = Runtime::connect(Endpoint::socket(&peer.path)).unwrap();
    assert_eq!(
        (runtime.info().version.as_deref(), runtime.info().major()),
        (None, None)
    );
    drop(runtime.collect(&quiet().without_stacks()).unwrap());
    drop(peer);
    let asked: Vec<_> = told.try_iter().collect();
    assert_eq!(asked[..5], [(4, 8), (4, 4), (4, 0), (2, 4), (2, 3)]);
}

/// A stream that goes on for ever after its session was stopped: dropping it must not take for ever.
#[test]
fn an_endless_stream_is_abandoned_once_its_stop_is_refused() {
    let peer = Peer::new(|number, mut stream| {
        take_request(&mut stream);
        match number {
            0 => drop(stream.write_all(&info())),
            1 => {
                let _ = stream.write_all(&message(28, 0, &[1; 8]));
                thread::spawn(move || while stream.write_all(&[0; 4096]).is_ok() {});
            }
            _ => drop(stream.write_all(&message(24, 0xff, &0x8000_4005_u32.to_le_bytes()))),
        }
    });
    let runtime = Runtime::connect(Endpoint::socket(&peer.path)).unwrap();
    let session = runtime.collect(&sampling()).unwrap();
    assert!(session.stopper().stop().is_err());
    drop(session);
}

/// The number of a session that has ended is that of the next one, perhaps of another tool: asked once, a runtime is not asked
/// again, however often tools stop and drop what they have.
#[test]
fn a_session_is_stopped_once() {
    let (tell, told) = std::sync::mpsc::channel();
    let events = Mutex::new(None);
    let peer = Peer::new(move |number, mut stream| {
        let request = take_request(&mut stream);
        match number {
            0 => stream.write_all(&info()).unwrap(),
            1 => {
                stream.write_all(&message(28, 0, &[1; 8])).unwrap();
                stream.write_all(b"the last event").unwrap();
                *events.lock().unwrap() = Some(stream);
            }
            _ => {
                tell.send((request[16], request[17])).unwrap();
                stream.write_all(&message(28, 0, &[1; 8])).unwrap();
                // The end of the events comes a moment after the answer.
                let events = events.lock().unwrap().take();
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(300));
                    drop(events);
                });
            }
        }
    });
    let runtime = Runtime::connect(Endpoint::socket(&peer.path)).unwrap();
    let mut session = runtime.collect(&sampling()).unwrap();
    super::read_some(&mut session, 14);
    let stopper = session.stopper();
    stopper.stop().unwrap();
    stopper.stop().unwrap();
    drop(session);
    assert!(stopper.has_ended());
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [(2, 1)]);
}

/// A stream that ends without our word: what its number means by now nobody knows.
#[test]
fn a_session_that_has_ended_is_not_stopped() {
    let (tell, told) = std::sync::mpsc::channel();
    let peer = Peer::new(move |number, mut stream| {
        let request = take_request(&mut stream);
        match number {
            0 => stream.write_all(&info()).unwrap(),
            1 => {
                stream.write_all(&message(28, 0, &[1; 8])).unwrap();
                stream.write_all(b"the last event").unwrap();
            }
            _ => tell.send(request).unwrap(),
        }
    });
    let runtime = Runtime::connect(Endpoint::socket(&peer.path)).unwrap();
    let mut session = runtime.collect(&sampling()).unwrap();
    super::read_some(&mut session, 14);
    let stopper = session.stopper();
    drop(session);
    assert!(stopper.has_ended());
    assert_eq!(told.try_iter().count(), 0);
}
