//! The diagnostics room against the real thing, .NET 8 and 10, and against peers that mean harm.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../dotnet/mod.rs"]
mod dotnet;

#[path = "../support/case.rs"]
mod case;
#[path = "../support/tool.rs"]
mod tool;

mod asked;
mod collect;
mod counters;
mod crowd;
mod doctor;
mod ends;
mod gcdump;
mod hostile;
mod monitor;
mod obstacles;
mod port;
mod ps;
mod restart;
mod session;

use std::io::Read;

use sidebox::diagnostics::ipc::{Endpoint, Level, Provider, Runtime, SessionConfig};

/// What dotnet-trace collects by default.
fn sampling() -> SessionConfig {
    let provider = |name, keywords| Provider::new(name, keywords, Level::Informational).unwrap();
    SessionConfig::new(vec![
        provider("Microsoft-Windows-DotNETRuntime", 0x0010_0003_801D),
        provider("Microsoft-DotNETCore-SampleProfiler", 0xF000_0000_0000),
    ])
    .unwrap()
}

/// A session in which next to nothing happens.
fn quiet() -> SessionConfig {
    let provider = Provider::new("Nobody-Has-This-Name", 1, Level::Critical).unwrap();
    SessionConfig::new(vec![provider]).unwrap()
}

fn runtime(app: &dotnet::App) -> Runtime {
    Runtime::connect(Endpoint::socket(app.socket())).unwrap()
}

/// Reads until at least this many bytes are there.
fn read_some(source: &mut impl Read, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    source.read_exact(&mut bytes).unwrap();
    bytes
}

/// Whether an event stream ends as one that was stopped in order: with the tag behind its last object.
fn is_whole(stream: &[u8]) -> bool {
    stream.starts_with(b"Nettrace\x14\0\0\0!FastSerialization.1") && stream.ends_with(&[6, 1])
}
