//! The command line: the only room that prints, and the one that nobody imports.

pub mod config;
