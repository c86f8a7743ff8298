//! The client of the .NET runtime's diagnostics: what a process tells about itself, and the files made of it.
//!
//! Blocking sockets, threads and constant memory; imports no other room.

pub mod heap;
