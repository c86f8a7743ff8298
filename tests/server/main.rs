//! Does the server keep its promises on the wire? Real sockets and real TLS clients; the reviewer
//! behind it is a fake, since nothing here depends on what a review says.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is not as it should be"
)]

mod client;
mod crowd;
mod drain;
mod harness;
mod health;
mod http;
mod limits;
mod load;
mod made;
mod process;
mod reload;
#[path = "../support/resident.rs"]
mod resident;
mod slow;
mod smuggling;
mod tls;
