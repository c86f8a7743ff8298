//! The protocol: how is a runtime reached, asked and answered?
//!
//! ```text
//! Endpoint ─connect→ Runtime ─collect→ Session: Read ─bytes→ a reader of the event stream
//!                       │                  └─stopper→ Stopper, used from another thread
//!                       └─ environment, resume, write_dump
//! ```
//!
//! A [`Runtime`] is an [`Endpoint`] that has told who it is. [`Runtime::collect`] starts a session, whose bytes are read
//! from the [`Session`] until its end; the end comes some time after [`Stopper::stop`], since the runtime then
//! writes the symbols (rundown). So one thread reads while another stops:
//!
//! ```no_run
//! use std::io;
//! use std::thread;
//! use std::time::Duration;
//!
//! use sidebox::diagnostics::ipc::{Endpoint, Level, Provider, Runtime, SessionConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = Runtime::connect(Endpoint::socket("/tmp/dotnet-diagnostic-1-42-socket"))?;
//! println!("{}", runtime.info().command_line);
//! let provider = Provider::new("Microsoft-Windows-DotNETRuntime", 0x1, Level::Informational)?;
//! let config = SessionConfig::new(vec![provider])?;
//! let mut session = runtime.collect(&config)?;
//! let stopper = session.stopper();
//! thread::spawn(move || {
//!     thread::sleep(Duration::from_secs(10));
//!     stopper.stop()
//! });
//! io::copy(&mut session, &mut io::sink())?; // or nettrace::Reader
//! # Ok(())
//! # }
//! ```
//!
//! What the protocol asks of every client, and what is kept here so that no caller can forget it:
//! - A request is encoded by one typed function of [`commands`] and written at once; a malformed one can kill the runtime.
//! - One request for each connection, each with a deadline: the runtime serves one client at a time, so a silent
//!   connection would block its diagnostics for everybody.
//! - A session is read to its end and stopped through a second connection. A [`Session`] that is dropped early, also by a
//!   panic, stops itself and throws the rest away: unread events would block the runtime, even its exit.
//!
//! Knows nothing of processes and files, nor of what the event stream says.

mod commands;
mod config;
mod connection;
mod error;
mod frame;
mod port;
mod reply;
mod runtime;
mod session;
mod wire;

pub use commands::{DumpFlags, DumpRequest, DumpType, InvalidRequest, Request};
pub use config::{Level, Provider, Rundown, SessionConfig};
pub use connection::Endpoint;
pub use error::{ConnectFailure, IpcError};
pub use port::Port;
pub use reply::{Cookie, Hresult, InfoVersion, ProcessInfo, environment};
pub use runtime::Runtime;
pub use session::{Session, Stopper};
pub use wire::Unreadable;
