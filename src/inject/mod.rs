//! The pure core: what a Pod asks for, what is decided, what is added. No I/O, no clock, no async.

pub mod image;
pub mod names;
pub mod quantity;
pub mod settings;
