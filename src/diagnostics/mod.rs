//! The client of the .NET runtime's diagnostics: what a process tells about itself, and the files made of it.
//!
//! Blocking sockets, threads and constant memory; imports no other room. Every peer is somebody else's process: what it
//! sends is read with bounds and deadlines, and what is sent to it comes from typed commands alone.

pub mod counters;
pub mod doctor;
pub mod dump;
pub mod heap;
pub mod ipc;
pub mod nettrace;
mod number;
mod payload;
pub mod process;
pub mod recording;
pub mod trace;

pub use payload::{Payload, PayloadError};
