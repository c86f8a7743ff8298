//! How does a dump come from a process to the place where it is wanted?
//!
//! The process writes it: as its user, into its own file system, all of its threads stopped meanwhile. So it is sent to
//! a folder that both sides see, its [`Stage`], after a look at the [`Room`] there; [`Writing`] watches the file grow and
//! the process stand still; [`carry`] brings it to its place and removes the first copy when the second is proved.
//!
//! Knows nothing of what is in a dump.

mod carry;
mod room;
mod stage;
mod writing;

pub use carry::{Carried, CarryError, carry};
pub use room::{Room, likely_size};
pub use stage::{Stage, StageError, Staged};
pub use writing::{Frozen, Writing};
